"""Rows that come again with every batch: what was worked out of them once is kept.

Lives here: a small memory for arrays that nobody can write any more. Must not know: what the rows are of. Such an array is known
again by being the same one; any other is worked on each time.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
T = TypeVar("T")
MOST = 32


def is_fixed(rows: Rows) -> bool:
    """Tell whether an array stays as it is."""
    flags = rows.flags
    return not flags.writeable and flags.owndata


def sliced(rows: Rows) -> slice | Rows:
    """Return the slice that picks the same rows in the same order, or the rows themselves where there is none."""
    n = len(rows)
    step = int(rows[1] - rows[0]) if n > 1 else 1
    if not n or step < 1 or rows[0] < 0 or bool((np.diff(rows) != step).any()):
        return rows
    return slice(int(rows[0]), int(rows[-1]) + 1, step)


class Known(Generic[T]):
    """What a function says of rows, kept for those that are fixed."""

    def __init__(self, work: Callable[[Rows], T]) -> None:
        self._work = work
        self._kept: dict[int, tuple[Rows, T]] = {}

    def of(self, rows: Rows) -> T:
        """Return what the function says of rows."""
        kept = self._kept.get(id(rows))
        if kept is not None and kept[0] is rows:
            return kept[1]
        made = self._work(rows)
        if is_fixed(rows):
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[id(rows)] = (rows, made)
        return made

    def forget(self) -> None:
        """Work everything out anew: what the function looks at is another now."""
        self._kept.clear()
