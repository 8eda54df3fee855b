"""How many series the rule engine evaluates per second, online, with alert states; prints nothing.

The load: series at 15 s for an hour, five rules in the mix of a city (40 % slow detectors, 20 % rates by zone, 20 % dark
lamps by zone, 10 % peaks, 10 % increases), `for: 2m`, 40 zones; each series is read by one rule.
"""

from __future__ import annotations

from time import perf_counter, process_time

import numpy as np

from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.series import Family, SeriesStore
from ops_center.series_blocks import FloatArray

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


def run(scale: float = 1.0) -> dict[str, float]:
    """Evaluate an hour of `10 000 × scale` series, step by step.

    Returns:
        series, steps, seconds (appends and evaluations), evaluation_seconds, series_evaluations_per_s (by evaluation),
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
        "series": series,
        "steps": STEPS,
        "seconds": spent,
        "evaluation_seconds": evaluating,
        "series_evaluations_per_s": series * STEPS / evaluating,
        "series_evaluations_per_cpu_s": series * STEPS / cpu,
        "firing": firing,
        "changes": changes,
    }
