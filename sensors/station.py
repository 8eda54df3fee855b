"""A kind at work: all its devices in one city, measured at once.

Lives here: from true values over noise and faults to raw readings of those devices that report. Must not know: frames,
other kinds. Noise is drawn by row of the kind's append-only table, so one more device changes nobody else's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.channel import Parcel, part
from sensors.deceit import Deceit
from sensors.faults import FaultTable
from sensors.kind import Bools, Floats, Ints, Noise, Quantity, SensorKind, Sites
from sensors.messages import BAD, GOOD, MISSING, SUSPECT
from sensors.quarantine import Quarantine
from simulator.distributions import Chance, Distribution, Normal
from simulator.streams import Streams, stable_key
from simulator.world import World

Raw = NDArray[np.int32]
SECOND_MS = 1_000
DOUBLE_AFTER_MS = 1_000
BIAS = Distribution(
    "sensors.{kind}.{quantity}.bias",
    Normal(),
    "of the kind's bias",
    "The relative error that a device keeps all its life.",
    "stated with each quantity: [sensor kinds](sensor-kinds.md)",
)
NOISE = Distribution(
    "sensors.{kind}.{quantity}.{part}.{slot}",
    Normal(),
    "of the kind's ratio and absolute noise",
    "The error of one reading.",
    "stated with each quantity: [sensor kinds](sensor-kinds.md)",
)
DROPOUT = Distribution(
    "sensors.{kind}.dropout",
    Chance(0.5),
    "of the reports, or the fault's magnitude",
    "A device with a dropout loses a report.",
    "stated with the fault: [injects](injects.md)",
)
DUPLICATE = Distribution(
    "sensors.{kind}.duplicate",
    Chance(1.0),
    "of the reports, or the fault's magnitude",
    "A device that duplicates sends a report twice.",
    "stated with the fault: [injects](injects.md)",
)
NEVER = -(1 << 62)
NO_END = 1 << 62


class Quiet(NamedTuple):
    """What all devices of a kind saw when they last looked; whoever sees the same before `until_ms` has nothing to report."""

    seen: tuple[bytes, ...]
    until_ms: int


class Station:
    """The devices of one kind. `table` is the row of each site in the kind's device table (None: the same)."""

    def __init__(self, world: World, kind: SensorKind, streams: Streams, quarantine: Quarantine) -> None:
        self.kind, self._world, self._streams, self._quarantine = kind, world, streams, quarantine
        self.sites = kind.place(world)
        check_sites(kind, self.sites)
        self.gateway = world.telecom.gateways_of(self.sites.device_id)
        self.context = kind.prepare(world, self.sites) if kind.prepare else None
        self._seen_version = self._seen_quarantine = -1
        self._noiseless = all(q.type == "counter" or q.noise == NO_NOISE for q in kind.quantities)
        self.use_table(np.arange(self.sites.n, dtype=np.int64), self.sites.n)

    def use_table(self, table: Ints, size: int) -> None:
        """Let site i report as row `table[i]` of the kind's device table of `size` rows."""
        self.table, self.size = table, size
        self._plain = size == len(table) and bool((table == np.arange(size)).all())
        n, slots = self.sites.n, self.kind.slots
        self.faults, self.deceit = FaultTable.empty(n), Deceit()
        self.suspect: Bools = np.zeros(n, dtype=bool)
        self._row_of = {name: i for i, name in enumerate(self.sites.device_id)}
        self._slot_sites = [np.flatnonzero(table % slots == s) for s in range(slots)]
        self._slot_take: list[slice | Ints] = [
            slice(s, None, slots) if self._plain else self._slot_sites[s] for s in range(slots)
        ]
        self._slot_at = [table[sites] // slots for sites in self._slot_sites]
        self._slot_size = [(self.size + slots - 1 - s) // slots for s in range(slots)]
        self._slot_gateway = [self.gateway[sites] for sites in self._slot_sites]
        self._slot_up = [np.ones(len(sites), dtype=np.int32) for sites in self._slot_sites]
        bias = {q.name: self._fixed_bias(q) for q in self.kind.quantities if q.noise.bias_ratio > 0}
        self._slot_bias = [{name: values[sites] for name, values in bias.items()} for sites in self._slot_sites]
        steps = [_steps(q) for q in self.kind.quantities]
        self._lowest, self._highest = (np.array([pair[i] for pair in steps], dtype=np.float64) for i in (0, 1))
        self._quiet: Quiet | None = None
        if self.kind.on_change:
            self.last: Raw = np.full((len(self.kind.quantities), n), MISSING, dtype=np.int32)
            self.sent_ms: Ints = np.full(n, NEVER, dtype=np.int64)

    def _fixed_bias(self, quantity: Quantity) -> Floats:
        draws = self._streams.draw(BIAS, self.kind.name, quantity.name, tick=0, n=self.size)
        return 1.0 + quantity.noise.bias_ratio * draws[self.table]

    def first_ms(self, slot: int) -> int:
        """Return when a slot first reports after the world began: a full second within the period that its name decides."""
        part_ms = self.kind.period_ms // self.kind.slots
        seconds = max(1, part_ms // SECOND_MS)
        return slot * part_ms + (stable_key("phase", self.kind.name) % seconds + 1) * min(SECOND_MS, part_ms)

    def measure(self, slot: int, now_ms: int) -> list[tuple[Parcel, Ints, int]]:
        """Return what a slot's devices send: parcels, the gateways of their rows and by how many ms they are late."""
        sites = self._slot_sites[slot]
        self._refresh_faults()
        measured = self.kind.measure(self._world, self.sites, self.context, now_ms)
        values = [self._true_values(measured, quantity.name) for quantity in self.kind.quantities]
        sends = self.kind.powered(self._world, self.sites)[self._slot_take[slot]]
        seen = self._seen_by_all(values, sends) if self.kind.on_change else None
        if seen is not None and self._quiet is not None and self._quiet.seen == seen and now_ms < self._quiet.until_ms:
            return []
        raw, quality = self._read(values, slot, now_ms)
        if self.faults.any:
            self.faults.hold(raw, sites)
            sends = sends & ~self.faults.dead[sites] & ~self._hit(DROPOUT, self.faults.dropout, slot, now_ms)
        if self.deceit.any:
            self.deceit.falsify(raw, sites, now_ms)
        if self._quarantine.devices:
            quality[self.suspect[sites] & (quality == GOOD)] = SUSPECT
        if self.kind.on_change:
            there, sends = sends, self._changed(raw, slot, sends, now_ms)
            due_ms = int(self.sent_ms[self._slot_take[slot]][there].min(initial=NO_END)) + self.kind.heartbeat_ms
            self._quiet = None if seen is None else Quiet(seen, due_ms)
        if not sends.any():
            return []
        whole = self._parcel(raw, quality, slot, now_ms)
        return self._send(whole, sites, sends, slot, now_ms)

    def _seen_by_all(self, values: Sequence[NDArray[Any]], sends: Bools) -> tuple[bytes, ...] | None:
        """Return what decides who reports, where that is all: true values of a kind without noise, faults, lies or slots."""
        if self.kind.slots > 1 or self.faults.any or self.deceit.any or not self._noiseless:
            return None
        return (sends.tobytes(), *(one.tobytes() for one in values))

    def _hit(self, what: Distribution[Chance], share: Floats, slot: int, now_ms: int) -> Bools:
        """Return which rows of a slot something happens to, with the share of each site; drawn by append-only slots."""
        chances = np.zeros(self._slot_size[slot])
        chances[self._slot_at[slot]] = share[self._slot_sites[slot]]
        hits = self._streams.hits(what, chances, self.kind.name, tick=self._world.tick(now_ms), n=len(chances))
        return hits[self._slot_at[slot]]

    def _refresh_faults(self) -> None:
        health = self._world.devices
        if self._seen_version != health.version:
            self._rebuild()
            self._seen_version = health.version
        if self._seen_quarantine != self._quarantine.version:
            self.suspect = np.array([name in self._quarantine.devices for name in self.sites.device_id], dtype=bool)
            self._seen_quarantine = self._quarantine.version

    def _rebuild(self) -> None:
        faults = self._world.devices.faults
        self.faults.rebuild(faults, self.kind.name, self._row_of, self.kind.faults)
        self.deceit.rebuild(faults, self._row_of, self.kind.quantities)

    def _read(self, values: Sequence[NDArray[Any]], slot: int, now_ms: int) -> tuple[Raw, NDArray[np.uint8]]:
        """Return raw readings [quantity, row] of a slot and their quality [row], from the true values of all sites."""
        n = len(self._slot_sites[slot])
        raw = np.empty((len(values), n), dtype=np.int32)
        quality = np.full(n, GOOD, dtype=np.uint8)
        if not n:
            return raw, quality
        steps = np.empty((len(values), n))
        for quantity, whole, row in zip(self.kind.quantities, values, steps, strict=True):
            seen = whole[self._slot_take[slot]]
            if quantity.type == "gauge" and quantity.noise != NO_NOISE:
                seen = self._disturb(quantity, seen, slot, now_ms)
            np.divide(seen, quantity.resolution, out=row)
        np.rint(steps, out=steps)
        fits = (self._lowest <= steps.min(axis=1)) & (steps.max(axis=1) <= self._highest)  # NaN compares false
        for i in np.flatnonzero(~fits).tolist():
            cut(self.kind.quantities[i], steps[i], quality)
        raw[:] = steps
        return raw, quality

    def _true_values(self, measured: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
        """Return the true values of a quantity. Raises ValueError where the kind's `measure` does not give one a site."""
        values = np.asarray(measured[name]) if name in measured else None
        if values is None or values.shape != (self.sites.n,):
            seen = "nothing" if values is None else f"shape {values.shape}"
            raise ValueError(f"kind {self.kind.name}: measure gave {seen} for {name!r}; expected shape ({self.sites.n},)")
        return values

    def _disturb(self, quantity: Quantity, values: NDArray[Any], slot: int, now_ms: int) -> Floats:
        """Add bias, noise and analogue faults to the true values of an analogue quantity."""
        noise = quantity.noise
        out: Floats = values.astype(np.float64)
        if noise.bias_ratio > 0:
            out *= self._slot_bias[slot][quantity.name]
        if noise.ratio > 0:
            gain = noise.ratio * self._normal(quantity.name, "ratio", slot, now_ms)
            gain += 1.0
            out *= gain
        if noise.absolute > 0:
            out += noise.absolute * self._normal(quantity.name, "absolute", slot, now_ms)
        return self.faults.distort(out, self._slot_sites[slot], now_ms) if self.faults.any else out

    def _normal(self, quantity: str, purpose: str, slot: int, now_ms: int) -> Floats:
        given = (self.kind.name, quantity, purpose, str(slot))
        draws = self._streams.draw(NOISE, *given, tick=self._world.tick(now_ms), n=self._slot_size[slot])
        return draws if self._plain else draws[self._slot_at[slot]]

    def _changed(self, raw: Raw, slot: int, sends: Bools, now_ms: int) -> Bools:
        """Return which devices report: those whose reading is another than the last one sent, and those long silent."""
        take = self._slot_take[slot]
        fresh = (raw != self.last[:, take]).any(axis=0) | (now_ms - self.sent_ms[take] >= self.kind.heartbeat_ms)
        sends = sends & fresh
        at = np.flatnonzero(sends)
        if len(at):
            sites = self._slot_sites[slot][at]
            self.last[:, sites] = raw[:, at]
            self.sent_ms[sites] = now_ms
        return sends

    def _parcel(self, raw: Raw, quality: NDArray[np.uint8], slot: int, now_ms: int) -> Parcel:
        names = [q.name for q in self.kind.quantities]
        columns = [*zip(names, raw, strict=True), ("up", self._slot_up[slot]), ("quality", quality)]
        if self._plain:
            return Parcel(self.kind.name, now_ms, slot, self.kind.slots, tuple(columns))
        device = self.table[self._slot_sites[slot]].astype(np.uint32)
        return Parcel(self.kind.name, now_ms, 0, 0, (("device", device), *columns))

    def _send(self, whole: Parcel, sites: Ints, sends: Bools, slot: int, now_ms: int) -> list[tuple[Parcel, Ints, int]]:
        if self.deceit.skew_ms:
            return self._send_skewed(whole, sites, sends, slot, now_ms)
        gateway = self._slot_gateway[slot]
        if not self.faults.any:
            return [(whole, gateway, 0)] if sends.all() else [(part(whole, sends), gateway[sends], 0)]
        out = []
        late = self.faults.late_ms[sites]
        for late_ms in np.unique(late[sends]).tolist():
            group = sends & (late == late_ms)
            out.append((part(whole, group), gateway[group], int(late_ms)))
        doubled = sends & self._hit(DUPLICATE, self.faults.duplicate, slot, now_ms)
        if doubled.any():
            out.append((part(whole, doubled), gateway[doubled], DOUBLE_AFTER_MS))
        return out

    def _send_skewed(self, whole: Parcel, sites: Ints, sends: Bools, slot: int, now_ms: int) -> list[tuple[Parcel, Ints, int]]:
        """Send those apart whose clock is wrong: their readings bear another time."""
        skew_ms, out = self.deceit.clocks(sites), []
        for wrong_ms in np.unique(skew_ms[sends]).tolist():
            group = sends & (skew_ms == wrong_ms)
            out.append((replace(part(whole, group), observed_at_ms=now_ms + wrong_ms), self.gateway[sites][group], 0))
        return out

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        data: dict[str, Any] = {"held": self.faults.snapshot(), "deceit": self.deceit.snapshot()}
        if self.kind.on_change:
            data |= {"last": self.last.copy(), "sent_ms": self.sent_ms.copy()}
        return data

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state; the world must be restored before."""
        self.faults.restore(data["held"])
        self.deceit.restore(data["deceit"])
        self._rebuild()
        self._seen_version = self._world.devices.version
        if self.kind.on_change:
            self.last, self.sent_ms, self._quiet = data["last"].copy(), data["sent_ms"].copy(), None


NO_NOISE = Noise()


def check_sites(kind: SensorKind, sites: Sites) -> None:
    """Raise ValueError where the columns of a kind's sites differ in length, or ids are no ASCII or used twice."""
    columns = {name: getattr(sites, name) for name in ("name", "lon", "lat", "zone", "road", "feeder", "cabinet")}
    for name, values in {**columns, **sites.labels}.items():
        if len(values) != sites.n:
            raise ValueError(f"kind {kind.name}: place gave {len(values)} values of {name!r} for {sites.n} devices")
    bad = next((i for i in sites.device_id if not i or not i.isascii()), None)
    if bad is not None:
        raise ValueError(f"kind {kind.name}: device id {bad!r}; expected ASCII")
    if len(set(sites.device_id)) != sites.n:
        raise ValueError(f"kind {kind.name}: place gave a device id twice")


def _steps(quantity: Quantity) -> tuple[int, int]:
    """Return the range of a quantity in steps of its resolution."""
    return round(quantity.minimum / quantity.resolution), round(quantity.maximum / quantity.resolution)


def cut(quantity: Quantity, steps: Floats, quality: NDArray[np.uint8]) -> None:
    """Cut whole steps of the resolution to the range, in place: what is outside is suspect, NaN is `MISSING` and bad."""
    missing = np.isnan(steps)
    inside = np.clip(np.where(missing, 0.0, steps), *_steps(quantity))
    if quantity.noise == NO_NOISE:
        quality[(inside != steps) & (quality == GOOD)] = SUSPECT
    quality[missing] = BAD
    steps[:] = np.where(missing, MISSING, inside)
