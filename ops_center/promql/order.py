"""Quantiles and medians of columns; knows nothing of windows or steps."""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import BoolArray
from ops_center.series_blocks import FloatArray


def quantiles_of(values: FloatArray, valid: BoolArray | None, q: float) -> FloatArray:
    """The φ-quantile per column with linear interpolation; NaN is the smallest value (promql/quantile.go)."""
    rows, columns = values.shape
    if np.isnan(q) or q < 0 or q > 1:
        return np.full(columns, np.nan if np.isnan(q) else (-np.inf if q < 0 else np.inf))
    ordered = _sorted(values, valid)
    counts = rows if valid is None else np.count_nonzero(valid, axis=0)
    rank = q * (counts - 1)
    lower = np.maximum(0, np.floor(rank)).astype(np.intp)
    upper = np.minimum(np.maximum(counts - 1, 0), lower + 1).astype(np.intp)
    weight = rank - np.floor(rank)
    column = np.arange(columns)
    with np.errstate(all="ignore"):
        if valid is None:
            return np.asarray(ordered[lower] * (1 - weight) + ordered[upper] * weight)
        return np.asarray(ordered[lower, column] * (1 - weight) + ordered[upper, column] * weight)


def mads_of(values: FloatArray, valid: BoolArray | None) -> FloatArray:
    """The median of absolute deviations from the median, per column; NaN where there is one."""
    median = quantiles_of(values, valid, 0.5)
    with np.errstate(all="ignore"):
        off = np.abs(values - median)
    nan = np.isnan(values) if valid is None else np.isnan(values) & valid
    return np.where(nan.any(axis=0), np.nan, quantiles_of(off, valid, 0.5))


def _sorted(values: FloatArray, valid: BoolArray | None) -> FloatArray:
    """The columns sorted: NaN, then numbers, then what is not valid."""
    nans = np.isnan(values)
    some_nan = bool(nans.any())
    keyed = np.where(nans, -np.inf, values) if some_nan else values
    if valid is not None:
        keyed, nans = np.where(valid, keyed, np.inf), nans & valid
    if some_nan and nans.any():
        return _nans_first(keyed, nans)
    if np.signbit(keyed[keyed == 0]).any():  # 0 and −0 are equal and not the same: they stay in their order
        return np.sort(keyed, axis=0, kind="stable")
    return np.sort(np.ascontiguousarray(keyed.T), axis=1).T  # several times as fast as a sort that keeps the order of equals


def _nans_first(keyed: FloatArray, nans: BoolArray) -> FloatArray:
    """Sorted down the rows, NaN before all others, of which one may be −Inf."""
    order = np.argsort(keyed, axis=0, kind="stable")
    ordered = np.take_along_axis(np.where(nans, np.nan, keyed), order, axis=0)
    return np.take_along_axis(ordered, np.argsort(~np.isnan(ordered), axis=0, kind="stable"), axis=0)
