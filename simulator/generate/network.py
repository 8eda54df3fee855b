"""Surgery on drafts: joining what is one road, contracting what is too short, keeping what is strongly connected.

Lives here: graph operations that the street drawer and the OSM reader share. Must not know: names of places, city tables.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from simulator.generate.draft import Draft, Road
from simulator.generate.frame import Point, distance


def renumber(draft: Draft, new_index: list[int], at: list[Point]) -> Draft:
    """Return the draft with node i called `new_index[i]` (-1 drops its roads), standing at `at`; roads are bent to fit."""
    n = len(at)
    signal, keep = [False] * n, [False] * n
    for old, new in enumerate(new_index):
        if new >= 0:
            signal[new] |= draft.signal[old]
            keep[new] |= draft.keep[old]
    roads = [
        _moved(road, new_index[road.start], new_index[road.end], at)
        for road in draft.roads
        if new_index[road.start] >= 0 and new_index[road.end] >= 0
    ]
    return Draft(draft.frame, at, signal, keep, roads)


def _moved(road: Road, start: int, end: int, at: list[Point]) -> Road:
    points = [at[start], *road.points[1:-1], at[end]]
    near = min(60.0, 0.2 * road.length_m)  # inner points so close to a moved end would fold the road back on itself
    inner = [p for p in points[1:-1] if distance(p, at[start]) > near and distance(p, at[end]) > near]
    return replace(road, start=start, end=end, points=[points[0], *inner, points[-1]])


def dedupe(draft: Draft) -> int:
    """Drop loops and doubles (the less important, then the longer), in place; return how many went."""
    before = len(draft.roads)
    best: dict[tuple[int, int], Road] = {}
    for road in draft.roads:
        if road.start == road.end:
            continue
        for pair in _directions(road):
            if pair not in best or _rank(road) > _rank(best[pair]):
                best[pair] = road
    draft.roads = [road for road in (_used(r, best) for r in draft.roads) if road is not None]
    return before - len(draft.roads)


def _directions(road: Road) -> list[tuple[int, int]]:
    return [(road.start, road.end)] if road.oneway else [(road.start, road.end), (road.end, road.start)]


def _rank(road: Road) -> tuple[float, int, float]:
    return (road.weight, road.lanes, -road.length_m)


def _used(road: Road, best: dict[tuple[int, int], Road]) -> Road | None:
    """Return the road as far as it is the best of its directions: whole, one way, reversed one way or not at all."""
    if road.start == road.end:
        return None
    forward = best[road.start, road.end] is road
    backward = not road.oneway and best[road.end, road.start] is road
    if forward and (backward or road.oneway):
        return road
    if forward:
        return replace(road, oneway=True)
    if backward:
        return replace(road, start=road.end, end=road.start, points=road.points[::-1], oneway=True)
    return None


def contract(draft: Draft, shortest_m: Callable[[Road], float], passes: int = 60) -> tuple[Draft, int]:
    """Merge the ends of roads shorter than `shortest_m(road)`, shortest first; return the draft and nodes merged away.

    In each pass a node is merged at most once, so that long chains shrink evenly instead of collapsing into one point.
    """
    merged = 0
    for _ in range(passes):
        short = sorted((road.length_m, i) for i, road in enumerate(draft.roads) if road.length_m < shortest_m(road))
        if not short:
            break
        draft, gone = _contract_once(draft, [i for _, i in short])
        merged += gone
        dedupe(draft)
    return draft, merged


def _contract_once(draft: Draft, short: list[int]) -> tuple[Draft, int]:
    importance = draft.importance()
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for i in short:
        a, b = draft.roads[i].start, draft.roads[i].end
        if a != b and a not in taken and b not in taken:
            taken |= {a, b}
            stays, goes = (a, b) if (importance[a], -a) >= (importance[b], -b) else (b, a)
            partner[goes] = stays
    new_index = [-1] * len(draft.at)
    at: list[Point] = []
    for i, place in enumerate(draft.at):
        if i not in partner:
            new_index[i] = len(at)
            at.append(place)
    for goes, stays in partner.items():
        new_index[goes] = new_index[stays]
        share = 0.5 if importance[goes] > 0.9 * importance[stays] else 0.0  # a main road keeps its line
        (x1, y1), (x2, y2) = draft.at[stays], draft.at[goes]
        at[new_index[stays]] = (x1 + share * (x2 - x1), y1 + share * (y2 - y1))
    return renumber(draft, new_index, at), len(partner)


def join_through(draft: Draft) -> int:
    """Join roads of one kind that meet at a node where nothing else happens, in place; return how many joints went."""
    joints = 0
    ends: dict[int, list[int]] = {}
    for i, road in enumerate(draft.roads):
        ends.setdefault(road.start, []).append(i)
        ends.setdefault(road.end, []).append(i)
    alive: list[Road | None] = list(draft.roads)
    for node in sorted(ends):
        joined = _join_at(draft, alive, ends, node)
        joints += joined
    draft.roads = [road for road in alive if road is not None]
    return joints


def _join_at(draft: Draft, alive: list[Road | None], ends: dict[int, list[int]], node: int) -> int:
    if len(ends[node]) != 2 or draft.signal[node] or draft.keep[node] or ends[node][0] == ends[node][1]:
        return 0
    i, j = ends[node]
    first, second = alive[i], alive[j]
    assert first is not None and second is not None
    if first.oneway and first.end != node:
        i, j, first, second = j, i, second, first
    chain = _chained(first, second, node)
    if chain is None or chain.start == chain.end:
        return 0
    alive[i], alive[j] = chain, None
    ends[chain.end] = [i if k == j else k for k in ends[chain.end]]
    ends[chain.start] = [i if k == j else k for k in ends[chain.start]]
    ends[node] = []
    return 1


def _chained(first: Road, second: Road, node: int) -> Road | None:
    """Return both as one road through the node, or None if they are of different make."""
    if (first.oneway, first.lanes, first.road_class) != (second.oneway, second.lanes, second.road_class):
        return None
    if first.oneway and (first.end != node or second.start != node):
        return None
    into = first.points if first.end == node else first.points[::-1]
    out = second.points if second.start == node else second.points[::-1]
    start = first.start if first.end == node else first.end
    end = second.end if second.start == node else second.start
    longer = first if first.length_m >= second.length_m else second
    return replace(longer, start=start, end=end, points=[*into, *out[1:]])


def prune(draft: Draft) -> int:
    """Drop dead ends that are not kept, again and again, in place; return how many roads went."""
    before = len(draft.roads)
    while True:
        degree = draft.degree()
        stays = [
            r for r in draft.roads
            if all(degree[n] > 1 or draft.keep[n] for n in (r.start, r.end))
        ]  # fmt: skip
        if len(stays) == len(draft.roads):
            return before - len(stays)
        draft.roads = stays


def largest_strong(draft: Draft) -> tuple[Draft, int, int]:
    """Keep the largest strongly connected part; return it, and how many nodes (not counting bare ones) and roads went."""
    n = len(draft.at)
    pairs = [pair for road in draft.roads for pair in _directions(road)]
    rows = np.array([a for a, _ in pairs], dtype=np.int64)
    cols = np.array([b for _, b in pairs], dtype=np.int64)
    graph = coo_array((np.ones(len(pairs)), (rows, cols)), shape=(n, n)).tocsr()
    _, label = connected_components(graph, directed=True, connection="strong")
    best = int(np.argmax(np.bincount(label)))
    new_index = [-1] * n
    at: list[Point] = []
    for i in range(n):
        if label[i] == best:
            new_index[i] = len(at)
            at.append(draft.at[i])
    out = renumber(draft, new_index, at)
    lost = sum(1 for i, roads in enumerate(draft.degree()) if roads > 0 and label[i] != best)
    return out, lost, len(draft.roads) - len(out.roads)
