"""Writing many instants at once is writing them one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_center.event_block import Block, EventBlock
from ops_center.series_blocks import RowBlock

COLUMNS = 5


def _block(kind: str, before: list[int]) -> Block:
    block: Block = RowBlock() if kind == "rows" else EventBlock()
    block.extend(COLUMNS)
    for at_ms in before:
        block.put(at_ms, at_ms + 1, np.array([0, 3], dtype=np.intp), float(at_ms), None)
    return block


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | np.ndarray) else value


@settings(max_examples=60)
@pytest.mark.parametrize("kind", ["rows", "events"])
@given(
    before=st.lists(st.integers(0, 40), max_size=4, unique=True),
    times=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    gaps=st.lists(st.booleans(), min_size=24, max_size=24),
    columns=st.sets(st.integers(0, COLUMNS - 1), min_size=1, max_size=3),
)
def test_many_rows_at_once_are_rows_one_by_one(
    kind: str, before: list[int], times: list[int], gaps: list[bool], columns: set[int]
) -> None:
    """With gaps, in any order, over what is there already, at instants that are there already: samples and masks are the same."""
    where = np.array(sorted(columns), dtype=np.intp)
    at_ms = np.array(times, dtype=np.int64)
    valid = np.array(gaps[: len(times) * len(where)], dtype=np.bool_).reshape(len(times), len(where))
    values = np.arange(valid.size, dtype=np.float64).reshape(valid.shape)
    together, apart = _block(kind, before), _block(kind, before)
    together.put_rows(at_ms, at_ms + 2, where, values, valid)
    for row in range(len(times)):
        apart.put(times[row], times[row] + 2, where, values[row], valid[row])
    every = np.arange(COLUMNS, dtype=np.intp)
    assert _plain(together.samples(-1, every)) == _plain(apart.samples(-1, every))
    assert together.newest_received == apart.newest_received or not valid.any()


@pytest.mark.slow
@settings(max_examples=200)
@given(
    before=st.lists(st.integers(0, 40), max_size=4, unique=True),
    samples=st.lists(st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, 60), st.booleans()), max_size=40),
)
def test_many_samples_at_once_are_samples_one_by_one(before: list[int], samples: list[tuple[int, int, bool]]) -> None:
    """Of any series, in any order, over what is there already, at instants that are there already, stale markers among them."""
    columns, at_ms = (np.array([one[n] for one in samples], dtype=np.int64) for n in (0, 1))
    stale, values = np.array([one[2] for one in samples], dtype=np.bool_), np.arange(len(samples), dtype=np.float64)
    together, apart = EventBlock(), EventBlock()
    for block in (together, apart):
        block.extend(COLUMNS)
        for instant in before:
            block.put(instant, instant + 1, np.array([0, 3], dtype=np.intp), float(instant), None)
    together.put_many(columns.astype(np.intp), at_ms, at_ms + 2, values, stale)
    for n, (column, instant, ends) in enumerate(samples):
        apart.put(instant, instant + 2, np.array([column], dtype=np.intp), values[n : n + 1], None, ends)
    every = np.arange(COLUMNS, dtype=np.intp)
    assert _plain(together.samples(-1, every)) == _plain(apart.samples(-1, every))


@settings(max_examples=25)
@given(
    marks=st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=6),
    late=st.lists(st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, 12)), max_size=3),
    parts=st.integers(1, 3),
    before=st.integers(0, 14),
    after=st.integers(0, 14),
)
def test_rows_left_for_later_are_rows(
    marks: list[tuple[int, bool]], late: list[tuple[int, int]], parts: int, before: int, after: int
) -> None:
    """With gaps, stale markers and late cells, in several parts: what waits to be read is what was written, then and later."""
    source, every = RowBlock(), np.arange(COLUMNS, dtype=np.intp)
    source.extend(COLUMNS)
    gaps, ends = {t for t, end in marks if not end}, {t for t, end in marks if end}
    for t in range(12):
        source.put(t, t, every[1:] if t in gaps else every, float(t))
        if t in ends and t in gaps:
            source.put(t, t, every[:1], 0.0, stale=True)
    for column, t in late:
        source.put(t, t + 20, every[column : column + 1], 100.0)
    rows = source.samples(-1, every)
    cuts = [slice(i * 12 // parts, (i + 1) * 12 // parts) for i in range(parts)] + [slice(12, None)]
    split = [_part(rows, cut) for cut in cuts]
    block = RowBlock()
    block.extend(COLUMNS)
    block.put_samples(block.joined(split), every, before_ms=before)
    assert _seen(block) == _seen(source)
    block.seal(after, least=1)
    assert block.pack(1 << 20) >= 0 and block.pack(1) == 0
    assert _seen(block) == _seen(source)
    for here in (source, block):
        here.put(before, 40, every[:2], 7.0)
    assert _seen(block) == _seen(source)


def _seen(block: RowBlock) -> list[Any]:
    """Return what readers see of a block, by when they look and how far back."""
    found: list[Any] = []
    for as_of in (None, 5, 15, 25, 45):
        for first, last in ((-1, 50), (3, 8)):
            window = block.window(first, last, slice(None), as_of)
            assert window is not None
            valid = np.ones(window.values.shape, dtype=np.bool_) if window.valid is None else window.valid
            found.append([window.times.tolist(), valid.tolist(), window.values[valid].tolist()])
            values, present, times = block.latest(last, first, slice(None), as_of)
            there = np.ones(len(values), dtype=np.bool_) if present is None else present
            found.append([there.tolist(), values[there].tolist(), np.broadcast_to(times, there.shape)[there].tolist()])
    return found


def _part(rows: dict[str, Any], cut: slice) -> dict[str, Any]:
    times = set(rows["times"][cut].tolist())
    part = {name: rows[name][cut] for name in ("times", "received", "values", "valid")}
    stale = None if rows["stale"] is None else rows["stale"][cut]
    return part | {"stale": stale, "mixed": [row for row in rows["mixed"] if row[0] in times]}
