"""Errors of the PromQL room, each with a place in the text; knows nothing of HTTP or of the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of character offsets in the expression text."""

    start: int
    end: int


NOWHERE = Span(0, 0)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """1-based line and column of a character offset."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


class PromQLError(ValueError):
    """Base of everything that can be wrong with an expression or its evaluation."""


class ParseError(PromQLError):
    """The text is not a valid expression: `line:column: what, seen, expected`.

    `syntax` tells what Prometheus' parser refuses from what is refused of a good expression where it is asked.
    """

    def __init__(self, message: str, text: str = "", span: Span = NOWHERE, syntax: bool = True) -> None:
        self.message = message
        self.span = span
        self.syntax = syntax
        self.line, self.column = line_column(text, min(span.start, len(text)))
        super().__init__(f"{self.line}:{self.column}: {message}")


class UnsupportedError(ParseError):
    """Valid PromQL of a newer or flagged dialect that this engine declares out of scope."""


class EvaluationError(PromQLError):
    """A valid expression met data that it cannot be applied to."""


class LimitError(EvaluationError):
    """An evaluation would exceed a limit on samples, steps, pairs or series."""


class TimeLimitError(EvaluationError):
    """An evaluation took longer than its caller allows."""
