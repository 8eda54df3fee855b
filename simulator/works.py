"""Work on scene: what a crew or a patrol mends at a place, and how long it takes.

Lives here: which problems each kind of unit ends at each kind of place. Must not know: how it got there. A crew at a feeder
removes the fault; the breaker is then reclosed by an operator. Times are assumptions, shorter than life so that a shift can
rehearse them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simulator.truth import Place

if TYPE_CHECKING:
    from simulator.world import World

WORK_S: Mapping[str, Mapping[str, int]] = {
    "crew": {"feeder": 480, "cabinet": 240, "luminaire": 420, "device": 240, "link": 600, "zone": 600, "node": 300, "basin": 600},
    "patrol": {"zone": 360, "device": 180, "link": 480, "node": 480, "cabinet": 120, "feeder": 120},
}


def work(world: "World", unit_kind: str, place: Place, now_ms: int) -> list[str]:
    """Mend what is wrong at a place and return the kinds of truth event that this ended."""
    return _crew(world, place, now_ms) if unit_kind == "crew" else _patrol(world, place, now_ms)


def _crew(world: "World", place: Place, now_ms: int) -> list[str]:
    kind = _carrier(world, place)
    row = world.places.index(kind, place.id)
    if kind == "feeder":
        return _marked("feeder_fault", world.power.repair_feeder(row, now_ms))
    if kind == "cabinet":
        return _at_cabinet(world, row, now_ms)
    if kind == "luminaire":
        return _marked("luminaire_failure", world.lighting.relamp(np.array([row]), now_ms) > 0)
    if kind == "signal":
        return _marked("signal_fault", world.controllers.repair(row, now_ms)) + _device(world, place.id, now_ms)
    if kind == "basin":
        return _marked("sluice_stuck", world.water.free(row, now_ms)) + _device(world, place.id, now_ms)
    if kind == "link":
        return _marked("luminaire_failure", world.lighting.relamp(np.flatnonzero(world.lighting.link == row), now_ms) > 0)
    if kind == "zone":
        return _marked("luminaire_failure", world.lighting.relamp(np.flatnonzero(world.lighting.zone == row), now_ms) > 0)
    return _device(world, place.id, now_ms)


def _carrier(world: "World", place: Place) -> str:
    """A luminaire, a cabinet or a signal may be named as the device that it carries."""
    if place.kind != "device":
        return place.kind
    return next((k for k in ("signal", "cabinet", "luminaire", "basin") if world.places.index(k, place.id) >= 0), "device")


def _at_cabinet(world: "World", c: int, now_ms: int) -> list[str]:
    mended = _marked("cabinet_fault", world.power.repair_cabinet(c, now_ms))
    mended += _marked("day_burner", world.lighting.mend_contactor(c, now_ms))
    lamps = np.flatnonzero(world.lighting.cabinet == c)
    return mended + _marked("luminaire_failure", world.lighting.relamp(lamps, now_ms) > 0)


def _device(world: "World", device_id: str, now_ms: int) -> list[str]:
    return _marked("device_fault", world.devices.repair(device_id, now_ms) > 0)


def _marked(word: str, ended: bool) -> list[str]:
    return [word] if ended else []


def _patrol(world: "World", place: Place, now_ms: int) -> list[str]:
    ended: list[str] = []
    spot = world.places.spot(place)
    if spot is not None:
        ended += world.security.attend(spot, now_ms, whole_zone=place.kind == "zone")
    cabinet = world.places.index("cabinet", place.id)
    if cabinet >= 0:
        ended += _marked("cabinet_door_open", world.power.close_door(cabinet, now_ms))
    return ended + world.traffic.happenings.clear(place, now_ms)
