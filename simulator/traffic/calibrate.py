"""How much demand a network bears: degrees of saturation from a static assignment, and the factor that reaches a target.

Lives here: arithmetic on flows and greens before anything drives. Must not know: the state of roads. Use it when a city is
made; a running city keeps the demand that its file says.
"""

import numpy as np

from simulator.traffic.lanes import divide_lanes, own_lanes
from simulator.traffic.network import Floats
from simulator.traffic.traffic import Traffic

TARGET = 0.85
QUANTILE = 98.0  # per cent of the used lane groups that stay below the target


def mean_flows(traffic: Traffic) -> tuple[Floats, Floats]:
    """Return the flow (veh/h, mean of a day) of links [L] and movements [M], with drivers on empty-road routes.

    Raises ValueError for traffic without trips between zones.
    """
    if traffic.demand is None:
        raise ValueError("this traffic has no trips between zones to assign; expected a demand")
    trips = sum((traffic.demand.trips_by_link((hour + 0.5) * 3600.0) for hour in range(24)), start=np.zeros(())) / 24.0
    return _assigned(traffic, trips)


def _assigned(traffic: Traffic, trips: Floats) -> tuple[Floats, Floats]:
    net = traffic.net
    shares, arriving = traffic.router.shares(traffic.link_travel_time_s(), np.zeros(net.from_link.size), trips)
    leaving = arriving * (1.0 - shares.end) + trips.sum(axis=1)
    return arriving, leaving[net.from_link] * shares.turn


def degree_of_saturation(traffic: Traffic, local_s: float) -> Floats:
    """Return flow over capacity [G] of every lane group at a local time of day, with drivers on empty-road routes.

    Capacity is saturation flow x mean green x right of way, shared by the movements of the group in proportion to flow; shared
    lanes go to those who use them.
    Raises ValueError for traffic without trips between zones.
    """
    if traffic.demand is None:
        raise ValueError("this traffic has no trips between zones to calibrate; expected a demand")
    net, rates = traffic.net, traffic.roads.rates
    flow = _assigned(traffic, traffic.demand.trips_by_link(local_s))[1] / 3600.0
    served = np.maximum(traffic.signals.mean_green() * rates.movement_share, 1e-9)
    needed = net.movements_by_group(flow / served)
    lanes = divide_lanes(net, own_lanes(net), needed, np.zeros_like(needed))
    return needed / (rates.group_capacity / net.step_s * lanes / traffic.group_lanes)


def demand_factor(traffic: Traffic, target: float = TARGET, quantile: float = QUANTILE) -> float:
    """Return the factor on all demand at which `quantile` % of the used lane groups stay below `target` in the busiest hour.

    Signals run the plans of that hour, as drivers meet them then.
    """
    busiest = max(range(24), key=lambda hour: _trips_per_h(traffic, hour))
    traffic.signals.tick(round((busiest + 0.5) * 3_600_000))
    degrees = degree_of_saturation(traffic, (busiest + 0.5) * 3600.0)
    used = degrees[degrees > 1e-6]
    if not used.size:
        raise ValueError("no lane group is used in the busiest hour; expected trips between zones that have links")
    return target / float(np.percentile(used, quantile))


def _trips_per_h(traffic: Traffic, hour: int) -> float:
    return 0.0 if traffic.demand is None else float(traffic.demand.trips.matrix((hour + 0.5) * 3600.0).sum())
