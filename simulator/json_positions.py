"""Where a value stands in a JSON text: line and column of a path like ("links", "lanes", 3).

Lives here: one scanner that skips what nobody asked for. Must not know: what the text means. The text must be valid JSON.
"""

import re
from collections.abc import Iterable

Path = tuple[str | int, ...]

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_SPACE = re.compile(rb"[\s,:]*")
_SCALAR = re.compile(rb"[^\s,\]}]+")


def find(text: bytes, paths: Iterable[Path]) -> dict[Path, int]:
    """Return the byte offset of each path that exists, in one pass over the text."""
    wanted, found = set(paths), dict[Path, int]()
    _value(text, _space(text, 0), (), wanted, found)
    return found


def line_column(text: bytes, offset: int) -> tuple[int, int]:
    """Return line and column (both from 1, columns in characters) of a byte offset."""
    start = text.rfind(b"\n", 0, offset) + 1
    return (text.count(b"\n", 0, offset) + 1, len(text[start:offset].decode("utf-8", "replace")) + 1)


def _space(text: bytes, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: bytes, at: int, path: Path, wanted: set[Path], found: dict[Path, int]) -> int:
    """Note where the value at `at` stands, go into it only if something in it is wanted, and return its end."""
    if path in wanted:
        found[path] = at
    opening = text[at : at + 1]
    if opening not in (b"{", b"["):
        match = (_STRING if opening == b'"' else _SCALAR).match(text, at)
        return match.end() if match else len(text)
    inner = {p for p in wanted if len(p) > len(path) and p[: len(path)] == path}
    if not inner:
        return _skip(text, at)
    return _members(text, at, path, inner, found) if opening == b"{" else _items(text, at, path, inner, found)


def _skip(text: bytes, at: int, depth: int = 0) -> int:
    """Return the end of the value at `at`, or with depth 1 the end of what `at` is inside of."""
    for match in _BRACKET.finditer(text, at):
        sign = match.group()
        depth += (sign in (b"{", b"[")) - (sign in (b"}", b"]"))
        if depth == 0:
            return match.end()
    return len(text)


def _members(text: bytes, at: int, path: Path, wanted: set[Path], found: dict[Path, int]) -> int:
    at = _space(text, at + 1)
    while text[at : at + 1] == b'"':
        match = _STRING.match(text, at)
        if match is None:
            return len(text)
        key = match.group()[1:-1].decode("utf-8", "replace")
        at = _space(text, _value(text, _space(text, match.end()), (*path, key), wanted, found))
    return at + 1


def _items(text: bytes, at: int, path: Path, wanted: set[Path], found: dict[Path, int]) -> int:
    at, i = _space(text, at + 1), 0
    last = max((p[len(path)] for p in wanted if isinstance(p[len(path)], int)), default=-1)
    while at < len(text) and text[at : at + 1] != b"]":
        if isinstance(last, int) and i > last:
            return _skip(text, at, depth=1)
        at = _space(text, _value(text, at, (*path, i), wanted, found))
        i += 1
    return at + 1
