"""Fire panel of a building: smoke in two zones, return air, and the air handling that it commands."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Bools, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import ParameterInfo, Text
from sensors.placement import ids
from simulator.indoor import MODES
from simulator.world import World

BATTERY_H = 24  # EN 54-4: a panel outlives its mains by a day and more, so that power is no reason for silence here


def place(world: World) -> Sites:
    """Return one panel for every watched building, under the building's id."""
    buildings, zones = world.city.buildings, world.city.zones
    rows = world.indoor.building.tolist()
    zone = np.array([buildings.zone[b] for b in rows], dtype=np.int64)
    none = np.full(len(rows), -1, dtype=np.int64)
    return Sites(
        device_id=[f"panel:{buildings.id[b]}" for b in rows],
        name=[f"{zones.name[z]}: {buildings.kind[b]}" for b, z in zip(rows, zone.tolist(), strict=True)],
        lon=np.array([buildings.polygon[b][0] for b in rows], dtype=np.float64),
        lat=np.array([buildings.polygon[b][1] for b in rows], dtype=np.float64),
        zone=zone,
        road=none,
        feeder=none,
        cabinet=none,
        labels={"building": ids(buildings.id, world.indoor.building), "place": ids(zones.name, zone)},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return what the panels see."""
    del sites, context, now_ms
    indoor = world.indoor
    return {
        "smoke_a": indoor.smoke[:, 0],
        "smoke_b": indoor.smoke[:, 1],
        "return_air": indoor.return_c,
        "air_mode": indoor.mode,
    }


def powered(world: World, sites: Sites) -> Bools:
    """Return that every panel reports: it has a battery of its own for a day."""
    del world
    return np.ones(sites.n, dtype=bool)


def set_ventilation(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Set the air handling of a building."""
    del now_ms
    row = world.indoor.row_of(target_id)
    if row < 0:
        return f"no_panel: building {target_id} has no air handling that can be commanded"
    world.indoor.set_mode(row, params["mode"])
    return ""


def _smoke(name: str, vi: str, en: str) -> Quantity:
    return Quantity(
        f"smoke_{name}", f"panel_smoke_{name}_ratio", "ratio", Text(vi, en), "Smoke in this zone, 1 is dense.",
        resolution=0.01, minimum=0, maximum=1, noise=Noise(absolute=0.005),
    )  # fmt: skip


MODE = ParameterInfo("mode", "choice", Text("Chế độ", "Mode"), choices=list(MODES), default="smoke")

KIND = SensorKind(
    name="fire_panel",
    title=Text("Tủ báo cháy", "Fire panel"),
    icon="panel",
    period_ms=10_000,
    quantities=(
        _smoke("a", "Khói khu A", "Smoke, zone A"),
        _smoke("b", "Khói khu B", "Smoke, zone B"),
        Quantity(
            "return_air", "panel_return_air_celsius", "°C", Text("Gió hồi", "Return air"), "Temperature of the return air.",
            resolution=0.1, minimum=-10, maximum=120, noise=Noise(absolute=0.2),
        ),
        Quantity(
            "air_mode", "panel_air_mode", "", Text("Thông gió", "Air handling"), "0 normal, 1 off, 2 smoke mode.",
            resolution=1, minimum=0, maximum=2,
        ),
    ),
    place=place,
    measure=measure,
    powered=powered,
    actions=(
        Action("ventilation", Text("Chỉnh thông gió", "Set air handling"), ("building",), (MODE,), set_ventilation, 5_000),
    ),
    active="smoke_a",
)  # fmt: skip
