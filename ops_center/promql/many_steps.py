"""Selectors at many steps at once: each range function over tiles of windows, each last sample by rows.

Lives here: putting tiles together. Must not know: how a function is computed, and that rules exist. Equals what `selectors`
gives step by step; what cannot be done for many steps says so with None.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ops_center.event_block import Block, EventBlock
from ops_center.label_sets import BoolArray, IndexArray
from ops_center.promql.stacks import Bounds, Places, Rows, Tile, event_tiles, places_of, row_tiles, rows_of, seen_in, width_of
from ops_center.promql.step_kernels import LAY_OUT, Frames
from ops_center.promql.step_rates import STEP_KERNELS
from ops_center.promql.watch import UNWATCHED, Watch
from ops_center.series_blocks import Columns, FloatArray, RowBlock


class GridLike(Protocol):
    """The result of a subquery: steps that all columns share."""

    @property
    def rows(self) -> Rows:
        """Its steps as rows."""
        ...


Source = Block | GridLike
Part = tuple[Source, Columns, int]


def range_at_steps(
    func: str, parts: tuple[Part, ...], frames: Frames, bounds: Bounds, watch: Watch = UNWATCHED
) -> tuple[FloatArray, BoolArray] | None:
    """A range function over the windows of some parts side by side, shape (steps, columns); None where it has no kernel."""
    kernel = STEP_KERNELS.get(func)
    if kernel is None:
        return None
    width = sum(count for _, _, count in parts)
    values = np.zeros((len(bounds.first_ms), width))
    present = np.zeros(values.shape, dtype=np.bool_)
    left = 0
    for source, columns, count in parts:
        for tile in _tiles(source, columns, bounds, func in LAY_OUT):
            watch.check()
            found, there = kernel(tile.stack, frames.at(tile.steps))
            here = slice(left + tile.left, left + tile.left + tile.stack.columns)
            rows = _as_slice(tile.steps)
            values[rows, here] = found
            present[rows, here] = there
        left += count
    return values, present


def _as_slice(index: IndexArray) -> slice | IndexArray:
    """A slice where numbers follow each other."""
    return slice(int(index[0]), int(index[-1]) + 1) if bool((np.diff(index) == 1).all()) else index


def _tiles(source: Source, columns: Columns, bounds: Bounds, laid_out: bool) -> Iterator[Tile]:
    if isinstance(source, EventBlock):
        return event_tiles(source, columns, bounds, laid_out)
    if isinstance(source, RowBlock):
        rows = rows_of(source, int(bounds.first_ms.min()), int(bounds.last_ms.max()), bounds.known_ms)
        return row_tiles(rows, columns, bounds, laid_out)
    return row_tiles(source.rows, columns, bounds, laid_out)


def latest_at_steps(block: Block, columns: Columns, bounds: Bounds, watch: Watch = UNWATCHED) -> tuple[FloatArray, BoolArray]:
    """The last sample of each column in [first, last] of each step, a stale marker hiding all before it."""
    if isinstance(block, EventBlock):
        return _latest_events(block, columns, bounds, watch)
    rows = rows_of(block, int(bounds.first_ms.min()), int(bounds.last_ms.max()), bounds.known_ms)
    places = places_of(rows, bounds)
    values = np.zeros((len(places.lo), width_of(columns, block.columns)))
    present = np.zeros(values.shape, dtype=np.bool_)
    last = np.maximum(places.hi - 1, 0)
    plain = (places.hi > places.lo) & rows.full[last] if len(rows.full) else np.zeros(len(last), dtype=np.bool_)
    plain[[step for step, _ in places.unseen]] = False
    some = np.flatnonzero(plain).astype(np.intp)
    if len(some):
        into, source = _as_slice(some), _as_slice(last[some])
        values[into] = rows.values[source][:, columns] if isinstance(source, slice) else rows.values[last[some]][:, columns]
        present[into] = True
    rest = np.flatnonzero(~plain & (places.hi > places.lo)).astype(np.intp)
    if len(rest):
        values[rest], present[rest] = _filled(rows, columns, bounds, places, rest)
    return values, present


def _filled(rows: Rows, columns: Columns, bounds: Bounds, places: Places, steps: IndexArray) -> tuple[FloatArray, BoolArray]:
    """Go back from the last row of each step until every column has met a sample or a stale marker."""
    width = width_of(columns, rows.values.shape[1])
    values, present = np.zeros((len(steps), width)), np.zeros((len(steps), width), dtype=np.bool_)
    waiting = np.ones((len(steps), width), dtype=np.bool_)
    unseen = set(places.unseen)
    row = places.hi[steps] - 1
    while True:
        live = np.flatnonzero((row >= places.lo[steps]) & waiting.any(axis=1))
        if not len(live):
            return values, present
        at = row[live]
        met = rows.valid[at][:, columns]
        ended = None if rows.stale is None else rows.stale[at][:, columns]
        if unseen and bounds.known_ms is not None:
            for i, (step, r) in enumerate(zip(steps[live].tolist(), at.tolist(), strict=True)):
                if (step, r) in unseen:
                    seen = seen_in(rows, r, int(bounds.known_ms[step]))
                    mask = seen if isinstance(seen, bool) else seen[columns]
                    met[i] &= mask
                    if ended is not None:
                        ended[i] &= mask
        met = met & waiting[live]
        values[live] = np.where(met, rows.values[at][:, columns], values[live])
        present[live] |= met
        waiting[live] &= ~met if ended is None else ~(met | ended)
        row[live] -= 1


def _latest_events(block: EventBlock, columns: Columns, bounds: Bounds, watch: Watch) -> tuple[FloatArray, BoolArray]:
    where = np.arange(block.columns, dtype=np.intp)[columns]
    known = bounds.known_ms
    late = known is not None and block.newest_received > int(known.min())
    values = np.zeros((len(bounds.first_ms), len(where)))
    present = np.zeros(values.shape, dtype=np.bool_)
    first = np.maximum(bounds.first_ms, block.floor_ms)
    for number, column in enumerate(watch.each(where.tolist())):
        n = int(block.counts[column])
        if not n:
            continue
        times = block.times[column, :n]
        index = times.searchsorted(bounds.last_ms, "right") - 1
        if late and known is not None:
            received = block.received[column, :n]
            while True:
                hidden = (index >= 0) & (received[np.maximum(index, 0)] > known)
                if not hidden.any():
                    break
                index = np.where(hidden, index - 1, index)
        at = np.maximum(index, 0)
        there = (index >= 0) & (times[at] >= first) & ~block.stale[column, at]
        values[:, number], present[:, number] = np.where(there, block.values[column, at], 0.0), there
    return values, present
