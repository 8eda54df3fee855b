"""Lamps burn when they should, at what they are told, and the meter agrees."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import sun
from simulator.ageing import (
    AGE,
    DECAY_PER_H,
    FAILURE,
    WEAR_SCALE_H,
    WEAR_SHAPE,
    decay,
    light_left,
    wear_chance,
)
from simulator.cities.hai_phong import FRAME
from simulator.generate.grid import small_city
from simulator.lighting import PF, STANDBY_W, SWITCH_DEG
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000
EVENING = datetime.fromisoformat("2026-03-10T20:00:00+07:00")


@pytest.mark.parametrize(
    ("local", "level"), [("2026-03-10T12:00:00", 0.0), ("2026-03-10T20:00:00", 1.0), ("2026-03-10T18:05:00", 0.0)]
)
def test_lamps_follow_the_sun(make_world: MakeWorld, local: str, level: float) -> None:
    """Off by day, also shortly after sunset, and full in the evening."""
    assert (make_world(local).lighting.commanded_level == level).all()


@pytest.mark.slow
def test_lamps_are_dimmed_late_at_night(make_world: MakeWorld) -> None:
    """From 23 to 5 o'clock main roads keep more light than others; after 5 all are full again."""
    world = make_world("2026-12-22T22:59:00")
    assert (world.lighting.commanded_level == 1.0).all()
    world.run_until(2 * 60_000)
    late = world.lighting.commanded_level
    main = np.array([world.city.links.road_class[k] in ("primary", "secondary") for k in world.lighting.link])
    assert main.any()
    assert (late[main] == 0.7).all()
    assert (late[~main] <= 0.7).all()
    world.run_until(round(6.1 * HOUR_MS))
    assert (world.lighting.commanded_level == 1.0).all()


def test_power_follows_the_level(make_world: MakeWorld) -> None:
    """A lamp draws P0 (0.05 + 0.95 d); one that is off or failed draws its standby."""
    world = make_world()
    lighting = world.lighting
    lighting.set_level(np.array([0]), 0.5, HOUR_MS, 0)
    lighting.set_level(np.array([1]), 0.0, HOUR_MS, 0)
    lighting.fail(np.array([2]), 0)
    expected = [lighting.rated_w[0] * 0.525, STANDBY_W, STANDBY_W, lighting.rated_w[3]]
    assert np.allclose(lighting.power_w[:4], expected)


def test_an_override_ends_on_time(make_world: MakeWorld) -> None:
    """After its time the schedule holds again."""
    world = make_world()
    world.lighting.set_level(np.array([0]), 0.2, 120_000, 0)
    world.run_until(119_000)
    assert world.lighting.commanded_level[0] == 0.2
    world.run_until(120_000)
    assert world.lighting.commanded_level[0] == 1.0


def test_the_meter_agrees_with_power_times_time(make_world: MakeWorld) -> None:
    """Energy is the sum of power over time, also when the level changes between two steps."""
    world = make_world()
    lighting = world.lighting
    full = lighting.power_w[0]
    world.run_until(90_000)
    lighting.set_level(np.array([0]), 0.4, HOUR_MS, 90_000)
    dimmed = lighting.power_w[0]
    world.run_until(600_000)
    assert lighting.energy_wh[0] == pytest.approx((full * 90 + dimmed * 510) / 3600)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(["fail", "relamp", "trip", "close", "level"]), st.integers(0, 30)), max_size=12))
def test_what_cabinets_draw_is_what_their_lamps_draw(actions: list[tuple[str, int]]) -> None:
    """Whatever is done, cabinet power is the sum of its lamps, dark lamps give no light, light is between 0 and 1."""
    world = World(small_city(), 3, EVENING)
    lighting, power = world.lighting, world.power
    for what, i in actions:
        if what == "fail":
            lighting.fail(np.array([i]), 0)
        elif what == "relamp":
            lighting.relamp(np.array([i]), 0)
        elif what == "trip":
            power.trip_cabinet(i % 4, 0, lasting=False)
        elif what == "close":
            power.reset_cabinet(i % 4, 0)
        else:
            lighting.set_level(np.array([i]), (i % 11) / 10, HOUR_MS, 0)
        assert np.allclose(np.bincount(lighting.cabinet, lighting.power_w, 4)[:4], lighting.cabinet_power_w[:4])
        dark = lighting.failed | ~power.cabinet_on[lighting.cabinet]
        assert not lighting.light_output[dark].any()
        assert (lighting.light_output >= 0).all() and (lighting.light_output <= 1).all()


def test_a_day_burner_burns_by_day_until_a_crew_frees_it(make_world: MakeWorld) -> None:
    """A stuck contactor lights its cabinet's lamps whatever they are told."""
    world = make_world("2026-03-10T12:00:00")
    event = world.inject("day_burner", {"cabinet": world.city.cabinets.id[0]}, 0)
    own = world.lighting.cabinet == 0
    assert (world.lighting.level[own] == 1.0).all()
    assert not world.lighting.level[~own].any()
    assert not world.lighting.commanded_level.any()
    assert world.lighting.mend_contactor(0, 5_000)
    assert world.truth.get(event.event_id).end_ms == 5_000


def test_failures_side_by_side(make_world: MakeWorld) -> None:
    """The inject fails as many lamps as asked, all on one cabinet, each with its own truth event."""
    world = make_world()
    world.inject("luminaire_failure", {"luminaire": world.city.luminaires.id[10], "count": 5}, 0)
    failed = np.flatnonzero(world.lighting.failed)
    assert len(failed) == 5
    assert len(set(world.lighting.cabinet[failed].tolist())) == 1
    assert {e.place.id for e in world.truth.open("luminaire_failure")} == {world.city.luminaires.id[i] for i in failed}


def test_darkness_needs_both_night_and_dead_lamps(make_world: MakeWorld) -> None:
    """A street is dark only at night and without its lamps."""
    night, day = make_world(), make_world("2026-03-10T12:00:00")
    link = int(night.lighting.link[0])
    zone = night.city.links.zone[link]
    assert night.lighting.darkness(link, zone) < 0.1
    for world in (night, day):
        for f in range(len(world.city.feeders.id)):
            world.power.trip_feeder(f, 0)
    assert night.lighting.darkness(link, zone) > 0.99
    assert day.lighting.darkness(link, zone) == 0.0


def test_rain_takes_daylight(make_world: MakeWorld) -> None:
    """Weather lowers the light of the sky at once, and drivers slow down."""
    world = make_world("2026-03-10T12:00:00")
    before = world.lighting.ambient_lux
    world.inject("weather", {"kind": "heavy_rain"}, 0)
    assert world.lighting.ambient_lux == pytest.approx(0.15 * before)
    assert world.traffic.weather == (0.91, 0.88)
    world.inject("weather", {"kind": "clear"}, 0)
    assert not world.truth.open("weather")


@pytest.mark.slow
def test_ordinary_failures_come_at_the_stated_rate(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thousandfold rate the failures of ten hours lie within four standard deviations of the expected number."""
    often = replace(FAILURE, law=replace(FAILURE.law, rate=1_000 * FAILURE.law.rate))
    monkeypatch.setattr("simulator.lighting.FAILURE", often)
    world = make_world("2026-12-22T19:00:00", ordinary_life=True)
    world.run_until(10 * HOUR_MS)
    n = len(world.city.luminaires.id)
    expected = n * (1.0 - (1.0 - 0.002) ** 10)
    assert abs(world.lighting.failed.sum() - expected) <= 4 * expected**0.5
    assert len(world.truth.open("luminaire_failure")) == world.lighting.failed.sum()


def test_nothing_fails_by_itself_without_ordinary_life(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world is quiet unless it was made with ordinary life."""
    monkeypatch.setattr("simulator.lighting.FAILURE", replace(FAILURE, law=replace(FAILURE.law, rate=1.0)))
    world = make_world()
    world.run_until(HOUR_MS // 4)
    assert not world.truth.events()


@pytest.mark.parametrize(("below_deg", "hours"), [(sun.SUNRISE_DEG, 4_327), (-4.0, 4_154), (-6.0, 4_044)])
def test_lamps_of_hai_phong_burn_so_many_hours_a_year(below_deg: float, hours: int) -> None:
    """Minutes of 2026 at which the sun of Hải Phòng is lower than the switching height: three published figures, 0.2 %.

    They were worked out for 20.845 N 106.688 E with an independent ephemeris; the city's centre lies two kilometres from there.
    """
    start_s = datetime.fromisoformat("2026-01-01T00:00:00+07:00").timestamp()
    minutes = start_s + 60.0 * np.arange(365 * 1440)
    burning = sun.elevation_deg(minutes, FRAME.lon, FRAME.lat) < below_deg
    assert burning.sum() / 60 == pytest.approx(hours, rel=0.002)


def test_lamps_switch_where_their_year_has_4154_hours(make_world: MakeWorld) -> None:
    """The clock of the simulated lamps uses the middle one of the three heights, and follows it to a minute."""
    assert SWITCH_DEG == -4.0
    world = make_world("2026-03-10T17:00:00")
    city, lit = world.city, []
    for minute in range(120):
        world.run_until(minute * 60_000)
        height = sun.elevation_deg(np.array([world.utc_s(minute * 60_000)]), city.lon, city.lat)[0]
        assert (world.lighting.commanded_level > 0).all() == (height < SWITCH_DEG)
        lit.append(bool(world.lighting.night))
    assert lit[0] is False and lit[-1] is True


def test_energy_is_the_integral_of_power(make_world: MakeWorld) -> None:
    """A night with dimming, an override, failures and an outage: the meters' sum is that of power x time of every stretch.

    Between two changes power is constant, so the sum over the stretches between all instants that anything happened is exact.
    """
    world = make_world("2026-03-10T22:30:00")
    lighting, total, began_ms = world.lighting, 0.0, 0
    lighting.energy_wh[:] = 0.0
    real = lighting.refresh

    def watched(now_ms: int) -> None:
        nonlocal total, began_ms
        total += float(lighting.power_w.sum()) * (now_ms - began_ms) / 3_600_000
        began_ms = now_ms
        real(now_ms)

    lighting.refresh = watched
    for now_ms, act in (
        (100_000, lambda now: lighting.set_level(np.arange(30), 0.3, now + 1_500_000, now)),
        (1_000_000, lambda now: lighting.fail(np.arange(20, 40), now)),
        (2_000_500, lambda now: world.power.trip_feeder(0, now, restore_ms=900_000)),
        (5_000_000, lambda now: lighting.relamp(np.arange(25, 40), now)),
    ):
        world.run_until(now_ms)
        act(now_ms)
    world.run_until(2 * HOUR_MS)
    lighting.refresh(2 * HOUR_MS)
    assert float(lighting.energy_wh.sum()) == pytest.approx(total, rel=1e-9)
    full_w = float((lighting.rated_w).sum())
    assert 0.3 * full_w * 2 < total < full_w * 2


def test_wear_follows_weibull() -> None:
    """Survival step by step (each step's chance from the age) is exp(-(t/110,000)^3), for steps of three weeks or of a day."""
    for step_h, until_h in ((500.0, 160_000.0), (24.0, 60_000.0)):
        age, alive = 0.0, 1.0
        while age < until_h - 1e-6:
            alive *= 1.0 - float(wear_chance(np.array([age]), step_h)[0])
            age += step_h
        assert alive == pytest.approx(np.exp(-((age / WEAR_SCALE_H) ** WEAR_SHAPE)), rel=1e-3)


def test_light_fades_as_tm21_says() -> None:
    """exp(-2.2e-6 t), by a table that errs by less than 4e-4 and in steps of 1/65536: 80.2 % after 100,000 h; dirt takes 12 %
    in five years.
    """
    ages = np.linspace(0.0, 300_000.0, 1_001)
    clean = np.zeros(len(ages))
    assert np.abs(light_left(ages, clean) / np.exp(-DECAY_PER_H * ages) - 1.0).max() < 4.2e-4
    assert decay(np.array([0.0, 0.05, 0.8])) == pytest.approx(np.exp([0.0, -0.05, -0.8]), rel=1e-15)
    assert light_left(np.zeros(1), np.array([5.0]))[0] == pytest.approx(0.88, abs=1e-5)


def test_lamps_age_while_they_burn_and_are_new_after_a_crew(make_world: MakeWorld) -> None:
    """Two hours of night add two burning hours; a new luminaire begins at none and gives all its light."""
    world = make_world("2026-03-10T20:00:00")
    before = world.lighting.age_h.copy()
    assert before.min() >= 0.0 and before.max() <= AGE.law.high
    world.run_until(2 * HOUR_MS)
    assert world.lighting.age_h - before == pytest.approx(np.full(len(before), 2.0))
    world.lighting.fail(np.array([7]), 2 * HOUR_MS)
    world.lighting.relamp(np.array([7]), 2 * HOUR_MS)
    assert (world.lighting.age_h[7], world.lighting.depreciation[7]) == (0.0, 1.0)


def test_a_blind_photocell_obeys_a_command(make_world: MakeWorld) -> None:
    """Where the photocell sees only night, lamps burn by day but go out when they are told to; a contactor lets them burn."""
    for cause, level in (("photocell", 0.0), ("contactor", 1.0)):
        world = make_world("2026-03-10T12:00:00")
        world.inject("day_burner", {"cabinet": world.city.cabinets.id[0], "cause": cause}, 0)
        own = np.flatnonzero(world.lighting.cabinet == 0)
        assert (world.lighting.level[own] == 1.0).all() and not world.lighting.commanded_level.any()
        world.lighting.set_level(own, 0.0, HOUR_MS, 0)
        assert (world.lighting.level[own] == level).all()
        assert world.lighting.mend_contactor(0, 1_000)
        assert not world.truth.open("day_burner")


def test_currents_follow_power_and_power_factor(make_world: MakeWorld) -> None:
    """At full level the apparent power of a cabinet is its real power over 0.97, and the circuits share it to a lamp."""
    world = make_world("2026-03-10T20:00:00")
    lighting = world.lighting
    assert lighting.circuit_va.sum(axis=1) == pytest.approx(lighting.cabinet_power_w / PF[-1])
    counts = np.bincount(lighting.circuit, minlength=3 * len(lighting.cabinet_power_w)).reshape(-1, 3)
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
