"""From ways to a draft: cut at junctions, signals snapped to junctions, short pieces contracted, the rest connected.

Lives here: the geometry and topology of an import, and its counts. Must not know: files, zones, devices.
"""

from collections import Counter
from dataclasses import dataclass, field

from simulator.generate.draft import Draft, Road
from simulator.generate.frame import Frame, Point, distance, thin
from simulator.generate.network import contract, dedupe, join_through, largest_strong
from simulator.osm.read import Extract, Way
from simulator.osm.ways import RoadKind, road_kind

STEP_S = 3.0  # every link is to take a car at free speed so long
SHORTEST_M = 45.0
SNAP_M = 70.0  # a signal on an approach belongs to a junction so far along its way
SHAPE_M = 1.0  # points of a way that stray less are dropped


@dataclass(slots=True)
class GraphReport:
    """What was read, defaulted, merged and dropped on the way from ways to links."""

    nodes_read: int = 0
    ways_read: int = 0
    ways_drivable: int = 0
    ways_not_drivable: int = 0
    way_nodes_missing: int = 0
    lanes_defaulted: int = 0
    speed_defaulted: int = 0
    one_way: int = 0
    roundabouts: int = 0
    unnamed: int = 0
    restrictions_read: int = 0
    pieces: int = 0
    pieces_joined: int = 0
    doubles_dropped: int = 0
    nodes_merged: int = 0
    nodes_not_connected: int = 0
    roads_not_connected: int = 0
    signal_nodes: int = 0
    signals_on_junction: int = 0
    signals_snapped: int = 0
    signals_mid_block: int = 0


@dataclass(slots=True)
class _Cut:
    """State of the cutting: which OSM node became which draft node."""

    draft: Draft
    node: dict[int, int] = field(default_factory=dict)


def build_draft(extract: Extract, report: GraphReport) -> tuple[Draft, frozenset[tuple[int, int]]]:
    """Return the strongly connected draft of an extract's drivable ways, and its banned turns by way ids."""
    report.nodes_read, report.ways_read = len(extract.at), len(extract.ways)
    ways = _drivable(extract, report)
    draft = _cut(extract, ways, report) if ways else Draft(Frame(0.0, 0.0))
    if not draft.roads:
        return Draft(draft.frame), frozenset()
    report.pieces = len(draft.roads)
    report.doubles_dropped += dedupe(draft)
    report.pieces_joined += join_through(draft)
    draft, merged = contract(draft, shortest_m)
    report.nodes_merged += merged
    report.doubles_dropped += dedupe(draft)
    draft, nodes, roads = largest_strong(draft)
    report.nodes_not_connected, report.roads_not_connected = nodes, roads
    report.pieces_joined += join_through(draft)
    report.doubles_dropped += dedupe(draft)
    draft, nodes, _ = largest_strong(draft)  # forgets the nodes that joining left bare
    return draft, _banned(extract, ways, report)


def shortest_m(road: Road) -> float:
    """Return the length that a road must have: three seconds at free speed, and 45 m."""
    return max(SHORTEST_M, 1.02 * STEP_S * road.speed_mps)


def _drivable(extract: Extract, report: GraphReport) -> list[tuple[Way, RoadKind]]:
    out = list[tuple[Way, RoadKind]]()
    for way in extract.ways:
        kind = road_kind(way.tags)
        known = [n for n in way.nodes if n in extract.at]
        if kind is None or len(known) < 2:
            report.ways_not_drivable += 1
            continue
        report.way_nodes_missing += len(way.nodes) - len(known)
        report.ways_drivable += 1
        report.lanes_defaulted += kind.lanes_defaulted
        report.speed_defaulted += kind.speed_defaulted
        report.one_way += kind.direction != 0
        report.roundabouts += kind.roundabout
        report.unnamed += "name" not in way.tags
        out.append((Way(way.id, known, way.tags), kind))
    return out


def _cut(extract: Extract, ways: list[tuple[Way, RoadKind]], report: GraphReport) -> Draft:
    """Cut ways into roads at every node that two of them share, and at ends."""
    uses = Counter(n for way, _ in ways for n in way.nodes)
    ends = {n for way, _ in ways for n in (way.nodes[0], way.nodes[-1])}
    places = [extract.at[n] for way, _ in ways for n in way.nodes]
    lon = round((min(p[0] for p in places) + max(p[0] for p in places)) / 2, 4)
    lat = round((min(p[1] for p in places) + max(p[1] for p in places)) / 2, 4)
    cut = _Cut(Draft(Frame(lon, lat)))
    for way, kind in ways:
        piece = [way.nodes[0]]
        for n in way.nodes[1:]:
            piece.append(n)
            if uses[n] > 1 or n in ends:
                _add(extract, cut, way, kind, piece)
                piece = [n]
    _snap_signals(extract, cut, ways, report)
    return cut.draft


def _add(extract: Extract, cut: _Cut, way: Way, kind: RoadKind, piece: list[int]) -> None:
    if len(piece) < 2 or piece[0] == piece[-1]:
        return
    run = piece if kind.direction >= 0 else piece[::-1]
    start, end = _node(extract, cut, run[0]), _node(extract, cut, run[-1])
    points = thin([cut.draft.frame.to_xy(*extract.at[n]) for n in run], SHAPE_M)
    common = (kind.name, kind.road_class)
    if kind.direction != 0 or kind.lanes_forward == kind.lanes_backward:
        lanes = kind.lanes_forward if kind.direction >= 0 else kind.lanes_backward
        cut.draft.roads.append(Road(start, end, points, *common, lanes, kind.speed_mps, kind.direction != 0, way.id))
        return
    cut.draft.roads.append(Road(start, end, points, *common, kind.lanes_forward, kind.speed_mps, True, way.id))
    cut.draft.roads.append(Road(end, start, points[::-1], *common, kind.lanes_backward, kind.speed_mps, True, way.id))


def _node(extract: Extract, cut: _Cut, n: int) -> int:
    if n not in cut.node:
        cut.node[n] = cut.draft.add_node(cut.draft.frame.to_xy(*extract.at[n]))
    return cut.node[n]


def _snap_signals(extract: Extract, cut: _Cut, ways: list[tuple[Way, RoadKind]], report: GraphReport) -> None:
    """Signalise the junction that each signal node stands at or, along its way, before."""
    degree = cut.draft.degree()
    junction = {n for n, i in cut.node.items() if degree[i] >= 3}
    on_way: dict[int, list[tuple[Way, int]]] = {}
    for way, _ in ways:
        for i, n in enumerate(way.nodes):
            on_way.setdefault(n, []).append((way, i))
    signals = sorted(n for n, tags in extract.tags.items() if tags.get("highway") == "traffic_signals" and n in on_way)
    report.signal_nodes = len(signals)
    for n in signals:
        if n in junction:
            report.signals_on_junction += 1
            cut.draft.signal[cut.node[n]] = True
            continue
        found = [hit for way, i in on_way[n] for hit in _along(extract, cut, way, i, junction)]
        if found:
            report.signals_snapped += 1
            cut.draft.signal[cut.node[min(found)[1]]] = True
        else:
            report.signals_mid_block += 1


def _along(extract: Extract, cut: _Cut, way: Way, i: int, junction: set[int]) -> list[tuple[float, int]]:
    """Return (metres, junction) of the next junction each way along a way within reach; the tagged direction counts first."""
    tagged = extract.tags.get(way.nodes[i], {}).get("traffic_signals:direction", "")
    out = list[tuple[float, int]]()
    for step, word in ((1, "forward"), (-1, "backward")):
        handicap = 0.0 if tagged in ("", "both", word) else SNAP_M  # behind the signal only if nothing is before it
        at, j = 0.0, i
        while 0 <= j + step < len(way.nodes) and at <= SNAP_M:
            at += distance(_xy(extract, cut, way.nodes[j]), _xy(extract, cut, way.nodes[j + step]))
            j += step
            if way.nodes[j] in junction:
                if at <= SNAP_M:
                    out.append((at + handicap, way.nodes[j]))
                break
    return out


def _xy(extract: Extract, cut: _Cut, n: int) -> Point:
    return cut.draft.frame.to_xy(*extract.at[n])


def _banned(extract: Extract, ways: list[tuple[Way, RoadKind]], report: GraphReport) -> frozenset[tuple[int, int]]:
    """Return pairs of ways that must not follow each other; `only` turns ban all others at their node."""
    at_node: dict[int, set[int]] = {}
    for way, _ in ways:
        for n in way.nodes:
            at_node.setdefault(n, set()).add(way.id)
    out = set[tuple[int, int]]()
    for r in extract.restrictions:
        report.restrictions_read += 1
        others = at_node.get(r.via_node, set()) - {r.from_way, r.to_way}
        out |= {(r.from_way, r.to_way)} if r.kind.startswith("no_") else {(r.from_way, o) for o in others}
    return frozenset(pair for pair in out if pair[0] != pair[1])
