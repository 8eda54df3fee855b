"""Lanes that lane groups share go to those who turn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.traffic.build import Builder
from simulator.traffic.lanes import divide_lanes, own_lanes
from simulator.traffic.network import Network


def crossing(*groups: float, lanes: float) -> Network:
    """Return a link whose turns have lane groups of the given lanes."""
    b = Builder()
    a, m = b.add_node("a"), b.add_node("m")
    stem = b.add_link("stem", a, m, 500.0, lanes=lanes)
    outs = [b.add_link(f"o{i}", m, b.add_node(f"z{i}"), 500.0) for i in range(len(groups))]
    b.set_turns(stem, {k: 1.0 / len(outs) for k in outs}, {k: (i, groups[i]) for i, k in enumerate(outs)})
    return b.build(1.0).traffic.net


@pytest.mark.parametrize(
    ("groups", "lanes", "needed", "expected"),
    [
        ((0.3, 0.7), 1.0, (9.0, 1.0), (0.9, 0.1)),  # one lane, nine of ten turn left: the lane is theirs
        ((0.3, 0.7), 1.0, (0.0, 1.0), (0.1, 0.9)),  # nobody turns left: a tenth stays
        ((0.6, 1.4), 2.0, (1.0, 3.0), (0.5, 1.5)),  # as they want it
        ((0.6, 1.4), 2.0, (9.0, 1.0), (1.0, 1.0)),  # the right lane stays with those who go straight on
        ((1.0, 2.0), 3.0, (9.0, 1.0), (1.0, 2.0)),  # whole lanes are nobody else's
        ((0.5, 0.5), 1.0, (0.0, 0.0), (0.5, 0.5)),  # nobody drives: as the city says
    ],
)
def test_who_asks_gets_shared_lanes(
    groups: tuple[float, ...], lanes: float, needed: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    """A shared lane goes by what is asked of it; whole lanes and the least share stay."""
    net = crossing(*groups, lanes=lanes)
    mine = np.flatnonzero(net.group_link == 0)
    ask = np.zeros(net.group_link.size)
    ask[mine] = needed
    assert divide_lanes(net, own_lanes(net), ask, np.zeros_like(ask))[mine] == pytest.approx(np.array(expected), abs=1e-9)


@given(st.lists(st.floats(0.0, 5.0), min_size=3, max_size=3), st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3))
def test_lanes_add_up_and_nobody_is_pushed_off_the_road(needed: list[float], filled: list[float]) -> None:
    """Whatever is asked and however vehicles stand in the lanes of now: a link keeps its lanes, a group those that it fills."""
    net = crossing(0.4, 1.2, 0.4, lanes=2.0)
    mine = np.flatnonzero(net.group_link == 0)
    ask, held = np.zeros(net.group_link.size), np.zeros(net.group_link.size)
    ask[mine] = needed
    held[mine] = np.array(filled) * net.group_lanes[mine]
    lanes = divide_lanes(net, own_lanes(net), ask, held)
    assert net.groups_by_link(lanes) == pytest.approx(net.lanes, abs=1e-9)
    assert (lanes >= held - 1e-9).all()
    assert (lanes > 0.0).all()
