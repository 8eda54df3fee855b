"""Units go where they are sent over the roads, do their work and come home."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.truth import Place
from simulator.units import STATES, Unit
from simulator.works import WORK_S
from simulator.world import World

MakeWorld = Callable[..., World]


def unit_of(world: World, unit_id: str | None) -> Unit:
    return next(u for u in world.units.units if u.unit_id == unit_id)


def states_until_idle(world: World, unit: Unit, limit_ms: int = 3_600_000) -> list[tuple[str, int]]:
    """The states that a unit passes, each with the instant at which it was first seen."""
    seen = [(unit.state, world.scheduler.now_ms)]
    while unit.state != "idle" and world.scheduler.now_ms < limit_ms:
        world.run_until(world.scheduler.now_ms + 1_000)
        if unit.state != seen[-1][0]:
            seen.append((unit.state, world.scheduler.now_ms))
    return seen


def test_a_crew_mends_a_feeder_and_comes_home(make_world: MakeWorld) -> None:
    """A crew passes all states in order, works for its stated time, and only then is the fault gone."""
    world = make_world()
    feeder = world.city.feeders.id[0]
    world.power.trip_feeder(0, 0)
    unit = unit_of(world, world.units.dispatch("crew", Place("feeder", feeder), 0, "job-1"))
    seen = states_until_idle(world, unit)
    assert [state for state, _ in seen] == ["travelling", "on_scene", "returning", "idle"]
    assert abs(seen[2][1] - seen[1][1] - 1000 * WORK_S["crew"]["feeder"]) <= 1_000
    assert not world.power.feeder_fault[0]
    assert not world.power.feeder_on[0]
    assert unit.node == unit.base
    (report,) = world.units.take_reports()
    assert (report.job_id, report.done, report.text) == ("job-1", True, "mended: feeder_fault")
    assert world.units.take_reports() == []


def test_travel_takes_the_time_of_the_roads(make_world: MakeWorld) -> None:
    """On empty roads a unit needs the summed travel times of its links, to a second a link."""
    world = make_world()
    unit = world.units.units[0]
    far = max(range(len(world.city.nodes.id)), key=lambda n: len(world.traffic.route(unit.base, n)))
    way = world.traffic.route(unit.base, far)
    expected_ms = 1000 * world.traffic.travel_time_s(way)
    sent = unit_of(world, world.units.dispatch(unit.kind, Place("node", world.city.nodes.id[far]), 0))
    while sent.state == "travelling":
        world.run_until(world.scheduler.now_ms + 1_000)
    assert 0.5 * expected_ms <= world.scheduler.now_ms <= 2.0 * expected_ms + 1_000 * len(way)
    assert sent.node == far


def test_only_free_units_of_the_kind_are_sent(make_world: MakeWorld) -> None:
    """Each unit takes one job; when all are away nobody is sent, and an unknown place gets nobody."""
    world = make_world()
    crews = [u.unit_id for u in world.units.units if u.kind == "crew"]
    place = Place("cabinet", world.city.cabinets.id[0])
    assert sorted(str(world.units.dispatch("crew", place, 0)) for _ in crews) == sorted(crews)
    assert world.units.dispatch("crew", place, 0) is None
    assert world.units.dispatch("patrol", Place("cabinet", "no such"), 0) is None
    assert world.units.dispatch("patrol", place, 0) is not None


def test_a_patrol_ends_an_intrusion_and_clears_a_crash(make_world: MakeWorld) -> None:
    """What a patrol finds at its place is over when it has worked there, and its report says so."""
    world = make_world()
    crash = world.inject("crash", {"link": world.city.links.id[3]}, 0)
    intrusion = world.inject("intrusion", {"duration_s": 7_200}, 0)
    ids = [world.units.dispatch("patrol", p, 0, j) for p, j in ((crash.place, "a"), (intrusion.place, "b"))]
    assert None not in ids
    world.run_until(1_500_000)
    assert not world.truth.open("traffic_incident")
    assert not world.truth.open("intrusion")
    assert {r.job_id: r.text for r in world.units.take_reports()} == {"a": "mended: traffic_incident", "b": "mended: intrusion"}


@pytest.mark.parametrize("target", ["cabinet", "luminaire", "signal", "device"])
def test_crews_mend_what_is_theirs(make_world: MakeWorld, target: str) -> None:
    """Cabinets, lamps, signals and devices are whole again after a crew has been there, and their truth has ended."""
    world = make_world()
    city = world.city
    places: Mapping[str, Place] = {
        "cabinet": Place("cabinet", city.cabinets.id[2]),
        "luminaire": Place("luminaire", city.luminaires.id[5]),
        "signal": Place("device", city.signals.id[0]),
        "device": Place("device", city.devices.id[0]),
    }
    world.inject("cabinet_door_open", {"cabinet": city.cabinets.id[2]}, 0)
    world.inject("cabinet_leakage", {"cabinet": city.cabinets.id[2]}, 0)
    world.inject("cabinet_outage", {"cabinet": city.cabinets.id[2], "fault": "lasting"}, 0)
    world.inject("luminaire_failure", {"luminaire": city.luminaires.id[5]}, 0)
    world.inject("signal_fault", {"signal": city.signals.id[0], "fault": "conflict"}, 0)
    world.inject("device_fault", {"device": city.devices.id[0], "fault": "dead"}, 0)
    kinds = {
        "cabinet": {"cabinet_door_open", "cabinet_leakage", "cabinet_outage"}, "luminaire": {"luminaire_failure"},
        "signal": {"signal_conflict"}, "device": {"device_fault"},
    }  # fmt: skip
    before = {e.kind for e in world.truth.open()}
    world.units.dispatch("crew", places[target], 0)
    world.run_until(1_500_000)
    assert before - {e.kind for e in world.truth.open()} == kinds[target]


@given(st.lists(st.sampled_from(["sent", "arrived", "lost", "finished", "home"]), max_size=20))
def test_illegal_events_raise_and_change_nothing(events: list[str]) -> None:
    """The state table alone decides: what it does not list is refused and leaves the unit as it is."""
    unit = Unit("crew:1", "crew", 0, 0)
    for event in events:
        before = unit.state
        if event in STATES[before]:
            unit.go(event)
            assert unit.state == STATES[before][event]
        else:
            with pytest.raises(ValueError, match=event):
                unit.go(event)
            assert unit.state == before
