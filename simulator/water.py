"""Water on the streets: what rain brings into every low spot, and what sluices, pumps and the tide take out or bring in.

Lives here: the water of every basin and the ways it comes and goes. Must not know: who measures it, what stands in it. A basin is
a canal under a street: water is kept exactly (in = out + held). Sluice: submerged orifice, Q = 0.6 A sqrt(2 g dh), both ways;
runoff 0.8 of the rain (paved town). Drivers in water: Pregnolato et al. (2017), Transportation Research D 55, 67-81: free speed
falls with depth as v = 0.0009 w^2 - 0.5529 w + 86.9448 (w in mm, km/h) and is nothing at 0.3 m, where the street is closed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator import tide
from simulator.city import City
from simulator.truth import Place

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

STEP_MS = 60_000
RUNOFF = 0.8
ORIFICE, TWO_G = 0.6, 19.62
PUMP_FROM_M, PUMP_TO_M = 1.0, 0.5  # an automatic pump runs from so far below the street down to so far above the floor
START_M = 0.4  # water over the canal's floor in dry weather
OPENS_M, SHUTS_M = 0.15, 0.06  # an automatic sluice opens and shuts at so much more water inside than outside
INWARD_M = 0.05  # less than so much more inside, and an open sluice brings nothing out any more
FLOOD_M, DRY_M = 0.15, 0.05  # a flood begins and ends at these depths
DAMP_M = 0.01  # nobody slows down for less
CLOSED_M = 0.30
WET_CABINET_M = 0.40
LEAK_A = 2.0
AUTO, SHUT, OPEN = 0, 1, 2
MODES = ("auto", "closed", "open")
LEAST_SPEED = 0.1


class Water:
    """The basins [B] of one city and the depth on its links [L]."""

    def __init__(self, city: City) -> None:
        basins = city.basins
        self._city = city
        self.street_m, self.floor_m = _floats(basins.street_m), _floats(basins.floor_m)
        self.catchment_m2, self.sluice_m2 = _floats(basins.catchment_m2), _floats(basins.sluice_m2)
        self.canal_m2, self.street_m2 = _floats(basins.canal_m2), _floats(basins.street_m2)
        self.pump_m3_per_s = _floats(basins.pump_m3_per_s)
        self.feeder: Ints = np.array(basins.feeder, dtype=np.int64)
        n = len(basins.id)
        self.held_m3: Floats = START_M * self.canal_m2
        self.sluice_mode: Ints = np.full(n, AUTO, dtype=np.int64)
        self.pump_mode: Ints = np.full(n, AUTO, dtype=np.int64)
        self.stuck: Bools = np.zeros(n, dtype=bool)
        self.sluice_open: Bools = np.zeros(n, dtype=bool)
        self.pumping: Bools = np.zeros(n, dtype=bool)
        self.brought_m3: Floats = np.zeros(n)  # by rain, since the start
        self.drained_m3: Floats = np.zeros(n)  # by sluice and pump, less what came in through the sluice
        self.outside_m = 0.0
        self.river_m, self.river_until_ms, self.river_event = 0.0, -1, ""
        self.events: dict[str, str] = {}  # "flood 3" -> truth event
        self._told = False
        self.closed: set[int] = set()  # links that the water has closed
        self._links = [np.array(links, dtype=np.int64) for links in basins.links]
        self._cabinets = [_cabinets_of(city, links) for links in basins.links]

    def start(self, world: "World") -> None:
        """Register the process of the water."""
        self._world = world
        now_ms = world.scheduler.now_ms
        self.outside_m = self.sea_m(now_ms)
        if len(self.held_m3):
            world.scheduler.add("water.step", 27, now_ms + STEP_MS, self._step)

    def sea_m(self, now_ms: int) -> float:
        """Return the level of the tidal water, tide and surge [m above the datum]."""
        river_m = self.river_m if now_ms < self.river_until_ms else 0.0
        return tide.level_m(self._world.utc_s(now_ms)) + self._world.weather.surge_m(now_ms) + river_m

    def rise(self, rise_m: float, until_ms: int, event_id: str, now_ms: int) -> None:
        """Let the river stand higher than the tide until an instant; what was before ends."""
        self._end_rise(now_ms)
        self.river_m, self.river_until_ms, self.river_event = rise_m, until_ms, event_id

    def _end_rise(self, now_ms: int) -> None:
        if self.river_event:
            self._world.truth.end(self.river_event, now_ms)
        self.river_m, self.river_until_ms, self.river_event = 0.0, -1, ""

    @property
    def level_m(self) -> Floats:
        """The water's level in each basin [m above the datum], float[B]."""
        canal = self.canal_m2 * (self.street_m - self.floor_m)
        over = np.maximum(self.held_m3 - canal, 0.0)
        return self.floor_m + np.minimum(self.held_m3, canal) / self.canal_m2 + over / self.street_m2

    @property
    def depth_m(self) -> Floats:
        """The depth on the streets of each basin [m], float[B]."""
        return np.maximum(self.level_m - self.street_m, 0.0)

    def link_depth_m(self) -> Floats:
        """Return the depth on each link [m], float[L]."""
        out = np.zeros(len(self._city.links.id))
        for links, depth in zip(self._links, self.depth_m.tolist(), strict=True):
            out[links] = np.maximum(out[links], depth)
        return out

    # --- what others do -----------------------------------------------------------------------------------------------

    def set_sluice(self, b: int, mode: str) -> bool:
        """Set a sluice to auto, closed or open; return False, and leave it, when it is stuck."""
        if self.stuck[b]:
            return False
        self.sluice_mode[b] = MODES.index(mode)
        self._set_gates()
        return True

    def set_pump(self, b: int, mode: str) -> None:
        """Set the pumps of a basin to auto, closed (off) or open (on)."""
        self.pump_mode[b] = MODES.index(mode)
        self._set_gates()

    def jam(self, b: int, mode: str, now_ms: int) -> str:
        """Let a sluice stick open or closed; return the truth event."""
        self.sluice_mode[b], self.stuck[b] = MODES.index(mode), True
        self._set_gates()
        return self._begin("sluice_stuck", b, now_ms)

    def free(self, b: int, now_ms: int) -> bool:
        """Free a stuck sluice, which goes back to automatic; return whether it was stuck."""
        was = bool(self.stuck[b])
        self.stuck[b], self.sluice_mode[b] = False, AUTO
        self._set_gates()
        self._end("sluice_stuck", b, now_ms)
        return was

    # --- how it goes on -----------------------------------------------------------------------------------------------

    def _step(self, now_ms: int) -> int:
        world = self._world
        if self.river_event and now_ms >= self.river_until_ms:
            self._end_rise(now_ms)
        self.outside_m = self.sea_m(now_ms)
        if world.weather.rain_mm_per_h > 0 or self._told or (self.held_m3 > 0).any():
            self._set_gates()
            self.advance(world.weather.rain_mm_per_h, STEP_MS / 1000.0)
            self._set_gates()
            self._note(now_ms)
            self._tell(now_ms)
        return now_ms + STEP_MS

    def _set_gates(self) -> None:
        level = self.level_m
        above = level - self.outside_m
        follows = (above > OPENS_M) | (self.sluice_open & (above > SHUTS_M))
        self.sluice_open = (self.sluice_mode == OPEN) | ((self.sluice_mode == AUTO) & follows)
        full, low = level > self.street_m - PUMP_FROM_M, level > self.floor_m + PUMP_TO_M
        wanted = full | (self.pumping & low)
        supplied = self._world.power.on_mains(self.feeder, np.full(len(self.feeder), -1, dtype=np.int64))
        self.pumping = ((self.pump_mode == OPEN) | ((self.pump_mode == AUTO) & wanted)) & supplied & (self.held_m3 > 0)

    def advance(self, rain_mm_per_h: float, dt_s: float) -> None:
        """Move the water by one step: rain in, sluice and pump out (or in, by an open sluice below the outside)."""
        rain = self.catchment_m2 * (RUNOFF * rain_mm_per_h / 3_600_000.0 * dt_s)
        self.brought_m3 = self.brought_m3 + rain
        held = self.held_m3 + rain
        pumped = np.minimum(np.where(self.pumping, self.pump_m3_per_s * dt_s, 0.0), held)
        self.held_m3 = held - pumped
        through = self._through_sluice(dt_s)
        self.held_m3 = self.held_m3 - through
        self.drained_m3 = self.drained_m3 + pumped + through

    def _through_sluice(self, dt_s: float) -> Floats:
        """Return what the sluices let out [m3], float[B], less than 0 for in; never past the outside level."""
        level = self.level_m
        head = level - np.maximum(self.outside_m, self.floor_m)
        flow = ORIFICE * self.sluice_m2 * np.sqrt(TWO_G * np.abs(head)) * dt_s
        to_even = np.abs(self.held_m3 - self._held_at(np.maximum(self.outside_m, self.floor_m)))
        moved = np.where(self.sluice_open, np.minimum(flow, to_even), 0.0)
        return np.where(head > 0, moved, -moved)

    def _held_at(self, level_m: Floats) -> Floats:
        canal = np.minimum(level_m, self.street_m) - self.floor_m
        return self.canal_m2 * np.maximum(canal, 0.0) + self.street_m2 * np.maximum(level_m - self.street_m, 0.0)

    def _note(self, now_ms: int) -> None:
        """Begin and end the truth of floods and of sluices that let the sea in; wet cabinets leak."""
        depth = self.depth_m
        inward = self.sluice_open & (self.outside_m > self.level_m - INWARD_M) & (self.outside_m > self.floor_m)
        for b in np.flatnonzero(depth >= FLOOD_M).tolist():
            self._begin("flood", b, now_ms)
        for b in np.flatnonzero(depth < DRY_M).tolist():
            self._end("flood", b, now_ms)
        for b in range(len(depth)):
            if inward[b]:
                self._begin("sluice_inward", b, now_ms)
            else:
                self._end("sluice_inward", b, now_ms)
        for b in np.flatnonzero(depth >= WET_CABINET_M).tolist():
            for c in self._cabinets[b]:
                if self._world.power.cabinet_on[c] and self._world.power.leakage_a[c] == 0.0:
                    self._world.power.leak(c, LEAK_A, now_ms, cause_id=self.events.get(f"flood {b}"))

    def _tell(self, now_ms: int) -> None:
        """Let traffic know how deep its roads are under water."""
        depth = self.link_depth_m()
        depth[depth < DAMP_M] = 0.0
        wet = bool(depth.any())
        if wet or self._told:
            factor = speed_in_water(depth)
            self._world.traffic.set_conditions(factor, factor)
            self._close_deep(depth)
        self._told = wet

    def _close_deep(self, depth: Floats) -> None:
        """Nobody drives into water that stops an engine; a street opens again unless it is closed for another reason."""
        traffic = self._world.traffic
        for k in np.unique(np.concatenate(self._links)).tolist():
            if depth[k] >= CLOSED_M and not traffic.obstacles.closed[k]:
                traffic.close_link(k)
                self.closed.add(k)
            elif depth[k] < CLOSED_M and k in self.closed:
                self.closed.discard(k)
                if not any(h.kind == "road_closure" and h.link == k for h in traffic.happenings.open):
                    traffic.open_link(k)

    def _begin(self, kind: str, b: int, now_ms: int) -> str:
        key = f"{kind} {b}"
        if key not in self.events:
            city = self._city
            place = Place("basin", city.basins.id[b])
            attributes = {"road": city.links.id[city.basins.links[b][0]], "zone": city.zones.id[city.basins.zone[b]]}
            self.events[key] = self._world.truth.begin(kind, place, now_ms, attributes=attributes).event_id
        return self.events[key]

    def _end(self, kind: str, b: int, now_ms: int) -> None:
        event_id = self.events.pop(f"{kind} {b}", None)
        if event_id is not None:
            self._world.truth.end(event_id, now_ms)

    _ARRAYS = ("held_m3", "sluice_mode", "pump_mode", "stuck", "sluice_open", "pumping", "brought_m3", "drained_m3")

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        arrays = {name: getattr(self, name).copy() for name in self._ARRAYS}
        return arrays | {
            "river": [self.river_m, self.river_until_ms, self.river_event],
            "outside_m": self.outside_m,
            "events": dict(self.events),
            "told": self._told,
            "closed": sorted(self.closed),
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state; traffic restores what it was told."""
        for name in self._ARRAYS:
            setattr(self, name, data[name].copy())
        self.outside_m, self.events, self._told = data["outside_m"], dict(data["events"]), data["told"]
        self.closed = set(data["closed"])
        self.river_m, self.river_until_ms, self.river_event = data["river"]


def speed_in_water(depth_m: Floats) -> Floats:
    """Return the factor of free speed at depths [m], 1 when dry, at least a tenth (Pregnolato et al. 2017)."""
    w = np.minimum(depth_m, CLOSED_M) * 1000.0
    out: Floats = np.clip((0.0009 * w * w - 0.5529 * w + 86.9448) / 86.9448, LEAST_SPEED, 1.0)
    return out


def _floats(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _cabinets_of(city: City, links: list[int]) -> list[int]:
    """Return the cabinet that has most of the lamps along links: it stands in the same water."""
    own = [c for c, k in zip(city.luminaires.cabinet, city.luminaires.link, strict=True) if k in links]
    return sorted(set(own), key=lambda c: (-own.count(c), c))[:1]
