"""What the world heard, in order, on disk before it happens: commands and judgements from the center, injects of the instructor.

Lives here: an append-only file of JSON lines, each with its checksum, synced to disk one by one. Must not know: what an entry
does. A torn last line (the process died while writing) is cut off: what it asked for was never answered.
"""

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MAX_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: `what` is command, judged, inject, control; `id` is its own; it took effect at `now_ms`, after that barrier."""

    seq: int
    now_ms: int
    what: str
    id: str
    body: dict[str, Any] = field(default_factory=dict)


class BadLog(ValueError):
    """A log whose middle is damaged."""


class WorldLog:
    """The log of one run. `append` returns when the entry is safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = read_log(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._file.truncate(sum(len(line_of(entry)) for entry in self.entries))
        self.ids = {entry.id for entry in self.entries}

    def append(self, now_ms: int, what: str, entry_id: str, body: dict[str, Any]) -> Entry:
        """Write an entry and sync it. Raises OSError when it cannot be kept."""
        entry = Entry(len(self.entries), now_ms, what, entry_id, body)
        self._file.write(line_of(entry))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.entries.append(entry)
        self.ids.add(entry_id)
        return entry

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def line_of(entry: Entry) -> bytes:
    """Return an entry as a line with its checksum."""
    text = json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_log(path: Path) -> list[Entry]:
    """Return the entries of a log file, none if there is no file. Raises BadLog when a line before the last is damaged."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    entries: list[Entry] = []
    for number, line in enumerate(lines):
        entry = _parse(line)
        if entry is None and number < len(lines) - 2:
            raise BadLog(f"{path}:{number + 1}:1: a damaged line of {len(line)} bytes; expected its checksum to hold")
        if entry is not None and number < len(lines) - 1:
            entries.append(entry)
    return entries


def _parse(line: bytes) -> Entry | None:
    checksum, _, text = line.partition(b" ")
    if len(line) > MAX_LINE or checksum != b"%08x" % zlib.crc32(text):
        return None
    return Entry(**json.loads(text))
