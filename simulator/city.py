"""The city format: what is built, where it stands, what it is called. Plain columnar data, no state, no time.

Lives here: the structs of a city file (JSON, columnar: one list per attribute, all lists of a table of one length), reading
and writing. Must not know: traffic, power or sensors at work. Checking that a city adds up is `simulator.city_check`.
Indexes (`from_node`, `cabinet`, ...) point into the tables of the same file; ids are ASCII and stable when a city is
generated again; names are attributes, with their diacritics. -1 means "none".
"""

from pathlib import Path
from typing import Annotated

import msgspec

CONTROLS = ("fixed", "actuated", "max_pressure")  # of signal plans
Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]  # what every reader of JSON takes for a whole number
BY_CLOCK = "clock"  # in place of a plan's name: whatever plan the hour asks for


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages."""

    vi: str
    en: str


class Nodes(msgspec.Struct, forbid_unknown_fields=True):
    """Junctions and ends of links. Positions in degrees, WGS 84."""

    id: list[str] = []
    lon: list[float] = []
    lat: list[float] = []
    name: list[str] = []


class Links(msgspec.Struct, forbid_unknown_fields=True):
    """Directed roads between nodes. `geometry` is flat lon, lat, lon, lat ... from start to end, ends included."""

    id: list[str] = []
    name: list[str] = []
    from_node: list[Whole] = []
    to_node: list[Whole] = []
    length_m: list[float] = []
    lanes: list[Whole] = []
    free_speed_mps: list[float] = []
    road_class: list[str] = []  # motorway trunk primary secondary tertiary residential service
    saturation_veh_per_s_per_lane: list[float] = []
    jam_veh_per_m_per_lane: list[float] = []
    zone: list[Whole] = []
    geometry: list[list[float]] = []


class LaneGroups(msgspec.Struct, forbid_unknown_fields=True):
    """Lanes of one link's exit that are used by the same movements; they queue together."""

    link: list[Whole] = []
    lanes: list[float] = []


class Movements(msgspec.Struct, forbid_unknown_fields=True):
    """What may turn from a link into a link, and from which lane group. `turn` is left, through, right or u_turn."""

    from_link: list[Whole] = []
    to_link: list[Whole] = []
    lane_group: list[Whole] = []
    turn: list[str] = []


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One phase of a plan: the movements (indexes) that have green for `green_s`, then yellow, then all red."""

    green_s: float
    yellow_s: float
    all_red_s: float
    movements: list[Whole]


class SignalPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A plan; its cycle is the sum of its phases and begins at `offset_s` after the full clock.

    `control` is fixed, actuated or max_pressure; the latter two follow traffic, and `green_s` is then the longest a phase may
    last. `hours` are local hours, flat begin, end, begin, end ..., in quarters, in which the plan runs by itself.
    """

    name: str
    offset_s: float
    phases: list[Phase]
    control: str = "fixed"
    hours: list[float] = []

    @property
    def cycle_s(self) -> float:
        """The cycle in seconds."""
        return sum(p.green_s + p.yellow_s + p.all_red_s for p in self.phases)


class Signals(msgspec.Struct, forbid_unknown_fields=True):
    """Signal controllers. `nodes` lists the junction nodes that one controller runs; `plans[0]` is the default."""

    id: list[str] = []
    name: list[str] = []
    nodes: list[list[Whole]] = []
    plans: list[list[SignalPlan]] = []
    feeder: list[Whole] = []
    ups_s: list[float] = []
    zone: list[Whole] = []
    gateway: list[Whole] = []


class Zones(msgspec.Struct, forbid_unknown_fields=True):
    """Areas of the city. `kind`: residential, centre, industrial, port, park, rural. `polygon` is flat lon, lat ..."""

    id: list[str] = []
    name: list[str] = []
    old_district: list[str] = []
    ward_2025: list[str] = []
    kind: list[str] = []
    lon: list[float] = []
    lat: list[float] = []
    polygon: list[list[float]] = []
    population: list[Whole] = []
    jobs: list[Whole] = []


class Demand(msgspec.Struct, forbid_unknown_fields=True):
    """Trips between zones: `trips_per_h` at the daily mean times `profile` (24 hourly factors, mean 1) of `profile_names`."""

    origin: list[Whole] = []
    destination: list[Whole] = []
    trips_per_h: list[float] = []
    profile: list[Whole] = []
    profile_names: list[str] = []
    profiles: list[list[float]] = []


class Feeders(msgspec.Struct, forbid_unknown_fields=True):
    """Medium-voltage feeders; everything electrical hangs on one."""

    id: list[str] = []
    name: list[str] = []
    substation: list[str] = []
    lon: list[float] = []
    lat: list[float] = []


class Cabinets(msgspec.Struct, forbid_unknown_fields=True):
    """Street-lighting cabinets, each on a feeder."""

    id: list[str] = []
    name: list[str] = []
    feeder: list[Whole] = []
    zone: list[Whole] = []
    lon: list[float] = []
    lat: list[float] = []
    gateway: list[Whole] = []


class Backhauls(msgspec.Struct, forbid_unknown_fields=True):
    """Lines from gateways to the center."""

    id: list[str] = []
    name: list[str] = []


class Gateways(msgspec.Struct, forbid_unknown_fields=True):
    """Gateways, each on a feeder (with a battery of `battery_s`) and on a backhaul; devices name theirs in `gateway`."""

    id: list[str] = []
    name: list[str] = []
    zone: list[Whole] = []
    lon: list[float] = []
    lat: list[float] = []
    feeder: list[Whole] = []
    battery_s: list[float] = []
    backhaul: list[Whole] = []


class Luminaires(msgspec.Struct, forbid_unknown_fields=True):
    """Luminaires, each on a cabinet and (mostly) beside a link."""

    id: list[str] = []
    cabinet: list[Whole] = []
    link: list[Whole] = []
    lon: list[float] = []
    lat: list[float] = []
    rated_power_w: list[float] = []


class Devices(msgspec.Struct, forbid_unknown_fields=True):
    """Sites of all other devices: `kind` is a sensor kind (loop_detector, camera, door, sos_pole, photocell, ...).

    `link`/`position_m`/`lane` locate devices on roads, `node` those at junctions, `feeder` and `cabinet` tell their power.
    """

    id: list[str] = []
    kind: list[str] = []
    name: list[str] = []
    lon: list[float] = []
    lat: list[float] = []
    zone: list[Whole] = []
    link: list[Whole] = []
    position_m: list[float] = []
    lane: list[Whole] = []
    node: list[Whole] = []
    feeder: list[Whole] = []
    cabinet: list[Whole] = []
    gateway: list[Whole] = []


class Basins(msgspec.Struct, forbid_unknown_fields=True):
    """Low spots that flood: the water of a catchment gathers in a canal and, when that is full, on the streets `links`.

    Levels are metres above the datum of the tide. `canal_m2` is the water surface between `floor_m` and `street_m`, `street_m2`
    the one above the street. Each has a drain station: a sluice of `sluice_m2` to the tidal water, pumps on `feeder`.
    """

    id: list[str] = []
    name: list[str] = []
    zone: list[Whole] = []
    lon: list[float] = []
    lat: list[float] = []
    links: list[list[Whole]] = []
    street_m: list[float] = []
    floor_m: list[float] = []
    catchment_m2: list[float] = []
    canal_m2: list[float] = []
    street_m2: list[float] = []
    sluice_m2: list[float] = []
    pump_m3_per_s: list[float] = []
    feeder: list[Whole] = []
    gateway: list[Whole] = []


class Gates(msgspec.Struct, forbid_unknown_fields=True):
    """Gates of ports beside a `link` at `position_m`: `lanes` that serve a truck in `service_s` each.

    `truck_share` of the passenger car units that pass there turn in; `storage_veh` trucks can wait off the road.
    """

    id: list[str] = []
    name: list[str] = []
    link: list[Whole] = []
    position_m: list[float] = []
    lanes: list[Whole] = []
    service_s: list[float] = []
    storage_veh: list[float] = []
    truck_share: list[float] = []


class Buildings(msgspec.Struct, forbid_unknown_fields=True):
    """Footprints to draw; `polygon` is flat lon, lat ... ; `kind`: house, office, warehouse, port, public."""

    id: list[str] = []
    polygon: list[list[float]] = []
    height_m: list[float] = []
    kind: list[str] = []
    zone: list[Whole] = []


class Areas(msgspec.Struct, forbid_unknown_fields=True):
    """Map layers to look at: `kind` is river, sea, port, park, bridge or industrial; `polygon` is flat lon, lat ..."""

    id: list[str] = []
    kind: list[str] = []
    name: list[str] = []
    polygon: list[list[float]] = []


class Bases(msgspec.Struct, forbid_unknown_fields=True):
    """Where response units stand by, one a base: `kind` is a kind of unit (see `unit_kinds`), `node` the junction next to it.

    They are on duty from `shift_from_h` to `shift_to_h`, local hours; equal hours: always.
    """

    id: list[str] = []
    kind: list[str] = []
    name: list[str] = []
    node: list[Whole] = []
    shift_from_h: list[float] = []
    shift_to_h: list[float] = []


class City(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A whole city. `schematic` cities are drawn after a real one but are not a survey, and every screen says so."""

    format: str = "cityops-city/1"
    id: str
    title: Text
    schematic: bool = False
    attribution: str = ""
    time_zone: str
    lon: float
    lat: float
    nodes: Nodes
    links: Links
    lane_groups: LaneGroups
    movements: Movements
    signals: Signals
    zones: Zones
    demand: Demand
    feeders: Feeders
    cabinets: Cabinets
    luminaires: Luminaires
    devices: Devices
    gateways: Gateways = msgspec.field(default_factory=Gateways)
    backhauls: Backhauls = msgspec.field(default_factory=Backhauls)
    basins: Basins = msgspec.field(default_factory=Basins)
    gates: Gates = msgspec.field(default_factory=Gates)
    buildings: Buildings = msgspec.field(default_factory=Buildings)
    areas: Areas = msgspec.field(default_factory=Areas)
    bases: Bases = msgspec.field(default_factory=Bases)


def encode(city: City) -> bytes:
    """Return the city as JSON bytes; equal cities give equal bytes."""
    return msgspec.json.encode(city)


def decode(data: bytes) -> City:
    """Return the city of JSON bytes. Raises `msgspec.ValidationError` or `msgspec.DecodeError` on a wrong shape.

    This reads the shape only; `simulator.city_check.load` reads a file, checks that it adds up and says where it does not.
    """
    return msgspec.json.decode(data, type=City)


def save(city: City, path: Path) -> None:
    """Write the city to `path` as JSON."""
    path.write_bytes(encode(city))
