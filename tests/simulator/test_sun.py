"""The sun stands where astronomers say it does."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import sun

HAI_PHONG = (106.688, 20.845)


def utc_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def minutes(clock: str) -> int:
    hours, minute = clock.split(":")
    return 60 * int(hours) + int(minute)


@pytest.mark.parametrize(
    ("day", "rise", "set_"), [("2026-06-21", "05:13", "18:37"), ("2026-12-22", "06:26", "17:17")], ids=["june", "december"]
)
def test_sunrise_and_sunset_of_hai_phong(day: str, rise: str, set_: str) -> None:
    """On the solstices the sun rises and sets at the published minutes."""
    seen = sun.rise_and_set_s(utc_s(f"{day}T00:00:00+07:00"), *HAI_PHONG)
    assert [abs(s / 60 - minutes(clock)) <= 1.0 for s, clock in zip(seen, (rise, set_), strict=True)] == [True, True]


@pytest.mark.parametrize(("below_deg", "hours"), [(-0.83, 4_327), (-4.0, 4_154), (-6.0, 4_044)])
def test_burning_hours_of_a_year(below_deg: float, hours: int) -> None:
    """Lamps that follow the sun burn as many hours a year as measured by others, to 4 hours."""
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    instants = start + 60.0 * np.arange(365 * 24 * 60)
    night = sun.elevation_deg(instants, *HAI_PHONG) < below_deg
    assert abs(night.sum() / 60 - hours) <= 4


def test_noon_height_at_the_equinox_is_the_colatitude() -> None:
    """On 20 March 2026 at true noon the sun's elevation is 90 degrees less the latitude, to half a degree."""
    day = utc_s("2026-03-20T00:00:00+07:00") + 60.0 * np.arange(1440)
    assert abs(sun.elevation_deg(day, *HAI_PHONG).max() - (90 - HAI_PHONG[1])) < 0.5


def test_the_midnight_sun_neither_rises_nor_sets() -> None:
    """Where the sun stays up, there is no sunrise to report."""
    assert all(math.isnan(s) for s in sun.rise_and_set_s(utc_s("2026-06-21T00:00:00+00:00"), 25.0, 75.0))


@given(st.lists(st.floats(-90, 90), min_size=2, max_size=20))
def test_more_sun_gives_more_light(elevations: list[float]) -> None:
    """Illuminance never falls as the sun climbs."""
    heights = np.sort(np.array(elevations))
    assert (np.diff(sun.clear_lux(heights)) >= 0).all()
