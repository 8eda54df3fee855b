"""A commodity for each destination: exact trips, and the reference for mixed turn shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.traffic.build import Builder, Run
from simulator.traffic.destinations import Destinations
from simulator.traffic.grid import grid


def both(side: int, trips_per_h: float, length_m: float = 250.0) -> tuple[Run, Run]:
    """Return the same grid with mixed shares and with a commodity for each destination."""
    town = grid(side, side, trips_per_h=trips_per_h, block=2, length_m=length_m)
    return town.build(5.0), town.build(5.0, by_destination=True)


def mixes(run: Run) -> Destinations:
    """Return the destinations of a run that has them."""
    found = run.traffic.destinations
    assert found is not None
    return found


def check(run: Run) -> None:
    """Assert that the mixes sum to the vehicles on the roads and that nobody counts below zero."""
    found, state, net = mixes(run), run.traffic.roads.state, run.traffic.net
    inside = state.vehicles.copy()
    inside[net.last] = 0.0
    assert found.cells.sum(axis=1) == pytest.approx(inside, abs=1e-6)
    assert found.stored.sum(axis=1) == pytest.approx(state.stored, abs=1e-6)
    assert found.waiting.sum(axis=1) == pytest.approx(state.waiting, abs=1e-6)
    assert min(found.cells.min(), found.stored.min(), found.waiting.min()) >= 0.0
    totals = run.traffic.totals()
    assert totals["entered"] == pytest.approx(totals["left"] + totals["on_road"] + totals["waiting"], abs=1e-6)
    assert (state.vehicles <= net.cell_jam_veh + 1e-9).all()


@pytest.mark.slow
@pytest.mark.parametrize("length_m", [250.0, 60.0])
def test_every_zone_receives_what_is_bound_for_it(length_m: float) -> None:
    """An hour of even trips between nine zones, then none: each zone receives a ninth, to a thousandth; also on links of one
    cell (60 m at steps of 5 s).
    """
    _, run = both(6, 3000.0, length_m)
    run.run_until(3600)
    check(run)
    run.traffic.set_demand_factor(0.0)
    run.run_until(7200)
    assert run.traffic.totals()["on_road"] < 1e-3
    assert mixes(run).arrived == pytest.approx(np.full(9, 3000.0 / 9), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("trips_per_h", [4000.0, 9000.0])
def test_mixed_shares_agree_with_the_reference(trips_per_h: float) -> None:
    """On 8 x 8 junctions, in light traffic and at a third of jam-free capacity: mixed shares give the total time within 5 %, the
    counts of all links within 10 % in the mean, with a correlation above 0.96.
    """
    runs = both(8, trips_per_h)
    for run in runs:
        run.run_until(3600)
        run.traffic.set_demand_factor(0.0)
        run.run_until(5400)
    mixed, exact = (run.traffic.totals()["vehicle_s"] for run in runs)
    assert mixed == pytest.approx(exact, rel=0.05)
    one, other = (run.traffic.roads.state.passed[run.traffic.net.last] for run in runs)
    assert float(np.abs(one - other).mean()) < 0.10 * float(other.mean())
    assert float(np.corrcoef(one, other)[0, 1]) > 0.96


@pytest.mark.slow
def test_first_in_first_out_above_the_lane_groups() -> None:
    """Half of 1.2 veh/s turn left into a road that lets 0.2 out. Left turners who find no room in their lane keep their
    destination and fill the road behind it, so the others get no more than as many: 0.2 veh/s. Mixed shares forget who stays
    behind, and let more than 0.4 go straight on.
    """
    out: dict[bool, float] = {}
    for by_destination in (False, True):
        b = Builder()
        a, m, x, y = (b.add_node(n) for n in "amxy")
        stem = b.add_link("stem", a, m, 1000.0, lanes=2, zone=0)
        left = b.add_link("left", m, x, 1000.0, exit_capacity=0.2)
        right = b.add_link("right", m, y, 1000.0)
        for name, node, zone in (("x", x, 1), ("y", y, 2)):
            b.add_link(f"end {name}", node, b.add_node(f"{name}z"), 200.0, zone=zone)
        b.set_turns(stem, {left: 0.5, right: 0.5}, {left: (0, 1.0), right: (1, 1.0)})
        for k in (1, 2):
            b.add_trips(0, k, 0.6 * 3600)
        run = b.build(1.0, by_destination=by_destination)
        run.run_until(4800)
        before = [run.count(k) for k in (left, right)]
        run.run_until(5400)
        rates = [(run.count(k) - c) / 600 for k, c in zip((left, right), before, strict=True)]
        assert rates[0] == pytest.approx(0.2, rel=0.03)
        out[by_destination] = rates[1]
    assert out[True] == pytest.approx(0.2, rel=0.1)
    assert out[False] > 0.4


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 8)
@given(st.lists(st.tuples(st.sampled_from(["close", "cut", "open", "incident", "demand"]), st.integers(0, 999)), max_size=6))
def test_mixes_stay_in_line_whatever_happens(actions: list[tuple[str, int]]) -> None:
    """Closures, cuts, incidents and surges on a small grid: mixes always sum to the vehicles, and no vehicle is lost."""
    run = grid(3, 4, trips_per_h=5000.0, block=2).build(5.0, by_destination=True, variation=0.2)
    traffic, links = run.traffic, run.traffic.net.n_links
    for i, (action, pick) in enumerate(actions):
        if action == "close":
            traffic.close_link(pick % links)
        elif action == "cut":
            traffic.close_link(pick % links, float(pick % 250))
        elif action == "open":
            traffic.open_link(pick % links)
        elif action == "incident":
            traffic.set_incident(pick % links, float(pick % 250), pick % 3)
        else:
            traffic.set_demand_factor(float(pick % 6))
        run.run_until((i + 1) * 300)
        check(run)


def test_destinations_are_restored_to_the_bit() -> None:
    """Saved at 700 s and loaded into fresh roads, everything goes on with the same bytes."""
    _, run = both(4, 4000.0)
    run.run_until(700)
    saved = run.traffic.snapshot()
    _, copy = both(4, 4000.0)
    copy.traffic.restore(saved)
    copy.now_ms = run.now_ms
    for each in (run, copy):
        each.run_until(1500)
    assert mixes(run).stored.tobytes() == mixes(copy).stored.tobytes()
    assert run.traffic.roads.state.passed.tobytes() == copy.traffic.roads.state.passed.tobytes()
