"""Street lighting: what every luminaire is told, gives and takes.

Lives here: daylight, the dusk-to-dawn clock with its late-night dimming, overrides, failures, light and energy. Must not know:
why supply is gone (`simulator.power`), what controllers report. Power over level P = P0 (0.05 + 0.95 d) and 1.5 W standby
(assumption, traffic research section 5); lamps switch at a sun of -4 degrees, which gives 4,154 burning hours a year there.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator import sun
from simulator.city import City
from simulator.distributions import Chance, Distribution, Uniform
from simulator.streams import Streams
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STEP_MS = 60_000
SWITCH_DEG = -4.0
LATE_FROM_H, LATE_TO_H = 23.0, 5.0
LATE_LEVEL = {"motorway": 1.0, "trunk": 0.8, "primary": 0.7, "secondary": 0.7}  # CEN/TR 13201-1: a class or two lower; others 0.5
STANDBY_W = 1.5
NO_OVERRIDE = -1
ENOUGH_LUX = 100.0  # daylight in which nobody misses a lamp
FAILURE = Distribution(
    "lighting.failure",
    Chance(0.002 / 1000.0, "hours burnt since the last look"),
    "per burning hour",
    "A luminaire fails for good.",
    "US DOE, LED Systems Reliability Consortium: drivers fail first; 0.2 % per 1,000 h is usual",
)
DEPRECIATION = Distribution(
    "lighting.depreciation",
    Uniform(0.8, 1.0),
    "ratio",
    "Light that a luminaire still gives of what it gave when new.",
    "assumption: lamps of mixed age between new and the end of their rated life (L80)",
)


class Lighting:
    """The luminaires [L] of one city; levels, light and depreciation are ratios 0-1."""

    def __init__(self, city: City, streams: Streams) -> None:
        lamps = city.luminaires
        n = len(lamps.id)
        self._city, self._streams = city, streams
        self.cabinet: Ints = np.array(lamps.cabinet, dtype=np.int64)
        self.link: Ints = np.array(lamps.link, dtype=np.int64)
        self.zone: Ints = np.append(np.array(city.cabinets.zone, dtype=np.int64), -1)[self.cabinet]
        self.rated_w: Floats = np.array(lamps.rated_power_w, dtype=np.float64)
        self.late_level: Floats = np.array([LATE_LEVEL.get(c, 0.5) for c in [*city.links.road_class, ""]])[self.link]
        self.depreciation: Floats = streams.draw(DEPRECIATION, tick=0, n=n)
        self._lamps_of_link = _counts(self.link, len(city.links.id))
        self._lamps_of_zone = _counts(self.zone, len(city.zones.id))
        self.failed: Bools = np.zeros(n, dtype=bool)
        self.burner: Bools = np.zeros(n, dtype=bool)
        self.override_level: Floats = np.zeros(n)
        self.override_until_ms: Ints = np.full(n, NO_OVERRIDE, dtype=np.int64)
        self.energy_wh: Floats = np.zeros(n)
        self.events: dict[str, str] = {}
        self.lux = 0.0
        self.night = False
        self._settled_ms = 0
        self._derive(np.zeros(n), np.zeros(n, dtype=bool))

    def start(self, world: "World") -> None:
        """Register the process that follows the sun, and light what has to be lit."""
        self._world = world
        self._settled_ms = world.scheduler.now_ms
        self._follow(self._settled_ms)
        world.scheduler.add("lighting.step", 30, self._settled_ms + STEP_MS, self._step)

    def _step(self, now_ms: int) -> int:
        self._follow(now_ms)
        if self._world.ordinary_life and self.night:
            self._fail_some(now_ms)
        return now_ms + STEP_MS

    def _follow(self, now_ms: int) -> None:
        """Work out where the sun is, then everything that follows."""
        utc_s = np.array([self._world.utc_s(now_ms)])
        elevation = sun.elevation_deg(utc_s, self._city.lon, self._city.lat)
        self.lux = float(sun.clear_lux(elevation)[0])
        self.night = bool(elevation[0] < SWITCH_DEG)
        self.refresh(now_ms)

    @property
    def ambient_lux(self) -> float:
        """Daylight under the present weather [lx]."""
        return self.lux * self._world.weather.factors.daylight

    @property
    def daylight(self) -> float:
        """Daylight as a ratio of what people and cameras need, 0-1."""
        return min(1.0, self.ambient_lux / ENOUGH_LUX)

    def refresh(self, now_ms: int) -> None:
        """Book energy up to now, then work out levels, light and power after something changed."""
        self.energy_wh += self.power_w * ((now_ms - self._settled_ms) / 3_600_000.0)
        self._settled_ms = now_ms
        self.override_until_ms[self.override_until_ms <= now_ms] = NO_OVERRIDE
        hour = self._world.hour(now_ms)
        late = hour >= LATE_FROM_H or hour < LATE_TO_H
        scheduled = self.late_level if self.night and late else np.full(len(self.cabinet), 1.0 if self.night else 0.0)
        commanded = np.where(self.override_until_ms != NO_OVERRIDE, self.override_level, scheduled)
        self._derive(commanded, self._world.power.cabinet_on[self.cabinet])

    def _derive(self, commanded: Floats, supplied: Bools) -> None:
        self.commanded_level: Floats = commanded
        level = np.where(self.burner, 1.0, commanded)
        self.level: Floats = np.where(supplied & ~self.failed, level, 0.0)
        self.light_output: Floats = self.level * self.depreciation
        drawn = np.where(self.level > 0, self.rated_w * (0.05 + 0.95 * self.level), STANDBY_W)
        self.power_w: Floats = np.where(supplied, drawn, 0.0)
        self.cabinet_power_w: Floats = np.bincount(self.cabinet, self.power_w, len(self._city.cabinets.id)).astype(np.float64)
        self.link_light: Floats = _mean(self.link, self.light_output, self._lamps_of_link)
        self.zone_light: Floats = _mean(self.zone, self.light_output, self._lamps_of_zone)

    def set_level(self, lamps: Ints, level: float, until_ms: int, now_ms: int) -> None:
        """Override the level of luminaires until an instant."""
        self.override_level[lamps] = level
        self.override_until_ms[lamps] = until_ms
        self.refresh(now_ms)

    def fail(self, lamps: Ints, now_ms: int, cause_id: str | None = None) -> list[TruthEvent]:
        """Let luminaires fail; return an event for each that had not failed yet."""
        fresh = [int(i) for i in lamps if not self.failed[i]]
        self.failed[fresh] = True
        self.refresh(now_ms)
        return [self._begin("luminaire_failure", "luminaire", self._city.luminaires.id, i, now_ms, cause_id) for i in fresh]

    def burn_by_day(self, c: int, now_ms: int) -> TruthEvent:
        """Let a cabinet's contactor stick, so that its luminaires burn whatever they are told."""
        self.burner[self.cabinet == c] = True
        self.refresh(now_ms)
        return self._begin("day_burner", "cabinet", self._city.cabinets.id, c, now_ms, None)

    def relamp(self, lamps: Ints, now_ms: int) -> int:
        """Mend failed luminaires and return how many there were."""
        broken = [int(i) for i in lamps if self.failed[i]]
        self.failed[broken] = False
        for i in broken:
            self._end("luminaire_failure", i, now_ms)
        self.refresh(now_ms)
        return len(broken)

    def mend_contactor(self, c: int, now_ms: int) -> bool:
        """Free a stuck contactor; return whether it was stuck."""
        own = self.cabinet == c
        was = bool(self.burner[own].any())
        self.burner[own] = False
        self._end("day_burner", c, now_ms)
        self.refresh(now_ms)
        return was

    def darkness(self, link: int, zone: int) -> float:
        """Return how dark a place is, 0 (day or well lit) to 1, by the lamps of its link, else of its zone."""
        lit = self.link_light[link] if link >= 0 and self._lamps_of_link[link] else self.zone_light[zone] if zone >= 0 else 0.0
        return 1.0 - max(self.daylight, min(1.0, float(lit) / 0.4))

    def _fail_some(self, now_ms: int) -> None:
        chance = FAILURE.law.rate * STEP_MS / 3_600_000.0
        hits = self._streams.hits(FAILURE, chance, tick=self._world.tick(now_ms), n=len(self.cabinet))
        hit = np.flatnonzero(hits & (self.level > 0))
        if len(hit):
            self.fail(hit, now_ms)

    def _begin(self, kind: str, place: str, ids: list[str], index: int, now_ms: int, cause_id: str | None) -> TruthEvent:
        key = f"{kind} {index}"
        if key in self.events:
            return self._world.truth.get(self.events[key])
        event = self._world.truth.begin(kind, Place(place, ids[index]), now_ms, cause_id)
        self.events[key] = event.event_id
        return event

    def _end(self, kind: str, index: int, now_ms: int) -> None:
        event_id = self.events.pop(f"{kind} {index}", None)
        if event_id is not None:
            self._world.truth.end(event_id, now_ms)

    _ARRAYS = ("failed", "burner", "override_level", "override_until_ms", "energy_wh", "commanded_level")

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays; what follows from it is worked out again."""
        arrays = {name: getattr(self, name).copy() for name in self._ARRAYS}
        return arrays | {"events": dict(self.events), "lux": self.lux, "night": self.night, "settled_ms": self._settled_ms}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state; power must be restored before."""
        for name in self._ARRAYS:
            setattr(self, name, data[name].copy())
        self.events = dict(data["events"])
        self.lux, self.night, self._settled_ms = data["lux"], data["night"], data["settled_ms"]
        self._derive(self.commanded_level, self._world.power.cabinet_on[self.cabinet])


def _counts(index: Ints, n: int) -> Ints:
    return np.bincount(index[index >= 0], minlength=n)


def _mean(index: Ints, values: Floats, counts: Ints) -> Floats:
    """Return the mean of the values by index; 0 where there is none."""
    known = index >= 0
    sums = np.bincount(index[known], values[known], len(counts))
    means: Floats = sums / np.maximum(counts, 1)
    return means
