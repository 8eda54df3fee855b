"""Rows that come again: told as slices where they are one, and what was worked out of them kept only while it holds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ops_center.known_rows import MOST, Known, sliced
from ops_center.series import SeriesStore


@given(st.lists(st.integers(0, 30), max_size=12))
def test_a_slice_picks_what_the_rows_pick(rows):
    """Whether rows are told as a slice or not, they pick the same values in the same order."""
    values, chosen = np.arange(100, 200), np.array(rows, dtype=np.int64)
    assert values[sliced(chosen)].tolist() == values[chosen].tolist()


def test_every_third_row_is_a_slice():
    """What a slot of a kind sends is one slice of its table, not a list of rows."""
    assert sliced(np.arange(2, 20, 3)) == slice(2, 18, 3)


def test_only_fixed_rows_are_remembered():
    """Rows that somebody can still write are worked on each time; fixed ones once, until all is forgotten; few are kept."""
    asked: list[int] = []
    known = Known(lambda rows: asked.append(len(rows)) or int(rows.sum()))
    free, fixed = np.arange(3), np.arange(4)
    fixed.flags.writeable = False
    assert [known.of(free), known.of(fixed), known.of(free), known.of(fixed)] == [3, 6, 3, 6]
    free[0] = 7
    assert known.of(free) == 10 and asked == [3, 4, 3, 3]
    known.forget()
    assert known.of(fixed) == 6 and asked == [3, 4, 3, 3, 4]
    for n in range(2 * MOST):
        rows = np.arange(n)
        rows.flags.writeable = False
        known.of(rows)
    assert len(known._kept) <= MOST


def test_fixed_slots_find_their_places_after_the_family_has_grown():
    """The same slots are written rightly before and after others come to lie beside them, in one block and in several."""
    store = SeriesStore()
    family = store.family("m", [{"i": str(i)} for i in range(4)], 1_000)
    slots = np.array([0, 2])
    slots.flags.writeable = False
    family.append(1_000, 1_000, np.array([1.0, 2.0]), slots)
    family.append(1_500, 1_500, np.array([3.0, 4.0]), np.array([1, 3]))  # another phase: another block
    family.append(2_000, 2_000, np.array([5.0, 6.0]), slots)
    family.extend([{"i": "4"}])
    family.append(3_000, 3_000, np.arange(10.0, 15.0))
    family.append(4_000, 4_000, np.array([7.0, 8.0]), slots, np.array([True, False]))
    seen = {}
    for block, labels in zip(store.metrics["m"].blocks, store.metrics["m"].labels, strict=True):
        for at_ms in (1_000, 1_500, 2_000, 3_000, 4_000):
            values, present, _ = block.latest(at_ms, at_ms - 1, slice(None), None)
            for one, value, there in zip(labels, values, np.ones(len(values)) if present is None else present, strict=True):
                if there:
                    seen[dict(one)["i"], at_ms] = value
    assert seen == {
        ("0", 1_000): 1.0, ("2", 1_000): 2.0, ("1", 1_500): 3.0, ("3", 1_500): 4.0, ("0", 2_000): 5.0, ("2", 2_000): 6.0,
        **{(str(i), 3_000): 10.0 + i for i in range(5)}, ("0", 4_000): 7.0,
    }  # fmt: skip
