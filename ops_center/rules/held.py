"""The alerts of one rule over many instants at once: which results lasted, what therefore fired, and when it ended.

Lives here: the state machine of `alerting` applied to whole runs of true results, as columns. Must not know: expressions and
stores. What it cannot say (a group's limit passed, two results that are the same alert) it leaves to the machine itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import BoolArray, IndexArray, Labels, LabelSets
from ops_center.promql.values import Vector
from ops_center.rules.fingerprints import fingerprints
from ops_center.rules.firings import Firing
from ops_center.series_blocks import FloatArray, TimeArray

LabelsOf = Callable[[Labels, float], Labels]


@dataclass(frozen=True, slots=True)
class Piece:
    """Results at some successive instants: only the columns that were true at one of them.

    `first` is the place of the first instant among all; `present` and `values` have the shape (instants, columns).
    """

    first: int
    labels: LabelSets
    columns: IndexArray
    present: BoolArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of true results of alerts, by alert and time: [start, end) in places of instants; each of shape (runs,)."""

    numbers: IndexArray
    start: IndexArray
    end: IndexArray


@dataclass(frozen=True, slots=True)
class Spans:
    """Alerts that fired: places of the instants at which they became true, fired and ended (the count of instants: never)."""

    numbers: IndexArray
    active: IndexArray
    fired: IndexArray
    ended: IndexArray


class Results:
    """The results of one rule at the instants at which it did not fail, ms."""

    def __init__(self) -> None:
        self._times: list[TimeArray] = []
        self._count = 0
        self.pieces: list[Piece] = []

    def add(self, times: TimeArray, vector: Vector) -> None:
        """Results at successive instants, later than all before."""
        columns = np.flatnonzero(vector.present.any(axis=0)).astype(np.intp)
        if len(columns):
            whole = len(columns) == len(vector.labels)
            present = vector.present if whole else vector.present[:, columns]
            values = vector.values if whole else vector.values[:, columns]
            self.pieces.append(Piece(self._count, vector.labels, columns, present, values))
        self._times.append(times)
        self._count += len(times)

    @property
    def times(self) -> TimeArray:
        """The instants, ms."""
        return np.concatenate(self._times) if self._times else np.zeros(0, dtype=np.int64)

    def rows(self) -> Iterator[tuple[int, Vector]]:
        """Each instant with its result alone."""
        times, pieces = self.times.tolist(), {}
        for piece in self.pieces:
            labels = piece.labels.take(piece.columns)
            for row in range(len(piece.present)):
                pieces[piece.first + row] = Vector(labels, piece.values[row : row + 1], piece.present[row : row + 1])
        nothing = Vector(LabelSets(()), np.zeros((1, 0)), np.zeros((1, 0), dtype=np.bool_))
        for place, at_ms in enumerate(times):
            yield at_ms, pieces.get(place, nothing)


class Numbering:
    """Numbers of a rule's alerts by their labels."""

    def __init__(self, labels_of: LabelsOf) -> None:
        self._labels_of = labels_of
        self._index: dict[Labels, int] = {}
        self._known: dict[int, tuple[LabelSets, IndexArray]] = {}
        self.labels: list[Labels] = []

    def of(self, piece: Piece) -> IndexArray:
        """The number of each column of a piece."""
        if id(piece.labels) not in self._known:
            self._known[id(piece.labels)] = piece.labels, np.full(len(piece.labels), -1, dtype=np.intp)
        known = self._known[id(piece.labels)][1]
        for column in piece.columns[known[piece.columns] < 0].tolist():
            labels = self._labels_of(piece.labels.sets[column], 0.0)
            number = self._index.setdefault(labels, len(self.labels))
            if number == len(self.labels):
                self.labels.append(labels)
            known[column] = number
        return known[piece.columns]


def runs_of(pieces: list[Piece], numbering: Numbering) -> Runs | None:
    """All runs of true results; None where two results of an instant may be the same alert."""
    found: list[tuple[IndexArray, IndexArray, IndexArray]] = []
    for piece in pieces:
        numbers = numbering.of(piece)
        if len(np.unique(numbers)) < len(numbers):
            return None
        edges = np.zeros((len(numbers), len(piece.present) + 1), dtype=np.bool_)
        edges[:, 0], edges[:, -1] = piece.present[0], piece.present[-1]
        np.not_equal(piece.present[1:].T, piece.present[:-1].T, out=edges[:, 1:-1])
        columns, places = edges.nonzero()  # of each column: starts and ends in turn
        found.append((numbers[columns[::2]], piece.first + places[::2], piece.first + places[1::2]))
    if not found:
        nothing = np.zeros(0, dtype=np.intp)
        return Runs(nothing, nothing, nothing)
    numbers, start, end = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(found) > 1:
        order = np.lexsort((start, numbers))
        return _joined(numbers[order], start[order], end[order])
    return Runs(numbers, start, end)


def _joined(numbers: IndexArray, start: IndexArray, end: IndexArray) -> Runs:
    """Runs that go on from one piece to the next made one."""
    first = np.ones(len(numbers), dtype=np.bool_)
    first[1:] = (numbers[1:] != numbers[:-1]) | (start[1:] != end[:-1])
    at = np.flatnonzero(first)
    last = np.append(at[1:], len(numbers)) - 1
    return Runs(numbers[at], start[at], end[last])


def spans_of(runs: Runs, times: TimeArray, for_ms: int, keep_ms: int, limit: int = 0) -> Spans | None:
    """What fired; None where more alerts than the limit (0: none) were active at once.

    A run fires at its first instant that is `for_ms` after its start; a firing one ends at the first false instant, or at
    the first that is `keep_ms` after it, unless it has become true again by then.
    """
    held = times.searchsorted(times[runs.start] + for_ms).astype(np.intp)
    fires = held < runs.end
    ended = runs.end
    if keep_ms > 0 and len(runs.end):
        until = times[np.minimum(runs.end, len(times) - 1)] + keep_ms
        ended = np.where(runs.end < len(times), times.searchsorted(until), len(times)).astype(np.intp)
    chains = _chains(runs, fires, ended) if keep_ms > 0 else np.flatnonzero(fires)[:, None].repeat(2, axis=1)
    first, last = chains[:, 0], chains[:, 1]
    spans = Spans(runs.numbers[first], runs.start[first], held[first], ended[last])
    if limit and _most_active(runs, spans, chains, len(times)) > limit:
        return None
    return spans


def _chains(runs: Runs, fires: BoolArray, ended: IndexArray) -> IndexArray:
    """First and last run of each firing: a run that begins while the one before it is kept firing goes on with it."""
    linked = np.zeros(len(fires), dtype=np.bool_)
    linked[1:] = (runs.numbers[1:] == runs.numbers[:-1]) & (runs.start[1:] <= ended[:-1])
    chain = np.cumsum(~linked)
    at = np.flatnonzero(fires)
    leads = np.ones(len(at), dtype=np.bool_)
    leads[1:] = chain[at[1:]] != chain[at[:-1]]
    at = at[leads]
    last = np.searchsorted(chain, chain[at], "right") - 1
    return np.stack([at, last], axis=1)


def _most_active(runs: Runs, spans: Spans, chains: IndexArray, count: int) -> int:
    """How many alerts were pending or firing at once, at most."""
    alone = np.ones(len(runs.start), dtype=np.bool_)
    for first, last in chains.tolist():
        alone[first : last + 1] = False
    change = np.zeros(count + 1, dtype=np.intp)
    np.add.at(change, np.concatenate([runs.start[alone], spans.active]), 1)
    np.add.at(change, np.concatenate([runs.end[alone], spans.ended]), -1)
    return int(np.cumsum(change).max(initial=0))


def firings_in(results: Results, spans: Spans, numbering: Numbering, group: str, rule: str) -> list[Firing]:
    """The firings of some spans, with labels and the values with which they fired."""
    times, values = results.times, _values_at(results.pieces, numbering, spans)
    distinct, which = np.unique(spans.numbers, return_inverse=True)
    labels = [numbering.labels[n] for n in distinct.tolist()]
    prints = fingerprints(labels)
    instants = np.append(times, -1)
    columns = zip(
        which.tolist(), values.tolist(), times[spans.active].tolist(), times[spans.fired].tolist(),
        instants[spans.ended].tolist(), (spans.ended < len(times)).tolist(), strict=True,
    )  # fmt: skip
    return [
        Firing(group, rule, prints[n], dict(labels[n]), value, active_ms, fired_ms, ended_ms if over else None)
        for n, value, active_ms, fired_ms, ended_ms, over in columns
    ]


def _values_at(pieces: list[Piece], numbering: Numbering, spans: Spans) -> FloatArray:
    out = np.zeros(len(spans.numbers))
    for piece in pieces:
        mine = np.flatnonzero((spans.fired >= piece.first) & (spans.fired < piece.first + len(piece.present)))
        if len(mine):
            numbers = numbering.of(piece)
            order = np.argsort(numbers)
            at = order[np.searchsorted(numbers[order], spans.numbers[mine])]
            out[mine] = piece.values[spans.fired[mine] - piece.first, at]
    return out
