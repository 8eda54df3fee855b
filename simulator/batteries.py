"""Batteries: how long things go on after mains is lost, and how long until they could do it again.

Lives here: the charge of a table of batteries, in whole milliseconds of runtime. Must not know: what they feed, why mains is
gone. A battery gives its runtime at full load and takes `RECHARGE` times as long to fill (assumption: 10 h for an hour).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RECHARGE = 10


class Batteries:
    """The batteries of n things; each begins full and on mains. Time is an argument."""

    def __init__(self, runtime_s: Floats) -> None:
        n = len(runtime_s)
        self.runtime_ms: Ints = np.rint(np.asarray(runtime_s) * 1000.0).astype(np.int64)
        self._left_ms: Ints = self.runtime_ms.copy()
        self._since_ms: Ints = np.zeros(n, dtype=np.int64)
        self.mains: Bools = np.ones(n, dtype=bool)

    def set_mains(self, mains: Bools, now_ms: int) -> None:
        """Note which have mains from now on."""
        changed = mains != self.mains
        if changed.any():
            left = np.maximum(self.left_ms(now_ms), 0)
            self._left_ms[changed] = left[changed]
            self._since_ms[changed] = now_ms
            self.mains = mains.copy()

    def left_ms(self, now_ms: int) -> Ints:
        """Return the runtime left [ms]; below 0 since when it has been empty."""
        passed = now_ms - self._since_ms
        filled = np.minimum(self.runtime_ms, self._left_ms + passed // RECHARGE)
        left: Ints = np.where(self.mains, filled, self._left_ms - passed)
        return left

    def runs(self, now_ms: int, longer_ms: int = 0) -> Bools:
        """Return which still run, on mains or battery, or have been empty for less than `longer_ms`."""
        on: Bools = self.mains | (self.left_ms(now_ms) > -longer_ms)
        return on

    def charge(self, now_ms: int) -> Floats:
        """Return the charge as a ratio of full, 0-1; 0 where there is no battery."""
        ratio: Floats = np.maximum(self.left_ms(now_ms), 0) / np.maximum(self.runtime_ms, 1)
        return ratio

    def next_empty_ms(self, now_ms: int) -> int | None:
        """Return the next instant after now at which one is empty, or None."""
        due = (self._since_ms + self._left_ms)[~self.mains]
        due = due[due > now_ms]
        return int(due.min()) if len(due) else None

    def snapshot(self) -> dict[str, Any]:
        """Return the state as arrays."""
        return {"left_ms": self._left_ms.copy(), "since_ms": self._since_ms.copy(), "mains": self.mains.copy()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self._left_ms, self._since_ms = data["left_ms"].copy(), data["since_ms"].copy()
        self.mains = data["mains"].copy()
