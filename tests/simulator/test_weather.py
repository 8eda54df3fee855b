"""Weather: kinds, downpours and a typhoon, and how they reach roads, lamps, people and what stands outdoors."""

from collections.abc import Callable

import numpy as np
import pytest

from simulator.weather import AIR, GALE_MPS, STRONG_MPS, WEATHER
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000
SMALL_STORM = {"landfall_s": 7_200, "radius_km": 12, "speed_mps": 10, "max_wind_mps": 40}


def test_every_kind_has_its_air_and_its_factors() -> None:
    """The tables speak of the same kinds; only clear weather changes nothing."""
    assert set(AIR) == set(WEATHER)
    assert [k for k, f in WEATHER.items() if f == WEATHER["clear"]] == ["clear"]


def test_a_downpour_is_as_bad_as_its_rain_and_ends(make_world: MakeWorld) -> None:
    """30 mm/h act like heavy rain, more acts worse, and afterwards it is as before; its truth ends with it."""
    world = make_world("2026-10-14T12:00:00")
    event = world.inject("downpour", {"rain_mm_per_h": 30, "duration_s": 1_800}, 0)
    world.run_until(60_000)
    assert world.weather.factors == WEATHER["heavy_rain"]
    assert world.traffic.weather == (0.91, 0.88)
    world.inject("downpour", {"rain_mm_per_h": 100, "duration_s": 1_800}, 60_000)
    world.run_until(120_000)
    assert world.weather.factors.sight < WEATHER["heavy_rain"].sight
    assert world.weather.visibility_m() < AIR["heavy_rain"].visibility_m
    assert world.truth.get(event.event_id).end_ms == 60_000
    world.run_until(HOUR_MS)
    assert world.weather.factors == WEATHER["clear"]
    assert not world.truth.open("downpour")


@pytest.mark.slow
def test_a_typhoon_passes_with_its_eye(make_world: MakeWorld) -> None:
    """Gusts climb through level 7 and 8, fall still in the eye, come back and go; each is true while it lasts."""
    world = make_world("2026-09-07T10:00:00")
    world.inject("typhoon", SMALL_STORM, 0)
    gusts = []
    for minute in range(1, 5 * 60):
        world.run_until(minute * 60_000)
        gusts.append(world.weather.gust_mps)
    at_eye = 119
    assert max(gusts[:at_eye]) > 40.0 and max(gusts[at_eye:]) > 35.0
    assert gusts[at_eye] < 6.0
    for kind, least_mps in (("strong_wind", STRONG_MPS), ("gale", GALE_MPS)):
        first = next(e for e in world.truth.events() if e.kind == kind)
        assert first.start_ms == 60_000 * (1 + next(i for i, g in enumerate(gusts) if g >= least_mps))
        assert not world.truth.open(kind)
    assert not world.truth.open("typhoon")
    assert world.weather.factors == WEATHER["clear"]


@pytest.mark.slow
def test_a_typhoon_reaches_every_domain(make_world: MakeWorld) -> None:
    """Roads slow, pavements empty, columns break and feeders trip, all because of the storm."""
    world = make_world("2026-09-07T10:00:00")
    before = world.security.outdoor_density(HOUR_MS * 3).sum()
    storm = world.inject("typhoon", {**SMALL_STORM, "max_wind_mps": 50, "speed_mps": 3, "landfall_s": 18_000}, 0)
    world.run_until(4 * HOUR_MS)
    assert world.traffic.weather[0] <= 0.4
    assert world.security.outdoor_density(HOUR_MS * 3).sum() < 0.1 * before
    caused = [e.kind for e in world.truth.events() if e.cause_id == storm.event_id]
    assert {"luminaire_failure", "feeder_outage", "strong_wind", "gale"} <= set(caused)


@pytest.mark.slow
def test_a_storm_is_saved_and_loaded(make_world: MakeWorld) -> None:
    """Half-way through, a loaded world goes on as the saved one."""
    world = make_world("2026-09-07T10:00:00")
    world.inject("typhoon", SMALL_STORM, 0)
    world.run_until(90 * 60_000)
    twin = make_world("2026-09-07T10:00:00")
    twin.restore(world.snapshot())
    for one in (world, twin):
        one.run_until(3 * HOUR_MS)
    assert world.truth.snapshot() == twin.truth.snapshot()
    assert world.weather.snapshot() == twin.weather.snapshot()
    assert np.array_equal(world.lighting.failed, twin.lighting.failed)


@pytest.mark.parametrize(("hour", "low", "high"), [("05:00", 17, 20), ("13:00", 25, 27)])
def test_the_temperature_follows_the_day(make_world: MakeWorld, hour: str, low: float, high: float) -> None:
    """Coolest before dawn, warmest after noon; heat is 14.5 degrees on top."""
    world = make_world(f"2026-06-20T{hour}:00")
    cool = world.weather.temperature_c(0)
    assert low < cool < high
    world.inject("weather", {"kind": "heat"}, 0)
    assert world.weather.temperature_c(0) == pytest.approx(cool + 14.5)
