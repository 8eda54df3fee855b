"""A class room: a center, a city and its exercise in one process, with the clock of the test."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from ops_center.guards import GuardConfig
from ops_center.ports import listen
from ops_center.seats import seats_of
from ops_center.uvicorn_settings import uvicorn_config
from scenarios.city_server import CityServer
from scenarios.claims import load_claims
from scenarios.exercise.app import create_app
from scenarios.exercise.center_window import CenterWindow
from scenarios.exercise.desk import Desk
from scenarios.rule_paths import PACK
from scenarios.runs import RunFolder
from scenarios.setup import Setup

sys.path.insert(0, str(Path(__file__).parent))
import live_kit as kit


class Room:
    """A center, a city and its exercise, all at work."""

    def __init__(self, center: kit.Center, city: CityServer, folder: RunFolder, address: str) -> None:
        self.center, self.city, self.folder, self.address = center, city, folder, address

    def client(self, role: str | None = "instructor") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.center.tokens[role]}"} if role else {}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=30, trust_env=False)


@contextlib.asynccontextmanager
async def room(setup: Setup, data: Path) -> AsyncIterator[Room]:
    """Everything that a class needs, at full speed."""
    folder, center = setup.create(data / "runs", "class"), kit.make_center(data, setup)
    async with center.running():
        city = kit.make_city(center, folder, center.port, 0.0)
        seats = seats_of({"instructor": center.tokens["instructor"], "operator": center.tokens["operator"]})
        bound = listen("127.0.0.1", 0)
        window = CenterWindow(city.link.url, center.tokens["instructor"])
        app = create_app(Desk(city, load_claims(PACK)), seats, GuardConfig(), window=window)
        web = kit._Web(uvicorn_config(app))
        tasks = [asyncio.create_task(web.serve(sockets=[bound])), asyncio.create_task(city.run())]
        try:
            async with asyncio.timeout(300):
                yield Room(center, city, folder, f"http://127.0.0.1:{bound.getsockname()[1]}")
        finally:
            web.should_exit = True
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            bound.close()
            city.close()
