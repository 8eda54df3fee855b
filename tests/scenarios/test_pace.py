"""The pace: simulated time is allowed to advance, never set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.pace import MAX, Asked, Pacer, parse_pace, say_pace


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def seconds(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@given(st.sampled_from([0.1, 0.5, 1.0, 10.0, 50.0, 1000.0]), st.integers(1, 500))
def test_a_pace_takes_the_time_it_says(pace: float, barriers: int) -> None:
    """Advancing n seconds at a pace takes n/pace seconds of the clock."""
    clock = Hand()
    pacer = Pacer(clock, pace)
    for i in range(barriers):
        wait_s = pacer.wait_s((i + 1) * 1_000, i * 1_000)
        assert wait_s is not None
        clock.now_s += wait_s
        pacer.arrived((i + 1) * 1_000)
    assert clock.now_s == pytest.approx(barriers / pace)


def test_a_pace_that_cannot_be_held_slows_the_clock() -> None:
    """After a stall nothing is caught up in a rush: the next second takes its second again, and the achieved pace says so."""
    clock = Hand()
    pacer = Pacer(clock, 1.0)
    for i in range(5):
        clock.now_s += pacer.wait_s((i + 1) * 1_000, i * 1_000) or 0.0
        clock.now_s += 4.0
        pacer.arrived((i + 1) * 1_000)
    assert pacer.achieved == pytest.approx(0.25, rel=0.3)
    late_ms = 5_000
    assert pacer.wait_s(late_ms + 1_000, late_ms) == 0.0
    assert pacer.wait_s(late_ms + 2_000, late_ms + 1_000) == pytest.approx(1.0)


def test_pause_stands_still_and_resumes_where_it_stood() -> None:
    """However long a pause lasts, no simulated time passes and none is owed afterwards."""
    clock = Hand()
    pacer = Pacer(clock, 10.0)
    pacer.ask(Asked(pause=True), 3_000)
    clock.now_s += 1_000.0
    assert pacer.wait_s(4_000, 3_000) is None
    pacer.ask(Asked(pause=False), 3_000)
    assert pacer.wait_s(4_000, 3_000) == pytest.approx(0.1)


def test_run_to_ends_in_a_pause_at_its_instant() -> None:
    """Run-to lifts a pause, goes on, and stands still exactly there."""
    pacer = Pacer(Hand(), MAX)
    pacer.ask(Asked(pause=True), 0)
    pacer.ask(Asked(run_to_ms=2_000), 0)
    assert pacer.wait_s(1_000, 0) == 0.0
    assert pacer.wait_s(2_000, 1_000) == 0.0
    assert pacer.wait_s(3_000, 2_000) is None
    assert pacer.paused


@pytest.mark.parametrize("text", ["0", "-1", "1001", "fast", "nan", ""])
def test_a_pace_out_of_range_is_refused(text: str) -> None:
    """The message says what was seen and what is possible."""
    with pytest.raises(ValueError, match=r"expected max or a number from 0\.1 to 1000"):
        parse_pace(text)


def test_paces_are_read_and_said() -> None:
    """`max`, `x50` and `50` are understood and said as the feed says them."""
    assert [say_pace(parse_pace(t)) for t in ("max", "x50", "0.1", "×1000")] == ["max", "50", "0.1", "1000"]
