"""Drain station of a low spot: water inside and outside, its sluice and its pumps; it carries out commands to both."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import ParameterInfo, Text
from sensors.placement import always, ids
from simulator.water import MODES
from simulator.world import World


def place(world: World) -> Sites:
    """Return one site for every low spot."""
    basins = world.city.basins
    n = len(basins.id)
    road = np.array([links[0] for links in basins.links], dtype=np.int64)
    return Sites(
        device_id=basins.id,
        name=[f"Trạm tiêu {name}" for name in basins.name],
        lon=np.array(basins.lon, dtype=np.float64),
        lat=np.array(basins.lat, dtype=np.float64),
        zone=np.array(basins.zone, dtype=np.int64),
        road=road,
        feeder=np.array(basins.feeder, dtype=np.int64),
        cabinet=np.full(n, -1, dtype=np.int64),
        labels={"road": ids(world.city.links.id, road), "place": basins.name},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all stations."""
    del context
    water = world.water
    return {
        "inside": water.level_m,
        "outside": np.full(sites.n, water.sea_m(now_ms)),
        "sluice": water.sluice_open,
        "sluice_mode": water.sluice_mode,
        "pumping": water.pumping,
        "pump_mode": water.pump_mode,
    }


def _unreachable(world: World, target_id: str) -> str:
    if not world.telecom.reaches(target_id) or world.devices.dead(target_id, "drain_station"):
        return f"unreachable: drain station {target_id} does not answer"
    return ""


def set_sluice(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Open or close a sluice, or let it follow the water."""
    del now_ms
    trouble = _unreachable(world, target_id)
    if trouble or world.water.set_sluice(world.places.index("basin", target_id), params["mode"]):
        return trouble
    return f"fault: the sluice of {target_id} is stuck; send a crew"


def set_pump(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Run or stop the pumps, or let them follow the water."""
    del now_ms
    trouble = _unreachable(world, target_id)
    b = world.places.index("basin", target_id)
    if not trouble and params["mode"] == "open" and not world.power.feeder_on[world.city.basins.feeder[b]]:
        trouble = f"no_power: the pumps of {target_id} have no supply"
    if not trouble:
        world.water.set_pump(b, params["mode"])
    return trouble


def _state(name: str, metric: str, title: Text, help_: str, maximum: float) -> Quantity:
    return Quantity(name, metric, "", title, help_, resolution=1, minimum=0, maximum=maximum)


def _level(name: str, metric: str, title: Text, help_: str) -> Quantity:
    return Quantity(name, metric, "m", title, help_, resolution=0.01, minimum=-20, maximum=50, noise=Noise(absolute=0.005))


SLUICE_MODE = ParameterInfo("mode", "choice", Text("Chế độ cống", "Sluice"), choices=list(MODES), default="auto")
PUMP_MODE = ParameterInfo(
    "mode",
    "choice",
    Text("Chế độ bơm (open: chạy, closed: tắt)", "Pumps (open: run, closed: off)"),
    choices=list(MODES),
    default="auto",
)

KIND = SensorKind(
    name="drain_station",
    title=Text("Trạm tiêu nước", "Drain station"),
    icon="sluice",
    period_ms=30_000,
    quantities=(
        _level("inside", "drain_inside_metres", Text("Mực nước trong", "Inside level"), "Canal above the chart datum."),
        _level("outside", "drain_outside_metres", Text("Mực nước ngoài", "Outside level"), "Tidal water above the chart datum."),
        _state("sluice", "sluice_open", Text("Cống mở", "Sluice open"), "1 while the sluice is open.", 1),
        _state("sluice_mode", "sluice_mode", Text("Chế độ cống", "Sluice mode"), "0 automatic, 1 closed, 2 open.", 2),
        _state("pumping", "pump_running", Text("Bơm chạy", "Pumping"), "1 while the pumps run.", 1),
        _state("pump_mode", "pump_mode", Text("Chế độ bơm", "Pump mode"), "0 automatic, 1 off, 2 on.", 2),
    ),
    place=place,
    measure=measure,
    powered=always,
    actions=(
        Action("sluice", Text("Đóng mở cống", "Set sluice"), ("basin",), (SLUICE_MODE,), set_sluice, delay_ms=30_000),
        Action("pump", Text("Chạy hoặc tắt bơm", "Set pumps"), ("basin",), (PUMP_MODE,), set_pump, delay_ms=5_000),
    ),
    active="pumping",
)  # fmt: skip
