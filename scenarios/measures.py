"""Outcomes: what the truth came to over a run, for the expectations that ask.

Lives here: sampling the quantities of a scenario's outcomes from T+0 on. Must not know: whether an outcome is good enough.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scenarios.quantities import Figure, read
from scenarios.schema import Scenario
from simulator.world import World

STEP_MS = 10_000


class Measures:
    """The figures of one run, by the id of the expectation that asks for them."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        self._world = world
        self._outcomes = [e for e in scenario.expectations if e.kind == "outcome"]
        self.first_ms = scenario.warm_up + STEP_MS
        self.figures = {e.id: Figure() for e in self._outcomes}

    @property
    def any(self) -> bool:
        """Whether there is anything to measure."""
        return bool(self._outcomes)

    def step(self, now_ms: int) -> int:
        """Take a sample of everything and return when the next is due."""
        for e in self._outcomes:
            assert e.quantity is not None
            self.figures[e.id].take(read(self._world, e.quantity, e.place, now_ms), e.level, STEP_MS)
        return now_ms + STEP_MS

    def values(self) -> dict[str, float | None]:
        """Return what each outcome has come to so far, by expectation."""
        return {e.id: self.figures[e.id].value(e.measure or "last", STEP_MS) for e in self._outcomes}

    def snapshot(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {name: asdict(figure) for name, figure in self.figures.items()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over saved figures."""
        self.figures = {name: Figure(**row) for name, row in data.items()}
