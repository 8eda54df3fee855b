"""The city's process: live city, wire socket and exercise in one event loop.

Lives here: the outermost shell of `cityops city`: ports, folders, signals, one line when it cannot be. Must not know: how a city
goes on, what the exercise shows. The exercise's port listens from the first moment; its code loads once the city streams.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ops_center.ports import CannotServe, listen
from ops_center.seats import CITY
from scenarios import runs
from scenarios.child import REFUSED
from scenarios.city_server import CityServer, Link, Refused, Unwelcome
from scenarios.live_city import LiveCity
from scenarios.pace import Asked, Pacer, WallClock
from scenarios.setup import Setup

if TYPE_CHECKING:
    from scenarios.exercise.web import Web

PAGE_FIRST_MS = 15_000  # of the warm-up, which takes a moment: by then the center has taken in its city and can show it
FIFTHS = 5  # of the warm-up, each of which is told


@dataclass(frozen=True, slots=True)
class CityConfig:
    """What `cityops city` needs. `tokens`: role -> token, with city for the wire and instructor for the exercise.

    `warming` gets a line for each fifth of the warm-up and one at T+0; `lost` one for each time that the center is not there.
    `moved` gets the id of each branch that the city goes on in. With `until_expr` or `run_to_ms` time stands still there.
    `data` None keeps nothing. `exercise_port` None serves no exercise, 0 takes a free port; `bound` is a socket that listens
    already, in place of a port.
    """

    setup: Setup
    url: str
    tokens: Mapping[str, str]
    run_id: str = ""
    data: Path | None = None
    host: str = "127.0.0.1"
    exercise_port: int | None = 8701
    bound: socket.socket | None = None
    pace: float = 1.0
    until_end: bool = False
    origins: tuple[str, ...] = ()
    ready: Callable[[str], None] = field(default=lambda address: None)
    warming: Callable[[str], None] = field(default=lambda line: None)
    lost: Callable[[str], None] = field(default=lambda line: None)
    moved: Callable[[str], None] = field(default=lambda run_id: None)
    until_expr: str = ""
    run_to_ms: int | None = None


def folder_of(config: CityConfig) -> runs.RunFolder | None:
    """Return the run's folder, made if it is not there. Raises runs.RunError if one is there that is another run."""
    if config.data is None:
        return None
    root = config.data / "runs"
    path = root / config.run_id
    if not config.run_id or not (path / "header.json").exists():
        return config.setup.create(root, config.run_id)
    folder = runs.get(root, config.run_id)
    expected, seen = config.setup.header(config.run_id).identity(), folder.header().identity()
    wrong = sorted(key for key in expected if expected[key] != seen[key])
    if wrong:
        raise runs.RunError(f"run {config.run_id} was made with another {', '.join(wrong)}; give a new run id")
    return folder


def serve_city(config: CityConfig) -> int:
    """Run the city until it is stopped (or, with `until_end`, until its end); return the exit status."""
    try:
        folder = folder_of(config)
        bound = config.bound or (None if config.exercise_port is None else listen(config.host, config.exercise_port))
    except (runs.RunError, CannotServe) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    port = bound.getsockname()[1] if bound else 0
    exercise_url = f"http://{config.host}:{port}/exercise/" if bound else ""
    run_id = folder.run_id if folder else config.run_id or config.setup.scenario.name
    link = Link(config.url, config.tokens.get(CITY, ""), run_id, exercise_url, runs.release())
    live = LiveCity(config.setup, folder, config.data / "cache" if config.data else None)
    clock = WallClock()
    server = CityServer(live, link, Pacer(clock, config.pace), clock)
    server.watchers.add(_Told(server, config).look)
    server.moved = config.moved
    if config.until_expr or config.run_to_ms is not None:
        server.ask(Asked(run_to_ms=config.run_to_ms, until_expr=config.until_expr or None), "command line")
    config.ready(exercise_url)
    try:
        return asyncio.run(_both(config, server, bound))
    except KeyboardInterrupt:
        return 0
    finally:
        server.close()


class _Told:
    """Says how far the warm-up is and when there is no center, each thing once."""

    def __init__(self, server: CityServer, config: CityConfig) -> None:
        self.server, self.config, self.said, self.lost = server, config, 0, ""

    def look(self) -> None:
        """Take note of a barrier or of a lost connection."""
        if self.server.lost != self.lost:
            self.lost = self.server.lost
            if self.lost:
                self.config.lost(f"no center at {self.config.url} ({self.lost}); trying again")
        if self.said > FIFTHS:
            return
        warm_up_ms, now_ms = self.config.setup.scenario.warm_up, self.server.live.now_ms
        fifth = FIFTHS * now_ms // warm_up_ms if warm_up_ms else FIFTHS
        if fifth >= FIFTHS:
            self.said = FIFTHS + 1
            self.config.warming("warm; T+0, the scenario begins" if now_ms <= warm_up_ms else "going on")
        elif fifth > self.said:
            self.said = fifth
            self.config.warming(f"warming up {100 * fifth // FIFTHS} %")


async def _both(config: CityConfig, server: CityServer, bound: socket.socket | None) -> int:
    """Serve the wire and the exercise until either ends or a signal comes."""
    exercise = _Exercise(config, server)
    tasks = [asyncio.create_task(server.run(config.until_end))]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, tasks[0].cancel)
    if bound is not None:
        tasks.append(asyncio.create_task(exercise.serve(bound)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            return 1
        tasks[0].result()
    except asyncio.CancelledError:
        return 0
    except Unwelcome as error:
        sys.stderr.write(f"the center refuses this city: {error}\n")
        return REFUSED if isinstance(error, Refused) else 1
    finally:
        for task in tasks[:1] if exercise.stop() else tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 0


class _Exercise:
    """The exercise of a city, served when the city streams, or as soon as it is clear that there is no center."""

    def __init__(self, config: CityConfig, server: CityServer) -> None:
        self.config, self.server = config, server
        self.web: Web | None = None

    async def serve(self, bound: socket.socket) -> None:
        """Load the exercise's code beside the running city, then serve it; who asks earlier waits in the socket's queue."""
        news = asyncio.Event()
        self.server.watchers.add(news.set)
        await news.wait()
        while self.server.connected and self.server.warming_up and self.server.live.now_ms < PAGE_FIRST_MS:
            news.clear()
            await news.wait()
        self.server.watchers.discard(news.set)
        self.web = await asyncio.to_thread(self._made)
        await self.web.serve(sockets=[bound])

    def _made(self) -> "Web":
        from scenarios.exercise.web import exercise_web

        return exercise_web(self.server, self.config.host, self.config.tokens, self.config.origins)

    def stop(self) -> bool:
        """Let it end by itself; False if there is nothing yet that could."""
        if self.web is not None:
            self.web.should_exit = True
        return self.web is not None
