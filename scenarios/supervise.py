"""The demo: a center and a city, started, watched, restarted, and gone when the demo goes.

Lives here: two child processes and their lives, ports, seat links, the browser. Must not know: what the children do.
A child that ends is started again after a pause that grows; one that keeps ending at once is given up with its last words.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import webbrowser
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops_center.ports import EVERYWHERE, CannotServe, listen, shown_host
from ops_center.seats import new_seats
from scenarios import runs
from scenarios.child import MOVED, REFUSED, SELDOM
from scenarios.pace import WallClock

if TYPE_CHECKING:
    from scenarios.setup import Setup

BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
STEADY_S = 20.0  # a child that lived so long begins its back-off anew
GIVE_UP = 6
END_S = 8.0
DEFAULT_PORT = 8700
ROLES = ("observer", "operator", "instructor")


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """What `cityops demo` needs. `setup` makes the checked setup; it is called while the children load their code.

    `port` None: 8700 and 8701, or free ones where these are taken; a number must be free.
    `run` goes on with a run that is there. With `until_expr` or `until_ms` (from T+0) time stands still there.
    `loop` begins a new run when the scenario has ended. `say` gets each line for people; `greet` gets run id and seat links
    instead when center and exercise listen.
    """

    setup: "Callable[[], Setup]"
    data: Path
    host: str = "127.0.0.1"
    port: int | None = None
    pace: float = 1.0
    loop: bool = True
    browser: bool = True
    names: tuple[str, ...] = ()
    alertmanagers: tuple[str, ...] = ()
    run: str = ""
    until_expr: str = ""
    until_ms: int | None = None
    say: Callable[[str], None] = field(default=lambda line: None)
    greet: Callable[[str, dict[str, str]], None] | None = None


@dataclass(slots=True)
class Child:
    """One child process and its past."""

    name: str
    config: dict[str, Any]
    process: "asyncio.subprocess.Process | None" = None
    configured: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    failures: int = 0
    began_s: float = 0.0


def free_port(host: str, wanted: int | None, default: int) -> int:
    """Return a port that can be listened on. Raises CannotServe when a wanted one is taken."""
    if wanted:
        listen(host, wanted).close()
        return wanted
    for port in (default, 0):
        with contextlib.suppress(CannotServe):
            bound = listen(host, port)
            found = int(bound.getsockname()[1])
            bound.close()
            return found
    raise CannotServe(f"no port of {host} can be listened on")


class Supervisor:
    """Both children of a demo."""

    def __init__(self, config: DemoConfig) -> None:
        self.config, self.clock = config, WallClock()
        self.tokens = new_seats()
        host = config.host
        self.port = free_port(host, config.port, DEFAULT_PORT)
        if config.port is None and self.port != DEFAULT_PORT:
            config.say(f"port {DEFAULT_PORT} is taken, so the console is on port {self.port}")
        self.exercise_port = free_port(host, config.port + 1 if config.port else None, self.port + 1)
        shown = shown_host(host)
        self.address, self.exercise = f"http://{shown}:{self.port}", f"http://{shown}:{self.exercise_port}/exercise/"
        self.run_id, self._first = "", config.run
        self.setup: Setup | None = None
        self.center, self.city = Child("center", {}), Child("city", {})
        self.stopping = asyncio.Event()

    def links(self) -> dict[str, str]:
        """Return the address of each seat."""
        seats = {role: f"{self.address}/#seat={self.tokens[role]}" for role in ROLES}
        return seats | {"exercise": f"{self.exercise}#seat={self.tokens['instructor']}"}

    def new_run(self) -> None:
        """Make the folder of a new run and the configuration of both children."""
        assert self.setup is not None
        config, data = self.config, str(self.config.data)
        self.run_id, self._first = self._first or self.setup.create(config.data / "runs").run_id, ""
        common = {"data": data, "run": self.run_id, "host": config.host}
        inner = "127.0.0.1" if config.host in EVERYWHERE else config.host
        self.center.config = common | {
            "role": "center", "port": self.port, "tokens": self.tokens, "exercise_url": self.exercise,
            "names": list(config.names), "alertmanagers": list(config.alertmanagers),
        }  # fmt: skip
        tokens = {role: self.tokens[role] for role in ("city", "instructor")}
        self.city.config = common | {
            "role": "city", "url": f"ws://{inner}:{self.port}/wire", "tokens": tokens, "exercise_port": self.exercise_port,
            "pace": config.pace, "until_end": config.loop, "until_expr": config.until_expr, "run_to_ms": self._run_to_ms(),
        }  # fmt: skip

    def _run_to_ms(self) -> int | None:
        assert self.setup is not None
        return None if self.config.until_ms is None else self.config.until_ms + self.setup.scenario.warm_up

    # -- one child

    async def boot(self, child: Child) -> None:
        """Start a child; it loads its code and waits for its configuration."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), *sys.path[1:]])}
        child.ready.clear()
        child.began_s = self.clock.seconds()
        child.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scenarios.child", child.name, str(self.config.data / "cache" / "bytecode"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment,
            process_group=0,  # Ctrl+C is for the supervisor alone, which then ends its children one after the other
        )  # fmt: skip

    async def start(self, child: Child) -> None:
        """Give a child its configuration; boot it first unless it is waiting."""
        if child.process is None or child.configured:
            await self.boot(child)
        assert child.process is not None and child.process.stdin is not None
        child.configured = True
        child.process.stdin.write(json.dumps(child.config).encode() + b"\n")
        child.config |= {"until_expr": "", "run_to_ms": None}  # time stands still once, not again after each restart
        with contextlib.suppress(ConnectionError):
            await child.process.stdin.drain()

    async def watch(self, child: Child) -> int:
        """Read what a child says until it ends; return its exit status."""
        process = child.process
        assert process is not None and process.stdout is not None
        async for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            child.last.append(text)
            if text.startswith("ready "):
                child.ready.set()
            elif text.startswith(MOVED):
                self._moved(text.removeprefix(MOVED))
            elif text:
                self.config.say(f"{child.name}: {text}")
        return await process.wait()

    def _moved(self, run_id: str) -> None:
        """The run goes on in a branch: whoever is started again goes on there."""
        self.config.say(f"going on in {run_id}, a branch of {self.run_id}")
        self.run_id = self.center.config["run"] = self.city.config["run"] = run_id

    async def keep(self, child: Child) -> int:
        """Keep a child alive until the demo stops or it ends well; return 0, or 1 when it is given up or cannot be used."""
        while not self.stopping.is_set():
            await self.start(child)
            status = await self.watch(child)
            if self.stopping.is_set() or status == 0:
                return 0
            if status == REFUSED:
                return 1
            lived_s = self.clock.seconds() - child.began_s
            child.failures = 1 if lived_s > STEADY_S else child.failures + 1
            if child.failures >= GIVE_UP:
                self.config.say(f"{child.name}: ended {GIVE_UP} times in a row: {child.last[-1] if child.last else 'no words'}")
                return 1
            self.config.say(f"{child.name}: ended with status {status} after {lived_s:.0f} s, starting it again")
            with contextlib.suppress(TimeoutError):
                pause_s = BACK_OFF_S[min(child.failures, len(BACK_OFF_S)) - 1]
                await asyncio.wait_for(self.stopping.wait(), pause_s)
        return 0

    async def stop(self, child: Child) -> None:
        """End a child: first politely, then not."""
        process = child.process
        if process is None or process.returncode is not None:
            return
        for end in (process.terminate, process.kill):
            with contextlib.suppress(ProcessLookupError):
                end()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_S)
                return

    # -- the demo

    async def run(self) -> int:
        """Run until a signal, or until a child is given up; return the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, self.stopping.set)
        await asyncio.gather(self.boot(self.center), self.boot(self.city))
        try:
            self.setup = await asyncio.to_thread(self.config.setup)
        except BaseException:
            await asyncio.gather(self.stop(self.city), self.stop(self.center))
            raise
        first, status = True, 0
        while not self.stopping.is_set() and status == 0:
            self.new_run()
            status = await self._one_run(first)
            first = False
            if not self.config.loop:
                break
        return status

    async def _one_run(self, first: bool) -> int:
        """Keep both children through one run; return 0 when the run has ended well."""
        center, city = asyncio.create_task(self.keep(self.center)), asyncio.create_task(self.keep(self.city))
        stop = asyncio.create_task(self.stopping.wait())
        greet = asyncio.create_task(self._greet()) if first else None
        try:
            done, _ = await asyncio.wait({center, city, stop}, return_when=asyncio.FIRST_COMPLETED)
            if stop not in done and not self.config.loop and city in done and not city.result():
                done, _ = await asyncio.wait({center, stop}, return_when=asyncio.FIRST_COMPLETED)
            return max((task.result() for task in done if task is not stop), default=0)
        finally:
            ending = self.stopping.is_set()
            self.stopping.set()
            await asyncio.gather(self.stop(self.city), self.stop(self.center))
            await asyncio.gather(center, city, stop, return_exceptions=True)
            if greet is not None:
                greet.cancel()
            if not ending:
                self.stopping.clear()

    async def _greet(self) -> None:
        """Print the seats when center and exercise listen, and open the operator's in a browser if there is one."""
        await self.center.ready.wait()
        await self.city.ready.wait()
        links = self.links()
        if self.config.greet is not None:
            self.config.greet(self.run_id, links)
        else:
            self.config.say(f"center ready, run {self.run_id}; open one of these, Ctrl+C ends all:")
            for role, link in links.items():
                self.config.say(f"  {role:<10} {link}")
        if self.config.browser:
            await asyncio.to_thread(_open, links["operator"])


def _open(link: str) -> None:
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(link)


def demo(config: DemoConfig) -> int:
    """Run the demo; return the exit status. Raises runs.RunError or CannotServe, each one line, before anything is started."""
    gc.set_threshold(*SELDOM)
    with runs.locked(config.data):

        async def main() -> int:
            return await Supervisor(config).run()

        return asyncio.run(main())
