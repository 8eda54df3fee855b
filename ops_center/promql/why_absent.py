"""Why a part of an expression has no result: no such series, a gap, a stale marker, a sample that came late, too few samples.

Lives here: looking at the store once more, further back and with what is known by now. Must not know: rules, alerts.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from ops_center.label_sets import NAME, format_labels
from ops_center.promql import ast
from ops_center.promql.engine import evaluate
from ops_center.promql.errors import PromQLError
from ops_center.promql.explained import Node, Reason
from ops_center.promql.focus import Focus, agrees, narrowed
from ops_center.promql.selectors import Context, sample_times
from ops_center.promql.values import Vector

FAR_BACK_MS = 24 * 3_600_000


def last_samples(selector: ast.Selector, context: Context) -> Vector:
    """When the samples were taken that a selector sees, epoch seconds."""
    return sample_times(selector, context)


def why_absent(selector: ast.Selector, focus: Focus, context: Context, range_ms: int | None = None) -> Reason:
    """Why a selector has no series that agrees with the focus; with `range_ms`, why no window of that length has a sample."""
    sets = context.store.select(selector.matchers).labels.sets
    if not sets:
        return _no_series(selector, context)
    if not any(agrees(labels, focus) for labels in sets):
        return Reason("other_labels", {"series": len(sets)})
    mine = narrowed(selector, focus)
    lookback_ms = context.options.lookback_ms if range_ms is None else range_ms
    return _late(mine, context, lookback_ms) or _gone(mine, context, lookback_ms)


def _no_series(selector: ast.Selector, context: Context) -> Reason:
    """Which matcher leaves nothing."""
    name = next((m.value for m in selector.matchers if m.name == NAME and m.op == "="), "")
    if name and not context.store.select((next(m for m in selector.matchers if m.name == NAME),)).labels.sets:
        return Reason("unknown_metric", {"metric": name})
    kept = [m for m in selector.matchers if m.name == NAME]
    for matcher in (m for m in selector.matchers if m.name != NAME):
        kept.append(matcher)
        if not context.store.select(tuple(kept)).labels.sets:
            return Reason("no_series", {"matcher": f'{matcher.name}{matcher.op}"{matcher.value}"'})
    return Reason("no_series", {"matcher": format_labels(tuple((m.name, m.value) for m in selector.matchers))})


def _late(selector: ast.Selector, context: Context, lookback_ms: int) -> Reason | None:
    """Samples of the instant that came after it."""
    if context.as_of is None:
        return None
    late = _times(selector, msgspec.structs.replace(context, as_of=None, memo=None), lookback_ms)
    return Reason("late", {"series": len(late)}) if len(late) else None


def _gone(selector: ast.Selector, context: Context, lookback_ms: int) -> Reason:
    """The last sample lies too far back, or a stale marker stands after it, or there never was one."""
    at_ms = int(context.times[0]) - selector.offset_ms
    far_ms = max(FAR_BACK_MS, lookback_ms)
    plain = msgspec.structs.replace(context, memo=None)
    seen = _times(selector, plain, far_ms)
    if len(seen):
        last_ms = round(float(seen.max()) * 1000)
        facts = {"last_ms": last_ms - context.shift_ms, "ago_ms": at_ms - last_ms, "lookback_ms": lookback_ms}
        return Reason("gap", facts)
    window = ast.Call("ts_of_last_over_time", (ast.Matrix(selector, far_ms),))
    try:
        before = evaluate(window, plain)
    except PromQLError:
        return Reason("never")
    if isinstance(before, Vector) and before.present.any():
        last_ms = round(float(before.values[before.present].max()) * 1000)
        return Reason("ended", {"last_ms": last_ms - context.shift_ms, "ago_ms": at_ms - last_ms})
    return Reason("never")


def _times(selector: ast.Selector, context: Context, lookback_ms: int) -> np.ndarray:
    wide = msgspec.structs.replace(context, options=replace(context.options, lookback_ms=lookback_ms))
    found = sample_times(selector, wide)
    return np.asarray(found.values[found.present])


def why_no_result(expr: ast.Expr, children: tuple[Node, ...]) -> Reason:
    """Why a call, an aggregation or a sign has no result for what is asked about."""
    if isinstance(expr, ast.Call):
        if expr.func in ("absent", "absent_over_time"):
            return Reason("there_is", {"series": next((c.series for c in children if c.kind != "number"), 0)})
        ranged = next((c for c in children if c.kind in ("range", "subquery") and c.holds), None)
        if ranged is not None:
            return Reason("few_samples", {"samples": int(max((s.value or 0 for s in ranged.shown), default=0))})
    if any(not child.holds for child in children):
        return Reason("inside")
    return Reason("not_chosen")
