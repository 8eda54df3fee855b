"""Where samples lie: blocks of series that share their timestamps, and blocks of series that do not.

A block knows columns, times and values; it knows no metric names, no families and no PromQL. Times are int64 ms of whatever
axis the caller uses. Every sample is bitemporal: `as_of` hides what was received later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops_center.label_sets import BoolArray, IndexArray

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]
Columns = slice | IndexArray
NEVER = np.iinfo(np.int64).max
ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of some columns in an interval of time.

    Attributes:
        values: shape (rows, columns), time ascending; 0 where invalid.
        times: ms, shape (rows,) or (rows, columns).
        valid: shape (rows, columns), or None when every cell holds a sample.
    """

    values: FloatArray
    times: TimeArray
    valid: BoolArray | None


class RowBlock:
    """Series that share their timestamps: one matrix, time × series, with masks for gaps and stale markers."""

    def __init__(self, phase_ms: int = 0) -> None:
        self.phase_ms = phase_ms
        self.columns = 0
        self.rows = 0
        self.newest_received = -NEVER
        self.times: TimeArray = np.zeros(16, dtype=np.int64)
        self.received: TimeArray = np.zeros(16, dtype=np.int64)
        self.full: BoolArray = np.zeros(16, dtype=np.bool_)
        self.values: FloatArray = np.zeros((16, 0))
        self.valid: BoolArray = np.zeros((16, 0), dtype=np.bool_)
        self.stale: BoolArray | None = None
        self.mixed: dict[int, TimeArray] = {}

    def extend(self, count: int) -> int:
        """Add columns; returns the first new one."""
        first, self.columns = self.columns, self.columns + count
        if self.columns > self.values.shape[1]:
            width = max(self.columns, 2 * first)
            self.values = _resized(self.values, self.values.shape[0], width)
            self.valid = _resized(self.valid, self.values.shape[0], width)
            self.stale = None if self.stale is None else _resized(self.stale, self.values.shape[0], width)
            self.mixed = {t: np.resize(r, width) for t, r in self.mixed.items()}
        self.full[: self.rows] = False
        return first

    def put(
        self, at_ms: int, received_at_ms: int, columns: Columns, values: Any, valid: BoolArray | None = None, stale: bool = False
    ) -> None:
        """Write one instant of some columns; the first sample of a cell wins, as in Prometheus."""
        row, fresh = self._row(at_ms, received_at_ms)
        self.newest_received = max(self.newest_received, received_at_ms)
        if fresh and valid is None and not stale and isinstance(columns, slice) and columns == ALL:
            self.values[row, : self.columns] = values
            self.valid[row, : self.columns] = True
            self.full[row] = True
            return
        where = np.arange(self.columns, dtype=np.intp)[columns]
        self._fill(row, received_at_ms, where, values, valid, stale)

    def _fill(self, row: int, received_at_ms: int, where: IndexArray, values: Any, valid: BoolArray | None, stale: bool) -> None:
        new = ~self.valid[row, where]
        if self.stale is not None:
            new &= ~self.stale[row, where]
        if valid is not None:
            new &= valid
        cells = where[new]
        at = int(self.times[row])
        if received_at_ms != self.received[row] or at in self.mixed:
            if at not in self.mixed:
                self.mixed[at] = np.full(self.values.shape[1], self.received[row], dtype=np.int64)
            self.mixed[at][cells] = received_at_ms
            self.received[row] = max(int(self.received[row]), received_at_ms)
        if stale:
            if self.stale is None:
                self.stale = np.zeros_like(self.valid)
            self.stale[row, cells] = True
            return
        self.values[row, cells] = np.broadcast_to(values, new.shape)[new]
        self.valid[row, cells] = True
        self.full[row] = bool(self.valid[row, : self.columns].all())

    def _row(self, at_ms: int, received_at_ms: int) -> tuple[int, bool]:
        n = self.rows
        position = n if n == 0 or at_ms > self.times[n - 1] else int(np.searchsorted(self.times[:n], at_ms))
        if position < n and self.times[position] == at_ms:
            return position, False
        if n == len(self.times):
            self._grow(max(16, 2 * n))
        for array in self._matrices():
            if position < n:
                array[position + 1 : n + 1] = array[position:n].copy()
            array[position] = 0
        self.times[position] = at_ms
        self.received[position] = received_at_ms
        self.rows = n + 1
        return position, True

    def _matrices(self) -> list[NDArray[Any]]:
        some: list[NDArray[Any]] = [self.times, self.received, self.full, self.values, self.valid]
        return some if self.stale is None else [*some, self.stale]

    def _grow(self, rows: int) -> None:
        self.times, self.received = np.resize(self.times, rows), np.resize(self.received, rows)
        self.full = np.resize(self.full, rows)
        self.values = _resized(self.values, rows, self.values.shape[1])
        self.valid = _resized(self.valid, rows, self.valid.shape[1])
        self.stale = None if self.stale is None else _resized(self.stale, rows, self.stale.shape[1])

    def _visible(self, row: int, columns: Columns, as_of: int | None) -> BoolArray | None:
        """Cells of a row received by `as_of`; None when all are."""
        if as_of is None or self.received[row] <= as_of:
            return None
        mixed = self.mixed.get(int(self.times[row]))
        if mixed is None:
            return np.zeros(self.columns, dtype=np.bool_)[columns]
        return np.asarray(mixed[: self.columns][columns] <= as_of, dtype=np.bool_)

    def latest(
        self, at_ms: int, after_ms: int, columns: Columns, as_of: int | None
    ) -> tuple[FloatArray, BoolArray | None, TimeArray]:
        """The last sample of each column in (after, at], a stale marker hiding all before it.

        Returns:
            values, present (None when all are), times; each of shape (columns,).
        """
        as_of = None if as_of is None or as_of >= self.newest_received else as_of
        row = int(np.searchsorted(self.times[: self.rows], at_ms, side="right")) - 1
        width = len(range(*columns.indices(self.columns))) if isinstance(columns, slice) else len(columns)
        if row >= 0 and self.times[row] > after_ms and self.full[row] and as_of is None:
            return self.values[row, : self.columns][columns], None, np.broadcast_to(self.times[row], width)
        values, times = np.zeros(width), np.zeros(width, dtype=np.int64)
        present, open_cells = np.zeros(width, dtype=np.bool_), np.ones(width, dtype=np.bool_)
        while row >= 0 and self.times[row] > after_ms and open_cells.any():
            seen = self._visible(row, columns, as_of)
            valid = self.valid[row, : self.columns][columns] & open_cells
            marked = open_cells & False if self.stale is None else self.stale[row, : self.columns][columns] & open_cells
            if seen is not None:
                valid, marked = valid & seen, marked & seen
            np.copyto(values, self.values[row, : self.columns][columns], where=valid)
            np.copyto(times, self.times[row], where=valid)
            present |= valid
            open_cells &= ~(valid | marked)
            row -= 1
        return values, present, times

    def window(self, first_ms: int, last_ms: int, columns: Columns, as_of: int | None) -> Window | None:
        """The samples of the columns in [first, last], without stale markers; None when no row lies there."""
        lo = int(np.searchsorted(self.times[: self.rows], first_ms))
        hi = int(np.searchsorted(self.times[: self.rows], last_ms, side="right"))
        if lo >= hi:
            return None
        values, times = self.values[lo:hi, : self.columns][:, columns], self.times[lo:hi]
        if (as_of is None or as_of >= self.newest_received) and bool(self.full[lo:hi].all()):
            return Window(values, times, None)
        valid = self.valid[lo:hi, : self.columns][:, columns]
        if as_of is not None and as_of < self.newest_received:
            masks = [self._visible(row, columns, as_of) for row in range(lo, hi)]
            seen = np.stack([np.ones(valid.shape[1], dtype=np.bool_) if m is None else m for m in masks])
            valid = valid & seen
            values = np.where(valid, values, 0.0)
        return Window(values, times, valid)

    def prune(self, before_ms: int) -> None:
        """Forget rows older than `before_ms`."""
        gone = int(np.searchsorted(self.times[: self.rows], before_ms))
        if gone * 2 < self.rows or gone == 0:
            return
        for array in self._matrices():
            array[: self.rows - gone] = array[gone : self.rows].copy()
        self.rows -= gone
        self.mixed = {t: r for t, r in self.mixed.items() if t >= before_ms}

    def snapshot(self) -> dict[str, Any]:
        """Plain data and arrays."""
        n, m = self.rows, self.columns
        arrays = {
            "times": self.times[:n],
            "received": self.received[:n],
            "values": self.values[:n, :m],
            "valid": self.valid[:n, :m],
        }
        return {
            "layout": "rows",
            "phase_ms": self.phase_ms,
            "columns": m,
            "newest_received": self.newest_received,
            **{name: array.copy() for name, array in arrays.items()},
            "stale": None if self.stale is None else self.stale[:n, :m].copy(),
            "mixed": [[t, r[:m].copy()] for t, r in sorted(self.mixed.items())],
        }

    @classmethod
    def restored(cls, data: dict[str, Any]) -> RowBlock:
        """The block that `snapshot` described."""
        block = cls(int(data["phase_ms"]))
        block.columns, block.newest_received = int(data["columns"]), int(data["newest_received"])
        block.rows = len(data["times"])
        block.times, block.received = np.array(data["times"], dtype=np.int64), np.array(data["received"], dtype=np.int64)
        block.values = np.array(data["values"], dtype=np.float64).reshape(block.rows, block.columns)
        block.valid = np.array(data["valid"], dtype=np.bool_).reshape(block.rows, block.columns)
        block.full = np.asarray(block.valid.all(axis=1), dtype=np.bool_)
        if data["stale"] is not None:
            block.stale = np.array(data["stale"], dtype=np.bool_).reshape(block.rows, block.columns)
        block.mixed = {int(t): np.array(r, dtype=np.int64) for t, r in data["mixed"]}
        return block


def _resized(array: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    out = np.zeros((rows, columns), dtype=array.dtype)
    out[: array.shape[0], : array.shape[1]] = array
    return out


class EventBlock:
    """Series with timestamps of their own: a row of (time, value) per series, padded on the right."""

    def __init__(self) -> None:
        self.columns = 0
        self.newest_received = -NEVER
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
        self.times, self.received = _resized(self.times, series, depth), _resized(self.received, series, depth)
        self.values, self.stale = _resized(self.values, series, depth), _resized(self.stale, series, depth)

    def put(
        self, at_ms: int, received_at_ms: int, columns: Columns, values: Any, valid: BoolArray | None = None, stale: bool = False
    ) -> None:
        """Write one instant of some series; the first sample of a (series, time) wins."""
        where = np.arange(self.columns, dtype=np.intp)[columns]
        numbers = np.broadcast_to(np.asarray(values, dtype=np.float64), where.shape)
        if valid is not None:
            where, numbers = where[valid], numbers[valid]
        if not len(where):
            return
        self.newest_received = max(self.newest_received, received_at_ms)
        if int(self.counts[where].max()) >= self.times.shape[1]:
            self._reshape(len(self.counts), 2 * self.times.shape[1])
        ends = self.counts[where]
        later = (ends == 0) | (self.times[where, np.maximum(ends - 1, 0)] < at_ms)
        new, at = where[later], ends[later]
        self.times[new, at], self.received[new, at] = at_ms, received_at_ms
        self.values[new, at], self.stale[new, at] = (0.0 if stale else numbers[later]), stale
        self.counts[new] += 1
        for series, number in zip(where[~later].tolist(), numbers[~later].tolist(), strict=True):
            self._insert(series, at_ms, received_at_ms, number, stale)

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
        n, more = int(self.counts[column]), len(times)
        if n + more > self.times.shape[1]:
            self._reshape(len(self.counts), max(n + more, 2 * self.times.shape[1]))
        self.times[column, n : n + more] = self.received[column, n : n + more] = times
        self.values[column, n : n + more], self.stale[column, n : n + more] = np.where(stale, 0.0, values), stale
        self.counts[column] = n + more
        self.newest_received = max(self.newest_received, int(times[-1]) if more else -NEVER)

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
        lo, hi = np.zeros(len(columns), dtype=np.intp), counts
        while True:
            searching = lo < hi
            if not searching.any():
                return lo
            middle = (lo + hi) // 2
            before = searching & (self.times[columns, np.minimum(middle, self.times.shape[1] - 1)] <= at_ms)
            hi = np.where(searching & ~before, middle, hi)
            lo = np.where(before, middle + 1, lo)

    def latest(
        self, at_ms: int, after_ms: int, columns: Columns, as_of: int | None
    ) -> tuple[FloatArray, BoolArray | None, TimeArray]:
        """As `RowBlock.latest`."""
        where = np.arange(self.columns, dtype=np.intp)[columns]
        index = self._bisect(where, at_ms) - 1
        if as_of is not None and as_of < self.newest_received:
            depth = np.arange(self.times.shape[1])
            seen = (self.received[where] <= as_of) & (depth <= index[:, None])
            index = np.where(seen.any(axis=1), len(depth) - 1 - np.argmax(seen[:, ::-1], axis=1), -1).astype(np.intp)
        at = np.maximum(index, 0)
        times = self.times[where, at]
        present = (index >= 0) & (times > after_ms) & ~self.stale[where, at]
        return np.where(present, self.values[where, at], 0.0), present, times

    def window(self, first_ms: int, last_ms: int, columns: Columns, as_of: int | None) -> Window | None:
        """As `RowBlock.window`, with times of shape (rows, columns); padding and stale markers are invalid."""
        where = np.arange(self.columns, dtype=np.intp)[columns]
        lo, hi = self._bisect(where, first_ms - 1), self._bisect(where, last_ms)
        rows = int((hi - lo).max()) if len(where) else 0
        if rows <= 0:
            return None
        index = lo[None, :] + np.arange(rows, dtype=np.intp)[:, None]
        inside = index < hi[None, :]
        index = np.minimum(index, self.times.shape[1] - 1)
        valid = inside & ~self.stale[where[None, :], index]
        if as_of is not None and as_of < self.newest_received:
            valid &= self.received[where[None, :], index] <= as_of
        values = np.where(valid, self.values[where[None, :], index], 0.0)
        return Window(values, self.times[where[None, :], index], None if bool(valid.all()) else valid)

    def prune(self, before_ms: int) -> None:
        """Forget samples older than `before_ms`, when at least half of the depth is old."""
        gone = self._bisect(np.arange(self.columns, dtype=np.intp), before_ms - 1)
        depth = self.times.shape[1]
        if not len(gone) or int(gone.max()) * 2 < depth:
            return
        index = np.minimum(np.arange(depth)[None, :] + gone[:, None], depth - 1)
        for array in (self.times, self.received, self.values, self.stale):
            array[: self.columns] = np.take_along_axis(array[: self.columns], index, axis=1)
        self.counts[: self.columns] -= gone

    def snapshot(self) -> dict[str, Any]:
        """Plain data and arrays."""
        m, depth = self.columns, int(self.counts.max()) if len(self.counts) else 0
        named = {"times": self.times, "received": self.received, "values": self.values, "stale": self.stale}
        return {
            "layout": "events",
            "columns": m,
            "newest_received": self.newest_received,
            "counts": self.counts[:m].copy(),
            **{name: array[:m, :depth].copy() for name, array in named.items()},
        }

    @classmethod
    def restored(cls, data: dict[str, Any]) -> EventBlock:
        """The block that `snapshot` described."""
        block = cls()
        m = block.columns = int(data["columns"])
        block.newest_received = int(data["newest_received"])
        block.counts = np.array(data["counts"], dtype=np.intp)
        depth = max(1, np.asarray(data["times"]).size // m if m else 1)
        block.times = np.array(data["times"], dtype=np.int64).reshape(m, -1) if m else block.times
        block.received = np.array(data["received"], dtype=np.int64).reshape(m, -1) if m else block.received
        block.values = np.array(data["values"], dtype=np.float64).reshape(m, -1) if m else block.values
        block.stale = np.array(data["stale"], dtype=np.bool_).reshape(m, -1) if m else block.stale
        block._reshape(m, max(8, depth))
        return block


Block = RowBlock | EventBlock
