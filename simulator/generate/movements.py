"""Movements and lane groups: what may turn where, and on which lanes it queues.

Lives here: turns by angle, the sharing of lanes, which movements conflict. Must not know: signal timing, demand.
Traffic keeps to the right. Left turns queue apart from through and right turns, also on one lane (a lane that is shared
counts in parts): a strict first-in-first-out node locks up for ever under overload.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load at their first use: who only reads a city needs none of them

from simulator.city import LaneGroups, Movements
from simulator.generate.frame import Point, distance
from simulator.generate.roads import Network

THROUGH_DEG = 40.0
LOOK_M = 30.0  # directions are taken over the last metres before the junction
LEFT_SHARE = {1: 0.3, 2: 0.6}  # lanes given to left turns on links of one and two lanes; more lanes give one whole lane


@dataclass(slots=True)
class Turns:
    """The movement tables, and the bearings they were judged by: `entry[k]`/`exit[k]` in degrees of link k's ends."""

    movements: Movements
    groups: LaneGroups
    entry: list[float]
    exit: list[float]
    of_node: list[list[int]]


def build_turns(network: Network, banned: frozenset[tuple[int, int]]) -> Turns:
    """Return movements and lane groups of every link.

    A U-turn is only made where nothing else is left, or where without it some link could not be reached from another.
    """
    arriving = [bearing(points, at_end=True) for points in network.points]
    leaving = [bearing(points, at_end=False) for points in network.points]
    turns = Turns(Movements(), LaneGroups(), arriving, leaving, [[] for _ in network.nodes.id])
    onward = [_options(network, banned, k, node) for k, node in enumerate(network.links.to_node)]
    while _mended(network, onward):
        pass
    for k, node in enumerate(network.links.to_node):
        options = onward[k]
        labelled = [(out, _turn(network, arriving[k], leaving[out], k, out)) for out in options]
        _append_link(turns, k, node, network.links.lanes[k], labelled)
    return turns


def bearing(points: Sequence[Point], *, at_end: bool) -> float:
    """Return the direction of travel at an end of a polyline, in degrees anticlockwise from east."""
    line = points[::-1] if at_end else points
    far = next((p for p in line[1:] if distance(line[0], p) >= LOOK_M), line[-1])
    a, b = (far, line[0]) if at_end else (line[0], far)
    return round(math.degrees(math.atan2(b[1] - a[1], b[0] - a[0])), 3)


def between(from_deg: float, to_deg: float) -> float:
    """Return the turn from one direction to another in (-180, 180]; left is positive."""
    turn = (to_deg - from_deg) % 360.0
    return turn - 360.0 if turn > 180.0 else turn


def _options(network: Network, banned: frozenset[tuple[int, int]], k: int, node: int) -> list[int]:
    outs = [out for out in network.out_links[node] if out != network.reverse[k]]
    allowed = [out for out in outs if (network.source[k], network.source[out]) not in banned]
    if allowed or outs:
        return allowed or outs
    return [network.reverse[k]]


def _mended(network: Network, onward: list[list[int]]) -> bool:
    """Open U-turns, or if that is not enough banned turns, between links that cannot reach each other; return if any."""
    n = len(onward)
    rows = [k for k, outs in enumerate(onward) for _ in outs]
    cols = [out for outs in onward for out in outs]
    graph = scipy.sparse.coo_array((np.ones(len(rows)), (rows, cols)), shape=(n, n))
    parts, label = scipy.sparse.csgraph.connected_components(graph, directed=True, connection="strong")
    if parts == 1:
        return False
    around = [(k, out) for k, out in enumerate(network.reverse) if out >= 0 and label[k] != label[out] and out not in onward[k]]
    barred = [
        (k, out) for k, node in enumerate(network.links.to_node) for out in network.out_links[node]
        if label[k] != label[out] and out not in onward[k]
    ]  # fmt: skip
    for k, out in around or barred:
        onward[k] = sorted({*onward[k], out})
    return bool(around or barred)


def _turn(network: Network, arriving: float, leaving: float, k: int, out: int) -> str:
    if out == network.reverse[k]:
        return "u_turn"
    angle = between(arriving, leaving)
    if abs(angle) <= THROUGH_DEG:
        return "through"
    return "left" if angle > 0 else "right"


def _append_link(turns: Turns, k: int, node: int, lanes: int, labelled: list[tuple[int, str]]) -> None:
    split = _lane_split(lanes, {turn for _, turn in labelled})
    first = len(turns.groups.link)
    for share in split.values():
        turns.groups.link.append(k)
        turns.groups.lanes.append(share)
    index = {turn: first + i for i, members in enumerate(split) for turn in members}
    for out, turn in labelled:
        turns.of_node[node].append(len(turns.movements.turn))
        turns.movements.from_link.append(k)
        turns.movements.to_link.append(out)
        turns.movements.lane_group.append(index[turn])
        turns.movements.turn.append(turn)


def _lane_split(lanes: int, kinds: set[str]) -> dict[tuple[str, ...], float]:
    """Return lanes by group of turns: left alone, through and right together; from four lanes right turns alone."""
    ahead = tuple(t for t in ("through", "right", "u_turn") if t in kinds)
    if "left" not in kinds:
        return _without_left(lanes, ahead)
    if not ahead:
        return {("left",): float(lanes)}
    if "through" not in kinds:
        return {("left",): lanes / 2, ahead: lanes / 2}
    left = LEFT_SHARE.get(lanes, 1.0)
    if lanes >= 4 and "right" in kinds:
        return {("left",): left, ("through",): lanes - left - 1.0, tuple(t for t in ahead if t != "through"): 1.0}
    return {("left",): left, ahead: round(lanes - left, 3)}


def _without_left(lanes: int, ahead: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    if lanes >= 3 and "through" in ahead and "right" in ahead:
        return {("through",): lanes - 1.0, tuple(t for t in ahead if t != "through"): 1.0}
    return {ahead: float(lanes)}


def conflict(turns: Turns, m: int, n: int) -> bool:
    """Return whether two movements of one junction must not have green together.

    Paths that cross conflict, unless both approaches face each other (a left turn gives way to oncoming traffic) or
    come from the same link. Merging is left to the right of way.
    """
    a, b = turns.movements.from_link[m], turns.movements.from_link[n]
    if a == b or abs(between(turns.entry[a], turns.entry[b])) > 120.0:
        return False
    ends = (_side(turns.entry[a] + 180.0, +1), _side(turns.exit[turns.movements.to_link[m]], -1))
    others = (_side(turns.entry[b] + 180.0, +1), _side(turns.exit[turns.movements.to_link[n]], -1))
    return _apart(*ends, others[0]) != _apart(*ends, others[1])


def _side(bearing_deg: float, sign: int) -> float:
    """Traffic enters on the right of its road, seen from outside: a little further anticlockwise than it leaves."""
    return (bearing_deg + sign * 3.0) % 360.0


def _apart(start: float, end: float, x: float) -> bool:
    return (x - start) % 360.0 < (end - start) % 360.0
