"""What is known of the series that selectors read: from the city's catalogue, and from the rules that record.

Lives here: shape, range, type, period and number of what a selector selects. Must not know: what is looked for in rules.
Without a catalogue, only what rules record and what matchers say is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ops_center.label_sets import NAME, Labels, Matcher, parts_of, test_of
from ops_center.promql import ast
from ops_center.rules.files import Rule, RuleFile
from ops_center.rules.lint.catalogue import Catalogue
from ops_center.rules.lint.ranges import ANY, ONE, Range, range_of
from ops_center.rules.lint.shapes import KEEPS_ALL, Shape, shape_of

ALERTS = {"ALERTS": frozenset({"alertname", "alertstate"}), "ALERTS_FOR_STATE": frozenset({"alertname"})}
T = TypeVar("T")


class Knowledge:
    """What can be said of selectors. `catalogue` None: nothing is known of what devices report."""

    def __init__(self, files: Iterable[RuleFile], catalogue: Catalogue | None = None) -> None:
        self.catalogue = catalogue
        self.recorded: dict[str, list[Rule]] = {}
        self.intervals: dict[str, int] = {}
        for group in (group for file in files for group in file.groups):
            for rule in group.rules:
                if rule.record:
                    self.recorded.setdefault(rule.record, []).append(rule)
                    self.intervals[rule.record] = group.interval_ms or 0
        self._busy: set[tuple[str, str]] = set()
        self._shapes: dict[tuple[Matcher, ...], Shape] = {}
        self._selected: dict[tuple[Matcher, ...], list[Labels]] = {}  # lists that are given out are not changed
        self._parts: dict[tuple[int, tuple[str, ...], bool], tuple[list[Labels], list[Labels]]] = {}
        self._known: dict[tuple[str, str], object] = {}

    @staticmethod
    def name_of(selector: ast.Selector) -> str:
        """The metric's name, empty where matchers leave it open."""
        named = [m.value for m in selector.matchers if m.name == NAME and m.op == "="]
        return selector.metric or (named[0] if named else "")

    def of_city(self, selector: ast.Selector) -> bool:
        """Whether devices of the city report the metric."""
        return self.catalogue is not None and self.name_of(selector) in self.catalogue.metrics

    def is_known(self, selector: ast.Selector) -> bool:
        """Whether somebody makes the metric: a device, a rule, or the rule engine."""
        name = self.name_of(selector)
        return name in self.recorded or name in ALERTS or self.of_city(selector)

    def _once(self, what: str, name: str, found: Callable[[], T], unknown: T) -> T:
        """A figure of a recorded metric; rules that read themselves are unknown to themselves."""
        key = what, name
        if key in self._known:
            return self._known[key]  # type: ignore[return-value]  # kept by this function under this key
        if key in self._busy:
            return unknown
        self._busy.add(key)
        try:
            result = found()
        finally:
            self._busy.discard(key)
        self._known[key] = result
        return result

    # -- labels

    def shape(self, selector: ast.Selector) -> Shape:
        """Which labels the selected series have."""
        name = self.name_of(selector)
        matched = [m.name for m in selector.matchers if m.name != NAME and not m.matches_empty()]
        base = Shape()
        if name in ALERTS:
            base = Shape(ALERTS[name])
        elif name in self.recorded:
            base = self._once("shape", name, lambda: self._recorded_shape(self.recorded[name]), Shape())
        elif self.of_city(selector):
            base = self._city_shape(selector)
        return base.with_(certain=[label for label in matched if not base.lacks(label)])

    def _recorded_shape(self, rules: list[Rule]) -> Shape:
        shapes = [self.of_rule(rule) for rule in rules]
        whole = shapes[0]
        for shape in shapes[1:]:
            whole = whole.either(shape)
        return whole

    def of_rule(self, rule: Rule) -> Shape:
        """Which labels the series have that a rule records."""
        shape = shape_of(rule.expr, self.shape)
        return shape.without(k for k, v in rule.labels if not v).with_(k for k, v in rule.labels if v)

    def _city_shape(self, selector: ast.Selector) -> Shape:
        assert self.catalogue is not None
        key = tuple(selector.matchers)
        if key not in self._shapes:
            self._shapes[key] = self._shape_of_sets(selector, self.catalogue)
        return self._shapes[key]

    def _shape_of_sets(self, selector: ast.Selector, catalogue: Catalogue) -> Shape:
        sets = self.selected(selector) or [one for metric in catalogue.named(selector.matchers) for one in metric.sets]
        if not sets:
            return Shape()
        names = [frozenset(one) for one in {tuple([key for key, _ in labels]) for labels in sets}]
        kept = frozenset({NAME})
        return Shape(frozenset.intersection(*names) - kept, frozenset.union(*names) - kept)

    def selected(self, selector: ast.Selector) -> list[Labels]:
        """The label sets of the city's series that a selector selects."""
        if self.catalogue is None:
            return []
        key = tuple(selector.matchers)
        if key not in self._selected:
            self._selected[key] = [labels for _, sets in self.catalogue.select(key) for labels in sets]
        return self._selected[key]

    # -- values

    def range(self, selector: ast.Selector) -> Range:
        """Between which values the selected series lie."""
        name = self.name_of(selector)
        if name == "ALERTS":
            return ONE
        if name in self.recorded:
            return self._once("range", name, lambda: self._recorded_range(self.recorded[name]), ANY)
        if self.catalogue is not None and name in self.catalogue.metrics:
            metric = self.catalogue.metrics[name]
            return Range(metric.low, metric.high)
        return ANY

    def _recorded_range(self, rules: list[Rule]) -> Range:
        whole = range_of(rules[0].expr, self.range)
        for rule in rules[1:]:
            whole = whole.either(range_of(rule.expr, self.range))
        return Range(whole.low, whole.high, nan=True) if not whole.empty else ANY

    def conditional(self, name: str, decides: Callable[[ast.Expr], bool]) -> bool:
        """Whether a recorded metric may be there at one time and not at another, by its rules."""
        return self._once("conditional", name, lambda: any(decides(rule.expr) for rule in self.recorded[name]), False)

    # -- type, period, number

    def kind(self, selector: ast.Selector) -> str:
        """`gauge` or `counter` where it is known, else nothing."""
        if self.of_city(selector) and self.catalogue is not None:
            return self.catalogue.metrics[self.name_of(selector)].kind
        return ""

    def period_ms(self, selector: ast.Selector) -> int:
        """How far apart the samples are, 0 where nobody knows."""
        name = self.name_of(selector)
        if name in self.recorded:
            return self.intervals[name]
        return self.catalogue.metrics[name].period_ms if self.catalogue is not None and name in self.catalogue.metrics else 0

    def count(self, selector: ast.Selector) -> int:
        """How many series a selector selects, 0 where nobody knows."""
        name = self.name_of(selector)
        if name in self.recorded:
            return self._once("count", name, lambda: sum(len(self.sets(rule.expr)) for rule in self.recorded[name]), 0)
        return len(self.selected(selector))

    def sets(self, expr: ast.Expr) -> list[Labels]:
        """The label sets of results, as far as they follow from one selector; those of its first operand for two."""
        match expr:
            case ast.Selector():
                return self._sets_of(expr)
            case ast.Matrix():
                return self._sets_of(expr.selector)
            case ast.Subquery() | ast.Paren() | ast.Unary():
                return self.sets(expr.expr)
            case ast.Aggregate():
                inner = self.sets(expr.expr)
                return inner if expr.op in KEEPS_ALL else self._parts_of(inner, expr.grouping, expr.without)
            case ast.Call():
                return max((self.sets(arg) for arg in expr.args), key=len, default=[])
            case ast.Binary():
                left, right = self.sets(expr.lhs), self.sets(expr.rhs)
                return left + right if expr.op == "or" else left or right
            case ast.Number() | ast.String():
                return []

    def _parts_of(self, sets: list[Labels], grouping: tuple[str, ...], without: bool) -> list[Labels]:
        """Each different part of some label sets once; rules of one file group the same series again and again."""
        key = id(sets), grouping, without
        if key not in self._parts:  # the sets are kept beside what they give, so that their identity stays theirs
            self._parts[key] = sets, list(dict.fromkeys(parts_of(sets, grouping, without)))
        return self._parts[key][1]

    def _sets_of(self, selector: ast.Selector) -> list[Labels]:
        name = self.name_of(selector)
        if name not in self.recorded:
            return self.selected(selector)
        return self._once("sets", name, lambda: [one for rule in self.recorded[name] for one in self.sets(rule.expr)], [])


def impossible(matchers: Iterable[Matcher], shape: Shape) -> list[Matcher]:
    """Return the matchers that ask for a label which the series cannot have."""
    return [m for m in matchers if m.name != NAME and shape.lacks(m.name) and not test_of(m)("")]
