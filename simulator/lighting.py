"""Street lighting: what every luminaire is told, gives and takes.

Lives here: daylight, the dusk-to-dawn clock with its late-night dimming, overrides, failures, light and energy. Must not know:
why supply is gone (`simulator.power`), how lamps age (`simulator.ageing`), what controllers report.
Power over level P = P0 (0.05 + 0.95 d) and 1.5 W standby
(assumption, traffic research section 5); lamps switch at a sun of -4 degrees, which gives 4,154 burning hours a year there.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator import sun
from simulator.ageing import AGE, DIRT, FAILURE, WEAR_OUT, light_left, wear_chance
from simulator.city import City
from simulator.lasting import Lasting
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
AGE_EVERY_MS = 600_000  # failures are drawn, and the light left is worked out, this often
# Power factor of LED drivers by level: falls when they are dimmed (assumption, of the shape that data sheets show).
PF_LEVEL, PF = (0.0, 0.1, 0.3, 0.5, 1.0), (0.35, 0.65, 0.85, 0.92, 0.97)
BURNERS = ("contactor", "photocell")


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
        self.age_h: Floats = streams.draw(AGE, tick=0, n=n)  # burning hours
        self.clean_years: Floats = streams.draw(DIRT, tick=0, n=n)  # since it was cleaned, when the run began
        self.depreciation: Floats = light_left(self.age_h, self.clean_years)  # in steps, so that a keyframe is small
        self._began = {name: getattr(self, name).copy() for name in self._DRAWN}
        self.circuit: Ints = _circuits(self.cabinet)
        self._lamps_of_link = _counts(self.link, len(city.links.id))
        self._lamps_of_zone = _counts(self.zone, len(city.zones.id))
        self.failed: Bools = np.zeros(n, dtype=bool)
        self.burner: Bools = np.zeros(n, dtype=bool)  # burns whatever it is told
        self.blind: Bools = np.zeros(n, dtype=bool)  # its photocell sees night: burns unless it is told otherwise
        self.override_level: Floats = np.zeros(n)
        self.override_until_ms: Ints = np.full(n, NO_OVERRIDE, dtype=np.int64)
        self.energy_wh: Floats = np.zeros(n)
        self.lasting = Lasting()
        self.lux = 0.0
        self.night = False
        self._settled_ms = 0
        self._derive(np.zeros(n), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool))

    def start(self, world: "World") -> None:
        """Register the process that follows the sun, and light what has to be lit."""
        self._world = world
        self.lasting.start(world.truth)
        self._settled_ms = world.scheduler.now_ms
        self._follow(self._settled_ms)
        world.scheduler.add("lighting.step", 30, self._settled_ms + STEP_MS, self._step)

    def _step(self, now_ms: int) -> int:
        self._follow(now_ms)
        if now_ms % AGE_EVERY_MS == 0:
            self._age(now_ms)
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
        hours = (now_ms - self._settled_ms) / 3_600_000.0
        self.energy_wh += self.power_w * hours
        self.age_h[self.level > 0] += hours
        self._settled_ms = now_ms
        self.override_until_ms[self.override_until_ms <= now_ms] = NO_OVERRIDE
        hour = self._world.hour(now_ms)
        late = hour >= LATE_FROM_H or hour < LATE_TO_H
        scheduled = self.late_level if self.night and late else np.full(len(self.cabinet), 1.0 if self.night else 0.0)
        commanded = np.where(self.override_until_ms != NO_OVERRIDE, self.override_level, scheduled)
        told = self.override_until_ms != NO_OVERRIDE
        self._derive(commanded, told, self.supplied())

    def supplied(self) -> Bools:
        """Return which luminaires have mains from their circuit, bool[L]."""
        circuits: Bools = self._world.power.circuit_on.ravel()[self.circuit]
        return circuits

    def _derive(self, commanded: Floats, told: Bools, supplied: Bools) -> None:
        self.commanded_level: Floats = commanded
        level = np.where(self.burner | (self.blind & ~told), 1.0, commanded)
        self.level: Floats = np.where(supplied & ~self.failed, level, 0.0)
        self.light_output: Floats = self.level * self.depreciation
        drawn = np.where(self.level > 0, self.rated_w * (0.05 + 0.95 * self.level), STANDBY_W)
        self.power_w: Floats = np.where(supplied, drawn, 0.0)
        cabinets = len(self._city.cabinets.id)
        self.cabinet_power_w: Floats = np.bincount(self.cabinet, self.power_w, cabinets).astype(np.float64)
        apparent = self.power_w / np.interp(self.level, PF_LEVEL, PF)
        self.circuit_va: Floats = np.bincount(self.circuit, apparent, 3 * cabinets).astype(np.float64).reshape(-1, 3)
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
        ids = self._city.luminaires.id
        return [self.lasting.begin("luminaire_failure", Place("luminaire", ids[i]), now_ms, cause_id) for i in fresh]

    def burn_by_day(self, c: int, now_ms: int, cause: str = "contactor") -> TruthEvent:
        """Let a cabinet's contactor stick, so that its lamps burn whatever they are told, or its photocell see only night."""
        (self.burner if cause == "contactor" else self.blind)[self.cabinet == c] = True
        self.refresh(now_ms)
        return self.lasting.begin("day_burner", Place("cabinet", self._city.cabinets.id[c]), now_ms, attributes={"cause": cause})

    def relamp(self, lamps: Ints, now_ms: int) -> int:
        """Put new luminaires in place of failed ones and return how many there were."""
        self.refresh(now_ms)
        broken = [int(i) for i in lamps if self.failed[i]]
        self.failed[broken] = False
        self.age_h[broken] = self.clean_years[broken] = 0.0
        self.depreciation[broken] = 1.0
        for i in broken:
            self.lasting.end("luminaire_failure", self._city.luminaires.id[i], now_ms)
        self.refresh(now_ms)
        return len(broken)

    def mend_contactor(self, c: int, now_ms: int) -> bool:
        """Free a stuck contactor and clean a blind photocell; return whether there was either."""
        own = self.cabinet == c
        was = bool((self.burner | self.blind)[own].any())
        self.burner[own] = self.blind[own] = False
        self.lasting.end("day_burner", self._city.cabinets.id[c], now_ms)
        self.refresh(now_ms)
        return was

    def darkness(self, link: int, zone: int) -> float:
        """Return how dark a place is, 0 (day or well lit) to 1, by the lamps of its link, else of its zone."""
        lit = self.link_light[link] if link >= 0 and self._lamps_of_link[link] else self.zone_light[zone] if zone >= 0 else 0.0
        return 1.0 - max(self.daylight, min(1.0, float(lit) / 0.4))

    def _age(self, now_ms: int) -> None:
        """Work out the light that is left; in ordinary life also which lamps failed since the last look."""
        years = now_ms / 31_557_600_000.0
        self.depreciation = light_left(self.age_h, self.clean_years + years)
        burning = self.level > 0
        if self._world.ordinary_life and burning.any():
            hours, tick, n = AGE_EVERY_MS / 3_600_000.0, self._world.tick(now_ms), len(self.cabinet)
            random = self._streams.hits(FAILURE, FAILURE.law.rate * hours, tick=tick, n=n)
            worn = self._streams.hits(WEAR_OUT, wear_chance(self.age_h, hours), tick=tick, n=n)
            hit = np.flatnonzero((random | worn) & burning)
            if len(hit):
                self.fail(hit, now_ms)

    _ARRAYS = ("failed", "burner", "blind", "override_level", "override_until_ms", "energy_wh", "commanded_level")
    _DRAWN = ("age_h", "clean_years", "depreciation")  # begin as the seed says; a snapshot holds the lamps where they changed

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays; what follows from it is worked out again."""
        arrays: dict[str, Any] = {name: getattr(self, name).copy() for name in self._ARRAYS}
        for name, began in self._began.items():
            lamps = np.flatnonzero(getattr(self, name) != began)
            arrays[name] = [lamps.astype(np.uint32), getattr(self, name)[lamps]]
        return arrays | {"lasting": self.lasting.snapshot(), "lux": self.lux, "night": self.night, "settled_ms": self._settled_ms}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state; power must be restored before."""
        for name in self._ARRAYS:
            setattr(self, name, data[name].copy())
        for name, began in self._began.items():
            lamps, values = data[name]
            setattr(self, name, began.copy())
            getattr(self, name)[lamps] = values
        self.lasting.restore(data["lasting"])
        self.lux, self.night, self._settled_ms = data["lux"], data["night"], data["settled_ms"]
        self._derive(self.commanded_level, self.override_until_ms != NO_OVERRIDE, self.supplied())


def _circuits(cabinet: Ints) -> Ints:
    """Return the circuit [L] of each lamp, 3 x cabinet + phase: the phases take turns along a cabinet's lamps."""
    order = np.argsort(cabinet, kind="stable")
    first = np.searchsorted(cabinet[order], cabinet[order])
    place = np.empty_like(cabinet)
    place[order] = np.arange(len(cabinet)) - first
    return 3 * cabinet + place % 3


def _counts(index: Ints, n: int) -> Ints:
    return np.bincount(index[index >= 0], minlength=n)


def _mean(index: Ints, values: Floats, counts: Ints) -> Floats:
    """Return the mean of the values by index; 0 where there is none."""
    known = index >= 0
    sums = np.bincount(index[known], values[known], len(counts))
    means: Floats = sums / np.maximum(counts, 1)
    return means
