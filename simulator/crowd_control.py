"""What stewards do with a crowd: meter or stop the inflow, open another exit, speak to people.

Lives here: the measures that hold in a zone and how the crowds there answer. Must not know: who ordered a measure, cameras. A
crowd grows with those who come and shrinks with those who go: metered, half as many come; stopped, none; an exit takes people
out at a rate; an announcement lets some leave. Rates are assumptions, of the order of Fruin's flows (1971: 1.3 people/s and
metre of door).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from simulator.security import Happening

if TYPE_CHECKING:
    from simulator.world import World

STEP_MS = 10_000
INFLOW: Mapping[str, float] = {"open": 1.0, "metered": 0.5, "stopped": 0.0}
EXIT_PER_S = 1.0 / 600.0  # of the crowd, by a second exit
HEARD_PER_S = 1.0 / 3_000.0  # of the crowd, while an announcement is in people's ears
HEARD_MS = 300_000


@dataclass(frozen=True, slots=True)
class Measures:
    """What holds in one zone."""

    inflow: str = "open"
    second_exit: bool = False
    heard_until_ms: int = -1


class CrowdControl:
    """The measures in one city's zones, and what becomes of crowds under them."""

    def __init__(self) -> None:
        self.measures: dict[int, Measures] = {}
        self._plans: dict[str, Happening] = {}  # crowd -> how it would have gone, had nobody done anything

    def start(self, world: "World") -> None:
        """Register the process; it sleeps while nothing is ordered."""
        self._world = world
        world.scheduler.add("crowd_control.step", 51, None, self._step)

    def order(
        self, zone: int, now_ms: int, *, inflow: str | None = None, second_exit: bool | None = None, heard: bool = False
    ) -> None:
        """Change what holds in a zone."""
        held = self.measures.get(zone, Measures())
        self.measures[zone] = Measures(
            held.inflow if inflow is None else inflow,
            held.second_exit if second_exit is None else second_exit,
            now_ms + HEARD_MS if heard else held.heard_until_ms,
        )
        self._world.scheduler.wake("crowd_control.step", now_ms + STEP_MS)

    def _step(self, now_ms: int) -> int | None:
        """Let ten seconds pass for every crowd in a zone with measures; its size is from now on what came less what went."""
        happenings = self._world.security.happenings
        for at, crowd in enumerate(happenings):
            held = self.measures.get(crowd.zone)
            if crowd.kind == "crowd" and held is not None:
                plan = self._plans.setdefault(crowd.event_id, crowd)
                happenings[at] = replace(crowd, strength=_size(crowd, plan, held, now_ms), ramp_ms=0)
        there = {crowd.event_id for crowd in happenings}
        self._plans = {event_id: plan for event_id, plan in self._plans.items() if event_id in there}
        return now_ms + STEP_MS if there & self._plans.keys() or self.measures else None

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "measures": [[zone, asdict(held)] for zone, held in self.measures.items()],
            "plans": [asdict(plan) for plan in self._plans.values()],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.measures = {zone: Measures(**held) for zone, held in data["measures"]}
        self._plans = {row["event_id"]: Happening(**row) for row in data["plans"]}


def _size(crowd: Happening, plan: Happening, held: Measures, now_ms: int) -> float:
    """Return the density [people/m2] of a crowd after ten more seconds."""
    come = max(plan.now(now_ms) - plan.now(now_ms - STEP_MS), 0.0) * INFLOW[held.inflow]
    going_per_s = (EXIT_PER_S if held.second_exit else 0.0) + (HEARD_PER_S if held.heard_until_ms >= now_ms else 0.0)
    before = crowd.now(now_ms - STEP_MS)
    return max(before * (1.0 - going_per_s * STEP_MS / 1000.0) + come, 0.0)
