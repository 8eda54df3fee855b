"""How many series the rule engine evaluates per second, live and over recorded series, beside what is installed; prints nothing.

The load: series at 15 s for an hour, five rules in the mix of a city (40 % slow detectors, 20 % rates by zone, 20 % dark
lamps by zone, 10 % peaks, 10 % increases), `for: 2m`, 40 zones; each series is read by one rule. A series-evaluation is one
series at one step. Live: step by step, as readings come. Recorded: the whole hour replayed. The sweep: 50 thresholds × 6 `for` of
the first rule over the same hour.
"""

from __future__ import annotations

import resource
import time
from time import perf_counter, process_time
from typing import Any

import numpy as np

from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.replay import replay
from ops_center.rules.variants import Variants
from ops_center.series import Family, SeriesStore
from ops_center.series_blocks import FloatArray
from scenarios.bench.rule_peers import Load, measured
from scenarios.rulebench.dials import panel_of
from scenarios.rulebench.sweep import firings

PERIOD_MS = 15_000
STEPS = 241
ZONES = 40
RULES = """
groups:
- name: bench
  interval: 15s
  rules:
  - alert: SlowTraffic
    expr: avg_over_time(speed_kmh[5m]) < 15
    for: 2m
    labels: {severity: warning}
    annotations: {summary: "{{ $labels.sensor }} at {{ $value | humanize }} km/h"}
  - alert: ZoneFlow
    expr: sum by (zone) (rate(vehicles_total[5m])) > 12
    for: 2m
  - alert: DarkZone
    expr: count by (zone) (lamp_on == 0) > 5
    for: 2m
  - alert: HighPeak
    expr: max_over_time(occupancy_ratio[2m]) > 0.9
    for: 2m
  - alert: FewPassages
    expr: increase(passages_total[10m]) / count_over_time(passages_total[10m]) < 0.5
    for: 2m
"""
SHARES = (("speed_kmh", 0.4), ("vehicles_total", 0.2), ("lamp_on", 0.2), ("occupancy_ratio", 0.1), ("passages_total", 0.1))


def _noise(count: int, step: int, salt: int) -> FloatArray:
    """Numbers in 0…1 that need no random generator: fractional parts of multiples of the golden ratio."""
    turns = (np.arange(count) + 1) * 0.618033988749895 * (salt + 1) + step * 0.7548776662466927
    return np.asarray(np.mod(turns, 1.0), dtype=np.float64)


def _values(metric: str, count: int, step: int, total: FloatArray) -> FloatArray:
    noise = _noise(count, step, 0)
    if metric == "speed_kmh":
        base = 40 + 20 * _noise(count, 0, 3)
        jam = (_noise(count, 0, 5) < 0.15) & (step > 60)
        return np.where(jam, 8 + 6 * noise, base + 5 * noise)
    if metric == "lamp_on":
        return (noise > 0.02).astype(np.float64)
    if metric == "occupancy_ratio":
        crowd = (_noise(count, 0, 5) < 0.1) & (step % 120 > 80)
        return np.where(crowd, 0.92, 0.6) + 0.05 * noise
    total += np.floor(4 * noise)
    return total.copy()


def _families(store: SeriesStore, series: int) -> list[tuple[Family, FloatArray]]:
    out: list[tuple[Family, FloatArray]] = []
    for metric, share in SHARES:
        count = max(ZONES, int(series * share))
        labels = [{"sensor": f"{metric}:{i}", "zone": f"z{i % ZONES}"} for i in range(count)]
        out.append((store.family(metric, labels, PERIOD_MS), np.zeros(count)))
    return out


def run(scale: float = 1.0, peers: bool = False) -> dict[str, Any]:
    """Evaluate an hour of `10 000 × scale` series, recorded, swept and live; with `peers` also by what is installed.

    Returns:
        series, steps; `replay_…`, `sweep_…` and live figures as their functions say; `engines`: a row for each engine.
    """
    store, _ = recorded(scale)
    found: dict[str, Any] = {"series": _count(store), "steps": STEPS}
    found |= replayed(store)
    found |= swept(store)
    del store
    found |= live(scale)
    ours = {
        "engine": "cityops replay", "per_s": found["replay_per_s"], "per_cpu_s": found["replay_per_cpu_s"],
        "wall_s": found["replay_s"], "peak_rss_mb": found["replay_peak_rss_mb"],
    }  # fmt: skip
    return found | {"engines": beside([ours, *(measured(load_of(scale), scale <= 1.0) if peers else ())])}


def _count(store: SeriesStore) -> int:
    return sum(len(metric) for metric in store.metrics.values())


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def recorded(scale: float) -> tuple[SeriesStore, list[Family]]:
    """The hour in a store."""
    store = SeriesStore()
    families = _families(store, int(10_000 * scale))
    for step in range(STEPS):
        for family, total in families:
            family.append(step * PERIOD_MS, step * PERIOD_MS, _values(family.metric, len(family), step, total))
    return store, [family for family, _ in families]


def load_of(scale: float) -> Load:
    """The hour as the peers get it: it ends some minutes ago, for none of them takes what is old."""
    blocks = []
    for family, total in _families(SeriesStore(), int(10_000 * scale)):
        values = np.stack([_values(family.metric, len(family), step, total).copy() for step in range(STEPS)])
        blocks.append((family.labels, values))
    rules = load_text(RULES, "bench.yml").groups[0].rules
    first_s = int(time.time()) // 60 * 60 - STEPS * PERIOD_MS // 1000 - 300  # noqa: TID251  # peers live in wall time
    return Load(blocks, RULES, tuple(rule.text for rule in rules), first_s * 1000, PERIOD_MS, STEPS)


def replayed(store: SeriesStore, times: int = 3) -> dict[str, float]:
    """The rules over the recorded hour: the fastest of some replays.

    Returns:
        replay_s (by the clock), replay_per_s, replay_per_cpu_s (series-evaluations by clock and processor), replay_firings,
        replay_peak_rss_mb (of this process, the series in it included).
    """
    files, settings = [load_text(RULES, "bench.yml")], Settings(default_interval_ms=PERIOD_MS)
    work, best_s, best_cpu_s, firings = _count(store) * STEPS, np.inf, np.inf, 0
    for _ in range(times):
        start, busy = perf_counter(), process_time()
        firings = len(replay(files, store, 0, (STEPS - 1) * PERIOD_MS, settings).firings)
        best_s, best_cpu_s = min(best_s, perf_counter() - start), min(best_cpu_s, process_time() - busy)
    return {
        "replay_s": best_s, "replay_per_s": work / best_s, "replay_per_cpu_s": work / best_cpu_s, "replay_firings": firings,
        "replay_peak_rss_mb": _peak_mb(),
    }  # fmt: skip


def swept(store: SeriesStore) -> dict[str, float]:
    """300 configurations of the first rule over the recorded hour.

    Returns:
        sweep_s, sweep_cpu_s, sweep_configurations, sweep_firings (of all configurations), sweep_peak_rss_mb.
    """
    files, settings = [load_text(RULES, "bench.yml")], Settings(default_interval_ms=PERIOD_MS)
    rule = files[0].groups[0].rules[0]
    panel = panel_of(rule.text, rule.expr, rule.for_ms)
    values = {
        "threshold": [5.0 + 0.5 * i for i in range(50)],
        "window": [300_000.0],
        "for": [15_000.0 * i for i in (0, 1, 2, 4, 8, 20)],
    }
    start, busy = perf_counter(), process_time()
    variants = Variants(files, 0, store, 0, (STEPS - 1) * PERIOD_MS, settings)
    found = [len(fired.fired_ms) for fired in firings(variants, panel, values)]
    return {
        "sweep_s": perf_counter() - start, "sweep_cpu_s": process_time() - busy, "sweep_configurations": len(found),
        "sweep_firings": sum(found), "sweep_peak_rss_mb": _peak_mb(),
    }  # fmt: skip


def beside(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of engines, each with how many times as fast the first is: by the clock, and by the processor."""
    first = rows[0]
    for row in rows[1:]:
        for name, key in (("ratio", "per_s"), ("cpu_ratio", "per_cpu_s")):
            if row.get(key):
                row[name] = first[key] / row[key]
    return rows


def live(scale: float) -> dict[str, float]:
    """The same hour live, step by step.

    Returns:
        seconds (appends and evaluations), evaluation_seconds, series_evaluations_per_s (by evaluation),
        series_evaluations_per_cpu_s (the same by processor time, for machines that do other things too),
        firing: alerts firing at the end, changes: condition changes in all.
    """
    store = SeriesStore()
    families = _families(store, int(10_000 * scale))
    rules = RuleEngine(store, Settings(default_interval_ms=PERIOD_MS))
    rules.load([load_text(RULES, "bench.yml")], 0)
    series = sum(len(family) for family, _ in families)
    spent = evaluating = cpu = 0.0
    changes = 0
    for step in range(STEPS):
        columns = [_values(f.metric, len(f), step, total) for f, total in families]
        start = perf_counter()
        for (family, _), values in zip(families, columns, strict=True):
            family.append(step * PERIOD_MS, step * PERIOD_MS, values)
        middle, busy = perf_counter(), process_time()
        changes += len(rules.evaluate(step * PERIOD_MS))
        end = perf_counter()
        cpu += process_time() - busy
        spent += end - start
        evaluating += end - middle
    firing = sum(1 for _, _, alerts in rules.active_alerts((STEPS - 1) * PERIOD_MS) for a in alerts if a.condition == "firing")
    return {
        "seconds": spent,
        "evaluation_seconds": evaluating,
        "series_evaluations_per_s": series * STEPS / evaluating,
        "series_evaluations_per_cpu_s": series * STEPS / cpu,
        "firing": firing,
        "changes": changes,
    }
