"""What an alert claims about the truth, and whether it does so at the right place and time.

Lives here: the sidecars `NAME.truth.yaml` and the one test of alert against truth. Must not know: expectations, reports.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.yaml_tree import BadFile, read_tree
from simulator.city import City

LATE_MS = 30 * 60_000  # an alert that comes so long after the truth has ended speaks of something else


@dataclass(frozen=True, slots=True)
class Claim:
    """An alert's claim: kinds of truth, the label that says where, the kind of place it names, how late it may be."""

    truth: tuple[str, ...]
    label: str
    place: str
    detect_within_ms: int


def load_claims(folder: Path) -> dict[str, Claim]:
    """Return alert name -> claim from all sidecars of a folder. Raises BadFile."""
    claims: dict[str, Claim] = {}
    for path in sorted(folder.glob("*.truth.yaml")):
        tree = read_tree(path.read_bytes(), str(path))
        rows = tree.data.get("alerts") if isinstance(tree.data, dict) else None
        if not isinstance(rows, dict):
            raise BadFile([tree.problem((), "there is no mapping 'alerts'; expected alert name -> claim")])
        for name, row in rows.items():
            try:
                within_ms = round(1_000 * float(row["detect_within_s"]))
                claims[name] = Claim(tuple(row["truth"]), str(row["label"]), str(row["place"]), within_ms)
            except (KeyError, TypeError, ValueError):
                message = f"claim {name!r} is {row!r}; expected truth, label, place and detect_within_s"
                raise BadFile([tree.problem(("alerts", name), message)]) from None
    return claims


class PlaceNames:
    """The names under which a place of the city may stand in the labels of an alert."""

    def __init__(self, city: City) -> None:
        self._city = city
        links, devices, lamps = city.links, city.devices, city.luminaires
        self._link = {name: i for i, name in enumerate(links.id)}
        self._device = {name: i for i, name in enumerate(devices.id)}
        self._lamp = {name: i for i, name in enumerate(lamps.id)}
        self._cabinet = {name: i for i, name in enumerate(city.cabinets.id)}
        self._gateway = {name: i for i, name in enumerate(city.gateways.id)}
        self._signal = {name: i for i, name in enumerate(city.signals.id)}
        self._basin = {name: i for i, name in enumerate(city.basins.id)}
        self._zone = {name: i for i, name in enumerate(city.zones.id)}

    def of(self, kind: str, place_id: str) -> set[str]:
        """Return ids and names of the place itself and of what it belongs to: zone, road, cabinet, feeder, junction.

        A road also goes by the cameras at its two junctions: they see what stands on it, whatever zone they are in.
        """
        names, city = {place_id}, self._city
        if (i := self._link.get(place_id)) is not None:
            names |= {self._city.links.name[i]} | self._zone_names(self._city.links.zone[i]) | self._watchers(i)
        if (i := self._zone.get(place_id)) is not None:
            names |= self._zone_names(i)
        if (i := self._lamp.get(place_id)) is not None:
            names |= self._link_names(self._city.luminaires.link[i]) | self._cabinet_names(self._city.luminaires.cabinet[i])
        if (i := self._cabinet.get(place_id)) is not None:
            names |= self._cabinet_names(i)
        if (i := self._gateway.get(place_id)) is not None:
            names |= self._zone_names(self._city.gateways.zone[i])
        if (i := self._signal.get(place_id)) is not None:
            names |= self._signal_names(i)
        if (i := self._basin.get(place_id)) is not None:
            names |= self._zone_names(city.basins.zone[i]).union(*(self._link_names(k) for k in city.basins.links[i]))
        if (i := self._device.get(place_id)) is not None:
            devices = self._city.devices
            names |= self._zone_names(devices.zone[i]) | self._link_names(devices.link[i])
            names |= self._cabinet_names(devices.cabinet[i])
        return names - {""}

    def _zone_names(self, i: int) -> set[str]:
        zones = self._city.zones
        return {zones.id[i], zones.name[i]} if i >= 0 else set()

    def _watchers(self, i: int) -> set[str]:
        links, devices = self._city.links, self._city.devices
        ends = {links.from_node[i], links.to_node[i]}
        return {devices.id[d] for d, node in enumerate(devices.node) if node in ends and devices.kind[d] == "camera"}

    def _link_names(self, i: int) -> set[str]:
        return {self._city.links.id[i], self._city.links.name[i]} if i >= 0 else set()

    def _cabinet_names(self, i: int) -> set[str]:
        if i < 0:
            return set()
        cabinets = self._city.cabinets
        return {cabinets.id[i], self._city.feeders.id[cabinets.feeder[i]]} | self._zone_names(cabinets.zone[i])

    def _signal_names(self, i: int) -> set[str]:
        signals = self._city.signals
        nodes = {self._city.nodes.id[n] for n in signals.nodes[i]} | {self._city.nodes.name[n] for n in signals.nodes[i]}
        feeder = {self._city.feeders.id[signals.feeder[i]]} if signals.feeder[i] >= 0 else set()
        return nodes | feeder | {signals.name[i]} | self._zone_names(signals.zone[i])


def explains(claim: Claim | None, alert: Mapping[str, Any], event: Mapping[str, Any], names: set[str]) -> bool:
    """Tell whether an alert (plain, with `fired_ms`) speaks of a truth event whose place goes by `names`."""
    if claim is None or event["kind"] not in claim.truth or alert["fired_ms"] is None:
        return False
    end_ms = event["end_ms"] if event["end_ms"] is not None else alert["fired_ms"]
    if not event["start_ms"] <= alert["fired_ms"] <= end_ms + LATE_MS:
        return False
    return alert["labels"].get(claim.label, "") in names


def neighbours(city: City, link_ids: Sequence[str]) -> set[str]:
    """Return the ids of links that end where one of the links begins: where its queue is seen first."""
    rows = {name: i for i, name in enumerate(city.links.id)}
    starts = {city.links.from_node[rows[name]] for name in link_ids if name in rows}
    ends = np.array(city.links.to_node, dtype=np.int64)
    found = np.flatnonzero(np.isin(ends, sorted(starts)))
    return {city.links.id[i] for i in found.tolist()}
