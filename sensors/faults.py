"""Faults at work: what bias, drift, a stuck or dead device and the like do to readings.

Lives here: the present faults of one kind as arrays, and their effect on raw readings. Must not know: why a device is broken
(`simulator.device_health`), how frames travel. A kind without faults costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.device_health import EVERY, Fault

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Raw = NDArray[np.int32]

HOUR_MS = 3_600_000.0
TAMPER = "tamper"  # a deception that acts like a bias


@dataclass(slots=True)
class FaultTable:
    """The faults that hold for the n devices of a kind, as arrays [n]; a device has the strongest of each sort."""

    any: bool
    gain: Floats
    drift_per_h: Floats
    drift_from_ms: Ints
    stuck: Bools
    dead: Bools
    dropout: Floats
    late_ms: Ints
    duplicate: Floats
    held: dict[int, list[int]] = field(default_factory=dict)  # row -> raw reading that a stuck device repeats

    @classmethod
    def empty(cls, n: int) -> "FaultTable":
        """Return a table of n healthy devices."""
        whole = np.zeros(n, dtype=np.int64)
        return cls(
            False, np.ones(n), np.zeros(n), whole, np.zeros(n, dtype=bool), np.zeros(n, dtype=bool),
            np.zeros(n), whole.copy(), np.zeros(n),
        )  # fmt: skip

    def rebuild(self, faults: Sequence[Fault], kind: str, row_of: Mapping[str, int], allowed: Sequence[str]) -> None:
        """Take over the faults that hold now; what devices hold that are still stuck is kept."""
        n = len(self.gain)
        fresh = FaultTable.empty(n)
        for fault in faults:
            rows = _rows(fault.device_id, kind, row_of, n)
            if len(rows) and (fault.fault in allowed or fault.fault == TAMPER or fault.device_id == EVERY):
                fresh.any = True
                fresh.add(fault, rows)
        held = {row: values for row, values in self.held.items() if fresh.stuck[row]}
        for name in FaultTable.__slots__:
            setattr(self, name, getattr(fresh, name))
        self.held = held

    def add(self, fault: Fault, rows: Ints) -> None:
        """Let a fault hold for some rows."""
        if fault.fault == TAMPER:
            self.gain[rows] *= 1.0 - fault.magnitude
        elif fault.fault == "bias":
            self.gain[rows] *= 1.0 + fault.magnitude
        elif fault.fault == "drift":
            self.drift_per_h[rows] = fault.magnitude
            self.drift_from_ms[rows] = fault.start_ms
        elif fault.fault == "late":
            self.late_ms[rows] = np.maximum(self.late_ms[rows], round(fault.magnitude * 1000))
        elif fault.fault in ("stuck", "dead"):
            getattr(self, fault.fault)[rows] = True
        elif fault.fault in ("dropout", "duplicate"):
            share = getattr(self, fault.fault)
            share[rows] = np.maximum(share[rows], fault.magnitude)

    def distort(self, values: Floats, rows: Ints, now_ms: int) -> Floats:
        """Return an analogue quantity of some rows as biased and drifting devices see it."""
        drifted = 1.0 + self.drift_per_h[rows] * ((now_ms - self.drift_from_ms[rows]) / HOUR_MS)
        return values * self.gain[rows] * drifted

    def hold(self, raw: Raw, rows: Ints) -> None:
        """Let stuck devices repeat their first raw reading [quantity, row], in place."""
        for at in np.flatnonzero(self.stuck[rows]).tolist():
            row = int(rows[at])
            if row in self.held:
                raw[:, at] = self.held[row]
            else:
                self.held[row] = raw[:, at].tolist()

    def snapshot(self) -> dict[str, Any]:
        """Return what cannot be worked out again: the held readings."""
        rows = sorted(self.held)
        return {"rows": rows, "values": [self.held[row] for row in rows]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over held readings; the table itself is rebuilt from the world."""
        self.held = dict(zip(data["rows"], (list(v) for v in data["values"]), strict=True))


def _rows(device_id: str, kind: str, row_of: Mapping[str, int], n: int) -> Ints:
    if device_id in (EVERY, f"kind:{kind}"):
        return np.arange(n, dtype=np.int64)
    row = row_of.get(device_id, -1)
    return np.array([row] if row >= 0 else [], dtype=np.int64)
