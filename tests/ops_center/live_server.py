"""A real center on a loopback port in a thread of the test, and a scripted city on its wire; both bounded in time."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import uvicorn
from websockets.sync.client import ClientConnection, connect

from ops_center.ports import listen
from ops_center.server import ServeConfig, app_of
from ops_center.uvicorn_settings import uvicorn_config
from sensors.messages import Command, Credit, DownMessage, Welcome, decode_down
from tests.ops_center.small_city import SmallCity, config, opening

TOKENS = {"observer": "tok-observer", "operator": "tok-operator", "instructor": "tok-instructor", "city": "secret"}
WAIT_S = 20.0


class Server:
    """A running center. `client(role)` speaks HTTP as a seat."""

    def __init__(self, data: Path | None, **more: Any) -> None:
        more = {"rules": config().rules, "tokens": TOKENS, **more}
        self._socket = listen("127.0.0.1", 0)
        self.port = self._socket.getsockname()[1]
        self.app = app_of(ServeConfig(data=data, **more))
        self.server = uvicorn.Server(uvicorn_config(self.app))
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> "Server":
        self._thread.start()
        with httpx.Client(base_url=self.url, timeout=WAIT_S) as probe:
            probe.get("/openapi.json")  # the socket listens already: this waits until the server answers
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.should_exit = True
        self._thread.join(WAIT_S)
        self._socket.close()

    def client(self, role: str = "", **headers: str) -> httpx.Client:
        known = {"authorization": f"Bearer {TOKENS[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers={**known, **headers}, timeout=WAIT_S)

    def feed(self, role: str = "observer", **more: Any) -> ClientConnection:
        headers = {"authorization": f"Bearer {TOKENS[role]}"}
        return connect(f"{self.ws_url}/api/feed", additional_headers=headers, open_timeout=WAIT_S, compression=None, **more)


class CityLink:
    """The scripted city's end of the wire; `commands` are those that came down."""

    def __init__(self, server: Server, first: Iterable[bytes] | None = None) -> None:
        self._open = ExitStack()
        self.socket = self._open.enter_context(
            connect(f"{server.ws_url}/wire", open_timeout=WAIT_S, compression=None, max_size=None)
        )
        self.commands: list[Command] = []
        frames = list(opening() if first is None else first)
        self.socket.send(frames[0])
        self.welcome = self.receive()
        assert isinstance(self.welcome, Welcome)
        if not self.welcome.error:
            self.send(frames[1:])

    def close(self) -> None:
        self._open.close()

    def receive(self) -> DownMessage:
        data = self.socket.recv(timeout=WAIT_S)
        assert isinstance(data, bytes)
        return decode_down(data)

    def send(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            self.socket.send(frame)

    def send_until(self, frames: Iterable[bytes], now_ms: int) -> None:
        """Send frames and wait until the center has made the barrier at `now_ms` durable."""
        self.send(frames)
        while True:
            message = self.receive()
            if isinstance(message, Command):
                self.commands.append(message)
            elif isinstance(message, Credit) and message.now_ms >= now_ms:
                return

    def next_command(self) -> Command:
        while not self.commands:
            message = self.receive()
            if isinstance(message, Command):
                self.commands.append(message)
        return self.commands.pop(0)


@contextmanager
def city_on(server: Server, city: SmallCity, until_ms: int) -> Iterator[CityLink]:
    """A city that is connected and has come to `until_ms`."""
    link = CityLink(server)
    try:
        link.send_until(city.until(until_ms), until_ms)
        yield link
    finally:
        link.close()
