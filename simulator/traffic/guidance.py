"""What drivers are told: message signs, speed limits, bans for a class of vehicle, each on one road and for a time.

Lives here: the list of orders, and their effect as shares of drivers who see a road as longer or closed, and as speed factors.
Must not know: who gave an order, how routes are found. A share of drivers follows: of those who read "congestion ahead, other
route" some 10 to 40 % leave a road (Chatterjee and McDonald 2004, field trials in nine European cities); 30 % here is an
assumption within it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.traffic.ctm import Shares
from simulator.traffic.network import Floats
from simulator.traffic.routing import CLOSED_S

if TYPE_CHECKING:
    from simulator.traffic.traffic import Traffic
    from simulator.world import World

PRIORITY = 6
FOLLOW = 0.3  # of the drivers who read a sign that sends them elsewhere
DETOUR_S = 900.0  # how much longer the road then seems to them
CAUTION = 0.8  # of their speed keep those who read a warning
LEAST_FACTOR = 0.1


@dataclass(frozen=True, slots=True)
class Order:
    """One order on one road: `share` of the drivers see it as `cost_s` longer; `limit_mps` is the highest speed (0: free)."""

    kind: str
    link: int
    share: float = 0.0
    cost_s: float = 0.0
    limit_mps: float = 0.0
    speed_factor: float = 1.0
    text: str = ""
    until_ms: int = -1


class Guidance:
    """The orders that hold on one city's roads; a later order of a kind on a road takes the place of the earlier one."""

    def __init__(self, traffic: "Traffic") -> None:
        self._traffic = traffic
        self.orders: dict[str, Order] = {}

    def start(self, world: "World") -> None:
        """Register the process that ends what ends by time."""
        self._world = world
        world.scheduler.add("traffic.guidance", PRIORITY, None, self._end_due)

    def give(self, order: Order) -> None:
        """Let an order hold from now on."""
        self.orders[f"{order.kind} {order.link}"] = order
        self._told()

    def lift(self, kind: str, link: int) -> bool:
        """End an order; return whether there was one."""
        found = self.orders.pop(f"{kind} {link}", None)
        if found is not None:
            self._told()
        return found is not None

    def vehicles_by_kind(self) -> dict[str, Floats]:
        """Return the vehicles on each link [L] by kind, without those who are banned there; all else counts car units."""
        banned = {order.link: order.text for order in self.orders.values() if order.kind == "ban"}
        traffic = self._traffic
        return traffic.mix.vehicles(traffic.net.cells_by_link(traffic.roads.state.vehicles), banned)

    def shares(self, cost_s: Floats, route: Callable[[Floats], Shares]) -> Shares:
        """Return the turn shares of all drivers together: those who follow an order see its road as longer than it is."""
        groups: dict[float, Floats] = {}
        for order in self.orders.values():
            if order.share > 0.0:
                seen = groups.setdefault(order.share, cost_s.copy())
                seen[order.link] = min(seen[order.link] + order.cost_s, CLOSED_S)
        shares, total = sorted(groups), min(sum(groups), 1.0)
        if not shares:
            return route(cost_s)
        weight = total / sum(groups)
        mixed = [((1.0 - total), route(cost_s))] if total < 1.0 else []
        mixed += [(share * weight, route(groups[share])) for share in shares]
        end, turn = mixed[0][0] * mixed[0][1].end, mixed[0][0] * mixed[0][1].turn
        for part, found in mixed[1:]:
            end, turn = end + part * found.end, turn + part * found.turn
        return Shares(end, turn)

    def speed_factors(self) -> Floats:
        """Return the factor of free speed on each road [L]."""
        free = self._traffic.net.free_speed_mps
        out = np.ones(len(free))
        for order in self.orders.values():
            limited = min(order.limit_mps / float(free[order.link]), 1.0) if order.limit_mps > 0.0 else 1.0
            out[order.link] = max(min(out[order.link], limited, order.speed_factor), LEAST_FACTOR)
        return out

    def _told(self) -> None:
        self._traffic.orders_changed()
        self._world.scheduler.wake("traffic.guidance", self._next_ms())

    def _next_ms(self) -> int | None:
        return min((order.until_ms for order in self.orders.values() if order.until_ms >= 0), default=None)

    def _end_due(self, now_ms: int) -> int | None:
        kept = {key: order for key, order in self.orders.items() if not 0 <= order.until_ms <= now_ms}
        if len(kept) < len(self.orders):
            self.orders = kept
            self._traffic.orders_changed()
        return self._next_ms()

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the orders as plain data."""
        return [asdict(order) for order in self.orders.values()]

    def restore(self, rows: list[dict[str, Any]]) -> None:
        """Take over saved orders."""
        self.orders = {f"{row['kind']} {row['link']}": Order(**row) for row in rows}
