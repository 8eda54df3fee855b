"""Burglary that comes back: a break-in raises the chance of another one close by soon after.

Lives here: a self-exciting series of break-ins, and how darkness and patrols act on it. Must not know: cameras, doors' contacts,
who sends patrols. Mohler, Short, Brantingham, Schoenberg and Tita (2011), Journal of the American Statistical Association 106,
100-108: each crime has offspring, on average fewer than one, near in space and soon in time. Here a series is played within a
night, so that lags are minutes where life has days. A patrol that was there keeps offenders away for half an hour (Koper 1995,
Justice Quarterly 12, 649-672).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import Text
from simulator.distributions import Chance, Distribution, Erlang, OneOf
from simulator.injects import Inject, Parameter
from simulator.places import Spot
from simulator.streams import Streams
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEXT = 0.6  # chance of another one after each in full darkness: 1 / (1 - 0.6) = 2.5 in a series on average
IN_LIGHT = 0.4  # of that chance where lamps burn
NEAR_M = 300.0  # near repeats lie within so much (Townsley et al. 2003: 200 to 400 m)
MOST = 20  # break-ins in one series
LAG_S = 900.0
LASTS_MS = 480_000
DETERRED_MS, DETERRED_M = 1_800_000, 300.0
AGAIN = Distribution(
    "near_repeat.again", Chance(NEXT, "0.4 where lamps burn"), "a break-in", "A break-in is followed by another one.",
    "Mohler et al. 2011: self-exciting point process; the share is an assumption within their range",
)  # fmt: skip
LAG = Distribution(
    "near_repeat.lag", Erlang(LAG_S), "s", "From a break-in to the next of its series.",
    "Mohler et al. 2011: exponential; minutes here where life has days",
)  # fmt: skip
WHERE = Distribution(
    "near_repeat.where", OneOf("the doors and cameras within 300 m, or the nearest"), "", "Where the next break-in is.",
    "Townsley, Homel and Chaseling 2003: repeats lie within 200 to 400 m",
)  # fmt: skip


def follows(streams: Streams, chance: float, tick: int) -> tuple[bool, float]:
    """Return whether a break-in is followed by another one, and after how many seconds."""
    again = bool(streams.hits(AGAIN, chance, tick=tick, n=1)[0])
    return again, float(streams.draw(LAG, tick=tick, n=1)[0])


class NearRepeat:
    """The series of break-ins that go on in one city."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.planned: list[tuple[int, int, int]] = []  # when, at which row of the device table, how many are left
        self.watched: list[tuple[int, float, float]] = []  # until when a patrol is remembered, where (lon, lat)
        self.done = 0

    def start(self, world: "World") -> None:
        """Register the process; it sleeps while no series goes on."""
        self._world = world
        world.scheduler.add("near_repeat.step", 53, None, self._step)

    def begin(self, row: int, most: int, now_ms: int) -> TruthEvent:
        """Let a series begin with a break-in at a device (row of the table); return it."""
        return self._break_in(row, most, now_ms)

    def deter(self, spot: Spot, now_ms: int) -> None:
        """A patrol is on the spot: for half an hour nobody breaks in close by."""
        self.watched = [row for row in self.watched if row[0] > now_ms]
        self.watched.append((now_ms + DETERRED_MS, spot.lon, spot.lat))

    def deterred(self, lon: float, lat: float, now_ms: int) -> bool:
        """Return whether a patrol was lately near a place."""
        places = self._world.places
        return any(
            until_ms > now_ms and places.distance_m(np.array([lon]), np.array([lat]), at_lon, at_lat)[0] <= DETERRED_M
            for until_ms, at_lon, at_lat in self.watched
        )

    def _break_in(self, row: int, most: int, now_ms: int) -> TruthEvent:
        world = self._world
        self.done += 1
        device = world.city.devices.id[row]
        event = world.inject("intrusion", {"device": device, "duration_s": LASTS_MS / 1000}, now_ms)
        if most > 1:
            dark = world.lighting.darkness(-1, world.city.devices.zone[row])
            again, lag_s = follows(self._streams, NEXT * (IN_LIGHT + (1.0 - IN_LIGHT) * dark), world.tick(now_ms) + self.done)
            if again:
                self.planned.append((now_ms + round(lag_s * 1000.0), self._near(row, now_ms), most - 1))
                world.scheduler.wake("near_repeat.step", min(at_ms for at_ms, _, _ in self.planned))
        return event

    def _near(self, row: int, now_ms: int) -> int:
        """Return where the next one is: any door or camera close by, or the nearest."""
        world, devices = self._world, self._world.city.devices
        rows = np.array([i for i, kind in enumerate(devices.kind) if kind in ("door", "camera") and i != row], dtype=np.int64)
        away = world.places.distance_m(world.security.lon[rows], world.security.lat[rows], devices.lon[row], devices.lat[row])
        close = rows[away <= NEAR_M]
        close = close if len(close) else rows[[int(away.argmin())]]
        return int(close[self._streams.choose(WHERE, len(close), tick=world.tick(now_ms) + self.done, n=1)[0]])

    def _step(self, now_ms: int) -> int | None:
        due = [row for row in self.planned if row[0] <= now_ms]
        self.planned = [row for row in self.planned if row[0] > now_ms]
        devices = self._world.city.devices
        for _, row, most in due:
            if not self.deterred(devices.lon[row], devices.lat[row], now_ms):
                self._break_in(row, most, now_ms)
        return min((at_ms for at_ms, _, _ in self.planned), default=None)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"planned": [list(r) for r in self.planned], "watched": [list(r) for r in self.watched], "done": self.done}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.planned = [(r[0], r[1], r[2]) for r in data["planned"]]
        self.watched = [(r[0], r[1], r[2]) for r in data["watched"]]
        self.done = data["done"]


def _series(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.near_repeat.begin(world.pick_device("door", params["device"]), params["most"], now_ms)


INJECTS = (
    Inject(
        "burglary_series",
        Text("Chuỗi trộm lặp lại", "Burglary series"),
        "intrusion",
        {
            "device": Parameter("device", help=Text("Nơi đầu tiên; bỏ trống: tự chọn", "Where it begins; absent: seeded")),
            "most": Parameter("integer", "", 1, MOST, default=6, help=Text("Nhiều nhất", "At most")),
        },
        _series,
    ),
)  # fmt: skip
