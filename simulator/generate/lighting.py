"""Street lighting and its supply: luminaires along the roads, cabinets over runs of luminaires, feeders over cabinets.

Lives here: the placing of everything electrical. Must not know: switching, failures, power flow.
Rules: lamps stand on the right edge of each direction (on one side of narrow streets), as evenly as the exact number
allows, main roads closer than others; then the city is halved again and again across its longer side, so that every
substation, feeder and cabinet serves a compact area and nearly the same number of lamps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.city import Cabinets, Feeders, Luminaires
from simulator.generate.draft import Counts, Recipe
from simulator.generate.frame import Frame, Point, distance, point_at
from simulator.generate.roads import Network

CLOSENESS = {"motorway": 1.0, "trunk": 1.0, "primary": 1.0, "secondary": 0.9, "tertiary": 0.8}  # others 0.5, one side
POWER_W = {"motorway": 150.0, "trunk": 150.0, "primary": 120.0, "secondary": 100.0, "tertiary": 70.0}  # others 40
EDGE_M = 3.0  # from the edge of the outermost lane to the column
LANE_M = 3.5
MINGLE_M = 9.0  # lamps keep off the middle of junctions

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Lighting:
    """The electrical tables, and the cabinets' places in plane metres."""

    feeders: Feeders
    cabinets: Cabinets
    luminaires: Luminaires
    cabinet_at: list[Point]


def shares(weights: Sequence[float], total: int) -> list[int]:
    """Return whole numbers in proportion to the weights that add up to `total` (largest remainders, Hamilton 1792)."""
    whole = sum(weights) or 1.0
    exact = [total * w / whole for w in weights]
    out = [int(x) for x in exact]
    order = sorted(range(len(out)), key=lambda i: (out[i] - exact[i], i))
    for i in order[: total - sum(out)]:
        out[i] += 1
    return out


def build_lighting(recipe: Recipe, network: Network, frame: Frame) -> Lighting:
    """Return luminaires, cabinets and feeders of the recipe's exact counts."""
    counts = recipe.counts
    link, at = _place_lamps(network, counts.luminaires)
    groups = _areas(at, counts)
    lighting = Lighting(Feeders(), Cabinets(), Luminaires(), [])
    cabinet_of = np.zeros(len(link), dtype=np.int64)
    middles = [_middle(at[np.concatenate([lamps for cabinets in feeders for lamps in cabinets])]) for feeders in groups]
    names = _substation_names(recipe, frame, middles)
    for s, feeders in enumerate(groups):
        for f, cabinets in enumerate(feeders):
            _add_feeder(frame, lighting, s, f, names[s], middles[s])
            for lamps in cabinets:
                cabinet_of[lamps] = _add_cabinet(network, frame, lighting, at[lamps], link[lamps])
    _fill_luminaires(network, frame, lighting, link, at, cabinet_of)
    return lighting


def _place_lamps(network: Network, total: int) -> tuple[Ints, Floats]:
    """Return link and place [n, 2] of all lamps."""
    weights = [_lamp_weight(network, k) for k in range(len(network.points))]
    link, places = list[int](), list[Point]()
    for k, n in enumerate(shares(weights, total)):
        run = max(1.0, network.links.length_m[k] - 2 * MINGLE_M)
        aside = network.links.lanes[k] * LANE_M + EDGE_M
        for i in range(n):
            (x, y), (dx, dy) = point_at(network.points[k], MINGLE_M + run * (i + 0.5) / n)
            link.append(k)
            places.append((x + dy * aside, y - dx * aside))
    return np.array(link, dtype=np.int64), np.array(places, dtype=np.float64).reshape(-1, 2)


def _lamp_weight(network: Network, k: int) -> float:
    close = CLOSENESS.get(network.links.road_class[k], 0.5)
    narrow_way_back = close == 0.5 and network.reverse[k] >= 0 and network.reverse[k] < k
    return 0.0 if narrow_way_back else network.links.length_m[k] * close


def _areas(at: Floats, counts: Counts) -> list[list[list[Ints]]]:
    """Return lamps by substation, feeder and cabinet, with exactly `counts.cabinets` cabinets in all."""
    feeders = counts.substations * counts.feeders_per_substation
    per_feeder = shares([1.0] * feeders, counts.cabinets)
    out: list[list[list[Ints]]] = []
    everything = np.arange(len(at))
    sizes = [per_feeder[i : i + counts.feeders_per_substation] for i in range(0, feeders, counts.feeders_per_substation)]
    for part, own in zip(halve(at, everything, [float(sum(s)) for s in sizes]), sizes, strict=True):
        by_feeder = halve(at, part, [float(n) for n in own])
        out.append([halve(at, lamps, [1.0] * n) for lamps, n in zip(by_feeder, own, strict=True)])
    return out


def halve(at: Floats, items: Ints, weights: Sequence[float]) -> list[Ints]:
    """Split items into compact groups of sizes in proportion to the weights, cutting across the longer side each time."""
    if len(weights) == 1:
        return [items]
    half = len(weights) // 2
    first = sum(weights[:half])
    cut = round(len(items) * first / (first + sum(weights[half:])))
    spread = at[items].max(axis=0) - at[items].min(axis=0)
    axis = int(spread[1] > spread[0])
    order = items[np.lexsort((items, at[items][:, 1 - axis], at[items][:, axis]))]
    return halve(at, order[:cut], weights[:half]) + halve(at, order[cut:], weights[half:])


def _substation_names(recipe: Recipe, frame: Frame, middles: list[Point]) -> list[str]:
    """Give each substation the name of the nearest known one, closest pairs first; the rest are numbered."""
    names = [f"Trạm {s + 1}" for s in range(len(middles))]
    places = [frame.to_xy(site.lon, site.lat) for site in recipe.substations]
    pairs = sorted((distance(p, m), i, s) for i, p in enumerate(places) for s, m in enumerate(middles))
    named, taken = set[int](), set[int]()
    for _, i, s in pairs:
        if i not in taken and s not in named:
            taken.add(i)
            named.add(s)
            names[s] = recipe.substations[i].name
    return names


def _add_feeder(frame: Frame, lighting: Lighting, s: int, f: int, substation: str, at: Point) -> None:
    """Add a feeder; all feeders of a substation start at it, in the middle of its lamps."""
    lon, lat = frame.to_lonlat(*at)
    lighting.feeders.id.append(f"feeder:{s + 1:02d}_{f + 1}")
    lighting.feeders.name.append(f"Xuất tuyến {471 + 2 * f} {substation}")
    lighting.feeders.substation.append(substation)
    lighting.feeders.lon.append(lon)
    lighting.feeders.lat.append(lat)


def _middle(at: Floats) -> Point:
    """Return the lamp place nearest to the middle of all."""
    best = at[_central(at)]
    return (round(float(best[0]), 1), round(float(best[1]), 1))


def _central(at: Floats) -> int:
    offset = at - np.median(at, axis=0)
    return int(np.argmin(offset[:, 0] * offset[:, 0] + offset[:, 1] * offset[:, 1]))


def _add_cabinet(network: Network, frame: Frame, lighting: Lighting, at: Floats, link: Ints) -> int:
    """Put the cabinet at the lamp nearest to the middle of its lamps, named after that lamp's street."""
    best = _central(at)
    lon, lat = frame.to_lonlat(float(at[best, 0]), float(at[best, 1]))
    index = len(lighting.cabinets.id)
    lighting.cabinets.id.append(f"cabinet:{index + 1:03d}")
    lighting.cabinets.name.append(f"Tủ {network.links.name[int(link[best])]} {index + 1}")
    lighting.cabinets.feeder.append(len(lighting.feeders.id) - 1)
    lighting.cabinets.zone.append(-1)
    lighting.cabinets.lon.append(lon)
    lighting.cabinets.lat.append(lat)
    lighting.cabinet_at.append((float(at[best, 0]), float(at[best, 1])))
    return index


def _fill_luminaires(network: Network, frame: Frame, lighting: Lighting, link: Ints, at: Floats, cabinet: Ints) -> None:
    table = lighting.luminaires
    number: dict[int, int] = {}
    for k, (x, y), c in zip(link.tolist(), at.tolist(), cabinet.tolist(), strict=True):
        number[k] = number.get(k, 0) + 1
        lon, lat = frame.to_lonlat(x, y)
        table.id.append(f"lamp:{network.links.id[k]}:{number[k]}")
        table.cabinet.append(c)
        table.link.append(k)
        table.lon.append(lon)
        table.lat.append(lat)
        table.rated_power_w.append(POWER_W.get(network.links.road_class[k], 40.0))
