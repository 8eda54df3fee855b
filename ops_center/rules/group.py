"""Rule groups at work: what is due, evaluated in order at simulated instants, reloaded without losing alerts.

Pure: time is an argument, results go into the store, changes are returned. Knows no HTTP, journal, people or clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np

from ops_center.label_sets import SCALAR
from ops_center.promql.ast import Expr
from ops_center.promql.engine import ENGINE_OPTIONS, Engine, Options
from ops_center.promql.errors import EvaluationError, PromQLError
from ops_center.promql.selectors import Context
from ops_center.promql.sharing import Memo, Pool
from ops_center.promql.standing import Standing
from ops_center.promql.templates import Query, Sample
from ops_center.promql.values import RangeVector, Scalar, Text, Vector
from ops_center.rules.alerting import ActiveAlert, AlertStates, Change, DuplicateAlerts, Surroundings
from ops_center.rules.files import Rule, RuleFile, RuleGroup
from ops_center.rules.outputs import AlertWriter, DuplicateSeries, RecordWriter
from ops_center.series import SeriesLimit, SeriesStore
from ops_center.series_blocks import TimeArray

DEFAULT_INTERVAL_MS = 60_000
DUPLICATE = "duplicate sample for timestamp"
Phase = Callable[[str, str, int], int]


def no_phase(_file: str, _group: str, _interval_ms: int) -> int:
    """Groups evaluate at multiples of their interval."""
    return 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What rules see besides the store; `phase` shifts a group inside its interval (file, group, interval) → ms."""

    offset_ms: int = 0
    default_interval_ms: int = DEFAULT_INTERVAL_MS
    external_labels: tuple[tuple[str, str], ...] = ()
    external_url: str = ""
    phase: Phase = no_phase
    options: Options = ENGINE_OPTIONS


PLAIN = Settings()


class RuleState:
    """One rule with everything it carries from one evaluation to the next."""

    def __init__(self, rule: Rule, expr: Expr, group: str, store: SeriesStore, interval_ms: int) -> None:
        self.rule, self.expr = rule, expr  # the expression made of nodes that rules share
        self.health, self.last_error = "unknown", ""
        self.last_evaluation_ms: int | None = None
        self.samples = 0
        self.restored = (
            True  # while it is not, an alert's own series are not written: they would tell of a beginning that was none
        )
        self.alerts: AlertStates | None = AlertStates(rule, group) if rule.alert else None
        self.alert_writer = AlertWriter(store, interval_ms) if rule.alert else None
        self.writes = ("ALERTS", "ALERTS_FOR_STATE") if rule.alert else (rule.record,)
        self.recorder = None if rule.alert else RecordWriter(store, rule.record, dict(rule.labels), interval_ms)

    def adopt(self, older: RuleState) -> None:
        """Take over the alerts and series of the same rule before a reload."""
        self.health, self.last_error, self.last_evaluation_ms = older.health, older.last_error, older.last_evaluation_ms
        if (
            self.alerts is not None
            and older.alerts is not None
            and self.alert_writer is not None
            and older.alert_writer is not None
        ):
            self.alerts.restore(older.alerts.snapshot())
            for mine, theirs in (
                (self.alert_writer.states, older.alert_writer.states),
                (self.alert_writer.instants, older.alert_writer.instants),
            ):
                mine.restore(theirs.snapshot())
        if self.recorder is not None and older.recorder is not None:
            self.recorder.writer.restore(older.recorder.writer.snapshot())

    def end(self, at_ms: int, around: Surroundings) -> list[Change]:
        """The rule is gone: its series end, its alerts become inactive."""
        if self.recorder is not None:
            self.recorder.writer.end(at_ms, at_ms)
        if self.alerts is None or self.alert_writer is None:
            return []
        self.alert_writer.states.end(at_ms, at_ms)
        self.alert_writer.instants.end(at_ms, at_ms)
        return self.alerts.clear(at_ms, around)


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group and its rules at work."""

    group: RuleGroup
    interval_ms: int
    phase_ms: int
    rules: tuple[RuleState, ...]

    @property
    def key(self) -> tuple[str, str]:
        """File and name, as Prometheus identifies groups."""
        return self.group.file, self.group.name

    def instants(self, first_ms: int, last_ms: int) -> TimeArray:
        """When the group is evaluated within [first, last]."""
        return np.arange(first_ms + (self.phase_ms - first_ms) % self.interval_ms, last_ms + 1, self.interval_ms, dtype=np.int64)


Observer = Callable[[RuleState, Vector, Context], None]  # is shown what a rule's expression gave, and where its parts are


class Round:
    """One instant at which rules run: what they share, kept until a rule writes what it was read from."""

    def __init__(self, engine: Engine, pool: Pool, standing: Standing, now_ms: int, offset_ms: int) -> None:
        self.now_ms = now_ms
        self._engine, self._pool, self._standing, self._offset_ms = engine, pool, standing, offset_ms
        self._moments: dict[int, tuple[Context, Memo]] = {}

    def at(self, at_ms: int) -> Context:
        """Evaluation at an instant of the store's axis, with what is known now."""
        if at_ms not in self._moments:
            memo = Memo(self._pool, self._standing)
            self._moments[at_ms] = self._engine.moment(at_ms + self._offset_ms, self.now_ms + self._offset_ms, memo), memo
        return self._moments[at_ms][0]

    def written(self, metrics: Iterable[str]) -> None:
        """A rule writes these metrics."""
        for _, memo in self._moments.values():
            for metric in metrics:
                memo.written(metric)


class RuleEngine:
    """All rule groups of one center over one store."""

    def __init__(self, store: SeriesStore, settings: Settings = PLAIN) -> None:  # frozen value
        self.store, self.settings = store, settings
        self.engine = Engine(store, settings.offset_ms, settings.options)
        self.groups: tuple[GroupState, ...] = ()
        self.pool, self._standing = Pool(), Standing()
        self._observer: Observer | None = None

    def observe(self, observer: Observer) -> None:
        """Show each evaluation, with the values of all parts of the expression; slower. Call it after `load`, which ends it."""
        self._observer = observer
        self.pool.keep_all()
        self._standing = Standing(leaves_out=False)

    def load(self, files: Iterable[RuleFile], now_ms: int) -> list[Change]:
        """Replace all rules; a rule of the same group, name and labels keeps its alerts, the others' alerts end."""
        older = {g.key: g for g in self.groups}
        fresh: list[GroupState] = []
        adopted: set[int] = set()
        self.pool, self._standing, self._observer = Pool(), Standing(), None
        for group in (g for f in files for g in f.groups):
            state = self._group_state(group)
            for rule in state.rules:
                match = _same_rule(rule.rule, older.get(state.key), adopted)
                if match is not None:
                    rule.adopt(match)
                    adopted.add(id(match))
            fresh.append(state)
        around = self.around(now_ms)
        gone = [r for g in self.groups for r in g.rules if id(r) not in adopted]
        self.groups = tuple(fresh)
        return [change for rule in gone for change in rule.end(now_ms, around)]

    def _group_state(self, group: RuleGroup) -> GroupState:
        interval = group.interval_ms or self.settings.default_interval_ms
        phase = self.settings.phase(group.file, group.name, interval) % interval
        rules = tuple(RuleState(rule, self.pool.add(rule.expr), group.name, self.store, interval) for rule in group.rules)
        return GroupState(group, interval, phase, rules)

    def next_evaluation_ms(self, after_ms: int) -> int | None:
        """The first instant after `after_ms` at which a group is due; None without groups."""
        waits = [g.interval_ms - (after_ms - g.phase_ms) % g.interval_ms for g in self.groups]
        return after_ms + min(waits) if waits else None

    def evaluate(self, now_ms: int, all_groups: bool = False) -> list[Change]:
        """Evaluate the groups due at an instant (or all), in order; returns what changed.

        A rule that fails becomes unhealthy and says why; the others go on.
        """
        changes: list[Change] = []
        round_ = Round(self.engine, self.pool, self._standing, now_ms, self.settings.offset_ms)
        for group in self.groups:
            if all_groups or (now_ms - group.phase_ms) % group.interval_ms == 0:
                changes.extend(self._evaluate_group(group, round_))
        return changes

    def _evaluate_group(self, group: GroupState, round_: Round) -> list[Change]:
        changes: list[Change] = []
        now_ms = round_.now_ms
        around = self.around(now_ms - (group.group.query_offset_ms or 0), now_ms)
        for rule in group.rules:
            changes.extend(self.settle(rule, now_ms, partial(self._evaluate_rule, rule, group.group, round_, around)))
        return changes

    @staticmethod
    def settle(rule: RuleState, now_ms: int, work: Callable[[], list[Change]]) -> list[Change]:
        """Evaluate a rule by some work and keep how that went: one that fails becomes unhealthy and says why."""
        rule.last_evaluation_ms = now_ms
        try:
            changes = work()
        except FailedAfter as why:
            rule.health, rule.last_error = "err", str(why)
            return why.changes
        except (PromQLError, DuplicateAlerts, DuplicateSeries, SeriesLimit) as why:
            rule.health, rule.last_error = "err", str(why)
            return []
        rule.health, rule.last_error = "ok", ""
        return changes

    def _evaluate_rule(self, rule: RuleState, group: RuleGroup, round_: Round, around: Surroundings) -> list[Change]:
        now_ms = round_.now_ms
        at_ms = now_ms - (group.query_offset_ms or 0)
        vector = as_vector(self.engine.value(rule.expr, round_.at(at_ms)))
        if self._observer is not None:
            self._observer(rule, vector, round_.at(at_ms))
        round_.written(rule.writes)
        return self.take(rule, group, vector, now_ms, around)

    def take(self, rule: RuleState, group: RuleGroup, vector: Vector, now_ms: int, around: Surroundings) -> list[Change]:
        """Take in what a rule's expression gave at an instant: record it, or move the rule's alerts.

        Raises:
            FailedAfter, EvaluationError, DuplicateAlerts, DuplicateSeries, SeriesLimit: as they say.
        """
        at_ms = now_ms - (group.query_offset_ms or 0)
        if rule.recorder is not None:
            rule.samples = int(np.count_nonzero(vector.present))
            self._check_limit(group, rule.samples, "series")
            if not rule.recorder.write(vector, at_ms, now_ms):
                raise DuplicateSample([])
            return []
        assert rule.alerts is not None and rule.alert_writer is not None
        changes = rule.alerts.evaluate(vector, now_ms, around)
        rule.samples = len(rule.alerts.active_numbers())
        if group.limit and rule.samples > group.limit:
            changes = _merge_changes(changes, rule.alerts.clear(now_ms, around))
            rule.alert_writer.write(rule.alerts, at_ms, now_ms, self.settings.offset_ms)
            raise LimitExceeded(f"exceeded limit of {group.limit} with {rule.samples} alerts", changes)
        taken = not rule.restored or rule.alert_writer.write(rule.alerts, at_ms, now_ms, self.settings.offset_ms)
        if rule.alerts.forget():
            rule.alert_writer.reset()
        if not taken:
            raise DuplicateSample(changes)
        return changes

    @staticmethod
    def _check_limit(group: RuleGroup, count: int, what: str) -> None:
        if group.limit and count > group.limit:
            raise EvaluationError(f"exceeded limit of {group.limit} with {count} {what}")

    def around(self, at_ms: int, known_ms: int | None = None) -> Surroundings:
        """What templates see at an instant."""
        known = at_ms if known_ms is None else known_ms
        now_s, query = (at_ms + self.settings.offset_ms) / 1000, self._query(at_ms, known)
        return Surroundings(dict(self.settings.external_labels), self.settings.external_url, query, now_s)

    def _query(self, at_ms: int, known_ms: int) -> Query:
        def query(text: str) -> list[Sample]:
            offset = self.settings.offset_ms
            vector = as_vector(self.engine.instant(text, at_ms + offset, known_ms + offset))
            columns = np.flatnonzero(vector.present[0]) if vector.order is None else vector.order
            return [Sample(dict(vector.labels.sets[c]), float(vector.values[0, c])) for c in columns.tolist()]

        return query

    def active_alerts(self, now_ms: int, name: str | None = None) -> list[tuple[GroupState, RuleState, list[ActiveAlert]]]:
        """Alerts of every alerting rule, or of those with a name, by group and rule."""
        around = self.around(now_ms)
        wanted = ((g, r) for g in self.groups for r in g.rules if name is None or r.rule.alert == name)
        return [(g, r, r.alerts.active(around)) for g, r in wanted if r.alerts is not None]

    def snapshot(self) -> list[dict[str, Any]]:
        """The state of all rules as plain data; the store is snapshot apart."""
        return [_rule_data(g, number, rule) for g in self.groups for number, rule in enumerate(g.rules)]

    def restore(self, data: Iterable[Mapping[str, Any]]) -> None:
        """Take over a snapshot: call after `load` of the same files, over the restored store."""
        states = {(g.group.file, g.group.name, n): r for g in self.groups for n, r in enumerate(g.rules)}
        for item in data:
            rule = states.get((item["file"], item["group"], item["number"]))
            if rule is not None and rule.rule.name == item["name"]:
                _restore_rule(rule, item)


class FailedAfter(EvaluationError):
    """A rule failed, and alerts have changed all the same."""

    def __init__(self, message: str, changes: list[Change]) -> None:
        super().__init__(message)
        self.changes = changes


class LimitExceeded(FailedAfter):
    """A rule made more alerts than its group allows; all its alerts ended."""


class DuplicateSample(FailedAfter):
    """Another rule, or the input, has written another sample of the same series and instant; the first one stays."""

    def __init__(self, changes: list[Change]) -> None:
        super().__init__(DUPLICATE, changes)


def _merge_changes(first: list[Change], then: list[Change]) -> list[Change]:
    """One change per alert: from where it was to where it ended, and none where that is the same."""
    started = {c.fingerprint: c for c in first}
    ended = {c.fingerprint: c for c in then}
    out = [c for f, c in started.items() if f not in ended]
    for mark, change in ended.items():
        before = started[mark].before if mark in started else change.before
        if before != change.after:
            out.append(msgspec.structs.replace(change, before=before))
    return out


def _same_rule(rule: Rule, group: GroupState | None, adopted: set[int]) -> RuleState | None:
    for candidate in group.rules if group else ():
        other = candidate.rule
        if (other.alert, other.record, other.labels) == (rule.alert, rule.record, rule.labels) and id(candidate) not in adopted:
            return candidate
    return None


def as_vector(value: Scalar | Text | Vector | RangeVector) -> Vector:
    """What a rule makes of its expression's value.

    Raises:
        EvaluationError: it is no instant vector or scalar.
    """
    if isinstance(value, Vector):
        return value
    if isinstance(value, Scalar):
        return Vector(SCALAR, value.values[:, None], np.ones((len(value.values), 1), dtype=np.bool_))
    raise EvaluationError(f"rule result is not a vector or scalar: saw {type(value).__name__}")


def _rule_data(group: GroupState, number: int, rule: RuleState) -> dict[str, Any]:
    base: dict[str, Any] = {
        "file": group.group.file,
        "group": group.group.name,
        "number": number,
        "name": rule.rule.name,
        "health": rule.health,
        "last_error": rule.last_error,
        "last_evaluation_ms": rule.last_evaluation_ms,
    }
    if rule.alerts is not None and rule.alert_writer is not None:
        writer = rule.alert_writer
        return {
            **base,
            "alerts": rule.alerts.snapshot(),
            "states": writer.states.snapshot(),
            "instants": writer.instants.snapshot(),
        }
    return {**base, "recorded": rule.recorder.writer.snapshot() if rule.recorder else []}


def _restore_rule(rule: RuleState, item: Mapping[str, Any]) -> None:
    rule.health, rule.last_error, rule.last_evaluation_ms = item["health"], item["last_error"], item["last_evaluation_ms"]
    if rule.alerts is not None and rule.alert_writer is not None:
        rule.alerts.restore(item["alerts"])
        rule.alert_writer.states.restore(item["states"])
        rule.alert_writer.instants.restore(item["instants"])
    elif rule.recorder is not None:
        rule.recorder.writer.restore(item["recorded"])
