"""Between which values the results of an expression lie, and whether there can be any at all.

Lives here: interval arithmetic over each kind of expression, without any data. Must not know: where a selector's comes from.
Bounds are closed and may be infinite; NaN lies outside of every range, as it fails every comparison but `!=`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ops_center.promql import ast
from ops_center.promql.checks import type_of
from ops_center.promql.signatures import SCALAR, STRING

INF = math.inf
NEVER, ALWAYS, SOMETIMES = "never", "always", "sometimes"


@dataclass(frozen=True, slots=True)
class Range:
    """All values lie in [low, high]; `empty`: there is no value at all; `nan`: one of them may be NaN."""

    low: float = -INF
    high: float = INF
    empty: bool = False
    nan: bool = False

    @property
    def unbounded(self) -> bool:
        """Whether infinities of both signs may be among the values: their sum is NaN."""
        return math.isinf(self.low) and math.isinf(self.high) and self.low < self.high

    @property
    def infinite(self) -> bool:
        """Whether an infinity may be among the values."""
        return math.isinf(self.low) or math.isinf(self.high)

    def or_nan(self, nan: bool) -> Range:
        """The range with NaN beside it."""
        return Range(self.low, self.high, self.empty, self.nan or nan)

    def within(self, low: float, high: float) -> Range:
        """The part of the range between two bounds."""
        kept = max(self.low, low), min(self.high, high)
        return Range(*kept, self.empty or kept[0] > kept[1], self.nan)

    def either(self, other: Range) -> Range:
        """The range of values that are in this one or in another."""
        if self.empty or other.empty:
            return other if self.empty else self
        return Range(min(self.low, other.low), max(self.high, other.high), nan=self.nan or other.nan)


ANY, NOTHING, ONE, SHARE = Range(nan=True), Range(empty=True), Range(1.0, 1.0), Range(0.0, 1.0)
FROM_0, FROM_1 = Range(0.0, INF), Range(1.0, INF)
Known = Callable[[ast.Selector], Range]

_SAME = frozenset({
    "avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time", "quantile_over_time", "sort",
    "sort_desc", "sort_by_label", "sort_by_label_desc", "label_replace", "label_join",
})  # fmt: skip
_FIXED = {
    **dict.fromkeys(("rate", "irate", "increase", "changes", "resets", "stddev_over_time", "stdvar_over_time"), FROM_0),
    **dict.fromkeys(("mad_over_time", "timestamp"), FROM_0),
    "count_over_time": FROM_1,
    "present_over_time": ONE,
    "sgn": Range(-1.0, 1.0, nan=True),
    "hour": Range(0.0, 23.0), "minute": Range(0.0, 59.0), "month": Range(1.0, 12.0), "day_of_week": Range(0.0, 6.0),
    "day_of_month": Range(1.0, 31.0), "day_of_year": Range(1.0, 366.0), "days_in_month": Range(28.0, 31.0),
    "time": FROM_0, "pi": Range(math.pi, math.pi),
}  # fmt: skip
_OF_VALUES = frozenset({"rate", "irate", "increase", "stddev_over_time", "stdvar_over_time", "mad_over_time"})
_ABSENT = frozenset({"absent", "absent_over_time"})


def range_of(expr: ast.Expr, known: Known) -> Range:
    """Return the range of an expression's results; `known` has those of selectors."""
    return ranges(expr, known)[id(expr)]


def ranges(expr: ast.Expr, known: Known) -> dict[int, Range]:
    """Return the range of each node of an expression, by its identity; from the leaves up, because a chain may be 500 long."""
    found: dict[int, Range] = {}
    for node in reversed(ast.walk(expr)):
        found[id(node)] = _one(node, known, found)
    return found


def _one(expr: ast.Expr, known: Known, found: dict[int, Range]) -> Range:
    match expr:
        case ast.Number():
            return Range(expr.value, expr.value) if not math.isnan(expr.value) else ANY
        case ast.String():
            return ANY
        case ast.Selector():
            return known(expr)
        case ast.Matrix():
            return found[id(expr.selector)]
        case ast.Subquery() | ast.Paren():
            return found[id(expr.expr)]
        case ast.Unary():
            inner = found[id(expr.expr)]
            return inner if expr.op == "+" else Range(-inner.high, -inner.low, inner.empty, inner.nan)
        case ast.Aggregate():
            return _aggregate(expr, found[id(expr.expr)])
        case ast.Call():
            return _call(expr, found)
        case ast.Binary():
            return _binary(expr, found[id(expr.lhs)], found[id(expr.rhs)])


def _aggregate(expr: ast.Aggregate, inner: Range) -> Range:
    if inner.empty:
        return NOTHING
    match expr.op:
        case "sum":
            return _sum(inner)
        case "count" | "count_values":
            return FROM_1
        case "group":
            return ONE
        case "stddev" | "stdvar":
            return Range(0.0, INF, nan=inner.nan or inner.infinite)
        case "avg":
            return inner.or_nan(inner.unbounded)
        case "quantile":
            return inner if isinstance(expr.param, ast.Number) and 0.0 <= expr.param.value <= 1.0 else ANY
        case _:
            return inner


def _sum(inner: Range) -> Range:
    """Of any number of values, at least one."""
    low, high = inner.low if inner.low >= 0.0 else -INF, inner.high if inner.high <= 0.0 else INF
    return Range(low, high, nan=inner.nan or inner.unbounded)


def _call(expr: ast.Call, found: dict[int, Range]) -> Range:
    args = [found[id(arg)] for arg in expr.args if type_of(arg) != STRING]
    series = [one for one, arg in zip(args, expr.args, strict=False) if type_of(arg) != SCALAR]
    if expr.func in _ABSENT:
        return ONE
    if expr.func in ("vector", "scalar"):
        only = args[0]
        if expr.func == "vector":
            return only
        return ANY if only.empty else Range(only.low, only.high, nan=True)
    if series and series[-1].empty:
        return NOTHING
    if expr.func in _FIXED:
        return _FIXED[expr.func].or_nan(expr.func in _OF_VALUES and (series[-1].nan or series[-1].infinite))
    if expr.func in _SAME and not (expr.func == "quantile_over_time" and not 0.0 <= args[0].low <= args[0].high <= 1.0):
        return series[-1].or_nan(expr.func == "avg_over_time" and series[-1].unbounded)
    return _of_values(expr, args)


def _of_values(expr: ast.Call, args: list[Range]) -> Range:
    """Functions that go value by value, in step with their argument."""
    match expr.func:
        case "sum_over_time":
            return _sum(args[0])
        case "abs":
            a, b = abs(args[0].low), abs(args[0].high)
            return Range(0.0 if args[0].low <= 0.0 <= args[0].high else min(a, b), max(a, b), nan=args[0].nan)
        case "ceil" | "floor":
            rounded = math.ceil if expr.func == "ceil" else math.floor
            return Range(_whole(rounded, args[0].low), _whole(rounded, args[0].high), nan=args[0].nan)
        case "round" if len(args) == 1:
            return Range(_whole(math.floor, args[0].low), _whole(math.ceil, args[0].high), nan=args[0].nan)
        case "sqrt" if args[0].low >= 0.0:
            return Range(math.sqrt(args[0].low), math.sqrt(args[0].high), nan=args[0].nan)
        case "exp":
            return Range(0.0, INF, nan=args[0].nan)
        case "clamp_min" | "clamp_max" | "clamp":
            return _clamped(expr.func, args)
        case _:
            return ANY


def _clamped(func: str, args: list[Range]) -> Range:
    low, high = args[0].low, args[0].high
    if func != "clamp_max":
        low, high = max(low, args[1].low), max(high, args[1].high)
    if func != "clamp_min":
        low, high = min(low, args[-1].low), min(high, args[-1].high)
    return Range(low, high, nan=True)


def _whole(rounded: Callable[[float], int], value: float) -> float:
    return value if math.isinf(value) else float(rounded(value))


def _binary(expr: ast.Binary, left: Range, right: Range) -> Range:
    if expr.op == "or":
        return left.either(right)
    if expr.op == "unless":
        return left
    filled = expr.matching.fill_left is not None or expr.matching.fill_right is not None
    if (left.empty or right.empty) and not filled:
        return NOTHING
    if filled:
        return ANY
    if expr.op == "and":
        return left
    if expr.op not in ast.COMPARISONS:
        return _arithmetic(expr.op, left, right)
    if expr.return_bool:
        return SHARE
    if decided(expr.op, left, right) == NEVER:
        return NOTHING
    if type_of(expr.lhs) == SCALAR and type_of(expr.rhs) != SCALAR:
        return _narrowed(_MIRRORED.get(expr.op, expr.op), right, left)
    return _narrowed(expr.op, left, right)


_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _narrowed(op: str, kept: Range, other: Range) -> Range:
    """What is left of a side after it was compared; NaN passes only `!=`."""
    low, high = kept.low, kept.high
    if op in (">", ">=", "=="):
        low = max(low, other.low)
    if op in ("<", "<=", "=="):
        high = min(high, other.high)
    return Range(low, high, nan=kept.nan and op == "!=")


def decided(op: str, left: Range, right: Range) -> str:
    """Return whether a comparison can hold: never, always, or sometimes."""
    a, b, c, d = left.low, left.high, right.low, right.high
    never = {
        ">": b <= c, ">=": b < c, "<": a >= d, "<=": a > d, "==": b < c or a > d, "!=": a == b == c == d,
    }[op]  # fmt: skip
    if never:
        return SOMETIMES if op == "!=" and (left.nan or right.nan) else NEVER
    always = {
        ">": a > d, ">=": a >= d, "<": b < c, "<=": b <= c, "==": a == b == c == d, "!=": b < c or a > d,
    }[op]  # fmt: skip
    certain = op == "!=" or not (left.nan or right.nan)
    return ALWAYS if always and certain else SOMETIMES


def _arithmetic(op: str, left: Range, right: Range) -> Range:
    nan = left.nan or right.nan
    if op == "+":
        nan = nan or (math.isinf(left.low) and math.isinf(right.high)) or (math.isinf(left.high) and math.isinf(right.low))
        return _clean(left.low + right.low, left.high + right.high, nan)
    if op == "-":
        nan = nan or (math.isinf(left.low) and math.isinf(right.low)) or (math.isinf(left.high) and math.isinf(right.high))
        return _clean(left.low - right.high, left.high - right.low, nan)
    if op == "*":
        nan = nan or (left.infinite and right.low <= 0.0 <= right.high) or (right.infinite and left.low <= 0.0 <= left.high)
        return _corners(left, right, lambda a, b: 0.0 if a == 0.0 or b == 0.0 else a * b, nan)
    nan = nan or (left.infinite and right.infinite)
    if op == "/" and (right.low > 0.0 or right.high < 0.0):
        return _corners(left, right, lambda a, b: 0.0 if math.isinf(b) else a / b, nan)
    if op == "/" and left.low >= 0.0 and right.low >= 0.0:
        return Range(0.0, INF, nan=True)
    return ANY


def _corners(left: Range, right: Range, of: Callable[[float, float], float], nan: bool) -> Range:
    ends = [of(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return _clean(min(ends), max(ends), nan)


def _clean(low: float, high: float, nan: bool) -> Range:
    """A difference of infinities is no bound."""
    return Range(-INF if math.isnan(low) else low, INF if math.isnan(high) else high, nan=nan)
