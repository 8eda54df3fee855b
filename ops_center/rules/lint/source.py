"""Rules with the places they were read from, and the comments that speak to cityops.

Lives here: nodes of a file beside the rules that they became, `# cityops:WORD …` comments. Must not know: what is looked for.
A comment counts for the rule in which it stands or directly above which it stands.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops_center.promql.errors import Span
from ops_center.rules.files import Rule, RuleFile, RuleGroup, load_text
from ops_center.rules.places import offsets
from ops_center.rules.yaml_nodes import Document

_COMMENT = re.compile(r"#\s*cityops:(\w+)[ \t]+(.*)")


@dataclass(frozen=True, slots=True)
class RuleSource:
    """A rule, its group, its number in it, and the nodes of its keys; lines are those of the rule with what belongs to it."""

    document: Document
    group: RuleGroup
    rule: Rule
    number: int
    node: Any
    keys: dict[str, Any]
    first_line: int
    last_line: int
    lines: list[str]
    starts: list[int]  # where the lines begin in the file's text

    @property
    def name(self) -> str:
        """The alert or the recorded metric."""
        return self.rule.name

    def at(self, span: Span) -> tuple[int, int]:
        """Return the line and column in the file of a place in the expression."""
        return self.place(self.offset(self.keys["expr"], span.start))

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset in the file's text."""
        line = bisect.bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def offset(self, node: Any, inside: int) -> int:
        """Return the offset in the file's text of an offset in a scalar's text."""
        where = offsets(self.document.text, node)
        return where[min(inside, len(where) - 1)]

    def key_at(self, *path: str) -> tuple[int, int]:
        """Return the line and column of a key's value, such as `labels`, `severity`; of the rule where there is none."""
        node: Any = self.node
        for key in path:
            pairs = {k.value: v for k, v in node.value} if isinstance(node.value, list) else {}
            if key not in pairs:
                break
            node = pairs[key]
        return node.start_mark.line + 1, node.start_mark.column + 1

    def comments(self, word: str) -> list[tuple[int, str]]:
        """Return the lines and texts of the comments `# cityops:word text` of the rule."""
        lines = self.lines[self.first_line - 1 : self.last_line]
        found = ((self.first_line + n, _COMMENT.search(line)) for n, line in enumerate(lines))
        return [(line, match.group(2).strip()) for line, match in found if match and match.group(1) == word]


def sources(text: str, path: str) -> tuple[RuleFile, list[RuleSource]]:
    """Return a rule file and its rules with their places. Raises FileError or RuleFilesError where it does not load."""
    file = load_text(text, path)
    document = Document(text, path)
    return file, list(_sources(document, file))


def _sources(document: Document, file: RuleFile) -> Iterator[RuleSource]:
    if document.root is None:
        return
    lines = document.text.split("\n")
    starts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    groups = document.sequence(document.mapping(document.root, None, "rule file").get("groups"), "groups")
    after = [*(_begin(lines, node.start_mark.line) - 1 for node in groups[1:]), len(lines)]
    for group, node, end in zip(file.groups, groups, after, strict=True):
        items = document.sequence(document.mapping(node, None, "group").get("rules"), "rules")
        begins = [_begin(lines, item.start_mark.line) for item in items]
        ends = [*(begin - 1 for begin in begins[1:]), end]
        for number, (rule, item) in enumerate(zip(group.rules, items, strict=True)):
            keys = document.mapping(item, None, "rule")
            last = max(ends[number], item.start_mark.line + 1)
            yield RuleSource(document, group, rule, number, item, keys, begins[number], last, lines, starts)


def _begin(lines: list[str], line: int) -> int:
    """The first of the comment lines directly above a line (from 0), as a number from 1."""
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    return line + 1
