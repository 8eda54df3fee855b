"""The cell-transmission model: vehicles move from cell to cell, from lane group over a junction to the next link.

Lives here: the state of the roads and one step of it (Daganzo 1994, Transportation Research B 28(4), 269-287). Must not
know: cities, clocks, who drives where and why; it is given green shares, turn shares and arrivals as arrays. Units inside a
step are vehicles and steps. The last cell of a link holds its vehicles by movement, so that left turners who wait for a full
road stand in their own lanes and let the others pass. All arithmetic is + - x / min max in a fixed order.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from simulator.traffic.network import Bools, Floats, Ints, Network, sum_by
from simulator.traffic.node_model import split_supply

TINY = 1e-300
SOURCE_SHARE = 0.25  # of a full cell's supply that trips beginning beside it may claim


@dataclass(slots=True)
class RoadState:
    """What is on the roads. Cumulated fields only grow, and readers take differences. `vehicles[last]` sums `stored`."""

    vehicles: Floats  # [C] vehicles in a cell
    stored: Floats  # [M] vehicles in last cells by movement
    waiting: Floats  # [L] vehicles that want to enter beside a link and have not
    passed: Floats  # [C] cumulated vehicles out of a cell at its end
    presence: Floats  # [C] cumulated sum of vehicles over steps
    turned: Floats  # [M] cumulated vehicles of a movement
    fresh: Floats  # [C] of `vehicles`, those who came in the last step
    fresh_stored: Floats  # [G] the same of the lane groups
    steps: int = 0
    entered: float = 0.0  # cumulated, with those who still wait
    left: float = 0.0  # cumulated

    def snapshot(self) -> dict[str, object]:
        """Return the state as plain data and array copies."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in values}

    def restore(self, data: dict[str, object]) -> None:
        """Take over a saved state."""
        for f in fields(self):
            value = data[f.name]
            setattr(self, f.name, value.copy() if isinstance(value, np.ndarray) else value)


def empty_roads(net: Network) -> RoadState:
    """Return the state of empty roads."""
    cells, groups, movements, links = net.cell_link.size, net.group_link.size, net.from_link.size, net.n_links
    return RoadState(
        vehicles=np.zeros(cells),
        stored=np.zeros(movements),
        waiting=np.zeros(links),
        passed=np.zeros(cells),
        presence=np.zeros(cells),
        turned=np.zeros(movements),
        fresh=np.zeros(cells),
        fresh_stored=np.zeros(groups),
    )


@dataclass(slots=True)
class Rates:
    """The fundamental diagram of every cell and lane group in vehicles and steps: free share, capacity, wave share, jam."""

    free: Floats  # [C] share of a cell that a free vehicle passes in a step, the Courant number u dt/dx
    ripe: Floats  # [C] share of a cell's vehicles that reach its end in a step ...
    lag: Floats  # [C] ... but for this share of those who came in the last step
    capacity: Floats  # [C] vehicles a step that can leave; less beside an incident
    entry: Floats  # [C] vehicles a step that can enter
    wave: Floats  # [C] share of a cell's free room that a step can fill, w dt/dx
    entry_open: Floats  # [L + 1] 1 where vehicles may enter a link, infinite for the sink
    group_ripe: Floats  # [G]
    group_lag: Floats  # [G]
    group_capacity: Floats  # [G] vehicles a step of displayed green
    group_entry: Floats  # [G]
    group_wave: Floats  # [G]
    group_jam: Floats  # [G] vehicles
    movement_share: Floats  # [M] capacity factor of the movement


def make_rates(
    net: Network,
    speed: Floats | None = None,
    lanes: Floats | None = None,
    exit_capacity: Floats | None = None,
    conditions: tuple[Floats, Floats] | None = None,
    group_lanes: Floats | None = None,
) -> Rates:
    """Return the rates under factors of speed [C] and open lanes [C], an exit capacity [L] (veh/s), and road conditions.

    `conditions` are factors of free speed [L] and capacity [L], `group_lanes` [G] the lanes of the groups now. The wave speed
    w = q/(kj - q/u) follows from the factored diagram of the link; an incident leaves it alone and takes capacity from its
    cell only.
    """
    dt, cells = net.step_s, net.cell_link
    speed = np.ones(cells.size) if speed is None else speed
    lanes = np.ones(cells.size) if lanes is None else lanes
    u, q = net.free_speed_mps, net.saturation
    if conditions is not None:
        u, q = u * conditions[0], q * conditions[1]
    w = q / np.maximum(net.jam - q / u, 1e-9)
    courant = dt / net.cell_length_m
    free = np.minimum(u[cells] * speed * courant, 1.0)
    wave = np.minimum(w[cells] * courant, 1.0)
    last = net.last[net.group_link]
    shared = net.group_lanes if group_lanes is None else group_lanes
    entry = q * net.lanes * dt
    group_entry = q[net.group_link] * shared * dt
    exits = net.group_exit_capacity * (shared / net.group_lanes)
    if exit_capacity is not None:
        exits = np.minimum(exits, exit_capacity[net.group_link] * shared / net.lanes[net.group_link])
    ripe, lag = _ripening(free)
    return Rates(
        free=free,
        ripe=ripe,
        lag=lag,
        capacity=entry[cells] * lanes,
        entry=entry[cells],
        wave=wave,
        entry_open=np.append(np.ones(net.n_links), np.inf),
        group_ripe=ripe[last],
        group_lag=lag[last],
        group_capacity=np.minimum(group_entry * lanes[last], exits * dt),
        group_entry=group_entry,
        group_wave=wave[last],
        group_jam=shared * (net.jam[net.group_link] * net.cell_length_m[last]),
        movement_share=net.capacity_factor.copy(),
    )


def _ripening(free: Floats) -> tuple[Floats, Floats]:
    """Return which share of a cell's vehicles reaches its end in a step, and of those who came in the last one how many do not.

    A free vehicle needs 1/C steps for a cell (C the Courant number). Of an even inflow over the last step, the last 1/C - 1 of
    the step are then not yet at the end, everybody else is. Daganzo's C k spreads platoons out; this does not, as long as
    C is above one half. Below (in water, beside a crash) C k it is.
    """
    quick = free >= 0.5
    return np.where(quick, 1.0, free), np.where(quick, 1.0 / np.maximum(free, 0.5) - 1.0, 0.0)


@dataclass(slots=True)
class Shares:
    """Where vehicles go: of those at the home cell of a link `end` [L] end there; the rest divide by `turn` [M], sum 1 a link."""

    end: Floats
    turn: Floats


@dataclass(slots=True)
class Flows:
    """What moved in the last step, in vehicles; the arrays are written anew by the next one."""

    out: Floats  # [C] out of each cell at its end
    filed: Floats  # [M] into the lanes of each movement
    begun: Floats  # [L] trips that began


class _Work:
    """Arrays that a step writes into, made once: fresh ones for every result cost more than the arithmetic."""

    def __init__(self, net: Network) -> None:
        n_cells, n_groups, n_movements = net.cell_link.size, net.group_link.size, net.from_link.size
        self.send: Floats = np.zeros(n_cells)
        self.room: Floats = np.zeros(n_cells)
        self.out: Floats = np.zeros(n_cells)
        self.inflow: Floats = np.zeros(n_cells)
        self.ratio: Floats = np.zeros(n_groups)
        self.group: Floats = np.zeros(n_groups)
        self.group_supply: Floats = np.zeros(n_groups)
        self.accepted: Floats = np.zeros(n_groups)
        self.sending: Floats = np.zeros(n_movements)
        self.filed: Floats = np.zeros(n_movements)
        self.supply: Floats = np.zeros(net.n_links + 1)
        self.whole: Floats = np.zeros(net.n_links)
        self.link: Floats = np.zeros(net.n_links)
        self.zero_cells: Floats = np.zeros(n_cells)
        self.zero_groups: Floats = np.zeros(n_groups)
        self.zero_movements: Floats = np.zeros(n_movements)
        self.zero_links: Floats = np.zeros(net.n_links)
        self.tiny_groups: Floats = np.full(n_groups, TINY)
        self.begun: Floats = np.zeros(net.n_links)


class CellTransmission:
    """Moves a `RoadState` by steps. The rates and shares may be replaced between any two steps."""

    def __init__(self, net: Network, rates: Rates, shares: Shares) -> None:
        self.net = net
        self.state = empty_roads(net)
        self._single = net.first == net.last
        self._approach = np.maximum(net.last - 1, net.first)  # the cell before the last one
        self._single_links: Ints = np.flatnonzero(self._single)
        self._single_groups: Ints = np.flatnonzero(self._single[net.group_link])
        self._group_approach = self._approach[net.group_link]
        self._work = _Work(net)
        self.flows = Flows(self._work.out, self._work.filed, self._work.begun)
        self.set_rates(rates)
        self.set_shares(shares)

    def set_rates(self, rates: Rates) -> None:
        """Use other rates from the next step on."""
        self.rates = rates
        self._merge_weight = rates.group_capacity * self.net.priority[self.net.group_link]
        self._wave_jam = rates.wave * self.net.cell_jam_veh
        self._group_wave_jam = rates.group_wave * rates.group_jam
        self._home_entry = rates.entry[self.net.home]

    def set_shares(self, shares: Shares) -> None:
        """Use other end and turn shares from the next step on; those already in a lane group keep their movement."""
        net = self.net
        self.shares = shares
        self._group_share = net.movements_by_group(shares.turn)
        mates = np.diff(np.append(net.group_start, shares.turn.size))[net.movement_group]
        total = self._group_share[net.movement_group]
        self._within = np.where(total > 0.0, shares.turn / np.maximum(total, TINY), 1.0 / mates)
        self._stay = 1.0 - shares.end
        self._per_stay = 1.0 / np.maximum(self._stay, 1e-3)

    def set_stay(self, unknown: Bools) -> None:
        """Let no through traffic count on trips that end, at the home cells of links [L] whose end share is not yet known."""
        self._per_stay[unknown] = 1.0

    def step(self, green: Floats, arrivals: Floats | None, ending: Callable[[Floats], Floats] | None = None) -> None:
        """Advance by one step: `green` [M] is the share of the step with right of way, `arrivals` [L] new vehicles.

        `ending` is told what turned [M] and returns the end shares [L] of links whose home is their first cell.
        """
        state, net = self.state, self.net
        if arrivals is not None:
            state.waiting += arrivals
            state.entered += float(arrivals.sum())
        sending = self._movement_sending(green)
        self._cell_demand_and_room()
        home_room = self._home_supply()
        supply = self._work.supply
        self._work.room.take(net.first, out=supply[:-1], mode="clip")
        supply[-1] = 1.0
        supply *= self.rates.entry_open
        turned = split_supply(sending, net.to_link, supply, self._priority)
        if ending is not None:
            at_start = net.home == net.first
            self._stay = np.where(at_start, 1.0 - ending(turned), self._stay)
        self._move(turned)
        self._begin_and_end(home_room)
        self._settle(turned)

    def file_last_cells(self) -> Floats:
        """Bring the last cells in line with the vehicles stored by movement, and return those of each lane group.

        A step keeps them in line but for rounding.
        """
        net = self.net
        queued = net.movements_by_group(self.state.stored)
        self.state.vehicles[net.last] = net.groups_by_link(queued)
        return queued

    def _movement_sending(self, green: Floats) -> Floats:
        """Return what each movement would send: S x green share, S = min(u k, q) of its group, shared by who is there.

        The room that is left in each lane group is set on the way.
        """
        rates, net, work = self.rates, self.net, self._work
        queued = net.movements_by_group(self.state.stored)
        room = work.group_supply
        np.multiply(rates.group_wave, queued, out=room)
        np.subtract(self._group_wave_jam, room, out=room)
        np.minimum(room, rates.group_entry, out=room)
        np.maximum(room, work.zero_groups, out=room)
        ratio = self._at_the_end(queued)
        np.minimum(ratio, rates.group_capacity, out=ratio)
        np.maximum(queued, work.tiny_groups, out=queued)
        ratio /= queued
        sending = ratio.take(net.movement_group, out=work.sending, mode="clip")
        sending *= self.state.stored
        sending *= green
        sending *= rates.movement_share
        return sending

    def _at_the_end(self, queued: Floats) -> Floats:
        """Return those of lane groups [G] who reach the stop line in this step if nothing holds them."""
        rates, work = self.rates, self._work
        ripe = np.multiply(rates.group_ripe, queued, out=work.ratio)
        ripe -= np.multiply(rates.group_lag, self.state.fresh_stored, out=work.group)
        return np.maximum(ripe, work.zero_groups, out=ripe)

    def group_demand(self) -> Floats:
        """Return what each lane group would send in a step of green [G], S = min(u k, q)."""
        queued = self.net.movements_by_group(self.state.stored)
        return np.minimum(self._at_the_end(queued), self.rates.group_capacity)

    def _cell_demand_and_room(self) -> None:
        """Set what each cell would send to the next, min(u k, q), and what it could take, min(q, w (k_jam - k))."""
        rates, work, vehicles = self.rates, self._work, self.state.vehicles
        send = np.multiply(rates.ripe, vehicles, out=work.send)
        send -= np.multiply(rates.lag, self.state.fresh, out=work.room)
        np.maximum(send, work.zero_cells, out=send)
        np.minimum(send, rates.capacity, out=send)
        room = np.multiply(rates.wave, vehicles, out=work.room)
        np.subtract(self._wave_jam, room, out=room)
        np.minimum(room, rates.entry, out=room)
        np.maximum(room, work.zero_cells, out=room)

    def _priority(self, sending: Floats) -> Floats:
        """Return merge weights: the capacity of the movement's group, shared by what its movements want, x the link's."""
        total = self.net.movements_by_group(sending)
        np.maximum(total, self._work.tiny_groups, out=total)
        ratio = np.divide(self._merge_weight, total, out=self._work.group)
        weight: Floats = ratio.take(self.net.movement_group)
        weight *= sending
        return weight

    def _home_supply(self) -> Floats:
        """Set the supply of home cells apart for through traffic and return the whole room there.

        Trips that begin there claim up to a quarter of a short supply; trips that end there take no room. One-cell links
        take what their lane groups take.
        """
        net, work = self.net, self._work
        if self._single_links.size:
            links = net.group_link[self._single_groups]
            total = sum_by(links, work.group_supply[self._single_groups], net.n_links)
            work.room[net.first[self._single_links]] = total[self._single_links]
        whole = work.room.take(net.home, out=work.whole, mode="clip")
        main = np.subtract(whole, self.state.waiting, out=work.link)
        np.maximum(main, (1.0 - SOURCE_SHARE) * whole, out=main)
        main *= self._per_stay
        np.minimum(main, self._home_entry, out=main)
        work.room[net.home] = main
        whole *= self.rates.entry_open[:-1]
        return whole

    def _move(self, turned: Floats) -> None:
        """Set the inflow of every cell and count what passed the end of each."""
        net, state, work = self.net, self.state, self._work
        out, inflow = work.out, work.inflow
        np.minimum(work.send[:-1], work.room[1:], out=out[:-1])
        accepted = work.send.take(self._group_approach, out=work.accepted, mode="clip")
        accepted *= self._group_share
        np.minimum(accepted, work.group_supply, out=accepted)
        out[self._approach] = net.groups_by_link(accepted)
        out[net.last] = net.movements_by_link(turned)
        state.passed += out
        state.presence += state.vehicles
        state.vehicles -= out
        inflow[1:] = out[:-1]
        entering = sum_by(net.to_link, turned, net.n_links + 1)
        inflow[net.first] = entering[:-1]
        state.left += float(entering[-1])

    def _begin_and_end(self, home_room: Floats) -> None:
        """Let trips end and begin at the home cells; ends are never blocked, beginnings wait for room."""
        net, state, work = self.net, self.state, self._work
        arriving = work.inflow.take(net.home)
        staying = arriving * self._stay
        begun = np.subtract(home_room, staying, out=work.begun)
        np.minimum(begun, net.pull_out_veh - state.vehicles.take(net.home), out=begun)
        np.maximum(begun, work.zero_links, out=begun)
        np.minimum(begun, state.waiting, out=begun)
        state.waiting -= begun
        state.left += float(arriving.sum()) - float(staying.sum())
        staying += begun
        work.inflow[net.home] = staying

    def _settle(self, turned: Floats) -> None:
        """Add what came and file it by movement. Rounding must leave nothing below zero: 1/x of it is beyond all numbers."""
        net, state, work = self.net, self.state, self._work
        if self._single_links.size:
            self._fill_single(work.inflow)
        state.vehicles += work.inflow
        state.fresh[:] = work.inflow
        state.fresh_stored[:] = work.accepted
        np.maximum(state.vehicles, work.zero_cells, out=state.vehicles)
        filed = work.accepted.take(net.movement_group, out=work.filed, mode="clip")
        filed *= self._within
        state.stored -= turned
        np.maximum(state.stored, work.zero_movements, out=state.stored)
        state.stored += filed
        state.turned += turned
        state.steps += 1

    def _fill_single(self, inflow: Floats) -> None:
        """Divide what enters one-cell links over their lane groups: by turn shares, and what is too much where room is."""
        net, groups = self.net, self._single_groups
        links = net.group_link[groups]
        entering = inflow[net.first[links]]
        supply = self._work.group_supply[groups]
        accepted = np.minimum(self._group_share[groups] * entering, supply)
        spare = supply - accepted
        rest = np.maximum(inflow[net.first] - sum_by(links, accepted, net.n_links), 0.0)
        room = sum_by(links, spare, net.n_links)
        ratio = np.minimum(rest / np.maximum(room, TINY), 1.0)
        self._work.accepted[groups] = accepted + spare * ratio[links]


def uniform_shares(net: Network) -> Shares:
    """Return shares under which nobody ends on the way and the movements of a link are equally popular."""
    count = np.diff(np.append(net.link_movement_start, net.from_link.size))
    return Shares(np.zeros(net.n_links), 1.0 / count[net.from_link])


def check_shares(net: Network, shares: Shares) -> None:
    """Raise ValueError where shares are not in 0..1 or the turns of a link do not sum to 1."""
    total = net.movements_by_link(shares.turn)
    wrong: Bools = (np.abs(total - 1.0) > 1e-9) | (shares.end < 0.0) | (shares.end > 1.0)
    if wrong.any():
        link = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"link {net.link_ids[link]!r}: turn shares sum to {total[link]!r}, end share {shares.end[link]!r}; "
            "expected a sum of 1 and an end share in 0..1"
        )


def halfway(old: Shares, fresh: Shares) -> Shares:
    """Return the mean of two shares."""
    return Shares(0.5 * (old.end + fresh.end), 0.5 * (old.turn + fresh.turn))


def check_factors(net: Network, name: str, values: Floats) -> None:
    """Raise ValueError unless there is a factor of 0.05 to 1.5 for each link."""
    if values.shape != (net.n_links,):
        raise ValueError(f"{name} factors have shape {values.shape}; expected one for each of {net.n_links} links")
    wrong = np.flatnonzero(~((values >= 0.05) & (values <= 1.5)))
    if wrong.size:
        link = net.link_ids[int(wrong[0])]
        raise ValueError(f"{name} factor of link {link!r} is {float(values[wrong[0]])!r}; expected 0.05 to 1.5")


def check_weather(speed: float, capacity: float) -> None:
    """Raise ValueError unless both factors of all roads are 0.1 to 1.5."""
    for name, value in (("speed", speed), ("capacity", capacity)):
        if not 0.1 <= value <= 1.5:
            raise ValueError(f"weather {name} factor is {value!r}; expected 0.1 to 1.5")
