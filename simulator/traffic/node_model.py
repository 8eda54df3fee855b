"""The node model: how much of what wants to pass a junction does pass.

Lives here: dividing the room at the start of a link among the movements that lead into it. Must not know: signals, routes or
why a movement wants to send. A movement only moves into room that is there, so nothing ever stands in the junction's box.
"""

from collections.abc import Callable

import numpy as np

from simulator.traffic.network import Floats, Ints, sum_by


def split_supply(demand: Floats, to_link: Ints, supply: Floats, priority: Callable[[Floats], Floats]) -> Floats:
    """Return the flow of each movement [M] that fits the supply of its link [L + 1, the sink last], in vehicles a step.

    Where all that wants to enter fits, it enters. Else each movement first gets its share of the supply by priority, and what
    some leave over goes to those who want more, in proportion to what they still want: for two movements this is the merge of
    Daganzo (1995, Transportation Research B 29(2), 79-93). The flows into a link sum to min(demand, supply).
    `priority` is asked for the weights [M] of a demand [M] only where some link is short.
    """
    wanted = sum_by(to_link, demand, supply.size)
    short = wanted > supply
    if not short.any():
        return demand
    index = np.flatnonzero(short.take(to_link))
    index = index[demand.take(index) > 0.0]
    return _share_out(demand, index, to_link[index], supply, priority(demand)[index])


def _share_out(demand: Floats, index: Ints, target: Ints, supply: Floats, priority: Floats) -> Floats:
    """Return `demand` with the movements at `index`, all into short links, cut to what they get."""
    size = supply.size
    wanted = demand[index]
    weight = sum_by(target, priority, size)
    first = np.minimum(wanted, supply[target] * priority / weight[target])
    left = np.maximum(supply - sum_by(target, first, size), 0.0)
    rest = wanted - first
    missing = sum_by(target, rest, size)
    ratio = np.minimum(left / np.maximum(missing, 1e-300), 1.0)
    flow = demand.copy()
    flow[index] = first + rest * ratio[target]
    return flow
