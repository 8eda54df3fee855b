"""Where samples lie whose series have timestamps of their own: a row of (time, value) per series, padded on the right.

As in `series_blocks`, a block knows no metric names, no families and no PromQL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ops_center.label_sets import BoolArray, IndexArray
from ops_center.series_blocks import NEVER, Columns, FloatArray, RowBlock, TimeArray, Window, differ, resized

_LAST = np.arange(12, 0, -1, dtype=np.intp)
_MOST_LOOKED_AT = 1 << 15  # samples, to find out whether one has passed the beginning of an interval


class EventBlock:
    """Series with timestamps of their own."""

    def __init__(self) -> None:
        self.columns = 0
        self.writes = 0  # grows with every sample that comes
        self.newest_received = -NEVER
        self.floor_ms = -NEVER
        self.counts: IndexArray = np.zeros(0, dtype=np.intp)
        self.times: TimeArray = np.zeros((0, 8), dtype=np.int64)
        self.received: TimeArray = np.zeros((0, 8), dtype=np.int64)
        self.values: FloatArray = np.zeros((0, 8))
        self.stale: BoolArray = np.zeros((0, 8), dtype=np.bool_)

    def extend(self, count: int) -> int:
        """Add series; returns the first new one."""
        first, self.columns = self.columns, self.columns + count
        if self.columns > len(self.counts):
            self._reshape(max(self.columns, 2 * first), self.times.shape[1])
        return first

    def _reshape(self, series: int, depth: int) -> None:
        self.counts = np.concatenate([self.counts, np.zeros(series - len(self.counts), dtype=np.intp)])
        self.times, self.received = resized(self.times, series, depth), resized(self.received, series, depth)
        self.values, self.stale = resized(self.values, series, depth), resized(self.stale, series, depth)

    def put(
        self, at_ms: int, received_at_ms: int, columns: Columns, values: Any, valid: BoolArray | None = None, stale: bool = False
    ) -> None:
        """Write one instant of some series; the first sample of a (series, time) wins."""
        where = np.arange(self.columns, dtype=np.intp)[columns] if isinstance(columns, slice) else columns
        if valid is not None:
            where, values = where[valid], values if np.ndim(values) == 0 else values[valid]
        if not len(where):
            return
        self.writes += 1
        self.newest_received = max(self.newest_received, received_at_ms)
        ends = self.counts[where]
        if int(ends.max()) >= self.times.shape[1]:
            self._reshape(len(self.counts), 2 * self.times.shape[1])
        depth = self.times.shape[1]
        begins = where * depth
        later = (ends == 0) | (self.times.reshape(-1)[begins + np.maximum(ends - 1, 0)] < at_ms)
        if not later.all():
            numbers = np.broadcast_to(np.asarray(values, dtype=np.float64), where.shape)
            for series, number in zip(where[~later].tolist(), numbers[~later].tolist(), strict=True):
                self._insert(series, at_ms, received_at_ms, 0.0 if stale else number, stale)
            where, begins, ends, values = where[later], begins[later], ends[later], numbers[later]
        at = begins + ends  # in the arrays laid out flat, which numpy finds its way in faster
        self.times.reshape(-1)[at], self.received.reshape(-1)[at] = at_ms, received_at_ms
        self.values.reshape(-1)[at], self.stale.reshape(-1)[at] = (0.0 if stale else values), stale
        self.counts[where] = ends + 1

    def holds_other(self, at_ms: int, columns: IndexArray, values: FloatArray) -> bool:
        """As `RowBlock.holds_other`."""
        index = self._bisect(columns, at_ms) - 1
        at = np.maximum(index, 0)
        here = (index >= 0) & (self.times[columns, at] == at_ms)
        return bool((here & (self.stale[columns, at] | differ(self.values[columns, at], values))).any())

    def put_rows(
        self, at_ms: TimeArray, received_at_ms: TimeArray, columns: IndexArray, values: FloatArray, valid: BoolArray
    ) -> None:
        """Write many instants of the same series at once, as `put` does one by one; the arrays have shape (rows, columns)."""
        ends, n = self.counts[columns], len(at_ms)
        later = (ends == 0) | (self.times[columns, np.maximum(ends - 1, 0)] < at_ms[0])
        together = later & valid.all(axis=0) if bool((np.diff(at_ms) > 0).all()) else later & False
        apart = np.flatnonzero(~together)
        for row in range(n if len(apart) else 0):
            self.put(int(at_ms[row]), int(received_at_ms[row]), columns[apart], values[row, apart], valid[row, apart])
        where, first = columns[together], ends[together]
        if not len(where):
            return
        self.writes += 1
        depth = int(first.max()) + n
        if depth > self.times.shape[1]:
            self._reshape(len(self.counts), max(depth, 2 * self.times.shape[1]))
        rows, places = where[:, None], first[:, None] + np.arange(n, dtype=np.intp)
        self.times[rows, places], self.received[rows, places] = at_ms, received_at_ms
        self.values[rows, places], self.stale[rows, places] = values[:, together].T, False
        self.counts[where] += n
        self.newest_received = max(self.newest_received, int(received_at_ms.max()))

    def _insert(self, series: int, at_ms: int, received_at_ms: int, value: float, stale: bool) -> None:
        n = int(self.counts[series])
        at = int(np.searchsorted(self.times[series, :n], at_ms))
        if at < n and self.times[series, at] == at_ms:
            return
        for array, item in ((self.times, at_ms), (self.received, received_at_ms), (self.values, value), (self.stale, stale)):
            array[series, at + 1 : n + 1] = array[series, at:n].copy()
            array[series, at] = item
        self.counts[series] = n + 1

    def put_series(self, column: int, times: TimeArray, values: FloatArray, stale: BoolArray) -> None:
        """Append one series' samples, ascending and later than what it has; received when observed."""
        self.writes += 1
        n, more = int(self.counts[column]), len(times)
        if n + more > self.times.shape[1]:
            self._reshape(len(self.counts), max(n + more, 2 * self.times.shape[1]))
        self.times[column, n : n + more] = self.received[column, n : n + more] = times
        self.values[column, n : n + more], self.stale[column, n : n + more] = np.where(stale, 0.0, values), stale
        self.counts[column] = n + more
        self.newest_received = max(self.newest_received, int(times[-1]) if more else -NEVER)

    def put_many(
        self, columns: IndexArray, at_ms: TimeArray, received_at_ms: TimeArray, values: FloatArray, stale: BoolArray
    ) -> None:
        """Write samples of any series, arrays of shape (samples,), in the order in which they came, as `put` does one by one."""
        order = np.lexsort((at_ms, columns))  # stable: of a series and an instant, the one that came first stays first
        series, times = columns[order], at_ms[order]
        opens = np.append(True, series[1:] != series[:-1])[: len(order)]
        once = opens | np.append(True, times[1:] != times[:-1])[: len(order)]
        order, series, times, opens = order[once], series[once], times[once], opens[once]
        if not len(order):
            return
        begins = np.flatnonzero(opens)
        lengths = np.diff(np.append(begins, len(order)))
        heads = series[begins]
        ends = self.counts[heads]
        later = (ends == 0) | (self.times[heads, np.maximum(ends - 1, 0)] < times[begins])
        for i in order[np.repeat(~later, lengths)].tolist():  # in between what is there
            one = columns[i : i + 1]
            self.put(int(at_ms[i]), int(received_at_ms[i]), one, values[i : i + 1], None, bool(stale[i]))
        mine = np.repeat(later, lengths)
        order, series, lengths, heads, ends = order[mine], series[mine], lengths[later], heads[later], ends[later]
        if not len(order):
            return
        self.writes += 1
        depth = int((ends + lengths).max())
        if depth > self.times.shape[1]:
            self._reshape(len(self.counts), max(depth, 2 * self.times.shape[1]))
        places = np.repeat(ends - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(order), dtype=np.intp)
        self.times[series, places], self.received[series, places] = at_ms[order], received_at_ms[order]
        self.stale[series, places] = stale[order]
        self.values[series, places] = np.where(stale[order], 0.0, values[order])
        self.counts[heads] += lengths
        self.newest_received = max(self.newest_received, int(received_at_ms[order].max()))

    def _bisect(self, columns: IndexArray, at_ms: int) -> IndexArray:
        """How many samples of each series have time ≤ at."""
        counts = self.counts[columns]
        if len(columns) <= 16:  # a few series: a search each is cheaper than eight array steps for all
            found = [
                self.times[c, :n].searchsorted(at_ms, "right") for c, n in zip(columns.tolist(), counts.tolist(), strict=True)
            ]
            return np.array(found, dtype=np.intp)
        if bool((self.times[columns, np.maximum(counts - 1, 0)] <= at_ms).all()):
            return counts
        depth = self.times.shape[1]
        before, flat = columns * depth - 1, self.times.reshape(-1)
        reached: IndexArray = np.zeros(len(columns), dtype=np.intp)
        step = 1 << max(int(counts.max()).bit_length() - 1, 0)
        while step:  # as many as there surely are, and then half as many more where there are
            more = reached + step
            there = more <= counts
            there &= flat[before + np.minimum(more, depth)] <= at_ms
            reached += there * step
            step >>= 1
        return reached

    def _bisect_back(self, columns: IndexArray, ends: IndexArray, at_ms: int) -> IndexArray:
        """As `_bisect`, among the first `ends` samples of each series, of which the last few are looked at first."""
        if len(columns) <= 16:
            return np.minimum(self._bisect(columns, at_ms), ends)
        back = ends[:, None] - _LAST
        times = self.times[columns[:, None], np.maximum(back, 0)]
        later = (back >= 0) & (times > at_ms)
        if bool(later[:, 0].any()):  # more may lie before
            return np.minimum(self._bisect(columns, at_ms), ends)
        return np.asarray(ends - np.count_nonzero(later, axis=1), dtype=np.intp)

    def is_timely(self) -> bool:
        """As `RowBlock.is_timely`."""
        held = np.arange(self.times.shape[1]) < self.counts[: self.columns, None]
        return not bool((held & (self.received[: self.columns] > self.times[: self.columns])).any())

    def stands(self, then_after_ms: int, then_ms: int, after_ms: int, _at_ms: int) -> bool:
        """As `RowBlock.stands`; where it would take long to find out, it is not sure."""
        held = self.times[: self.columns]
        if self.floor_ms > then_after_ms + 1 or held.size > _MOST_LOOKED_AT:
            return False
        if not held.size:
            return True
        return not (int(held.max()) > then_ms or bool(((held > then_after_ms) & (held <= after_ms)).any()))

    def latest(
        self, at_ms: int, after_ms: int, columns: Columns, as_of: int | None
    ) -> tuple[FloatArray, BoolArray | None, TimeArray]:
        """As `RowBlock.latest`."""
        where = np.arange(self.columns, dtype=np.intp)[columns]
        after_ms = max(after_ms, self.floor_ms - 1)
        index = self._bisect(where, at_ms) - 1
        if as_of is not None and as_of < self.newest_received:
            depth = np.arange(self.times.shape[1])
            seen = (self.received[where] <= as_of) & (depth <= index[:, None])
            index = np.where(seen.any(axis=1), len(depth) - 1 - np.argmax(seen[:, ::-1], axis=1), -1).astype(np.intp)
        at = where * self.times.shape[1] + np.maximum(index, 0)
        times = self.times.reshape(-1)[at]
        present = (index >= 0) & (times > after_ms) & ~self.stale.reshape(-1)[at]
        return np.where(present, self.values.reshape(-1)[at], 0.0), present, times

    def window(self, first_ms: int, last_ms: int, columns: Columns, as_of: int | None) -> Window | None:
        """As `RowBlock.window`, with times of shape (rows, columns); padding and stale markers are invalid."""
        where = np.arange(self.columns, dtype=np.intp)[columns]
        hi = self._bisect(where, last_ms)
        lo = self._bisect_back(where, hi, max(first_ms, self.floor_ms) - 1)
        rows = int((hi - lo).max()) if len(where) else 0
        if rows <= 0:
            return None
        index = lo[None, :] + np.arange(rows, dtype=np.intp)[:, None]
        inside = index < hi[None, :]
        depth = self.times.shape[1]
        at = np.minimum(index, depth - 1) + where * depth
        valid = inside & ~self.stale.reshape(-1)[at]
        if as_of is not None and as_of < self.newest_received:
            valid &= self.received.reshape(-1)[at] <= as_of
        values = np.where(valid, self.values.reshape(-1)[at], 0.0)
        return Window(values, self.times.reshape(-1)[at], None if bool(valid.all()) else valid)

    def prune(self, before_ms: int) -> None:
        """Forget samples older than `before_ms`, when at least half of the depth is old."""
        self.floor_ms = max(self.floor_ms, before_ms)
        if not bool(((self.times[: self.columns, 0] < before_ms) & (self.counts[: self.columns] > 0)).any()):
            return
        gone = self._bisect(np.arange(self.columns, dtype=np.intp), before_ms - 1)
        depth = self.times.shape[1]
        if not len(gone) or int(gone.max()) * 2 < depth:
            return
        index = np.minimum(np.arange(depth)[None, :] + gone[:, None], depth - 1)
        for array in (self.times, self.received, self.values, self.stale):
            array[: self.columns] = np.take_along_axis(array[: self.columns], index, axis=1)
        self.counts[: self.columns] -= gone

    def samples(self, received_after_ms: int, columns: IndexArray) -> dict[str, Any]:
        """Return what was received after an instant of some series, one after the other; `counts` says how many of each."""
        chosen = np.arange(self.times.shape[1]) < self.counts[columns][:, None]
        chosen &= self.received[columns] > received_after_ms
        named = {"times": self.times, "received": self.received, "values": self.values, "stale": self.stale}
        return {"counts": chosen.sum(axis=1), **{name: array[columns][chosen] for name, array in named.items()}}

    def joined(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        """As `RowBlock.joined`: all samples of a series one after the other, those of the first part first."""
        if len(parts) == 1:
            return parts[0]
        counts = np.stack([part["counts"] for part in parts])
        names = ("times", "received", "values", "stale")
        order = np.argsort(np.repeat(np.tile(np.arange(counts.shape[1]), len(parts)), counts.reshape(-1)), kind="stable")
        return {"counts": counts.sum(axis=0), **{name: np.concatenate([p[name] for p in parts])[order] for name in names}}

    def put_samples(self, data: dict[str, Any], columns: IndexArray, before_ms: int = -NEVER) -> None:
        """Write what `samples` returned into the series given; what is there already stays. Nothing of it waits."""
        series = np.repeat(columns, data["counts"])
        order = np.argsort(data["received"], kind="stable")
        names = ("times", "received", "values", "stale")
        self.put_many(series[order], *(data[name][order] for name in names))


Block = RowBlock | EventBlock
