"""Rates and times over many runs, each with the interval that chance leaves it.

Lives here: ratios of sums, quantiles, and the bootstrap over runs. Must not know: alerts, truth, what is counted.
Bootstrap: Efron 1979, percentile intervals. Runs are drawn with replacement within each scenario, the same draws for every
figure, so that figures and differences of figures go together; draws are a described stream, so a score says the same again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Distribution, OneOf
from simulator.streams import Streams

RESAMPLES = 2_000
LEVEL = 0.95
SEED = 1
RESAMPLE = Distribution(
    "rulebench.bootstrap.{scenario}",
    OneOf("the runs of a scenario"),
    "",
    "Which runs a resample of a score is made of.",
    "Efron, B. (1979). Bootstrap methods. The Annals of Statistics 7(1)",
)
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Figure = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums over runs: `above` and `below` hold a whole number a run, `scale` is multiplied in at the end."""

    above: Sequence[int]
    below: Sequence[int]
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of values [ms] that runs have some of each, in s; `values[i]` are those of run i."""

    values: Sequence[Sequence[int]]
    share: float


class Bootstrap:
    """The resamples of some runs, given by the scenario of each. Fewer than two runs leave nothing to resample."""

    def __init__(self, scenarios: Sequence[str]) -> None:
        self.runs = len(scenarios)
        self._times = np.zeros((RESAMPLES, self.runs), dtype=np.int64)  # how often each run is in each resample
        for name in dict.fromkeys(scenarios):
            mine = np.flatnonzero([scenario == name for scenario in scenarios])
            drawn = Streams(SEED).choose(RESAMPLE, len(mine), name, tick=0, n=RESAMPLES * len(mine)).reshape(RESAMPLES, -1)
            rows = np.repeat(np.arange(RESAMPLES), len(mine))
            np.add.at(self._times, (rows, mine[drawn.reshape(-1)]), 1)

    def figure(self, what: Ratio | Quantile) -> Figure:
        """Return the value over all runs and the ends of its interval; None where there is nothing to say."""
        return self._said(_of(what, np.ones((1, self.runs), dtype=np.int64)), _of(what, self._times))

    def difference(self, before: Ratio | Quantile, after: Ratio | Quantile) -> Figure:
        """Return `after` less `before` on the same runs, with its interval over the same resamples."""
        every = np.ones((1, self.runs), dtype=np.int64)
        return self._said(_of(after, every) - _of(before, every), _of(after, self._times) - _of(before, self._times))

    def _said(self, whole: Floats, resampled: Floats) -> Figure:
        known = resampled[~np.isnan(resampled)]
        value = None if np.isnan(whole[0]) else float(whole[0])
        if self.runs < 2 or value is None or not len(known):
            return {"value": _rounded(value), "low": None, "high": None}
        edge = 50.0 * (1.0 - LEVEL)
        low, high = np.percentile(known, [edge, 100.0 - edge])
        return {"value": _rounded(value), "low": _rounded(float(low)), "high": _rounded(float(high))}


def _of(what: Ratio | Quantile, times: Ints) -> Floats:
    """Return a figure for each row of `times`, NaN where nothing was counted."""
    return _ratio(what, times) if isinstance(what, Ratio) else _quantile(what, times)


def _ratio(what: Ratio, times: Ints) -> Floats:
    above = (times * np.array(what.above, dtype=np.int64)).sum(axis=1)
    below = (times * np.array(what.below, dtype=np.int64)).sum(axis=1)
    out = np.full(len(times), np.nan)
    np.divide(above * what.scale, below, out=out, where=below > 0)
    return out


def _quantile(what: Quantile, times: Ints) -> Floats:
    """The nearest-rank quantile: the smallest value that at least this share of them does not exceed."""
    pairs = sorted((value, run) for run, values in enumerate(what.values) for value in values)
    if not pairs:
        return np.full(len(times), np.nan)
    value, run = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    counted = np.cumsum(times[:, run], axis=1)
    wanted = np.maximum(np.ceil(what.share * counted[:, -1]), 1)
    at = (counted < wanted[:, None]).sum(axis=1)
    return np.where(counted[:, -1] > 0, value[np.minimum(at, len(value) - 1)] / 1_000.0, np.nan)


def _rounded(value: float | None) -> float | None:
    """Six significant digits: what the JSON shows, and more than any of it is worth."""
    return None if value is None else float(f"{value:.6g}")


def mean_s(values: Sequence[Sequence[int]]) -> Ratio:
    """Return the mean of values [ms] that runs have some of each, in s."""
    return Ratio([sum(some) for some in values], [len(some) for some in values], 0.001)
