"""Where the city's things are: any id of the city as degrees, zone and nearest junction.

Lives here: lookups over the tables of a city. Must not know: state, time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # its parts load at their first use: who only reads a city needs none of them
from numpy.typing import NDArray

from simulator.city import City
from simulator.truth import Place

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CARRIERS = ("signal", "cabinet", "luminaire", "basin", "gateway")  # things whose own device goes by their id
METRES_PER_DEGREE = 111_194.93  # of a sphere of radius 6 371 km


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the ground: degrees, zone (-1: none) and nearest node."""

    lon: float
    lat: float
    zone: int
    node: int


class Places:
    """Finds the things of one city."""

    def __init__(self, city: City) -> None:
        self._city = city
        ratio = float(np.round(np.cos(np.radians(city.lat)), 9))
        self._metres = np.array([METRES_PER_DEGREE * ratio, METRES_PER_DEGREE])
        self._nodes = scipy.spatial.cKDTree(self.metres(np.array(city.nodes.lon), np.array(city.nodes.lat)))
        self._index: dict[str, dict[str, int]] = {}

    def metres(self, lon: Floats, lat: Floats) -> Floats:
        """Return plane metres [n, 2] east and north of the city's centre; errs by < 0.1 % over 10 km."""
        out: Floats = np.column_stack([lon - self._city.lon, lat - self._city.lat]) * self._metres
        return out

    def distance_m(self, lon: Floats, lat: Floats, to_lon: float, to_lat: float) -> Floats:
        """Return the distances [m] of places from one place."""
        offset = np.column_stack([lon - to_lon, lat - to_lat]) * self._metres
        out: Floats = np.sqrt(offset[:, 0] * offset[:, 0] + offset[:, 1] * offset[:, 1])
        return out

    def index(self, kind: str, thing_id: str) -> int:
        """Return the row of an id in its table, or -1. `device` looks into the device table only."""
        if kind not in self._index:
            self._index[kind] = {name: i for i, name in enumerate(_ids(self._city, kind))}
        return self._index[kind].get(thing_id, -1)

    def spot(self, place: Place) -> Spot | None:
        """Return where a place is, or None when the city has no such thing."""
        city, kind = self._city, place.kind
        if kind == "device" and self.index("device", place.id) < 0:
            kind = self.carrier(place)
        i = self.index(kind, place.id) if kind else -1
        if i < 0:
            return None
        if kind == "node":
            return self._at(city.nodes.lon[i], city.nodes.lat[i], self._zone_of_node(i), i)
        if kind == "link":
            return self._at_link(i)
        if kind == "signal":
            node = city.signals.nodes[i][0]
            return self._at(city.nodes.lon[node], city.nodes.lat[node], city.signals.zone[i], node)
        return self._in_table(kind, i)

    def carrier(self, place: Place) -> str:
        """Return the kind of what stands at a place: lamps, cabinets, signals, basins may be named as their device."""
        if place.kind != "device":
            return place.kind
        return next((kind for kind in CARRIERS if self.index(kind, place.id) >= 0), "device")

    def _in_table(self, kind: str, i: int) -> Spot:
        city = self._city
        if kind == "luminaire":
            return self._at(city.luminaires.lon[i], city.luminaires.lat[i], city.cabinets.zone[city.luminaires.cabinet[i]])
        if kind == "feeder":
            return self._at(city.feeders.lon[i], city.feeders.lat[i], -1)
        if kind == "building":
            flat = city.buildings.polygon[i]
            return self._at(flat[0], flat[1], city.buildings.zone[i])
        if kind == "zone":
            return self._at(city.zones.lon[i], city.zones.lat[i], i)
        if kind == "backhaul":  # where the first of its gateways stands
            i = city.gateways.backhaul.index(i) if i in city.gateways.backhaul else -1
            return self._at(city.lon, city.lat, -1) if i < 0 else self._in_table("gateway", i)
        tables: dict[str, Any] = {"cabinet": city.cabinets, "basin": city.basins, "gateway": city.gateways}
        table = tables.get(kind, city.devices)
        return self._at(table.lon[i], table.lat[i], table.zone[i])

    def _at_link(self, i: int) -> Spot:
        flat = self._city.links.geometry[i]
        middle = len(flat) // 4 * 2
        return self._at(flat[middle], flat[middle + 1], self._city.links.zone[i], self._city.links.from_node[i])

    def _zone_of_node(self, node: int) -> int:
        links = self._city.links
        return next((links.zone[k] for k, end in enumerate(links.to_node) if end == node), -1)

    def _at(self, lon: float, lat: float, zone: int, node: int = -1) -> Spot:
        if node < 0:
            node = int(np.asarray(self._nodes.query(self.metres(np.array([lon]), np.array([lat])))[1]).item())
        return Spot(lon, lat, zone, node)


def _ids(city: City, kind: str) -> list[str]:
    tables = {
        "link": city.links.id, "node": city.nodes.id, "zone": city.zones.id, "feeder": city.feeders.id,
        "cabinet": city.cabinets.id, "luminaire": city.luminaires.id, "signal": city.signals.id,
        "building": city.buildings.id, "device": city.devices.id, "basin": city.basins.id,
        "gateway": city.gateways.id, "backhaul": city.backhauls.id, "gate": city.gates.id,
    }  # fmt: skip
    return tables.get(kind, [])
