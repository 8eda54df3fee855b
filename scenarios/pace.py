"""The pace of simulated time: the one place that reads the wall clock.

Lives here: pause, pace, run-to, and how fast time really goes. Must not know: what happens in that time.
A pace that cannot be held slows the clock and skips nothing: simulated time is never set, only allowed to advance.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

MIN_PACE, MAX_PACE = 0.1, 1000.0
MAX = 0.0  # as fast as possible
_AVERAGE_OVER_S = 2.0


class Clock(Protocol):
    """A clock: seconds that only grow, and waiting."""

    def seconds(self) -> float:
        """Seconds since some instant."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait."""
        ...


class WallClock:
    """The machine's clock."""

    def seconds(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()  # noqa: TID251 - this file is where the wall clock is read

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def wall_text() -> str:
    """Return the wall time, ISO 8601 in UTC: for headers and names of runs, never for what is digested."""
    return datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - this file is where the wall clock is read


def parse_pace(text: str | float) -> float:
    """Return a pace from `max`, a number or text such as `x50`. Raises ValueError with what was expected."""
    word = str(text).strip().lower().lstrip("x×")
    if word == "max":
        return MAX
    try:
        pace = float(word)
    except ValueError:
        pace = -1.0
    if not MIN_PACE <= pace <= MAX_PACE:
        raise ValueError(f"the pace is {text!r}; expected max or a number from {MIN_PACE:g} to {MAX_PACE:g}")
    return pace


def say_pace(pace: float) -> str:
    """Return a pace as the feed shows it: `max`, `1`, `0.5`."""
    return "max" if pace == MAX else f"{pace:g}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A change of pace: None leaves a thing as it is. `until_expr` is a condition of the center's series, "" takes it back."""

    pause: bool | None = None
    pace: float | None = None
    run_to_ms: int | None = None
    until_expr: str | None = None


class Pacer:
    """Says how far simulated time may go now. Time is held against an anchor that every change of pace moves."""

    def __init__(self, clock: Clock, pace: float = 1.0, now_ms: int = 0) -> None:
        self.clock, self.pace, self.paused = clock, pace, False
        self.run_to_ms: int | None = None
        self._anchor_s, self._anchor_ms = clock.seconds(), now_ms
        self._marks: deque[tuple[float, int]] = deque(maxlen=256)

    def ask(self, asked: Asked, now_ms: int) -> None:
        """Take a change; the anchor moves here, so that nothing jumps. Running to an instant lifts a pause and ends in one."""
        if asked.pace is not None:
            self.pace = asked.pace if asked.pace == MAX else parse_pace(asked.pace)
        if asked.run_to_ms is not None:
            self.run_to_ms, self.paused = max(asked.run_to_ms, now_ms), False
        if asked.until_expr:
            self.paused = False
        if asked.pause is not None:
            self.paused = asked.pause
        self.anchor(now_ms)

    def anchor(self, now_ms: int) -> None:
        """Begin to count anew from here (after a pause, a stall, a change)."""
        self._anchor_s, self._anchor_ms = self.clock.seconds(), now_ms
        self._marks.clear()

    def wait_s(self, target_ms: int, now_ms: int) -> float | None:
        """Return how long to wait before going to `target_ms`: 0 now, None when time stands still until something is asked."""
        if self.run_to_ms is not None and now_ms >= self.run_to_ms:
            self.run_to_ms, self.paused = None, True
        if self.paused:
            return None
        if self.pace == MAX:
            return 0.0
        due_s = self._anchor_s + (target_ms - self._anchor_ms) / 1000.0 / self.pace
        late_s = self.clock.seconds() - due_s
        if late_s > 1.0:  # this pace cannot be held: slow the clock rather than chase it
            self._anchor_s, self._anchor_ms = self.clock.seconds(), target_ms
        return max(0.0, -late_s)

    def arrived(self, now_ms: int) -> None:
        """Note that simulated time stands at `now_ms`."""
        self._marks.append((self.clock.seconds(), now_ms))

    @property
    def achieved(self) -> float:
        """Simulated seconds per second over the last seconds; 0 while paused."""
        if self.paused or len(self._marks) < 2:
            return 0.0
        last_s, last_ms = self._marks[-1]
        first_s, first_ms = next((m for m in self._marks if last_s - m[0] <= _AVERAGE_OVER_S), self._marks[0])
        if first_s == last_s:
            first_s, first_ms = self._marks[0]
        return (last_ms - first_ms) / 1000.0 / (last_s - first_s) if last_s > first_s else 0.0
