"""One alerting rule in many variants over the same recorded series: what each of them would have fired.

Lives here: evaluating expressions that differ in few parts, what they share once; applying many `for` to the same results.
Must not know: which variants are worth trying, what is true. The firings of a variant are those of a replay of the whole rule
file with the variant in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ops_center.promql import ast
from ops_center.promql.sharing import Pool
from ops_center.promql.templates import uses_value
from ops_center.promql.values import Vector
from ops_center.rules.files import Rule, RuleFile
from ops_center.rules.firings import Firing
from ops_center.rules.group import PLAIN, Settings
from ops_center.rules.held import Numbering, Results, Spans, firings_in, runs_of, spans_of
from ops_center.rules.replay import replay, written_by
from ops_center.rules.together import Stretch, Together, only, plan_of
from ops_center.series import SeriesStore
from ops_center.series_blocks import TimeArray


@dataclass(frozen=True, slots=True)
class Fired:
    """What one variant fired, alert by alert: when [ms], and enough to say with which labels and values.

    `key` is equal for variants whose alerts fired and ended at the same instants.
    """

    fired_ms: TimeArray
    key: bytes
    _made: tuple[Results, Spans, Numbering, str, str] | None
    _firings: tuple[Firing, ...] = ()

    def firings(self) -> list[Firing]:
        """The firings."""
        return list(self._firings) if self._made is None else firings_in(*self._made)


def with_rule(files: Sequence[RuleFile], place: int, rule: Rule) -> list[RuleFile]:
    """The files with another rule at a place, counted over all rules in their order."""
    made, first = [], 0
    for file in files:
        groups = []
        for group in file.groups:
            at = place - first
            first += len(group.rules)
            inside = 0 <= at < len(group.rules)
            groups.append(replace(group, rules=(*group.rules[:at], rule, *group.rules[at + 1 :])) if inside else group)
        made.append(replace(file, groups=tuple(groups)))
    return made


class Variants:
    """Variants of the rule at a place, over one store, at the instants in [first, last] of its axis."""

    def __init__(
        self,
        files: Sequence[RuleFile],
        place: int,
        store: SeriesStore,
        first_ms: int,
        last_ms: int,
        settings: Settings = PLAIN,
    ) -> None:
        needed = plan_of([rule for file in files for group in file.groups for rule in group.rules]).sources_of(place) | {place}
        place = sorted(needed).index(place)
        files = only(files, needed)  # others change nothing about this one
        self._files, self._place, self._store = files, place, store
        self._first_ms, self._last_ms, self._settings = first_ms, last_ms, settings
        beside = store.beside(written_by(files))
        self._work = Together(files, beside, first_ms, settings)
        self._member = self._work.members[place]
        states = self._member.state.alerts
        assert states is not None
        self.quick = place not in self._work.plan.apart and not any(uses_value(text) for _, text in self._member.rule.labels)
        around = self._work.engine.around(0)
        self._numbering = Numbering(lambda source, value: states.alert_labels(source, value, around))
        if self.quick:
            self._work.run(first_ms, last_ms, self._work.plan.sources_of(place))

    def fired(self, expressions: Sequence[ast.Expr], for_ms: Sequence[int]) -> Iterator[list[Fired]]:
        """For each expression what fired with each `for`; what expressions have in common is evaluated once."""
        pool = Pool()
        nodes = [pool.add(expr) for expr in expressions]
        stretch = Stretch(self._work.engine, pool)
        for expr, node in zip(expressions, nodes, strict=True):
            if not self.quick:
                yield [self._alone(expr, held) for held in for_ms]
                continue
            results = self._results(stretch, node)
            runs = runs_of(results.pieces, self._numbering)
            times, keep_ms, limit = results.times, self._member.rule.keep_firing_for_ms, self._member.group.group.limit
            found = []
            for held in for_ms:
                spans = None if runs is None else spans_of(runs, times, held, keep_ms, limit)
                found.append(self._alone(expr, held) if spans is None else self._of(results, spans, times))
            yield found

    def _results(self, stretch: Stretch, node: ast.Expr) -> Results:
        results, group = Results(), self._member.group
        times = group.instants(self._first_ms, self._last_ms)
        for some, found in stretch.results(node, times, group.group.query_offset_ms or 0):
            if isinstance(found, Vector):
                results.add(some, found)
        return results

    def _of(self, results: Results, spans: Spans, times: TimeArray) -> Fired:
        ended = spans.ended
        key = b"".join(array.tobytes() for array in (spans.numbers, times[spans.fired], ended == len(times)))
        key += times[ended[ended < len(times)]].tobytes()
        made = (results, spans, self._numbering, self._member.group.group.name, self._member.rule.alert)
        return Fired(times[spans.fired], _digest(key), made)

    def _alone(self, expr: ast.Expr, held_ms: int) -> Fired:
        """By a replay of all rules: for what reads its own alerts, labels that hang on values, passed limits."""
        rule = replace(self._member.rule, expr=expr, for_ms=held_ms)
        done = replay(with_rule(self._files, self._place, rule), self._store, self._first_ms, self._last_ms, self._settings)
        group = self._member.group.group.name
        mine = tuple(f for f in done.firings if (f.group, f.rule) == (group, rule.alert))
        fired = np.array([f.fired_at_ms for f in mine], dtype=np.int64)
        return Fired(fired, _digest(repr([(f.labels, f.fired_at_ms, f.ended_at_ms) for f in mine]).encode()), None, mine)


def _digest(key: bytes) -> bytes:
    """So short that a million are no burden."""
    return hashlib.blake2b(key, digest_size=16).digest()
