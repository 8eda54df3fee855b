"""The fleet alone: how fast all sensors of Hải Phòng measure, travel and leave as frames, with light, power and people.

Lives here: the measurement. Must not know: rules, the center. Traffic stands still meanwhile, because it has its own benchmark.
"""

import time
from datetime import datetime
from typing import Any

from sensors.fleet import Fleet
from sensors.kinds import load_kinds
from sensors.messages import Batch, decode_frame
from simulator.cities import catalogue
from simulator.city import City
from simulator.world import World

START_AT = "2026-03-10T17:50:00+07:00"  # the lamps come on meanwhile
WARM_MS, UNTIL_MS = 120_000, 1_320_000
NOT_READINGS = ("device", "quality", "up")


def run(scale: float = 1.0) -> dict[str, float]:
    """Run twenty minutes of Hải Phòng with `scale` times its lamps and devices; return figures.

    `ms_per_simulated_s` is processor time.
    """
    world = World(scaled(catalogue.get("hai_phong"), scale), 1, datetime.fromisoformat(START_AT), ordinary_life=True)
    world.scheduler.wake("traffic.step", None)
    frames: list[bytes] = []
    fleet = Fleet(world, load_kinds(), 1, frames.append)
    world.run_until(WARM_MS)
    frames.clear()
    began, began_cpu = time.perf_counter(), time.process_time()
    world.run_until(UNTIL_MS)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    simulated_s, readings = (UNTIL_MS - WARM_MS) / 1000, count_readings(frames)
    return {
        "devices": float(fleet.devices),
        "readings": float(readings),
        "readings_per_s": readings / seconds,
        "realtime_factor": simulated_s / seconds,
        "cpu_realtime_factor": simulated_s / cpu_s,
        "ms_per_simulated_s": 1000 * cpu_s / simulated_s,
        "bytes_per_simulated_s": sum(map(len, frames)) / simulated_s,
        "seconds": seconds,
    }


def count_readings(frames: list[bytes]) -> int:
    """Return how many readings (device times quantity) frames hold."""
    total = 0
    for frame in frames:
        header, columns = decode_frame(frame)
        if isinstance(header, Batch):
            total += sum(len(values) for name, values in columns.items() if name not in NOT_READINGS)
    return total


def scaled(city: City, scale: float) -> City:
    """Return the city with `scale` times its luminaires and devices, on the same roads and cabinets."""
    for table in (city.luminaires, city.devices):
        rows = len(table.id)
        take = [i % rows for i in range(round(rows * scale))]
        for name in table.__struct_fields__:
            values: list[Any] = getattr(table, name)
            setattr(table, name, [values[i] for i in take])
        table.id = [id_ if n < rows else f"{id_}:x{n // rows}" for n, id_ in enumerate(table.id)]
    return city
