"""What stands in the way: incidents that take lanes of one cell, closures of links.

Lives here: the list of what is wrong with the roads and its effect as factors. Must not know: why it happened, how drivers
choose their way. An incident leaves room for vehicles in its cell but takes capacity; a closed link lets nobody in and lets
those inside drive out, or, where it is cut at a place, those beyond that place; the others turn round, as `relief` says.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from simulator.traffic.network import Bools, Floats, Network


@dataclass(frozen=True, slots=True)
class Incident:
    """Lanes taken at a place. `speed_factor` slows those who pass (people look); `works` has cones, not vehicles, there."""

    link: int
    position_m: float
    lanes_taken: float
    speed_factor: float
    works: bool = False


class Obstacles:
    """The incidents and closures of a network. Handles count up and are never used again."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.incidents: dict[int, Incident] = {}
        self.closed: Bools = np.zeros(net.n_links, dtype=np.bool_)
        self.cuts: dict[int, int] = {}  # closed link -> the last cell that can still be reached from its start
        self._next = 1

    def add(self, incident: Incident) -> int:
        """Add an incident and return its handle. Raises ValueError where place, lanes or speed make no sense."""
        net, link = self.net, incident.link
        if not 0 <= link < net.n_links:
            raise ValueError(f"incident on link {link}; the network has links 0 to {net.n_links - 1}")
        lanes = float(net.lanes[link])
        if not 0.0 <= incident.lanes_taken <= lanes:
            raise ValueError(
                f"incident on link {net.link_ids[link]!r} takes {incident.lanes_taken!r} lanes; expected 0 to {lanes:g}"
            )
        if not 0.05 <= incident.speed_factor <= 1.0:
            raise ValueError(f"incident speed factor is {incident.speed_factor!r}; expected 0.05 to 1")
        handle = self._next
        self._next += 1
        self.incidents[handle] = incident
        return handle

    def close(self, link: int, position_m: float | None) -> None:
        """Close a link: to all who want in, and at `position_m` to those inside before it. Raises ValueError off the link."""
        net = self.net
        if not 0 <= link < net.n_links:
            raise ValueError(f"closure of link {link}; the network has links 0 to {net.n_links - 1}")
        length_m = float(net.length_m[link])
        if position_m is not None and not 0.0 <= position_m <= length_m:
            raise ValueError(f"closure at {position_m!r} m of link {net.link_ids[link]!r}; expected 0 to {length_m:g}")
        self.closed[link] = True
        if position_m is not None:
            self.cuts[link] = int(net.cell_at(np.array([link]), np.array([position_m]))[0])

    def open(self, link: int) -> None:
        """Open a link again."""
        self.closed[link] = False
        self.cuts.pop(link, None)

    def clear(self, handle: int) -> None:
        """Remove an incident; clearing twice does nothing."""
        self.incidents.pop(handle, None)

    def factors(self) -> tuple[Floats, Floats]:
        """Return the factors of speed and open lanes of every cell [C]."""
        net = self.net
        speed, lanes = np.ones(net.cell_link.size), np.ones(net.cell_link.size)
        for incident in self.incidents.values():
            where = np.array([incident.link])
            cell = int(net.cell_at(where, np.array([incident.position_m]))[0])
            lanes[cell] = max(lanes[cell] - incident.lanes_taken / float(net.lanes[incident.link]), 0.0)
            speed[cell] *= incident.speed_factor
        lanes[list(self.cuts.values())] = 0.0
        return speed, lanes

    def snapshot(self) -> dict[str, Any]:
        """Return incidents and closures as plain data."""
        rows = [{"handle": handle, **asdict(incident)} for handle, incident in self.incidents.items()]
        cuts = [[link, cell] for link, cell in self.cuts.items()]
        return {"incidents": rows, "closed": self.closed.copy(), "cuts": cuts, "next": self._next}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over saved incidents and closures."""
        self.incidents = {
            row["handle"]: Incident(row["link"], row["position_m"], row["lanes_taken"], row["speed_factor"], row["works"])
            for row in data["incidents"]
        }
        self.closed[:] = data["closed"]
        self.cuts = dict(data["cuts"])
        self._next = data["next"]
