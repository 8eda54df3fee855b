"""The syntax tree of PromQL as frozen values, each with its place in the text; knows nothing of evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ops_center.label_sets import NAME, Matcher
from ops_center.promql.errors import NOWHERE, Span
from ops_center.promql.periods import Period


@dataclass(frozen=True, slots=True)
class Number:
    """A number literal."""

    value: float
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class String:
    """A string literal."""

    value: str
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class At:
    """The `@` modifier: a fixed instant in epoch ms, or `start` / `end` of the query."""

    at_ms: int | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector selector; `metric` is empty when only matchers were given.

    `offset` is the period that `offset_ms` has to be computed from for each query, None where it is fixed. `extended` is
    "anchored" or "smoothed" where the bounds of what is read get values of their own.
    """

    metric: str
    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At | None = None
    has_offset: bool = False
    offset: Period | None = None
    extended: str = ""
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Matrix:
    """A range vector selector `selector[range]`; `range` is the period to compute `range_ms` from, None where it is fixed."""

    selector: Selector
    range_ms: int
    range: Period | None = None
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expr[range:step]`; `step_ms` is None for the default resolution.

    `range`, `step` and `offset` are periods to compute for each query, None where they are fixed.
    """

    expr: Expr
    range_ms: int
    step_ms: int | None
    offset_ms: int = 0
    at: At | None = None
    has_offset: bool = False
    range: Period | None = None
    step: Period | None = None
    offset: Period | None = None
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    func: str
    args: tuple[Expr, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregation with its grouping."""

    op: str
    expr: Expr
    param: Expr | None
    grouping: tuple[str, ...]
    without: bool
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Matching:
    """How two vectors are joined: `on` or `ignoring` labels, cardinality, labels taken from the one side.

    `fill_left` and `fill_right` are the numbers to take where a side has no sample; None for none.
    """

    on: bool = False
    labels: tuple[str, ...] = ()
    group: str = ""  # "", "left" or "right"
    include: tuple[str, ...] = ()
    explicit: bool = False
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary operation."""

    op: str
    lhs: Expr
    rhs: Expr
    return_bool: bool = False
    matching: Matching = field(default_factory=Matching)
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign before an expression."""

    op: str
    expr: Expr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses."""

    expr: Expr
    span: Span = NOWHERE


Expr = Number | String | Selector | Matrix | Subquery | Call | Aggregate | Binary | Unary | Paren

COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
SET_OPS = frozenset({"and", "or", "unless"})


def unwrap(expr: Expr) -> Expr:
    """The expression inside any parentheses."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


def children(expr: Expr) -> tuple[Expr, ...]:
    """Direct sub-expressions, in text order."""
    match expr:
        case Matrix():
            return (expr.selector,)
        case Subquery() | Unary() | Paren():
            return (expr.expr,)
        case Call():
            return expr.args
        case Aggregate():
            return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
        case Binary():
            return (expr.lhs, expr.rhs)
        case Number() | String() | Selector():
            return ()


def walk(expr: Expr) -> list[Expr]:
    """All nodes, without recursion, parents before children."""
    out, stack = [], [expr]
    while stack:
        node = stack.pop()
        out.append(node)
        stack.extend(reversed(children(node)))
    return out


def reaches(expr: Expr, lookback_ms: int) -> Iterator[tuple[str, int]]:
    """Yield for each selector its metric (empty: any) and how far before the evaluation of an expression it may look [ms].

    Looking ahead (a negative offset) counts as not at all.
    """
    if isinstance(expr, Selector):
        yield _metric_of(expr), max(expr.offset_ms, 0) + lookback_ms
    elif isinstance(expr, Matrix):
        yield _metric_of(expr.selector), max(expr.selector.offset_ms, 0) + expr.range_ms
    else:  # what is computed from the query counts as at a single instant: the step and the range of a rule are 0
        more = max(expr.offset_ms, 0) + expr.range_ms if isinstance(expr, Subquery) else 0
        for child in children(expr):
            for metric, within_ms in reaches(child, lookback_ms):
                yield metric, within_ms + more


def _metric_of(selector: Selector) -> str:
    named = [m.value for m in selector.matchers if m.name == NAME and m.op == "="]
    return selector.metric or (named[0] if named else "")


def reach_ms(expr: Expr, lookback_ms: int) -> int:
    """How far before its evaluation an expression may look [ms]."""
    return max((reach for _, reach in reaches(expr, lookback_ms)), default=0)
