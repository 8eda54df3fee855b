"""Rules over recorded series, many instants of a rule at once; gives what going instant by instant gives.

Lives here: which rules may be evaluated so, in what order, and how their instants are cut into pieces that fit the memory
caches. Must not know: where series come from. A rule that reads what is written after it in the same round (itself, or a
later rule) is evaluated instant by instant, with all that lies between; so is an expression that fails at some instants.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ops_center.label_sets import NAME, test_of
from ops_center.promql import ast
from ops_center.promql.errors import PromQLError
from ops_center.promql.selectors import Context
from ops_center.promql.sharing import Memo, Pool
from ops_center.promql.templates import uses_value
from ops_center.promql.values import Vector
from ops_center.rules.alerting import Change
from ops_center.rules.files import Rule, RuleFile
from ops_center.rules.firings import Firing, Replayed, firings_of, in_order
from ops_center.rules.group import GroupState, RuleEngine, RuleState, Settings, as_vector
from ops_center.rules.held import Numbering, Results, firings_in, runs_of, spans_of
from ops_center.series import SeriesStore
from ops_center.series_blocks import TimeArray

ALERT_METRICS = ("ALERTS", "ALERTS_FOR_STATE")
CHUNK_STEPS = 256
CELLS = 1 << 20  # of one intermediate matrix, steps × columns
_ALONE = frozenset({"start", "end", "range", "step", "start_timestamp", "info"})
Asks = tuple[str, str | None]  # a metric ("" for any) and, of alerts, the name that is asked for


@dataclass(frozen=True, slots=True)
class Member:
    """A rule with its place among all rules in the order of evaluation."""

    place: int
    group: GroupState
    state: RuleState

    @property
    def rule(self) -> Rule:
        """The rule itself."""
        return self.state.rule


def reads_of(rule: Rule, written: Collection[str] = ()) -> set[Asks]:
    """What a rule's expression, or a query in its labels, reads; of a pattern of names, which of those `written` fit it."""
    found: set[Asks] = set()
    for node in ast.walk(rule.expr):
        if isinstance(node, ast.Selector):
            equal = {m.name: m.value for m in node.matchers if m.op == "="}
            metrics = [equal[NAME]] if NAME in equal else _fitting(node, written)
            found |= {(metric, equal.get("alertname") if metric in ALERT_METRICS else None) for metric in metrics}
    if any("{{" in text and "query" in text for _, text in rule.labels):
        found.add(("", None))
    return found


def _fitting(selector: ast.Selector, written: Collection[str]) -> list[str]:
    """Those of some metrics that a selector without a fixed name may read."""
    tests = [test_of(m) for m in selector.matchers if m.name == NAME]
    return [metric for metric in written if all(test(metric) for test in tests)]


def _is_read(writer: Rule, asked: set[Asks]) -> bool:
    if ("", None) in asked:
        return True
    if writer.record:
        return any(metric == writer.record for metric, _ in asked)
    return any(metric in ALERT_METRICS and name in (None, writer.alert) for metric, name in asked)


@dataclass(frozen=True, slots=True)
class Plan:
    """Places of rules: `before` are done, many instants at once, before those `apart`, one instant at a time, then `after`.

    `watched` are alerting rules whose ALERTS some rule reads; `sources` are for each rule those that write what it reads.
    """

    before: tuple[int, ...]
    apart: frozenset[int]
    after: tuple[int, ...]
    watched: frozenset[int]
    sources: tuple[frozenset[int], ...]

    def sources_of(self, place: int) -> frozenset[int]:
        """The rules that must have been evaluated before one is."""
        return frozenset(_reach({place}, self.sources) - {place})


def plan_of(rules: Sequence[Rule]) -> Plan:
    """In what order rules can be evaluated, each over many instants."""
    written = sorted({*ALERT_METRICS, *(rule.record for rule in rules if rule.record)})
    asked = [reads_of(rule, written) for rule in rules]
    readers = [{r for r in range(len(rules)) if _is_read(writer, asked[r])} for writer in rules]
    sources: list[set[int]] = [{w for w in range(len(rules)) if r in readers[w]} for r in range(len(rules))]
    seeds = {p for w in range(len(rules)) for r in readers[w] if r <= w for p in (r, w)}
    seeds |= _same_place(rules)
    downstream, upstream = _reach(seeds, readers), _reach(seeds, sources)
    apart = frozenset(seeds | (downstream & upstream))
    after = tuple(p for p in range(len(rules)) if p in downstream and p not in apart)
    before = tuple(p for p in range(len(rules)) if p not in apart and p not in downstream)
    watched = frozenset(p for p, rule in enumerate(rules) if rule.alert and readers[p])
    return Plan(before, apart, after, watched, tuple(frozenset(some) for some in sources))


def _same_place(rules: Sequence[Rule]) -> set[int]:
    """Rules that might write the same series: the first to write a sample wins, so that their order matters."""
    seen: dict[object, list[int]] = {}
    for place, rule in enumerate(rules):
        key = ("record", rule.record) if rule.record else ("alert", rule.alert, rule.labels)
        seen.setdefault(key, []).append(place)
    return {p for places in seen.values() if len(places) > 1 for p in places if _collide(rules, places)}


def _collide(rules: Sequence[Rule], places: list[int]) -> bool:
    """Fixed labels that differ keep series apart."""
    fixed = [frozenset(pair for pair in rules[p].labels if "{{" not in pair[1]) for p in places]
    for i, one in enumerate(fixed):
        for other in fixed[i + 1 :]:
            names = dict(one)
            if not any(name in names and names[name] != value for name, value in other):
                return True
    return False


def _reach(seeds: set[int], edges: Sequence[set[int] | frozenset[int]]) -> set[int]:
    found, waiting = set(seeds), list(seeds)
    while waiting:
        for place in edges[waiting.pop()] - found:
            found.add(place)
            waiting.append(place)
    return found


def slides(expr: ast.Expr) -> bool:
    """Whether an expression means the same at each of many steps as alone: nothing in it hangs on the query's bounds.

    Selectors that give the bounds of a window values of their own, and `info`, see one past for all steps.
    """
    for node in ast.walk(expr):
        if isinstance(node, ast.Call) and node.func in _ALONE:
            return False
        if isinstance(node, ast.Selector | ast.Subquery) and (node.at is not None or node.offset is not None):
            return False
        if isinstance(node, ast.Matrix | ast.Subquery) and node.range is not None:
            return False
        if isinstance(node, ast.Subquery) and node.step is not None:
            return False
        if isinstance(node, ast.Selector) and node.extended:
            return False
    return True


Piece = tuple[TimeArray, Vector | PromQLError]


class Stretch:
    """Evaluation over some instants of the store's axis: what expressions share in it is kept until a rule writes it."""

    def __init__(self, rules: RuleEngine, pool: Pool) -> None:
        self._rules, self._pool = rules, pool
        self._moments: dict[tuple[int, int, int, int], tuple[Context, Memo]] = {}

    def context(self, times: TimeArray, late_ms: int) -> Context:
        """Evaluation at instants `late_ms` before those at which rules run, with what was known when they ran."""
        key = (int(times[0]), int(times[-1]), len(times), late_ms)
        if key not in self._moments:
            memo = Memo(self._pool)
            offset = self._rules.settings.offset_ms
            engine = self._rules.engine
            if len(times) == 1:
                at = int(times[0]) + offset
                self._moments[key] = engine.moment(at - late_ms, at, memo), memo
            else:
                self._moments[key] = engine.moments(times + offset - late_ms, times + offset, memo), memo
        return self._moments[key][0]

    def written(self, metrics: Sequence[str]) -> None:
        """A rule has written these metrics."""
        for _, memo in self._moments.values():
            for metric in metrics:
                memo.written(metric)

    def results(self, expr: ast.Expr, times: TimeArray, late_ms: int) -> Iterator[Piece]:
        """An expression's results at rules' instants, in pieces; one that fails is cut until it is clear at which instants."""
        steps = max(1, CELLS // max(1, self._widest(expr))) if slides(expr) and not self._rules.store.starts else 1
        for first in range(0, len(times), steps):
            yield from self._result(expr, times[first : first + steps], late_ms)

    def _result(self, expr: ast.Expr, times: TimeArray, late_ms: int) -> Iterator[Piece]:
        try:
            yield times, as_vector(self._rules.engine.value(expr, self.context(times, late_ms)))
        except PromQLError as why:
            if len(times) == 1:
                yield times, why
                return
            middle = len(times) // 2
            yield from self._result(expr, times[:middle], late_ms)
            yield from self._result(expr, times[middle:], late_ms)

    def _widest(self, expr: ast.Expr) -> int:
        select = self._rules.store.select
        return max((len(select(n.matchers).labels) for n in ast.walk(expr) if isinstance(n, ast.Selector)), default=1)


class Together:
    """A replay at work."""

    def __init__(self, files: Sequence[RuleFile], store: SeriesStore, first_ms: int, settings: Settings) -> None:
        self.engine = RuleEngine(store, settings)
        self.engine.load(files, first_ms)
        members = [(g, r) for g in self.engine.groups for r in g.rules]
        self.members = [Member(place, g, r) for place, (g, r) in enumerate(members)]
        self.plan = plan_of([m.rule for m in self.members])
        self.results: dict[int, Results] = {}
        self.changes: dict[int, list[Change]] = {}
        self.errors: dict[str, tuple[int, int, str]] = {}
        self.evaluations = 0
        self.apart: RuleEngine | None = None
        self.apart_changes: list[Change] = []
        if self.plan.apart:
            self.apart = RuleEngine(store, settings)
            self.apart.load(only(files, self.plan.apart), first_ms)

    def run(self, first_ms: int, last_ms: int, only: frozenset[int] | None = None) -> None:
        """Evaluate all rules, or those at some places, at their instants in [first, last]."""
        if not self.members or (only is not None and not only):
            return
        wanted = range(len(self.members)) if only is None else only
        span = CHUNK_STEPS * min(m.group.interval_ms for m in self.members)
        for start in range(first_ms, last_ms + 1, span):
            end = min(start + span - 1, last_ms)
            stretch = Stretch(self.engine, self.engine.pool)
            for place in self.plan.before:
                if place in wanted:
                    self._evaluate(self.members[place], start, end, stretch)
            if self.apart is not None and not self.plan.apart.isdisjoint(wanted):
                self._step(self.apart, start, end)
                stretch = Stretch(self.engine, self.engine.pool)
            for place in self.plan.after:
                if place in wanted:
                    self._evaluate(self.members[place], start, end, stretch)

    def _evaluate(self, member: Member, start: int, end: int, stretch: Stretch) -> None:
        group = member.group
        times = group.instants(start, end)
        self.evaluations += len(times)
        if not len(times):
            return
        take = self._take if self._writes(member) else self._keep
        for some, found in stretch.results(member.state.expr, times, group.group.query_offset_ms or 0):
            if isinstance(found, Vector):
                take(member, some, found)
            else:
                self._failed(member, int(some[0]), str(found))
        if self._writes(member):
            stretch.written(member.state.writes)

    def _writes(self, member: Member) -> bool:
        """Whether somebody reads what the rule writes, or its alerts must be made one by one."""
        return bool(member.rule.record) or member.place in self.plan.watched or any(uses_value(t) for _, t in member.rule.labels)

    def _keep(self, member: Member, times: TimeArray, vector: Vector) -> None:
        self.results.setdefault(member.place, Results()).add(times, vector)

    def _take(self, member: Member, times: TimeArray, vector: Vector) -> None:
        for row, at_ms in enumerate(times.tolist()):
            self._take_one(member, at_ms, Vector(vector.labels, vector.values[row : row + 1], vector.present[row : row + 1]))

    def _take_one(self, member: Member, at_ms: int, vector: Vector) -> None:
        group, engine = member.group.group, self.engine
        around = engine.around(at_ms - (group.query_offset_ms or 0), at_ms)
        work: Callable[[], list[Change]] = partial(engine.take, member.state, group, vector, at_ms, around)
        self.changes.setdefault(member.place, []).extend(engine.settle(member.state, at_ms, work))
        if member.state.health == "err":
            self._failed(member, at_ms, member.state.last_error)

    def _failed(self, member: Member, at_ms: int, why: str) -> None:
        seen = self.errors.get(member.rule.name)
        if seen is None or seen[:2] <= (at_ms, member.place):
            self.errors[member.rule.name] = at_ms, member.place, why

    def _step(self, engine: RuleEngine, start: int, end: int) -> None:
        at_ms = engine.next_evaluation_ms(start - 1)
        while at_ms is not None and at_ms <= end:
            self.apart_changes += engine.evaluate(at_ms)
            states = (rule for group in engine.groups for rule in group.rules)
            for place, rule in zip(sorted(self.plan.apart), states, strict=True):
                if rule.last_evaluation_ms == at_ms:
                    self.evaluations += 1
                    if rule.health == "err":
                        self._failed(self.members[place], at_ms, rule.last_error)
            at_ms = engine.next_evaluation_ms(at_ms)

    def firings(self) -> list[Firing]:
        """What fired, in order."""
        found = firings_of(self.apart_changes)
        for place, results in self.results.items():
            found += self._firings(self.members[place], results)
        for changes in self.changes.values():
            found += firings_of(changes)
        return in_order(found)

    def _firings(self, member: Member, results: Results) -> list[Firing]:
        states, around = member.state.alerts, self.engine.around(0)
        assert states is not None
        spans = None
        numbering = Numbering(lambda source, value: states.alert_labels(source, value, around))
        runs = runs_of(results.pieces, numbering)
        if runs is not None:
            rule = member.rule
            spans = spans_of(runs, results.times, rule.for_ms, rule.keep_firing_for_ms, member.group.group.limit)
        if spans is not None:
            return firings_in(results, spans, numbering, member.group.group.name, member.rule.alert)
        for at_ms, vector in results.rows():
            self._take_one(member, at_ms, vector)
        return firings_of(self.changes.pop(member.place, []))


def only(files: Sequence[RuleFile], places: frozenset[int]) -> list[RuleFile]:
    """The files with some of their rules, by place among all."""
    made, place = [], 0
    for file in files:
        groups = []
        for group in file.groups:
            kept = tuple(rule for n, rule in enumerate(group.rules, start=place) if n in places)
            place += len(group.rules)
            if kept:
                groups.append(replace(group, rules=kept))
        made.append(replace(file, groups=tuple(groups)))
    return made


def replay_together(files: Sequence[RuleFile], store: SeriesStore, first_ms: int, last_ms: int, settings: Settings) -> Replayed:
    """Evaluate rules at each of their instants in [first, last] over a store that they may write to."""
    work = Together(files, store, first_ms, settings)
    work.run(first_ms, last_ms)
    firings = work.firings()
    errors = {name: why for name, (_, _, why) in sorted(work.errors.items(), key=lambda item: item[1][:2])}
    return Replayed(tuple(firings), work.evaluations, errors)
