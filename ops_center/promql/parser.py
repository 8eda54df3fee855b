"""Text to a checked syntax tree, by the grammar in `grammar.lark`; knows nothing of data or of time."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ops_center.label_sets import NAME, Matcher, compile_regex
from ops_center.promql import ast
from ops_center.promql.checks import check
from ops_center.promql.durations import parse_duration_ms, parse_number
from ops_center.promql.errors import EvaluationError, ParseError, PromQLError, Span, UnsupportedError
from ops_center.promql.lalr import END, Token, UnexpectedToken, load_tables, parse_tokens
from ops_center.promql.lexer import tokenize, unquote
from ops_center.promql.numbers import shown_number
from ops_center.promql.periods import OF_QUERY, OF_TWO, Period, milliseconds_of

_TABLES = load_tables(Path(__file__).parent / "grammar.json")
_LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_READABLE = {
    "LPAR": "'('", "RPAR": "')'", "LBRACE": "'{'", "RBRACE": "'}'", "LBRACK": "'['", "RBRACK": "']'", "COMMA": "','",
    "NUMBER": "a number", "DURATION": "a duration", "STRING": "a string", "IDENT": "a name", "METRIC": "a metric name",
    "AGG": "an aggregation", "FILL": "fill", END: "the end", "EQL": "'='", "COLON": "':'", "AT": "'@'",
}  # fmt: skip


class _Failure(Exception):
    """A semantic error inside a rule of the grammar, until the text is at hand."""

    def __init__(self, message: str, span: Span, unsupported: bool = False) -> None:
        super().__init__(message)
        self.message, self.span, self.unsupported = message, span, unsupported


def _span(*parts: Any) -> Span:
    spans = [_one_span(p) for p in parts if p is not None]
    return Span(min(s.start for s in spans), max(s.end for s in spans))


def _one_span(part: Any) -> Span:
    if isinstance(part, Token):
        return Span(part.start_pos, part.end_pos)
    span: Span = part.span
    return span


def _milliseconds(token: Token) -> int:
    try:
        if token.type == "DURATION":
            return parse_duration_ms(str(token))
        value = parse_number(token) * 1000
        if not abs(value) < 2**62:
            raise ValueError(f"duration out of range: saw {token}, expected seconds")
        return round(value)
    except ValueError as why:
        raise _Failure(str(why), _one_span(token)) from None


def _rounded_ms(seconds: float) -> int:
    """Half a millisecond away from zero, as Prometheus rounds timestamps."""
    return math.floor(abs(seconds) * 1000 + 0.5) * (1 if seconds >= 0 else -1)


def _in_ms(period: Period) -> int:
    """The length in ms, at a single instant where it depends on the query."""
    try:
        return milliseconds_of(period, 0, 0)
    except EvaluationError as why:
        if period.fixed:
            raise _Failure(str(why), period.span) from None
        return 0


def _positive_ms(period: Period) -> int:
    ms = _in_ms(period)
    if period.fixed and ms <= 0:
        raise _Failure("duration must be greater than 0", period.span)
    return ms


def _unless_fixed(period: Period) -> Period | None:
    return None if period.fixed else period


class _Builder:
    """One method per rule of the grammar; LALR calls them bottom-up, so nothing here recurses."""

    def start(self, expr: ast.Expr) -> ast.Expr:
        return expr

    def number(self, token: Token) -> ast.Number:
        value = _milliseconds(token) / 1000 if token.type == "DURATION" else self._number(token)
        return ast.Number(value, _span(token))

    def _number(self, token: Token) -> float:
        try:
            return parse_number(token)
        except ValueError:
            raise _Failure(f"bad number: saw {str(token)!r}, expected e.g. 5 or 1e3", _span(token)) from None

    def string(self, token: Token) -> ast.String:
        return ast.String(self._text(token), _span(token))

    def _text(self, token: Token) -> str:
        try:
            return unquote(token)
        except ValueError as why:
            raise _Failure(str(why), _span(token)) from None

    def paren(self, left: Token, expr: ast.Expr, right: Token) -> ast.Paren:
        return ast.Paren(expr, _span(left, right))

    def unary(self, sign: Token, expr: ast.Expr) -> ast.Expr:
        return ast.Unary(str(sign), expr, _span(sign, expr))

    def period_literal(self, token: Token) -> Period:
        return Period("literal", seconds=_milliseconds(token) / 1000, span=_span(token))

    def period_paren(self, left: Token, inner: Period, right: Token) -> Period:
        return replace(inner, span=_span(left, right))

    def period_unary(self, sign: Token, inner: Period) -> Period:
        return Period("neg", (inner,), span=_span(sign, inner)) if sign == "-" else replace(inner, span=_span(sign, inner))

    def period_binary(self, left: Period, op: Token, right: Period) -> Period:
        return Period(str(op), (left, right), span=_span(left, right))

    def period_call(self, name: Token, *rest: Any) -> Period:
        parts, low, span = tuple(p for p in rest if isinstance(p, Period)), name.lower(), _span(name, rest[-1])
        wanted = 0 if low in OF_QUERY else 2 if low in OF_TWO else None
        if wanted is None:
            known = ", ".join(sorted(OF_QUERY | OF_TWO))
            raise _Failure(f"unexpected {str(name)!r} in duration expression: expected one of {known}", _span(name))
        if len(parts) != wanted:
            raise _Failure(f"expected {wanted} argument(s) in call to {low!r} in duration expression, got {len(parts)}", span)
        return Period(low, parts, span=span)

    def shift(self, *parts: Any) -> Period:
        return self.period_unary(parts[0], parts[1]) if len(parts) == 2 else parts[0]

    def signed_number(self, *parts: Token) -> tuple[float, Token]:
        sign, last = (-1 if parts[0] == "-" else 1), parts[-1]
        return sign * (_milliseconds(last) / 1000 if last.type == "DURATION" else self._number(last)), last

    def offset(self, expr: ast.Expr, word: Token, shift: Period) -> ast.Expr:
        span = _span(expr, shift)
        ms, open_ = _in_ms(shift), None if shift.fixed else shift
        match expr:
            case ast.Selector(has_offset=False):
                return _with(expr, offset_ms=ms, offset=open_, has_offset=True, span=span)
            case ast.Matrix(selector=ast.Selector(has_offset=False) as inner):
                return _with(expr, selector=_with(inner, offset_ms=ms, offset=open_, has_offset=True), span=span)
            case ast.Subquery(has_offset=False):
                return _with(expr, offset_ms=ms, offset=open_, has_offset=True, span=span)
            case ast.Selector() | ast.Matrix() | ast.Subquery():
                raise _Failure("offset may not be set multiple times", span)
            case _:
                pass
        raise _Failure(
            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery", span
        )

    def extended(self, expr: ast.Expr, word: Token) -> ast.Expr:
        how, span = word.lower(), _span(expr, word)
        match expr:
            case ast.Selector(extended=""):
                if how == "anchored":
                    raise _Failure("anchored modifier can only be used with range vector selectors", span)
                return _with(expr, extended=how, span=span)
            case ast.Matrix(selector=ast.Selector(extended="") as inner):
                return _with(expr, selector=_with(inner, extended=how), span=span)
            case ast.Selector() | ast.Matrix():
                raise _Failure("anchored and smoothed may not be set multiple times", _span(word))
            case _:
                pass
        raise _Failure(f"{how} modifier must be preceded by an instant vector selector or range vector selector", span)

    def at_time(self, expr: ast.Expr, word: Token, value: tuple[float, Token]) -> ast.Expr:
        seconds, last = value
        if not abs(seconds) < 2**53:
            raise _Failure(f"timestamp out of bounds for @ modifier: {shown_number(seconds)}", _span(last))
        return self._at(expr, word, ast.At(at_ms=_rounded_ms(seconds)), _span(expr, last))

    def at_anchor(self, expr: ast.Expr, word: Token, anchor: Token, _left: Token, right: Token) -> ast.Expr:
        return self._at(expr, word, ast.At(anchor=anchor.lower()), _span(expr, right))

    def _at(self, expr: ast.Expr, word: Token, at: ast.At, span: Span) -> ast.Expr:
        match expr:
            case ast.Selector(at=None):
                return _with(expr, at=at, span=span)
            case ast.Subquery(at=None):
                return _with(expr, at=at, span=span)
            case ast.Matrix(selector=ast.Selector(at=None) as inner):
                return _with(expr, selector=_with(inner, at=at), span=span)
            case ast.Selector() | ast.Matrix() | ast.Subquery():
                raise _Failure("@ <timestamp> may not be set multiple times", span)
            case _:
                pass
        raise _Failure("@ modifier must be preceded by an instant vector selector or range vector selector or a subquery", span)

    def matrix(self, expr: ast.Expr, left: Token, length: Period, right: Token) -> ast.Expr:
        if not isinstance(expr, ast.Selector):
            raise _Failure("ranges only allowed for vector selectors", _span(left, right))
        if expr.has_offset:
            raise _Failure("no offset modifiers allowed before range", _span(left, right))
        if expr.at is not None:
            raise _Failure("no @ modifiers allowed before range", _span(left, right))
        if expr.extended:
            raise _Failure(f"no {expr.extended} modifier allowed before range", _span(left, right))
        return ast.Matrix(expr, _positive_ms(length), _unless_fixed(length), _span(expr, right))

    def subquery(self, expr: ast.Expr, _left: Token, length: Period, _colon: Token, *rest: Any) -> ast.Expr:
        step = rest[0] if len(rest) == 2 else None
        return ast.Subquery(
            expr,
            _positive_ms(length),
            None if step is None else _positive_ms(step),
            range=_unless_fixed(length),
            step=None if step is None else _unless_fixed(step),
            span=_span(expr, rest[-1]),
        )

    def metric_name(self, token: Token) -> Token:
        return token

    def selector(self, *parts: Any) -> ast.Selector:
        name = parts[0] if isinstance(parts[0], Token) and parts[0].type != "LBRACE" else None
        groups = [p for p in parts if isinstance(p, list)]
        matchers = list(groups[0]) if groups else []
        metric = str(name) if name is not None else ""
        quoted = [m for m in matchers if m.op == "name"]
        span = _span(*[p for p in parts if isinstance(p, Token)])
        if quoted and (metric or len(quoted) > 1):
            raise _Failure(f"metric name must not be set twice: {metric or quoted[0].value!r} or {quoted[-1].value!r}", span)
        metric = metric or (quoted[0].value if quoted else "")
        matchers = [m for m in matchers if m.op != "name"]
        if metric and any(m.name == NAME for m in matchers):
            again = next(m.value for m in matchers if m.name == NAME)
            raise _Failure(f"metric name must not be set twice: {metric!r} or {again!r}", span)
        named = [Matcher(NAME, "=", metric)] if metric else []
        return ast.Selector(metric, tuple(named + matchers), span=span)

    def matchers(self, *parts: Any) -> list[Matcher]:
        return [p for p in parts if isinstance(p, Matcher)]

    def matcher(self, name: Token, op: Token, value: Token) -> Matcher:
        label = self._text(name) if name.type == "STRING" else str(name)
        built = Matcher(label, str(op), self._text(value))
        if built.op in ("=~", "!~"):
            try:
                compile_regex(built.value)
            except ValueError as why:
                raise _Failure(str(why), _span(name, value)) from None
        return built

    def quoted_name(self, token: Token) -> Matcher:
        return Matcher(NAME, "name", self._text(token))

    def label_name(self, token: Token) -> str:
        name = self._text(token) if token.type == "STRING" else str(token)
        if token.type != "STRING" and not _LABEL_NAME.fullmatch(name):
            raise _Failure(f"unexpected {name!r} in grouping opts: expected a label name", _span(token))
        return name

    def label_list(self, *parts: Any) -> tuple[str, ...]:
        return tuple(str(p) for p in parts if not isinstance(p, Token))

    def grouping(self, word: Token, labels: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
        return word.type == "WITHOUT", labels

    def arguments(self, *parts: Any) -> tuple[list[ast.Expr], Token]:
        return [p for p in parts if not isinstance(p, Token)], parts[-1]

    def trailing(self, *parts: Any) -> tuple[list[ast.Expr], Token]:
        raise _Failure("trailing commas not allowed in function call args", _span(parts[-2]))

    def call(self, name: Token, arguments: tuple[list[ast.Expr], Token]) -> ast.Call:
        return ast.Call(str(name).lower() if name.type != "IDENT" else str(name), tuple(arguments[0]), _span(name, arguments[1]))

    def aggregate(self, op: Token, *parts: Any) -> ast.Aggregate:
        args, right = next(p for p in parts if isinstance(p[0], list))
        without, labels = next((p for p in parts if isinstance(p[0], bool)), (False, ()))
        name = op.lower()
        wanted = 2 if name in _WITH_PARAMETER else 1
        if len(args) != wanted:
            raise _Failure(
                f"wrong number of arguments for aggregate {name}: saw {len(args)}, expected {wanted}", _span(op, right)
            )
        return ast.Aggregate(name, args[-1], args[0] if wanted == 2 else None, labels, without, _span(op, right))

    def bool_modifier(self, *word: Token) -> bool:
        return bool(word)

    def matching_modifier(self, *parts: Any) -> ast.Matching:
        if not parts:
            return ast.Matching()
        word, labels, (group, include) = parts
        return ast.Matching(word.type == "ON", labels, group, include, explicit=True)

    def group_modifier(self, *parts: Any) -> tuple[str, tuple[str, ...]]:
        if not parts:
            return "", ()
        return ("left" if parts[0].type == "GROUP_LEFT" else "right"), (parts[1] if len(parts) > 1 else ())

    def fill_modifier(self, word: Token, _left: Token, value: tuple[float, Token], _right: Token) -> tuple[Token, float]:
        return word, value[0]

    def modifiers(self, flag: bool, how: ast.Matching, *fills: tuple[Token, float]) -> tuple[bool, ast.Matching]:
        filled: dict[str, float] = {}
        for word, value in fills:
            for side in ("left", "right") if word.lower() == "fill" else (word.lower().removeprefix("fill_"),):
                if side in filled:
                    raise _Failure(f"fill value of the {side} side may not be set multiple times", _span(word))
                filled[side] = value
        return flag, replace(how, fill_left=filled.get("left"), fill_right=filled.get("right")) if filled else how

    def binary(self, lhs: ast.Expr, op: Token, modifiers: tuple[bool, ast.Matching], rhs: ast.Expr) -> ast.Binary:
        return ast.Binary(str(op).lower(), lhs, rhs, modifiers[0], modifiers[1], _span(lhs, rhs))


_WITH_PARAMETER = frozenset({"topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"})


_Node = TypeVar("_Node", ast.Selector, ast.Matrix, ast.Subquery)


def _with(node: _Node, **changes: Any) -> _Node:
    return replace(node, **changes)


_BUILDER = _Builder()


def _unexpected(text: str, error: UnexpectedToken) -> ParseError:
    token = error.token
    if token.type == END:
        span, seen = Span(len(text), len(text)), "end of the expression"
    else:
        span, seen = _one_span(token), repr(str(token))
    wanted = sorted(_READABLE.get(name, name.lower()) for name in error.expected)
    shown = ", ".join(wanted[:8]) + (" …" if len(wanted) > 8 else "")
    return ParseError(f"unexpected {seen}: expected {shown}", text, span)


def parse(text: str) -> ast.Expr:
    """A checked expression.

    Raises:
        ParseError: not PromQL, over a limit, or of the wrong types; says line, column, what was seen and expected.
        UnsupportedError: PromQL that this engine declares out of scope.
    """
    return _parse_cached(text)


@lru_cache(maxsize=4096)
def _parse_cached(text: str) -> ast.Expr:
    try:
        tokens = tokenize(text)
    except ParseError as error:
        raise _earlier(text, error) from None
    if not tokens:
        raise ParseError("no expression found in input", text)
    try:
        tree: Any = parse_tokens(tokens, _TABLES, _BUILDER)
    except UnexpectedToken as error:
        raise _unexpected(text, error) from None
    except _Failure as error:
        raise _failure(text, error) from None
    check(tree, text)
    result: ast.Expr = tree
    return result


def _earlier(text: str, error: ParseError) -> ParseError:
    """What is wrong before a place that cannot be read as tokens, if anything: who reads from the left meets it first."""
    try:
        parse_tokens(tokenize(text[: error.span.start]), _TABLES, _BUILDER)
    except UnexpectedToken as found:
        return error if found.token.type == END else _unexpected(text, found)
    except _Failure as found:
        return _failure(text, found)
    except ParseError:
        pass  # a limit
    return error


def _failure(text: str, error: _Failure) -> ParseError:
    return (UnsupportedError if error.unsupported else ParseError)(error.message, text, error.span)


__all__ = ["PromQLError", "parse"]
