"""Emergencies: people in need of a doctor, and fires, until the right unit has been there.

Lives here: what lasts, where, and who ends it. Must not know: which unit comes how fast (`simulator.units`), who notices.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

REACH_M = 150.0  # who is sent to a place looks around so far


@dataclass(frozen=True, slots=True)
class Emergency:
    """A fire or a person in need, at a place on the ground, until somebody has attended or `until_ms` (-1: no such time)."""

    event_id: str
    kind: str
    lon: float
    lat: float
    zone: int
    until_ms: int


class Emergencies:
    """The emergencies of one city."""

    def __init__(self) -> None:
        self.open: list[Emergency] = []

    def start(self, world: "World") -> None:
        """Register the process that ends what ends by itself."""
        self._world = world
        world.scheduler.add("emergencies.ends", 50, None, self._ends)

    def begin(self, kind: str, place: Place, now_ms: int, lasts_ms: int | None, cause_id: str | None = None) -> TruthEvent:
        """Let an emergency begin at a place; without `lasts_ms` only a unit ends it. Raises ValueError on an unknown place."""
        spot = self._world.spot(place)
        event = self._world.truth.begin(kind, place, now_ms, cause_id)
        until_ms = -1 if lasts_ms is None else now_ms + lasts_ms
        self.open.append(Emergency(event.event_id, kind, spot.lon, spot.lat, spot.zone, until_ms))
        self._world.scheduler.wake("emergencies.ends", self._next_ms(now_ms))
        return event

    def attend(self, kind: str, place: Place, now_ms: int) -> list[str]:
        """End the emergencies of a kind around a place (or in a whole zone) and return their kinds."""
        spot = self._world.spot(place)
        mine = [e for e in self.open if e.kind == kind]
        away = self._world.places.distance_m(np.array([e.lon for e in mine]), np.array([e.lat for e in mine]), spot.lon, spot.lat)
        near = [e for e, m in zip(mine, away, strict=True) if m <= REACH_M or (place.kind == "zone" and e.zone == spot.zone)]
        for emergency in near:
            self._end(emergency, now_ms)
        return [e.kind for e in near]

    def _end(self, emergency: Emergency, now_ms: int) -> None:
        self.open.remove(emergency)
        self._world.truth.end(emergency.event_id, now_ms)

    def _next_ms(self, now_ms: int) -> int | None:
        due = [e.until_ms for e in self.open if e.until_ms >= 0]
        return max(now_ms, min(due)) if due else None

    def _ends(self, now_ms: int) -> int | None:
        for emergency in [e for e in self.open if 0 <= e.until_ms <= now_ms]:
            self._end(emergency, now_ms)
        return self._next_ms(now_ms)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return what lasts as plain data."""
        return [asdict(e) for e in self.open]

    def restore(self, data: list[Mapping[str, Any]]) -> None:
        """Take over a saved list."""
        self.open = [Emergency(**row) for row in data]


def _lasts_ms(params: Mapping[str, Any]) -> int | None:
    return None if params["duration_s"] is None else round(params["duration_s"] * 1000)


def _fire(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    place = Place("building", world.city.buildings.id[world.pick("building", params["building"])])
    return world.emergencies.begin("fire", place, now_ms, _lasts_ms(params))


def _medical(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    place = Place("node", world.city.nodes.id[world.pick("node", params["node"])])
    return world.emergencies.begin("medical_emergency", place, now_ms, _lasts_ms(params))


DURATION = Parameter(
    "number", "s", 10, 86_400, help=Text("Tự hết sau; bỏ trống: đến khi có đội xử lý", "Ends after; absent: when attended")
)

INJECTS = (
    Inject(
        "fire",
        Text("Cháy nhà", "Building on fire"),
        "fire",
        {
            "building": Parameter("building", help=Text("Tòa nhà; bỏ trống: tự chọn", "Building; absent: seeded choice")),
            "duration_s": DURATION,
        },
        _fire,
    ),
    Inject(
        "medical_emergency",
        Text("Người cần cấp cứu", "Person in need of an ambulance"),
        "medical_emergency",
        {
            "node": Parameter("node", help=Text("Nút giao; bỏ trống: tự chọn", "Junction; absent: seeded choice")),
            "duration_s": DURATION,
        },
        _medical,
    ),
)
