"""Kernels over a window that look at how values change: rates, changes, regressions; knows no selectors, labels or steps.

Formulas are those of Prometheus' promql/functions.go (3.x; the 2.x order of limits where the frame asks for it).
"""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import BoolArray
from ops_center.promql.running import add_resets, neighbours, regression, smoothed
from ops_center.promql.windows import (
    OVER_TIME,
    Frame,
    Kernel,
    Result,
    at_rows,
    counts_of,
    first_rows,
    last_rows,
    present_in,
    samples_of,
    times_at,
)
from ops_center.series_blocks import FloatArray, TimeArray, Window


def _increase(window: Window, first: FloatArray, last: FloatArray) -> FloatArray:
    """last − first, plus what each counter reset lost, in order of time."""
    total = last - first
    values = window.values
    if window.valid is None:
        drops = values[1:] < values[:-1]
        if np.count_nonzero(drops):
            for row in np.flatnonzero(drops.any(axis=1)).tolist():
                total += np.where(drops[row], values[row], 0.0)
        return total
    add_resets(samples_of(window), total)
    return total


def _to_start(frame: Frame, to_start: FloatArray, threshold: FloatArray, average: FloatArray, zero: FloatArray) -> FloatArray:
    """Seconds to extrapolate to the left; 2.x limited by the counter's zero before the threshold, 3.x after it."""
    if frame.compat_2:
        to_start = np.minimum(to_start, zero)
        return np.where(to_start >= threshold, average / 2, to_start)
    return np.minimum(np.where(to_start >= threshold, average / 2, to_start), zero)


def _ends(window: Window) -> tuple[FloatArray, FloatArray, TimeArray, TimeArray]:
    """First and last value and time per column."""
    first_row, last_row = first_rows(window)[0], last_rows(window)[0]
    return at_rows(window, first_row), at_rows(window, last_row), times_at(window, first_row), times_at(window, last_row)


def _extrapolated(window: Window, frame: Frame, counter: bool, per_second: bool) -> Result:
    if window.valid is None and window.times.ndim == 1:
        return _extrapolated_together(window, frame, counter, per_second)
    counts = counts_of(window)
    first, last, first_t, last_t = _ends(window)
    with np.errstate(all="ignore"):
        result = _increase(window, first, last) if counter else last - first
        sampled = (last_t - first_t) / 1000
        average = sampled / (counts - 1)
        threshold = average * 1.1
        zero = np.full_like(sampled, np.inf)
        if counter:
            zero = np.where((result > 0) & (first >= 0), sampled * (first / result), np.inf)
        left = _to_start(frame, (first_t - frame.start_ms) / 1000, threshold, average, zero)
        right = (frame.end_ms - last_t) / 1000
        right = np.where(right >= threshold, average / 2, right)
        factor = (sampled + left + right) / sampled
        if per_second:
            factor = factor / (frame.range_ms / 1000)
        result = result * factor
    return result, counts > 1


def _extrapolated_together(window: Window, frame: Frame, counter: bool, per_second: bool) -> Result:
    """The same for a whole piece of a grid: all columns have the same instants, so that times are plain numbers."""
    rows, columns = window.values.shape
    if rows < 2:
        return np.zeros(columns), np.zeros(columns, dtype=np.bool_)
    first, first_ms, last_ms = window.values[0], int(window.times[0]), int(window.times[-1])
    sampled = (last_ms - first_ms) / 1000
    average = sampled / (rows - 1)
    threshold = average * 1.1
    to_start, right = (first_ms - frame.start_ms) / 1000, (frame.end_ms - last_ms) / 1000
    right = average / 2 if right >= threshold else right
    with np.errstate(all="ignore"):
        result = _increase(window, first, window.values[-1]) if counter else window.values[-1] - first
        zero: FloatArray | float = np.inf
        if counter:
            zero = np.where((result > 0) & (first >= 0), sampled * (first / result), np.inf)
        if frame.compat_2:
            left = np.minimum(to_start, zero)
            left = np.where(left >= threshold, average / 2, left)
        else:
            left = np.minimum(average / 2 if to_start >= threshold else to_start, zero)
        factor = (sampled + left + right) / sampled
        if per_second:
            factor = factor / (frame.range_ms / 1000)
        result = result * factor
    return result, np.ones(columns, dtype=np.bool_)


def rate_kernel(window: Window, frame: Frame) -> Result:
    """rate: per-second increase of a counter, extrapolated to the range."""
    return _extrapolated(window, frame, counter=True, per_second=True)


def increase_kernel(window: Window, frame: Frame) -> Result:
    """increase: that of a counter over the range, extrapolated."""
    return _extrapolated(window, frame, counter=True, per_second=False)


def delta_kernel(window: Window, frame: Frame) -> Result:
    """delta: change of a gauge over the range, extrapolated."""
    return _extrapolated(window, frame, counter=False, per_second=False)


def _last_two(window: Window) -> tuple[TimeArray, TimeArray, BoolArray]:
    last, _ = last_rows(window)
    if window.valid is None:
        return last, np.maximum(last - 1, 0), np.full(len(last), len(window.values) > 1)
    rest = window.valid.copy()
    rest[last, np.arange(len(last))] = False
    before = len(rest) - 1 - np.argmax(rest[::-1], axis=0)
    return last, before, counts_of(window) > 1


def _instant(window: Window, rate: bool) -> Result:
    last_row, before_row, present = _last_two(window)
    last, before = at_rows(window, last_row), at_rows(window, before_row)
    with np.errstate(all="ignore"):
        change = np.where(last < before, last, last - before) if rate else last - before
        seconds = (times_at(window, last_row) - times_at(window, before_row)) / 1000
        return (change / seconds if rate else change), present


def irate_kernel(window: Window, _frame: Frame) -> Result:
    """irate: per-second increase between the last two samples."""
    return _instant(window, rate=True)


def idelta_kernel(window: Window, _frame: Frame) -> Result:
    """idelta: change between the last two samples."""
    return _instant(window, rate=False)


def _steps(window: Window, kind: str) -> Result:
    """How often neighbouring samples fall (`resets`) or differ (`changes`); NaN to NaN is no change."""
    if window.valid is None:
        return _steps_of_all(window.values, kind), present_in(window)
    return neighbours(samples_of(window), window.values.shape[1:], kind == "resets")


def _steps_of_all(values: FloatArray, kind: str) -> FloatArray:
    """The same where every cell holds a sample: all rows at once."""
    now, before = values[1:], values[:-1]
    hits = now < before if kind == "resets" else now != before
    nans = np.isnan(values)
    if kind == "changes" and nans.any():
        hits &= ~(nans[1:] & nans[:-1])
    return np.asarray(np.count_nonzero(hits, axis=0), dtype=np.float64)


def changes_kernel(window: Window, _frame: Frame) -> Result:
    """changes: how often the value differs from the one before."""
    return _steps(window, "changes")


def resets_kernel(window: Window, _frame: Frame) -> Result:
    """resets: how often the value falls."""
    return _steps(window, "resets")


def _regression(window: Window, intercept_ms: TimeArray | int | None) -> tuple[FloatArray, FloatArray]:
    """Slope per second and value at `intercept_ms`, None for the first sample."""
    columns, first_row = window.values.shape[1:], first_rows(window)[0]
    shared = window.valid is None and window.times.ndim == 1
    if intercept_ms is None:
        intercept_ms = window.times[0] if shared else times_at(window, first_row)
    with np.errstate(all="ignore"):
        return regression(
            samples_of(window), columns, () if shared else columns, np.asarray(intercept_ms),
            at_rows(window, first_row), counts_of(window),
        )  # fmt: skip


def deriv_kernel(window: Window, _frame: Frame) -> Result:
    """deriv: slope per second by least squares."""
    slope, _ = _regression(window, None)
    return slope, counts_of(window) > 1


def predict_kernel(window: Window, frame: Frame) -> Result:
    """predict_linear: the regression's value `params[0]` seconds after the evaluation."""
    slope, intercept = _regression(window, frame.eval_ms)
    with np.errstate(all="ignore"):
        return slope * frame.params[0] + intercept, counts_of(window) > 1


def smoothing_kernel(window: Window, frame: Frame) -> Result:
    """double_exponential_smoothing (Holt 1957): params are smoothing factor and trend factor, each in (0, 1)."""
    with np.errstate(all="ignore"):
        level, count = smoothed(samples_of(window), window.values.shape[1:], *frame.params)
    return level, count > 1


KERNELS: dict[str, Kernel] = {
    **OVER_TIME,
    "rate": rate_kernel,
    "increase": increase_kernel,
    "delta": delta_kernel,
    "irate": irate_kernel,
    "idelta": idelta_kernel,
    "changes": changes_kernel,
    "resets": resets_kernel,
    "deriv": deriv_kernel,
    "predict_linear": predict_kernel,
    "double_exponential_smoothing": smoothing_kernel,
    "holt_winters": smoothing_kernel,
}
