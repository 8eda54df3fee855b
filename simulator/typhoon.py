"""A typhoon: a vortex that moves along a straight track, and its wind and rain at any place and time.

Lives here: the shape of the vortex, its track, its decay over land. Must not know: what the wind breaks, who measures it.
Wind profile: Holland (1980), Monthly Weather Review 108, 1212-1218, without the Coriolis term, shape B = 2, from a table.
Rain profile: R-CLIPER, Tuleya, DeMaria and Kuligowski (2007), Weather and Forecasting 22, 56-70: linear to the radius of maximum
winds, exponential beyond. Decay over land: Kaplan and DeMaria (1995), J. Applied Meteorology 34, 2499-2512, 0.095 per hour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHAPE_B = 2.0
# sqrt(x^-B exp(1 - x^-B)) by x = radius / radius of maximum winds: nothing in the eye, 1 at 1, falling slowly beyond.
_X = np.array(
    [0, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 8,
     10, 15, 20]
)  # fmt: skip
_SHARE = np.array(
    [0, 3.1e-05, 0.002212, 0.021246, 0.079515, 0.181099, 0.310172, 0.44626, 0.57404, 0.685187, 0.848968, 0.94355, 0.988147,
     1, 0.991503, 0.970888, 0.912494, 0.847626, 0.784972, 0.727496, 0.608785, 0.519874, 0.399499, 0.323215, 0.270997,
     0.204486, 0.16405, 0.109671, 0.082333]
)  # fmt: skip
_HOURS = np.arange(25.0)
_DECAY = np.array(
    [1, 0.909373, 0.826959, 0.752014, 0.683861, 0.621885, 0.565525, 0.514274, 0.467666, 0.425283, 0.386741, 0.351692,
     0.319819, 0.290835, 0.264477, 0.240508, 0.218712, 0.198891, 0.180866, 0.164474, 0.149569, 0.136014, 0.123687, 0.112478,
     0.102284]
)  # fmt: skip
FLOOR_SHARE = 0.3  # of the strength at landfall that a storm keeps far inland
RAIN_FALL_M = 140_000.0  # beyond the radius of maximum winds rain falls to 1/e in this distance (assumption, of R-CLIPER's order)
_EXP_X = np.array([0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6.0])
_EXP = np.array([1, 0.778801, 0.606531, 0.472367, 0.367879, 0.22313, 0.135335, 0.049787, 0.018316, 0.0])
TRACK_SHARE = 0.5  # of the speed of the track that adds to the wind on its right side (assumption; 0.4 to 0.6 in use)


@dataclass(frozen=True, slots=True)
class Typhoon:
    """A storm. Its centre passes the city's centre at `pass_m` to the right of the track (seen along it) at `landfall_ms`.

    `max_wind_mps` is the sustained wind over open water at landfall; `east`, `north` is the unit vector of the track.
    """

    event_id: str
    landfall_ms: int
    max_wind_mps: float
    radius_m: float
    speed_mps: float
    pass_m: float
    east: float
    north: float
    rain_mm_per_h: float
    surge_m: float

    def centre_m(self, now_ms: int) -> tuple[float, float]:
        """Return where the centre is, metres east and north of the city's centre."""
        along = self.speed_mps * (now_ms - self.landfall_ms) / 1000.0
        return (self.east * along + self.north * self.pass_m, self.north * along - self.east * self.pass_m)

    def strength(self, now_ms: int) -> float:
        """Return the share of its strength at landfall, 1 before it."""
        hours = (now_ms - self.landfall_ms) / 3_600_000.0
        return 1.0 if hours <= 0 else max(FLOOR_SHARE, float(np.interp(hours, _HOURS, _DECAY)))

    def radius_at(self, places_m: Floats, now_ms: int) -> Floats:
        """Return the distance [n] (m) of places [n, 2] (m east, north) from the centre."""
        off = places_m - np.array(self.centre_m(now_ms))
        out: Floats = np.sqrt(off[:, 0] * off[:, 0] + off[:, 1] * off[:, 1])
        return out

    def wind(self, places_m: Floats, now_ms: int) -> tuple[Floats, Floats]:
        """Return the sustained wind over open water at places [n, 2], as metres per second to the east and north, each [n].

        It turns against the clock around the centre (northern hemisphere), and a part of the track's speed adds to it.
        """
        off = places_m - np.array(self.centre_m(now_ms))
        radius = np.maximum(self.radius_at(places_m, now_ms), 1.0)
        share = profile(radius / self.radius_m)
        speed = self.max_wind_mps * self.strength(now_ms) * share
        drift = TRACK_SHARE * self.speed_mps * share
        return (-off[:, 1] / radius * speed + drift * self.east, off[:, 0] / radius * speed + drift * self.north)

    def rain(self, place_m: tuple[float, float], now_ms: int) -> float:
        """Return the rain at a place [mm/h]."""
        radius = float(self.radius_at(np.array([place_m]), now_ms)[0])
        peak = self.rain_mm_per_h * self.strength(now_ms)
        if radius < self.radius_m:
            return peak * (0.2 + 0.8 * radius / self.radius_m)
        return peak * float(np.interp((radius - self.radius_m) / RAIN_FALL_M, _EXP_X, _EXP))

    def surge(self, now_ms: int) -> float:
        """Return by how much the storm lifts the sea at the city [m]: most at landfall, gone within about ten hours."""
        hours = (now_ms - self.landfall_ms) / 3_600_000.0
        width = 5.0 if hours < 0 else 3.0
        return self.surge_m * max(0.0, 1.0 - hours * hours / (width * width))


def profile(x: Floats) -> Floats:
    """Return the wind at radii in radii of maximum winds, as a share of the maximum; thinning like 1/x beyond the table."""
    inside: Floats = np.interp(x, _X, _SHARE)
    return np.where(x > _X[-1], _SHARE[-1] * _X[-1] / np.maximum(x, 1.0), inside)
