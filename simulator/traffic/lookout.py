"""The wait ahead: how long a link takes those who enter it now, from who stands on it and before it.

Lives here: the times on which drivers of a small network choose. Must not know: routes, and how the roads move. A measured
travel time is that of those who have arrived; in a growing queue it is minutes old, and choices made on it swing (Ben-Akiva,
De Palma and Kaysi 1991, Transportation Research A 25(5), 251-266). What a queue will cost is its vehicles over its outflow.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.traffic.ctm import RoadState
from simulator.traffic.network import Floats, Network, sum_by

LOOK_MS = 5_000
KEPT = 0.95  # weight that flows keep from look to look: a memory of 100 s, longer than a cycle
PRIOR_VEH = 0.05  # vehicles of the empty road that count as seen, so that nobody's time has a value
QUEUED_RATIO, QUEUED_S = 1.1, 1.0  # a link is queued when it costs a tenth and a second more than the empty one
LEAST_FLOW = 1e-3  # veh/s: a queue that moves less has this outflow
LONGEST_S = 1800.0


class Lookout:
    """Smoothed flows of every cell, and the times that follow from them for those who enter links now."""

    def __init__(self, net: Network, state: RoadState) -> None:
        self.net = net
        self._passed: Floats = np.zeros_like(state.passed)
        self._presence: Floats = np.zeros_like(state.presence)
        self._seen_passed = state.passed.copy()
        self._seen_presence = state.presence.copy()
        self._seen_steps = state.steps
        self._weight_s = 0.0

    def observe(self, state: RoadState) -> None:
        """Take in what moved since the last call."""
        self._passed = KEPT * self._passed + (state.passed - self._seen_passed)
        self._presence = KEPT * self._presence + (state.presence - self._seen_presence)
        self._weight_s = KEPT * self._weight_s + (state.steps - self._seen_steps) * self.net.step_s
        self._seen_passed, self._seen_presence = state.passed.copy(), state.presence.copy()
        self._seen_steps = state.steps

    def links_s(self, empty_s: Floats, vehicles: Floats, turn: Floats) -> Floats:
        """Return the time [L] (s) that each link will take who enters it now, at most half an hour.

        `empty_s` [C] is that of the empty road with its signals, `vehicles` [C] who is there, `turn` [M] the turn shares. On a
        queued link it is the vehicles there, and those on the links before that will come faster than they can leave, over
        its outflow; elsewhere what vehicles needed of late (Little 1961).
        """
        net = self.net
        free = net.cells_by_link(empty_s)
        spent = self._presence * net.step_s + PRIOR_VEH * empty_s
        needed = np.minimum(net.cells_by_link(spent / (self._passed + PRIOR_VEH)), LONGEST_S)
        if self._weight_s == 0.0:
            return needed
        there = net.cells_by_link(vehicles)
        outflow = np.maximum(self._passed[net.last] / self._weight_s, LEAST_FLOW)
        waiting = (there + self._coming(there / needed, free, outflow, turn)) / outflow
        queued = needed > QUEUED_RATIO * free + QUEUED_S
        return np.where(queued, np.minimum(np.maximum(waiting, free), LONGEST_S), needed)

    def _coming(self, flow: Floats, free: Floats, outflow: Floats, turn: Floats) -> Floats:
        """Return the vehicles [L] by which a queue will have grown when those on the links before it are there.

        `flow` [L] (veh/s) drives on each link; below zero where fewer come than leave.
        """
        net = self.net
        rate = flow[net.from_link] * turn
        arriving = sum_by(net.to_link, rate, net.n_links + 1)[:-1]
        way = sum_by(net.to_link, rate * free[net.from_link], net.n_links + 1)[:-1]
        seen = arriving > LEAST_FLOW
        return np.where(seen, (arriving - outflow) * way / np.maximum(arriving, LEAST_FLOW), 0.0)

    def snapshot(self) -> dict[str, Any]:
        """Return the smoothed and seen sums."""
        return {name: getattr(self, f"_{name}").copy() for name in _ARRAYS} | {
            "seen_steps": self._seen_steps,
            "weight_s": self._weight_s,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over saved sums."""
        for name in _ARRAYS:
            setattr(self, f"_{name}", data[name].copy())
        self._seen_steps, self._weight_s = data["seen_steps"], data["weight_s"]


_ARRAYS = ("passed", "presence", "seen_passed", "seen_presence")
