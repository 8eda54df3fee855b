"""Very many devices headless: Hải Phòng with its lamps and devices many times over, the whole pipeline on.

Lives here: one measurement per number of devices, and a word where a machine is too small for it. Must not know: how anything
is measured, carried or judged. Time is processor time: what is asked is asked of one core.
"""

import dataclasses
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from scenarios.bench.fleet import scaled
from scenarios.bench.headless import peak_rss_mb
from scenarios.runner import HeadlessRun
from scenarios.setup import Setup, prepare
from simulator.city import City, encode

DEVICES = 100_000
NEED_MB, NEED_BYTES_PER_DEVICE = 400.0, 6_500  # with room: what a run of a few minutes was seen to take at its most


def run(scale: float = 1.0, devices: int = DEVICES, minutes: float = 3.0) -> dict[str, Any]:
    """Run a city of `devices * scale` devices for some minutes; return figures, or `skipped` with the reason.

    `first_minute_cpu_s` is registry, series, label sets and the first of each evaluation, and not part of `cpu_s`.
    """
    need_mb, free_mb = NEED_MB + NEED_BYTES_PER_DEVICE * devices * scale / 1e6, available_mb()
    if free_mb < need_mb:
        return {"skipped": f"{devices * scale:.0f} devices need about {need_mb:.0f} MB; {free_mb:.0f} MB are free"}
    setup = grown(prepare("ordinary_weekday", city="hai_phong"), devices * scale)
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as data:
        began_s = time.process_time()
        headless = HeadlessRun(setup, out=setup.create(Path(data), "bench"))
        headless.advance(60_000)
        first_s, readings, began_s = time.process_time() - began_s, headless.center.counters.readings, time.process_time()
        headless.advance(60_000 + round(60_000 * minutes))
        cpu_s = time.process_time() - began_s
        readings = headless.center.counters.readings - readings
        headless.close()
    found = headless.city.fleet.devices
    return {
        "devices": found,
        "cpu_realtime_factor": round(60.0 * minutes / cpu_s, 1),
        "cpu_s": round(cpu_s, 3),
        "first_minute_cpu_s": round(first_s, 1),
        "readings_per_s": round(readings / cpu_s),
        "readings": readings,
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "bytes_per_device": round(1e6 * peak_rss_mb() / found),
        "bad_messages": sum(headless.center.counters.bad.values()),
    }


def grown(setup: Setup, devices: float) -> Setup:
    """Return the setup with a city of about so many devices: lamps, devices and meters of cabinets, which are not multiplied."""
    city: City = setup.city
    fixed, moving = len(city.cabinets.id), len(city.luminaires.id) + len(city.devices.id)
    larger = scaled(city, max(devices - fixed, 1.0) / moving)
    return dataclasses.replace(setup, city=larger, city_bytes=encode(larger))


def available_mb() -> float:
    """Return how much memory can be had without swapping [MB]."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
        found = {words[0]: float(words[1]) for words in lines}
        if "MemAvailable:" in found:
            return found["MemAvailable:"] / 1024.0
    return float(os.sysconf("SC_PAGE_SIZE")) * float(os.sysconf("SC_PHYS_PAGES")) / 1e6
