"""Keyframes: the whole state of a center at a barrier, as a file. Plain data and arrays, never pickle.

Lives here: encoding, checksum, naming, thinning. Must not know: what the state means.
A keyframe is 8 bytes `CITYKEY2`, the CRC-32 of the rest (u32), the length of its first part (u32) and two parts, both zstd. The
first is the msgpack of [state, arrays]: in the state an array is {"$a": its number}, equal arrays are kept once, and in `arrays`
it is [dtype, shape, bytes] with the last bytes of all items together, then those before and so on, and every float64 XORed with
the one before it: neighbours share sign, exponent and first digits, and bytes that are alike side by side compress. The second
part holds the lower four bytes of every float64, in the order of the arrays: they are noise, not worth as much time.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ops_center.collecting import no_collection
from ops_center.files import share_file, write_whole

MAGIC = b"CITYKEY2"
MAX_RAW_BYTES = 2**31
KEEP_LATEST = 3
KEEP_EVERY_MS = 60_000  # one of each minute stays, to jump back to
NOISE_BYTES = 4  # of a float64, the lower half of its digits
DTYPES = frozenset(("|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"))


class BadKeyframe(ValueError):
    """A file that is no keyframe, or a damaged one."""


def encode(state: dict[str, Any]) -> bytes:
    """Return the bytes of a keyframe. Raises TypeError for anything but plain data and numeric arrays."""
    arrays = _Arrays()
    tree = msgspec.Raw(msgspec.msgpack.encode(state, enc_hook=arrays.note))
    first = zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode([tree, arrays.kept]))
    second = zstandard.ZstdCompressor(level=1).compress(b"".join(arrays.noise))
    body = struct.pack("<I", len(first)) + first + second
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def decode(data: bytes) -> dict[str, Any]:
    """Return the state in a keyframe; arrays are read-only. Raises BadKeyframe."""
    if data[:8] != MAGIC or len(data) < 16:
        raise BadKeyframe(f"{len(data)} bytes do not begin as a keyframe")
    expected, size = struct.unpack_from("<II", data, 8)
    seen = zlib.crc32(memoryview(data)[12:])
    if seen != expected:
        raise BadKeyframe(f"a keyframe has checksum {seen:#x}; expected {expected:#x}")
    try:
        first, noise = _plain(data, 16, 16 + size), _plain(data, 16 + size, len(data))
        with no_collection():
            tree, kept = msgspec.msgpack.decode(first)
            state: dict[str, Any] = _with_arrays(tree, _arrays(kept, noise))
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError, TypeError, IndexError) as error:
        raise BadKeyframe(f"a keyframe cannot be read: {error}") from error
    return state


def _plain(data: bytes, begin: int, end: int) -> bytes:
    return zstandard.ZstdDecompressor().decompress(memoryview(data)[begin:end], max_output_size=MAX_RAW_BYTES)


class _Arrays:
    """The arrays of a state while it is encoded, in the order in which they are met, equal ones once."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, tuple[int, ...], bytes]] = []
        self.noise: list[bytes] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes, bytes], int] = {}

    def note(self, value: Any) -> Any:
        """Return what stands in the state for something that msgpack does not know."""
        if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str in DTYPES:
            plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
            item = (plain.dtype.str, value.shape, *_apart(plain.reshape(-1)))
            number = self._known.setdefault(item, len(self.kept))
            if number == len(self.kept):
                self.kept.append(item[:3])
                self.noise.append(item[3])
            return {"$a": number}
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"a {type(value).__name__} cannot be part of a keyframe; expected plain data or a numeric array")


def _apart(flat: NDArray[Any]) -> tuple[bytes, bytes]:
    """Return the bytes of an array of one dimension, those of one place value together: what is regular, and what is noise."""
    if not flat.size:
        return b"", b""
    if flat.dtype != np.float64:
        return flat.view(np.uint8).reshape(-1, flat.itemsize).T[::-1].tobytes(), b""
    bits = flat.view(np.uint64)
    planes = np.concatenate([bits[:1], bits[1:] ^ bits[:-1]]).view(np.uint8).reshape(-1, 8).T[::-1]
    return planes[:-NOISE_BYTES].tobytes(), planes[-NOISE_BYTES:].tobytes()


def _arrays(kept: list[Any], noise: bytes) -> list[NDArray[Any]]:
    """Return what `_apart` took apart, read-only."""
    found, at = [], 0
    for dtype, shape, data in kept:
        if dtype not in DTYPES:
            raise ValueError(f"an array has type {dtype!r}")
        size = np.dtype(dtype).itemsize
        if dtype == "<f8":
            more = NOISE_BYTES * (len(data) // (size - NOISE_BYTES))
            data, at = data + noise[at : at + more], at + more
        planes = np.frombuffer(data, dtype=np.uint8).reshape(size, len(data) // size)
        flat = np.ascontiguousarray(planes[::-1].T).reshape(-1)
        if dtype == "<f8" and flat.size:
            flat = np.bitwise_xor.accumulate(flat.view(np.uint64))
        array = flat.view(dtype).reshape(shape)
        array.flags.writeable = False
        found.append(array)
    return found


def _with_arrays(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$a"}:
            return arrays[value["$a"]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    return value


def write(folder: Path, now_ms: int, data: bytes, keep_every_ms: int = KEEP_EVERY_MS) -> Path:
    """Write an encoded keyframe so that it is there whole or not at all; of the older ones keep one in `keep_every_ms`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now_ms:012d}.key"
    write_whole(path, data)
    _thin(folder, keep_every_ms)
    return path


def _thin(folder: Path, keep_every_ms: int) -> None:
    kept: set[int] = set()
    for path in sorted(folder.glob("*.key"))[:-KEEP_LATEST]:
        span = int(path.stem) // keep_every_ms
        if span in kept:
            path.unlink(missing_ok=True)
        kept.add(span)


def newest_first(folder: Path, upto_ms: int = 1 << 62) -> Iterator[dict[str, Any]]:
    """Yield the states of a folder's keyframes up to an instant that check out, the newest first."""
    paths = sorted(folder.glob("*.key"), reverse=True) if folder.is_dir() else []
    for path in paths:
        try:
            if int(path.stem) <= upto_ms:
                yield decode(path.read_bytes())
        except (BadKeyframe, OSError):
            continue


def share(source: Path, target: Path, upto_ms: int, suffixes: tuple[str, ...] = (".key",)) -> None:
    """Have the keyframes of a folder up to a time in another one as well, linked where that is possible."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("[0-9]*.*")):
        if path.suffix in suffixes and int(path.stem) <= upto_ms:
            share_file(path, target / path.name)
