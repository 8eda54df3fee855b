"""The registry: who can report what, who takes which command, and the city's shape as static series.

Lives here: building the registry frame, and keeping indexes when a city is built again. Must not know: readings, faults.
Indexes and rows are append-only: what is gone leaves a tombstone, what is new comes behind.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from sensors.city_actions import ACTIONS
from sensors.kind import Action, Ints, Quantity, SensorKind, Sites
from sensors.messages import (
    PART_DEVICES,
    CommandInfo,
    DeviceTable,
    KindInfo,
    ParameterInfo,
    QuantityInfo,
    Registry,
    StaticMetric,
    Text,
    encode_frame,
)
from sensors.placement import ids
from sensors.quarantine import QUARANTINE
from simulator.city import City
from simulator.unit_kinds import UNIT_KINDS

UP = QuantityInfo("up", "sensor_up", "", "gauge", 1.0, 0.0, 1.0, Text("Hoạt động", "Up"), "1 in every report.")
UNIT = ParameterInfo("unit", "choice", Text("Loại đội", "Unit"), choices=list(UNIT_KINDS), default="patrol")
DISPATCH_KINDS = ("link", "node", "zone", "feeder", "cabinet", "luminaire", "signal", "device", "building", "basin")
DISPATCH = CommandInfo("dispatch", Text("Điều đội đến", "Dispatch"), list(DISPATCH_KINDS), [UNIT])


@dataclass(frozen=True, slots=True)
class Placed:
    """A kind and its sites in one city, and the gateway of each site (-1: none)."""

    kind: SensorKind
    sites: Sites
    gateway: Ints


def build(city: City, placed: Sequence[Placed]) -> Registry:
    """Return version 1 of the registry of a city. Raises ValueError when two kinds use one device id."""
    tables, index, owner = list[DeviceTable](), 0, dict[str, str]()
    for entry in placed:
        for device_id in entry.sites.device_id:
            if owner.setdefault(device_id, entry.kind.name) != entry.kind.name:
                raise ValueError(f"device id {device_id!r} is used by the kinds {owner[device_id]} and {entry.kind.name}")
        tables.append(_table(city, entry, index))
        index += entry.sites.n
    actions = [*ACTIONS, *(action for entry in placed for action in entry.kind.actions)]
    commands = sorted([*map(command_info, actions), DISPATCH, QUARANTINE], key=lambda c: c.type)
    kinds = [kind_info(p.kind) for p in placed]
    shape, places = city_shape(city), place_names(city)
    return Registry(version=1, kinds=kinds, devices=tables, commands=commands, static=shape, places=places)


def place_names(city: City) -> dict[str, dict[str, str]]:
    """Return how people call what labels name by id."""
    feeders, cabinets = city.feeders, city.cabinets
    names = {
        "feeder": dict(zip(feeders.id, feeders.name, strict=True)),
        "cabinet": dict(zip(cabinets.id, cabinets.name, strict=True)),
    }
    signals = zip(city.signals.nodes, city.signals.name, strict=True)
    names["junction"] = {city.nodes.id[nodes[0]]: name for nodes, name in signals}
    return names


def digest(registry: Registry) -> str:
    """Return the digest by which a city's hello names its registry."""
    found = hashlib.blake2b(digest_size=16)
    for frame in frames(registry):
        found.update(frame)
    return found.hexdigest()


def frames(registry: Registry, most: int = PART_DEVICES) -> Iterator[bytes]:
    """Yield the frames in which a registry travels: one, or several where it has more than `most` devices."""
    pieces = _pieces(registry.devices, most)
    for part, tables in enumerate(pieces):
        if part == 0:
            header = msgspec.structs.replace(registry, devices=tables, parts=len(pieces))
        else:
            header = Registry(version=registry.version, kinds=[], devices=tables, commands=[], part=part, parts=len(pieces))
        yield encode_frame(header)


def _pieces(tables: Sequence[DeviceTable], most: int) -> list[list[DeviceTable]]:
    """Return the tables cut so that no piece has more than `most` rows in all."""
    pieces, room = [list[DeviceTable]()], most
    for table in tables:
        at, rows = 0, len(table.index)
        while at < rows or not rows:
            if not room:
                pieces.append([])
                room = most
            end = min(rows, at + room)
            pieces[-1].append(_cut(table, at, end))
            at, room = end, room - (end - at)
            if not rows:
                break
    return pieces


def _cut(table: DeviceTable, first: int, end: int) -> DeviceTable:
    """Return some rows of a table; the numbers of those removed still count from the table's first."""
    if (first, end) == (0, len(table.index)):
        return table
    columns = {name: getattr(table, name)[first:end] for name in ("index", "device_id", "name", "lon", "lat", "zone", "road")}
    labels = {name: values[first:end] for name, values in table.labels.items()}
    return DeviceTable(kind=table.kind, labels=labels, removed=[i for i in table.removed if first <= i < end], **columns)


def kind_info(kind: SensorKind) -> KindInfo:
    """Return a kind as the center sees it; every kind also says that it is up."""
    quantities = [_quantity_info(q) for q in kind.quantities]
    commands = [action.type for action in kind.actions]
    return KindInfo(
        kind.name, kind.title, kind.icon, kind.period_ms, kind.heartbeat_ms, [*quantities, UP], commands,
        kind.active, kind.level, kind.speed,
    )  # fmt: skip


def _quantity_info(q: Quantity) -> QuantityInfo:
    return QuantityInfo(
        q.name, q.metric, q.unit, q.type, float(q.resolution), float(q.minimum), float(q.maximum), q.title, q.help
    )


def command_info(action: Action) -> CommandInfo:
    """Return an action as the center sees it."""
    return CommandInfo(action.type, action.title, list(action.target_kinds), list(action.parameters))


def _table(city: City, entry: Placed, first: int) -> DeviceTable:
    sites, zones = entry.sites, city.zones
    labels = {"zone": ids(zones.id, sites.zone), "ward": ids(zones.ward_2025, sites.zone)}
    supply = {"feeder": ids(city.feeders.id, sites.feeder), "cabinet": ids(city.cabinets.id, sites.cabinet)}
    supply["gateway"] = ids(city.gateways.id, entry.gateway)
    labels |= {name: values for name, values in supply.items() if any(values)}
    labels |= {name: list(values) for name, values in sites.labels.items()}
    return DeviceTable(
        kind=entry.kind.name,
        index=list(range(first, first + sites.n)),
        device_id=list(sites.device_id),
        name=list(sites.name),
        lon=[float(x) for x in sites.lon],
        lat=[float(x) for x in sites.lat],
        zone=[int(z) for z in sites.zone],
        road=[int(r) for r in sites.road],
        labels=labels,
    )


def city_shape(city: City) -> list[StaticMetric]:
    """Return what rules need to know of the city: roads that follow each other, zones side by side, feeders."""
    moves, link_id, zone_id = city.movements, city.links.id, city.zones.id
    follows = [{"road": link_id[a], "next": link_id[b]} for a, b in _pairs(moves.from_link, moves.to_link)]
    zone = city.links.zone
    touching = _pairs((zone[a] for a in moves.from_link), (zone[b] for b in moves.to_link))
    both_ways = {pair for a, b in touching if a != b and min(a, b) >= 0 for pair in ((a, b), (b, a))}
    sides = [{"zone": zone_id[a], "neighbour": zone_id[b]} for a, b in sorted(both_ways)]
    feeders = [{"feeder": f, "substation": s} for f, s in zip(city.feeders.id, city.feeders.substation, strict=True)]
    cabinets = [{"cabinet": c, "feeder": city.feeders.id[f]} for c, f in zip(city.cabinets.id, city.cabinets.feeder, strict=True)]
    return [
        _static("road_adjacent", "1 where vehicles go from one road to the next.", follows),
        _static("zone_neighbour", "1 where roads join two zones.", sides),
        _static("feeder_info", "1 for every feeder.", feeders),
        _static("cabinet_info", "1 for every lighting cabinet.", cabinets),
    ]


def _static(name: str, help_: str, labels: list[dict[str, str]]) -> StaticMetric:
    return StaticMetric(name, help_, labels, [1.0] * len(labels))


def _pairs(first: Iterable[int], second: Iterable[int]) -> list[tuple[int, int]]:
    return sorted(set(zip(first, second, strict=True)))


def carry_over(previous: Registry, fresh: Registry) -> Registry:
    """Return the fresh registry with the rows and indexes of an earlier one: tombstones for what is gone, new ones behind.

    Kinds that are gone keep their tables, with all devices removed. The version goes up by one.
    """
    fresh_tables = {table.kind: table for table in fresh.devices}
    next_index = 1 + max((i for table in previous.devices for i in table.index), default=-1)
    tables, known = list[DeviceTable](), set[str]()
    for old in previous.devices:
        known.add(old.kind)
        merged = _merge(old, fresh_tables.get(old.kind), next_index)
        next_index += len(merged.index) - len(old.index)
        tables.append(merged)
    for table in fresh.devices:
        if table.kind not in known:
            tables.append(msgspec.structs.replace(table, index=list(range(next_index, next_index + len(table.index)))))
            next_index += len(table.index)
    return msgspec.structs.replace(fresh, version=previous.version + 1, devices=tables)


def _merge(old: DeviceTable, fresh: DeviceTable | None, next_index: int) -> DeviceTable:
    """Return the old rows, brought up to date where they still exist, and the new ones behind them."""
    row_of = {} if fresh is None else {name: i for i, name in enumerate(fresh.device_id)}
    kept = set(old.device_id)
    new = [i for name, i in row_of.items() if name not in kept]
    take = [row_of.get(name, -1) for name in old.device_id] + new

    def column(name: str) -> list[object]:
        before, after = getattr(old, name), getattr(fresh, name, [])
        return [before[i] if i < len(before) and k < 0 else after[k] for i, k in enumerate(take)]

    labels = {
        name: [_label(old, fresh, name, i, k) for i, k in enumerate(take)]
        for name in (old.labels if fresh is None else fresh.labels)
    }
    fields = {name: column(name) for name in ("device_id", "name", "lon", "lat", "zone", "road")}
    index = [*old.index, *range(next_index, next_index + len(new))]
    removed = [i for i, k in enumerate(take) if k < 0]
    return msgspec.convert({"kind": old.kind, "index": index, "labels": labels, "removed": removed, **fields}, DeviceTable)


def _label(old: DeviceTable, fresh: DeviceTable | None, name: str, i: int, k: int) -> str:
    if fresh is not None and k >= 0:
        return fresh.labels[name][k]
    values = old.labels.get(name, [])
    return values[i] if i < len(values) else ""


def rows_of(table: DeviceTable, sites: Sites) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the row of each site in its kind's table."""
    row_of = {name: i for i, name in enumerate(table.device_id)}
    return np.array([row_of[name] for name in sites.device_id], dtype=np.int64)
