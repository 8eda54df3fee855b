"""What must hold between the tables of a city: roads that meet, turns that exist, signals that do not collide, trips that arrive.

Lives here: rules across tables. Must not know: files and positions (see `city_check`). Index columns are already known good.
"""

import math
from collections.abc import Iterator

import numpy as np
import scipy  # its parts load at their first use: who only reads a city needs none of them

from simulator.city import BY_CLOCK, CONTROLS, City, SignalPlan
from simulator.city_rules import MOST_PER_RULE, Path, Problem
from simulator.generate.frame import Frame, distance, length
from simulator.generate.movements import Turns, bearing, conflict

END_M = 30.0  # a link's line may miss its node by this
MEAN_TOLERANCE = 0.02


def graph_problems(city: City) -> Iterator[Problem]:
    """Yield what is wrong between tables."""
    bent = list(_geometry(city))
    yield from bent
    yield from _movements(city)
    yield from _lane_groups(city)
    yield from _diagrams(city)
    if not bent:
        yield from _signals(city)
    yield from _demand(city)
    yield from _gates(city)
    yield from _devices(city)
    yield from _basins(city)
    yield from _feeders_used(city)


def _geometry(city: City) -> Iterator[Problem]:
    frame, links = Frame(city.lon, city.lat), city.links
    for k, flat in enumerate(links.geometry):
        path: Path = ("links", "geometry", k)
        if len(flat) < 4 or len(flat) % 2 or not all(map(math.isfinite, flat)):
            yield Problem(path, f"links.geometry[{k}] is no line", f"{len(flat)} numbers", "lon, lat of at least 2 points")
            continue
        line = frame.plane(flat)
        for end, node in ((0, links.from_node[k]), (-1, links.to_node[k])):
            off = distance(line[end], frame.to_xy(city.nodes.lon[node], city.nodes.lat[node]))
            if off > END_M:
                what = f"links.geometry[{k}] of {links.id[k]} does not end at node {city.nodes.id[node]}"
                yield Problem(path, what, f"{off:.0f} m away", f"at most {END_M:.0f} m")
        drawn = length(line)
        if not 0.6 * drawn - 30.0 <= links.length_m[k] <= 2.0 * drawn + 60.0:
            what = f"links.length_m[{k}] of {links.id[k]} does not fit its line"
            yield Problem(("links", "length_m", k), what, f"{links.length_m[k]:g}", f"metres, about {drawn:.0f}")


def _movements(city: City) -> Iterator[Problem]:
    links, moves = city.links, city.movements
    seen: dict[tuple[int, int], int] = {}
    for m, (a, b, group) in enumerate(zip(moves.from_link, moves.to_link, moves.lane_group, strict=True)):
        pair = f"{links.id[a]} to {links.id[b]}"
        if links.to_node[a] != links.from_node[b]:
            ends = f"ends at {city.nodes.id[links.to_node[a]]}, begins at {city.nodes.id[links.from_node[b]]}"
            yield Problem(("movements", "to_link", m), f"movement {m} from {pair} does not meet at a node", ends, "one node")
        if city.lane_groups.link[group] != a:
            other = links.id[city.lane_groups.link[group]]
            what = f"movement {m} from {pair} uses a lane group of another link"
            yield Problem(("movements", "lane_group", m), what, other, links.id[a])
        if (a, b) in seen:
            what = f"movement {m} from {pair} is there twice"
            yield Problem(("movements", "to_link", m), what, f"also row {seen[a, b]}", "once")
        seen[a, b] = m
    stuck = sorted(set(range(len(links.id))) - set(moves.from_link))
    for k in stuck[:MOST_PER_RULE]:
        yield Problem(("links", "id", k), f"nothing leaves link {links.id[k]}", "no movement", "at least one")


def _lane_groups(city: City) -> Iterator[Problem]:
    total = np.zeros(len(city.links.id))
    np.add.at(total, np.array(city.lane_groups.link, dtype=int), city.lane_groups.lanes)
    off = np.flatnonzero(np.abs(total - np.array(city.links.lanes)) > 0.01).tolist()
    for k in off[:MOST_PER_RULE]:
        what = f"lane groups of link {city.links.id[k]} do not add up to its lanes"
        yield Problem(("links", "lanes", k), what, f"{total[k]:g} lanes in groups", f"{city.links.lanes[k]}")


def _diagrams(city: City) -> Iterator[Problem]:
    """A road must be able to carry its saturation flow below its jam density: queues have to grow somewhere."""
    links = city.links
    values = zip(links.saturation_veh_per_s_per_lane, links.free_speed_mps, links.jam_veh_per_m_per_lane, strict=True)
    bad = [(k, q / u) for k, (q, u, jam) in enumerate(values) if not q / u < jam]
    for k, critical in bad[:MOST_PER_RULE]:
        what = f"the saturation flow of link {links.id[k]} does not fit its jam density"
        seen = f"{links.jam_veh_per_m_per_lane[k]:g}"
        expected = f"veh/m per lane above {critical:g}, its saturation flow over its free speed"
        yield Problem(("links", "jam_veh_per_m_per_lane", k), what, seen, expected)


def _signals(city: City) -> Iterator[Problem]:
    frame = Frame(city.lon, city.lat)
    lines = [frame.plane(flat) for flat in city.links.geometry]
    entry = [bearing(p, at_end=True) for p in lines]
    leaving = [bearing(p, at_end=False) for p in lines]
    turns = Turns(city.movements, city.lane_groups, entry, leaving, [])
    at_node: dict[int, set[int]] = {}
    for m, a in enumerate(city.movements.from_link):
        at_node.setdefault(city.links.to_node[a], set()).add(m)
    for s, nodes in enumerate(city.signals.nodes):
        own = {m for node in nodes for m in at_node.get(node, set())}
        if not nodes or any(not 0 <= node < len(city.nodes.id) for node in nodes):
            what = f"signal {city.signals.id[s]} stands at no node"
            yield Problem(("signals", "nodes", s), what, str(nodes), f"nodes 0–{len(city.nodes.id) - 1}")
            continue
        if not city.signals.plans[s]:
            yield Problem(("signals", "plans", s), f"signal {city.signals.id[s]} has no plan", "0", "at least one")
        yield from _choice_of_plans(city.signals.plans[s], f"signal {city.signals.id[s]}", ("signals", "plans", s))
        for p, plan in enumerate(city.signals.plans[s]):
            yield from _plan(city, turns, s, p, plan, own)


def _choice_of_plans(plans: list[SignalPlan], here: str, path: Path) -> Iterator[Problem]:
    """Plans of a signal are told apart by their names, and no two of them run in the same hours."""
    names = dict[str, int]()
    quarters = dict[int, str]()
    for p, plan in enumerate(plans):
        if plan.name in names:
            what, seen = f"two plans of {here} have one name", f"{plan.name!r}, also plan {names[plan.name]}"
            yield Problem((*path, p, "name"), what, seen, "another name")
        names[plan.name] = p
        own = {q for begin, end in _spans(plan) for q in range(round(begin * 4), round(end * 4))}
        shared = sorted(own & quarters.keys())
        if shared:
            what = f"two plans of {here} run in the same hours"
            yield Problem((*path, p, "hours"), what, f"{quarters[shared[0]]!r} also at {shared[0] / 4:g} h", "hours of its own")
        quarters |= dict.fromkeys(own, plan.name)


def _spans(plan: SignalPlan) -> list[tuple[float, float]]:
    """Return the spans of hours of a plan that are hours; what is wrong with others is said elsewhere."""
    pairs = zip(plan.hours[::2], plan.hours[1::2], strict=False)
    return [(begin, end) for begin, end in pairs if 0.0 <= begin < end <= 24.0]


def _plan(city: City, turns: Turns, s: int, p: int, plan: SignalPlan, own: set[int]) -> Iterator[Problem]:
    here = f"plan {plan.name!r} of signal {city.signals.id[s]}"
    path: Path = ("signals", "plans", s, p)
    if not (math.isfinite(plan.cycle_s) and 10.0 <= plan.cycle_s <= 600.0):
        yield Problem(path, f"the cycle of {here} is out of bounds", f"{plan.cycle_s:g}", "seconds in 10–600")
    if not (math.isfinite(plan.offset_s) and plan.offset_s >= 0):
        yield Problem((*path, "offset_s"), f"the offset of {here} is negative", f"{plan.offset_s:g}", "seconds ≥ 0")
    yield from _plan_control(plan, here, path)
    green = set[int]()
    for i, phase in enumerate(plan.phases):
        where: Path = (*path, "phases", i)
        if not all(math.isfinite(t) and t >= 0 for t in (phase.green_s, phase.yellow_s, phase.all_red_s)):
            yield Problem(where, f"phase {i} of {here} has a negative time", f"green {phase.green_s:g}", "seconds ≥ 0")
        foreign = sorted(set(phase.movements) - own)
        if foreign:
            what = f"phase {i} of {here} gives green to a movement of another junction"
            yield Problem(where, what, f"movement {foreign[0]}", f"one of {sorted(own)}")
            continue
        green |= set(phase.movements)
        clash = next(((m, n) for m in phase.movements for n in phase.movements if m < n and conflict(turns, m, n)), None)
        if clash:
            yield Problem(where, f"phase {i} of {here} lets movements collide", f"{clash[0]} and {clash[1]}", "no crossing paths")
    if own - green:
        yield Problem(path, f"{here} never gives green to a movement", f"movement {min(own - green)}", "green in a phase")


def _plan_control(plan: SignalPlan, here: str, path: Path) -> Iterator[Problem]:
    if plan.name == BY_CLOCK:
        yield Problem((*path, "name"), f"{here} has the word that means the plan of the hour", BY_CLOCK, "another name")
    if plan.control not in CONTROLS:
        yield Problem(
            (*path, "control"), f"the control of {here} is unknown", repr(plan.control), "one of " + ", ".join(CONTROLS)
        )
    pairs = list(zip(plan.hours[::2], plan.hours[1::2], strict=False))
    whole = all(math.isfinite(h) and 0.0 <= h <= 24.0 and h * 4 == round(h * 4) for h in plan.hours)
    if len(plan.hours) % 2 or not whole or any(begin >= end for begin, end in pairs):
        expected = "begin, end, begin, end ... in quarters of an hour, 0–24, each begin before its end"
        yield Problem((*path, "hours"), f"the hours of {here} are none", str(plan.hours), expected)


def _demand(city: City) -> Iterator[Problem]:
    demand = city.demand
    if len(demand.profiles) != len(demand.profile_names):
        seen, expected = f"{len(demand.profiles)} profiles", f"{len(demand.profile_names)}, one a name"
        yield Problem(("demand", "profiles"), "demand.profiles and their names differ in length", seen, expected)
    for p, factors in enumerate(demand.profiles):
        path: Path = ("demand", "profiles", p)
        if len(factors) != 24:
            yield Problem(path, f"demand.profiles[{p}] is no day", f"{len(factors)} factors", "24, one an hour")
        elif not all(math.isfinite(f) and f >= 0 for f in factors) or abs(sum(factors) / 24 - 1) > MEAN_TOLERANCE:
            yield Problem(path, f"demand.profiles[{p}] has a wrong mean", f"{sum(factors) / 24:.3f}", "factors ≥ 0 of mean 1")
    bad = [i for i, p in enumerate(demand.profile) if not 0 <= p < len(demand.profiles)]
    for i in bad[:MOST_PER_RULE]:
        what = f"demand.profile[{i}] points to no profile"
        yield Problem(("demand", "profile", i), what, str(demand.profile[i]), f"0–{len(demand.profiles) - 1}")
    yield from _unreachable(city)
    if not bad and all(len(factors) == 24 for factors in demand.profiles):
        yield from _too_much(city)


def _too_much(city: City) -> Iterator[Problem]:
    """Trips out of a zone, or into it, must fit through the roads that cross its edge, were they green all the hour.

    By the cut theorem (Ford and Fulkerson 1956) no network carries more, whatever the ways, the signals and the lanes of turns.
    """
    demand, zone, n = city.demand, np.array(city.links.zone, dtype=np.int64), len(city.zones.id)
    a, b = np.array(demand.origin, dtype=np.int64), np.array(demand.destination, dtype=np.int64)
    hourly = np.array(demand.profiles, dtype=np.float64).reshape(-1, 24)[np.array(demand.profile, dtype=np.int64)]
    trips = np.where(a == b, 0.0, np.array(demand.trips_per_h))[:, None] * hourly
    flow = 3600.0 * np.array(city.links.lanes) * np.array(city.links.saturation_veh_per_s_per_lane)
    tail, head = np.array(city.movements.from_link, dtype=np.int64), np.array(city.movements.to_link, dtype=np.int64)
    across = zone[tail] != zone[head]
    sides = (("out of", a, "trips begin there", np.unique(tail[across])), ("into", b, "trips end there", np.unique(head[across])))
    for way, ends, word, roads in sides:
        wanted = np.zeros((n, 24))
        np.add.at(wanted, ends, trips)
        fits = np.bincount(zone[roads], flow[roads], n)
        for z in np.flatnonzero(wanted.max(axis=1, initial=0.0) > fits).tolist()[:MOST_PER_RULE]:
            row = int(np.argmax(np.where(ends == z, trips.max(axis=1), -1.0)))
            hour, most = int(wanted[z].argmax()), float(wanted[z].max())
            what = f"demand {way} zone {city.zones.id[z]} is more than any network of these roads carries: at {hour} h {word}"
            path: Path = ("demand", "trips_per_h", row)
            yield Problem(path, what, f"{most:.0f} trips/h", f"at most {fits[z]:.0f} veh/h, what the roads over its edge pass")


def _unreachable(city: City) -> Iterator[Problem]:
    """Trips must have a road to begin on, one to end on, and a way between them."""
    by_zone: dict[int, list[int]] = {}
    for k, zone in enumerate(city.links.zone):
        by_zone.setdefault(zone, []).append(k)
    reach: dict[int, set[int]] = {}
    onward = _onward(city)
    reported = 0
    for i, (a, b) in enumerate(zip(city.demand.origin, city.demand.destination, strict=True)):
        if reported >= MOST_PER_RULE:
            return
        if a not in reach:
            reach[a] = {city.links.zone[k] for k in _reached(onward, by_zone.get(a, []))} if onward else set(by_zone)
        empty = next((z for z in (a, b) if z not in by_zone), None)
        if empty is not None:
            what, seen = f"demand {i} begins or ends in zone {city.zones.id[empty]} without a link", "no link"
        elif b not in reach[a]:
            what, seen = f"demand {i} from zone {city.zones.id[a]} cannot reach zone {city.zones.id[b]}", "no way"
        else:
            continue
        reported += 1
        yield Problem(("demand", "destination", i), what, seen, "a way over links and movements")


def _onward(city: City) -> list[list[int]] | None:
    """Return the links after each link, or None if every link leads to every other."""
    n, moves = len(city.links.id), city.movements
    graph = scipy.sparse.coo_array((np.ones(len(moves.turn)), (moves.from_link, moves.to_link)), shape=(n, n))
    parts, _ = scipy.sparse.csgraph.connected_components(graph, directed=True, connection="strong")
    if parts == 1:
        return None
    out: list[list[int]] = [[] for _ in range(n)]
    for a, b in zip(moves.from_link, moves.to_link, strict=True):
        out[a].append(b)
    return out


def _reached(onward: list[list[int]], start: list[int]) -> set[int]:
    seen, stack = set(start), list(start)
    while stack:
        for k in onward[stack.pop()]:
            if k not in seen:
                seen.add(k)
                stack.append(k)
    return seen


def _gates(city: City) -> Iterator[Problem]:
    links, gates = city.links, city.gates
    for g, (k, at) in enumerate(zip(gates.link, gates.position_m, strict=True)):
        if at > links.length_m[k]:
            what = f"gate {gates.id[g]} stands beyond the end of link {links.id[k]}"
            yield Problem(("gates", "position_m", g), what, f"{at:g}", f"metres in 0–{links.length_m[k]:g}")


def _devices(city: City) -> Iterator[Problem]:
    links, devices = city.links, city.devices
    for d, (kind, k, at) in enumerate(zip(devices.kind, devices.link, devices.position_m, strict=True)):
        if k >= 0 and at > links.length_m[k]:
            what = f"device {devices.id[d]} stands beyond the end of link {links.id[k]}"
            yield Problem(("devices", "position_m", d), what, f"{at:g}", f"metres in 0–{links.length_m[k]:g}")
        if k >= 0 and devices.lane[d] >= links.lanes[k]:
            what = f"device {devices.id[d]} watches a lane that link {links.id[k]} has not"
            yield Problem(("devices", "lane", d), what, str(devices.lane[d]), f"-1 or 0–{links.lanes[k] - 1}")
        if kind == "loop_detector" and k < 0:
            yield Problem(("devices", "link", d), f"loop detector {devices.id[d]} lies in no road", "-1", "a link")
        if kind == "feeder_meter" and devices.feeder[d] < 0:
            yield Problem(("devices", "feeder", d), f"feeder meter {devices.id[d]} measures nothing", "-1", "a feeder")


def _basins(city: City) -> Iterator[Problem]:
    basins, n = city.basins, len(city.links.id)
    for b, links in enumerate(basins.links):
        if not links or any(not 0 <= k < n for k in links):
            what = f"basin {basins.id[b]} floods no street"
            yield Problem(("basins", "links", b), what, str(links), f"at least one of the links 0–{n - 1}")
        if not basins.floor_m[b] < basins.street_m[b]:
            what = f"the canal of basin {basins.id[b]} is not below its street"
            yield Problem(("basins", "floor_m", b), what, f"{basins.floor_m[b]:g}", f"metres below {basins.street_m[b]:g}")


def _feeders_used(city: City) -> Iterator[Problem]:
    unlit = sorted(set(range(len(city.cabinets.id))) - set(city.luminaires.cabinet))
    for c in unlit[:MOST_PER_RULE] if city.luminaires.id else []:
        yield Problem(("cabinets", "id", c), f"cabinet {city.cabinets.id[c]} feeds no luminaire", "0", "at least one")
