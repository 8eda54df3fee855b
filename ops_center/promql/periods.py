"""Periods that are computed, as in `[5m * 2]` or `offset step()`; knows no selectors and no steps but the query's.

A period is in seconds. It is fixed unless it asks for `step()` or `range()`, which differ from query to query.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ops_center.promql.durations import MAX_DURATION_MS
from ops_center.promql.errors import NOWHERE, EvaluationError, Span

OF_QUERY = frozenset({"step", "range"})
OF_TWO = frozenset({"min_of", "max_of"})


@dataclass(frozen=True, slots=True)
class Period:
    """A period: `op` is "literal", "step", "range", "neg", an operator sign, "min_of" or "max_of"."""

    op: str
    parts: tuple[Period, ...] = ()
    seconds: float = 0.0
    span: Span = NOWHERE

    @property
    def fixed(self) -> bool:
        """The same in every query."""
        return self.op not in OF_QUERY and all(part.fixed for part in self.parts)


_BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "min_of": min,
    "max_of": max,
}


def seconds_of(period: Period, step_s: float, range_s: float) -> float:
    """The length of a period in a query of a given step and range.

    Raises:
        EvaluationError: division by zero, or a power of no real value.
    """
    match period.op:
        case "literal":
            return period.seconds
        case "step":
            return step_s
        case "range":
            return range_s
        case "neg":
            return -seconds_of(period.parts[0], step_s, range_s)
        case _:
            return _of_two(period.op, *(seconds_of(part, step_s, range_s) for part in period.parts))


def _of_two(op: str, a: float, b: float) -> float:
    if op in _BINARY:
        return _BINARY[op](a, b)
    if op == "^":
        try:
            return math.pow(a, b)
        except (ValueError, OverflowError):
            raise EvaluationError(f"duration out of range: saw {a} ^ {b}, expected at most 292 years") from None
    if b == 0:
        raise EvaluationError("division by zero" if op == "/" else "modulo by zero")
    return a / b if op == "/" else math.fmod(a, b)


def milliseconds_of(period: Period, step_ms: int, range_ms: int) -> int:
    """The length of a period in whole ms, what is less than one cut off.

    Raises:
        EvaluationError: as `seconds_of`; or longer than 292 years.
    """
    exact = seconds_of(period, step_ms / 1000, range_ms / 1000) * 1000
    if not abs(exact) <= MAX_DURATION_MS:
        raise EvaluationError(f"duration out of range: saw {exact} ms, expected at most 292 years")
    return int(round(exact, 6))  # to the nanosecond first: 1.001 s is 1001 ms
