"""Ranges whose bounds get values of their own: `anchored` takes the sample before, `smoothed` a straight line between two.

Lives here: the kernels of `rate`, `increase`, `delta`, `changes` and `resets` over such ranges, and `smoothed` instants.
Source: Prometheus' proposal of 2025 on extended range selectors. Must not know: labels.
"""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import BoolArray
from ops_center.promql import ast
from ops_center.promql.selectors import Context, guard, range_ms_of, reference
from ops_center.promql.values import Vector
from ops_center.series_blocks import FloatArray, TimeArray, Window


def _between(times: TimeArray, values: FloatArray, left: int, at_ms: int, counter: bool) -> float:
    """The line between a sample and the next at an instant; a counter that fell began at 0."""
    before, after = float(values[left]), float(values[left + 1])
    if counter and after < before:
        before = 0.0
    return before + (after - before) * float(at_ms - times[left]) / float(times[left + 1] - times[left])


def _lost(left: float, right: float, inner: FloatArray) -> float:
    """What the resets of a counter on the way from left to right took from it."""
    way = np.concatenate([[left], inner, [right]])
    return float(way[:-1][way[1:] < way[:-1]].sum())


def _change(times: TimeArray, values: FloatArray, bounds: tuple[int, int], smoothed: bool, counter: bool) -> float | None:
    """The change between two bounds, from samples that reach beyond them; None where there is none to tell from."""
    start_ms, end_ms = bounds
    last = len(times) - 1
    first = max(0, int(np.searchsorted(times[:last], start_ms, "right")) - 1)
    if smoothed:
        last = int(np.searchsorted(times[:last], end_ms, "left"))
    if times[last] <= start_ms or times[first] > end_ms:
        return None
    left, right = float(values[first]), float(values[last])
    if smoothed and times[first] < start_ms:
        left = _between(times, values, first, start_ms, counter)
    if smoothed and times[last] > end_ms and last > 0:
        right = _between(times, values, last - 1, end_ms, counter)
    return right - left + (_lost(left, right, values[first + 1 : last]) if counter else 0.0)


def _steps(times: TimeArray, values: FloatArray, start_ms: int, resets: bool) -> float | None:
    """How often neighbours differ, or fall, from the last sample at or before the start on."""
    if times[-1] <= start_ms:
        return None
    first = max(0, int(np.searchsorted(times, start_ms, "right")) - 1)
    before, now = values[first:-1], values[first + 1 :]
    return float(np.count_nonzero(now < before if resets else (now != before) & ~(np.isnan(now) & np.isnan(before))))


def _column(window: Window, column: int) -> tuple[TimeArray, FloatArray]:
    valid = slice(None) if window.valid is None else window.valid[:, column]
    times = window.times if window.times.ndim == 1 else window.times[:, column]
    return times[valid], window.values[valid, column]


def _one(func: str, times: TimeArray, values: FloatArray, bounds: tuple[int, int], smoothed: bool) -> float | None:
    if func in ("changes", "resets"):
        return _steps(times, values, bounds[0], func == "resets")
    change = _change(times, values, bounds, smoothed, func != "delta")
    if change is None or func != "rate":
        return change
    return change / ((bounds[1] - bounds[0]) / 1000)


def extended_range(func: str, node: ast.Matrix, context: Context) -> Vector:
    """A function over an anchored or smoothed range, at each instant."""
    smoothed = node.selector.extended == "smoothed"
    selection = context.store.select(node.selector.matchers)
    guard(len(context.times), len(selection.labels), context)
    ends, range_ms = reference(node.selector, context) - context.shift_ms, range_ms_of(node, context)
    ends = np.broadcast_to(ends, context.times.shape)
    values = np.zeros((len(ends), len(selection.labels)))
    present = np.zeros(values.shape, dtype=np.bool_)
    reach = context.options.lookback_ms
    for row, end_ms in enumerate(ends.tolist()):
        bounds, left = (end_ms - range_ms, end_ms), 0
        for block, columns, width in selection.parts:
            context.watch.check()
            window = block.window(bounds[0] - reach + 1, end_ms + (reach if smoothed else 0), columns, context.as_of)
            for column in range(width if window is not None else 0):
                found = _column_result(func, window, column, bounds, smoothed)
                if found is not None:
                    values[row, left + column], present[row, left + column] = found, True
            left += width
    return Vector(selection.labels, values, present)


def _column_result(func: str, window: Window | None, column: int, bounds: tuple[int, int], smoothed: bool) -> float | None:
    if window is None:
        return None
    times, values = _column(window, column)
    return _one(func, times, values, bounds, smoothed) if len(times) else None


def smoothed_instant(node: ast.Selector, context: Context) -> Vector:
    """Each series on the line between its samples around each instant, or at its last one where none follows."""
    selection = context.store.select(node.matchers)
    guard(len(context.times), len(selection.labels), context)
    instants = np.broadcast_to(reference(node, context) - context.shift_ms, context.times.shape)
    values = np.zeros((len(instants), len(selection.labels)))
    present: BoolArray = np.zeros(values.shape, dtype=np.bool_)
    reach = context.options.lookback_ms
    for row, at_ms in enumerate(instants.tolist()):
        left = 0
        for block, columns, width in selection.parts:
            context.watch.check()
            window = block.window(at_ms - reach + 1, at_ms + reach, columns, context.as_of)
            for column in range(width if window is not None else 0):
                found = _on_line(window, column, at_ms)
                if found is not None:
                    values[row, left + column], present[row, left + column] = found, True
            left += width
    return Vector(selection.labels, values, present)


def _on_line(window: Window | None, column: int, at_ms: int) -> float | None:
    if window is None:
        return None
    times, values = _column(window, column)
    before = int(np.searchsorted(times, at_ms, "right")) - 1
    if before < 0:
        return None
    exact = times[before] == at_ms or before == len(times) - 1
    return float(values[before]) if exact else _between(times, values, before, at_ms, counter=False)
