"""YAML as nodes with places, and the few shapes that rule files need; knows nothing of rules.

Scalars stay text: Prometheus reads `expr: 1` as the string "1", and a rule's words must reach its parser as written.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 1 << 20
MAX_NODES = 200_000
MAX_OPEN_BRACKETS = 200


class FileError(ValueError):
    """Something is wrong with a file: `file:line:column: what, seen, expected`."""

    def __init__(self, message: str, file: str, line: int = 1, column: int = 1) -> None:
        self.message, self.file, self.line, self.column = message, file, line, column
        super().__init__(f"{file}:{line}:{column}: {message}")


class Document:
    """One YAML document and the file it came from."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.lines = text.splitlines()
        size = len(text.encode("utf-8"))
        if size > MAX_BYTES:
            raise FileError(f"file too large: saw {size} bytes, expected at most {MAX_BYTES}", file)
        self._check_brackets()
        self.root = self._compose()
        self._count()

    def _check_brackets(self) -> None:
        """The reader takes the square of the nesting: refuse before it begins. Brackets of expressions close by themselves."""
        depth = 0
        for number, line in enumerate(self.lines, start=1):
            depth += sum(map(line.count, "[{")) - sum(map(line.count, "]}"))
            if depth > MAX_OPEN_BRACKETS:
                raise FileError(f"not YAML: saw over {MAX_OPEN_BRACKETS} open brackets, expected a mapping", self.file, number)

    def _compose(self) -> Node | None:
        try:
            root: Node | None = YAML(typ="safe", pure=True).compose(self.text)
        except MarkedYAMLError as why:
            mark = why.problem_mark or why.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise FileError(f"not YAML: {why.problem}, expected a mapping", self.file, line, column) from None
        except (YAMLError, RecursionError, ValueError) as why:
            raise FileError(f"not YAML: {type(why).__name__}, expected a mapping", self.file) from None
        return root

    def _count(self) -> None:
        """Aliases are one object in many places: count what a reader would visit, so that no bomb goes off later."""
        seen, stack = 0, [self.root] if self.root is not None else []
        while stack:
            node = stack.pop()
            seen += 1
            if seen > MAX_NODES:
                raise FileError(f"too many nodes: saw over {MAX_NODES} with aliases expanded, expected fewer", self.file)
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
        """Keys and value nodes of a mapping; unknown and repeated keys are refused."""
        if not isinstance(node, MappingNode):
            raise self.error(f"{what}: saw {shape(node)}, expected a mapping", node)
        out: dict[str, Any] = {}
        for key, value in node.value:
            name = self.text_of(key, f"key of {what}")
            if name in out:
                raise self.error(f"{what}: key {name!r} appears twice, expected once", key)
            if allowed is not None and name not in allowed:
                raise self.error(f"{what}: unknown key {name!r}, expected one of {', '.join(sorted(allowed))}", key)
            out[name] = value
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
        first, left = node.start_mark.line + 1, node.start_mark.column + 1
        if node.style in ("|", ">"):
            start = next((text for text in self.lines[first:] if text.strip()), "")
            return first + line, len(start) - len(start.lstrip()) + column
        if line > 1:
            return first + line - 1, column
        return first, left + (1 if node.style in ("'", '"') else 0) + column - 1


def is_null(node: Any) -> bool:
    """An empty or null scalar that was not quoted."""
    return isinstance(node, ScalarNode) and node.style is None and node.value in ("", "~", "null", "Null", "NULL")


def shape(node: Any) -> str:
    """What a node is, in words."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return "nothing" if node is None or is_null(node) else f"text {str(node.value)[:40]!r}"
