"""Sites: flow, density and speed at places on links, exact and without noise.

Lives here: what an ideal detector would have seen since it was last read. Must not know: devices, faults, reporting periods.
Flow is what passed the end of the site's cell, density the mean of the cell, speed their quotient, so q = k v always holds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.traffic.ctm import RoadState
from simulator.traffic.network import Floats, Ints, Network

Halves = NDArray[np.float32]
VEHICLE_M = 4.5
LOOP_M = 2.0


@dataclass(slots=True)
class Sites:
    """A handle on n places; it remembers what had been counted when it was last read."""

    index: int
    cell: Ints
    passed: Floats
    presence: Floats
    steps: int


def open_sites(index: int, net: Network, state: RoadState, link: Ints, position_m: Floats) -> Sites:
    """Return a handle on the cells at (link, position), read up to now."""
    cell = net.cell_at(np.asarray(link, dtype=np.int64), np.asarray(position_m, dtype=np.float64))
    return Sites(index, cell, state.passed[cell], state.presence[cell], state.steps)


def read(sites: Sites, net: Network, state: RoadState, free_speed_mps: Floats) -> dict[str, Floats]:
    """Return arrays [n] of the mean state since the last read of this handle, and remember this one.

    `flow_veh_per_s` over all lanes, `density_veh_per_m` per lane, `speed_mps` (free speed where nobody was), `occupancy` 0-1
    of a 2 m loop under 4.5 m vehicles, `count_veh` cumulated since the run's start.
    """
    cell = sites.cell
    link = net.cell_link[cell]
    steps = max(state.steps - sites.steps, 1)
    passed, presence = state.passed[cell], state.presence[cell]
    flow = (passed - sites.passed) / (steps * net.step_s)
    density = (presence - sites.presence) / (steps * net.cell_length_m[cell])
    speed = np.where(density > 1e-9, flow / np.maximum(density, 1e-9), free_speed_mps[link])
    per_lane = density / net.lanes[link]
    sites.passed, sites.presence, sites.steps = passed, presence, state.steps
    return {
        "flow_veh_per_s": flow,
        "density_veh_per_m": per_lane,
        "speed_mps": speed,
        "occupancy": np.minimum(per_lane * (VEHICLE_M + LOOP_M), 1.0),
        "count_veh": passed,
    }


class TravelTimes:
    """Smoothed travel times: in every cell the time that vehicles spent over the vehicles that passed (Little 1961)."""

    PRIOR_VEH = 0.05  # weight of the empty road, so that a cell without vehicles has its free time
    LONGEST_S = 1800.0

    def __init__(self, net: Network, state: RoadState) -> None:
        self.net = net
        # Half the digits are enough for what is smoothed, and half the bytes of a keyframe.
        self._presence: Halves = np.zeros(state.presence.shape, dtype=np.float32)
        self._passed: Halves = np.zeros(state.passed.shape, dtype=np.float32)
        self._seen_presence = state.presence.copy()
        self._seen_passed = state.passed.copy()
        self._last_passed: Halves = np.zeros(state.passed.shape, dtype=np.float32)
        self._last_steps = 0
        self._seen_steps = state.steps

    def observe(self, state: RoadState) -> None:
        """Take in what happened since the last call; older observations lose half their weight."""
        self._presence = 0.5 * self._presence + (state.presence - self._seen_presence).astype(np.float32)
        self._last_passed = (state.passed - self._seen_passed).astype(np.float32)
        self._last_steps = state.steps - self._seen_steps
        self._passed = 0.5 * self._passed + self._last_passed
        self._seen_steps = state.steps
        self._seen_presence = state.presence.copy()
        self._seen_passed = state.passed.copy()

    def cells_s(self, empty_s: Floats) -> Floats:
        """Return the time [C] to pass each cell; `empty_s` [C] is that of the empty road with its signals."""
        spent = self._presence * self.net.step_s + self.PRIOR_VEH * empty_s
        return np.minimum(spent / (self._passed + self.PRIOR_VEH), self.LONGEST_S)

    def links_s(self, empty_s: Floats) -> Floats:
        """Return the time [L] to pass each link, at most half an hour."""
        return np.minimum(self.net.cells_by_link(self.cells_s(empty_s)), self.LONGEST_S)

    def speed_mps(self, empty_s: Floats) -> Floats:
        """Return the space-mean speed [L]: metres driven over time spent (Edie 1963), the empty road's where nobody is."""
        net = self.net
        free_s = net.cells_by_link(empty_s)
        driven = net.cells_by_link(self._passed * net.cell_length_m)
        spent = net.cells_by_link(self._presence.astype(np.float64) * net.step_s)
        return (driven + self.PRIOR_VEH * net.model_length_m) / (spent + self.PRIOR_VEH * free_s)

    def queued_veh(self, vehicles: Floats, free_s: Floats) -> Floats:
        """Return the vehicles on each link [L] beyond flow of the last minute x free time of each cell [C]."""
        flow = self._last_passed / (max(self._last_steps, 1) * self.net.step_s)
        return np.maximum(self.net.cells_by_link(vehicles - flow * free_s), 0.0)

    def snapshot(self) -> dict[str, Any]:
        """Return the smoothed and seen sums."""
        return {
            "last_passed": self._last_passed.copy(),
            "last_steps": self._last_steps,
            "seen_steps": self._seen_steps,
            "presence": self._presence.copy(),
            "passed": self._passed.copy(),
            "seen_presence": self._seen_presence.copy(),
            "seen_passed": self._seen_passed.copy(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over saved sums."""
        self._last_passed = data["last_passed"].copy()
        self._last_steps, self._seen_steps = data["last_steps"], data["seen_steps"]
        self._presence, self._passed = data["presence"].copy(), data["passed"].copy()
        self._seen_presence, self._seen_passed = data["seen_presence"].copy(), data["seen_passed"].copy()
