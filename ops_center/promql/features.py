"""What of PromQL Prometheus takes only with a feature flag; knows nothing of evaluation.

Source: documentation of Prometheus 3.14, feature flags. This engine takes all of it unless told which flags are set.
"""

from __future__ import annotations

from collections.abc import Iterator

from ops_center.promql import ast
from ops_center.promql.errors import ParseError, Span

FUNCTIONS, RANGES, FILLS = "promql-experimental-functions", "promql-extended-range-selectors", "promql-binop-fill-modifiers"
FLAGGED_FUNCTIONS = frozenset(
    [
        *("double_exponential_smoothing", "histogram_quantiles", "info", "mad_over_time", "sort_by_label", "sort_by_label_desc"),
        *("start", "end", "step", "range", "min_of", "max_of", "start_timestamp", "first_over_time"),
        *(f"ts_of_{which}_over_time" for which in ("first", "last", "max", "min")),
    ]
)
FLAGGED_AGGREGATIONS = frozenset({"limitk", "limit_ratio"})


def flagged(expr: ast.Expr) -> Iterator[tuple[str, str, Span]]:
    """Yield what needs a flag: the flag, what it is, and where."""
    for node in ast.walk(expr):
        match node:
            case ast.Call() if node.func in FLAGGED_FUNCTIONS:
                yield FUNCTIONS, f"{node.func}()", node.span
            case ast.Aggregate() if node.op in FLAGGED_AGGREGATIONS:
                yield FUNCTIONS, f"{node.op}()", node.span
            case ast.Binary() if node.matching.fill_left is not None or node.matching.fill_right is not None:
                yield FILLS, "fill()", node.span
            case ast.Selector() if node.extended:
                yield RANGES, f"{node.extended} modifier", node.span
            case _:
                pass


def refuse_flagged(expr: ast.Expr, text: str, features: frozenset[str]) -> None:
    """Refuse what a Prometheus with only these flags would refuse.

    Raises:
        ParseError: says what, where and which flag.
    """
    for feature, what, span in flagged(expr):
        if feature not in features:
            raise ParseError(f"{what} is experimental and must be enabled with --enable-feature={feature}", text, span)
