"""From a city file to traffic: links, lane groups, movements, signals, demand and destinations as the model wants them.

Lives here: the reading of city tables and the rules for what they leave open (right of way without signals, opposed left
turns, where trips of a zone lead). Must not know: the state of roads.
"""

import msgspec
import numpy as np

from simulator.city import City, Phase, SignalPlan
from simulator.streams import Streams
from simulator.traffic.demand import ZoneDemand, ZoneTrips
from simulator.traffic.gates import Gates, GateSpec
from simulator.traffic.mix import Mix, road_mix
from simulator.traffic.network import Floats, Ints, LinkSpec, MovementSpec, Network, NetworkSpec, compile_network
from simulator.traffic.routing import Router, Targets
from simulator.traffic.signals import SignalControl
from simulator.traffic.traffic import Traffic

RANK = {"motorway": 6, "trunk": 5, "primary": 4, "secondary": 3, "tertiary": 2, "residential": 1, "service": 0}
SHORT_M, SHORT_SHARE = 70.0, 0.1
LONG_STEP_MS, SHORT_STEP_MS = 5000, 3000
GIVE_WAY = 0.4  # of saturation flow: a minor approach, 720 of 1 800 veh/h, in the range of HCM 2010 ch. 19 for gaps of 6 s
EQUAL_APPROACHES = 0.5  # three or more equal approaches without signs
OPPOSED_LEFT = 0.7  # left turns that share a phase with oncoming traffic


def traffic_of_city(city: City, streams: Streams, step_ms: int | None) -> Traffic:
    """Return the empty roads of a city."""
    step = _step_ms(city) if step_ms is None else step_ms
    net = compile_network(network_spec(city), step)
    signals = SignalControl(net.from_link.size, _plans(city, net), step)
    zone = net.zone
    router = Router(net, Targets(_hearts(city), zone))
    demand = None
    if city.demand.origin:
        # Streets where people live and work send more trips per metre than wide ones where nobody may stop.
        use = np.array([0.2 if RANK[c] >= 5 else 1.0 for c in city.links.road_class])
        demand = ZoneDemand(_trips(city), zone, net.length_m * use, streams)
    return Traffic(net, signals, router, demand, gates=Gates(net, _gates(city)), mix=_mix(city))


def _gates(city: City) -> list[GateSpec]:
    g = city.gates
    rows = zip(g.link, g.position_m, g.lanes, g.service_s, g.storage_veh, g.truck_share, strict=True)
    return [GateSpec(*row) for row in rows]


def _mix(city: City) -> Mix:
    kind, zone = city.zones.kind, city.links.zone
    return road_mix(city.links.road_class, [z >= 0 and kind[z] == "port" for z in zone])


def _step_ms(city: City) -> int:
    length = np.array(city.links.length_m)
    return SHORT_STEP_MS if float((length < SHORT_M).mean()) > SHORT_SHARE else LONG_STEP_MS


def network_spec(city: City) -> NetworkSpec:
    """Return links and movements of the city with right of way as capacity factors."""
    links, groups, moves = city.links, city.lane_groups, city.movements
    spec = NetworkSpec(list(city.nodes.id))
    for k, link_id in enumerate(links.id):
        spec.links.append(
            LinkSpec(
                link_id, links.from_node[k], links.to_node[k], links.length_m[k], links.lanes[k],
                links.free_speed_mps[k], links.saturation_veh_per_s_per_lane[k], links.jam_veh_per_m_per_lane[k],
                links.zone[k], priority=1.0 + RANK[links.road_class[k]],
            )
        )  # fmt: skip
    factors = _right_of_way(city)
    for m, from_link in enumerate(moves.from_link):
        group = moves.lane_group[m]
        lanes = groups.lanes[group] if group >= 0 else float(links.lanes[from_link])
        spec.movements.append(MovementSpec(from_link, moves.to_link[m], group, lanes, moves.turn[m], factors[m]))
    return spec


def _right_of_way(city: City) -> list[float]:
    """Return the capacity factor of each movement: opposed left turns at signals, priority rules elsewhere."""
    moves = city.movements
    factors = [1.0] * len(moves.from_link)
    signalled = {node for nodes in city.signals.nodes for node in nodes}
    by_node: dict[int, list[int]] = {}
    for m, from_link in enumerate(moves.from_link):
        by_node.setdefault(city.links.to_node[from_link], []).append(m)
    for node, members in by_node.items():
        if node not in signalled:
            for m in members:
                factors[m] = _unsignalled(city, members, m)
    for plans in city.signals.plans:
        for phase in plans[0].phases if plans else ():
            for m in phase.movements:
                if moves.turn[m] == "left" and _opposed(city, phase, m):
                    factors[m] = OPPOSED_LEFT
    return factors


def _opposed(city: City, phase: Phase, left: int) -> bool:
    moves = city.movements
    return any(moves.turn[m] == "through" and moves.from_link[m] != moves.from_link[left] for m in phase.movements)


def _unsignalled(city: City, members: list[int], m: int) -> float:
    """Return the factor of one movement at a junction without signals: the main road goes first, others give way."""
    moves, links = city.movements, city.links
    neighbours = {links.from_node[moves.from_link[k]] for k in members} | {links.to_node[moves.to_link[k]] for k in members}
    approaches = {moves.from_link[k] for k in members}
    if len(neighbours) <= 2 or len(approaches) == 1:
        return 1.0
    rank = {k: RANK[links.road_class[k]] for k in approaches}
    main = [k for k in approaches if rank[k] == max(rank.values())]
    if moves.from_link[m] not in main:
        return GIVE_WAY
    if len(main) > 2:
        return EQUAL_APPROACHES
    return OPPOSED_LEFT if moves.turn[m] in ("left", "u_turn") and len(main) == 2 else 1.0


def _plans(city: City, net: Network) -> list[list[SignalPlan]]:
    """Return the plans with movements renumbered as in the network."""
    return [
        [msgspec.structs.replace(plan, phases=[_renumbered(phase, net) for phase in plan.phases]) for plan in plans]
        for plans in city.signals.plans
    ]


def _renumbered(phase: Phase, net: Network) -> Phase:
    movements = sorted(int(net.movement_of_spec[m]) for m in phase.movements)
    return Phase(phase.green_s, phase.yellow_s, phase.all_red_s, movements)


def _hearts(city: City) -> list[Ints]:
    """Return for each zone the links into its heart: the node nearest to the zone's point, of those its links lead to."""
    lon, lat = np.array(city.nodes.lon), np.array(city.nodes.lat)
    to_node, zone = np.array(city.links.to_node), np.array(city.links.zone)
    out = []
    for k in range(len(city.zones.id)):
        mine = np.flatnonzero(zone == k)
        if not mine.size:
            out.append(np.zeros(0, dtype=np.int64))
            continue
        # 0.93 is about the cosine of 21 degrees; which node is nearest need not be exact
        east, north = (lon[to_node[mine]] - city.zones.lon[k]) * 0.93, lat[to_node[mine]] - city.zones.lat[k]
        heart = to_node[mine][int(np.argmin(east * east + north * north))]
        out.append(np.flatnonzero((to_node == heart) & (zone == k)))
    return out


def _trips(city: City) -> ZoneTrips:
    demand = city.demand
    profiles: Floats = np.array(demand.profiles, dtype=np.float64).reshape(-1, 24)
    return ZoneTrips(
        len(city.zones.id),
        np.array(demand.origin, dtype=np.int64),
        np.array(demand.destination, dtype=np.int64),
        np.array(demand.trips_per_h, dtype=np.float64),
        np.array(demand.profile, dtype=np.int64),
        profiles,
    )
