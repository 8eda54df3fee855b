"""The benchmark's scoring: what a detection is worth where, and scores that were published."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.rulebench.nab import PROFILES, Window, judge, normalised, probation, worth

STANDARD, LOW_FP, LOW_FN = PROFILES
ROWS = 5_000


def test_a_detection_is_worth_most_at_the_left_edge_and_nothing_at_the_right_one() -> None:
    """2 σ(5) − 1 at −1, 0 at 0, the negative of it a width later, −1 from three widths on."""
    assert worth(-1.0) == pytest.approx(2 / (1 + math.exp(-5)) - 1)
    assert worth(0.0) == 0.0 and worth(1.0) == pytest.approx(-worth(-1.0))
    assert worth(3.0) == worth(40.0) == -1.0


def test_silence_scores_0_and_the_first_row_of_each_window_100() -> None:
    """By definition, in every profile."""
    windows = [Window(1_000, 1_099), Window(3_000, 3_199)]
    for profile in PROFILES:
        assert normalised({"a": judge(ROWS, [], windows, profile)}, profile) == pytest.approx(0.0)
        assert normalised({"a": judge(ROWS, [1_000, 3_000], windows, profile)}, profile) == pytest.approx(100.0)


@pytest.mark.parametrize(("width", "published"), [(217, 0.568159134461), (217, 0.8548083738085046), (239, 0.8393187159363497)])
def test_published_scores_of_one_detection_are_scores_of_some_row(width: int, published: float) -> None:
    """Detectors that were right once and never wrong on TravelTime_451 (a window of 217 rows) and speed_6005 (239 rows) have the
    published scores numenta 0.568…, ARTime 0.854… and 0.839…: each is, to its last digit, that of one row of the window.
    """
    scores = [judge(ROWS, [1_000 + row], [Window(1_000, 1_000 + width - 1)], STANDARD).score for row in range(width)]
    assert min(abs(score - published) for score in scores) < 1e-11


def test_a_false_detection_far_from_windows_costs_its_whole_weight() -> None:
    """Before the first window, or three widths after one: 0.11 in the standard profile, twice that where they count twice."""
    for profile, cost in ((STANDARD, 0.11), (LOW_FP, 0.22), (LOW_FN, 0.11)):
        assert judge(ROWS, [900], [], profile).score == pytest.approx(-cost)
        tally = judge(ROWS, [1_000, 4_900], [Window(1_000, 1_009)], profile)
        assert (tally.score, tally.caught, tally.false) == (pytest.approx(1.0 - cost), 1, 1)


def test_the_beginning_is_not_judged() -> None:
    """15 % of the rows, at most 750: detections there cost nothing, windows there count nothing."""
    assert (probation(1_000), probation(100_000)) == (150, 750)
    tally = judge(1_000, [10, 149], [Window(20, 40)], STANDARD)
    assert (tally.score, tally.windows, tally.false) == (0.0, 0, 0)


@given(st.lists(st.integers(0, ROWS - 1), max_size=40), st.integers(800, 4_000), st.integers(2, 300))
def test_more_detections_in_a_window_change_nothing_after_the_first(rows: list[int], first: int, width: int) -> None:
    """The earliest counts; no score is above the number of windows."""
    window = Window(first, min(ROWS - 1, first + width - 1))
    inside = [row for row in rows if window.first <= row <= window.last]
    outside = [row for row in rows if row not in inside]
    whole = judge(ROWS, rows, [window], STANDARD)
    assert whole.score <= 1.0 + 1e-12
    assert whole == judge(ROWS, [*outside, *([min(inside)] if inside else [])], [window], STANDARD)
