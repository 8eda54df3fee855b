"""Water on the streets: none is lost, sluices go with the tide, pumps need power, drivers slow down and stop."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.generate.grid import small_city
from simulator.truth import Place
from simulator.water import RUNOFF, Water, speed_in_water
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000
RAIN = st.floats(0, 150)


@pytest.mark.slow
@given(rain=st.lists(st.tuples(RAIN, st.floats(0, 6), st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_no_water_is_lost(rain: list[tuple[float, float, bool, bool]]) -> None:
    """Held = held before + rain - drained, whatever rain, outside level, sluices and pumps do; never below nothing."""
    water = Water(small_city())
    before = water.held_m3.copy()
    for rain_mm_per_h, outside_m, is_open, pumping in rain:
        water.outside_m, water.sluice_open[:], water.pumping[:] = outside_m, is_open, pumping
        water.advance(rain_mm_per_h, 60.0)
        assert (water.held_m3 >= 0).all()
    assert np.allclose(water.held_m3, before + water.brought_m3 - water.drained_m3, rtol=0, atol=1e-6)


def test_rain_brings_what_falls_on_the_catchment() -> None:
    """An hour of 36 mm/h on 30 ha with a runoff of 0.8 is 8,640 m3."""
    water = Water(small_city())
    for _ in range(60):
        water.advance(36.0, 60.0)
    assert water.brought_m3 == pytest.approx(RUNOFF * 0.036 * 300_000.0)


def test_an_open_sluice_evens_inside_and_outside_and_no_more() -> None:
    """From both sides, the level comes to the outside level and does not swing through it."""
    for outside_m, held_m3 in ((3.0, 0.0), (1.5, 15_000.0)):
        water = Water(small_city())
        water.outside_m, water.held_m3[:], water.sluice_open[:] = outside_m, held_m3, True
        signs = set()
        for _ in range(600):
            water.advance(0.0, 60.0)
            signs.add(float(np.sign(np.round(water.level_m[0] - outside_m, 9))))
        assert water.level_m == pytest.approx(outside_m, abs=1e-3)
        assert len(signs - {0.0}) == 1


def test_a_sluice_that_follows_the_water_never_lets_the_sea_in(make_world: MakeWorld) -> None:
    """Hours of tide and river with rain: automatic gates let water out only, an open one lets it in and that is true."""
    world = make_world("2026-10-14T00:00:00")
    world.inject("high_water", {"rise_m": 1.5, "duration_s": 10_800}, 0)
    world.inject("downpour", {"rain_mm_per_h": 5, "duration_s": 10_800}, 0)
    world.water.set_sluice(1, "open")
    world.run_until(2 * HOUR_MS)
    inward = [e for e in world.truth.events() if e.kind == "sluice_inward"]
    assert {e.place.id for e in inward} == {world.city.basins.id[1]}
    assert world.water.drained_m3[0] >= 0 > world.water.drained_m3[1]


@pytest.mark.slow
def test_pumps_keep_a_street_dry_and_need_their_feeder(make_world: MakeWorld) -> None:
    """The same rain on a shut sluice floods where the feeder is lost, and not where pumps run."""
    world = make_world("2026-10-14T00:00:00")
    world.inject("high_water", {"rise_m": 3, "duration_s": 43_200}, 0)
    world.inject("downpour", {"rain_mm_per_h": 12, "duration_s": 21_600}, 0)
    feeders = world.city.basins.feeder
    assert feeders[0] != feeders[1]
    world.power.trip_feeder(feeders[0], 0)
    world.run_until(6 * HOUR_MS)
    assert world.water.depth_m[0] > 0.15 > world.water.depth_m[1]


def test_a_flood_slows_stops_and_lets_go(make_world: MakeWorld) -> None:
    """Deep water closes its street, is true from 15 cm, wets its cabinet, and all of it ends when the water has gone."""
    world = make_world("2026-10-14T00:00:00")
    b, links = 0, world.city.basins.links[0]
    world.water.set_sluice(b, "closed")
    world.water.set_pump(b, "closed")
    world.inject("downpour", {"rain_mm_per_h": 80, "duration_s": 4_500}, 0)
    world.run_until(75 * 60_000)
    assert world.water.depth_m[b] > 0.4
    assert (world.water.link_depth_m()[links] == world.water.depth_m[b]).all()
    assert world.traffic.obstacles.closed[links].all()
    assert (world.traffic.conditions[0][links] == 0.1).all()
    (flood,) = [e for e in world.truth.open("flood") if e.place.id == world.city.basins.id[b]]
    assert [e.cause_id for e in world.truth.events() if e.kind == "cabinet_leakage"].count(flood.event_id) == 1
    saved = world.snapshot()
    twin = make_world("2026-10-14T00:00:00")
    twin.restore(saved)
    for one in (world, twin):
        one.water.set_pump(b, "open")
        one.water.set_sluice(b, "auto")
        one.run_until(3 * HOUR_MS)
        assert not one.traffic.obstacles.closed.any()
        assert (one.traffic.conditions[1] == 1.0).all()
        assert one.truth.get(flood.event_id).end_ms is not None
    assert np.array_equal(world.water.held_m3, twin.water.held_m3)


def test_a_street_closed_by_the_police_stays_closed_when_the_water_goes(make_world: MakeWorld) -> None:
    """Water opens only what it closed."""
    world = make_world("2026-10-14T00:00:00")
    k = world.city.basins.links[0][0]
    world.water.set_sluice(0, "closed")
    world.water.set_pump(0, "closed")
    world.inject("downpour", {"rain_mm_per_h": 80, "duration_s": 3_600}, 0)
    world.run_until(HOUR_MS)
    assert k in world.water.closed
    world.inject("road_closure", {"link": world.city.links.id[k], "duration_s": 36_000}, HOUR_MS)
    world.water.set_sluice(0, "auto")
    world.run_until(3 * HOUR_MS)
    assert world.water.depth_m[0] == 0.0
    assert world.traffic.obstacles.closed[k]


def test_drivers_in_water_are_as_slow_as_was_found() -> None:
    """Pregnolato et al. (2017): 86.9 km/h dry, 24.3 at 15 cm, nobody beyond 30 cm; here never below a tenth."""
    assert speed_in_water(np.array([0.0, 0.15, 0.30, 2.0])) == pytest.approx([1.0, 24.26 / 86.9448, 0.1, 0.1], abs=1e-3)


def test_a_stuck_sluice_obeys_only_a_crew(make_world: MakeWorld) -> None:
    """Commands leave it as it is; a crew frees it and its truth ends."""
    world = make_world()
    event = world.inject("sluice_stuck", {"basin": "basin:02", "position": "open"}, 0)
    assert not world.water.set_sluice(1, "closed")
    assert world.water.sluice_open[1]
    world.units.dispatch("electrician", Place("basin", "basin:02"), 0)
    world.run_until(HOUR_MS)
    assert world.truth.get(event.event_id).end_ms is not None
    assert world.water.set_sluice(1, "closed")
    assert not world.water.sluice_open[1]
