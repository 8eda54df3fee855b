"""Signals: which share of a step each movement has right of way.

Lives here: which plan runs (by the clock or by hand), fixed-time plans on the local clock, modes (normal, flash, dark) and the
stop rule that replaces them. Must not know: queues or flows; plans that follow traffic, and held greens, are in `adaptive`.
A step that straddles a change of phase gets the exact share of its green (in integer milliseconds); sampling the phase at the
start of a step would misplace delay by up to a fifth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import SignalPlan
from simulator.traffic.adaptive import Adaptive, Controllers
from simulator.traffic.ctm import CellTransmission
from simulator.traffic.network import Bools, Floats, Ints, sum_by

MODES = ("normal", "flash", "dark")
STOP_FACTOR = 525.0 / 1900.0  # all-way stop: a lane of 1 900 veh/h serves 525 (HCM 2010 ch. 20, four busy one-lane approaches)
MAX_TABLE_ROWS = 720
QUARTER_MS, QUARTERS = 900_000, 96  # plans change by the clock at quarters of an hour
NO_HOLD, NEVER_MS = -1, 1 << 60


@dataclass(frozen=True, slots=True)
class _Windows:
    """Green windows of running plans, flat: movement `movement` has green in [start, end) of its cycle (ms)."""

    movement: Ints
    start: Ints
    end: Ints
    cycle: Ints
    offset: Ints


class SignalControl:
    """The controllers of a network. `plans[s]` are the plans of controller s, with movements as array indexes.

    A controller runs the plan whose `hours` hold the local time, else its first, until `set_plan` takes it off the clock.
    """

    def __init__(self, n_movements: int, plans: Sequence[Sequence[SignalPlan]], step_ms: int) -> None:
        self.plans = [list(p) for p in plans]
        self.step_ms = step_ms
        n = len(self.plans)
        self.mode = np.zeros(n, dtype=np.uint8)
        self.plan = np.zeros(n, dtype=np.int16)
        self.by_clock: Bools = np.ones(n, dtype=np.bool_)
        self.shift_ms: Ints = np.zeros(n, dtype=np.int64)  # of the running plan's offset, for waves along a road
        self.hold_phase = np.full(n, NO_HOLD, dtype=np.int16)
        self.hold_until_ms: Ints = np.zeros(n, dtype=np.int64)
        self.now = Controllers.begin(n)
        self._n = n_movements
        self._step_shift_ms = 0  # of steps against full multiples of the step on the clock
        self._uncontrolled = np.ones(n_movements)
        self._movements = [_controlled(p) for p in self.plans]
        self.controller_of: Ints = np.full(n_movements, -1, dtype=np.int64)
        for s, movements in enumerate(self._movements):
            self._uncontrolled[movements] = 0.0
            self.controller_of[movements] = s
        self._daily = _daily(self.plans)
        self._quarter = -1
        self._follows_traffic: Bools = np.zeros(n, dtype=np.bool_)
        self._refresh_phases([plans[0] for plans in self.plans])
        self._refresh(0)

    def set_plan(self, signal: int, plan: int, clock_ms: int) -> None:
        """Run another plan from now on, whatever the clock says. Raises ValueError on a plan that the controller lacks."""
        if not 0 <= plan < len(self.plans[signal]):
            raise ValueError(f"signal {signal} has {len(self.plans[signal])} plans; plan {plan} is not one of them")
        self.by_clock[signal] = False
        self._run(np.array([signal]), np.array([plan]), clock_ms)

    def follow_clock(self, signal: int, clock_ms: int) -> None:
        """Let a controller run the plan of the hour again."""
        self.by_clock[signal] = True
        self._run(np.array([signal]), self._daily[[signal], clock_ms // QUARTER_MS % QUARTERS], clock_ms)

    def set_mode(self, signal: int, mode: str, clock_ms: int) -> None:
        """Set the mode of a controller: normal, flash or dark. Raises ValueError on another word."""
        if mode not in MODES:
            raise ValueError(f"signal mode {mode!r} is unknown; expected one of {', '.join(MODES)}")
        code = MODES.index(mode)
        if self.mode[signal] != code:
            self.mode[signal] = code
            self._refresh(clock_ms)

    def set_shift(self, signal: int, shift_s: float, clock_ms: int) -> None:
        """Move the greens of a controller's fixed plans by `shift_s` against the clock."""
        self.shift_ms[signal] = round(shift_s * 1000)
        self._refresh(clock_ms)

    def hold(self, signal: int, movements: Ints, until_ms: int, clock_ms: int) -> bool:
        """Give green to the phase that serves most of `movements` until the clock shows `until_ms`; return if one does.

        The change costs the lost time of the phase that ends; afterwards the running plan goes on. A signal that flashes or is
        dark gives none.
        """
        phases = self.plans[signal][int(self.plan[signal])].phases
        served = [len(set(phase.movements) & set(movements.tolist())) for phase in phases]
        if not any(served) or self.mode[signal] != 0:
            return False
        held, phase = int(self.hold_phase[signal]), served.index(max(served))
        self.hold_until_ms[signal] = max(until_ms, int(self.hold_until_ms[signal])) if held == phase else until_ms
        if held != phase:
            self.hold_phase[signal] = phase
            self._refresh(clock_ms)
        return True

    def tick(self, clock_ms: int) -> bool:
        """Let the clock choose plans at each quarter of an hour, and end holds that are over; return if plans changed."""
        if self._next_end_ms <= clock_ms:
            self.hold_phase[self.hold_until_ms <= clock_ms] = NO_HOLD
            self._refresh(clock_ms)
        quarter = clock_ms // QUARTER_MS % QUARTERS
        if quarter == self._quarter:
            return False
        self._quarter = quarter
        due = np.flatnonzero(self.by_clock & (self.plan != self._daily[:, quarter]))
        self._run(due, self._daily[due, quarter], clock_ms)
        return bool(due.size)

    def _run(self, signals: Ints, plans: NDArray[Any], clock_ms: int) -> None:
        if (self.plan[signals] != plans).any():
            self.plan[signals] = plans
            self.hold_phase[signals] = NO_HOLD
            self._refresh(clock_ms)

    def green(self, clock_ms: int, roads: CellTransmission) -> Floats:
        """Return the share of the step [clock, clock + step) in which each movement may go; an all-way stop gives 0.28.

        Plans that follow traffic look at `roads` first.
        """
        if clock_ms % self.step_ms != self._step_shift_ms:
            self._step_shift_ms = clock_ms % self.step_ms
            self._table = self._make_table()
        row = clock_ms // self.step_ms
        fixed = self._compute(clock_ms) if self._table is None else self._table[row % len(self._table)]
        return fixed if self._adaptive is None else self._adaptive.green(fixed, self.now, clock_ms, roads)

    def mean_green(self) -> Floats:
        """Return the long-run green share of each movement [M] under the running plans and modes.

        Of plans that follow traffic it is what they would give if every phase ran as long as it may.
        """
        w = self._all_windows
        return self._base + sum_by(w.movement, (w.end - w.start) / w.cycle, self._n)

    def red_delay_s(self) -> Floats:
        """Return the mean wait for green of a lone vehicle on each movement [M]: r^2 / 2C (uniform arrivals, empty road)."""
        w = self._all_windows
        cycle = np.zeros(self._n)
        cycle[w.movement] = w.cycle / 1000.0
        red = np.maximum(1.0 - self.mean_green(), 0.0) * cycle
        return np.where(cycle > 0.0, red * red / np.maximum(2.0 * cycle, 1e-9), 0.0)

    def phases(self, clock_ms: int) -> NDArray[np.int16]:
        """Return the index of each controller's phase, -1 where it shows none (flash, dark)."""
        at = (clock_ms - self._phase_offset) % self._phase_cycle
        phase = np.minimum((at[:, None] >= self._phase_ends).sum(axis=1), self._phase_last)
        phase = np.where(self._follows_traffic, self.now.phase, phase)
        return np.where(self.mode == 0, phase, -1).astype(np.int16)

    def wave_shifts_s(self, movements: Ints, travel_s: Floats) -> dict[int, float]:
        """Return shifts (s) by controller that let a platoon through all of `movements` [n], one after the other, on green.

        `travel_s` [n] is the time from each movement to the next (the last is not used). Movements without a signal only
        take time. Raises ValueError if the plans on the way have different cycles or do not run on the clock.
        """
        at_s, first_s, cycles, shifts = 0.0, 0.0, set[float](), dict[int, float]()
        for m, after_s in zip(movements.tolist(), travel_s.tolist(), strict=True):
            s = int(self.controller_of[m])
            if s >= 0 and s not in shifts:
                plan = self.plans[s][int(self.plan[s])]
                begin_s = plan.offset_s + _green_begin_s(plan, m)
                first_s = begin_s if not shifts else first_s
                cycles.add(plan.cycle_s)
                shifts[s] = (first_s + at_s - begin_s) % plan.cycle_s
                if len(cycles) > 1 or plan.control != "fixed":
                    seen = f"cycles of {', '.join(f'{c:g} s' for c in sorted(cycles))}, control {plan.control!r}"
                    raise ValueError(f"no wave through controller {s}: {seen}; expected fixed plans of one cycle")
            at_s += after_s
        return shifts

    def snapshot(self) -> dict[str, Any]:
        """Return modes, plans, shifts, holds and what plans that follow traffic show."""
        return {
            "mode": self.mode.copy(),
            "plan": self.plan.copy(),
            "by_clock": self.by_clock.copy(),
            "shift_ms": self.shift_ms.copy(),
            "hold_phase": self.hold_phase.copy(),
            "hold_until_ms": self.hold_until_ms.copy(),
            "phase": self.now.phase.copy(),
            "since_ms": self.now.since_ms.copy(),
            "quarter": self._quarter,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what was saved."""
        for name in ("mode", "plan", "by_clock", "shift_ms", "hold_phase", "hold_until_ms"):
            getattr(self, name)[:] = data[name]
        self._refresh(0)
        self.now.phase[:], self.now.since_ms[:] = data["phase"], data["since_ms"]
        self._quarter = int(data["quarter"])

    def _refresh(self, clock_ms: int) -> None:
        """Work out again what follows from modes, plans, shifts and holds."""
        running = [plans[int(self.plan[s])] for s, plans in enumerate(self.plans)]
        normal = self.mode == 0
        self._base = self._uncontrolled.copy()
        for s in np.flatnonzero(~normal).tolist():
            self._base[self._movements[s]] = STOP_FACTOR
        self._refresh_following(normal, running, clock_ms)
        self._all_windows = self._windows_of(normal, running)
        self._windows = self._windows_of(normal & ~self._follows_traffic, running)
        self._refresh_phases(running)
        self._table = self._make_table()
        self._next_end_ms = min(self.hold_until_ms[self.hold_phase != NO_HOLD].tolist(), default=NEVER_MS)

    def _refresh_following(self, normal: Bools, running: Sequence[SignalPlan], clock_ms: int) -> None:
        """Let controllers that begin to follow traffic, or to hold a green, go on from the phase that they show."""
        was, shown = self._follows_traffic, self.phases(clock_ms)
        follows = np.array([plan.control != "fixed" for plan in running], dtype=np.bool_)
        self._follows_traffic = normal & (follows | (self.hold_phase != NO_HOLD))
        begun = self._follows_traffic & ~was
        last = np.array([len(plan.phases) - 1 for plan in running], dtype=np.int16)
        self.now.phase[:] = np.minimum(np.where(begun, np.maximum(shown, 0), self.now.phase), last)
        self.now.since_ms[begun] = clock_ms
        index = np.flatnonzero(self._follows_traffic)
        own = [running[s] for s in index.tolist()]
        self._adaptive = Adaptive(index, own, self.hold_phase[index], self.step_ms) if own else None

    def _windows_of(self, which: Bools, running: Sequence[SignalPlan]) -> _Windows:
        rows: list[tuple[int, int, int, int, int]] = []
        for s in np.flatnonzero(which).tolist():
            rows.extend(_plan_windows(running[s], int(self.shift_ms[s])))
        columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        return _Windows(*(np.ascontiguousarray(column) for column in columns))

    def _refresh_phases(self, running: Sequence[SignalPlan]) -> None:
        """Keep where each phase of the running plans ends in its cycle [S, phases] (ms), for `phases`."""
        longest = max((len(plan.phases) for plan in running), default=0)
        self._phase_ends = np.full((len(running), longest), np.iinfo(np.int64).max)
        for s, plan in enumerate(running):
            self._phase_ends[s, : len(plan.phases)] = _phase_ends(plan)
        self._phase_offset = np.array([round(plan.offset_s * 1000) for plan in running], dtype=np.int64) + self.shift_ms
        self._phase_cycle = np.array([round(plan.cycle_s * 1000) for plan in running], dtype=np.int64)
        self._phase_last = np.array([len(plan.phases) - 1 for plan in running], dtype=np.int64)

    def _make_table(self) -> list[Floats] | None:
        """Return the green of every step of the common cycle, or None where that would be long."""
        period = lcm(self.step_ms, *(int(c) for c in np.unique(self._windows.cycle)))
        rows = period // self.step_ms
        if rows > MAX_TABLE_ROWS:
            return None
        return [self._compute(k * self.step_ms + self._step_shift_ms) for k in range(rows)]

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


def _daily(plans: Sequence[Sequence[SignalPlan]]) -> NDArray[np.int16]:
    """Return which plan each controller runs in each quarter of an hour [S, 96]; the later of two plans wins."""
    out = np.zeros((len(plans), QUARTERS), dtype=np.int16)
    for s, own in enumerate(plans):
        for p, plan in enumerate(own):
            for begin_h, end_h in zip(plan.hours[::2], plan.hours[1::2], strict=True):
                out[s, round(begin_h * 4) : round(end_h * 4)] = p
    return out


def _plan_windows(plan: SignalPlan, shift_ms: int) -> list[tuple[int, int, int, int, int]]:
    """Return (movement, start, end, cycle, offset) in ms. Yellow counts as the start-up loss that it roughly makes up for."""
    cycle, offset = round(plan.cycle_s * 1000), round(plan.offset_s * 1000) + shift_ms
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


def _green_begin_s(plan: SignalPlan, movement: int) -> float:
    """Return when in its cycle a plan first gives green to a movement; 0 if it never does."""
    at_s = 0.0
    for phase in plan.phases:
        if movement in phase.movements:
            return at_s
        at_s += phase.green_s + phase.yellow_s + phase.all_red_s
    return 0.0
