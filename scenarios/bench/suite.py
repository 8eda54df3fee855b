"""Which benchmarks there are, what was asked of each, and how their cost grows with size.

Lives here: the table of benchmarks and the runner that starts each in a process of its own (peak memory and caches of one
must not colour the next). Must not know: how any of them measures. Figures are rates and ratios; no test depends on them.
"""

import importlib
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

SCALES = (1.0, 2.0, 4.0)
TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class Bench:
    """One benchmark: `module.run(scale=..., **arguments) -> dict`; `asked` maps a figure to (comparison, bound, unit) at x1.

    `asked_at` does so at other scales. `cost` and `memory` name the figures whose growth with size is told.
    """

    name: str
    title: str
    module: str
    asked: dict[str, tuple[str, float, str]]
    arguments: dict[str, Any] = field(default_factory=dict)
    cost: str = "seconds"
    scales: tuple[float, ...] = SCALES
    asked_at: dict[float, dict[str, tuple[str, float, str]]] = field(default_factory=dict)
    memory: str = ""


BENCHES: tuple[Bench, ...] = (
    Bench(
        "traffic",
        "traffic alone, 20x20 signalised grid, 30 000 trips, a detector a link, a crash; UXsim beside it",
        "scenarios.bench.traffic",
        {"cpu_realtime_factor": (">=", 8000.0, "x real time on one core"), "conservation_error": ("<", 1e-6, "vehicles")},
    ),
    Bench(
        "hai_phong",
        "Hải Phòng headless: all sensors, rules every 15 s, journal and recorded stream on",
        "scenarios.bench.headless",
        {"cpu_realtime_factor": (">=", 500.0, "x real time on one core"), "peak_rss_mb": ("<", 500.0, "MB")},
        {"city": "hai_phong"},
    ),
    Bench(
        "ha_noi",
        "Hà Nội from OpenStreetMap headless, all devices",
        "scenarios.bench.hanoi",
        {"realtime_factor": (">=", 100.0, "x real time")},
    ),
    Bench(
        "rules",
        "rules over recorded series, swept, and live, 10 000 series, 1 h at 15 s, 5 rules; what is installed beside them",
        "scenarios.bench.rules",
        {
            "replay_per_cpu_s": (">=", 15e6, "series-evaluations/s on one core"),
            "sweep_s": ("<", 1.0, "s for 300 configurations"),
            "series_evaluations_per_s": (">=", 5e6, "series-evaluations/s live"),
        },
        {"peers": True},
        cost="replay_s",
        scales=(1.0, 2.0, 4.0, 10.0),
        asked_at={10.0: {"replay_per_cpu_s": (">=", 12e6, "series-evaluations/s on one core")}},
        memory="replay_peak_rss_mb",
    ),
    Bench(
        "score",
        "a score of the rule pack over 20 seeds of rush_hour_crash on two processes, nothing kept from before",
        "scenarios.bench.score",
        {"seconds": ("<", 60.0, "s")},
        scales=(0.25, 1.0),
    ),
    Bench(
        "rule_tests",
        "`rules test` beside promtool on a file of 10 000 series, 1 h at 15 s, 5 rules, start-up and reading included",
        "scenarios.bench.rule_tests",
        {"times_faster": (">=", 20.0, "x promtool")},
        scales=(0.25, 1.0, 2.0),
        memory="peak_rss_mb",
    ),
    Bench(
        "keyframe",
        "a keyframe of Hải Phòng, city and center together, the recorded stream apart",
        "scenarios.bench.keyframe",
        {"keyframe_bytes": ("<", 1e6, "bytes"), "save_ms": ("<", 20.0, "ms")},
        cost="save_ms",
    ),
    Bench(
        "devices",
        "100 000 devices headless, a fifth and ten times as many beside them: all sensors, rules, journal and recorded stream",
        "scenarios.bench.devices",
        {"cpu_realtime_factor": (">=", 100.0, "x real time on one core"), "bad_messages": ("<=", 0.0, "messages")},
        cost="cpu_s",
        scales=(0.2, 1.0, 10.0),
        asked_at={
            10.0: {"cpu_realtime_factor": (">=", 10.0, "x real time on one core"), "bad_messages": ("<=", 0.0, "messages")}
        },
        memory="peak_rss_mb",
    ),
    Bench("fleet", "sensor fleet alone: measuring, faults, channel, frames", "scenarios.bench.fleet", {}),
    Bench(
        "viewers",
        "viewers at 4 Hz on one process, 5 % of them stalled",
        "scenarios.bench.viewers",
        {
            "events_lost": ("<=", 0.0, "events"),
            "state_frames_lost_ratio": ("<=", 0.05, "of state frames"),
            "age_p95_ms": ("<", 250.0, "ms"),
        },
        cost="server_cpu_ratio",
    ),
    Bench(
        "jump_back",
        "going back 20 minutes in a run of 2 h: city and center stand there, the series of 1 h filled again",
        "scenarios.bench.jump_back",
        {"seconds": ("<", 1.0, "s")},
    ),
    Bench(
        "start",
        "from the command to a usable page",
        "scenarios.bench.start",
        {"warm_s": ("<", 3.0, "s")},
    ),
)


def by_name(name: str) -> Bench:
    """Return a benchmark. Raises ValueError that lists the names there are."""
    for bench in BENCHES:
        if bench.name == name:
            return bench
    raise ValueError(f"benchmark {name!r} is unknown; expected one of {', '.join(b.name for b in BENCHES)}")


def measure(bench: Bench, scale: float) -> dict[str, Any]:
    """Run one benchmark at one scale in its own process and return its figures. Raises RuntimeError with its last line."""
    call = json.dumps({"module": bench.module, "arguments": {**bench.arguments, "scale": scale}})
    command = [sys.executable, "-m", "scenarios.bench.suite", call]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"benchmark {bench.name} at x{scale:g} did not end within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"benchmark {bench.name} at x{scale:g} ended with status {done.returncode}: {last}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def growth(figure: str, runs: dict[float, dict[str, Any]]) -> float | None:
    """Return the exponent p of figure ~ size^p between the smallest and the largest scale at which it was measured, or None."""
    scales = sorted(scale for scale, figures in runs.items() if float(figures.get(figure) or 0.0) > 0.0)
    if len(scales) < 2:
        return None
    least, most = (float(runs[s][figure]) for s in (scales[0], scales[-1]))
    return round(math.log(most / least) / math.log(scales[-1] / scales[0]), 2)


def verdicts(bench: Bench, figures: dict[str, Any], scale: float = 1.0) -> dict[str, dict[str, Any]]:
    """Lay each figure asked at a scale beside the one measured."""
    asked = bench.asked if scale == 1.0 else bench.asked_at.get(scale, {})
    compare = {">=": float.__ge__, "<=": float.__le__, "<": float.__lt__}
    if "skipped" in figures:
        return {}
    return {
        (key if scale == 1.0 else f"{key} at x{scale:g}"): {
            "asked": f"{sign} {bound:g} {unit}",
            "measured": figures.get(key),
            "holds": key in figures and bool(compare[sign](float(figures[key]), bound)),
        }
        for key, (sign, bound, unit) in asked.items()
    }


def run_suite(names: Sequence[str], one_scale: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, result) for each benchmark; `result` holds verdicts, all runs and the growth of cost (and memory)."""
    for bench in [by_name(name) for name in names] or list(BENCHES):
        runs = {scale: measure(bench, scale) for scale in ((1.0,) if one_scale else bench.scales)}
        yield (
            bench.name,
            {
                "title": bench.title,
                "figures": {k: v for scale, figures in runs.items() for k, v in verdicts(bench, figures, scale).items()},
                "runs": {f"x{scale:g}": figures for scale, figures in runs.items()},
                "cost_grows_with_size_to_the_power": growth(bench.cost, runs),
                "memory_grows_with_size_to_the_power": growth(bench.memory, runs) if bench.memory else None,
            },
        )


def _child(call: str) -> None:
    request = json.loads(call)
    figures = importlib.import_module(request["module"]).run(**request["arguments"])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    _child(sys.argv[1])
