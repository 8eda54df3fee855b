"""Input between two barriers: kept as it came, then put in the one order in which it counts.

Lives here: buffering, counting and checking, ordering, dropping of duplicates. Must not know: what input means.
Order: by (delivered_at_ms, kind, sequence); `applied` comes before batches and `finished` after them at the same instant.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.messages import Applied, BadMessage, Barrier, Batch, Finished, UpHeader, batch_devices, crc

MAX_BUFFERED = 100_000
MAX_AHEAD = 50_000
MAX_LEAP_MS = 3_600_000  # barriers come every simulated second
MAX_SKEW_MS = 86_400_000  # clocks of devices go wrong, and late readings are late; but not by more than a day


@dataclass(frozen=True, slots=True)
class Item:
    """One frame of input."""

    header: UpHeader
    columns: dict[str, Any]
    frame: bytes


@dataclass(slots=True)
class WireInput:
    """What has come since the last barrier: frames that count, also those that could not be read."""

    items: list[Item] = field(default_factory=list)
    frames: int = 0
    crc: int = 0

    def saw(self, frame: bytes) -> None:
        """Count a frame that a barrier will vouch for."""
        self.frames += 1
        self.crc = crc(self.crc, frame)

    def keep(self, item: Item) -> bool:
        """Keep a readable frame; return False when the buffer is full."""
        if len(self.items) >= MAX_BUFFERED:
            return False
        self.items.append(item)
        return True

    def wrong_with(self, barrier: Barrier, now_ms: int) -> str:
        """Say what is wrong with a barrier: it is not of this input, or its time is out of reach; "" if nothing is."""
        if out_of_reach(barrier, now_ms):
            return f"a barrier at {barrier.now_ms} ms came after {now_ms} ms; expected one at most {MAX_LEAP_MS} ms later"
        if (self.frames, self.crc) == (barrier.frames, barrier.crc):
            return ""
        seen = f"{self.frames} frames with checksum {self.crc}"
        expected = f"{barrier.frames} with {barrier.crc}"
        return f"before the barrier at {barrier.now_ms} ms came {seen}; expected {expected}"

    def close(self) -> list[Item]:
        """Return the input in order and begin anew."""
        ordered = sorted(self.items, key=_order)
        self.items, self.frames, self.crc = [], 0, 0
        return ordered


def out_of_reach(barrier: Barrier, now_ms: int) -> bool:
    """Tell whether a barrier leaps so far ahead that evaluating all that lies between would stop the center."""
    return barrier.now_ms > max(now_ms, 0) + MAX_LEAP_MS


def rows_of(batch: Batch, columns: dict[str, Any], table_size: int, now_ms: int) -> NDArray[np.int64]:
    """Return a batch's rows in its kind's table. Raises BadMessage when they do not fit, or were observed at no possible time."""
    check_times(batch, columns, now_ms)
    return batch_devices(batch, columns, table_size)


def check_times(batch: Batch, columns: dict[str, Any], now_ms: int) -> None:
    """Raise BadMessage for a batch that was observed at no possible time.

    A sample of the far future would be a device's last for ever: it would never be stale, whatever became of it.
    """
    observed = columns.get("observed_at_ms")
    first = last = batch.observed_at_ms
    if observed is not None and len(observed):
        first, last = int(np.min(observed)), int(np.max(observed))
    if first < -MAX_SKEW_MS or last > max(now_ms, 0) + MAX_SKEW_MS:
        worst = first if first < -MAX_SKEW_MS else last
        expected = f"at most {MAX_SKEW_MS} ms before the run's start or after now, {now_ms} ms"
        raise BadMessage(f"a batch of {batch.kind} was observed at {worst} ms; expected {expected}")


def _order(item: Item) -> tuple[int, int, str, int]:
    header = item.header
    if isinstance(header, Batch):
        return header.delivered_at_ms, 1, header.kind, header.seq
    if isinstance(header, Applied):
        return header.now_ms, 0, "", 0
    return (header.now_ms if isinstance(header, Finished) else 0), 2, "", 0


class Seen:
    """Sequence numbers already taken, per kind: all up to a mark, and some beyond it."""

    def __init__(self) -> None:
        self._mark: dict[str, int] = {}
        self._beyond: dict[str, set[int]] = {}

    def first_time(self, kind: str, seq: int) -> bool:
        """Note a number; return False if it was noted before. Gaps far behind the newest number count as taken."""
        mark = self._mark.get(kind, -1)
        beyond = self._beyond.setdefault(kind, set())
        if seq <= mark or seq in beyond:
            return False
        beyond.add(seq)
        while mark + 1 in beyond:
            mark += 1
            beyond.discard(mark)
        if len(beyond) > MAX_AHEAD:
            mark = max(beyond) - MAX_AHEAD // 2
            self._beyond[kind] = {number for number in beyond if number > mark}
        self._mark[kind] = mark
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return plain data."""
        return {"mark": dict(self._mark), "beyond": {kind: sorted(numbers) for kind, numbers in self._beyond.items()}}

    def restore(self, data: dict[str, Any]) -> None:
        """Take the place of a snapshot."""
        self._mark = dict(data["mark"])
        self._beyond = {kind: set(numbers) for kind, numbers in data["beyond"].items()}
