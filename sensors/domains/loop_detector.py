"""Inductive loop: flow, speed and occupancy of all lanes of a link at one place."""

from collections.abc import Mapping
from typing import Any

from sensors.kind import Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import device_sites, on_battery_for
from simulator.world import World

LABELS = {"road": "link", "link": "link", "street": "street", "lane": "lane"}
BATTERY_S = 1_800.0


def place(world: World) -> Sites:
    """Return the loop sites of the city."""
    return device_sites(world, "loop_detector", LABELS)


def prepare(world: World, sites: Sites) -> Any:
    """Open the places on the roads."""
    return world.traffic.sites(sites.extra["link"], sites.extra["position_m"])


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the mean state since the last reading."""
    del sites, now_ms
    seen: Mapping[str, Any] = world.traffic.read_sites(context)
    return {
        "flow": seen["flow_veh_per_s"] * 3600.0,
        "speed": seen["speed_mps"] * 3.6,
        "occupancy": seen["occupancy"],
        "vehicles": seen["count_veh"],
    }


KIND = SensorKind(
    name="loop_detector",
    title=Text("Vòng từ", "Loop detector"),
    icon="loop",
    period_ms=15_000,
    quantities=(
        Quantity(
            "flow", "traffic_flow_vehph", "veh/h", Text("Lưu lượng", "Flow"), "Vehicles per hour over all lanes.",
            resolution=1, minimum=0, maximum=20_000, noise=Noise(ratio=0.03, bias_ratio=0.02),
        ),
        Quantity(
            "speed", "traffic_speed_kmh", "km/h", Text("Tốc độ", "Speed"),
            "Space-mean speed; free speed while nobody passes.",
            resolution=0.1, minimum=0, maximum=160, noise=Noise(ratio=0.02, absolute=0.3, bias_ratio=0.04),
        ),
        Quantity(
            "occupancy", "traffic_occupancy_ratio", "ratio", Text("Độ chiếm dụng", "Occupancy"),
            "Share of time in which a vehicle stands over the loop.",
            resolution=0.001, minimum=0, maximum=1, noise=Noise(ratio=0.03, absolute=0.001),
        ),
        Quantity(
            "vehicles", "traffic_vehicles_total", "veh", Text("Tổng số xe", "Vehicles"), "Vehicles counted since the start.",
            resolution=1, minimum=0, maximum=2e9, type="counter",
        ),
    ),
    place=place,
    prepare=prepare,
    measure=measure,
    powered=on_battery_for(BATTERY_S),
    level="occupancy",
    speed="speed",
)  # fmt: skip
