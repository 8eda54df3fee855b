"""Two routes come to the user equilibrium of Wardrop (1952): who leaves at one time needs the same on each way in use."""

from dataclasses import dataclass

import numpy as np
import pytest

from simulator.traffic.build import Builder, Run
from simulator.traffic.network import Floats


@dataclass(frozen=True, slots=True)
class Way:
    """A route of two links of equal length: its length (m), what its end lets out (veh/s)."""

    length_m: float
    capacity: float


def choice(ways: tuple[Way, Way], veh_per_s: float, *, by_destination: bool = False) -> tuple[Run, list[tuple[int, int]]]:
    """Return a town with two ways from zone 0 to zone 1, and the first and last link of each way."""
    b = Builder()
    a, m, z, end = (b.add_node(name) for name in ("a", "m", "z", "end"))
    b.add_link("start", a, m, 500.0, lanes=3, zone=0)
    links = []
    for i, way in enumerate(ways):
        node = b.add_node(f"n{i}")
        first = b.add_link(f"{i}a", m, node, way.length_m / 2)
        links.append((first, b.add_link(f"{i}b", node, z, way.length_m / 2, exit_capacity=way.capacity)))
    b.add_link("last", z, end, 500.0, lanes=3, zone=1)
    b.add_trips(0, 1, veh_per_s * 3600.0)
    return b.build(1.0, by_destination=by_destination), links


def experienced_s(run: Run, links: list[tuple[int, int]], until_s: int, off_s: int | None = None) -> tuple[Floats, Floats]:
    """Run, and return times (s) of departure [T] and the time [T, 2] that those needed who left then, from cumulative counts."""
    times, came, went = [0.0], [[0.0] * len(links)], [[0.0] * len(links)]
    while run.now_ms < 1000 * until_s:
        if off_s is not None and run.now_ms >= 1000 * off_s:
            run.traffic.set_demand_factor(0.0)
        run.run_until(run.now_ms / 1000 + 5)
        times.append(run.now_ms / 1000)
        came.append([run.vehicles(first) + run.count(first) for first, _ in links])
        went.append([run.count(last) for _, last in links])
    t, entered, left = np.array(times), np.array(came), np.array(went)
    needed = [np.interp(n, out + 1e-9 * t, t, right=np.nan) - t for n, out in zip(entered.T, left.T, strict=True)]
    return t, np.array(needed).T


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("by_destination", [False, True])
def test_a_bottleneck_on_the_short_way_costs_what_the_long_way_is_longer(by_destination: bool) -> None:
    """0.6 veh/s have a way of 1 000 m whose end lets 0.3 out, and one of 1 600 m: empty, 50 and 80 s. In equilibrium the short
    way has a queue that costs 30 s and passes its 0.3, the long way has the other 0.3. From 20 minutes on, whenever they leave,
    both need 80 s within 10 %, and the ways divide the flow evenly within 3 %.
    """
    run, links = choice((Way(1000.0, 0.3), Way(1600.0, np.inf)), 0.6, by_destination=by_destination)
    t, needed = experienced_s(run, links, 4200)
    loaded = needed[(t >= 1200) & (t <= 3900)]
    assert np.abs(loaded - 80.0).max() < 8.0
    assert run.count(links[0][1]) == pytest.approx(run.count(links[1][1]), rel=0.03)


@pytest.mark.parametrize(("capacities", "veh_per_s"), [((0.4, 0.4), 1.0), ((0.4, 0.3), 0.84), ((0.5, 0.25), 0.9)])
def test_queues_grow_alike_behind_two_bottlenecks(capacities: tuple[float, float], veh_per_s: float) -> None:
    """More come for 20 minutes than two bottlenecks pass. Who leaves at t on either way meets the vehicles that came so far
    and have not passed: with equal times T on both, T(t) = T0 + (D/(c1 + c2) - 1) t, as if both were one point queue. Ways of
    2 000 m (T0 = 100 s) do not fill. Nobody can know of a queue before the first have come to it; from 10 minutes on both ways
    cost the same within 10 %, and that time within 15 %.
    """
    run, links = choice((Way(2000.0, capacities[0]), Way(2000.0, capacities[1])), veh_per_s)
    t, needed = experienced_s(run, links, 2400, off_s=1200)
    seen = (t >= 600) & (t <= 1150)
    expected = 100.0 + (veh_per_s / sum(capacities) - 1.0) * t[seen]
    assert needed[seen, 0] == pytest.approx(needed[seen, 1], rel=0.10)
    for i in (0, 1):
        assert needed[seen, i] == pytest.approx(expected, rel=0.15)


def test_ways_of_unlike_length_and_width() -> None:
    """0.7 veh/s, a way of 1 000 m that passes 0.2 and one of 2 000 m that passes all: in equilibrium the short one carries 0.2
    and costs the 100 s of the long one. Both need that within 10 % from 20 minutes on; the shares come within 3 %.
    """
    run, links = choice((Way(1000.0, 0.2), Way(2000.0, np.inf)), 0.7)
    run.run_until(1200)
    before = [run.count(last) for _, last in links]
    t, needed = experienced_s(run, links, 4200)
    assert np.nanmax(np.abs(needed[(t >= 1200) & (t <= 3900)] - 100.0)) < 10.0
    passed = [run.count(last) - count for (_, last), count in zip(links, before, strict=True)]
    assert passed[0] / sum(passed) == pytest.approx(0.2 / 0.7, rel=0.03)


def test_a_wait_at_a_signal_counts_as_any_other() -> None:
    """A way of 1 000 m ends at a signal (60 s, 22 s of green: 0.293 veh/s), one of 1 600 m at the other 30 s of green; 0.55 come.
    The second flows freely: 80 s and the uniform delay at its signal, d = C (1 - g/C)^2 / (2 (1 - q/s)) with q = 0.257, s = 0.8:
    11.1 s. In equilibrium the first queues up to as much. Over the cycles of an hour the means agree within 10 %.
    """
    b = Builder()
    a, m, z, end = (b.add_node(name) for name in ("a", "m", "z", "end"))
    b.add_link("start", a, m, 500.0, lanes=3, zone=0)
    short, long = b.add_link("short", m, z, 1000.0), b.add_link("long", m, z, 1600.0)
    b.add_link("last", z, end, 500.0, lanes=3, zone=1)
    b.add_signal([(22.0, 4.0, [short]), (30.0, 4.0, [long])])
    b.add_trips(0, 1, 0.55 * 3600.0)
    run = b.build(1.0)
    t, needed = experienced_s(run, [(short, short), (long, long)], 5100)
    mean = needed[(t >= 1200) & (t < 4800)].mean(axis=0)
    assert mean[1] == pytest.approx(80.0 + 11.1, rel=0.03)
    assert mean[0] == pytest.approx(mean[1], rel=0.10)
