"""Traffic alone: how much faster than life a signalised grid runs on one core, and UXsim's C++ engine beside it.

Lives here: the measurement. Must not know: sensors, rules. Wall time is read here because that is what is measured.
"""

import time
from typing import Any

import numpy as np

from scenarios.bench import uxsim_engine
from simulator.traffic.build import Run
from simulator.traffic.grid import grid

NODES = 20
TRIPS_PER_H = 30_000.0
DEMAND_S, UNTIL_S = 3600, 5400
STEP_S = 6.0  # a link of 250 m at 13.9 m/s is three steps long
READ_S = 15
CRASH_S, CLEARED_S = 900, 1800


def run(scale: float = 1.0) -> dict[str, Any]:
    """Run an hour of demand and half an hour of emptying on a square grid of 400 x `scale` junctions; return figures.

    On the way every link has a detector that is read each 15 s, and a crash takes a lane in the middle for 15 minutes.
    `mean_trip_s` is the time spent on roads per trip, `conservation_error` |entered - left - on road - waiting| in vehicles.
    `cpu_realtime_factor` is what the core itself took, where other work shares the machine. `uxsim_...` are the figures
    of UXsim on the same demand (`uxsim` says when it is not there); `times_uxsim` is our speed over its, by processor time.
    """
    side = max(4, round(NODES * scale**0.5))
    trips = TRIPS_PER_H * side * side / (NODES * NODES)
    block = max(4, round(side / 5))
    grid(2, 2, trips_per_h=60.0, block=1).build(STEP_S).run_until(STEP_S)  # loads what is loaded when it is first needed
    ours = _measure(grid(side, side, trips_per_h=trips, block=block).build(STEP_S))
    if not uxsim_engine.installed():
        return {**ours, "uxsim": "not installed: pip install 'cityops[bench]' to have it measured beside"}
    theirs = uxsim_engine.run(side, block, trips, DEMAND_S, UNTIL_S)
    ratio = ours["cpu_realtime_factor"] / theirs["cpu_realtime_factor"]
    return {**ours, **{f"uxsim_{name}": value for name, value in theirs.items()}, "times_uxsim": ratio}


def _measure(traffic_run: Run) -> dict[str, float]:
    began, began_cpu = time.perf_counter(), time.process_time()
    readings = _drive(traffic_run)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    totals = traffic_run.traffic.totals()
    return {
        "realtime_factor": UNTIL_S / seconds,
        "cpu_realtime_factor": UNTIL_S / cpu_s,
        "seconds": seconds,
        "vehicles": totals["entered"],
        "vehicles_per_s": totals["entered"] / seconds,
        "readings": readings,
        "mean_trip_s": totals["vehicle_s"] / totals["entered"],
        "links": float(traffic_run.traffic.net.n_links),
        "cells": float(traffic_run.traffic.net.cell_link.size),
        "conservation_error": abs(totals["entered"] - totals["left"] - totals["on_road"] - totals["waiting"]),
    }


def _drive(traffic_run: Run) -> float:
    """Run to the end, with a crash on the way; return how many readings the detectors gave."""
    traffic = traffic_run.traffic
    links = np.arange(traffic.net.n_links)
    detectors = traffic.sites(links, 0.5 * traffic.net.length_m)
    readings, handle = 0, 0
    for t in range(READ_S, UNTIL_S + 1, READ_S):
        traffic_run.run_until(t)
        readings += sum(values.size for values in traffic.read_sites(detectors).values())
        if t == CRASH_S:
            handle = traffic.set_incident(traffic.net.n_links // 2, 120.0, 1.0, 0.6)
        elif t == CLEARED_S:
            traffic.clear_incident(handle)
        elif t == DEMAND_S:
            traffic.set_demand_factor(0.0)
    return float(readings)
