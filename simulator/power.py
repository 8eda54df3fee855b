"""Power: which feeders, cabinets and circuits are alive, what is wrong with them, and who lost supply when.

Lives here: breakers, faults, cabinet doors and leakage. Must not know: what lamps, signals or sensors do with supply (they are
told that it has changed, and look), how the breaker's tries are timed (`protection`). A breaker that is locked out stays open
until somebody recloses it; reclosing fails while the fault is there. A fault goes when an electrician repairs it, or by itself.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import City
from simulator.distributions import Distribution, Uniform
from simulator.lasting import Lasting
from simulator.protection import CAUSES, CLEARING, PASSING, PICKUP, SHOTS_MS, TREE_RATE, overload_time_s
from simulator.streams import Streams
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

NEVER = -1
PHASES = ("L1", "L2", "L3")
STEP_MS, RELAY_MS = 300_000, 15_000
YEAR_MS = 365.25 * 86_400_000.0
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
    """Feeders [F], cabinets [C] and their circuits [C, 3], one a phase, of one city."""

    def __init__(self, city: City, streams: Streams) -> None:
        feeders, cabinets = len(city.feeders.id), len(city.cabinets.id)
        self._city, self._streams = city, streams
        self.cabinet_feeder: Ints = np.array(city.cabinets.feeder, dtype=np.int64)
        self.base_load_w: Floats = streams.draw(BASE_LOAD, tick=0, n=feeders)
        self.load_factor: Floats = np.ones(feeders)  # of the base load: heat, a neighbour's load taken over
        self.load_until_ms: Ints = np.full(feeders, NEVER, dtype=np.int64)
        self.relay_heat: Floats = np.zeros(feeders)  # of the overload relay, which opens the breaker at 1
        self.feeder_open: Bools = np.zeros(feeders, dtype=bool)
        self.feeder_fault: Bools = np.zeros(feeders, dtype=bool)
        self.feeder_trips: Ints = np.zeros(feeders, dtype=np.int64)
        self.fault_until_ms: Ints = np.full(feeders, NEVER, dtype=np.int64)
        self.restore_at_ms: Ints = np.full(feeders, NEVER, dtype=np.int64)
        self.shot_at_ms: Ints = np.full(feeders, NEVER, dtype=np.int64)  # when the breaker tries again
        self.shot: Ints = np.zeros(feeders, dtype=np.int64)
        self.cabinet_open: Bools = np.zeros(cabinets, dtype=bool)
        self.cabinet_fault: Bools = np.zeros(cabinets, dtype=bool)
        self.circuit_open: Bools = np.zeros((cabinets, 3), dtype=bool)
        self.circuit_fault: Bools = np.zeros((cabinets, 3), dtype=bool)
        self.door_open: Bools = np.zeros(cabinets, dtype=bool)
        self.leakage_a: Floats = np.zeros(cabinets)
        self.feeder_lost_ms: Ints = np.full(feeders + 1, NEVER, dtype=np.int64)  # the last entry is for index -1: none needed
        self.cabinet_lost_ms: Ints = np.full(cabinets + 1, NEVER, dtype=np.int64)
        self.lasting = Lasting()

    def start(self, world: "World") -> None:
        """Register the processes of tries, ends by time, overloads, and of ordinary faults."""
        self._world = world
        self.lasting.start(world.truth)
        now_ms = world.scheduler.now_ms
        world.scheduler.add("power.timers", 20, None, self._timers)
        world.scheduler.add("power.relays", 22, None, self._relays)
        world.scheduler.add("power.ordinary", 22, now_ms + STEP_MS if world.ordinary_life else None, self._ordinary)

    # --- what is alive ------------------------------------------------------------------------------------------------

    @property
    def feeder_on(self) -> Bools:
        """Whether each feeder is energised, bool[F]."""
        return ~self.feeder_open

    @property
    def cabinet_on(self) -> Bools:
        """Whether each cabinet has supply: its breaker is closed and its feeder energised, bool[C]."""
        return ~self.cabinet_open & ~self.feeder_open[self.cabinet_feeder]

    @property
    def circuit_on(self) -> Bools:
        """Whether each circuit of a cabinet has supply, bool[C, 3]."""
        return self.cabinet_on[:, None] & ~self.circuit_open

    def powered(self, feeder: Ints, cabinet: Ints, now_ms: int, battery_s: float | Floats = 0.0) -> Bools:
        """Return which devices run: on mains or, for `battery_s` after mains was lost, on battery; index -1 = not needed."""
        lost = np.maximum(self.feeder_lost_ms[feeder], self.cabinet_lost_ms[cabinet])
        runs: Bools = (lost == NEVER) | (now_ms < lost + np.asarray(battery_s) * 1000.0)
        return runs

    def on_mains(self, feeder: Ints, cabinet: Ints) -> Bools:
        """Return which devices have mains."""
        mains: Bools = (self.feeder_lost_ms[feeder] == NEVER) & (self.cabinet_lost_ms[cabinet] == NEVER)
        return mains

    def feeder_load_w(self, hour: float) -> Floats:
        """Return the load of each feeder [W] at a local hour, street lamps included, float[F]; 0 without supply."""
        share = float(np.interp(hour, np.arange(25.0), [*LOAD_PROFILE, LOAD_PROFILE[0]]))
        lamps = np.bincount(self.cabinet_feeder, self._world.lighting.cabinet_power_w, len(self.feeder_open))
        return np.where(self.feeder_open, 0.0, self.base_load_w * self.load_factor * share + lamps)

    # --- feeders ------------------------------------------------------------------------------------------------------

    def strike(self, f: int, cause: str, now_ms: int, passing: bool | None = None, cause_id: str | None = None) -> TruthEvent:
        """Let a fault strike a feeder, and its breaker open and try again as the cause has it; return the fault's event.

        `passing` None leaves it to chance whether the fault goes by itself. A feeder that is faulty already stays as it is.
        """
        tick, n = self._world.tick(now_ms), len(self.feeder_open)
        if passing is None:
            law = PASSING[cause].law
            passing = bool(self._streams.hits(PASSING[cause], law.rate, tick=tick, n=n)[f])
        clears_ms = NEVER
        if passing:
            clears_ms = now_ms + round(1000.0 * float(self._streams.draw(CLEARING[cause], tick=tick, n=n)[f]))
        place = self._feeder(f)
        attributes = {"cause": cause, "passing": passing}
        event = self.lasting.begin("feeder_fault", place, now_ms, cause_id, attributes)
        if self.feeder_fault[f]:
            return event
        self.feeder_fault[f] = True
        self.fault_until_ms[f] = clears_ms
        self.shot[f] = 0 if CAUSES[cause].recloses else len(SHOTS_MS)
        holds = CAUSES[cause].recloses and passing and clears_ms <= now_ms + sum(SHOTS_MS)
        if not self.feeder_open[f]:
            self._open(f, now_ms)
            self.lasting.begin("feeder_dip" if holds else "feeder_outage", place, now_ms, event.event_id)
        self._changed(now_ms)
        return event

    def trip_feeder(
        self, f: int, now_ms: int, fault_ms: int | None = None, restore_ms: int | None = None, cause_id: str | None = None
    ) -> TruthEvent:
        """Lock a feeder's breaker out on a fault that lasts `fault_ms` (None: until repaired); it does not try again.

        With `restore_ms` the utility mends and recloses by itself after that time. An outage that lasts is kept as it is.
        """
        self.feeder_fault[f] = True
        self.fault_until_ms[f] = NEVER if fault_ms is None else now_ms + fault_ms
        self.restore_at_ms[f] = NEVER if restore_ms is None else now_ms + restore_ms
        self.shot[f] = len(SHOTS_MS)
        self._open(f, now_ms)
        event = self.lasting.begin("feeder_outage", self._feeder(f), now_ms, cause_id)
        self._changed(now_ms)
        return event

    def repair_feeder(self, f: int, now_ms: int) -> bool:
        """Remove a feeder's fault; return whether there was one. The breaker stays as it is."""
        was = bool(self.feeder_fault[f])
        self.feeder_fault[f] = False
        self.fault_until_ms[f] = NEVER
        self.lasting.end("feeder_fault", self._city.feeders.id[f], now_ms)
        return was

    def reclose_feeder(self, f: int, now_ms: int) -> bool:
        """Close a feeder's breaker; return False, and leave it open, while the fault is there."""
        if self.feeder_fault[f]:
            return False
        self.feeder_open[f] = False
        self.restore_at_ms[f] = self.shot_at_ms[f] = NEVER
        self.relay_heat[f] = 0.0
        for kind in ("feeder_dip", "feeder_outage"):
            self.lasting.end(kind, self._city.feeders.id[f], now_ms)
        self._changed(now_ms)
        return True

    def overload(self, f: int, factor: float, now_ms: int, ends_ms: int | None = None) -> TruthEvent:
        """Let a feeder be asked for `factor` times its base load until `ends_ms`; its relay sees to it that it does not last."""
        self.load_factor[f] = factor
        self.load_until_ms[f] = NEVER if ends_ms is None else ends_ms
        self._world.scheduler.wake("power.relays", now_ms + RELAY_MS)
        return self.lasting.begin("feeder_overload", self._feeder(f), now_ms, attributes={"factor": factor})

    def _feeder(self, f: int) -> Place:
        return Place("feeder", self._city.feeders.id[f])

    def _open(self, f: int, now_ms: int) -> None:
        """Open a breaker; it tries again unless its shots are used up."""
        self.feeder_trips[f] += not self.feeder_open[f]
        self.feeder_open[f] = True
        shot = int(self.shot[f])
        self.shot_at_ms[f] = now_ms + SHOTS_MS[shot] if shot < len(SHOTS_MS) else NEVER

    def _try_again(self, f: int, now_ms: int) -> None:
        if not self.reclose_feeder(f, now_ms):
            self.feeder_trips[f] += 1
            self.shot[f] += 1
            self._open(f, now_ms)

    def _relays(self, now_ms: int) -> int | None:
        """Heat the relays of feeders above their setting, open those that are hot, cool the others in ten minutes."""
        ratio = self.feeder_load_w(self._world.hour(now_ms)) / (PICKUP * self.base_load_w)
        trips_s = overload_time_s(ratio)
        hotter = self.relay_heat + RELAY_MS / 1000.0 / trips_s
        self.relay_heat = np.where(np.isinf(trips_s), np.maximum(self.relay_heat - RELAY_MS / 600_000.0, 0.0), hotter)
        for f in np.flatnonzero(self.relay_heat >= 1.0).tolist():
            self.relay_heat[f] = 0.0
            self.strike(f, "overload", now_ms, cause_id=self.lasting.id_of("feeder_overload", self._city.feeders.id[f]))
        for f in np.flatnonzero((self.load_until_ms != NEVER) & (self.load_until_ms <= now_ms)).tolist():
            self.load_factor[f], self.load_until_ms[f] = 1.0, NEVER
            self.lasting.end("feeder_overload", self._city.feeders.id[f], now_ms)
        watch = (self.load_factor > 1.0).any() or self.relay_heat.any()
        return now_ms + RELAY_MS if watch else None

    def _ordinary(self, now_ms: int) -> int:
        chance = TREE_RATE.law.rate * STEP_MS / YEAR_MS
        hits = self._streams.hits(TREE_RATE, chance, tick=self._world.tick(now_ms), n=len(self.feeder_open))
        for f in np.flatnonzero(hits & self.feeder_on).tolist():
            self.strike(f, "tree", now_ms)
        return now_ms + STEP_MS

    # --- cabinets -----------------------------------------------------------------------------------------------------

    def trip_cabinet(
        self, c: int, now_ms: int, *, lasting: bool, cause_id: str | None = None, attributes: Mapping[str, Any] | None = None
    ) -> TruthEvent:
        """Open a cabinet's breaker; a lasting fault has to be repaired before it can be reset."""
        self.cabinet_open[c] = True
        self.cabinet_fault[c] |= lasting
        event = self.lasting.begin("cabinet_outage", self._cabinet(c), now_ms, cause_id, attributes)
        self._changed(now_ms)
        return event

    def trip_circuit(self, c: int, phase: int, now_ms: int, *, lasting: bool, cause_id: str | None = None) -> TruthEvent:
        """Open the breaker of one phase of a cabinet."""
        self.circuit_open[c, phase] = True
        self.circuit_fault[c, phase] |= lasting
        thing = f"{self._city.cabinets.id[c]}/{PHASES[phase]}"
        event = self.lasting.begin("circuit_outage", self._cabinet(c), now_ms, cause_id, {"phase": PHASES[phase]}, thing)
        self._changed(now_ms)
        return event

    def steal_cable(self, c: int, phases: int, now_ms: int, cause_id: str | None = None) -> TruthEvent:
        """Let thieves open a cabinet and take the cables of its first `phases` circuits."""
        theft = self.lasting.begin("cable_theft", self._cabinet(c), now_ms, cause_id, {"phases": phases})
        self.open_door(c, now_ms, theft.event_id)
        for phase in range(phases):
            self.trip_circuit(c, phase, now_ms, lasting=True, cause_id=theft.event_id)
        return theft

    def reset_cabinet(self, c: int, now_ms: int) -> bool:
        """Close a cabinet's breakers; return False, and leave those open that have a lasting fault."""
        cabinet = self._city.cabinets.id[c]
        if not self.cabinet_fault[c]:
            self.cabinet_open[c] = False
            self.lasting.end("cabinet_outage", cabinet, now_ms)
        for phase in np.flatnonzero(self.circuit_open[c] & ~self.circuit_fault[c]).tolist():
            self.circuit_open[c, phase] = False
            self.lasting.end("circuit_outage", f"{cabinet}/{PHASES[phase]}", now_ms)
        self._changed(now_ms)
        return not (self.cabinet_open[c] or self.circuit_open[c].any())

    def open_door(self, c: int, now_ms: int, cause_id: str | None = None) -> TruthEvent:
        """Leave a cabinet's door open."""
        self.door_open[c] = True
        return self.lasting.begin("cabinet_door_open", self._cabinet(c), now_ms, cause_id)

    def close_door(self, c: int, now_ms: int) -> bool:
        """Close a cabinet's door; return whether it was open."""
        was = bool(self.door_open[c])
        self.door_open[c] = False
        self.lasting.end("cabinet_door_open", self._city.cabinets.id[c], now_ms)
        return was

    def leak(self, c: int, amperes: float, now_ms: int, cause_id: str | None = None) -> TruthEvent:
        """Let a cabinet leak current to earth [A]; it flows from the first phase."""
        self.leakage_a[c] = amperes
        return self.lasting.begin("cabinet_leakage", self._cabinet(c), now_ms, cause_id)

    def repair_cabinet(self, c: int, now_ms: int) -> bool:
        """Mend all that is wrong with a cabinet, close its door and its breakers; return whether anything was."""
        was = bool(self.cabinet_open[c] or self.circuit_open[c].any() or self.door_open[c] or self.leakage_a[c] > 0)
        self.cabinet_fault[c] = False
        self.circuit_fault[c] = False
        self.leakage_a[c] = 0.0
        for kind in ("cabinet_leakage", "cable_theft"):
            self.lasting.end(kind, self._city.cabinets.id[c], now_ms)
        self.close_door(c, now_ms)
        if self.cabinet_open[c] or self.circuit_open[c].any():
            self.reset_cabinet(c, now_ms)
        return was

    def _cabinet(self, c: int) -> Place:
        return Place("cabinet", self._city.cabinets.id[c])

    def supply_event(self, feeder: int, cabinet: int = NEVER) -> str | None:
        """Return the truth event that took the supply of something on a feeder (and cabinet)."""
        found = None
        if feeder >= 0:
            name = self._city.feeders.id[feeder]
            found = self.lasting.id_of("feeder_outage", name) or self.lasting.id_of("feeder_dip", name)
        if found is None and cabinet >= 0:
            found = self.lasting.id_of("cabinet_outage", self._city.cabinets.id[cabinet])
        return found

    # --- time ---------------------------------------------------------------------------------------------------------

    def _changed(self, now_ms: int) -> None:
        """Note who lost supply when, and let those who live on it look."""
        for off, lost in ((self.feeder_open, self.feeder_lost_ms), (~self.cabinet_on, self.cabinet_lost_ms)):
            lost[:-1][~off] = NEVER
            lost[:-1][off & (lost[:-1] == NEVER)] = now_ms
        self._world.lighting.refresh(now_ms)
        self._world.controllers.supply_changed(now_ms)
        self._world.telecom.supply_changed(now_ms)
        self._world.scheduler.wake("power.timers", self._next_ms(now_ms))

    def _next_ms(self, now_ms: int) -> int | None:
        due = np.concatenate([self.fault_until_ms, self.restore_at_ms, self.shot_at_ms])
        due = due[due > now_ms]
        return int(due.min()) if len(due) else None

    def _timers(self, now_ms: int) -> int | None:
        for f in np.flatnonzero((self.fault_until_ms != NEVER) & (self.fault_until_ms <= now_ms)).tolist():
            self.repair_feeder(f, now_ms)
        for f in np.flatnonzero((self.restore_at_ms != NEVER) & (self.restore_at_ms <= now_ms)).tolist():
            self.repair_feeder(f, now_ms)
            self.reclose_feeder(f, now_ms)
        for f in np.flatnonzero((self.shot_at_ms != NEVER) & (self.shot_at_ms <= now_ms)).tolist():
            self._try_again(f, now_ms)
        return self._next_ms(now_ms)

    # --- saving -------------------------------------------------------------------------------------------------------

    _ARRAYS = (
        "load_factor", "load_until_ms", "relay_heat", "feeder_open", "feeder_fault", "feeder_trips", "fault_until_ms",
        "restore_at_ms", "shot_at_ms", "shot", "cabinet_open", "cabinet_fault", "circuit_open", "circuit_fault", "door_open",
        "leakage_a", "feeder_lost_ms", "cabinet_lost_ms",
    )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {name: getattr(self, name).copy() for name in self._ARRAYS} | {"lasting": self.lasting.snapshot()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        for name in self._ARRAYS:
            setattr(self, name, data[name].copy())
        self.lasting.restore(data["lasting"])
