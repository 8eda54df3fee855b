"""The city's process: live city, wire socket and exercise in one event loop.

Lives here: the outermost shell of `cityops city`: ports, folders, signals, one line when it cannot be. Must not know: how a city
goes on, what the exercise shows.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from ops_center.guards import LOOPBACK, GuardConfig
from ops_center.ports import CannotServe, listen
from ops_center.seats import CITY, seats_of
from ops_center.uvicorn_settings import uvicorn_config
from scenarios import runs
from scenarios.city_server import CityServer, Link, Unwelcome
from scenarios.claims import load_claims
from scenarios.exercise.app import ROLE, create_app
from scenarios.exercise.desk import Desk
from scenarios.live_city import LiveCity
from scenarios.pace import Pacer, WallClock
from scenarios.setup import PACK, Setup

FIFTHS = 5  # of the warm-up, each of which is told


@dataclass(frozen=True, slots=True)
class CityConfig:
    """What `cityops city` needs. `tokens`: role -> token, with city for the wire and instructor for the exercise.

    `warming` gets a line for each fifth of the warm-up and one at T+0; `lost` one for each time that the center is not there.
    `data` None keeps nothing. `exercise_port` None serves no exercise, 0 takes a free port.
    """

    setup: Setup
    url: str
    tokens: Mapping[str, str]
    run_id: str = ""
    data: Path | None = None
    host: str = "127.0.0.1"
    exercise_port: int | None = 8701
    pace: float = 1.0
    until_end: bool = False
    origins: tuple[str, ...] = ()
    ready: Callable[[str], None] = field(default=lambda address: None)
    warming: Callable[[str], None] = field(default=lambda line: None)
    lost: Callable[[str], None] = field(default=lambda line: None)


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
        bound = None if config.exercise_port is None else listen(config.host, config.exercise_port)
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


async def _both(config: CityConfig, server: CityServer, bound: object) -> int:
    """Serve the wire and the exercise until either ends or a signal comes."""
    tasks = [asyncio.create_task(server.run(config.until_end))]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, tasks[0].cancel)
    web: uvicorn.Server | None = None
    if bound is not None:
        guard = GuardConfig((*LOOPBACK, config.host.lower()), config.origins)
        seats = seats_of({role: token for role, token in config.tokens.items() if role == ROLE})
        web = _Web(uvicorn_config(create_app(Desk(server, load_claims(PACK)), seats, guard)))
        tasks.append(asyncio.create_task(web.serve(sockets=[bound])))  # type: ignore[list-item]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            return 1
        tasks[0].result()
    except asyncio.CancelledError:
        return 0
    except Unwelcome as error:
        sys.stderr.write(f"the center refuses this city: {error}\n")
        return 1
    finally:
        if web is not None:
            web.should_exit = True
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 0


class _Web(uvicorn.Server):
    """Uvicorn without signal handlers of its own: the process has one way to end."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Leave signals alone."""
        yield
