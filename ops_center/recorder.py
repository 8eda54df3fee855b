"""The recorded stream: wire frames as they came, compressed and checksummed in segments. It is the readings log.

Lives here: writing chunks that end at barriers, reading them back, finding a torn tail. Must not know: what frames mean.
A segment is a file `000001.seg` that begins with 8 bytes `CITYWIR1`; a chunk is a 32-byte little-endian header (magic u32,
compressed length u32, raw length u32, frames u32, barrier_ms i64, CRC-32 of the compressed bytes u32, CRC-32 of the header's
first 28 bytes u32) and zstd bytes of frames, each with its u32 length in front. What follows the first chunk that does not
check out is lost; it is reported, and cut off when writing goes on.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from sensors.messages import MAX_FRAME_BYTES, Barrier, decode_frame

FILE_MAGIC = b"CITYWIR1"
CHUNK_MAGIC = 0x4B4E4843
HEADER = struct.Struct("<IIIIqII")
SEGMENT_BYTES = 64 * 1024 * 1024
MAX_CHUNK_BYTES = 32 * MAX_FRAME_BYTES  # one barrier with the registry of a large city before it
_SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class RecorderError(RuntimeError):
    """The recorded stream cannot be written or read; one line that says why."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames up to and with the barrier at `barrier_ms`, still compressed; their checksum has been verified."""

    barrier_ms: int
    packed: bytes
    raw_bytes: int
    count: int

    @property
    def frames(self) -> list[bytes]:
        """The frames in order."""
        return [bytes(frame) for frame in self.views]

    @property
    def views(self) -> list[memoryview]:
        """The frames in order, none of them copied: they keep the whole chunk in memory."""
        raw = zstandard.ZstdDecompressor().decompress(self.packed, max_output_size=self.raw_bytes)
        return _split(memoryview(raw), self.count)


@dataclass(frozen=True, slots=True)
class Loss:
    """What could not be read: from byte `offset` of a segment on, `lost_bytes` bytes."""

    segment: str
    offset: int
    lost_bytes: int
    reason: str


class Recorder:
    """Writer of the recorded stream in a folder. `flush` makes a chunk durable."""

    def __init__(self, folder: Path, level: int = 1) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.last_ms, self.loss = repair(folder)
            names = segments(folder)
            self._number = int(names[-1].stem) if names else 0
            self._file: BinaryIO = names[-1].open("ab") if names else self._next_segment()  # open for the run
        except OSError as error:
            raise RecorderError(f"the recorded stream in {folder} cannot be opened: {error.strerror}") from error
        self._compress = zstandard.ZstdCompressor(level=level).compress
        self._pending: list[bytes] = []
        self.waiting_bytes = 0
        self.raw_bytes = 0
        self.stored_bytes = 0

    def _next_segment(self) -> BinaryIO:
        self._number += 1
        file = (self.folder / f"{self._number:06d}.seg").open("xb")
        file.write(FILE_MAGIC)
        file.flush()
        os.fsync(file.fileno())
        _sync_folder(self.folder)
        return file

    def append(self, frame: bytes) -> None:
        """Keep a frame for the next chunk."""
        self._pending.append(frame)
        self.waiting_bytes += len(frame)

    def drop_pending(self) -> None:
        """Forget the frames since the last chunk: the city sends them again."""
        self._pending.clear()
        self.waiting_bytes = 0

    def flush(self, barrier_ms: int) -> None:
        """Write the frames kept so far as one chunk that ends at a barrier, durably. Raises RecorderError."""
        if not self._pending:
            return
        raw = _joined(self._pending)
        packed = self._compress(raw)
        head = _header(Chunk(barrier_ms, packed, len(raw), len(self._pending)))
        try:
            self._file.write(head + packed)
            self._file.flush()
            _SYNC(self._file.fileno())
            self.drop_pending()
            self.raw_bytes, self.stored_bytes = self.raw_bytes + len(raw), self.stored_bytes + len(head) + len(packed)
            if self._file.tell() >= SEGMENT_BYTES:
                self._file.close()
                self._file = self._next_segment()
        except OSError as error:
            raise RecorderError(f"the recorded stream in {self.folder} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the file; frames since the last barrier are not kept."""
        self._file.close()


def segments(folder: Path) -> list[Path]:
    """Return the segments of a folder in order."""
    return sorted(folder.glob("[0-9]*.seg")) if folder.is_dir() else []


def read_chunks(folder: Path, losses: list[Loss] | None = None) -> Iterator[Chunk]:
    """Yield the chunks that check out, in order, up to the first that does not; what is lost is appended to `losses`."""
    names = segments(folder)
    for i, path in enumerate(names):
        loss = None
        for item in _read_segment(path):
            if isinstance(item, Loss):
                loss = item
            else:
                yield item
        if loss is not None:
            if losses is not None:
                losses.append(loss)
                losses.extend(Loss(p.name, 0, p.stat().st_size, "follows a damaged segment") for p in names[i + 1 :])
            return


def read_frames(folder: Path, losses: list[Loss] | None = None) -> Iterator[bytes]:
    """Yield all frames of a recorded stream in order."""
    for chunk in read_chunks(folder, losses):
        yield from chunk.frames


def _read_segment(path: Path) -> Iterator[Chunk | Loss]:
    size, offset = path.stat().st_size, len(FILE_MAGIC)
    with path.open("rb") as file:
        if file.read(len(FILE_MAGIC)) != FILE_MAGIC:
            yield Loss(path.name, 0, size, "does not begin as a segment")
            return
        while offset < size:
            chunk, end = _read_chunk(file.read(HEADER.size), file)
            if isinstance(chunk, str):
                yield Loss(path.name, offset, size - offset, chunk)
                return
            yield chunk
            offset += end


def _read_chunk(head: bytes, file: BinaryIO) -> tuple[Chunk | str, int]:
    if len(head) < HEADER.size:
        return "the header of a chunk is cut", 0
    magic, packed_size, raw_size, count, barrier_ms, packed_crc, head_crc = HEADER.unpack(head)
    if magic != CHUNK_MAGIC or zlib.crc32(head[:-4]) != head_crc or raw_size > MAX_CHUNK_BYTES:
        return "the header of a chunk does not check out", 0
    packed = file.read(packed_size)
    if len(packed) < packed_size or zlib.crc32(packed) != packed_crc:
        return "a chunk is cut or does not check out", 0
    return Chunk(barrier_ms, packed, raw_size, count), HEADER.size + packed_size


def _joined(frames: Sequence[bytes]) -> bytes:
    return b"".join(part for frame in frames for part in (struct.pack("<I", len(frame)), frame))


def _header(chunk: Chunk) -> bytes:
    packed = chunk.packed
    head = struct.pack(
        "<IIIIqI", CHUNK_MAGIC, len(packed), chunk.raw_bytes, chunk.count, chunk.barrier_ms, zlib.crc32(packed)
    )  # fmt: skip
    return head + struct.pack("<I", zlib.crc32(head))


def copy_until(source: Path, target: Path, until_ms: int) -> int:
    """Copy a recorded stream up to and with the barrier at `until_ms` into a new folder, durably; return its last barrier (-1).

    Raises RecorderError where the stream is damaged before that barrier; whatever comes after it does not matter.
    """
    losses: list[Loss] = []
    last_ms = -1
    target.mkdir(parents=True)
    with (target / "000001.seg").open("xb") as file:
        file.write(FILE_MAGIC)
        for chunk in read_chunks(source, losses):
            whole = chunk if chunk.barrier_ms <= until_ms else _cut(chunk, until_ms)
            if whole is not None:
                file.write(_header(whole) + whole.packed)
                last_ms = whole.barrier_ms
            if chunk.barrier_ms >= until_ms:
                break
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(target)
    if losses and last_ms < until_ms:
        loss = losses[0]
        where = f"{loss.segment} at byte {loss.offset}"
        raise RecorderError(f"the recorded stream is damaged in {where}: {loss.reason}; it is whole up to {last_ms} ms")
    return last_ms


def _cut(chunk: Chunk, until_ms: int) -> Chunk | None:
    """Return the part of a chunk that ends with the last barrier up to `until_ms`, None if there is none in it."""
    frames, end, barrier_ms = chunk.frames, 0, -1
    for i, frame in enumerate(frames):
        at_ms = barrier_of(frame)
        if at_ms is not None and at_ms <= until_ms:
            end, barrier_ms = i + 1, at_ms
    if not end:
        return None
    raw = _joined(frames[:end])
    return Chunk(barrier_ms, zstandard.ZstdCompressor(level=1).compress(raw), len(raw), end)


def barrier_of(frame: bytes) -> int | None:
    """Return the time of a frame that is a barrier, None for any other."""
    header, _ = decode_frame(frame) if b"barrier" in frame[:64] else (None, None)
    return header.now_ms if isinstance(header, Barrier) else None


def _split(raw: memoryview, count: int) -> list[memoryview]:
    frames, offset = [], 0
    for _ in range(count):
        (size,) = struct.unpack_from("<I", raw, offset)
        frames.append(raw[offset + 4 : offset + 4 + size])
        offset += 4 + size
    return frames


def repair(folder: Path) -> tuple[int, list[Loss]]:
    """Cut a torn tail off, so that writing can go on after the valid prefix; return its last barrier (-1) and what was lost."""
    losses: list[Loss] = []
    last_ms = max((chunk.barrier_ms for chunk in read_chunks(folder, losses)), default=-1)
    for loss in losses:
        path = folder / loss.segment
        if loss.offset == 0:
            path.rename(path.with_suffix(".damaged"))
        else:
            os.truncate(path, loss.offset)
    if losses:
        _sync_folder(folder)
    return last_ms, losses


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
