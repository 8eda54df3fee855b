"""YAML of strangers: plain data with the line and column of every key and value, within limits.

Lives here: a reader that keeps positions and refuses what a scenario never needs (aliases, tags, several documents, deep
nesting). Must not know: what the data mean. Limits are counted before or while parsing, so a hostile file costs no time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 24
MAX_EVENTS = 20_000
MAX_LINE = 8_000
MAX_LINES = 50_000

Path_ = tuple[str | int, ...]
_INT = re.compile(r"[-+]?[0-9]{1,18}$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?$")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file, said as `file:line:column: what, what was seen, what was expected`."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class BadFile(ValueError):
    """A file that cannot be used; `problems` says where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


@dataclass(slots=True)
class Tree:
    """Plain data and where each path of it stands: (line, column) from 1, of the value and of the key."""

    file: str
    data: Any = None
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: Path_, key: bool = False) -> tuple[int, int]:
        """The position of a path, or of the nearest thing around it."""
        while path:
            found = (self.keys.get(path) if key else None) or self.values.get(path)
            if found:
                return found
            path, key = path[:-1], False
        return self.values.get((), (1, 1))

    def problem(self, path: Path_, message: str, key: bool = False) -> Problem:
        """A problem at a path."""
        return Problem(self.file, *self.at(path, key), message)


def read_tree(text: bytes, file: str) -> Tree:
    """Return the tree of a YAML text. Raises BadFile."""
    decoded = _admit(text, file)
    tree = Tree(file)
    events = _events(decoded, file)
    try:
        first = next(events)
        if type(first).__name__ == "StreamEndEvent":
            raise BadFile([Problem(file, 1, 1, "the file is empty; expected a scenario")])
        _Builder(tree, events).document(first)
    except BadFile:
        raise
    except MarkedYAMLError as error:
        raise BadFile([_marked(error, file)]) from None
    except ReaderError as error:
        before = decoded[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        said = f"this is not YAML: the character U+{error.character:04X}; expected text"
        raise BadFile([Problem(file, line, column, said)]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadFile([Problem(file, 1, 1, f"the file is not YAML: {error}")]) from None
    return tree


def _admit(text: bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        raise BadFile([Problem(file, 1, 1, f"the file has {len(text)} bytes; expected at most {MAX_BYTES}")])
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise BadFile([Problem(file, line, 1, f"byte 0x{text[error.start]:02x} is not UTF-8; expected UTF-8 text")]) from None
    lines = decoded.split("\n")
    if len(lines) > MAX_LINES:
        raise BadFile([Problem(file, MAX_LINES + 1, 1, f"the file has {len(lines)} lines; expected at most {MAX_LINES}")])
    depth = 0
    for number, line_text in enumerate(lines, 1):
        if len(line_text) > MAX_LINE:
            said = f"a line of {len(line_text)} characters; expected at most {MAX_LINE}"
            raise BadFile([Problem(file, number, MAX_LINE, said)])
        depth += sum(map(line_text.count, "[{")) - sum(map(line_text.count, "]}"))
        if depth > MAX_DEPTH:
            raise BadFile([Problem(file, number, 1, f"more than {MAX_DEPTH} open brackets; expected less nesting")])
    return decoded


def _marked(error: MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(file, line, column, f"this is not YAML: {error.problem or error.context}")


def _events(text: str, file: str) -> Iterator[Any]:
    for count, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
        if count > MAX_EVENTS:
            raise BadFile([_here(event, file, f"more than {MAX_EVENTS} items; expected a scenario of fewer")])
        if type(event).__name__ not in ("StreamStartEvent", "DocumentStartEvent"):
            yield event


def _here(event: Any, file: str, message: str) -> Problem:
    return Problem(file, event.start_mark.line + 1, event.start_mark.column + 1, message)


class _Builder:
    """Builds the data of one document from events, with a position for every path."""

    def __init__(self, tree: Tree, events: Iterator[Any]) -> None:
        self.tree, self.events = tree, events

    def document(self, first: Any) -> None:
        self.tree.data = self._node(first, ())
        rest = [type(e).__name__ for e in self.events]
        if rest != ["DocumentEndEvent", "StreamEndEvent"]:
            raise BadFile([self.tree.problem((), "the file holds several documents; expected one")])

    def _node(self, event: Any, path: Path_) -> Any:
        name = type(event).__name__
        self.tree.values[path] = (event.start_mark.line + 1, event.start_mark.column + 1)
        if len(path) > MAX_DEPTH:
            raise BadFile([self.tree.problem(path, f"nested deeper than {MAX_DEPTH}; expected less nesting")])
        if name == "AliasEvent":
            raise BadFile([self.tree.problem(path, f"alias *{event.anchor}; expected the value itself, aliases are not read")])
        if getattr(event, "tag", None) not in (None, "!") and str(event.tag) != "tag:yaml.org,2002:str":
            raise BadFile([self.tree.problem(path, f"tag {event.tag}; expected plain data without tags")])
        if name == "ScalarEvent":
            return self._scalar(event, path)
        return self._sequence(path) if name == "SequenceStartEvent" else self._mapping(path)

    def _scalar(self, event: Any, path: Path_) -> Any:
        text = str(event.value)
        half = None if text.isascii() else next((c for c in text if "\ud800" <= c <= "\udfff"), None)
        if half is not None:
            raise BadFile([self.tree.problem(path, f"U+{ord(half):04X} is half a character; expected Unicode text")])
        if event.style is not None:
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if text.lower().lstrip("+-") in (".nan", ".inf"):
            raise BadFile([self.tree.problem(path, f"{text} is not a finite number; expected a finite one")])
        if _INT.match(text):
            return int(text)
        if not _FLOAT.match(text):
            return text
        number = float(text)
        if number - number != 0.0:
            raise BadFile([self.tree.problem(path, f"{text} is too large for a number; expected a finite one")])
        return number

    def _sequence(self, path: Path_) -> list[Any]:
        items: list[Any] = []
        for event in self.events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path_) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for event in self.events:
            if type(event).__name__ == "MappingEndEvent":
                break
            if type(event).__name__ != "ScalarEvent" or event.value == "<<":
                raise BadFile([_here(event, self.tree.file, "a key that is no plain word; expected a word")])
            key = str(event.value)
            if key in items:
                raise BadFile([_here(event, self.tree.file, f"key {key!r} stands here twice; expected it once")])
            self.tree.keys[(*path, key)] = (event.start_mark.line + 1, event.start_mark.column + 1)
            items[key] = self._node(next(self.events), (*path, key))
        return items
