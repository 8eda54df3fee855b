"""Keyframes: the whole state of a center at a barrier, as a file. Plain data and arrays, never pickle.

Lives here: encoding, checksum, naming, thinning. Must not know: what the state means.
A keyframe is 8 bytes `CITYKEY1`, the CRC-32 of the rest (u32), and zstd of msgpack, in which an array is
{"$a": [dtype, shape, bytes]}.
"""

import contextlib
import gc
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard

MAGIC = b"CITYKEY1"
MAX_RAW_BYTES = 2**31
KEEP_LATEST = 3
KEEP_EVERY_MS = 600_000  # one of each ten minutes stays, to jump back to
DTYPES = frozenset(("|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"))


class BadKeyframe(ValueError):
    """A file that is no keyframe, or a damaged one."""


def encode(state: dict[str, Any], level: int = 1) -> bytes:
    """Return the bytes of a keyframe. Raises TypeError for anything but plain data and numeric arrays."""
    body = zstandard.ZstdCompressor(level=level).compress(msgspec.msgpack.encode(state, enc_hook=_encode_array))
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def decode(data: bytes) -> dict[str, Any]:
    """Return the state in a keyframe; arrays are read-only. Raises BadKeyframe."""
    if data[:8] != MAGIC or len(data) < 12:
        raise BadKeyframe(f"{len(data)} bytes do not begin as a keyframe")
    (expected,) = struct.unpack_from("<I", data, 8)
    seen = zlib.crc32(memoryview(data)[12:])
    if seen != expected:
        raise BadKeyframe(f"a keyframe has checksum {seen:#x}; expected {expected:#x}")
    try:
        raw = zstandard.ZstdDecompressor().decompress(memoryview(data)[12:], max_output_size=MAX_RAW_BYTES)
        with no_collection():
            state: dict[str, Any] = _with_arrays(msgspec.msgpack.decode(raw))
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise BadKeyframe(f"a keyframe cannot be read: {error}") from error
    return state


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Make millions of small containers without the garbage collector walking them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _encode_array(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str in DTYPES:
        plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        return {"$a": [plain.dtype.str, list(value.shape), plain.tobytes()]}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be part of a keyframe; expected plain data or a numeric array")


def _with_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$a"}:
            dtype, shape, data = value["$a"]
            if dtype not in DTYPES:
                raise ValueError(f"an array has type {dtype!r}")
            return np.frombuffer(data, dtype=dtype).reshape(shape)
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item) for item in value]
    return value


def write(folder: Path, now_ms: int, data: bytes) -> Path:
    """Write an encoded keyframe so that it is there whole or not at all; thin the older ones out."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / f"{now_ms:012d}.key", folder / f"{now_ms:012d}.part"
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _thin(folder)
    return path


def _thin(folder: Path) -> None:
    kept: set[int] = set()
    for path in sorted(folder.glob("*.key"))[:-KEEP_LATEST]:
        span = int(path.stem) // KEEP_EVERY_MS
        if span in kept:
            path.unlink(missing_ok=True)
        kept.add(span)


def newest_first(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the states of a folder's keyframes that check out, the newest first."""
    for path in sorted(folder.glob("*.key"), reverse=True) if folder.is_dir() else ():
        try:
            yield decode(path.read_bytes())
        except (BadKeyframe, OSError):
            continue
