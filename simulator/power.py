"""Power: which feeders and cabinets are alive, what is wrong with them, and who still runs on a battery.

Lives here: breakers, faults, cabinet doors and leakage, and when supply was lost. Must not know: what lamps, signals or
sensors do with it (they are told that supply has changed, and look). A breaker that has opened on a fault stays open until
somebody recloses it; reclosing fails while the fault is there. A fault goes when a crew repairs it, or by itself after its time.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import City
from simulator.distributions import Distribution, Uniform
from simulator.streams import Streams
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

NEVER = -1
BASE_LOAD = Distribution(
    "power.base_load",
    Uniform(1.5e6, 2.5e6),
    "W",
    "Daily mean of the load of houses and works on a feeder, street lamps apart.",
    "assumption: a third of what a 22 kV feeder of 240 mm2 carries",
)
LINE_VOLTS = 22_000.0  # between phases, Vietnamese medium voltage
POWER_FACTOR = 0.92
SQRT3 = 1.7320508075688772
# Load by hour of the day as a share of its mean: a tropical town with an evening peak (assumption).
LOAD_PROFILE = (
    0.66, 0.62, 0.60, 0.60, 0.63, 0.72, 0.86, 0.98, 1.08, 1.13, 1.16, 1.14,
    1.06, 1.08, 1.12, 1.13, 1.12, 1.14, 1.26, 1.34, 1.30, 1.18, 0.98, 0.81,
)  # fmt: skip


class Power:
    """Feeders [F] and cabinets [C] of one city."""

    def __init__(self, city: City, streams: Streams) -> None:
        feeders, cabinets = len(city.feeders.id), len(city.cabinets.id)
        self._city = city
        self.cabinet_feeder: Ints = np.array(city.cabinets.feeder, dtype=np.int64)
        self.base_load_w: Floats = streams.draw(BASE_LOAD, tick=0, n=feeders)
        self.feeder_open: Bools = np.zeros(feeders, dtype=bool)
        self.feeder_fault: Bools = np.zeros(feeders, dtype=bool)
        self.fault_until_ms: Ints = np.full(feeders, NEVER, dtype=np.int64)
        self.restore_at_ms: Ints = np.full(feeders, NEVER, dtype=np.int64)
        self.cabinet_open: Bools = np.zeros(cabinets, dtype=bool)
        self.cabinet_fault: Bools = np.zeros(cabinets, dtype=bool)
        self.door_open: Bools = np.zeros(cabinets, dtype=bool)
        self.leakage_a: Floats = np.zeros(cabinets)
        self.feeder_lost_ms: Ints = np.full(feeders + 1, NEVER, dtype=np.int64)  # the last entry is for index -1: none needed
        self.cabinet_lost_ms: Ints = np.full(cabinets + 1, NEVER, dtype=np.int64)
        self.events: dict[str, str] = {}  # what is wrong ("feeder 3") -> the truth event that says so

    def start(self, world: "World") -> None:
        """Register the process that ends faults and restores supply by time."""
        self._world = world
        world.scheduler.add("power.timers", 20, None, self._timers)

    @property
    def feeder_on(self) -> Bools:
        """Whether each feeder is energised, bool[F]."""
        return ~self.feeder_open

    @property
    def cabinet_on(self) -> Bools:
        """Whether each cabinet has supply: its breaker is closed and its feeder energised, bool[C]."""
        return ~self.cabinet_open & ~self.feeder_open[self.cabinet_feeder]

    def powered(self, feeder: Ints, cabinet: Ints, now_ms: int, battery_s: float | Floats = 0.0) -> Bools:
        """Return which devices run: on mains or, for `battery_s` after mains was lost, on battery; index -1 = not needed."""
        lost = np.maximum(self.feeder_lost_ms[feeder], self.cabinet_lost_ms[cabinet])
        runs: Bools = (lost == NEVER) | (now_ms < lost + np.asarray(battery_s) * 1000.0)
        return runs

    def on_mains(self, feeder: Ints, cabinet: Ints) -> Bools:
        """Return which devices have mains."""
        mains: Bools = (self.feeder_lost_ms[feeder] == NEVER) & (self.cabinet_lost_ms[cabinet] == NEVER)
        return mains

    def trip_feeder(
        self, f: int, now_ms: int, fault_ms: int | None = None, restore_ms: int | None = None, cause_id: str | None = None
    ) -> TruthEvent:
        """Open a feeder's breaker on a fault that lasts `fault_ms` (None: until repaired).

        With `restore_ms` the utility mends and recloses by itself after that time. An outage that lasts is kept as it is.
        """
        self.feeder_open[f] = self.feeder_fault[f] = True
        self.fault_until_ms[f] = NEVER if fault_ms is None else now_ms + fault_ms
        self.restore_at_ms[f] = NEVER if restore_ms is None else now_ms + restore_ms
        event = self._begin("feeder_outage", "feeder", f, now_ms, cause_id)
        self._changed(now_ms)
        return event

    def repair_feeder(self, f: int, now_ms: int) -> bool:
        """Remove a feeder's fault; return whether there was one. The breaker stays as it is."""
        was = bool(self.feeder_fault[f])
        self.feeder_fault[f] = False
        self.fault_until_ms[f] = NEVER
        return was

    def reclose_feeder(self, f: int, now_ms: int) -> bool:
        """Close a feeder's breaker; return False, and leave it open, while the fault is there."""
        if self.feeder_fault[f]:
            return False
        self.feeder_open[f] = False
        self.restore_at_ms[f] = NEVER
        self._end("feeder_outage", f, now_ms)
        self._changed(now_ms)
        return True

    def trip_cabinet(self, c: int, now_ms: int, *, lasting: bool, cause_id: str | None = None) -> TruthEvent:
        """Open a cabinet's breaker; a lasting fault has to be repaired before it can be reset."""
        self.cabinet_open[c] = True
        self.cabinet_fault[c] = lasting
        event = self._begin("cabinet_outage", "cabinet", c, now_ms, cause_id)
        self._changed(now_ms)
        return event

    def reset_cabinet(self, c: int, now_ms: int) -> bool:
        """Close a cabinet's breaker; return False, and leave it open, while a lasting fault is there."""
        if self.cabinet_fault[c]:
            return False
        self.cabinet_open[c] = False
        self._end("cabinet_outage", c, now_ms)
        self._changed(now_ms)
        return True

    def open_door(self, c: int, now_ms: int, cause_id: str | None = None) -> TruthEvent:
        """Leave a cabinet's door open."""
        self.door_open[c] = True
        return self._begin("cabinet_door_open", "cabinet", c, now_ms, cause_id)

    def close_door(self, c: int, now_ms: int) -> bool:
        """Close a cabinet's door; return whether it was open."""
        was = bool(self.door_open[c])
        self.door_open[c] = False
        self._end("cabinet_door_open", c, now_ms)
        return was

    def leak(self, c: int, amperes: float, now_ms: int, cause_id: str | None = None) -> TruthEvent:
        """Let a cabinet leak current to earth [A]."""
        self.leakage_a[c] = amperes
        return self._begin("cabinet_leakage", "cabinet", c, now_ms, cause_id)

    def repair_cabinet(self, c: int, now_ms: int) -> bool:
        """Mend all that is wrong with a cabinet, close its door and its breaker; return whether anything was."""
        was = bool(self.cabinet_open[c] or self.door_open[c] or self.leakage_a[c] > 0)
        self.cabinet_fault[c] = False
        self.leakage_a[c] = 0.0
        self._end("cabinet_leakage", c, now_ms)
        self.close_door(c, now_ms)
        if self.cabinet_open[c]:
            self.reset_cabinet(c, now_ms)
        return was

    def feeder_load_w(self, hour: float) -> Floats:
        """Return the load of each feeder [W] at a local hour, street lamps included, float[F]; 0 without supply."""
        share = float(np.interp(hour, np.arange(25.0), [*LOAD_PROFILE, LOAD_PROFILE[0]]))
        lamps = np.bincount(self.cabinet_feeder, self._world.lighting.cabinet_power_w, len(self.feeder_open))
        return np.where(self.feeder_open, 0.0, self.base_load_w * share + lamps)

    def event_of(self, what: str, index: int) -> str | None:
        """Return the id of the truth event behind an outage, door or leakage that lasts."""
        return self.events.get(f"{what} {index}")

    def supply_event(self, feeder: int, cabinet: int = NEVER) -> str | None:
        """Return the truth event that took the supply of something on a feeder (and cabinet)."""
        return self.event_of("feeder_outage", feeder) or self.event_of("cabinet_outage", cabinet)

    def _begin(self, kind: str, place: str, index: int, now_ms: int, cause_id: str | None) -> TruthEvent:
        key = f"{kind} {index}"
        if key in self.events:
            return self._world.truth.get(self.events[key])
        table = self._city.feeders.id if place == "feeder" else self._city.cabinets.id
        event = self._world.truth.begin(kind, Place(place, table[index]), now_ms, cause_id)
        self.events[key] = event.event_id
        return event

    def _end(self, kind: str, index: int, now_ms: int) -> None:
        event_id = self.events.pop(f"{kind} {index}", None)
        if event_id is not None:
            self._world.truth.end(event_id, now_ms)

    def _changed(self, now_ms: int) -> None:
        """Note who lost supply when, and let those who live on it look."""
        for off, lost in ((self.feeder_open, self.feeder_lost_ms), (~self.cabinet_on, self.cabinet_lost_ms)):
            lost[:-1][~off] = NEVER
            lost[:-1][off & (lost[:-1] == NEVER)] = now_ms
        self._world.lighting.refresh(now_ms)
        self._world.controllers.supply_changed(now_ms)
        self._world.scheduler.wake("power.timers", self._next_ms(now_ms))

    def _next_ms(self, now_ms: int) -> int | None:
        due = np.concatenate([self.fault_until_ms, self.restore_at_ms])
        due = due[due > now_ms]
        return int(due.min()) if len(due) else None

    def _timers(self, now_ms: int) -> int | None:
        for f in np.flatnonzero((self.fault_until_ms != NEVER) & (self.fault_until_ms <= now_ms)).tolist():
            self.repair_feeder(f, now_ms)
        for f in np.flatnonzero((self.restore_at_ms != NEVER) & (self.restore_at_ms <= now_ms)).tolist():
            self.repair_feeder(f, now_ms)
            self.reclose_feeder(f, now_ms)
        return self._next_ms(now_ms)

    _ARRAYS = (
        "feeder_open", "feeder_fault", "fault_until_ms", "restore_at_ms", "cabinet_open", "cabinet_fault", "door_open",
        "leakage_a", "feeder_lost_ms", "cabinet_lost_ms",
    )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {name: getattr(self, name).copy() for name in self._ARRAYS} | {"events": dict(self.events)}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        for name in self._ARRAYS:
            setattr(self, name, data[name].copy())
        self.events = dict(data["events"])
