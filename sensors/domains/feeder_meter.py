"""Feeder meter at the substation: whether a feeder is energised, and its load; it recloses the feeder's breaker."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import always, device_sites
from simulator.power import LINE_VOLTS, POWER_FACTOR, SQRT3
from simulator.world import World


def place(world: World) -> Sites:
    """Return the feeder meters of the city."""
    sites = device_sites(world, "feeder_meter", {"place": "name"})
    substation = [world.city.feeders.substation[f] for f in sites.feeder]
    return Sites(
        sites.device_id, sites.name, sites.lon, sites.lat, sites.zone, sites.road, sites.feeder, sites.cabinet,
        labels={**sites.labels, "substation": substation}, extra=sites.extra,
    )  # fmt: skip


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all feeders that have a meter."""
    del context
    on = world.power.feeder_on[sites.feeder]
    watts = world.power.feeder_load_w(world.hour(now_ms))[sites.feeder]
    return {
        "energised": on,
        "current": watts / (SQRT3 * LINE_VOLTS * POWER_FACTOR),
        "voltage": np.where(on, LINE_VOLTS, 0.0),
        "trips": world.power.feeder_trips[sites.feeder],
    }


def reclose(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Close the feeder's breaker; it opens again while the fault is there."""
    del params
    done = world.power.reclose_feeder(world.places.index("feeder", target_id), now_ms)
    return "" if done else f"fault_persists: feeder {target_id} trips again; send an electrician"


KIND = SensorKind(
    name="feeder_meter",
    title=Text("Đồng hồ xuất tuyến", "Feeder meter"),
    icon="feeder",
    period_ms=15_000,
    quantities=(
        Quantity(
            "energised", "feeder_energised", "", Text("Có điện", "Energised"), "1 while the feeder has voltage.",
            resolution=1, minimum=0, maximum=1,
        ),
        Quantity(
            "current", "feeder_current_amperes", "A", Text("Dòng điện", "Current"), "Current of one phase.",
            resolution=0.1, minimum=0, maximum=2_000, noise=Noise(ratio=0.01, bias_ratio=0.005),
        ),
        Quantity(
            "voltage", "feeder_voltage_volts", "V", Text("Điện áp", "Voltage"), "Voltage between phases.",
            resolution=10, minimum=0, maximum=40_000, noise=Noise(ratio=0.004, bias_ratio=0.002),
        ),
        Quantity(
            "trips", "feeder_trips_total", "", Text("Số lần nhảy", "Trips"), "Times that the breaker has opened.",
            resolution=1, minimum=0, maximum=1e6, type="counter",
        ),
    ),
    place=place,
    measure=measure,
    powered=always,
    actions=(Action("feeder_reclose", Text("Đóng lại xuất tuyến", "Reclose feeder"), ("feeder",), (), reclose, delay_ms=8_000),),
    active="energised",
)  # fmt: skip
