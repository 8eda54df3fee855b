"""What the center knows of the city's shape: devices, their labels, places and map layers, all from the wire.

Lives here: look-ups over one version of the registry and its layers. Must not know: readings, alerts, time.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ops_center.map_layers import MapLayers
from ops_center.opening import BadRegistry
from sensors.messages import CommandInfo, DeviceTable, Hello, KindInfo, Registry

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
PLACE_LABELS = ("feeder", "cabinet", "junction", "road", "link", "zone", "ward", "substation", "place")
MAX_FOUND = 30


def fold(text: str) -> str:
    """Return `text` without diacritics and case: 'Lê Chân' and 'le chan' are the same word."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def check_registry(registry: Registry) -> None:
    """Raise BadRegistry unless every table has a known kind and columns of one length, and no index is used twice."""
    kinds = {kind.name for kind in registry.kinds}
    used: set[int] = set()
    for table in registry.devices:
        if table.kind not in kinds:
            raise BadRegistry(f"a device table has kind {table.kind!r}; the registry has {', '.join(sorted(kinds))}")
        lengths = {len(c) for c in (table.index, table.device_id, table.name, table.lon, table.lat, table.zone, table.road)}
        lengths |= {len(c) for c in table.labels.values()}
        if len(lengths) != 1:
            raise BadRegistry(f"the columns of the table of {table.kind} have lengths {sorted(lengths)}; expected one length")
        if len(set(table.index)) != len(table.index) or used & set(table.index) or (table.index and min(table.index) < 0):
            raise BadRegistry(f"the table of {table.kind} uses an index twice or below 0")
        used |= set(table.index)


class CityView:
    """One version of a city's registry with its layers, indexed for look-ups. Device arrays have shape (devices,)."""

    def __init__(self, hello: Hello, registry: Registry, layers: MapLayers | None) -> None:
        check_registry(registry)
        self.hello, self.registry, self.layers = hello, registry, layers
        self.kinds: list[KindInfo] = registry.kinds
        self.kind_index = {kind.name: i for i, kind in enumerate(registry.kinds)}
        self.tables: dict[str, DeviceTable] = {table.kind: table for table in registry.devices}
        self.command_types: dict[str, CommandInfo] = {command.type: command for command in registry.commands}
        self.n_devices = 1 + max((max(t.index) for t in registry.devices if t.index), default=-1)
        self.rows = {kind: np.asarray(table.index, dtype=np.int64) for kind, table in self.tables.items()}
        self._fill_columns()
        self._zone_properties = self._properties("zones")
        self._label_names = {"city", "kind", "zone", "ward", *(name for table in registry.devices for name in table.labels)}
        self._columns: dict[tuple[str, str], list[str]] = {}
        self._by_place: dict[str, dict[str, list[int]]] = {}
        self._feeder_of: dict[str, dict[str, str]] = {}
        for kind in self.tables:
            self._index_feeders(kind)

    def _fill_columns(self) -> None:
        n = self.n_devices
        self.device_id, self.name = [""] * n, [""] * n
        self.kind, self.zone, self.road = (np.full(n, -1, dtype=np.int64) for _ in range(3))
        self.lon, self.lat = np.zeros(n), np.zeros(n)
        self.position = np.full(n, -1, dtype=np.int64)  # row within the kind's table
        for kind, table in self.tables.items():
            index = self.rows[kind]
            self.kind[index] = self.kind_index[kind]
            self.zone[index], self.road[index] = table.zone, table.road
            self.lon[index], self.lat[index] = table.lon, table.lat
            self.position[index] = np.arange(len(index))
            for at, device_id, name in zip(table.index, table.device_id, table.name, strict=True):
                self.device_id[at], self.name[at] = device_id, name
        self.by_id = {device_id: i for i, device_id in enumerate(self.device_id) if device_id}

    def _properties(self, layer: str) -> list[Mapping[str, Any]]:
        return self.layers.properties[layer] if self.layers else []

    def _places(self, label: str) -> dict[str, list[int]]:
        """Return value -> devices for a label, indexed when it is first asked for."""
        if label not in self._by_place:
            places: dict[str, list[int]] = {}
            for kind, table in self.tables.items():
                for index, value in zip(table.index, self.label_column(kind, label), strict=True):
                    if value:
                        places.setdefault(value, []).append(index)
            self._by_place[label] = places
        return self._by_place[label]

    def _index_feeders(self, kind: str) -> None:
        """Remember the feeder of each cabinet and junction whose devices all agree on it."""
        feeders = self.label_column(kind, "feeder")
        for label in ("cabinet", "junction"):
            known = self._feeder_of.setdefault(label, {})
            for place, feeder in zip(self.label_column(kind, label), feeders, strict=True):
                if place and feeder:
                    known[place] = feeder if known.get(place, feeder) == feeder else ""

    def label_column(self, kind: str, label: str) -> list[str]:
        """Return the values of a label for every row of a kind's table; zone and ward come from the layers if need be."""
        key = (kind, label)
        if key not in self._columns:
            self._columns[key] = self._read_column(kind, label)
        return self._columns[key]

    def _read_column(self, kind: str, label: str) -> list[str]:
        table = self.tables[kind]
        column = table.labels.get(label)
        if column is not None:
            return column
        keys = {"zone": ("id",), "ward": ("ward_2025", "ward")}.get(label)
        if keys is None:
            return [""] * len(table.index)
        return [self._zone_value(zone, keys) for zone in table.zone]

    def _zone_value(self, zone: int, keys: tuple[str, ...]) -> str:
        if not 0 <= zone < len(self._zone_properties):
            return ""
        properties = self._zone_properties[zone]
        return next((str(properties[key]) for key in keys if properties.get(key)), "")

    def forget_static(self) -> None:
        """Let go of the labels of static series, which are in the series store by now: as mappings they are the largest part."""
        self.registry = msgspec.structs.replace(self.registry, static=[])

    def series_labels(self, kind: str) -> list[tuple[tuple[str, str], ...]]:
        """Return the labels of every series of a kind as sorted pairs, one tuple per row of its table.

        Column by column: a pair such as `kind="lamp"` is made once, not once per device.
        """
        table = self.tables[kind]
        n = len(table.index)
        columns = {"city": [self.hello.city] * n, "kind": [kind] * n, "device_id": table.device_id}
        for name in dict.fromkeys([*table.labels, "zone", "ward"]):
            own = self.label_column(kind, name)
            columns[name] = own if name not in columns else [a or b for a, b in zip(own, columns[name], strict=True)]
        rows = list(zip(*(_pairs(name, columns[name]) for name in sorted(columns)), strict=True))
        if all(map(all, columns.values())):
            return rows
        return [tuple([pair for pair in row if pair[1]]) for row in rows]  # an empty value is no label

    def present_labels(self, kind: str) -> list[tuple[tuple[str, str], ...]]:
        """Return the labels of the devices of a kind that have not been removed."""
        labels, gone = self.series_labels(kind), set(self.tables[kind].removed)
        return labels if not gone else [one for row, one in enumerate(labels) if row not in gone]

    def labels_of(self, index: int) -> dict[str, str]:
        """Return the series labels of one device."""
        kind = self.kinds[int(self.kind[index])].name
        row, table = int(self.position[index]), self.tables[kind]
        names = dict.fromkeys([*table.labels, "zone", "ward"])
        found = {name: self.label_column(kind, name)[row] for name in names}
        return {"city": self.hello.city, "kind": kind, "device_id": self.device_id[index]} | {k: v for k, v in found.items() if v}

    def device_of(self, labels: Mapping[str, str]) -> int | None:
        """Return the device that an alert's labels name: by `device_id`, or by a label that no series of ours has.

        A label of ours, such as `gateway`, may hold a device's id too, and says by whom readings come.
        """
        others = (value for name, value in labels.items() if name not in self._label_names)
        return next((self.by_id[v] for v in (labels.get("device_id", ""), *others) if v in self.by_id), None)

    def enriched(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return an alert's labels with what the registry adds: its device's places, its cabinet's or junction's feeder."""
        index = self.device_of(labels)
        added = () if index is None else self.labels_of(index).items()
        known = {k: v for k, v in added if k in PLACE_LABELS or k == "device_id"}
        full = known | dict(labels)
        for label in ("cabinet", "junction"):
            feeder = self._feeder_of.get(label, {}).get(full.get(label, ""), "")
            if feeder:
                full.setdefault("feeder", feeder)
        return full

    def devices_at(self, label: str, value: str) -> list[int]:
        """Return the indexes of the devices that carry the label, or of the one device of that id."""
        if label in ("device", "device_id"):
            index = self.by_id.get(value)
            return [] if index is None else [index]
        return self._places(label).get(value, []) if label in PLACE_LABELS else []

    def middle(self, devices: Iterable[int]) -> tuple[float, float]:
        """Return the mean longitude and latitude of devices, or the city's own position if there are none."""
        index = np.fromiter(devices, dtype=np.int64)
        if not len(index):
            return self.hello.lon, self.hello.lat
        return round(float(self.lon[index].mean()), 6), round(float(self.lat[index].mean()), 6)

    def place_name(self, label: str, value: str) -> str:
        """Return how people call a place: the name of its device, road or zone, else its id."""
        if label in ("device", "device_id") and value in self.by_id:
            return self.name[self.by_id[value]] or value
        named = self.registry.places.get(label, {}).get(value)
        if named:
            return named
        layer = {"zone": "zones", "road": "roads", "link": "roads"}.get(label)
        if layer:
            for properties in self._properties(layer):
                if properties.get("id") == value:
                    return str(properties.get("name") or value)
        return value

    def search(self, text: str) -> list[dict[str, Any]]:
        """Return places whose name or id holds every word of `text`, diacritics folded: zones and roads before devices."""
        words = fold(text).split()
        return [] if not words else [entry for entry, key in self._index() if all(word in key for word in words)][:MAX_FOUND]

    def _index(self) -> list[tuple[dict[str, Any], str]]:
        if not hasattr(self, "_search_index"):
            self._search_index = [(entry, fold(f"{entry['name']} {entry['id']}")) for entry in self._entries()]
        return self._search_index

    def _entries(self) -> list[dict[str, Any]]:
        found = []
        seen: set[str] = set()
        collections = self.layers.collections() if self.layers else {}
        for layer, kind in (("zones", "zone"), ("roads", "road")):
            for feature in collections.get(layer, {}).get("features", []):
                properties = feature.get("properties") or {}
                name = str(properties.get("name") or properties.get("id") or "")
                if name and f"{kind}:{name}" not in seen:
                    seen.add(f"{kind}:{name}")
                    lon, lat = _centre(feature.get("geometry") or {}, self.hello)
                    found.append({"kind": kind, "id": str(properties.get("id", name)), "name": name, "lon": lon, "lat": lat})
        for index, device_id in enumerate(self.device_id):
            if device_id:
                kind = self.kinds[int(self.kind[index])].name
                position = {"lon": float(self.lon[index]), "lat": float(self.lat[index])}
                found.append({"kind": kind, "id": device_id, "name": self.name[index] or device_id, **position})
        return found


def _pairs(name: str, column: list[str]) -> list[tuple[str, str]]:
    """Return a column of values as pairs with their name, equal ones the same object."""
    pool = {value: (name, value) for value in dict.fromkeys(column)}
    return [pool[value] for value in column]


def _centre(geometry: Mapping[str, Any], hello: Hello) -> tuple[float, float]:
    """Return the middle vertex of a line or the mean vertex of a polygon's outer ring."""
    points = geometry.get("coordinates") or []
    if geometry.get("type") == "LineString" and points:
        return float(points[len(points) // 2][0]), float(points[len(points) // 2][1])
    if geometry.get("type") == "Polygon" and points and points[0]:
        ring = np.asarray(points[0], dtype=np.float64)
        return round(float(ring[:, 0].mean()), 6), round(float(ring[:, 1].mean()), 6)
    return hello.lon, hello.lat
