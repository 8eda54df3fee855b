"""The parser against PyPI's promql-parser, its positions, and its limits."""

from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_center.promql import ast
from ops_center.promql.errors import ParseError, UnsupportedError
from ops_center.promql.parser import parse

names = st.sampled_from(["up", "a:b", "http_total", "by_zone", "sum", "rate_x"])
labels = st.sampled_from(["job", "instance", "le", "by", "on"])
durations = st.sampled_from(["5m", "1h30m", "250ms", "1d"])
matcher = st.builds(
    lambda n, o, v: f'{n}{o}"{v}"', labels, st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from(["x", "a.*", "1|2"])
)
selector = st.builds(lambda n, m: n + ("{" + ",".join(m) + "}" if m else ""), names, st.lists(matcher, max_size=3))
shifted = st.builds(
    lambda s, o, d: f"{s} {o.format(d)}".strip(),
    selector,
    st.sampled_from(["", "offset {}", "offset -{}", "@ 100", "@ start()"]),
    durations,
)
ranged = st.builds(lambda s, d: f"{s}[{d}]", selector, durations)
number = st.sampled_from(["1", "0.5", "1e3", "0x1f", "Inf", "NaN", ".2"])
range_call = st.builds(lambda f, r: f"{f}({r})", st.sampled_from(["rate", "avg_over_time", "changes", "deriv"]), ranged)
grouping = st.builds(
    lambda w, ls: f" {w} ({', '.join(ls)}) ", st.sampled_from(["by", "without"]), st.lists(labels, max_size=2, unique=True)
)


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sums = st.builds(
        lambda f, g, e: f"{f}{g}({e})", st.sampled_from(["sum", "max", "count", "stddev"]), grouping | st.just(""), inner
    )
    top = st.builds(lambda f, e: f"{f}(3, {e})", st.sampled_from(["topk", "quantile"]), inner)
    match = st.sampled_from(["", "on (job)", "ignoring (job, le)", "on(job) group_left(instance)"])
    arithmetic = st.builds(
        lambda a, o, m, b: f"{a} {o} {m} {b}",
        inner,
        st.sampled_from(["+", "-", "*", "/", "%", "^", ">", "== bool", "atan2"]),
        match,
        inner,
    )
    sets = st.builds(lambda a, o, b: f"{a} {o} {b}", inner, st.sampled_from(["and", "or", "unless"]), inner)
    scaled = st.builds(lambda a, o, n: f"{a} {o} {n}", inner, st.sampled_from(["*", ">", "<="]), number)
    calls = st.builds(lambda f, e: f"{f}({e})", st.sampled_from(["abs", "sort", "absent", "timestamp"]), inner)
    sub = st.builds(lambda e, d: f"max_over_time(({e})[{d}:1m])", inner, durations)
    return st.one_of(sums, top, arithmetic, sets, scaled, calls, sub, inner.map(lambda e: f"({e})"), inner.map(lambda e: f"-{e}"))


expressions = st.recursive(st.one_of(selector, shifted, range_call), combine, max_leaves=6)
mangled = st.builds(
    lambda e, i, c: e[: i % (len(e) + 1)] + c + e[i % (len(e) + 1) :],
    expressions,
    st.integers(0, 200),
    st.sampled_from([*'()[]{}+,"5m@', " by "]),
)


def ours(text: str) -> bool:
    try:
        parse(text)
    except ParseError:
        return False
    return True


def theirs(text: str) -> bool:
    try:
        promql_parser.parse(text)
    except ValueError:
        return False
    return True


@settings(max_examples=settings.default.max_examples * 3)
@given(expressions)
def test_valid_expressions_are_accepted_by_both(text):
    """What the grammar of the language makes, our parser and the oracle accept."""
    assert ours(text) == theirs(text), text


DIALECT = ("@ ", "bool", "offset", "5m", "@", "m")


@settings(max_examples=settings.default.max_examples * 3)
@given(mangled)
def test_one_wrong_character_is_judged_alike_or_located(text):
    """Where our parser refuses, it says a place inside the text; it never crashes."""
    try:
        parse(text)
    except ParseError as why:
        assert 1 <= why.line <= text.count("\n") + 1
        assert 0 <= why.span.start <= len(text)
        assert str(why).startswith(f"{why.line}:{why.column}: ")


@given(expressions)
def test_every_node_knows_its_place(text):
    """A selector's span is its own text, and every child lies inside its parent."""
    tree = parse(text)
    for node in ast.walk(tree):
        assert 0 <= node.span.start < node.span.end <= len(text)
        for child in ast.children(node):
            assert node.span.start <= child.span.start and child.span.end <= node.span.end
        if isinstance(node, ast.Selector) and node.metric:
            assert text[node.span.start :].startswith(node.metric)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("test +", 1, 7, "end of the expression"),
        ("sum(\n  rate(x)\n)", 2, 8, "expected type range vector"),
        ('foo{a=~"("}', 1, 8, "RE2"),
        ("1 == 2", 1, 1, "must use BOOL"),
        ("nope(1)", 1, 1, "unknown function"),
        ('{a=""}', 1, 1, "at least one non-empty matcher"),
        ("x offset 5m offset 3m", 1, 13, "multiple times"),
        ("5mm", 1, 1, "bad number or duration"),
        ('"abc', 1, 1, "unterminated string"),
        ("a and 1", 1, 1, "not allowed in binary scalar"),
        ("topk(a)", 1, 1, "wrong number of arguments"),
    ],
)
def test_errors_say_where_and_what(text, line, column, said):
    """An error has line, column, what was seen and what was expected."""
    with pytest.raises(ParseError) as why:
        parse(text)
    assert (why.value.line, why.value.column) == (line, column)
    assert said in str(why.value)


@pytest.mark.parametrize("text", ["histogram_count(x)", "histogram_sum(x)", "x </ 2", "x >/ 2"])
def test_newer_dialects_are_declared_unsupported(text):
    """Flagged or native-histogram syntax is refused as unsupported, not as nonsense."""
    with pytest.raises(UnsupportedError, match="unsupported"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(" * 100_000, "too long: saw 100000 bytes"),
        ("(" * 10_000 + "a", "nested too deep: saw depth 101"),
        ("+".join(["a"] * 5_000), "too many operators: saw 501"),
        ("-" * 600 + "1", "too many operators"),
        ("-" * 300 + "1", "nested too deep"),
        ("^".join(["a"] * 300), "nested too deep"),
        ("abs(" * 101 + "a" + ")" * 101, "nested too deep"),
        ("a" * 20_000, "too long"),
    ],
)
def test_limits_are_counted_before_parsing(text, said):
    """Depth, operators and size are refused with what was seen and what is allowed."""
    with pytest.raises(ParseError, match=said):
        parse(text)


def test_what_is_just_inside_the_limits_parses():
    """500 operators in a chain and 99 parentheses are fine."""
    assert isinstance(parse("+".join(["a"] * 501)), ast.Binary)
    assert isinstance(parse("(" * 99 + "a" + ")" * 99), ast.Paren)
