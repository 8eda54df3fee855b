"""Quantiles of columns, and when their extremes were, are what the definition says, whatever is in them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ops_center.promql.order import mads_of, quantiles_of
from ops_center.promql.running import extreme_times

cells = st.sampled_from([0.0, -0.0, 1.0, 2.5, -3.0, math.inf, -math.inf, math.nan])
columns = st.integers(1, 12).flatmap(
    lambda rows: st.lists(st.lists(st.tuples(cells, st.booleans()), min_size=rows, max_size=rows), min_size=1, max_size=4)
)
quantiles = st.sampled_from([0.0, 0.3, 0.5, 0.99, 1.0, -0.1, 1.1, math.nan])


def arrays(found: list[list[tuple[float, bool]]]) -> tuple[np.ndarray, np.ndarray]:
    """Values, 0 where there is none, and which there are, shape (rows, columns)."""
    valid = np.array([[there for _, there in column] for column in found]).T
    return np.where(valid, np.array([[value for value, _ in column] for column in found]).T, 0.0), valid


def quantile(values: list[float], q: float) -> float:
    if math.isnan(q) or not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q - 0.5)
    ordered = sorted(values, key=lambda v: (not math.isnan(v), v))
    rank = q * (len(values) - 1)
    lower, weight = math.floor(rank), rank - math.floor(rank)
    return ordered[lower] * (1 - weight) + ordered[min(lower + 1, len(values) - 1)] * weight


def same(found: float, wanted: float) -> bool:
    return found == wanted or (math.isnan(found) and math.isnan(wanted))


@given(columns, quantiles)
def test_quantiles_are_those_of_the_definition(found: list[list[tuple[float, bool]]], q: float) -> None:
    """Of the samples that there are, NaN being the least; a whole matrix is read without a mask."""
    values, valid = arrays(found)
    for mask in (valid, np.ones_like(valid)):
        got = quantiles_of(values, mask, q)
        if mask.all():
            assert np.array_equal(quantiles_of(values, None, q), got, equal_nan=True)
        for column in range(values.shape[1]):
            samples = values[mask[:, column], column].tolist()
            if samples:
                assert same(got[column], quantile(samples, q)), samples


@given(columns)
def test_deviations_are_those_of_the_definition(found: list[list[tuple[float, bool]]]) -> None:
    """The median of the distances from the median; NaN where one is."""
    values, valid = arrays(found)
    got = mads_of(values, valid)
    for column in range(values.shape[1]):
        samples = values[valid[:, column], column].tolist()
        if samples and not any(map(math.isnan, samples)):
            median = quantile(samples, 0.5)
            off = [abs(v - median) for v in samples]
            assert same(got[column], quantile(off, 0.5)), samples
        elif samples:
            assert math.isnan(got[column])


@given(columns)
def test_extremes_are_dated_as_prometheus_dates_them(found: list[list[tuple[float, bool]]]) -> None:
    """The last sample that is no worse than the best so far; NaN gives way, and a gap after it is no sample."""
    values, valid = arrays(found)
    for better in (np.greater_equal, np.less_equal):
        rows = ((values[row], valid[row], np.int64(row)) for row in range(len(values)))
        at, there = extreme_times(rows, values.shape[1:], better)
        for column, cells_ in enumerate(found):
            best, row = math.nan, -1
            for place, (value, is_sample) in enumerate(cells_):
                if is_sample and (row < 0 or math.isnan(best) or bool(better(value, best))):
                    best, row = value, place
            assert (bool(there[column]), int(at[column]) if there[column] else -1) == (row >= 0, row)
