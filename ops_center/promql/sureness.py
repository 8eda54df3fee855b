"""Which expressions cannot fail over the series that there are now, whichever of them have samples; knows no values.

Lives here: following handles of labels from selectors up to a result, as far as every step is known to succeed for them. Must not
know: samples, instants. What fails is matching, and labels that coincide: both hang on labels alone once every series is taken
to have a sample. Only what has been worked out for these handles before counts; in doubt an expression may fail.
"""

from __future__ import annotations

from collections.abc import Callable

from ops_center.label_sets import LabelSets
from ops_center.promql import ast
from ops_center.promql.aggregations import grouping_of
from ops_center.promql.binary import sure_join
from ops_center.promql.functions import RELABELLING, string_of
from ops_center.promql.options import Options
from ops_center.promql.selectors import Context
from ops_center.promql.sharing import SURE_AGGREGATES, SURE_CALLS
from ops_center.promql.signatures import KEEPS_NAME
from ops_center.promql.standing import Standing

Selected = Callable[[ast.Selector | ast.Matrix], LabelSets]
_MOST_NESTED = 40


def cannot_fail(expr: ast.Expr, standing: Standing, context: Context) -> bool:
    """Whether an expression cannot fail over the series that there are; found out once for what its selectors select."""
    read = standing.read(expr)
    if not read:
        return False
    now = [standing.selection(id(node), matchers, context.store) for node, matchers in read]
    verdict = standing.verdict(expr, now)
    if verdict is not None:
        return verdict
    selected = {id(node): found.labels for (node, _), found in zip(read, now, strict=True)}
    return standing.judge(expr, now, sure_labels(expr, lambda node: selected[id(node)], context.options) is not None)


def sure_labels(node: ast.Expr, selected: Selected, options: Options, depth: int = 0) -> LabelSets | None:
    """The labels of an expression's result, given those that each selector selects; None where it may fail."""
    if options.delayed_name_removal or depth > _MOST_NESTED:
        return None
    match node:
        case ast.Selector():
            return selected(node)
        case ast.Call():
            return _of_call(node, selected, options, depth)
        case ast.Aggregate() if node.op in SURE_AGGREGATES:
            inner = sure_labels(node.expr, selected, options, depth + 1)
            return None if inner is None else grouping_of(inner, node.grouping, node.without)[0]
        case ast.Binary():
            return _of_binary(node, selected, options, depth)
        case _:
            return None


def _of_call(node: ast.Call, selected: Selected, options: Options, depth: int) -> LabelSets | None:
    if node.func in SURE_CALLS and len(node.args) == 1 and isinstance(node.args[0], ast.Matrix):
        labels = selected(node.args[0])
        return _apart(labels if node.func in KEEPS_NAME else labels.without_name(False, options.dropped))
    if node.func in RELABELLING:
        inner = sure_labels(node.args[0], selected, options, depth + 1)
        texts = tuple(string_of(text) for text in node.args[1:])
        return _apart(None if inner is None else inner.known((node.func, texts)))
    return None


def _of_binary(node: ast.Binary, selected: Selected, options: Options, depth: int) -> LabelSets | None:
    for number, other in ((node.rhs, node.lhs), (node.lhs, node.rhs)):
        if isinstance(number, ast.Number):
            labels = sure_labels(other, selected, options, depth + 1)
            filters = node.op in ast.COMPARISONS and not node.return_bool
            return labels if labels is None or filters else _apart(labels.without_name(False, options.dropped))
    left = sure_labels(node.lhs, selected, options, depth + 1)
    right = None if left is None else sure_labels(node.rhs, selected, options, depth + 1)
    if left is None or right is None:
        return None
    if node.op in ast.SET_OPS:
        return None if node.op == "or" else left
    return sure_join(node, left, right, options)


def _apart(labels: LabelSets | None) -> LabelSets | None:
    """The labels, if no two series share them."""
    return labels if labels is not None and labels.is_unique() else None
