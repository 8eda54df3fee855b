"""Zones and the demand between them.

Lives here: polygons from seeds, which zone a thing lies in, the gravity model. Must not know: roads' traffic, devices.
"""

from collections.abc import Sequence

from simulator.city import Demand, Zones
from simulator.generate.draft import Recipe, ZoneSeed
from simulator.generate.frame import Frame, Point, distance

PROFILES: dict[str, list[float]] = {
    "to_work": [1, 1, 1, 1, 2, 8, 24, 40, 26, 10, 6, 5, 8, 12, 7, 5, 4, 4, 3, 2, 2, 1, 1, 1],
    "to_home": [1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 5, 14, 8, 5, 6, 10, 28, 42, 24, 12, 8, 6, 4, 2],
    "other": [3, 2, 1, 1, 2, 4, 7, 10, 12, 13, 13, 13, 11, 11, 12, 12, 12, 13, 14, 15, 13, 9, 6, 4],
    "freight": [9, 8, 8, 8, 9, 9, 5, 4, 7, 11, 12, 12, 9, 10, 12, 12, 8, 5, 6, 9, 11, 12, 11, 10],
}
SHARE = {"to_work": 0.3, "to_home": 0.3, "other": 0.32, "freight": 0.08}  # of the trips of a day
REACH_M = 4_000.0  # distance at which the attraction of a zone has halved
LEAST_TRIPS_PER_H = 0.1
FREIGHT_KINDS = ("port", "industrial")


def profile(name: str) -> list[float]:
    """Return the 24 hourly factors of a profile, mean 1."""
    raw = PROFILES[name]
    total = sum(raw)
    return [round(24.0 * value / total, 4) for value in raw]


def build_zones(seeds: Sequence[ZoneSeed], frame: Frame, outline: Sequence[Point]) -> Zones:
    """Return the zone table; each polygon is the part of the outline that is nearest to its seed (Voronoi 1908)."""
    zones = Zones()
    centres = [frame.to_xy(z.lon, z.lat) for z in seeds]
    for i, seed in enumerate(seeds):
        zones.id.append(seed.id)
        zones.name.append(seed.name)
        zones.old_district.append(seed.old_district)
        zones.ward_2025.append(seed.ward_2025)
        zones.kind.append(seed.kind)
        zones.lon.append(round(seed.lon, 6))
        zones.lat.append(round(seed.lat, 6))
        zones.polygon.append(frame.flat(_cell(i, centres, outline)))
        zones.population.append(seed.population)
        zones.jobs.append(seed.jobs)
    return zones


def _cell(i: int, centres: Sequence[Point], outline: Sequence[Point]) -> list[Point]:
    cell = list(outline)
    for j, other in enumerate(centres):
        if j != i and cell:
            cell = _nearer(cell, centres[i], other)
    return cell


def _nearer(polygon: list[Point], mine: Point, other: Point) -> list[Point]:
    """Clip a polygon to the half plane nearer to `mine` (Sutherland and Hodgman 1974)."""
    nx, ny = other[0] - mine[0], other[1] - mine[1]
    limit = nx * (mine[0] + other[0]) / 2 + ny * (mine[1] + other[1]) / 2

    def over(p: Point) -> float:
        return p[0] * nx + p[1] * ny - limit

    out: list[Point] = []
    for a, b in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        da, db = over(a), over(b)
        if da <= 0:
            out.append(a)
        if (da < 0 < db) or (db < 0 < da):
            share = da / (da - db)
            out.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
    return out


def zone_at(centres: Sequence[Point], p: Point) -> int:
    """Return the index of the zone whose centre is nearest."""
    return min(range(len(centres)), key=lambda i: (distance(centres[i], p), i))


def build_demand(recipe: Recipe, frame: Frame, trips_per_h: float, usable: Sequence[bool]) -> Demand:
    """Return gravity demand of `trips_per_h` in all at the daily mean, between the usable zones only.

    Trips go with population at home, jobs at work, over 1 + (d / 4 km)^2; freight goes between ports and industry and all.
    """
    demand = Demand(profile_names=list(PROFILES), profiles=[profile(name) for name in PROFILES])
    if recipe.uniform_demand:
        demand.profile_names, demand.profiles = ["flat"], [[1.0] * 24]
    for p, name in enumerate(demand.profile_names):
        weight = _weights(recipe, frame, name, usable)
        total = sum(weight.values())
        for (i, j), w in weight.items() if total > 0 else ():
            trips = round(trips_per_h * SHARE.get(name, 1.0) * w / total, 2)
            if trips >= LEAST_TRIPS_PER_H:
                demand.origin.append(i)
                demand.destination.append(j)
                demand.trips_per_h.append(trips)
                demand.profile.append(p)
    return demand


def _weights(recipe: Recipe, frame: Frame, name: str, usable: Sequence[bool]) -> dict[tuple[int, int], float]:
    centres = [frame.to_xy(z.lon, z.lat) for z in recipe.zones]
    out: dict[tuple[int, int], float] = {}
    for i, a in enumerate(recipe.zones):
        for j, b in enumerate(recipe.zones):
            pull = _pull(name, a, b) if i != j and usable[i] and usable[j] else 0.0
            if pull > 0:
                far = distance(centres[i], centres[j]) / REACH_M
                out[i, j] = pull if name == "flat" else pull / (1.0 + far * far)
    return out


def _pull(name: str, a: ZoneSeed, b: ZoneSeed) -> float:
    if name == "to_work":
        return float(a.population) * b.jobs
    if name == "to_home":
        return float(a.jobs) * b.population
    if name == "freight":
        return float(a.jobs + b.jobs) * (a.kind in FREIGHT_KINDS or b.kind in FREIGHT_KINDS)
    if name == "flat":
        return 1.0
    return float(a.population + a.jobs) * (b.population + b.jobs)
