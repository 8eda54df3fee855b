"""The wire: the only words that a city and an operations center share.

Lives here: frames, their encoding, and the limits on them. Must not know: the simulator, sensor kinds at work, any center. A
frame is a little-endian u32 (length of the header), a msgpack header (a struct tagged "t") and raw little-endian columns. City
to center: hello, registry, layers, then batches, applied/finished, and barriers; `pace` tells how fast time is asked to go and
is never recorded. Center to city: welcome, credit, command, judged, control. Unknown header fields are ignored, an unknown
major protocol version is refused.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

PROTOCOL = 1
MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_HEADER_BYTES = 32 * 1024 * 1024
MAX_ROWS = 4_000_000
PART_DEVICES = 50_000  # a registry frame names at most so many: a larger registry travels in parts
OPENING = frozenset(("hello", "registry", "layers"))  # tags of the frames that no barrier counts and nothing goes on without

GOOD, SUSPECT, BAD, ABSENT = 0, 1, 2, 255  # quality of one reading; ABSENT: this device did not report
MISSING = -(2**31)  # a value that a device could not measure although it reported

Columns = Mapping[str, NDArray[Any]]


class Text(msgspec.Struct, frozen=True, omit_defaults=True):
    """A text in both languages."""

    vi: str = ""
    en: str = ""


class QuantityInfo(msgspec.Struct, frozen=True):
    """What a device measures. A reading is an i32; `value = reading * resolution` in `unit`. `type`: gauge or counter."""

    name: str
    metric: str
    unit: str
    type: str
    resolution: float
    minimum: float
    maximum: float
    title: Text
    help: str


class ParameterInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parameter of a command; `type`: number, integer, string or choice."""

    name: str
    type: str
    title: Text
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] = []
    default: float | str | None = None


class CommandInfo(msgspec.Struct, frozen=True):
    """A command that devices or the dispatcher take."""

    type: str
    title: Text
    target_kinds: list[str]
    parameters: list[ParameterInfo]


class KindInfo(msgspec.Struct, frozen=True):
    """A sensor kind as the center and the console see it. `active` and `level` name quantities that the map draws."""

    name: str
    title: Text
    icon: str
    period_ms: int
    heartbeat_ms: int
    quantities: list[QuantityInfo]
    commands: list[str]
    active: str = ""
    level: str = ""
    speed: str = ""  # the quantity in km/h that colours the road of the device


class DeviceTable(msgspec.Struct):
    """The devices of one kind, columnar; `index` is the registry index, append-only. `labels` become series labels.

    `removed` are the rows of devices that are gone.
    """

    kind: str
    index: list[int]
    device_id: list[str]
    name: list[str]
    lon: list[float]
    lat: list[float]
    zone: list[int]
    road: list[int]
    labels: dict[str, list[str]]
    removed: list[int] = []


class StaticMetric(msgspec.Struct, frozen=True):
    """Series that tell rules the city's shape: `values[i]` with `labels[i]`."""

    name: str
    help: str
    labels: list[dict[str, str]]
    values: list[float]


class Hello(msgspec.Struct, tag_field="t", tag="hello", kw_only=True):
    """First frame of a city. `barrier_ms`: its last barrier (-1: none).

    A branch names its `parent` and where it forks; what people did in the parent after that comes along if `keep_commands`.
    """

    protocol: int = PROTOCOL
    run: str
    city: str
    title: Text
    start_at: str  # ISO 8601 with offset: simulated time 0
    time_zone: str
    lon: float
    lat: float
    registry_digest: str
    barrier_ms: int = -1
    token: str = ""
    release: str = ""
    schematic: bool = False
    attribution: str = ""
    branch: str = "main"
    parent: str = ""
    fork_at_ms: int = -1
    keep_commands: bool = False
    exercise_url: str = ""
    exercise: bool = True


class Registry(msgspec.Struct, tag_field="t", tag="registry", kw_only=True):
    """All kinds, devices, commands and static metrics of a city.

    `places` names feeders, cabinets and junctions: label -> id -> name. A large registry comes in frames of one version, `part`
    0 to `parts` - 1: the first says everything but further devices, the rows of a table go on in the parts that follow, and
    `removed` counts from the first row of all. It takes effect with the last part, whole or not at all.
    """

    version: int
    kinds: list[KindInfo]
    devices: list[DeviceTable]
    commands: list[CommandInfo]
    static: list[StaticMetric] = []
    places: dict[str, dict[str, str]] = {}
    part: int = 0
    parts: int = 1


class Layers(msgspec.Struct, tag_field="t", tag="layers", kw_only=True):
    """Public map layers: GeoJSON feature collections `roads`, `areas`, `zones`, `buildings`. Road order is the road index."""

    version: int
    layers: dict[str, Any]
    free_speed_kmh: list[float]  # per road


class Column(msgspec.Struct, array_like=True):
    """One raw column that follows the header."""

    name: str
    dtype: str
    count: int


class Batch(msgspec.Struct, tag_field="t", tag="batch", kw_only=True):
    """Readings of one kind: one column per quantity (i32), and `quality` (u8).

    The devices are positions within the kind's table: `stride` > 0 means first, first+stride, ...; 0 means that a u32 column
    `device` lists them. `observed_at_ms` holds for all rows unless an i64 column of that name says otherwise.
    `delivered_at_ms` is when the channel handed the batch over.
    """

    seq: int
    kind: str
    registry_version: int
    observed_at_ms: int
    delivered_at_ms: int
    first: int = 0
    stride: int = 1
    columns: list[Column] = []


class Applied(msgspec.Struct, tag_field="t", tag="applied", kw_only=True):
    """The city has accepted (or refused) a command at `now_ms`; its effects come after this frame."""

    command_id: str
    now_ms: int
    accepted: bool = True
    reason: str = ""


class Finished(msgspec.Struct, tag_field="t", tag="finished", kw_only=True):
    """A command has come to its end: `state` is done or failed."""

    command_id: str
    now_ms: int
    state: str
    reason: str = ""


class Barrier(msgspec.Struct, tag_field="t", tag="barrier", kw_only=True):
    """All frames delivered up to `now_ms` have been sent: `frames` since the last barrier, `crc` (CRC-32) over their bytes."""

    now_ms: int
    frames: int
    crc: int


class Pace(msgspec.Struct, tag_field="t", tag="pace", kw_only=True):
    """How time is asked to go; never recorded, never digested. `pace` 0 means as fast as possible."""

    pace: float
    paused: bool
    achieved: float
    warming_up: bool = False
    ended: bool = False


class Until(msgspec.Struct, tag_field="t", tag="until", kw_only=True):
    """The city asks to be told at the first barrier at which a PromQL expression has a result, "" no more. Never recorded."""

    expr: str


UpHeader = Hello | Registry | Layers | Batch | Applied | Finished | Barrier | Pace | Until


class Welcome(msgspec.Struct, tag_field="t", tag="welcome", kw_only=True):
    """The center's answer to hello: resend everything after `resume_ms` (-1: from the start); the lead in barriers allowed.

    With an `error` the city is refused: as the answer to hello, or later, when registry or layers cannot be used.
    """

    protocol: int = PROTOCOL
    resume_ms: int = -1
    credit: int = 4
    error: str = ""


class Credit(msgspec.Struct, tag_field="t", tag="credit", kw_only=True):
    """The center has processed and stored everything up to the barrier at `now_ms`."""

    now_ms: int


class Command(msgspec.Struct, tag_field="t", tag="command", kw_only=True):
    """A world command, already journalled by the center."""

    command_id: str
    type: str
    target_kind: str
    target_id: str
    params: dict[str, Any] = {}


class Judged(msgspec.Struct, tag_field="t", tag="judged", kw_only=True):
    """What people made of an incident, for an exercise beside the city: `what` is acknowledged or closed; `alerts` are those
    of the incident, each with name, labels and fired_ms. Sent only to a city that says it is an exercise; no answer is expected.
    """

    command_id: str
    what: str
    alerts: list[dict[str, Any]] = []


class Control(msgspec.Struct, tag_field="t", tag="control", kw_only=True):
    """Pause, pace, run-to or run-until; `pace` 0 means as fast as possible; None leaves a thing as it is."""

    pause: bool | None = None
    pace: float | None = None
    run_to_ms: int | None = None
    until_expr: str | None = None


class Reached(msgspec.Struct, tag_field="t", tag="reached", kw_only=True):
    """What the city asked for with `until` is so at the barrier at `now_ms`, or can never be: `error` says why."""

    expr: str
    now_ms: int
    error: str = ""


DownMessage = Welcome | Credit | Command | Judged | Control | Reached


class _Tag(msgspec.Struct):
    """The one field that every header has."""

    t: str = ""


_up = msgspec.msgpack.Decoder(UpHeader)
_down = msgspec.msgpack.Decoder(DownMessage)
_tag = msgspec.msgpack.Decoder(_Tag)
_packer = msgspec.msgpack.Encoder()


class BadMessage(ValueError):
    """A frame that does not follow the protocol; it says what was seen and what was expected."""


def encode_frame(header: UpHeader, columns: Sequence[tuple[str, NDArray[Any]]] = ()) -> bytes:
    """Return the bytes of a frame; a Batch gets its `columns` described from the arrays given."""
    if isinstance(header, Batch):
        header.columns = [Column(name, _on_wire(data.dtype)[1], len(data)) for name, data in columns]
    packed = _packer.encode(header)
    raw = (np.ascontiguousarray(data, dtype=_on_wire(data.dtype)[0]).data for _, data in columns)
    return b"".join((struct.pack("<I", len(packed)), packed, *raw))


@lru_cache(maxsize=64)
def _on_wire(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], str]:
    """Return the little-endian type of a column, and its name."""
    little = dtype.newbyteorder("<")
    return little, little.str


def decode_frame(data: bytes | memoryview) -> tuple[UpHeader, dict[str, NDArray[Any]]]:
    """Return header and columns of a frame; columns are read-only views. Raises BadMessage."""
    if len(data) < 4 or len(data) > MAX_FRAME_BYTES:
        raise BadMessage(f"a frame has {len(data)} bytes; expected 4 to {MAX_FRAME_BYTES}")
    (size,) = struct.unpack_from("<I", data)
    if size > min(MAX_HEADER_BYTES, len(data) - 4):
        raise BadMessage(f"a frame of {len(data)} bytes announces a header of {size} bytes")
    try:
        header = _up.decode(memoryview(data)[4 : 4 + size])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadMessage(f"a frame's header cannot be read: {error}") from error
    columns = _columns(header, data, 4 + size) if isinstance(header, Batch) else {}
    return header, columns


def tag_of(frame: bytes) -> str:
    """Return what a frame is (hello, registry, batch, ...) without reading the rest of it; empty for what is no frame."""
    try:
        (size,) = struct.unpack_from("<I", frame)
        return _tag.decode(memoryview(frame)[4 : 4 + size]).t
    except (struct.error, msgspec.MsgspecError, UnicodeDecodeError):
        return ""


_DTYPES: dict[str, np.dtype[Any]] = {t: np.dtype(t) for t in ("<i4", "|u1", "<u4", "<i8")}


def _columns(header: Batch, data: bytes | memoryview, start: int) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for column in header.columns:
        dtype = _DTYPES.get(column.dtype)
        if dtype is None or not 0 <= column.count <= MAX_ROWS:
            raise BadMessage(f"column {column.name!r} has type {column.dtype!r} and {column.count} rows")
        end = start + dtype.itemsize * column.count
        if end > len(data):
            raise BadMessage(f"column {column.name!r} ends at byte {end}, the frame at {len(data)}")
        found[column.name] = np.frombuffer(data, dtype, column.count, start)
        start = end
    if start != len(data):
        raise BadMessage(f"{len(data) - start} bytes follow the last column")
    if len({len(values) for values in found.values()}) > 1:
        raise BadMessage("the columns of a batch differ in length")
    return found


def encode_down(message: DownMessage) -> bytes:
    """Return the bytes of a message from center to city."""
    return _packer.encode(message)


def decode_down(data: bytes) -> DownMessage:
    """Return a message from center to city. Raises BadMessage."""
    try:
        message: DownMessage = _down.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadMessage(f"a message to the city cannot be read: {error}") from error
    return message


def crc(previous: int, frame: bytes) -> int:
    """Return the CRC-32 that a barrier carries, continued over one more frame."""
    return zlib.crc32(frame, previous)


def batch_devices(header: Batch, columns: Columns, table_size: int) -> NDArray[np.int64]:
    """Return the rows' positions in the kind's device table. Raises BadMessage when they do not fit the table."""
    if header.stride == 0:
        devices = columns["device"].astype(np.int64) if "device" in columns else None
        if devices is None or (len(devices) and not 0 <= int(devices.min()) <= int(devices.max()) < table_size):
            raise BadMessage(f"a batch of {header.kind} names devices outside its table of {table_size}")
        return devices
    if not (0 <= header.first <= MAX_ROWS and 0 < header.stride <= MAX_ROWS):
        raise BadMessage(f"a batch of {header.kind} has first {header.first} and stride {header.stride}")
    expected = len(range(header.first, table_size, header.stride))
    rows = {len(values) for values in columns.values()}
    if rows and rows != {expected}:
        raise BadMessage(f"a batch of {header.kind} has {rows.pop()} rows; expected {expected}")
    return _every(header.first, table_size, header.stride)


@lru_cache(maxsize=64)
def _every(first: int, end: int, stride: int) -> NDArray[np.int64]:
    """Return first, first + stride, ... below `end`: the same array each time, which nobody can write."""
    devices = np.arange(first, end, stride, dtype=np.int64)
    devices.flags.writeable = False
    return devices
