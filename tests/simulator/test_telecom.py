"""Devices reach the center over their gateway and its backhaul, and gateways live on feeders and batteries."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulator.city import decode, encode
from simulator.city_check import check
from simulator.city_defaults import GATEWAY_BATTERY_S, THINGS_PER_GATEWAY, fill
from simulator.generate.grid import small_city
from simulator.truth import Place
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000


def behind(world: World, g: int) -> list[str]:
    """The devices that hang on a gateway."""
    ids = [*world.city.devices.id, *world.city.signals.id, *world.city.cabinets.id, *world.city.luminaires.id]
    return [name for name, own in zip(ids, world.telecom.gateways_of(ids), strict=True) if own == g]


def test_everything_has_a_gateway_of_its_zone(make_world: MakeWorld) -> None:
    """Each cabinet, signal and device hangs on a gateway of its zone that serves about a dozen; a lamp on its cabinet's."""
    city = make_world().city
    for table in (city.devices, city.signals, city.cabinets, city.basins):
        assert all(g >= 0 and city.gateways.zone[g] == z for g, z in zip(table.gateway, table.zone, strict=True))
    served = np.bincount([g for t in (city.devices, city.signals, city.cabinets, city.basins) for g in t.gateway])
    assert served.max() <= THINGS_PER_GATEWAY and served.min() >= 1
    assert len(set(city.gateways.backhaul)) == len(city.backhauls.id) == len(set(city.gateways.zone))
    gateways = make_world().telecom.gateways_of(city.luminaires.id)
    assert gateways.tolist() == [city.cabinets.gateway[c] for c in city.luminaires.cabinet]


def test_an_old_file_gets_gateways_and_a_new_one_keeps_its_own() -> None:
    """A city without gateways is laid out as a generated one; reading it again changes nothing; none named means none."""
    whole = small_city()
    old: Any = small_city()
    for table in (old.devices, old.signals, old.cabinets, old.basins):
        table.gateway = []
    old.gateways, old.backhauls = type(old.gateways)(), type(old.backhauls)()
    read = fill(decode(encode(old)))
    assert not check(read) and encode(read) == encode(whole) == encode(fill(decode(encode(read))))
    whole.devices.gateway = []
    assert set(fill(whole).devices.gateway) == {-1} and not check(whole)


def test_a_lost_gateway_cuts_off_who_hangs_on_it(make_world: MakeWorld) -> None:
    """Commands reach all but the devices behind it; after its time, or after an electrician, they do again."""
    world = make_world()
    name = world.city.gateways.id[0]
    event = world.inject("gateway_loss", {"gateway": name}, 0)
    assert (event.kind, event.place) == ("gateway_outage", Place("gateway", name))
    others = [d for d in world.city.cabinets.id + world.city.signals.id if d not in behind(world, 0)]
    assert behind(world, 0) and not any(map(world.telecom.reaches, behind(world, 0))) and all(map(world.telecom.reaches, others))
    world.units.dispatch("electrician", Place("device", name), 0, "job")
    world.run_until(HOUR_MS)
    assert world.telecom.reaches(behind(world, 0)[0]) and world.truth.get(event.event_id).end_ms is not None
    assert "mended: gateway_outage" in [r.text for r in world.units.take_reports()]
    world.inject("gateway_loss", {"gateway": name, "duration_s": 60}, HOUR_MS)
    world.run_until(HOUR_MS + 60_000)
    assert not world.truth.open("gateway_outage")


def test_a_gateway_lives_on_its_battery_for_two_hours(make_world: MakeWorld) -> None:
    """Its feeder lost, a gateway runs to the last millisecond of its battery; its silence is due to the outage."""
    world = make_world()
    f = world.city.gateways.feeder[0]
    outage = world.power.trip_feeder(f, 0)
    own = np.flatnonzero(world.telecom.feeder == f)
    end_ms = round(GATEWAY_BATTERY_S * 1000)
    world.run_until(end_ms - 1)
    assert world.telecom.up.all()
    world.run_until(end_ms)
    assert not world.telecom.up[own].any() and world.telecom.up[:-1].sum() == len(world.telecom.feeder) - len(own)
    assert {e.cause_id for e in world.truth.open("gateway_outage")} == {outage.event_id}
    world.power.repair_feeder(f, end_ms)
    world.power.reclose_feeder(f, end_ms)
    assert world.telecom.up.all() and not world.truth.open("gateway_outage")


@pytest.mark.parametrize(
    ("params", "place"), [({"zone": "zone_02"}, "zone"), ({"backhaul": "backhaul:zone_02"}, "backhaul"), ({}, "city")]
)
def test_a_backhaul_takes_its_gateways_with_it(make_world: MakeWorld, params: dict[str, str], place: str) -> None:
    """One zone's backhaul is down under either name; all of the city's take the center's own line too. Each ends in time."""
    world = make_world()
    event = world.inject("backhaul_outage", {**params, "duration_s": 120}, 0)
    assert event.place.kind == place
    zone = world.city.zones.id.index("zone_02")
    mine = np.array(world.city.gateways.zone) == zone
    assert np.array_equal(~world.telecom.up[:-1], mine | (place == "city"))
    assert world.telecom.up[-1] == (place != "city")
    fresh = make_world()
    fresh.restore(world.snapshot())
    for w in (world, fresh):
        w.run_until(120_000)
        assert w.telecom.up.all() and not w.truth.open("backhaul_outage")
