"""Signals: which share of a step each movement has right of way.

Lives here: fixed-time plans on the local clock, modes (normal, flash, dark) and the stop rule that replaces them. Must not
know: queues or flows. A step that straddles a change of phase gets the exact share of its green (in integer milliseconds);
sampling the phase at the start of a step would misplace delay by up to a fifth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from simulator.city import SignalPlan
from simulator.traffic.network import Floats, Ints, sum_by

MODES = ("normal", "flash", "dark")
STOP_FACTOR = 525.0 / 1900.0  # all-way stop: a lane of 1 900 veh/h serves 525 (HCM 2010 ch. 20, four busy one-lane approaches)
MAX_TABLE_ROWS = 720


@dataclass(frozen=True, slots=True)
class _Windows:
    """Green windows of all running plans, flat: movement `movement` has green in [start, end) of its cycle (ms)."""

    movement: Ints
    start: Ints
    end: Ints
    cycle: Ints
    offset: Ints


class SignalControl:
    """The controllers of a network. `plans[s]` are the plans of controller s, with movements as array indexes."""

    def __init__(self, n_movements: int, plans: Sequence[Sequence[SignalPlan]], step_ms: int) -> None:
        self.plans = [list(p) for p in plans]
        self.step_ms = step_ms
        self.mode = np.zeros(len(self.plans), dtype=np.uint8)
        self.plan = np.zeros(len(self.plans), dtype=np.int16)
        self._n = n_movements
        self._shift_ms = 0  # of steps against full multiples of the step on the clock
        self._uncontrolled = np.ones(n_movements)
        self._movements = [_controlled(p) for p in self.plans]
        for movements in self._movements:
            self._uncontrolled[movements] = 0.0
        self._refresh()

    def set_plan(self, signal: int, plan: int) -> None:
        """Run another plan from now on. Raises ValueError on a plan that the controller does not have."""
        if not 0 <= plan < len(self.plans[signal]):
            raise ValueError(f"signal {signal} has {len(self.plans[signal])} plans; plan {plan} is not one of them")
        self.plan[signal] = plan
        self._refresh()

    def set_mode(self, signal: int, mode: str) -> None:
        """Set the mode of a controller: normal, flash or dark. Raises ValueError on another word."""
        if mode not in MODES:
            raise ValueError(f"signal mode {mode!r} is unknown; expected one of {', '.join(MODES)}")
        code = MODES.index(mode)
        if self.mode[signal] != code:
            self.mode[signal] = code
            self._refresh()

    def green(self, clock_ms: int) -> Floats:
        """Return the share of the step [clock, clock + step) in which each movement may go; an all-way stop gives 0.28."""
        if clock_ms % self.step_ms != self._shift_ms:
            self._shift_ms = clock_ms % self.step_ms
            self._table = self._make_table()
        if self._table is None:
            return self._compute(clock_ms)
        return self._table[(clock_ms // self.step_ms) % len(self._table)]

    def mean_green(self) -> Floats:
        """Return the long-run green share of each movement [M] under the running plans and modes."""
        w = self._windows
        return self._base + sum_by(w.movement, (w.end - w.start) / w.cycle, self._n)

    def red_delay_s(self) -> Floats:
        """Return the mean wait for green of a lone vehicle on each movement [M]: r^2 / 2C (uniform arrivals, empty road)."""
        w = self._windows
        cycle = np.zeros(self._n)
        cycle[w.movement] = w.cycle / 1000.0
        red = np.maximum(1.0 - self.mean_green(), 0.0) * cycle
        return np.where(cycle > 0.0, red * red / np.maximum(2.0 * cycle, 1e-9), 0.0)

    def phases(self, clock_ms: int) -> NDArray[np.int16]:
        """Return the index of each controller's phase, -1 where it shows none (flash, dark)."""
        at = (clock_ms - self._phase_offset) % self._phase_cycle
        phase = np.minimum((at[:, None] >= self._phase_ends).sum(axis=1), self._phase_last)
        return np.where(self.mode == 0, phase, -1).astype(np.int16)

    def snapshot(self) -> dict[str, object]:
        """Return modes and plans."""
        return {"mode": self.mode.copy(), "plan": self.plan.copy()}

    def restore(self, data: dict[str, NDArray[np.int16]]) -> None:
        """Take over saved modes and plans."""
        self.mode[:] = data["mode"]
        self.plan[:] = data["plan"]
        self._refresh()

    def _refresh(self) -> None:
        self._base = self._uncontrolled.copy()
        rows: list[tuple[int, int, int, int, int]] = []
        for s, plans in enumerate(self.plans):
            if self.mode[s] != 0:
                self._base[self._movements[s]] = STOP_FACTOR
            else:
                rows.extend(_plan_windows(plans[int(self.plan[s])]))
        columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        self._windows = _Windows(*(np.ascontiguousarray(column) for column in columns))
        self._refresh_phases()
        self._table = self._make_table()

    def _refresh_phases(self) -> None:
        """Keep where each phase of the running plans ends in its cycle [S, phases] (ms), for `phases`."""
        running = [plans[int(self.plan[s])] for s, plans in enumerate(self.plans)]
        longest = max((len(plan.phases) for plan in running), default=0)
        self._phase_ends = np.full((len(running), longest), np.iinfo(np.int64).max)
        for s, plan in enumerate(running):
            self._phase_ends[s, : len(plan.phases)] = _phase_ends(plan)
        self._phase_offset = np.array([round(plan.offset_s * 1000) for plan in running], dtype=np.int64)
        self._phase_cycle = np.array([round(plan.cycle_s * 1000) for plan in running], dtype=np.int64)
        self._phase_last = np.array([len(plan.phases) - 1 for plan in running], dtype=np.int64)

    def _make_table(self) -> list[Floats] | None:
        """Return the green of every step of the common cycle, or None where that would be long."""
        period = lcm(self.step_ms, *(int(c) for c in np.unique(self._windows.cycle)))
        rows = period // self.step_ms
        if rows > MAX_TABLE_ROWS:
            return None
        return [self._compute(k * self.step_ms + self._shift_ms) for k in range(rows)]

    def _compute(self, clock_ms: int) -> Floats:
        w, step = self._windows, self.step_ms
        at = (clock_ms - w.offset) % w.cycle
        now = np.minimum(at + step, w.end) - np.maximum(at, w.start)
        wrapped = np.minimum(at + step - w.cycle, w.end) - w.start
        overlap = np.maximum(now, 0) + np.maximum(wrapped, 0)
        return self._base + sum_by(w.movement, overlap.astype(np.float64), self._n) / step


def _controlled(plans: Sequence[SignalPlan]) -> Ints:
    """Return the movements that any plan of the controller knows; movements in none are not under its rule."""
    return np.array(sorted({m for plan in plans for phase in plan.phases for m in phase.movements}), dtype=np.int64)


def _plan_windows(plan: SignalPlan) -> list[tuple[int, int, int, int, int]]:
    """Return (movement, start, end, cycle, offset) in ms. Yellow counts as the start-up loss that it roughly makes up for."""
    cycle, offset = round(plan.cycle_s * 1000), round(plan.offset_s * 1000)
    rows: list[tuple[int, int, int, int, int]] = []
    at = 0
    for phase in plan.phases:
        end = at + round(phase.green_s * 1000)
        rows.extend((m, at, end, cycle, offset) for m in phase.movements)
        at = end + round((phase.yellow_s + phase.all_red_s) * 1000)
    return rows


def _phase_ends(plan: SignalPlan) -> Ints:
    """Return the ends of the phases of a plan within its cycle (ms)."""
    lasts = [round((phase.green_s + phase.yellow_s + phase.all_red_s) * 1000) for phase in plan.phases]
    return np.cumsum(lasts, dtype=np.int64)
