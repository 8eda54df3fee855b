"""From a draft and a recipe to a whole city: every table in its order.

Lives here: the one place that calls the makers of tables. Must not know: where the draft came from.
"""

import numpy as np

from simulator.city import Areas, City, Demand
from simulator.city_defaults import fill_gateways
from simulator.generate.buildings import build_buildings
from simulator.generate.devices import Ground, build_bases, build_devices
from simulator.generate.draft import Draft, Recipe
from simulator.generate.flows import Flows, assign, peak_load
from simulator.generate.frame import Frame, Point, point_at
from simulator.generate.gates import build_gates
from simulator.generate.lighting import build_lighting
from simulator.generate.movements import build_turns
from simulator.generate.roads import Network, build_network
from simulator.generate.signals import build_signals
from simulator.generate.water import build_basins
from simulator.generate.zones import build_demand, build_zones, zone_at
from simulator.streams import Streams
from simulator.traffic.calibrate import demand_factor, mean_flows
from simulator.traffic.traffic import Traffic

FIRST_GUESS_TRIPS_PER_H = 10_000.0
FULL_AT_PEAK = 0.85  # load of the links at the 98th percentile when demand is grown to fit
BEARABLE = 99.0  # per cent of the lane groups that are below it in the end


def assemble(draft: Draft, recipe: Recipe) -> City:
    """Return the city of a draft. The draft must be strongly connected and free of loops and doubles.

    Raises `ValueError` if the recipe asks for fewer luminaires than cabinets, or has no zone.
    """
    _refuse_nonsense(recipe)
    frame, network = draft.frame, build_network(draft)
    centres = [frame.to_xy(z.lon, z.lat) for z in recipe.zones]
    network.links.zone = [zone_at(centres, point_at(p, network.links.length_m[k] / 2)[0]) for k, p in enumerate(network.points)]
    turns = build_turns(network, recipe.banned)
    gates = _gates(network, draft.at, centres)
    demand, flows = _demand(recipe, frame, network, gates)
    signal_nodes = _signal_nodes(draft, recipe, network)
    signals = build_signals(network, turns, flows, signal_nodes, draft.at, recipe.cycle_s)
    lighting = build_lighting(recipe, network, frame)
    ground = Ground(
        recipe, frame, network, draft.at, network.links.zone, lighting, draft.importance(), centres,
        np.array(lighting.cabinet_at), build_basins(recipe, network, frame, lighting),
    )  # fmt: skip
    lighting.cabinets.zone = [zone_at(centres, at) for at in lighting.cabinet_at]
    city = City(
        id=recipe.id, title=recipe.title, schematic=recipe.schematic, attribution=recipe.attribution,
        time_zone=recipe.time_zone, lon=frame.lon, lat=frame.lat,
        nodes=network.nodes, links=network.links, lane_groups=turns.groups, movements=turns.movements, signals=signals,
        zones=build_zones(recipe.zones, frame, recipe.outline or _outline(draft)), demand=demand,
        feeders=lighting.feeders, cabinets=lighting.cabinets, luminaires=lighting.luminaires,
        devices=build_devices(ground), basins=ground.basins,
        buildings=build_buildings(recipe, network, frame, network.links.zone),
        areas=_areas(recipe, frame), bases=build_bases(ground),
    )  # fmt: skip
    fitted = recipe.trips_per_h is None and bool(demand.trips_per_h)
    if fitted:
        city.signals = build_signals(network, turns, _driven(city), signal_nodes, draft.at, recipe.cycle_s)
    city.signals.zone = [zone_at(centres, draft.at[n[0]]) for n in signals.nodes]
    city.signals.feeder = [lighting.cabinets.feeder[ground.cabinet_near(draft.at[n[0]])] for n in signals.nodes]
    city.gates = build_gates(recipe, network, flows)
    if fitted:
        _fit_demand(city)
    fill_gateways(city)
    return city


def _driven(city: City) -> Flows:
    """Return the flows of the city's demand on the ways that its drivers will take, for splits that fit them."""
    traffic = Traffic.from_city(city, Streams(0))
    link, movement = mean_flows(traffic)
    pairs = zip(city.movements.from_link, city.movements.to_link, traffic.net.movement_of_spec.tolist(), strict=True)
    return Flows(link, {(a, b): float(movement[m]) for a, b, m in pairs if movement[m] > 0.0})


def _fit_demand(city: City) -> None:
    """Scale demand so that in the busiest hour 99 % of the lane groups in use stay below 85 % of what they can serve."""
    factor = demand_factor(Traffic.from_city(city, Streams(0)), FULL_AT_PEAK, BEARABLE)
    city.demand.trips_per_h = [round(trips * factor, 3) for trips in city.demand.trips_per_h]


def _refuse_nonsense(recipe: Recipe) -> None:
    counts = recipe.counts
    if counts.luminaires < counts.cabinets or counts.cabinets < counts.substations * counts.feeders_per_substation:
        raise ValueError(
            f"{recipe.id}: {counts.luminaires} luminaires on {counts.cabinets} cabinets on "
            f"{counts.substations * counts.feeders_per_substation} feeders, expected each at least as many as the next"
        )
    if not recipe.zones:
        raise ValueError(f"{recipe.id}: no zone, expected at least one")


def _gates(network: Network, at: list[Point], centres: list[Point]) -> list[int]:
    """Return for each zone the node nearest to its centre among the ends of its links (any node if it has no link)."""
    own: list[set[int]] = [set() for _ in centres]
    for k, zone in enumerate(network.links.zone):
        own[zone] |= {network.links.from_node[k], network.links.to_node[k]}
    out = list[int]()
    for i, (x, y) in enumerate(centres):
        choice = sorted(own[i]) or range(len(at))
        out.append(min(choice, key=lambda n: ((at[n][0] - x) ** 2 + (at[n][1] - y) ** 2, n)))
    return out


def _demand(recipe: Recipe, frame: Frame, network: Network, gates: list[int]) -> tuple[Demand, Flows]:
    inhabited = set(network.links.zone)
    usable = [z in inhabited for z in range(len(recipe.zones))]
    demand = build_demand(recipe, frame, recipe.trips_per_h or FIRST_GUESS_TRIPS_PER_H, usable)
    flows = assign(network, gates, demand)
    if recipe.trips_per_h is None and demand.trips_per_h:
        grown = FIRST_GUESS_TRIPS_PER_H * FULL_AT_PEAK / peak_load(network, flows)
        demand = build_demand(recipe, frame, round(grown, -2), usable)
        flows = assign(network, gates, demand)
    return demand, flows


def _signal_nodes(draft: Draft, recipe: Recipe, network: Network) -> list[int]:
    able = [i for i in range(len(draft.at)) if len(network.in_links[i]) >= 2 and len(network.out_links[i]) >= 1]
    crossing = [i for i in able if len(network.in_links[i]) >= 3]
    if recipe.counts.signals is None:
        return [i for i in able if draft.signal[i]]
    weight = draft.importance()
    return sorted(sorted(crossing, key=lambda i: (-weight[i], i))[: recipe.counts.signals])


def _outline(draft: Draft) -> list[Point]:
    margin = 300.0
    xs, ys = [p[0] for p in draft.at], [p[1] for p in draft.at]
    x1, x2, y1, y2 = min(xs) - margin, max(xs) + margin, min(ys) - margin, max(ys) + margin
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _areas(recipe: Recipe, frame: Frame) -> Areas:
    areas, number = Areas(), dict[str, int]()
    for area in recipe.areas:
        number[area.kind] = number.get(area.kind, 0) + 1
        areas.id.append(f"{area.kind}:{number[area.kind]}")
        areas.kind.append(area.kind)
        areas.name.append(area.name)
        areas.polygon.append(frame.flat(area.points))
    return areas
