"""From streets drawn as curves to a draft: where they cross there is a junction, water cuts what is not a bridge.

Lives here: drawing by hand. Must not know: any particular city. Steps: smooth each street, lengthen the lines of fabrics,
cut at water, cross everything with everything, snap loose ends, drop dead ends, contract what is too short.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from simulator.generate.draft import Draft, Road
from simulator.generate.frame import Frame, Point, distance, inside, length, smooth
from simulator.generate.network import contract, dedupe, join_through, largest_strong, prune, renumber

SAMPLE_M = 70.0
TOUCH_M = 14.0
SNAP_M = 220.0  # loose ends of streets reach out so far for another street
REACH_M = 260.0  # lines of a fabric are lengthened by this, then trimmed at what they met last
SHORTEST_M = 110.0  # also 5 s at free speed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Street:
    """A street through control points in degrees; `lanes` one way; bridges may cross water; gateways stay open-ended."""

    name: str
    road_class: str
    lanes: int
    speed_kmh: float
    points: tuple[Point, ...]
    bridge: bool = False
    gateway: bool = False


@dataclass(frozen=True, slots=True)
class Fabric:
    """A quarter of local streets: a warped grid in a quadrilateral (south-west, south-east, north-east, north-west).

    `along` lines run west-east, `across` lines south-north; `bulge` bends them by that share of their length.
    """

    corners: tuple[Point, Point, Point, Point]
    along: int
    across: int
    names: tuple[str, ...]
    bulge: float = 0.04
    road_class: str = "residential"
    lanes: int = 1
    speed_kmh: float = 40.0


@dataclass(slots=True)
class _Line:
    street: Street
    points: Floats


def draw(frame: Frame, streets: Sequence[Street], fabrics: Sequence[Fabric], water: Sequence[Sequence[Point]]) -> Draft:
    """Return the strongly connected draft of streets and fabrics; `water` are polygons in plane metres."""
    shores = [np.array(polygon) for polygon in water]
    lines = [line for street in streets for line in _laid(frame, street, shores, 0.0)]
    for fabric in fabrics:
        for street in _fabric_streets(fabric):
            lines += _laid(frame, street, shores, REACH_M)
    _snap(lines)
    draft = _crossed(frame, lines)
    dedupe(draft)
    prune(draft)
    join_through(draft)
    draft, _ = contract(draft, lambda road: max(SHORTEST_M, 5.2 * road.speed_mps))
    prune(draft)
    join_through(draft)
    dedupe(draft)
    draft, _, _ = largest_strong(draft)
    return draft


def _fabric_streets(fabric: Fabric) -> list[Street]:
    lines = [_warped(fabric, (i + 0.5) / fabric.along, along=True) for i in range(fabric.along)]
    lines += [_warped(fabric, (i + 0.5) / fabric.across, along=False) for i in range(fabric.across)]
    return [
        Street(fabric.names[i % len(fabric.names)], fabric.road_class, fabric.lanes, fabric.speed_kmh, tuple(points))
        for i, points in enumerate(lines)
    ]


def _warped(fabric: Fabric, share: float, *, along: bool) -> list[Point]:
    """Return five points of one line of the bilinear quarter, bent by a parabola."""
    sw, se, ne, nw = fabric.corners
    out: list[Point] = []
    for i in range(5):
        t = i / 4
        bent = share + fabric.bulge * 4 * t * (1 - t)
        u, v = (t, bent) if along else (bent, t)
        out.append(
            (
                (1 - v) * ((1 - u) * sw[0] + u * se[0]) + v * ((1 - u) * nw[0] + u * ne[0]),
                (1 - v) * ((1 - u) * sw[1] + u * se[1]) + v * ((1 - u) * nw[1] + u * ne[1]),
            )
        )
    return out


def _laid(frame: Frame, street: Street, water: Sequence[Floats], reach_m: float) -> list[_Line]:
    """Return the street as plane lines: one, or the dry pieces of a street that may not cross water."""
    points = smooth([frame.to_xy(*p) for p in street.points], SAMPLE_M)
    if reach_m > 0:
        points = [_beyond(points[1], points[0], reach_m), *points, _beyond(points[-2], points[-1], reach_m)]
        points = [p for a, b in itertools.pairwise(points) for p in _split(a, b)] + [points[-1]]
    if street.bridge:
        return [_Line(street, np.array(points))]
    pieces, dry = list[_Line](), list[Point]()
    laid = np.array(points)
    wet = [any(column) for column in zip(*(inside(laid, polygon) for polygon in water), strict=True)]
    for p, under in zip([*points, points[-1]], [*(wet or [False] * len(points)), True], strict=True):
        if not under:
            dry.append(p)
            continue
        if len(dry) >= 3 and length(dry) > SHORTEST_M:
            pieces.append(_Line(street, np.array(dry)))
        dry = []
    return pieces


def _split(a: Point, b: Point) -> list[Point]:
    n = max(1, round(distance(a, b) / SAMPLE_M))
    return [(a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n) for i in range(n)]


def _beyond(inner: Point, end: Point, reach_m: float) -> Point:
    step = distance(inner, end) or 1.0
    return (end[0] + (end[0] - inner[0]) / step * reach_m, end[1] + (end[1] - inner[1]) / step * reach_m)


def _snap(lines: list[_Line]) -> None:
    """Lengthen loose ends to a little beyond the nearest point of another street close by."""
    boxes = [(line.points.min(axis=0) - SNAP_M, line.points.max(axis=0) + SNAP_M) for line in lines]
    low, high = np.array([b[0] for b in boxes]), np.array([b[1] for b in boxes])
    for i, line in enumerate(lines):
        for end in (0, -1):
            p, before = _point(line.points[end]), _point(line.points[1 if end == 0 else -2])
            near = np.flatnonzero(((low <= p) & (p <= high)).all(axis=1)).tolist()
            best = min((_nearest(lines[j], p) for j in near if j != i), default=(SNAP_M, p))
            if best[0] < SNAP_M and not (line.street.gateway and best[0] > TOUCH_M):
                q = _beyond(before, p, 8.0) if best[0] < 1.0 else _beyond(p, best[1], 5.0)
                line.points = np.vstack([[q], line.points]) if end == 0 else np.vstack([line.points, [q]])


def _point(row: Floats) -> Point:
    return (float(row[0]), float(row[1]))


def _nearest(line: _Line, p: Point) -> tuple[float, Point]:
    a, step = line.points[:-1], line.points[1:] - line.points[:-1]
    square = np.maximum(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1], 1e-9)
    share = np.clip(((p[0] - a[:, 0]) * step[:, 0] + (p[1] - a[:, 1]) * step[:, 1]) / square, 0.0, 1.0)
    q = a + share[:, None] * step
    far = (q[:, 0] - p[0]) * (q[:, 0] - p[0]) + (q[:, 1] - p[1]) * (q[:, 1] - p[1])
    best = int(np.argmin(far))
    return (distance(p, _point(q[best])), _point(q[best]))


def _crossed(frame: Frame, lines: list[_Line]) -> Draft:
    """Cut all lines where they cross and return the pieces with one node at each crossing and each end."""
    draft = Draft(frame)
    cuts: list[list[tuple[float, int]]] = [[] for _ in lines]
    boxes = [(line.points.min(axis=0), line.points.max(axis=0)) for line in lines]
    for i, a in enumerate(lines):
        for j in range(i + 1, len(lines)):
            if (boxes[i][0] <= boxes[j][1]).all() and (boxes[j][0] <= boxes[i][1]).all():
                for at_a, at_b, place in _crossings(a.points, lines[j].points):
                    node = draft.add_node(place)
                    cuts[i].append((at_a, node))
                    cuts[j].append((at_b, node))
    for line, own in zip(lines, cuts, strict=True):
        _add_pieces(draft, line, sorted(own))
    return _touching(draft)


def _touching(draft: Draft) -> Draft:
    """Make one node of those that stand closer than streets are wide."""
    places = np.array(draft.at)
    pairs = cKDTree(places).query_pairs(TOUCH_M, output_type="ndarray")
    n = len(draft.at)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    at: list[Point] = [(0.0, 0.0)] * count
    for i in reversed(range(n)):
        at[int(label[i])] = draft.at[i]
    return renumber(draft, [int(value) for value in label], at)


def _crossings(a: Floats, b: Floats) -> list[tuple[float, float, Point]]:
    """Return (metres along a, metres along b, place) of all crossings of two polylines."""
    p, r = a[:-1, None, :], (a[1:] - a[:-1])[:, None, :]
    q, s = b[None, :-1, :], (b[1:] - b[:-1])[None, :, :]
    cross = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
    gap = q - p
    safe = np.where(cross == 0, 1.0, cross)
    t = (gap[..., 0] * s[..., 1] - gap[..., 1] * s[..., 0]) / safe
    u = (gap[..., 0] * r[..., 1] - gap[..., 1] * r[..., 0]) / safe
    hits = np.argwhere((cross != 0) & (t >= 0) & (t < 1) & (u >= 0) & (u < 1))
    along_a, along_b = _metres(a), _metres(b)
    out = list[tuple[float, float, Point]]()
    for i, j in hits.tolist():
        share_a, share_b = float(t[i, j]), float(u[i, j])
        place = (float(a[i, 0] + share_a * (a[i + 1, 0] - a[i, 0])), float(a[i, 1] + share_a * (a[i + 1, 1] - a[i, 1])))
        at_a = float(along_a[i] + share_a * (along_a[i + 1] - along_a[i]))
        at_b = float(along_b[j] + share_b * (along_b[j + 1] - along_b[j]))
        out.append((at_a, at_b, place))
    return out


def _metres(a: Floats) -> Floats:
    steps = a[1:] - a[:-1]
    return np.concatenate([[0.0], np.cumsum(np.sqrt(steps[:, 0] * steps[:, 0] + steps[:, 1] * steps[:, 1]))])


def _add_pieces(draft: Draft, line: _Line, cuts: list[tuple[float, int]]) -> None:
    points: list[Point] = [(x, y) for x, y in line.points.tolist()]
    marks = _metres(line.points).tolist()
    street, whole = line.street, marks[-1]
    first = draft.add_node(points[0], keep=street.gateway)
    last = draft.add_node(points[-1], keep=street.gateway)
    stops = [(0.0, first), *cuts, (whole, last)]
    for (a, start), (b, end) in itertools.pairwise(stops):
        if b > a:
            inner = [p for p, m in zip(points, marks, strict=True) if a < m < b]
            shape = [draft.at[start], *inner, draft.at[end]]
            draft.roads.append(
                Road(start, end, shape, street.name, street.road_class, street.lanes, round(street.speed_kmh / 3.6, 2))
            )
