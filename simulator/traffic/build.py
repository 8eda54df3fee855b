"""Small networks by hand: nodes, links, turns, signals, demand; then run and read. For tests, studies and users.

Lives here: a builder whose product is an ordinary `Traffic`. Must not know: city files.

    b = Builder()
    a, m, z = b.add_node("a"), b.add_node("m"), b.add_node("z")
    first, second = b.add_link("first", a, m, 1000.0), b.add_link("second", m, z, 1000.0)
    b.set_inflow(first, 0.5, until_s=500)
    run = b.build(step_s=1.0)
    run.run_until(600)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.city import Phase, SignalPlan
from simulator.streams import Streams
from simulator.traffic.ctm import check_shares, uniform_shares
from simulator.traffic.demand import EntryRates, ZoneDemand, zone_trips
from simulator.traffic.gates import Gates, GateSpec
from simulator.traffic.mix import even_mix, unit_shares
from simulator.traffic.network import SINK, Floats, Ints, LinkSpec, MovementSpec, Network, NetworkSpec, compile_network
from simulator.traffic.routing import Router, Targets
from simulator.traffic.signals import SignalControl
from simulator.traffic.traffic import Traffic

FOR_EVER_MS = 1 << 50
Right = tuple[int, int | None]  # a link, or one turn of it, that has green


@dataclass(slots=True)
class _Plan:
    """A signal plan as given: phases of (green s, lost s, rights)."""

    name: str
    offset_s: float
    phases: list[tuple[float, float, list[Right]]]
    control: str
    hours: list[float]


class Builder:
    """Collects a network. Links without given turns may turn into every link that leaves their end node, except back."""

    def __init__(self) -> None:
        self.spec = NetworkSpec()
        self._turns: dict[int, list[tuple[int, float, int, float | None, str]]] = {}
        self._ends: dict[int, float] = {}
        self._signals: list[list[_Plan]] = []
        self._gates: list[GateSpec] = []
        self._entries = EntryRates()
        self._trips: list[tuple[int, int, float]] = []
        self._mix: tuple[tuple[float, ...], float] | None = None

    def add_node(self, node_id: str) -> int:
        """Add a node and return its index."""
        self.spec.node_ids.append(node_id)
        return len(self.spec.node_ids) - 1

    def add_link(
        self,
        link_id: str,
        from_node: int,
        to_node: int,
        length_m: float,
        *,
        lanes: float = 1.0,
        free_speed_mps: float = 20.0,
        saturation: float = 0.8,
        jam: float = 0.2,
        zone: int = -1,
        priority: float = 1.0,
        exit_capacity: float = float("inf"),
        home_at_start: bool = True,
    ) -> int:
        """Add a directed link and return its index.

        `length_m` in m, `free_speed_mps` in m/s, `saturation` (the most that a lane passes) in veh/s/lane, `jam` (vehicles in
        a standing queue) in veh/m/lane, `exit_capacity` in veh/s over all lanes. `zone` is where trips begin and end (-1: none),
        `priority` its weight where links merge. Trips begin at its start, or in its middle if not `home_at_start`. Values that
        cannot be are refused by `build`.
        """
        self.spec.links.append(
            LinkSpec(
                link_id, from_node, to_node, length_m, lanes, free_speed_mps, saturation, jam,
                zone, home_at_start, priority, exit_capacity,
            )
        )  # fmt: skip
        return len(self.spec.links) - 1

    def set_turns(self, link: int, shares: Mapping[int, float], groups: Mapping[int, tuple[int, float]] | None = None) -> None:
        """Say which links follow `link` and with which shares (they sum to 1); -1 leaves the network.

        `groups[to] = (group, lanes)` puts turns into lane groups of their own; by default all share all lanes.
        """
        lanes = self.spec.links[link].lanes
        rows = []
        for to_link, share in shares.items():
            group, own = groups[to_link] if groups is not None else (0, lanes)
            rows.append((to_link, share, group, own, "through"))
        self._turns[link] = list(rows)

    def set_end_share(self, link: int, share: float) -> None:
        """Let a share of those who drive on a link end their trips on it."""
        self._ends[link] = share

    def add_signal(
        self,
        phases: Sequence[tuple[float, float, Sequence[int | tuple[int, int]]]],
        offset_s: float = 0.0,
        control: str = "fixed",
    ) -> int:
        """Add a signal of phases (green s, lost s, links or (from, to) turns that have green); returns its index.

        `control` is fixed, actuated or max_pressure; for the latter two the green is the longest that a phase may last.
        """
        self._signals.append([])
        self.add_plan(len(self._signals) - 1, "default", phases, offset_s, control)
        return len(self._signals) - 1

    def add_plan(
        self,
        signal: int,
        name: str,
        phases: Sequence[tuple[float, float, Sequence[int | tuple[int, int]]]],
        offset_s: float = 0.0,
        control: str = "fixed",
        hours: Sequence[float] = (),
    ) -> int:
        """Add another plan to a signal, which runs by itself in local hours (begin, end, begin, end ...); returns its index."""
        rows: list[tuple[float, float, list[Right]]] = []
        for green_s, lost_s, members in phases:
            rows.append((green_s, lost_s, [m if isinstance(m, tuple) else (m, None) for m in members]))
        self._signals[signal].append(_Plan(name, offset_s, rows, control, list(hours)))
        return len(self._signals[signal]) - 1

    def add_gate(
        self, link: int, position_m: float, lanes: int, service_s: float, storage_veh: float = 40.0, truck_share: float = 0.3
    ) -> int:
        """Add a port gate beside a link and return its index.

        `truck_share` of the car units that pass `position_m` (m) turn in as trucks; each of `lanes` serves one in `service_s`
        (s), `storage_veh` trucks wait off the road, further ones on it.
        """
        self._gates.append(GateSpec(link, position_m, lanes, service_s, storage_veh, truck_share))
        return len(self._gates) - 1

    def set_inflow(self, link: int, veh_per_s: float, from_s: float = 0.0, until_s: float | None = None) -> None:
        """Let vehicles of the mix arrive at the start of a link at a constant rate between two times (s)."""
        end_ms = FOR_EVER_MS if until_s is None else round(until_s * 1000)
        self._entries.rows.append((link, veh_per_s, round(from_s * 1000), end_ms))

    def add_trips(self, origin_zone: int, destination_zone: int, trips_per_h: float) -> None:
        """Add constant demand between zones; drivers then choose their ways, and set turns do not count."""
        self._trips.append((origin_zone, destination_zone, trips_per_h))

    def set_mix(self, vehicles: Mapping[str, float]) -> None:
        """Say which vehicles there are, as shares of them that sum to 1, of motorcycles, cars, trucks and trailers.

        Rates of `set_inflow` and `add_trips` are then of such vehicles; what is read is passenger car units all the same, but for
        `Run.vehicles_by_kind`. By default all are cars. Raises ValueError on another kind or sum.
        """
        self._mix = unit_shares(vehicles)

    def build(self, step_s: float = 1.0, seed: int = 0, variation: float = 0.0, *, by_destination: bool = False) -> "Run":
        """Return the network at work, at time 0 (midnight) with empty roads, in steps of `step_s` (whole milliseconds).

        `variation` is the noise of demand between zones, drawn by `seed`: 0.2 is a standard deviation of 10 % in 5 minutes.

        `by_destination` keeps a commodity for each destination zone: exact trips, at many times the cost. Raises ValueError
        where a link, a turn, a share or a plan cannot be.
        """
        spec, rows = self._with_movements()
        net = compile_network(spec, round(step_s * 1000))
        plans = [[self._plan(net, plan) for plan in own] for own in self._signals]
        signals = SignalControl(net.from_link.size, plans, net.step_ms)
        zone = net.zone
        n_zones = 1 + max([-1, *zone.tolist(), *(z for row in self._trips for z in row[:2])])
        router = Router(net, Targets([_heart(net, zone, k) for k in range(n_zones)], zone))
        shares = uniform_shares(net)
        for link, share in self._ends.items():
            shares.end[link] = share
        for index, given in enumerate(rows):
            if given is not None:
                shares.turn[net.movement_of_spec[index]] = given
        check_shares(net, shares)
        demand, unit = None, 1.0 if self._mix is None else self._mix[1]
        if self._trips:
            weight = net.length_m * net.lanes
            trips = [(origin, destination, rate * unit) for origin, destination, rate in self._trips]
            demand = ZoneDemand(zone_trips(n_zones, trips), zone, weight, Streams(seed))
            demand.variation = variation
        entries = None if demand else EntryRates([(k, rate * unit, start, end) for k, rate, start, end in self._entries.rows])
        mix = None if self._mix is None else even_mix(net.n_links, self._mix[0])
        gates = Gates(net, self._gates)
        return Run(Traffic(net, signals, router, demand, entries, shares, by_destination=by_destination, gates=gates, mix=mix))

    def _with_movements(self) -> tuple[NetworkSpec, list[float | None]]:
        spec = NetworkSpec(list(self.spec.node_ids), list(self.spec.links))
        given: list[float | None] = []
        for index, link in enumerate(spec.links):
            rows = self._turns.get(index)
            if rows is None:
                outs = [k for k, o in enumerate(spec.links) if o.from_node == link.to_node and o.to_node != link.from_node]
                for to_link in outs or [SINK]:
                    spec.movements.append(MovementSpec(index, to_link, 0, link.lanes))
                    given.append(None)
                continue
            for to_link, share, group, lanes, turn in rows:
                spec.movements.append(MovementSpec(index, to_link, group, lanes or link.lanes, turn))
                given.append(share)
        return spec, given

    def _plan(self, net: Network, plan: "_Plan") -> SignalPlan:
        phases = []
        for green_s, lost_s, members in plan.phases:
            found: list[int] = []
            for from_link, to_link in members:
                mine = net.from_link == from_link
                if to_link is not None:
                    mine &= net.to_link == to_link
                found.extend(int(m) for m in np.flatnonzero(mine))
            phases.append(Phase(green_s, lost_s, 0.0, sorted(set(found))))
        return SignalPlan(plan.name, plan.offset_s, phases, plan.control, plan.hours)


def _heart(net: Network, zone: Ints, k: int) -> Ints:
    """Return the links into the node that most links of a zone lead into (the lowest index of several)."""
    nodes = net.to_node[zone == k]
    if not nodes.size:
        return np.zeros(0, dtype=np.int64)
    best = int(np.argmax(np.bincount(nodes)))
    return np.flatnonzero((net.to_node == best) & (zone == k))


@dataclass(slots=True)
class Run:
    """A built network and its time (ms)."""

    traffic: Traffic
    now_ms: int = 0

    def run_until(self, until_s: float) -> None:
        """Advance by whole steps up to a time (s)."""
        step_ms = self.traffic.net.step_ms
        while self.now_ms + step_ms <= round(until_s * 1000):
            self.now_ms += step_ms
            self.traffic.advance(self.now_ms)

    def vehicles(self, link: int) -> float:
        """Return the vehicles on a link, in passenger car units."""
        return float(self.traffic.roads.state.vehicles[self._cells(link)].sum())

    def vehicles_by_kind(self, link: int) -> dict[str, float]:
        """Return the vehicles on a link by kind."""
        return {kind: float(on_link[link]) for kind, on_link in self.traffic.guidance.vehicles_by_kind().items()}

    def density(self, link: int) -> Floats:
        """Return the density of the link's cells (veh/m over all lanes)."""
        cells = self._cells(link)
        return self.traffic.roads.state.vehicles[cells] / self.traffic.net.cell_length_m[cells]

    def count(self, link: int) -> float:
        """Return the vehicles that have left a link at its end."""
        return float(self.traffic.roads.state.passed[self.traffic.net.last[link]])

    def queue(self, link: int) -> float:
        """Return the vehicles on a link beyond those that the flow of the last minute needs on a free road."""
        return float(self.traffic.link_queue_veh()[link])

    def speed_mps(self, link: int) -> float:
        """Return the space-mean speed (m/s) on a link over the last minutes; the free one where nobody drives."""
        return float(self.traffic.link_speed_mps()[link])

    def travel_time_s(self, link: int) -> float:
        """Return the smoothed time (s) to pass a link, with its signal."""
        return float(self.traffic.link_travel_time_s()[link])

    def totals(self) -> dict[str, float]:
        """Return vehicles `entered`, `left`, `on_road` and `waiting`, and more; see `Traffic.totals`."""
        return self.traffic.totals()

    def vehicle_s(self, links: Sequence[int]) -> float:
        """Return the time (vehicle seconds) that vehicles have spent on links since the start."""
        state, step_s = self.traffic.roads.state, self.traffic.net.step_s
        return sum(float(state.presence[self._cells(link)].sum()) for link in links) * step_s

    def delay_veh_s(self, links: Sequence[int]) -> float:
        """Return the time (vehicle seconds) spent on links since the start less the free time of what passed their cells."""
        state, net = self.traffic.roads.state, self.traffic.net
        free = sum(
            float((state.passed * net.cell_length_m)[self._cells(link)].sum()) / float(net.free_speed_mps[link]) for link in links
        )
        return self.vehicle_s(links) - free

    def _cells(self, link: int) -> slice:
        net = self.traffic.net
        return slice(int(net.first[link]), int(net.last[link]) + 1)
