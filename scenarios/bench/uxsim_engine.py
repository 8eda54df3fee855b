"""UXsim's C++ engine on the same grid and demand, for comparison: what another engine needs on the same machine.

Lives here: the one place that knows UXsim (MIT, an optional extra). Must not know: our own model. UXsim follows platoons of
five vehicles that look for new ways every 300 s; it has no detectors, so it carries none here.
"""

import importlib
import importlib.util
import time
from typing import Any

PLATOON = 5
LENGTH_M, LANES, SPEED_MPS, JAM, GREEN_S = 250.0, 2, 13.9, 0.15, 30.0
REROUTE_S = 300


def installed() -> bool:
    """Return whether UXsim can be imported."""
    return importlib.util.find_spec("uxsim") is not None


def run(side: int, block: int, trips: float, demand_s: int, until_s: int) -> dict[str, float]:
    """Run `trips` evenly spread over `demand_s` between blocks of `block` x `block` nodes of a grid; return figures."""
    world = _world(side, until_s)
    _demand(world, side, block, round(trips / PLATOON), demand_s)
    began, began_cpu = time.perf_counter(), time.process_time()
    world.exec_simulation()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    world.analyzer.basic_analysis()
    return {
        "realtime_factor": until_s / seconds,
        "cpu_realtime_factor": until_s / cpu_s,
        "seconds": seconds,
        "vehicles": float(world.analyzer.trip_all),
        "mean_trip_s": float(world.analyzer.average_travel_time),
    }


def _world(side: int, until_s: int) -> Any:
    """Return the grid: two-phase signals of 60 s, one node and four links a junction."""
    world = importlib.import_module("uxsim").World(
        name="grid", deltan=PLATOON, tmax=until_s, print_mode=0, save_mode=0, show_mode=0, random_seed=1,
        duo_update_time=REROUTE_S, cpp=True,
    )  # fmt: skip
    for r in range(side):
        for c in range(side):
            world.addNode(f"n{r}_{c}", c * LENGTH_M, r * LENGTH_M, signal=[GREEN_S, GREEN_S])
    for r in range(side):
        for c in range(side):
            for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= r + dr < side and 0 <= c + dc < side:
                    world.addLink(
                        f"l{r}_{c}_{dr}_{dc}", f"n{r}_{c}", f"n{r + dr}_{c + dc}", length=LENGTH_M,
                        free_flow_speed=SPEED_MPS, jam_density_per_lane=JAM, number_of_lanes=LANES,
                        signal_group=[0 if dr == 0 else 1],
                    )  # fmt: skip
    return world


def _demand(world: Any, side: int, block: int, platoons: int, demand_s: int) -> None:
    """Let platoons leave at even times, origins in turn, so that no node has to start many at once."""
    blocks: dict[tuple[int, int], list[str]] = {}
    for r in range(side):
        for c in range(side):
            blocks.setdefault((r // block, c // block), []).append(f"n{r}_{c}")
    areas = list(blocks.values())
    pairs = [(i, (i + shift) % len(areas)) for shift in range(1, len(areas)) for i in range(len(areas))]
    for k in range(platoons):
        i, j = pairs[k % len(pairs)]
        start, end = areas[i], areas[j]
        turn = k // len(areas)  # another node of the block each time
        world.addVehicle(start[(7 * turn) % len(start)], end[(5 * turn + 3) % len(end)], k * demand_s / platoons)
