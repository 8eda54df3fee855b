"""Work on scene: what each kind of unit mends or ends at a place.

Lives here: which problems each kind of unit ends where. Must not know: how it got there, how long it works (`unit_kinds`). An
electrician at a feeder removes the fault; the breaker is then reclosed by an operator. A patrol has one lane cleared by those
who blocked it; what takes more lanes needs a tow truck.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from simulator.truth import Place

if TYPE_CHECKING:
    from simulator.world import World

PATROL_LANES = 1.0  # vehicles on at most so many lanes are moved by hand


def work(world: "World", unit_kind: str, place: Place, now_ms: int) -> list[str]:
    """Mend what is wrong at a place and return the kinds of trouble that this ended."""
    return WORKS[unit_kind](world, place, now_ms)


def _electrician(world: "World", place: Place, now_ms: int) -> list[str]:
    kind = world.places.carrier(place)
    row = world.places.index(kind, place.id)
    if kind == "feeder":
        return _marked("feeder_fault", world.power.repair_feeder(row, now_ms))
    if kind == "cabinet":
        mended = _marked("cabinet_fault", world.power.repair_cabinet(row, now_ms))
        return mended + _marked("day_burner", world.lighting.mend_contactor(row, now_ms)) + _device(world, place.id, now_ms)
    if kind == "signal":
        return _marked("signal_fault", world.controllers.repair(row, now_ms)) + _device(world, place.id, now_ms)
    if kind == "gateway":
        return _marked("gateway_outage", world.telecom.repair(row, now_ms)) + _device(world, place.id, now_ms)
    if kind == "basin":
        return _marked("sluice_stuck", world.water.free(row, now_ms)) + _device(world, place.id, now_ms)
    return _device(world, place.id, now_ms)


def _lamp_crew(world: "World", place: Place, now_ms: int) -> list[str]:
    """New lamps for the failed ones at a place; at a cabinet also its contactor and its door."""
    kind, lighting = world.places.carrier(place), world.lighting
    row = world.places.index(kind, place.id)
    lamps = {
        "luminaire": np.array([row]),
        "cabinet": np.flatnonzero(lighting.cabinet == row),
        "link": np.flatnonzero(lighting.link == row),
        "zone": np.flatnonzero(lighting.zone == row),
    }.get(kind)
    if lamps is None:
        return []
    ended = _marked("luminaire_failure", lighting.relamp(lamps, now_ms) > 0)
    if kind == "cabinet":
        ended += _marked("day_burner", lighting.mend_contactor(row, now_ms))
        ended += _marked("cabinet_door_open", world.power.close_door(row, now_ms))
    return ended + (_device(world, place.id, now_ms) if kind == "luminaire" else [])


def _patrol(world: "World", place: Place, now_ms: int) -> list[str]:
    ended: list[str] = []
    spot = world.places.spot(place)
    if spot is not None:
        ended += world.security.attend(spot, now_ms, whole_zone=place.kind == "zone")
    cabinet = world.places.index("cabinet", place.id)
    if cabinet >= 0:
        ended += _marked("cabinet_door_open", world.power.close_door(cabinet, now_ms))
    return ended + world.traffic.happenings.clear(place, now_ms, PATROL_LANES)


def _tow_truck(world: "World", place: Place, now_ms: int) -> list[str]:
    return world.traffic.happenings.clear(place, now_ms)


def _ambulance(world: "World", place: Place, now_ms: int) -> list[str]:
    return world.emergencies.attend("medical_emergency", place, now_ms)


def _fire_engine(world: "World", place: Place, now_ms: int) -> list[str]:
    return world.emergencies.attend("fire", place, now_ms)


def _device(world: "World", device_id: str, now_ms: int) -> list[str]:
    return _marked("device_fault", world.devices.repair(device_id, now_ms) > 0)


def _marked(word: str, ended: bool) -> list[str]:
    return [word] if ended else []


WORKS: Mapping[str, Callable[["World", Place, int], list[str]]] = {
    "patrol": _patrol,
    "ambulance": _ambulance,
    "fire_engine": _fire_engine,
    "tow_truck": _tow_truck,
    "lamp_crew": _lamp_crew,
    "electrician": _electrician,
}
