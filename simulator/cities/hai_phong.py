"""The built-in Hải Phòng: schematic, drawn after the real city, and labelled so.

Lives here: putting streets, water and places together. Must not know: what happens in the city.
The counts of lighting are those of an older press report (16 716 luminaires, 317 cabinets, 21 substations).
"""

from functools import cache

from simulator.cities import hai_phong_places as places
from simulator.cities.hai_phong_streets import fabrics, streets
from simulator.city import City, Text, decode, encode
from simulator.generate.assemble import assemble
from simulator.generate.draft import Counts, MapArea, Recipe
from simulator.generate.frame import Frame, Point, inside, ribbon, smooth
from simulator.generate.streets import Street, draw

FRAME = Frame(106.6822, 20.8580)  # the opera house
COUNTS = Counts(
    luminaires=16_716, cabinets=317, substations=21, feeders_per_substation=2, loops=1_500, cameras=300, doors=120,
    sos_poles=80, signals=190, buildings=11_000,
    basins=16, weather_stations=4, acoustic=24,
    patrols=6, ambulances=5, fire_engines=4, tow_trucks=4, lamp_crews=4, electricians=4,
)  # fmt: skip
ATTRIBUTION = "Schematic, drawn by hand after the real city; not a survey."
BRIDGE_WIDTH_M = 24.0
TRIPS_PER_H = 19_000.0  # daily mean, 39 000 in the peak hour: the centre is slow at 8 and 17 h and empties again by itself


def hai_phong() -> City:
    """Return the schematic Hải Phòng, a fresh copy at each call; building takes a second or two once a process."""
    return decode(_encoded())


@cache
def _encoded() -> bytes:
    water = _water()
    draft = draw(FRAME, streets(), fabrics(), [area.points for area in water])
    return encode(assemble(draft, _recipe(water)))


def _recipe(water: list[MapArea]) -> Recipe:
    return Recipe(
        id="hai_phong", title=Text("Hải Phòng (sơ đồ)", "Hải Phòng (schematic)"), seed=1888, zones=places.ZONES, counts=COUNTS,
        schematic=True, attribution=ATTRIBUTION, outline=tuple(_plane(places.OUTLINE)), sites=places.SITES,
        areas=(*water, *_land(), *_bridges(water)), substations=places.SUBSTATIONS, trips_per_h=TRIPS_PER_H,
    )  # fmt: skip


def _plane(points: tuple[Point, ...]) -> list[Point]:
    return [FRAME.to_xy(*p) for p in points]


def _water() -> list[MapArea]:
    out = [MapArea("sea", "Vịnh Bắc Bộ", tuple(smooth(_plane(places.SEA), 400.0)))]
    for name, _, points, widths in places.RIVERS:
        middle = smooth(_plane(points), 120.0)
        out.append(MapArea("river", name, tuple(ribbon(middle, _stretched(widths, len(middle))))))
    for name, points, width in places.LAKES:
        middle = smooth(_plane(points), 40.0)
        out.append(MapArea("river", name, tuple(ribbon(middle, _lens(width, len(middle))))))
    return out


def _stretched(widths: tuple[float, ...], n: int) -> list[float]:
    """Return n widths, straight between the given ones."""
    out = list[float]()
    for i in range(n):
        at = i * (len(widths) - 1) / (n - 1)
        k = min(int(at), len(widths) - 2)
        out.append(widths[k] + (at - k) * (widths[k + 1] - widths[k]))
    return out


def _lens(width: float, n: int) -> list[float]:
    """Return n widths that swell and taper like a lake."""
    return [width * (0.35 + 2.6 * (i / (n - 1)) * (1 - i / (n - 1))) for i in range(n)]


def _land() -> list[MapArea]:
    strip = smooth(_plane(places.GREEN_STRIP), 60.0)
    out = [MapArea("park", "Dải vườn hoa trung tâm", tuple(ribbon(strip, [55.0] * len(strip))))]
    out += [MapArea(kind, name, tuple(_plane(points))) for kind, name, points in places.AREAS]
    return out


def _bridges(water: list[MapArea]) -> list[MapArea]:
    """Return the parts of the bridge streets that run over water."""
    return [area for street in streets() if street.name in places.BRIDGES for area in _bridges_of(street, water)]


def _bridges_of(street: Street, water: list[MapArea]) -> list[MapArea]:
    runs: list[list[Point]] = [[]]
    points = smooth(_plane(street.points), 25.0)
    masks = [inside(points, area.points) for area in water]
    for i, p in enumerate(points):
        if any(mask[i] for mask in masks):
            runs[-1].append(p)
        elif runs[-1]:
            runs.append([])
    names = places.BRIDGES[street.name]
    found = sorted((run for run in runs if len(run) >= 3), key=len, reverse=True)[: len(names)]
    return [
        MapArea("bridge", name, tuple(ribbon(run, [BRIDGE_WIDTH_M] * len(run)))) for name, run in zip(names, found, strict=False)
    ]
