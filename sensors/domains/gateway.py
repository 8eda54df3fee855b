"""Gateway: the router that devices share. It tells what power it runs on; its silence is that of all behind it."""

from typing import Any

import numpy as np

from sensors.kind import Bools, Measured, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import ids
from simulator.world import World


def place(world: World) -> Sites:
    """Return one site for every gateway."""
    gateways = world.city.gateways
    none = np.full(len(gateways.id), -1, dtype=np.int64)
    backhaul = ids(world.city.backhauls.id, np.array(gateways.backhaul, dtype=np.int64))
    return Sites(
        device_id=gateways.id,
        name=gateways.name,
        lon=np.array(gateways.lon, dtype=np.float64),
        lat=np.array(gateways.lat, dtype=np.float64),
        zone=np.array(gateways.zone, dtype=np.int64),
        road=none,
        feeder=np.array(gateways.feeder, dtype=np.int64),
        cabinet=none,
        labels={"place": gateways.name, "backhaul": backhaul},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the power of all gateways."""
    del sites, context
    batteries = world.telecom.batteries
    return {"mains": batteries.mains, "battery": np.floor(20.0 * batteries.charge(now_ms)) / 20.0}


def powered(world: World, sites: Sites) -> Bools:
    """Return which gateways run."""
    del sites
    return world.telecom.running(world.scheduler.now_ms)


KIND = SensorKind(
    name="gateway",
    title=Text("Trạm thu", "Gateway"),
    icon="gateway",
    period_ms=30_000,
    quantities=(
        Quantity(
            "mains", "gateway_mains", "", Text("Điện lưới", "Mains"), "1 while the gateway has mains.",
            resolution=1, minimum=0, maximum=1,
        ),
        Quantity(
            "battery", "gateway_battery_ratio", "ratio", Text("Ắc quy", "Battery"), "Charge of the battery.",
            resolution=0.05, minimum=0, maximum=1,
        ),
    ),
    place=place,
    measure=measure,
    powered=powered,
    active="mains",
)  # fmt: skip
