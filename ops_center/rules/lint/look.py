"""One rule being looked at: what a check sees, and what it hands back. Must not know: any check in particular."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ops_center.promql import ast
from ops_center.promql.errors import Span
from ops_center.rules.files import Rule
from ops_center.rules.lint.knowledge import Knowledge
from ops_center.rules.lint.ranges import Range, ranges
from ops_center.rules.lint.shapes import Shape, shapes
from ops_center.rules.lint.source import RuleSource

DEFAULT_INTERVAL_MS = 15_000
MAX_SAMPLES = 2_000_000


@dataclass(frozen=True, slots=True)
class Note:
    """What a check found: the finding's name, what was seen, and its place; a `severity` only where it is not the usual one."""

    name: str
    message: str
    line: int
    column: int
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A rule, where it was read from, and what is known of series. `max_samples`: what an evaluation may read without a word."""

    source: RuleSource
    know: Knowledge
    max_samples: int = MAX_SAMPLES
    _ranges: dict[int, Range] = field(default_factory=dict)
    _shapes: dict[int, Shape] = field(default_factory=dict)

    def range(self, node: ast.Expr) -> Range:
        """Between which values the results of a part of the expression lie."""
        if not self._ranges:
            self._ranges.update(ranges(self.rule.expr, self.know.range))
        return self._ranges[id(node)]

    def shape(self, node: ast.Expr) -> Shape:
        """Which labels the results of a part of the expression have."""
        if not self._shapes:
            self._shapes.update(shapes(self.rule.expr, self.know.shape))
        return self._shapes[id(node)]

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.source.rule

    @property
    def interval_ms(self) -> int:
        """How often the rule is evaluated."""
        return self.source.group.interval_ms or DEFAULT_INTERVAL_MS

    def nodes(self) -> list[ast.Expr]:
        """All nodes of the expression, parents first."""
        return ast.walk(self.rule.expr)

    def selectors(self) -> Iterator[ast.Selector]:
        """The selectors of the expression."""
        return (node for node in self.nodes() if isinstance(node, ast.Selector))

    def text(self, node: ast.Expr) -> str:
        """How a part of the expression is written, shortened, in one line."""
        span = node.span
        words = " ".join(self.source.keys["expr"].value[span.start : span.end].split())
        return words if len(words) <= 60 else f"{words[:57]}..."

    def note(self, name: str, message: str, span: Span, severity: str = "") -> Note:
        """A note at a place of the expression."""
        return Note(name, message, *self.source.at(span), severity)

    def note_at(self, name: str, message: str, *path: str, severity: str = "") -> Note:
        """A note at a key of the rule."""
        return Note(name, message, *self.source.key_at(*path), severity)


Notes = Iterator[Note]
