"""`info()`: labels of info series put on the series of the same target; knows no functions but this one.

Semantics: Prometheus' documentation of `info` and its tests. Targets are told apart by `instance` and `job`. Where two info
series of one metric are there at once, the newer sample counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from ops_center.label_sets import NAME, Labels, LabelSets, Matcher, format_labels, labels_of, only_names, test_of, value_of
from ops_center.promql import ast
from ops_center.promql.errors import EvaluationError
from ops_center.promql.selectors import Context, reference, sample_times
from ops_center.promql.values import Vector, merged
from ops_center.series_blocks import TimeArray

TARGET = ("instance", "job")
_DEFAULT = Matcher(NAME, "=", "target_info")
_ANY_INFO = Matcher(NAME, "=~", ".+_info")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which info series, which of their labels, and whether series without any stay."""

    names: tuple[Matcher, ...]
    data: tuple[Matcher, ...]
    given_names: bool

    def is_info(self, labels: Labels) -> bool:
        name = value_of(labels, NAME)
        return self.given_names and all(test_of(m)(name) for m in self.names)

    def takes(self, label: str) -> bool:
        return label != NAME and (not self.data or any(m.name == label for m in self.data))

    @property
    def keeps_bare(self) -> bool:
        return all(m.matches_empty() for m in self.data)


def _wanted(call: ast.Call) -> _Wanted:
    if len(call.args) == 1:
        return _Wanted((_DEFAULT,), (), given_names=True)
    selector = ast.unwrap(call.args[1])
    if not isinstance(selector, ast.Selector):
        raise EvaluationError("info(): expected label matchers in braces as second argument")
    names = tuple(m for m in selector.matchers if m.name == NAME)
    data = tuple(m for m in selector.matchers if m.name != NAME)
    if not names:
        return _Wanted((_DEFAULT,), data, given_names=False)
    if not any(m.op in ("=", "=~") for m in names):
        names = (_ANY_INFO, *names)
    return _Wanted(names, data, given_names=True)


def _instants(expr: ast.Expr, context: Context) -> TimeArray:
    """The instants that the first selector of an expression reads at, which is when info series are looked up too."""
    times = context.times
    node: ast.Expr | None = expr
    while node is not None:
        if isinstance(node, ast.Selector | ast.Subquery):
            here = reference(node, msgspec.structs.replace(context, times=times))
            times = np.broadcast_to(here, context.times.shape)
        below = ast.children(node)
        node = next((child for child in below if _reads(child)), None)
    return times


def _reads(expr: ast.Expr) -> bool:
    return any(isinstance(node, ast.Selector) for node in ast.walk(expr))


class _Lookup:
    """Info series by metric and target, at each step."""

    def __init__(self, call: ast.Call, wanted: _Wanted, context: Context) -> None:
        at = msgspec.structs.replace(context, times=_instants(call.args[0], context), memo=None)
        self._found = sample_times(ast.Selector("", (*wanted.names, *wanted.data)), at)
        self._by_target: dict[Labels, dict[str, list[int]]] = {}
        for column, labels in enumerate(self._found.labels.sets):
            target = only_names(labels, TARGET)
            if target:
                self._by_target.setdefault(target, {}).setdefault(value_of(labels, NAME), []).append(column)

    def of(self, labels: Labels, step: int) -> tuple[Labels, ...]:
        """The info series of a series' target at a step, one per metric."""
        found = [self._newest(columns, step) for columns in self._by_target.get(only_names(labels, TARGET), {}).values()]
        return tuple(self._found.labels.sets[c] for c in found if c is not None)

    def _newest(self, columns: list[int], step: int) -> int | None:
        times, present = self._found.values[step], self._found.present[step]
        there = sorted((c for c in columns if present[c]), key=lambda c: float(times[c]))
        if len(there) > 1 and times[there[-1]] == times[there[-2]]:
            first, second = (format_labels(self._found.labels.sets[c]) for c in there[-2:])
            raise EvaluationError(f"found duplicate series for info metric: saw {first} and {second} at one instant")
        return there[-1] if there else None


def _enriched(base: Labels, infos: tuple[Labels, ...], wanted: _Wanted) -> Labels:
    own, more = dict(base), dict[str, str]()
    for name, value in (pair for info in infos for pair in info if wanted.takes(pair[0])):
        if more.get(name, value) != value:
            raise EvaluationError(f"conflicting label: {name}")
        if name not in own:
            more[name] = value
    return labels_of({**own, **more})


def info(call: ast.Call, base: Vector, context: Context) -> Vector:
    """The series of a vector with the labels of their target's info series, at each step.

    Raises:
        EvaluationError: two info metrics disagree on a label, or one has two series of a target at once.
    """
    wanted = _wanted(call)
    lookup = _Lookup(call, wanted, context)
    drops, is_info = base.labels.drops, [wanted.is_info(labels) for labels in base.labels.sets]
    columns: dict[tuple[int, Labels], int] = {}
    cells: list[tuple[int, int, int]] = []
    for step in range(len(base.values)):
        context.watch.check()
        for column in np.flatnonzero(base.present[step]).tolist():
            labels = base.labels.sets[column]
            infos = () if is_info[column] else lookup.of(labels, step)
            if not infos and not is_info[column] and not wanted.keeps_bare:
                continue
            made = _enriched(labels, infos, wanted) if infos else labels
            cells.append((step, columns.setdefault((column, made), len(columns)), column))
    values = np.zeros((len(base.values), len(columns)))
    present = np.zeros(values.shape, dtype=np.bool_)
    for step, into, column in cells:
        values[step, into], present[step, into] = base.values[step, column], True
    marked = drops[[column for column, _ in columns]] if columns else None
    return merged(Vector(LabelSets([labels for _, labels in columns], marked), values, present))
