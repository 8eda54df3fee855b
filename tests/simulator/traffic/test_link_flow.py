"""Flow on links against theory. Triangular diagram u = 20 m/s, w = 5 m/s, k_jam = 0.2 veh/m, q* = 0.8 veh/s a lane."""

import numpy as np
import pytest

from simulator.traffic.build import Builder, Run

FOR_EVER = float("inf")


def corridor(*lanes: float, exits: dict[int, float] | None = None) -> tuple[Builder, list[int]]:
    """Return a chain of 1 km links with the given lanes and exit capacities (veh/s) by position."""
    b = Builder()
    nodes = [b.add_node(f"n{i}") for i in range(len(lanes) + 1)]
    links = []
    for i, n in enumerate(lanes):
        exit_capacity = (exits or {}).get(i, FOR_EVER)
        links.append(b.add_link(f"l{i}", nodes[i], nodes[i + 1], 1000.0, lanes=n, exit_capacity=exit_capacity))
    return b, links


def until_waiting(run: Run, limit_s: float) -> float:
    """Return the time (s) at which the entry is blocked: half a vehicle waits (numerical tails reach it before)."""
    while run.traffic.totals()["waiting"] < 0.5 and run.now_ms < limit_s * 1000:
        run.run_until(run.now_ms / 1000 + run.traffic.net.step_s)
    return run.now_ms / 1000


@pytest.mark.parametrize("step_s", [1.0, 5.0])
def test_free_flow_takes_length_over_speed(step_s: float) -> None:
    """Case 1: 0.5 veh/s for 500 s on 1 km: every trip takes 1000/20 = 50 s, so 250 veh spend 12 500 veh.s; k = q/u = 0.025."""
    b, (link,) = corridor(1)
    b.set_inflow(link, 0.5, until_s=500)
    run = b.build(step_s)
    run.run_until(300)
    assert run.density(link) == pytest.approx(np.full(run.density(link).size, 0.025), rel=0.01)
    run.run_until(700)
    assert run.count(link) == pytest.approx(250.0, abs=1e-9)
    assert run.vehicle_s([link]) == pytest.approx(12_500.0, rel=0.01)


def test_entry_passes_at_most_capacity() -> None:
    """Case 2: demand 2.0 veh/s enters at q* = 0.8 with k* = q*/u = 0.04; the rest waits outside, no vehicle is lost."""
    b, (link,) = corridor(1)
    b.set_inflow(link, 2.0)
    run = b.build(1.0)
    run.run_until(450)
    before = run.count(link)
    run.run_until(550)
    assert run.count(link) - before == pytest.approx(80.0, rel=0.005)
    assert run.density(link) == pytest.approx(np.full(50, 0.04), rel=0.005)
    assert run.traffic.totals()["waiting"] == pytest.approx((2.0 - 0.8) * 550, rel=0.005)


@pytest.mark.parametrize(("step_s", "tolerance_s"), [(1.0, 10.0), (5.0, 45.0)])
def test_queue_fills_a_link(step_s: float, tolerance_s: float) -> None:
    """Case 3: inflow 0.6, exit 0.4 from the start. The queue has k = kj - q/w = 0.12 and v = 3.33; its tail moves at
    (0.4 - 0.6)/(0.12 - 0.03) = -2.222 m/s from t = 50 s, so it needs 450 s for the link and blocks the entry at t = 500 s with
    120 veh stored. A cell of dx smears the tail over about one cell: dx/2.222 = 9 s at 1 s steps, 45 s at 5 s.
    """
    b, (link,) = corridor(1, exits={0: 0.4})
    b.set_inflow(link, 0.6)
    run = b.build(step_s)
    assert until_waiting(run, 900) == pytest.approx(500.0, abs=tolerance_s)
    run.run_until(1500)
    assert run.density(link) == pytest.approx(np.full(run.density(link).size, 0.12), rel=0.005)
    assert run.vehicles(link) == pytest.approx(120.0, rel=0.005)
    sites = run.traffic.sites(np.array([link]), np.array([500.0]))
    run.run_until(1600)
    assert run.traffic.read_sites(sites)["speed_mps"] == pytest.approx([10 / 3], rel=0.005)


def test_closure_at_the_exit_costs_the_delay_of_a_triangle() -> None:
    """Case 4: inflow 0.4, the exit closed for t = 200..320, demand ends at 1 000 s.

    48 vehicles have queued by 320 s and go at 0.8 against 0.4 arriving: gone after 48/0.4 = 120 s, at t = 440. The delay is the
    triangle 48 x (120 + 120)/2 = 5 760 veh.s. The queue stands at 0.2 veh/m.
    """
    b, (link,) = corridor(1)
    b.set_inflow(link, 0.4, until_s=1000)
    run = b.build(1.0)
    run.run_until(200)
    run.traffic.set_exit_capacity(link, 0.0)
    run.run_until(320)
    assert float(run.density(link)[-2]) == pytest.approx(0.2, rel=0.01)
    run.traffic.set_exit_capacity(link, FOR_EVER)
    run.run_until(440)
    at_end_of_queue = run.delay_veh_s([link])
    run.run_until(1200)
    assert run.vehicle_s([link]) - 400 * 50.0 == pytest.approx(5760.0, rel=0.01)
    assert at_end_of_queue == pytest.approx(5760.0, rel=0.02)
    assert run.count(link) == pytest.approx(400.0, abs=1e-9)


def test_spillback_walks_through_links() -> None:
    """Case 9: three 1 km links, demand 0.8, link 2 lets 0.4 out. From t = 100 the queue (k 0.12) grows at
    (0.4 - 0.8)/(0.12 - 0.04) = -5 m/s: link 2 is full at t = 300, link 1 at t = 500, when the entry is throttled (+-10 s; the
    front passes where the density is half way, 0.08).
    """
    b, links = corridor(1, 1, 1, exits={1: 0.4})
    b.set_inflow(links[0], 0.8)
    run = b.build(1.0)
    for cell, expected_s in ((-1, 300.0), (0, 500.0)):
        while float(run.density(links[0])[cell]) < 0.08:
            run.run_until(run.now_ms / 1000 + 1)
        assert run.now_ms / 1000 == pytest.approx(expected_s, abs=10.0)
    run.run_until(1200)
    for link in links[:2]:
        assert run.density(link) == pytest.approx(np.full(50, 0.12), rel=0.005)
    assert run.density(links[2]) == pytest.approx(np.full(50, 0.02), rel=0.005)


def test_lane_drop_discharges_at_the_narrow_capacity() -> None:
    """Case 12: 2 lanes into 1: 0.8 veh/s pass; upstream k = 2 x 0.2 - 0.8/5 = 0.24 and v = 0.8/0.24 = 3.33 m/s."""
    b, links = corridor(2, 1)
    b.set_inflow(links[0], 1.6)
    run = b.build(1.0)
    run.run_until(1500)
    before = run.count(links[1])
    run.run_until(1600)
    assert run.count(links[1]) - before == pytest.approx(80.0, rel=0.02)
    assert run.density(links[0]) == pytest.approx(np.full(50, 0.24), rel=0.02)


@pytest.mark.parametrize("position_m", [510.0, 990.0])
def test_incident_on_one_of_two_lanes_is_a_lane_drop(position_m: float) -> None:
    """Case 12: an incident that takes 1 of 2 lanes gives the same queue (0.24 veh/m, 0.8 veh/s) upstream, free flow behind it
    (k = 0.8/20 = 0.04), and is over when it is cleared: then the queue goes at 1.6.
    """
    b, links = corridor(2, 2)
    b.set_inflow(links[0], 1.6)
    run = b.build(1.0)
    handle = run.traffic.set_incident(links[0], position_m, 1)
    run.run_until(1500)
    upstream = run.density(links[0])[: int(position_m // 20)]
    assert upstream == pytest.approx(np.full(upstream.size, 0.24), rel=0.02)
    assert run.density(links[1]) == pytest.approx(np.full(50, 0.04), rel=0.02)
    run.traffic.clear_incident(handle)
    run.run_until(1700)
    before = run.count(links[1])
    run.run_until(1800)
    assert run.count(links[1]) - before == pytest.approx(160.0, rel=0.02)


def test_detector_reads_flow_density_speed_and_occupancy() -> None:
    """Case 15: q = 0.4, v = 20: k = 0.02, occupancy k x (4.5 + 2.0) = 13.0 %; in a standing queue (0.2) it is capped at 100 %."""
    b, (link,) = corridor(1)
    b.set_inflow(link, 0.4)
    run = b.build(1.0)
    sites = run.traffic.sites(np.array([link, link]), np.array([500.0, 999.0]))
    run.run_until(200)
    run.traffic.read_sites(sites)
    run.run_until(300)
    seen = run.traffic.read_sites(sites)
    assert seen["flow_veh_per_s"] == pytest.approx([0.4, 0.4], rel=0.02)
    assert seen["density_veh_per_m"] == pytest.approx([0.02, 0.02], rel=0.02)
    assert seen["speed_mps"] == pytest.approx([20.0, 20.0], rel=0.02)
    assert seen["occupancy"] == pytest.approx([0.13, 0.13], rel=0.02)
    run.traffic.set_exit_capacity(link, 0.0)
    run.run_until(600)
    run.traffic.read_sites(sites)
    run.run_until(630)
    stopped = run.traffic.read_sites(sites)
    assert stopped["occupancy"][1] == 1.0
    assert stopped["speed_mps"][1] == pytest.approx(0.0, abs=0.05)


def test_detector_obeys_q_equals_k_v_and_counts_what_passed() -> None:
    """In every interval flow = density x speed x lanes, whatever the traffic does, and counts add up to the flows."""
    b, links = corridor(2, 1)
    b.set_inflow(links[0], 1.3)
    b.add_signal([(20, 5, [links[0]]), (20, 5, [])])
    run = b.build(2.0)
    sites = run.traffic.sites(np.array([links[0], links[0], links[1]]), np.array([300.0, 990.0, 500.0]))
    total = np.zeros(3)
    for i in range(1, 41):
        run.run_until(15 * i)
        seen = run.traffic.read_sites(sites)
        steps = run.now_ms - (15_000 * (i - 1) // 2000 * 2000)
        total += seen["flow_veh_per_s"] * steps / 1000
        product = seen["density_veh_per_m"] * seen["speed_mps"] * np.array([2.0, 2.0, 1.0])
        moving = seen["density_veh_per_m"] > 1e-9
        assert product[moving] == pytest.approx(seen["flow_veh_per_s"][moving], rel=1e-9, abs=1e-12)
        assert (seen["speed_mps"] <= 20.0 + 1e-9).all()
    assert seen["count_veh"] == pytest.approx(total, rel=1e-9)


def test_weather_slows_and_thins() -> None:
    """Speed factor 0.8 makes 1 km take 1000/16 = 62.5 s; capacity factor 0.5 halves what can enter."""
    b, (link,) = corridor(1)
    b.set_inflow(link, 0.2, until_s=400)
    run = b.build(1.0)
    run.traffic.set_weather(0.8, 0.5)
    run.run_until(800)
    assert run.vehicle_s([link]) / 80.0 == pytest.approx(62.5, rel=0.01)
    b.set_inflow(link, 2.0)
    run = b.build(1.0)
    run.traffic.set_weather(0.8, 0.5)
    run.run_until(300)
    before = run.count(link)
    run.run_until(400)
    assert run.count(link) - before == pytest.approx(40.0, rel=0.01)


def test_short_links_do_not_lose_capacity() -> None:
    """A 12 m link at 5 s steps holds less than a step's flow; it is modelled longer, so that 0.8 veh/s still pass."""
    b = Builder()
    nodes = [b.add_node(f"n{i}") for i in range(4)]
    links = [b.add_link(f"l{i}", nodes[i], nodes[i + 1], length) for i, length in enumerate((1000.0, 12.0, 1000.0))]
    b.set_inflow(links[0], 2.0)
    run = b.build(5.0)
    run.run_until(600)
    before = run.count(links[2])
    run.run_until(1200)
    assert run.count(links[2]) - before == pytest.approx(480.0, rel=0.01)


@pytest.mark.parametrize("field", ["length_m", "free_speed_mps", "saturation", "jam", "lanes"])
def test_a_link_that_cannot_be_is_refused(field: str) -> None:
    """NaN, infinity and zero are refused with the link, the field and the value."""
    for value in (float("nan"), float("inf"), 0.0, -1.0):
        b = Builder()
        a, z = b.add_node("a"), b.add_node("z")
        values = {"length_m": 100.0, field: value}
        length = values.pop("length_m")
        b.add_link("bad one", a, z, length, **values)
        with pytest.raises(ValueError, match=rf"'bad one' has {field} {value!r}"):
            b.build()


def test_conditions_slow_and_thin_one_road_only() -> None:
    """Water on the second of three roads (speed 0.5, capacity 0.25): 1 km takes 100 s there, 50 s elsewhere; 0.2 veh/s pass."""
    b, links = corridor(1, 1, 1)
    b.set_inflow(links[0], 0.1, until_s=400)
    b.set_inflow(links[0], 0.8, from_s=1000)
    run = b.build(1.0)
    speed, capacity = np.ones(3), np.ones(3)
    speed[1], capacity[1] = 0.5, 0.25
    run.traffic.set_conditions(speed, capacity)
    run.run_until(900)
    assert [run.vehicle_s([k]) / 40.0 for k in links] == pytest.approx([50.0, 100.0, 50.0], rel=0.01)
    run.run_until(3000)
    before = run.count(links[2])
    run.run_until(3600)
    assert (run.count(links[2]) - before) / 600 == pytest.approx(0.2, rel=0.01)
    saved = run.traffic.snapshot()
    again = b.build(1.0)
    again.traffic.restore(saved)
    assert again.traffic.conditions[0].tolist() == [1.0, 0.5, 1.0]


def test_conditions_that_make_no_sense_are_refused() -> None:
    """A factor for each link, 0.05 to 1.5: else the link, the value and what was expected are said."""
    b, _ = corridor(1, 1)
    run = b.build(1.0)
    with pytest.raises(ValueError, match=r"speed factors have shape \(3,\); expected one for each of 2 links"):
        run.traffic.set_conditions(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"capacity factor of link 'l1' is 0\.0; expected 0\.05 to 1\.5"):
        run.traffic.set_conditions(np.ones(2), np.array([1.0, 0.0]))
