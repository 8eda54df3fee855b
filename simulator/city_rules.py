"""What must hold of every column of a city: lengths, ids, numbers, choices, indexes.

Lives here: rules as data, and the functions that apply them. Must not know: files and positions (see `city_check`), how
tables hang together in space (see `city_graph`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from simulator.city import City
from simulator.city_defaults import UNIT_NAMES

Path = tuple[str | int, ...]
MOST_PER_RULE = 5  # after so many of one kind the file is wrong, and more of the same helps nobody


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold: where, what, what was seen, what was expected. Line and column are 0 until known."""

    path: Path
    what: str
    seen: str
    expected: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Say it in the way of all bad input: `line:column: what, saw ..., expected ...`."""
        return f"{self.line}:{self.column}: {self.what}, saw {self.seen}, expected {self.expected}"


TABLES = (
    "nodes", "links", "lane_groups", "movements", "signals", "zones", "feeders", "cabinets", "luminaires", "devices",
    "basins", "gates", "buildings", "areas", "bases", "gateways", "backhauls",
)  # fmt: skip
DEMAND_COLUMNS = ("origin", "destination", "trips_per_h", "profile")
MUST_HAVE = ("nodes", "links", "movements", "zones", "feeders", "cabinets")

CLASSES = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service")
CHOICES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("links", "road_class"): CLASSES,
    ("movements", "turn"): ("left", "through", "right", "u_turn"),
    ("zones", "kind"): ("residential", "centre", "industrial", "port", "park", "rural"),
    ("buildings", "kind"): ("house", "office", "warehouse", "port", "public"),
    ("areas", "kind"): ("river", "sea", "port", "park", "bridge", "industrial"),
    ("bases", "kind"): UNIT_NAMES,
}
BOUNDS: Mapping[tuple[str, str], tuple[float, float, str]] = {
    ("links", "length_m"): (5.0, 50_000.0, "metres"),
    ("links", "lanes"): (1, 10, "lanes"),
    ("links", "free_speed_mps"): (1.0, 45.0, "m/s"),
    ("links", "saturation_veh_per_s_per_lane"): (0.05, 1.0, "veh/s per lane"),
    ("links", "jam_veh_per_m_per_lane"): (0.05, 0.5, "veh/m per lane"),
    ("lane_groups", "lanes"): (0.01, 10.0, "lanes"),
    ("signals", "ups_s"): (0.0, 86_400.0, "seconds"),
    ("zones", "population"): (0, 20_000_000, "people"),
    ("zones", "jobs"): (0, 20_000_000, "jobs"),
    ("demand", "trips_per_h"): (0.0, 1_000_000.0, "trips/h"),
    ("luminaires", "rated_power_w"): (1.0, 2_000.0, "watts"),
    ("devices", "position_m"): (0.0, 50_000.0, "metres"),
    ("devices", "lane"): (-1, 9, "a lane, or -1 for all"),
    ("gateways", "battery_s"): (0.0, 604_800.0, "seconds"),
    ("bases", "shift_from_h"): (0.0, 24.0, "local hours"),
    ("bases", "shift_to_h"): (0.0, 24.0, "local hours"),
    ("buildings", "height_m"): (1.0, 1_000.0, "metres"),
    ("gates", "position_m"): (0.0, 50_000.0, "metres"),
    ("gates", "lanes"): (1, 100, "lanes"),
    ("gates", "service_s"): (1.0, 3_600.0, "seconds"),
    ("gates", "storage_veh"): (0.0, 10_000.0, "trucks"),
    ("gates", "truck_share"): (0.0, 1.0, "a ratio"),
    ("basins", "street_m"): (-10.0, 1_000.0, "metres above the datum of the tide"),
    ("basins", "floor_m"): (-20.0, 1_000.0, "metres above the datum of the tide"),
    ("basins", "catchment_m2"): (0.0, 1e9, "square metres"),
    ("basins", "canal_m2"): (1.0, 1e8, "square metres"),
    ("basins", "street_m2"): (1.0, 1e8, "square metres"),
    ("basins", "sluice_m2"): (0.0, 1_000.0, "square metres"),
    ("basins", "pump_m3_per_s"): (0.0, 1_000.0, "m³/s"),
}
INDEXES: Mapping[tuple[str, str], tuple[str, bool]] = {  # into which table, and whether -1 (none) may stand
    ("links", "from_node"): ("nodes", False), ("links", "to_node"): ("nodes", False), ("links", "zone"): ("zones", False),
    ("lane_groups", "link"): ("links", False), ("movements", "from_link"): ("links", False),
    ("movements", "to_link"): ("links", False), ("movements", "lane_group"): ("lane_groups", False),
    ("signals", "feeder"): ("feeders", True), ("signals", "zone"): ("zones", False),
    ("demand", "origin"): ("zones", False), ("demand", "destination"): ("zones", False),
    ("cabinets", "feeder"): ("feeders", False), ("cabinets", "zone"): ("zones", False),
    ("luminaires", "cabinet"): ("cabinets", False), ("luminaires", "link"): ("links", True),
    ("devices", "zone"): ("zones", False), ("devices", "link"): ("links", True), ("devices", "node"): ("nodes", True),
    ("devices", "feeder"): ("feeders", True), ("devices", "cabinet"): ("cabinets", True),
    ("gates", "link"): ("links", False), ("basins", "zone"): ("zones", False), ("basins", "feeder"): ("feeders", True),
    ("gateways", "zone"): ("zones", False), ("gateways", "feeder"): ("feeders", True),
    ("gateways", "backhaul"): ("backhauls", False), ("devices", "gateway"): ("gateways", True),
    ("signals", "gateway"): ("gateways", True), ("cabinets", "gateway"): ("gateways", True),
    ("basins", "gateway"): ("gateways", True), ("buildings", "zone"): ("zones", False), ("bases", "node"): ("nodes", False),
}  # fmt: skip
POLYGONS = (("zones", "polygon"), ("buildings", "polygon"), ("areas", "polygon"))
_ID = re.compile(r"[A-Za-z0-9_.:\-]+")


def column(city: City, table: str, name: str) -> list[object]:
    """Return a column of a table."""
    values: list[object] = getattr(getattr(city, table), name)
    return values


def size(city: City, table: str) -> int:
    """Return the number of rows of a table."""
    values = column(city, table, getattr(city, table).__struct_fields__[0])
    return len(values)


def table_problems(city: City) -> Iterator[Problem]:
    """Yield what is wrong with single tables; if columns differ in length, nothing else can be said."""
    uneven = list(_uneven(city))
    yield from uneven
    if uneven:
        return
    yield from _empty(city)
    yield from _ids(city)
    for (table, name), choices in CHOICES.items():
        yield from _choices(city, table, name, choices)
    for (table, name), (low, high, unit) in BOUNDS.items():
        yield from _bounds(city, table, name, low, high, unit)
    for table in ("nodes", "zones", "feeders", "cabinets", "luminaires", "devices", "basins", "gateways"):
        yield from _bounds(city, table, "lon", -180.0, 180.0, "degrees")
        yield from _bounds(city, table, "lat", -90.0, 90.0, "degrees")
    for (table, name), (target, optional) in INDEXES.items():
        yield from _indexes(city, table, name, target, optional=optional)
    for table, name in POLYGONS:
        yield from _polygons(city, table, name)


def _uneven(city: City) -> Iterator[Problem]:
    for table in TABLES:
        names = getattr(city, table).__struct_fields__
        yield from _same_length(city, table, names)
    yield from _same_length(city, "demand", DEMAND_COLUMNS)


def _same_length(city: City, table: str, names: tuple[str, ...]) -> Iterator[Problem]:
    expected = len(column(city, table, names[0]))
    for name in names[1:]:
        seen = len(column(city, table, name))
        if seen != expected:
            what = f"{table}.{name} has another length than {table}.{names[0]}"
            yield Problem((table, name), what, f"{seen} values", f"{expected}")


def _empty(city: City) -> Iterator[Problem]:
    for table in MUST_HAVE:
        if size(city, table) == 0:
            yield Problem((table,), f"{table} is empty", "0 rows", "at least one")


def _ids(city: City) -> Iterator[Problem]:
    for table in TABLES:
        if "id" not in getattr(city, table).__struct_fields__:
            continue
        first: dict[object, int] = {}
        for i, value in enumerate(column(city, table, "id")):
            path: Path = (table, "id", i)
            if not _ID.fullmatch(str(value)):
                yield Problem(path, f"{table}.id[{i}] is not an id", repr(value), "ASCII letters, digits and _ . : -")
            if value in first:
                yield Problem(path, f"{table}.id[{i}] is there twice", repr(value), f"another id than row {first[value]}")
            first.setdefault(value, i)


def _choices(city: City, table: str, name: str, choices: tuple[str, ...]) -> Iterator[Problem]:
    wrong = [(i, v) for i, v in enumerate(column(city, table, name)) if v not in choices]
    for i, value in wrong[:MOST_PER_RULE]:
        yield Problem((table, name, i), f"{table}.{name}[{i}] is unknown", repr(value), "one of " + ", ".join(choices))


def _bounds(city: City, table: str, name: str, low: float, high: float, unit: str) -> Iterator[Problem]:
    values = np.array(column(city, table, name), dtype=np.float64)
    bad = np.flatnonzero(~((values >= low) & (values <= high))).tolist()  # NaN is bad too
    for i in bad[:MOST_PER_RULE]:
        what = f"{table}.{name}[{i}] is out of bounds"
        yield Problem((table, name, i), what, f"{values[i]:g}", f"{unit} in {low:g}–{high:g}")


def _indexes(city: City, table: str, name: str, target: str, *, optional: bool) -> Iterator[Problem]:
    values, rows = np.array(column(city, table, name), dtype=np.int64), size(city, target)
    lowest = -1 if optional else 0
    bad = np.flatnonzero((values < lowest) | (values >= rows)).tolist()
    for i in bad[:MOST_PER_RULE]:
        what = f"{table}.{name}[{i}] points to no row of {target}"
        none = " or -1 for none" if optional else ""
        yield Problem((table, name, i), what, str(values[i]), f"0–{rows - 1}{none}")


def _polygons(city: City, table: str, name: str) -> Iterator[Problem]:
    for i, flat in enumerate(column(city, table, name)):
        assert isinstance(flat, list)
        if len(flat) < 6 or len(flat) % 2:
            what = f"{table}.{name}[{i}] is no polygon"
            yield Problem((table, name, i), what, f"{len(flat)} numbers", "lon, lat of at least 3 points")
        elif not np.isfinite(np.array(flat)).all():
            yield Problem((table, name, i), f"{table}.{name}[{i}] has a number that is none", "NaN or infinity", "degrees")
