"""Lanes that several lane groups share: who gets how much of them, by how many want where.

Lives here: the division of a link's lanes among its lane groups. Must not know: where the wishes come from. A city says that left
turns have 0.3 of a single lane; if nine of ten turn left there, the lane is in fact theirs. Whole lanes stay with their group.
"""

import numpy as np

from simulator.traffic.ctm import CellTransmission
from simulator.traffic.network import Floats, Network

LEAST_LANES = 0.1  # of a shared lane that a group keeps whatever the others want
WHOLE, NOBODY = 1e-6, 1e-12


def own_lanes(net: Network) -> Floats:
    """Return the lanes [G] that a group keeps in any case: whole ones, and a tenth of a shared one.

    A group of 1.4 lanes has one of its own and a part of another; groups of whole lanes share nothing.
    """
    whole = np.floor(net.group_lanes + WHOLE)
    shares = net.group_lanes - whole > WHOLE
    least = np.where(whole >= 1.0, whole, np.minimum(LEAST_LANES, net.group_lanes))
    return np.where(shares, least, net.group_lanes)


def divide_lanes(net: Network, own: Floats, needed: Floats, held: Floats) -> Floats:
    """Return the lanes [G] of every group; those of a link sum to what they sum to in its city.

    `needed` [G] is how much a group asks of a lane, in any unit that is the same for a link. What is left above `own` goes to
    those who need more than they own, in proportion to that, or as the city says where nobody does. No group gets less
    than `held` [G], the lanes that its vehicles stand in now.
    """
    link, total = net.group_link, net.groups_by_link(net.group_lanes)
    least = np.maximum(own, held)
    spare = total - net.groups_by_link(least)
    flexible = net.group_lanes - own
    need = np.maximum(net.groups_by_link(needed), NOBODY)
    wish = np.where(flexible > WHOLE, np.maximum(needed / need[link] * total[link] - least, 0.0), 0.0)
    by_wish = wish / np.maximum(net.groups_by_link(wish), NOBODY)[link]
    by_file = flexible / np.maximum(net.groups_by_link(flexible), NOBODY)[link]
    part = np.where((net.groups_by_link(wish) > WHOLE)[link], by_wish, by_file)
    by_own = own / net.groups_by_link(own)[link]
    rest = np.maximum(total - net.groups_by_link(held), 0.0)
    return np.where((spare >= 0.0)[link], least + spare[link] * part, held + rest[link] * by_own)


def lanes_in_use(roads: CellTransmission, own: Floats, mean_green: Floats) -> Floats:
    """Return the lanes [G] of every group as drivers turn now, by how much of a lane's green [M] they ask for."""
    net = roads.net
    served = np.maximum(mean_green * roads.rates.movement_share, 1e-3)
    per_lane = net.jam[net.group_link] * net.cell_length_m[net.last[net.group_link]]
    held = net.movements_by_group(roads.state.stored) / per_lane
    return divide_lanes(net, own, net.movements_by_group(roads.shares.turn / served), held)
