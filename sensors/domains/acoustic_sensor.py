"""Acoustic sensor: counts what it takes for shots and for breaking glass. It records no speech."""

from typing import Any

from sensors.kind import Measured, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import device_sites, on_battery_for
from simulator.sounds import GLASS, SHOT
from simulator.world import World

BATTERY_S = 14_400.0


def place(world: World) -> Sites:
    """Return the acoustic sensors of the city."""
    return device_sites(world, "acoustic_sensor", {"place": "name"})


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return what every microphone has counted."""
    del sites, context, now_ms
    return {"shots": world.sounds.counted[SHOT], "glass": world.sounds.counted[GLASS]}


def _count(name: str, metric: str, title: Text, help_: str) -> Quantity:
    return Quantity(name, metric, "", title, help_, resolution=1, minimum=0, maximum=1e6, type="counter")


KIND = SensorKind(
    name="acoustic_sensor",
    title=Text("Cảm biến âm thanh", "Acoustic sensor"),
    icon="sound",
    period_ms=2_000,
    quantities=(
        _count("shots", "acoustic_shots_total", Text("Tiếng nổ giống súng", "Shots"), "Bangs taken for shots since the start."),
        _count("glass", "acoustic_glass_total", Text("Tiếng vỡ kính", "Glass"), "Sounds taken for breaking glass."),
    ),
    place=place,
    measure=measure,
    powered=on_battery_for(BATTERY_S),
    on_change=True,
    heartbeat_ms=60_000,
    active="shots",
)  # fmt: skip
