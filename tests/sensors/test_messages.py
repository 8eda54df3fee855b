"""The wire says what it was given, and refuses everything else with BadMessage."""

import struct

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensors.messages import (
    Applied,
    BadMessage,
    Barrier,
    Batch,
    Command,
    Control,
    Credit,
    Finished,
    Hello,
    Judged,
    Pace,
    Text,
    Welcome,
    batch_devices,
    crc,
    decode_down,
    decode_frame,
    encode_down,
    encode_frame,
)

numbers = st.integers(-(2**53), 2**53)
words = st.text(max_size=20)


def batch(**fields: object) -> Batch:
    return Batch(**({"seq": 1, "kind": "loop", "registry_version": 1, "observed_at_ms": 5, "delivered_at_ms": 6} | fields))  # type: ignore[arg-type]


@given(
    st.one_of(
        st.builds(Applied, command_id=words, now_ms=numbers, accepted=st.booleans(), reason=words),
        st.builds(Finished, command_id=words, now_ms=numbers, state=words, reason=words),
        st.builds(Barrier, now_ms=numbers, frames=numbers, crc=st.integers(0, 2**32 - 1)),
        st.builds(Pace, pace=st.floats(0, 1e6), paused=st.booleans(), achieved=st.floats(0, 1e6)),
        st.builds(
            Hello, run=words, city=words, title=st.builds(Text, words, words), start_at=words, time_zone=words,
            lon=st.floats(-180, 180), lat=st.floats(-90, 90), registry_digest=words,
        ),
    )
)  # fmt: skip
def test_headers_come_back_as_they_went(header: Applied | Finished | Barrier | Pace | Hello) -> None:
    """Decoding what was encoded gives the same header and no columns."""
    assert decode_frame(encode_frame(header)) == (header, {})


@pytest.mark.slow
@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50), numbers)
def test_columns_come_back_to_the_last_bit(values: list[int], at_ms: int) -> None:
    """Columns of all types travel raw and keep type, order and value."""
    columns = [
        ("flow", np.array(values, dtype=np.int32)), ("quality", np.zeros(len(values), dtype=np.uint8)),
        ("device", np.arange(len(values), dtype=np.uint32)), ("observed_at_ms", np.full(len(values), at_ms, dtype=np.int64)),
    ]  # fmt: skip
    header, seen = decode_frame(encode_frame(batch(stride=0), columns))
    assert isinstance(header, Batch)
    assert all(np.array_equal(seen[name], data) and seen[name].dtype == data.dtype for name, data in columns)


@given(
    st.one_of(
        st.builds(Welcome, resume_ms=numbers, credit=st.integers(0, 100), error=words),
        st.builds(Credit, now_ms=numbers),
        st.builds(
            Command, command_id=words, type=words, target_kind=words, target_id=words, params=st.dictionaries(words, numbers)
        ),
        st.builds(Judged, command_id=words, what=words, alerts=st.lists(st.dictionaries(words, words), max_size=3)),
        st.builds(Control, pause=st.none() | st.booleans(), pace=st.none() | st.floats(0, 1e6), run_to_ms=st.none() | numbers),
    )
)
def test_messages_down_come_back_as_they_went(message: Welcome | Credit | Command | Judged | Control) -> None:
    """Decoding what was encoded gives the same message."""
    assert decode_down(encode_down(message)) == message


@given(st.binary(max_size=300))
@example(b"")
@example(struct.pack("<I", 2**32 - 1))
@example(struct.pack("<I", 1) + b"\xc1")
def test_no_bytes_raise_anything_but_bad_message(data: bytes) -> None:
    """Whatever arrives, decoding gives a message or BadMessage, up and down."""
    for decode in (decode_frame, decode_down):
        try:
            decode(data)
        except BadMessage as error:
            assert str(error)


VALID = encode_frame(batch(stride=0), [("device", np.arange(5, dtype=np.uint32)), ("flow", np.arange(5, dtype=np.int32))])


@given(st.data())
def test_damaged_frames_raise_nothing_but_bad_message(data: st.DataObject) -> None:
    """A frame that is cut, lengthened or changed in some bytes is read or refused; its devices too."""
    damaged = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))]) + data.draw(st.binary(max_size=3))
    for frame in (bytes(damaged), cut):
        try:
            header, columns = decode_frame(frame)
            if isinstance(header, Batch):
                batch_devices(header, columns, 5)
        except BadMessage:
            pass


def header_bytes(**fields: object) -> bytes:
    packed = msgspec.msgpack.encode({"t": "batch", "seq": 1, "kind": "x", "registry_version": 1, "observed_at_ms": 0} | fields)
    return struct.pack("<I", len(packed)) + packed


@pytest.mark.parametrize(
    ("frame", "words_"),
    [
        (header_bytes(), "delivered_at_ms"),
        (header_bytes(delivered_at_ms=0, columns=[["a", "<f8", 1]]) + bytes(8), "type '<f8'"),
        (header_bytes(delivered_at_ms=0, columns=[["a", "<i4", 2]]) + bytes(4), "ends at byte"),
        (header_bytes(delivered_at_ms=0, columns=[["a", "<i4", 1]]) + bytes(5), "bytes follow"),
        (header_bytes(delivered_at_ms=0, columns=[["a", "<i4", 1], ["b", "|u1", 2]]) + bytes(6), "differ in length"),
        (header_bytes(delivered_at_ms=0, columns=[["a", "<i4", -1]]), "-1 rows"),
        (struct.pack("<I", 40) + bytes(4), "announces a header of 40"),
    ],
)
def test_the_refusal_says_what_was_seen(frame: bytes, words_: str) -> None:
    """BadMessage names what was seen."""
    with pytest.raises(BadMessage, match=words_):
        decode_frame(frame)


def test_unknown_fields_are_ignored() -> None:
    """A newer peer may send more fields."""
    header, _ = decode_frame(header_bytes(delivered_at_ms=0, colour="blue"))
    assert isinstance(header, Batch)


@given(first=st.integers(0, 5), stride=st.integers(1, 5), size=st.integers(0, 40))
def test_strided_rows_are_counted(first: int, stride: int, size: int) -> None:
    """`first` and `stride` name the rows of the table; another number of rows is refused."""
    expected = list(range(first, size, stride))
    columns = {"flow": np.zeros(len(expected), dtype=np.int32)}
    assert batch_devices(batch(first=first, stride=stride), columns, size).tolist() == expected
    with pytest.raises(BadMessage, match="rows"):
        batch_devices(batch(first=first, stride=stride), {"flow": np.zeros(len(expected) + 1, dtype=np.int32)}, size)


def test_devices_outside_the_table_are_refused() -> None:
    """A batch cannot name a device that the registry does not know."""
    with pytest.raises(BadMessage, match="outside its table of 3"):
        batch_devices(batch(stride=0), {"device": np.array([3], dtype=np.uint32)}, 3)
    with pytest.raises(BadMessage, match="outside its table"):
        batch_devices(batch(stride=0), {"device": np.array([-1], dtype=np.int32)}, 3)
    with pytest.raises(BadMessage, match="outside its table"):
        batch_devices(batch(stride=0), {}, 3)


@pytest.mark.parametrize(("first", "stride"), [(-1, 1), (0, -1), (2**63, 1), (0, 2**63)])
def test_rows_beyond_all_limits_are_refused(first: int, stride: int) -> None:
    """First and stride have limits, so that no number on the wire can overflow or loop."""
    with pytest.raises(BadMessage, match="first"):
        batch_devices(batch(first=first, stride=stride), {}, 3)


@given(st.lists(st.binary(max_size=50), max_size=10), st.integers(0, 9))
def test_the_crc_sees_order_and_loss(frames: list[bytes], at: int) -> None:
    """The barrier's CRC-32 goes over the bytes in order."""
    import zlib

    total = 0
    for frame in frames:
        total = crc(total, frame)
    assert total == zlib.crc32(b"".join(frames))
