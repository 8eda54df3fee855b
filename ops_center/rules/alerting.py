"""The condition of an alerting rule's alerts, as columns; knows no store, no files and no people.

Source: Prometheus rules/alerting.go. The states of one alert are a table; an event that the table does not know raises and
changes nothing. The arrays below apply the same table to all alerts of a rule at once, and touch Python only for an alert
that is new or changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from ops_center.label_sets import NAME, IndexArray, Labels, LabelSets, format_labels, labels_of
from ops_center.promql.templates import Query, TemplateData, expand, uses_value
from ops_center.promql.values import Vector
from ops_center.rules.files import Rule
from ops_center.rules.fingerprints import fingerprint
from ops_center.series_blocks import FloatArray, TimeArray

INACTIVE, PENDING, FIRING = 0, 1, 2
CONDITIONS = ("inactive", "pending", "firing")
NEVER = -(1 << 62)

TRANSITIONS: dict[str, dict[str, str]] = {
    "inactive": {"became_true": "pending"},
    "pending": {"held": "firing", "became_false": "inactive"},
    "firing": {"resolved": "inactive"},
}


_NONE: IndexArray = np.zeros(0, dtype=np.intp)


class IllegalTransition(ValueError):
    """An event that the condition does not know."""


def transition(condition: str, event: str) -> str:
    """The condition after an event.

    Raises:
        IllegalTransition: the table has no such event for this condition.
    """
    if event not in TRANSITIONS.get(condition, {}):
        known = ", ".join(TRANSITIONS.get(condition, {})) or "nothing"
        raise IllegalTransition(f"alert is {condition!r}: saw event {event!r}, expected {known}")
    return TRANSITIONS[condition][event]


class Texts(Mapping[str, str]):
    """Annotations of one alert at one evaluation: templates with what they are about, each written out when it is read."""

    __slots__ = ("_data", "_templates", "_written")

    def __init__(self, templates: Mapping[str, str], data: TemplateData) -> None:
        self._templates, self._data = templates, data
        self._written: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """The text of an annotation."""
        if name not in self._written:
            self._written[name] = expand(self._templates[name], self._data)
        return self._written[name]

    def __iter__(self) -> Iterator[str]:
        """Names of annotations."""
        return iter(self._templates)

    def __len__(self) -> int:
        """How many annotations the rule has."""
        return len(self._templates)


class Change(msgspec.Struct, frozen=True):
    """An alert changed its condition. Times are ms on the store's axis; `fired_at_ms` is None while it never fired.

    Annotations are of the value at `at_ms`: written out when the alert fires, else when somebody reads them.
    """

    group: str
    rule: str
    fingerprint: str
    labels: dict[str, str]
    annotations: Mapping[str, str]
    value: float
    at_ms: int
    active_at_ms: int
    fired_at_ms: int | None
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert that is pending or firing now."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    condition: str
    value: float
    active_at_ms: int
    fired_at_ms: int | None
    keep_firing_since_ms: int | None


class DuplicateAlerts(ValueError):
    """Two results of a rule are the same alert."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What templates see besides the alert."""

    external_labels: Mapping[str, str]
    external_url: str
    query: Query
    now_s: float = 0.0


def _data(labels: Mapping[str, str], value: float, around: Surroundings) -> TemplateData:
    return TemplateData(labels, value, around.external_labels, around.external_url, around.query, around.now_s)


class AlertStates:
    """All alerts of one rule, one index each, kept while they are remembered. `told` False: nobody hears what changes."""

    def __init__(self, rule: Rule, group: str) -> None:
        self.rule, self.group, self.told = rule, group, True
        self._dynamic = any(uses_value(text) for _, text in rule.labels)
        self._fixed = None if any("{{" in text for _, text in rule.labels) else dict(rule.labels)
        self._templates = dict(rule.annotations)
        self._reset()

    def _reset(self) -> None:
        self.labels: list[Labels] = []
        self.sources: list[Labels] = []
        self.index: dict[Labels, int] = {}
        self._prints: dict[int, str] = {}
        self.state: np.ndarray = np.zeros(0, dtype=np.uint8)
        self.value: FloatArray = np.zeros(0)
        self.active_at: TimeArray = np.zeros(0, dtype=np.int64)
        self.fired_at: TimeArray = np.zeros(0, dtype=np.int64)
        self.keep_since: TimeArray = np.zeros(0, dtype=np.int64)
        self._any_active = False  # any alert is pending or firing
        self._handle: LabelSets | None = None
        self._columns: IndexArray = np.zeros(0, dtype=np.intp)

    def __len__(self) -> int:
        return len(self.labels)

    def _grow(self) -> None:
        if len(self.labels) <= len(self.state):
            return
        more = max(64, 2 * len(self.labels)) - len(self.state)
        self.state = np.concatenate([self.state, np.zeros(more, dtype=np.uint8)])
        self.value = np.concatenate([self.value, np.zeros(more)])
        for name in ("active_at", "fired_at", "keep_since"):
            setattr(self, name, np.concatenate([getattr(self, name), np.full(more, NEVER, dtype=np.int64)]))

    def alert_labels(self, source: Labels, value: float, around: Surroundings) -> Labels:
        """Result labels without the name, then the rule's, templates expanded, then alertname."""
        found = dict(source)
        made = self._fixed
        if made is None:
            data = _data(found, value, around)
            made = {name: expand(text, data) for name, text in self.rule.labels}
        found.pop(NAME, None)
        return labels_of({**found, **made, "alertname": self.rule.alert})

    def _number(self, source: Labels, value: float, around: Surroundings) -> int:
        labels = self.alert_labels(source, value, around)
        number = self.index.setdefault(labels, len(self.labels))
        if number == len(self.labels):
            self.labels.append(labels)
            self.sources.append(source)
            self._grow()
        return number

    def _numbers(self, vector: Vector, columns: IndexArray, around: Surroundings) -> IndexArray:
        """The alert of each true column, made at first sight; kept per handle where labels do not hang on the value."""
        if self._dynamic:
            sets, values = vector.labels.sets, vector.values[0]
            made = [self._number(sets[c], float(values[c]), around) for c in columns.tolist()]
            return np.array(made, dtype=np.intp)
        if self._handle is not vector.labels:
            self._handle, self._columns = vector.labels, np.full(len(vector.labels), -1, dtype=np.intp)
        numbers = self._columns[columns]
        unknown = columns[numbers < 0]
        if len(unknown):
            sets, values = vector.labels.sets, vector.values[0]
            for column in unknown.tolist():
                self._columns[column] = self._number(sets[column], float(values[column]), around)
            numbers = self._columns[columns]
        return numbers

    def evaluate(self, vector: Vector, now_ms: int, around: Surroundings) -> list[Change]:
        """Take in the rule's result at an instant; returns who changed, or nobody where nobody is to be told.

        Raises:
            DuplicateAlerts: two results are the same alert; nothing has changed then.
        """
        columns = vector.present[0].nonzero()[0]
        if not len(columns) and not self._any_active:
            return []
        numbers = self._numbers(vector, columns, around)
        size = len(self.labels)
        hit = np.zeros(size, dtype=np.bool_)
        hit[numbers] = True
        if int(np.count_nonzero(hit)) != len(numbers):
            raise DuplicateAlerts(
                f"vector contains metrics with the same labelset after applying alert labels: rule {self.rule.alert!r}, "
                f"saw {format_labels(self._twice(numbers))} twice"
            )
        before = self.state[:size].copy()
        self.value[numbers] = vector.values[0, columns]
        self._step(hit, now_ms)
        self._remember_sources(vector, columns, numbers)
        self._any_active = bool(np.count_nonzero(self.state[:size]))
        if not self.told:
            return []
        changed = (before != self.state[:size]).nonzero()[0]
        return [self._change(i, int(before[i]), now_ms, around) for i in changed.tolist()]

    def _twice(self, numbers: IndexArray) -> Labels:
        values, counts = np.unique(numbers, return_counts=True)
        return self.labels[int(values[counts > 1][0])]

    def _remember_sources(self, vector: Vector, columns: IndexArray, numbers: IndexArray) -> None:
        """Annotations are templates over the result's labels; these only differ from known ones under odd relabelling."""
        if self._dynamic:
            for column, number in zip(columns.tolist(), numbers.tolist(), strict=True):
                self.sources[number] = vector.labels.sets[column]

    def _step(self, hit: np.ndarray, now_ms: int) -> None:
        size = len(hit)
        state, keep = self.state[:size], self.keep_since[:size]
        active = state != INACTIVE
        fresh = hit > active
        if np.count_nonzero(fresh):
            state[fresh] = PENDING
            self.active_at[:size][fresh] = now_ms
            self.fired_at[:size][fresh] = NEVER
        keep[hit] = NEVER
        gone = active > hit
        if np.count_nonzero(gone):
            kept = np.zeros(size, dtype=np.bool_)
            if self.rule.keep_firing_for_ms > 0:
                waiting = gone & (state == FIRING)
                keep[waiting & (keep == NEVER)] = now_ms
                kept = waiting & (now_ms - keep < self.rule.keep_firing_for_ms)
            state[gone & ~kept] = INACTIVE
        pending = (state == PENDING).nonzero()[0]
        if len(pending):
            held = pending[now_ms - self.active_at[pending] >= self.rule.for_ms]
            state[held] = FIRING
            self.fired_at[held] = now_ms

    def _change(self, number: int, before: int, now_ms: int, around: Surroundings) -> Change:
        after = int(self.state[number])
        _lawful(CONDITIONS[before], CONDITIONS[after])
        texts = self._annotations(number, around)
        return Change(
            group=self.group,
            rule=self.rule.alert,
            fingerprint=self._fingerprint(number),
            labels=dict(self.labels[number]),
            annotations=dict(texts) if after == FIRING else texts,
            value=float(self.value[number]),
            at_ms=now_ms,
            active_at_ms=int(self.active_at[number]),
            fired_at_ms=_or_none(self.fired_at[number]),
            before=CONDITIONS[before],
            after=CONDITIONS[after],
        )

    def _fingerprint(self, number: int) -> str:
        if number not in self._prints:
            self._prints[number] = fingerprint(self.labels[number])
        return self._prints[number]

    def _annotations(self, number: int, around: Surroundings) -> Texts:
        source, value = dict(self.sources[number]), float(self.value[number])
        return Texts(self._templates, _data(source, value, around))

    def active(self, around: Surroundings) -> list[ActiveAlert]:
        """Alerts pending or firing now, with annotations of their latest value."""
        return [self._active(i, around) for i in self.active_numbers().tolist()]

    def _active(self, number: int, around: Surroundings) -> ActiveAlert:
        return ActiveAlert(
            fingerprint=self._fingerprint(number),
            labels=dict(self.labels[number]),
            annotations=dict(self._annotations(number, around)),
            condition=CONDITIONS[int(self.state[number])],
            value=float(self.value[number]),
            active_at_ms=int(self.active_at[number]),
            fired_at_ms=_or_none(self.fired_at[number]),
            keep_firing_since_ms=_or_none(self.keep_since[number]),
        )

    def active_numbers(self) -> IndexArray:
        """Indexes of pending and firing alerts."""
        return self.state[: len(self.labels)].nonzero()[0] if self._any_active else _NONE

    def clear(self, now_ms: int, around: Surroundings) -> list[Change]:
        """Make every alert inactive, as when the rule goes or its limit is exceeded."""
        numbers = self.active_numbers()
        before = self.state[numbers].copy()
        self.state[numbers] = INACTIVE
        self._any_active = False
        return [self._change(n, int(b), now_ms, around) for n, b in zip(numbers.tolist(), before.tolist(), strict=True)]

    def forget(self) -> bool:
        """Drop inactive alerts where they outnumber the active ten to one; says whether indexes have changed."""
        size, active = len(self.labels), self.active_numbers()
        if size < 1024 or len(active) * 10 > size:
            return False
        kept = self.snapshot()
        self._reset()
        self.restore(kept)
        return True

    def snapshot(self) -> dict[str, Any]:
        """Pending and firing alerts with their instants, as plain data."""
        numbers = self.active_numbers().tolist()
        return {
            "labels": [dict(self.labels[n]) for n in numbers],
            "sources": [dict(self.sources[n]) for n in numbers],
            "state": [int(self.state[n]) for n in numbers],
            "value": [float(self.value[n]) for n in numbers],
            **{name: [int(getattr(self, name)[n]) for n in numbers] for name in ("active_at", "fired_at", "keep_since")},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what `snapshot` described."""
        for labels, source in zip(data["labels"], data["sources"], strict=True):
            self.index[labels_of(labels)] = len(self.labels)
            self.labels.append(labels_of(labels))
            self.sources.append(labels_of(source))
        self._grow()
        size = len(self.labels)
        for name in ("state", "value", "active_at", "fired_at", "keep_since"):
            getattr(self, name)[:size] = data[name]
        self._any_active = size > 0


def _or_none(value: Any) -> int | None:
    return None if value == NEVER else int(value)


_WALKS = {
    ("inactive", "pending"): ("became_true",),
    ("inactive", "firing"): ("became_true", "held"),
    ("pending", "firing"): ("held",),
    ("pending", "inactive"): ("became_false",),
    ("firing", "inactive"): ("resolved",),
}


@lru_cache(maxsize=9)
def _lawful(before: str, after: str) -> None:
    """Every change that the arrays make is a walk in the table; inactive to firing passes pending."""
    for event in _WALKS.get((before, after), ("unknown",)):
        before = transition(before, event)
