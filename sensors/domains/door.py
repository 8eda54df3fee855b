"""Door contact: open or closed, and whether it is after hours."""

from typing import Any

from sensors.kind import Measured, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import always, device_sites
from simulator.world import World


def place(world: World) -> Sites:
    """Return the doors of the city."""
    return device_sites(world, "door", {"place": "name"})


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all doors."""
    del sites, context
    is_open = world.security.door_open()
    return {"open": is_open, "after_hours": is_open & world.security.closed(now_ms)}


KIND = SensorKind(
    name="door",
    title=Text("Cảm biến cửa", "Door contact"),
    icon="door",
    period_ms=5_000,
    quantities=(
        Quantity(
            "open", "door_open", "", Text("Mở", "Open"), "1 while the door is open.", resolution=1, minimum=0, maximum=1,
        ),
        Quantity(
            "after_hours", "door_after_hours", "", Text("Mở ngoài giờ", "Open after hours"),
            "1 while the door is open between 22 and 6 o'clock.", resolution=1, minimum=0, maximum=1,
        ),
    ),
    place=place,
    measure=measure,
    powered=always,
    on_change=True,
    heartbeat_ms=60_000,
    active="after_hours",
)  # fmt: skip
