"""Counters whose samples say since when they count: resets that values do not show, and where a first sample began.

Lives here: `rate`, `increase`, `irate` and `resets` over series of which the store knows start times, and `start_timestamp()`.
A start is of use only where it lies before its sample; it is 0 where it is not known. Must not know: other functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import NAME, BoolArray, Labels, value_of
from ops_center.promql import ast
from ops_center.promql.numbers import quoted
from ops_center.promql.selectors import Context, range_ms_of, reference, sample_times
from ops_center.promql.values import Vector
from ops_center.series_blocks import FloatArray, TimeArray

FUNCTIONS = frozenset({"rate", "increase", "irate", "resets"})
_OVERLAP = "sample has start time that overlaps with previous sample timestamp"


@dataclass(frozen=True, slots=True)
class Counter:
    """Samples of one series in a range, bounds and times in ms."""

    start_ms: int
    end_ms: int
    times: TimeArray
    values: FloatArray
    starts: TimeArray

    def resets(self) -> BoolArray:
        """Whether the counter began anew between a sample and the next, shape (samples − 1,)."""
        before, now = self.times[:-1], self.times[1:]
        since, earlier = self.starts[1:], self.starts[:-1]
        follows = (since == before) & (earlier != 0) & (earlier < before)  # as readings of what happened since the last do
        anew = (since != 0) & (since < now) & ((since > before) | follows)
        return np.asarray((self.values[1:] < self.values[:-1]) | anew, dtype=np.bool_)

    def overlaps(self) -> bool:
        """Whether a sample claims to count from before the one that it does not continue."""
        since = self.starts[1:]
        return bool(((since != 0) & (since < self.times[:-1]) & (since != self.starts[:-1])).any())

    def increase(self) -> float | None:
        """The increase over the range; a start inside it is a sample of 0, elsewhere ends are extrapolated."""
        began = self.start_ms < self.starts[0] < self.times[0]
        if len(self.times) < 2 and not began:
            return None
        first, count = float(self.values[0]), len(self.times)
        total = float(self.values[-1]) - first + float(self.values[:-1][self.resets()].sum()) + (first if began else 0.0)
        average = float(self.times[-1] - self.times[0]) / (count - 1) if count > 1 else 0.0
        sampled = float(self.times[-1] - (self.starts[0] if began else self.times[0]))
        left = 0.0 if began else self._left(sampled, average, first, total)
        right = float(self.end_ms - self.times[-1])
        right = average / 2 if right >= average * 1.1 else right
        return total * (sampled + left + right) / sampled

    def _left(self, sampled: float, average: float, first: float, total: float) -> float:
        left = float(self.times[0] - self.start_ms)
        left = average / 2 if left >= average * 1.1 else left
        return min(left, sampled * (first / total)) if total > 0 and first >= 0 else left

    def result(self, func: str) -> float | None:
        """The value of a function."""
        if func == "resets":
            return float(np.count_nonzero(self.resets()))
        if func == "irate":
            return self._instant_rate()
        increase = self.increase()
        return increase if increase is None or func == "increase" else increase / ((self.end_ms - self.start_ms) / 1000)

    def _instant_rate(self) -> float | None:
        if len(self.times) < 2:
            return None
        gone = 0.0 if self.resets()[-1] else float(self.values[-2])
        return (float(self.values[-1]) - gone) / (float(self.times[-1] - self.times[-2]) / 1000)


def starts_at(context: Context, labels: Labels, times: TimeArray) -> TimeArray:
    """The start times of samples of a series at instants on the store's axis, 0 where unknown."""
    known_times, starts = context.store.starts.get(labels, _NONE)
    at = np.searchsorted(known_times, times)
    there = at < len(known_times)
    out = np.zeros(len(times), dtype=np.int64)
    found = at[there]
    out[there] = np.where(known_times[found] == times[there], starts[found], 0)
    return out


_NONE = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def with_starts(call: ast.Call, node: ast.Matrix, found: Vector, context: Context) -> Vector:
    """What a function found, with the series of known start times computed anew."""
    columns = [c for c, labels in enumerate(found.labels.sets) if labels in context.store.starts]
    if not columns:
        return found
    values, present = found.values.copy(), found.present.copy()
    range_ms = range_ms_of(node, context)
    ends = np.broadcast_to(reference(node.selector, context) - context.shift_ms, context.times.shape)
    for row, end_ms in enumerate(ends.tolist()):
        context.watch.check()
        for column in columns:
            labels = found.labels.sets[column]
            counter = _counter(node, labels, (end_ms - range_ms, end_ms), context)
            result = None if counter is None else counter.result(call.func)
            values[row, column], present[row, column] = (0.0, False) if result is None else (result, True)
            if counter is not None and context.watch.notes is not None and counter.overlaps():
                what = f"{_OVERLAP} for metric {quoted(value_of(labels, NAME))}"
                context.watch.notes.warn(what, call.args[0].span)
    return Vector(found.labels, values, present)


def _counter(node: ast.Matrix, labels: Labels, bounds: tuple[int, int], context: Context) -> Counter | None:
    selection = context.store.select(node.selector.matchers)
    column = selection.labels.sets.index(labels)
    for block, columns, width in selection.parts:
        if column < width:
            window = block.window(bounds[0] + (0 if context.options.closed else 1), bounds[1], columns, context.as_of)
            if window is None:
                return None
            valid = slice(None) if window.valid is None else window.valid[:, column]
            times = (window.times if window.times.ndim == 1 else window.times[:, column])[valid]
            return (
                Counter(*bounds, times, window.values[valid, column], starts_at(context, labels, times)) if len(times) else None
            )
        column -= width
    return None


def start_timestamps(node: ast.Selector, context: Context) -> Vector:
    """Since when the last sample of each series counts, epoch seconds, 0 where nobody knows."""
    stamps = sample_times(node, context)
    values = np.zeros(stamps.values.shape)
    for column, labels in enumerate(stamps.labels.sets):
        times = np.rint(stamps.values[:, column] * 1000).astype(np.int64) - context.shift_ms
        starts = starts_at(context, labels, times)
        values[:, column] = np.where(starts != 0, (starts + context.shift_ms) / 1000, 0.0)
    return Vector(stamps.labels, values, stamps.present)
