"""Sites of devices and bases by stated seeded rules: loops, cameras, doors, SOS poles, photocells, feeder meters.

Lives here: where every device stands. Must not know: what devices measure. Rules:
- loops: one on every link 45 m before its stop line (or at its middle if short), main roads first; when every link has one,
  second sites at 30 % of the longest links; a site covers all lanes of its link (`lane` -1);
- cameras: at the most important junctions, three quarters of them; the others look at places of the zones;
- doors: one at every substation, then gates of public, port and industrial sites and named places;
- SOS poles: along streets, parks and centres first; photocells: on the first cabinet of every feeder;
- feeder meters: one a feeder at its substation;
- flood gauges: in the first street of every low spot; weather stations: in the middle of the zones with the most area first, as
  far apart as they can be; one tide gauge, where the lowest low spot drains to;
- acoustic sensors: along streets, in centres and parks first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.city import Bases, Basins, Devices
from simulator.distributions import Distribution, Uniform
from simulator.generate.draft import Recipe
from simulator.generate.frame import Floats, Frame, Point, distance, point_at
from simulator.generate.lighting import Lighting, shares
from simulator.generate.roads import Network
from simulator.generate.zones import zone_at
from simulator.streams import Streams

SITE = Distribution(
    "city.{purpose}.place",
    Uniform(),
    "ratio",
    "Which street of its zone a camera, door or SOS pole stands at, and how far along.",
    "assumption: any street of the zone; between 20 % and 80 % of its length",
)
STOP_LINE_M = 45.0
SOS_PULL = {"park": 6.0, "centre": 4.0, "residential": 1.5, "port": 1.5, "industrial": 1.0, "rural": 0.5}
DOOR_PULL = {"industrial": 4.0, "port": 4.0, "centre": 2.0, "park": 1.0, "residential": 1.0, "rural": 0.3}
DOOR_NAMES = {
    "industrial": ("Cổng nhà máy", "Cửa kho", "Cửa phòng điện"),
    "port": ("Cổng cảng", "Cửa kho bãi", "Cửa phòng điều độ"),
    "centre": ("Cửa trụ sở", "Cửa bảo tàng", "Cửa chợ"),
    "park": ("Cổng công viên", "Cửa nhà quản lý", "Cửa kho thiết bị"),
}
ALWAYS, DAY, NIGHT = (0.0, 0.0), (6.0, 18.0), (17.0, 5.0)  # shifts, local hours
BASES = {  # kind of unit: its count, what its bases are called, by whose number zones get one, the shifts in turn
    "patrol": ("patrols", "Tổ tuần tra", "population", (ALWAYS,)),
    "ambulance": ("ambulances", "Trạm cấp cứu 115", "population", (ALWAYS,)),
    "fire_engine": ("fire_engines", "Đội chữa cháy 114", "jobs", (ALWAYS,)),
    "tow_truck": ("tow_trucks", "Xe cứu hộ", "jobs", (ALWAYS, (6.0, 22.0))),
    "lamp_crew": ("lamp_crews", "Đội chiếu sáng", "population", (NIGHT, DAY)),
    "electrician": ("electricians", "Đội điện", "population", (ALWAYS,)),
}
ANY_DOOR = ("Cổng trường học", "Cửa trạm bơm", "Cửa nhà văn hóa")


@dataclass(frozen=True, slots=True)
class Ground:
    """What device rules look at: the network in plane metres, zones, cabinets."""

    recipe: Recipe
    frame: Frame
    network: Network
    node_at: Sequence[Point]
    link_zone: Sequence[int]
    lighting: Lighting
    importance: Sequence[float]
    centres: Sequence[Point]
    cabinet_at: Floats
    basins: Basins

    def cabinet_near(self, p: Point) -> int:
        """Return the nearest cabinet."""
        away = self.cabinet_at - p
        return int((away * away).sum(axis=1).argmin())


def build_devices(ground: Ground) -> Devices:
    """Return the table of all device sites of a city."""
    devices = Devices()
    _loops(ground, devices)
    _cameras(ground, devices)
    _doors(ground, devices)
    _sos_poles(ground, devices)
    _photocells(ground, devices)
    _feeder_meters(ground, devices)
    _flood_gauges(ground, devices)
    _weather_stations(ground, devices)
    _tide_gauge(ground, devices)
    _acoustic(ground, devices)
    return devices


def _add(
    ground: Ground, devices: Devices, kind: str, id_: str, name: str, at: Point,
    *, zone: int = -1, link: int = -1, position_m: float = 0.0, node: int = -1, feeder: int = -1, cabinet: int = -1,
) -> None:  # fmt: skip
    lon, lat = ground.frame.to_lonlat(*at)
    devices.id.append(id_)
    devices.kind.append(kind)
    devices.name.append(name)
    devices.lon.append(lon)
    devices.lat.append(lat)
    devices.zone.append(zone_at(ground.centres, at) if zone < 0 else zone)
    devices.link.append(link)
    devices.position_m.append(round(position_m, 1))
    devices.lane.append(-1)
    devices.node.append(node)
    devices.cabinet.append(cabinet)
    nearest = ground.lighting.cabinets.feeder[ground.cabinet_near(at)] if feeder < 0 else feeder
    devices.feeder.append(nearest)


def _loops(ground: Ground, devices: Devices) -> None:
    links = ground.network.links
    ranked = sorted(range(len(links.id)), key=lambda k: (-links.lanes[k], -links.free_speed_mps[k], -links.length_m[k], k))
    by_length = sorted(ranked, key=lambda k: (-links.length_m[k], k))
    wanted = ground.recipe.counts.loops
    first = sorted(ranked[:wanted])
    second = sorted(by_length[: max(0, wanted - len(ranked))])
    for k in first:
        whole = links.length_m[k]
        _loop(ground, devices, k, 1, whole - STOP_LINE_M if whole > 2 * STOP_LINE_M else whole / 2)
    for k in second:
        _loop(ground, devices, k, 2, 0.3 * links.length_m[k])


def _loop(ground: Ground, devices: Devices, k: int, number: int, position_m: float) -> None:
    at, _ = point_at(ground.network.points[k], position_m)
    links = ground.network.links
    id_, name = f"loop:{links.id[k]}:{number}", f"Vòng từ {links.name[k]} {number}"
    zone = ground.link_zone[k]
    _add(ground, devices, "loop_detector", id_, name, at, zone=zone, link=k, position_m=position_m)


def _cameras(ground: Ground, devices: Devices) -> None:
    wanted = ground.recipe.counts.cameras
    ranked = sorted(range(len(ground.node_at)), key=lambda i: (-ground.importance[i], i))
    junctions = sorted(ranked[: wanted * 3 // 4])
    for i in junctions:
        name = f"Camera {ground.network.nodes.name[i]}"
        _add(ground, devices, "camera", f"camera:{ground.network.nodes.id[i]}", name, ground.node_at[i], node=i)
    for zone, number, k, at in _spread(ground, "camera", SOS_PULL, wanted - len(junctions)):
        where = ground.network.links.name[k]
        id_ = f"camera:{ground.recipe.zones[zone].id}:{number}"
        _add(ground, devices, "camera", id_, f"Camera {where} {number}", at, zone=zone)


def _doors(ground: Ground, devices: Devices) -> None:
    feeders, wanted = ground.lighting.feeders, ground.recipe.counts.doors
    first = [f for f in range(len(feeders.id)) if f == 0 or feeders.substation[f] != feeders.substation[f - 1]][:wanted]
    for n, f in enumerate(first):
        at = ground.frame.to_xy(feeders.lon[f], feeders.lat[f])
        _add(ground, devices, "door", f"door:substation:{n + 1}", f"Cửa {feeders.substation[f]}", at, feeder=f)
    sites = ground.recipe.sites[: wanted - len(first)]
    for n, site in enumerate(sites):
        _add(ground, devices, "door", f"door:site:{n + 1}", f"Cổng {site.name}", ground.frame.to_xy(site.lon, site.lat))
    for zone, number, _, at in _spread(ground, "door", DOOR_PULL, wanted - len(first) - len(sites)):
        seed = ground.recipe.zones[zone]
        names = DOOR_NAMES.get(seed.kind, ANY_DOOR)
        name = f"{names[number % len(names)]} {seed.name} {number}"
        _add(ground, devices, "door", f"door:{seed.id}:{number}", name, at, zone=zone)


def _sos_poles(ground: Ground, devices: Devices) -> None:
    for zone, number, k, at in _spread(ground, "sos_pole", SOS_PULL, ground.recipe.counts.sos_poles):
        seed = ground.recipe.zones[zone]
        name = f"Trụ SOS {ground.network.links.name[k]} {number}"
        _add(ground, devices, "sos_pole", f"sos:{seed.id}:{number}", name, at, zone=zone)


def _spread(ground: Ground, purpose: str, pull: dict[str, float], wanted: int) -> list[tuple[int, int, int, Point]]:
    """Return (zone, number in it, link beside it, place) of sites spread over zones by pull and people, 14 m off a road."""
    by_zone: list[list[int]] = [[] for _ in ground.recipe.zones]
    for k, zone in enumerate(ground.link_zone):
        by_zone[zone].append(k)
    weights = [
        pull.get(seed.kind, 1.0) * (2_000.0 + seed.population + seed.jobs) ** 0.5 if by_zone[i] else 0.0
        for i, seed in enumerate(ground.recipe.zones)
    ]
    draws = Streams(ground.recipe.seed).draw(SITE, purpose, tick=0, n=2 * wanted + 2).tolist()
    out, d = list[tuple[int, int, int, Point]](), 0
    for zone, n in enumerate(shares(weights, wanted) if any(weights) else []):
        for number in range(1, n + 1):
            k = by_zone[zone][int(draws[d] * len(by_zone[zone]))]
            (x, y), (dx, dy) = point_at(ground.network.points[k], (0.2 + 0.6 * draws[d + 1]) * ground.network.links.length_m[k])
            out.append((zone, number, k, (x + dy * 14.0, y - dx * 14.0)))
            d += 2
    return out


def _photocells(ground: Ground, devices: Devices) -> None:
    cabinets, seen = ground.lighting.cabinets, set[int]()
    for c, feeder in enumerate(cabinets.feeder):
        if feeder not in seen:
            seen.add(feeder)
            id_, name = f"photocell:{cabinets.id[c].split(':')[1]}", f"Cảm biến ánh sáng {cabinets.name[c]}"
            at = ground.lighting.cabinet_at[c]
            _add(ground, devices, "photocell", id_, name, at, feeder=feeder, cabinet=c)


def _feeder_meters(ground: Ground, devices: Devices) -> None:
    feeders = ground.lighting.feeders
    for f, id_ in enumerate(feeders.id):
        at = ground.frame.to_xy(feeders.lon[f], feeders.lat[f])
        name = f"Đồng hồ {feeders.name[f]}"
        _add(ground, devices, "feeder_meter", f"meter:{id_.split(':')[1]}", name, at, feeder=f)


def _flood_gauges(ground: Ground, devices: Devices) -> None:
    """A gauge beside the middle of the first street of every low spot."""
    links = ground.network.links
    for b, flooded in enumerate(ground.basins.links):
        k = flooded[0]
        half_m = round(links.length_m[k] / 2, 1)
        at, _ = point_at(ground.network.points[k], half_m)
        name, zone = f"Thước đo ngập {links.name[k]}", ground.basins.zone[b]
        id_ = f"flood:{ground.basins.id[b].split(':')[1]}"
        _add(ground, devices, "flood_gauge", id_, name, at, zone=zone, link=k, position_m=half_m)


def _weather_stations(ground: Ground, devices: Devices) -> None:
    """The first at the zone with the most people, each further one where the nearest station is farthest."""
    zones, centres = ground.recipe.zones, ground.centres
    chosen = [min(range(len(zones)), key=lambda i: (-zones[i].population, i))]
    while len(chosen) < min(ground.recipe.counts.weather_stations, len(zones)):
        chosen.append(max(range(len(zones)), key=lambda i: (min(distance(centres[i], centres[j]) for j in chosen), -i)))
    for n, i in enumerate(chosen):
        name = f"Trạm khí tượng {zones[i].name}"
        _add(ground, devices, "weather_station", f"weather:{n + 1}", name, centres[i], zone=i)


def _tide_gauge(ground: Ground, devices: Devices) -> None:
    basins = ground.basins
    if basins.id:
        b = min(range(len(basins.id)), key=lambda i: (basins.street_m[i], i))
        at = ground.frame.to_xy(basins.lon[b], basins.lat[b])
        _add(ground, devices, "tide_gauge", "tide:1", f"Trạm thủy triều {basins.name[b]}", at, zone=basins.zone[b])


def _acoustic(ground: Ground, devices: Devices) -> None:
    for zone, number, k, at in _spread(ground, "acoustic", SOS_PULL, ground.recipe.counts.acoustic):
        name = f"Cảm biến âm thanh {ground.network.links.name[k]} {number}"
        _add(ground, devices, "acoustic_sensor", f"acoustic:{ground.recipe.zones[zone].id}:{number}", name, at, zone=zone)


def build_bases(ground: Ground) -> Bases:
    """Return the bases of all units: each kind spread over the zones with most people, or most people at work."""
    bases, zones = Bases(), ground.recipe.zones
    for kind, (count, word, by, shifts) in BASES.items():
        ranked = sorted(range(len(zones)), key=lambda i: (-getattr(zones[i], by), i))
        for n in range(getattr(ground.recipe.counts, count)):
            seed, shift = zones[ranked[n % len(ranked)]], shifts[n % len(shifts)]
            at = ground.frame.to_xy(seed.lon, seed.lat)
            bases.id.append(f"base:{kind}:{n + 1}")
            bases.kind.append(kind)
            bases.name.append(f"{word} {seed.name}")
            bases.node.append(min(range(len(ground.node_at)), key=lambda i: (distance(ground.node_at[i], at), i)))
            bases.shift_from_h.append(shift[0])
            bases.shift_to_h.append(shift[1])
    return bases
