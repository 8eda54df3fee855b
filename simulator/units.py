"""Response units: one crew and one patrol at a time from each base, on the road and at work.

Lives here: the states of units, their ways over links at present speeds, what they mend. Must not know: who sent them or
why. A job that ends, well or badly, is told once through `take_reports`.

    idle -> travelling -> on_scene -> returning -> idle        (returning -> travelling when sent again)
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.city import City
from simulator.truth import Place
from simulator.works import WORK_S, work

if TYPE_CHECKING:
    from simulator.world import World

# state -> event -> next state; anything else is refused
STATES: Mapping[str, Mapping[str, str]] = {
    "idle": {"sent": "travelling"},
    "travelling": {"arrived": "on_scene", "lost": "returning"},
    "on_scene": {"finished": "returning"},
    "returning": {"sent": "travelling", "home": "idle"},
}
MIN_LINK_MS = 1_000
SIREN = 1.0  # units go with the traffic; a factor above 1 would make them faster


@dataclass(slots=True)
class Unit:
    """A crew or patrol. `node` is where it is or was last; `route` are the links still ahead."""

    unit_id: str
    kind: str
    base: int
    node: int
    state: str = "idle"
    route: list[int] | None = None
    wake_ms: int | None = None
    place_kind: str = ""
    place_id: str = ""
    job_id: str = ""

    def go(self, event: str) -> None:
        """Take an event of the state table. Raises ValueError where it is illegal; nothing is changed then."""
        after = STATES[self.state].get(event)
        if after is None:
            raise ValueError(f"unit {self.unit_id} is {self.state}; {event!r} cannot happen to it there")
        self.state = after


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a job: whether anything was mended, and what, as `code: words`."""

    job_id: str
    done: bool
    text: str


class Units:
    """The units of one city."""

    def __init__(self, city: City) -> None:
        self._city = city
        bases = zip(city.bases.id, city.bases.kind, city.bases.node, strict=True)
        self.units = [Unit(f"{kind}:{i + 1}", kind, node, node) for i, (_, kind, node) in enumerate(bases)]
        self._reports: list[Report] = []

    def start(self, world: "World") -> None:
        """Register a process for each unit."""
        self._world = world
        for unit in self.units:
            world.scheduler.add(f"units.{unit.unit_id}", 60, None, self._stepper(unit))

    def dispatch(self, unit_kind: str, place: Place, now_ms: int, job_id: str = "") -> str | None:
        """Send the free unit that is there first; return its id, or None when none is free or no way leads there."""
        spot = self._world.places.spot(place)
        free = [u for u in self.units if u.kind == unit_kind and u.state in ("idle", "returning")]
        if spot is None or not free:
            return None
        ways = [(unit, self._way(unit.node, spot.node)) for unit in free]
        timed = [(self._world.traffic.travel_time_s(way), u.unit_id, u, way) for u, way in ways if way is not None]
        if not timed:
            return None
        _, _, unit, way = min(timed, key=lambda t: t[:2])
        unit.go("sent")
        unit.route, unit.place_kind, unit.place_id, unit.job_id = way, place.kind, place.id, job_id
        self._plan(unit, now_ms)
        self._world.scheduler.wake(f"units.{unit.unit_id}", unit.wake_ms)
        return unit.unit_id

    def take_reports(self) -> list[Report]:
        """Return the jobs that ended since the last call."""
        reports, self._reports = self._reports, []
        return reports

    def _way(self, start: int, end: int) -> list[int] | None:
        if start == end:
            return []
        try:
            return self._world.traffic.route(start, end) or None
        except ValueError:
            return None

    def _plan(self, unit: Unit, now_ms: int) -> None:
        """Set when the unit has passed the next link of its way."""
        if not unit.route:
            unit.wake_ms = now_ms + MIN_LINK_MS
            return
        seconds = float(self._world.traffic.link_travel_time_s()[unit.route[0]])
        unit.wake_ms = now_ms + max(MIN_LINK_MS, round(seconds * 1000.0 / SIREN))

    def _stepper(self, unit: Unit) -> Any:
        def step(now_ms: int) -> int | None:
            if unit.route:
                unit.node = self._city.links.to_node[unit.route.pop(0)]
                if unit.route:
                    self._plan(unit, now_ms)
                    return unit.wake_ms
            self._next_stage(unit, now_ms)
            return unit.wake_ms

        return step

    def _next_stage(self, unit: Unit, now_ms: int) -> None:
        """The way is at its end, or the work: go on with what comes next."""
        place = Place(unit.place_kind, unit.place_id)
        if unit.state == "travelling":
            unit.go("arrived")
            unit.wake_ms = now_ms + 1000 * WORK_S[unit.kind].get(place.kind, 300)
        elif unit.state == "on_scene":
            mended = work(self._world, unit.kind, place, now_ms)
            text = f"mended: {', '.join(mended)}" if mended else "nothing_found: there was nothing to mend here"
            self._reports.append(Report(unit.job_id, True, text))
            unit.go("finished")
            self._go_home(unit, now_ms)
        elif unit.state == "returning":
            unit.go("home")
            unit.node, unit.wake_ms = unit.base, None

    def _go_home(self, unit: Unit, now_ms: int) -> None:
        unit.place_kind = unit.place_id = unit.job_id = ""
        unit.route = self._way(unit.node, unit.base) or []
        self._plan(unit, now_ms)

    def positions(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return degrees east and north of the junction each unit is at or passed last, float[U, 2]."""
        nodes = self._city.nodes
        return np.array([(nodes.lon[u.node], nodes.lat[u.node]) for u in self.units], dtype=np.float64).reshape(-1, 2)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"units": [asdict(u) for u in self.units], "reports": [asdict(r) for r in self._reports]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        for unit, row in zip(self.units, data["units"], strict=True):
            for name, value in row.items():
                setattr(unit, name, list(value) if isinstance(value, list) else value)
        self._reports = [Report(**row) for row in data["reports"]]
