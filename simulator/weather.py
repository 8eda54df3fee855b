"""Weather: wind, rain, sight and heat as they are now, and the factors by which they touch everything else.

Lives here: kinds of weather, a typhoon over them, downpours. Must not know: who uses which factor, except that traffic and
lamps are told at once. Rain and speed, capacity: Hranac et al., Empirical Studies on Traffic Flow in Inclement Weather,
FHWA-HOP-07-073 (2006); the fog and heat rows and the factors of light, sight and nuisance are assumptions. Gusts: Harper,
Kepert and Ginger, Guidelines for converting between various wind averaging periods, WMO/TD-1555 (2010), in-land, 3 s in 10 min.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.truth import Place
from simulator.typhoon import Typhoon

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]

STEP_MS = 60_000
GUST_FACTOR = 1.66
OVER_LAND = 0.8  # of the sustained wind over open water, at 10 m above a town (assumption; 0.7 to 0.9 in use)
GALE_MPS, STRONG_MPS = 20.0, 15.0  # gusts of level 8 and 7: no cars, no motorcycles on bridges (road bureau, 2019)
CALM_AGAIN_MS = 600_000  # gusts must stay below a level for so long before it has ended
GONE_RADII = 5.0  # a storm that has passed and is so many radii of maximum winds away is history


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of a kind of weather: on free speed, road capacity, daylight, sight of cameras, false causes, people outdoors."""

    speed: float
    capacity: float
    daylight: float
    sight: float
    nuisance: float
    outdoors: float


@dataclass(frozen=True, slots=True)
class Air:
    """What instruments would show of a kind of weather: sustained wind, rain, how far one sees, warmer than usual."""

    wind_mps: float
    rain_mm_per_h: float
    visibility_m: float
    warmer_c: float


WEATHER: Mapping[str, Factors] = {
    "clear": Factors(1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "rain": Factors(0.97, 0.90, 0.35, 0.85, 4.0, 0.5),
    "heavy_rain": Factors(0.91, 0.88, 0.15, 0.60, 10.0, 0.2),
    "fog": Factors(0.90, 0.90, 0.40, 0.50, 2.0, 0.8),
    "heat": Factors(1.0, 1.0, 1.0, 1.0, 1.0, 0.5),
}
AIR: Mapping[str, Air] = {
    "clear": Air(2.5, 0.0, 10_000.0, 0.0),
    "rain": Air(4.0, 6.0, 4_000.0, -2.0),
    "heavy_rain": Air(5.5, 30.0, 1_000.0, -4.0),
    "fog": Air(1.0, 0.0, 150.0, -1.0),
    "heat": Air(1.5, 0.0, 10_000.0, 14.5),
}
# The same factors by the rain that a storm or a downpour brings [mm/h], with the two kinds of rain above on the way.
_RAIN = np.array([0.0, 6.0, 30.0, 100.0])
_BY_RAIN = {
    "speed": (1.0, 0.97, 0.91, 0.84), "capacity": (1.0, 0.90, 0.88, 0.78), "daylight": (1.0, 0.35, 0.15, 0.08),
    "sight": (1.0, 0.85, 0.60, 0.30), "nuisance": (1.0, 4.0, 10.0, 15.0), "outdoors": (1.0, 0.5, 0.2, 0.05),
}  # fmt: skip
_VISIBILITY = (10_000.0, 4_000.0, 1_000.0, 300.0)
# And by gusts [m/s]: people stay in, motorcycles and then cars stop, cameras shake, branches move before them.
_GUST = np.array([0.0, 10.0, 15.0, 20.0, 30.0, 45.0])
_BY_GUST = {
    "speed": (1.0, 1.0, 0.95, 0.80, 0.50, 0.30), "capacity": (1.0, 1.0, 0.90, 0.70, 0.40, 0.20),
    "daylight": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0), "sight": (1.0, 1.0, 0.95, 0.85, 0.60, 0.40),
    "nuisance": (1.0, 1.0, 2.0, 4.0, 8.0, 8.0), "outdoors": (1.0, 0.9, 0.6, 0.3, 0.05, 0.01),
}  # fmt: skip
LEAST_SPEED, LEAST_SHARE = 0.2, 0.1
# Air temperature over the day [degrees C]: a spring day of the Red River delta (assumption).
_TEMPERATURE = (19.5, 19.0, 18.7, 18.5, 18.3, 18.2, 18.5, 19.5, 21.0, 22.5, 23.8, 24.8,
                25.5, 25.8, 25.7, 25.2, 24.3, 23.2, 22.3, 21.6, 21.0, 20.5, 20.1, 19.8)  # fmt: skip


class Weather:
    """The weather of the whole city. A downpour and a typhoon come on top of the kind."""

    def __init__(self, kind: str) -> None:
        self.kind = checked(kind)
        self.storm: Typhoon | None = None
        self.downpour_mm_per_h = 0.0
        self.downpour_until_ms = -1
        self.downpour_event = ""
        self.rain_mm_per_h = AIR[kind].rain_mm_per_h
        self.gust_mps = GUST_FACTOR * AIR[kind].wind_mps
        self.factors = WEATHER[kind]
        self.levels: dict[str, list[Any]] = {}  # truth kind of a wind level -> [event id, when gusts were last that strong]

    def start(self, world: "World") -> None:
        """Tell traffic what weather the run begins with, and register the process that follows a storm."""
        self._world = world
        world.traffic.set_weather(self.factors.speed, self.factors.capacity)
        world.scheduler.add("weather.step", 25, None, self._step)

    def change(self, kind: str, now_ms: int) -> None:
        """Change the weather; lights and roads notice at once."""
        self.kind = checked(kind)
        self._follow(now_ms)

    def come(self, storm: Typhoon, now_ms: int) -> None:
        """Let a typhoon come; one that is there already goes."""
        if self.storm is not None:
            self._world.truth.end(self.storm.event_id, now_ms)
        self.storm = storm
        self._world.scheduler.wake("weather.step", now_ms)

    def pour(self, rain_mm_per_h: float, until_ms: int, event_id: str, now_ms: int) -> None:
        """Let it rain harder until an instant; an earlier downpour ends."""
        self._end_downpour(now_ms)
        self.downpour_mm_per_h, self.downpour_until_ms, self.downpour_event = rain_mm_per_h, until_ms, event_id
        self._world.scheduler.wake("weather.step", now_ms)

    # --- what there is now --------------------------------------------------------------------------------------------

    def wind(self, places_m: Floats, now_ms: int) -> tuple[Floats, Floats]:
        """Return the sustained wind at places [n, 2] (m east, north of the city's centre): to the east and north [n] (m/s)."""
        base = AIR[self.kind].wind_mps
        if self.storm is None:
            return (
                np.full(len(places_m), -0.8 * base),
                np.full(len(places_m), 0.6 * base),
            )  # the sea breeze, from the south-east
        east, north = self.storm.wind(places_m, now_ms)
        return (OVER_LAND * east - 0.8 * base, OVER_LAND * north + 0.6 * base)

    def gusts(self, places_m: Floats, now_ms: int) -> Floats:
        """Return the expected gust at places [n, 2] (m/s)."""
        east, north = self.wind(places_m, now_ms)
        out: Floats = GUST_FACTOR * np.sqrt(east * east + north * north)
        return out

    def visibility_m(self) -> float:
        """Return how far one sees [m], by the thickest of fog and rain."""
        return min(AIR[self.kind].visibility_m, float(np.interp(self.rain_mm_per_h, _RAIN, _VISIBILITY)))

    def temperature_c(self, now_ms: int) -> float:
        """Return the temperature of the air [degrees C]."""
        hour = self._world.hour(now_ms)
        low = int(hour) % 24
        by_day = _TEMPERATURE[low] + (_TEMPERATURE[(low + 1) % 24] - _TEMPERATURE[low]) * (hour - int(hour))
        return by_day + AIR[self.kind].warmer_c

    def surge_m(self, now_ms: int) -> float:
        """Return by how much a storm lifts the sea [m]."""
        return 0.0 if self.storm is None else self.storm.surge(now_ms)

    @property
    def stormy(self) -> bool:
        """Whether gusts can break something."""
        return self.gust_mps >= STRONG_MPS

    # --- how it goes on -----------------------------------------------------------------------------------------------

    def _step(self, now_ms: int) -> int | None:
        if 0 <= self.downpour_until_ms <= now_ms:
            self._end_downpour(now_ms)
        self._follow(now_ms)
        self._note_levels(now_ms)
        if self.storm is not None and not self.levels and self._gone(self.storm, now_ms):
            self._world.truth.end(self.storm.event_id, now_ms)
            self.storm = None
            self._follow(now_ms)
        if self.storm is None and self.downpour_until_ms < 0 and not self.levels:
            return None
        return now_ms + STEP_MS

    def _gone(self, storm: Typhoon, now_ms: int) -> bool:
        away_m = float(storm.radius_at(np.zeros((1, 2)), now_ms)[0])
        return now_ms > storm.landfall_ms and away_m > GONE_RADII * storm.radius_m

    def _end_downpour(self, now_ms: int) -> None:
        if self.downpour_until_ms >= 0:
            self._world.truth.end(self.downpour_event, now_ms)
        self.downpour_mm_per_h, self.downpour_until_ms, self.downpour_event = 0.0, -1, ""

    def _follow(self, now_ms: int) -> None:
        """Work out rain and gusts at the city's centre, then everything that follows."""
        before = self.factors
        storm_rain = 0.0 if self.storm is None else self.storm.rain((0.0, 0.0), now_ms)
        self.rain_mm_per_h = max(AIR[self.kind].rain_mm_per_h, self.downpour_mm_per_h, storm_rain)
        self.gust_mps = float(self.gusts(np.zeros((1, 2)), now_ms)[0])
        self._derive()
        if self.factors != before:
            self._world.traffic.set_weather(self.factors.speed, self.factors.capacity)
            self._world.lighting.refresh(now_ms)

    def _derive(self) -> None:
        """Combine the kind with rain and gusts that are more than the kind's own."""
        kind, factors = AIR[self.kind], WEATHER[self.kind]
        if self.rain_mm_per_h > kind.rain_mm_per_h:
            factors = _worse(factors, _at(_RAIN, _BY_RAIN, self.rain_mm_per_h))
        if self.storm is not None:
            factors = _times(factors, _at(_GUST, _BY_GUST, self.gust_mps))
        self.factors = factors

    def _note_levels(self, now_ms: int) -> None:
        """Begin and end the truth of gusts of level 7 and 8."""
        truth = self._world.truth
        cause = None if self.storm is None else self.storm.event_id
        for kind, least_mps in (("strong_wind", STRONG_MPS), ("gale", GALE_MPS)):
            if self.gust_mps >= least_mps:
                if kind not in self.levels:
                    self.levels[kind] = [truth.begin(kind, Place("city", self._world.city.id), now_ms, cause).event_id, now_ms]
                self.levels[kind][1] = now_ms
            elif kind in self.levels and now_ms - self.levels[kind][1] >= CALM_AGAIN_MS:
                truth.end(self.levels.pop(kind)[0], now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "kind": self.kind,
            "storm": None if self.storm is None else asdict(self.storm),
            "downpour": [self.downpour_mm_per_h, self.downpour_until_ms, self.downpour_event],
            "now": [self.rain_mm_per_h, self.gust_mps],
            "levels": {kind: list(level) for kind, level in self.levels.items()},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state; traffic and lighting restore what they were told."""
        self.kind = data["kind"]
        self.storm = None if data["storm"] is None else Typhoon(**data["storm"])
        self.downpour_mm_per_h, self.downpour_until_ms, self.downpour_event = data["downpour"]
        self.rain_mm_per_h, self.gust_mps = data["now"]
        self.levels = {kind: list(level) for kind, level in data["levels"].items()}
        self._derive()


def checked(kind: str) -> str:
    """Return the kind of weather. Raises ValueError when there is none of that name."""
    if kind not in WEATHER:
        raise ValueError(f"weather {kind!r} is unknown; expected one of {', '.join(WEATHER)}")
    return kind


def _at(where: Floats, table: Mapping[str, tuple[float, ...]], value: float) -> Factors:
    return Factors(**{name: float(np.interp(value, where, column)) for name, column in table.items()})


def _worse(a: Factors, b: Factors) -> Factors:
    """The worse of two of the same sort: fog and rain do not both take the sight away."""
    return Factors(
        min(a.speed, b.speed), min(a.capacity, b.capacity), min(a.daylight, b.daylight), min(a.sight, b.sight),
        max(a.nuisance, b.nuisance), min(a.outdoors, b.outdoors),
    )  # fmt: skip


def _times(a: Factors, b: Factors) -> Factors:
    """Rain and wind act together."""
    return Factors(
        max(LEAST_SPEED, a.speed * b.speed), max(LEAST_SHARE, a.capacity * b.capacity), a.daylight * b.daylight,
        a.sight * b.sight, a.nuisance * b.nuisance, a.outdoors * b.outdoors,
    )  # fmt: skip
