"""The windows of many steps over the same columns, laid one upon the other; knows no functions, labels or syntax.

A window of a rule slides by a step each time, so that the k-th samples of successive windows are rows that follow each other
in a block. A `Stack` gives these as one matrix, steps × columns, without copying where it can. Tiles keep it in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ops_center.event_block import EventBlock
from ops_center.label_sets import BoolArray, IndexArray
from ops_center.series_blocks import NEVER, Columns, FloatArray, RowBlock, TimeArray

CELLS = 16_384  # of a tile: six matrices of them fit a core's second cache
WIDTH = 512  # columns of a tile
EVENT_WIDTH = 4_096
LAID_OUT = 1 << 20  # samples of a tile whose windows are laid out side by side, 8 MB


@dataclass(frozen=True, slots=True)
class Bounds:
    """What each step may see: samples in [first, last] that were received by `known` (None: all); shape (steps,)."""

    first_ms: TimeArray
    last_ms: TimeArray
    known_ms: TimeArray | None

    def at(self, steps: IndexArray) -> Bounds:
        """Those of some steps."""
        return Bounds(self.first_ms[steps], self.last_ms[steps], None if self.known_ms is None else self.known_ms[steps])


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that all columns share, as a source of windows.

    Attributes:
        times: ms, ascending, shape (rows,).
        values: shape (rows, columns), 0 where not valid.
        valid: the same shape.
        full: every column of the row is valid, shape (rows,).
        received: when the last cell of each row was received, shape (rows,); None where that does not matter.
        mixed: rows by their time whose cells were received at different times, shape (columns,).
        stale: cells that end their series, or None.
    """

    times: TimeArray
    values: FloatArray
    valid: BoolArray
    full: BoolArray
    received: TimeArray | None = None
    mixed: dict[int, TimeArray] = field(default_factory=dict)
    stale: BoolArray | None = None


def rows_of(block: RowBlock, first_ms: int, last_ms: int, known_ms: TimeArray | None) -> Rows:
    """The rows of a block in [first, last]."""
    plain = block.unsealed(first_ms, last_ms)
    first_ms = max(first_ms, plain.floor_ms)
    times = plain.times[: plain.rows]
    cut = slice(int(times.searchsorted(first_ms)), int(times.searchsorted(last_ms, "right")))
    late = known_ms is not None and len(known_ms) > 0 and plain.newest_received > int(known_ms.min())
    return Rows(
        times[cut],
        plain.values[cut, : plain.columns],
        plain.valid[cut, : plain.columns],
        plain.full[cut],
        plain.received[cut] if late else None,
        plain.mixed if late else {},
        None if plain.stale is None else plain.stale[cut, : plain.columns],
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Which rows the window of each step has: [lo, hi), shape (steps,); `unseen` lists (step, row) of which it may see a part."""

    lo: IndexArray
    hi: IndexArray
    unseen: tuple[tuple[int, int], ...]


def places_of(rows: Rows, bounds: Bounds) -> Places:
    """Where the windows lie in some rows; rows at their ends of which a step saw nothing are left out."""
    lo = rows.times.searchsorted(bounds.first_ms).astype(np.intp)
    hi = np.maximum(rows.times.searchsorted(bounds.last_ms, "right").astype(np.intp), lo)
    received, known = rows.received, bounds.known_ms
    if received is None or known is None:
        return Places(lo, hi, ())
    earliest = received.copy()
    for row, at_ms in enumerate(rows.times.tolist() if rows.mixed else ()):
        if at_ms in rows.mixed:
            earliest[row] = min(int(earliest[row]), int(rows.mixed[at_ms].min(initial=NEVER)))
    while True:
        last = np.maximum(hi - 1, 0)
        hidden = (hi > lo) & (earliest[last] > known) if len(earliest) else np.zeros(len(hi), dtype=np.bool_)
        if not hidden.any():
            break
        hi = np.where(hidden, hi - 1, hi)
    last = np.maximum(hi - 1, 0)
    newest = np.maximum.accumulate(received) if len(received) else received
    unseen = []
    for step in np.flatnonzero((hi > lo) & (newest[last] > known)).tolist() if len(newest) else ():
        rows_seen = np.flatnonzero(received[lo[step] : hi[step]] > known[step]) + lo[step]
        unseen += [(step, row) for row in rows_seen.tolist()]
    return Places(lo, hi, tuple(unseen))


def seen_in(rows: Rows, row: int, known_ms: int) -> BoolArray | bool:
    """Which cells of a row had been received by an instant, shape (columns,) or one for all."""
    mixed = rows.mixed.get(int(rows.times[row]))
    if mixed is not None:
        return np.asarray(mixed[: rows.values.shape[1]] <= known_ms, dtype=np.bool_)
    return rows.received is None or bool(rows.received[row] <= known_ms)


class Stack:
    """Windows of equal length: `row(k)` are the k-th samples of all, `there(k)` which of them are samples at all.

    Matrices have the shape (steps, columns); those given out must not be written to.
    """

    def __init__(self, rows: Rows, starts: IndexArray, length: int, columns: Columns) -> None:
        first, end = int(starts[0]), int(starts[-1]) + length
        self.length, self.steps = length, len(starts)
        self.base = rows.values[first:end][:, columns]
        self._times = rows.times[first:end]
        self._valid = None if bool(rows.full[first:end].all()) else rows.valid[first:end][:, columns]
        if self._valid is not None and bool(self._valid.all()):
            self._valid = None
        self._starts = starts - first
        self._unseen: dict[int, list[tuple[int, BoolArray | bool]]] = {}
        gaps = np.diff(starts)
        self._stride = 1 if not len(gaps) else int(gaps[0]) if bool((gaps == gaps[0]).all()) else 0
        self.columns = self.base.shape[1]

    def hide(self, k: int, step: int, seen: BoolArray | bool) -> None:
        """The k-th sample of a step is known in some columns only."""
        self._unseen.setdefault(k, []).append((step, seen))

    @property
    def whole(self) -> bool:
        """Every cell holds a sample."""
        return self._valid is None and not self._unseen

    @property
    def sliding(self) -> bool:
        """Each window starts one row after the one before it, and every cell holds a sample."""
        return self.whole and self._stride == 1

    def _at(self, array: np.ndarray, k: int) -> np.ndarray:
        if self._stride > 0:
            return array[k : int(self._starts[-1]) + k + 1 : self._stride]
        found: np.ndarray = array[self._starts + k]
        return found

    def row(self, k: int) -> FloatArray:
        """The k-th samples, 0 where there are none."""
        found: FloatArray = self._at(self.base, k)
        if k in self._unseen:
            found = found.copy()
            for step, seen in self._unseen[k]:
                found[step] = np.where(seen, found[step], 0.0)
        return found

    def there(self, k: int) -> BoolArray | None:
        """Which of the k-th samples there are; None: all."""
        if self._valid is None and k not in self._unseen:
            return None
        found = np.ones((self.steps, self.columns), dtype=np.bool_) if self._valid is None else self._at(self._valid, k)
        if k in self._unseen:
            found = found.copy()
            for step, seen in self._unseen[k]:
                found[step] &= seen
        return np.asarray(found, dtype=np.bool_)

    def times(self, k: int) -> TimeArray:
        """The times of the k-th samples, shape (steps, 1)."""
        return np.asarray(self._at(self._times, k)[:, None], dtype=np.int64)

    def only(self, columns: IndexArray) -> Stack:
        """The same windows of some columns."""
        made = object.__new__(Stack)
        made.length, made.steps, made._starts, made._stride = self.length, self.steps, self._starts, self._stride
        made.base, made._times = self.base[:, columns], self._times
        made._valid = None if self._valid is None else self._valid[:, columns]
        made._unseen = {
            k: [(step, seen if isinstance(seen, bool) else seen[columns]) for step, seen in found]
            for k, found in self._unseen.items()
        }
        made.columns = len(columns)
        return made


@dataclass(frozen=True, slots=True)
class Tile:
    """A stack and where its results belong: numbers of steps, and the first of the columns."""

    stack: Stack | EventStack
    steps: IndexArray
    left: int


def width_of(columns: Columns, held: int) -> int:
    """How many columns are meant, of a block that holds some."""
    return len(range(*columns.indices(held))) if isinstance(columns, slice) else len(columns)


def part_of(columns: Columns, held: int, left: int, right: int) -> Columns:
    """Those of the columns from left to right."""
    if isinstance(columns, slice):
        start, _, step = columns.indices(held)
        return slice(start + left * step, start + right * step, step)
    return columns[left:right]


def row_tiles(rows: Rows, columns: Columns, bounds: Bounds, laid_out: bool = False) -> Iterator[Tile]:
    """Every window that has a row, in tiles of equal length; smaller ones where a kernel copies all samples of all windows."""
    held = rows.values.shape[1]
    width, places = width_of(columns, held), places_of(rows, bounds)
    unseen: dict[int, list[int]] = {}
    for step, row in places.unseen:
        unseen.setdefault(step, []).append(row)
    lengths = places.hi - places.lo
    for length in np.unique(lengths[lengths > 0]).tolist():
        steps = np.flatnonzero(lengths == length).astype(np.intp)
        cells = min(CELLS, max(1, LAID_OUT // length)) if laid_out else CELLS
        wide = max(1, min(width, WIDTH, cells))
        tall = max(1, cells // wide)
        for top in range(0, len(steps), tall):
            some = steps[top : top + tall]
            for left in range(0, width, wide):
                chosen = part_of(columns, held, left, min(left + wide, width))
                stack = Stack(rows, places.lo[some], length, chosen)
                if unseen:
                    _hide(stack, rows, some, places.lo, unseen, bounds, chosen)
                yield Tile(stack, some, left)


def _hide(
    stack: Stack, rows: Rows, steps: IndexArray, lo: IndexArray, unseen: dict[int, list[int]], bounds: Bounds, columns: Columns
) -> None:
    assert bounds.known_ms is not None
    for number, step in enumerate(steps.tolist()):
        for row in unseen.get(step, ()):
            seen = seen_in(rows, row, int(bounds.known_ms[step]))
            stack.hide(row - int(lo[step]), number, seen if isinstance(seen, bool) else seen[columns])


class EventStack:
    """As `Stack`, of series with times of their own: each cell has a window at a place of its own."""

    whole = sliding = False

    def __init__(self, block: EventBlock, columns: IndexArray, bounds: Bounds) -> None:
        self._block, self._columns, self._known = block, columns, bounds.known_ms
        if bounds.known_ms is not None and block.newest_received <= int(bounds.known_ms.min()):
            self._known = None
        self._lo, self._hi = _bisected(block, columns, bounds)
        self.steps, self.columns = self._lo.shape
        self.length = int((self._hi - self._lo).max()) if self._lo.size else 0

    def _index(self, k: int) -> IndexArray:
        return np.asarray(np.minimum(self._lo + k, self._block.times.shape[1] - 1), dtype=np.intp)

    def row(self, k: int) -> FloatArray:
        """As `Stack.row`."""
        return np.where(self.there(k), self._block.values[self._columns, self._index(k)], 0.0)

    def there(self, k: int) -> BoolArray:
        """As `Stack.there`."""
        index = self._index(k)
        found = (self._lo + k < self._hi) & ~self._block.stale[self._columns, index]
        if self._known is not None:
            found &= self._block.received[self._columns, index] <= self._known[:, None]
        return np.asarray(found, dtype=np.bool_)

    def times(self, k: int) -> TimeArray:
        """The times of the k-th samples, shape (steps, columns)."""
        return np.asarray(self._block.times[self._columns, self._index(k)], dtype=np.int64)


def _bisected(block: EventBlock, columns: IndexArray, bounds: Bounds) -> tuple[IndexArray, IndexArray]:
    """The first sample of each window and the first after it, shape (steps, columns)."""
    first = np.maximum(bounds.first_ms, block.floor_ms)
    lo = np.empty((len(first), len(columns)), dtype=np.intp)
    hi = np.empty_like(lo)
    for number, column in enumerate(columns.tolist()):
        times = block.times[column, : block.counts[column]]
        lo[:, number], hi[:, number] = times.searchsorted(first), times.searchsorted(bounds.last_ms, "right")
    return lo, hi


def event_tiles(block: EventBlock, columns: Columns, bounds: Bounds, laid_out: bool = False) -> Iterator[Tile]:
    """Every window over series with times of their own; smaller tiles where a kernel copies all samples of all windows."""
    where = np.arange(block.columns, dtype=np.intp)[columns]
    steps = np.arange(len(bounds.first_ms), dtype=np.intp)
    cells = min(EVENT_WIDTH, max(1, LAID_OUT // max(1, block.times.shape[1]))) if laid_out else EVENT_WIDTH
    wide = max(1, cells // max(1, len(steps)))
    tall = min(len(steps), cells) if laid_out else len(steps)
    for top in range(0, len(steps), max(1, tall)):
        some = steps[top : top + tall]
        here = bounds if len(some) == len(steps) else bounds.at(some)
        for left in range(0, len(where), wide):
            stack = EventStack(block, where[left : left + wide], here)
            if stack.length:
                yield Tile(stack, some, left)
