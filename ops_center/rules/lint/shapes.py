"""Which labels the results of an expression have: those that all of them have, and those that any of them may have.

Lives here: how labels flow through each kind of expression, without any data. Must not know: where selectors' labels come from.
The metric's name is no label here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ops_center.label_sets import NAME
from ops_center.promql import ast
from ops_center.promql.checks import type_of
from ops_center.promql.signatures import SCALAR, STRING

KEEPS_ALL = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
_ABSENT = frozenset({"absent", "absent_over_time"})


@dataclass(frozen=True, slots=True)
class Shape:
    """`certain` labels are on every series, `possible` ones on some; None: nobody knows, any may be."""

    certain: frozenset[str] = frozenset()
    possible: frozenset[str] | None = None

    def lacks(self, label: str) -> bool:
        """Whether no series can have the label."""
        return self.possible is not None and label not in self.possible

    def only(self, names: Iterable[str]) -> Shape:
        """The shape with only these labels."""
        kept = frozenset(names)
        return Shape(self.certain & kept, kept if self.possible is None else self.possible & kept)

    def without(self, names: Iterable[str]) -> Shape:
        """The shape without these labels."""
        gone = frozenset(names)
        return Shape(self.certain - gone, None if self.possible is None else self.possible - gone)

    def with_(self, certain: Iterable[str] = (), possible: Iterable[str] = ()) -> Shape:
        """The shape with further labels."""
        more = frozenset(certain)
        both = None if self.possible is None else self.possible | more | frozenset(possible)
        return Shape(self.certain | more, both)

    def either(self, other: Shape) -> Shape:
        """The shape of series that are of this one or of another."""
        both = None if self.possible is None or other.possible is None else self.possible | other.possible
        return Shape(self.certain & other.certain, both)


BARE = Shape(frozenset(), frozenset())
Known = Callable[[ast.Selector], Shape]


def shape_of(expr: ast.Expr, known: Known) -> Shape:
    """Return the shape of an expression's results; `known` has those of selectors."""
    return shapes(expr, known)[id(expr)]


def shapes(expr: ast.Expr, known: Known) -> dict[int, Shape]:
    """Return the shape of each node of an expression, by its identity; from the leaves up, because a chain may be 500 long."""
    found: dict[int, Shape] = {}
    for node in reversed(ast.walk(expr)):
        found[id(node)] = _one(node, known, found)
    return found


def _one(expr: ast.Expr, known: Known, found: dict[int, Shape]) -> Shape:
    match expr:
        case ast.Selector():
            return known(expr)
        case ast.Matrix():
            return found[id(expr.selector)]
        case ast.Subquery() | ast.Paren() | ast.Unary():
            return found[id(expr.expr)]
        case ast.Call():
            return _call(expr, found)
        case ast.Aggregate():
            return _aggregate(expr, found[id(expr.expr)])
        case ast.Binary():
            return _binary(expr, found[id(expr.lhs)], found[id(expr.rhs)])
        case ast.Number() | ast.String():
            return BARE


def _call(expr: ast.Call, found: dict[int, Shape]) -> Shape:
    if expr.func in _ABSENT:
        return _absent(ast.unwrap(expr.args[0]))
    series = [arg for arg in expr.args if type_of(arg) not in (SCALAR, STRING)]
    if not series or expr.func == "scalar":
        return BARE
    inner = found[id(series[0])]
    texts = [arg.value for arg in map(ast.unwrap, expr.args) if isinstance(arg, ast.String)]
    match expr.func:
        case "label_replace" if len(texts) == 4:
            return _label_replace(inner, texts)
        case "label_join" if len(texts) >= 2:
            certain = any(source in inner.certain for source in texts[2:]) or (texts[1] != "" and len(texts) > 3)
            return _written(inner, texts[0], certain)
        case "histogram_quantile" | "histogram_fraction":
            return inner.without(["le"])
        case "histogram_quantiles" | "info":
            return Shape(inner.certain - {"le"}, None)
        case _:
            return inner


def _absent(arg: ast.Expr) -> Shape:
    """What is absent has the labels that the selector names."""
    selector = arg.selector if isinstance(arg, ast.Matrix) else arg
    if not isinstance(selector, ast.Selector):
        return BARE
    equal = [m.name for m in selector.matchers if m.op == "=" and m.value and m.name != NAME]
    named = frozenset(name for name in equal if [m.name for m in selector.matchers].count(name) == 1)
    return Shape(named, named)


def _label_replace(inner: Shape, texts: list[str]) -> Shape:
    target, replacement, source, regex = texts
    takes_all = regex in ("(.*)", ".*", "(.+)", ".+", "^(.*)$")
    copied = takes_all and replacement in ("$1", "${1}") and source in inner.certain
    matched = regex in ("(.*)", ".*") or (takes_all and source in inner.certain) or (source == "" and regex == "")
    written = replacement != "" and "$" not in replacement and matched
    return _written(inner, target, copied or written)


def _written(inner: Shape, target: str, certain: bool) -> Shape:
    """The shape after a label was written that may come out empty, which is none."""
    base = Shape(inner.certain - {target}, inner.possible)
    if target == NAME:
        return base
    return base.with_([target] if certain else (), [target])


def _aggregate(expr: ast.Aggregate, inner: Shape) -> Shape:
    if expr.op in KEEPS_ALL:
        return inner
    grouped = inner.without(expr.grouping) if expr.without else inner.only(expr.grouping)
    param = None if expr.param is None else ast.unwrap(expr.param)
    if expr.op == "count_values" and isinstance(param, ast.String):
        return grouped.with_([param.value])
    return grouped


def _binary(expr: ast.Binary, left: Shape, right: Shape) -> Shape:
    left_scalar, right_scalar = type_of(expr.lhs) == SCALAR, type_of(expr.rhs) == SCALAR
    if left_scalar or right_scalar:
        return right if left_scalar else left
    how = expr.matching
    if expr.op == "or":
        return left.either(right)
    if expr.op in ast.SET_OPS:
        return left
    if how.fill_left is not None or how.fill_right is not None:
        return Shape()  # what only one side has comes with the labels by which sides are matched
    if how.group:
        many, one = (left, right) if how.group == "left" else (right, left)
        more = [name for name in how.include if not one.lacks(name)]
        return many.without(how.include).with_([name for name in more if name in one.certain], more)
    return left.only(how.labels).with_(right.certain & frozenset(how.labels)) if how.on else left.without(how.labels)


def joined_labels(how: ast.Matching, left: Shape, right: Shape) -> frozenset[str]:
    """Return the labels that one side always has and the other never, of those by which two sides are joined."""
    names = frozenset(how.labels) if how.on else (left.certain | right.certain) - frozenset(how.labels)
    one = {name for name in names if name in left.certain and right.lacks(name)}
    return frozenset(one | {name for name in names if name in right.certain and left.lacks(name)})
