"""Aggregation operators over columns, by groups kept on the label handle; knows no syntax and no store.

Formulas: Prometheus promql/engine.go. Sums are compensated; here over a tree of pairs, so that 250 series cost 8 array
operations and not 250.
"""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import (
    NAME,
    BoolArray,
    Groups,
    IndexArray,
    Labels,
    LabelSets,
    group_by_keys,
    groups_of,
    labels_of,
    parts_of,
)
from ops_center.promql.errors import EvaluationError
from ops_center.promql.label_hash import hash_share
from ops_center.promql.numbers import format_value, is_label_name, quoted
from ops_center.promql.order import quantiles_of
from ops_center.promql.values import Vector
from ops_center.promql.watch import UNWATCHED, Watch
from ops_center.promql.windows import _incremental_mean
from ops_center.series_blocks import FloatArray

Param = FloatArray | str | None
_BEYOND_INT64 = 2.0**63


def grouping_of(labels: LabelSets, names: tuple[str, ...], without: bool) -> tuple[LabelSets, Groups]:
    """The groups of a handle and the labels of the groups, kept on the handle."""

    def build() -> tuple[LabelSets, Groups]:
        sets, groups = group_by_keys(parts_of(labels.sets, (*names, NAME) if without else names, without))
        drops = None
        if NAME in names and not without and labels.drop_name is not None:
            drops = np.bincount(groups.ids, weights=labels.drop_name, minlength=len(sets)) > 0
        return LabelSets(sets, drops), groups

    return labels.derive(("group", without, names), build)


def aggregate(op: str, vector: Vector, names: tuple[str, ...], without: bool, param: Param, watch: Watch = UNWATCHED) -> Vector:
    """One aggregation.

    Raises:
        EvaluationError: a count that is NaN or beyond an int64, a bad label name.
    """
    labels, groups = grouping_of(vector.labels, names, without)
    if isinstance(param, str):
        return _count_values(vector, labels, groups, param, without and param in names, watch)
    if op in ("topk", "bottomk", "limitk") and param is not None:
        return _pick(op, vector, groups, param, watch)
    if op == "limit_ratio" and param is not None:
        return _share(vector, param)
    if not len(vector.labels):
        return Vector(labels, np.zeros((len(vector.values), 0)), np.zeros((len(vector.values), 0), dtype=np.bool_))
    if groups.singletons and op in ("sum", "avg", "min", "max"):
        alone = vector.values if op in ("min", "max") else vector.values + 0.0  # a sum begins at zero: −0 becomes 0
        return Vector(labels, alone, vector.present)
    counts = group_counts(vector.present, groups)
    if op == "quantile" and isinstance(param, np.ndarray):
        return Vector(labels, _quantiles(vector, groups, param, watch), counts > 0)
    return Vector(labels, _numbers(op, vector, groups, counts), counts > 0)


def group_counts(present: BoolArray, groups: Groups) -> FloatArray:
    """How many columns of each group are present, shape (steps, groups)."""
    if groups.singletons:
        return present.astype(np.float64)
    if len(present) == 1:
        found: FloatArray = np.bincount(groups.ids[present[0].nonzero()[0]], minlength=groups.count).astype(np.float64)
        return found[None, :]
    out: FloatArray = np.add.reduceat(present[:, groups.order], groups.starts, axis=1, dtype=np.intp).astype(np.float64)
    return out


def _numbers(op: str, vector: Vector, groups: Groups, counts: FloatArray) -> FloatArray:
    match op:
        case "sum":
            total, error = group_sums(vector, groups)
            return total + error
        case "avg":
            return _averages(vector, groups, counts)
        case "count":
            return counts
        case "group":
            return np.ones_like(counts)
        case "min":
            return _extremes(vector, groups, np.fmin)
        case "max":
            return _extremes(vector, groups, np.fmax)
        case "stdvar":
            return _variances(vector, groups)
        case "stddev":
            return np.asarray(np.sqrt(_variances(vector, groups)))
        case _:
            raise EvaluationError(f"unknown aggregation {op!r}")


def _padded(array: np.ndarray, fill: float | bool) -> np.ndarray:
    return np.concatenate([array, np.full((len(array), 1), fill, dtype=array.dtype)], axis=1)


def group_sums(vector: Vector, groups: Groups) -> tuple[FloatArray, FloatArray]:
    """Sum and compensation per group, shape (steps, groups)."""
    if groups.singletons:
        return np.where(vector.present, vector.values, 0.0), np.zeros(vector.values.shape)
    values = _padded(np.where(vector.present, vector.values, 0.0), 0.0)
    total, error = np.zeros((len(values), groups.count)), np.zeros((len(values), groups.count))
    for members, index in groups.ladders:
        total[:, members], error[:, members] = _tree_sum(values[:, index])
    return total, np.where(np.isfinite(total), error, 0.0)


def _tree_sum(rungs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pairwise sums down axis 1 with the exact error of each addition (Knuth's TwoSum)."""
    error = np.zeros((rungs.shape[0], rungs.shape[2]))
    while rungs.shape[1] > 1:
        half = rungs.shape[1] // 2
        a, b = rungs[:, :half], rungs[:, half : 2 * half]
        t = a + b
        back = t - a
        error += ((a - (t - back)) + (b - back)).sum(axis=1)
        rungs = t if rungs.shape[1] % 2 == 0 else np.concatenate([t, rungs[:, 2 * half :]], axis=1)
    return rungs[:, 0], error


def _averages(vector: Vector, groups: Groups, counts: FloatArray) -> FloatArray:
    total, error = group_sums(vector, groups)
    mean = total / counts + error / counts
    odd = ~np.isfinite(total) & (counts > 0)
    for step, group in zip(*np.nonzero(odd), strict=True):
        members = groups.order[groups.starts[group] : groups.starts[group] + groups.sizes[group]]
        there = members[vector.present[step, members]]
        mean[step, group] = _incremental_mean(vector.values[step, there].tolist())
    return mean


def _extremes(vector: Vector, groups: Groups, reduce: np.ufunc) -> FloatArray:
    values = np.where(vector.present, vector.values, np.nan)
    out: FloatArray = reduce.reduceat(values[:, groups.order], groups.starts, axis=1)
    return out


def _variances(vector: Vector, groups: Groups) -> FloatArray:
    """Welford 1962, per group."""
    values, present = _padded(vector.values, 0.0), _padded(vector.present, False)
    out = np.zeros((len(values), groups.count))
    for members, index in groups.ladders:
        count, mean, total = (np.zeros((len(values), len(members))) for _ in range(3))
        for rung in index:
            there, f = present[:, rung], values[:, rung]
            count += there
            delta = f - mean
            mean = np.where(there, mean + delta / count, mean)
            total = np.where(there, total + delta * (f - mean), total)
        out[:, members] = total / count
    return out


def _quantiles(vector: Vector, groups: Groups, param: FloatArray, watch: Watch) -> FloatArray:
    values, present = _padded(vector.values, 0.0), _padded(vector.present, False)
    out = np.zeros((len(values), groups.count))
    for members, index in groups.ladders:
        for step in watch.each(range(len(values))):
            out[step, members] = quantiles_of(values[step][index], present[step][index], float(param[step]))
    return out


def _pick(op: str, vector: Vector, groups: Groups, param: FloatArray, watch: Watch) -> Vector:
    """topk, bottomk, limitk: the same columns with fewer present; `order` says how an instant query shows them."""
    if bool(np.isnan(param).any()):
        raise EvaluationError("Parameter value is NaN")
    for beyond in param[np.abs(param) >= _BEYOND_INT64].tolist() if bool((param >= 1).any()) else ():
        raise EvaluationError(f"Scalar value {format_value(beyond)} {'over' if beyond > 0 else 'under'}flows int64")
    kept = np.zeros(vector.present.shape, dtype=np.bool_)
    order: IndexArray | None = None
    for step in watch.each(range(len(vector.values))):
        chosen = _ranked(op, vector.values[step], vector.present[step], groups, float(param[step]))
        kept[step, chosen] = True
        order = chosen
    return Vector(vector.labels, vector.values, kept, order if len(vector.values) == 1 and op != "limitk" else None)


def _ranked(op: str, values: FloatArray, present: BoolArray, groups: Groups, k: float) -> IndexArray:
    columns = np.flatnonzero(present).astype(np.intp)
    if op == "limitk":
        keys: tuple[np.ndarray, ...] = (groups.ids[columns],)
    else:
        score = values[columns] if op == "bottomk" else -values[columns]
        keys = (np.where(np.isnan(score), 0.0, score), np.isnan(score), groups.ids[columns])
    columns = columns[np.lexsort(keys)]
    ids = groups.ids[columns]
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]])) if len(ids) else np.zeros(0, dtype=np.intp)
    rank = np.arange(len(ids)) - np.repeat(starts, np.diff(np.append(starts, len(ids))))
    return columns[rank < max(k, 0.0) // 1]


def _share(vector: Vector, ratio: FloatArray) -> Vector:
    """limit_ratio: the series whose hash lies in the lowest share of all, or for a negative ratio in the highest."""
    if bool(np.isnan(ratio).any()):
        raise EvaluationError("Ratio value is NaN")
    ratio = np.clip(ratio, -1.0, 1.0)[:, None]
    places = vector.labels.derive("hashes", lambda: np.array([hash_share(s) for s in vector.labels.sets], dtype=np.float64))
    kept = np.where(ratio >= 0, places < ratio, places >= 1.0 + ratio) | (ratio == 1.0)
    return Vector(vector.labels, vector.values, vector.present & kept)


def _count_values(vector: Vector, labels: LabelSets, groups: Groups, name: str, unnamed: bool, watch: Watch) -> Vector:
    """How often each value is there; `unnamed` where `without` takes away the very label that would say the value."""
    if not is_label_name(name):
        raise EvaluationError(f"invalid label name {quoted(name)}")
    columns: dict[Labels, int] = {}
    cells: list[tuple[int, int]] = []
    for step, column in watch.each(zip(*np.nonzero(vector.present), strict=True)):
        made = labels.sets[groups.ids[column]]
        if not unnamed:
            made = labels_of({**dict(made), name: format_value(float(vector.values[step, column]))})
        cells.append((int(step), columns.setdefault(made, len(columns))))
    counts = np.zeros((len(vector.values), len(columns)))
    for step, column in cells:
        counts[step, column] += 1
    return Vector(LabelSets(columns), counts, counts > 0)


__all__ = ["aggregate", "group_counts", "groups_of"]
