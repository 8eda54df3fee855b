"""An OpenStreetMap extract as a whole city, and a report of what was made of it.

Lives here: the one public function of the import. Must not know: parsing (`read`), topology (`graph`). Rules for what no
map tells: one luminaire per 34 m of main road and direction, 53 on a cabinet, 15 cabinets on a substation of two feeders;
a loop site on every link, a camera for every second junction, a door for every fourth, an SOS pole for every fifth; a low
spot with gauge and drain station for every 40th junction, a weather station for every
150th, an acoustic sensor for every 40th, one tide gauge.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from simulator.city import City, Text
from simulator.city_check import CityError, Problem, check
from simulator.generate.assemble import assemble
from simulator.generate.draft import Counts, Draft, Recipe, units
from simulator.generate.frame import Frame, slug
from simulator.generate.lighting import CLOSENESS
from simulator.osm.graph import STEP_S, GraphReport, build_draft
from simulator.osm.read import Extract, read
from simulator.osm.ways import road_kind
from simulator.osm.zones import make_zones

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0; devices, lighting, signal plans and demand are placed by rule."
LAMP_M, LAMPS_PER_CABINET, CABINETS_PER_SUBSTATION = 34.0, 53, 15
FEWEST_NODES = 4
WIDEST_M = 150_000.0  # Hà Nội with all its districts is 95 km


@dataclass(frozen=True, slots=True)
class Report:
    """What an import read, defaulted, merged and dropped, and what the city holds."""

    source: str
    graph: GraphReport
    nodes: int
    links: int
    links_shorter_than_step: int
    movements: int
    signals: int
    zones: int
    trips_per_h: float
    luminaires: int
    cabinets: int
    feeders: int
    loops: int
    cameras: int
    doors: int
    sos_poles: int
    buildings: int

    def to_dict(self) -> dict[str, object]:
        """Return plain data, for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the report as short lines for a terminal."""
        g = self.graph
        return [
            f"read      {g.nodes_read} nodes, {g.ways_read} ways, {g.restrictions_read} turn restrictions",
            f"used      {g.ways_drivable} ways ({g.one_way} one-way, {g.roundabouts} roundabout), dropped {g.ways_not_drivable}",
            f"defaulted lanes of {g.lanes_defaulted} ways, speed of {g.speed_defaulted} ways, name of {g.unnamed} ways",
            f"merged    {g.nodes_merged} nodes of short pieces, {g.pieces_joined} joints, dropped {g.doubles_dropped} doubles",
            f"dropped   {g.nodes_not_connected} nodes and {g.roads_not_connected} roads outside the largest connected part",
            (
                f"signals   {g.signal_nodes} nodes: {g.signals_on_junction} on a junction, {g.signals_snapped} snapped to one, "
                f"{g.signals_mid_block} mid-block dropped; {self.signals} controllers"
            ),
            (
                f"made      {self.nodes} nodes, {self.links} links ({self.links_shorter_than_step} shorter than {STEP_S:g} s), "
                f"{self.movements} movements, {self.zones} zones, {self.trips_per_h:.0f} trips/h"
            ),
            (
                f"placed    {self.luminaires} luminaires, {self.cabinets} cabinets, {self.feeders} feeders, {self.loops} loops, "
                f"{self.cameras} cameras, {self.doors} doors, {self.sos_poles} SOS poles, {self.buildings} buildings"
            ),
        ]


def import_osm(path: Path | str, name: str, seed: int = 1) -> tuple[City, Report]:
    """Return the city of an OSM XML or Overpass JSON extract, and the report; the same for the same file and seed.

    Raises `CityError` with `file:line:column` for a malformed file, and if too few connected drivable ways are in it.
    """
    source, id_ = Path(path), slug(name)
    if not id_:
        raise CityError(str(source), [Problem((), "the name makes no id", repr(name), "at least one letter or digit", 1, 1)])
    graph = GraphReport()
    extract = read(source)
    _check_span(source, extract)
    draft, banned = build_draft(extract, graph)
    if len(draft.at) < FEWEST_NODES:
        seen = f"{graph.ways_drivable} drivable of {graph.ways_read} ways, {len(draft.at)} connected junctions"
        raise CityError(
            str(source), [Problem((), "too few streets for a city", seen, f"at least {FEWEST_NODES} junctions", 1, 1)]
        )
    city = assemble(draft, _recipe(draft, id_, name, seed, banned))
    problems = check(city)
    if problems:
        raise CityError(f"{source} as {id_}", problems)
    return city, _report(source, graph, city)


def _check_span(source: Path, extract: Extract) -> None:
    """One stray node makes a road around the earth with a lamp every thirty metres: refuse it before anything is placed."""
    used = [extract.at[n] for way in extract.ways if road_kind(way.tags) for n in way.nodes if n in extract.at]
    if not used:
        return
    lons, lats = [lon for lon, _ in used], [lat for _, lat in used]
    west, east, south, north = min(lons), max(lons), min(lats), max(lats)
    frame = Frame((west + east) / 2, (south + north) / 2)
    (left, low), (right, high) = frame.to_xy(west, south), frame.to_xy(east, north)
    widest_m = max(right - left, high - low)
    if widest_m > WIDEST_M:
        seen = f"{widest_m / 1000:.0f} km, lon {west:g} to {east:g}, lat {south:g} to {north:g}"
        limit = f"one city, at most {WIDEST_M / 1000:.0f} km"
        raise CityError(str(source), [Problem((), "the streets lie too far apart", seen, limit, 1, 1)])


def _recipe(draft: Draft, id_: str, name: str, seed: int, banned: frozenset[tuple[int, int]]) -> Recipe:
    return Recipe(
        id=id_, title=Text(name, name), seed=seed, zones=make_zones(draft, seed), counts=_counts(draft), schematic=False,
        attribution=ATTRIBUTION, banned=banned,
    )  # fmt: skip


def _counts(draft: Draft) -> Counts:
    nodes, links = len(draft.at), sum(1 if road.oneway else 2 for road in draft.roads)
    metres = sum(
        r.length_m * CLOSENESS.get(r.road_class, 0.5) * (1 if r.oneway or r.road_class not in CLOSENESS else 2)
        for r in draft.roads
    )
    cabinets = max(2, round(metres / LAMP_M / LAMPS_PER_CABINET))
    return Counts(
        luminaires=max(cabinets, round(metres / LAMP_M)), cabinets=cabinets,
        substations=max(1, round(cabinets / CABINETS_PER_SUBSTATION)), feeders_per_substation=2,
        loops=links, cameras=max(2, nodes // 2), doors=max(2, nodes // 4), sos_poles=max(2, nodes // 5),
        **units(nodes, 250), signals=None, buildings=5 * len(draft.roads),
        basins=max(1, nodes // 40), weather_stations=max(1, nodes // 150), acoustic=max(2, nodes // 40),
    )  # fmt: skip


def _report(source: Path, graph: GraphReport, city: City) -> Report:
    links, kinds = city.links, city.devices.kind
    short = sum(m < STEP_S * v for m, v in zip(links.length_m, links.free_speed_mps, strict=True))
    return Report(
        source=str(source), graph=graph, nodes=len(city.nodes.id), links=len(links.id), links_shorter_than_step=short,
        movements=len(city.movements.turn), signals=len(city.signals.id), zones=len(city.zones.id),
        trips_per_h=round(sum(city.demand.trips_per_h), 1), luminaires=len(city.luminaires.id),
        cabinets=len(city.cabinets.id), feeders=len(city.feeders.id), loops=kinds.count("loop_detector"),
        cameras=kinds.count("camera"), doors=kinds.count("door"), sos_poles=kinds.count("sos_pole"),
        buildings=len(city.buildings.id),
    )  # fmt: skip
