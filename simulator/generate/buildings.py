"""Buildings to look at: rows of footprints along the streets, clear of roads and water.

Lives here: schematic building blocks. Must not know: people, devices. They are drawn, not surveyed.
"""

import itertools
from collections.abc import Sequence

from simulator.city import Buildings
from simulator.distributions import Distribution, Uniform
from simulator.generate.draft import Recipe
from simulator.generate.frame import Frame, Point, distance, inside, nearest_on_step, point_at
from simulator.generate.roads import Network
from simulator.streams import Streams

LOOK = {  # by kind of zone: kind of building, width along the street, depth, height, share of the frontage that is built
    "centre": ("office", 26.0, 30.0, 24.0, 0.85),
    "residential": ("house", 20.0, 24.0, 13.0, 0.6),
    "industrial": ("warehouse", 70.0, 48.0, 11.0, 0.55),
    "port": ("port", 80.0, 42.0, 13.0, 0.5),
    "park": ("public", 24.0, 22.0, 9.0, 0.45),
    "rural": ("house", 18.0, 18.0, 7.0, 0.2),
}
SHAPE = Distribution(
    "city.buildings.shape",
    Uniform(),
    "ratio",
    "Whether a plot is built on, and width, depth and height of what stands there.",
    "assumption: drawn to look at; `LOOK` has the shares and the sizes by kind of zone",
)
STREET_LIMIT_M = 900.0  # of a long road only this much is built along, from its start
CELL_M = 120.0
GROUND_KINDS = ("river", "sea", "park")


def build_buildings(recipe: Recipe, network: Network, frame: Frame, link_zone: Sequence[int]) -> Buildings:
    """Return at most `counts.buildings` footprints, spread over all streets."""
    out = Buildings()
    wanted = recipe.counts.buildings
    if wanted == 0:
        return out
    spots = _spots(recipe, network, link_zone)
    draws = Streams(recipe.seed).draw(SHAPE, tick=0, n=4 * len(spots)).reshape(-1, 4).tolist()
    roads = _Near(network)
    chosen = [i for i, (_, share, _, _) in enumerate(spots) if draws[i][0] < share]
    step = max(1.0, len(chosen) / wanted)
    taken = [chosen[int(n * step)] for n in range(min(wanted, len(chosen)))]
    shaped = [_corners(recipe, spots[i][0], spots[i][2], spots[i][3], draws[i]) for i in taken]
    middles = [((c[0][0] + c[2][0]) / 2, (c[0][1] + c[2][1]) / 2) for c in shaped]
    wet = [inside(middles, area.points) for area in recipe.areas if area.kind in GROUND_KINDS]
    for n, i in enumerate(taken):
        reach = (distance(shaped[n][1], shaped[n][2])) / 2 + 3.0
        if not any(mask[n] for mask in wet) and not roads.within(middles[n], reach):
            _append(recipe, frame, out, spots[i][0], shaped[n], draws[i][3])
    return out


def _spots(recipe: Recipe, network: Network, link_zone: Sequence[int]) -> list[tuple[int, float, Point, Point]]:
    """Return (zone, built share, place on the kerb, direction) every building width along the right of every link."""
    out = list[tuple[int, float, Point, Point]]()
    for k, points in enumerate(network.points):
        kind, width, depth, _, share = LOOK[recipe.zones[link_zone[k]].kind]
        run = min(network.links.length_m[k], STREET_LIMIT_M)
        aside = network.links.lanes[k] * 3.5 + 8.0
        for i in range(1, int(run / (width * 1.15))):
            (x, y), (dx, dy) = point_at(points, i * width * 1.15)
            out.append((link_zone[k], share, (x + dy * aside, y - dx * aside), (dx, dy)))
            if kind == "office":  # a second row behind the first
                back = aside + 1.4 * depth
                out.append((link_zone[k], 0.6 * share, (x + dy * back, y - dx * back), (dx, dy)))
    return out


def _corners(recipe: Recipe, zone: int, at: Point, way: Point, draw: list[float]) -> list[Point]:
    _, width, depth, _, _ = LOOK[recipe.zones[zone].kind]
    w, d = width * (0.7 + 0.4 * draw[1]), depth * (0.7 + 0.6 * draw[2])
    return [
        (at[0] + way[0] * u + way[1] * v, at[1] + way[1] * u - way[0] * v)
        for u, v in ((-w / 2, 0.0), (w / 2, 0.0), (w / 2, d), (-w / 2, d))
    ]


def _append(recipe: Recipe, frame: Frame, out: Buildings, zone: int, corners: list[Point], draw: float) -> None:
    """Append a building whose height the draw decides; one in fourteen is a tower."""
    kind, _, _, height, _ = LOOK[recipe.zones[zone].kind]
    tall = 2.4 if draw > 0.93 else 1.0
    out.id.append(f"building:{len(out.id) + 1:05d}")
    out.polygon.append(frame.flat(corners))
    out.height_m.append(round(height * (0.6 + 0.8 * draw) * tall, 1))
    out.kind.append(kind)
    out.zone.append(zone)


class _Near:
    """Answers whether any road passes close to a point; road pieces are kept by square cells."""

    def __init__(self, network: Network) -> None:
        self.cells: dict[tuple[int, int], list[tuple[Point, Point]]] = {}
        for k, points in enumerate(network.points):
            if network.reverse[k] < 0 or k < network.reverse[k]:
                for a, b in itertools.pairwise(points):
                    self._add(a, b)

    def _add(self, a: Point, b: Point) -> None:
        n = int(distance(a, b) / CELL_M * 2) + 1
        seen = set[tuple[int, int]]()
        for i in range(n + 1):
            x, y = a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n
            seen.add((int(x // CELL_M), int(y // CELL_M)))
        for cell in sorted(seen):
            self.cells.setdefault(cell, []).append((a, b))

    def within(self, p: Point, reach_m: float) -> bool:
        cx, cy = int(p[0] // CELL_M), int(p[1] // CELL_M)
        for i in (cx - 1, cx, cx + 1):
            for j in (cy - 1, cy, cy + 1):
                for a, b in self.cells.get((i, j), ()):
                    if distance(p, nearest_on_step(p, a, b)[0]) < reach_m:
                        return True
        return False
