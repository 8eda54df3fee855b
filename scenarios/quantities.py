"""Truth as figures: what triggers watch and outcomes are measured by.

Lives here: one table of quantities, each read from the world at an instant. Must not know: triggers, expectations, sensors. All
of it is state that the world digests anyway, so a re-execution reads the same figures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.schema import PlaceRef
from simulator.city import Text
from simulator.crowds import PRESSED_PER_M2, cells, people
from simulator.world import World

CITY = "city"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure of the truth. `places` are the kinds of place it can be read at; `city` means: also of the whole city."""

    title: Text
    unit: str
    places: tuple[str, ...]
    lowest: float
    highest: float
    read: Callable[[World, str, int, int], float]  # (world, kind of place, its row (-1: the city), now_ms)


def _link(read: Callable[[World], Any]) -> Callable[[World, str, int, int], float]:
    return lambda world, _kind, row, _now_ms: float(read(world)[row])


def queue_m(world: World) -> Any:
    """Delayed vehicles on each link, as metres of standing queue over all its lanes."""
    net = world.traffic.net
    room = net.cells_by_link(net.cell_jam_veh)
    return world.traffic.link_queue_veh() * net.model_length_m / np.maximum(room, 1e-9)


def _on_road(world: World, _kind: str, _row: int, _now_ms: int) -> float:
    return float(world.traffic.totals()["on_road"])


def _waiting(world: World, _kind: str, _row: int, _now_ms: int) -> float:
    return float(world.traffic.totals()["waiting"])


def _vehicle_hours(world: World, _kind: str, _row: int, _now_ms: int) -> float:
    return float(world.traffic.totals()["vehicle_s"]) / 3600.0


def _crowd(world: World, _kind: str, row: int, now_ms: int) -> float:
    """The densest place of a zone: its crowds, else people outdoors as on any day."""
    ordinary = float(world.security.outdoor_density(now_ms)[row])
    crowds = [h.now(now_ms) for h in world.security.happenings if h.kind == "crowd" and h.zone == row]
    return max([ordinary, *crowds])


def _pressed(world: World, _kind: str, row: int, now_ms: int) -> float:
    """People of a zone's crowds where they can no longer keep from touching each other."""
    own = [h for h in world.security.happenings if h.kind == "crowd" and h.zone == row]
    return sum(people(cells(h.now(now_ms), h.radius_m), PRESSED_PER_M2) for h in own)


def _lamps_dark(world: World, kind: str, row: int, _now_ms: int) -> float:
    """Luminaires that were told to burn and give no light."""
    lighting = world.lighting
    dark = (lighting.commanded_level > 0) & (lighting.light_output <= 0)
    if kind == "link":
        dark = dark & (lighting.link == row)
    elif kind == "zone":
        dark = dark & (lighting.zone == row)
    elif kind == "cabinet":
        dark = dark & (lighting.cabinet == row)
    elif kind == "feeder":
        dark = dark & (world.power.cabinet_feeder[lighting.cabinet] == row)
    return float(np.count_nonzero(dark))


def _signals_dark(world: World, _kind: str, _row: int, _now_ms: int) -> float:
    return float(np.count_nonzero(world.controllers.mode == 2))


def _air(read: Callable[[World, int], float]) -> Callable[[World, str, int, int], float]:
    return lambda world, _kind, _row, now_ms: read(world, now_ms)


def _gust(world: World, now_ms: int) -> float:
    """Gusts in the middle of the city."""
    return float(world.weather.gusts(np.zeros((1, 2)), now_ms)[0])


def _flood(world: World, _kind: str, row: int, _now_ms: int) -> float:
    """Depth on the street of a low spot, of the deepest one for the city."""
    depth = world.water.depth_m
    return float(depth.max() if row < 0 else depth[row]) if len(depth) else 0.0


def _smoke(world: World, _kind: str, row: int, _now_ms: int) -> float:
    """Smoke in the worse zone of a building, 0 where nobody watches it."""
    watched = np.flatnonzero(world.indoor.building == row)
    return float(world.indoor.smoke[watched].max()) if len(watched) else 0.0


def _inward(world: World, _kind: str, _row: int, _now_ms: int) -> float:
    return float(len(world.truth.open("sluice_inward")))


def _lasting(world: World, _kind: str, _row: int, _now_ms: int) -> float:
    return float(len([e for e in world.truth.open() if e.cause_id is None]))


QUANTITIES: Mapping[str, Quantity] = {
    "queue_m": Quantity(Text("Hàng xe chờ", "Queue"), "m", ("link",), 0, 20_000, _link(queue_m)),
    "density_ratio": Quantity(
        Text("Mật độ xe", "Density of vehicles"), "", ("link",), 0, 1, _link(lambda world: world.traffic.link_density_ratio())
    ),
    "speed_kmh": Quantity(
        Text("Tốc độ", "Speed"), "km/h", ("link",), 0, 150, _link(lambda world: world.traffic.link_speed_mps() * 3.6)
    ),
    "travel_time_s": Quantity(
        Text("Thời gian đi", "Travel time"), "s", ("link",), 0, 1_800, _link(lambda world: world.traffic.link_travel_time_s())
    ),
    "on_road_veh": Quantity(Text("Xe trên đường", "Vehicles on the roads"), "", (CITY,), 0, 1e7, _on_road),
    "waiting_veh": Quantity(Text("Xe chờ vào đường", "Vehicles that wait to enter"), "", (CITY,), 0, 1e7, _waiting),
    "vehicle_hours": Quantity(Text("Giờ xe trên đường", "Vehicle hours"), "h", (CITY,), 0, 1e9, _vehicle_hours),
    "crowd_per_m2": Quantity(Text("Mật độ người", "Crowd density"), "1/m2", ("zone",), 0, 10, _crowd),
    "pressed_people": Quantity(Text("Người bị chen ép", "People who are pressed"), "", ("zone",), 0, 1e6, _pressed),
    "lamps_dark_count": Quantity(
        Text("Đèn tắt ngoài ý muốn", "Lamps dark against their orders"),
        "",
        (CITY, "zone", "link", "cabinet", "feeder"),
        0,
        1e7,
        _lamps_dark,
    ),
    "signals_dark_count": Quantity(Text("Nút đèn tắt", "Dark signals"), "", (CITY,), 0, 1e6, _signals_dark),
    "gust_mps": Quantity(Text("Gió giật", "Gusts"), "m/s", (CITY,), 0, 120, _air(_gust)),
    "tide_m": Quantity(
        Text("Mực nước triều", "Tidal water"), "m", (CITY,), -10, 20, _air(lambda world, ms: world.water.sea_m(ms))
    ),
    "flood_m": Quantity(Text("Nước trên đường", "Water on the street"), "m", (CITY, "basin"), 0, 5, _flood),
    "sluices_inward_count": Quantity(Text("Cống để nước vào", "Sluices that let water in"), "", (CITY,), 0, 1e4, _inward),
    "smoke_ratio": Quantity(Text("Khói", "Smoke"), "", ("building",), 0, 1, _smoke),
    "lasting_count": Quantity(Text("Việc còn kéo dài", "Things that still last"), "", (CITY,), 0, 1e6, _lasting),
}


def read(world: World, name: str, place: PlaceRef | None, now_ms: int) -> float:
    """Return a quantity at a place, of the whole city without one. Raises KeyError on a name that is none."""
    kind, row = (CITY, -1) if place is None else (place.kind, world.places.index(place.kind, place.id))
    return QUANTITIES[name].read(world, kind, row, now_ms)


@dataclass(slots=True)
class Figure:
    """What has been measured of one quantity so far, sampled every so often."""

    count: int = 0
    peak: float = 0.0
    least: float = 0.0
    last: float = 0.0
    total: float = 0.0
    above_ms: int = 0

    def take(self, value: float, level: float, step_ms: int) -> None:
        """Take in one sample that stands for the last `step_ms`."""
        self.peak = value if self.count == 0 else max(self.peak, value)
        self.least = value if self.count == 0 else min(self.least, value)
        self.last, self.count = value, self.count + 1
        self.total += value
        self.above_ms += step_ms if value > level else 0

    def value(self, measure: str, step_ms: int) -> float | None:
        """Return a measure, None before the first sample; `sum` is value x minutes."""
        if self.count == 0:
            return None
        return {
            "peak": self.peak, "least": self.least, "last": self.last, "mean": self.total / self.count,
            "minutes_above": self.above_ms / 60_000.0, "sum": self.total * step_ms / 60_000.0,
        }[measure]  # fmt: skip
