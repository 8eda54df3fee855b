"""Expressions of PromQL made at random, as text, and the shape that a parser finds in them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import promql_parser
from hypothesis import strategies as st

from ops_center.promql import ast
from ops_center.promql.signatures import SIGNATURES, UNSUPPORTED_FUNCTIONS, Signature

LABEL_NAMES = ["job", "instance", "le", "by", "on", "offset", "bool", "start", "sum", "_x", "inf"]
METRICS = ["up", "a:b", "http_total", "by_zone", "sum", "rate_x", "offset", "nan_total", "start", "bottomk", "by"]
OLDER_OR_NEWER = {"holt_winters", "info", "histogram_quantiles", "start_timestamp"}  # the oracle knows other signatures
KNOWN: dict[str, Signature] = {n: s for n, s in SIGNATURES.items() if n not in OLDER_OR_NEWER | UNSUPPORTED_FUNCTIONS}

pick = st.sampled_from
space = pick(["", " ", "  ", "\n", " # c\n", "\t"])
durations = pick(["5m", "1h30m", "250ms", "1d", "2w", "1y", "90s", "300", "1h2m3s4ms"])
quotes = pick(['"x"', "'x'", "`x`", '"a.*"', '"1|2"', r'"\""', r'"\u0041\n"', '"é"', '""'])
regexes = pick(['"a.*"', "'1|2'", "`[a-z]+`", '""', '"(x)?"'])
names = pick(METRICS)
label = pick(LABEL_NAMES)
matcher = st.builds(lambda n, o, v: f"{n}{o}{v}", label, pick(["=", "!="]), quotes) | st.builds(
    lambda n, o, v: f"{n} {o} {v}", label, pick(["=~", "!~"]), regexes
)
braces = st.lists(matcher, min_size=1, max_size=3).map(lambda m: "{" + ",".join(m) + "}")
selector = names | st.builds(lambda n, b: n + b, names, braces) | st.just('{"a.b", job!="x"}') | st.just('{__name__=~"a.+"}')
moved = pick(
    ["", "", " offset {}", " offset -{}", " @ 100", " @ start()", " @ end() offset {}", " offset {} @ 7.25", " OFFSET {}"]
)
shifted = st.builds(lambda s, o, d: s + o.format(d), selector, moved, durations)
ranged = st.builds(lambda s, d, o, e: f"{s}[{d}]{o.format(e)}", selector, durations, moved, durations)
number = pick(["1", "0.5", "1e3", "0x1f", "Inf", "NaN", ".2", "-3", "+4", "1e-3", "5m", "017"])
grouping = st.builds(
    lambda w, ls: f" {w} ({', '.join(ls)}) ", pick(["by", "without", "BY"]), st.lists(label, max_size=2, unique=True)
)
plain_group = pick(["", "on (job)", "ignoring (job, le)", "on()", "ignoring()"])
one_sided = pick(["on(job) group_left(instance)", "on (job) group_right", "ignoring(le) group_left ()"])


def call(draw: Any, inner: st.SearchStrategy[str]) -> str:
    """A call of any function with arguments of its types."""
    name = draw(pick(sorted(KNOWN)))
    wanted = KNOWN[name]
    least = len(wanted.args) - wanted.optional
    count = draw(st.integers(least, len(wanted.args) + (2 if wanted.repeat else 0)))
    kinds = [wanted.args[min(i, len(wanted.args) - 1)] for i in range(count)]
    of_kind = {"scalar": number, "vector": inner, "matrix": ranged, "string": quotes}
    return f"{name}({', '.join(draw(of_kind[kind]) for kind in kinds)})"


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions around expressions."""
    op = pick(["sum", "max", "count", "stddev", "group", "avg", "min", "stdvar", "SUM"])
    sums = st.builds(lambda f, g, e: f"{f}{g}({e})", op, grouping | st.just(""), inner)
    after = st.builds(lambda f, e, g: f"{f}({e}){g}", op, inner, grouping)
    parameter = pick(["topk(3,", "quantile(0.5,", "bottomk(1 ,", 'count_values("v",', "limitk(2,"])
    top = st.builds(lambda f, e: f"{f} {e})", parameter, inner)
    arithmetic = st.builds(
        lambda a, o, m, b: f"{a} {o} {m} {b}",
        inner,
        pick(["+", "-", "*", "/", "%", "^", "atan2", ">", "== bool", "!=", "<= bool"]),
        plain_group | one_sided,
        inner,
    )
    sets = st.builds(lambda a, o, m, b: f"{a} {o} {m} {b}", inner, pick(["and", "or", "unless", "AND"]), plain_group, inner)
    scaled = st.builds(lambda a, o, n: f"{a} {o} {n}", inner, pick(["*", ">", "<=", "-", "^"]), number)
    sub = st.builds(
        lambda e, d, s, o, m: f"max_over_time(({e})[{d}:{s}]{o.format(m)})",
        inner,
        durations,
        durations | st.just(""),
        moved,
        durations,
    )
    calls = st.composite(lambda draw: call(draw, inner))()
    bare = st.builds(lambda a, e, b: f"({a}{e}{b})", space, inner, space)
    return st.one_of(sums, after, top, arithmetic, sets, scaled, sub, calls, bare, inner.map(lambda e: f"-{e}"))


expressions = st.recursive(shifted | st.composite(lambda draw: call(draw, shifted))(), combine, max_leaves=8)
_PIECES = [
    *"()[]{},+-*/%^=!<>@:\"'`#~.0",
    " by ",
    " bool ",
    " offset ",
    "5m",
    " on ",
    " group_left ",
    "x",
    "=~",
    "!=",
    " and ",
    "1e",
]
mangled = st.builds(
    lambda e, i, c, cut: e[: i % (len(e) + 1)] + c + e[i % (len(e) + 1) + cut :],
    expressions,
    st.integers(0, 300),
    pick(_PIECES),
    st.integers(0, 2),
)


def _value(number_: float) -> object:
    return "nan" if math.isnan(number_) else number_


def _at(at: ast.At | None) -> str:
    if at is None:
        return ""
    return f"@ {at.anchor}()" if at.anchor else f"@ {(at.at_ms or 0) / 1000:.3f}"


_OPS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _matchers(found: Any) -> tuple[tuple[str, str, str], ...]:
    return tuple(sorted((m.name, _OPS.get(str(m.op), str(m.op)), m.value) for m in found if m.name != "__name__"))


def our_shape(expr: ast.Expr) -> object:  # noqa: C901  # a line for each node
    """What our tree says, without places and parentheses."""
    match expr:
        case ast.Paren():
            return our_shape(expr.expr)
        case ast.Number():
            return _value(expr.value)
        case ast.String():
            return ("text", expr.value)
        case ast.Selector():
            regexes_ = [m for m in expr.matchers if m.name == "__name__" and m.op != "="]
            exact = [m.value for m in expr.matchers if m.name == "__name__" and m.op == "="]
            return ("select", exact[0] if exact else "", _matchers(expr.matchers), len(regexes_), expr.offset_ms, _at(expr.at))
        case ast.Matrix():
            return ("matrix", our_shape(expr.selector), expr.range_ms)
        case ast.Subquery():
            return ("sub", our_shape(expr.expr), expr.range_ms, expr.step_ms or 0, expr.offset_ms, _at(expr.at))
        case ast.Call():
            return ("call", expr.func, *map(our_shape, expr.args))
        case ast.Aggregate():
            param = None if expr.param is None else our_shape(expr.param)
            way = (expr.without, tuple(sorted(expr.grouping))) if expr.grouping or expr.without else None
            return ("aggregate", expr.op, way, param, our_shape(expr.expr))
        case ast.Unary():
            inner = our_shape(expr.expr)
            if isinstance(inner, float | int) and expr.op == "-" and not isinstance(expr.expr, ast.Paren):
                return -inner
            return inner if expr.op == "+" or inner == "nan" else ("minus", inner)
        case ast.Binary():
            how = expr.matching
            group = (how.group, tuple(sorted(how.include)))
            on = (how.on, tuple(sorted(how.labels))) if how.explicit else None
            return ("binary", expr.op, expr.return_bool, on, group, our_shape(expr.lhs), our_shape(expr.rhs))
    raise AssertionError(expr)


def _ms(length: timedelta | None) -> int:
    return 0 if length is None else round(length.total_seconds() * 1000)


_CARDINALITY = {"OneToOne": "", "ManyToMany": "", "ManyToOne": "left", "OneToMany": "right"}


def their_shape(expr: Any) -> object:  # noqa: C901  # a line for each node
    """What the oracle's tree says, without parentheses."""
    match type(expr).__name__:
        case "ParenExpr":
            return their_shape(expr.expr)
        case "NumberLiteral":
            return _value(expr.val)
        case "StringLiteral":
            return ("text", expr.val)
        case "VectorSelector":
            named = [m for m in expr.matchers.matchers if m.name == "__name__"]
            exact = [m.value for m in named if str(m.op) == "MatchOp.Equal"]
            name = expr.name or (exact[0] if exact else "")
            odd = len([m for m in named if str(m.op) != "MatchOp.Equal"])
            at = "" if expr.at is None else str(expr.at)
            return ("select", name, _matchers(expr.matchers.matchers), odd, _ms(expr.offset), at)
        case "MatrixSelector":
            return ("matrix", their_shape(expr.vector_selector), _ms(expr.range))
        case "SubqueryExpr":
            at = "" if expr.at is None else str(expr.at)
            return ("sub", their_shape(expr.expr), _ms(expr.range), _ms(expr.step), _ms(expr.offset), at)
        case "Call":
            return ("call", expr.func.name, *map(their_shape, expr.args))
        case "AggregateExpr":
            how = expr.modifier
            way = None
            if how is not None and (how.labels or str(how.type).endswith("Without")):
                way = (str(how.type).endswith("Without"), tuple(sorted(how.labels)))
            param = None if expr.param is None else their_shape(expr.param)
            return ("aggregate", str(expr.op), way, param, their_shape(expr.expr))
        case "UnaryExpr":
            return ("minus", their_shape(expr.expr))
        case "BinaryExpr":
            return _their_binary(expr)
    raise AssertionError(type(expr))


def _their_binary(expr: promql_parser.BinaryExpr) -> object:
    how = expr.modifier
    on, group, flag = None, ("", ()), False
    if how is not None:
        flag = how.return_bool
        if how.matching is not None:
            on = (str(how.matching.type).endswith("Include"), tuple(sorted(how.matching.labels)))
        group = (_CARDINALITY[str(how.card).split(".")[-1]], tuple(sorted(how.group_labels or ())))
    return ("binary", str(expr.op), flag, on, group, their_shape(expr.lhs), their_shape(expr.rhs))
