"""The series store: one matrix per metric, time × series, selected by label matchers; knows nothing of rules or HTTP.

Times are int64 milliseconds on one axis of the caller's choice (the pipeline uses ms since the run's start). Families are
append-only. A sample keeps when it was received, so that a reader `as_of` T sees what was known by T.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ops_center.event_block import Block, EventBlock
from ops_center.known_rows import Known, is_fixed
from ops_center.label_sets import NAME, BoolArray, IndexArray, Labels, Matcher, all_named, labels_of, without_names
from ops_center.sealed_rows import LaterRows
from ops_center.selection import Selection, look, name_test
from ops_center.series_blocks import ALL, NEVER, Columns, FloatArray, RowBlock, TimeArray
from ops_center.series_metric import Metric, Place

Ways = list[tuple[Block, IndexArray | None, IndexArray, bool]]
MAX_SERIES = 1_000_000
PACK_CELLS = 500_000  # in one go, of rows that were left to be made: whoever has just come back has other things to do
DEFAULT_RETENTION_MS = 2 * 3_600_000


class SeriesLimit(ValueError):
    """The store would hold more series than allowed."""


class Family:
    """A writer's handle: its series are slots 0…n−1, appended in batches, extended but never shortened."""

    def __init__(self, store: SeriesStore, metric: Metric, period_ms: int | None) -> None:
        self._store = store
        self._metric = metric
        self.period_ms = period_ms
        self.labels: list[Labels] = []
        self._blocks: list[Block] = []
        self._owner: IndexArray = np.zeros(0, dtype=np.intp)  # number in _blocks of each slot, −1 while it has none
        self._column: IndexArray = np.zeros(0, dtype=np.intp)
        self._waiting = 0  # slots that have no block yet
        self._identity = True  # slot i is column i, so far
        self._ways: Known[Ways] = Known(self._ways_to)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self._metric.name

    @property
    def about(self) -> Metric:
        """What the series are of."""
        return self._metric

    def begin_with(self, labels: Sequence[Labels]) -> None:
        """Take series with their names as the first slots; none of them may be in the store."""
        self._ways.forget()
        n = self._waiting = len(labels)
        self.labels = list(labels)
        self._owner, self._column = np.full(n, -1, dtype=np.intp), np.zeros(n, dtype=np.intp)

    def extend(self, labels: Sequence[Mapping[str, str] | Labels]) -> int:
        """Append series, given as mappings or sorted pairs without a name; returns the slot of the first.

        Raises:
            SeriesLimit: the store is full.
        """
        first = len(self.labels)
        self._ways.forget()
        fresh = all_named([one if isinstance(one, tuple) else labels_of(one) for one in labels], self._metric.name)
        known = [self._metric.places.get(one) for one in fresh] if len(self._metric) else [None] * len(fresh)
        missing = sum(place is None for place in known)
        self._store.count_series(missing + self._waiting, self._metric.name)
        self._waiting += missing
        self.labels.extend(fresh)
        self._owner = np.append(self._owner, np.array([-1 if p is None else self._number(p.block) for p in known], dtype=np.intp))
        self._column = np.append(self._column, np.array([-1 if p is None else p.column for p in known], dtype=np.intp))
        self._identity = False if missing < len(known) else self._identity
        return first

    def take_over(self, numbers: Sequence[int], columns: Sequence[int]) -> list[Labels]:
        """Append series that the metric has, in given blocks and columns, as slots; returns their labels without the name."""
        labels = [self._metric.labels[n][c] for n, c in zip(numbers, columns, strict=True)]
        owners = {n: self._number(self._metric.blocks[n]) for n in dict.fromkeys(numbers)}
        self.labels.extend(labels)
        self._owner = np.append(self._owner, np.array([owners[n] for n in numbers], dtype=np.intp))
        self._column = np.append(self._column, np.array(columns, dtype=np.intp))
        self._identity = self._identity and not labels
        return [without_names(one, (NAME,)) for one in labels]

    def placed(self) -> tuple[IndexArray, IndexArray]:
        """Where the slots lie: the number of the block in the metric (−1: nowhere yet) and the column in it, one per slot."""
        numbers = np.array([self._metric.number_of(block) for block in self._blocks] + [-1], dtype=np.intp)
        return numbers[self._owner], self._column

    def place(self, numbers: IndexArray, columns: IndexArray) -> None:
        """Put the first slots, none of which has a place yet, where `placed` said that they lay; their labels go there too."""
        self._ways.forget()
        for number in np.unique(numbers[numbers >= 0]).tolist():
            block, slots = self._metric.blocks[number], np.flatnonzero(numbers == number)
            labels, own, at = self._metric.labels[number], [self.labels[slot] for slot in slots.tolist()], columns[slots].tolist()
            for column, one in zip(at, own, strict=True):
                labels[column] = one
            self._metric.forget_places()
            self._owner[slots], self._column[slots] = self._number(block), columns[slots]
            self._waiting -= len(slots)
        whole = len(self._blocks) == 1 and not self._waiting
        self._identity = whole and bool((self._column == np.arange(len(self.labels))).all())

    def _number(self, block: Block) -> int:
        for number, other in enumerate(self._blocks):
            if other is block:
                return number
        self._blocks.append(block)
        return len(self._blocks) - 1

    def append(
        self,
        observed_at_ms: int,
        received_at_ms: int,
        values: Any,
        slots: IndexArray | None = None,
        valid: BoolArray | None = None,
        stale: bool = False,
    ) -> None:
        """Write one instant: `values[i]` belongs to `slots[i]`, or to slot i; cells that are not `valid` are gaps.

        Args:
            observed_at_ms: when the devices measured.
            received_at_ms: when the center learned it.
            values: shape (slots,) or one number for all.
            slots: slot numbers, shape (slots,); None for all.
            valid: shape (slots,); None when all are.
            stale: write stale markers instead of values.
        """
        if self._waiting > 0:
            self._assign(observed_at_ms, slots)
        if slots is not None and is_fixed(slots):
            self._append_along(self._ways.of(slots), observed_at_ms, received_at_ms, values, valid, stale)
            return
        if len(self._blocks) == 1 and not self._waiting:
            block = self._blocks[0]
            if slots is None:
                columns: Columns = ALL if self._identity and block.columns == len(self.labels) else self._column
            else:
                columns = slots if self._identity else self._column[slots]
            block.put(observed_at_ms, received_at_ms, columns, values, valid, stale)
            return
        self._scatter(observed_at_ms, received_at_ms, values, slots, valid, stale)

    def holds_other(self, at_ms: int, slots: IndexArray, values: FloatArray) -> bool:
        """Whether one of the slots holds another sample of an instant than the one given: somebody else wrote it first."""
        owners, columns = self._owner[slots], self._column[slots]
        if len(self._blocks) == 1 and not self._waiting:
            return self._blocks[0].holds_other(at_ms, columns, values)
        mine = ((block, owners == number) for number, block in enumerate(self._blocks))
        return any(here.any() and block.holds_other(at_ms, columns[here], values[here]) for block, here in mine)

    def append_rows(
        self, observed_at_ms: TimeArray, received_at_ms: TimeArray, values: FloatArray, slots: IndexArray, valid: BoolArray
    ) -> bool:
        """Write many instants of the same slots; False, with nothing written, where one of them has no place yet."""
        owners = self._owner[slots]
        if bool((owners < 0).any()):
            return False
        numbers = np.unique(owners).tolist()
        if len(numbers) == 1:
            self._blocks[numbers[0]].put_rows(observed_at_ms, received_at_ms, self._column[slots], values, valid)
            return True
        for number in numbers:
            mine = np.flatnonzero(owners == number)
            columns = self._column[slots[mine]]
            self._blocks[number].put_rows(observed_at_ms, received_at_ms, columns, values[:, mine], valid[:, mine])
        return True

    def append_later(self, rows: LaterRows, slots: IndexArray) -> bool:
        """Write rows made when they are read, of slots that are all series of a block, in order; False where they are not."""
        owner = int(self._owner[slots[0]]) if len(slots) else -1
        block = self._blocks[owner] if owner >= 0 else None
        whole = bool((self._owner[slots] == owner).all() and (self._column[slots] == np.arange(len(slots))).all())
        return whole and isinstance(block, RowBlock) and block.put_later(rows)

    def append_samples(self, slots: IndexArray, observed_at_ms: TimeArray, received_at_ms: TimeArray, values: FloatArray) -> bool:
        """Write samples of any slots in the order in which they came, all arrays of shape (samples,).

        False, with nothing written, where one of them has no place yet, or lies among series of a period.
        """
        owners = self._owner[slots]
        numbers = np.unique(owners).tolist()
        blocks = [self._blocks[number] if number >= 0 else None for number in numbers]
        if not all(isinstance(block, EventBlock) for block in blocks):
            return False
        for number, block in zip(numbers, blocks, strict=True):
            mine = np.flatnonzero(owners == number)
            assert isinstance(block, EventBlock)
            fresh = np.zeros(len(mine), dtype=np.bool_)
            block.put_many(self._column[slots[mine]], observed_at_ms[mine], received_at_ms[mine], values[mine], fresh)
        return True

    def _ways_to(self, slots: IndexArray) -> Ways:
        """Return in which blocks slots lie: each with which of the slots (None: all), their columns, and if these are 0, 1, …"""
        owners, columns, found = self._owner[slots], self._column[slots], []
        for number in np.unique(owners).tolist():
            mine = np.flatnonzero(owners == number)
            own = columns[mine]
            whole = bool((own == np.arange(len(own))).all())
            found.append((self._blocks[number], None if len(mine) == len(slots) else mine, own, whole))
        return found

    def _append_along(self, ways: Ways, at_ms: int, received_ms: int, values: Any, valid: BoolArray | None, stale: bool) -> None:
        for block, mine, columns, whole in ways:
            there = valid if valid is None or mine is None else valid[mine]
            some = values if mine is None or np.ndim(values) == 0 else values[mine]
            block.put(at_ms, received_ms, ALL if whole and block.columns == len(columns) else columns, some, there, stale)

    def _scatter(
        self, at_ms: int, received_ms: int, values: Any, slots: IndexArray | None, valid: BoolArray | None, stale: bool
    ) -> None:
        chosen = np.arange(len(self.labels), dtype=np.intp) if slots is None else slots
        numbers = np.broadcast_to(np.asarray(values, dtype=np.float64), chosen.shape)
        owners = self._owner[chosen]
        for number, block in enumerate(self._blocks):
            mine = np.flatnonzero(owners == number)
            if len(mine):
                there = None if valid is None else valid[mine]
                block.put(at_ms, received_ms, self._column[chosen[mine]], numbers[mine], there, stale)

    def _assign(self, observed_at_ms: int, slots: IndexArray | None) -> None:
        """Slots without a place get one: by phase where they have a period, else with the events."""
        chosen = np.arange(len(self.labels), dtype=np.intp) if slots is None else slots
        new = chosen[self._owner[chosen] < 0]
        if not len(new):
            return
        if self.period_ms and self._metric.has_room_for(self.period_ms, observed_at_ms % self.period_ms):
            block: Block = self._metric.row_block(self.period_ms, observed_at_ms % self.period_ms)
        else:
            block = self._metric.event_block()
        self._ways.forget()
        first = self._metric.add(block, [self.labels[s] for s in new.tolist()])
        self._column[new] = np.arange(first, first + len(new))
        self._owner[new] = self._number(block)
        self._waiting -= len(new)
        self._identity = self._identity and len(self._blocks) == 1 and bool((self._column[new] == new).all())


class SeriesStore:
    """All series of a city's center."""

    def __init__(self, retention_ms: int = DEFAULT_RETENTION_MS, max_series: int = MAX_SERIES) -> None:
        self.retention_ms = retention_ms
        self.max_series = max_series
        self.floor_ms = -NEVER  # samples older than this were forgotten
        self.reaches_ms: dict[str, int] = {}  # how far back readers look by metric; what is older is kept packed
        self.reach_ms: int | None = None  # ... in all other metrics; None: nobody knows, nothing is packed
        self.packed: tuple[tuple[int, int], bytes] | None = None  # which series there are, as keyframes hold it, and a version
        self.metrics: dict[str, Metric] = {}
        self.starts: dict[Labels, tuple[TimeArray, TimeArray]] = {}  # of few counters, since when each sample counts
        self._selections: dict[tuple[Matcher, ...], Selection] = {}
        self._by_name: dict[tuple[Matcher, ...], tuple[int, list[Metric]]] = {}
        self._older: dict[tuple[Matcher, ...], Selection] = {}  # what another store selected, with all that was derived from it

    def metric(self, name: str) -> Metric:
        """The metric of a name, made at first use."""
        if name not in self.metrics:
            self.metrics[name] = Metric(name)
        return self.metrics[name]

    def count_series(self, more: int, metric: str) -> None:
        """Refuse to grow beyond the limit.

        Raises:
            SeriesLimit: says metric, wanted and allowed.
        """
        held = sum(map(len, self.metrics.values()))
        if held + more > self.max_series:
            raise SeriesLimit(
                f"too many series: metric {metric!r} wants {more} more beside {held}, expected at most {self.max_series}"
            )

    def family(
        self,
        metric: str,
        labels: Sequence[Mapping[str, str] | Labels],
        period_ms: int | None,
        kind: str = "gauge",
        unit: str = "",
        help: str = "",  # noqa: A002  # Prometheus' own word for it
    ) -> Family:
        """A writer's handle on series of a metric; series that exist are taken over.

        Raises:
            SeriesLimit: the store is full.
        """
        owner = self.metric(metric)
        owner.kind, owner.unit, owner.help = kind, unit or owner.unit, help or owner.help
        handle = Family(self, owner, period_ms)
        handle.extend(labels)
        return handle

    def alike(self, family: Family) -> Family:
        """A writer's handle on the series of another store's family, none of which lies anywhere here yet."""
        theirs, owner = family.about, self.metric(family.metric)
        owner.kind, owner.unit, owner.help = theirs.kind, theirs.unit, theirs.help
        made = Family(self, owner, family.period_ms)
        made.begin_with(family.labels)
        return made

    def beside(self, fresh: Iterable[str] = ()) -> SeriesStore:
        """A store that reads the same samples, not a copy of them, and in which the metrics named are empty and may be written.

        Whoever writes any other metric of it alters this store too.
        """
        made = SeriesStore(self.retention_ms, self.max_series)
        left_out = set(fresh)
        made.metrics = {name: metric for name, metric in self.metrics.items() if name not in left_out}
        made.floor_ms, made.starts = self.floor_ms, self.starts
        made.inherit(self)
        return made

    def learn(self, other: SeriesStore) -> None:
        """Keep what a store `beside` this one derived from labels, for the next one beside it: of metrics that it wrote too."""
        for matchers, selection in other._selections.items():
            if selection.metric is not None and self.metrics.get(selection.metric.name) in (None, selection.metric):
                self._older[matchers] = selection.of_labels()

    def inherit(self, other: SeriesStore) -> None:
        """Use what another store derived from labels that it selected, wherever this one selects the same; no sample of it."""
        self._older = other._older | {matchers: one.of_labels() for matchers, one in other._selections.items()}

    def append_sample(
        self,
        metric: str,
        labels: Mapping[str, str],
        t_ms: int,
        value: float,
        received_at_ms: int | None = None,
        stale: bool = False,
    ) -> None:
        """Write one sample of one series, made at first use; NaN is a value like any other here."""
        owner = self.metric(metric)
        full = labels_of({**labels, NAME: metric})
        place = owner.places.get(full) or self._place(owner, full)
        received = t_ms if received_at_ms is None else received_at_ms
        place.block.put(t_ms, received, np.array([place.column], dtype=np.intp), value, None, stale)

    def append_series(self, labels: Labels, times: TimeArray, values: FloatArray, stale: BoolArray) -> None:
        """Write one series' samples, ascending and later than what it has; labels hold the name, or there is none."""
        owner = self.metric(dict(labels).get(NAME, ""))
        place = owner.places.get(labels) or self._place(owner, labels)
        if isinstance(place.block, EventBlock) and self._only_later(place, times):
            place.block.put_series(place.column, times, values, stale)
            return
        column = np.array([place.column], dtype=np.intp)
        for t, v, s in zip(times.tolist(), values.tolist(), stale.tolist(), strict=True):
            place.block.put(t, t, column, v, None, s)

    def _only_later(self, place: Place, times: TimeArray) -> bool:
        block = place.block
        n = int(block.counts[place.column]) if isinstance(block, EventBlock) else 0
        ascending = bool((np.diff(times) > 0).all())
        return ascending and (n == 0 or not len(times) or bool(block.times[place.column, n - 1] < times[0]))

    def _place(self, owner: Metric, labels: Labels) -> Place:
        self.count_series(1, owner.name)
        block = owner.event_block()
        owner.add(block, [labels])
        return owner.places[labels]

    def note_starts(self, labels: Labels, times: TimeArray, starts: TimeArray) -> None:
        """Say since when the samples of a counter at some ascending times count, both in ms; what is not told is unknown."""
        self.starts[labels] = (times, starts)

    def mark_stale(self, metric: str, labels: Mapping[str, str], t_ms: int, received_at_ms: int | None = None) -> None:
        """End a series at an instant, as Prometheus' stale marker does."""
        self.append_sample(metric, labels, t_ms, 0.0, received_at_ms, stale=True)

    def forget(self, before_ms: int) -> None:
        """Forget samples older than an instant; series stay."""
        self.floor_ms = max(self.floor_ms, before_ms)
        for metric in self.metrics.values():
            for block in metric.blocks:
                block.prune(before_ms)

    def prune(self, now_ms: int) -> None:
        """Forget samples older than the retention, and pack those that nobody is expected to reach; series stay."""
        self.forget(now_ms - self.retention_ms)
        room = PACK_CELLS
        for metric in self.metrics.values():
            for block in metric.row_blocks.values():
                block.seal(self.packed_before(metric.name, now_ms))
                room -= block.pack(room)

    def packed_before(self, metric: str, now_ms: int) -> int:
        """The instant before which nobody is expected to reach in a metric; the beginning of time where nobody knows."""
        reach_ms = self.reaches_ms.get(metric, self.reach_ms)
        return -NEVER if reach_ms is None else now_ms - reach_ms

    def select(self, matchers: tuple[Matcher, ...]) -> Selection:
        """The series that all matchers accept; the same object until series are added."""
        known = self._selections.get(matchers)
        if known is not None and known.metric is not None and known.metric.version == known.version:
            return known
        names = [m for m in matchers if m.name == NAME and m.op == "="]
        metrics = [m for m in (self.metrics.get(names[0].value),) if m is not None] if names else self._named(matchers)
        version = sum(m.version for m in metrics)
        if known is not None and known.version == version:
            return known
        if len(self._selections) > 4096:
            self._selections.clear()
        only = metrics[0] if names and metrics else None
        made = look(metrics, matchers, version, only, self._older.pop(matchers, None))
        self._selections[matchers] = made
        return made

    def _named(self, matchers: tuple[Matcher, ...]) -> list[Metric]:
        """The metrics whose names may match; found again only when there are more metrics, which never go."""
        count, metrics = self._by_name.get(matchers, (0, []))
        if count != len(self.metrics):
            may_match = name_test(matchers)
            metrics = [m for name, m in self.metrics.items() if may_match(name)]
            if len(self._by_name) > 4096:
                self._by_name.clear()
            self._by_name[matchers] = (len(self.metrics), metrics)
        return metrics

    def series(self, matchers: tuple[Matcher, ...]) -> tuple[Labels, ...]:
        """Labels of the selected series."""
        return self.select(matchers).labels.sets

    def label_names(self) -> list[str]:
        """All label names, sorted."""
        return sorted({name for labels in self._all() for name, _ in labels})

    def label_values(self, name: str) -> list[str]:
        """All values of a label, sorted."""
        return sorted({v for labels in self._all() for n, v in labels if n == name})

    def _all(self) -> Iterator[Labels]:
        return (one for metric in self.metrics.values() for labels in metric.labels for one in labels)

    def metadata(self) -> dict[str, dict[str, str]]:
        """Type, unit and help of each metric that has series."""
        named = sorted(self.metrics.items())
        return {name: {"type": m.kind, "unit": m.unit, "help": m.help} for name, m in named if len(m)}
