"""From columns on the wire to columns in the series store.

Lives here: one family per kind and quantity, `sensor_up` of each kind, the city's static series, and the copies of all these
under the names of a mapping file. Must not know: rules.
A cell is a gap where the device did not report (ABSENT) or could not measure (MISSING). A reading that is SUSPECT, as those of a
device in quarantine are, ends its series with a stale marker, so that no rule sees it; `sensor_suspect` says so instead.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops_center.city_view import CityView
from ops_center.label_sets import BoolArray, IndexArray, Labels, format_labels, labels_of
from ops_center.mapping import Copies, SeriesMapping
from ops_center.opening import BadRegistry
from ops_center.relabel import table_of
from ops_center.sealed_rows import LaterRows
from ops_center.series import Family, SeriesStore
from ops_center.series_blocks import FloatArray
from ops_center.series_copies import Copy, Spread, clash
from sensors.messages import ABSENT, MISSING, SUSPECT, KindInfo

STATIC_PERIOD_MS = 60_000
UP, INFO = "sensor_up", "sensor_info"  # which devices report, and which there are, with all labels of their readings
DOUBTED = "sensor_suspect"
LATER_ROWS = 32  # made together when one of them is read


@dataclass(frozen=True, slots=True)
class Past:
    """A batch of the recorded stream: when it was observed and received, and its columns by quantity."""

    observed_at_ms: int
    received_at_ms: int
    quality: Any
    columns: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scattered:
    """A batch of some devices of the recorded stream: their rows, when each was observed, and as `Past`."""

    rows: NDArray[np.int64]
    observed_at_ms: NDArray[np.int64]
    received_at_ms: int
    quality: Any
    columns: dict[str, Any]


Made = Callable[[Sequence[Past]], tuple[FloatArray, BoolArray]]


class SeriesWriter:
    """Handles on the families of one registry version in one store; families of an earlier version are taken over."""

    def __init__(
        self,
        store: SeriesStore,
        city: CityView,
        older: "SeriesWriter | None" = None,
        alike: "SeriesWriter | None" = None,
        mapping: SeriesMapping | None = None,
    ) -> None:
        """Open the families; `older` is the writer of the same registry with other layers, if there was one.

        `alike` is the writer of the same registry and layers to another store, which has all labels already.
        Raises BadRegistry where the mapping gives two series the same name and labels, or one of them none.
        """
        self.version = city.registry.version
        self._families: dict[str, dict[str, Spread]] = {}
        self._up: dict[str, Spread] = {}
        self.statics: list[tuple[Spread, NDArray[np.float64]]] = []
        self._mapping = mapping
        self._resolution: dict[str, dict[str, float]] = {}
        self.static_rows: list[tuple[int, dict[str, int]]] = []  # when, and how many series of each static metric
        self._store = store
        if alike is not None:
            self._be(alike)
            return
        own_up = any(q.metric == UP for kind in city.kinds for q in kind.quantities)
        for kind in city.kinds:
            if kind.name in city.tables:
                self._open(store, city, kind, own_up)
        if older is not None:
            self.static_rows = older.static_rows
        if older is not None and older.version == self.version and not city.registry.static:
            self.statics = older.statics
        else:
            self._open_static(store, city)
        if mapping is not None:
            self._check_unlike(mapping)

    def _be(self, other: "SeriesWriter") -> None:
        def alike(spread: Spread) -> Spread:
            here = self._store.alike
            return Spread(here(spread.family), [copy.over(here(copy.family)) for copy in spread.copies])

        readings, up, self._resolution = other.parts()
        for kind, families in readings.items():
            self._families[kind] = {name: alike(family) for name, family in families.items()}
        self._up = {kind: alike(family) for kind, family in up.items()}
        self.statics = [(alike(family), values) for family, values in other.statics]

    def parts(self) -> tuple[dict[str, dict[str, Spread]], dict[str, Spread], dict[str, dict[str, float]]]:
        """Return the families of readings by kind and quantity, those of `sensor_up`, and the resolutions."""
        return self._families, self._up, self._resolution

    def _spread(self, family: Family, labels: Sequence[Labels]) -> Spread:
        """Return a family with the copies that the mapping makes of its series, whose labels without the name are given."""
        return self._spreads([family], labels)[0]

    def _spreads(self, families: Sequence[Family], labels: Sequence[Labels]) -> list[Spread]:
        """Return families of the same series with their copies; the labels are taken apart once for all of them."""
        if self._mapping is None:
            return [Spread(family) for family in families]
        table = table_of(labels)
        try:
            made = [self._mapping.copies(family.metric, labels, table) for family in families]
        except ValueError as error:
            raise BadRegistry(str(error)) from error
        return [
            Spread(family, [self._copy(family, one) for one in copies]) for family, copies in zip(families, made, strict=True)
        ]

    def _copy(self, family: Family, copies: Copies) -> Copy:
        about, value = family.about, copies.value
        scaled = value.scale != 1.0 or value.offset != 0.0
        unit = value.unit or ("" if scaled else about.unit)
        made = self._store.family(copies.metric, copies.labels, family.period_ms, about.kind, unit, about.help)
        return Copy(made, copies.rows, len(family), value.scale, value.offset)

    def _check_unlike(self, mapping: SeriesMapping) -> None:
        """Two writers of one series would make nonsense of it."""
        twice = clash(self._all())
        if twice is not None:
            labels, one, other = twice
            what = f"series of {one}" if one == other else f"a series of {one} and one of {other}"
            raise BadRegistry(f"{mapping.file}: {what} come out as the same {format_labels(labels)}; expected labels that differ")

    def _all(self) -> list[Spread]:
        readings = [spread for families in self._families.values() for spread in families.values()]
        return [*readings, *self._up.values(), *(spread for spread, _ in self.statics)]

    def _open_static(self, store: SeriesStore, city: CityView) -> None:
        if all(static.name != INFO for static in city.registry.static):
            labels = [one for kind in city.tables for one in city.present_labels(kind)]
            family = store.family(INFO, labels, STATIC_PERIOD_MS, "gauge", "", "1 for every device of the city.")
            self.statics.append((self._spread(family, labels), np.ones(len(labels))))
        pool: dict[tuple[str, str], tuple[str, str]] = {}  # a pair is kept once
        for static in city.registry.static:
            sets = (labels_of({"city": city.hello.city, **mapping}) for mapping in static.labels)
            labels = [tuple([pool.setdefault(pair, pair) for pair in one]) for one in sets]
            family = store.family(static.name, labels, STATIC_PERIOD_MS, "gauge", "", static.help)
            self.statics.append((self._spread(family, labels), np.asarray(static.values, dtype=np.float64)))

    def _open(self, store: SeriesStore, city: CityView, kind: KindInfo, own_up: bool) -> None:
        labels = city.series_labels(kind.name)  # once for all metrics of the kind
        period = None if kind.heartbeat_ms else kind.period_ms
        families = [store.family(q.metric, labels, period, q.type, q.unit, q.help) for q in kind.quantities]
        names = [q.name for q in kind.quantities]
        self._families[kind.name] = dict(zip(names, self._spreads(families, labels), strict=True))
        self._resolution[kind.name] = {q.name: q.resolution for q in kind.quantities}
        if not own_up:
            family = store.family(UP, labels, period, "gauge", "", "1 when the device reported")
            self._up[kind.name] = self._spread(family, labels)

    @staticmethod
    def wanted(city: CityView, mapping: SeriesMapping | None = None) -> int:
        """Return how many series a registry may ask for, with their copies where they are mapped."""
        per_device = {kind.name: len(kind.quantities) + 3 for kind in city.kinds}
        readings = sum(len(rows) * per_device[kind] for kind, rows in city.rows.items())
        return (readings + sum(len(static.values) for static in city.registry.static)) * (1 if mapping is None else 2)

    def write(
        self, kind: str, rows: NDArray[np.int64], observed: Any, received_at_ms: int, quality: Any, columns: dict[str, Any]
    ) -> None:
        """Write a batch: `rows` positions in the kind's table, `observed` ms (one number or one per row)."""
        if isinstance(observed, int):
            self._write_instant(kind, rows, observed, received_at_ms, quality, columns)
            return
        for instant in np.unique(observed).tolist():
            at = observed == instant
            some = {name: column[at] for name, column in columns.items()}
            self._write_instant(kind, rows[at], instant, received_at_ms, None if quality is None else quality[at], some)

    def _write_instant(
        self, kind: str, rows: NDArray[np.int64], observed_at_ms: int, received_at_ms: int, quality: Any, columns: dict[str, Any]
    ) -> None:
        families = self._families[kind]
        slots = self._slots(families, rows)
        if quality is not None and not quality.any():
            quality = None  # all are good
        suspect = None if quality is None else quality == SUSPECT
        if suspect is not None and suspect.any():
            self._doubt(kind, rows[suspect], observed_at_ms, received_at_ms)
            rows, columns = rows[~suspect], {name: column[~suspect] for name, column in columns.items()}
            self._write_instant(kind, rows, observed_at_ms, received_at_ms, quality[~suspect], columns)
            return
        present = None if quality is None else quality != ABSENT
        self._write_readings(kind, slots, observed_at_ms, received_at_ms, present, columns)
        if kind in self._up:
            all_up = present is None or bool(present.all())
            self._up[kind].append(observed_at_ms, received_at_ms, 1.0, slots, None if all_up else present)

    @staticmethod
    def _slots(families: Mapping[str, Spread], rows: NDArray[np.int64]) -> NDArray[np.intp] | None:
        """Return the slots of rows, None where they are all slots of all families."""
        n = len(rows)
        whole = n > 0 and rows[0] == 0 and rows[-1] == n - 1 and all(n == len(one.family) for one in families.values())
        return None if whole and bool((rows == np.arange(n)).all()) else rows.astype(np.intp, copy=False)

    def _write_readings(
        self, kind: str, slots: Any, observed_at_ms: int, received_at_ms: int, present: BoolArray | None, columns: dict[str, Any]
    ) -> None:
        """Write the quantities of devices of which those that are not `present` (None: all are) did not report."""
        names = [name for name in self._families[kind] if name in columns]
        if not names:
            return
        raw = np.concatenate([columns[name] for name in names]).reshape(len(names), -1)
        values = raw * np.array([self._resolution[kind][name] for name in names])[:, None]
        complete = present is None and bool(raw.size) and int(raw.min()) > MISSING
        for name, own_raw, own in zip(names, raw, values, strict=True):
            valid = None
            if not complete:
                there = own_raw != MISSING if present is None else present & (own_raw != MISSING)
                valid = None if bool(there.all()) else there
            self._families[kind][name].append(observed_at_ms, received_at_ms, own, slots, valid)

    def _doubt(self, kind: str, rows: NDArray[np.int64], observed_at_ms: int, received_at_ms: int) -> None:
        """End the series of what is not believed, and say that it is not."""
        slots = rows.astype(np.intp)
        for spread in self._families[kind].values():
            spread.append(observed_at_ms, received_at_ms, 0.0, slots, stale=True)
        family = next(iter(self._families[kind].values())).family
        for row in rows.tolist():
            self._store.append_sample(DOUBTED, dict(family.labels[row]), observed_at_ms, 1.0, received_at_ms)

    def write_rows(self, kind: str, rows: NDArray[np.int64], batches: Sequence[Past], now_ms: int) -> None:
        """Write batches of the same devices with nothing to doubt, oldest first, as `write` does one by one.

        What nobody is expected to reach at `now_ms` is left to be made by who reads it all the same.
        """
        slots = rows.astype(np.intp)
        for name, family in self._families[kind].items():
            self._put_past(family, slots, batches, partial(_readings, name, self._resolution[kind][name]), now_ms)
        up = self._up.get(kind)
        if up is not None:
            self._put_past(up, slots, batches, partial(_ups, len(rows)), now_ms)

    def _put_past(self, spread: Spread, slots: IndexArray, batches: Sequence[Past], make: Made, now_ms: int) -> None:
        """Write some cells of batches: first those that can wait, while each of them can, then the others."""
        before_ms = self._store.packed_before(spread.family.metric, now_ms)
        first = 0
        while first < len(batches) and batches[first].observed_at_ms < before_ms:
            some = [one for one in batches[first : first + LATER_ROWS] if one.observed_at_ms < before_ms]
            if not spread.append_later(LaterRows(*_times(some), len(slots), partial(make, some)), slots):
                break
            first += len(some)
        if first < len(batches):
            values, valid = make(batches[first:])
            spread.append_rows(*_times(batches[first:]), values, slots, valid)

    def write_scattered(self, kind: str, batches: Sequence[Scattered]) -> None:
        """Write batches of any devices with nothing to doubt, in the order in which they came, as `write` does one by one."""
        sizes = [len(batch.rows) for batch in batches]
        rows = np.concatenate([batch.rows for batch in batches]).astype(np.intp)
        at_ms = np.concatenate([batch.observed_at_ms for batch in batches])
        received_ms = np.repeat(np.array([batch.received_at_ms for batch in batches], dtype=np.int64), sizes)
        there = np.concatenate([_there(batch) for batch in batches])
        for name, family in self._families[kind].items():
            having = [batch.columns[name] for batch in batches if name in batch.columns]
            if having:
                mine = np.repeat(np.array([name in batch.columns for batch in batches]), sizes)
                raw = np.full(len(rows), MISSING, dtype=np.int64)
                raw[mine] = np.concatenate(having)
                chosen = there & (raw != MISSING)
                values = raw[chosen] * self._resolution[kind][name]
                family.append_samples(rows[chosen], at_ms[chosen], received_ms[chosen], values)
        up = self._up.get(kind)
        if up is not None:
            up.append_samples(rows[there], at_ms[there], received_ms[there], np.ones(int(np.count_nonzero(there))))

    def write_static(self, now_ms: int) -> None:
        """Write the city's static series once more; the caller does so each `STATIC_PERIOD_MS`."""
        self._put_static(now_ms, {one.family.metric: len(values) for one, values in self.statics})

    def write_static_again(self, now_ms: int) -> None:
        """Write the static series as `static_rows`, which were another writer's of this city, say that it did up to now."""
        for one, values in self.statics:
            rows = [(at_ms, counts.get(one.family.metric, 0)) for at_ms, counts in self.static_rows]
            if len(values) == len(one.family) and all(count == len(values) for _, count in rows):
                slots, past = np.arange(len(values), dtype=np.intp), [Past(at_ms, at_ms, None, {}) for at_ms, _ in rows]
                self._put_past(one, slots, past, partial(_still, values), now_ms)
            else:
                for at_ms, count in rows:
                    self._put_first(one, values, at_ms, count)

    def _put_static(self, at_ms: int, counts: Mapping[str, int]) -> None:
        self.static_rows.append((at_ms, dict(counts)))
        for one, values in self.statics:
            self._put_first(one, values, at_ms, counts.get(one.family.metric, 0))

    @staticmethod
    def _put_first(one: Spread, values: NDArray[np.float64], at_ms: int, count: int) -> None:
        if count:
            slots = None if count == len(one.family) else np.arange(count, dtype=np.intp)
            one.append(at_ms, at_ms, values[:count], slots)

    def families(self) -> dict[str, Family]:
        """Return the families by a name that says what the registry has them for."""
        spreads = {f"reading {kind} {name}": one for kind, families in self._families.items() for name, one in families.items()}
        spreads |= {f"up {kind}": one for kind, one in self._up.items()}
        spreads |= {f"static {one.family.metric}": one for one, _ in self.statics}
        found = {name: one.family for name, one in spreads.items()}
        copies = ((f"{name} as {copy.family.metric}", copy.family) for name, one in spreads.items() for copy in one.copies)
        return found | dict(copies)

    def forget(self, before_ms: int) -> None:
        """Forget when static series were written before an instant."""
        self.static_rows = [row for row in self.static_rows if row[0] >= before_ms]


def _times(batches: Sequence[Past]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when batches were observed and received."""
    at_ms, received_ms = ([getattr(batch, name) for batch in batches] for name in ("observed_at_ms", "received_at_ms"))
    return np.array(at_ms, dtype=np.int64), np.array(received_ms, dtype=np.int64)


def _readings(quantity: str, resolution: float, batches: Sequence[Past]) -> tuple[FloatArray, BoolArray]:
    """Return values and which of them are there, of shape (batches, devices)."""
    raw = np.stack([batch.columns[quantity] for batch in batches])
    return raw * resolution, _present(batches, raw.shape[1]) & (raw != MISSING)


def _ups(devices: int, batches: Sequence[Past]) -> tuple[FloatArray, BoolArray]:
    """Return the cells of `sensor_up`, as `_readings`."""
    present = _present(batches, devices)
    return np.ones(present.shape), present


def _still(values: FloatArray, batches: Sequence[Past]) -> tuple[FloatArray, BoolArray]:
    """Return values that never change, once for each batch, as `_readings`."""
    return np.tile(values, (len(batches), 1)), np.ones((len(batches), len(values)), dtype=np.bool_)


def _present(batches: Sequence[Past], devices: int) -> BoolArray:
    present = np.ones((len(batches), devices), dtype=np.bool_)
    for n, batch in enumerate(batches):
        if batch.quality is not None:
            present[n] = batch.quality != ABSENT
    return present


def _there(batch: Scattered) -> BoolArray:
    return np.ones(len(batch.rows), dtype=np.bool_) if batch.quality is None else np.asarray(batch.quality != ABSENT)
