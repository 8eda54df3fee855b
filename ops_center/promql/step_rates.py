"""Kernels over the windows of many steps at once that look at how values change; each gives what its namesake in `rates` gives.

Lives here: rates, changes, regressions over matrices steps × columns, and the list of all kernels. Must not know: selectors,
labels, tiles. A function that has no kernel is evaluated step by step.
"""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import BoolArray
from ops_center.promql.running import add_resets, neighbours, regression, smoothed
from ops_center.promql.stacks import Stack
from ops_center.promql.step_kernels import (
    STEP_OVER_TIME,
    AnyStack,
    Frames,
    Results,
    StepKernel,
    ends_of,
    samples_of,
    shape_of,
)
from ops_center.series_blocks import FloatArray, TimeArray


def _add_resets(stack: AnyStack, total: FloatArray) -> None:
    """Add what each counter reset lost, in order of time."""
    if isinstance(stack, Stack) and stack.whole:
        drops = (stack.base[1:] < stack.base[:-1]).any(axis=0)
        if stack.sliding and not drops.any():
            return
        columns = np.flatnonzero(drops).astype(np.intp) if stack.sliding else np.arange(stack.columns, dtype=np.intp)
        some = stack.only(columns)
        found = total[:, columns]
        previous = some.row(0)
        for k in range(1, stack.length):
            row = some.row(k)
            found += np.where(row < previous, previous, 0.0)
            previous = row
        total[:, columns] = found
        return
    add_resets(samples_of(stack), total)


def _extrapolated(stack: AnyStack, frames: Frames, counter: bool, per_second: bool) -> Results:
    """As `rates._extrapolated`, in the same order of operations."""
    ends = ends_of(stack)
    result = ends.last - ends.first
    if counter:
        _add_resets(stack, result)
    counts = float(stack.length) if stack.whole else ends.counts
    sampled = (ends.last_ms - ends.first_ms) / 1000
    average = sampled / (counts - 1)
    threshold = average * 1.1
    zero: FloatArray | float = np.inf
    if counter:
        zero = np.where((result > 0) & (ends.first >= 0), sampled * (ends.first / result), np.inf)
    to_start = (ends.first_ms - frames.start_ms) / 1000
    if frames.compat_2:
        left = np.minimum(to_start, zero)
        left = np.where(left >= threshold, average / 2, left)
    else:
        left = np.minimum(np.where(to_start >= threshold, average / 2, to_start), zero)
    right = (frames.end_ms - ends.last_ms) / 1000
    right = np.where(right >= threshold, average / 2, right)
    factor = (sampled + left + right) / sampled
    if per_second:
        factor = factor / (frames.range_ms / 1000)
    return result * factor, ends.counts > 1


def _rate(stack: AnyStack, frames: Frames) -> Results:
    return _extrapolated(stack, frames, counter=True, per_second=True)


def _increase(stack: AnyStack, frames: Frames) -> Results:
    return _extrapolated(stack, frames, counter=True, per_second=False)


def _delta(stack: AnyStack, frames: Frames) -> Results:
    return _extrapolated(stack, frames, counter=False, per_second=False)


def _last_two(stack: AnyStack) -> tuple[FloatArray, FloatArray, TimeArray, TimeArray, BoolArray]:
    """The last value, the one before it, their times, and where there are two."""
    shape = shape_of(stack)
    last, before, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    last_ms, before_ms = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for k in range(stack.length):
        row, times, there = stack.row(k), stack.times(k), stack.there(k)
        there = np.ones(shape, dtype=np.bool_) if there is None else there
        np.copyto(before, last, where=there)
        np.copyto(before_ms, last_ms, where=there)
        np.copyto(last, row, where=there)
        np.copyto(last_ms, times, where=there)
        counts += there
    return last, before, last_ms, before_ms, counts > 1


def _irate(stack: AnyStack, _frames: Frames) -> Results:
    last, before, last_ms, before_ms, present = _last_two(stack)
    change = np.where(last < before, last, last - before)
    return change / ((last_ms - before_ms) / 1000), present


def _idelta(stack: AnyStack, _frames: Frames) -> Results:
    last, before, _, _, present = _last_two(stack)
    return last - before, present


def _neighbours(stack: AnyStack, resets: bool) -> Results:
    """How often neighbouring samples fall, or differ; NaN to NaN is no change."""
    if stack.whole and isinstance(stack, Stack):
        return _neighbours_of_all(stack, resets), np.ones(shape_of(stack), dtype=np.bool_)
    return neighbours(samples_of(stack), shape_of(stack), resets)


def _neighbours_of_all(stack: Stack, resets: bool) -> FloatArray:
    """The same where every cell holds a sample."""
    found, previous = np.zeros(shape_of(stack)), stack.row(0)
    nans = not resets and bool(np.isnan(stack.base).any())
    for k in range(1, stack.length):
        row = stack.row(k)
        hit = row < previous if resets else row != previous
        if nans:
            hit &= ~(np.isnan(row) & np.isnan(previous))
        found += hit
        previous = row
    return found


def _changes(stack: AnyStack, _frames: Frames) -> Results:
    return _neighbours(stack, resets=False)


def _resets(stack: AnyStack, _frames: Frames) -> Results:
    return _neighbours(stack, resets=True)


def _regression(stack: AnyStack, intercept_ms: TimeArray | None) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Slope, value at `intercept_ms` (None: at the first sample), and where there are two samples."""
    ends, shape = ends_of(stack), shape_of(stack)
    x_shape = (stack.steps, 1) if stack.whole else shape
    at_ms = ends.first_ms if intercept_ms is None else intercept_ms
    slope, level = regression(samples_of(stack), shape, x_shape, at_ms, ends.first, ends.counts)
    return slope, level, ends.counts > 1


def _deriv(stack: AnyStack, _frames: Frames) -> Results:
    slope, _, present = _regression(stack, None)
    return slope, present


def _predict_linear(stack: AnyStack, frames: Frames) -> Results:
    slope, intercept, present = _regression(stack, frames.eval_ms)
    return slope * frames.params[0] + intercept, present


def _smoothing(stack: AnyStack, frames: Frames) -> Results:
    level, count = smoothed(samples_of(stack), shape_of(stack), *frames.params)
    return level, count > 1


STEP_KERNELS: dict[str, StepKernel] = {
    **STEP_OVER_TIME,
    "rate": _rate,
    "increase": _increase,
    "delta": _delta,
    "irate": _irate,
    "idelta": _idelta,
    "changes": _changes,
    "resets": _resets,
    "deriv": _deriv,
    "predict_linear": _predict_linear,
    "double_exponential_smoothing": _smoothing,
    "holt_winters": _smoothing,
}
