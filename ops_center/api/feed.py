"""The viewers' socket. Lives here: letting a viewer in, hearing what it subscribes to, ending it. Sending is the hub's."""

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ops_center.api.common import city_of, seat_of
from ops_center.feed import Viewer, read_request, stop
from ops_center.guards import Problem
from ops_center.live import LiveCity

router = APIRouter()
CLOSE_TIMEOUT_S = 1.0
TRY_LATER, GOING_AWAY, UNAUTHORISED, FORBIDDEN, POLICY = 1013, 1001, 4401, 4403, 1008
MAX_REQUESTS = 1_000  # a viewer that asks more often than anybody could is let go


@router.websocket("/api/feed")
async def feed(socket: WebSocket) -> None:
    """Serve one viewer."""
    seat = seat_of(socket)
    if seat is None or not seat.may("read"):
        await socket.close(UNAUTHORISED if seat is None else FORBIDDEN)  # before accept: the answer is 403
        return
    try:
        live = city_of(socket)
    except Problem:
        await socket.close(TRY_LATER)
        return
    await socket.accept()
    if live.hub.full:
        await socket.close(TRY_LATER)
        return
    await _serve(socket, live, seat.role)


async def _serve(socket: WebSocket, live: LiveCity, role: str) -> None:
    viewer = Viewer()
    sender = asyncio.create_task(live.hub.serve(socket, lambda: live.greet(viewer, role), viewer))
    listener = asyncio.create_task(_listen(socket, live, viewer))
    try:
        await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        code = POLICY if listener.done() and not listener.cancelled() and listener.exception() else GOING_AWAY
        await stop(sender)
        await stop(listener)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.close(code)


async def _listen(socket: WebSocket, live: LiveCity, viewer: Viewer) -> None:
    """Hear what a viewer subscribes to until it is gone; raises ValueError when it talks nonsense."""
    with contextlib.suppress(WebSocketDisconnect):
        for _ in range(MAX_REQUESTS):
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            city = live.run.center.city
            wanted = read_request(message.get("text") or "", city.n_devices if city else 0)
            if wanted is not None:
                viewer.subscribed = wanted
        raise ValueError(f"a viewer sent more than {MAX_REQUESTS} messages")
