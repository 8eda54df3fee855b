"""The live feed: one task per viewer, and nothing that a viewer does or fails to do can hold up the center.

Lives here: mailboxes, the hub that fills them, frame headers. Must not know: alerts, HTTP, what an event says.
A viewer's mailbox has one slot per kind of binary frame (the latest wins) and a bounded queue of events; when that overflows the
viewer is told to resync. Publishing never waits. Every message is encoded once and its bytes are shared; a send has a time limit.
"""

import asyncio
import contextlib
import struct
import zlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

VERSION = 1
STATE, ROADS, VALUES = 1, 2, 3
DEFLATED = 1
HEADER = struct.Struct("<BBHIdII")
MAX_EVENTS = 256
MAX_BURST = 4096
MAX_VIEWERS = 2_000
MAX_SUBSCRIBED = 64
SEND_TIMEOUT_S = 5.0
_encode = msgspec.json.encode


class Socket(Protocol):
    """What the feed needs of a WebSocket."""

    async def send_text(self, data: str) -> None:
        """Send a text message."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""


def pack_frame(
    kind: int, seq: int, now_ms: int, registry_version: int, count: int, payload: bytes, deflate: bool = True
) -> bytes:
    """Return a binary frame: a 24-byte little-endian header and the payload, deflated (zlib format) if that is smaller."""
    body, flags = payload, 0
    if deflate:
        packed = zlib.compress(payload, 1)
        if len(packed) < len(payload):
            body, flags = packed, DEFLATED
    return HEADER.pack(VERSION, kind, flags, seq & 0xFFFFFFFF, float(now_ms), count, registry_version) + body


class Viewer:
    """One viewer's mailbox. `frames` has one slot per kind; `events` is bounded."""

    def __init__(self) -> None:
        self.events: deque[str] = deque()
        self.frames: dict[int, bytes] = {}
        self.subscribed: tuple[int, ...] = ()
        self.lost = False
        self.closed = False
        self.timed_out = False
        self.sending_since: float | None = None
        self.task: asyncio.Task[Any] | None = None
        self.news = asyncio.Event()
        self.sent_frames = 0
        self.missed_frames = 0

    def put_events(self, events: list[str]) -> None:
        """Queue events; a burst may be long, a backlog may not: beyond the bound all are dropped for one resync."""
        if self.lost or len(self.events) > MAX_EVENTS or len(self.events) + len(events) > MAX_BURST:
            self.events.clear()
            self.lost = True
        else:
            self.events.extend(events)
        self.news.set()

    def put_resync(self) -> None:
        """Drop what waits: another time is shown from now on."""
        self.events.clear()
        self.lost = True
        self.news.set()

    def put_frame(self, kind: int, frame: bytes) -> None:
        """Put the latest frame of a kind in its slot."""
        if kind in self.frames:
            self.missed_frames += 1
        self.frames[kind] = frame
        self.news.set()


class Hub:
    """All viewers of one city, the number of the next event, and the snapshot that a newcomer gets."""

    def __init__(self, limit: int = MAX_VIEWERS, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self.viewers: set[Viewer] = set()
        self.limit = limit
        self.send_timeout_s = send_timeout_s
        self.seq = 0
        self.frame_seq = 0
        self.branch = "main"
        self.now_ms = -1
        self.timed_out = 0
        self._watcher: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """No more viewers are taken."""
        return len(self.viewers) >= self.limit

    def text(self, type_: str, now_ms: int, body: dict[str, Any], counts: bool = True) -> str:
        """Return an event as JSON; one that is for everybody takes the next number."""
        self.seq += counts
        return _encode({"type": type_, "seq": self.seq, "branch": self.branch, "now_ms": now_ms, **body}).decode()

    def publish(self, events: list[str]) -> None:
        """Queue events for all viewers; returns at once."""
        for viewer in self.viewers:
            viewer.put_events(events)

    def publish_frame(self, kind: int, now_ms: int, registry_version: int, count: int, payload: bytes) -> bytes:
        """Encode a frame once and put it in everybody's slot; returns at once."""
        self.frame_seq += 1
        frame = pack_frame(kind, self.frame_seq, now_ms, registry_version, count, payload)
        for viewer in self.viewers:
            viewer.put_frame(kind, frame)
        return frame

    def close_all(self) -> None:
        """Let every viewer's task end."""
        for viewer in self.viewers:
            viewer.closed = True
            viewer.news.set()

    async def serve(self, socket: Socket, greet: Callable[[], list[str]], viewer: Viewer | None = None) -> None:
        """Send to one viewer until it is gone, too slow, or the hub closes; `greet` gives its first events.

        Ends quietly on a time-out (counted) and when the hub closes; raises what the socket raises when it is gone.
        """
        viewer = viewer or Viewer()
        viewer.put_events(greet())
        viewer.task = asyncio.current_task()
        self.viewers.add(viewer)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            while not viewer.closed:
                await viewer.news.wait()
                viewer.news.clear()
                await self._send_news(socket, viewer)
        except asyncio.CancelledError:
            if not viewer.timed_out:
                raise
            self.timed_out += 1
        finally:
            self.viewers.discard(viewer)

    async def _send_news(self, socket: Socket, viewer: Viewer) -> None:
        while (viewer.events or viewer.lost or viewer.frames) and not viewer.closed:
            if viewer.lost:
                viewer.lost = False
                await self._within(viewer, socket.send_text(self.text("resync", self.now_ms, {}, counts=False)))
            elif viewer.events:
                await self._within(viewer, socket.send_text(viewer.events.popleft()))
            else:
                await self._within(viewer, socket.send_bytes(viewer.frames.pop(min(viewer.frames))))
                viewer.sent_frames += 1

    async def _within(self, viewer: Viewer, sending: Awaitable[None]) -> None:
        """Send, with the time noted at which it began: one watcher looks at all, because a timer for each send costs more."""
        viewer.sending_since = asyncio.get_running_loop().time()
        await sending
        viewer.sending_since = None

    async def _watch(self) -> None:
        """End viewers whose send takes too long, for as long as there are viewers."""
        loop = asyncio.get_running_loop()
        while self.viewers:
            await asyncio.sleep(self.send_timeout_s / 4)
            for viewer in list(self.viewers):
                since = viewer.sending_since
                if since is not None and loop.time() - since > self.send_timeout_s and viewer.task is not None:
                    viewer.timed_out, viewer.sending_since = True, None
                    viewer.task.cancel()


def read_request(text: str, device_count: int) -> tuple[int, ...] | None:
    """Return the devices that a viewer subscribes to, None if the message asks for nothing. Raises ValueError."""
    if len(text) > 4096:
        raise ValueError(f"a viewer sent {len(text)} characters; expected at most 4096")
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"a viewer sent what is no JSON: {error}") from error
    if not isinstance(message, dict) or "subscribe" not in message:
        return None
    wanted = message["subscribe"]
    few = isinstance(wanted, list) and len(wanted) <= MAX_SUBSCRIBED
    if not few or not all(type(i) is int and 0 <= i < device_count for i in wanted):
        raise ValueError(f"subscribe takes at most {MAX_SUBSCRIBED} device indexes from 0 to {device_count - 1}")
    return tuple(dict.fromkeys(wanted))


def pack_values(devices: list[tuple[int, list[float]]]) -> tuple[int, bytes]:
    """Return count and payload of a VALUES frame: u32 index per device, then f32 per quantity, device by device."""
    index = struct.pack(f"<{len(devices)}I", *(i for i, _ in devices))
    floats = [value for _, values in devices for value in values]
    return len(devices), index + struct.pack(f"<{len(floats)}f", *floats)


async def stop(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
