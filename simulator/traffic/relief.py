"""Relief: what drivers do who cannot go on, so that no jam lasts for ever.

Lives here: leaving the queue for a closed road, turning round before a cut, giving up after standing for long. Must not know:
why they stand.
A ring of full roads, each waiting for the next, is a true equilibrium of the equations; in a city somebody turns round, parks
or is waved through. SUMO teleports after 300 s; here a lane group that has stood for 5 minutes loses a part each minute.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.traffic.ctm import CellTransmission
from simulator.traffic.network import Bools, Network, sum_by

PATIENCE = 5  # observations (minutes) of standing before drivers give up
GIVE_UP_SHARE = 0.1  # of the standing group each minute from then on
STANDING = 0.02  # a group stands if less than this share of its capacity moved in a minute
FULL = 0.3  # ... and it holds at least this share of its jam
TURN_ROUND_PER_LANE = 8.0  # vehicles a minute that turn round before a cut road: three points of a turn take 7 s (assumption)


class Relief:
    """Watches the lane groups once a minute. `gave_up` counts the vehicles that left the road before their end."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.gave_up = 0.0
        self._minutes = np.zeros(net.group_link.size)
        self._turned = np.zeros(net.from_link.size)
        self._exits = net.movements_by_group(np.where(net.to_link < net.n_links, 0.0, 1.0))
        self._way_back = _ways_back(net)

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

    def turn_round(self, roads: CellTransmission, cuts: Mapping[int, int]) -> None:
        """Let those before a cut turn round, a minute's worth: they wait to enter the way back. Without one they wait here.

        `cuts` maps a closed link to its last cell that can still be reached. Nearest to the cut turns first.
        """
        state, net = roads.state, self.net
        for link, cut in cuts.items():
            back, left = self._way_back[link], TURN_ROUND_PER_LANE * float(net.lanes[link])
            if back < 0:
                continue
            for cell in range(cut, int(net.first[link]) - 1, -1):
                going = min(left, float(state.vehicles[cell]))
                if cell == net.last[link] and going > 0.0:
                    mine = slice(int(net.link_movement_start[link]), int(np.searchsorted(net.from_link, link, side="right")))
                    state.stored[mine] *= 1.0 - going / float(state.vehicles[cell])
                state.vehicles[cell] -= going
                state.waiting[back] += going
                left -= going

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


def _ways_back(net: Network) -> list[int]:
    """Return for each link the one from its end to its start, -1 where there is none."""
    pairs = list(zip(net.from_node.tolist(), net.to_node.tolist(), strict=True))
    link_of = {pair: k for k, pair in enumerate(pairs)}
    return [link_of.get((b, a), -1) for a, b in pairs]
