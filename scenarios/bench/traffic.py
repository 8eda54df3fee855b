"""Traffic alone: how much faster than life a signalised grid runs on one core.

Lives here: the measurement. Must not know: sensors, rules. Wall time is read here because that is what is measured.
"""

import time

from simulator.traffic.grid import grid

NODES = 20
TRIPS_PER_H = 30_000.0
DEMAND_S, UNTIL_S = 3600, 5400
STEP_S = 5.0


def run(scale: float = 1.0) -> dict[str, float]:
    """Run an hour of demand and half an hour of emptying on a square grid of 400 x `scale` junctions; return figures.

    `mean_trip_s` is the time spent on roads per trip, `conservation_error` entered - left - on road - waiting in vehicles.
    `cpu_realtime_factor` is what the core itself took, where other work shares the machine.
    """
    side = max(4, round(NODES * scale**0.5))
    trips = TRIPS_PER_H * side * side / (NODES * NODES)
    traffic_run = grid(side, side, trips_per_h=trips, block=max(4, round(side / 5))).build(STEP_S)
    began, began_cpu = time.perf_counter(), time.process_time()
    traffic_run.run_until(DEMAND_S)
    traffic_run.traffic.set_demand_factor(0.0)
    traffic_run.run_until(UNTIL_S)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    totals = traffic_run.traffic.totals()
    return {
        "realtime_factor": UNTIL_S / seconds,
        "cpu_realtime_factor": UNTIL_S / cpu_s,
        "seconds": seconds,
        "vehicles": totals["entered"],
        "vehicles_per_s": totals["entered"] / seconds,
        "mean_trip_s": totals["vehicle_s"] / totals["entered"],
        "links": float(traffic_run.traffic.net.n_links),
        "cells": float(traffic_run.traffic.net.cell_link.size),
        "conservation_error": totals["entered"] - totals["left"] - totals["on_road"] - totals["waiting"],
    }
