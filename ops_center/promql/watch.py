"""What is kept and asked while an expression is evaluated: notes for whoever asked, and whether the time is over.

Lives here: warnings and infos with their places, the check of time. Must not know: a clock (the caller's function reads it),
what nodes compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ops_center.promql.errors import Span, TimeLimitError, line_column

MOST_SHOWN = 10
_BETWEEN_CHECKS = 512
T = TypeVar("T")


class Notes:
    """Warnings and infos, each once, in the order in which they arose."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Span], None] = {}

    def warn(self, what: str, at: Span) -> None:
        """The result is likely not what was meant."""
        self._found[("warning", what, at)] = None

    def info(self, what: str, at: Span) -> None:
        """The result may be meant so, or not."""
        self._found[("info", what, at)] = None

    def shown(self, kind: str, text: str, most: int = MOST_SHOWN) -> list[str]:
        """The notes of a kind ("warning" or "info") as Prometheus words them, with line and column in the expression's text.

        What is over `most` is counted in one last line; 0 shows all.
        """
        lines = [f"PromQL {kind}: {what} ({_place(text, at)})" for found, what, at in self._found if found == kind]
        if not most or len(lines) <= most:
            return lines
        return [*lines[:most], f"{len(lines) - most} more {kind} annotations omitted"]


def _place(text: str, at: Span) -> str:
    line, column = line_column(text, min(at.start, len(text)))
    return f"{line}:{column}"


class Watch:
    """One evaluation as its caller watches it.

    Attributes:
        notes: where warnings and infos go; None where nobody reads them, so that nobody need find them.
    """

    __slots__ = ("_is_over", "notes")

    def __init__(self, is_over: Callable[[], bool] | None = None, notes: Notes | None = None) -> None:
        self._is_over = is_over
        self.notes = notes

    def check(self) -> None:
        """Go on, unless the caller says that the time is over.

        Raises:
            TimeLimitError: it is.
        """
        if self._is_over is not None and self._is_over():
            raise TimeLimitError("query timed out in expression evaluation")

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """The items, with a check of the time before every few hundred."""
        for number, item in enumerate(items):
            if number % _BETWEEN_CHECKS == 0:
                self.check()
            yield item


UNWATCHED = Watch()
