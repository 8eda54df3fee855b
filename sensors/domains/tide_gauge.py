"""Tide gauge: the level of the tidal water, tide and surge together."""

from typing import Any

import numpy as np

from sensors.kind import Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import always, device_sites
from simulator.world import World


def place(world: World) -> Sites:
    """Return the tide gauges of the city."""
    return device_sites(world, "tide_gauge", {"place": "name"})


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the level of the sea at each gauge."""
    del context
    return {"level": np.full(sites.n, world.water.sea_m(now_ms))}


KIND = SensorKind(
    name="tide_gauge",
    title=Text("Trạm thủy triều", "Tide gauge"),
    icon="tide",
    period_ms=60_000,
    quantities=(
        Quantity(
            "level", "tide_level_metres", "m", Text("Mực nước", "Level"), "Tidal water above the chart datum.",
            resolution=0.01, minimum=-5, maximum=15, noise=Noise(absolute=0.01),
        ),
    ),
    place=place,
    measure=measure,
    powered=always,
    level="level",
)  # fmt: skip
