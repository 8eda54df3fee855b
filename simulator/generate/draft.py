"""A city on the drawing board: roads as plain values, and the recipe of everything that is placed along them.

Lives here: the values that makers hand to `assemble`. Must not know: how they were drawn, city tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.city import Text
from simulator.generate.frame import Frame, Point, length

CLASSES = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service")
CLASS_WEIGHT: Mapping[str, float] = {
    "motorway": 6.0, "trunk": 5.0, "primary": 4.0, "secondary": 3.0, "tertiary": 2.0, "residential": 1.0, "service": 0.5,
}  # fmt: skip


@dataclass(slots=True)
class Road:
    """A piece of road between two nodes; `points` run from start to end in plane metres; lanes count one direction."""

    start: int
    end: int
    points: list[Point]
    name: str
    road_class: str
    lanes: int
    speed_mps: float
    oneway: bool = False
    source: int = -1  # what it was made of, for the maker's own use (an OSM way)

    @property
    def length_m(self) -> float:
        """Length along the points [m]."""
        return length(self.points)

    @property
    def weight(self) -> float:
        """Importance of the road."""
        return CLASS_WEIGHT[self.road_class]


@dataclass(slots=True)
class Draft:
    """Nodes and roads in plane metres. `signal[i]` tells whether node i is signalised; `keep[i]` that it may end a road."""

    frame: Frame
    at: list[Point] = field(default_factory=list)
    signal: list[bool] = field(default_factory=list)
    keep: list[bool] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)

    def add_node(self, at: Point, *, signal: bool = False, keep: bool = False) -> int:
        """Add a node and return its index."""
        self.at.append(at)
        self.signal.append(signal)
        self.keep.append(keep)
        return len(self.at) - 1

    def degree(self) -> list[int]:
        """Return the number of road ends at each node."""
        out = [0] * len(self.at)
        for road in self.roads:
            out[road.start] += 1
            out[road.end] += 1
        return out

    def importance(self) -> list[float]:
        """Return for each node the summed weights of its roads."""
        out = [0.0] * len(self.at)
        for road in self.roads:
            out[road.start] += road.weight
            out[road.end] += road.weight
        return out


@dataclass(frozen=True, slots=True)
class ZoneSeed:
    """A zone by its centre (degrees); its polygon is the part of the land that is nearer to it than to other seeds."""

    id: str
    name: str
    lon: float
    lat: float
    kind: str
    population: int
    jobs: int
    old_district: str = ""
    ward_2025: str = ""


@dataclass(frozen=True, slots=True)
class MapArea:
    """A map layer: kind river, sea, port, park, bridge or industrial; points in plane metres."""

    kind: str
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A named place for a base, a door or a camera, in degrees."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each thing a city gets. Feeders and photocells: one photocell and one feeder meter a feeder."""

    luminaires: int
    cabinets: int
    substations: int
    feeders_per_substation: int
    loops: int
    cameras: int
    doors: int
    sos_poles: int
    patrols: int = 2
    ambulances: int = 1
    fire_engines: int = 1
    tow_trucks: int = 1
    lamp_crews: int = 2
    electricians: int = 2
    signals: int | None = None  # None: as drawn
    buildings: int = 0
    basins: int = 1  # low spots that flood, each with a gauge and a drain station
    weather_stations: int = 1
    acoustic: int = 2


def units(nodes: int, nodes_per_unit: int) -> dict[str, int]:
    """Return the counts of response units of a city with so many junctions."""
    more = nodes // nodes_per_unit
    return {
        "patrols": 2 + more, "ambulances": 1 + more, "fire_engines": 1 + more, "tow_trucks": 1 + more,
        "lamp_crews": 2 + more, "electricians": 2 + more,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything about a city but its roads.

    `trips_per_h` is the daily mean of all trips; None lets demand grow until the busiest roads are full at the peak.
    `cycle_s` fixes the cycle of every signal plan; None takes Webster's.
    """

    id: str
    title: Text
    seed: int
    zones: tuple[ZoneSeed, ...]
    counts: Counts
    schematic: bool = True
    attribution: str = ""
    time_zone: str = "Asia/Ho_Chi_Minh"
    outline: tuple[Point, ...] = ()
    areas: tuple[MapArea, ...] = ()
    sites: tuple[Site, ...] = ()
    trips_per_h: float | None = None
    uniform_demand: bool = False
    cycle_s: float | None = None
    substations: tuple[Site, ...] = ()  # names go to the nearest of the places that the lamps ask for
    banned: frozenset[tuple[int, int]] = frozenset()  # (source of the road from, source of the road to): forbidden turns
