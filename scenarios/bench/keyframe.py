"""A keyframe of Hải Phòng: how large both sides are together, and what saving them costs.

Lives here: the measurement. Must not know: what is in a keyframe. `scale` multiplies the lamps and devices of the city. The time
is of the processor, for state and encoding; the file is written beside, and what rules recorded goes with the recorded stream.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from ops_center import keyframes
from scenarios.bench.fleet import scaled
from scenarios.runner import HeadlessRun
from scenarios.setup import prepare

AT_MS = 1_200_000
TIMES = 5


def run(city: str = "hai_phong", scale: float = 1.0, scenario: str = "rush_hour_crash") -> dict[str, Any]:
    """Return bytes and milliseconds of a keyframe after twenty simulated minutes: both sides together, and each."""
    setup = prepare(scenario, city=city)
    headless = HeadlessRun(dataclasses.replace(setup, city=scaled(setup.city, scale)))
    headless.advance(AT_MS)
    center_bytes, center_ms = _cost(lambda: headless.center.snapshot(samples=False))
    city_bytes, city_ms = _cost(headless.city.snapshot)
    return {
        "devices": headless.city.fleet.devices,
        "keyframe_bytes": center_bytes + city_bytes,
        "save_ms": round(center_ms + city_ms, 2),
        "center_bytes": center_bytes,
        "center_ms": center_ms,
        "city_bytes": city_bytes,
        "city_ms": city_ms,
    }


def _cost(state: Callable[[], dict[str, Any]]) -> tuple[int, float]:
    """Return the size of an encoded state and the least processor time [ms] of some tries: others use the machine too."""
    spent, size = [], 0
    for _ in range(TIMES):
        began = time.process_time()
        size = len(keyframes.encode(state()))
        spent.append(1000 * (time.process_time() - began))
    return size, round(min(spent), 2)
