"""Routes: closures are driven around and come back, equal ways share, single routes are right."""

import numpy as np
import pytest

from simulator.traffic.build import Builder, Run
from simulator.traffic.grid import grid


def two_ways(second_m: float = 1000.0) -> tuple[Run, dict[str, int]]:
    """Return a town where 1 440 trips/h have two ways from zone 0 to zone 1, the second `second_m` long."""
    b = Builder()
    a, m, n, z, end = (b.add_node(name) for name in ("a", "m", "n", "z", "end"))
    links = {
        "start": b.add_link("start", a, m, 500.0, zone=0),
        "upper": b.add_link("upper", m, z, 1000.0),
        "lower1": b.add_link("lower1", m, n, second_m / 2),
        "lower2": b.add_link("lower2", n, z, second_m / 2),
        "last": b.add_link("last", z, end, 500.0, zone=1),
    }
    b.add_trips(0, 1, 1440.0)
    return b.build(1.0), links


def flow(run: Run, links: list[int], seconds: float) -> list[float]:
    """Return outflows (veh/h) over the next seconds."""
    before = [run.count(k) for k in links]
    run.run_until(run.now_ms / 1000 + seconds)
    return [(run.count(k) - c) / seconds * 3600 for k, c in zip(links, before, strict=True)]


def test_equal_ways_are_shared() -> None:
    """Two ways of the same length take about half of the trips each."""
    run, links = two_ways()
    run.run_until(1200)
    upper, lower = flow(run, [links["upper"], links["lower1"]], 600)
    assert upper == pytest.approx(720.0, rel=0.1)
    assert upper + lower == pytest.approx(1440.0, rel=0.01)


def test_a_long_way_is_not_used() -> None:
    """A way three times as long takes nobody while the short one flows."""
    run, links = two_ways(3000.0)
    run.run_until(1200)
    assert flow(run, [links["lower1"]], 600)[0] < 1.0


def test_a_closed_link_is_driven_around_and_comes_back() -> None:
    """After closing the upper way all trips take the lower one; nobody enters the closed link; opened again it is used again."""
    run, links = two_ways(3000.0)
    run.run_until(900)
    run.traffic.close_link(links["upper"])
    run.run_until(1500)
    upper, lower, last = flow(run, [links["upper"], links["lower1"], links["lower2"]], 600)
    assert upper == 0.0
    assert lower == pytest.approx(1440.0, rel=0.02)
    assert last == pytest.approx(1440.0, rel=0.02)
    run.traffic.open_link(links["upper"])
    run.run_until(run.now_ms / 1000 + 1800)
    upper, lower = flow(run, [links["upper"], links["lower1"]], 600)
    assert upper == pytest.approx(1440.0, rel=0.02)
    assert lower < 15.0


def test_where_there_is_no_other_way_they_wait_and_go_on_later() -> None:
    """With both ways closed vehicles wait, none is lost; opened again, all arrive."""
    run, links = two_ways()
    run.run_until(600)
    for name in ("upper", "lower1"):
        run.traffic.close_link(links[name])
    run.run_until(900)
    run.traffic.set_demand_factor(0.0)
    assert run.vehicles(links["start"]) + float(run.traffic.roads.state.waiting.sum()) > 80
    for name in ("upper", "lower1"):
        run.traffic.open_link(links[name])
    run.run_until(3600)
    totals = run.traffic.totals()
    assert totals["left"] == pytest.approx(totals["entered"], abs=0.5)


def test_given_turns_come_back_after_a_closure() -> None:
    """Where turns are given by hand, a closed one's share goes to the other turn, and returns when it is opened."""
    b = Builder()
    a, m, x, y = (b.add_node(n) for n in "amxy")
    stem, left, right = b.add_link("s", a, m, 500.0), b.add_link("l", m, x, 500.0), b.add_link("r", m, y, 500.0)
    b.set_turns(stem, {left: 0.25, right: 0.75})
    b.set_inflow(stem, 0.4)
    run = b.build(1.0)
    for closed, expected in ((False, (360.0, 1080.0)), (True, (0.0, 1440.0)), (False, (360.0, 1080.0))):
        (run.traffic.close_link if closed else run.traffic.open_link)(left)
        run.run_until(run.now_ms / 1000 + 300)
        assert flow(run, [left, right], 300) == pytest.approx(expected, rel=0.01, abs=1e-9)


def test_looking_changes_nothing() -> None:
    """Whatever is read between steps, the roads go on with the same bytes."""
    watched, alone = (grid(3, 4, trips_per_h=6000.0, block=2).build(5.0) for _ in range(2))
    for t in range(5, 900, 5):
        watched.run_until(t)
        traffic = watched.traffic
        seen = traffic.roads.state.vehicles.tobytes()
        traffic.totals(), traffic.link_speed_mps(), traffic.link_queue_veh(), traffic.route(0, 11), traffic.signal_state()
        traffic.link_density_ratio(), traffic.link_travel_time_s(), traffic.snapshot()
        assert traffic.roads.state.vehicles.tobytes() == seen
    alone.run_until(895)
    assert watched.traffic.roads.state.vehicles.tobytes() == alone.traffic.roads.state.vehicles.tobytes()
    assert watched.traffic.roads.state.passed.tobytes() == alone.traffic.roads.state.passed.tobytes()


def test_a_jam_makes_drivers_choose_the_other_way() -> None:
    """An incident that blocks nearly all of the upper way moves most trips to a lower way of a third more length."""
    run, links = two_ways(1330.0)
    run.run_until(900)
    before = flow(run, [links["lower1"]], 300)[0]
    run.traffic.set_incident(links["upper"], 900.0, 0.9)
    run.run_until(run.now_ms / 1000 + 900)
    after = flow(run, [links["lower1"]], 600)[0]
    assert after > before + 500.0


def test_route_is_the_quickest_and_closures_count() -> None:
    """The route takes the shorter way, its time is length over speed on empty roads, and a closure changes it."""
    run, links = two_ways(3000.0)
    upper = run.traffic.route(0, 4)
    assert upper == [links["start"], links["upper"], links["last"]]
    assert run.traffic.travel_time_s(upper) == pytest.approx(2000.0 / 20.0, rel=0.01)
    run.traffic.close_link(links["upper"])
    lower = run.traffic.route(0, 4)
    assert lower == [links["start"], links["lower1"], links["lower2"], links["last"]]
    assert run.traffic.route(4, 0) == [] and run.traffic.route(2, 2) == []


def test_travel_time_foretells_a_floating_car() -> None:
    """Case 18: a car that spends each link's current time at its entry needs, on steady roads, what it was told at the start."""
    run = grid(6, 6, trips_per_h=3000.0, block=2).build(5.0)
    run.run_until(1200)
    route = run.traffic.route(0, 35)
    told = run.traffic.travel_time_s(route)
    begin = run.now_ms / 1000
    for link in route:
        run.run_until(run.now_ms / 1000 + float(run.traffic.link_travel_time_s()[link]))
    assert run.now_ms / 1000 - begin == pytest.approx(told, abs=5.0 * len(route))
    assert len(route) == 10


def test_trips_end_where_they_were_bound() -> None:
    """In light traffic every zone receives what is bound for it: with trips only from zone 0 to zone 8 nobody leaves elsewhere
    but the 2 % that the shares of small flows misplace.
    """
    run, links = two_ways()
    run.run_until(1800)
    totals = run.traffic.totals()
    begun = totals["entered"] - totals["waiting"]
    assert totals["left"] == pytest.approx(begun - totals["on_road"], abs=1e-6)
    reached = run.count(links["upper"]) + run.count(links["lower2"])
    assert totals["left"] <= reached + 1e-6


def test_shares_stay_shares() -> None:
    """Turn shares of every link sum to 1 and end shares lie in 0..1 through closures and refreshes."""
    run = grid(4, 4, trips_per_h=6000.0, block=2).build(5.0)
    for i in range(8):
        run.traffic.close_link(5 * i)
        run.run_until((i + 1) * 200)
        shares = run.traffic.roads.shares
        assert run.traffic.net.movements_by_link(shares.turn) == pytest.approx(np.ones(run.traffic.net.n_links), abs=1e-9)
        assert ((shares.end >= 0) & (shares.end <= 1)).all()


def town(both_ways: bool = True) -> tuple[Run, dict[str, int]]:
    """Return a town where 720 trips/h go over 1 km of two lanes, and may go round over 2 km; both ways back exist."""
    b = Builder()
    a, m, n, z, end = (b.add_node(name) for name in ("a", "m", "n", "z", "end"))
    links = {"start": b.add_link("start", a, m, 500.0, zone=0)}
    for name, i, j, length in (("upper", m, z, 1000.0), ("lower1", m, n, 1000.0), ("lower2", n, z, 1000.0)):
        links[name] = b.add_link(name, i, j, length, lanes=2)
        if both_ways:
            links[f"{name} back"] = b.add_link(f"{name} back", j, i, length, lanes=2)
    links["last"] = b.add_link("last", z, end, 500.0, zone=1)
    b.add_trips(0, 1, 720.0)
    return b.build(1.0), links


def test_a_road_cut_in_the_middle_is_driven_around_and_those_before_the_cut_turn_round() -> None:
    """10 veh are on the upper way (0.2 veh/s, 50 s). Cut at 600 m: the 4 beyond drive out, the 6 before go back and round; nobody
    is lost, all further trips take the lower way, and the upper one comes back when it is opened.
    """
    run, links = town()
    run.run_until(900)
    assert run.vehicles(links["upper"]) == pytest.approx(10.0, rel=0.01)
    out = run.count(links["upper"])
    run.traffic.close_link(links["upper"], 600.0)
    run.run_until(1200)
    assert run.count(links["upper"]) - out == pytest.approx(4.0, abs=0.25)
    assert run.vehicles(links["upper"]) == pytest.approx(0.0, abs=0.01)
    assert run.count(links["upper back"]) == pytest.approx(6.0, abs=0.3)
    upper, lower = flow(run, [links["upper"], links["lower2"]], 600)
    assert (upper, lower) == (pytest.approx(0.0, abs=1e-6), pytest.approx(720.0, rel=0.02))
    run.traffic.open_link(links["upper"])
    run.run_until(run.now_ms / 1000 + 1800)
    assert flow(run, [links["upper"]], 600)[0] == pytest.approx(720.0, rel=0.02)
    totals = run.traffic.totals()
    assert totals["entered"] == pytest.approx(totals["left"] + totals["on_road"] + totals["waiting"], abs=1e-6)
    assert totals["gave_up"] == 0.0


def test_without_a_way_back_those_before_a_cut_wait() -> None:
    """On one-way roads the six before the cut stand until it is opened, and then drive on."""
    run, links = town(both_ways=False)
    run.run_until(900)
    run.traffic.close_link(links["upper"], 600.0)
    run.run_until(1800)
    assert run.vehicles(links["upper"]) == pytest.approx(6.0, abs=0.3)
    out = run.count(links["upper"])
    run.traffic.open_link(links["upper"])
    run.run_until(1860)
    assert run.count(links["upper"]) - out == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize("position_m", [0.0, 999.0])
def test_a_cut_at_either_end_and_on_one_cell_loses_nobody(position_m: float) -> None:
    """Cut in the first or the last cell, where vehicles are filed by movement, and on a link of a single cell: all is kept."""
    run, links = town()
    run.run_until(900)
    run.traffic.close_link(links["upper"], position_m)
    for t in range(960, 1500, 60):
        run.run_until(t)
        totals, state, net = run.traffic.totals(), run.traffic.roads.state, run.traffic.net
        assert totals["entered"] == pytest.approx(totals["left"] + totals["on_road"] + totals["waiting"], abs=1e-6)
        assert (state.vehicles >= -1e-12).all() and (state.stored >= -1e-12).all()
        assert state.vehicles[net.last] == pytest.approx(net.movements_by_link(state.stored), abs=1e-9)


def test_a_closure_off_its_road_is_refused() -> None:
    """The link, the place and the length are said."""
    run, links = town()
    with pytest.raises(ValueError, match=r"closure at 1200\.0 m of link 'upper'; expected 0 to 1000"):
        run.traffic.close_link(links["upper"], 1200.0)


def test_closed_lanes_move_drivers_to_other_roads_and_back() -> None:
    """1 440 trips/h on two equal one-lane ways; works leave 0.1 lanes of one: most go the other way, and come back afterwards."""
    run, links = two_ways()
    run.run_until(900)
    handle = run.traffic.set_incident(links["upper"], 500.0, 0.9, works=True)
    run.run_until(1800)
    upper, lower = flow(run, [links["upper"], links["lower1"]], 900)
    assert upper < 0.1 * 0.8 * 3600 * 1.05
    assert lower > 1000.0
    run.traffic.clear_incident(handle)
    run.run_until(run.now_ms / 1000 + 2400)
    assert flow(run, [links["upper"]], 600)[0] == pytest.approx(720.0, rel=0.15)
