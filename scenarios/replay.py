"""A recorded run, shown again: the record speaks in the place of the city, to the same center and the same console.

Lives here: reading the record, going on at a pace, seeking, the server of a replay. Must not know: how anything is judged, drawn.
The record is only read. What is shown comes from the recorded stream and the journalled commands, by the same code as in the live
run, so its digests are those of the run; the truth takes no part in it.
"""

import asyncio
import bisect
import contextlib
import socket
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from ops_center import keyframes, recall, views
from ops_center.app import create_app
from ops_center.events import IncidentChange, JudgementCommand
from ops_center.guards import GuardConfig
from ops_center.host import Host, HostConfig
from ops_center.live import LiveCity
from ops_center.pipeline import Center, CenterConfig
from ops_center.ports import LOOPBACK, CannotServe, listen
from ops_center.recorder import Chunk, Loss, barrier_of, read_chunks
from ops_center.run import Run
from ops_center.seats import new_seats, seats_of
from ops_center.uvicorn_settings import uvicorn_config
from scenarios.journal_reader import read_changes, read_commands
from scenarios.pace import Asked, Clock, Pacer, WallClock
from scenarios.runs import DamagedRun, RunFolder
from scenarios.setup import of_run
from sensors.messages import Control, DownMessage, Hello, Pace, decode_frame, encode_frame, tag_of

TELL_PACE_S = 0.5
KEEP_EVERY_MS = 300_000  # of a run without keyframes, the replay keeps its own
SLICE_MS = 15_000  # of simulated time, after which a seek lets others have their turn
HOST, PORT = "127.0.0.1", 8700


@dataclass(frozen=True, slots=True)
class Record:
    """What a run left behind, read once: its stream, still compressed, its commands, marks, and when T+0 was."""

    run_id: str
    config: CenterConfig
    chunks: tuple[Chunk, ...]
    commands: tuple[JudgementCommand, ...]
    marks: tuple[dict[str, Any], ...]
    warm_up_ms: int
    losses: tuple[Loss, ...]
    folder: RunFolder

    @property
    def until_ms(self) -> int:
        """The last barrier."""
        return self.chunks[-1].barrier_ms

    def hello(self) -> Hello:
        """Return the frame that the stream begins with. Raises DamagedRun."""
        hello, _ = decode_frame(self.chunks[0].frames[0])
        if not isinstance(hello, Hello):
            raise DamagedRun(f"run {self.run_id}: its stream begins with {type(hello).__name__}; expected hello")
        return hello

    def groups(self, after_ms: int) -> Iterator[tuple[int, list[bytes]]]:
        """Yield the frames of each barrier after an instant, with the barrier's time."""
        first = bisect.bisect_right(self.chunks, after_ms, key=lambda chunk: chunk.barrier_ms)
        for chunk in self.chunks[first:]:
            group: list[bytes] = []
            for frame in chunk.frames:
                group.append(frame)
                barrier_ms = barrier_of(frame)
                if barrier_ms is not None:
                    if barrier_ms > after_ms:
                        yield barrier_ms, group
                    group = []


def read_record(run: RunFolder) -> Record:
    """Read a run. Raises RunError; DamagedRun when nothing of its stream can be read."""
    setup, losses = of_run(run), list[Loss]()
    chunks = tuple(read_chunks(run.path / "wire", losses))
    if not chunks:
        why = losses[0].reason if losses else "there is none"
        raise DamagedRun(f"run {run.run_id} has no recorded stream that can be read ({why}); there is nothing to show")
    journal = run.path / "journal.sqlite"
    opened = (c.incident for c in read_changes(journal) if isinstance(c, IncidentChange) and c.entry["kind"] == "opened")
    return Record(
        run.run_id, setup.center_config(), chunks, tuple(read_commands(journal)),
        tuple(views.mark(incident) for incident in opened), setup.scenario.warm_up, tuple(losses), run,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Own:
    """A keyframe that the replay keeps of a run without any, and what rules recorded since the one before."""

    state: bytes
    recorded: list[dict[str, Any]]


class Player:
    """Plays a record into a live city of the center. It runs on the event loop; `serve` goes on until cancelled."""

    def __init__(self, record: Record, live: LiveCity, pacer: Pacer, clock: Clock) -> None:
        self.record, self.live, self.pacer, self.clock = record, live, pacer, clock
        self.seeking = asyncio.Lock()
        self.news = asyncio.Event()
        self._groups: Iterator[tuple[int, list[bytes]]] = iter(())
        self._next: tuple[int, list[bytes]] | None = None
        self._own: dict[int, _Own] = {}  # keyframes of this replay, by their time
        self._opening = [frame for frame in record.chunks[0].frames if tag_of(frame) in recall.OPENING]
        self._keeps = not any((record.folder.path / "keyframes").glob("*.key"))
        self._shown = 0
        self._told_s = -1e9
        live.playback = self

    @property
    def now_ms(self) -> int:
        """The barrier that is shown."""
        return self.live.run.center.now_ms

    @property
    def ended(self) -> bool:
        """There is nothing more to show."""
        return self._next is None

    # -- what viewers ask for

    def timeline(self) -> dict[str, Any]:
        """Return from when to when the run goes, when T+0 is, and its incidents."""
        record = self.record
        return {"from_ms": 0, "until_ms": record.until_ms, "start_ms": record.warm_up_ms, "marks": list(record.marks)}

    async def seek(self, to_ms: int) -> int:
        """Show the last barrier up to an instant; return it. Raises ValueError when it was not recorded."""
        if not 0 <= to_ms <= self.record.until_ms:
            raise ValueError(f"{to_ms} ms was not recorded; the run goes from 0 to {self.record.until_ms} ms")
        async with self.seeking:
            self.pacer.run_to_ms = None
            if to_ms < self.now_ms or self._keyframe_ms(to_ms) > self.now_ms:
                async with self.live.turn:
                    self._take_over(await asyncio.to_thread(self._standing_before, to_ms))
            while self._next is not None and self._next[0] <= to_ms:
                async with self.live.turn:
                    await asyncio.to_thread(self._go_on, min(to_ms, self.now_ms + SLICE_MS))
            async with self.live.turn:
                self._shown += 1
                self.live.begin_anew(f"replay-{self._shown}")
            self.pacer.anchor(self.now_ms)
            self._told_s = -1e9
            self.news.set()
        return self.now_ms

    async def take_down(self, message: DownMessage) -> None:
        """Hear what the center says to its city: how time shall go."""
        if isinstance(message, Control):
            pause = False if message.run_to_ms is not None and message.pause is None else message.pause
            with contextlib.suppress(ValueError):
                self.pacer.ask(Asked(pause, message.pace, message.run_to_ms), self.now_ms)
            self._told_s = -1e9
            self.news.set()

    # -- standing somewhere

    def _keyframe_ms(self, upto_ms: int) -> int:
        """Return when the newest keyframe up to an instant was taken, -1 without one; it may turn out to be damaged."""
        stored = (int(path.stem) for path in (self.record.folder.path / "keyframes").glob("*.key"))
        return max((now_ms for now_ms in (*stored, *self._own) if now_ms <= upto_ms), default=-1)

    def _standing_before(self, to_ms: int) -> Run:
        """Return a run that stands at the newest keyframe before an instant that can be used, or at the very start."""
        run, config = Run(None, self.record.config), self.record.config
        found = recall.newest(self.record.folder.path, config, to_ms, self.live.run.center) or self._own_center(to_ms)
        run.center = found or run.center
        return run

    def _own_center(self, to_ms: int) -> Center | None:
        """Return a center as it stood at a keyframe of this replay."""
        known = sorted(now_ms for now_ms in self._own if now_ms <= to_ms)
        if not known:
            return None
        center = Center.restore(
            self.record.config, keyframes.decode(self._own[known[-1]].state), self._opening, self.live.run.center
        )
        floor_ms = center.judge.store.floor_ms
        frames = (frame for _, group in self.record.groups(floor_ms - 1) for frame in group)
        center.refill(frames, (self._own[now_ms].recorded for now_ms in known if now_ms >= floor_ms))
        return center

    def _take_over(self, run: Run) -> None:
        """Show a run that stands somewhere; what people did after that is done again at its time."""
        center = run.center
        run.held = [command for command in self.record.commands if command.seq > center.applied_seq]
        run.apply_held()
        self.live.run = run
        self._groups = self.record.groups(center.now_ms)
        self._next = next(self._groups, None)

    def _go_on(self, to_ms: int) -> None:
        """Step up to an instant without showing anything."""
        run = self.live.run
        while self._next is not None and self._next[0] <= to_ms:
            for frame in self._next[1]:
                run.take(frame)
            run.unsettled = 0
            self._next = next(self._groups, None)
            self._keep()

    def _keep(self) -> None:
        """Keep a keyframe now and then of a run that has none; what rules recorded is kept from one to the next."""
        center = self.live.run.center
        if self._keeps and center.now_ms % KEEP_EVERY_MS == 0 and center.now_ms not in self._own:
            state = keyframes.encode(center.snapshot(samples=False))
            self._own[center.now_ms] = _Own(state, center.recorded(center.now_ms - KEEP_EVERY_MS))

    # -- going on

    async def begin(self, at_ms: int) -> None:
        """Present the record as the center's city, and show an instant of it."""
        self._take_over(Run(None, self.record.config))
        await self.live.city_came(self.take_down, encode_frame(self.record.hello()))
        await self.seek(at_ms)

    async def serve(self) -> None:
        """Go on at the pace that is asked for."""
        while True:
            self.news.clear()
            await self._tell_pace()
            async with self.seeking:
                wait_s = None if self._next is None else self.pacer.wait_s(self._next[0], self.now_ms)
                if wait_s == 0.0:
                    await self._show_next()
            if wait_s != 0.0:
                await self._wait(TELL_PACE_S if wait_s is None else min(wait_s, TELL_PACE_S))

    async def _show_next(self) -> None:
        assert self._next is not None
        for frame in self._next[1]:
            await self.live.take(frame, more_waits=False)
        self._keep()
        self._next = next(self._groups, None)
        self.pacer.arrived(self.now_ms)
        await asyncio.sleep(0)

    async def _wait(self, seconds: float) -> None:
        """Wait, but no longer than until something is asked."""
        news, sleep = asyncio.ensure_future(self.news.wait()), asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            await asyncio.wait({news, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            sleep.cancel()
            await asyncio.gather(news, sleep, return_exceptions=True)

    async def _tell_pace(self) -> None:
        now_s = self.clock.seconds()
        if now_s - self._told_s < TELL_PACE_S:
            return
        self._told_s = now_s
        pacer, warming = self.pacer, self.now_ms < self.record.warm_up_ms
        told = Pace(
            pace=pacer.pace, paused=pacer.paused or self.ended, achieved=pacer.achieved, warming_up=warming, ended=self.ended
        )
        await self.live.take(encode_frame(told), more_waits=True)


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """How a run is shown again. `begin_ms` None: at T+0. `port` None: 8700, or a free one where that is taken."""

    pace: float = 1.0
    begin_ms: int | None = None
    port: int | None = None
    browser: bool = False
    greet: Callable[[dict[str, str]], None] = field(default=lambda links: None)
    say: Callable[[str], None] = field(default=lambda line: None)


def replay(run: RunFolder, config: ReplayConfig) -> int:
    """Serve a replay until a signal ends it; return the exit status. Raises RunError or CannotServe before anything is served."""
    record = read_record(run)
    begin_ms = min(record.warm_up_ms, record.until_ms) if config.begin_ms is None else config.begin_ms
    if begin_ms > record.until_ms:
        raise DamagedRun(f"run {run.run_id} was recorded up to {record.until_ms} ms; there is nothing to show at {begin_ms} ms")
    if record.losses:
        loss = record.losses[0]
        config.say(f"the recorded stream is damaged in {loss.segment} ({loss.reason}); shown is what comes before")
    bound = _listen(config.port)
    try:
        asyncio.run(_serve(record, config, begin_ms, bound))
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()
    return 0


def _listen(port: int | None) -> socket.socket:
    if port is not None:
        return listen(HOST, port)
    try:
        return listen(HOST, PORT)
    except CannotServe:
        return listen(HOST, 0)


async def _serve(record: Record, config: ReplayConfig, begin_ms: int, bound: socket.socket) -> None:
    tokens = new_seats(("observer", "instructor"))
    host = Host(HostConfig(record.config, seats_of(tokens)))
    city = record.hello().city
    live = LiveCity(Run(None, record.config), record.run_id, city)
    host.cities[record.run_id, city] = live
    clock = WallClock()
    player = Player(record, live, Pacer(clock, config.pace), clock)
    await player.begin(begin_ms)
    server = uvicorn.Server(uvicorn_config(create_app(host, GuardConfig(LOOPBACK))))
    address = f"http://{HOST}:{bound.getsockname()[1]}"
    links = {role: f"{address}/#seat={token}" for role, token in tokens.items()}
    config.greet(links)
    playing = asyncio.create_task(player.serve())
    if config.browser:
        await asyncio.to_thread(_open, links["instructor"])
    try:
        await server.serve(sockets=[bound])
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


def _open(link: str) -> None:
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(link)
