"""Ordinary life on the roads: a few minor crashes a day that nobody scripted.

Lives here: when and where. Must not know: what a crash does (`simulator.traffic`). Lamps and harmless causes have their own
rates in their domains; all of it only where a world was made with `ordinary_life`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.distributions import Chance, Distribution, OneOf

if TYPE_CHECKING:
    from simulator.world import World

STEP_MS = 300_000
CRASH = Distribution(
    "ordinary.crash",
    Chance(4.0, "1.5 from 6 to 22 h, else 0.2"),
    "a day",
    "A minor crash somewhere in the city.",
    "assumption: that many are reported at all in a city of this size; the factors have a mean of 1.07",
)
WHERE = Distribution(
    "ordinary.where",
    OneOf("the links of at least two lanes", "length × (lanes - 1)"),
    "",
    "The link of a minor crash.",
    "assumption: crashes follow lane length",
)
CRASH_S = 900.0


class Ordinary:
    """Unscripted crashes, drawn every five minutes in proportion to how many people are on their way."""

    def start(self, world: "World") -> None:
        """Register the process; it does nothing unless the world has ordinary life."""
        self._world = world
        wake_ms = world.scheduler.now_ms + STEP_MS if world.ordinary_life else None
        world.scheduler.add("ordinary.crashes", 45, wake_ms, self._step)

    def _step(self, now_ms: int) -> int:
        world = self._world
        hour = world.hour(now_ms)
        by_day = 1.5 if 6.0 <= hour < 22.0 else 0.2  # mean 1.07 over a day
        chance = CRASH.law.rate * by_day * STEP_MS / 86_400_000.0
        if world.streams.hits(CRASH, chance, tick=world.tick(now_ms), n=1)[0]:
            self._crash(now_ms)
        return now_ms + STEP_MS

    def _crash(self, now_ms: int) -> None:
        """One lane of a road with at least two, where vehicles are; a link is met in proportion to its lanes and length."""
        world = self._world
        links = world.city.links
        weights = np.array(links.length_m) * (np.array(links.lanes) - 1)
        if weights.sum() > 0:
            link = int(world.streams.choose(WHERE, weights, tick=world.tick(now_ms))[0])
            world.inject("crash", {"link": links.id[link], "lanes": 1, "duration_s": CRASH_S}, now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Nothing changes but the wake time, which the scheduler keeps."""
        return {}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
