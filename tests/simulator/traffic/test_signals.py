"""Plans by the clock, waves, held greens, and plans that follow traffic. q* = 0.8 veh/s a lane, u = 20 m/s, w = 5 m/s."""

import pytest

from simulator.traffic.build import Builder, Run


def rates(run: Run, links: list[int], seconds: float) -> list[float]:
    """Return the outflow (veh/s) of links over the next seconds."""
    before = [run.count(k) for k in links]
    run.run_until(run.now_ms / 1000 + seconds)
    return [(run.count(k) - b) / seconds for k, b in zip(links, before, strict=True)]


def crossing(
    main: float, side: float, control: str, green_s: tuple[float, float] = (26.0, 26.0), step_s: float = 1.0
) -> tuple[Run, int, int]:
    """Return two one-lane roads of 1 km that cross at a signal of two phases with 4 s between greens."""
    b = Builder()
    w, e, s, n, m = (b.add_node(x) for x in "wesnm")
    first, out = b.add_link("main", w, m, 1000.0), b.add_link("main out", m, e, 1000.0)
    second, up = b.add_link("side", s, m, 1000.0), b.add_link("side out", m, n, 1000.0)
    b.set_turns(first, {out: 1.0})
    b.set_turns(second, {up: 1.0})
    b.add_signal([(green_s[0], 4, [first]), (green_s[1], 4, [second])], control=control)
    for link, flow in ((first, main), (second, side)):
        if flow:
            b.set_inflow(link, flow)
    return b.build(step_s), first, second


def delay_s(run: Run, link: int, from_s: float, until_s: float) -> float:
    """Return the mean delay of those who leave a link between two times."""
    run.run_until(from_s)
    delay, count = run.delay_veh_s([link]), run.count(link)
    run.run_until(until_s)
    return (run.delay_veh_s([link]) - delay) / (run.count(link) - count)


@pytest.mark.slow
def test_plans_change_by_the_clock_and_by_hand() -> None:
    """At 21:50 the day plan runs, at 22:00 the night plan begins, at 5:00 it ends; a plan chosen by hand stays until the clock is
    asked again. Green of the main road: 30 of 60 s by day, 45 of 60 s at night.
    """
    b = Builder()
    a, m, z = (b.add_node(n) for n in "amz")
    link = b.add_link("in", a, m, 500.0)
    b.add_link("out", m, z, 500.0)
    b.add_signal([(30, 0, [link]), (30, 0, [])])
    b.add_plan(0, "night", [(45, 0, [link]), (15, 0, [])], hours=[22, 24, 0, 5])
    b.set_inflow(link, 0.8)
    run = b.build(5.0)
    run.traffic.start_s = 21 * 3600 + 50 * 60
    plan = run.traffic.signals.plan
    for hour, expected in ((21.9, 0), (22.1, 1), (28.9, 1), (29.1, 0)):
        run.run_until(hour * 3600 - run.traffic.start_s)
        assert plan.tolist() == [expected], hour
    assert rates(run, [link], 600)[0] == pytest.approx(0.4, rel=0.01)
    run.traffic.set_plan(0, 1, run.now_ms)
    run.run_until(run.now_ms / 1000 + 3600)
    assert plan.tolist() == [1]
    assert rates(run, [link], 600)[0] == pytest.approx(0.6, rel=0.01)
    run.traffic.set_plan(0, None, run.now_ms)
    assert plan.tolist() == [0]


def arterial() -> tuple[Run, list[int]]:
    """Return six roads of 500 m with five signals of 30 + 30 s between them, all with offset 0, and 0.2 veh/s."""
    b = Builder()
    nodes = [b.add_node(f"n{i}") for i in range(7)]
    links = [b.add_link(f"l{i}", nodes[i], nodes[i + 1], 500.0) for i in range(6)]
    for link in links[:-1]:
        b.add_signal([(30, 0, [link]), (30, 0, [])])
    b.set_inflow(links[0], 0.2)
    return b.build(1.0), links


def test_a_green_wave_costs_only_the_first_signal() -> None:
    """Uniform delay at the first signal is 60 x 0.5^2 / (2 (1 - 0.2/0.8)) = 10 s. 0.2 veh/s leave it as a platoon of 10 s at 0.8
    and 20 s at 0.2, within 30 s of green, that needs 25 s a road: with offsets of 25 s each none waits again. All at once
    (offset 0), the platoon is cut 5 s after its head came, and of the second signal alone the mean wait is above 10 s.
    """
    run, links = arterial()
    plain, _ = arterial()
    assert run.traffic.set_wave(links, 0) == 5
    assert delay_s(run, links[0], 600, 1800) == pytest.approx(10.0, rel=0.02)
    before = run.delay_veh_s(links[1:5])
    run.run_until(3000)
    assert (run.delay_veh_s(links[1:5]) - before) / (0.2 * 1200) < 0.5
    assert delay_s(plain, links[1], 600, 1800) > 10.0


def test_a_wave_needs_roads_that_follow_and_one_cycle() -> None:
    """What cannot be a wave is refused in words."""
    run, links = arterial()
    with pytest.raises(ValueError, match="no way along 'l0' and 'l2': nobody may turn"):
        run.traffic.set_wave([links[0], links[2]], 0)
    run, first, _ = crossing(0.1, 0.1, "actuated")
    with pytest.raises(ValueError, match="control 'actuated'; expected fixed plans of one cycle"):
        run.traffic.set_wave([first, first + 1], 0)


def test_a_held_green_lasts_as_long_as_asked_and_no_longer() -> None:
    """Held for the side road from 60 s to 180 s: after 4 s of lost time it passes 0.8 veh/s, the main road nothing; then the plan
    of 26 of 60 s goes on, 0.8 x 26/60 = 0.347 veh/s each. A link without a signal at its end is not held.
    """
    run, main, side = crossing(0.8, 0.8, "fixed")
    run.run_until(60)
    assert run.traffic.hold_green(side, 180_000, 60_000)
    assert not run.traffic.hold_green(side + 1, 180_000, 60_000)
    counts = run.count(main), run.count(side)
    run.run_until(180)
    assert run.count(main) == counts[0]
    assert run.count(side) - counts[1] == pytest.approx(0.8 * 116, rel=0.01)
    run.run_until(240)
    assert rates(run, [main, side], 600) == pytest.approx([0.8 * 26 / 60] * 2, rel=0.01)


def test_actuated_green_stays_where_nobody_else_waits() -> None:
    """Without side traffic the main road keeps its green for ever and nobody waits at all."""
    run, main, _ = crossing(0.4, 0.0, "actuated")
    run.run_until(1800)
    assert run.delay_veh_s([main]) == pytest.approx(0.0, abs=1e-6)
    assert run.traffic.signal_state()["phase"].tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize("step_s", [1.0, 5.0])
def test_actuated_control_serves_the_side_road_and_returns(step_s: float) -> None:
    """0.4 veh/s against 0.05. A fixed plan of 36 and 16 s makes the main road wait 60 (24/60)^2 / (2 (1 - 0.4/0.8)) = 9.6 s.
    Actuated, its green lasts up to 40 s (0.4 veh/s come with gaps below 3 s), the side road's 7 s, or 11 at steps of 5 s: red
    is at most 4 + 11 + 4 of 60 s, so the mean is at most 19^2 / (2 x 60 x 0.5) = 6.0 s. The side road never waits longer
    than 40 + 8 s: at 0.05 veh/s it holds less than 2.5 waiting and 2.5 moving veh.
    """
    fixed, main, _ = crossing(0.4, 0.05, "fixed", (36.0, 16.0), step_s)
    assert delay_s(fixed, main, 600, 4200) == pytest.approx(9.6, rel=0.03)
    actuated, main, side = crossing(0.4, 0.05, "actuated", (40.0, 40.0), step_s)
    assert delay_s(actuated, main, 600, 4200) < 6.0 * 1.02
    assert actuated.vehicles(side) < 2.5 + 2.5 + 0.05 * step_s
    assert rates(actuated, [side], 1800)[0] == pytest.approx(0.05, rel=0.05)


@pytest.mark.slow
def test_max_pressure_serves_what_an_even_plan_cannot() -> None:
    """0.5 and 0.12 veh/s of 0.8 need 62 % and 15 % of green. An even plan gives 26/60 x 0.8 = 0.347 to each, so the main road's
    queue grows for ever; max pressure serves any demand that some plan serves (Varaiya 2013), here both in full.
    """
    even, main, side = crossing(0.5, 0.12, "fixed")
    even.run_until(3000)
    assert rates(even, [main], 1200)[0] == pytest.approx(0.347, rel=0.01)
    pressed, main, side = crossing(0.5, 0.12, "max_pressure", (40.0, 40.0))
    pressed.run_until(3000)
    assert rates(pressed, [main, side], 1800) == pytest.approx([0.5, 0.12], rel=0.03)
    assert pressed.traffic.totals()["waiting"] < 1.0


@pytest.mark.slow
def test_max_pressure_does_not_feed_a_full_road() -> None:
    """Behind the main road the next lets 0.05 veh/s out. Green for it serves few, so the side road gets most of it and passes
    a third more than the 26/60 x 0.8 = 0.347 veh/s of an even plan, while the main road loses nothing.
    """
    b = Builder()
    w, e, s, n, m, z = (b.add_node(x) for x in "wesnmz")
    first, out = b.add_link("main", w, m, 1000.0), b.add_link("main out", m, e, 300.0)
    last = b.add_link("main last", e, z, 300.0, exit_capacity=0.05)
    second, up = b.add_link("side", s, m, 1000.0), b.add_link("side out", m, n, 1000.0)
    b.set_turns(first, {out: 1.0})
    b.set_turns(out, {last: 1.0})
    b.set_turns(second, {up: 1.0})
    b.add_signal([(26, 4, [first]), (26, 4, [second])], control="max_pressure")
    b.set_inflow(first, 0.4)
    b.set_inflow(second, 0.6)
    run = b.build(1.0)
    run.run_until(2400)
    through, other = rates(run, [first, second], 1200)
    assert through == pytest.approx(0.05, rel=0.1)
    assert other > 0.347 * 4 / 3


def test_dark_beats_what_follows_traffic() -> None:
    """A dark controller is an all-way stop whatever its plan; with power again it follows traffic again."""
    run, main, side = crossing(0.8, 0.8, "actuated")
    run.traffic.set_mode(0, "dark")
    run.run_until(600)
    assert rates(run, [main, side], 600) == pytest.approx([0.8 * 525 / 1900] * 2, rel=0.02)
    run.traffic.set_mode(0, "normal")
    run.run_until(1800)
    assert sum(rates(run, [main, side], 1200)) == pytest.approx(0.8 * 52 / 60, rel=0.03)


@pytest.mark.slow
def test_what_follows_traffic_is_restored_to_the_bit() -> None:
    """Saved in the middle of a green, of lost time and of a hold, and loaded into fresh roads, the bytes go on the same."""
    for at_s in (61, 63, 67, 95, 151):
        run, _, side = crossing(0.5, 0.3, "max_pressure", (40.0, 40.0))
        run.run_until(60)
        run.traffic.hold_green(side, 120_000, 60_000)
        run.run_until(at_s)
        saved = run.traffic.snapshot()
        copy, _, _ = crossing(0.5, 0.3, "max_pressure", (40.0, 40.0))
        copy.traffic.restore(saved)
        copy.now_ms = run.now_ms
        for each in (run, copy):
            each.run_until(600)
        assert run.traffic.roads.state.passed.tobytes() == copy.traffic.roads.state.passed.tobytes()
