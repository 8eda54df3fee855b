"""What Prometheus remarks on parameters and on functions of ranges; knows no evaluation, only what came of it."""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import NAME, value_of
from ops_center.promql import ast
from ops_center.promql.histograms import note_quantiles
from ops_center.promql.numbers import quoted, shown_number
from ops_center.promql.selectors import Context
from ops_center.promql.values import Vector
from ops_center.series_blocks import FloatArray

_COUNTER_NAMES = ("_total", "_sum", "_count", "_bucket")
_NO_COUNTER = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
_NO_COUNTER_TYPE = 'metric might not be a counter, __type__ label is not set to "counter" or "histogram"'


def note_param(expr: ast.Aggregate, param: FloatArray, context: Context) -> None:
    """What Prometheus remarks on the parameter of an aggregation: quantiles that are none, ratios beyond one."""
    if expr.param is None:
        return
    if expr.op == "quantile":
        note_quantiles(param, context.watch, expr.param.span)
    if expr.op == "limit_ratio" and context.watch.notes is not None:
        for value in dict.fromkeys(param[np.abs(param) > 1].tolist()):
            what = f"ratio value should be between -1 and 1, got {shown_number(value)}, capping to {1 if value > 1 else -1}"
            context.watch.notes.warn(what, expr.param.span)


def note_range(expr: ast.Call, found: Vector, params: list[FloatArray], context: Context) -> None:
    """What Prometheus remarks on functions of ranges: quantiles that are none, and counters that may be gauges."""
    notes, there = context.watch.notes, found.present
    if notes is None:
        return
    if expr.func == "quantile_over_time":
        note_quantiles(params[0], context.watch, expr.args[0].span, np.asarray(there.any(axis=1), dtype=np.bool_))
    if expr.func not in ("rate", "increase"):
        return
    seen = [found.labels.sets[c] for c in np.flatnonzero(there.any(axis=0)).tolist()]
    for labels in dict.fromkeys(tuple(p for p in one if p[0] in (NAME, "__type__")) for one in seen):
        name, kind = value_of(labels, NAME), value_of(labels, "__type__")
        if context.options.metadata_labels and name and kind not in ("counter", "histogram"):
            notes.info(f"{_NO_COUNTER_TYPE}, got {quoted(kind)}: {quoted(name)}", expr.args[0].span)
        elif not context.options.metadata_labels and name and not name.endswith(_COUNTER_NAMES):
            notes.info(f"{_NO_COUNTER}: {quoted(name)}", expr.args[0].span)
