"""Plane geometry of a city: metres around a centre, polylines, polygons, ASCII slugs.

Lives here: the small geometry that every maker of cities shares. Must not know: roads, lamps, city tables.
"""

import itertools
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Floats = NDArray[np.float64]
METRES_PER_DEGREE = 111_194.93  # of a sphere of radius 6 371 km


@dataclass(frozen=True, slots=True)
class Frame:
    """A local equirectangular plane around (lon, lat) in degrees; it errs by < 0.1 % over 10 km."""

    lon: float
    lat: float

    @property
    def metres_per_lon(self) -> float:
        """Metres per degree of longitude at the centre."""
        return METRES_PER_DEGREE * round(math.cos(math.radians(self.lat)), 9)

    def to_xy(self, lon: float, lat: float) -> Point:
        """Return metres east and north of the centre."""
        return ((lon - self.lon) * self.metres_per_lon, (lat - self.lat) * METRES_PER_DEGREE)

    def to_lonlat(self, x: float, y: float) -> Point:
        """Return degrees, rounded to 1e-6 (0.1 m), so that files are the same on every machine."""
        return (round(self.lon + x / self.metres_per_lon, 6), round(self.lat + y / METRES_PER_DEGREE, 6))

    def flat(self, points: Sequence[Point]) -> list[float]:
        """Return plane points as the flat lon, lat, lon, lat list of a city file."""
        return [value for x, y in points for value in self.to_lonlat(x, y)]

    def plane(self, flat: Sequence[float]) -> list[Point]:
        """Return a flat lon, lat list as plane points."""
        return [self.to_xy(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]


def distance(a: Point, b: Point) -> float:
    """Return the distance of two points [m]."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    return math.sqrt(dx * dx + dy * dy)


def length(points: Sequence[Point]) -> float:
    """Return the length of a polyline [m]."""
    return sum(distance(a, b) for a, b in itertools.pairwise(points))


def point_at(points: Sequence[Point], at_m: float) -> tuple[Point, Point]:
    """Return the point `at_m` metres along a polyline and the unit direction there."""
    left = at_m
    for a, b in itertools.pairwise(points):
        step = distance(a, b)
        if step > 0 and left <= step:
            return _along(a, b, left / step), ((b[0] - a[0]) / step, (b[1] - a[1]) / step)
        left -= step
    a, b = _last_step(points)
    step = distance(a, b) or 1.0
    return points[-1], ((b[0] - a[0]) / step, (b[1] - a[1]) / step)


def _last_step(points: Sequence[Point]) -> tuple[Point, Point]:
    for a, b in zip(reversed(points[:-1]), reversed(points[1:]), strict=True):
        if distance(a, b) > 0:
            return a, b
    return points[-2], points[-1]


def _along(a: Point, b: Point, share: float) -> Point:
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))


def smooth(points: Sequence[Point], step_m: float) -> list[Point]:
    """Return a Catmull-Rom curve through the points, sampled about every `step_m` metres, both ends kept."""
    if len(points) < 2:
        return list(points)
    padded = [points[0], *points, points[-1]]
    out: list[Point] = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        n = max(1, round(distance(p1, p2) / step_m))
        out.extend(_catmull(p0, p1, p2, p3, i / n) for i in range(n))
    out.append(points[-1])
    return out


def _catmull(p0: Point, p1: Point, p2: Point, p3: Point, t: float) -> Point:
    """Catmull and Rom (1974), uniform, tension 1/2."""

    def axis(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t)

    return (axis(p0[0], p1[0], p2[0], p3[0]), axis(p0[1], p1[1], p2[1], p3[1]))


def thin(points: Sequence[Point], tolerance_m: float) -> list[Point]:
    """Return the polyline without points that stray less than the tolerance (Douglas and Peucker 1973)."""
    keep = {0, len(points) - 1}
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        worst, at = tolerance_m, -1
        for i in range(first + 1, last):
            stray = distance(points[i], nearest_on_step(points[i], points[first], points[last])[0])
            if stray > worst:
                worst, at = stray, i
        if at >= 0:
            keep.add(at)
            stack += [(first, at), (at, last)]
    return [points[i] for i in sorted(keep)]


def nearest_on_step(p: Point, a: Point, b: Point) -> tuple[Point, float]:
    """Return the point of the straight a-b nearest to p, and its share 0-1 from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    share = 0.0 if square == 0 else min(1.0, max(0.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square))
    return _along(a, b, share), share


def inside(points: Sequence[Point] | Floats, polygon: Sequence[Point] | Floats) -> list[bool]:
    """Return for each point whether it lies in a polygon (even-odd rule)."""
    p, a = np.asarray(points, dtype=np.float64).reshape(-1, 2), np.asarray(polygon, dtype=np.float64)
    out = ((p >= a.min(axis=0)) & (p <= a.max(axis=0))).all(axis=1)
    b = np.roll(a, -1, axis=0)
    near = np.flatnonzero(out)
    if len(near) == 0:
        return [False] * len(p)
    x, y = p[near, 0:1], p[near, 1:2]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    left = x < (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / rise + a[:, 0]
    out[near] = (spans & left).sum(axis=1) % 2 == 1
    return [bool(value) for value in out.tolist()]


def ribbon(points: Sequence[Point], width_m: Sequence[float]) -> list[Point]:
    """Return the polygon of a band along a polyline, one width per point: a river from its middle line."""
    left: list[Point] = []
    right: list[Point] = []
    for i, (x, y) in enumerate(points):
        a, b = points[max(0, i - 1)], points[min(len(points) - 1, i + 1)]
        step = distance(a, b) or 1.0
        nx, ny = -(b[1] - a[1]) / step, (b[0] - a[0]) / step
        half = width_m[i] / 2
        left.append((x + nx * half, y + ny * half))
        right.append((x - nx * half, y - ny * half))
    return left + right[::-1]


def slug(text: str) -> str:
    """Return the ASCII id of a name: `Lê Hồng Phong` becomes `le_hong_phong`."""
    flat = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d"))
    plain = "".join(c for c in flat if not unicodedata.combining(c)).lower()
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in plain).split()
    return "_".join(words)
