"""SOS pole: a button for help, on its own battery."""

from typing import Any

from sensors.kind import Measured, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import always, device_sites
from simulator.world import World


def place(world: World) -> Sites:
    """Return the SOS poles of the city."""
    return device_sites(world, "sos_pole", {"place": "name"})


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all poles."""
    del sites, context
    return {"pressed": world.security.pressed_until_ms > now_ms, "presses": world.security.presses}


KIND = SensorKind(
    name="sos_pole",
    title=Text("Trụ SOS", "SOS pole"),
    icon="sos",
    period_ms=2_000,
    quantities=(
        Quantity(
            "pressed", "sos_pressed", "", Text("Đang gọi", "Pressed"), "1 from a press until it is answered.",
            resolution=1, minimum=0, maximum=1,
        ),
        Quantity(
            "presses", "sos_presses_total", "", Text("Số lần nhấn", "Presses"), "Presses since the start.",
            resolution=1, minimum=0, maximum=1e6, type="counter",
        ),
    ),
    place=place,
    measure=measure,
    powered=always,
    on_change=True,
    heartbeat_ms=60_000,
    active="pressed",
)  # fmt: skip
