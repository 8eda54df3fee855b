"""Signal plans that follow traffic, and greens that are held for somebody: which phase runs, decided at the start of a step.

Lives here: actuated control, max pressure (Varaiya 2013, Transportation Research C 36, 177-195), holds. Must not know: clocks
of fixed plans, modes. A change of phase costs the yellow and all-red of the phase that ends; nobody has green meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.city import SignalPlan
from simulator.traffic.ctm import TINY, CellTransmission
from simulator.traffic.network import Bools, Floats, Ints, sum_by

GAP_S = 3.0  # an actuated green ends where vehicles of every lane come with longer gaps than this
CALL_VEH = 0.5  # so many vehicles waiting for a phase are a call
LEAST_GREEN_MS = 7_000  # of an actuated or max-pressure phase


@dataclass(slots=True)
class Controllers:
    """What the controllers [S] that follow traffic show: the phase, and the clock (ms) at which its green began or begins."""

    phase: NDArray[np.int16]
    since_ms: Ints

    @classmethod
    def begin(cls, n: int) -> "Controllers":
        """Return n controllers in their first phase."""
        return cls(np.zeros(n, dtype=np.int16), np.zeros(n, dtype=np.int64))


class Adaptive:
    """The controllers `index` [A] and their running plans; `held` [A] is the phase that a controller must show, or -1."""

    def __init__(self, index: Ints, plans: Sequence[SignalPlan], held: NDArray[np.int16], step_ms: int) -> None:
        self._index, self._held, self._step_ms = index, held.astype(np.int64), step_ms
        width = max(len(plan.phases) for plan in plans)
        self._count = np.array([len(plan.phases) for plan in plans], dtype=np.int64)
        self._exists: Bools = np.arange(width) < self._count[:, None]
        self._most_ms, self._lost_ms = np.zeros((len(plans), width), np.int64), np.zeros((len(plans), width), np.int64)
        self._pressure: Bools = np.array([plan.control == "max_pressure" for plan in plans])
        rows: list[tuple[int, int]] = []
        for a, plan in enumerate(plans):
            for p, phase in enumerate(plan.phases):
                self._most_ms[a, p] = round(phase.green_s * 1000)
                self._lost_ms[a, p] = round((phase.yellow_s + phase.all_red_s) * 1000)
                rows.extend((a * width + p, m) for m in phase.movements)
        self._slot, self._movement = np.array(rows, dtype=np.int64).reshape(-1, 2).T.copy()
        self._all: Ints = np.unique(self._movement)
        self._rows = np.arange(len(plans))

    def green(self, fixed: Floats, now: Controllers, clock_ms: int, roads: CellTransmission) -> Floats:
        """Return `fixed` [M] with the green shares of these controllers; their phases in `now` move on if it is time."""
        phase, since = now.phase[self._index].astype(np.int64), now.since_ms[self._index]
        after = self._next(phase, clock_ms - since, roads)
        changed = after != phase
        since = np.where(changed, clock_ms + self._lost_ms[self._rows, phase], since)
        now.phase[self._index], now.since_ms[self._index] = after.astype(np.int16), since
        share = np.minimum(np.maximum(clock_ms + self._step_ms - since, 0), self._step_ms) / self._step_ms
        slots = np.zeros(self._exists.shape)
        slots[self._rows, after] = share
        out = fixed.copy()
        out[self._all] = 0.0
        np.maximum.at(out, self._movement, slots.ravel()[self._slot])
        return out

    def _next(self, phase: Ints, shown_ms: Ints, roads: CellTransmission) -> Ints:
        """Return the phase [A] of each controller from now on; `shown_ms` is how long its green has lasted."""
        calls, busy, pressure = self._seen(roads)
        row = self._rows
        free = shown_ms >= LEAST_GREEN_MS
        over = ~busy[row, phase] | (shown_ms >= self._most_ms[row, phase])
        actuated = np.where(free & over, self._next_call(phase, calls), phase)
        best = np.argmax(np.where(self._exists, pressure, -np.inf), axis=1)
        worth = (self._most_ms - self._lost_ms)[row, phase] * pressure[row, best] > (self._most_ms * pressure)[row, phase]
        pressed = np.where(free & worth, best, phase)
        out: Ints = np.where(self._pressure, pressed, actuated)
        return np.where(self._held >= 0, self._held, out)

    def _next_call(self, phase: Ints, calls: Bools) -> Ints:
        """Return the next phase in turn that somebody waits for, or the same if nobody does."""
        out = phase.copy()
        found = np.zeros(phase.size, dtype=np.bool_)
        for shift in range(1, self._exists.shape[1]):
            candidate = (phase + shift) % self._count
            here = ~found & (shift < self._count) & calls[self._rows, candidate]
            out = np.where(here, candidate, out)
            found |= here
        return out

    def _seen(self, roads: CellTransmission) -> tuple[Bools, Bools, Floats]:
        """Return by controller and phase [A, P]: somebody waits, vehicles come in close succession, the pressure."""
        net, rates, stored, m = roads.net, roads.rates, roads.state.stored, self._movement
        size, shape = self._exists.size, self._exists.shape
        close = roads.group_demand() > rates.group_entry / (net.saturation * GAP_S)[net.group_link]
        calls = sum_by(self._slot, stored[m], size) >= CALL_VEH
        busy = sum_by(self._slot, close[net.movement_group[m]].astype(np.float64), size) > 0.0
        pressure = sum_by(self._slot, _pressures(roads, m), size) if self._pressure.any() else np.zeros(size)
        return calls.reshape(shape), busy.reshape(shape), pressure.reshape(shape)


def _pressures(roads: CellTransmission, m: Ints) -> Floats:
    """Return for movements `m` the flow that could pass x (vehicles of the movement - those behind the turn, by their shares).

    Vehicles of a movement are those in its lanes and, by its share, those further up its link. What could pass is the
    saturation flow, or the room behind the turn where that is less: green into a full road serves nobody.
    """
    net, state, turn = roads.net, roads.state, roads.shares.turn
    above = net.cells_by_link(state.vehicles) - state.vehicles[net.last]
    wanting = state.stored + turn * above[net.from_link]
    behind = np.append(net.movements_by_link(turn * wanting), 0.0)[net.to_link[m]]
    group = net.movement_group[m]
    part = turn[m] / np.maximum(net.movements_by_group(turn)[group], TINY)
    rates, start = roads.rates, net.first
    room = np.minimum(rates.wave * (net.cell_jam_veh - state.vehicles), rates.entry)[start] * rates.entry_open[:-1]
    passing = np.minimum(rates.group_capacity[group] * part, np.append(room, np.inf)[net.to_link[m]])
    out: Floats = passing * (wanting[m] - behind)
    return out
