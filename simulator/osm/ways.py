"""What a tagged way is to a car: drivable or not, direction, lanes, speed, with stated defaults.

Lives here: tags to road attributes. Must not know: files, geometry. Defaults where tags are missing:
lanes one way by class; speed by class within the urban limits of Việt Nam (Circular 31/2019/TT-BGTVT and its successor
38/2024/TT-BGTVT: 60 km/h on divided or one-way roads of two lanes or more, else 50), with less on streets that do not
carry that: residential 40 km/h, living streets 20 km/h.
"""

import re
from dataclasses import dataclass

CLASSES = {
    "motorway": "motorway", "trunk": "trunk", "primary": "primary", "secondary": "secondary", "tertiary": "tertiary",
    "unclassified": "residential", "residential": "residential", "living_street": "residential",
}  # fmt: skip
LANES = {"motorway": 2, "trunk": 2, "primary": 2, "secondary": 2, "tertiary": 1, "residential": 1}  # one way
SPEED_KMH = {"motorway": 80.0, "residential": 40.0}  # others by the urban limits
LIVING_STREET_KMH, WIDE_KMH, NARROW_KMH, LINK_KMH = 20.0, 60.0, 50.0, 40.0
REFUSED = {"no", "private", "military", "forestry", "agricultural"}
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?\s*$")
_COUNT = re.compile(r"\s*(\d{1,2})(?:\s*;.*)?\s*$")
UNNAMED = "Đường chưa đặt tên"


@dataclass(frozen=True, slots=True)
class RoadKind:
    """A drivable way: `direction` 1 forward only, -1 backward only, 0 both; lanes one way."""

    name: str
    road_class: str
    direction: int
    lanes_forward: int
    lanes_backward: int
    speed_mps: float
    roundabout: bool
    lanes_defaulted: bool
    speed_defaulted: bool


def road_kind(tags: dict[str, str]) -> RoadKind | None:
    """Return what a way is to a car, or None if it is nothing to it."""
    highway = tags.get("highway", "")
    base = highway.removesuffix("_link")
    if base not in CLASSES or tags.get("area") == "yes" or _closed(tags):
        return None
    road_class, link = CLASSES[base], highway.endswith("_link")
    direction = _direction(tags, base)
    default = 1 if link else LANES[road_class]
    forward, backward, known = _lanes(tags, direction, default)
    speed = parse_speed(tags.get("maxspeed", ""))
    driven = speed if speed is not None else _default_kmh(base, link=link, wide=direction != 0 and max(forward, backward) >= 2)
    name = tags.get("name") or tags.get("name:vi") or tags.get("ref") or UNNAMED
    roundabout = tags.get("junction") in ("roundabout", "circular")
    return RoadKind(name, road_class, direction, forward, backward, round(driven / 3.6, 2), roundabout, not known, speed is None)


def _closed(tags: dict[str, str]) -> bool:
    for key in ("motorcar", "motor_vehicle", "vehicle", "access"):  # the most special word counts
        if key in tags:
            return tags[key] in REFUSED
    return False


def _direction(tags: dict[str, str], base: str) -> int:
    value = tags.get("oneway:motorcar", tags.get("oneway", ""))
    if value in ("-1", "reverse"):
        return -1
    if value in ("yes", "true", "1"):
        return 1
    implied = tags.get("junction") in ("roundabout", "circular") or base == "motorway"
    return 1 if implied and value != "no" else 0


def _lanes(tags: dict[str, str], direction: int, default: int) -> tuple[int, int, bool]:
    """Return lanes forward, backward, and whether tags said so."""
    total = _count(tags.get("lanes", ""))
    forward, backward = _count(tags.get("lanes:forward", "")), _count(tags.get("lanes:backward", ""))
    if direction != 0:
        known = total or (forward if direction > 0 else backward)
        return known or default, known or default, known is not None
    half = max(1, total // 2) if total else None
    return forward or half or default, backward or half or default, bool(forward or backward or half)


def _count(text: str) -> int | None:
    match = _COUNT.match(text)
    value = int(match.group(1)) if match else 0
    return value if 1 <= value <= 8 else None


def parse_speed(text: str) -> float | None:
    """Return a maxspeed tag in km/h, or None if it says nothing that can be driven (`none`, `signals`, nonsense)."""
    if text == "VN:urban":
        return NARROW_KMH
    match = _NUMBER.match(text)
    if not match:
        return None
    value = float(match.group(1)) * (1.609344 if match.group(2) == "mph" else 1.0)
    return value if 5.0 <= value <= 130.0 else None


def _default_kmh(base: str, *, link: bool, wide: bool) -> float:
    if base == "living_street":
        return LIVING_STREET_KMH
    if link:
        return LINK_KMH
    return SPEED_KMH.get(CLASSES[base], WIDE_KMH if wide else NARROW_KMH)
