"""What an alert claims about the truth, and whether it does so at the right place and time.

Lives here: the sidecars `NAME.truth.yaml` and the one test of alert against truth. Must not know: expectations, reports.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.yaml_tree import BadFile, Problem, Tree, read_tree
from simulator.city import City
from simulator.truth import TRUTH_KINDS

FORMAT = "cityops-truth/1"
SUFFIX = ".truth.yaml"
LATE_MS = 30 * 60_000  # an alert that comes so long after the truth has ended speaks of something else
PLACE_KINDS = (
    "link", "node", "zone", "feeder", "cabinet", "luminaire", "signal", "device", "building", "basin", "gateway", "city",
)  # fmt: skip
KEYS = frozenset(("truth", "also", "label", "place", "detect_within_s", "clear_within_s", "only"))


@dataclass(frozen=True, slots=True)
class Claim:
    """An alert's claim: kinds of truth, the label that says where, the kind of place it names, how late it may be.

    Of the kinds in `also`, which are among `truth`, an alert speaks rightly but promises nothing: they may come and go without
    ever showing what it looks for, as a crash that leaves the traffic room. `clear_within_ms` is how long after the end of the
    truth the alert may stay; `only` are attributes of the truth, each with the values that are claimed: truth with another
    value of one of them is none of this alert's business. Whether another truth caused it is the attribute `caused`.
    """

    truth: tuple[str, ...]
    label: str
    place: str
    detect_within_ms: int
    clear_within_ms: int | None = None
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    also: tuple[str, ...] = ()

    def is_about(self, event: Mapping[str, Any]) -> bool:
        """Tell whether a truth event (plain) is of a kind that this alert speaks of."""
        if event["kind"] not in self.truth:
            return False
        attributes = {"caused": "yes" if event.get("cause_id") else "no"} | (event.get("attributes") or {})
        return all(name not in attributes or str(attributes[name]) in values for name, values in self.only)

    def promises(self, event: Mapping[str, Any]) -> bool:
        """Tell whether the alert is missed where it says nothing of a truth event (plain)."""
        return event["kind"] not in self.also and self.is_about(event)


def load_claims(folder: Path) -> dict[str, Claim]:
    """Return alert name -> claim from all sidecars of a folder. Raises BadFile."""
    return read_claims(sorted(folder.glob(f"*{SUFFIX}")))


def sidecars_of(paths: Iterable[Path]) -> list[Path]:
    """Return the sidecars that lie beside rule files, and those in folders, each once: `NAME.truth.yaml` beside `NAME.yml`."""
    found: dict[Path, None] = {}
    for path in paths:
        beside = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path.with_name(path.stem + SUFFIX)]
        found |= {one: None for one in beside if one.is_file()}
    return list(found)


def read_claims(paths: Iterable[Path], alerts: Collection[str] | None = None) -> dict[str, Claim]:
    """Return alert name -> claim of some sidecars; `alerts` are the names that rules know, None: any.

    Raises BadFile with everything that is wrong: claims of unknown alerts or truth, of one alert twice, of a wrong shape.
    """
    claims: dict[str, Claim] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            tree = read_tree(path.read_bytes(), str(path))
        except OSError as error:
            raise BadFile([Problem(str(path), 1, 1, f"the sidecar cannot be read: {error.strerror}")]) from None
        rows = tree.data.get("alerts") if isinstance(tree.data, dict) else None
        if not isinstance(rows, dict):
            raise BadFile([tree.problem((), "there is no mapping 'alerts'; expected alert name -> claim")])
        if tree.data.get("format") != FORMAT:
            problems.append(tree.problem(("format",), f"format is {tree.data.get('format')!r}; expected {FORMAT!r}"))
        for name, row in rows.items():
            wrong = _wrong(name, row, tree, claims, alerts)
            problems += wrong
            if not wrong:
                claims[name] = _claim(row)
    if problems:
        raise BadFile(problems)
    return claims


def _wrong(name: str, row: Any, tree: Tree, known: Mapping[str, Claim], alerts: Collection[str] | None) -> list[Problem]:
    """Return what is wrong with a claim."""
    at: tuple[str, ...] = ("alerts", name)
    if alerts is not None and name not in alerts:
        close = difflib.get_close_matches(name, sorted(alerts), 1)
        said = f"expected {close[0]!r}?" if close else "expected an alert of the rule files"
        return [tree.problem(at, f"a claim of the alert {name!r}, which no rule raises; {said}", key=True)]
    if name in known:
        return [tree.problem(at, f"a second claim of the alert {name!r}; expected one", key=True)]
    try:
        claim = _claim(row)
        extra = sorted(row.keys() - KEYS)
    except (KeyError, TypeError, ValueError, AttributeError):
        return [tree.problem(at, f"claim {name!r} is {row!r}; expected truth, label, place and detect_within_s")]
    found = [
        tree.problem((*at, key), f"key {key!r} is unknown; expected one of {', '.join(sorted(KEYS))}", True) for key in extra
    ]
    for kind in claim.truth:
        if kind not in TRUTH_KINDS:
            close = difflib.get_close_matches(kind, TRUTH_KINDS, 1)
            said = f"{close[0]!r}?" if close else f"one of {', '.join(TRUTH_KINDS)}"
            found.append(
                tree.problem((*at, "also" if kind in claim.also else "truth"), f"truth kind {kind!r} is unknown; expected {said}")
            )
    if claim.place not in PLACE_KINDS:
        found.append(tree.problem((*at, "place"), f"place is {claim.place!r}; expected one of {', '.join(PLACE_KINDS)}"))
    if claim.detect_within_ms <= 0:
        found.append(tree.problem((*at, "detect_within_s"), f"detect_within_s is {row['detect_within_s']!r}; expected above 0"))
    return found


def _claim(row: Any) -> Claim:
    """Return a claim as it is written. Raises KeyError, TypeError, ValueError or AttributeError on another shape."""
    promised, also = row.get("truth", []), row.get("also", [])
    if not isinstance(promised, list) or not isinstance(also, list) or not promised + also:
        raise TypeError("truth")
    if not all(isinstance(kind, str) for kind in promised + also):
        raise TypeError("truth")
    within_ms = round(1_000 * float(row["detect_within_s"]))
    clear_ms = None if row.get("clear_within_s") is None else round(1_000 * float(row["clear_within_s"]))
    only = tuple((name, tuple(map(str, values))) for name, values in sorted((row.get("only") or {}).items()))
    return Claim((*promised, *also), str(row["label"]), str(row["place"]), within_ms, clear_ms, only, tuple(also))


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
        self._junction = {city.nodes.id[n]: i for i, nodes in enumerate(city.signals.nodes) for n in nodes}
        self._basin = {name: i for i, name in enumerate(city.basins.id)}
        self._zone = {name: i for i, name in enumerate(city.zones.id)}
        self._ends: dict[int, list[int]] | None = None  # node -> the links that end there

    def around(self, place: Mapping[str, str]) -> set[str]:
        """Return `of` a place of the truth, for a link or a junction with the ids of the links behind it.

        There the queue is seen first.
        """
        names = self.of(place["kind"], place["id"])
        if place["kind"] == "node":
            return names | {self._city.links.id[i] for i in self._ending_at(place["id"])}
        return names | set(self.behind([place["id"]])) if place["kind"] == "link" else names

    def behind(self, link_ids: Iterable[str]) -> list[str]:
        """Return the ids of links that end where one of the links begins."""
        links = self._city.links
        starts = sorted({links.from_node[self._link[name]] for name in link_ids if name in self._link})
        return [links.id[i] for node in starts for i in self._ending().get(node, ())]

    def _ending(self) -> dict[int, list[int]]:
        if self._ends is None:
            self._ends = {}
            for i, node in enumerate(self._city.links.to_node):
                self._ends.setdefault(node, []).append(i)
        return self._ends

    def _ending_at(self, node_id: str) -> list[int]:
        return self._ending().get(self._city.nodes.id.index(node_id), []) if node_id in self._city.nodes.id else []

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
        if (i := self._junction.get(place_id)) is not None:
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


def explains(claim: Claim | None, alert: Mapping[str, Any], event: Mapping[str, Any], names: Collection[str]) -> bool:
    """Tell whether an alert (plain, with `fired_ms`) speaks of a truth event whose place goes by `names`."""
    if claim is None or not claim.is_about(event) or alert["fired_ms"] is None:
        return False
    end_ms = event["end_ms"] if event["end_ms"] is not None else alert["fired_ms"]
    if not event["start_ms"] <= alert["fired_ms"] <= end_ms + LATE_MS:
        return False
    return alert["labels"].get(claim.label, "") in names
