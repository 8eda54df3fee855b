"""Luminaire controller: what a street lamp gives, takes and was told; it carries out dimming commands."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Bools, Ints, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import ParameterInfo, Text
from sensors.placement import ids
from simulator.world import World


def place(world: World) -> Sites:
    """Return one site for every luminaire."""
    lamps, links = world.city.luminaires, world.city.links
    link, cabinet = world.lighting.link, world.lighting.cabinet
    return Sites(
        device_id=lamps.id,
        name=ids(links.name, link),
        lon=np.array(lamps.lon, dtype=np.float64),
        lat=np.array(lamps.lat, dtype=np.float64),
        zone=world.lighting.zone,
        road=link,
        feeder=world.power.cabinet_feeder[cabinet],
        cabinet=cabinet,
        labels={"road": ids(links.id, link)},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all luminaires; a driver notices its failure when it is told to burn."""
    del sites, context, now_ms
    lighting = world.lighting
    return {
        "level": lighting.level,
        "power": lighting.power_w,
        "energy": lighting.energy_wh,
        "fault": lighting.failed & (lighting.commanded_level > 0),
        "expected": lighting.commanded_level,
    }


def powered(world: World, sites: Sites) -> Bools:
    """Return which luminaires have mains; without it nobody is there to say so."""
    del sites
    return world.lighting.supplied()


def set_level(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Override the level of a luminaire, or of all luminaires of a cabinet."""
    lamps = _lamps(world, target_id)
    cabinet = int(world.lighting.cabinet[lamps[0]])
    if not world.telecom.reaches(target_id) or world.devices.dead(target_id, "luminaire_controller"):
        return f"unreachable: {target_id} does not answer"
    if not world.power.cabinet_on[cabinet]:
        return f"no_power: cabinet {world.city.cabinets.id[cabinet]} has no supply"
    world.lighting.set_level(lamps, float(params["level"]), now_ms + round(float(params["until_s"]) * 1000), now_ms)
    return ""


def _lamps(world: World, target_id: str) -> Ints:
    lamp = world.places.index("luminaire", target_id)
    if lamp >= 0:
        return np.array([lamp], dtype=np.int64)
    return np.flatnonzero(world.lighting.cabinet == world.places.index("cabinet", target_id))


LEVEL = ParameterInfo("level", "number", Text("Mức sáng", "Level"), "ratio", 0.0, 1.0, default=1.0)
UNTIL = ParameterInfo("until_s", "number", Text("Trong", "For"), "s", 60.0, 86_400.0, default=3_600.0)

KIND = SensorKind(
    name="luminaire_controller",
    title=Text("Bộ điều khiển đèn", "Luminaire controller"),
    icon="lamp",
    period_ms=60_000,
    slots=4,
    quantities=(
        Quantity(
            "level", "lamp_level_ratio", "ratio", Text("Mức sáng", "Level"), "What the lamp burns at.",
            resolution=0.01, minimum=0, maximum=1,
        ),
        Quantity(
            "power", "lamp_power_watts", "W", Text("Công suất", "Power"), "Power drawn by lamp and driver.",
            resolution=0.1, minimum=0, maximum=1_000, noise=Noise(ratio=0.01, bias_ratio=0.01),
        ),
        Quantity(
            "energy", "lamp_energy_wh_total", "Wh", Text("Điện năng", "Energy"), "Energy since the start.",
            resolution=1, minimum=0, maximum=2e9, type="counter",
        ),
        Quantity(
            "fault", "lamp_fault", "", Text("Hỏng", "Fault"), "1 when the driver reports a failure.",
            resolution=1, minimum=0, maximum=1,
        ),
        Quantity(
            "expected", "lamp_expected_level_ratio", "ratio", Text("Mức yêu cầu", "Expected level"), "What the lamp was told.",
            resolution=0.01, minimum=0, maximum=1,
        ),
    ),
    place=place,
    measure=measure,
    powered=powered,
    actions=(
        Action("lamp_level", Text("Đặt mức sáng", "Set lamp level"), ("cabinet", "luminaire"), (LEVEL, UNTIL), set_level),
    ),
    active="fault",
    level="level",
)  # fmt: skip
