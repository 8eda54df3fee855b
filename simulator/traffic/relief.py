"""Relief: what drivers do who cannot go on, so that no jam lasts for ever.

Lives here: leaving the queue for a closed road, giving up after standing for long. Must not know: why they stand.
A ring of full roads, each waiting for the next, is a true equilibrium of the equations; in a city somebody turns round, parks
or is waved through. SUMO teleports after 300 s; here a lane group that has stood for 5 minutes loses a part each minute.
"""

from typing import Any

import numpy as np

from simulator.traffic.ctm import CellTransmission
from simulator.traffic.network import Bools, Network, sum_by

PATIENCE = 5  # observations (minutes) of standing before drivers give up
GIVE_UP_SHARE = 0.1  # of the standing group each minute from then on
STANDING = 0.02  # a group stands if less than this share of its capacity moved in a minute
FULL = 0.3  # ... and it holds at least this share of its jam


class Relief:
    """Watches the lane groups once a minute. `gave_up` counts the vehicles that left the road before their end."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.gave_up = 0.0
        self._minutes = np.zeros(net.group_link.size)
        self._turned = np.zeros(net.from_link.size)
        self._exits = net.movements_by_group(np.where(net.to_link < net.n_links, 0.0, 1.0))

    def apply(self, roads: CellTransmission) -> None:
        """Let a tenth of every lane group that has stood for five minutes give up. Groups that leave the network wait on."""
        state, rates, net = roads.state, roads.rates, self.net
        moved = net.movements_by_group(state.turned - self._turned)
        held = net.movements_by_group(state.stored)
        self._turned = state.turned.copy()
        per_minute = rates.group_entry * (60.0 / net.step_s)
        standing = (moved < STANDING * per_minute) & (held > FULL * rates.group_jam) & (self._exits == 0.0)
        self._minutes = np.where(standing, self._minutes + 1.0, 0.0)
        if not (self._minutes > PATIENCE).any():
            return
        part = np.where(self._minutes > PATIENCE, GIVE_UP_SHARE, 0.0)[net.movement_group]
        going = state.stored * part
        state.stored -= going
        total = float(going.sum())
        state.left += total
        self.gave_up += total
        roads.file_last_cells()

    def leave_closed(self, roads: CellTransmission, closed: Bools) -> None:
        """Move those who queue for a closed turn to the open turns of their link, by room; without any they wait."""
        state, net = roads.state, self.net
        stuck = np.where(closed, state.stored, 0.0)
        if not (stuck > 0.0).any():
            return
        held = net.movements_by_group(state.stored - stuck)
        room = np.maximum(roads.rates.group_jam - held, 0.0)
        within = np.where(closed, 0.0, 1.0)
        options = net.movements_by_group(within)
        room = np.where(options > 0.0, room, 0.0)
        weight = room[net.movement_group] * within / np.maximum(options, 1.0)[net.movement_group]
        total = sum_by(net.from_link, weight, net.n_links)
        want = sum_by(net.from_link, stuck, net.n_links)
        moving = np.minimum(want, total)
        state.stored -= stuck * (moving / np.maximum(want, 1e-300))[net.from_link]
        state.stored += weight * (moving / np.maximum(total, 1e-300))[net.from_link]
        roads.file_last_cells()

    def snapshot(self) -> dict[str, Any]:
        """Return the counters."""
        return {"gave_up": self.gave_up, "minutes": self._minutes.copy(), "turned": self._turned.copy()}

    def restore(self, data: dict[str, Any]) -> None:
        """Take over saved counters."""
        self.gave_up = data["gave_up"]
        self._minutes, self._turned = data["minutes"].copy(), data["turned"].copy()
