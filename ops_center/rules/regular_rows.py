"""The items of long lists that have one shape, taken from a YAML text by a pattern; knows nothing of rules or series.

A test of ten thousand series is twenty thousand lines of `- series: '…'` and `  values: '…'`, and a reader of YAML makes a
dozen objects of each two. Here a pattern takes the two texts, and the reader gets the text without those lines. It reads the
first item and the last of each stretch: where it finds both one after the other in one list, at their places, what stood
between them would have been items of that list too, because nothing in such lines opens or closes anything that is around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

LEAST = 8  # items of a stretch that is worth it
# What a text on one line may not hold: control characters, breaks, nothing that YAML might read as something else.
_NONE = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
_SINGLE, _DOUBLE = f"'[^'{_NONE}]*'", rf'"[^"\\{_NONE}]*"'
_INSIDE = r'[A-Za-z0-9_.+=/,{}"-]'
_PLAIN = rf"(?!(?:null|Null|NULL)\n)(?:[A-Za-z0-9_.]|[+-](?=[0-9.]))(?:{_INSIDE}|:(?={_INSIDE})| (?={_INSIDE}))*"
_TEXT = f"({_SINGLE}|{_DOUBLE}|{_PLAIN})"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Items of one shape: the lines of the first and of the last, from 0, the column of their keys, and the texts between."""

    first_line: int
    last_line: int
    column: int
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A YAML text from which the rows of stretches were taken; other lines keep their numbers."""

    text: str
    stretches: tuple[Stretch, ...]

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return sum(len(one.rows) for one in self.stretches)


def cut_rows(text: str, first: str, second: str) -> Cut | None:
    """Take out the rows of two keys, in either order, whose texts are on one line each; None where there are few."""
    stretches: list[Stretch] = []
    kept: list[str] = []
    after = line = 0
    for run in _runs(_pattern(first, second).finditer(text)):
        if len(run) < LEAST:
            continue
        begin, last, taken = run[0], run[-1], 2 * (len(run) - 2)  # lines
        line += text.count("\n", after, begin.start() + 1)
        stretches.append(Stretch(line, line + taken + 2, len(begin[1]) + 2, tuple(_rows(run[1:-1], first))))
        kept += [text[after : begin.end()], "\n" * taken]
        line += taken + 1
        after = last.start()
    return Cut("".join([*kept, text[after:]]), tuple(stretches)) if stretches else None


@lru_cache(maxsize=8)
def _pattern(first: str, second: str) -> re.Pattern[str]:
    """An item of two lines, with the break before it: what begins with a fixed character is found fast in long texts."""
    key = f"({first}|{second}): "
    return re.compile(rf"\n( *)- {key}{_TEXT}\n\1  (?!\2:){key}{_TEXT}(?=\n)")


def _runs(matches: Iterator[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Matches that follow each other without a gap, at one indentation, with their keys in one order."""
    run: list[re.Match[str]] = []
    end, shape = -1, ("", "")
    for match in matches:
        here = match[1], match[2]
        if match.start() != end or here != shape:
            yield run
            run, shape = [], here
        run.append(match)
        end = match.end()
    yield run


def _rows(matches: list[re.Match[str]], first: str) -> Iterator[tuple[str, str]]:
    for match in matches:
        one, other = _bare(match[3]), _bare(match[5])
        yield (one, other) if match[2] == first else (other, one)


def _bare(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text


def rows_after(cut: Cut, root: Node | None) -> dict[int, Stretch] | None:
    """The stretches by the identity of their first item in what a reader made of the text; None where one is not found so."""
    found: dict[int, Stretch] = {}
    wanted = {one.first_line: one for one in cut.stretches}
    stack = [root] if root is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, MappingNode):
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            stack += node.value
            for item, following in pairwise(node.value):
                one = wanted.get(item.start_mark.line)
                if one is not None and _is_at(item, one.first_line, one) and _is_at(following, one.last_line, one):
                    found[id(item)] = one
    return found if len(found) == len(cut.stretches) else None


def _is_at(node: Any, line: int, stretch: Stretch) -> bool:
    mark = node.start_mark
    return isinstance(node, MappingNode) and not node.flow_style and (mark.line, mark.column) == (line, stretch.column)
