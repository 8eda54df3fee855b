"""Findings on what can be true: comparisons that never hold or always do, alerts without a condition, sides that cannot join."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ops_center.promql import ast
from ops_center.promql.checks import type_of
from ops_center.promql.signatures import SCALAR
from ops_center.rules.lint.look import Look, Notes
from ops_center.rules.lint.ranges import ALWAYS, NEVER, Range, decided
from ops_center.rules.lint.shapes import joined_labels

_ABSENT = frozenset({"absent", "absent_over_time"})


def never_true(look: Look) -> Notes:
    """A comparison that no value can pass; an error where the whole rule has no result because of it."""
    dead = look.range(look.rule.expr).empty
    for node in _comparisons(look):
        left, right = look.range(node.lhs), look.range(node.rhs)
        if not left.empty and not right.empty and decided(node.op, left, right) == NEVER:
            message = f"{look.text(node)} is never true: {_said(look, node, left, right)}"
            yield look.note("never-true", message, node.span, "" if dead and not node.return_bool else "warning")


def always_true(look: Look) -> Notes:
    """A comparison that every value passes says nothing."""
    for node in _comparisons(look):
        left, right = look.range(node.lhs), look.range(node.rhs)
        if decided(node.op, left, right) == ALWAYS and not left.empty and not right.empty:
            yield look.note("always-true", f"{look.text(node)} is always true: {_said(look, node, left, right)}", node.span)


def _comparisons(look: Look) -> Iterator[ast.Binary]:
    """Comparisons of something with something; those of two scalars are arithmetic."""
    for node in look.nodes():
        if isinstance(node, ast.Binary) and node.op in ast.COMPARISONS and {type_of(node.lhs), type_of(node.rhs)} != {SCALAR}:
            yield node


def _said(look: Look, node: ast.Binary, left: Range, right: Range) -> str:
    sides = [(side, one) for side, one in ((node.lhs, left), (node.rhs, right)) if not isinstance(ast.unwrap(side), ast.Number)]
    return " and ".join(f"{look.text(side)} lies {_bounds(one)}" for side, one in sides)


def _bounds(one: Range) -> str:
    if math.isinf(one.low) and math.isinf(one.high):
        return "anywhere"
    if math.isinf(one.high):
        return f"at {one.low:g} or above"
    if math.isinf(one.low):
        return f"at {one.high:g} or below"
    return f"at {one.low:g}" if one.low == one.high else f"from {one.low:g} to {one.high:g}"


def bool_comparison(look: Look) -> Notes:
    """With `bool` a comparison has a result whether it holds or not, and an alert fires on any result."""
    top = ast.unwrap(look.rule.expr)
    if look.rule.alert and isinstance(top, ast.Binary) and top.op in ast.COMPARISONS and top.return_bool:
        message = f"{look.text(top)} is 0 or 1 and never missing, so that the alert always fires; expected it without bool"
        yield look.note("bool-comparison", message, top.span)


def no_condition(look: Look) -> Notes:
    """An alert fires on every series that its expression has, whatever the value."""
    if look.rule.alert and any(True for _ in look.selectors()) and not _conditional(look, look.rule.expr):
        message = "fires for every series that there is, whatever its value; saw no comparison, expected one"
        yield look.note("no-condition", message, look.rule.expr.span)


def _conditional(look: Look, expr: ast.Expr) -> bool:
    """Whether there may be a result at one time and none at another, beside series that come and go."""
    return any(_decides(look, node) for node in ast.walk(expr))


def _decides(look: Look, node: ast.Expr) -> bool:
    if isinstance(node, ast.Selector):
        recorded = look.know.recorded.get(look.know.name_of(node))
        if recorded is not None:
            return look.know.conditional(look.know.name_of(node), lambda expr: _conditional(look, expr))
        return not look.know.of_city(node)  # of what nobody knows, the best is thought
    if isinstance(node, ast.Call):
        return node.func in _ABSENT
    return isinstance(node, ast.Binary) and (
        node.op in ("and", "unless") or (node.op in ast.COMPARISONS and not node.return_bool)
    )


def cannot_join(look: Look) -> Notes:
    """Two sides that are matched by a label which one of them always has and the other never."""
    for node in look.nodes():
        if not isinstance(node, ast.Binary) or node.op == "or" or SCALAR in (type_of(node.lhs), type_of(node.rhs)):
            continue
        left, right = look.shape(node.lhs), look.shape(node.rhs)
        for name in sorted(joined_labels(node.matching, left, right)):
            has, lacks = ("left", "right") if name in left.certain else ("right", "left")
            ends = "leaves nothing out" if node.op == "unless" else "never has a result"
            message = (
                f"{node.op!r} {ends}: each series of the {has} side has label {name!r}, none of the {lacks} side; {_how(node)}"
            )
            yield look.note("cannot-join", message, node.span)


def _how(node: ast.Binary) -> str:
    if node.matching.on:
        return "expected labels in on () that both sides have"
    return "expected on () or ignoring ()"


def join_differs(look: Look) -> Notes:
    """Two aggregations by different labels, matched by all of them."""
    for node in look.nodes():
        if not isinstance(node, ast.Binary) or node.op == "or" or node.matching.explicit:
            continue
        left, right = (_grouped(side) for side in (node.lhs, node.rhs))
        if left is None or right is None or left == right:
            continue
        if joined_labels(node.matching, look.shape(node.lhs), look.shape(node.rhs)):
            continue  # said already, and for certain
        message = (
            f"sides are grouped by ({', '.join(sorted(left))}) and by ({', '.join(sorted(right))}), and matched by all of these"
        )
        yield look.note("join-differs", f"{message}; expected on () or ignoring ()", node.span)


def _grouped(node: ast.Expr) -> frozenset[str] | None:
    """The labels by which a side is aggregated, through arithmetic with numbers and comparisons; None for what is not."""
    node = ast.unwrap(node)
    if (
        isinstance(node, ast.Aggregate)
        and not node.without
        and node.op not in ("topk", "bottomk", "limitk", "count_values", "limit_ratio")
    ):
        return frozenset(node.grouping)
    if isinstance(node, ast.Binary) and type_of(node.rhs) == SCALAR:
        return _grouped(node.lhs)
    return None
