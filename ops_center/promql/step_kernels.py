"""Kernels over the windows of many steps at once, the `*_over_time` family; each gives what its namesake gives step by step.

Lives here: what is done for matrices steps × columns in another way than for one window, in the same order of additions; what
is done in the same way is in `running`. Must not know: selectors, labels, tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import BoolArray, IndexArray
from ops_center.promql.order import mads_of, quantiles_of
from ops_center.promql.running import Sample, extreme_times, moments
from ops_center.promql.stacks import EventStack, Stack
from ops_center.promql.windows import _incremental_mean
from ops_center.series_blocks import FloatArray, TimeArray

AnyStack = Stack | EventStack
LAY_OUT = frozenset({"quantile_over_time", "mad_over_time"})  # kernels that copy all samples of all windows of a tile


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


def shape_of(stack: AnyStack) -> tuple[int, int]:
    """Steps and columns."""
    return stack.steps, stack.columns


def samples_of(stack: AnyStack) -> Iterator[Sample]:
    """The k-th samples one after the other, as `running` takes them."""
    for k in range(stack.length):
        yield stack.row(k), stack.there(k), stack.times(k)


def counts_of(stack: AnyStack) -> FloatArray:
    """Samples per window."""
    if stack.whole:
        return np.full(shape_of(stack), float(stack.length))
    counts = np.zeros(shape_of(stack))
    for k in range(stack.length):
        there = stack.there(k)
        counts += 1.0 if there is None else there
    return counts


def _compensated(stack: AnyStack) -> tuple[FloatArray, FloatArray]:
    """Sums and compensation, in the order of `windows.compensated_sum`."""
    s, c = stack.row(0).copy(), np.zeros(shape_of(stack))
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
        counts = counts_of(stack)
        return _exact(stack, counts, mean), counts > 0
    divisor = float(stack.length) if mean else 1.0
    present = np.ones(shape_of(stack), dtype=np.bool_)
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
    counts = counts_of(stack)
    return counts, counts > 0


def _present(stack: AnyStack, _frames: Frames) -> Results:
    counts = counts_of(stack)
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
        return _doubled(stack, better), np.ones(shape_of(stack), dtype=np.bool_)
    found = np.full(shape_of(stack), neutral)
    present, numbers = np.zeros(shape_of(stack), dtype=np.bool_), np.zeros(shape_of(stack), dtype=np.bool_)
    for k in range(stack.length):
        row, there = stack.row(k), stack.there(k)
        there = np.ones(shape_of(stack), dtype=np.bool_) if there is None else there
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


def ends_of(stack: AnyStack) -> Ends:
    """The ends of all windows."""
    if stack.whole:
        last = stack.length - 1
        return Ends(stack.row(0), stack.row(last), stack.times(0), stack.times(last), counts_of(stack))
    shape = shape_of(stack)
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
    ends = ends_of(stack)
    return ends.last, ends.counts > 0


def _first(stack: AnyStack, _frames: Frames) -> Results:
    ends = ends_of(stack)
    return ends.first, ends.counts > 0


def _stdvar(stack: AnyStack, _frames: Frames) -> Results:
    total, count = moments(samples_of(stack), shape_of(stack))
    return total / count, count > 0


def _stddev(stack: AnyStack, frames: Frames) -> Results:
    variance, present = _stdvar(stack, frames)
    return np.sqrt(variance), present


def _cells(stack: AnyStack) -> tuple[FloatArray, BoolArray | None]:
    """The windows side by side, shape (length, steps × columns), and which cells are samples; None: all."""
    values = np.stack([stack.row(k) for k in range(stack.length)]).reshape(stack.length, -1)
    if stack.whole:
        return values, None
    every = np.ones(shape_of(stack), dtype=np.bool_)
    masks = [every if there is None else there for there in map(stack.there, range(stack.length))]
    return values, np.stack(masks).reshape(stack.length, -1)


def _quantile(stack: AnyStack, frames: Frames) -> Results:
    values, valid = _cells(stack)
    asked = np.broadcast_to(frames.params[0], shape_of(stack)).ravel()
    out = np.empty(values.shape[1])
    for q in np.unique(asked).tolist():  # nearly always one
        here = np.flatnonzero(np.isnan(asked) if np.isnan(q) else asked == q)
        part = slice(None) if len(here) == len(asked) else here
        out[part] = quantiles_of(values[:, part], None if valid is None else valid[:, part], q)
    return out.reshape(shape_of(stack)), counts_of(stack) > 0


def _mad(stack: AnyStack, _frames: Frames) -> Results:
    return mads_of(*_cells(stack)).reshape(shape_of(stack)), counts_of(stack) > 0


def _stamp(times: TimeArray, present: BoolArray, stack: AnyStack, frames: Frames) -> Results:
    return np.broadcast_to((times + frames.shift_ms) / 1000, shape_of(stack)), present


def _ts_first(stack: AnyStack, frames: Frames) -> Results:
    ends = ends_of(stack)
    return _stamp(ends.first_ms, ends.counts > 0, stack, frames)


def _ts_last(stack: AnyStack, frames: Frames) -> Results:
    ends = ends_of(stack)
    return _stamp(ends.last_ms, ends.counts > 0, stack, frames)


def _ts_max(stack: AnyStack, frames: Frames) -> Results:
    return _stamp(*extreme_times(samples_of(stack), shape_of(stack), np.greater_equal), stack, frames)


def _ts_min(stack: AnyStack, frames: Frames) -> Results:
    return _stamp(*extreme_times(samples_of(stack), shape_of(stack), np.less_equal), stack, frames)


STEP_OVER_TIME: dict[str, StepKernel] = {
    "sum_over_time": _sum,
    "avg_over_time": _avg,
    "count_over_time": _count,
    "present_over_time": _present,
    "min_over_time": _min,
    "max_over_time": _max,
    "last_over_time": _last,
    "first_over_time": _first,
    "stdvar_over_time": _stdvar,
    "stddev_over_time": _stddev,
    "quantile_over_time": _quantile,
    "mad_over_time": _mad,
    "ts_of_first_over_time": _ts_first,
    "ts_of_last_over_time": _ts_last,
    "ts_of_max_over_time": _ts_max,
    "ts_of_min_over_time": _ts_min,
}
