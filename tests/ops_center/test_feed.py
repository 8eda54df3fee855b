"""The feed: viewers that do not read hurt nobody; what is lost is said; bytes are as the contract has them."""

import asyncio
import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center.feed import (
    DEFLATED,
    HEADER,
    MAX_BURST,
    MAX_EVENTS,
    ROADS,
    STATE,
    Hub,
    Viewer,
    pack_frame,
    pack_values,
    read_request,
)


class Reader:
    """A socket that takes everything at once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.frames: list[bytes] = []

    async def send_text(self, data: str) -> None:
        self.texts.append(data)

    async def send_bytes(self, data: bytes) -> None:
        self.frames.append(data)


class Stalled(Reader):
    """A socket whose first send never ends."""

    async def send_text(self, data: str) -> None:
        await asyncio.Event().wait()

    send_bytes = send_text  # type: ignore[assignment]


async def drained() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_stalled_viewers_do_not_hold_up_the_others() -> None:
    """Of 20 viewers 5 never read: the others get every event and every frame that was drawn; publishing never waits."""

    async def scene() -> None:
        hub = Hub(send_timeout_s=0.05)
        readers, stalled = [Reader() for _ in range(15)], [Stalled() for _ in range(5)]
        tasks = [asyncio.create_task(hub.serve(socket, lambda: ["hello"])) for socket in [*readers, *stalled]]
        await drained()
        for n in range(100):
            hub.publish([hub.text("alert", n, {"n": n})])
            hub.publish_frame(STATE, n, 1, 4, bytes(4))
            await drained()
        assert all(len(r.texts) == 101 and len(r.frames) == 100 for r in readers)
        await asyncio.gather(*tasks[15:])  # each ends by itself when its send has taken too long
        assert hub.timed_out == 5 and len(hub.viewers) == 15
        hub.close_all()
        await asyncio.gather(*tasks)
        assert hub.viewers == set()

    asyncio.run(scene())


def test_a_slow_viewer_gets_the_latest_frame_and_a_resync() -> None:
    """While a viewer does not read, frames replace each other and a backlog of events becomes one resync; memory is bounded."""

    async def scene() -> None:
        hub, viewer, socket = Hub(), Viewer(), Reader()
        hub.viewers.add(viewer)
        for n in range(10 * MAX_EVENTS):
            hub.publish([hub.text("alert", n, {"n": n})])
            hub.publish_frame(STATE, n, 1, 1, bytes([n % 256]))
            assert len(viewer.events) <= MAX_EVENTS + 1 and len(viewer.frames) == 1
        hub.viewers.clear()
        task = asyncio.create_task(hub.serve(socket, list, viewer))
        await drained()
        assert json.loads(socket.texts[0])["type"] == "resync" and len(socket.texts) == 1
        assert len(socket.frames) == 1 and socket.frames[0][HEADER.size :][-1:] == bytes([(10 * MAX_EVENTS - 1) % 256])
        hub.publish([hub.text("alert", 1, {})])
        await drained()
        assert json.loads(socket.texts[-1])["type"] == "alert"
        hub.close_all()
        await task

    asyncio.run(scene())


def test_one_long_burst_is_no_backlog() -> None:
    """All events of one evaluation reach a viewer that has nothing waiting; a burst beyond every bound is a resync."""
    viewer = Viewer()
    viewer.put_events(["e"] * MAX_BURST)
    assert len(viewer.events) == MAX_BURST and not viewer.lost
    viewer = Viewer()
    viewer.put_events(["e"] * (MAX_BURST + 1))
    assert viewer.lost and not viewer.events


def test_events_are_numbered_without_gaps_and_name_the_branch() -> None:
    """Every event for everybody takes the next number; what is for one viewer alone takes none."""
    hub = Hub()
    hub.branch = "b2"
    events = [
        json.loads(hub.text("alert", 7, {"x": 1})),
        json.loads(hub.text("hello", 7, {}, counts=False)),
        json.loads(hub.text("incident", 8, {})),
    ]
    assert [e["seq"] for e in events] == [1, 1, 2] and {e["branch"] for e in events} == {"b2"}


@given(st.binary(max_size=5000), st.integers(0, 2**53), st.integers(0, 2**32 - 1))
def test_a_frame_has_24_bytes_of_header_and_its_payload(payload: bytes, now_ms: int, seq: int) -> None:
    """Version, kind, flags, number, time, count, registry version; the payload inflates to what it was."""
    frame = pack_frame(ROADS, seq, now_ms, 3, len(payload), payload)
    version, kind, flags, number, at, count, registry = struct.unpack("<BBHIdII", frame[:24])
    body = zlib.decompress(frame[24:]) if flags & DEFLATED else frame[24:]
    assert (version, kind, number, at, count, registry, body) == (1, ROADS, seq, float(now_ms), len(payload), 3, payload)


def test_a_state_of_100_000_devices_is_small() -> None:
    """The state of 100 000 devices, a few in alarm, goes out in under 20 kB."""
    payload = bytearray(b"\xf0" * 100_000)
    payload[::1000] = b"\x04" * 100
    assert len(pack_frame(STATE, 1, 0, 1, 100_000, bytes(payload))) < 20_000


def test_values_name_devices_then_their_quantities() -> None:
    """u32 per device, then f32 per quantity, device by device."""
    assert pack_values([(7, [1.5, 2.0]), (9, [0.25])]) == (2, struct.pack("<2I3f", 7, 9, 1.5, 2.0, 0.25))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        '{"subscribe": 1}',
        '{"subscribe": [1, "2"]}',
        '{"subscribe": [-1]}',
        '{"subscribe": [100]}',
        '{"subscribe": [true]}',
        '{"subscribe": [' + ",".join("1" * 65) + "]}",
        "[" * 4000,
        "x" * 5000,
    ],
)
def test_nonsense_from_a_viewer_is_refused(text: str) -> None:
    """What is no JSON, too long or no list of at most 64 known devices is refused with a reason."""
    with pytest.raises(ValueError, match=r"viewer|subscribe"):
        read_request(text, 100)


def test_a_subscription_is_understood() -> None:
    """Devices are taken once each; other messages ask for nothing."""
    assert read_request('{"subscribe": [3, 3, 1]}', 100) == (3, 1)
    assert read_request('{"pong": 1}', 100) is None and read_request("[]", 100) is None
