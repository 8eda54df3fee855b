"""People and security: who is where, what goes on that should not, and what only looks like it.

Lives here: people by zone and hour, crowds, intrusions, SOS presses, doors, harmless causes. Must not know: what a camera
makes of it. Shares by hour, the spread of people outdoors and the rates are assumptions, written beside the numbers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator import sun
from simulator.city import City
from simulator.distributions import Chance, Distribution, OneOf, Uniform
from simulator.glare import HEADING, MORE_CAUSES, glare
from simulator.places import METRES_PER_DEGREE, Spot
from simulator.streams import Streams
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

STEP_MS, NEVER = 60_000, -(1 << 62)
CLOSED_FROM_H, CLOSED_TO_H = 22.0, 6.0
SOS_LATCH_MS = 15 * 60_000  # a pressed pole shows it until a patrol resets it, or this long
# Share of residents and of workers who are in their zone, by hour; share of those who are outdoors.
AT_HOME = (0.98, 0.98, 0.98, 0.98, 0.97, 0.92, 0.80, 0.62, 0.50, 0.46, 0.45, 0.50,
           0.52, 0.48, 0.46, 0.47, 0.55, 0.66, 0.74, 0.80, 0.86, 0.92, 0.96, 0.98)  # fmt: skip
AT_WORK = (0.06, 0.05, 0.05, 0.05, 0.06, 0.10, 0.35, 0.75, 0.92, 0.95, 0.93, 0.75,
           0.70, 0.90, 0.94, 0.92, 0.78, 0.45, 0.30, 0.26, 0.20, 0.14, 0.10, 0.07)  # fmt: skip
OUTDOORS = (0.003, 0.002, 0.002, 0.003, 0.008, 0.03, 0.06, 0.08, 0.06, 0.05, 0.05, 0.06,
            0.05, 0.04, 0.04, 0.05, 0.08, 0.10, 0.11, 0.11, 0.09, 0.06, 0.03, 0.010)  # fmt: skip
PUBLIC_GROUND = 0.10  # share of a zone's area that is pavement, square or park
# Likeness to an intruder.
NUISANCE = {"insects": 0.45, "animal": 0.55, "rain": 0.40, "headlights": 0.50, "vegetation": 0.45, "glare": 0.45}
ANYWHERE = ("animal", "headlights", "insects", "rain", "vegetation")  # glare needs the sun
DOOR_USE = Distribution(
    "security.door",
    Chance(0.15, "0 from 22 to 6 h"),
    "a minute",
    "A door is in use.",
    "assumption: in about one minute of seven by day",
)
NUISANCE_RATE = Distribution(
    "security.nuisance",
    Chance(1.0, "the weather's factor, up to 3 in the dark, up to 5 with a low sun in the picture"),
    "per camera and day",
    "Something harmless shows itself before a camera.",
    "vendor literature: tuned analytics, one false alarm per camera and day",
)
CAUSE = Distribution(
    "security.nuisance_cause",
    OneOf("insects, animal, rain, headlights, vegetation"),
    "",
    "What the harmless thing is.",
    "assumption: all alike",
)
LIKENESS = Distribution(
    "security.likeness",
    Uniform(0.0, 0.1),
    "ratio",
    "By how much a harmless cause is more like an intruder than its sort is at least.",
    "assumption",
)
SHORT_NUISANCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that goes on around a place until `until_ms` or until somebody ends it.

    `strength`: for a crowd its final density [people/m2], else the likeness to an intruder 0-1. It grows over `ramp_ms`.
    """

    event_id: str
    kind: str  # intrusion, crowd or nuisance
    lon: float
    lat: float
    zone: int
    door: int  # the door (in the order of doors) that it holds open, -1 for none
    radius_m: float
    strength: float
    start_ms: int
    ramp_ms: int
    until_ms: int

    def now(self, now_ms: int) -> float:
        """Return the present strength."""
        grown = (now_ms - self.start_ms) / self.ramp_ms if self.ramp_ms else 1.0
        return self.strength * min(1.0, grown)


class Security:
    """People, doors, SOS poles and what happens, of one city."""

    def __init__(self, city: City, streams: Streams) -> None:
        devices = city.devices
        self._city, self._streams = city, streams
        self.doors: Ints = np.array([i for i, kind in enumerate(devices.kind) if kind == "door"], dtype=np.int64)
        self.poles: Ints = np.array([i for i, kind in enumerate(devices.kind) if kind == "sos_pole"], dtype=np.int64)
        self.cameras: Ints = np.array([i for i, kind in enumerate(devices.kind) if kind == "camera"], dtype=np.int64)
        self.lon: Floats = np.array(devices.lon, dtype=np.float64)
        self.lat: Floats = np.array(devices.lat, dtype=np.float64)
        self._population = np.array(city.zones.population, dtype=np.float64)
        self._jobs = np.array(city.zones.jobs, dtype=np.float64)
        self._ground_m2 = PUBLIC_GROUND * _areas_m2(city)
        self.heading_deg: Floats = streams.draw(HEADING, tick=0, n=len(self.cameras))
        self._glare: tuple[int, Floats] = (NEVER, np.zeros(len(self.cameras)))
        self.door_in_use: Bools = np.zeros(len(self.doors), dtype=bool)
        self.pressed_until_ms: Ints = np.full(len(self.poles), -1, dtype=np.int64)
        self.presses: Ints = np.zeros(len(self.poles), dtype=np.int64)
        self.happenings: list[Happening] = []
        self.press_events: dict[str, str] = {}

    def start(self, world: "World") -> None:
        """Register the processes of ordinary comings and goings, and of ends."""
        self._world = world
        world.scheduler.add("security.step", 50, world.scheduler.now_ms + STEP_MS, self._step)
        world.scheduler.add("security.ends", 50, None, self._ends)

    def people(self, now_ms: int) -> Floats:
        """Return people per zone, float[Z]."""
        hour = self._world.hour(now_ms)
        return self._population * _by_hour(AT_HOME, hour) + self._jobs * _by_hour(AT_WORK, hour)

    def outdoor_density(self, now_ms: int) -> Floats:
        """Return people outdoors per m2 of public ground, float[Z]."""
        share = _by_hour(OUTDOORS, self._world.hour(now_ms)) * self._world.weather.factors.outdoors
        return self.people(now_ms) * share / self._ground_m2

    def glare(self, now_ms: int) -> Floats:
        """Return how much the sun spoils the picture of each camera, 0-1, by minutes; clouds and rain take it away."""
        minute = now_ms // STEP_MS
        if self._glare[0] != minute:
            utc_s, city = np.array([self._world.utc_s(minute * STEP_MS)]), self._city
            height, azimuth = (angle(utc_s, city.lon, city.lat) for angle in (sun.elevation_deg, sun.azimuth_deg))
            self._glare = minute, glare(self.heading_deg, float(height[0]), float(azimuth[0]))
        return self._glare[1] * self._world.weather.factors.daylight

    def closed(self, now_ms: int) -> bool:
        """Return whether it is after hours."""
        hour = self._world.hour(now_ms)
        return hour >= CLOSED_FROM_H or hour < CLOSED_TO_H

    def door_open(self) -> Bools:
        """Return which doors are open, in use or forced, bool[doors]."""
        is_open = self.door_in_use.copy()
        is_open[[h.door for h in self.happenings if h.door >= 0]] = True
        return is_open

    def begin(
        self, kind: str, place: Place, spot: Spot, now_ms: int, *,
        strength: float, radius_m: float, lasts_ms: int, ramp_ms: int = 0, door: int = -1,
        attributes: Mapping[str, Any] | None = None,
    ) -> TruthEvent:  # fmt: skip
        """Let an intrusion, crowd or nuisance begin at a place."""
        event = self._world.truth.begin(kind, place, now_ms, attributes=self._zone_of(spot) | dict(attributes or {}))
        self.happenings.append(
            Happening(
                event.event_id, kind, spot.lon, spot.lat, spot.zone, door, radius_m, strength, now_ms, ramp_ms, now_ms + lasts_ms
            )
        )
        self._world.scheduler.wake("security.ends", self._next_ms(now_ms))
        return event

    def press(self, pole: int, now_ms: int) -> TruthEvent:
        """Let somebody press an SOS pole (in the order of poles)."""
        self.presses[pole] += 1
        self.pressed_until_ms[pole] = now_ms + SOS_LATCH_MS
        self._world.scheduler.wake("security.ends", self._next_ms(now_ms))
        key = str(pole)
        if key not in self.press_events:
            place = Place("device", self._city.devices.id[int(self.poles[pole])])
            self.press_events[key] = self._world.truth.begin("sos_press", place, now_ms).event_id
        return self._world.truth.get(self.press_events[key])

    def attend(self, spot: Spot, now_ms: int, *, whole_zone: bool, reach_m: float = 200.0) -> list[str]:
        """Let a patrol end what goes on around a place (or in its whole zone); return the kinds that it ended.

        Offenders stay away from there for a while.
        """
        self._world.near_repeat.deter(spot, now_ms)
        ended = [h for h in self.happenings if self._near(h.lon, h.lat, h.zone, spot, reach_m, whole_zone)]
        for happening in ended:
            self._end(happening, now_ms)
        kinds = [h.kind for h in ended]
        for pole in np.flatnonzero(self.pressed_until_ms > now_ms).tolist():
            i = int(self.poles[pole])
            if self._near(self.lon[i], self.lat[i], self._city.devices.zone[i], spot, reach_m, whole_zone):
                self._release(pole, now_ms)
                kinds.append("sos_press")
        return kinds

    def nearest_door(self, spot: Spot, within_m: float = 150.0) -> int:
        """Return the door nearest to a place (in the order of doors), or -1."""
        if not len(self.doors):
            return -1
        away = self._world.places.distance_m(self.lon[self.doors], self.lat[self.doors], spot.lon, spot.lat)
        best = int(np.argmin(away))
        return best if away[best] <= within_m else -1

    def _zone_of(self, spot: Spot) -> dict[str, Any]:
        return {"zone": self._city.zones.id[spot.zone]} if spot.zone >= 0 else {}

    def _near(self, lon: float, lat: float, zone: int, spot: Spot, reach_m: float, whole_zone: bool) -> bool:
        if whole_zone and zone == spot.zone:
            return True
        return bool(self._world.places.distance_m(np.array([lon]), np.array([lat]), spot.lon, spot.lat)[0] <= reach_m)

    def _end(self, happening: Happening, now_ms: int) -> None:
        self.happenings.remove(happening)
        self._world.truth.end(happening.event_id, now_ms)

    def _release(self, pole: int, now_ms: int) -> None:
        self.pressed_until_ms[pole] = -1
        event_id = self.press_events.pop(str(pole), None)
        if event_id is not None:
            self._world.truth.end(event_id, now_ms)

    def _next_ms(self, now_ms: int) -> int | None:
        due = [h.until_ms for h in self.happenings] + self.pressed_until_ms[self.pressed_until_ms >= 0].tolist()
        return max(now_ms, min(due)) if due else None

    def _ends(self, now_ms: int) -> int | None:
        for happening in [h for h in self.happenings if h.until_ms <= now_ms]:
            self._end(happening, now_ms)
        for pole in np.flatnonzero((self.pressed_until_ms >= 0) & (self.pressed_until_ms <= now_ms)).tolist():
            self._release(pole, now_ms)
        return self._next_ms(now_ms)

    def _step(self, now_ms: int) -> int:
        tick = self._world.tick(now_ms)
        busy = 0.0 if self.closed(now_ms) else DOOR_USE.law.rate
        self.door_in_use = self._streams.hits(DOOR_USE, busy, tick=tick, n=len(self.doors))
        if self._world.ordinary_life and len(self.cameras):
            self._ordinary_nuisance(now_ms, tick)
        return now_ms + STEP_MS

    def _ordinary_nuisance(self, now_ms: int, tick: int) -> None:
        world = self._world
        usual = world.weather.factors.nuisance * (1.0 + 2.0 * (1.0 - world.lighting.daylight))
        spoilt = self.glare(now_ms)
        n, rate = len(self.cameras), NUISANCE_RATE.law.rate * (usual + MORE_CAUSES * spoilt)
        hits = self._streams.hits(NUISANCE_RATE, rate * STEP_MS / 86_400_000.0, tick=tick, n=n)
        if hits.any():
            cause = self._streams.choose(CAUSE, len(ANYWHERE), tick=tick, n=n)
            for camera in np.flatnonzero(hits).tolist():
                by_sun = MORE_CAUSES * spoilt[camera] > usual  # the likelier of the two
                what = "glare" if by_sun else ANYWHERE[cause[camera]]
                self.disturb(int(self.cameras[camera]), what, SHORT_NUISANCE_MS, now_ms)

    def disturb(self, device: int, cause: str, lasts_ms: int, now_ms: int) -> TruthEvent:
        """Let something harmless show itself before a camera (row of the device table)."""
        devices = self._city.devices
        spot = Spot(devices.lon[device], devices.lat[device], devices.zone[device], -1)
        luck = float(self._streams.draw(LIKENESS, tick=self._world.tick(now_ms), n=device + 1)[device])
        return self.begin(
            "nuisance", Place("device", devices.id[device]), spot, now_ms,
            strength=NUISANCE[cause] + luck, radius_m=10.0, lasts_ms=lasts_ms, attributes={"cause": cause},
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {
            "door_in_use": self.door_in_use.copy(),
            "pressed_until_ms": self.pressed_until_ms.copy(),
            "presses": self.presses.copy(),
            "happenings": [asdict(h) for h in self.happenings],
            "press_events": dict(self.press_events),
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.door_in_use = data["door_in_use"].copy()
        self.pressed_until_ms, self.presses = data["pressed_until_ms"].copy(), data["presses"].copy()
        self.happenings = [Happening(**row) for row in data["happenings"]]
        self.press_events = dict(data["press_events"])


def _by_hour(shares: tuple[float, ...], hour: float) -> float:
    """Return a share at a local hour, linear between full hours."""
    low = int(hour) % 24
    return shares[low] + (shares[(low + 1) % 24] - shares[low]) * (hour - int(hour))


def _areas_m2(city: City) -> Floats:
    """Return the area of each zone [m2], at least a hectare (shoelace formula in the local plane)."""
    metres = np.array([METRES_PER_DEGREE * float(np.round(np.cos(np.radians(city.lat)), 9)), METRES_PER_DEGREE])
    out = []
    for flat in city.zones.polygon:
        xy = (np.array(flat, dtype=np.float64).reshape(-1, 2) - [city.lon, city.lat]) * metres
        x, y = xy[:, 0], xy[:, 1]
        out.append(abs(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())) / 2.0)
    return np.maximum(np.array(out, dtype=np.float64), 10_000.0)
