"""The world: one city, its time, its chance and its domains, as one thing that can be run, saved and loaded.

Lives here: what ties the domains together. Must not know: how any of them works, sensors, scenarios.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from simulator.city import City
from simulator.controllers import Controllers
from simulator.crowd_control import CrowdControl
from simulator.device_health import DeviceHealth
from simulator.distributions import Distribution, OneOf
from simulator.emergencies import Emergencies
from simulator.indoor import Indoor
from simulator.inject_catalogue import INJECTS
from simulator.injects import complete, place_ids, validate
from simulator.lighting import Lighting
from simulator.near_repeat import NearRepeat
from simulator.ordinary import Ordinary
from simulator.places import Places, Spot
from simulator.power import Power
from simulator.scheduler import Scheduler
from simulator.security import Security
from simulator.sounds import Sounds
from simulator.storm_damage import StormDamage
from simulator.streams import Streams
from simulator.telecom import Telecom
from simulator.traffic.traffic import Traffic
from simulator.truth import Place, TruthEvent, TruthLog
from simulator.units import Units
from simulator.water import Water
from simulator.weather import Weather

TICK_ZERO = 1 << 40  # stream ticks must not be negative, a warm-up may begin before T+0
SNAPSHOT_FORMAT = "cityops-world/1"
PICK = Distribution(
    "world.pick.{kind}",
    OneOf("the city's places or devices of a kind"),
    "",
    "The place of an inject that names none.",
    "assumption: none is likelier than another",
)


class World:
    """A city at work. `start_at` (with its offset) is simulated time 0; `now_ms` is where the world begins to stand.

    `ordinary_life` adds what happens in any town without an instructor: lamps that fail, harmless causes before cameras, a
    few minor crashes a day.
    """

    def __init__(
        self,
        city: City,
        seed: int,
        start_at: datetime,
        weather: str = "clear",
        *,
        ordinary_life: bool = False,
        now_ms: int = 0,
        traffic: Traffic | None = None,
    ) -> None:
        if start_at.tzinfo is None:
            raise ValueError(f"start_at is {start_at.isoformat()} without an offset; expected one, such as +07:00")
        self.city, self.seed, self.start_at = city, seed, start_at
        self.ordinary_life = ordinary_life
        self.streams = Streams(seed)
        self.scheduler = Scheduler(now_ms)
        self.truth = TruthLog()
        self.places = Places(city)
        self._start_utc_s = start_at.timestamp()
        self._zone = ZoneInfo(city.time_zone)
        self._offset_s = lru_cache(maxsize=4)(self._offset_of_hour)
        self._picks = 0
        self.power = Power(city, self.streams)
        self.lighting = Lighting(city, self.streams)
        self.controllers = Controllers(city)
        self.security = Security(city, self.streams)
        self.sounds = Sounds(city, self.streams)
        self.near_repeat = NearRepeat(self.streams)
        self.devices = DeviceHealth()
        self.telecom = Telecom(city)
        self.emergencies = Emergencies()
        self.units = Units(city)
        self.weather = Weather(weather)
        self.water = Water(city)
        self.storm_damage = StormDamage(self.streams)
        self.traffic = traffic if traffic is not None else Traffic.from_city(city, self.streams)
        self.crowd_control = CrowdControl()
        self.indoor = Indoor(city)
        self.ordinary = Ordinary()
        for domain in self._domains().values():
            domain.start(self)

    def _domains(self) -> dict[str, Any]:
        """The domains in the order in which they start and are restored."""
        return {
            "weather": self.weather, "power": self.power, "controllers": self.controllers, "lighting": self.lighting,
            "traffic": self.traffic, "water": self.water, "security": self.security,
            "sounds": self.sounds, "near_repeat": self.near_repeat, "emergencies": self.emergencies,
            "devices": self.devices, "telecom": self.telecom, "units": self.units, "storm_damage": self.storm_damage,
            "crowd_control": self.crowd_control, "indoor": self.indoor, "ordinary": self.ordinary,
        }  # fmt: skip

    # --- time ---------------------------------------------------------------------------------------------------------

    def utc_s(self, now_ms: int) -> float:
        """Return seconds since 1970, UTC."""
        return self._start_utc_s + now_ms / 1000.0

    def local_seconds(self, now_ms: int) -> float:
        """Return seconds since local midnight, in the city's zone."""
        utc_s = self.utc_s(now_ms)
        return (utc_s + self._offset_s(int(utc_s // 3600))) % 86_400.0

    def hour(self, now_ms: int) -> float:
        """Return the local hour, 0 to below 24."""
        return self.local_seconds(now_ms) / 3600.0

    def _offset_of_hour(self, hour: int) -> float:
        """Return the zone's offset in an hour since 1970 [s]; clocks change at full hours."""
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)).astimezone(self._zone)
        offset = local.utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def tick(self, now_ms: int) -> int:
        """Return the tick of keyed streams at an instant."""
        return now_ms + TICK_ZERO

    def run_until(self, until_ms: int) -> None:
        """Run everything up to and including `until_ms`."""
        self.scheduler.run_until(until_ms)

    # --- things happen ------------------------------------------------------------------------------------------------

    def inject(self, name: str, params: Mapping[str, Any], now_ms: int) -> TruthEvent:
        """Make something happen and return its truth event.

        Raises ValueError, and changes nothing, on an unknown inject or on parameters that do not fit the city.
        """
        inject = INJECTS.get(name)
        if inject is None:
            raise ValueError(f"inject {name!r} is unknown; expected one of {', '.join(INJECTS)}")
        problems = validate(inject, params, self.city)
        if problems:
            raise ValueError("; ".join(problems))
        return inject.apply(self, complete(inject, params), now_ms)

    apply = inject

    def pick(self, kind: str, thing_id: str | None) -> int:
        """Return the row of an id in the city's table of a kind, or of one chosen by the seed when it is None."""
        ids = place_ids(self.city, kind)
        if thing_id is not None:
            row = self.places.index(kind, thing_id)
            if row < 0:
                raise ValueError(f"city {self.city.id} has no {kind} {thing_id!r}")
            return row
        if not ids:
            raise ValueError(f"city {self.city.id} has no {kind} to choose from")
        return self.choose(kind, len(ids))

    def pick_device(self, kind: str, device_id: str | None, *, only: bool = False) -> int:
        """Return the row of a device (`only` of that kind), or of one of a sensor kind chosen by the seed when it is None."""
        if device_id is not None:
            row = self.places.index("device", device_id)
            if row >= 0 and only and self.city.devices.kind[row] != kind:
                raise ValueError(f"device {device_id!r} is a {self.city.devices.kind[row]}; expected a {kind}")
            if row < 0:
                raise ValueError(f"device {device_id!r} is not in the city's table of devices; expected a {kind}")
            return row
        rows = [i for i, k in enumerate(self.city.devices.kind) if k == kind]
        if not rows:
            raise ValueError(f"city {self.city.id} has no {kind} to choose from")
        return rows[self.choose(kind, len(rows))]

    def choose(self, kind: str, n: int) -> int:
        """Return one of n things of a kind, chosen by the seed; each call is another choice."""
        self._picks += 1
        return int(self.streams.choose(PICK, n, kind, tick=self._picks)[0])

    def spot(self, place: Place) -> Spot:
        """Return where a place is. Raises ValueError when the city has no such thing."""
        spot = self.places.spot(place)
        if spot is None:
            raise ValueError(f"city {self.city.id} has no {place.kind} {place.id!r}")
        return spot

    # --- saving -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return all that changes, as plain data and arrays; whole at any instant between two `run_until`."""
        return {
            "format": SNAPSHOT_FORMAT,
            "now_ms": self.scheduler.now_ms,
            "wakes": self.scheduler.snapshot(),
            "truth": self.truth.snapshot(),
            "picks": self._picks,
            "domains": {name: domain.snapshot() for name, domain in self._domains().items()},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a snapshot of a world of the same city, seed and processes. Raises ValueError on another format."""
        if data.get("format") != SNAPSHOT_FORMAT:
            raise ValueError(f"the snapshot has format {data.get('format')!r}; expected {SNAPSHOT_FORMAT!r}")
        self.truth.restore(data["truth"])
        self._picks = data["picks"]
        for name, domain in self._domains().items():
            domain.restore(data["domains"][name])
        self.scheduler.restore(data["now_ms"], data["wakes"])
