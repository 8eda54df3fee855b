"""What a city file of an earlier day does not say: filled in the same way each time it is read.

Lives here: defaults of columns and rows that came to the format later. Must not know: files, checks, anything at work. A file
that says all of it is left as it is.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import Bases, City
from simulator.generate.lighting import halve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNIT_NAMES = ("patrol", "ambulance", "fire_engine", "tow_truck", "lamp_crew", "electrician")
THINGS_PER_GATEWAY = 12  # one or two junctions with their cameras, loops and cabinets
GATEWAY_BATTERY_S = 7_200.0
OLD_CREW = "crew"  # one word for what are lamp crews and electricians now


def fill(city: City) -> City:
    """Put the defaults of what is missing into a city and return it.

    Bases are on duty round the clock; a base of kind crew stands for a lamp crew and an electrician; a kind of unit without a
    base stands by at the first base, else at the first node.
    """
    if city.nodes.id:
        _fill_bases(city)
        fill_gateways(city)
    return city


def fill_gateways(city: City) -> None:
    """Lay out gateways where the city has none: in each zone one for a dozen things that report, on one backhaul a zone.

    Things that stand together share one; it stands at the most central of them, on the feeder of most. Where a city has
    gateways, things that name none reach the center by themselves.
    """
    tables: tuple[Any, ...] = (city.devices, city.signals, city.cabinets, city.basins)
    if not city.gateways.id and _sound(city, tables):
        things = [(t, i) for t, table in enumerate(tables) for i in range(len(table.id))]
        at = _places(city, tables)
        zone = np.array([tables[t].zone[i] for t, i in things], dtype=np.int64)
        feeder = np.array([tables[t].feeder[i] for t, i in things], dtype=np.int64)
        for table in tables:
            table.gateway[:] = [-1] * len(table.id)
        for z in sorted(set(zone.tolist())):
            city.backhauls.id.append(f"backhaul:{city.zones.id[z]}")
            city.backhauls.name.append(f"Tuyến truyền {city.zones.name[z]}")
            mine = np.flatnonzero(zone == z)
            for n, group in enumerate(halve(at, mine, [1.0] * -(-len(mine) // THINGS_PER_GATEWAY)), start=1):
                _add_gateway(city, z, n, at, group, feeder[group])
                for k in group.tolist():
                    t, i = things[k]
                    tables[t].gateway[i] = len(city.gateways.id) - 1
    for table in tables:
        table.gateway += [-1] * (len(table.id) - len(table.gateway))


def _sound(city: City, tables: tuple[Any, ...]) -> bool:
    """Return whether the tables are whole enough to lay gateways out; where they are not, the check will say so."""
    even = all(len(t.zone) == len(t.feeder) == len(t.id) for t in tables)
    placed = all(len(t.lon) == len(t.lat) == len(t.id) for t in tables if t is not city.signals)
    nodes = len(city.signals.nodes) == len(city.signals.id) and all(
        n and 0 <= n[0] < min(len(city.nodes.lon), len(city.nodes.lat)) for n in city.signals.nodes
    )
    return even and placed and nodes and all(0 <= z < len(city.zones.name) for t in tables for z in t.zone)


def _places(city: City, tables: tuple[Any, ...]) -> Floats:
    """Return the places of all things in degrees; near enough for who stands next to whom."""
    nodes, rows = city.nodes, list[tuple[float, float]]()
    for table in tables:
        if table is city.signals:
            rows += [(nodes.lon[n[0]], nodes.lat[n[0]]) for n in city.signals.nodes]
        else:
            rows += list(zip(table.lon, table.lat, strict=True))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _add_gateway(city: City, z: int, n: int, at: Floats, group: Ints, feeders: Ints) -> None:
    gateways = city.gateways
    offset = at[group] - np.median(at[group], axis=0)
    lon, lat = at[group[int(np.argmin((offset * offset).sum(axis=1)))]].tolist()
    known = feeders[feeders >= 0]
    gateways.id.append(f"gateway:{city.zones.id[z]}:{n}")
    gateways.name.append(f"Trạm thu {city.zones.name[z]} {n}")
    gateways.zone.append(z)
    gateways.lon.append(lon)
    gateways.lat.append(lat)
    gateways.feeder.append(int(np.bincount(known).argmax()) if len(known) else -1)
    gateways.battery_s.append(GATEWAY_BATTERY_S)
    gateways.backhaul.append(len(city.backhauls.id) - 1)


def _fill_bases(city: City) -> None:
    bases = city.bases
    for column in (bases.shift_from_h, bases.shift_to_h):
        column += [0.0] * (len(bases.id) - len(column))
    if set(bases.kind) >= set(UNIT_NAMES) and OLD_CREW not in bases.kind:
        return
    rows = list(_renamed(bases))
    first = bases.node[0] if bases.node else 0
    known = {row[1] for row in rows}
    rows += [(f"base:{kind}:default", kind, "", first, 0.0, 0.0) for kind in UNIT_NAMES if kind not in known]
    names = type(bases).__struct_fields__
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        getattr(bases, name)[:] = values


def _renamed(bases: Bases) -> Iterator[tuple[object, ...]]:
    rows = zip(bases.id, bases.kind, bases.name, bases.node, bases.shift_from_h, bases.shift_to_h, strict=True)
    for id_, kind, *rest in rows:
        if kind == OLD_CREW:
            yield from ((f"{id_}:{new}", new, *rest) for new in ("lamp_crew", "electrician"))
        else:
            yield (id_, kind, *rest)
