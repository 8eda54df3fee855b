"""Text to tokens, with all limits on size counted here, before anything is parsed; knows nothing of the grammar.

Limits come first because a parser fed 100 000 parentheses, or a chain of 5 000 `+`, spends seconds or the whole stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops_center.promql.errors import ParseError, Span, UnsupportedError
from ops_center.promql.lalr import Token

MAX_BYTES = 16 * 1024
MAX_DEPTH = 100
MAX_OPERATORS = 500

AGGREGATORS = frozenset(
    [
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "count_values",
        "group",
        "limitk",
        "limit_ratio",
    ]
)
_KEYWORDS = {
    **{word: word.upper() for word in ("and", "or", "unless", "atan2", "bool", "on", "ignoring", "by", "without", "offset")},
    **{word: word.upper() for word in ("group_left", "group_right", "start", "end", "anchored", "smoothed")},
    **dict.fromkeys(AGGREGATORS, "AGG"),
}
_OPERATORS = {
    "==": "EQLC", "!=": "NEQ", "<=": "LTE", ">=": "GTE", "=~": "EQL_REGEX", "!~": "NEQ_REGEX", "<": "LSS", ">": "GTR", "=": "EQL",
    "+": "ADD", "-": "SUB", "*": "MUL", "/": "DIV", "%": "MOD", "^": "POW", "@": "AT", ",": "COMMA", ":": "COLON",
    "(": "LPAR", ")": "RPAR", "{": "LBRACE", "}": "RBRACE", "[": "LBRACK", "]": "RBRACK",
}  # fmt: skip
_COUNTED = frozenset(
    ["EQLC", "NEQ", "LTE", "GTE", "LSS", "GTR", "ADD", "SUB", "MUL", "DIV", "MOD", "POW", "AND", "OR", "UNLESS", "ATAN2"]
)
_PAIRS = {"RPAR": "LPAR", "RBRACE": "LBRACE", "RBRACK": "LBRACK"}
_FILLS = frozenset({"fill", "fill_left", "fill_right"})  # names of metrics too: only a parenthesis makes them modifiers
_OPENS = re.compile(r"(?:\s+|#[^\n]*)*\(")

SKIP = re.compile(r"(?:\s+|#[^\n]*)+")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`', re.DOTALL)
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+(?![A-Za-z0-9_.])")
_NUMBER = re.compile(
    r"(?:0[xX](?:_?[0-9a-fA-F])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d+)?)(?![A-Za-z0-9_])"
)
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r"==|!=|<=|>=|=~|!~|[-<>=+*/%^@,:(){}\[\]]")
_SPECIAL_NUMBERS = frozenset({"inf", "nan"})


def tokenize(text: str) -> list[Token]:
    """Tokens of an expression, with offsets.

    Raises:
        ParseError: over 16 KiB, deeper than 100, more than 500 operators, or a character that starts no token.
    """
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > MAX_BYTES:
        raise ParseError(f"expression too long: saw {size} bytes, expected at most {MAX_BYTES}", text)
    return list(_Scanner(text).tokens())


class _Scanner:
    """One pass over the text, counting depth and operators as it goes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.open: list[str] = []
        self.operators = 0

    def tokens(self) -> Iterator[Token]:
        while True:
            skipped = SKIP.match(self.text, self.position)
            if skipped:
                self.position = skipped.end()
            if self.position >= len(self.text):
                return
            kind, value = self._next()
            start, self.position = self.position, self.position + len(value)
            self._count(kind, start)
            yield Token(kind, value, start, self.position)

    def _next(self) -> tuple[str, str]:
        inside = self.open[-1] if self.open else ""
        for pattern, kind in ((_STRING, "STRING"), (_DURATION, "DURATION"), (_NUMBER, "NUMBER")):
            found = pattern.match(self.text, self.position)
            if found and not (inside == "LBRACE" and kind != "STRING"):
                return kind, found.group()
        if not (inside == "LBRACK" and self.text[self.position] == ":"):
            name = (_LABEL if inside in ("LBRACE", "LBRACK") else _NAME).match(self.text, self.position)
            if name:
                return self._word(name.group(), inside), name.group()
        if self.text.startswith(("</", ">/"), self.position):
            raise UnsupportedError("unsupported operator on native histograms: saw '</' or '>/'", self.text, self._here(2))
        operator = _OPERATOR.match(self.text, self.position)
        if operator:
            return _OPERATORS[operator.group()], operator.group()
        raise self._bad()

    def _word(self, word: str, inside: str) -> str:
        low = word.lower()
        if inside in ("LBRACE", "LBRACK"):
            return "IDENT"
        if low in _FILLS and _OPENS.match(self.text, self.position + len(word)):
            return "FILL"
        if low in _KEYWORDS:
            return _KEYWORDS[low]
        if low in _SPECIAL_NUMBERS:
            return "NUMBER"
        return "METRIC" if ":" in word else "IDENT"

    def _count(self, kind: str, start: int) -> None:
        span = Span(start, start + 1)
        if kind in ("LPAR", "LBRACE", "LBRACK"):
            self.open.append(kind)
            if len(self.open) > MAX_DEPTH:
                raise ParseError(f"nested too deep: saw depth {len(self.open)}, expected at most {MAX_DEPTH}", self.text, span)
        elif kind in _PAIRS and self.open and self.open[-1] == _PAIRS[kind]:
            self.open.pop()
        elif kind in _COUNTED:
            self.operators += 1
            if self.operators > MAX_OPERATORS:
                raise ParseError(f"too many operators: saw {self.operators}, expected at most {MAX_OPERATORS}", self.text, span)

    def _here(self, width: int = 1) -> Span:
        return Span(self.position, self.position + width)

    def _bad(self) -> ParseError:
        seen = self.text[self.position : self.position + 12]
        if seen[0] in "\"'`":
            return ParseError(f"unterminated string: saw {seen!r}, expected a closing quote", self.text, self._here())
        if seen[0].isdigit():
            return ParseError(f"bad number or duration: saw {seen!r}, expected e.g. 5, 0x1f or 5m", self.text, self._here())
        return ParseError(f"unexpected character: saw {seen[0]!r}, expected a token", self.text, self._here())


_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


def unquote(literal: str) -> str:
    """The value of a string literal with Go's escapes; bytes that are no UTF-8 become surrogates.

    Raises:
        ValueError: unknown escape.
    """
    if literal[0] == "`":
        return literal[1:-1]

    def replace(match: re.Match[bytes]) -> bytes:
        hexa, octal, short, long, char = match.groups()
        if hexa or octal:
            return bytes([int(hexa, 16) if hexa else int(octal, 8) & 0xFF])
        if short or long:
            return chr(int(short or long, 16)).encode()
        plain = char.decode("utf-8", "replace")
        if plain not in _ESCAPES or (plain in "'\"" and plain != literal[0]):
            raise ValueError(f"unknown escape: saw \\{plain}, expected one of \\n \\t \\\\ \\x41 \\u0041 …")
        return _ESCAPES[plain].encode()

    return _ESCAPE.sub(replace, literal[1:-1].encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
