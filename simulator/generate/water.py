"""Low spots that flood, by a stated rule: where they lie, what drains into them, what drains them.

Lives here: the table of basins. Must not know: rain, tide, who floods. Rule: the links nearest to rivers and sea (in a city
without drawn water, those farthest from its middle), main roads left out, and no two within 300 m; with each link the one that
runs the other way. Sizes are assumptions for a flat delta town: streets 3.4 to 3.8 m above the datum of the tide, a canal from
1.2 m up, 30 ha of catchment, pumps of 0.5 m³/s; 115 mm in five hours on a tide that shuts the sluices floods by 0.1 to 0.5 m.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.city import Basins
from simulator.generate.draft import Recipe
from simulator.generate.frame import Frame, Point, distance, inside, point_at
from simulator.generate.lighting import Lighting
from simulator.generate.roads import Network

APART_M = 300.0
WATER = ("river", "sea")
DRY_CLASSES = ("motorway", "trunk")  # they run on embankments
STREET_M, STREET_STEP_M = 3.4, 0.1
FLOOR_M = 1.2
BRIDGE_M = 1e6
CATCHMENT_M2, CANAL_M2, STREET_M2 = 300_000.0, 5_000.0, 22_000.0
SLUICE_M2, PUMP_M3_PER_S = 4.0, 0.5

Floats = NDArray[np.float64]


def build_basins(recipe: Recipe, network: Network, frame: Frame, lighting: Lighting) -> Basins:
    """Return the low spots of a city, `recipe.counts.basins` of them or as many as find room."""
    basins, links = Basins(), network.links
    middles = [point_at(points, links.length_m[k] / 2)[0] for k, points in enumerate(network.points)]
    cabinets = np.array(lighting.cabinet_at)
    for n, k in enumerate(_lowest(recipe, links.road_class, middles)):
        lon, lat = frame.to_lonlat(*middles[k])
        basins.id.append(f"basin:{n + 1:02d}")
        basins.name.append(links.name[k])
        basins.zone.append(links.zone[k])
        basins.lon.append(lon)
        basins.lat.append(lat)
        basins.links.append(_both_ways(network, k))
        basins.street_m.append(round(STREET_M + STREET_STEP_M * (n % 5), 2))
        basins.floor_m.append(FLOOR_M)
        basins.catchment_m2.append(CATCHMENT_M2)
        basins.canal_m2.append(CANAL_M2)
        basins.street_m2.append(STREET_M2)
        basins.sluice_m2.append(SLUICE_M2)
        basins.pump_m3_per_s.append(PUMP_M3_PER_S)
        off = cabinets - middles[k]
        basins.feeder.append(lighting.cabinets.feeder[int((off * off).sum(axis=1).argmin())])
    return basins


def _lowest(recipe: Recipe, classes: Sequence[str], middles: Sequence[Point]) -> list[int]:
    """Return links from the lowest up, far enough apart."""
    able = [k for k, road_class in enumerate(classes) if road_class not in DRY_CLASSES] or list(range(len(classes)))
    height = _heights(recipe, middles)
    chosen = list[int]()
    for k in sorted(able, key=lambda k: (height[k], k)):
        if len(chosen) == recipe.counts.basins:
            break
        if all(distance(middles[k], middles[j]) >= APART_M for j in chosen):
            chosen.append(k)
    return chosen


def _heights(recipe: Recipe, middles: Sequence[Point]) -> list[float]:
    """Return what stands in for terrain: metres from the nearest bank, or minus the metres from the city's middle.

    What runs over water does so on a bridge and is as high as can be.
    """
    banks = [area.points for area in recipe.areas if area.kind in WATER]
    if not banks:
        return [-round(distance(p, (0.0, 0.0)), 1) for p in middles]
    away = np.min([_to_bank(middles, bank) for bank in banks], axis=0)
    for bank in banks:
        away[inside(middles, bank)] = BRIDGE_M
    return [round(float(m), 1) for m in away]


def _to_bank(places: Sequence[Point], bank: Sequence[Point]) -> Floats:
    """Return the distance [n] of places from the nearest point of a polygon's outline."""
    p, a = np.array(places)[:, None, :], np.array(bank)[None, :, :]
    step = np.roll(a, -1, axis=1) - a
    square = np.maximum((step * step).sum(axis=2), 1e-9)
    share = np.clip(((p - a) * step).sum(axis=2) / square, 0.0, 1.0)
    off = p - a - share[:, :, None] * step
    nearest: Floats = np.sqrt((off * off).sum(axis=2).min(axis=1))
    return nearest


def _both_ways(network: Network, k: int) -> list[int]:
    links = network.links
    ends = (links.to_node[k], links.from_node[k])
    back = [j for j, pair in enumerate(zip(links.from_node, links.to_node, strict=True)) if pair == ends]
    return [k, *back[:1]]
