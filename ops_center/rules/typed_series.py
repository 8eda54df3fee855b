"""Series that an author typed, put into a store little by little, as time goes on; knows no files.

Series of one metric share their instants, so they are written row by row: what has not happened yet is not there, and the
store need not look who knew what when. Where lengths differ too much for a matrix, each series is written alone, at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ops_center.label_sets import NAME, IndexArray, Labels, without_names
from ops_center.rules.notation import Points
from ops_center.series import SeriesLimit, SeriesStore

GAP, VALUE, STALE = 0, 1, 2
MAX_EMPTY = 4  # cells per point in a matrix
MAX_UNEVEN = 8_000_000  # cells where most would be empty
Typed = tuple[Labels, Points]


class TypedSeries:
    """Series whose points are one interval apart from 0 on; of two with the same labels the later one counts.

    Raises:
        SeriesLimit: more series than a store holds, or one long series among many short ones.
    """

    def __init__(self, store: SeriesStore, series: Iterable[tuple[Labels, Points | None]], interval_ms: int) -> None:
        self._interval_ms, self._next = interval_ms, 0
        by_metric: dict[str, dict[Labels, Points]] = {}
        for labels, points in series:
            if points is not None and len(points.kinds):
                by_metric.setdefault(_metric(labels), {})[labels] = points
        self._matrices: list[_Matrix] = []
        for metric, found in by_metric.items():
            typed = list(found.items())
            longest, total = max(len(p.kinds) for _, p in typed), sum(len(p.kinds) for _, p in typed)
            if metric and longest * len(typed) <= MAX_EMPTY * total:
                self._matrices.append(_Matrix(store, metric, typed, longest, interval_ms))
            elif longest * len(typed) > MAX_UNEVEN:
                raise SeriesLimit(
                    f"series of metric {metric!r} are too uneven: saw {len(typed)} of up to {longest} points, {total} in all, "
                    f"expected at most {MAX_UNEVEN} when all are as long as the longest"
                )
            else:
                _load_singly(store, typed, interval_ms)

    def until(self, now_ms: int) -> None:
        """Write what has happened by an instant, and was not written yet."""
        after = now_ms // self._interval_ms + 1
        for matrix in self._matrices:
            matrix.write(self._next, after)
        self._next = max(self._next, after)

    def all(self) -> None:
        """Write everything."""
        self.until(self._interval_ms * max([matrix.rows for matrix in self._matrices], default=0))


def _metric(labels: Labels) -> str:
    return labels[0][1] if labels and labels[0][0] == NAME else dict(labels).get(NAME, "")


class _Matrix:
    """The series of one metric: points × series."""

    def __init__(self, store: SeriesStore, metric: str, typed: Sequence[Typed], rows: int, interval_ms: int) -> None:
        which, different = _different([points for _, points in typed])
        values, kinds = np.zeros((len(different), rows)), np.zeros((len(different), rows), dtype=np.int8)
        for row, points in enumerate(different):
            values[row, : len(points.values)] = points.values
            kinds[row, : len(points.kinds)] = points.kinds
        values, kinds = values.T[:, which], kinds.T[:, which]
        self.rows, self._values, self._interval_ms = rows, values, interval_ms
        self._valid, ended = kinds == VALUE, kinds == STALE
        self._full = self._valid.all(axis=1)
        self._ended = {row: np.flatnonzero(ended[row]) for row in np.flatnonzero(ended.any(axis=1)).tolist()}
        self._family = store.family(metric, [without_names(labels, (NAME,)) for labels, _ in typed], interval_ms)

    def write(self, first: int, after: int) -> None:
        """Write the rows from one to before another."""
        for row in range(first, min(after, self.rows)):
            at_ms = row * self._interval_ms
            self._family.append(at_ms, at_ms, self._values[row], valid=None if self._full[row] else self._valid[row])
            if row in self._ended:
                self._family.append(at_ms, at_ms, 0.0, self._ended[row], stale=True)


def _different(points: Sequence[Points]) -> tuple[IndexArray, list[Points]]:
    """Each different one once, and which of them each is: authors give many series the same values."""
    numbers: dict[int, int] = {}
    which = np.array([numbers.setdefault(id(one), len(numbers)) for one in points], dtype=np.intp)
    first = np.unique(which, return_index=True)[1].tolist()
    return which, [points[place] for place in first]


def _load_singly(store: SeriesStore, typed: Sequence[Typed], interval_ms: int) -> None:
    for labels, points in typed:
        there = points.kinds != GAP
        times = (np.arange(len(points.kinds), dtype=np.int64) * interval_ms)[there]
        store.append_series(labels, times, points.values[there], points.kinds[there] == STALE)
