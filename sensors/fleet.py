"""The fleet: all devices of a city, reporting on time over the channel as one ordered stream of frames.

Lives here: one process per kind and slot, delivery, barriers, commands. Must not know: what any kind measures, how frames
travel on from `emit`, any center. A barrier counts the frames since the one before and carries their CRC-32.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sensors import layers as map_layers
from sensors import registry as registry_book
from sensors.actuators import Actuators
from sensors.channel import Channel, Columns, Parcel
from sensors.kind import Bools, SensorKind
from sensors.messages import (
    Applied,
    Barrier,
    Batch,
    Command,
    Finished,
    Hello,
    Layers,
    Registry,
    Text,
    UpHeader,
    crc,
    encode_frame,
)
from sensors.quarantine import Quarantine
from sensors.registry import Placed
from sensors.station import Station
from simulator.streams import Streams
from simulator.world import World

COMMANDS, MEASURE, DELIVER, BARRIER = 0, 70, 80, 90  # priorities within one instant
BARRIER_MS = 1_000
SNAPSHOT_FORMAT = "cityops-fleet/1"


class Fleet:
    """The devices of one world. `emit` gets every frame, encoded, in order.

    `evaluation_ms` are the intervals at which the center evaluates rules; a barrier comes at each of their multiples too.
    `previous` is an earlier registry of the same city whose rows and indexes are kept. Whoever is in the same process may put
    itself in `heard`: it gets each message as it is, header and columns; none is encoded, and `emit` gets nothing.
    """

    def __init__(
        self,
        world: World,
        kinds: Sequence[SensorKind],
        noise_seed: int,
        emit: Callable[[bytes], None],
        *,
        evaluation_ms: Sequence[int] = (15_000,),
        previous: Registry | None = None,
    ) -> None:
        self.world, self.emit = world, emit
        self.heard: Callable[[UpHeader, Columns], None] | None = None
        self._streams = Streams(noise_seed)
        self.quarantine = Quarantine()
        self.stations = [Station(world, kind, self._streams, self.quarantine) for kind in kinds]
        self._registry = self._build_registry(previous)
        self._registry_digest = registry_book.digest(self._registry)
        self._channel = Channel(self._streams)
        self._actuators = Actuators(world, kinds, self.quarantine)
        self._every_ms = sorted({BARRIER_MS, *evaluation_ms})
        self._seen_version = -1  # of the telecom; what a fresh fleet holds is looked through once
        self._seq = self._frames = self._crc = 0
        self.barrier_ms = -1
        self._register()

    def _build_registry(self, previous: Registry | None) -> Registry:
        fresh = registry_book.build(self.world.city, [Placed(s.kind, s.sites, s.gateway) for s in self.stations])
        if previous is None:
            return fresh
        kept = registry_book.carry_over(previous, fresh)
        tables = {table.kind: table for table in kept.devices}
        for station in self.stations:
            table = tables[station.kind.name]
            station.use_table(registry_book.rows_of(table, station.sites), len(table.device_id))
        return kept

    def _register(self) -> None:
        scheduler = self.world.scheduler
        for station in self.stations:
            for slot in range(station.kind.slots):
                wake_ms = scheduler.now_ms + station.first_ms(slot)
                scheduler.add(f"sensors.{station.kind.name}.{slot}", MEASURE, wake_ms, self._measure_step(station, slot))
        scheduler.add("sensors.actuators", COMMANDS, None, self._finish_due)
        scheduler.add("sensors.channel", DELIVER, None, self._deliver)
        scheduler.add("sensors.barrier", BARRIER, self._next_barrier_ms(scheduler.now_ms), self._barrier)

    # --- what a center is told first ----------------------------------------------------------------------------------

    def registry(self) -> Registry:
        """Return the registry frame's header."""
        return self._registry

    def layers(self) -> Layers:
        """Return the public map layers."""
        return map_layers.build(self.world.city)

    def hello(self, run: str, **details: Any) -> Hello:
        """Return the first frame of a connection; `details` are further fields of Hello (token, release, branch, ...)."""
        city = self.world.city
        return Hello(
            run=run,
            city=city.id,
            title=Text(city.title.vi, city.title.en),
            start_at=self.world.start_at.isoformat(),
            time_zone=city.time_zone,
            lon=city.lon,
            lat=city.lat,
            registry_digest=self._registry_digest,
            barrier_ms=self.barrier_ms,
            schematic=city.schematic,
            attribution=city.attribution,
            **details,
        )

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return sum(station.sites.n for station in self.stations)

    def powered(self, kind: str) -> Bools:
        """Return which devices of a kind can report now, by their power."""
        station = next(s for s in self.stations if s.kind.name == kind)
        return station.kind.powered(self.world, station.sites)

    # --- commands -----------------------------------------------------------------------------------------------------

    def command(self, command: Command, now_ms: int) -> Applied:
        """Take a world command: `applied` goes out at once, ahead of all effects; its end follows when it has come."""
        applied = self._actuators.accept(command, now_ms)
        self._send(applied)
        self.world.scheduler.wake("sensors.actuators", self._actuators.next_ms())
        return applied

    def _finish_due(self, now_ms: int) -> int | None:
        self._tell(self._actuators.finish_due(now_ms))
        return self._actuators.next_ms()

    def _tell(self, ends: Sequence[Finished]) -> None:
        for end in ends:
            self._send(end)

    # --- readings -----------------------------------------------------------------------------------------------------

    def _measure_step(self, station: Station, slot: int) -> Callable[[int], int]:
        period_ms = station.kind.period_ms

        def step(now_ms: int) -> int:
            sent = station.measure(slot, now_ms)
            if sent:
                up, tick = self.world.telecom.up, self.world.tick(now_ms)
                for parcel, gateway, late_ms in sent:
                    self._channel.send(parcel, gateway, up, tick, now_ms, slot, late_ms)
                self.world.scheduler.wake("sensors.channel", self._channel.next_ms())
            return now_ms + period_ms

        return step

    def _deliver(self, now_ms: int) -> int | None:
        for parcel in self._channel.arrived(now_ms):
            self._send(self._header(parcel, now_ms), parcel.columns)
        return self._channel.next_ms()

    def _header(self, parcel: Parcel, now_ms: int) -> Batch:
        header = Batch(
            seq=self._seq,
            kind=parcel.kind,
            registry_version=self._registry.version,
            observed_at_ms=parcel.observed_at_ms,
            delivered_at_ms=now_ms,
            first=parcel.first,
            stride=parcel.stride,
        )
        self._seq += 1
        return header

    def _send(self, header: UpHeader, columns: Columns = ()) -> None:
        if self.heard is not None:
            self.heard(header, columns)
            return
        frame = encode_frame(header, columns)
        self._frames += 1
        self._crc = crc(self._crc, frame)
        self.emit(frame)

    # --- barriers -----------------------------------------------------------------------------------------------------

    def _next_barrier_ms(self, now_ms: int) -> int:
        return min((now_ms // every + 1) * every for every in self._every_ms)

    def _reopen(self, now_ms: int) -> None:
        """Let go what waits for a way that is there again; at barriers, so that no kind depends on when others measure."""
        telecom = self.world.telecom
        if telecom.version != self._seen_version:
            self._seen_version = telecom.version
            self._channel.release(telecom.up, now_ms)
            self.world.scheduler.wake("sensors.channel", self._channel.next_ms())

    def _barrier(self, now_ms: int) -> int:
        self._reopen(now_ms)
        self._tell(self._actuators.finish_reported(now_ms))
        barrier = Barrier(now_ms=now_ms, frames=self._frames, crc=self._crc)
        if self.heard is not None:
            self.heard(barrier, ())
        else:
            self.emit(encode_frame(barrier))
        self._frames = self._crc = 0
        self.barrier_ms = now_ms
        return self._next_barrier_ms(now_ms)

    # --- saving -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return all that changes, as plain data and arrays; the world's snapshot holds the processes' wake times."""
        return {
            "format": SNAPSHOT_FORMAT,
            "registry": self._registry_digest,
            "seq": self._seq,
            "frames": self._frames,
            "crc": self._crc,
            "barrier_ms": self.barrier_ms,
            "channel": self._channel.snapshot(),
            "actuators": self._actuators.snapshot(),
            "quarantine": self.quarantine.snapshot(),
            "stations": {s.kind.name: s.snapshot() for s in self.stations},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a snapshot of a fleet with the same registry; the world must be restored before.

        Raises ValueError on another format or registry.
        """
        if data.get("format") != SNAPSHOT_FORMAT:
            raise ValueError(f"the snapshot has format {data.get('format')!r}; expected {SNAPSHOT_FORMAT!r}")
        if data["registry"] != self._registry_digest:
            raise ValueError("the snapshot is of a fleet with another registry: other kinds, devices or city")
        self._seq, self._frames, self._crc = data["seq"], data["frames"], data["crc"]
        self.barrier_ms = data["barrier_ms"]
        self._channel.restore(data["channel"])
        self._actuators.restore(data["actuators"])
        self.quarantine.restore(data["quarantine"])
        for station in self.stations:
            station.restore(data["stations"][station.kind.name])
