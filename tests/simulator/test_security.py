"""People come and go, crowds grow, intruders and callers stay until somebody comes or their time is over."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from simulator.security import NUISANCE_RATE
from simulator.truth import Place
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000


def test_people_live_at_home_and_work_by_day(make_world: MakeWorld) -> None:
    """At night nearly all residents are in their zone; by day zones of work hold more people than live there."""
    world = make_world("2026-03-10T00:00:00")
    population, jobs = np.array(world.city.zones.population), np.array(world.city.zones.jobs)
    assert (world.security.people(2 * HOUR_MS) >= 0.97 * population).all()
    work = jobs > 2 * population
    assert work.any()
    assert (world.security.people(10 * HOUR_MS)[work] > population[work]).all()


def test_fewer_people_are_outdoors_in_rain_and_at_night(make_world: MakeWorld) -> None:
    """Rain and night both empty the pavements."""
    world = make_world("2026-03-10T00:00:00")
    evening, night = world.security.outdoor_density(19 * HOUR_MS), world.security.outdoor_density(2 * HOUR_MS)
    assert (night < 0.1 * evening).all()
    world.weather.change("rain", 0)
    assert np.allclose(world.security.outdoor_density(19 * HOUR_MS), 0.5 * evening)


def test_a_crowd_grows_to_its_density_and_goes(make_world: MakeWorld) -> None:
    """A crowd grows in a straight line over its ramp, stays, and its truth ends with it."""
    world = make_world()
    event = world.inject("crowd", {"density_per_m2": 4.0, "ramp_s": 200, "duration_s": 600}, 0)
    (crowd,) = world.security.happenings
    assert [crowd.now(t) for t in (0, 50_000, 200_000, 500_000)] == [0.0, 1.0, 4.0, 4.0]
    world.run_until(600_000)
    assert not world.security.happenings
    assert world.truth.get(event.event_id).end_ms == 600_000


def test_an_intruder_opens_the_door_close_by(make_world: MakeWorld) -> None:
    """An intrusion at a door forces it open until it ends."""
    world = make_world("2026-03-10T23:30:00")
    door = world.city.devices.id[int(world.security.doors[0])]
    event = world.inject("intrusion", {"device": door, "duration_s": 300}, 0)
    assert event.place.kind == "zone"
    assert event.attributes["device"] == door
    assert world.security.door_open()[0]
    world.run_until(300_000)
    assert not world.security.door_open().any()


def test_doors_are_used_by_day_and_closed_at_night(make_world: MakeWorld) -> None:
    """By day doors open now and then; after hours never by themselves."""
    day, night = make_world("2026-03-10T09:00:00"), make_world("2026-03-10T23:00:00")
    used = {True: 0, False: 0}
    for minute in range(1, 61):
        for world in (day, night):
            world.run_until(minute * 60_000)
            used[world is day] += int(world.security.door_open().sum())
    assert used[True] > 10
    assert used[False] == 0


def test_an_sos_call_lasts_until_it_is_answered(make_world: MakeWorld) -> None:
    """A second press is no second call; the call ends when a patrol attends, else after a quarter of an hour."""
    world = make_world()
    first = world.inject("sos_press", {}, 0)
    world.run_until(60_000)
    second = world.inject("sos_press", {"device": first.place.id}, 60_000)
    assert first.event_id == second.event_id
    assert world.security.presses.sum() == 2
    world.run_until(60_000 + 15 * 60_000)
    assert world.truth.get(first.event_id).end_ms == 60_000 + 15 * 60_000
    again = world.inject("sos_press", {"device": first.place.id}, world.scheduler.now_ms)
    kinds = world.security.attend(world.spot(Place("device", first.place.id)), world.scheduler.now_ms, whole_zone=False)
    assert kinds == ["sos_press"]
    assert not world.truth.open("sos_press")
    assert again.event_id != first.event_id


def test_a_patrol_ends_what_is_near_and_leaves_the_rest(make_world: MakeWorld) -> None:
    """Attending a place ends what happens within reach of it, attending a zone what happens in it."""
    world = make_world()
    cameras = world.security.cameras
    devices = world.city.devices
    lon, lat = world.security.lon[cameras], world.security.lat[cameras]
    far = cameras[int(np.argmax(world.places.distance_m(lon, lat, lon[0], lat[0])))]
    for camera in (int(cameras[0]), int(far)):
        world.inject("intrusion", {"device": devices.id[camera]}, 0)
    ended = world.security.attend(world.spot(Place("device", devices.id[int(far)])), 1_000, whole_zone=False)
    assert ended == ["intrusion"]
    assert [h.zone for h in world.security.happenings] == [devices.zone[int(cameras[0])]]


@pytest.mark.slow
def test_harmless_causes_come_at_their_rate_and_more_in_rain(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hundredfold rate the count of three hours by day is Poisson around the stated one, and four times that in rain."""
    monkeypatch.setattr("simulator.security.NUISANCE_RATE", replace(NUISANCE_RATE, law=replace(NUISANCE_RATE.law, rate=100.0)))
    for weather, factor in (("clear", 1.0), ("rain", 4.0)):
        world = make_world("2026-03-10T10:00:00", weather=weather, ordinary_life=True)
        world.run_until(3 * HOUR_MS)
        count = sum(e.kind == "nuisance" for e in world.truth.events())
        expected = len(world.security.cameras) * 100 * factor * 3 / 24
        assert abs(count - expected) <= 4 * expected**0.5
