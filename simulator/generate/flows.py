"""Where the trips would drive: an incremental assignment of demand to shortest paths, for signal splits and sizes.

Lives here: design flows. Must not know: time, queues; simulated traffic chooses its own ways.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from simulator.city import Demand
from simulator.generate.roads import Network

PARTS = 4
GREEN_SHARE = 0.45  # of a signalised approach, while plans are not yet known
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Flows:
    """Design flows at the daily mean of demand [veh/h]: `link[k]`, and `turn[k, out]` by pair of links."""

    link: Floats
    turn: dict[tuple[int, int], float]


def assign(network: Network, gates: list[int], demand: Demand) -> Flows:
    """Return design flows [veh/h] of the demand between zones whose traffic starts and ends at the nodes `gates`.

    Incremental assignment in four parts on Bureau of Public Roads (1964) travel times.
    """
    free = np.array(network.links.length_m) / np.array(network.links.free_speed_mps)
    capacity = np.array(network.links.lanes) * np.array(network.links.saturation_veh_per_s_per_lane) * 3600 * GREEN_SHARE
    flows = Flows(np.zeros(len(free)), {})
    trips = _matrix(demand, len(gates))
    for _ in range(PARTS):
        ratio = 2.0 * flows.link / capacity  # twice the mean is about the peak
        cost = free * (1.0 + 0.15 * ratio * ratio * ratio * ratio)
        _load(network, gates, trips / PARTS, cost, flows)
    return flows


def peak_load(network: Network, flows: Flows) -> float:
    """Return the flow over capacity that 98 % of the links stay under when demand is twice its mean."""
    capacity = np.array(network.links.lanes) * np.array(network.links.saturation_veh_per_s_per_lane) * 3600 * GREEN_SHARE
    return max(0.01, float(np.percentile(2.0 * flows.link / capacity, 98)))


def _matrix(demand: Demand, zones: int) -> Floats:
    trips = np.zeros((zones, zones))
    np.add.at(trips, (np.array(demand.origin, dtype=int), np.array(demand.destination, dtype=int)), demand.trips_per_h)
    return trips


def _load(network: Network, gates: list[int], trips: Floats, cost: Floats, flows: Flows) -> None:
    links, n = network.links, len(network.nodes.id)
    graph = coo_array((cost, (links.from_node, links.to_node)), shape=(n, n)).tocsr()
    far, before = dijkstra(graph, indices=gates, return_predecessors=True)
    link_of = {pair: k for k, pair in enumerate(zip(links.from_node, links.to_node, strict=True))}
    for origin in range(len(gates)):
        ending = np.zeros(n)
        np.add.at(ending, gates, trips[origin])
        _load_tree(far[origin], before[origin], ending, link_of, flows)


def _load_tree(far: Floats, before: NDArray[np.int32], ending: Floats, link_of: dict[tuple[int, int], int], flows: Flows) -> None:
    """Carry what ends at each node back along the tree, farthest first, and count links and turns on the way."""
    carried = ending.copy()
    for node in np.argsort(-far, kind="stable").tolist():
        parent = int(before[node])
        if carried[node] <= 0 or parent < 0:
            continue
        link = link_of[parent, node]
        flows.link[link] += carried[node]
        carried[parent] += carried[node]
        if before[parent] >= 0:
            pair = (link_of[int(before[parent]), parent], link)
            flows.turn[pair] = flows.turn.get(pair, 0.0) + float(carried[node])
