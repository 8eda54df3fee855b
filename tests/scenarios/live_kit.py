"""What live tests share: a center on loopback, a wire that delays, a clock that never waits, an operator."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from ops_center.ports import listen
from ops_center.seats import new_seats
from ops_center.server import ServeConfig, app_of
from ops_center.uvicorn_settings import uvicorn_config
from scenarios.city_server import CityServer, Link
from scenarios.live_city import LiveCity
from scenarios.pace import Pacer
from scenarios.runs import RunFolder
from scenarios.setup import Setup
from simulator.distributions import Distribution, Uniform
from simulator.streams import Streams


class NoWait:
    """A clock whose waiting takes no time of ours: a pace of 1 has all its waits and is still over soon."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def seconds(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0.01 if seconds >= 5.0 else 0)


DELAY = Distribution("test.delay", Uniform(), "of the longest", "How long a relay holds a piece back.", "assumption")


class Delay:
    """A TCP relay that holds each piece back for a seeded random time, and can cut the line."""

    def __init__(self, target: int, seed: int, most_s: float = 0.004) -> None:
        self.target, self.most_s = target, most_s
        self._draws = iter(Streams(seed).draw(DELAY, tick=0, n=200_000))
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> "Delay":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
            try:
                await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer))
            finally:
                up_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            await asyncio.sleep(self.most_s * float(next(self._draws)))
            writer.write(data)
            await writer.drain()
        writer.close()


@dataclass
class Center:
    """A running center."""

    data: Path
    setup: Setup
    tokens: dict[str, str]
    port: int = 0
    heard: list[bytes] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Center"]:
        config = ServeConfig(self.tokens, self.data, rules=self.setup.rule_files())
        bound = listen("127.0.0.1", self.port)
        self.port = bound.getsockname()[1]
        server = _Web(uvicorn_config(app_of(config)))
        task = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield self
        finally:
            server.should_exit = True
            await task
            bound.close()

    def client(self, role: str = "operator") -> httpx.AsyncClient:
        async def keep(response: httpx.Response) -> None:
            self.heard.append(await response.aread())

        headers = {"authorization": f"Bearer {self.tokens[role]}"}
        address = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=address, headers=headers, timeout=30, trust_env=False, event_hooks={"response": [keep]})

    async def listen_feed(self) -> None:
        """Take in everything that the feed says to an operator, until cancelled."""
        headers = {"authorization": f"Bearer {self.tokens['operator']}"}
        address = f"ws://127.0.0.1:{self.port}/api/feed"
        while True:  # until the city is there, nobody is let in
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
                    await socket.send(json.dumps({"subscribe": [0, 1, 2]}))
                    async for message in socket:
                        self.heard.append(message.encode() if isinstance(message, str) else message)
            await asyncio.sleep(0.05)


class _Web(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def make_center(data: Path, setup: Setup) -> Center:
    return Center(data, setup, new_seats())


def make_city(center: Center, folder: RunFolder, port: int, pace: float, cache: Path | None = None) -> CityServer:
    """A city that speaks to the center over a port (the relay's)."""
    clock = NoWait()
    link = Link(f"ws://127.0.0.1:{port}/wire", center.tokens["city"], folder.run_id, "http://127.0.0.1:9/exercise/")
    return CityServer(LiveCity(center.setup, folder, cache), link, Pacer(clock, pace), clock)


async def until(condition: Callable[[], Any], limit_s: float = 60.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


class Operator:
    """An operator who works through the API, as fast as the answers come."""

    def __init__(self, center: Center) -> None:
        self.center = center
        self._ids = (f"op-{n}" for n in itertools.count(1))

    async def post(self, client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
        response = await client.post(path, json={"command_id": next(self._ids), **body})
        assert response.status_code in (200, 202), (path, response.status_code, response.text)
        return dict(response.json())

    async def first_incident(self, client: httpx.AsyncClient) -> str:
        while True:
            response = await client.get("/api/incidents", params={"state": "open"})
            rows = response.json() if response.status_code == 200 else []
            rows = rows.get("incidents", []) if isinstance(rows, dict) else rows
            if rows:
                return str(rows[0]["incident_id"])
            await asyncio.sleep(0.02)

    async def work(self) -> None:
        """Acknowledge the outage, reclose until it holds, comment, and look at everything there is to look at."""
        target = {"kind": "feeder", "id": "feeder:01_1"}
        async with self.center.client() as client:
            incident_id = await self.first_incident(client)
            await self.post(client, f"/api/incidents/{incident_id}/acknowledge")
            for _ in range(200):
                command = await self.post(
                    client, "/api/commands", type="feeder_reclose", target=target, params={}, incident_id=incident_id
                )
                if await self._ended(client, str(command["command_id"])) == "done":
                    break
            await self.post(client, f"/api/incidents/{incident_id}/comment", text="Đã đóng lại, Lê Chân sáng đèn")
            for path in LOOK:
                await client.get(path)

    async def _ended(self, client: httpx.AsyncClient, command_id: str) -> str:
        while True:
            state = str((await client.get(f"/api/commands/{command_id}")).json()["state"])
            if state in ("done", "failed"):
                return state
            await asyncio.sleep(0.02)


LOOK = (
    "/api/session", "/api/city", "/api/layers", "/api/devices", "/api/kinds", "/api/places?q=duong", "/api/overview",
    "/api/alerts", "/api/incidents?state=all", "/api/incidents/INC-00001", "/api/command-types",
    "/api/readings/0", "/api/health", "/api/rules",
    "/openapi.json", "/prometheus/api/v1/query?query=sensor_up",
    "/prometheus/api/v1/query?query=feeder_energised",
    "/prometheus/api/v1/rules", "/prometheus/api/v1/alerts", "/prometheus/api/v1/labels", "/prometheus/api/v1/metadata",
    "/prometheus/api/v1/label/__name__/values", "/prometheus/api/v1/series?match[]=sensor_info", "/", "/exercise/",
    "/exercise/api/truth",
)  # fmt: skip
