"""What happens on the roads and is true until it ends: crashes, closures, surges, each with its ground-truth event.

Lives here: their begin, their end by time or by a unit, and their effect on traffic. Must not know: why an instructor wants
them, who notices.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.traffic.traffic import Traffic
    from simulator.world import World

WORKS_SPEED = 0.7  # of those who pass cones: 30 to 40 km/h on a road for 50 (assumption)
PRIORITY = 5  # before all domains of the same instant


@dataclass(frozen=True, slots=True)
class Happening:
    """One of them. `handle` is that of the incident, `zone` and `factor` belong to a surge; -1 means none."""

    event_id: str
    kind: str
    link: int = -1
    handle: int = -1
    zone: int = -1
    gate: int = -1
    factor: float = 1.0
    ends_ms: int | None = None


class Happenings:
    """The happenings of one city's roads that last."""

    def __init__(self, traffic: "Traffic") -> None:
        self._traffic = traffic
        self.open: list[Happening] = []
        self._started = False

    def start(self, world: "World") -> None:
        """Register the process that ends what ends by itself."""
        self._world, self._started = world, True
        world.scheduler.add("traffic.happenings", PRIORITY, None, self._end_due)

    def crash(
        self, link: int, position_m: float, lanes: float, speed_factor: float, now_ms: int, ends_ms: int | None, cause: str
    ) -> TruthEvent:
        """Take lanes of a link until `ends_ms`, or until a unit has cleared it; `cause` is what blocks them."""
        handle = self._traffic.set_incident(link, position_m, lanes, speed_factor)
        attributes = {"position_m": position_m, "lanes_taken": lanes, "what": cause}
        event = self._begin("traffic_incident", self._link(link), now_ms, attributes)
        self._keep(Happening(event.event_id, event.kind, link, handle, ends_ms=ends_ms))
        return event

    def close(self, link: int, now_ms: int, ends_ms: int | None, position_m: float | None = None) -> TruthEvent:
        """Close a link until `ends_ms`: to those who want in, and at `position_m` to all."""
        self._traffic.close_link(link, position_m)
        event = self._begin("road_closure", self._link(link), now_ms, {} if position_m is None else {"position_m": position_m})
        self._keep(Happening(event.event_id, event.kind, link, ends_ms=ends_ms))
        return event

    def close_lanes(self, link: int, position_m: float, lanes: float, now_ms: int, ends_ms: int | None) -> TruthEvent:
        """Close some lanes of a link at a place until `ends_ms`, for works."""
        handle = self._traffic.set_incident(link, position_m, lanes, WORKS_SPEED, works=True)
        event = self._begin("road_closure", self._link(link), now_ms, {"position_m": position_m, "lanes_taken": lanes})
        self._keep(Happening(event.event_id, event.kind, link, handle, ends_ms=ends_ms))
        return event

    def break_gate(self, gate: int, now_ms: int, ends_ms: int | None) -> TruthEvent:
        """Let a port gate serve half of what it should until `ends_ms`."""
        gates = self._traffic.gates
        gates.broken[gate] = True
        link = gates.specs[gate].link
        event = self._begin("gate_fault", self._link(link), now_ms, {"gate": self._world.city.gates.id[gate]})
        self._keep(Happening(event.event_id, event.kind, link, gate=gate, ends_ms=ends_ms))
        return event

    def gate_by_hand(self, gate: int, now_ms: int) -> bool:
        """Let people serve a port gate whose reader has failed; return whether that was so."""
        ending = [h for h in self.open if h.kind == "gate_fault" and h.gate == gate]
        for happening in ending:
            self._end(happening, now_ms)
        return bool(ending)

    def watch_gates(self, now_ms: int) -> None:
        """Begin and end the truth of trucks on the road before gates; networks without a world keep none."""
        gates = self._traffic.gates
        for gate, trucks in enumerate(gates.on_road_veh().tolist() if self._started else []):
            mine = next((h for h in self.open if h.kind == "gate_queue" and h.gate == gate), None)
            if trucks >= 1.0 and mine is None:
                link = gates.specs[gate].link
                cause = next((h.event_id for h in self.open if h.kind == "gate_fault" and h.gate == gate), None)
                event = self._world.truth.begin("gate_queue", self._link(link), now_ms, cause, {})
                self._keep(Happening(event.event_id, event.kind, link, gate=gate))
            elif trucks < 1.0 and mine is not None:
                self._end(mine, now_ms)

    def surge(self, zone: int, factor: float, now_ms: int, ends_ms: int | None) -> TruthEvent:
        """Let `factor` times as many trips as usual begin in a zone until `ends_ms`."""
        place = Place("zone", self._world.city.zones.id[zone])
        event = self._begin("demand_surge", place, now_ms, {"factor": factor})
        self._keep(Happening(event.event_id, event.kind, zone=zone, factor=factor, ends_ms=ends_ms))
        self._set_surges()
        return event

    def clear(self, place: Place, now_ms: int, most_lanes: float = 99.0) -> list[str]:
        """End the crashes on at most so many lanes at a place (on the link, or on links at its junction); return their kinds."""
        links = self._links_at(place)
        lanes = {handle: incident.lanes_taken for handle, incident in self._traffic.obstacles.incidents.items()}
        here = [h for h in self.open if h.kind == "traffic_incident" and h.link in links]
        ending = [h for h in here if lanes.get(h.handle, 0.0) <= most_lanes]
        for happening in ending:
            self._end(happening, now_ms)
        return [h.kind for h in ending]

    def reopen(self, link: int, now_ms: int) -> bool:
        """End the closures of a link; return whether there was one."""
        ending = [h for h in self.open if h.kind == "road_closure" and h.link == link]
        for happening in ending:
            self._end(happening, now_ms)
        return bool(ending)

    def _links_at(self, place: Place) -> set[int]:
        world, net = self._world, self._traffic.net
        if place.kind == "link":
            return {world.places.index("link", place.id)}
        spot = world.places.spot(place)
        if spot is None or place.kind == "zone":
            return set()
        return set(np.flatnonzero((net.from_node == spot.node) | (net.to_node == spot.node)).tolist())

    def _link(self, link: int) -> Place:
        return Place("link", self._traffic.net.link_ids[link])

    def _begin(self, kind: str, place: Place, now_ms: int, attributes: Mapping[str, Any]) -> TruthEvent:
        return self._world.truth.begin(kind, place, now_ms, None, attributes)

    def _keep(self, happening: Happening) -> None:
        self.open.append(happening)
        self._book()

    def _book(self) -> None:
        times = [h.ends_ms for h in self.open if h.ends_ms is not None]
        self._world.scheduler.wake("traffic.happenings", min(times, default=None))

    def _end_due(self, now_ms: int) -> int | None:
        for happening in [h for h in self.open if h.ends_ms is not None and h.ends_ms <= now_ms]:
            self._end(happening, now_ms)
        return min((h.ends_ms for h in self.open if h.ends_ms is not None), default=None)

    def _end(self, happening: Happening, now_ms: int) -> None:
        self.open.remove(happening)
        self._world.truth.end(happening.event_id, now_ms)
        if happening.handle >= 0:
            self._traffic.clear_incident(happening.handle)
        elif happening.kind == "gate_fault":
            broken = any(h.kind == "gate_fault" and h.gate == happening.gate for h in self.open)
            self._traffic.gates.broken[happening.gate] = broken
        elif happening.kind == "demand_surge":
            self._set_surges()
        elif happening.kind == "road_closure":
            self._open_again(happening.link)

    def _open_again(self, link: int) -> None:
        """Open a link unless another closure of all of it lasts."""
        if not any(h.kind == "road_closure" and h.link == link and h.handle < 0 for h in self.open):
            self._traffic.open_link(link)

    def _set_surges(self) -> None:
        """Set the surge factor of every zone to the product of those that last there."""
        demand = self._traffic.demand
        if demand is None:
            return
        factor = np.ones(demand.trips.n_zones)
        for happening in self.open:
            if happening.kind == "demand_surge":
                factor[happening.zone] *= happening.factor
        demand.set_surge(factor)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return what lasts as plain data."""
        return [asdict(h) for h in self.open]

    def restore(self, rows: list[dict[str, Any]]) -> None:
        """Take over a saved list; traffic and scheduler restore the effects and the wake themselves."""
        self.open = [Happening(**row) for row in rows]
        self._set_surges()
