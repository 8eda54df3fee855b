"""The wire socket: cities connect here, one ordered stream each, and get credit as the center makes it durable.

Lives here: token check, hello and welcome, reading with bounded lead, sending down. Must not know: what frames mean to judgement.
The reader keeps at most a few frames in memory; when the center is slow the socket is not read and the city waits for credit.
A bad frame is counted and skipped; only an opening that cannot be used, a wrong token or another protocol ends the connection.
"""

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ops_center.folder_lock import FolderInUse
from ops_center.host import Host, HostError
from ops_center.journal import JournalError
from ops_center.live import CREDIT, LiveCity
from ops_center.recorder import RecorderError
from sensors.messages import PROTOCOL, BadMessage, DownMessage, Hello, Welcome, decode_frame, encode_down

HELLO_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 10.0
AHEAD = 64
LONG_S, PEOPLE_SHARE, MOST_PAUSE_S = 0.02, 0.5, 0.1  # a first evaluation takes long, and a page that opens then wants answers
MAX_STRANGERS = 8  # connections that have not yet said who they are

router = APIRouter()


class Refusal(Exception):
    """The city is not taken in; it is told why."""


@router.websocket("/wire")
async def wire(socket: WebSocket) -> None:
    """Serve one city from hello to its end."""
    host: Host = socket.app.state.host
    strangers: list[WebSocket] = socket.app.state.strangers
    if len(strangers) >= MAX_STRANGERS:
        await socket.close(1013)
        return
    strangers.append(socket)
    try:
        await socket.accept()
        frame, live = await _hello(socket, host)
    except Refusal as refusal:
        with contextlib.suppress(Exception):
            await _send(socket, Welcome(error=str(refusal)))
            await socket.close(4403)
        return
    except (WebSocketDisconnect, TimeoutError, RuntimeError):
        return
    finally:
        strangers.remove(socket)
    await _serve(socket, live, frame)


async def _hello(socket: WebSocket, host: Host) -> tuple[bytes, LiveCity]:
    """Read hello, check it, open its run. Raises Refusal."""
    async with asyncio.timeout(HELLO_TIMEOUT_S):
        message = await socket.receive()
    frame = message.get("bytes")
    if frame is None:
        raise Refusal("the first message of a city is a binary hello")
    try:
        header, _ = decode_frame(frame)
    except BadMessage as error:
        raise Refusal(str(error)) from error
    if not isinstance(header, Hello):
        raise Refusal(f"the first frame is a {type(header).__name__}; expected hello")
    if header.protocol != PROTOCOL:
        raise Refusal(f"this center speaks protocol {PROTOCOL}, the city {header.protocol}")
    if not host.config.seats.is_city(header.token):
        raise Refusal("the token does not open the wire")
    try:
        live = await host.open(header)
    except (HostError, FolderInUse, JournalError, RecorderError, ValueError) as error:
        raise Refusal(str(error)) from error
    return frame, live


async def _serve(socket: WebSocket, live: LiveCity, hello: bytes) -> None:
    async def send_down(message: DownMessage) -> None:
        await _send(socket, message)

    loop = asyncio.get_running_loop()
    frames: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
    reader: asyncio.Task[None] | None = None
    try:
        await live.city_came(send_down, hello)
        await _send(socket, Welcome(resume_ms=live.run.center.now_ms, credit=CREDIT))
        await live.resend()
        reader = asyncio.create_task(_read(socket, frames))
        while not live.run.center.refused and (frame := await frames.get()) is not None and live.send_down is send_down:
            began_s = loop.time()
            await live.take(frame, more_waits=not frames.empty())
            await asyncio.sleep(_pause_s(loop.time() - began_s))
        if live.run.center.refused:
            await _refused(socket, live.run.center.refused, frames)
    except (WebSocketDisconnect, TimeoutError, RuntimeError, OSError):
        pass  # the city has gone; it comes back and resumes
    finally:
        if reader is not None:
            reader.cancel()
        await live.city_gone(send_down)
        with contextlib.suppress(Exception):
            await socket.close(1001)


async def _refused(socket: WebSocket, why: str, frames: "asyncio.Queue[bytes | None]") -> None:
    """Tell a city why it cannot be used; it goes by itself, and what it still sends until then is not looked at."""
    await _send(socket, Welcome(error=why))
    async with asyncio.timeout(SEND_TIMEOUT_S):
        while await frames.get() is not None:
            pass


def _pause_s(took_s: float) -> float:
    """Return how long people are served before the next frame: not at all after a short turn, longer after a long one."""
    return 0.0 if took_s < LONG_S else min(PEOPLE_SHARE * took_s, MOST_PAUSE_S)


async def _read(socket: WebSocket, frames: "asyncio.Queue[bytes | None]") -> None:
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            await frames.put(message.get("bytes") or b"")
    finally:
        with contextlib.suppress(asyncio.QueueFull):
            frames.put_nowait(None)


async def _send(socket: WebSocket, message: DownMessage) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await socket.send_bytes(encode_down(message))
