"""Port gates of generated cities: one for each port, beside its busiest wide road.

Lives here: where they stand and how many lanes they have. Must not know: queues.
"""

import math

from simulator.city import Gates
from simulator.generate.draft import Recipe
from simulator.generate.flows import Flows
from simulator.generate.roads import Network
from simulator.traffic.mix import TRAILER_PCU

TRUCK_SHARE = 0.3  # of the passenger car units on a port's road (assumption)
SERVICE_S = 75.0  # to look at papers and container (assumption, within 1 to 3 min of terminal practice)
STORAGE_VEH = 40.0
BUSY = 0.8  # of what a gate serves, when traffic is twice its mean


def build_gates(recipe: Recipe, network: Network, flows: Flows) -> Gates:
    """Return a gate for every zone of kind port that has a road of two lanes, with lanes enough for an ordinary peak."""
    gates, links = Gates(), network.links
    for z, zone in enumerate(recipe.zones):
        roads = [k for k, own in enumerate(links.zone) if own == z and links.lanes[k] >= 2]
        if zone.kind != "port" or not roads:
            continue
        road = max(roads, key=lambda k: (float(flows.link[k]), -k))
        trucks_per_h = 2.0 * float(flows.link[road]) * TRUCK_SHARE / TRAILER_PCU
        gates.id.append(f"gate:{zone.id}")
        gates.name.append(zone.name)
        gates.link.append(road)
        gates.position_m.append(round(0.7 * links.length_m[road], 1))
        gates.lanes.append(max(2, math.ceil(trucks_per_h * SERVICE_S / 3600.0 / BUSY)))
        gates.service_s.append(SERVICE_S)
        gates.storage_veh.append(STORAGE_VEH)
        gates.truck_share.append(TRUCK_SHARE)
    return gates
