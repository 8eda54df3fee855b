"""Kernels over the windows of many steps at once; each gives the very numbers that its namesake gives step by step.

Lives here: the order of additions, as in `windows` and `rates`, over matrices steps × columns. Must not know: selectors,
labels, tiles. A function that has no kernel here is evaluated step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import BoolArray, IndexArray
from ops_center.promql.stacks import EventStack, Stack
from ops_center.promql.windows import _incremental_mean, two_sum_into
from ops_center.series_blocks import FloatArray, TimeArray

AnyStack = Stack | EventStack


@dataclass(frozen=True, slots=True)
class Frames:
    """`Frame` of many steps: instants and parameters have the shape (steps, 1)."""

    start_ms: TimeArray
    end_ms: TimeArray
    eval_ms: TimeArray
    range_ms: int
    shift_ms: int
    params: tuple[FloatArray, ...]
    compat_2: bool
    asked: tuple[str, float] | None

    def at(self, steps: IndexArray) -> Frames:
        """Those of some steps."""
        picked = (self.start_ms[steps], self.end_ms[steps], self.eval_ms[steps])
        return Frames(*picked, self.range_ms, self.shift_ms, tuple(p[steps] for p in self.params), self.compat_2, self.asked)


Results = tuple[FloatArray, BoolArray]
StepKernel = Callable[[AnyStack, Frames], Results]


def _shape(stack: AnyStack) -> tuple[int, int]:
    return stack.steps, stack.columns


def _counts(stack: AnyStack) -> FloatArray:
    if stack.whole:
        return np.full(_shape(stack), float(stack.length))
    counts = np.zeros(_shape(stack))
    for k in range(stack.length):
        there = stack.there(k)
        counts += 1.0 if there is None else there
    return counts


def _compensated(stack: AnyStack) -> tuple[FloatArray, FloatArray]:
    """Sums and compensation, in the order of `windows.compensated_sum`."""
    s, c = stack.row(0).copy(), np.zeros(_shape(stack))
    t, b, d = np.empty_like(s), np.empty_like(s), np.empty_like(s)
    add, subtract = np.add, np.subtract
    for k in range(1, stack.length):
        x = stack.row(k)
        add(s, x, t)
        subtract(t, s, b)
        subtract(t, b, d)
        subtract(s, d, d)
        subtract(x, b, b)
        add(d, b, d)
        add(c, d, c)
        s, t = t, s
    finite = np.isfinite(s)
    if not finite.all():
        c[~finite] = 0.0
    return s, c


def _plain_sums(stack: Stack) -> FloatArray:
    total = stack.row(0).copy()
    for k in range(1, stack.length):
        total += stack.row(k)
    return total


def _exact(stack: AnyStack, counts: FloatArray | float, mean: bool) -> FloatArray:
    total, error = _compensated(stack)
    if not mean:
        return total + error
    out: FloatArray = total / counts + error / counts
    odd = ~np.isfinite(total) & (np.asarray(counts) > 0)
    if odd.any():
        for step, column in zip(*np.nonzero(odd), strict=True):
            out[step, column] = _incremental_mean(_samples(stack, int(step), int(column)))
    return out


def _samples(stack: AnyStack, step: int, column: int) -> list[float]:
    found = []
    for k in range(stack.length):
        there = stack.there(k)
        if there is None or there[step, column]:
            found.append(float(stack.row(k)[step, column]))
    return found


def _total(stack: AnyStack, frames: Frames, mean: bool) -> Results:
    """Sums or means; where only a comparison asks for them, exact in columns that may pass it at some step (see `windows`)."""
    if not stack.whole or isinstance(stack, EventStack):
        counts = _counts(stack)
        return _exact(stack, counts, mean), counts > 0
    divisor = float(stack.length) if mean else 1.0
    present = np.ones(_shape(stack), dtype=np.bool_)
    greatest = max(float(stack.base.max()), -float(stack.base.min()))
    if frames.asked is None or not stack.length * greatest < 1e300:  # also where there is a NaN
        return _exact(stack, divisor, mean), present
    rough = _plain_sums(stack) / divisor
    slack = 4 * stack.length * stack.length * greatest * np.finfo(np.float64).eps / divisor
    operator, number = frames.asked
    may_pass = rough - slack <= number if operator in ("<", "<=") else rough + slack >= number
    columns = np.flatnonzero(may_pass.any(axis=0)).astype(np.intp)
    if 2 * len(columns) > stack.columns:
        return _exact(stack, divisor, mean), present
    if len(columns):
        rough[:, columns] = _exact(stack.only(columns), divisor, mean)
    return rough, present


def _sum(stack: AnyStack, frames: Frames) -> Results:
    return _total(stack, frames, mean=False)


def _avg(stack: AnyStack, frames: Frames) -> Results:
    return _total(stack, frames, mean=True)


def _count(stack: AnyStack, _frames: Frames) -> Results:
    counts = _counts(stack)
    return counts, counts > 0


def _present(stack: AnyStack, _frames: Frames) -> Results:
    counts = _counts(stack)
    return np.ones_like(counts), counts > 0


def _doubled(stack: Stack, better: np.ufunc) -> FloatArray:
    """The extreme of each window by windows of half its length: it may count a sample twice, a sum may not."""
    best, reach = stack.base, 1
    while 2 * reach <= stack.length:
        best = better(best[:-reach], best[reach:])
        reach *= 2
    if reach < stack.length:
        best = better(best[: stack.steps], best[stack.length - reach :])
    return best[: stack.steps].copy() if best is stack.base else best[: stack.steps]


def _extreme(stack: AnyStack, better: np.ufunc, neutral: float) -> Results:
    if isinstance(stack, Stack) and stack.sliding:
        return _doubled(stack, better), np.ones(_shape(stack), dtype=np.bool_)
    found = np.full(_shape(stack), neutral)
    present, numbers = np.zeros(_shape(stack), dtype=np.bool_), np.zeros(_shape(stack), dtype=np.bool_)
    for k in range(stack.length):
        row, there = stack.row(k), stack.there(k)
        there = np.ones(_shape(stack), dtype=np.bool_) if there is None else there
        found = better(found, np.where(there, row, neutral))
        present |= there
        numbers |= there & ~np.isnan(row)
    found[present & ~numbers] = np.nan
    return found, present


def _min(stack: AnyStack, _frames: Frames) -> Results:
    return _extreme(stack, np.fmin, np.inf)


def _max(stack: AnyStack, _frames: Frames) -> Results:
    return _extreme(stack, np.fmax, -np.inf)


@dataclass(frozen=True, slots=True)
class Ends:
    """First and last sample of each window, their times [ms], and how many samples there are."""

    first: FloatArray
    last: FloatArray
    first_ms: TimeArray
    last_ms: TimeArray
    counts: FloatArray


def _ends(stack: AnyStack) -> Ends:
    if stack.whole:
        last = stack.length - 1
        return Ends(stack.row(0), stack.row(last), stack.times(0), stack.times(last), _counts(stack))
    shape = _shape(stack)
    first, last_value, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    first_ms, last_ms = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for k in range(stack.length):
        row, times, there = stack.row(k), stack.times(k), stack.there(k)
        there = np.ones(shape, dtype=np.bool_) if there is None else there
        fresh = there & (counts == 0)
        np.copyto(first, row, where=fresh)
        np.copyto(first_ms, times, where=fresh)
        np.copyto(last_value, row, where=there)
        np.copyto(last_ms, times, where=there)
        counts += there
    return Ends(first, last_value, first_ms, last_ms, counts)


def _last(stack: AnyStack, _frames: Frames) -> Results:
    ends = _ends(stack)
    return ends.last, ends.counts > 0


def _first(stack: AnyStack, _frames: Frames) -> Results:
    ends = _ends(stack)
    return ends.first, ends.counts > 0


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
    previous = stack.row(0)
    first = stack.there(0)
    seen = np.ones(_shape(stack), dtype=np.bool_) if first is None else first
    for k in range(1, stack.length):
        row, there = stack.row(k), stack.there(k)
        there = np.ones(_shape(stack), dtype=np.bool_) if there is None else there
        total += np.where(there & seen & (row < previous), previous, 0.0)
        previous = np.where(there, row, previous)
        seen = seen | there


def _extrapolated(stack: AnyStack, frames: Frames, counter: bool, per_second: bool) -> Results:
    """As `rates._extrapolated`, in the same order of operations."""
    ends = _ends(stack)
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
    shape = _shape(stack)
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
        return _neighbours_of_all(stack, resets), np.ones(_shape(stack), dtype=np.bool_)
    found, shape = np.zeros(_shape(stack)), _shape(stack)
    previous, first = stack.row(0), stack.there(0)
    seen = np.ones(shape, dtype=np.bool_) if first is None else first
    for k in range(1, stack.length):
        row, there = stack.row(k), stack.there(k)
        there = np.ones(shape, dtype=np.bool_) if there is None else there
        hit = row < previous if resets else (row != previous) & ~(np.isnan(row) & np.isnan(previous))
        found += hit & there & seen
        previous = np.where(there, row, previous)
        seen = seen | there
    return found, seen


def _neighbours_of_all(stack: Stack, resets: bool) -> FloatArray:
    """The same where every cell holds a sample."""
    found, previous = np.zeros(_shape(stack)), stack.row(0)
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


def _stdvar(stack: AnyStack, _frames: Frames) -> Results:
    """Compensated Welford updates, as `windows._moments`."""
    shape = _shape(stack)
    count, mean, c_mean, aux, c_aux, t, b = (np.zeros(shape) for _ in range(7))
    for k in range(stack.length):
        row, there = stack.row(k), stack.there(k)
        count += 1.0 if there is None else there
        delta = row - (mean + c_mean)
        step = delta / count
        step = step if there is None else np.where(there, step, 0.0)
        two_sum_into(mean, c_mean, step, t, b)
        square = delta * (row - (mean + c_mean))
        square = square if there is None else np.where(there, square, 0.0)
        two_sum_into(aux, c_aux, square, t, b)
    return np.where(np.isfinite(aux), aux + c_aux, aux) / count, count > 0


def _stddev(stack: AnyStack, frames: Frames) -> Results:
    variance, present = _stdvar(stack, frames)
    return np.sqrt(variance), present


def _regression(stack: AnyStack, intercept_ms: TimeArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slope, value at `intercept_ms`, and counts, as `rates._regression`."""
    shape, ends = _shape(stack), _ends(stack)
    sums, errors, t, b = (np.zeros((4, *shape)) for _ in range(4))
    constant = np.ones(shape, dtype=np.bool_)
    for k in range(stack.length):
        y, there = stack.row(k), stack.there(k)
        valid = np.ones(shape, dtype=np.bool_) if there is None else there
        constant &= ~valid | (y == ends.first)
        x = np.where(valid, (stack.times(k) - intercept_ms) / 1000, 0.0)
        y = np.where(valid, y, 0.0)
        two_sum_into(sums, errors, np.stack([x, y, x * y, x * x]), t, b)
    sum_x, sum_y, sum_xy, sum_xx = np.where(np.isfinite(sums), sums + errors, sums)
    n = ends.counts
    covariance, variance = sum_xy - sum_x * sum_y / n, sum_xx - sum_x * sum_x / n
    slope = covariance / variance
    intercept = sum_y / n - slope * sum_x / n
    endless = np.isinf(ends.first)
    flat = np.where(constant, np.where(endless, np.nan, 0.0), slope)
    return flat, np.where(constant, np.where(endless, np.nan, ends.first), intercept), n


def _deriv(stack: AnyStack, _frames: Frames) -> Results:
    slope, _, counts = _regression(stack, _ends(stack).first_ms)
    return slope, counts > 1


def _predict_linear(stack: AnyStack, frames: Frames) -> Results:
    slope, intercept, counts = _regression(stack, frames.eval_ms)
    return slope * frames.params[0] + intercept, counts > 1


STEP_KERNELS: dict[str, StepKernel] = {
    "sum_over_time": _sum,
    "avg_over_time": _avg,
    "count_over_time": _count,
    "present_over_time": _present,
    "min_over_time": _min,
    "max_over_time": _max,
    "last_over_time": _last,
    "first_over_time": _first,
    "rate": _rate,
    "increase": _increase,
    "delta": _delta,
    "irate": _irate,
    "idelta": _idelta,
    "changes": _changes,
    "resets": _resets,
    "stdvar_over_time": _stdvar,
    "stddev_over_time": _stddev,
    "deriv": _deriv,
    "predict_linear": _predict_linear,
}
