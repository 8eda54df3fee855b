"""What a storm breaks: columns, lines, cameras.

Lives here: how likely gusts break what, minute by minute, and the breaking. Must not know: where wind comes from, what it costs.
The fragilities are assumptions fitted to Yagi over Hải Phòng on 7 September 2024: over 300 columns broken, local outages two
hours before landfall, wide ones after it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Chance, Distribution
from simulator.streams import Streams

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]

STEP_MS = 60_000
# Gusts [m/s] and what breaks an hour of them: of columns, of feeders (trees on lines), of cameras (shaken out of their view).
_GUST = np.array([20.0, 25.0, 30.0, 35.0, 40.0, 50.0])
COLUMNS_PER_H = (0.0, 2e-5, 2e-4, 1e-3, 4e-3, 2e-2)
FEEDERS_PER_H = (0.0, 0.02, 0.10, 0.30, 0.60, 1.5)
CAMERAS_PER_H = (0.0, 0.001, 0.005, 0.02, 0.05, 0.15)
CAMERA_OUT_MS = 12 * 3_600_000
SELF_HEALING = 0.4  # of trips by branches, the utility's recloser finds the line free again
RECLOSE_MS = 90_000
YAGI = "assumption, fitted to Yagi over Hải Phòng, 7 September 2024: over 300 columns, outages from two hours before landfall"
COLUMN = Distribution(
    "storm.column", Chance(1e-3, "a factor of the gust (1 at 35 m/s)"), "a column and hour", "A gust breaks a column.", YAGI
)
TREE = Distribution(
    "storm.tree", Chance(0.3, "a factor of the gust (1 at 35 m/s)"), "a feeder and hour", "A tree on a line.", YAGI
)
BRANCH = Distribution(
    "storm.branch", Chance(SELF_HEALING), "", "What fell on a line is blown off again and the recloser holds.",
    "assumption: four of ten faults of overhead lines in storms are lasting no longer than a reclosing cycle",
)  # fmt: skip
CAMERA = Distribution(
    "storm.camera",
    Chance(0.02, "a factor of the gust (1 at 35 m/s)"),
    "a camera and hour",
    "A camera is lost to the wind.",
    "assumption",
)


class StormDamage:
    """The breaking, each minute in which gusts can break something."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def start(self, world: "World") -> None:
        """Register the process; it sleeps until a storm wakes it."""
        self._world = world
        world.scheduler.add("storm.step", 26, None, self._step)

    def watch(self, now_ms: int) -> None:
        """Begin to break things: a storm has come."""
        self._world.scheduler.wake("storm.step", now_ms)

    def _step(self, now_ms: int) -> int | None:
        storm = self._world.weather.storm
        if storm is None:
            return None
        if self._world.weather.gust_mps > float(_GUST[0]):
            self._columns(now_ms, storm.event_id)
            self._feeders(now_ms, storm.event_id)
            self._cameras(now_ms)
        return now_ms + STEP_MS

    def _chance(self, lon: list[float], lat: list[float], per_h: tuple[float, ...], now_ms: int) -> Floats:
        """Return the probability [n] of this minute at places."""
        world = self._world
        gusts = world.weather.gusts(world.places.metres(np.array(lon), np.array(lat)), now_ms)
        out: Floats = np.interp(gusts, _GUST, np.array(per_h)) * (STEP_MS / 3_600_000.0)
        return out

    def _columns(self, now_ms: int, cause_id: str) -> None:
        world, lamps = self._world, self._world.city.luminaires
        chance = self._chance(lamps.lon, lamps.lat, COLUMNS_PER_H, now_ms)
        hit = np.flatnonzero(self._streams.hits(COLUMN, chance, tick=world.tick(now_ms), n=len(lamps.id)))
        if len(hit):
            world.lighting.fail(hit, now_ms, cause_id)

    def _feeders(self, now_ms: int, cause_id: str) -> None:
        world, feeders = self._world, self._world.city.feeders
        tick, n = world.tick(now_ms), len(feeders.id)
        chance = self._chance(feeders.lon, feeders.lat, FEEDERS_PER_H, now_ms)
        hit = self._streams.hits(TREE, chance, tick=tick, n=n) & world.power.feeder_on
        heals = self._streams.hits(BRANCH, SELF_HEALING, tick=tick, n=n)
        for f in np.flatnonzero(hit).tolist():
            world.power.trip_feeder(f, now_ms, restore_ms=RECLOSE_MS if heals[f] else None, cause_id=cause_id)

    def _cameras(self, now_ms: int) -> None:
        world, rows = self._world, self._world.security.cameras
        lon, lat = world.security.lon[rows].tolist(), world.security.lat[rows].tolist()
        chance = self._chance(lon, lat, CAMERAS_PER_H, now_ms)
        hit = self._streams.hits(CAMERA, chance, tick=world.tick(now_ms), n=len(rows))
        for i in rows[hit].tolist():
            world.devices.add(world.city.devices.id[i], "dead", 1.0, CAMERA_OUT_MS, now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Nothing changes but the wake time, which the scheduler keeps."""
        return {}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
