"""A commodity for each destination zone on the same cells: the reference against which mixed turn shares are tested.

Lives here: how many vehicles in each cell and lane group are bound for each zone, and the shares that follow. Must not know:
how flows come about; `ctm` moves vehicles, and what moves takes its mix of destinations along. A cell is well mixed; within a
lane group movements keep their own mix, so that who cannot get into a full lane stays who he is. Costs about K / 3 times
the mixed model, in time and in memory.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.traffic.ctm import CellTransmission, Shares
from simulator.traffic.network import Floats, Ints, Network, sum_by

LEAST = 1e-12  # vehicles: what is less has no mix worth knowing, and 1/x of it no value


class Destinations:
    """The destinations of everybody on the roads. `arrived` [K] counts whose trip ended, by where they were bound."""

    def __init__(self, net: Network, n_zones: int) -> None:
        self.net, self.n_zones = net, n_zones
        self.cells: Floats = np.zeros((net.cell_link.size, n_zones))  # last cells are in `stored`
        self.stored: Floats = np.zeros((net.from_link.size, n_zones))
        self.waiting: Floats = np.zeros((net.n_links, n_zones))
        self.arrived: Floats = np.zeros(n_zones)
        self.end: Floats = np.zeros((net.n_links, n_zones))
        self.turn: Floats = np.zeros((net.from_link.size, n_zones))
        self.bound: Floats = np.zeros((net.n_links, n_zones))  # mix of those who begin on a link
        self._entering: Floats = np.zeros((net.n_links, n_zones))  # what entered links of one cell in the last step
        self._single = net.first == net.last
        self._approach: Ints = np.maximum(net.last - 1, net.first)
        self._at_start = net.home == net.first
        self._inner = np.ones(net.cell_link.size, dtype=np.bool_)
        self._inner[self._approach] = self._inner[net.last] = False

    def set_ways(self, end: Floats, turn: Floats, trips: Floats) -> None:
        """Use other end shares [L, K], turn shares [M, K] (sum 1 for each link and zone) and trips [L, K] that begin."""
        self.end, self.turn = end, turn
        total = trips.sum(axis=1)[:, None]
        self.bound = np.where(total > 0.0, trips / np.maximum(total, LEAST), 1.0 / max(self.n_zones, 1))

    def step(self, roads: CellTransmission, green: Floats, arrivals: Floats | None) -> None:
        """Advance roads by one step under shares that follow from the mix, and the mix by what moved."""
        if arrivals is not None:
            self.waiting += arrivals[:, None] * self.bound
        vehicles, stored = roads.state.vehicles.copy(), roads.state.stored.copy()
        waiting = roads.state.waiting if arrivals is None else roads.state.waiting + arrivals
        mix = self.cells / np.maximum(vehicles, LEAST)[:, None]
        mine = np.where(self._single[:, None], self._entering, mix[self._approach])
        roads.set_shares(Shares(self._end_share(mix), self._turn_share(mine)))
        roads.set_stay(self._at_start)
        leaving: list[Floats] = []

        def mixed(turned: Floats) -> Floats:
            """Return the end share [L] of those who enter links whose home is their first cell."""
            part = self.stored * (turned / np.maximum(stored, LEAST))[:, None]
            leaving.append(part)
            entering = self._by_link(self.net.to_link, part)
            ending: Floats = (entering * self.end).sum(axis=1) / np.maximum(entering.sum(axis=1), LEAST)
            return ending

        roads.step(green, arrivals, mixed)
        self._move(roads, mix, mine, leaving[0], waiting)

    def _end_share(self, mix: Floats) -> Floats:
        """Return the end share [L] of what the cell before the home cell sends."""
        before = mix[np.maximum(self.net.home - 1, 0)]
        share = (before * self.end).sum(axis=1) / np.maximum(before.sum(axis=1), LEAST)
        return np.where(self._at_start, 0.0, share)

    def _turn_share(self, mine: Floats) -> Floats:
        """Return the turn shares [M] of links [L, K]; those of empty links are even."""
        net = self.net
        wish = (mine[net.from_link] * self.turn).sum(axis=1)
        total = net.movements_by_link(wish)[net.from_link]
        count = np.diff(np.append(net.link_movement_start, wish.size))[net.from_link]
        return np.where(total > LEAST, wish / np.maximum(total, LEAST), 1.0 / count)

    def _move(self, roads: CellTransmission, mix: Floats, mine: Floats, leaving: Floats, waiting: Floats) -> None:
        """Move the mixes by the flows of the step that `roads` has made."""
        net, flows = self.net, roads.flows
        onward = mix * np.where(self._inner, flows.out, 0.0)[:, None]
        filed = self._filed(flows.filed, mine)
        inflow = np.zeros_like(self.cells)
        inflow[1:] = onward[:-1]
        inflow[net.first] = self._by_link(net.to_link, leaving)
        arriving = inflow[net.home]
        ending = arriving * self.end
        begun = self.waiting * (flows.begun / np.maximum(waiting, LEAST))[:, None]
        self.waiting -= begun
        self.arrived += ending.sum(axis=0) + leaving[net.to_link == net.n_links].sum(axis=0)
        inflow[net.home] = arriving - ending + begun
        self._entering = inflow[net.first] * self._single[:, None]
        self.cells += inflow
        self.cells -= onward
        self.cells[self._approach] -= self._by_link(net.from_link, filed)
        self.stored += filed + self._filed_single(flows.filed)
        self.stored -= leaving
        self.cells[net.last] = 0.0
        for mixes in (self.cells, self.stored, self.waiting):
            np.maximum(mixes, 0.0, out=mixes)  # rounding must not make a share negative

    def _filed(self, filed: Floats, mine: Floats) -> Floats:
        """Return who moves into the lanes of each movement [M, K]: those who want it, of links with more than one cell."""
        net = self.net
        wish = mine[net.from_link] * self.turn
        wish = np.where((wish.sum(axis=1) > LEAST)[:, None], wish, mine[net.from_link])
        part = wish / np.maximum(wish.sum(axis=1), LEAST)[:, None]
        moving = np.where(self._single[net.from_link], 0.0, filed)
        out: Floats = part * moving[:, None]
        return out

    def _filed_single(self, filed: Floats) -> Floats:
        """Return who moves into the lanes of each movement [M, K] on links of one cell: where they want, then where room is."""
        net, entering = self.net, self._entering
        if not self._single.any():
            return np.zeros_like(self.stored)
        taking = np.where(self._single[net.from_link], filed, 0.0)
        wish = entering[net.from_link] * self.turn
        first = wish * np.minimum(taking / np.maximum(wish.sum(axis=1), LEAST), 1.0)[:, None]
        room = np.maximum(taking - first.sum(axis=1), 0.0)
        rest = np.maximum(entering - self._by_link(net.from_link, first), 0.0)
        share = room / np.maximum(net.movements_by_link(room), LEAST)[net.from_link]
        out: Floats = first + rest[net.from_link] * share[:, None]
        return out

    def _by_link(self, index: Ints, values: Floats) -> Floats:
        """Return the sums [L, K] of values [M, K] by link."""
        flat: Ints = (index[:, None] * self.n_zones + np.arange(self.n_zones)).ravel()
        total = sum_by(flat, values.ravel(), (self.net.n_links + 1) * self.n_zones)
        return total.reshape(-1, self.n_zones)[:-1]

    def reconcile(self, roads: CellTransmission) -> None:
        """Bring the mixes in line with the roads after somebody gave up, turned round or changed lanes, and after rounding.

        Who left a movement joins those of the same link who became more; who waits where nobody waited has the mix of those
        who begin there.
        """
        net, state = self.net, roads.state
        kept = self.stored * np.minimum(state.stored / np.maximum(self.stored.sum(axis=1), LEAST), 1.0)[:, None]
        pool = self._by_link(net.from_link, self.stored - kept)
        missing = np.maximum(state.stored - kept.sum(axis=1), 0.0)
        source = np.where(pool.sum(axis=1)[:, None] > LEAST, pool, self.bound + LEAST)
        source = source / source.sum(axis=1)[:, None]
        self.stored = kept + missing[:, None] * source[net.from_link]
        inside = state.vehicles.copy()
        inside[net.last] = 0.0
        self.cells = _scaled(self.cells, inside, self.bound[net.cell_link])
        self.waiting = _scaled(self.waiting, state.waiting, self.bound)

    def snapshot(self) -> dict[str, Any]:
        """Return all mixes and ways."""
        return {name: getattr(self, name).copy() for name in _SAVED}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what was saved."""
        for name in _SAVED:
            setattr(self, name, data[name].copy())


_SAVED = ("cells", "stored", "waiting", "arrived", "end", "turn", "bound", "_entering")


def _scaled(mixes: Floats, total: Floats, fallback: Floats) -> Floats:
    """Return mixes [n, K] that sum to `total` [n]; where there was nobody, the fallback [n, K] of sum 1 is used."""
    had = mixes.sum(axis=1)
    scaled = mixes * (total / np.maximum(had, LEAST))[:, None]
    return np.where((had > LEAST)[:, None], scaled, fallback * total[:, None])
