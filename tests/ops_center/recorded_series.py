"""Random recorded series and rule files over them, for properties of replays."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ops_center.series import SeriesStore

EPOCH_MS = 1_700_000_000_000
END_MS = 900_000
FUNCTIONS = (
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "stddev_over_time",
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "changes",
    "resets",
    "deriv",
    "first_over_time",
    "stdvar_over_time",
    "mad_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "predict_linear",
    "quantile_over_time",
    "double_exponential_smoothing",
)
BEFORE = {
    "quantile_over_time": ("0.7, ", "0.5, ", "1, ", "-1, ", "NaN, ", "time() % 1000 / 800 - 0.1, ")
}  # some are other at each step
BEHIND = {"predict_linear": (", 60", ", time() % 100"), "double_exponential_smoothing": (", 0.3, 0.7", ", 0.9, 0.1")}
METRICS = ("x", "y", "e")  # x and y report together, e when it likes


@st.composite
def stores(draw: st.DrawFn) -> SeriesStore:
    """Series with gaps, stale markers, resets, NaN, samples that come late or out of order, and several phases."""
    rng = np.random.Generator(np.random.Philox(draw(st.integers(0, 2**32 - 1))))
    store = SeriesStore()
    gappy, late, stale = draw(st.booleans()), draw(st.sampled_from(["never", "always", "some", "cells"])), draw(st.booleans())
    for metric in ("x", "y"):
        for phase in range(draw(st.integers(1, 2))):
            labels = [{"d": f"{phase}{i}", "zone": f"z{i % 2}"} for i in range(draw(st.integers(1, 4)))]
            family = store.family(metric, labels, 15_000)
            total = np.zeros(len(labels))
            batches = []
            for at_ms in range(phase * 4_000, END_MS, 15_000):
                total = np.where(rng.random(len(labels)) < 0.05, 0.0, total + rng.integers(0, 8, len(labels)) / 4)
                values = total if metric == "y" else rng.integers(0, 40, len(labels)) / 3
                values = np.where(rng.random(len(labels)) < 0.01, np.nan, values)
                valid = rng.random(len(labels)) >= (0.2 if gappy else 0.0)
                batches.append((at_ms, values, valid))
            for received_ms, at_ms, values, valid in sorted(_sent(batches, late, rng), key=lambda b: b[0]):
                family.append(at_ms, received_ms, values, None, None if bool(valid.all()) else valid)
            if stale:
                slots = np.array([0], dtype=np.intp)
                family.append(phase * 4_000 + 300_001, 300_001 + phase * 4_000, 0.0, slots, stale=True)
    for i in range(draw(st.integers(0, 3))):
        at_ms = 0
        while at_ms < END_MS:
            at_ms += int(rng.integers(1, 90_000))
            wait = int(rng.integers(0, 40_000)) if late != "never" else 0
            store.append_sample(
                "e",
                {"d": f"0{i}", "zone": f"z{i % 2}"},
                at_ms,
                float(rng.integers(0, 10)),
                at_ms + wait,
                bool(rng.random() < 0.05),
            )
    return store


def _sent(batches: list[Any], late: str, rng: np.random.Generator) -> list[Any]:
    out = []
    for at_ms, values, valid in batches:
        wait = {"never": 0, "always": 700, "some": 20_000 * int(rng.random() < 0.2), "cells": 300}[late]
        tardy = valid & (rng.random(len(valid)) < 0.2) if late == "cells" else valid & False
        out.append((at_ms + wait, at_ms, values, valid & ~tardy))
        for column in np.flatnonzero(tardy).tolist():
            only = np.arange(len(valid)) == column
            out.append((at_ms + int(rng.integers(1_000, 60_000)), at_ms, values, only))
    return out


durations = st.sampled_from(["15s", "30s", "1m", "100s", "2m", "5m"])
selectors = st.builds(
    lambda m, where, offset: f"{m}{where}", st.sampled_from(METRICS), st.sampled_from(["", '{zone="z0"}', '{d=~"0."}']), st.none()
)
offsets = st.sampled_from(["", "", "", " offset 40s", " offset -40s"])
comparisons = st.builds(
    lambda op, n: f"{op} {n}", st.sampled_from(["<", ">", ">=", "=="]), st.sampled_from(["0", "0.1", "1", "3", "6"])
)


@st.composite
def vectors(draw: st.DrawFn) -> str:
    """An expression of one metric."""
    selector, offset = draw(selectors), draw(offsets)
    shape = draw(st.integers(0, 3))
    if shape == 0:
        return selector + offset
    function = draw(st.sampled_from(FUNCTIONS))
    before, behind = (draw(st.sampled_from(some.get(function, ("",)))) for some in (BEFORE, BEHIND))
    call = f"{function}({before}{selector}[{draw(durations)}]{offset}{behind})"
    if shape == 1:
        return f"sum by (zone) ({call})"
    if shape == 2:
        return f"max_over_time(({call})[2m:{draw(st.sampled_from(['30s', '45s']))}])"
    return call


@st.composite
def expressions(draw: st.DrawFn, more: tuple[str, ...] = ()) -> str:
    """What an alerting rule may ask, among other things of what other rules wrote (`more`)."""
    left = draw(st.one_of(vectors(), st.sampled_from(more))) if more else draw(vectors())
    shape = draw(st.integers(0, 7))
    if shape == 0:
        return f"{left} {draw(comparisons)} and on (zone) {draw(vectors())} {draw(comparisons)}"
    if shape == 1:
        return f"({left} {draw(comparisons)}) or on (d) {draw(vectors())} > 2"
    if shape == 2:
        return f"absent({left} {draw(comparisons)})"
    if shape == 3:
        return f"{left} / on (d, zone) {draw(vectors())} {draw(comparisons)}"
    if shape == 4:
        return f"{left} {draw(comparisons)} unless on (zone) e"
    return f"{left} {draw(comparisons)}"


@st.composite
def rule_files(draw: st.DrawFn) -> str:
    """A rule file: groups of several intervals and offsets, rules that read each other, limits and durations."""
    lines, written = ["groups:"], []
    for number in range(draw(st.integers(1, 2))):
        lines += [f"- name: g{number}", f"  interval: {draw(st.sampled_from(['15s', '30s', '20s']))}"]
        lines += [f"  query_offset: {draw(st.sampled_from(['10s', '1m']))}"] if draw(st.integers(0, 3)) == 0 else []
        lines += [f"  limit: {draw(st.integers(1, 3))}"] if draw(st.integers(0, 3)) == 0 else []
        lines += ["  rules:"]
        for rule in range(draw(st.integers(1, 3))):
            expr = draw(expressions(tuple(written)))
            if draw(st.integers(0, 3)) == 0:
                lines += [f"  - record: r{number}{rule}", f"    expr: {expr}"]
                written.append(f"r{number}{rule}")
                continue
            lines += [
                f"  - alert: A{number}{rule}",
                f"    expr: {expr}",
                f"    for: {draw(st.sampled_from(['0s', '15s', '1m', '100s']))}",
            ]
            lines += (
                [f"    keep_firing_for: {draw(st.sampled_from(['15s', '1m', '2m']))}"] if draw(st.integers(0, 2)) == 0 else []
            )
            label = draw(st.sampled_from(["", "", "", "{zone: everywhere}", '{v: "{{ $value }}"}', '{v: "{{ $labels.d }}"}']))
            lines += [f"    labels: {label}"] if label else []
            written.append(f'ALERTS{{alertname="A{number}{rule}"}}')
    if draw(st.integers(0, 5)) == 0:
        lines += ["  - alert: Early", '    expr: count(ALERTS{alertname="Late"}) > 0', "  - alert: Late", "    expr: x > 6"]
    return "\n".join(lines)
