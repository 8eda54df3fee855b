"""YAML as nodes with places, and the few shapes that rule files need; knows nothing of rules.

Scalars stay text: Prometheus reads `expr: 1` as the string "1", and a rule's words must reach its parser as written.
Events come from libyaml (PyYAML's C parser), the nodes are put together here: without recursion, so that no nesting can
exhaust a stack, and at twenty times the speed of a reader in pure Python.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from ops_center.collecting import no_collection
from ops_center.rules.places import line_column, offsets

MAX_BYTES = 1 << 20
MAX_NODES = 60_000  # 3 000 rules as people write them, and no more than a second or two of reading
MAX_DEPTH = 200
MAX_SHOWN = 80
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the pure one where PyYAML was built without libyaml


class FileError(ValueError):
    """Something is wrong with a file: `file:line:column: what, seen, expected`."""

    def __init__(self, message: str, file: str, line: int = 1, column: int = 1) -> None:
        self.message, self.file, self.line, self.column = message, file, line, column
        super().__init__(f"{file}:{line}:{column}: {message}")


class Document:
    """One YAML document and the file it came from.

    With `lenient`, unknown keys of mappings are left out instead of refused.
    """

    def __init__(
        self, text: str, file: str, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES, lenient: bool = False
    ) -> None:
        self.text, self.file, self.lenient = text, file, lenient
        size = len(text.encode("utf-8"))
        if size > max_bytes:
            raise FileError(f"file too large: saw {size} bytes, expected at most {max_bytes}", file)
        self._max_nodes = max_nodes
        try:
            composer = _Composer(_LOADER(text), file, max_nodes)
            with no_collection():
                self.root = composer.run()
        except MarkedYAMLError as why:
            mark = why.problem_mark or why.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise FileError(f"not YAML: {why.problem}{_seen(text, mark)}, expected a mapping", file, line, column) from None
        except ReaderError as why:
            raise _unreadable(text, file) from why
        except (YAMLError, ValueError) as why:
            if isinstance(why, FileError):
                raise
            raise FileError(f"not YAML: {type(why).__name__}, expected a mapping", file) from None
        self.aliased = composer.aliased
        if composer.aliased:
            self._count()

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.splitlines()

    def _count(self) -> None:
        """Aliases are one object in many places: count what a reader would visit, so that no bomb goes off later."""
        seen, stack = 0, [self.root] if self.root is not None else []
        while stack:
            node = stack.pop()
            seen += 1
            if seen > self._max_nodes:
                message = f"too many nodes: saw over {self._max_nodes} with aliases expanded, expected fewer"
                raise FileError(message, self.file)
            if isinstance(node, MappingNode):
                stack.extend(part for pair in node.value for part in pair)
            elif isinstance(node, SequenceNode):
                stack.extend(node.value)

    def error(self, message: str, node: Any = None) -> FileError:
        """An error at a node, or at the top."""
        if node is None:
            return FileError(message, self.file)
        return FileError(message, self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def mapping(self, node: Any, allowed: Collection[str] | None, what: str) -> dict[str, Any]:
        """Keys and value nodes of a mapping; unknown and repeated keys are refused.

        `<<` takes over the keys of another mapping, or of several, that the mapping does not have itself.
        """
        if not isinstance(node, MappingNode):
            raise self.error(f"{what}: saw {shape(node)}, expected a mapping", node)
        out: dict[str, Any] = {}
        merged: list[Any] = []
        for key, value in node.value:
            name = self.text_of(key, f"key of {what}")
            if name == "<<" and not key.style:
                merged += value.value if isinstance(value, SequenceNode) else [value]
                continue
            if name in out:
                raise self.error(f"{what}: key {short(name)!r} appears twice, expected once", key)
            if allowed is not None and name not in allowed:
                if self.lenient:
                    continue
                raise self.error(f"{what}: unknown key {short(name)!r}, expected one of {', '.join(sorted(allowed))}", key)
            out[name] = value
        for other in merged:
            out = {**self.mapping(other, allowed, what), **out}
        return out

    def sequence(self, node: Any, what: str) -> list[Any]:
        """Items of a list; nothing at all is an empty list."""
        if node is None or is_null(node):
            return []
        if not isinstance(node, SequenceNode):
            raise self.error(f"{what}: saw {shape(node)}, expected a list", node)
        return list(node.value)

    def text_of(self, node: Any, what: str) -> str:
        """The text of a scalar; null is empty."""
        if node is None or is_null(node):
            return ""
        if not isinstance(node, ScalarNode):
            raise self.error(f"{what}: saw {shape(node)}, expected text", node)
        return str(node.value)

    def texts(self, node: Any, what: str) -> dict[str, str]:
        """A mapping of texts."""
        if node is None or is_null(node):
            return {}
        return {k: self.text_of(v, f"{what} {k!r}") for k, v in self.mapping(node, None, what).items()}

    def inside(self, node: Any, line: int, column: int) -> tuple[int, int]:
        """Where `line:column` of a scalar's text stands in the file."""
        before = node.value.split("\n")[: line - 1]
        offset = sum(len(text) + 1 for text in before) + column - 1
        return line_column(self.text, offsets(self.text, node)[min(offset, len(node.value))])


class _Composer:
    """Events put together to nodes, without recursion."""

    def __init__(self, events: Any, file: str, max_nodes: int) -> None:
        self._events, self._file, self._left = events, file, max_nodes
        self._max_nodes = max_nodes
        self.root: Node | None = None
        self.aliased = False
        self._anchors: dict[str, Node] = {}
        self._open: list[Node] = []  # collections that have begun and not ended
        self._keys: list[Node | None] = []  # of each, the key that waits for its value

    def run(self) -> Node | None:
        """The root of the only document; None where there is none."""
        more, following = self._events.check_event, self._events.get_event
        while more():
            event = following()
            kind = type(event)
            if kind is ScalarEvent:
                self._put(event, ScalarNode("", event.value, event.start_mark, event.end_mark, event.style))
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._begin(event)
            elif kind is AliasEvent:
                self._alias(event)
            elif self._open and kind is _ENDS[type(self._open[-1])]:
                self._open.pop()
                self._keys.pop()
            elif kind is DocumentStartEvent and self.root is not None:
                raise self._at(event, "not YAML: saw a second document, expected one")
        return self.root

    def _put(self, event: Any, node: Node) -> None:
        """Put a node where it belongs: into the innermost collection, as an item, a key, or the value of the key that waits."""
        self._left -= 1
        if self._left < 0:
            raise self._at(event, f"too many nodes: saw over {self._max_nodes}, expected fewer")
        if self._open:
            into = self._open[-1]
            if type(into) is SequenceNode:
                into.value.append(node)
            elif (key := self._keys[-1]) is None:
                self._keys[-1] = node
            else:
                into.value.append((key, node))
                self._keys[-1] = None
        elif self.root is None:
            self.root = node
        if event.anchor is not None and type(event) is not AliasEvent:
            self._anchors[event.anchor] = node

    def _begin(self, event: Any) -> None:
        made = MappingNode if type(event) is MappingStartEvent else SequenceNode
        node = made("", [], event.start_mark, event.end_mark, event.flow_style)
        self._put(event, node)
        if len(self._open) >= MAX_DEPTH:
            raise self._at(event, f"not YAML: saw over {MAX_DEPTH} levels of nesting, expected a mapping")
        self._open.append(node)
        self._keys.append(None)

    def _alias(self, event: Any) -> None:
        self.aliased = True
        if event.anchor not in self._anchors:
            raise self._at(event, f"not YAML: alias {event.anchor!r} names no anchor before it, expected a mapping")
        self._put(event, self._anchors[event.anchor])

    def _at(self, event: Any, message: str) -> FileError:
        return FileError(message, self._file, event.start_mark.line + 1, event.start_mark.column + 1)


def _seen(text: str, mark: Any) -> str:
    """The character at a place, where it is one that nobody sees."""
    char = text[mark.index : mark.index + 1] if mark else ""
    return f" {char!r}" if char and (char.isspace() or not char.isprintable()) else ""


_ENDS: dict[type, type] = {MappingNode: MappingEndEvent, SequenceNode: SequenceEndEvent}


def _unreadable(text: str, file: str) -> FileError:
    """The error of a text with a character that YAML does not know; the reader's own place counts bytes, or nothing."""
    found = _UNREADABLE.search(text)
    at = found.start() if found else 0
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    seen = f"U+{ord(found.group()):04X}" if found else "a character"
    return FileError(f"not YAML: saw {seen}, expected text", file, line, column)


def short(text: str, most: int = MAX_SHOWN) -> str:
    """A text as an error shows it."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def is_null(node: Any) -> bool:
    """An empty or null scalar that was not quoted."""
    return isinstance(node, ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")


def shape(node: Any) -> str:
    """What a node is, in words."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return "nothing" if node is None or is_null(node) else f"text {str(node.value)[:40]!r}"
