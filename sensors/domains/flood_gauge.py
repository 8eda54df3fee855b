"""Flood gauge: how deep water stands on a street, by ultrasound from a column."""

from typing import Any

from sensors.kind import Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import device_sites, on_battery_for
from simulator.world import World

BATTERY_S = 43_200.0


def place(world: World) -> Sites:
    """Return the flood gauges of the city."""
    return device_sites(world, "flood_gauge", {"road": "link", "street": "street", "place": "name"})


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the depth on the street of each gauge."""
    del context, now_ms
    return {"depth": world.water.link_depth_m()[sites.extra["link"]]}


KIND = SensorKind(
    name="flood_gauge",
    title=Text("Thước đo ngập", "Flood gauge"),
    icon="flood",
    period_ms=60_000,
    quantities=(
        Quantity(
            "depth", "flood_depth_metres", "m", Text("Độ ngập", "Depth"), "Water over the street.",
            resolution=0.005, minimum=0, maximum=5, noise=Noise(ratio=0.01, absolute=0.01),
        ),
    ),
    place=place,
    measure=measure,
    powered=on_battery_for(BATTERY_S),
    level="depth",
)  # fmt: skip
