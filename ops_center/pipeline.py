"""The center as a pure machine: frames and commands in, changes out.

Lives here: the order of things at a barrier: readings into series, answers, rules, judgement, digests. Must not know: files,
sockets, threads, the wall clock. The city is the clock: time is the last barrier. Input is buffered between barriers and
judged at them, in the order of its simulated delivery, so the delay of a real socket changes nothing. A bad message is counted
by its reason and never stops the center. `step(frame)` and `apply(command)` return what changed, each change with its cause.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ops_center import series_state
from ops_center.city_view import CityView
from ops_center.counters import Counters
from ops_center.devices import Devices
from ops_center.digest import Chain, change_bytes, frame_bytes
from ops_center.events import Cause, Change, JudgementCommand
from ops_center.judge import Judge, RuleFile
from ops_center.judgement import Judgement
from ops_center.map_layers import MapLayers
from ops_center.mapping import SeriesMapping
from ops_center.opening import MAX_DEVICES, BadRegistry, RegistryParts, epoch_ms
from ops_center.refill import Refill
from ops_center.rules.alerting import Change as Transition
from ops_center.series import MAX_SERIES, Family, SeriesLimit, SeriesStore
from ops_center.series_writer import STATIC_PERIOD_MS, SeriesWriter
from ops_center.tables import IllegalEvent
from ops_center.wire_input import Item, Seen, WireInput, out_of_reach, rows_of
from sensors.messages import (
    OPENING,
    PROTOCOL,
    Applied,
    BadMessage,
    Barrier,
    Batch,
    Finished,
    Hello,
    Layers,
    Pace,
    Registry,
    Until,
    UpHeader,
    decode_frame,
    tag_of,
)

FORGET_EVERY_MS = 60_000
SNAPSHOT_VERSION = 2


@dataclass(frozen=True, slots=True)
class CenterConfig:
    """What a center is made of: its rule files, the window semantics ("3.x" or "2.x"), how long samples stay.

    A registry of more than `max_devices` is refused; how many series there may be follows the registry.
    """

    rules: tuple[RuleFile, ...] = ()
    semantics: str = "3.x"
    retention_ms: int = 2 * 3_600_000
    max_devices: int = MAX_DEVICES
    mapping: SeriesMapping | None = None  # further names of readings
    series_only: bool = False  # readings go into the series alone, for good: nobody looks at devices


class Center:
    """The judgement of one city. Not thread-safe: one caller at a time.

    `now_ms` is the last processed barrier, -1 before the first. `seen` is the header of the last frame, None if unreadable.
    `change_count` and `applied_seq` number the changes made and the last command done. `took` are the frames of registry and
    layers that the last step took in; `refused` says why a city's opening cannot be used, if it cannot.
    """

    def __init__(self, config: CenterConfig) -> None:
        self.config = config
        self.hello: Hello | None = None
        self.city: CityView | None = None
        self.devices: Devices | None = None
        self.judge = Judge(config.rules, config.semantics, config.retention_ms)
        self.judgement = Judgement(lambda kinds: self.judge.witnesses(kinds))  # noqa: PLW0108 (a restore takes another judge)
        self.now_ms = -1
        self.pacing = Pace(pace=1.0, paused=False, achieved=0.0)
        self.counters = Counters()
        self.change_count = 0
        self.applied_seq = 0
        self.seen: UpHeader | None = None
        self.registry: Registry | None = None
        self.layers: MapLayers | None = None
        self.refused = ""
        self.took: list[bytes] = []
        self._parts = RegistryParts(config.max_devices)
        self.opened_ms = -1  # the barrier after which registry or layers last came
        self._input = WireInput()
        self._taken = Seen()
        self._writer: SeriesWriter | None = None
        self._static_due_ms = 0
        self._numbers: dict[str, int] = {}  # command id -> its number in the journal
        self._world, self._judged = Chain(), Chain()
        self._handlers: dict[type[Any], Callable[[Any, bytes], list[Change]]] = {
            Hello: self._on_hello,
            Registry: self._on_registry,
            Layers: self._on_layers,
            Pace: self._on_pace,
            Until: self._on_until,
            Barrier: self._on_barrier,
        }

    # -- frames

    def step(self, frame: bytes) -> list[Change]:
        """Take in one frame of the wire; changes come at barriers only."""
        self.counters.frames += 1
        self.took = []
        try:
            self.seen, columns = decode_frame(frame)
        except BadMessage as error:
            self._unreadable(frame, error)
            return []
        handler = self._handlers.get(type(self.seen))
        if handler is not None:
            return handler(self.seen, frame)
        self._input.saw(frame)
        if not self._input.keep(Item(self.seen, columns, frame)):
            self.counters.bad_message("no_barrier", f"more than {len(self._input.items)} frames came without a barrier")
        return []

    def _unreadable(self, frame: bytes, error: BadMessage) -> None:
        self.seen, tag = None, tag_of(frame)
        if tag in OPENING:
            self._refuse("unreadable", f"its {tag} cannot be used: {error}")
        else:
            self._input.saw(frame)
            self.counters.bad_message("unreadable", str(error))

    def drop_partial(self) -> None:
        """Forget what came since the last barrier: the city sends it again after a reconnection."""
        self._input = WireInput()
        self._parts.forget()

    def _refuse(self, reason: str, text: str) -> None:
        """A part of an opening cannot be used: without a city yet there can be none, else the one in use goes on."""
        self.counters.bad_message(reason, text)
        if self.city is None:
            self.refused = text
            self.registry, self.layers, self.took = None, None, []
            self._world = Chain()

    def _on_hello(self, hello: Hello, _frame: bytes) -> list[Change]:
        self.refused = ""
        if hello.protocol != PROTOCOL:
            self._refuse("protocol", f"the city speaks protocol {hello.protocol}; expected {PROTOCOL}")
            return []
        start_ms = epoch_ms(hello.start_at)
        if start_ms is None:
            self._refuse("hello", f"start_at is {hello.start_at!r}; expected ISO 8601 with an offset")
            return []
        self.hello = msgspec.structs.replace(hello, token="")
        self.judge.starts_at(start_ms)
        self.drop_partial()
        return []

    def _on_registry(self, registry: Registry, frame: bytes) -> list[Change]:
        if self.registry is not None and registry.version <= self.registry.version:
            return []
        try:
            whole = self._parts.take(registry, frame)
        except BadRegistry as error:
            self._refuse("registry", str(error))
            return []
        if whole is not None:
            self.registry, self.opened_ms, self.took = whole, self.now_ms, self._parts.frames
            self._parts.forget()
            for part in self.took:
                self._world.add(part)
            if self.layers is not None:  # else they follow: names of zones and wards come with them
                self._rebuild()
        return []

    def _on_layers(self, layers: Layers, frame: bytes) -> list[Change]:
        if self.layers is None or layers.version > self.layers.version:
            self.layers, self.opened_ms, self.took = MapLayers(layers), self.now_ms, [frame]
            self._world.add(frame)
            self._rebuild()
        return []

    def _on_pace(self, pace: Pace, _frame: bytes) -> list[Change]:
        self.pacing = pace
        return []

    def _on_until(self, _until: Until, _frame: bytes) -> list[Change]:
        return []  # it asks whoever holds the socket, not the judgement

    def _rebuild(self, like: "Center | None" = None) -> None:
        """Take a new registry or layers into use, those of another center if it has them; nothing changes if they do not fit."""
        if self.hello is None or self.registry is None:
            return
        try:
            city = (like and like.city) or CityView(self.hello, self.registry, self.layers)
            mapping = self.config.mapping
            more = SeriesWriter.wanted(city, mapping) if like is None else like.judge.store.max_series - MAX_SERIES
            self.judge.store.max_series = MAX_SERIES + more
            writer = SeriesWriter(self.judge.store, city, self._writer, None if like is None else like.writer(), mapping)
        except (BadRegistry, SeriesLimit) as error:
            self._refuse("registry", str(error))
            return
        devices = Devices(city)
        if self.devices is not None:
            devices.restore(self.devices.snapshot())
        city.forget_static()
        self.registry = city.registry
        self.city, self.devices, self._writer = city, devices, writer
        self._static_due_ms = self.now_ms
        self.judgement.use(city, devices)

    # -- the barrier

    def _on_barrier(self, barrier: Barrier, frame: bytes) -> list[Change]:
        if self.city is None:
            self._rebuild()
        if wrong := self._input.wrong_with(barrier, self.now_ms):
            self.counters.bad_message("barrier", wrong)
        if out_of_reach(barrier, self.now_ms):
            return []
        items = self._input.close()
        if barrier.now_ms <= self.now_ms:
            return []
        changes = [change for item in items for change in self._take(item)]
        self._world.add(frame_bytes(barrier, frame, self._number))
        changes += self._evaluate(barrier.now_ms)
        self.now_ms = barrier.now_ms
        changes += self.judgement.tick(self.now_ms)
        if self.now_ms % FORGET_EVERY_MS == 0 and not self.config.series_only:
            self.judge.prune(self.now_ms)
            if self._writer is not None:
                self._writer.forget(self.judge.store.floor_ms)
            self.judgement.forget_old(self.now_ms)
        return self._digested(changes)

    def _take(self, item: Item) -> list[Change]:
        header = item.header
        if isinstance(header, Batch):
            if self._taken.first_time(header.kind, header.seq):
                self._world.add(item.frame)
                self._take_batch(header, item.columns, again=self.config.series_only)
            else:
                self.counters.duplicates += 1
            return []
        self._world.add(frame_bytes(header, item.frame, self._number))
        return self._take_answer(header)

    def _take_batch(self, batch: Batch, columns: dict[str, Any], again: bool = False) -> None:
        """Take in readings: into the series, and into the devices unless it is `again`, for the series alone."""
        if self.city is None or self.devices is None or self._writer is None or batch.kind not in self.city.tables:
            self.counters.bad_message("unknown_kind", f"a batch of {batch.kind!r} came; the registry has no such kind")
            return
        if batch.registry_version > self.city.registry.version:
            version = self.city.registry.version
            self.counters.bad_message("registry_version", f"a batch names registry {batch.registry_version}; known is {version}")
            return
        try:
            rows = rows_of(batch, columns, len(self.city.tables[batch.kind].index), self.now_ms)
        except BadMessage as error:
            self.counters.bad_message("batch", str(error))
            return
        quality = columns.get("quality")
        observed = columns.get("observed_at_ms", batch.observed_at_ms)
        values = {name: column for name, column in columns.items() if name not in ("quality", "observed_at_ms", "device")}
        if values and len(rows):
            self._writer.write(batch.kind, rows, observed, batch.delivered_at_ms, quality, values)
            if not again:
                self.devices.take(batch.kind, rows, observed, quality, values)
                self.counters.readings += len(rows) * len(values)

    def _take_answer(self, answer: UpHeader) -> list[Change]:
        if isinstance(answer, Applied):
            cause, event = Cause("applied", answer.command_id, answer.now_ms), "accept" if answer.accepted else "refuse"
        elif isinstance(answer, Finished):
            cause, event = Cause("finished", answer.command_id, answer.now_ms), "done" if answer.state == "done" else "fail"
        else:
            return []
        try:
            return self.judgement.answer(answer.command_id, event, cause, answer.reason)
        except IllegalEvent as error:
            self.counters.bad_message("answer", str(error))
            return []

    def _evaluate(self, upto_ms: int) -> list[Change]:
        if self.city is None or self._writer is None:
            return []
        if upto_ms >= self._static_due_ms:
            self._writer.write_static(upto_ms)
            self._static_due_ms = upto_ms - upto_ms % STATIC_PERIOD_MS + STATIC_PERIOD_MS
        changes: list[Change] = []
        for at_ms, transitions in self.judge.evaluate(self.now_ms, upto_ms):
            changes += self._judge(at_ms, transitions, "evaluation")
        return changes

    def _judge(self, at_ms: int, transitions: list[Transition], why: str) -> list[Change]:
        changes, wrong = self.judgement.transitions(at_ms, transitions, why)
        for text in wrong:
            self.counters.bad_message("transition", text)
        return changes

    # -- commands

    def apply(self, command: JudgementCommand) -> list[Change]:
        """Do a journalled command after the last processed barrier; `Judgement.check` has the types and says what is possible.

        A command that has become impossible changes nothing. Raises ValueError if a "reload" has a bad rule; the old rules stay.
        """
        self._numbers[command.command_id] = command.seq
        self.applied_seq = max(self.applied_seq, command.seq)
        if command.type == "reload":
            files = [RuleFile(item["name"], item["text"]) for item in command.params["rules"]]
            return self._digested(self._judge(command.at_ms, self.judge.reload(files, max(0, command.at_ms)), "reload"))
        return self._digested(self.judgement.apply(command))

    # -- digests, save and load

    def _number(self, command_id: str) -> int:
        return self._numbers.get(command_id, -1)

    def _digested(self, changes: list[Change]) -> list[Change]:
        for change in changes:
            self._judged.add(change_bytes(change, self._number))
        self.change_count += len(changes)
        return changes

    def digests(self) -> dict[str, str]:
        """Return the heads of the chains `world` and `judgement`."""
        return {"world": self._world.hexdigest(), "judgement": self._judged.hexdigest()}

    def snapshot(self, samples: bool = True) -> dict[str, Any]:
        """Return the state as of the last barrier as plain data and arrays; input after it is not part of it.

        Registry and layers are not part of it either: `restore` is given them again. Without `samples` it is a keyframe's state:
        small, and whoever restores it fills the series again (`recall`).
        """
        return {
            "version": SNAPSHOT_VERSION,
            "now_ms": self.now_ms,
            "hello": None if self.hello is None else msgspec.msgpack.encode(self.hello),
            "registry": -1 if self.registry is None else self.registry.version,
            "layers": -1 if self.layers is None else self.layers.version,
            "opened_ms": self.opened_ms,
            "taken": self._taken.snapshot(),
            "static_due_ms": self._static_due_ms,
            "static_rows": [] if self._writer is None else [list(row) for row in self._writer.static_rows],
            "numbers": dict(self._numbers),
            "change_count": self.change_count,
            "applied_seq": self.applied_seq,
            "digests": self.digests(),
            "series": series_state.snapshot(self.judge.store, self.families(), samples),
            "judge": self.judge.snapshot(),
            "judgement": self.judgement.snapshot(),
            "devices": None if self.devices is None else self.devices.snapshot(),
        }

    def families(self) -> dict[str, Family]:
        """Return the series that the registry's devices and places write, by what they are of; rules write the others."""
        return {} if self._writer is None else self._writer.families()

    @classmethod
    def restore(
        cls, config: CenterConfig, data: dict[str, Any], opening: Iterable[bytes], like: "Center | None" = None
    ) -> "Center":
        """Return the center that `snapshot` described; `opening` holds the registry and layers frames that it had.

        A center of the same run that is there (`like`) lends what never changes: the registry as it is read, labels and what
        was derived from them. It makes the work shorter and nothing else.
        Raises ValueError if it is of another version, or of another registry or layers.
        """
        if data.get("version") != SNAPSHOT_VERSION:
            raise ValueError(f"the snapshot has version {data.get('version')!r}; expected {SNAPSHOT_VERSION}")
        center = cls(config)
        center.now_ms = data["now_ms"]
        center.hello = None if data["hello"] is None else msgspec.msgpack.decode(data["hello"], type=Hello)
        like = like if like is not None and like.knows(data) else None
        if like is None:
            center._use_opening(data, opening)
        else:
            center.registry, center.layers = like.registry, like.layers
        center._taken.restore(data["taken"])
        center._numbers = dict(data["numbers"])
        center.change_count, center.applied_seq = data["change_count"], data["applied_seq"]
        center._world, center._judged = Chain(data["digests"]["world"]), Chain(data["digests"]["judgement"])
        center.judgement.restore(data["judgement"])
        center.judge.store = SeriesStore()
        if like is not None:
            center.judge.store.inherit(like.judge.store)
        center._rebuild(like)
        if center.refused:
            raise ValueError(center.refused)
        store = series_state.restore(center.judge.store, data["series"], center.families())
        center.judge = Judge.restored(config.semantics, data["judge"], store)
        center._static_due_ms, center.opened_ms = data["static_due_ms"], data["opened_ms"]
        if center._writer is not None:
            center._writer.static_rows = [(at_ms, counts) for at_ms, counts in data["static_rows"]]
        if center.devices is not None and data["devices"] is not None:
            center.devices.restore(data["devices"])
        return center

    def writer(self) -> SeriesWriter | None:
        """Return what writes readings into the series, for a center that is alike."""
        return self._writer

    def knows(self, data: dict[str, Any]) -> bool:
        """Tell whether this center has the registry and the layers that a snapshot names."""
        seen = [-1 if one is None else one.version for one in (self.registry, self.layers)]
        return self.city is not None and self._writer is not None and seen == [data["registry"], data["layers"]]

    def _use_opening(self, data: dict[str, Any], opening: Iterable[bytes]) -> None:
        for frame in opening:
            header, _ = decode_frame(frame)
            if isinstance(header, Registry) and header.version == data["registry"]:
                self.registry = self._parts.take(header, frame) or self.registry
            elif isinstance(header, Layers) and header.version == data["layers"]:
                self.layers = MapLayers(header)
        seen = [-1 if one is None else one.version for one in (self.registry, self.layers)]
        if seen != [data["registry"], data["layers"]]:
            raise ValueError(f"the snapshot is of registry {data['registry']} and layers {data['layers']}; found are {seen}")

    def recorded(self, received_after_ms: int) -> list[dict[str, Any]]:
        """Return the samples of what rules recorded after an instant: no stream has them, so they are kept beside keyframes."""
        return series_state.recorded(self.judge.store, self.families(), received_after_ms)

    def refill(self, frames: Iterable[bytes | memoryview], recorded: Iterable[list[dict[str, Any]]]) -> None:
        """Fill the series of a center restored without samples: from frames of the recorded stream, and what rules recorded."""
        series_state.put_recorded(self.judge.store, itertools.chain.from_iterable(recorded), self.now_ms)
        if self.city is None or self._writer is None:
            return
        sizes = {kind: len(table.index) for kind, table in self.city.tables.items()}
        past = Refill(self._writer, sizes, lambda batch, columns: self._take_batch(batch, columns, again=True))
        past.run(frames, self.now_ms)
        self._writer.write_static_again(self.now_ms)


def headless(center: Center, frames: Iterable[bytes], commands: Iterable[JudgementCommand] = ()) -> list[Change]:
    """Run a center over recorded frames, each command after its barrier; return all changes."""
    waiting = sorted(commands, key=lambda command: command.seq)
    changes: list[Change] = []
    for frame in frames:
        changes += center.step(frame)
        while waiting and waiting[0].at_ms <= center.now_ms:
            changes += center.apply(waiting.pop(0))
    return changes
