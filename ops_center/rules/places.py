"""Where each character of a YAML scalar's text stands in the file, whatever the style it is written in.

Lives here: plain, quoted, literal and folded scalars. Must not know: rules, expressions. The text is found again in its source
by walking both: they hold the same characters in the same order, but for indentation, folded lines, quotes and escapes.
"""

from __future__ import annotations

from typing import Any

_SPACE = " \t\r\n"
_HEX = {"x": 2, "u": 4, "U": 8}


def offsets(text: str, node: Any) -> list[int]:
    """Return the offset in the file's text of each character of a scalar, and of its end."""
    at, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        at = text.find("\n", at, end) + 1 or end
    elif node.style in ("'", '"'):
        at, end = at + 1, end - 1
    found: list[int] = []
    for char in node.value:
        if char in _SPACE and not (node.style == '"' and text[at : at + 1] == "\\"):
            found.append(min(at, end))
            if at < end and text[at] == char:
                at += 1
            continue
        at = _skipped(text, at, end, node.style)
        found.append(min(at, end))
        at += _width(text, at, node.style)
    return [*found, min(at, end)]


def _skipped(text: str, at: int, end: int, style: str | None) -> int:
    """Skip what the scalar's text does not have: indentation, line breaks that were folded or escaped."""
    while at < end and (text[at] in _SPACE or (style == '"' and text[at : at + 2] in ("\\\n", "\\\r"))):
        at += 2 if text[at] == "\\" else 1
    return at


def _width(text: str, at: int, style: str | None) -> int:
    """How many characters of the file stand for one of the text."""
    if style == "'" and text[at : at + 2] == "''":
        return 2
    if style == '"' and text[at : at + 1] == "\\":
        return 2 + _HEX.get(text[at + 1 : at + 2], 0)
    return 1


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column, both from 1, of an offset in a file's text."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
