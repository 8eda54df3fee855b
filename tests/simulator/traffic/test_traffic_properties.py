"""What must hold on any network whatever is done to it: conservation, bounds, emptying, sameness."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.streams import Streams
from simulator.traffic.build import Run
from simulator.traffic.grid import grid
from simulator.traffic.traffic import Traffic

ACTIONS = ("close", "cut", "open", "hold", "water", "incident", "clear", "dark", "normal", "demand", "weather", "nothing")


def wet(run: Run, link: int, pick: int) -> None:
    """Put water on one road."""
    factor = np.ones(run.traffic.net.n_links)
    factor[link] = 0.05 + 0.1 * (pick % 10)
    run.traffic.set_conditions(factor, factor)


ROAD_ACTIONS: dict[str, Callable[[Run, int, int], object]] = {
    "close": lambda run, link, _: run.traffic.close_link(link),
    "cut": lambda run, link, pick: run.traffic.close_link(link, float(pick % 60)),
    "open": lambda run, link, _: run.traffic.open_link(link),
    "hold": lambda run, link, _: run.traffic.hold_green(link, run.now_ms + 60_000, run.now_ms),
    "water": wet,
}


def act(run: Run, action: str, pick: int, handles: list[int]) -> None:
    """Do one thing to the roads."""
    traffic, links = run.traffic, run.traffic.net.n_links
    if action in ROAD_ACTIONS:
        ROAD_ACTIONS[action](run, pick % links, pick)
    elif action == "incident":
        handles.append(traffic.set_incident(pick % links, float(pick % 250), pick % 3, 0.5 + 0.5 * (pick % 2)))
    elif action == "clear" and handles:
        traffic.clear_incident(handles.pop())
    elif action in ("dark", "normal"):
        traffic.set_mode(pick % len(traffic.signals.plans), action)
    elif action == "demand":
        traffic.set_demand_factor(float(pick % 12), pick % traffic.demand.trips.n_zones if pick % 2 else None)
    elif action == "weather":
        traffic.set_weather(0.6 + 0.1 * (pick % 5), 0.7 + 0.1 * (pick % 4))


def check(traffic: Traffic) -> None:
    """Assert conservation and the bounds of densities and flows."""
    totals, state, net = traffic.totals(), traffic.roads.state, traffic.net
    assert totals["entered"] == pytest.approx(totals["left"] + totals["on_road"] + totals["waiting"], abs=1e-6)
    assert (state.vehicles >= -1e-9).all() and (state.vehicles <= net.cell_jam_veh + 1e-9).all()
    assert (state.stored >= -1e-9).all() and (state.waiting >= -1e-9).all()
    stored = net.movements_by_link(state.stored)
    assert state.vehicles[net.last] == pytest.approx(stored, abs=1e-9)


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 4)
@given(
    st.integers(3, 5),
    st.integers(3, 5),
    st.sampled_from([1.0, 3.0, 5.0]),
    st.sampled_from([60.0, 130.0, 250.0]),
    st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 10_000)), min_size=1, max_size=12),
)
def test_vehicles_are_conserved_and_fit(
    rows: int, columns: int, step_s: float, length_m: float, actions: list[tuple[str, int]]
) -> None:
    """Case 16: whatever is closed, blocked, darkened or demanded: entered = left + on road + waiting to 1e-6 vehicles,
    0 <= k <= k_jam in every cell, and no cell passes more than its saturation flow.
    """
    run = grid(rows, columns, trips_per_h=900.0 * rows * columns, block=2, length_m=length_m).build(step_s, variation=0.2)
    handles: list[int] = []
    for i, (action, pick) in enumerate(actions):
        act(run, action, pick, handles)
        before = run.traffic.roads.state.passed.copy()
        run.run_until((i + 1) * 240)
        check(run.traffic)
        moved = run.traffic.roads.state.passed - before
        net = run.traffic.net
        limit = (net.saturation * net.lanes)[net.cell_link] * (240 + step_s) * run.traffic.weather[1]
        assert (moved <= limit + 1e-6).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_of_closures_and_plan_changes_loses_nobody(seed: int) -> None:
    """Case 16 at its length: for 24 hours something is done to a random grid each ten minutes, and after each all still holds."""
    draw = Streams(seed).generator("test", tick=0)
    rows, columns, step_s = int(draw.integers(3, 7)), int(draw.integers(3, 7)), float(draw.choice([3.0, 5.0]))
    run = grid(rows, columns, trips_per_h=900.0 * rows * columns, block=2).build(step_s, variation=0.2)
    handles: list[int] = []
    for i in range(1, 145):
        act(run, str(draw.choice(ACTIONS)), int(draw.integers(0, 10_000)), handles)
        run.run_until(600 * i)
        check(run.traffic)
    assert run.traffic.totals()["entered"] > 100_000.0


def stuck_minutes(run: Run, until_s: int) -> float:
    """Run on and return the longest time (min) that any filled cell has moved nobody, looked at each minute."""
    state, net = run.traffic.roads.state, run.traffic.net
    still, longest, before = np.zeros(net.cell_link.size), 0.0, state.passed.copy()
    for t in range(run.now_ms // 1000 + 60, until_s + 1, 60):
        run.run_until(t)
        standing = (state.passed - before < 1e-3) & (state.vehicles > 0.5 * net.cell_jam_veh)
        still, before = np.where(standing, still + 1, 0.0), state.passed.copy()
        longest = max(longest, float(still.max()))
    return longest


@pytest.mark.slow
@pytest.mark.parametrize(("trips_per_h", "signals"), [(90_000.0, "normal"), (270_000.0, "normal"), (90_000.0, "dark")])
def test_overload_empties(trips_per_h: float, signals: str) -> None:
    """Case 17: an hour of three times the usual demand on the 20 x 20 grid, also of nine times and with all signals dark, then
    none: less than one vehicle is left 3 h later and no cell stood still for more than 15 minutes. The textbook node, first in
    first out with fixed shares, stands still for ever.
    """
    run = grid(20, 20, trips_per_h=trips_per_h).build(5.0)
    for s in range(len(run.traffic.signals.plans)):
        run.traffic.set_mode(s, signals)
    longest = stuck_minutes(run, 3600)
    run.traffic.set_demand_factor(0.0)
    longest = max(longest, stuck_minutes(run, 4 * 3600))
    totals = run.traffic.totals()
    assert totals["on_road"] + totals["waiting"] < 1.0
    assert longest <= 15.0
    check(run.traffic)


def test_a_small_grid_under_many_times_its_demand_empties() -> None:
    """The quick form of case 17, on 5 x 5 nodes."""
    run = grid(5, 5, trips_per_h=40_000.0, block=2).build(5.0)
    run.run_until(1800)
    assert run.traffic.link_density_ratio().max() > 0.5
    run.traffic.set_demand_factor(0.0)
    run.run_until(1800 + 3 * 3600)
    totals = run.traffic.totals()
    assert totals["on_road"] + totals["waiting"] < 1.0


def digest(traffic: Traffic) -> str:
    """Return a hash over the bytes of the whole state."""
    state = traffic.roads.state
    parts = [state.vehicles, state.stored, state.waiting, state.passed, state.turned, traffic.roads.shares.turn]
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


def disturbed(seed: int) -> Run:
    """Return a small noisy grid on which something has happened already."""
    run = grid(4, 5, trips_per_h=9000.0, block=2, length_m=180.0).build(5.0, seed=seed, variation=0.2)
    run.traffic.sites(np.array([3, 9]), np.array([20.0, 150.0]))
    run.run_until(700)
    run.traffic.close_link(7)
    run.traffic.set_incident(3, 60.0, 1, 0.5)
    run.traffic.set_mode(2, "dark")
    run.traffic.set_demand_factor(1.7, 1)
    run.run_until(1100)
    return run


@pytest.mark.parametrize("at_s", [5, 175, 180, 300, 1105, 1440])
def test_a_restored_snapshot_goes_on_bit_by_bit(at_s: int) -> None:
    """Saved at any step and loaded into fresh roads, the state after 20 more minutes has the same bytes, sites included."""
    original = disturbed(5) if at_s > 1100 else grid(4, 5, trips_per_h=9000.0, block=2).build(5.0, seed=5, variation=0.2)
    length = 180.0 if at_s > 1100 else 250.0
    if at_s <= 1100:
        original.traffic.sites(np.array([3, 9]), np.array([20.0, 150.0]))
    original.run_until(at_s)
    saved = original.traffic.snapshot()
    copy = grid(4, 5, trips_per_h=9000.0, block=2, length_m=length).build(5.0, seed=5, variation=0.2)
    sites = copy.traffic.sites(np.array([3, 9]), np.array([20.0, 150.0]))
    copy.traffic.restore(saved)
    copy.now_ms = original.now_ms
    assert digest(copy.traffic) == digest(original.traffic)
    for run in (original, copy):
        run.run_until(at_s + 600)
        run.traffic.open_link(7)
        run.run_until(at_s + 1200)
    assert digest(copy.traffic) == digest(original.traffic)
    theirs = original.traffic.read_sites(original.traffic._sites[0])
    for name, values in copy.traffic.read_sites(sites).items():
        assert values.tobytes() == theirs[name].tobytes(), name
    assert copy.traffic.link_travel_time_s().tobytes() == original.traffic.link_travel_time_s().tobytes()


def test_a_snapshot_is_not_changed_by_what_happens_later() -> None:
    """A snapshot is a copy."""
    run = disturbed(5)
    saved = run.traffic.snapshot()
    before = saved["roads"]["vehicles"].tobytes()
    run.run_until(1500)
    assert saved["roads"]["vehicles"].tobytes() == before


@pytest.mark.parametrize("hash_seed", ["0", pytest.param("4711", marks=pytest.mark.slow)])
def test_another_process_gives_the_same_bytes(hash_seed: str) -> None:
    """The same seed gives the same bytes in another process with another PYTHONHASHSEED; another seed gives others."""
    here = digest(disturbed(5).traffic)
    code = (
        "import importlib.util, sys;"
        f"spec = importlib.util.spec_from_file_location('properties', {__file__!r});"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module);"
        "print(module.digest(module.disturbed(5).traffic))"
    )
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env, check=True)
    assert done.stdout.strip() == here
    assert digest(disturbed(6).traffic) != here
