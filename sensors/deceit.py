"""Deceit at work: what a spoof, a replay or a skewed clock makes of a kind's readings.

Lives here: the present deceptions of one kind, and their effect on raw readings and their time. Must not know: why somebody
lies (`simulator.deception`). What is falsified is falsified in the device: it goes on the wire as any reading, marked good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.kind import Quantity
from simulator.device_health import Fault

Ints = NDArray[np.int64]
Raw = NDArray[np.int32]


@dataclass(slots=True)
class Deceit:
    """The deceptions that hold for the devices of a kind, by row."""

    any: bool = False
    skew_ms: dict[int, int] = field(default_factory=dict)
    spoof: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # row -> (quantity, raw value) that it sets
    replay: dict[int, tuple[int, int]] = field(default_factory=dict)  # row -> when the recording begins and ends [ms]
    held: dict[int, list[int]] = field(default_factory=dict)  # row -> reading that a spoof repeats
    tape: dict[int, list[list[int]]] = field(default_factory=dict)  # row -> readings that a replay has recorded
    played: dict[int, int] = field(default_factory=dict)  # row -> how many it has played

    def rebuild(self, faults: Sequence[Fault], row_of: Mapping[str, int], quantities: Sequence[Quantity]) -> None:
        """Take over the deceptions that hold now; what was recorded for those that go on is kept."""
        self.skew_ms, self.spoof, self.replay = {}, {}, {}
        for fault in faults:
            row = row_of.get(fault.device_id, -1)
            if row >= 0:
                self._add(fault, row, quantities)
        self.any = bool(self.skew_ms or self.spoof or self.replay)
        self.held = {row: raw for row, raw in self.held.items() if row in self.spoof}
        self.tape = {row: raw for row, raw in self.tape.items() if row in self.replay}
        self.played = {row: n for row, n in self.played.items() if row in self.replay}

    def _add(self, fault: Fault, row: int, quantities: Sequence[Quantity]) -> None:
        if fault.fault == "skew":
            self.skew_ms[row] = round(fault.magnitude * 1000)
        elif fault.fault == "replay":
            self.replay[row] = (fault.start_ms, fault.start_ms + round(fault.magnitude * 1000))
        elif fault.fault == "spoof":
            self.spoof[row] = [
                (i, round(min(max(fault.values[q.name], q.minimum), q.maximum) / q.resolution))
                for i, q in enumerate(quantities)
                if q.name in fault.values
            ]

    def falsify(self, raw: Raw, rows: Ints, now_ms: int) -> None:
        """Replace the raw readings [quantity, row] of those who lie, in place."""
        at = {row: i for i, row in enumerate(rows.tolist())}
        for row, sets in self.spoof.items():
            if row in at:
                raw[:, at[row]] = self.held.setdefault(row, raw[:, at[row]].tolist())
                for quantity, value in sets:
                    raw[quantity, at[row]] = value
        for row, (_, recorded_ms) in self.replay.items():
            if row in at:
                self._record_or_play(raw, row, at[row], now_ms < recorded_ms)

    def _record_or_play(self, raw: Raw, row: int, i: int, recording: bool) -> None:
        tape = self.tape.setdefault(row, [])
        if recording or not tape:
            tape.append(raw[:, i].tolist())
            return
        n = self.played.get(row, 0)
        raw[:, i] = tape[n % len(tape)]
        self.played[row] = n + 1

    def clocks(self, rows: Ints) -> Ints:
        """Return by how much the clocks of rows are wrong [ms], int[n]."""
        out = np.zeros(len(rows), dtype=np.int64)
        for i, row in enumerate(rows.tolist()):
            out[i] = self.skew_ms.get(row, 0)
        return out

    def snapshot(self) -> dict[str, Any]:
        """Return what cannot be worked out again: what was held and recorded."""
        rows = sorted(self.tape)
        return {
            "held": [[row, *self.held[row]] for row in sorted(self.held)],
            "tape": [[row, self.played.get(row, 0), [list(raw) for raw in self.tape[row]]] for row in rows],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what was held and recorded; the rest is rebuilt from the world."""
        self.held = {row[0]: list(row[1:]) for row in data["held"]}
        self.tape = {row: [list(raw) for raw in tape] for row, _, tape in data["tape"]}
        self.played = {row: n for row, n, _ in data["tape"] if n}
