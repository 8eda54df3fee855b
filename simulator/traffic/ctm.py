"""The cell-transmission model: vehicles move from cell to cell, from lane group over a junction to the next link.

Lives here: the state of the roads and one step of it (Daganzo 1994, Transportation Research B 28(4), 269-287). Must not
know: cities, clocks, who drives where and why; it is given green shares, turn shares and arrivals as arrays. Units inside a
step are vehicles and steps. The last cell of a link holds its vehicles by movement, so that left turners who wait for a full
road stand in their own lanes and let the others pass. All arithmetic is + - x / min max in a fixed order.
"""

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
    n_cells, n_movements = net.cell_link.size, net.from_link.size
    zeros = np.zeros
    return RoadState(zeros(n_cells), zeros(n_movements), zeros(net.n_links), zeros(n_cells), zeros(n_cells), zeros(n_movements))


@dataclass(slots=True)
class Rates:
    """The fundamental diagram of every cell and lane group in vehicles and steps: free share, capacity, wave share, jam."""

    free: Floats  # [C] share of a cell's vehicles that reach its end in a step, u dt/dx
    capacity: Floats  # [C] vehicles a step that can leave; less beside an incident
    entry: Floats  # [C] vehicles a step that can enter
    wave: Floats  # [C] share of a cell's free room that a step can fill, w dt/dx
    entry_open: Floats  # [L + 1] 1 where vehicles may enter a link, infinite for the sink
    group_free: Floats  # [G]
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
    weather: tuple[float, float] = (1.0, 1.0),
) -> Rates:
    """Return the rates under factors of speed [C] and open lanes [C], an exit capacity [L] (veh/s), and weather.

    `weather` is (speed factor, capacity factor). The wave speed w = q/(kj - q/u) follows from the factored diagram of the
    link; an incident leaves it alone and takes capacity from its cell only.
    """
    dt, cells = net.step_s, net.cell_link
    speed = np.ones(cells.size) if speed is None else speed
    lanes = np.ones(cells.size) if lanes is None else lanes
    u = net.free_speed_mps * weather[0]
    q = net.saturation * weather[1]
    w = q / np.maximum(net.jam - q / u, 1e-9)
    courant = dt / net.cell_length_m
    free = np.minimum(u[cells] * speed * courant, 1.0)
    wave = np.minimum(w[cells] * courant, 1.0)
    last = net.last[net.group_link]
    entry = q * net.lanes * dt
    group_entry = q[net.group_link] * net.group_lanes * dt
    exits = net.group_exit_capacity
    if exit_capacity is not None:
        exits = np.minimum(exits, exit_capacity[net.group_link] * net.group_lanes / net.lanes[net.group_link])
    return Rates(
        free=free,
        capacity=entry[cells] * lanes,
        entry=entry[cells],
        wave=wave,
        entry_open=np.append(np.ones(net.n_links), np.inf),
        group_free=free[last],
        group_capacity=np.minimum(group_entry * lanes[last], exits * dt),
        group_entry=group_entry,
        group_wave=wave[last],
        group_jam=net.group_lanes * (net.jam[net.group_link] * net.cell_length_m[last]),
        movement_share=net.capacity_factor.copy(),
    )


@dataclass(slots=True)
class Shares:
    """Where vehicles go: of those at the home cell of a link `end` [L] end there; the rest divide by `turn` [M], sum 1 a link."""

    end: Floats
    turn: Floats


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
        self._group_supply: Floats = np.zeros(net.group_link.size)
        self.set_rates(rates)
        self.set_shares(shares)

    def set_rates(self, rates: Rates) -> None:
        """Use other rates from the next step on."""
        self.rates = rates

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

    def step(self, green: Floats, arrivals: Floats | None) -> None:
        """Advance by one step: `green` [M] is the share of the step with right of way, `arrivals` [L] new vehicles."""
        state, net, rates = self.state, self.net, self.rates
        if arrivals is not None:
            state.waiting += arrivals
            state.entered += float(arrivals.sum())
        queued = self._gather_groups()
        sending = self._movement_sending(queued, green)
        send = np.minimum(rates.free * state.vehicles, rates.capacity)
        room = np.minimum(rates.wave * (net.cell_jam_veh - state.vehicles), rates.entry)
        np.maximum(room, 0.0, out=room)
        home_room = self._home_supply(room)
        supply = np.append(room[net.first], 1.0) * rates.entry_open
        turned = split_supply(sending, net.to_link, supply, self._priority(sending))
        inflow = self._move(send, room, turned)
        self._begin_and_end(inflow, home_room)
        self._settle(inflow, turned)

    def file_last_cells(self) -> Floats:
        """Bring the last cells in line with the vehicles stored by movement, and return those of each lane group."""
        net = self.net
        queued = net.movements_by_group(self.state.stored)
        self.state.vehicles[net.last] = net.groups_by_link(queued)
        return queued

    def _gather_groups(self) -> Floats:
        """Return the vehicles of each lane group and set the room that is left in it."""
        queued, rates = self.file_last_cells(), self.rates
        room = np.minimum(rates.group_wave * (rates.group_jam - queued), rates.group_entry)
        np.maximum(room, 0.0, out=self._group_supply)
        return queued

    def _movement_sending(self, queued: Floats, green: Floats) -> Floats:
        """Return what each movement would send: S x green share, S = min(u k, q) of its group, shared by who is there."""
        rates = self.rates
        ratio = np.minimum(rates.group_free * queued, rates.group_capacity) / np.maximum(queued, TINY)
        sending: Floats = ratio[self.net.movement_group]
        sending *= self.state.stored
        sending *= green
        sending *= rates.movement_share
        return sending

    def _priority(self, sending: Floats) -> Floats:
        """Return merge weights: the capacity of the movement's group, shared by what its movements want, x the link's."""
        net = self.net
        total = net.movements_by_group(sending)
        ratio = self.rates.group_capacity * net.priority[net.group_link] / np.maximum(total, TINY)
        return sending * ratio[net.movement_group]

    def _home_supply(self, room: Floats) -> Floats:
        """Set the supply of home cells apart for through traffic and return the whole room there.

        Trips that begin there claim up to a quarter of a short supply; trips that end there take no room. One-cell links
        take what their lane groups take.
        """
        net = self.net
        if self._single_links.size:
            links = net.group_link[self._single_groups]
            total = sum_by(links, self._group_supply[self._single_groups], net.n_links)
            room[net.first[self._single_links]] = total[self._single_links]
        whole: Floats = room[net.home]
        main = np.maximum(whole - self.state.waiting, (1.0 - SOURCE_SHARE) * whole)
        room[net.home] = np.minimum(main * self._per_stay, self.rates.entry[net.home])
        return whole * self.rates.entry_open[:-1]

    def _move(self, send: Floats, room: Floats, turned: Floats) -> Floats:
        """Return the inflow of every cell and count what passed the end of each."""
        net, state = self.net, self.state
        out = np.empty_like(send)
        np.minimum(send[:-1], room[1:], out=out[:-1])
        self._accepted = np.minimum(self._group_share * send[self._group_approach], self._group_supply)
        out[self._approach] = net.groups_by_link(self._accepted)
        out[net.last] = net.movements_by_link(turned)
        state.passed += out
        state.presence += state.vehicles
        state.vehicles -= out
        inflow = np.empty_like(send)
        inflow[1:] = out[:-1]
        inflow[net.first] = sum_by(net.to_link, turned, net.n_links + 1)[:-1]
        return inflow

    def _begin_and_end(self, inflow: Floats, home_room: Floats) -> None:
        """Let trips end and begin at the home cells; ends are never blocked, beginnings wait for room."""
        net, state = self.net, self.state
        arriving = inflow[net.home]
        staying = arriving * self._stay
        free = np.minimum(home_room - staying, net.pull_out_veh - state.vehicles[net.home])
        begun = np.minimum(state.waiting, np.maximum(free, 0.0))
        state.waiting -= begun
        state.left += float(arriving.sum()) - float(staying.sum())
        inflow[net.home] = staying + begun

    def _settle(self, inflow: Floats, turned: Floats) -> None:
        """Add what came and file it by movement."""
        net, state = self.net, self.state
        if self._single_links.size:
            self._fill_single(inflow)
        state.vehicles += inflow
        state.stored += self._accepted[net.movement_group] * self._within
        state.stored -= turned
        state.turned += turned
        state.left += float(turned[net.to_link == net.n_links].sum())
        state.steps += 1

    def _fill_single(self, inflow: Floats) -> None:
        """Divide what enters one-cell links over their lane groups: by turn shares, and what is too much where room is."""
        net, groups = self.net, self._single_groups
        links = net.group_link[groups]
        entering = inflow[net.first[links]]
        supply = self._group_supply[groups]
        accepted = np.minimum(self._group_share[groups] * entering, supply)
        spare = supply - accepted
        rest = np.maximum(inflow[net.first] - sum_by(links, accepted, net.n_links), 0.0)
        room = sum_by(links, spare, net.n_links)
        ratio = np.minimum(rest / np.maximum(room, TINY), 1.0)
        self._accepted[groups] = accepted + spare * ratio[links]


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
