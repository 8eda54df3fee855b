"""Motorcycles and heavy vehicles: the roads carry car units, and a mix says how many vehicles that is."""

import numpy as np
import pytest

from simulator.cities import catalogue
from simulator.streams import Streams
from simulator.traffic.build import Builder, Run
from simulator.traffic.guidance import Order
from simulator.traffic.mix import PCU, road_mix, unit_shares
from simulator.traffic.routing import CLOSED_S
from simulator.traffic.traffic import Traffic
from tests.simulator.conftest import MakeWorld


def lane(mix: dict[str, float], veh_per_s: float) -> tuple[Run, int]:
    """Return 1 km of one lane of 0.8 car units/s after ten minutes of a mix."""
    b = Builder()
    link = b.add_link("lane", b.add_node("a"), b.add_node("z"), 1000.0)
    b.set_mix(mix)
    b.set_inflow(link, veh_per_s)
    run = b.build(1.0)
    run.run_until(600)
    return run, link


@pytest.mark.parametrize(
    ("mix", "veh_per_s"),
    [
        ({"motorcycles": 1.0}, 0.8 / 0.25),  # TCXDVN 104:2007: a motorcycle is a quarter of a car
        ({"trucks": 1.0}, 0.8 / 2.5),
        ({"cars": 0.9, "trucks": 0.1}, 0.8 / (1 + 0.1 * (2.5 - 1))),  # HCM: f_HV = 1 / (1 + P_T (E_T - 1))
        ({"motorcycles": 0.8, "cars": 0.18, "trailers": 0.02}, 0.8 / (0.8 * 0.25 + 0.18 + 0.02 * 4.0)),
    ],
)
def test_a_lane_passes_as_many_vehicles_as_their_units_allow(mix: dict[str, float], veh_per_s: float) -> None:
    """A little less than that enters, all of it, at free speed; a tenth more waits by the excess. On the road each kind has its
    share of the vehicles.
    """
    run, link = lane(mix, 0.99 * veh_per_s)
    assert run.totals()["waiting"] == pytest.approx(0.0, abs=1e-9)
    on_road = run.vehicles_by_kind(link)
    assert sum(on_road.values()) == pytest.approx(0.99 * veh_per_s * 50.0, rel=0.01)
    for kind in PCU:
        assert on_road[kind] / sum(on_road.values()) == pytest.approx(mix.get(kind, 0.0), abs=1e-9)
    full, _ = lane(mix, 1.1 * veh_per_s)
    assert full.totals()["waiting"] == pytest.approx(0.1 * 0.8 * 600.0, rel=0.01)


def test_trips_between_zones_are_vehicles_of_the_mix_too() -> None:
    """1 440 trips an hour of motorcycles are 360 car units."""
    b = Builder()
    a, m, z = (b.add_node(n) for n in "amz")
    b.add_link("from", a, m, 500.0, zone=0)
    b.add_link("to", m, z, 500.0, zone=1)
    b.add_trips(0, 1, 1440.0)
    b.set_mix({"motorcycles": 1.0})
    run = b.build(1.0)
    run.run_until(3600)
    assert run.totals()["entered"] == pytest.approx(360.0, rel=1e-9)


@pytest.mark.slow
def test_roads_have_mixes_by_class_and_port() -> None:
    """No motorcycle on a motorway, more trailers by a port; of ten vehicles in Hải Phòng, eight are motorcycles."""
    mix = road_mix(["motorway", "primary", "primary", "residential"], [True, False, True, False])
    assert mix.shares.sum(axis=0) == pytest.approx(np.ones(4))
    assert [mix.of("motorcycles", k) for k in range(4)] == [0.0, 0.45, 0.25, 0.6]
    assert [round(mix.of("trucks", k), 9) for k in range(4)] == [0.4, 0.15, 0.5, 0.05]
    assert all(mix.of("all", k) == pytest.approx(1.0) for k in range(4))
    city = Traffic.from_city(catalogue.get("hai_phong"), Streams(1))
    seen = {kind: float(on_roads.sum()) for kind, on_roads in city.mix.vehicles(city.net.length_m).items()}
    assert 0.75 < seen["motorcycles"] / sum(seen.values()) < 0.85


def test_who_is_banned_is_not_there(make_world: MakeWorld) -> None:
    """A road that is closed to motorcycles holds the same car units as other vehicles only; the ban over, as before."""
    world = make_world(ordinary_life=False)
    traffic = world.traffic
    world.run_until(600_000)
    link = int(np.argmax(traffic.net.cells_by_link(traffic.roads.state.vehicles)))
    before = {kind: float(on_road[link]) for kind, on_road in traffic.guidance.vehicles_by_kind().items()}
    traffic.guidance.give(Order("ban", link, traffic.mix.of("motorcycles", link), CLOSED_S, text="motorcycles"))
    banned = {kind: float(on_road[link]) for kind, on_road in traffic.guidance.vehicles_by_kind().items()}
    assert before["motorcycles"] > 0.0 == banned["motorcycles"]
    assert sum(banned[kind] * PCU[kind] for kind in PCU) == pytest.approx(sum(before[kind] * PCU[kind] for kind in PCU))
    traffic.guidance.lift("ban", link)
    assert {kind: float(on_road[link]) for kind, on_road in traffic.guidance.vehicles_by_kind().items()} == before


def test_a_shift_of_motorcycles_is_so_many_car_units(make_world: MakeWorld) -> None:
    """2 000 motorcycles an hour are 500 car units an hour on top of the usual trips of the zone, and end with the surge."""
    counts = []
    for params in (None, {"motorcycles_per_h": 2000.0, "duration_s": 1200}):
        world = make_world(ordinary_life=False)
        zone = world.city.zones.id[0]
        world.traffic.demand.variation = 0.0
        if params is not None:
            world.inject("demand_surge", {"zone": zone, **params}, 0)
        world.run_until(1_200_000)
        counts.append(world.traffic.totals()["entered"])
        world.run_until(2_400_000)
        counts.append(world.traffic.totals()["entered"])
    assert counts[2] - counts[0] == pytest.approx(500.0 / 3.0, rel=0.06)  # a factor: usual trips fall meanwhile
    assert counts[3] - counts[1] == pytest.approx(counts[2] - counts[0], rel=0.01)


@pytest.mark.parametrize(
    ("vehicles", "words"),
    [
        ({"bicycles": 1.0}, "kind of vehicle 'bicycles' is unknown; expected some of motorcycles, cars, trucks, trailers"),
        ({"cars": 0.5}, "sum to 0.5; expected shares of 0 to 1 that sum to 1"),
        ({"cars": 1.5, "trucks": -0.5}, "expected shares of 0 to 1 that sum to 1"),
        ({"cars": float("nan")}, "expected shares of 0 to 1 that sum to 1"),
    ],
)
def test_mixes_that_are_none_are_refused(vehicles: dict[str, float], words: str) -> None:
    """Errors say what, the value seen and what was expected."""
    with pytest.raises(ValueError, match=words):
        unit_shares(vehicles)
