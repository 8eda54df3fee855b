"""Where samples lie whose series share their timestamps: one matrix, time × series. Series that do not: `event_block`.

A block knows columns, times and values; it knows no metric names, no families and no PromQL. Times are int64 ms of whatever
axis the caller uses. Every sample is bitemporal: `as_of` hides what was received later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops_center.label_sets import BoolArray, IndexArray
from ops_center.sealed_rows import LaterRows, Rows, SealedRows, sealed

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]
Columns = slice | IndexArray
NEVER = np.iinfo(np.int64).max
ALL = slice(None)
SEAL_ROWS = 8


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
        self.writes = 0  # grows with every change of what the arrays hold
        self.newest_received = -NEVER
        self.floor_ms = -NEVER  # what is older is forgotten, whether its memory is free already or not
        self.times: TimeArray = np.zeros(16, dtype=np.int64)
        self.received: TimeArray = np.zeros(16, dtype=np.int64)
        self.full: BoolArray = np.zeros(16, dtype=np.bool_)
        self.values: FloatArray = np.zeros((16, 0))
        self.valid: BoolArray = np.zeros((16, 0), dtype=np.bool_)
        self.stale: BoolArray | None = None
        self.mixed: dict[int, TimeArray] = {}
        self.sealed: list[SealedRows | LaterRows] = []  # rows before those of the matrix, oldest first

    def extend(self, count: int) -> int:
        """Add columns; returns the first new one."""
        first, self.columns = self.columns, self.columns + count
        if self.columns > self.values.shape[1]:
            width = max(self.columns, 2 * first)
            self.values = resized(self.values, self.values.shape[0], width)
            self.valid = resized(self.valid, self.values.shape[0], width)
            self.stale = None if self.stale is None else resized(self.stale, self.values.shape[0], width)
            self.mixed = {t: np.resize(r, width) for t, r in self.mixed.items()}
        self.full[: self.rows] = False
        return first

    def put(
        self, at_ms: int, received_at_ms: int, columns: Columns, values: Any, valid: BoolArray | None = None, stale: bool = False
    ) -> None:
        """Write one instant of some columns; the first sample of a cell wins, as in Prometheus."""
        every = valid is None and not stale and isinstance(columns, slice) and columns == ALL
        if every and 0 < self.rows < len(self.times) and at_ms > self.times[self.rows - 1]:
            self._put_next(at_ms, received_at_ms, values)
            return
        if self.sealed and at_ms <= self.sealed[-1].last_ms:
            self._thaw()
        self.writes += 1
        row, fresh = self._row(at_ms, received_at_ms)
        self.newest_received = max(self.newest_received, received_at_ms)
        if fresh and every:
            self.values[row, : self.columns] = values
            self.valid[row, : self.columns] = True
            self.full[row] = True
            return
        where = np.arange(self.columns, dtype=np.intp)[columns] if isinstance(columns, slice) else columns
        if fresh and not stale and at_ms not in self.mixed:
            cells = where if valid is None else where[valid]
            self.values[row, cells] = values if valid is None or np.ndim(values) == 0 else values[valid]
            self.valid[row, cells] = True
            self.full[row] = int(np.count_nonzero(self.valid[row, : self.columns])) == self.columns
            return
        self._fill(row, received_at_ms, where, values, valid, stale)

    def _put_next(self, at_ms: int, received_at_ms: int, values: Any) -> None:
        """Write a row of all columns that is later than all others, into memory that is there already."""
        row, m = self.rows, self.columns
        self.values[row, :m], self.valid[row, :m] = values, True
        if m < self.values.shape[1]:
            self.values[row, m:], self.valid[row, m:] = 0.0, False
        if self.stale is not None:
            self.stale[row] = False
        self.times[row], self.received[row], self.full[row], self.rows = at_ms, received_at_ms, True, row + 1
        self.newest_received = max(self.newest_received, received_at_ms)

    def holds_other(self, at_ms: int, columns: IndexArray, values: FloatArray) -> bool:
        """Whether one of the cells of an instant holds another value already, or a stale marker."""
        row = int(self.times[: self.rows].searchsorted(at_ms))
        if row == self.rows or self.times[row] != at_ms:
            return False
        other = self.valid[row, columns] & differ(self.values[row, columns], values)
        return bool(other.any()) or (self.stale is not None and bool(self.stale[row, columns].any()))

    def put_rows(
        self, at_ms: TimeArray, received_at_ms: TimeArray, columns: IndexArray, values: FloatArray, valid: BoolArray
    ) -> None:
        """Write many instants of the same columns at once, as `put` does one by one; the arrays have shape (rows, columns)."""
        n, first = len(at_ms), self.rows
        last_ms = int(self.times[first - 1]) if first else self.sealed[-1].last_ms if self.sealed else -NEVER
        if int(at_ms[0]) <= last_ms or bool((np.diff(at_ms) <= 0).any()):
            for row in range(n):
                self.put(int(at_ms[row]), int(received_at_ms[row]), columns, values[row], valid[row])
            return
        self.writes += 1
        if first + n > len(self.times):
            self._resize(max(2 * first, first + n))
        rows, whole = slice(first, first + n), valid.all(axis=1)
        for array in self._matrices():
            array[rows] = 0
        self.times[rows], self.received[rows], self.rows = at_ms, received_at_ms, first + n
        where = _run_of(columns)
        self.values[rows, where], self.valid[rows, where] = (values if whole.all() else np.where(valid, values, 0.0)), valid
        self.full[rows] = whole & (len(columns) == self.columns)
        self.newest_received = max(self.newest_received, int(received_at_ms.max()))

    def put_later(self, rows: LaterRows) -> bool:
        """Write rows of all columns that are made when somebody reads them; False where what is here is not all older."""
        times, newest_ms = rows.times, self.sealed[-1].last_ms if self.sealed else -NEVER
        if self.rows or rows.columns != self.columns or int(times[0]) <= newest_ms or bool((np.diff(times) <= 0).any()):
            return False
        self.sealed.append(rows)
        self.newest_received = max(self.newest_received, int(rows.received.max()))
        return True

    def _fill(self, row: int, received_at_ms: int, where: IndexArray, values: Any, valid: BoolArray | None, stale: bool) -> None:
        new = ~self.valid[row, where]
        if self.stale is not None:
            new &= ~self.stale[row, where]
        if valid is not None:
            new &= valid
        every = int(np.count_nonzero(new)) == len(new)
        cells = where if every else where[new]
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
        self.values[row, cells] = values if every else np.broadcast_to(values, new.shape)[new]
        self.valid[row, cells] = True
        self.full[row] = int(np.count_nonzero(self.valid[row, : self.columns])) == self.columns

    def _row(self, at_ms: int, received_at_ms: int) -> tuple[int, bool]:
        n = self.rows
        position = n if n == 0 or at_ms > self.times[n - 1] else int(np.searchsorted(self.times[:n], at_ms))
        if position < n and self.times[position] == at_ms:
            return position, False
        if n == len(self.times):
            self._resize(max(16, 2 * n))
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

    def _resize(self, rows: int) -> None:
        self.times, self.received = np.resize(self.times, rows), np.resize(self.received, rows)
        self.full = np.resize(self.full, rows)
        self.values = resized(self.values, rows, self.values.shape[1])
        self.valid = resized(self.valid, rows, self.valid.shape[1])
        self.stale = None if self.stale is None else resized(self.stale, rows, self.stale.shape[1])

    def _visible(self, row: int, columns: Columns, as_of: int | None) -> BoolArray | None:
        """Cells of a row received by `as_of`; None when all are."""
        if as_of is None or self.received[row] <= as_of:
            return None
        mixed = self.mixed.get(int(self.times[row]))
        if mixed is None:
            return np.zeros(self.columns, dtype=np.bool_)[columns]
        return np.asarray(mixed[: self.columns][columns] <= as_of, dtype=np.bool_)

    def is_timely(self) -> bool:
        """Every sample was received by the instant it was observed at."""
        parts = [(rows.times, rows.received) for rows in self.sealed]
        parts.append((self.times[: self.rows], self.received[: self.rows]))
        return all(bool((received <= times).all()) for times, received in parts)

    def stands(self, then_after_ms: int, then_ms: int, after_ms: int, at_ms: int) -> bool:
        """Whether (after, at] surely holds what an interval that began and ended earlier held, if none was written since."""
        if self.floor_ms > then_after_ms + 1 or (self.sealed and self.sealed[-1].last_ms > then_after_ms):
            return False
        times = self.times[: self.rows]
        if times.searchsorted(then_after_ms, "right") != times.searchsorted(after_ms, "right"):
            return False
        return bool(times.searchsorted(then_ms, "right") == times.searchsorted(at_ms, "right"))

    def latest(
        self, at_ms: int, after_ms: int, columns: Columns, as_of: int | None
    ) -> tuple[FloatArray, BoolArray | None, TimeArray]:
        """The last sample of each column in (after, at], a stale marker hiding all before it.

        Returns:
            values, present (None when all are), times; each of shape (columns,), or (1,) for one time of all.
        """
        as_of = None if as_of is None or as_of >= self.newest_received else as_of
        after_ms = max(after_ms, self.floor_ms - 1)
        if self.sealed and after_ms < self.sealed[-1].last_ms:
            return self._between(after_ms + 1, at_ms).latest(at_ms, after_ms, columns, as_of)
        row = int(self.times[: self.rows].searchsorted(at_ms, "right")) - 1
        if row >= 0 and self.times[row] > after_ms and self.full[row] and as_of is None:
            return self.values[row, : self.columns][columns], None, self.times[row : row + 1]
        width = len(range(*columns.indices(self.columns))) if isinstance(columns, slice) else len(columns)
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
        first_ms = max(first_ms, self.floor_ms)
        if self.sealed and first_ms <= self.sealed[-1].last_ms:
            return self._between(first_ms, last_ms).window(first_ms, last_ms, columns, as_of)
        lo = int(self.times[: self.rows].searchsorted(first_ms))
        hi = int(self.times[: self.rows].searchsorted(last_ms, "right"))
        if lo >= hi:
            return None
        values, times = self.values[lo:hi, : self.columns][:, columns], self.times[lo:hi]
        if (as_of is None or as_of >= self.newest_received) and int(np.count_nonzero(self.full[lo:hi])) == hi - lo:
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
        self.floor_ms = max(self.floor_ms, before_ms)
        held_from_ms = self.sealed[0].last_ms if self.sealed else int(self.times[0]) if self.rows else before_ms
        if held_from_ms >= before_ms:
            return
        self.sealed = [rows for rows in self.sealed if rows.last_ms >= before_ms]
        gone = int(np.searchsorted(self.times[: self.rows], before_ms))
        if gone * 2 >= self.rows and gone > 0:
            self._drop(gone)

    def seal(self, before_ms: int, least: int = SEAL_ROWS) -> None:
        """Pack rows older than `before_ms`, once there are some: they can still be read, though not as fast."""
        if self.rows < least or not self.columns:
            return
        old = int(self.times[: self.rows].searchsorted(before_ms))
        if old >= least:
            self.sealed.append(sealed(self._rows(0, old)))
            self._drop(old)

    def pack(self, cells: int) -> int:
        """Pack rows that are still to be made, the oldest first, until so many cells are; return how many were."""
        done = 0
        for i, rows in enumerate(self.sealed):
            if done < cells and isinstance(rows, LaterRows):
                self.sealed[i], done = sealed(rows.opened(rows.columns)), done + len(rows.times) * rows.columns
        return done

    def _rows(self, first: int, end: int) -> Rows:
        m, times = self.columns, self.times[first:end]
        stale = None if self.stale is None else self.stale[first:end, :m]
        mixed = {t: self.mixed[t] for t in times.tolist() if t in self.mixed}
        return Rows(times, self.received[first:end], self.values[first:end, :m], self.valid[first:end, :m], stale, mixed)

    def whole(self) -> Rows:
        """Return all rows, none of them packed any more."""
        if self.sealed:
            self._thaw()
        return self._rows(0, self.rows)

    def _drop(self, gone: int) -> None:
        """Let go of the first rows of the matrix, and of memory that is needed no more."""
        self.writes += 1
        left = self.rows - gone
        for array in self._matrices():
            if left:
                array[:left] = array[gone : self.rows].copy()
        self.rows = left
        first_ms = int(self.times[0]) if left else NEVER
        self.mixed = {t: r for t, r in self.mixed.items() if t >= first_ms}
        if len(self.times) > max(16, 4 * left):
            self._resize(max(16, 2 * left))

    def unsealed(self, first_ms: int, last_ms: int) -> RowBlock:
        """Return a block whose matrix holds the rows in [first, last]: this one, where none of them is sealed."""
        return self._between(first_ms, last_ms) if self.sealed and first_ms <= self.sealed[-1].last_ms else self

    def _between(self, first_ms: int, last_ms: int) -> RowBlock:
        """Return a block of its own that holds at least the rows in [first, last], none of them sealed."""
        parts = [rows.opened(self.columns) for rows in self.sealed if rows.last_ms >= first_ms and rows.first_ms <= last_ms]
        if self.rows and self.times[0] <= last_ms:
            parts.append(self._rows(0, self.rows))
        block = RowBlock(self.phase_ms)
        block.columns, block.newest_received, block.floor_ms = self.columns, self.newest_received, self.floor_ms
        if parts:
            block._take(parts)
        return block

    def _take(self, parts: list[Rows]) -> None:
        """Make some rows, oldest first, the whole matrix."""
        self.writes += 1
        self.times, self.received = (np.concatenate([getattr(p, name) for p in parts]) for name in ("times", "received"))
        self.values, self.valid = (np.concatenate([getattr(p, name) for p in parts]) for name in ("values", "valid"))
        self.stale = None
        if any(p.stale is not None for p in parts):
            self.stale = np.concatenate([np.zeros_like(p.valid) if p.stale is None else p.stale for p in parts])
        self.mixed = {t: _longer(r, self.columns) for p in parts for t, r in p.mixed.items()}
        self.full = np.asarray(self.valid.all(axis=1), dtype=np.bool_)
        self.rows = len(self.times)

    def _thaw(self) -> None:
        """Take all sealed rows into the matrix again, because one of them is to be written."""
        parts = [*(rows.opened(self.columns) for rows in self.sealed), self._rows(0, self.rows)]
        self.sealed = []
        self._take(parts)

    def samples(self, received_after_ms: int, columns: IndexArray) -> dict[str, Any]:
        """Return what was received after an instant in rows of some columns, as plain data and arrays."""
        if any(int(rows.received.max()) > received_after_ms for rows in self.sealed):
            return self._between(-NEVER, NEVER).samples(received_after_ms, columns)
        rows = np.flatnonzero(self.received[: self.rows] > received_after_ms)
        times = self.times[rows]
        there = np.ix_(rows, columns)
        return {
            "times": times,
            "received": self.received[rows],
            "values": self.values[there],
            "valid": self.valid[there],
            "stale": None if self.stale is None else self.stale[there],
            "mixed": [[t, self.mixed[t][columns]] for t in times.tolist() if t in self.mixed],
        }

    def joined(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what `samples` returned of the same columns at several times as if it were one answer."""
        if len(parts) == 1:
            return parts[0]
        made: dict[str, Any] = {
            name: np.concatenate([p[name] for p in parts]) for name in ("times", "received", "values", "valid")
        }
        stale = [np.zeros_like(p["valid"]) if p["stale"] is None else p["stale"] for p in parts]
        made["stale"] = None if all(p["stale"] is None for p in parts) else np.concatenate(stale)
        return made | {"mixed": [row for p in parts for row in p["mixed"]]}

    def _keep_old(self, data: dict[str, Any], columns: IndexArray, before_ms: int) -> dict[str, Any]:
        """Keep old rows of samples as they are, as far as they are rows of all columns; return the others."""
        times, stale, odd = data["times"], data["stale"], {int(t) for t, _ in data["mixed"]}
        if len(columns) != self.columns or bool((columns != np.arange(self.columns)).any()):
            return data
        plain = np.array([t < before_ms and t not in odd for t in times.tolist()], dtype=np.bool_)
        plain &= True if stale is None else ~stale.any(axis=1)
        count = len(plain) if bool(plain.all()) else int(np.argmin(plain))
        if not count or not self.put_later(
            LaterRows(times[:count], data["received"][:count], self.columns, partial(_old_rows, data, slice(count)))
        ):
            return data
        rest: dict[str, Any] = {name: data[name][count:] for name in ("times", "received", "values", "valid")}
        return rest | {"stale": None if stale is None else stale[count:], "mixed": data["mixed"]}

    def put_samples(self, data: dict[str, Any], columns: IndexArray, before_ms: int = -NEVER) -> None:
        """Write what `samples` returned into the columns given; what is there already stays.

        Nobody is expected to reach what is older than `before_ms`.
        """
        data = self._keep_old(data, columns, before_ms)
        times, received, stale = data["times"], data["received"], data["stale"]
        mixed = {int(t): cells for t, cells in data["mixed"]}
        plain = np.array([t not in mixed for t in times.tolist()], dtype=np.bool_)
        if bool(plain.any()):
            self.put_rows(times[plain], received[plain], columns, data["values"][plain], data["valid"][plain])
        for row in np.flatnonzero(~plain).tolist():
            cells = mixed[int(times[row])]
            for instant in np.unique(cells).tolist():
                valid = data["valid"][row] & (cells == instant)
                self.put(int(times[row]), instant, columns, data["values"][row], valid)
        for row in np.flatnonzero(stale.any(axis=1)).tolist() if stale is not None else []:
            cells = mixed.get(int(times[row]), np.full(len(columns), received[row]))
            for instant in np.unique(cells[stale[row]]).tolist():
                self.put(int(times[row]), instant, columns, 0.0, stale[row] & (cells == instant), stale=True)


def _old_rows(data: dict[str, Any], rows: slice) -> tuple[FloatArray, BoolArray]:
    return data["values"][rows], data["valid"][rows]


def _run_of(columns: IndexArray) -> Columns:
    """Return columns as a slice where they follow each other: numpy writes to a slice in a fraction of the time."""
    first, last = (int(columns[0]), int(columns[-1])) if len(columns) else (0, -1)
    runs = last - first + 1 == len(columns) and bool((np.diff(columns) == 1).all())
    return slice(first, last + 1) if runs else columns


def _longer(array: TimeArray, columns: int) -> TimeArray:
    return array if len(array) >= columns else np.resize(array, columns)


def differ(a: FloatArray, b: FloatArray) -> BoolArray:
    """Where two arrays have different values; NaN is like NaN."""
    return np.asarray((a != b) & ~(np.isnan(a) & np.isnan(b)), dtype=np.bool_)


def resized(array: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Return the array with other rows and at least as many columns, the new cells 0."""
    out = np.zeros((rows, columns), dtype=array.dtype)
    kept = min(rows, array.shape[0])
    out[:kept, : array.shape[1]] = array[:kept]
    return out
