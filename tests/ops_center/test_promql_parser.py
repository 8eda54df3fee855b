"""The parser against PyPI's promql-parser, its positions, and its limits."""

from __future__ import annotations

import re

import promql_parser
import pytest
from hypothesis import HealthCheck, assume, given, settings
from lark import Lark, Transformer, v_args
from lark.exceptions import UnexpectedToken as LarkUnexpectedToken

from ops_center.promql import ast
from ops_center.promql import parser as our_parser
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import ParseError, UnsupportedError
from ops_center.promql.grammar_tables import GRAMMAR, ReadyTokens, tables_text
from ops_center.promql.lalr import Token, UnexpectedToken, parse_tokens
from ops_center.promql.lexer import tokenize
from ops_center.promql.parser import parse
from ops_center.series import SeriesStore
from tests.ops_center.promql_expressions import expressions, mangled, our_shape, their_shape

NOT_THE_ORACLES = [  # what the oracle does not know of Prometheus 3.14, or reads in its own way
    re.compile(r"[*+?}]\+"),  # a repetition that Rust's regular expressions have and RE2 refuses
    re.compile(r"\b0(ms|[smhdwy])"),  # no time at all as a number
    re.compile(r"[\d\])](ms|[smhdwy])?\s*[-+*/%^]"),  # periods that are computed
    re.compile(r"@\s*[-+.]|@\s*\S*e"),  # instants before the epoch, or far beyond it
    re.compile(r"limitk|\+\s*\("),  # types of what is chosen by, and of what has a plus before it
    re.compile(r"\d_|_\d"),  # digits apart
]


_BUILDER = type(our_parser._BUILDER)
_TREES = v_args(inline=True)(type("Trees", (Transformer,), {k: v for k, v in vars(_BUILDER).items() if not k.startswith("__")}))
LARK = Lark(GRAMMAR.read_text(encoding="utf-8"), parser="lalr", lexer=ReadyTokens, transformer=_TREES(), maybe_placeholders=False)


class Placed(Token):
    """A word as Lark wants it to say what is missing at the end."""

    line = column = end_line = end_column = 1


def outcome(parse_: object, words: list[Token]) -> object:
    """The tree, or what was expected where, or what the builder refused."""
    try:
        return parse_(words)
    except (UnexpectedToken, LarkUnexpectedToken) as why:
        return why.token.type, str(why.token), set(why.expected)
    except our_parser._Failure as why:
        return why.message, why.span


def test_the_tables_are_those_of_the_grammar():
    """A grammar that changed and tables that did not: run `python -m ops_center.promql.grammar_tables`."""
    assert GRAMMAR.with_suffix(".json").read_text(encoding="utf-8") == tables_text(GRAMMAR.read_text(encoding="utf-8"))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(expressions | mangled)
def test_the_tables_are_read_as_lark_reads_them(text):
    """The same trees, and where there is none the same word, and the same words that could stand there."""
    try:
        words = tokenize(text)
    except ParseError:
        words = []
    assume(words)
    placed = [Placed(word.type, str(word), word.start_pos, word.end_pos) for word in words]
    assert outcome(lambda w: parse_tokens(w, our_parser._TABLES, our_parser._BUILDER), words) == outcome(LARK.parse, placed), text


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


@settings(max_examples=settings.default.max_examples * 10, suppress_health_check=[HealthCheck.too_slow])
@given(expressions)
def test_what_the_grammar_makes_is_judged_and_read_alike(text):
    """What the grammar of the language makes, our parser and the oracle accept or refuse alike, and read as the same tree."""
    assert ours(text) == theirs(text), text
    if ours(text):
        assert our_shape(parse(text)) == their_shape(promql_parser.parse(text)), text


@settings(max_examples=settings.default.max_examples * 10, suppress_health_check=[HealthCheck.too_slow])
@given(mangled)
def test_one_wrong_character_is_judged_alike_and_located(text):
    """What a slip of the hand makes is judged as the oracle judges it, and our parser says a place inside the text."""
    refused = ""
    try:
        parse(text)
    except ParseError as why:
        refused = str(why)
        assert 1 <= why.line <= text.count("\n") + 1
        assert 0 <= why.span.start <= len(text)
        assert str(why).startswith(f"{why.line}:{why.column}: ")
    if not any(known.search(text) for known in NOT_THE_ORACLES) and "RE2" not in refused:
        assert ours(text) == theirs(text), text


@given(expressions.filter(ours))
def test_every_node_knows_its_place(text):
    """A selector's span is its own text, and every child lies inside its parent."""
    tree = parse(text)
    for node in ast.walk(tree):
        assert 0 <= node.span.start < node.span.end <= len(text)
        for child in ast.children(node):
            assert node.span.start <= child.span.start and child.span.end <= node.span.end
        if isinstance(node, ast.Selector) and node.metric:
            assert text[node.span.start :].startswith((node.metric, "{"))


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("test +", 1, 7, "end of the expression"),
        ("sum(\n  rate(x)\n)", 2, 8, "expected type range vector"),
        ('foo{a=~"("}', 1, 5, "RE2"),
        ("1 == 2", 1, 3, "must use BOOL"),
        ("nope(1)", 1, 1, "unknown function"),
        ("a\n  > nope(1)", 2, 5, "unknown function"),
        ('a b + "open', 1, 3, "unexpected 'b'"),
        ("a + 'open", 1, 5, "unterminated string"),
        ("a{b, !", 1, 4, "unexpected ','"),
        ("foo(bar(x)) + baz(y)", 1, 5, "unknown function"),
        ("rate(x) + baz(y)", 1, 11, "unknown function"),
        ('{a=""}', 1, 1, "at least one non-empty matcher"),
        ("x offset 5m offset 3m", 1, 1, "multiple times"),
        ("5mm", 1, 1, "bad number or duration"),
        ('"abc', 1, 1, "unterminated string"),
        ("a and 1", 1, 1, "not allowed in binary scalar"),
        ("topk(a)", 1, 1, "wrong number of arguments"),
        ("x[5m/0]", 1, 3, "division by zero"),
        ("x[1m-60]", 1, 3, "greater than 0"),
        ("x[floor(5m)]", 1, 3, "expected one of max_of, min_of, range, step"),
        ("x[min_of(5m)]", 1, 3, "expected 2 argument(s)"),
        ("x anchored", 1, 1, "can only be used with range vector"),
        ("deriv(x[5m] smoothed)", 1, 7, "delta, increase, rate - not with deriv"),
        ("x + fill(1) fill_left(2) y", 1, 13, "multiple times"),
        ("x and fill(1) y", 1, 1, "fill"),
        ("x + fill(1) 2", 1, 1, "fill"),
        ("info(x, y)", 1, 9, "label selectors only"),
        ("rate(x[5m] @ 1e99)", 1, 14, "out of bounds"),
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


FLAGGED = {
    "promql-experimental-functions": [
        "limitk(2, a)", "limit_ratio(0.5, a)", "info(a)", "mad_over_time(a[5m])", "sort_by_label(a, 'x')", "step()",
        "max_of(1, 2)",
        "ts_of_max_over_time(a[5m])", "first_over_time(a[5m])", "double_exponential_smoothing(a[5m], 0.1, 0.1)",
        "sum(start_timestamp(a))",
    ],
    "promql-extended-range-selectors": ["rate(a[5m] anchored)", "1 + increase(a[5m] smoothed)", "a smoothed"],
    "promql-binop-fill-modifiers": ["a + fill(0) b", "a - on(x) group_left fill_right(1) b"],
}  # fmt: skip


@pytest.mark.parametrize(("feature", "text"), [(feature, text) for feature, texts in FLAGGED.items() for text in texts])
def test_what_is_experimental_needs_its_flag_where_flags_count(feature, text):
    """An engine that is told which features are on refuses what needs another, as Prometheus does; else it takes all."""
    store = SeriesStore()
    Engine(store).instant(text, 0)
    Engine(store, 0, Options(features=frozenset([feature]))).instant(text, 0)
    with pytest.raises(ParseError, match=f"is experimental and must be enabled with --enable-feature={feature}"):
        Engine(store, 0, Options(features=frozenset(FLAGGED) - {feature})).instant(text, 0)


def test_what_is_not_experimental_needs_none():
    """Computed periods are on by default, and so is all else."""
    engine = Engine(SeriesStore(), 0, Options(features=frozenset()))
    for text in (
        "rate(a[2m * 3])",
        "a offset (5m + 1s)",
        "histogram_fraction(0, 1, a)",
        "sum by (x) (a) / 2 > bool 1",
        "topk(1, a)",
    ):
        engine.instant(text, 0)
