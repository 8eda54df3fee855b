"""Alarm discipline: how many alarms a position gets, floods and chatter, by ISA-18.2 / EEMUA 191.

Lives here: counting over simulated time. Must not know: what an alert is about.
Bounds (ISA-18.2-2016, EEMUA 191 ed. 3): a flood begins above 10 alarms in 10 min and ends below 5; an alarm that
comes three times within a minute chatters.
"""

from collections import deque
from typing import Any

WINDOW_MS = 10 * 60_000
FLOOD_BEGINS, FLOOD_ENDS = 10, 5
CHATTER_COUNT, CHATTER_MS = 3, 60_000
MAX_NOTED = 100_000


class AlarmRate:
    """Alarms annunciated in the last ten minutes."""

    def __init__(self) -> None:
        self._noted: deque[tuple[int, str]] = deque(maxlen=MAX_NOTED)
        self.flood = False
        self.peak = 0
        self.total = 0

    def note(self, now_ms: int, fingerprint: str) -> None:
        """An unsuppressed alert began to fire."""
        self._noted.append((now_ms, fingerprint))
        self.total += 1
        self.update(now_ms)

    def update(self, now_ms: int) -> int:
        """Move the window to `now_ms`; return the alarms in it."""
        while self._noted and self._noted[0][0] <= now_ms - WINDOW_MS:
            self._noted.popleft()
        count = len(self._noted)
        self.peak = max(self.peak, count)
        self.flood = count >= FLOOD_ENDS if self.flood else count > FLOOD_BEGINS
        return count

    def chattering(self, now_ms: int) -> list[str]:
        """Return the fingerprints that fired at least three times in the last minute."""
        counts: dict[str, int] = {}
        for at_ms, fingerprint in self._noted:
            if at_ms > now_ms - CHATTER_MS:
                counts[fingerprint] = counts.get(fingerprint, 0) + 1
        return sorted(fingerprint for fingerprint, count in counts.items() if count >= CHATTER_COUNT)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        noted = [[at_ms, fingerprint] for at_ms, fingerprint in self._noted]
        return {"noted": noted, "flood": self.flood, "peak": self.peak, "total": self.total}

    def restore(self, data: dict[str, Any]) -> None:
        """Take the place of a snapshot."""
        self._noted = deque(((at_ms, fingerprint) for at_ms, fingerprint in data["noted"]), maxlen=MAX_NOTED)
        self.flood, self.peak, self.total = data["flood"], data["peak"], data["total"]
