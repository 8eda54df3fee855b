"""Kernels over the samples of a window: the `*_over_time` family; knows nothing of selectors, labels or steps.

Each kernel takes a `Window` (rows × columns, time ascending) and gives one number per column. Sums run down the rows in
order, compensated as Prometheus does, over tiles of columns: running sums over time would drift, whole matrices would be
bound by memory. A window gathered from irregular series has the same shape, so there is one set of kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from ops_center.label_sets import BoolArray, IndexArray
from ops_center.promql.order import mads_of, quantiles_of
from ops_center.promql.running import Sample, extreme_times, moments
from ops_center.series_blocks import FloatArray, TimeArray, Window

TILE = 4096  # six rows of it fit a core's second cache; 512 is best for one addition, but this makes seven


class Frame(msgspec.Struct, frozen=True):
    """What a kernel may know of the evaluation: bounds of the range and instant, ms on the window's axis.

    `shift_ms` leads from that axis to epoch ms; `params` are the function's scalar arguments at this step. `asked` is a
    comparison (operator, number) that the results go through next: one that fails it may be any number that fails it too.
    """

    start_ms: int
    end_ms: int
    eval_ms: int
    range_ms: int
    shift_ms: int = 0
    params: tuple[float, ...] = ()
    compat_2: bool = False
    asked: tuple[str, float] | None = None


Result = tuple[FloatArray, BoolArray]
Kernel = Callable[[Window, Frame], Result]


def samples_of(window: Window) -> Iterator[Sample]:
    """The rows one after the other, as `running` takes them."""
    for row, values in enumerate(window.values):
        yield values, None if window.valid is None else window.valid[row], window.times[row]


def counts_of(window: Window) -> FloatArray:
    """Samples per column, shape (columns,)."""
    rows, columns = window.values.shape
    if window.valid is None:
        return np.full(columns, float(rows))
    if rows < 256:
        return np.asarray(np.add.reduce(window.valid.view(np.uint8), axis=0, dtype=np.uint8), dtype=np.float64)
    return np.asarray(np.count_nonzero(window.valid, axis=0), dtype=np.float64)


def present_in(window: Window) -> BoolArray:
    """Which columns have a sample, shape (columns,)."""
    if window.valid is None:
        return np.ones(window.values.shape[1], dtype=np.bool_)
    return np.asarray(window.valid.any(axis=0), dtype=np.bool_)


def compensated_sum(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum down the rows and its compensation, each of shape (columns,); invalid cells must be 0.

    Equals Prometheus' Kahan-Neumaier summation: both carry the exact rounding error of each addition.
    """
    columns = values.shape[1]
    total, error = np.empty(columns), np.zeros(columns)
    scratch = np.empty((4, min(TILE, columns)))
    add, subtract = np.add, np.subtract
    with np.errstate(all="ignore"):
        for left in range(0, columns, TILE):
            right = min(left + TILE, columns)
            s, t, b, d = scratch[:, : right - left]
            c = error[left:right]
            s[...] = values[0, left:right]
            for x in values[1:, left:right]:  # Knuth's TwoSum: t = s + x, c += ((s − (t − b)) + (x − b)) with b = t − s
                add(s, x, t)
                subtract(t, s, b)
                subtract(t, b, d)
                subtract(s, d, d)
                subtract(x, b, b)
                add(d, b, d)
                add(c, d, c)
                s, t = t, s
            total[left:right] = s
    finite = np.isfinite(total)
    if not finite.all():
        error[~finite] = 0.0
    return total, error


ORDERINGS = frozenset({"<", "<=", ">", ">="})


def _candidates(window: Window, divisor: float, asked: tuple[str, float]) -> tuple[FloatArray, IndexArray] | None:
    """Plain sums over a divisor, and the columns whose exact number may pass what is asked; None where sums may overflow.

    Each addition errs by at most half a unit in the last place of a partial sum, and those are at most rows × the greatest
    magnitude; four times that leaves room for the rounding of what follows.
    """
    values = window.values
    rows = len(values)
    if not values.size:
        return None
    greatest = max(float(values.max()), -float(values.min()))
    if not rows * greatest < 1e300:  # also where there is a NaN
        return None
    rough = np.add.reduce(values, axis=0) / divisor
    slack = 4 * rows * rows * greatest * np.finfo(np.float64).eps / divisor
    operator, number = asked
    may_pass = rough - slack <= number if operator in ("<", "<=") else rough + slack >= number
    return rough, np.flatnonzero(may_pass)


def _screened(window: Window, frame: Frame, divisor: float) -> FloatArray | None:
    """Compensated sums over a divisor where they can matter, plain ones elsewhere; None to compute all."""
    found = None if frame.asked is None or window.valid is not None else _candidates(window, divisor, frame.asked)
    if found is None or 2 * len(found[1]) > len(found[0]):
        return None
    rough, columns = found
    if len(columns):
        total, error = compensated_sum(window.values[:, columns])
        rough[columns] = total / divisor + error / divisor
    return rough


def sum_kernel(window: Window, frame: Frame) -> Result:
    """sum_over_time."""
    screened = _screened(window, frame, 1.0)
    if screened is not None:
        return screened, present_in(window)
    total, error = compensated_sum(window.values)
    return total + error, present_in(window)


def count_kernel(window: Window, _frame: Frame) -> Result:
    """count_over_time."""
    counts = counts_of(window)
    return counts, counts > 0


def present_kernel(window: Window, _frame: Frame) -> Result:
    """present_over_time."""
    counts = counts_of(window)
    return np.ones_like(counts), counts > 0


def avg_kernel(window: Window, frame: Frame) -> Result:
    """avg_over_time: the compensated sum over the count; where the sum overflows, an incremental mean."""
    screened = _screened(window, frame, float(len(window.values)))
    if screened is not None:
        return screened, present_in(window)
    present = present_in(window)
    counts = float(len(window.values)) if window.valid is None else counts_of(window)
    total, error = compensated_sum(window.values)
    with np.errstate(all="ignore"):
        mean = total / counts + error / counts
    for column in np.flatnonzero(~np.isfinite(total) & present).tolist():
        mean[column] = _incremental_mean(column_values(window, column).tolist())
    return mean, present


def column_values(window: Window, column: int) -> FloatArray:
    """The samples of one column."""
    return window.values[:, column] if window.valid is None else window.values[window.valid[:, column], column]


def kahan_step(inc: float, total: float, error: float) -> tuple[float, float]:
    """One step of Kahan-Neumaier summation (Prometheus, util/kahansum)."""
    t = total + inc
    if t in (float("inf"), float("-inf")):
        return t, 0.0
    if abs(total) >= abs(inc):
        return t, error + ((total - t) + inc)
    return t, error + ((inc - t) + total)


def _incremental_mean(values: list[float]) -> float:
    """Prometheus' mean of values whose sum overflows (promql/functions.go, avg_over_time)."""
    total, error, mean, incremental = values[0], 0.0, 0.0, False
    for index, value in enumerate(values[1:]):
        count = index + 2.0
        if not incremental:
            new, new_error = kahan_step(value, total, error)
            if new not in (float("inf"), float("-inf")):
                total, error = new, new_error
                continue
            incremental, mean, error = True, total / (count - 1), error / (count - 1)
        share = (count - 1) / count
        mean, error = kahan_step(value / count, share * mean, share * error)
    return mean + error if incremental else total / len(values) + error / len(values)


def _extreme(window: Window, reduce: np.ufunc, neutral: float) -> Result:
    values = window.values if window.valid is None else np.where(window.valid, window.values, neutral)
    found = reduce.reduce(values, axis=0)
    present = present_in(window)
    if window.valid is not None and np.isinf(found).any():
        only_nan = ~np.any(window.valid & ~np.isnan(window.values), axis=0)
        found[only_nan & present] = np.nan
    return found, present


def min_kernel(window: Window, _frame: Frame) -> Result:
    """min_over_time; NaN only where there is nothing else."""
    return _extreme(window, np.fmin, np.inf)


def max_kernel(window: Window, _frame: Frame) -> Result:
    """max_over_time; NaN only where there is nothing else."""
    return _extreme(window, np.fmax, -np.inf)


def last_rows(window: Window) -> tuple[TimeArray, BoolArray]:
    """Row of the last sample per column, and which columns have one."""
    rows, columns = window.values.shape
    if window.valid is None:
        return np.full(columns, rows - 1), np.ones(columns, dtype=np.bool_)
    return rows - 1 - np.argmax(window.valid[::-1], axis=0), present_in(window)


def first_rows(window: Window) -> tuple[TimeArray, BoolArray]:
    """Row of the first sample per column, and which columns have one."""
    if window.valid is None:
        return np.zeros(window.values.shape[1], dtype=np.int64), np.ones(window.values.shape[1], dtype=np.bool_)
    return np.argmax(window.valid, axis=0), present_in(window)


def at_rows(window: Window, rows: TimeArray) -> FloatArray:
    """One value per column, from the given rows."""
    return window.values[rows, np.arange(window.values.shape[1])]


def times_at(window: Window, rows: TimeArray) -> TimeArray:
    """One time per column, from the given rows."""
    if window.times.ndim == 1:
        return window.times[rows]
    return window.times[rows, np.arange(window.times.shape[1])]


def last_kernel(window: Window, _frame: Frame) -> Result:
    """last_over_time."""
    if window.valid is None:
        return window.values[-1], present_in(window)
    rows, present = last_rows(window)
    return at_rows(window, rows), present


def first_kernel(window: Window, _frame: Frame) -> Result:
    """first_over_time."""
    if window.valid is None:
        return window.values[0], present_in(window)
    rows, present = first_rows(window)
    return at_rows(window, rows), present


def _stamp(window: Window, frame: Frame, rows: TimeArray, present: BoolArray) -> Result:
    return (times_at(window, rows) + frame.shift_ms) / 1000, present


def ts_last_kernel(window: Window, frame: Frame) -> Result:
    """ts_of_last_over_time, epoch seconds."""
    return _stamp(window, frame, *last_rows(window))


def ts_first_kernel(window: Window, frame: Frame) -> Result:
    """ts_of_first_over_time, epoch seconds."""
    return _stamp(window, frame, *first_rows(window))


def _extreme_stamp(window: Window, frame: Frame, better: np.ufunc) -> Result:
    at_ms, present = extreme_times(samples_of(window), window.values.shape[1:], better)
    return (at_ms + frame.shift_ms) / 1000, present


def ts_max_kernel(window: Window, frame: Frame) -> Result:
    """ts_of_max_over_time, epoch seconds: the last of the greatest."""
    return _extreme_stamp(window, frame, np.greater_equal)


def ts_min_kernel(window: Window, frame: Frame) -> Result:
    """ts_of_min_over_time, epoch seconds: the last of the least."""
    return _extreme_stamp(window, frame, np.less_equal)


def stdvar_kernel(window: Window, _frame: Frame) -> Result:
    """stdvar_over_time: population variance."""
    with np.errstate(all="ignore"):
        total, count = moments(samples_of(window), window.values.shape[1:])
        return total / count, count > 0


def stddev_kernel(window: Window, _frame: Frame) -> Result:
    """stddev_over_time: population standard deviation."""
    variance, present = stdvar_kernel(window, _frame)
    with np.errstate(all="ignore"):
        return np.sqrt(variance), present


def quantile_kernel(window: Window, frame: Frame) -> Result:
    """quantile_over_time."""
    return quantiles_of(window.values, window.valid, frame.params[0]), counts_of(window) > 0


def mad_kernel(window: Window, _frame: Frame) -> Result:
    """mad_over_time."""
    return mads_of(window.values, window.valid), counts_of(window) > 0


OVER_TIME: dict[str, Kernel] = {
    "sum_over_time": sum_kernel,
    "count_over_time": count_kernel,
    "present_over_time": present_kernel,
    "avg_over_time": avg_kernel,
    "min_over_time": min_kernel,
    "max_over_time": max_kernel,
    "last_over_time": last_kernel,
    "first_over_time": first_kernel,
    "stdvar_over_time": stdvar_kernel,
    "stddev_over_time": stddev_kernel,
    "quantile_over_time": quantile_kernel,
    "mad_over_time": mad_kernel,
    "ts_of_last_over_time": ts_last_kernel,
    "ts_of_first_over_time": ts_first_kernel,
    "ts_of_max_over_time": ts_max_kernel,
    "ts_of_min_over_time": ts_min_kernel,
}
