"""Why an expression has the value it has: each part evaluated at one instant, for the series that one alert is about.

Lives here: walking the syntax tree, evaluating each part once, and finding what ended the chain. Must not know: rules, alerts.
Nothing is computed in another way than the engine does it: each part is given to the engine, as the whole is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ops_center.label_sets import NAME, IndexArray, Labels
from ops_center.promql import ast
from ops_center.promql.engine import Engine, evaluate
from ops_center.promql.errors import PromQLError
from ops_center.promql.explained import ABSENT, ERROR, FALSE, TRUE, VALUE, Node, Reason, Shown
from ops_center.promql.focus import Focus, agreeing, into
from ops_center.promql.pairs import TESTS, matched, nearest_miss
from ops_center.promql.parser import parse
from ops_center.promql.selectors import Context
from ops_center.promql.sharing import Memo, Pool
from ops_center.promql.values import Scalar, Text, Value, Vector
from ops_center.promql.why_absent import last_samples, why_absent, why_no_result

MOST_SHOWN = 8
MAX_DEPTH = 48  # of the tree that is shown; what lies deeper is folded
MAX_NODES = 800
MAX_RECORDS = 4  # how many rules that record, each read by the one before, are followed
_NO_COLUMNS: IndexArray = np.zeros(0, dtype=np.intp)
_INSIDE = Reason("inside")
_ANY_OF = ("selector", "range")  # what rules record is there if any of the rules gives it


@dataclass(frozen=True, slots=True)
class Recorded:
    """A rule that records a metric: its expression, and the labels that it adds."""

    text: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        text: the expression.
        at_ms: when, epoch ms; as_of_ms: what was known then, None for all that is known by now.
        focus: about which labels.
        most: how many series to show of a part.
        records: what the metrics that rules record are made of; such a selector is explained by the rule's expression.
    """

    text: str
    at_ms: int
    as_of_ms: int | None = None
    focus: Focus = field(default_factory=dict)
    most: int = MOST_SHOWN
    records: Mapping[str, tuple[Recorded, ...]] = field(default_factory=dict)


def explain(engine: Engine, question: Question) -> Node:
    """Return the tree of an expression with the value of each part.

    Raises:
        PromQLError: the text is no expression. What fails while it is evaluated is said at the part that failed.
    """
    context = engine.moment(question.at_ms, question.as_of_ms, Memo(Pool()))
    with np.errstate(all="ignore"):
        return _Walk(question, context).whole(question.text, question.focus, 0)


def ended_by(node: Node) -> list[Node]:
    """The parts at which a chain without a result ended; several where each of them alone would have been enough."""
    if node.holds:
        return []
    if node.kind in _ANY_OF or (node.kind, node.op) == ("set", "or"):
        return [part for child in node.children for part in ended_by(child)] if node.reason == _INSIDE else [node]
    first = next((child for child in node.children if not child.holds), None)
    if node.reason == _INSIDE and first is not None:
        return ended_by(first)
    return [node]


@dataclass(frozen=True, slots=True)
class _Found:
    """The value of a part, and which of its columns the question is about."""

    value: Value | None
    columns: IndexArray
    error: str = ""

    @property
    def everywhere(self) -> int:
        return int(np.count_nonzero(self.value.present)) if isinstance(self.value, Vector) else int(self.value is not None)


class _Walk:
    """One explanation at work: numbers the parts and remembers what each is worth."""

    def __init__(self, question: Question, context: Context) -> None:
        self.question, self.context = question, context
        self._count = 0
        self._texts: list[str] = []  # of the rule that is explained, and of those whose records it reads
        self._following: list[str] = []  # the metrics whose records are explained just now
        self._told: set[tuple[str, frozenset[tuple[str, str]]]] = set()  # records are explained once
        self._beside_the_point = 0  # how many sides lie around that cannot have changed the result

    def whole(self, text: str, focus: Focus, depth: int) -> Node:
        """Return the tree of a whole expression."""
        expr = parse(text)
        if self.context.memo is not None:
            valued = (node for node in ast.walk(expr) if not isinstance(node, ast.Matrix | ast.Subquery | ast.String))
            self.context.memo.shared.update(id(node) for node in valued)
        self._texts.append(text)
        made = self.node(expr, dict(focus), depth)
        self._texts.pop()
        return made

    def found(self, expr: ast.Expr, focus: Focus) -> _Found:
        try:
            value = evaluate(expr, self.context)
        except PromQLError as error:
            return _Found(None, _NO_COLUMNS, str(error))
        if not isinstance(value, Vector):
            return _Found(value, np.zeros(1, dtype=np.intp))
        there = np.flatnonzero(value.present[0]) if value.order is None else value.order
        if focus:
            mine = agreeing([value.labels.sets[i] for i in there.tolist()], focus)
            there = there[mine]
        return _Found(value, there.astype(np.intp))

    def node(self, expr: ast.Expr, focus: Focus, depth: int) -> Node:
        """Return the tree below a part."""
        expr = ast.unwrap(expr)
        number, self._count = self._count, self._count + 1
        if depth >= MAX_DEPTH or number >= MAX_NODES:
            return self._made(number, expr, ABSENT, reason=Reason("folded"))
        make = _MAKERS.get(type(expr), _Walk.other)
        return make(self, number, expr, focus, depth)

    def _made(self, number: int, expr: ast.Expr, state: str, **more: object) -> Node:
        kind, op = _named(expr)
        start, end = expr.span.start, expr.span.end
        return Node(number, kind, op, self._texts[-1][start:end], start, end, state, **more)  # type: ignore[arg-type]  # passed on

    def _children(self, expr: ast.Expr, focus: Focus, depth: int) -> tuple[Node, ...]:
        parts = zip(ast.children(expr), into(expr, focus), strict=True)
        return tuple(self.node(child, inner, depth + 1) for child, inner in parts)

    # -- leaves

    def literal(self, number: int, expr: ast.Expr, _focus: Focus, _depth: int) -> Node:
        shown = (Shown((), expr.value),) if isinstance(expr, ast.Number) else ()
        return self._made(number, expr, VALUE, shown=shown)

    def selector(self, number: int, expr: ast.Selector, focus: Focus, depth: int) -> Node:
        found = self.found(expr, focus)
        if found.error:
            return self._failed(number, expr, found.error, ())
        shown, records = self._values(found, last_samples(expr, self.context)), self._records(expr, focus, depth)
        state, reason = (VALUE, None) if len(found.columns) else (ABSENT, why_absent(expr, focus, self.context))
        reason = _INSIDE if reason and records and not any(record.holds for record in records) else reason
        return self._made(
            number,
            expr,
            state,
            series=len(found.columns),
            everywhere=found.everywhere,
            shown=shown,
            reason=reason,
            children=records,
        )

    def range(self, number: int, expr: ast.Matrix, focus: Focus, depth: int) -> Node:
        found = self.found(ast.Call("count_over_time", (expr,), expr.span), focus)
        if found.error:
            return self._failed(number, expr, found.error, ())
        times = self.found(ast.Call("ts_of_last_over_time", (expr,), expr.span), {}).value
        shown = self._values(found, times if isinstance(times, Vector) else None)
        records = self._records(expr.selector, focus, depth)
        reason = None if len(found.columns) else why_absent(expr.selector, focus, self.context, expr.range_ms)
        reason = _INSIDE if reason and records and not any(record.holds for record in records) else reason
        state = VALUE if len(found.columns) else ABSENT
        return self._made(
            number,
            expr,
            state,
            series=len(found.columns),
            everywhere=found.everywhere,
            shown=shown,
            reason=reason,
            children=records,
        )

    def _records(self, selector: ast.Selector, focus: Focus, depth: int) -> tuple[Node, ...]:
        """The rules that record what a selector reads, as parts below it; what they are now, so not where it looks back."""
        rules = self.question.records.get(selector.metric, ())
        fixed = {m.name: m.value for m in selector.matchers if m.op == "=" and m.name != NAME and m.value}
        key = (selector.metric, frozenset({**focus, **fixed}.items()))
        if not rules or selector.has_offset or selector.at is not None or self._beside_the_point or key in self._told:
            return ()
        if len(self._following) >= MAX_RECORDS or selector.metric in self._following:
            return ()
        self._told.add(key)
        self._following.append(selector.metric)
        made = []
        for rule in rules:
            number, self._count = self._count, self._count + 1
            inner = {name: value for name, value in {**focus, **fixed}.items() if name not in rule.labels}
            tree = self.whole(rule.text, inner, depth + 2)
            reason = None if tree.holds else _INSIDE
            text, count = rule.text, len(rule.text)
            made.append(
                Node(
                    number,
                    "record",
                    selector.metric,
                    text,
                    0,
                    count,
                    tree.state,
                    tree.series,
                    tree.everywhere,
                    reason=reason,
                    children=(tree,),
                )
            )
        self._following.pop()
        return tuple(made)

    def subquery(self, number: int, expr: ast.Subquery, focus: Focus, depth: int) -> Node:
        found = self.found(ast.Call("count_over_time", (expr,), expr.span), focus)
        children = self._children(expr, focus, depth)
        if found.error:
            return self._failed(number, expr, found.error, children)
        state, reason = (VALUE, None) if len(found.columns) else (ABSENT, Reason("few_samples", {"samples": 0}))
        shown = self._values(found)
        return self._made(
            number, expr, state, series=len(found.columns), everywhere=found.everywhere, shown=shown, reason=reason,
            children=children,
        )  # fmt: skip

    # -- inner parts

    def other(self, number: int, expr: ast.Expr, focus: Focus, depth: int) -> Node:
        """A call, an aggregation or a sign."""
        found, children = self.found(expr, focus), self._children(expr, focus, depth)
        if found.error:
            return self._failed(number, expr, found.error, children)
        some = len(found.columns) > 0
        state = VALUE if some else ABSENT
        if isinstance(expr, ast.Call) and expr.func in ("absent", "absent_over_time"):
            state = TRUE if some else FALSE
        reason = None if some else why_no_result(expr, children)
        return self._made(
            number, expr, state, series=len(found.columns), everywhere=found.everywhere, shown=self._values(found), reason=reason,
            children=children,
        )  # fmt: skip

    def binary(self, number: int, expr: ast.Binary, focus: Focus, depth: int) -> Node:
        children = self._sides(expr, focus, depth)
        found = self.found(expr, focus)
        if found.error:
            return self._failed(number, expr, found.error, children)
        if expr.op in ast.COMPARISONS:
            return self._comparison(number, expr, focus, found, children)
        some = len(found.columns) > 0
        yes, no = (TRUE, FALSE) if expr.op in ast.SET_OPS else (VALUE, ABSENT)
        reason = None if some else _why_unmatched(expr, children)
        shown = self._values(found, holds=True if expr.op in ast.SET_OPS else None)
        return self._made(
            number, expr, yes if some else no, series=len(found.columns), everywhere=found.everywhere, shown=shown, reason=reason,
            children=children,
        )  # fmt: skip

    def _sides(self, expr: ast.Binary, focus: Focus, depth: int) -> tuple[Node, Node]:
        """Both sides; where the left one has no result, what `and` and `unless` have on the right cannot change it."""
        left_focus, right_focus = into(expr, focus)
        left = self.node(expr.lhs, left_focus, depth + 1)
        idle = expr.op in ("and", "unless") and not left.holds
        self._beside_the_point += idle
        right = self.node(expr.rhs, right_focus, depth + 1)
        self._beside_the_point -= idle
        return left, right

    def _comparison(self, number: int, expr: ast.Binary, focus: Focus, found: _Found, children: tuple[Node, ...]) -> Node:
        pairs = self._pairs(expr, focus)
        passed = [pair for pair in pairs if pair.holds]
        some = bool(passed) if expr.return_bool or not isinstance(found.value, Vector) else len(found.columns) > 0
        reason = None
        if not some:
            missing = any(not child.holds for child in children)
            reason = Reason("inside") if missing else nearest_miss(expr.op, pairs) or Reason("no_match")
        state = TRUE if some else FALSE if reason and reason.code == "comparison" else ABSENT
        if expr.return_bool and isinstance(found.value, Vector) and len(found.columns):
            state = VALUE  # it has a result, a nought, and so goes on
        shown = tuple(sorted(pairs, key=lambda pair: not pair.holds))[: self.question.most]
        return self._made(
            number, expr, state, series=len(passed), everywhere=found.everywhere, shown=shown, reason=reason, children=children
        )

    def _pairs(self, expr: ast.Binary, focus: Focus) -> list[Shown]:
        """What is compared with what."""
        left_focus, right_focus = into(expr, focus)
        left, right = self._columns(expr.lhs, left_focus), self._columns(expr.rhs, right_focus)
        if left is None or right is None:
            return []
        test = TESTS[expr.op]
        if expr.matching.group == "right":
            pairs = [(one, many, labels) for labels, many, one in matched(right, left, expr.matching)]
        else:
            pairs = [(many, one, labels) for labels, many, one in matched(left, right, expr.matching)]
        return [Shown(labels, a, b, test(a, b)) for a, b, labels in pairs]

    def _columns(self, expr: ast.Expr, focus: Focus) -> list[tuple[Labels, float]] | float | None:
        found = self.found(expr, focus)
        if isinstance(found.value, Scalar):
            return float(found.value.values[0])
        if not isinstance(found.value, Vector):
            return None
        return [(found.value.labels.sets[c], float(found.value.values[0, c])) for c in found.columns.tolist()]

    def _failed(self, number: int, expr: ast.Expr, message: str, children: tuple[Node, ...]) -> Node:
        inside = any(child.state == ERROR for child in children)
        reason = Reason("inside") if inside else Reason("error", {"message": message})
        return self._made(number, expr, ERROR, reason=reason, children=children)

    def _values(self, found: _Found, times: Vector | None = None, holds: bool | None = None) -> tuple[Shown, ...]:
        """The first series of a result, with the instants of their last samples where `times` has them (epoch seconds)."""
        value = found.value
        if isinstance(value, Scalar):
            return (Shown((), float(value.values[0])),)
        if isinstance(value, Text) or value is None:
            return ()
        columns = found.columns[: self.question.most].tolist()
        stamps = {} if times is None else _stamps(times, {value.labels.sets[c] for c in columns})
        shift = self.context.shift_ms
        out = []
        for c in columns:
            at = stamps.get(value.labels.sets[c])
            at_ms = None if at is None else round(at * 1000) - shift
            out.append(Shown(value.labels.sets[c], float(value.values[0, c]), None, holds, at_ms))
        return tuple(out)


def _stamps(times: Vector, wanted: set[Labels]) -> dict[Labels, float]:
    return {s: float(times.values[0, i]) for i, s in enumerate(times.labels.sets) if s in wanted and times.present[0, i]}


def _why_unmatched(expr: ast.Binary, children: tuple[Node, ...]) -> Reason:
    left, right = children
    if expr.op == "unless":
        return Reason("inside") if not left.holds else Reason("excluded")
    if expr.op == "or" or not left.holds or not right.holds:
        return Reason("inside")
    return Reason("no_match")


def _named(expr: ast.Expr) -> tuple[str, str]:
    """What a part is called: kind and operator."""
    if isinstance(expr, ast.Binary):
        kind = "comparison" if expr.op in ast.COMPARISONS else "set" if expr.op in ast.SET_OPS else "arithmetic"
        return kind, expr.op
    kind, op_of = _KINDS[type(expr)]
    return kind, op_of(expr)


_KINDS: dict[type, tuple[str, Callable[..., str]]] = {
    ast.Number: ("number", lambda _: ""),
    ast.String: ("string", lambda _: ""),
    ast.Selector: ("selector", lambda expr: expr.metric),
    ast.Matrix: ("range", lambda expr: expr.selector.metric),
    ast.Subquery: ("subquery", lambda _: ""),
    ast.Call: ("call", lambda expr: expr.func),
    ast.Aggregate: ("aggregate", lambda expr: expr.op),
    ast.Unary: ("sign", lambda expr: expr.op),
}
_MAKERS: dict[type, Callable[..., Node]] = {
    ast.Number: _Walk.literal,
    ast.String: _Walk.literal,
    ast.Selector: _Walk.selector,
    ast.Matrix: _Walk.range,
    ast.Subquery: _Walk.subquery,
    ast.Binary: _Walk.binary,
}
