"""Cabinet meter: supply, load, leakage and door of a street-lighting cabinet; it resets the cabinet's breaker."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import on_battery_for
from simulator.world import World

BATTERY_S = 7_200.0
VOLTS = 230.0
POWER_FACTOR = 0.95


def place(world: World) -> Sites:
    """Return one site for every cabinet."""
    cabinets = world.city.cabinets
    n = len(cabinets.id)
    return Sites(
        device_id=cabinets.id,
        name=cabinets.name,
        lon=np.array(cabinets.lon, dtype=np.float64),
        lat=np.array(cabinets.lat, dtype=np.float64),
        zone=np.array(cabinets.zone, dtype=np.int64),
        road=np.full(n, -1, dtype=np.int64),
        feeder=world.power.cabinet_feeder,
        cabinet=np.arange(n, dtype=np.int64),
        labels={"place": cabinets.name},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all cabinets."""
    del context, now_ms
    power, lighting = world.power, world.lighting
    watts, supply = lighting.cabinet_power_w, power.cabinet_on
    return {
        "power": watts,
        "voltage": np.where(supply, VOLTS, 0.0),
        "current": watts / (VOLTS * POWER_FACTOR),
        "door": power.door_open,
        "leakage": np.where(supply, power.leakage_a, 0.0),
        "supply": supply,
        "lamps": np.bincount(lighting.cabinet[lighting.level > 0], minlength=sites.n),
    }


def reset(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Close the cabinet's breaker."""
    del params
    c = world.places.index("cabinet", target_id)
    if world.devices.cut_off(world.city.cabinets.zone[c]) or world.devices.dead(target_id, "cabinet_meter"):
        return f"unreachable: cabinet {target_id} does not answer"
    done = world.power.reset_cabinet(c, now_ms)
    return "" if done else f"fault_persists: cabinet {target_id} trips again; send an electrician"


def _amount(name: str, metric: str, unit: str, title: Text, help_: str, maximum: float, noise: Noise) -> Quantity:
    resolution = 0.01 if unit == "A" else 0.1
    return Quantity(name, metric, unit, title, help_, resolution=resolution, minimum=0, maximum=maximum, noise=noise)


def _count(name: str, metric: str, title: Text, help_: str, maximum: float = 1) -> Quantity:
    return Quantity(name, metric, "", title, help_, resolution=1, minimum=0, maximum=maximum)


FINE = Noise(ratio=0.005, bias_ratio=0.005)

KIND = SensorKind(
    name="cabinet_meter",
    title=Text("Công tơ tủ chiếu sáng", "Cabinet meter"),
    icon="cabinet",
    period_ms=30_000,
    quantities=(
        _amount("power", "cabinet_power_watts", "W", Text("Công suất", "Power"), "Power of the lamps.", 200_000, FINE),
        _amount("voltage", "cabinet_voltage_volts", "V", Text("Điện áp", "Voltage"), "Voltage of the supply.", 500, FINE),
        _amount("current", "cabinet_current_amperes", "A", Text("Dòng điện", "Current"), "Current of the lamps.", 1_000, FINE),
        _count("door", "cabinet_door_open", Text("Cửa mở", "Door open"), "1 while the door is open."),
        _amount(
            "leakage", "cabinet_leakage_amperes", "A", Text("Dòng rò", "Leakage"), "Current to earth.", 100,
            Noise(ratio=0.05, absolute=0.004),
        ),
        _count("supply", "cabinet_supply", Text("Có điện", "Supply"), "1 while the cabinet has supply."),
        _count("lamps", "cabinet_lamps", Text("Số đèn sáng", "Lamps"), "Lamps that burn.", 10_000),
    ),
    place=place,
    measure=measure,
    powered=on_battery_for(BATTERY_S),
    actions=(Action("cabinet_reset", Text("Đóng lại tủ", "Reset cabinet"), ("cabinet",), (), reset, delay_ms=5_000),),
    active="door",
)  # fmt: skip
