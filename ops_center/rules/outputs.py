"""Where rules write: recorded series, ALERTS and ALERTS_FOR_STATE, with stale markers for what ends; knows no rule logic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ops_center.label_sets import NAME, IndexArray, Labels, LabelSets, format_labels, labels_of, without_names
from ops_center.promql.values import Vector
from ops_center.rules.alerting import CONDITIONS, FIRING, PENDING, AlertStates
from ops_center.series import Family, SeriesStore
from ops_center.series_blocks import FloatArray


class SlotWriter:
    """One family, its slots found by label set, and which of them had a sample at the last write."""

    def __init__(self, store: SeriesStore, metric: str, interval_ms: int) -> None:
        self.family: Family = store.family(metric, [], interval_ms)
        self.slots: dict[Labels, int] = {}
        self.previous: IndexArray = np.zeros(0, dtype=np.intp)

    def slots_of(self, keys: Sequence[Labels]) -> IndexArray:
        """The slots of label sets, made at first use, all at once."""
        fresh = list(dict.fromkeys(key for key in keys if key not in self.slots))
        if fresh:
            first = self.family.extend(fresh)
            self.slots.update({key: first + i for i, key in enumerate(fresh)})
        return np.array([self.slots[key] for key in keys], dtype=np.intp)

    def write(self, at_ms: int, received_ms: int, slots: IndexArray, values: FloatArray) -> bool:
        """Samples for these slots, stale markers for those of the last write that are missing now.

        Says whether all were taken: where somebody has written another sample of that instant, the first stays.
        """
        taken = not len(slots) or not self.family.holds_other(at_ms, slots, values)
        if len(slots):
            self.family.append(at_ms, received_ms, values, slots)
        same = len(slots) == len(self.previous) and bool((slots == self.previous).all())
        if len(self.previous) and not same:
            now = np.zeros(len(self.family), dtype=np.bool_)
            now[slots] = True
            ended = self.previous[~now[self.previous]]
            if len(ended):
                self.family.append(at_ms, received_ms, 0.0, ended, stale=True)
        self.previous = slots
        return taken

    def end(self, at_ms: int, received_ms: int) -> None:
        """Stale markers for all that was written last."""
        self.write(at_ms, received_ms, np.zeros(0, dtype=np.intp), np.zeros(0))

    def snapshot(self) -> list[list[int]]:
        """Where in the store the series of the last write lie: numbers of blocks and columns in them."""
        numbers, columns = self.family.placed()
        return [numbers[self.previous].tolist(), columns[self.previous].tolist()]

    def restore(self, written: list[list[int]]) -> None:
        """Take over what the last write held, over a store that was restored, into a writer that has written nothing yet."""
        keys = self.family.take_over(*written)
        self.slots = {key: slot for slot, key in enumerate(keys)}
        self.previous = np.arange(len(keys), dtype=np.intp)


class AlertWriter:
    """ALERTS and ALERTS_FOR_STATE of one rule."""

    def __init__(self, store: SeriesStore, interval_ms: int) -> None:
        self.states = SlotWriter(store, "ALERTS", interval_ms)
        self.instants = SlotWriter(store, "ALERTS_FOR_STATE", interval_ms)
        self._slots = np.full((3, 0), -1, dtype=np.intp)

    def reset(self) -> None:
        """Forget which alert has which slot, after indexes changed."""
        self._slots = np.full((3, 0), -1, dtype=np.intp)

    def write(self, alerts: AlertStates, at_ms: int, received_ms: int, epoch_ms: int) -> bool:
        """Samples of all active alerts; the instant of FOR_STATE is whole epoch seconds. Says whether all were taken."""
        numbers = alerts.active_numbers()
        if not len(numbers) and not len(self.states.previous):
            return True
        if self._slots.shape[1] < len(alerts):
            more = np.full((3, 2 * len(alerts) - self._slots.shape[1]), -1, dtype=np.intp)
            self._slots = np.concatenate([self._slots, more], axis=1)
        conditions = alerts.state[numbers].astype(np.intp)
        self._know(alerts, numbers, conditions)
        slots = self._slots[conditions, numbers]
        taken = self.states.write(at_ms, received_ms, slots, np.ones(len(numbers)))
        since = ((alerts.active_at[numbers] + epoch_ms) // 1000).astype(np.float64)
        return self.instants.write(at_ms, received_ms, self._slots[0, numbers], since) and taken

    def _know(self, alerts: AlertStates, numbers: IndexArray, conditions: IndexArray) -> None:
        unknown = numbers[self._slots[0, numbers] < 0]
        if len(unknown):
            self._slots[0, unknown] = self.instants.slots_of([alerts.labels[n] for n in unknown.tolist()])
        for condition in (PENDING, FIRING):
            mine = numbers[conditions == condition]
            mine = mine[self._slots[condition, mine] < 0]
            if len(mine):
                state = ("alertstate", CONDITIONS[condition])
                self._slots[condition, mine] = self.states.slots_of([_with(alerts.labels[n], state) for n in mine.tolist()])


def _with(labels: Labels, pair: tuple[str, str]) -> Labels:
    """The labels with one more, in place of its namesake."""
    return tuple(sorted([*without_names(labels, (pair[0],)), pair]))


class DuplicateSeries(ValueError):
    """Two results of a recording rule are the same series."""


class RecordWriter:
    """The series of one recording rule."""

    def __init__(self, store: SeriesStore, metric: str, labels: Mapping[str, str], interval_ms: int) -> None:
        self.writer = SlotWriter(store, metric, interval_ms)
        self.metric, self.labels = metric, labels
        self._handle: LabelSets | None = None
        self._slots: IndexArray = np.zeros(0, dtype=np.intp)

    def write(self, vector: Vector, at_ms: int, received_ms: int) -> bool:
        """Record a result; says whether all samples were taken.

        Raises:
            DuplicateSeries: two results have the same labels after the rule's are applied.
        """
        columns = vector.present[0].nonzero()[0]
        if self._handle is not vector.labels:
            self._handle, self._slots = vector.labels, np.full(len(vector.labels), -1, dtype=np.intp)
        unknown = columns[self._slots[columns] < 0]
        if len(unknown):
            self._slots[unknown] = self.writer.slots_of([self._recorded(vector.labels.sets[c]) for c in unknown.tolist()])
        slots = self._slots[columns]
        seen = np.zeros(len(self.writer.family), dtype=np.bool_)
        seen[slots] = True
        if int(np.count_nonzero(seen)) != len(slots):
            twice = vector.labels.sets[int(columns[0])]
            raise DuplicateSeries(
                f"vector contains metrics with the same labelset after applying rule labels: rule {self.metric!r}, "
                f"e.g. from {format_labels(twice)}"
            )
        return self.writer.write(at_ms, received_ms, slots, vector.values[0, columns])

    def _recorded(self, labels: Labels) -> Labels:
        bare = without_names(labels, (NAME,))
        return labels_of({**dict(bare), **self.labels}) if self.labels else bare
