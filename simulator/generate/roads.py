"""Node and link tables from a draft: ids, names, lengths, geometry.

Lives here: the translation of drawn roads into the tables of a city. Must not know: zones, signals, lamps.
"""

from collections import Counter
from dataclasses import dataclass

from simulator.city import Links, Nodes
from simulator.generate.draft import Draft, Road
from simulator.generate.frame import Point, slug, thin

SATURATION_VEH_PER_S_PER_LANE = 0.5  # 1 800 veh/h: HCM field rule
JAM_VEH_PER_M_PER_LANE = 0.145  # 6.9 m a vehicle, mixed traffic
HAIR_M = 2.0  # geometry is drawn to 2 m


@dataclass(slots=True)
class Network:
    """The link table with its plane geometry: link k runs along `points[k]`; `reverse[k]` is the way back or -1."""

    nodes: Nodes
    links: Links
    points: list[list[Point]]
    reverse: list[int]
    source: list[int]
    out_links: list[list[int]]
    in_links: list[list[int]]


def build_network(draft: Draft) -> Network:
    """Return nodes and directed links of a draft; ids come from names in the order of the roads."""
    links, points, reverse, source = Links(), list[list[Point]](), list[int](), list[int]()
    used: Counter[str] = Counter()
    for road in draft.roads:
        shape = draft.frame.plane(draft.frame.flat(thin(road.points, HAIR_M)))  # as it will be read again
        first = len(points)
        _append(links, draft, road, shape, used, forward=True)
        points.append(shape)
        reverse.append(-1)
        source.append(road.source)
        if not road.oneway:
            _append(links, draft, road, shape[::-1], used, forward=False)
            points.append(shape[::-1])
            reverse[first] = first + 1
            reverse.append(first)
            source.append(road.source)
    out_links: list[list[int]] = [[] for _ in draft.at]
    in_links: list[list[int]] = [[] for _ in draft.at]
    for k, (a, b) in enumerate(zip(links.from_node, links.to_node, strict=True)):
        out_links[a].append(k)
        in_links[b].append(k)
    return Network(_nodes(draft, links, out_links), links, points, reverse, source, out_links, in_links)


def _append(links: Links, draft: Draft, road: Road, shape: list[Point], used: Counter[str], *, forward: bool) -> None:
    base = slug(road.name) or "duong"
    used[base] += 1
    links.id.append(f"{base}_{used[base]}")
    links.name.append(road.name)
    links.from_node.append(road.start if forward else road.end)
    links.to_node.append(road.end if forward else road.start)
    links.length_m.append(round(road.length_m, 1))
    links.lanes.append(road.lanes)
    links.free_speed_mps.append(round(road.speed_mps, 2))
    links.road_class.append(road.road_class)
    links.saturation_veh_per_s_per_lane.append(SATURATION_VEH_PER_S_PER_LANE)
    links.jam_veh_per_m_per_lane.append(JAM_VEH_PER_M_PER_LANE)
    links.zone.append(-1)
    links.geometry.append(draft.frame.flat(shape))


def _nodes(draft: Draft, links: Links, out_links: list[list[int]]) -> Nodes:
    nodes = Nodes()
    for i, at in enumerate(draft.at):
        lon, lat = draft.frame.to_lonlat(*at)
        nodes.id.append(f"node_{i + 1:04d}")
        nodes.lon.append(lon)
        nodes.lat.append(lat)
        nodes.name.append(_node_name(links, out_links[i]))
    return nodes


def _node_name(links: Links, out: list[int]) -> str:
    """Name a junction after its two most important streets: `Lạch Tray – Nguyễn Văn Linh`."""
    ranked = sorted(out, key=lambda k: (-links.lanes[k], -links.free_speed_mps[k], links.id[k]))
    names = list(dict.fromkeys(links.name[k] for k in ranked))
    return " – ".join(names[:2])
