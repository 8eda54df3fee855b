"""Routing: where vehicles turn and where their trips end, from shortest paths on current travel times.

Lives here: distances to destination zones, the split over reasonable turns, loading the trips, single routes. Must not know:
cells or signals. The graph has a vertex per link, because turns cost time and some are forbidden. All sums run in an order
fixed by the inputs; the split is a rational function, never an exponential, so the last bit is the same on every machine.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy  # its parts load at their first use: who only reads a city needs none of them
from numpy.typing import NDArray

from simulator.traffic.ctm import TINY, Shares
from simulator.traffic.network import Bools, Floats, Ints, Network, sum_by

DETOUR_S = 20.0  # a turn is taken by some if it costs less than this plus a tenth of the way left
DETOUR_RATIO = 0.1
CLOSED_S = 1e9  # the cost of a closed link or turn: taken only where there is no other way, and then waited at
UNREACHABLE_S = 1e12
BANDS_PER_CLOSURE = 20_000
LAST_BAND = np.uint16(3 * BANDS_PER_CLOSURE)
BAND = 0.99  # width of a loading band over the cheapest link's time; below 1 so that rounding leaves no turn inside a band


@dataclass(frozen=True, slots=True)
class Targets:
    """Destination zones: `links[k]` lead into the heart of zone k; trips end along all links that lie in it."""

    links: list[Ints]
    zone_of_link: Ints  # [L], -1 for none


class Router:
    """Shortest paths and turn shares on one network."""

    def __init__(self, net: Network, targets: Targets) -> None:
        self.net = net
        self.targets = targets
        real = np.flatnonzero(net.to_link < net.n_links)
        self._real: Ints = real
        self._from: Ints = net.from_link[real]
        self._to: Ints = net.to_link[real]
        self._graph = self._build_graph()
        zones = np.arange(len(targets.links))
        inside = targets.zone_of_link[:, None] == zones[None, :]
        for zone, links in enumerate(targets.links):
            inside[links, zone] = True
        self._inside: Ints = np.flatnonzero(inside)
        self._source: Ints = (self._from[:, None] * zones.size + zones).ravel()  # of turn x zone in the flattened [L, K]
        self._target: Ints = (self._to[:, None] * zones.size + zones).ravel()

    def _build_graph(self) -> "scipy.sparse.csr_array":
        """Return the reversed graph: vertex per link, then one per zone; an edge b -> a for every movement a -> b."""
        net, n_zones = self.net, len(self.targets.links)
        zone_rows = np.repeat(np.arange(n_zones), [links.size for links in self.targets.links])
        zone_links = np.concatenate([*self.targets.links, np.zeros(0, dtype=np.int64)]).astype(np.int64)
        rows = np.concatenate([self._to, net.n_links + zone_rows])
        columns = np.concatenate([self._from, zone_links])
        order = np.lexsort((columns, rows))
        self._slot_link: Ints = columns[order]
        self._slot_movement: Ints = np.concatenate([self._real, np.full(zone_links.size, -1)])[order]
        indptr = np.searchsorted(rows[order], np.arange(net.n_links + n_zones + 1))
        shape = (net.n_links + n_zones, net.n_links + n_zones)
        return scipy.sparse.csr_array((np.ones(order.size), self._slot_link, indptr), shape=shape)

    def distances(self, link_cost: Floats, turn_cost: Floats) -> Floats:
        """Return the time [K, L] (s) from entering each link to the heart of each zone, 1e12 where there is no way.

        `link_cost` [L] above 0 and `turn_cost` [M] from 0, in seconds; a closed link or turn costs `CLOSED_S`.
        """
        extra = np.append(turn_cost, 0.0)[self._slot_movement]
        self._graph.data[:] = link_cost[self._slot_link] + extra
        n_zones = len(self.targets.links)
        if n_zones == 0:
            return np.zeros((0, self.net.n_links))
        found = scipy.sparse.csgraph.dijkstra(self._graph, indices=self.net.n_links + np.arange(n_zones))
        return np.minimum(found[:, : self.net.n_links], UNREACHABLE_S)

    def shares(self, link_cost: Floats, turn_cost: Floats, trips: Floats) -> tuple[Shares, Floats]:
        """Return end and turn shares, and link flows [L], when `trips` [L, K] (any rate) begin on links towards zones.

        Dial's (1971) idea with a polynomial in place of the exponential: a turn that costs x more than the best one has the
        weight (1 - x/X)^2, X = 20 s + 0.1 x time left, and only turns that come nearer the destination count. Trips end
        evenly along the rest of their way once they are in the destination zone.
        """
        distance, end_share, edges, weight = self._ways(link_cost, turn_cost)
        flow = _load(distance, float(np.min(link_cost)), edges, weight, trips, end_share)
        return self._to_shares(edges, weight, flow, end_share, trips), flow.sum(axis=1)

    def zone_shares(self, link_cost: Floats, turn_cost: Floats) -> tuple[Floats, Floats]:
        """Return the end shares [L, K] and turn shares [M, K] of those bound for each zone, chosen as in `shares`.

        Where somebody bound for a zone has nothing to choose (he is there, or no way leads there) all turns are even.
        """
        _, end_share, edges, weight = self._ways(link_cost, turn_cost)
        net, n_zones = self.net, end_share.shape[1]
        turn = np.zeros((net.from_link.size, n_zones))
        turn[edges.movement, edges.source % n_zones] = weight
        total = sum_by(edges.source, weight, end_share.size).reshape(end_share.shape)
        count = np.diff(np.append(net.link_movement_start, net.from_link.size))
        even = (1.0 / count)[net.from_link][:, None]
        return end_share, np.where((total > 0.5)[net.from_link], turn, even)

    def _ways(self, link_cost: Floats, turn_cost: Floats) -> tuple[Floats, Floats, "_Edges", Floats]:
        """Return time left [L, K], end shares [L, K], and the turns taken with the share of each at its link and zone."""
        distance = np.ascontiguousarray(self.distances(link_cost, turn_cost).T)
        edges, weight = self._reasonable(distance, link_cost, turn_cost, float(np.min(link_cost)))
        return distance, self._end_shares(distance, link_cost), edges, weight

    def _end_shares(self, distance: Floats, link_cost: Floats) -> Floats:
        """Return the share [L, K] of those bound for a zone who end on a link of it: link time over time left."""
        out = np.zeros_like(distance)
        at = self._inside
        left = distance.take(at)
        ratio = np.minimum(link_cost[at // distance.shape[1]] / np.maximum(left, TINY), 1.0)
        out.put(at, np.where(left < CLOSED_S, ratio, 0.0))
        return out

    def _reasonable(self, distance: Floats, link_cost: Floats, turn_cost: Floats, nearest: float) -> tuple["_Edges", Floats]:
        """Return the turns taken towards each zone and the share of each at its link.

        A turn counts where what is left behind it, `there`, is at least a band nearer than what is left here, and where its
        excess over the best way on, `there` + turn - (here - link), is below the scale.
        """
        n_zones = distance.shape[1]
        best = distance - link_cost[:, None]  # what is left after each link on the best way
        left = best.take(self._from, axis=0)
        excess = distance.take(self._to, axis=0)
        excess -= left
        excess += turn_cost[self._real][:, None]
        left *= DETOUR_RATIO
        left += DETOUR_S
        nearer = (turn_cost[self._real] + link_cost[self._from] - 0.5 * (1.0 + BAND) * nearest)[:, None]
        chosen = np.flatnonzero((excess < left) & (excess <= nearer))
        real = chosen // n_zones
        lead = 1.0 - np.maximum(excess.take(chosen), 0.0) / left.take(chosen)
        edges = _Edges(self._source.take(chosen), self._target.take(chosen), self._real.take(real))
        lead *= lead
        total = sum_by(edges.source, lead, distance.size)
        lead /= total.take(edges.source)
        return edges, lead

    def _to_shares(self, edges: "_Edges", weight: Floats, flow: Floats, end_share: Floats, trips: Floats) -> Shares:
        """Sum the loads of all zones to end and turn shares; links that nobody uses split evenly over their turns."""
        net = self.net
        onward = flow * (1.0 - end_share) + trips
        turning = sum_by(edges.movement, onward.ravel()[edges.source] * weight, net.from_link.size)
        total = net.movements_by_link(turning)
        count = np.diff(np.append(net.link_movement_start, turning.size))
        even = (1.0 / count)[net.from_link]
        used = total[net.from_link] > 0.0
        turn = np.where(used, turning / np.maximum(total[net.from_link], TINY), even)
        passing = flow.sum(axis=1)
        ending = (flow * end_share).sum(axis=1)
        return Shares(ending / np.maximum(passing, TINY), turn)

    def route(self, from_links: Ints, to_links: Ints, link_cost: Floats, turn_cost: Floats) -> list[int]:
        """Return the quickest chain of links from one of `from_links` to one of `to_links`, both included; [] if none."""
        extra = np.append(turn_cost, 0.0)[self._slot_movement]
        self._graph.data[:] = link_cost[self._slot_link] + extra
        found, before = scipy.sparse.csgraph.dijkstra(self._graph, indices=to_links, return_predecessors=True)
        total = found[:, from_links] + link_cost[to_links][:, None]
        best = int(np.argmin(total))
        if not total.ravel()[best] < CLOSED_S:
            return []
        row, column = divmod(best, from_links.size)
        chain = [int(from_links[column])]
        while chain[-1] != int(to_links[row]):
            chain.append(int(before[row, chain[-1]]))
        return chain


def without_closed(net: Network, closed: Bools, shares: Shares) -> Shares:
    """Return shares that give what wants to turn into `closed` [M] to the other turns of its link, where there are any."""
    kept = np.where(closed, 0.0, shares.turn)
    total = net.movements_by_link(kept)
    opened = np.where(closed, 0.0, 1.0)
    count = net.movements_by_link(opened)
    fallback = np.where((count > 0.0)[net.from_link], opened / np.maximum(count, 1.0)[net.from_link], shares.turn)
    turn = np.where((total > 0.0)[net.from_link], kept / np.maximum(total, TINY)[net.from_link], fallback)
    return Shares(shares.end, turn)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Turns per zone: `source` and `target` index the flattened [L, K], `movement` the network."""

    source: Ints
    target: Ints
    movement: Ints


def _load(distance: Floats, nearest: float, edges: _Edges, weight: Floats, trips: Floats, end_share: Floats) -> Floats:
    """Return the flow [L, K] that arrives at links: bands of distance from far to near, each as wide as the cheapest link.

    A usable turn comes nearer by at least one band, so all that enters a band has been counted before it is passed on.
    """
    band = _bands(distance.ravel(), BAND * nearest).take(edges.source)
    order = np.argsort(LAST_BAND - band, kind="stable")  # of 16-bit keys: a radix sort
    source, target, part = edges.source.take(order), edges.target.take(order), weight.take(order)
    keep = ((1.0 - end_share).take(source)) * part
    begun = trips.take(source) * part
    cuts = np.flatnonzero(np.diff(band.take(order).astype(np.int64))) + 1
    bounds = [0, *cuts.tolist(), source.size]
    flow = np.zeros(distance.size)
    for low, high in pairwise(bounds):
        going = flow.take(source[low:high])
        going *= keep[low:high]
        going += begun[low:high]
        np.add.at(flow, target[low:high], going)
    return flow.reshape(distance.shape)


def _bands(distance: Floats, width_s: float) -> NDArray[np.uint16]:
    """Return the band of each distance; what lies behind one closed link, or behind more, comes after all that does not."""
    if float(distance.max(initial=0.0)) < CLOSED_S:
        return np.minimum(distance / width_s, BANDS_PER_CLOSURE - 1.0).astype(np.uint16)
    closures = np.minimum(np.floor(distance / CLOSED_S), 2.0)
    inside = np.minimum((distance - closures * CLOSED_S) / width_s, BANDS_PER_CLOSURE - 1.0)
    return (closures * BANDS_PER_CLOSURE + np.floor(inside)).astype(np.uint16)
