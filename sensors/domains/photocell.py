"""Photocell on a cabinet: the light of the sky."""

from typing import Any

import numpy as np

from sensors.kind import Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import device_sites, on_mains
from simulator.world import World


def place(world: World) -> Sites:
    """Return the photocells of the city."""
    return device_sites(world, "photocell", {"place": "name"})


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the daylight under the present weather; photocells are shielded from lamps."""
    del context, now_ms
    return {"lux": np.full(sites.n, world.lighting.ambient_lux)}


KIND = SensorKind(
    name="photocell",
    title=Text("Cảm biến ánh sáng", "Photocell"),
    icon="sun",
    period_ms=60_000,
    quantities=(
        Quantity(
            "lux", "photocell_lux", "lx", Text("Độ rọi", "Illuminance"), "Daylight on level ground.",
            resolution=0.1, minimum=0, maximum=200_000, noise=Noise(ratio=0.03, absolute=0.2, bias_ratio=0.05),
        ),
    ),
    place=place,
    measure=measure,
    powered=on_mains,
    level="lux",
)  # fmt: skip
