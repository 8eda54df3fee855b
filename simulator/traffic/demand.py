"""Demand: how many vehicles want to enter beside each link, and where they want to go.

Lives here: trips between zones by time of day with keyed variation, and plain entry rates for small networks. Must not know:
the roads' state. Demand is fluid: a step may bring 0.07 vehicles. A zone's trips begin on its links by weight; a closed
link's share goes to the other links of its zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simulator.distributions import Distribution, Uniform
from simulator.streams import Streams
from simulator.traffic.network import Bools, Floats, Ints, sum_by

BLOCK_MS = 300_000  # demand is constant within such blocks
DAY_S = 86_400.0
BLOCK_ZERO = 1 << 32  # time before a run's start is negative; ticks of streams are not
VARIATION = 0.2  # half width scale of the block noise: standard deviation 10 % of a zone's rate
BLOCK_NOISE = Distribution(
    "traffic.demand.{u}",
    Uniform(),
    "",
    "Trips of a zone in five minutes: the sum of three of these, u, gives the factor 1 + 0.2 (u - 1.5).",
    "assumption: standard deviation 10 % of the rate, close to normal, never below 0.7",
)


@dataclass(slots=True)
class ZoneTrips:
    """Trips per hour between zones (daily mean) and how they vary over the day; pair i uses `profiles[profile[i]]`."""

    n_zones: int
    origin: Ints
    destination: Ints
    trips_per_h: Floats
    profile: Ints
    profiles: Floats  # [P, 24] hourly factors of mean 1

    def matrix(self, local_s: float) -> Floats:
        """Return trips per hour [origin, destination] at a local time of day, linear between the middles of the hours."""
        hour = (local_s % DAY_S) / 3600.0 - 0.5
        low = int(np.floor(hour))
        part = hour - low
        factor = self.profiles[:, low % 24] * (1.0 - part) + self.profiles[:, (low + 1) % 24] * part
        flat = sum_by(
            self.origin * self.n_zones + self.destination,
            self.trips_per_h * factor[self.profile],
            self.n_zones * self.n_zones,
        )
        return flat.reshape(self.n_zones, self.n_zones)


@dataclass(slots=True)
class EntryRates:
    """Constant inflows at the start of links, for networks without zones: rows (link, veh/s, start_ms, end_ms)."""

    rows: list[tuple[int, float, int, int]] = field(default_factory=list)

    def arrivals(self, n_links: int, now_ms: int, step_ms: int) -> Floats:
        """Return the vehicles [L] that arrive in [now, now + step)."""
        out = np.zeros(n_links)
        for link, rate, start_ms, end_ms in self.rows:
            overlap = min(now_ms + step_ms, end_ms) - max(now_ms, start_ms)
            if overlap > 0:
                out[link] += rate * (overlap / 1000.0)
        return out


class ZoneDemand:
    """Arrivals beside links from trips between zones. `weight` [L] says how a zone's trips divide over its links."""

    def __init__(self, trips: ZoneTrips, zone_of_link: Ints, weight: Floats, streams: Streams) -> None:
        self.trips = trips
        self.zone_of_link = zone_of_link
        self.weight = weight
        self.streams = streams
        self.factor = np.ones(trips.n_zones)
        self.surge = np.ones(trips.n_zones)
        self.variation = VARIATION
        self._open = np.ones(weight.size, dtype=np.bool_)
        self._cached: tuple[int, Floats] | None = None
        self._divide()

    def set_factor(self, factor: float, origin_zone: int | None = None) -> None:
        """Scale the trips that begin in one zone, or in all. Raises ValueError on a negative or infinite factor."""
        if not 0.0 <= factor < np.inf:
            raise ValueError(f"demand factor is {factor!r}; expected a finite number of at least 0")
        self.factor[slice(None) if origin_zone is None else origin_zone] = factor
        self._cached = None

    def set_surge(self, surge: Floats) -> None:
        """Scale the trips of each zone [Z] on top of its factor, for what passes by itself."""
        self.surge = surge.copy()
        self._cached = None

    def set_open(self, open_links: Bools) -> None:
        """Tell which links are open; trips begin on open links of their zone, or on all where none is open."""
        self._open = open_links.copy()
        self._divide()

    def _divide(self) -> None:
        zone = np.where(self.zone_of_link >= 0, self.zone_of_link, self.trips.n_zones)
        use = np.where((self.zone_of_link >= 0) & self._open, self.weight, 0.0)
        total = sum_by(zone, use, self.trips.n_zones + 1)
        use = np.where((total[zone] <= 0.0) & (self.zone_of_link >= 0), self.weight, use)
        total = sum_by(zone, use, self.trips.n_zones + 1)
        self._part = use / np.maximum(total[zone], 1e-300)
        self._cached = None

    def trips_by_link(self, local_s: float) -> Floats:
        """Return trips per hour [L, K] that begin on each link towards each zone, without the noise of the block."""
        matrix = self.trips.matrix(local_s) * (self.factor * self.surge)[:, None]
        by_link: Floats = matrix[np.maximum(self.zone_of_link, 0)]
        by_link *= self._part[:, None]
        return by_link

    def arrivals(self, now_ms: int, start_s: float, step_ms: int) -> Floats:
        """Return the vehicles [L] that arrive in [now, now + step); `start_s` is the local time of day at run start."""
        block = now_ms // BLOCK_MS
        if self._cached is None or self._cached[0] != block:
            local_s = start_s + (block + 0.5) * (BLOCK_MS / 1000.0)
            rate = self.trips.matrix(local_s).sum(axis=1) * self.factor * self.surge * self._noise(block)
            zone = np.maximum(self.zone_of_link, 0)
            self._cached = (block, rate[zone] * self._part / 3_600_000.0)
        return self._cached[1] * step_ms

    def _noise(self, block: int) -> Floats:
        """Return the factor of each zone in a block: 1 + 0.2 (u1 + u2 + u3 - 1.5), close to normal, never below 0.7."""
        if self.variation == 0.0:
            return np.ones(self.trips.n_zones)
        draws = [self.streams.draw(BLOCK_NOISE, f"u{i}", tick=block + BLOCK_ZERO, n=self.trips.n_zones) for i in range(3)]
        return 1.0 + self.variation * (draws[0] + draws[1] + draws[2] - 1.5)


def even_profiles() -> Floats:
    """Return one profile that is the same all day."""
    return np.ones((1, 24))


def zone_trips(n_zones: int, rows: Sequence[tuple[int, int, float]]) -> ZoneTrips:
    """Return constant trips per hour from (origin, destination, trips per hour) rows."""
    origin, destination, rate = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return ZoneTrips(
        n_zones,
        np.array(origin, dtype=np.int64),
        np.array(destination, dtype=np.int64),
        np.array(rate, dtype=np.float64),
        np.zeros(len(rows), dtype=np.int64),
        even_profiles(),
    )
