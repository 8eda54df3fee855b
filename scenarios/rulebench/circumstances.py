"""What else was so while a city was recorded: how full the roads were, how dense people stood, how hard it rained.

Lives here: a sample of the truth each minute. Must not know: rules, alerts, devices. No event of the truth says that it is rush
hour; an alarm that came of it is explained by this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.quantities import queue_m
from simulator.world import World

EVERY_MS = 60_000
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """One row a minute: `at_ms` int64[rows]; `density_ratio` of the roads to their jam density and `queue_m`, the delayed
    vehicles as metres of standing queue, float32[rows, links];
    `people_per_m2` outdoors on an ordinary day, float32[rows, zones]; `rain_mm_per_h` float32[rows].
    """

    at_ms: NDArray[np.int64]
    density_ratio: Floats
    queue_m: Floats
    people_per_m2: Floats
    rain_mm_per_h: Floats

    def row(self, at_ms: int) -> int:
        """Return the row of the last sample up to an instant; -1 before the first."""
        return int(np.searchsorted(self.at_ms, at_ms, "right")) - 1

    def plain(self) -> dict[str, Any]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Watch:
    """Takes the samples of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: list[tuple[int, Floats, Floats, Floats, float]] = []

    def take(self, now_ms: int) -> None:
        """Take a sample."""
        world = self._world
        density = world.traffic.link_density_ratio().astype(np.float32)
        queue = queue_m(world).astype(np.float32)
        people = world.security.outdoor_density(now_ms).astype(np.float32)
        self._rows.append((now_ms, density, queue, people, world.weather.rain_mm_per_h))

    def seen(self) -> Circumstances:
        """Return the samples so far."""
        at_ms = np.array([row[0] for row in self._rows], dtype=np.int64)
        density, queue, people, rain = (np.array([row[i] for row in self._rows], dtype=np.float32) for i in range(1, 5))
        return Circumstances(at_ms, density, queue, people, rain)


def of_plain(data: Mapping[str, Any]) -> Circumstances:
    """Return what `plain` took apart. Raises KeyError or TypeError on anything else."""
    return Circumstances(**{name: data[name] for name in Circumstances.__slots__})
