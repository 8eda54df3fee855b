"""Reading an OpenStreetMap extract: OSM XML or Overpass JSON, with the standard library.

Lives here: bytes to nodes, ways and turn restrictions. Must not know: what is drivable, cities.
XML with a document type or entities is refused: an extract needs neither, and both can be bombs.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import msgspec

from simulator.city_rules import Problem
from simulator.json_errors import CityError, decoded, read_file
from simulator.json_positions import line_column

MOST_BYTES = 16 * 1024 * 1024
MOST_NODES = 200_000


@dataclass(slots=True)
class Way:
    """A way: its nodes in order, its tags."""

    id: int
    nodes: list[int]
    tags: dict[str, str]


@dataclass(slots=True)
class Restriction:
    """A turn restriction: no turn (or only this turn) from a way over a node to a way."""

    kind: str
    from_way: int
    via_node: int
    to_way: int


@dataclass(slots=True)
class Extract:
    """What a file holds. `at` gives (lon, lat) of nodes; only nodes with tags are in `tags`."""

    at: dict[int, tuple[float, float]] = field(default_factory=dict)
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    restrictions: list[Restriction] = field(default_factory=list)


def read(path: Path) -> Extract:
    """Return the extract of a file. Raises `CityError` with positions if it is none."""
    data = read_file(path, MOST_BYTES)
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return _read_xml(str(path), data)
    if start == b"{":
        return _read_json(str(path), data)
    seen = repr(data[:12].decode("utf-8", "replace")) if data else "an empty file"
    raise CityError(str(path), [Problem((), "the file is no map extract", seen, "OSM XML or Overpass JSON", 1, 1)])


class _Member(msgspec.Struct):
    type: str
    ref: int
    role: str = ""


class _Element(msgspec.Struct):
    type: str
    id: int
    lat: float | None = None
    lon: float | None = None
    nodes: list[int] = []
    tags: dict[str, str] = {}
    members: list[_Member] = []


class _Overpass(msgspec.Struct):
    elements: list[_Element]


class _Raw(msgspec.Struct):
    elements: list[msgspec.Raw]


def _read_json(source: str, data: bytes) -> Extract:
    document = decoded(source, data, _Overpass)
    extract = Extract()
    for i, element in enumerate(document.elements):
        problem = _take(extract, element)
        if problem is not None:
            line, column = line_column(data, _offset(data, i))
            raise CityError(source, [Problem(("elements", i), *problem, line, column)])
    return extract


def _offset(data: bytes, i: int) -> int:
    """Return where element i stands: raw elements follow each other, so each is found right behind the one before."""
    at = end = 0
    for raw in msgspec.json.decode(data, type=_Raw).elements[: i + 1]:
        at = data.index(bytes(raw), end)
        end = at + len(bytes(raw))
    return at


def _take(extract: Extract, element: _Element) -> tuple[str, str, str] | None:
    """Add an element; return what is wrong with it as (what, seen, expected), if anything."""
    if element.type == "node":
        lon, lat = element.lon, element.lat
        if lon is None or lat is None or not (-180 <= lon <= 180 and -85 <= lat <= 85):
            return f"node {element.id} has no place", f"lat {lat}, lon {lon}", "degrees, lat in -85–85, lon in -180–180"
        if len(extract.at) >= MOST_NODES:
            return "the extract is too large", f"more than {MOST_NODES} nodes", "a part of a city"
        extract.at[element.id] = (lon, lat)
        if element.tags:
            extract.tags[element.id] = element.tags
    elif element.type == "way":
        extract.ways.append(Way(element.id, element.nodes, element.tags))
    elif element.type == "relation" and element.tags.get("type") == "restriction":
        _take_restriction(extract, element)
    return None


def _take_restriction(extract: Extract, element: _Element) -> None:
    kind = element.tags.get("restriction", "")
    by_role = {(m.role, m.type): m.ref for m in element.members}
    parts = by_role.get(("from", "way")), by_role.get(("via", "node")), by_role.get(("to", "way"))
    if kind.startswith(("no_", "only_")) and parts[0] is not None and parts[1] is not None and parts[2] is not None:
        extract.restrictions.append(Restriction(kind, parts[0], parts[1], parts[2]))


class _Reader:
    """Collects elements from the events of the XML parser."""

    def __init__(self, source: str) -> None:
        self.source, self.extract = source, Extract()
        self.element: _Element | None = None
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.depth = 0

    def fail(self, what: str, seen: str, expected: str) -> CityError:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        return CityError(self.source, [Problem((), what, seen, expected, line, column)])

    def doctype(self, name: str, *_: object) -> None:
        raise self.fail("a document type is refused", f"<!DOCTYPE {name}", "<osm> alone")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and name != "osm":
            raise self.fail("the document is no map extract", f"<{name}>", "<osm>")
        if self.depth > 8:
            raise self.fail("the document is nested too deeply", f"{self.depth} levels", "at most 8")
        try:
            self._open(name, attributes)
        except KeyError as error:
            raise self.fail(f"<{name}> lacks an attribute", "nothing", repr(error.args[0])) from error
        except ValueError as error:
            raise self.fail(f"<{name}> has a wrong attribute", _word(error), "numbers in id, lat, lon, ref") from error

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("node", "way", "relation") and self.depth == 2:
            self.element = _Element(name, int(attributes["id"]), nodes=[], tags={}, members=[])
            if name == "node":
                self.element.lat, self.element.lon = _degrees(attributes["lat"]), _degrees(attributes["lon"])
        elif self.element is None:
            return
        elif name == "tag":
            self.element.tags[attributes["k"]] = attributes["v"]
        elif name == "nd":
            self.element.nodes.append(int(attributes["ref"]))
        elif name == "member":
            self.element.members.append(_Member(attributes["type"], int(attributes["ref"]), attributes.get("role", "")))

    def end(self, name: str) -> None:
        if self.depth == 2 and self.element is not None:
            problem = _take(self.extract, self.element)
            if problem is not None:
                raise self.fail(*problem)
            self.element = None
        self.depth -= 1


def _degrees(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or abs(value) > 180.0:
        raise ValueError(repr(text))
    return value


def _word(error: ValueError) -> str:
    """Return what was seen, from Python's own "could not convert string to float: 'north'" too."""
    return str(error).rsplit(": ", 1)[-1]


def _read_xml(source: str, data: bytes) -> Extract:
    reader = _Reader(source)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        what, line, column = f"the text is not XML ({expat.ErrorString(error.code)})", error.lineno, error.offset + 1
        lines = data.split(b"\n")
        seen = lines[line - 1][error.offset : error.offset + 20].decode("utf-8", "replace") if line <= len(lines) else ""
        place = [Problem((), what, repr(seen) if seen else "the end of the text", "well-formed XML", line, column)]
        raise CityError(source, place) from error
    except LookupError as error:
        encoding = str(error).removeprefix("unknown encoding: ")
        raise CityError(source, [Problem((), "the encoding is unknown", repr(encoding), "UTF-8", 1, 1)]) from error
    return reader.extract
