"""A whole city headless: all sensors at their periods, the rule pack every 15 s, journal and recorded stream on.

Lives here: one measurement. `scale` lengthens the run: its cost should grow with the simulated time and nothing else.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scenarios.runner import HeadlessRun
from scenarios.setup import prepare


def run(city: str = "hai_phong", minutes: float = 30, scale: float = 1.0, scenario: str = "ordinary_weekday") -> dict[str, Any]:
    """Return seconds, times real time, readings per second and peak memory of `minutes * scale` simulated minutes.

    `realtime_factor` is by the clock, `cpu_realtime_factor` by processor time, which others on the machine do not slow down.
    """
    setup = prepare(scenario, city=city)
    simulated_s = 60.0 * minutes * scale
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as data:
        headless = HeadlessRun(setup, out=setup.create(Path(data), "bench"))
        headless.advance(60_000)  # the first minute builds caches and label sets
        readings, began_s, began_cpu_s = headless.center.counters.readings, time.perf_counter(), time.process_time()
        headless.advance(60_000 + round(simulated_s * 1_000))
        seconds, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        readings = headless.center.counters.readings - readings
        headless.close()
        stored = sum(p.stat().st_size for p in Path(data).rglob("*") if p.is_file())
    return {
        "seconds": round(seconds, 3),
        "realtime_factor": round(simulated_s / seconds, 1),
        "cpu_realtime_factor": round(simulated_s / cpu_s, 1),
        "readings_per_s": round(readings / seconds),
        "readings": readings,
        "devices": headless.city.fleet.devices,
        "simulated_s": simulated_s,
        "stored_mb": round(stored / 1e6, 1),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


def peak_rss_mb() -> float:
    """Return the peak resident memory of this process [MB]; macOS counts bytes, Linux kibibytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024.0
