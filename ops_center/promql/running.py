"""What is computed sample by sample down a window, for columns or for steps × columns alike; knows no selectors or labels.

One instant and many at once feed these with the same samples in the same order, and so have the same numbers to the last bit.
A sample is three arrays that broadcast to one shape: values, which of them there are (None: all), and times [ms].
Formulas are those of Prometheus' promql/functions.go.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ops_center.label_sets import BoolArray
from ops_center.series_blocks import FloatArray, TimeArray

Sample = tuple[FloatArray, BoolArray | None, TimeArray | np.int64]
Shape = tuple[int, ...]


def two_sum_into(total: FloatArray, error: FloatArray, row: FloatArray, t: FloatArray, b: FloatArray) -> None:
    """total += row, the rounding error added to `error`; t and b are scratch (Knuth 1969, TwoSum)."""
    np.add(total, row, out=t)
    np.subtract(t, total, out=b)
    total -= np.subtract(t, b)
    np.subtract(row, b, out=b)
    total += b
    error += total
    total[...] = t


def with_error(total: FloatArray, error: FloatArray) -> FloatArray:
    """Sums with what rounding took from them; one that overflowed has none."""
    return np.where(np.isfinite(total), total + error, total)


def kept(there: BoolArray | None, values: FloatArray) -> FloatArray:
    """The values, 0 where there are none."""
    return values if there is None else np.where(there, values, 0.0)


def moments(samples: Iterable[Sample], shape: Shape) -> tuple[FloatArray, FloatArray]:
    """Sums of squared deviations and counts, by compensated Welford updates (varianceOverTime)."""
    count, mean, c_mean, aux, c_aux, t, b = (np.zeros(shape) for _ in range(7))
    for values, there, _ in samples:
        count += 1.0 if there is None else there
        delta = values - (mean + c_mean)
        two_sum_into(mean, c_mean, kept(there, delta / count), t, b)
        two_sum_into(aux, c_aux, kept(there, delta * (values - (mean + c_mean))), t, b)
    return with_error(aux, c_aux), count


def regression(
    samples: Iterable[Sample], shape: Shape, x_shape: Shape, intercept_ms: TimeArray, first: FloatArray, n: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """Least-squares slope per second and value at `intercept_ms` (linearRegression).

    `first` are the first values, `n` the counts. `x_shape` is that of the times: those that all columns share are added once.
    """
    xs, x_errors, tx, bx = (np.zeros((2, *x_shape)) for _ in range(4))
    ys, y_errors, ty, by = (np.zeros((2, *shape)) for _ in range(4))
    constant = np.ones(shape, dtype=np.bool_)
    for values, there, times in samples:
        constant &= values == first if there is None else ~there | (values == first)
        x = kept(there, np.asarray(times - intercept_ms) / 1000)
        y = kept(there, values)
        two_sum_into(xs, x_errors, np.stack([x, x * x]), tx, bx)
        two_sum_into(ys, y_errors, np.stack([y, x * y]), ty, by)
    (sum_x, sum_xx), (sum_y, sum_xy) = with_error(xs, x_errors), with_error(ys, y_errors)
    covariance, variance = sum_xy - sum_x * sum_y / n, sum_xx - sum_x * sum_x / n
    slope = covariance / variance
    intercept = sum_y / n - slope * sum_x / n
    endless = np.isinf(first)
    flat, level = np.where(endless, np.nan, 0.0), np.where(endless, np.nan, first)
    return np.where(constant, flat, slope), np.where(constant, level, intercept)


def smoothed(
    samples: Iterable[Sample], shape: Shape, level_factor: FloatArray | float, trend_factor: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """Levels of double exponential smoothing (Holt 1957), 0 where there are not two samples, and counts."""
    before, level, trend, count = (np.zeros(shape) for _ in range(4))
    for values, there, _ in samples:
        turned = np.where(count == 1, values - level, trend_factor * (level - before) + (1 - trend_factor) * trend)
        turned = np.where(count > 0, turned, trend)
        trend = turned if there is None else np.where(there, turned, trend)
        fresh = np.where(count == 0, values, level_factor * values + (1 - level_factor) * (level + trend))
        if there is None:
            before, level = level, fresh
        else:
            before, level = np.where(there, level, before), np.where(there, fresh, level)
        count += 1.0 if there is None else there
    return np.where(count > 1, level, 0.0), count


def extreme_times(samples: Iterable[Sample], shape: Shape, better: np.ufunc) -> tuple[TimeArray, BoolArray]:
    """When the last sample came that is as good as all before it, and where there is one; NaN gives way to everything."""
    best, at_ms, seen = np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    for values, there, times in samples:
        taken = better(values, best) | np.isnan(best) | ~seen
        if there is not None:
            taken &= there
        np.copyto(best, values, where=taken)
        np.copyto(at_ms, times, where=taken)
        seen |= taken
    return at_ms, seen


def neighbours(samples: Iterable[Sample], shape: Shape, resets: bool) -> tuple[FloatArray, BoolArray]:
    """How often neighbouring samples fall, or differ, and where there are any; NaN to NaN is no change."""
    found, seen, previous = np.zeros(shape), np.zeros(shape, dtype=np.bool_), np.zeros(shape)
    for values, there, _ in samples:
        hit = values < previous if resets else (values != previous) & ~(np.isnan(values) & np.isnan(previous))
        found += hit & seen if there is None else hit & there & seen
        previous = values if there is None else np.where(there, values, previous)
        seen = np.ones(shape, dtype=np.bool_) if there is None else seen | there
    return found, seen


def add_resets(samples: Iterable[Sample], total: FloatArray) -> None:
    """Add what each reset of a counter lost, in order of time."""
    seen, previous = np.zeros(total.shape, dtype=np.bool_), np.zeros(total.shape)
    for values, there, _ in samples:
        reset = seen & (values < previous)
        if there is not None:
            reset &= there
        if reset.any():
            total += np.where(reset, previous, 0.0)
        previous = values if there is None else np.where(there, values, previous)
        seen = np.ones(total.shape, dtype=np.bool_) if there is None else seen | there
