"""The composition root: city and center wired together in one process, by function call.

Lives here: a headless run from header and commands, its journal and recorded stream, save and load in the middle, digests. Must
not know: sockets, the wall clock, how anything is judged. A live run is executed again by exactly this code.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops_center import keyframes
from ops_center.events import Change, JudgementCommand
from ops_center.judged import judged
from ops_center.pipeline import Center
from ops_center.run import Run
from ops_center.until import Condition
from scenarios.city_side import BARRIER_MS, CitySide
from scenarios.journal_reader import read_commands
from scenarios.runs import RunError, RunFolder
from scenarios.setup import Setup
from scenarios.world_log import Entry, WorldLog, read_log
from sensors.messages import Barrier, encode_frame
from sensors.registry import frames

KEEP_EVERY_MS = 900_000  # keyframes each minute, as live, would take a third of the run's time; these take a fiftieth


@dataclass(frozen=True, slots=True)
class Commands:
    """What people did: judgement commands in the order of their numbers, and the log of what changed the world.

    `world` None: a script. World commands then take effect at the barrier at which they are asked for, as on a socket without
    delay. Otherwise they take effect when the log says, and nothing else does.
    """

    judgement: Sequence[JudgementCommand] = ()
    world: Sequence[Entry] | None = None


class CityRefused(RunError):
    """The center cannot use what the city says of itself; one line that says why."""


class HeadlessRun:
    """A run in one process. `advance` may be called in any chunks; nothing depends on them."""

    def __init__(
        self,
        setup: Setup,
        commands: Commands = Commands(),
        out: RunFolder | None = None,
        run_id: str = "headless",
        watch: Callable[[Sequence[Change]], None] | None = None,
    ) -> None:
        self.setup, self.watch, self._run_id = setup, watch, out.run_id if out else run_id
        self.out = out
        self.log = WorldLog(out.path / "world.log") if out else None
        self.memory = Run(out.path if out else None, setup.center_config(), keyframes=False)
        self.city = CitySide(setup, self._frame)
        self._judgement = sorted(commands.judgement, key=lambda command: command.seq)
        self._world = None if commands.world is None else sorted(commands.world, key=lambda entry: entry.seq)
        self._done_judgement = self._done_world = 0
        self._began = False
        self._since: list[bytes] = []  # the frames since the last barrier

    # -- going on

    @property
    def now_ms(self) -> int:
        """Where simulated time stands."""
        return self.city.now_ms

    @property
    def center(self) -> Center:
        """The center that judges."""
        return self.memory.center

    def advance(self, until_ms: int) -> None:
        """Go on to `until_ms`, which is rounded down to a barrier; commands take effect at their times.

        Raises CityRefused, with the folder let go of, when the center cannot use the city's opening.
        """
        if not self._began:
            self._begin()
        until_ms -= until_ms % BARRIER_MS
        while True:
            self._commands_now()
            keep_ms = self.now_ms - self.now_ms % KEEP_EVERY_MS + KEEP_EVERY_MS
            next_ms = min(self._next_command_ms(), until_ms, keep_ms)
            if next_ms <= self.now_ms:
                return
            self.city.run_until(next_ms)
            if next_ms == keep_ms:
                self._keep()

    def _keep(self) -> None:
        """Keep both sides' keyframes: from them a record is looked into and branched without doing all of it again."""
        if self.out is None or self.log is None:
            return
        self.memory.keyframe()
        state = {"now_ms": self.now_ms, "done": len(self.log.entries), "city": self.city.snapshot(), "frames": []}
        keyframes.write(self.out.path / "keyframes" / "city", self.now_ms, keyframes.encode(state))

    def _begin(self) -> None:
        self._began = True
        self._frame(encode_frame(self.city.hello(self._run_id)))
        self.city.begin()
        if self.center.refused:
            self.memory.close()
            if self.log:
                self.log.close()
            raise CityRefused(f"the center refuses the city {self.setup.city.id}: {self.center.refused}")

    def _next_command_ms(self) -> int:
        """When the next command is due, always at a barrier to come."""
        times = [command.at_ms for command in self._judgement[self._done_judgement : self._done_judgement + 1]]
        times += [entry.now_ms for entry in (self._world or [])[self._done_world : self._done_world + 1]]
        due_ms = min(times, default=1 << 60)
        return max(due_ms + -due_ms % BARRIER_MS, self.now_ms)

    def _commands_now(self) -> None:
        """Do what is due at this barrier: judgement first, because a world command is asked for before it takes effect."""
        while self._done_judgement < len(self._judgement) and self._judgement[self._done_judgement].at_ms <= self.center.now_ms:
            command = self._judgement[self._done_judgement]
            self._done_judgement += 1
            self.apply(command)
        if self._world is None:
            return
        while self._done_world < len(self._world) and self._world[self._done_world].now_ms <= self.now_ms:
            self._take(self._world[self._done_world])
            self._done_world += 1

    def apply(self, command: JudgementCommand) -> list[Change]:
        """Journal and do a command of a person now; in a script, what it asks of the city takes effect at once."""
        self.memory.store(command)
        changes = self.memory.apply(command)
        self.memory.settle()
        self._watched(changes)
        if command.type == "world" and self._world is None:
            self._take(Entry(0, self.now_ms, "command", command.command_id, command_body(command.params)))
        elif changes and self._world is None and self.city.triggers.wants_judgement:
            self._judged(command)
        return changes

    def _judged(self, command: JudgementCommand) -> None:
        """In a script, let the city hear at once what people made of an incident."""
        message = judged(self.center.judgement, command)
        if message is not None:
            body = {"what": message.what, "alerts": message.alerts}
            self._take(Entry(0, self.now_ms, "judged", message.command_id, body))

    def inject(self, inject_id: str, name: str, params: dict[str, Any]) -> None:
        """Fire an inject now. Raises ValueError, with nothing changed, when it does not fit the city."""
        self._take(Entry(0, self.now_ms, "inject", inject_id, {"name": name, "params": params}))

    def _take(self, entry: Entry) -> None:
        if self.log:
            self.log.append(entry.now_ms, entry.what, entry.id, entry.body)
        self.city.take(entry)

    # -- frames and changes

    def linger(self, until_ms: int) -> None:
        """Go on to any instant before the next barrier: to be saved between two events."""
        if until_ms - self.now_ms >= BARRIER_MS - self.now_ms % BARRIER_MS:
            raise ValueError(f"the run stands at {self.now_ms} ms; {until_ms} ms does not lie before the next barrier")
        self.city.run_until(until_ms)

    def _frame(self, frame: bytes) -> None:
        self._since.append(frame)
        self._watched(self.memory.step(frame))
        if isinstance(self.center.seen, Barrier):
            self._since.clear()

    def _watched(self, changes: Sequence[Change]) -> None:
        if self.watch and changes:
            self.watch(changes)

    # -- ends, save and load

    def digest(self) -> dict[str, str]:
        """The heads of both chains."""
        return self.center.digests()

    def close(self) -> dict[str, Any]:
        """End the run, write its result if it has a folder, and return it."""
        result = self.result()
        self.memory.close()
        if self.log:
            self.log.close()
        if self.out:
            self.out.write_result(result)
        return result

    def result(self) -> dict[str, Any]:
        """How far the run came and its digests."""
        return {
            "run_id": self._run_id,
            "until_ms": self.center.now_ms,
            "digest": self.digest(),
            "readings": self.center.counters.readings,
            "bad_messages": sum(self.center.counters.bad.values()),
        }

    def save(self) -> bytes:
        """Return the whole run between any two events as one keyframe. Raises ValueError before the first barrier."""
        if self.center.now_ms < 0:
            raise ValueError(f"the run stands at {self.now_ms} ms; expected that a barrier has passed")
        state = {"city": self.city.snapshot(), "center": self.center.snapshot(), "since": list(self._since)}
        return keyframes.encode(state | {"done": [self._done_judgement, self._done_world]})

    def load(self, data: bytes) -> "HeadlessRun":
        """Stand where a saved run of the same setup and commands stood, and return self."""
        state = keyframes.decode(data)
        self._began = True
        self.city.restore(state["city"])
        opening = [*frames(self.city.fleet.registry()), encode_frame(self.city.fleet.layers())]
        self.memory.center = Center.restore(self.center.config, state["center"], opening)
        self._done_judgement, self._done_world = state["done"]
        for frame in state["since"]:
            self._frame(frame)
        return self


@dataclass(frozen=True, slots=True)
class Finished:
    """A headless run at its end."""

    result: dict[str, Any]
    run: HeadlessRun


def run_headless(
    setup: Setup,
    *,
    commands: Commands = Commands(),
    until_ms: int | None = None,
    out: RunFolder | None = None,
    save_load_at: Iterable[int] = (),
    until: Condition | None = None,
    watch: Callable[[Sequence[Change]], None] | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> Finished:
    """Run a setup to its end (or `until_ms` from the warm-up's start) and return the result and the run.

    With `until` it ends at the first barrier after the warm-up at which that is so. At each of `save_load_at`, after the first
    barrier, the run is saved and goes on in new objects, which must change nothing. `progress` gets simulated seconds.
    """
    end_ms = setup.scenario.total_ms if until_ms is None else until_ms
    run = HeadlessRun(setup, commands, out, watch=watch)
    stops = {stop_ms for stop_ms in save_load_at if BARRIER_MS <= stop_ms < end_ms}
    for stop_ms in sorted({*_minutes(end_ms), *stops}):
        reached = _advance_until(run, stop_ms, until)
        progress(run.now_ms / 1000.0)
        if reached:
            break
        if stop_ms in stops:
            run.linger(stop_ms)
            run = _reborn(run, setup, commands, watch)
    return Finished(run.close(), run)


def _advance_until(run: HeadlessRun, stop_ms: int, until: Condition | None) -> bool:
    """Go on to `stop_ms`, or to the first barrier at which a condition holds; tell whether it does."""
    if until is None:
        run.advance(stop_ms)
        return False
    while run.now_ms + BARRIER_MS <= stop_ms:
        run.advance(run.now_ms + BARRIER_MS)
        if run.now_ms >= run.setup.scenario.warm_up and until.holds(run.center):
            return True
    return False


def _minutes(end_ms: int) -> list[int]:
    return [*range(60_000, end_ms, 60_000), end_ms]


def _reborn(run: HeadlessRun, setup: Setup, commands: Commands, watch: Callable[[Sequence[Change]], None] | None) -> HeadlessRun:
    """Save a run and return new objects that go on from there; what is written goes on in the same folder."""
    saved = run.save()
    run.memory.close()
    if run.log:
        run.log.close()
    born = HeadlessRun(setup, commands, run.out, run.result()["run_id"], watch).load(saved)
    born.memory.center.counters = run.memory.center.counters  # what was counted is no state: it belongs to who counts
    return born


def command_body(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a world command says on the wire, from the parameters that the center journals."""
    target = params["target"]
    return {"type": params["type"], "target_kind": target["kind"], "target_id": target["id"], "params": params.get("params", {})}


def commands_of(folder: RunFolder) -> Commands:
    """Return what people did in a run, from its journal and its world log."""
    return Commands(read_commands(folder.path / "journal.sqlite"), read_log(folder.path / "world.log"))
