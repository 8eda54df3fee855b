"""A rule file with some words of one rule changed, all else of it left as it was: comments, order, quotes, line breaks.

Lives here: where an expression's characters stand in the YAML text, the edit, the diff. Must not know: why something is changed.
What was changed is read again and compared, so that a file is never proposed that says something else.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ops_center.promql.parser import parse
from ops_center.rules.files import RuleFilesError, load_text
from ops_center.rules.yaml_nodes import Document, FileError
from scenarios.rulebench.dials import FOR, Panel, panel_of


class CannotEdit(ValueError):
    """The words of a rule are written in a way that cannot be changed in place."""


Keys = dict[str, tuple[Any, Any]]  # of a rule: key -> the nodes of key and value


def rule_keys(document: Document, group: int, rule: int) -> Keys:
    """The keys of a rule, given by the numbers of its group in the file and of itself in the group."""
    groups = next(value for key, value in document.root.value if key.value == "groups")  # type: ignore[union-attr]  # it was loaded
    rules = next(value for key, value in groups.value[group].value if key.value == "rules")
    return {key.value: (key, value) for key, value in rules.value[rule].value}


def expression_text(text: str, group: int, rule: int) -> str:
    """The expression of a rule as its parser saw it: spans of its parts count in this text."""
    return str(rule_keys(Document(text, ""), group, rule)["expr"][1].value)


def edited(text: str, group: int, rule: int, panel: Panel, settings: Mapping[str, float]) -> str:
    """The file's text with dials of a rule set.

    Raises:
        CannotEdit: the expression is written so that its characters cannot be found, or the edit would say something else.
    """
    keys = rule_keys(Document(text, ""), group, rule)
    node = keys["expr"][1]
    at = _places(text, node)
    changes: list[tuple[int, int, str]] = []
    for dial in panel.dials:
        value = settings[dial.name]
        if value == dial.now:
            continue
        if dial.kind == FOR:
            changes.append(_for_change(text, keys, dial.shown(value)))
        changes += [(at[start], at[end - 1] + 1, dial.shown(value)) for start, end in dial.spans]
    made = text
    for start, end, word in sorted(changes, reverse=True):
        made = made[:start] + word + made[end:]
    _check(made, group, rule, panel, settings)
    return made


def _check(text: str, group: int, rule: int, panel: Panel, settings: Mapping[str, float]) -> None:
    try:
        found = load_text(text, "").groups[group].rules[rule]
    except (RuleFilesError, FileError) as why:
        raise CannotEdit(f"the edited rule file cannot be read: {why}") from None
    words = expression_text(text, group, rule)
    now = panel_of(words, parse(words), found.for_ms)
    wanted = sorted((dial.kind, settings[dial.name]) for dial in panel.dials for _ in dial.spans or (0,))
    seen = sorted((dial.kind, dial.now) for dial in now.dials for _ in dial.spans or (0,))
    if wanted != seen:
        raise CannotEdit(f"the edited rule says {seen}; expected {wanted}")


def _offset(text: str, mark: Any) -> int:
    """Where a mark stands in the text; YAML's line breaks are those of `splitlines` with \\n, \\r\\n or \\r."""
    at = 0
    for _ in range(mark.line):
        ends = [i for i in (text.find("\n", at), text.find("\r", at)) if i >= 0]
        at = min(ends) + 1
        at += text[at - 1] == "\r" and text[at : at + 1] == "\n"
    return at + int(mark.column)


def _places(text: str, node: Any) -> list[int]:
    """For each character of a scalar's value where it stands in the file; that of white space is not exact."""
    start, end = _offset(text, node.start_mark), _offset(text, node.end_mark)
    value, style, raw = str(node.value), node.style or "", start
    if style in ("|", ">"):
        raw = text.index("\n", start) + 1
    elif style:
        raw += 1
    places: list[int] = []
    for character in value:
        if character.isspace():
            places.append(raw)
            while style != '"' and raw < end and text[raw].isspace():
                raw += 1
            continue
        while raw < end and text[raw].isspace():
            raw += 1
        if style in ("'", '"') and text[raw : raw + 2] in ("''", '\\"', "\\\\"):
            raw += 1
        if raw >= end or text[raw] != character:
            raise CannotEdit(f"line {node.start_mark.line + 1}: the expression is written with escapes that are not undone here")
        places.append(raw)
        raw += 1
    return places


def _for_change(text: str, keys: Keys, word: str) -> tuple[int, int, str]:
    """The edit that sets `for`: its value, or a line of its own after the expression."""
    if "for" in keys:
        node = keys["for"][1]
        start, end = _offset(text, node.start_mark), _offset(text, node.end_mark)
        return start, end, f'"{word}"' if node.style else word
    key, value = keys["expr"]
    end = _offset(text, value.end_mark)
    if value.style in ("|", ">"):  # it ends where the next line begins
        return end, end, " " * key.start_mark.column + f"for: {word}\n"
    if text[end:].lstrip(" ")[:1] in (",", "}"):  # within braces
        return end, end, f", for: {word}"
    line_end = text.find("\n", end)
    at = len(text) if line_end < 0 else line_end
    return at, at, "\n" + " " * key.start_mark.column + f"for: {word}"


def diff_of(before: str, after: str, path: str) -> str:
    """A unified diff of a file, empty where nothing changes."""
    lines: Sequence[str] = list(
        difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}")
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
