"""Expressions written out as Prometheus writes them, on one line or, where that is long, indented; knows no evaluation.

Source of the form: Prometheus promql/parser, printer.go and prettier.go. Comments and spare spaces go, parentheses stay.
"""

from __future__ import annotations

import re

from ops_center.label_sets import NAME, Matcher
from ops_center.promql import ast
from ops_center.promql.durations import format_duration_ms
from ops_center.promql.go_printf import go_float, quoted
from ops_center.promql.parser import parse

MAX_LINE = 100
_NAME, _LABEL = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*"), re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+")


def formatted(text: str) -> str:
    """An expression as Prometheus' `format_query` gives it; one with computed periods stays as it is.

    Raises:
        ParseError: the expression is wrong.
    """
    expr = parse(text)
    if any(_computed(node) for node in ast.walk(expr)):
        return text.strip()
    return _Writer(text).pretty(expr, 0)


def _computed(node: ast.Expr) -> bool:
    match node:
        case ast.Selector():
            return node.offset is not None
        case ast.Matrix():
            return node.range is not None
        case ast.Subquery():
            return any(period is not None for period in (node.range, node.step, node.offset))
        case _:
            return False


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(name if _LABEL.fullmatch(name) else quoted(name) for name in names)


def _moved(node: ast.Selector | ast.Subquery) -> str:
    at = ""
    if node.at is not None:
        at = f" @ {node.at.anchor}()" if node.at.anchor else f" @ {(node.at.at_ms or 0) / 1000:.3f}"
    return at + (f" offset {format_duration_ms(node.offset_ms)}" if node.offset_ms else "")


def _selected(node: ast.Selector) -> str:
    plain = bool(_NAME.fullmatch(node.metric))
    named = Matcher(NAME, "=", node.metric)
    shown = [quoted(node.metric)] if node.metric and not plain else []
    for matcher in node.matchers:
        if not node.metric or matcher != named:
            name = matcher.name if _LABEL.fullmatch(matcher.name) else quoted(matcher.name)
            shown.append(f"{name}{matcher.op}{quoted(matcher.value)}")
    braces = "{" + ",".join(sorted(shown)) + "}" if shown or not plain else ""
    return (node.metric if plain else "") + braces


def _extended(node: ast.Selector) -> str:
    return f" {node.extended}" if node.extended else ""


def _operator(node: ast.Binary) -> str:
    how = node.matching
    out = node.op + (" bool" if node.return_bool else "")
    if how.labels or how.on or how.group:
        out += f" {'on' if how.on else 'ignoring'} ({_list(how.labels)})"
    if how.group:
        out += f" group_{how.group} ({_list(how.include)})"
    if how.fill_left is not None and how.fill_left == how.fill_right:
        return out + f" fill ({go_float(how.fill_left)})"
    for side, value in (("left", how.fill_left), ("right", how.fill_right)):
        out += f" fill_{side} ({go_float(value)})" if value is not None else ""
    return out


def _head(node: ast.Aggregate) -> str:
    if node.without or node.grouping:
        return f"{node.op} {'without' if node.without else 'by'} ({_list(node.grouping)}) "
    return node.op


class _Writer:
    """One expression's text, from which numbers that were durations are told from others."""

    def __init__(self, text: str) -> None:
        self.text = text

    def line(self, node: ast.Expr) -> str:
        """A node on one line."""
        match node:
            case ast.Number() | ast.String() | ast.Selector() | ast.Matrix():
                return self._leaf(node)
            case ast.Subquery():
                return self.line(node.expr) + self._window(node)
            case ast.Call():
                return f"{node.func}({', '.join(map(self.line, node.args))})"
            case ast.Aggregate():
                return f"{_head(node)}({', '.join(map(self.line, ast.children(node)))})"
            case ast.Binary():
                return f"{self.line(node.lhs)} {_operator(node)} {self.line(node.rhs)}"
            case ast.Unary():
                if isinstance(node.expr, ast.Number):  # a number has its sign
                    return self._number(node.expr, -1 if node.op == "-" else 1)
                return node.op + self.line(node.expr)
            case ast.Paren():
                return f"({self.line(node.expr)})"

    def _leaf(self, node: ast.Number | ast.String | ast.Selector | ast.Matrix) -> str:
        if isinstance(node, ast.Number):
            return self._number(node)
        if isinstance(node, ast.String):
            return quoted(node.value)
        if isinstance(node, ast.Selector):
            return _selected(node) + _extended(node) + _moved(node)
        inner = node.selector
        return f"{_selected(inner)}[{format_duration_ms(node.range_ms)}]{_extended(inner)}{_moved(inner)}"

    def pretty(self, node: ast.Expr, level: int) -> str:
        """A node at a level of indentation, over several lines where one is too long for it."""
        line, indent = self.line(node), "  " * level
        if isinstance(node, ast.Unary) and not isinstance(node.expr, ast.Number):
            return indent + node.op + self.pretty(node.expr, level).strip()
        if len(line) <= MAX_LINE:
            return line if isinstance(node, ast.Subquery) else indent + line  # Prometheus does not indent these
        match node:
            case ast.Aggregate() | ast.Call():
                head = node.func if isinstance(node, ast.Call) else _head(node)
                inner = ",\n".join(self.pretty(one, level + 1) for one in ast.children(node))
                return f"{indent}{head}(\n{inner}\n{indent})"
            case ast.Binary():
                left, right = self.pretty(node.lhs, level + 1), self.pretty(node.rhs, level + 1)
                return f"{left}\n{indent}{_operator(node)}\n{right}"
            case ast.Paren():
                return f"{indent}(\n{self.pretty(node.expr, level + 1)}\n{indent})"
            case ast.Subquery():
                return self.pretty(node.expr, level) + self._window(node)
            case _:
                return indent + line

    def _window(self, node: ast.Subquery) -> str:
        step = "" if node.step_ms is None else format_duration_ms(node.step_ms)
        return f"[{format_duration_ms(node.range_ms)}:{step}]{_moved(node)}"

    def _number(self, node: ast.Number, sign: int = 1) -> str:
        written = self.text[node.span.start : node.span.end].strip()
        if _DURATION.fullmatch(written.lstrip("+-")):
            return format_duration_ms(round(sign * node.value * 1000))
        return go_float(sign * node.value)
