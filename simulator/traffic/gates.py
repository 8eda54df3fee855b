"""Port gates: trucks leave the road for a queue, are served one after the other, and stand on the road when the yard is full.

Lives here: the queues and what they take of the road. Must not know: why a gate fails, who notices. A gate has lanes that serve
a truck in a mean time; service is a fluid, as traffic is, so a queue is arrivals less service (Newell 1982, Applications of
Queueing Theory, ch. 2). A fault halves the service. What the yard before the gate does not hold stands on the lane at the kerb.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.traffic.mix import TRAILER_PCU
from simulator.traffic.network import Bools, Floats, Ints, Network

TRUCK_M = 16.0  # of the lane that a standing one takes
FAULT_FACTOR = 0.5


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A gate beside a link at `position_m`: `lanes` serve a truck in `service_s` each; `storage_veh` trucks wait off the road.

    `truck_share` of the passenger car units that pass there are trucks that turn in.
    """

    link: int
    position_m: float
    lanes: int
    service_s: float
    storage_veh: float
    truck_share: float


class Gates:
    """The gates [N] of a network. `queue` are trucks; `arrived` and `served` only grow, and arrived = served + queue."""

    def __init__(self, net: Network, specs: Sequence[GateSpec] = ()) -> None:
        self.net, self.specs = net, list(specs)
        n = len(self.specs)
        self.broken: Bools = np.zeros(n, dtype=np.bool_)
        self.queue: Floats = np.zeros(n)
        self.arrived: Floats = np.zeros(n)
        self.served: Floats = np.zeros(n)
        link = np.array([s.link for s in self.specs], dtype=np.int64)
        self._cell: Ints = net.cell_at(link, np.array([s.position_m for s in self.specs])) if n else link
        self._seen: Floats = np.zeros(n)
        self._share: Floats = np.array([s.truck_share for s in self.specs])
        self._storage: Floats = np.array([s.storage_veh for s in self.specs])
        self._rate: Floats = np.array([s.lanes / s.service_s for s in self.specs])

    def rate_veh_per_s(self) -> Floats:
        """Return what each gate serves (trucks/s) while somebody waits."""
        rate: Floats = np.where(self.broken, FAULT_FACTOR * self._rate, self._rate)
        return rate

    def wait_s(self) -> Floats:
        """Return how long (s) a truck that comes now waits at each gate."""
        wait: Floats = self.queue / self.rate_veh_per_s()
        return wait

    def on_road_veh(self) -> Floats:
        """Return the trucks that stand on the road before each gate."""
        return np.maximum(self.queue - self._storage, 0.0)

    def observe(self, passed: Floats, seconds: float) -> bool:
        """Take in what `passed` [C] the cells since the last call, `seconds` ago; return whether other cells are blocked now."""
        if not self.specs:
            return False
        before = self.lane_factor()
        now = passed[self._cell]
        came = (now - self._seen) * self._share / TRAILER_PCU
        self._seen = now
        served = np.minimum(self.queue + came, self.rate_veh_per_s() * seconds)
        self.queue = np.maximum(self.queue + came - served, 0.0)
        self.arrived = self.arrived + came
        self.served = self.served + served
        return bool((before != self.lane_factor()).any())

    def lane_factor(self) -> Floats:
        """Return the share of its lanes [C] that each cell has left; whole cells are blocked, from the gate backwards."""
        out = np.ones(self.net.cell_link.size)
        for spec, cell, trucks in zip(self.specs, self._cell.tolist(), self.on_road_veh().tolist(), strict=True):
            first, lanes = int(self.net.first[spec.link]), float(self.net.lanes[spec.link])
            blocked = int(trucks * TRUCK_M / float(self.net.cell_length_m[cell]))
            if blocked or trucks >= 1.0:
                out[max(first, cell - max(blocked - 1, 0)) : cell + 1] = max(1.0 - 1.0 / lanes, 0.0)
        return out

    def snapshot(self) -> dict[str, Any]:
        """Return faults, queues and counters."""
        return {name: getattr(self, name).copy() for name in ("broken", "queue", "arrived", "served", "_seen")}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what was saved."""
        for name in ("broken", "queue", "arrived", "served", "_seen"):
            setattr(self, name, data[name].copy())
