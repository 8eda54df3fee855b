"""Going back: from an instructor's wish to a city and a center that stand there, the series of an hour filled again.

Lives here: one measurement. City and center are two processes that go back at the same time, so a class waits for the slower one;
here one goes after the other and each is timed. `scale` lengthens the run: the cost should not grow with it.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from ops_center.fork import open_fork
from ops_center.run import Run
from scenarios.bench.headless import peak_rss_mb
from scenarios.fork import fork_folder
from scenarios.live_city import LiveCity
from scenarios.runs import RunFolder
from scenarios.setup import Setup, prepare

BACK_MS = 20 * 60_000 + 31_000  # half a minute after a keyframe
TRIES = 3


def run(city: str = "hai_phong", hours: float = 2.0, scale: float = 1.0, scenario: str = "ordinary_weekday") -> dict[str, Any]:
    """Return the seconds of going back twenty minutes in a run of `hours * scale`, the best of three tries."""
    setup = prepare(scenario, city=city)
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as data:
        folder = setup.create(Path(data), "bench")
        center = record(setup, folder, round(3_600_000 * hours * scale))
        tries = [_jump(setup, folder, center) for _ in range(TRIES)]
        center.close()
        stored = sum(p.stat().st_size for p in folder.path.rglob("*") if p.is_file())
    best = min(tries, key=lambda one: one["seconds"])
    return best | {
        "simulated_h": hours * scale,
        "stored_mb": round(stored / 1e6, 1),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


def record(setup: Setup, folder: RunFolder, until_ms: int) -> Run:
    """Run city and center as a live run does, both with keyframes, and return the center as it stands."""
    live, center = LiveCity(setup, folder), Run(folder.path, setup.center_config())
    for frame in live.opening_frames(folder.run_id):
        center.step(frame)
    while live.now_ms < until_ms:
        group = live.step()
        for frame in group.frames:
            center.step(frame)
        live.stored(group.barrier_ms)
        if live.keyframe_due:
            live.keep_keyframe(live.keyframe(), live.now_ms)
    live.close()
    return center


def _jump(setup: Setup, parent: RunFolder, stands: Run) -> dict[str, float]:
    to_ms = stands.center.now_ms - BACK_MS
    live = LiveCity(setup, parent)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    folder = fork_folder(parent, to_ms)
    made_s = time.perf_counter()
    live.move_to(folder, to_ms)
    city_s = time.perf_counter()
    center = open_fork(parent.path, folder.path, to_ms, stands.config, like=stands.center)
    center_s, cpu_s = time.perf_counter(), time.process_time() - began_cpu_s
    center.close()
    live.close()
    shutil.rmtree(folder.path)
    both = max(city_s - made_s, center_s - city_s)
    figures = {"seconds": made_s - began_s + both, "city_s": city_s - made_s, "center_s": center_s - city_s, "cpu_s": cpu_s}
    return {name: round(value, 3) for name, value in figures.items()}
