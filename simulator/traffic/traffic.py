"""Traffic: the roads of a city at work, as one domain of the world.

Lives here: the step that ties roads, signals, demand, routing and obstacles together, and all that others may ask or do.
Must not know: sensors, operators, power. Vehicles are fluid, counted in passenger car units (`mix`); `ctm` says how they move.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import City
from simulator.streams import Streams
from simulator.traffic import detect
from simulator.traffic.ctm import CellTransmission, Shares, check_factors, check_weather, halfway, make_rates, uniform_shares
from simulator.traffic.demand import EntryRates, ZoneDemand
from simulator.traffic.destinations import Destinations
from simulator.traffic.gates import Gates
from simulator.traffic.guidance import Guidance
from simulator.traffic.happenings import Happenings
from simulator.traffic.incidents import Incident, Obstacles
from simulator.traffic.lanes import lanes_in_use, own_lanes
from simulator.traffic.lookout import LOOK_MS, Lookout
from simulator.traffic.mix import Mix, even_mix
from simulator.traffic.network import Bools, Floats, Ints, Network
from simulator.traffic.relief import Relief
from simulator.traffic.routing import CLOSED_S, Router, without_closed
from simulator.traffic.signals import SignalControl

if TYPE_CHECKING:
    from simulator.world import World

PRIORITY = 40
OBSERVE_MS = 60_000
REFRESH_MS, LARGE_REFRESH_MS = 180_000, 300_000
LARGE = 30_000  # zones x links from which routes are looked at less often
SMALL = 100  # zones x links up to which drivers look ahead, and all the time: a study, not a city
TURN_S = {"left": 6.0, "right": 3.0, "u_turn": 25.0}
LEAST_TRIPS = 1e-6  # trips/h from every link to every zone, so that each road knows its ways also when nobody uses it


class Traffic:
    """The traffic of one network. Simulated time is an argument; `advance` moves the roads by one step."""

    def __init__(
        self,
        net: Network,
        signals: SignalControl,
        router: Router,
        demand: ZoneDemand | None = None,
        entries: EntryRates | None = None,
        shares: Shares | None = None,
        *,
        by_destination: bool = False,
        gates: Gates | None = None,
        mix: Mix | None = None,
    ) -> None:
        self.net, self.signals, self.router = net, signals, router
        self.demand, self.entries = demand, entries
        choices = len(router.targets.links) * net.n_links
        self.refresh_ms = LOOK_MS if choices <= SMALL else REFRESH_MS if choices <= LARGE else LARGE_REFRESH_MS
        self.start_s = 0.0
        self.now_ms = 0
        self.weather = (1.0, 1.0)
        self.conditions: tuple[Floats, Floats] = (np.ones(net.n_links), np.ones(net.n_links))
        self.exit_capacity: Floats = np.full(net.n_links, np.inf)
        self.obstacles = Obstacles(net)
        self.gates = Gates(net) if gates is None else gates
        self.mix = even_mix(net.n_links) if mix is None else mix
        self._own_lanes = own_lanes(net)
        self.group_lanes: Floats = net.group_lanes.copy()
        self._given = uniform_shares(net) if shares is None else shares
        self.roads = CellTransmission(net, make_rates(net), self._given)
        self.times = detect.TravelTimes(net, self.roads.state)
        self.lookout = Lookout(net, self.roads.state) if demand is not None and choices <= SMALL else None
        self.relief = Relief(net)
        self.happenings = Happenings(self)
        self.destinations = Destinations(net, len(router.targets.links)) if by_destination and demand is not None else None
        self.guidance = Guidance(self)
        self._sites: list[detect.Sites] = []
        self._turn_s = np.array([TURN_S.get(turn, 0.0) for turn in net.turn])
        self._routed = False
        self._empty: Floats | None = None
        self._changed()

    @classmethod
    def from_city(cls, city: City, streams: Streams, step_ms: int | None = None) -> "Traffic":
        """Return the empty roads of a city. The step is 5 s, or 3 s where more than a tenth of the links is below 70 m."""
        from simulator.traffic.from_city import traffic_of_city

        return traffic_of_city(city, streams, step_ms)

    # --- time ---------------------------------------------------------------------------------------------------------

    def start(self, world: "World") -> None:
        """Register the step in the world's scheduler; from now on the roads move with its time."""
        self.start_s = float(world.local_seconds(0))
        self.happenings.start(world)
        self.guidance.start(world)
        scheduler = world.scheduler
        self.now_ms = scheduler.now_ms
        scheduler.add("traffic.step", PRIORITY, scheduler.now_ms + self.net.step_ms, self._wake)

    def _wake(self, now_ms: int) -> int:
        self.advance(now_ms)
        return now_ms + self.net.step_ms

    def advance(self, now_ms: int) -> None:
        """Move the roads by one step that ends at `now_ms`."""
        begin_ms = now_ms - self.net.step_ms
        self.now_ms = now_ms
        if not self._routed or self._due(begin_ms, self.refresh_ms):
            self._refresh_routes(begin_ms)
        clock_ms = self._clock_ms(begin_ms)
        if self.signals.tick(clock_ms):
            self._empty = None
        green, arrivals = self.signals.green(clock_ms, self.roads), self._arrivals(begin_ms)
        if self.destinations is None:
            self.roads.step(green, arrivals)
        else:
            self.destinations.step(self.roads, green, arrivals)
        if self.lookout is not None and self._due(now_ms, LOOK_MS):
            self.lookout.observe(self.roads.state)
        if self._due(now_ms, OBSERVE_MS):  # at the end of a minute, when keyframes are taken: what was seen is what is there
            self._observe()

    def _clock_ms(self, now_ms: int) -> int:
        """Return the local clock (ms since the midnight before the run's start)."""
        return now_ms + round(self.start_s * 1000)

    def _due(self, at_ms: int, every_ms: int) -> bool:
        return at_ms % every_ms < self.net.step_ms

    def _arrivals(self, begin_ms: int) -> Floats | None:
        if self.demand is not None:
            return self.demand.arrivals(begin_ms, self.start_s, self.net.step_ms)
        return None if self.entries is None else self.entries.arrivals(self.net.n_links, begin_ms, self.net.step_ms)

    def _observe(self) -> None:
        self.roads.file_last_cells()
        self.times.observe(self.roads.state)
        self.relief.apply(self.roads)
        self.relief.turn_round(self.roads, self.obstacles.cuts)
        if self.gates.observe(self.roads.state.passed, OBSERVE_MS / 1000.0):
            self._changed()
        self.happenings.watch_gates(self.now_ms)
        self._reconcile()

    def _refresh_routes(self, begin_ms: int) -> None:
        """Take new turn shares half from travel times, half from before, so that drivers do not all swing at once."""
        if self.demand is not None:
            self._choose_ways(self.demand.trips_by_link(self.start_s + begin_ms / 1000.0) + LEAST_TRIPS)
            self.relief.leave_closed(self.roads, self._closed_movements())
            self._reconcile()
            self._divide_lanes()
        self._routed = True

    def _divide_lanes(self) -> None:
        """Give shared lanes to those who turn now, by how much of a lane's green they ask for."""
        self.group_lanes = lanes_in_use(self.roads, self._own_lanes, self.signals.mean_green())
        self._changed()

    def _choose_ways(self, trips: Floats) -> None:
        """Set the shares of all who drive [L, M], or of those bound for each zone [L, K] and [M, K]."""
        destinations, turn_s, cost_s = self.destinations, self._turn_cost(), self._choice_cost()
        if destinations is None:
            fresh = self.guidance.shares(cost_s, lambda cost: self.router.shares(cost, turn_s, trips)[0])
            fresh = halfway(self.roads.shares, fresh) if self._routed else fresh
            self.roads.set_shares(without_closed(self.net, self._closed_movements(), fresh))
        else:
            fresh = self.guidance.shares(cost_s, lambda cost: Shares(*self.router.zone_shares(cost, turn_s)))
            fresh = halfway(Shares(destinations.end, destinations.turn), fresh) if self._routed else fresh
            destinations.set_ways(fresh.end, fresh.turn, trips)

    def _reconcile(self) -> None:
        if self.destinations is not None:
            self.destinations.reconcile(self.roads)

    # --- costs --------------------------------------------------------------------------------------------------------

    def _empty_s(self) -> Floats:
        """Return the time [C] to pass each cell of the empty road, with the mean wait at its signal in the last cell."""
        if self._empty is None:
            net, rates = self.net, self.roads.rates
            out = net.step_s / np.maximum(rates.free, 1e-9)
            out[net.last] += self.red_wait_s()
            self._empty = out
        return self._empty

    def red_wait_s(self) -> Floats:
        """Return the mean wait [L] (s) of a lone vehicle for green at the end of each link, over its movements."""
        net, wait = self.net, self.signals.red_delay_s()
        return net.movements_by_link(wait) / np.diff(np.append(net.link_movement_start, wait.size))

    def _link_cost(self) -> Floats:
        return np.where(self.obstacles.closed, CLOSED_S, self.times.links_s(self._empty_s()))

    def _choice_cost(self) -> Floats:
        """Return the time [L] on which drivers choose: what links will take in a small network, what they took in a city."""
        if self.lookout is None:
            return self._link_cost()
        ahead_s = self.lookout.links_s(self._empty_s(), self.roads.state.vehicles, self.roads.shares.turn)
        return np.where(self.obstacles.closed, CLOSED_S, ahead_s)

    def _turn_cost(self) -> Floats:
        return np.where(self._closed_movements(), CLOSED_S, self._turn_s)

    def _closed_movements(self) -> Bools:
        closed: Bools = np.append(self.obstacles.closed, False)[self.net.to_link]
        return closed

    # --- what others do -----------------------------------------------------------------------------------------------

    def set_incident(
        self, link: int, position_m: float, lanes_taken: float, speed_factor: float = 1.0, *, works: bool = False
    ) -> int:
        """Take lanes of the cell at `position_m` of a link and slow those who pass; returns a handle to clear it with.

        `works` says that cones and not vehicles stand there.
        """
        handle = self.obstacles.add(Incident(link, position_m, lanes_taken, speed_factor, works))
        self._changed()
        return handle

    def clear_incident(self, handle: int) -> None:
        """End an incident; ending twice does nothing."""
        self.obstacles.clear(handle)
        self._changed()

    def close_link(self, link: int, position_m: float | None = None) -> None:
        """Let nobody enter a link any more; those who wanted in look for another way at once.

        Those inside drive out. If the road is cut at `position_m` (m from its start), those before it turn round instead, where
        there is a way back. Raises ValueError off the link.
        """
        self.obstacles.close(link, position_m)
        self._closures_changed()

    def open_link(self, link: int) -> None:
        """Let vehicles enter a link again."""
        self.obstacles.open(link)
        self._closures_changed()

    def _closures_changed(self) -> None:
        if self.demand is not None:
            self.demand.set_open(~self.obstacles.closed)
        shares = self._given if self.demand is None else self.roads.shares
        self.roads.set_shares(without_closed(self.net, self._closed_movements(), shares))
        self.relief.leave_closed(self.roads, self._closed_movements())
        self._reconcile()
        self._routed = False
        self._changed()

    def set_plan(self, signal: int, plan_index: int | None, now_ms: int) -> None:
        """Run another plan of a signal from `now_ms` on, in step with the clock; None lets the clock choose again."""
        if plan_index is None:
            self.signals.follow_clock(signal, self._clock_ms(now_ms))
        else:
            self.signals.set_plan(signal, plan_index, self._clock_ms(now_ms))
        self._empty = None

    def set_mode(self, signal: int, mode: str) -> None:
        """Set a signal to normal, flash or dark; the latter two make its junction an all-way stop."""
        self.signals.set_mode(signal, mode, self._clock_ms(self.now_ms))
        self._empty = None

    def hold_green(self, link: int, until_ms: int, now_ms: int) -> bool:
        """Hold green at the end of a link until `until_ms`, for those who must get through; return if a signal stands there.

        The signal's change takes its yellow and all-red; when the hold is over its plan goes on.
        """
        mine = np.flatnonzero(self.net.from_link == link)
        signal = int(self.signals.controller_of[mine].max(initial=-1))
        return signal >= 0 and self.signals.hold(signal, mine, self._clock_ms(until_ms), self._clock_ms(now_ms))

    def set_wave(self, route: list[int], now_ms: int, speed_mps: float | None = None) -> int:
        """Shift the signals along links, one after the other, so that who leaves the first on green has green at all.

        Platoons go at `speed_mps`, or at the links' free speed. Returns the number of signals on the way. Raises ValueError
        if the links do not follow each other, or if the plans there have no common cycle.
        """
        movements = self.net.turns_along(route)
        after = np.array(route[1:], dtype=np.int64)
        travel_s = self.net.model_length_m[after] / (self.net.free_speed_mps[after] if speed_mps is None else speed_mps)
        shifts = self.signals.wave_shifts_s(movements, travel_s)
        for signal, shift_s in shifts.items():
            self.signals.set_shift(signal, shift_s, self._clock_ms(now_ms))
        return len(shifts)

    def set_demand_factor(self, factor: float, origin_zone: int | None = None) -> None:
        """Scale the trips that begin in a zone, or in all."""
        if self.demand is not None:
            self.demand.set_factor(factor, origin_zone)

    def set_weather(self, speed_factor: float, capacity_factor: float) -> None:
        """Scale free speed and capacity of all roads. Raises ValueError outside 0.1 to 1.5."""
        check_weather(speed_factor, capacity_factor)
        if self.weather != (speed_factor, capacity_factor):
            self.weather = (speed_factor, capacity_factor)
            self._changed()

    def set_conditions(self, speed_factor: Floats, capacity_factor: Floats) -> None:
        """Scale free speed [L] and capacity [L] of each road on top of the weather: water, ice, works, smoke.

        Raises ValueError on arrays of another length or factors outside 0.05 to 1.5. A road that nobody can pass is
        closed with `close_link`.
        """
        for name, values in (("speed", speed_factor), ("capacity", capacity_factor)):
            check_factors(self.net, name, values)
        if (speed_factor != self.conditions[0]).any() or (capacity_factor != self.conditions[1]).any():
            self.conditions = (speed_factor.copy(), capacity_factor.copy())
            self._changed()

    def orders_changed(self) -> None:
        """Drivers are told something new: speeds change at once, ways at the next look at the routes."""
        self._changed()

    def set_exit_capacity(self, link: int, veh_per_s: float) -> None:
        """Limit what may leave a link at its end; infinity lifts the limit."""
        self.exit_capacity[link] = veh_per_s
        self._changed()

    def _changed(self) -> None:
        speed, lanes = self.obstacles.factors()
        lanes *= self.gates.lane_factor()
        speed_factor = self.conditions[0] * self.weather[0] * self.guidance.speed_factors()
        conditions = (speed_factor, self.conditions[1] * self.weather[1])
        rates = make_rates(self.net, speed, lanes, self.exit_capacity, conditions, self.group_lanes)
        rates.entry_open[:-1] = np.where(self.obstacles.closed, 0.0, 1.0)
        self.roads.set_rates(rates)
        self._empty = None

    # --- what others see ----------------------------------------------------------------------------------------------

    def sites(self, link: Ints, position_m: Floats) -> detect.Sites:
        """Return a handle on places (m from the start of links) to be read with `read_sites`; it is part of snapshots."""
        handle = detect.open_sites(len(self._sites), self.net, self.roads.state, link, position_m)
        self._sites.append(handle)
        return handle

    def read_sites(self, sites: detect.Sites) -> dict[str, Floats]:
        """Return what happened at the sites since they were last read; see `detect.read`."""
        free_speed_mps = self.net.free_speed_mps * self.conditions[0] * self.weather[0]
        return detect.read(sites, self.net, self.roads.state, free_speed_mps)

    def link_speed_mps(self) -> Floats:
        """Return the space-mean speed [L] (m/s) of the last minutes; free speed where nobody drives."""
        return self.times.speed_mps(self._empty_s())

    def link_density_ratio(self) -> Floats:
        """Return the vehicles on each link [L] over those of a standing queue along all of it, 0-1."""
        net = self.net
        filled = net.cells_by_link(self.roads.state.vehicles)
        return np.minimum(filled / net.cells_by_link(net.cell_jam_veh), 1.0)

    def link_queue_veh(self) -> Floats:
        """Return the delayed vehicles on each link [L]: those there less those that free flow would need for the flow."""
        return self.times.queued_veh(self.roads.state.vehicles, self.net.step_s / self.roads.rates.free)

    def link_travel_time_s(self) -> Floats:
        """Return the smoothed time [L] (s) to pass each link, with its signal."""
        return self.times.links_s(self._empty_s())

    def signal_state(self) -> dict[str, NDArray[Any]]:
        """Return `mode` u8[S] (0 normal, 1 flash, 2 dark), `plan` i16[S], `phase` i16[S] (-1: none) at the last step."""
        signals, clock_ms = self.signals, self._clock_ms(self.now_ms)
        return {"mode": signals.mode.copy(), "plan": signals.plan.copy(), "phase": signals.phases(clock_ms)}

    def totals(self) -> dict[str, float]:
        """Return vehicles `entered` (with those who wait), `left`, `on_road`, `waiting`: entered = left + on_road + waiting.

        `vehicle_s` is the time spent on the roads, `gave_up` those of `left` who turned round after standing for long.
        """
        state = self.roads.state
        inside = float(state.vehicles.sum()) - float(state.vehicles[self.net.last].sum())
        return {
            "entered": state.entered,
            "left": state.left,
            "on_road": inside + float(state.stored.sum()),
            "waiting": float(state.waiting.sum()),
            "vehicle_s": float(state.presence.sum()) * self.net.step_s,
            "gave_up": self.relief.gave_up,
        }

    def route(self, from_node: int, to_node: int) -> list[int]:
        """Return the quickest links from node to node on current travel times; [] if there is no way or none is needed."""
        starts = np.flatnonzero((self.net.from_node == from_node) & ~self.obstacles.closed)
        ends = np.flatnonzero((self.net.to_node == to_node) & ~self.obstacles.closed)
        if from_node == to_node or not starts.size or not ends.size:
            return []
        return self.router.route(starts, ends, self._link_cost(), self._turn_cost())

    def travel_time_s(self, route: list[int]) -> float:
        """Return the time to drive links one after the other on current travel times."""
        times = self.link_travel_time_s()
        return sum(float(times[link]) for link in route)

    # --- saving -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return all that changes, as plain data and arrays."""
        return {
            "roads": self.roads.state.snapshot(),
            "end": self.roads.shares.end.copy(),
            "turn": self.roads.shares.turn.copy(),
            "routed": self._routed,
            "now_ms": self.now_ms,
            "signals": self.signals.snapshot(),
            "obstacles": self.obstacles.snapshot(),
            "times": self.times.snapshot(),
            "lookout": None if self.lookout is None else self.lookout.snapshot(),
            "relief": self.relief.snapshot(),
            "gates": self.gates.snapshot(),
            "happenings": self.happenings.snapshot(),
            "guidance": self.guidance.snapshot(),
            "weather": list(self.weather),
            "conditions": [factor.copy() for factor in self.conditions],
            "exit_capacity": self.exit_capacity.copy(),
            "group_lanes": self.group_lanes.copy(),
            "destinations": None if self.destinations is None else self.destinations.snapshot(),
            "demand_factor": None if self.demand is None else self.demand.factor.copy(),
            "sites": [[s.passed.copy(), s.presence.copy(), s.steps] for s in self._sites],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a snapshot; the handles on sites must have been opened as they were before it was taken."""
        if len(data["sites"]) != len(self._sites):
            raise ValueError(f"the snapshot has {len(data['sites'])} site handles; this traffic has {len(self._sites)}")
        self.roads.state.restore(data["roads"])
        for name in ("signals", "obstacles", "times", "relief", "gates"):
            getattr(self, name).restore(data[name])
        self.weather = (data["weather"][0], data["weather"][1])
        self.conditions = (data["conditions"][0].copy(), data["conditions"][1].copy())
        self.exit_capacity = data["exit_capacity"].copy()
        self.group_lanes = data["group_lanes"].copy()
        if self.demand is not None:
            self.demand.factor[:] = data["demand_factor"]
            self.demand.set_open(~self.obstacles.closed)
        self.roads.set_shares(Shares(data["end"].copy(), data["turn"].copy()))
        if self.destinations is not None:
            self.destinations.restore(data["destinations"])
        if self.lookout is not None:
            self.lookout.restore(data["lookout"])
        self.happenings.restore(data["happenings"])
        self.guidance.restore(data["guidance"])
        self._routed, self.now_ms = data["routed"], data["now_ms"]
        for sites, (passed, presence, steps) in zip(self._sites, data["sites"], strict=True):
            sites.passed, sites.presence, sites.steps = passed.copy(), presence.copy(), steps
        self._changed()
