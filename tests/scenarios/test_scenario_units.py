"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.units import BadDuration, parse_duration_ms, say_duration, say_t


@pytest.mark.parametrize(
    ("text", "ms"),
    [("90s", 90_000), ("45 min", 2_700_000), ("2h", 7_200_000), ("1h30m", 5_400_000), ("0.5s", 500), ("250ms", 250), ("0s", 0)],
)
def test_a_duration_is_read(text: str, ms: int) -> None:
    """Every way in which a duration is usually written means the same number of milliseconds."""
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["10 minuts", "10", "", "ten min", "-5s", "1h-2", 10, None, True, "5e3s", "9999999 d", "1..5s"])
def test_what_is_no_duration_is_refused_with_what_was_expected(text: object) -> None:
    """A wrong or missing unit, a sign or a bare number is refused and the message shows the forms there are."""
    with pytest.raises(BadDuration, match="expected a duration such as"):
        parse_duration_ms(text)


@given(st.integers(0, 30 * 86_400).map(lambda s: s * 1_000))
def test_a_said_duration_reads_back(ms: int) -> None:
    """What is shown can be typed in again and means the same."""
    assert parse_duration_ms(say_duration(ms)) == ms


def test_instants_are_said_from_t_zero() -> None:
    """Warm-up is before T+0 and the clock of an exercise counts from there."""
    assert (say_t(725_000), say_t(-60_000)) == ("T+00:12:05", "T-00:01:00")
