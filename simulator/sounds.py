"""Sounds that matter: shots and breaking glass, what only sounds like them, and which microphones hear them.

Lives here: events of sound and the counters of microphones. Must not know: alerts, who is sent. True state, what a microphone
took it for, and whether somebody confirms it are three things. Published figures: Chicago OIG (2021): 50,176 alerts in 17 months,
97 a day, 9.1 % with evidence of a gun offence; New York Comptroller (2024): 13 % of 940 alerts confirmed in June 2023, at
least 90 % of shots detected by contract. Chicago has some 2,500 sensors (vendor: 20 to 25 a square mile), hence the rate.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import City, Text
from simulator.distributions import Chance, Distribution, OneOf
from simulator.injects import Inject, Parameter
from simulator.places import Spot
from simulator.streams import Streams
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_MS = 60_000
REACH_M = 500.0  # vendors ask for three sensors within so much
DETECTED = 0.90
ALERTS_PER_SENSOR_DAY = 97.0 / 2_500.0
CONFIRMED_SHARE = 0.091
NOT_CONFIRMED_PER_SENSOR_DAY = ALERTS_PER_SENSOR_DAY * (1.0 - CONFIRMED_SHARE)
CAUSES = ("firecracker", "backfire", "construction")
LASTS_MS = 180_000  # how long a sound is news; a microphone counts it at once
SHOT, GLASS = 0, 1
HEARD = Distribution(
    "sounds.heard", Chance(DETECTED), "of those in reach", "A microphone takes a shot or breaking glass for what it is.",
    "New York Comptroller 2024: at least 90 % by contract",
)  # fmt: skip
MISTAKEN = Distribution(
    "sounds.bang", Chance(NOT_CONFIRMED_PER_SENSOR_DAY), "a microphone and day", "A bang is taken for a shot.",
    "Chicago OIG 2021: 97 alerts a day on some 2,500 sensors, 90.9 % without evidence of a gun offence",
)  # fmt: skip
CAUSE = Distribution(
    "sounds.cause", OneOf(", ".join(CAUSES)), "", "What a bang was that was taken for a shot.", "assumption: all alike"
)


class Sounds:
    """The microphones [M] of one city: how many shots and breaking panes each has counted, int[2, M]."""

    def __init__(self, city: City, streams: Streams) -> None:
        devices = city.devices
        self._city, self._streams = city, streams
        self.rows: Ints = np.array([i for i, kind in enumerate(devices.kind) if kind == "acoustic_sensor"], dtype=np.int64)
        self.lon, self.lat = np.array(devices.lon)[self.rows], np.array(devices.lat)[self.rows]
        self.counted: Ints = np.zeros((2, len(self.rows)), dtype=np.int64)
        self.open: list[tuple[int, str]] = []  # when a sound is no news any more, its truth event

    def start(self, world: "World") -> None:
        """Register the processes of ordinary bangs and of ends."""
        self._world = world
        ordinary = world.ordinary_life and len(self.rows) > 0
        world.scheduler.add("sounds.step", 52, world.scheduler.now_ms + STEP_MS if ordinary else None, self._step)
        world.scheduler.add("sounds.ends", 52, None, self._ends)

    def make(self, what: int, place: Place, spot: Spot, now_ms: int) -> TruthEvent:
        """Let a shot fall or a pane break at a place; microphones in reach hear it, each with its own luck."""
        kind = ("gunshot", "glass_break")[what]
        zone = {"zone": self._city.zones.id[spot.zone]} if spot.zone >= 0 else {}
        event = self._world.truth.begin(kind, place, now_ms, attributes=zone)
        self._last(event, now_ms)
        if len(self.rows):
            away = self._world.places.distance_m(self.lon, self.lat, spot.lon, spot.lat)
            luck = self._streams.hits(HEARD, DETECTED, tick=self._world.tick(now_ms), n=len(self.rows))
            self.counted[what] += (away <= REACH_M) & luck
        return event

    def _last(self, event: TruthEvent, now_ms: int) -> None:
        self.open.append((now_ms + LASTS_MS, event.event_id))
        self._world.scheduler.wake("sounds.ends", min(at for at, _ in self.open))

    def _step(self, now_ms: int) -> int:
        tick, n = self._world.tick(now_ms), len(self.rows)
        chance = NOT_CONFIRMED_PER_SENSOR_DAY * STEP_MS / 86_400_000.0
        for m in np.flatnonzero(self._streams.hits(MISTAKEN, chance, tick=tick, n=n)).tolist():
            cause = CAUSES[int(self._streams.choose(CAUSE, len(CAUSES), tick=tick, n=n)[m])]
            place = Place("device", self._city.devices.id[int(self.rows[m])])
            self._last(self._world.truth.begin("nuisance", place, now_ms, attributes={"cause": cause}), now_ms)
            self.counted[SHOT, m] += 1
        return now_ms + STEP_MS

    def _ends(self, now_ms: int) -> int | None:
        for _, event_id in [row for row in self.open if row[0] <= now_ms]:
            self._world.truth.end(event_id, now_ms)
        self.open = [row for row in self.open if row[0] > now_ms]
        return min((at for at, _ in self.open), default=None)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {"counted": self.counted.copy(), "open": [list(row) for row in self.open]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.counted = data["counted"].copy()
        self.open = [(row[0], row[1]) for row in data["open"]]


def _make(what: int) -> Any:
    def apply(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
        place = Place("device", world.city.devices.id[world.pick_device("acoustic_sensor", params["device"])])
        spot = world.spot(place)
        zone = Place("zone", world.city.zones.id[spot.zone]) if spot.zone >= 0 else place
        return world.sounds.make(what, zone, spot, now_ms)

    return apply


NEAR = Parameter(
    "device", help=Text("Gần thiết bị nào; bỏ trống: chọn theo hạt giống", "Near which device; absent: chosen by the seed")
)
INJECTS = (
    Inject("gunshot", Text("Tiếng súng", "Gunshot"), "gunshot", {"device": NEAR}, _make(SHOT)),
    Inject("glass_break", Text("Tiếng vỡ kính", "Breaking glass"), "glass_break", {"device": NEAR}, _make(GLASS)),
)
