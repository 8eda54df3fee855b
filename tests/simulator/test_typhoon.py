"""The vortex of a typhoon: calm in its eye, strongest at its radius of maximum winds, weaker over land."""

import math

import numpy as np
import pytest

from simulator.typhoon import SHAPE_B, Typhoon, profile

RADIUS_M = 25_000.0
HOUR_MS = 3_600_000


def storm(**changes: float) -> Typhoon:
    values = {"max_wind_mps": 40.0, "radius_m": RADIUS_M, "speed_mps": 5.0, "pass_m": 0.0, "east": -1.0, "north": 0.0}
    return Typhoon("truth-1", 10 * HOUR_MS, **{**values, **changes}, rain_mm_per_h=15.0, surge_m=1.0)  # type: ignore[arg-type]


def test_the_table_is_holland_s_profile() -> None:
    """sqrt(x^-B exp(1 - x^-B)) of Holland (1980) at its rows exactly, to 0.03 between them, and beyond its end to a percent."""
    x = np.linspace(0.2, 20.0, 400)
    exact = np.array([math.sqrt(v**-SHAPE_B * math.exp(1 - v**-SHAPE_B)) for v in x])
    assert np.abs(profile(x) - exact).max() < 0.03
    far = np.array([30.0, 80.0])
    assert np.allclose(profile(far), [math.sqrt(v**-SHAPE_B * math.exp(1 - v**-SHAPE_B)) for v in far], rtol=0.01)


def test_the_wind_is_strongest_at_the_radius_of_maximum_winds_and_the_eye_is_calm() -> None:
    """Of a storm that stands still: the maximum at the radius, next to nothing in the eye, half of it by three radii."""
    still = storm(speed_mps=0.0)
    x = np.arange(0.0, 5.0, 0.05)
    east, north = still.wind(np.column_stack([x * RADIUS_M, np.zeros(len(x))]), 0)
    speed = np.sqrt(east * east + north * north)
    assert abs(x[speed.argmax()] - 1.0) < 0.05
    assert speed.max() == pytest.approx(40.0)
    assert speed[0] < 0.5
    assert speed[x <= 0.2].max() < 0.05 * 40.0
    assert speed[-1] < 0.5 * 40.0


def test_it_turns_against_the_clock_and_blows_harder_on_its_right() -> None:
    """East of the centre the wind goes north (northern hemisphere); the side where track and turn agree has more of it."""
    still, moving = storm(speed_mps=0.0), storm(speed_mps=10.0, east=0.0, north=1.0)
    east, north = still.wind(np.array([[RADIUS_M, 0.0]]), 0)
    assert north[0] > 39.0 and abs(east[0]) < 1e-9
    centre = np.array(moving.centre_m(0))
    sides = moving.wind(centre + np.array([[RADIUS_M, 0.0], [-RADIUS_M, 0.0]]), 0)
    right, left = np.sqrt(sides[0] * sides[0] + sides[1] * sides[1])
    assert right - left == pytest.approx(10.0)


def test_the_track_passes_the_city_at_landfall() -> None:
    """At landfall the centre is at its side of the city; an hour before, an hour of its way back."""
    west = storm(pass_m=20_000.0)
    assert west.centre_m(10 * HOUR_MS) == pytest.approx((0.0, 20_000.0))  # going west, its right is north
    assert west.centre_m(9 * HOUR_MS) == pytest.approx((18_000.0, 20_000.0))


def test_it_weakens_over_land_as_kaplan_and_demaria_found() -> None:
    """0.095 per hour after landfall, never below what a storm far inland keeps; not at all before."""
    one = storm()
    assert one.strength(0) == one.strength(10 * HOUR_MS) == 1.0
    assert one.strength(16 * HOUR_MS) == pytest.approx(math.exp(-0.095 * 6), abs=1e-5)
    assert one.strength(100 * HOUR_MS) == pytest.approx(0.3)


def test_it_brings_the_rain_that_was_measured() -> None:
    """A passage of the default storm brings 100 to 200 mm, as Yagi did over the north (120 to 180 mm in a day)."""
    total = sum(storm().rain((0.0, 0.0), t * 60_000) / 60.0 for t in range(24 * 60))
    assert 100 < total < 220


def test_the_surge_is_highest_at_landfall() -> None:
    """It comes over hours and goes faster."""
    one = storm()
    assert one.surge(10 * HOUR_MS) == 1.0
    assert one.surge(4 * HOUR_MS) == one.surge(14 * HOUR_MS) == 0.0
    assert one.surge(8 * HOUR_MS) > one.surge(12 * HOUR_MS) > 0.0
