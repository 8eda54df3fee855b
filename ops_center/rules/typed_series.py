"""Series that an author typed, put into a store: all of a metric at once where they share their instants; knows no files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ops_center.label_sets import NAME, Labels, without_names
from ops_center.rules.notation import Points
from ops_center.series import SeriesStore

GAP, VALUE, STALE = 0, 1, 2
MAX_EMPTY = 4  # cells per point in a matrix; where lengths differ more, each series is written alone
Typed = tuple[Labels, Points]


def load_typed(store: SeriesStore, series: Iterable[tuple[Labels, Points | None]], interval_ms: int) -> None:
    """Write series whose points are one interval apart from 0 on; of two with the same labels the later one counts.

    Raises:
        SeriesLimit: more series than a store holds.
    """
    by_metric: dict[str, dict[Labels, Points]] = {}
    for labels, points in series:
        if points is not None:
            by_metric.setdefault(_metric(labels), {})[labels] = points
    for metric, found in by_metric.items():
        typed = list(found.items())
        longest, total = max(len(p.kinds) for _, p in typed), sum(len(p.kinds) for _, p in typed)
        if metric and len(typed) > 1 and longest * len(typed) <= MAX_EMPTY * total:
            _load_rows(store, metric, typed, longest, interval_ms)
        else:
            _load_singly(store, typed, interval_ms)


def _metric(labels: Labels) -> str:
    return labels[0][1] if labels and labels[0][0] == NAME else dict(labels).get(NAME, "")


def _load_rows(store: SeriesStore, metric: str, typed: Sequence[Typed], rows: int, interval_ms: int) -> None:
    values = np.zeros((rows, len(typed)))
    kinds = np.zeros((rows, len(typed)), dtype=np.int8)
    for column, (_, points) in enumerate(typed):
        values[: len(points.values), column] = points.values
        kinds[: len(points.kinds), column] = points.kinds
    there, ended = kinds == VALUE, kinds == STALE
    family = store.family(metric, [without_names(labels, (NAME,)) for labels, _ in typed], interval_ms)
    slots = np.arange(len(typed), dtype=np.intp)
    times = interval_ms * np.arange(rows, dtype=np.int64)
    family.append(0, 0, values[0], slots, there[0])  # gives each series its place
    if rows > 1:
        family.append_rows(times[1:], times[1:], values[1:], slots, there[1:])
    for row in np.flatnonzero(ended.any(axis=1)).tolist():
        family.append(int(times[row]), int(times[row]), 0.0, np.flatnonzero(ended[row]), stale=True)


def _load_singly(store: SeriesStore, typed: Sequence[Typed], interval_ms: int) -> None:
    for labels, points in typed:
        there = points.kinds != GAP
        times = (np.arange(len(points.kinds), dtype=np.int64) * interval_ms)[there]
        store.append_series(labels, times, points.values[there], points.kinds[there] == STALE)
