"""Findings on what other engines do not know: functions and forms that are newer than Prometheus 2.42, behind a flag, or not in
VictoriaMetrics. Lives here: the table of what is known where. Sources: changelogs of Prometheus, MetricsQL's list of functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ops_center.promql import ast
from ops_center.promql.errors import Span
from ops_center.rules.lint.look import Look, Notes


@dataclass(frozen=True, slots=True)
class Since:
    """Since when Prometheus knows something, whether only behind a flag, and whether VictoriaMetrics does; `until` it is gone."""

    since: str
    flag: str = ""
    elsewhere: bool = True
    until: str = ""

    def said(self) -> str:
        """Where it is unknown, in words."""
        where = [f"Prometheus before {self.since}"] if self.since else []
        where += [f"Prometheus without --enable-feature={self.flag}"] if self.flag else []
        where += [f"Prometheus from {self.until}"] if self.until else []
        where += [] if self.elsewhere else ["VictoriaMetrics"]
        return ", ".join(where)


_EXPERIMENTAL = "promql-experimental-functions"
FUNCTIONS = {
    **dict.fromkeys(("mad_over_time", "histogram_quantiles"), Since("", _EXPERIMENTAL)),
    **dict.fromkeys(("start_timestamp", "range", "min_of", "max_of"), Since("", _EXPERIMENTAL, False)),
    **dict.fromkeys(("step", "start", "end"), Since("", _EXPERIMENTAL)),
    **dict.fromkeys(("sort_by_label", "sort_by_label_desc"), Since("2.49", _EXPERIMENTAL)),
    **dict.fromkeys(("double_exponential_smoothing", "info"), Since("3.0", _EXPERIMENTAL, False)),
    **dict.fromkeys(("ts_of_max_over_time", "ts_of_min_over_time", "ts_of_last_over_time"), Since("3.5", _EXPERIMENTAL, False)),
    "first_over_time": Since("3.7", _EXPERIMENTAL),
    "ts_of_first_over_time": Since("3.7", _EXPERIMENTAL, False),
    "holt_winters": Since("", until="3.0"),
}
AGGREGATIONS = {"limitk": Since("2.54", _EXPERIMENTAL), "limit_ratio": Since("2.54", _EXPERIMENTAL, False)}
PERIODS = Since("3.4", "promql-duration-expr", False)
EXTENDED = Since("3.7", "promql-extended-range-selectors", False)
FILL = Since("", "promql-binop-fill-modifiers", False)
_ARITHMETIC = re.compile(r"[-+*/%^()]")
_OFFSET = re.compile(r"\boffset\s*[-+]?\s*\(", re.IGNORECASE)
QUOTED = Since("3.0", "", False)


def non_portable(look: Look) -> Notes:
    """What the rule uses that is not everywhere."""
    seen: set[str] = set()
    for what, since, span in _uses(look):
        if what not in seen:
            seen.add(what)
            yield look.note("non-portable", f"{what} is unknown to {since.said()}", span)


def _uses(look: Look) -> Iterator[tuple[str, Since, Span]]:
    for node in look.nodes():
        match node:
            case ast.Call() if node.func in FUNCTIONS:
                yield f"{node.func}()", FUNCTIONS[node.func], node.span
            case ast.Aggregate() if node.op in AGGREGATIONS:
                yield f"{node.op}()", AGGREGATIONS[node.op], node.span
            case ast.Matrix() | ast.Subquery() if _computes(look, node):
                yield "a period that is computed", PERIODS, node.span
            case ast.Binary() if node.matching.fill_left is not None or node.matching.fill_right is not None:
                yield "fill()", FILL, node.span
            case ast.Selector():
                yield from _of_selector(look, node)
            case _:
                pass


def _written(look: Look, node: ast.Expr) -> str:
    """A part of the expression letter by letter."""
    text: str = look.source.keys["expr"].value
    return text[node.span.start : node.span.end]


def _computes(look: Look, node: ast.Matrix | ast.Subquery) -> bool:
    """Whether a period in brackets is more than written out. What the parser has worked out already, such as 5m*2, counts too."""
    inner = node.selector if isinstance(node, ast.Matrix) else node.expr
    behind = _written(look, node)[inner.span.end - node.span.start :]
    brackets, _, after = behind[behind.find("[") + 1 :].partition("]")
    if _ARITHMETIC.search(brackets) or _OFFSET.search(after):
        return True
    return isinstance(node, ast.Subquery) and node.offset is not None


def _of_selector(look: Look, node: ast.Selector) -> Iterator[tuple[str, Since, Span]]:
    if node.offset is not None or _OFFSET.search(_written(look, node)):
        yield "a period that is computed", PERIODS, node.span
    if node.extended:
        yield node.extended, EXTENDED, node.span
    if look.text(node).startswith(('{"', "{'", "{`")):
        yield "a metric name in quotes", QUOTED, node.span
