"""The city's process: it connects to a center, keeps the pace, and takes commands and controls.

Lives here: the socket of the wire from the city's side, credit, reconnecting with back-off. Must not know: how a city goes on
(`live_city`), what the exercise shows. Losing the socket stops simulated time; nothing is lost and nothing is skipped.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from scenarios.city_side import BARRIER_MS
from scenarios.fork import drop, fork_folder
from scenarios.live_city import LiveCity
from scenarios.pace import MAX, Asked, Clock, Pacer, parse_pace
from scenarios.runs import RunFolder
from scenarios.world_log import WorldLog
from sensors.messages import (
    PROTOCOL,
    BadMessage,
    Command,
    Control,
    Credit,
    DownMessage,
    Judged,
    Pace,
    Reached,
    Until,
    Welcome,
    decode_down,
    encode_frame,
)

BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
WELCOME_S = 15.0
MAX_COMMANDS = 1_000
KEYFRAME_SHARE = 20  # a keyframe may take a twentieth of the time
TELL_PACE_S = 0.5


class Unwelcome(RuntimeError):
    """The center refuses this city; there is no use in trying again."""


class Refused(Unwelcome):
    """The center cannot use what this city says of itself."""


class CannotJump(RuntimeError):
    """Time cannot go back there; the run in progress goes on. One line that says why."""


class _Jumping(Exception):
    """The session ends because the city goes to a branch."""


@dataclass(frozen=True, slots=True)
class Link:
    """How to reach the center, and how the city presents itself there. `parent`: the run is a branch, forked at `fork_at_ms`."""

    url: str
    token: str
    run_id: str
    exercise_url: str = ""
    release: str = ""
    parent: str = ""
    fork_at_ms: int = -1
    keep_commands: bool = False

    def hello(self) -> dict[str, Any]:
        """Return what the hello says beside the city's own words."""
        said: dict[str, Any] = {"token": self.token, "exercise_url": self.exercise_url, "release": self.release}
        if self.parent:
            said |= {"branch": self.run_id, "parent": self.parent, "fork_at_ms": self.fork_at_ms}
            said["keep_commands"] = self.keep_commands
        return said


@dataclass(slots=True)
class _Jump:
    """A wish to go back, and who waits for what becomes of it."""

    to_ms: int
    keep_commands: bool
    done: "asyncio.Future[str]"
    made: RunFolder | None = None  # the branch's folder, in which the city does not stand yet
    back: tuple[RunFolder, Link, int] | None = None  # where to go on if it comes to nothing


def _reason(error: Exception) -> str:
    """Return in a few words why there is no connection."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.split("]")[-1].strip() if not error.errno else os.strerror(error.errno)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class CityServer:
    """Drives one live city along one socket. Everything happens in one event loop, between two barriers."""

    def __init__(self, live: LiveCity, link: Link, pacer: Pacer, clock: Clock) -> None:
        self.live, self.link, self.pacer, self.clock = live, link, pacer, clock
        self.connected = False
        self.bad_messages = 0
        self.lost = ""  # why there is no center, while there is none
        self.news = asyncio.Event()
        self.watchers: set[Callable[[], None]] = set()
        self.moved: Callable[[str], None] = lambda run_id: None  # is told the id of each branch that the city goes on in
        self._jump: _Jump | None = None
        self.until, self.until_said = "", ""  # the condition at which time is to stand still, and how the last one ended
        self._until_told = ""
        self._commands: deque[Command | Judged] = deque()
        self._credit_ms, self._credit = -1, 1
        self._told_s, self._may_frame_s = -1e9, 0.0
        self._control_log = self._opened_control_log()

    def _opened_control_log(self) -> WorldLog | None:
        return WorldLog(self.live.folder.path / "control.log") if self.live.folder else None

    # -- state

    @property
    def warming_up(self) -> bool:
        """Before T+0."""
        return self.live.now_ms < self.live.setup.scenario.warm_up

    @property
    def ended(self) -> bool:
        """The scenario's duration is over."""
        return self.live.now_ms >= self.live.setup.scenario.total_ms

    def ask(self, asked: Asked, who: str) -> None:
        """Change the pace; kept apart from commands and never digested. Raises ValueError on an impossible pace."""
        if asked.pace is not None and asked.pace != MAX:
            parse_pace(asked.pace)
        if self._control_log:
            body = {"who": who, **asdict(asked)}
            count = len(self._control_log.entries)
            self._control_log.append(self.live.now_ms, "control", f"control-{count + 1}", body)
        self.pacer.ask(asked, self.live.now_ms)
        if asked.until_expr is not None:
            self.until, self.until_said = asked.until_expr, ""
        self._told_s = -1e9
        self.news.set()

    def pace_frame(self) -> Pace:
        """How time goes, for the center."""
        return Pace(
            pace=self.pacer.pace, paused=self.pacer.paused or self.ended, achieved=self.pacer.achieved,
            warming_up=self.warming_up, ended=self.ended,
        )  # fmt: skip

    # -- the socket

    async def run(self, until_end: bool = False) -> None:
        """Serve until cancelled, or until the scenario has ended and the center has stored all. Raises Unwelcome."""
        tries = 0
        while not (until_end and self.ended and not self.live.kept):
            try:
                async with connect(
                    self.link.url, max_size=None, compression=None, open_timeout=WELCOME_S, ping_interval=20, proxy=None
                ) as socket:
                    tries = 0
                    await self._session(socket, until_end)
            except _Jumping:
                self._begin_jump()
            except Unwelcome as error:
                if not self._take_back(str(error)):
                    raise
            except (OSError, WebSocketException, TimeoutError, BadMessage) as error:
                self.lost = _reason(error)
                self._lost()
                await self.clock.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1
            finally:
                self._lost()

    def _lost(self) -> None:
        self.connected = False
        self.pacer.anchor(self.live.now_ms)
        self._notify()

    async def _session(self, socket: ClientConnection, until_end: bool) -> None:
        live, link = self.live, self.link
        if live.now_ms == 0:
            live.begin_warm()
        opening = live.opening_frames(link.run_id, **link.hello())
        await socket.send(opening[0])
        self._stand_in_branch()
        async with asyncio.timeout(WELCOME_S):
            welcome = self._decoded(await socket.recv())
        if not isinstance(welcome, Welcome):
            raise BadMessage(f"the center answers hello with {type(welcome).__name__}; expected welcome")
        if welcome.error or welcome.protocol != PROTOCOL:
            raise Unwelcome(welcome.error or f"the center speaks protocol {welcome.protocol}; expected {PROTOCOL}")
        live.resume(welcome.resume_ms)
        self._credit_ms, self._credit = welcome.resume_ms, max(1, welcome.credit)
        await self._both_ways(socket, until_end)

    async def _both_ways(self, socket: ClientConnection, until_end: bool) -> None:
        """Listen and drive until either ends; the other is then stopped. What the center said last counts first."""
        listening, driving = asyncio.create_task(self._listen(socket)), asyncio.create_task(self._drive(socket, until_end))
        try:
            await asyncio.wait({listening, driving}, return_when=asyncio.FIRST_COMPLETED)
            if driving.done() and isinstance(driving.exception(), ConnectionClosed):
                await asyncio.wait({listening})
            for task in (listening, driving):
                if task.done():
                    task.result()
        finally:
            for task in (listening, driving):
                task.cancel()
            await asyncio.gather(listening, driving, return_exceptions=True)

    async def _present(self, socket: ClientConnection) -> None:
        """Send registry, layers and what the center has not stored yet."""
        live = self.live
        for frame in [*live.opening, *(f for group in live.kept for f in group.frames)]:
            await socket.send(frame)
        self.pacer.anchor(live.now_ms)
        self.connected, self.lost, self._told_s, self._until_told = True, "", -1e9, ""
        self._arrived()

    async def _listen(self, socket: ClientConnection) -> None:
        async for data in socket:
            try:
                self._take(self._decoded(data))
            except BadMessage:
                self.bad_messages += 1
            self.news.set()

    @staticmethod
    def _decoded(data: str | bytes) -> DownMessage:
        if isinstance(data, str):
            raise BadMessage(f"a text of {len(data)} characters; expected a binary message")
        return decode_down(data)

    def _take(self, message: DownMessage) -> None:
        if isinstance(message, Credit):
            self._credit_ms = max(self._credit_ms, message.now_ms)
            self.live.stored(message.now_ms)
        elif isinstance(message, Command | Judged):
            if len(self._commands) < MAX_COMMANDS:
                self._commands.append(message)
            else:
                self.bad_messages += 1
        elif isinstance(message, Welcome) and message.error:
            raise Refused(message.error)
        elif isinstance(message, Control):
            with contextlib.suppress(ValueError):
                self.ask(Asked(message.pause, message.pace, message.run_to_ms, message.until_expr), "center")
        elif isinstance(message, Reached) and message.expr == self.until:
            self.until, self.until_said = "", message.error
            self.ask(Asked(pause=True), "condition")

    # -- time

    async def _drive(self, socket: ClientConnection, until_end: bool) -> None:
        await self._present(socket)
        while True:
            self.news.clear()
            if self._jump is not None:
                raise _Jumping
            self._do_commands()
            await self._tell_until(socket)
            if not (self.ended and self.live.kept):  # the center answers the last barrier only when nothing follows it
                await self._tell_pace(socket)
            if self.ended:
                if until_end and not self.live.kept:
                    return
                await self.news.wait()
            elif await self._may_go():
                for frame in self.live.step().frames:
                    await socket.send(frame)
                self.pacer.arrived(self.live.now_ms)
                self._keyframe_if_due()
                self._notify()
                await asyncio.sleep(0)

    def _do_commands(self) -> None:
        while self._commands and not self.live.behind:
            asked = self._commands.popleft()
            if isinstance(asked, Command):
                self.live.command(asked)
            else:
                self.live.judged(asked)

    async def _may_go(self) -> bool:
        """Wait for credit and for the clock; return whether the next barrier's time has come."""
        lead = 1 if self.until else self._credit  # a condition is asked at each barrier before the next one is begun
        if len(self.live.kept) >= lead:
            await self.news.wait()
            return False
        if self.warming_up or self.live.behind:
            self.pacer.anchor(self.live.now_ms + BARRIER_MS)
            return True
        stood = self.pacer.paused
        wait_s = self.pacer.wait_s(self.live.now_ms + BARRIER_MS, self.live.now_ms)
        if wait_s is None and not stood:  # an instant was run to: the center is told that time stands still from here
            self._told_s = -1e9
            return False
        if wait_s is None:
            await self.news.wait()
            return False
        return wait_s <= 0.0 or await self._waited(wait_s)

    async def _waited(self, seconds: float) -> bool:
        """Wait, but no longer than until something is asked; return whether the whole time has passed."""
        news = asyncio.ensure_future(self.news.wait())
        sleep = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            done, _ = await asyncio.wait({news, sleep}, return_when=asyncio.FIRST_COMPLETED)
            return sleep in done and news not in done
        finally:
            news.cancel()
            sleep.cancel()
            await asyncio.gather(news, sleep, return_exceptions=True)

    async def _tell_pace(self, socket: ClientConnection) -> None:
        now_s = self.clock.seconds()
        if now_s - self._told_s >= TELL_PACE_S or self.ended:
            self._told_s = now_s
            await socket.send(encode_frame(self.pace_frame()))

    async def _tell_until(self, socket: ClientConnection) -> None:
        if self._until_told != self.until:
            self._until_told = self.until
            await socket.send(encode_frame(Until(expr=self.until)))

    def _keyframe_if_due(self) -> None:
        if self.live.keyframe_due and self.clock.seconds() >= self._may_frame_s:
            began_s = self.clock.seconds()
            self.live.keep_keyframe(self.live.keyframe(), self.live.now_ms)
            ended_s = self.clock.seconds()
            self._may_frame_s = ended_s + KEYFRAME_SHARE * (ended_s - began_s)

    # -- going back, which is going on in a branch

    async def jump(self, to_ms: int, keep_commands: bool = False) -> str:
        """Leave this run as it is and go on in a branch of it from the barrier at or before `to_ms`; return the branch's id.

        Raises CannotJump, with the run in progress going on.
        """
        to_ms -= to_ms % BARRIER_MS
        stored_ms = min(self._credit_ms, self.live.now_ms)
        if self.live.folder is None:
            raise CannotJump("this city keeps no record; start it with a data folder to go back")
        if not self.connected or self._jump is not None:
            raise CannotJump("the city is not connected" if self._jump is None else "the city is on its way back already")
        if not 0 < to_ms <= stored_ms:
            raise CannotJump(f"{to_ms} ms does not lie in the past of this run; it is recorded from 0 to {stored_ms} ms")
        self._jump = _Jump(to_ms, keep_commands, asyncio.get_running_loop().create_future())
        self.news.set()
        return await self._jump.done

    def _begin_jump(self) -> None:
        """The session has ended: make the city's part of a branch, and let the next session present it."""
        jump, here = self._jump, self.live.folder
        assert jump is not None and here is not None
        jump.back = (here, self.link, self.live.now_ms)
        try:
            jump.made = fork_folder(here, jump.to_ms, keep_commands=jump.keep_commands)
            self.link = replace(
                self.link, run_id=jump.made.run_id, parent=here.run_id, fork_at_ms=jump.to_ms, keep_commands=jump.keep_commands
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, OSError) as error:
            self._take_back(str(error))

    def _stand_in_branch(self) -> None:
        """Stand where the branch begins; the center, which has heard of it, makes its own part meanwhile."""
        jump = self._jump
        if jump is None or jump.made is None or self.live.folder == jump.made:
            return
        try:
            self._stand_in(jump.made, jump.to_ms)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Unwelcome(f"the city cannot stand at {jump.to_ms} ms: {error}") from error

    def _stand_in(self, folder: RunFolder, now_ms: int) -> None:
        if self._control_log:
            self._control_log.close()
        self.live.move_to(folder, now_ms)
        self._control_log = self._opened_control_log()
        self._commands.clear()
        self._may_frame_s = 0.0

    def _take_back(self, why: str) -> bool:
        """The branch comes to nothing: go on where the run stood. False when nobody was on the way to a branch."""
        jump = self._jump
        if jump is None or jump.back is None:
            return False
        here, self.link, now_ms = jump.back
        if self.live.folder != here:
            self._stand_in(here, now_ms)
        if jump.made is not None:
            drop(jump.made)
        self._jump = None
        jump.done.set_exception(CannotJump(why))
        return True

    def _arrived(self) -> None:
        """The center has taken the branch in."""
        if self._jump is not None and self._jump.back is not None:
            jump, self._jump = self._jump, None
            self.moved(self.link.run_id)
            jump.done.set_result(self.link.run_id)

    def _notify(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()

    def close(self) -> None:
        """Let go of the logs."""
        self.live.close()
        if self._control_log:
            self._control_log.close()
