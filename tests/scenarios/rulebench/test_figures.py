"""Figures over runs: ratios of sums and quantiles, with intervals that are the same every time and hold what they should."""

import numpy as np

from scenarios.rulebench.figures import Bootstrap, Quantile, Ratio, mean_s


def test_a_ratio_is_of_sums_not_of_means() -> None:
    """Runs with more to count weigh more."""
    found = Bootstrap(["a", "a"]).figure(Ratio([1, 9], [10, 10]))
    assert found["value"] == 0.5 and found["low"] == 0.1 and found["high"] == 0.9


def test_nothing_counted_is_nothing_said() -> None:
    """A rate of nothing is no 0 %, a quantile of nothing no 0 s; one run has no interval."""
    boot = Bootstrap(["a", "a"])
    assert boot.figure(Ratio([0, 0], [0, 0]))["value"] is None
    assert boot.figure(Quantile([[], []], 0.95)) == {"value": None, "low": None, "high": None}
    assert Bootstrap(["a"]).figure(Ratio([1], [2])) == {"value": 0.5, "low": None, "high": None}
    assert Bootstrap([]).figure(Ratio([], []))["value"] is None


def test_the_quantile_is_the_nearest_rank() -> None:
    """Of twenty values the 95 % one is the nineteenth; of one it is that."""
    values = [[ms * 1_000 for ms in range(1, 11)], [ms * 1_000 for ms in range(11, 21)]]
    assert Bootstrap(["a", "a"]).figure(Quantile(values, 0.95))["value"] == 19.0
    assert Bootstrap(["a", "a"]).figure(Quantile([[7_000], []], 0.95))["value"] == 7.0
    assert mean_s(values) == Ratio([55_000, 155_000], [10, 10], 0.001)


def test_intervals_are_the_same_every_time() -> None:
    """Two bootstraps of the same runs say the same to the last digit."""
    what = Ratio([3, 5, 2, 8, 1], [10, 10, 10, 10, 10])
    assert Bootstrap(["a"] * 5).figure(what) == Bootstrap(["a"] * 5).figure(what)


def test_resamples_stay_within_a_scenario() -> None:
    """Where scenarios differ and their runs do not, nothing is left to chance."""
    found = Bootstrap(["a", "a", "b", "b"]).figure(Ratio([1, 1, 9, 9], [10, 10, 10, 10]))
    assert found == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Coverage: over 200 made-up scores of 30 runs, 95 % intervals of a rate hold it in at least 88 % (percentile intervals
    of few runs are known to be a little short)."""
    rng = np.random.Generator(np.random.Philox(7))
    held = 0
    boot = Bootstrap(["a"] * 30)
    for _ in range(200):
        hits = rng.binomial(10, 0.3, size=30).tolist()
        found = boot.figure(Ratio(hits, [10] * 30))
        held += found["low"] <= 0.3 <= found["high"]  # type: ignore[operator]
    assert 176 <= held <= 200


def test_a_difference_is_of_the_same_runs() -> None:
    """What is better by as much in every run is better by that, however much the runs differ."""
    found = Bootstrap(["a"] * 4).difference(Ratio([1, 3, 5, 7], [10] * 4), Ratio([2, 4, 6, 8], [10] * 4))
    assert found == {"value": 0.1, "low": 0.1, "high": 0.1}
