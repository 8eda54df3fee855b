"""Cabinet meter: supply, load by phase, leakage, breakers and door of a street-lighting cabinet; it works its breakers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Floats, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import on_battery_for
from simulator.world import World

BATTERY_S = 7_200.0
VOLTS = 230.0


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
    supply = power.cabinet_on
    leakage = np.where(supply, power.leakage_a, 0.0)
    l1, l2, l3 = (lighting.circuit_va / VOLTS).T
    first = l1 + leakage
    return {
        "power": lighting.cabinet_power_w,
        "voltage": np.where(supply, VOLTS, 0.0),
        "current": first + l2 + l3,
        "current_l1": first,
        "current_l2": l2,
        "current_l3": l3,
        "neutral": neutral_a(l1, l2, l3),
        "door": power.door_open,
        "leakage": leakage,
        "supply": supply,
        "breakers_open": power.cabinet_open + power.circuit_open.sum(axis=1),
        "lamps": np.bincount(lighting.cabinet[lighting.level > 0], minlength=sites.n),
    }


def neutral_a(l1: Floats, l2: Floats, l3: Floats) -> Floats:
    """Return the current of the neutral [A]: what three phases of one power factor do not cancel, |I1 + a I2 + a^2 I3|."""
    square = l1 * l1 + l2 * l2 + l3 * l3 - l1 * l2 - l2 * l3 - l3 * l1
    return np.sqrt(np.maximum(square, 0.0))


def isolate(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Open the cabinet's breaker, so that nothing behind it is live."""
    del params
    c = world.places.index("cabinet", target_id)
    trouble = _unreachable(world, c)
    if not trouble:
        world.power.trip_cabinet(c, now_ms, lasting=False, attributes={"by": "operator"})
    return trouble


def _unreachable(world: World, c: int) -> str:
    name = world.city.cabinets.id[c]
    if not world.telecom.reaches(name) or world.devices.dead(name, "cabinet_meter"):
        return f"unreachable: cabinet {name} does not answer"
    return ""


def reset(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Close the cabinet's breaker."""
    del params
    c = world.places.index("cabinet", target_id)
    trouble = _unreachable(world, c)
    if trouble:
        return trouble
    return "" if world.power.reset_cabinet(c, now_ms) else f"fault_persists: cabinet {target_id} trips again; send an electrician"


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
        *(
            _amount(
                f"current_l{i}", f"cabinet_current_l{i}_amperes", "A", Text(f"Dòng pha L{i}", f"Current L{i}"),
                f"Current of phase L{i}.", 500, FINE,
            )
            for i in (1, 2, 3)
        ),
        _amount(
            "neutral", "cabinet_neutral_amperes", "A", Text("Dòng trung tính", "Neutral"), "Current of the neutral.", 500,
            Noise(ratio=0.01, absolute=0.01),
        ),
        _count("door", "cabinet_door_open", Text("Cửa mở", "Door open"), "1 while the door is open."),
        _amount(
            "leakage", "cabinet_leakage_amperes", "A", Text("Dòng rò", "Leakage"), "Current to earth.", 100,
            Noise(ratio=0.05, absolute=0.004),
        ),
        _count("supply", "cabinet_supply", Text("Có điện", "Supply"), "1 while the cabinet has supply."),
        _count("lamps", "cabinet_lamps", Text("Số đèn sáng", "Lamps"), "Lamps that burn.", 10_000),
        _count(
            "breakers_open", "cabinet_breakers_open", Text("Aptomat mở", "Breakers open"),
            "Breakers that are open: the main one and one a phase.", 4,
        ),
    ),
    place=place,
    measure=measure,
    powered=on_battery_for(BATTERY_S),
    actions=(
        Action("cabinet_reset", Text("Đóng lại tủ", "Reset cabinet"), ("cabinet",), (), reset, delay_ms=5_000),
        Action("cabinet_isolate", Text("Cô lập tủ", "Isolate cabinet"), ("cabinet",), (), isolate, delay_ms=5_000),
    ),
    active="door",
)  # fmt: skip
