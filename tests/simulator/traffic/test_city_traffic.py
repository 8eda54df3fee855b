"""A city's file as traffic, and traffic as a domain of the world."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from simulator.cities.catalogue import get
from simulator.city import City
from simulator.streams import Streams
from simulator.traffic.calibrate import degree_of_saturation, demand_factor
from simulator.traffic.from_city import GIVE_WAY, OPPOSED_LEFT, network_spec
from simulator.traffic.injects import INJECTS
from simulator.traffic.traffic import Traffic
from simulator.truth import Place
from simulator.world import World

MORNING = datetime(2026, 3, 2, 7, 0, tzinfo=timezone(timedelta(hours=7)))


@pytest.fixture(scope="module")
def small() -> City:
    """Return the small built-in city."""
    return get("small")


def test_lanes_movements_and_signals_survive(small: City) -> None:
    """Every link keeps its lanes at its end, every movement its links, every signal its movements."""
    traffic = Traffic.from_city(small, Streams(1))
    net, moves = traffic.net, small.movements
    assert net.groups_by_link(net.group_lanes) == pytest.approx(np.array(small.links.lanes, dtype=float))
    for m, k in enumerate(net.movement_of_spec.tolist()):
        assert (int(net.from_link[k]), int(net.to_link[k])) == (moves.from_link[m], moves.to_link[m])
    green = traffic.signals.mean_green()
    for plans in small.signals.plans:
        for phase in plans[0].phases:
            for m in phase.movements:
                assert green[net.movement_of_spec[m]] == pytest.approx(phase.green_s / plans[0].cycle_s)


def test_right_of_way_without_signals(small: City) -> None:
    """Where no signal stands, minor approaches give way; opposed left turns serve less; nothing else is throttled."""
    factors = {m.capacity_factor for m in network_spec(small).movements}
    assert factors <= {1.0, GIVE_WAY, OPPOSED_LEFT, 0.5}
    signalled = {node for nodes in small.signals.nodes for node in nodes}
    for movement, factor in zip(small.movements.from_link, network_spec(small).movements, strict=True):
        if small.links.to_node[movement] in signalled and factor.turn != "left":
            assert factor.capacity_factor == 1.0


def test_steps_are_shorter_where_links_are(small: City) -> None:
    """5 s by default; 3 s where more than a tenth of the links is below 70 m."""
    assert Traffic.from_city(small, Streams(1)).net.step_ms == 5000
    short = City(**{name: getattr(small, name) for name in small.__struct_fields__})
    short.links = type(small.links)(**{f: list(getattr(small.links, f)) for f in small.links.__struct_fields__})
    short.links.length_m = [50.0 if k % 5 == 0 else length for k, length in enumerate(short.links.length_m)]
    assert Traffic.from_city(short, Streams(1)).net.step_ms == 3000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "hai_phong"])
def test_an_ordinary_day_flows(name: str) -> None:
    """A weekday has its rush hours and no gridlock: vehicles drive 15-45 km/h in the mean at every hour, more are on the roads at
    8 and 18 h than at 4 h, density is low at night, nobody gives up, all is conserved.
    """
    traffic = Traffic.from_city(get(name), Streams(7))
    step, on_road = traffic.net.step_ms, {}
    for now_ms in range(step, 24 * 3_600_000 + 1, step):
        traffic.advance(now_ms)
        if now_ms % 3_600_000 == 0:
            hour, weight = now_ms // 3_600_000, traffic.link_density_ratio()
            on_road[hour] = traffic.totals()["on_road"]
            speed = float((traffic.link_speed_mps() * weight).sum() / weight.sum()) * 3.6
            assert 15.0 < speed < 45.0, f"{name} at {hour} h"
            assert float(weight.mean()) < 0.2
    totals = traffic.totals()
    assert on_road[8] > 3 * on_road[4] and on_road[18] > 3 * on_road[4]
    assert totals["gave_up"] == 0.0
    assert totals["entered"] == pytest.approx(totals["left"] + totals["on_road"] + totals["waiting"], abs=1e-6)


def test_calibration_reaches_its_target(small: City) -> None:
    """With demand scaled by the factor, the 98th percentile of saturation in the busiest hour is the target."""
    traffic = Traffic.from_city(small, Streams(1))
    traffic.set_demand_factor(demand_factor(traffic, 0.85))
    hours = [(h + 0.5) * 3600.0 for h in range(24)]
    busiest = max(hours, key=lambda s: float(traffic.demand.trips.matrix(s).sum()))
    degrees = degree_of_saturation(traffic, busiest)
    assert np.percentile(degrees[degrees > 1e-6], 98) == pytest.approx(0.85, rel=0.01)


def world_of(city: City, seed: int = 4) -> World:
    """Return a world on a Monday at seven."""
    return World(city, seed, MORNING)


def busy_link(world: World) -> int:
    """Return the link with two lanes or more on which most vehicles are."""
    wide = world.traffic.net.lanes >= 2
    return int(np.argmax(np.where(wide, world.traffic.roads.state.vehicles[world.traffic.net.last], -1.0)))


def test_a_crash_is_true_and_blocks_until_it_is_cleared(small: City) -> None:
    """The crash inject begins a traffic incident, takes capacity, and ends when it is cleared."""
    world = world_of(small)
    world.run_until(600_000)
    link = busy_link(world)
    params = {"link": small.links.id[link], "lanes": 6, "position": 0.9}
    event = world.inject("crash", params, 600_000)
    assert (event.kind, event.place.id) == ("traffic_incident", small.links.id[link])
    assert event.attributes["lanes_taken"] == small.links.lanes[link]
    before = float(world.traffic.roads.state.passed[world.traffic.net.last[link]])
    world.run_until(1_200_000)
    after = float(world.traffic.roads.state.passed[world.traffic.net.last[link]])
    assert after - before < 1.0
    assert world.traffic.happenings.clear(Place("link", small.links.id[link]), 1_200_000) == ["traffic_incident"]
    assert world.truth.open("traffic_incident") == []
    world.run_until(1_500_000)
    assert float(world.traffic.roads.state.passed[world.traffic.net.last[link]]) > after + 1.0


def test_closures_and_surges_end_by_themselves(small: City) -> None:
    """A closure of 5 min and a surge of 10 min begin, act, and end at their times; truth says so."""
    world = world_of(small)
    world.run_until(300_000)
    link, zone = busy_link(world), 0
    world.inject("road_closure", {"link": small.links.id[link], "duration_s": 300}, 300_000)
    world.inject("demand_surge", {"zone": small.zones.id[zone], "factor": 3.0, "duration_s": 600}, 300_000)
    assert world.traffic.obstacles.closed[link] and world.traffic.demand.surge[zone] == 3.0
    world.run_until(600_000)
    assert not world.traffic.obstacles.closed[link] and world.traffic.demand.surge[zone] == 3.0
    world.run_until(900_000)
    assert world.traffic.demand.surge[zone] == 1.0
    ends = {e.kind: e.end_ms for e in world.truth.events()}
    assert (ends["road_closure"], ends["demand_surge"]) == (600_000, 900_000)


def test_two_closures_of_a_link_end_with_the_longer(small: City) -> None:
    """A link closed twice opens when the second closure ends."""
    world = world_of(small)
    for seconds in (300, 600):
        world.inject("road_closure", {"link": small.links.id[0], "duration_s": seconds}, 0)
    world.run_until(300_000)
    assert world.traffic.obstacles.closed[0]
    world.run_until(600_000)
    assert not world.traffic.obstacles.closed[0]


def test_a_closure_takes_lanes_or_cuts_the_road(small: City) -> None:
    """The inject closes some lanes at a place (for works: no camera sees a stopped vehicle), or cuts the road there; both end."""
    world = world_of(small)
    wide = next(k for k, lanes in enumerate(small.links.lanes) if lanes >= 2)
    name = small.links.id[wide]
    event = world.inject("road_closure", {"link": name, "lanes": 1, "position": 0.25, "duration_s": 300}, 0)
    assert event.attributes["lanes_taken"] == 1.0
    assert [i.works for i in world.traffic.obstacles.incidents.values()] == [True]
    assert not world.traffic.obstacles.closed[wide]
    cut = world.inject("road_closure", {"link": name, "position": 0.5, "duration_s": 600}, 0)
    assert cut.attributes["position_m"] == 0.5 * small.links.length_m[wide]
    assert world.traffic.obstacles.closed[wide] and list(world.traffic.obstacles.cuts) == [wide]
    world.run_until(300_000)
    assert not world.traffic.obstacles.incidents and world.traffic.obstacles.closed[wide]
    world.run_until(600_000)
    assert not world.traffic.obstacles.closed[wide] and not world.traffic.obstacles.cuts


def test_a_restored_world_ends_what_had_begun(small: City) -> None:
    """Crash, closure and surge in a snapshot end at their times in the restored world, with the same roads to the last bit."""
    world = world_of(small)
    world.run_until(120_000)
    world.inject("stopped_vehicle", {"link": small.links.id[3], "duration_s": 200}, 120_000)
    world.inject("road_closure", {"link": small.links.id[8], "position": 0.4, "duration_s": 400}, 120_000)
    world.inject("demand_surge", {"zone": small.zones.id[1], "duration_s": 500}, 120_000)
    world.run_until(180_000)
    saved = world.snapshot()
    copy = world_of(small)
    copy.restore(saved)
    for w in (world, copy):
        w.run_until(900_000)
    state, theirs = world.traffic.roads.state, copy.traffic.roads.state
    assert state.vehicles.tobytes() == theirs.vehicles.tobytes()
    assert [(e.kind, e.end_ms) for e in world.truth.events()] == [(e.kind, e.end_ms) for e in copy.truth.events()]
    assert {e.end_ms for e in copy.truth.events()} >= {320_000, 520_000, 620_000}


def test_time_before_the_start_is_time(small: City) -> None:
    """A world that warms up from -10 min drives then too, and its clock is 06:50."""
    world = World(small, 4, MORNING, now_ms=-600_000)
    world.run_until(0)
    assert world.traffic.totals()["on_road"] > 1.0
    assert world.traffic.now_ms == 0


def test_green_follows_the_clock_between_steps(small: City) -> None:
    """A run that starts two seconds past a full step has its greens two seconds on: same mean, another split of steps."""
    traffic = Traffic.from_city(small, Streams(1))
    signals = traffic.signals
    for clock_ms in (0, 5000, 35_000, 2000, 47_000, 91_123):
        assert signals.green(clock_ms, traffic.roads) == pytest.approx(signals._compute(clock_ms), abs=1e-12)


def test_injects_have_texts_in_both_languages() -> None:
    """Titles and helps exist in Vietnamese and English."""
    for inject in INJECTS:
        assert inject.title.vi and inject.title.en
        assert all(p.help.vi and p.help.en for p in inject.parameters.values())


def test_local_time_sets_demand(small: City) -> None:
    """At 7:00 local more trips begin than at 3:00, whatever the offset of the start is written in."""
    night = World(small, 4, datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    morning = world_of(small)
    for w in (night, morning):
        w.run_until(600_000)
    assert morning.traffic.totals()["entered"] > 3 * night.traffic.totals()["entered"]
