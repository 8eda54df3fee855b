"""Which series of a sub-expression one alert is about: the labels that matter, followed from a result down to what it is made of.

Lives here: how labels pass an operator, an aggregation and a function, and which columns agree with them. Must not know: values.
A focus is a mapping of label names to values. A series agrees with it when no label that both have differs; what a series does
not have says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from ops_center.label_sets import NAME, IndexArray, Labels, Matcher
from ops_center.promql import ast
from ops_center.promql.signatures import SCALAR, SIGNATURES

Focus = Mapping[str, str]
NOTHING: Focus = {}
_RELABEL = frozenset({"label_replace", "label_join"})
_PICKS_LABEL_AT = 1  # where label_replace and label_join name the label that they make
_MAX_VALUE = 200


def agreeing(sets: Iterable[Labels], focus: Focus) -> IndexArray:
    """Columns whose labels agree with the focus."""
    if not focus:
        return np.arange(len(tuple(sets)), dtype=np.intp)
    return np.array([i for i, labels in enumerate(sets) if agrees(labels, focus)], dtype=np.intp)


def agrees(labels: Labels, focus: Focus) -> bool:
    """Whether no label that both have differs."""
    return all(focus.get(name, value) == value for name, value in labels)


def narrowed(selector: ast.Selector, focus: Focus) -> ast.Selector:
    """The selector of those series only that agree with the focus."""
    known = ((name, value) for name, value in focus.items() if len(value) <= _MAX_VALUE and name != NAME)
    extra = [Matcher(name, "=~", f"|{_quoted(value)}") for name, value in known]
    return replace(selector, matchers=(*selector.matchers, *extra))


def _quoted(value: str) -> str:
    return "".join(c if c.isalnum() or c in "_ " or ord(c) > 127 else f"\\{c}" for c in value)


def into(node: ast.Expr, focus: Focus) -> tuple[Focus, ...]:
    """The focus of each child, in the order of `ast.children`."""
    match node:
        case ast.Binary():
            return _binary(node, focus)
        case ast.Aggregate():
            inner = _kept(focus, node.grouping, node.without)
            if node.op == "count_values" and isinstance(node.param, ast.String):
                inner = _kept(inner, (node.param.value,), without=True)
            return (inner,) if node.param is None else (NOTHING, inner)
        case ast.Call():
            return _call(node, focus)
        case _:
            return tuple(focus for _ in ast.children(node))


def _binary(node: ast.Binary, focus: Focus) -> tuple[Focus, Focus]:
    how = node.matching
    shared = _kept(focus, how.labels, without=not how.on)
    if node.op == "or":
        return focus, focus
    many = _kept(focus, how.include, without=True) if how.group else focus
    one = {**shared, **{name: focus[name] for name in how.include if name in focus}} if how.group else shared
    return (one, many) if how.group == "right" else (many, one)


def _call(node: ast.Call, focus: Focus) -> tuple[Focus, ...]:
    inner = focus
    if node.func in _RELABEL and isinstance(made := ast.unwrap(node.args[_PICKS_LABEL_AT]), ast.String):
        inner = _kept(focus, (made.value,), without=True)
    elif node.func == "histogram_quantile":
        inner = _kept(focus, ("le",), without=True)
    elif node.func in SIGNATURES and SIGNATURES[node.func].result == SCALAR:
        inner = NOTHING
    return tuple(inner for _ in node.args)


def _kept(focus: Focus, names: Iterable[str], without: bool) -> Focus:
    chosen = frozenset(names)
    return {name: value for name, value in focus.items() if (name in chosen) != without}
