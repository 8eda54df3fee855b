"""Noise meter: the sound level beside a road, from how fast and how densely vehicles drive by."""

from typing import Any

import numpy as np

from sensors.kind import Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import always
from simulator.world import World

QUIET_DB, PER_VEHICLE_DB, PER_MPS_DB = 38.0, 220.0, 0.9  # rough, for the example


def place(world: World) -> Sites:
    """Put a meter at the start of every primary road."""
    links = world.city.links
    rows = np.array([k for k, c in enumerate(links.road_class) if c == "primary"], dtype=np.int64)
    none = np.full(len(rows), -1, dtype=np.int64)
    return Sites(
        device_id=[f"noise:{links.id[k]}" for k in rows],
        name=[links.name[k] for k in rows],
        lon=np.array([links.geometry[k][0] for k in rows]),
        lat=np.array([links.geometry[k][1] for k in rows]),
        zone=np.array(links.zone, dtype=np.int64)[rows],
        road=rows,
        feeder=none,
        cabinet=none,
        labels={"road": [links.id[k] for k in rows]},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the level of each site; louder with more and faster vehicles."""
    jam, speed = world.traffic.link_density_ratio()[sites.road], world.traffic.link_speed_mps()[sites.road]
    vehicles_per_m = 0.15 * jam
    return {"level": QUIET_DB + PER_VEHICLE_DB * vehicles_per_m + PER_MPS_DB * speed}


KIND = SensorKind(
    name="noise_meter",
    title=Text("Máy đo tiếng ồn", "Noise meter"),
    icon="noise",
    period_ms=30_000,
    quantities=(
        Quantity(
            "level", "noise_level_decibels", "dB", Text("Mức ồn", "Level"), "Sound level beside the road.",
            resolution=0.1, minimum=20, maximum=130, noise=Noise(absolute=0.8, bias_ratio=0.01),
        ),
    ),
    place=place,
    measure=measure,
    powered=always,
    level="level",
)  # fmt: skip
