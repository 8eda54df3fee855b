"""A run behind sockets: one city's center on the event loop, its viewers, and the connection of its city.

Lives here: the turn (one thing at a time happens to a center), durable before told, the ticker that draws frames at 4 Hz,
commands that go down to the city. Must not know: HTTP routes, what a change means. Wall time is read for ages and rates only.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ops_center import views
from ops_center.events import Change, JudgementCommand
from ops_center.feed import ROADS, STATE, VALUES, Hub, Viewer, pack_frame, pack_values
from ops_center.journal import JournalError
from ops_center.judged import judged
from ops_center.notifier import Notifier
from ops_center.people import Refused
from ops_center.recorder import RecorderError
from ops_center.run import Run
from ops_center.until import Condition
from sensors.messages import Barrier, Command, Control, Credit, DownMessage, Reached, Until

TICK_S = 0.25
CREDIT = 8
RETRY_S = 1.0
HEAL_TICKS = 8  # an unchanged frame is sent again after so many ticks
REPLAYED = "this is a replay of what was done; nothing can be changed in it"
SendDown = Callable[[DownMessage], Awaitable[None]]


class Playback(Protocol):
    """A recorded run in the place of a city."""

    def timeline(self) -> dict[str, Any]:
        """Return from when to when it was recorded, and marks in between."""
        ...

    async def seek(self, to_ms: int) -> int:
        """Show another instant; return the barrier that is shown. Raises ValueError when it was not recorded."""
        ...


class LiveCity:
    """One city of one run, alive. All its methods run on one event loop."""

    def __init__(self, run: Run, run_id: str, city_id: str, notifier: Notifier | None = None) -> None:
        self.run, self.run_id, self.city_id = run, run_id, city_id
        self.hub = Hub()
        self.turn = asyncio.Lock()
        self.trouble = ""
        self.send_down: SendDown | None = None
        self.heard_at = asyncio.get_running_loop().time()
        self.caches: dict[str, tuple[int, bytes]] = {}
        self._untold: list[Change] = []
        self._last: dict[int, bytes] = {}
        self._quiet = 0
        self._gauges: dict[str, Any] = {}
        self._credited_ms = -1
        self.until: Condition | None = None
        self.playback: Playback | None = None
        self.notifier = notifier
        if notifier is not None:
            notifier.start()
        self._notify()
        if run.parent:
            self.hub.branch = run_id
        self._ticker = asyncio.create_task(self._tick())

    @property
    def connected(self) -> bool:
        """The city is connected."""
        return self.send_down is not None

    @property
    def age_s(self) -> float:
        """Wall seconds since the city was last heard."""
        return asyncio.get_running_loop().time() - self.heard_at

    def _notify(self) -> None:
        """Alerts of the run that is shown go to the Alertmanagers, with its name on them."""
        if self.notifier is not None:
            self.notifier.watch(self.run.center.judge, {"run": self.run_id, "city": self.city_id})

    # -- from the city

    async def take(self, frame: bytes, more_waits: bool) -> None:
        """Take in one frame; at a barrier make it durable, tell the viewers and give the city credit."""
        self.heard_at = asyncio.get_running_loop().time()
        sender = self.send_down
        async with self.turn:
            if self.send_down is not sender:
                return  # while this frame waited, the run was moved to a branch or its city to another connection
            before = self.run.center.registry
            changes = self.run.take(frame)
            self._keep(changes)
            if self.run.center.registry is not before:
                self._announce_registry()
            if isinstance(self.run.center.seen, Until):
                await self._wait_for(self.run.center.seen)
                await self.settle()
            elif isinstance(self.run.center.seen, Barrier):
                await self._at_barrier(bool(changes), more_waits)
            elif self.run.unsettled and not more_waits:
                await self.settle()  # what followed a barrier was no other barrier: nobody else would settle that one

    async def _at_barrier(self, changed: bool, more_waits: bool) -> None:
        again = self.run.due_again()
        for command in again:
            await self._do_again(command)
        await self._ask_condition()
        if changed or again or not more_waits or self.until is not None or self.run.unsettled >= CREDIT // 2:
            await self.settle()
            self.run.keyframe_if_due()

    async def _do_again(self, command: JudgementCommand) -> None:
        """Do what was done in the parent of this branch at this time; what has become impossible changes nothing."""
        await asyncio.to_thread(self.run.store, command)
        self._untold += self.run.apply(command)
        if command.type == "world":
            params = command.params
            await self.tell_city(_down(command.command_id, params["type"], params["target"], params.get("params", {})))
        else:
            await self._tell_judged(command)

    # -- running until something is so

    async def _wait_for(self, asked: Until) -> None:
        self.until = None
        if asked.expr:
            try:
                self.until = Condition(asked.expr)
            except ValueError as error:
                await self.tell_city(Reached(expr=asked.expr, now_ms=self.run.center.now_ms, error=str(error)))

    async def _ask_condition(self) -> None:
        """Tell the city when what it waits for is so, ahead of the credit that would let it go on."""
        if self.until is None:
            return
        error = ""
        try:
            if not self.until.holds(self.run.center):
                return
        except ValueError as wrong:
            error = str(wrong)
        reached, self.until = Reached(expr=self.until.text, now_ms=self.run.center.now_ms, error=error), None
        await self.tell_city(reached)

    def _keep(self, changes: list[Change]) -> None:
        self.run.record(changes)
        self._untold += changes

    async def settle(self) -> None:
        """Make everything durable, then tell the viewers, and give the city credit for it, whoever it was that settled.

        While the disk refuses, the city gets no credit and time stands.
        """
        while True:
            try:
                await asyncio.to_thread(self.run.settle)
            except (JournalError, RecorderError) as error:
                self.trouble = str(error)
                await asyncio.sleep(RETRY_S)
                continue
            self.trouble = ""
            break
        untold, self._untold = self._untold, []
        self.hub.now_ms = self.run.center.now_ms
        told = [(change.now_ms, *views.event(change)) for change in untold]
        self.hub.publish([self.hub.text(type_, now_ms, body) for now_ms, type_, body in told])
        if self.run.center.now_ms > self._credited_ms:
            self._credited_ms = self.run.center.now_ms
            await self.tell_city(Credit(now_ms=self._credited_ms))

    def _announce_registry(self) -> None:
        version = self.run.center.registry.version if self.run.center.registry else 0
        hello = self.run.center.hello
        self.hub.branch = hello.branch if hello else "main"
        self._last.clear()
        self.hub.publish([self.hub.text("registry", self.run.center.now_ms, {"registry_version": version})])

    async def city_came(self, send: SendDown, hello: bytes) -> None:
        """The city is connected, in the place of any earlier connection; what that one left unfinished comes again."""
        async with self.turn:
            self.send_down, self.until = send, None
            self.run.drop_partial()
            self.run.take(hello)
            self._credited_ms = self.run.center.now_ms  # the welcome says so
            await self.settle()
            self.heard_at = asyncio.get_running_loop().time()

    async def resend(self) -> None:
        """Send again the commands that the city has not answered."""
        for command in self.run.center.judgement.commands.unanswered():
            await self.tell_city(_down(command.command_id, command.type, command.target, command.params))
        for done in list(self.run.by_command.values()):
            await self._tell_judged(done)

    async def city_gone(self, send: SendDown) -> None:
        """That connection of the city has ended; a later one may already have taken its place."""
        if self.send_down is send:
            self.send_down = None
            async with self.turn:
                self.run.drop_partial()

    async def tell_city(self, message: DownMessage) -> None:
        """Send a message down; a city that has gone gets it again when it returns."""
        if self.send_down is not None:
            with contextlib.suppress(Exception):  # the reader of that socket notices and ends it
                await self.send_down(message)

    async def move_to(self, run: Run, run_id: str) -> None:
        """Go on as a branch of the run that was shown so far, which is closed as it is; every viewer begins anew."""
        async with self.turn:
            await self.settle()
            left, self.run, self.run_id = self.run, run, run_id
            self.send_down, self.until = None, None
            self._notify()
            self.begin_anew(run_id)
            await asyncio.to_thread(left.close)

    def begin_anew(self, branch: str) -> None:
        """Another time is shown from now on: forget what was drawn and let every viewer ask for everything again."""
        self.caches.clear()
        self._untold.clear()
        self._last.clear()
        self._gauges = {}
        self.hub.branch, self.hub.now_ms = branch, self.run.center.now_ms
        for viewer in self.hub.viewers:
            viewer.frames.clear()
            viewer.put_resync()

    # -- from people

    def _refuse_in_replay(self) -> None:
        if self.playback is not None:
            raise Refused(409, REPLAYED)

    async def command(self, type_: str, target: str, params: dict[str, Any], who: str, command_id: str) -> JudgementCommand:
        """Check, store durably, do and tell a command; one done before is returned as it was. Raises Refused, JournalError."""
        self._refuse_in_replay()
        async with self.turn:
            prepared, again = self.run.prepare(type_, target, params, who, command_id)
            if again:
                return prepared
            await self.settle()
            await asyncio.to_thread(self.run.store, prepared)
            self._untold += self.run.apply(prepared)
            await self.settle()
        if type_ == "world":
            await self.tell_city(_down(command_id, params["type"], params["target"], params.get("params", {})))
        else:
            await self._tell_judged(prepared)
        return prepared

    async def _tell_judged(self, command: JudgementCommand) -> None:
        """Tell a city that is an exercise what people made of an incident; it knows what it has heard before."""
        hello = self.run.center.hello
        message = judged(self.run.center.judgement, command) if hello is not None and hello.exercise else None
        if message is not None:
            await self.tell_city(message)

    async def control(self, control: Control, who: str, body: dict[str, Any]) -> None:
        """Journal a control and send it to the city. Raises JournalError."""
        await asyncio.to_thread(self.run.control, who, body)
        await self.tell_city(control)

    # -- to viewers

    async def _tick(self) -> None:
        """Draw and publish frames and the clock, at most four times a second."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.hub.viewers:
                async with self.turn:
                    if self.run.unsettled or self._untold:
                        await self.settle()
                    self.draw()

    def draw(self) -> None:
        """Publish the state of all devices and roads, the values that viewers subscribed to, the clock, and changed figures."""
        center = self.run.center
        self._quiet += 1
        if center.devices is not None and center.registry is not None:
            drawn = {STATE: center.devices.state(center.now_ms).tobytes(), ROADS: center.devices.roads(center.now_ms).tobytes()}
            for kind, payload in drawn.items():
                if self._last.get(kind) != payload or self._quiet >= HEAL_TICKS:
                    self.hub.publish_frame(kind, center.now_ms, center.registry.version, len(payload), payload)
                    self._last[kind] = payload
            self._draw_values()
        self._quiet %= HEAL_TICKS
        clock = {"clock": self.clock()}
        self.hub.publish([self.hub.text("clock", center.now_ms, clock)])
        gauges = views.gauges(center)
        if gauges != self._gauges:
            self._gauges = gauges
            self.hub.publish([self.hub.text("health", center.now_ms, gauges)])

    def _draw_values(self) -> None:
        devices, registry = self.run.center.devices, self.run.center.registry
        assert devices is not None and registry is not None
        for viewer in self.hub.viewers:
            known = [i for i in viewer.subscribed if i < devices.city.n_devices and devices.city.device_id[i]]
            if known:
                count, payload = pack_values([(i, devices.readings_of(i)) for i in known])
                now_ms = self.run.center.now_ms
                viewer.put_frame(VALUES, pack_frame(VALUES, self.hub.frame_seq, now_ms, registry.version, count, payload, False))

    def greet(self, viewer: Viewer, role: str) -> list[str]:
        """Return a newcomer's first events, and put the current frames in its slots."""
        center = self.run.center
        version = center.registry.version if center.registry else 0
        body = {"protocol": 1, "run": self.run_id, "city": self.city_id, "role": role, "registry_version": version}
        if center.devices is not None:
            for kind, payload in (
                (STATE, center.devices.state(center.now_ms).tobytes()),
                (ROADS, center.devices.roads(center.now_ms).tobytes()),
            ):
                viewer.put_frame(kind, pack_frame(kind, self.hub.frame_seq, center.now_ms, version, len(payload), payload))
        hello = self.hub.text("hello", center.now_ms, body, counts=False)
        return [hello, self.hub.text("snapshot", center.now_ms, {"snapshot": self.snapshot()}, counts=False)]

    def clock(self) -> dict[str, Any]:
        """How time goes, as viewers see it."""
        until = self.until.text if self.until else None
        return views.clock(self.run.center, self.connected, self.age_s, replay=self.playback is not None) | {"until": until}

    def snapshot(self) -> dict[str, Any]:
        """All that a newcomer needs, and which run it sees."""
        run = views.run(self.run.center, self.run_id, self.run.parent, self.run.fork_at_ms)
        return {**views.snapshot(self.run.center), "clock": self.clock(), "run": run}

    async def pause_ticker(self) -> None:
        """Draw no more by itself; for who draws by hand."""
        self._ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticker

    async def close(self) -> None:
        """End the viewers' tasks and let go of the run folder."""
        await self.pause_ticker()
        self.hub.close_all()
        if self.notifier is not None:
            await self.notifier.close()
        async with self.turn:
            await asyncio.to_thread(self.run.close)


def _down(command_id: str, type_: str, target: dict[str, str], params: dict[str, Any]) -> Command:
    return Command(command_id=command_id, type=type_, target_kind=target["kind"], target_id=target["id"], params=params)
