"""How many viewers one center process can serve, some of them stalled.

Lives here: a center process with a small city's state at 4 Hz, and all viewers multiplexed in one client process over plain
asyncio protocols (a WebSocket library per viewer would measure the library). Must not know: rules. Loopback only.
Both processes share the machine's monotonic clock, so a frame's age is the time since it was drawn: `now_ms` carries it.
"""

import asyncio
import base64
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

TOKEN = "viewer"  # of a server that lives for seconds on loopback
DEVICES = 100_000
ABNORMAL_PER_1000 = 60
STALLED_BUFFER = 8_192
EVENTS_PER_TICK = 2
START_TIMEOUT_S = 60.0
GRACE_S = 3.0
BINARY, TEXT, PING, PONG = 2, 1, 9, 10


def run(viewers: int = 1000, stalled: int = 50, hz: float = 4.0, seconds: float = 10.0, scale: float = 1.0) -> dict[str, Any]:
    """Serve `viewers` (times `scale`), `stalled` of which never read, for some seconds; return losses and ages of the others.

    `events_lost` counts numbered events that a reading viewer missed, `state_frames_lost_ratio` its missing state frames,
    `age_p95_ms` the time from drawing a frame to having read it. Raises RuntimeError when the server does not come up.
    """
    viewers, stalled = max(2, round(viewers * scale)), round(stalled * scale)
    _allow_files(viewers + 100)
    began = time.monotonic()  # noqa: TID251  # a bench measures wall time
    command = [sys.executable, "-m", "scenarios.bench.viewers", str(hz), str(seconds)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None and server.stdin is not None
        port = int(server.stdout.readline() or 0)
        if not port:
            raise RuntimeError("the center process did not come up")
        measured = asyncio.run(_watch(port, viewers, stalled, server.stdin))
        said = json.loads(server.stdout.readline())
    finally:
        server.kill()
        server.communicate(timeout=START_TIMEOUT_S)
    ended = time.monotonic()  # noqa: TID251
    return _figures(measured, said) | {"viewers": viewers, "stalled": stalled, "hz": hz, "seconds": round(ended - began, 1)}


def _figures(readers: list["Reader"], said: dict[str, Any]) -> dict[str, Any]:
    ages = sorted(age for reader in readers for age in reader.ages_ms)
    expected = said["frames"] * len(readers)
    got = sum(len(set(reader.frames) & set(said["numbers"])) for reader in readers)
    missed = sum(len(set(said["events"]) - set(reader.events)) for reader in readers)
    return {
        "events_lost": missed,
        "events_sent": len(said["events"]) * len(readers),
        "state_frames_lost_ratio": round(1.0 - got / expected, 5) if expected else 1.0,
        "age_p50_ms": round(ages[len(ages) // 2], 1) if ages else None,
        "age_p95_ms": round(ages[int(len(ages) * 0.95)], 1) if ages else None,
        "age_max_ms": round(ages[-1], 1) if ages else None,
        "frame_bytes": said["frame_bytes"],
        "server_cpu_ratio": round(said["cpu_s"] / said["wall_s"], 3),
        "server_peak_rss_mb": said["rss_mb"],
        "stalled_let_go": said["timed_out"],
    }


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


# -- viewers


@dataclass(slots=True)
class Seen:
    """What one message was."""

    kind: int
    payload: bytes


@dataclass
class Reader(asyncio.Protocol):
    """One viewer: shakes hands, then reads frames, or never reads again."""

    stall: bool
    ready: "asyncio.Future[None]"
    buffer: bytearray = field(default_factory=bytearray)
    events: list[int] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        host = f"127.0.0.1:{transport.get_extra_info('peername')[1]}"
        lines = [
            "GET /api/feed HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13", f"Authorization: Bearer {TOKEN}", "", "",
        ]  # fmt: skip
        transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self.buffer += data
        if not self.ready.done():
            head, separator, rest = bytes(self.buffer).partition(b"\r\n\r\n")
            if not separator:
                return
            self.buffer = bytearray(rest)
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.ready.set_exception(RuntimeError(head.split(b"\r\n")[0].decode()))
                return
            self.ready.set_result(None)
            if self.stall and self.transport is not None:
                self.transport.pause_reading()
                return
        while (message := take_message(self.buffer)) is not None:
            self._note(message)

    def _note(self, message: Seen) -> None:
        now_ms = time.monotonic() * 1000  # noqa: TID251
        if message.kind == BINARY and message.payload[1] == 1:
            _, _, _, seq, drawn_ms = struct.unpack_from("<BBHId", message.payload)
            self.frames.append(seq)
            self.ages_ms.append(now_ms - drawn_ms)
        elif message.kind == PING and self.transport is not None:
            mask = bytes(4)  # a client masks what it sends; a mask of zeros leaves it as it is
            self.transport.write(bytes([0x80 | PONG, 0x80 | len(message.payload)]) + mask + message.payload)
        elif message.kind == TEXT and b'"type":"alert"' in message.payload[:40]:
            self.events.append(json.loads(message.payload)["seq"])

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has let this viewer go."""
        if not self.ready.done():
            self.ready.set_exception(exc or RuntimeError("the server closed before the handshake ended"))


def take_message(buffer: bytearray) -> Seen | None:
    """Take one whole WebSocket message of a server off the buffer, None if there is none yet."""
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        if len(buffer) < 2 + width:
            return None
        size, start = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
    if len(buffer) < start + size:
        return None
    message = Seen(buffer[0] & 0x0F, bytes(buffer[start : start + size]))
    del buffer[: start + size]
    return message


async def _watch(port: int, viewers: int, stalled: int, tell: Any) -> list[Reader]:
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    for first in range(0, viewers, 50):
        batch = [Reader(n < stalled, loop.create_future()) for n in range(first, min(viewers, first + 50))]
        await asyncio.gather(*(_connect(loop, reader, port) for reader in batch))
        await asyncio.wait_for(asyncio.gather(*(reader.ready for reader in batch)), START_TIMEOUT_S)
        readers += batch
    tell.write("begin\n")
    tell.flush()
    await _quiet(readers)
    return [reader for reader in readers if not reader.stall]


async def _connect(loop: asyncio.AbstractEventLoop, reader: Reader, port: int) -> None:
    """Connect a viewer; one that will stall has a small buffer, as a sleeping laptop behind a slow link has."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    if reader.stall:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_BUFFER)
    await loop.sock_connect(connection, ("127.0.0.1", port))
    await loop.create_connection(lambda: reader, sock=connection)


async def _quiet(readers: list[Reader]) -> None:
    """Wait until no viewer has got anything for a while: the server has ended its show."""
    seen = -1
    while seen != (now := sum(len(r.frames) + len(r.events) for r in readers)) or now == 0:
        seen = now
        await asyncio.sleep(GRACE_S)


# -- the center process


async def _serve(hz: float, seconds: float) -> None:
    import uvicorn

    from ops_center.feed import STATE
    from ops_center.live import LiveCity
    from ops_center.ports import listen
    from ops_center.run import Run
    from ops_center.server import ServeConfig, app_of
    from ops_center.uvicorn_settings import uvicorn_config

    app = app_of(ServeConfig({"observer": TOKEN}))
    bound = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn_config(app))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    live = LiveCity(Run(None, app.state.host.config.center), "bench", "bench")
    await live.pause_ticker()
    app.state.host.cities["bench", "bench"] = live
    sys.stdout.write(f"{bound.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    said = await _show(live.hub, STATE, hz, seconds)
    sys.stdout.write(json.dumps({**said, "timed_out": live.hub.timed_out}) + "\n")
    sys.stdout.flush()
    await serving


async def _show(hub: Any, kind: int, hz: float, seconds: float) -> dict[str, Any]:
    """Draw state and events at `hz` and say which numbers there were."""
    import numpy as np

    mixed = np.arange(1, DEVICES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # splitmix64: no pattern to deflate
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = np.where((mixed >> np.uint64(40)) % np.uint64(1000) < ABNORMAL_PER_1000, 0x0A, 0xF0).astype(np.uint8)
    numbers, events, size = [], [], 0
    loop = asyncio.get_running_loop()
    began, cpu = loop.time(), time.process_time()
    for tick in range(round(hz * seconds)):
        await asyncio.sleep(max(0.0, began + tick / hz - loop.time()))
        state[(np.arange(500) * 97 + tick * 31) % DEVICES] ^= 4  # some devices change
        texts = [hub.text("alert", tick, {"alert": {"name": "bench", "text": "x" * 300}}) for _ in range(EVENTS_PER_TICK)]
        events += [json.loads(text)["seq"] for text in texts]
        hub.publish(texts)
        now_ms = time.monotonic() * 1000  # noqa: TID251
        size = len(hub.publish_frame(kind, now_ms, 1, DEVICES, state.tobytes()))
        numbers.append(hub.frame_seq)
    wall_s, cpu_s = loop.time() - began, time.process_time() - cpu
    await asyncio.sleep(GRACE_S)
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    found = {"frames": len(numbers), "numbers": numbers, "events": events, "frame_bytes": size}
    return {**found, "wall_s": wall_s, "cpu_s": cpu_s, "rss_mb": round(rss_mb)}


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), float(sys.argv[2])))
