"""Quantiles of classic histograms (`_bucket` series with `le`); native histograms are out of scope."""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import BoolArray, Groups, LabelSets, group_by_keys, without_names
from ops_center.promql.numbers import is_label_name
from ops_center.promql.values import Vector
from ops_center.series_blocks import FloatArray

LE = "le"
_SMALL = 1e-12


def _bound(text: str) -> float:
    try:
        return float(text) if is_label_name(text) else float("nan")
    except ValueError:
        return float("nan")


def histogram_quantile(q: FloatArray, vector: Vector) -> Vector:
    """The φ-quantile per histogram and step, `q` of shape (steps,)."""

    def build() -> tuple[LabelSets, Groups, FloatArray]:
        bounds = np.array([_bound(dict(s).get(LE, "")) for s in vector.labels.sets], dtype=np.float64)
        sets, groups = group_by_keys(without_names(s, (LE,)) for s in vector.labels.sets)
        drops = np.zeros(len(sets), dtype=np.bool_)
        drops[groups.ids] = vector.labels.drops
        return LabelSets(sets, drops), groups, bounds

    labels, groups, bounds = vector.labels.derive("histogram", build)
    there = vector.present & ~np.isnan(bounds)
    out = np.zeros((len(q), len(labels)))
    present = np.zeros(out.shape, dtype=np.bool_)
    for group in range(len(labels)):
        members = groups.order[groups.starts[group] : groups.starts[group] + groups.sizes[group]]
        members = members[np.argsort(bounds[members], kind="stable")]
        for step in np.flatnonzero(there[:, members].any(axis=1)).tolist():
            out[step, group] = _one(float(q[step]), bounds[members], vector.values[step, members], there[step, members])
            present[step, group] = True
    return Vector(labels, out, present)


def _one(q: float, bounds: FloatArray, counts: FloatArray, there: BoolArray) -> float:
    return bucket_quantile(q, bounds[there].tolist(), counts[there].tolist())


def bucket_quantile(q: float, bounds: list[float], counts: list[float]) -> float:
    """Linear interpolation in the bucket that the rank falls into (Prometheus promql/quantile.go, BucketQuantile).

    Args:
        q: 0…1; outside gives ∓Inf.
        bounds: upper bounds, ascending.
        counts: cumulative counts.
    """
    if np.isnan(q):
        return float("nan")
    if q < 0 or q > 1:
        return float("-inf") if q < 0 else float("inf")
    if not bounds or bounds[-1] != float("inf"):
        return float("nan")
    bounds, counts = _monotonic(*_coalesced(bounds, counts))
    if len(bounds) < 2 or counts[-1] == 0 or np.isnan(counts[-1]):
        return float("nan")
    rank = q * counts[-1]
    bucket = next((i for i in range(len(bounds) - 1) if counts[i] >= rank), len(bounds) - 1)
    if bucket == len(bounds) - 1:
        return bounds[-2]
    if bucket == 0 and bounds[0] <= 0:
        return bounds[0]
    start, before = (bounds[bucket - 1], counts[bucket - 1]) if bucket else (0.0, 0.0)
    return start + (bounds[bucket] - start) * ((rank - before) / (counts[bucket] - before))


def _coalesced(bounds: list[float], counts: list[float]) -> tuple[list[float], list[float]]:
    """Buckets with the same bound (0.2 and 2e-1) added up."""
    merged: dict[float, float] = {}
    for bound, count in zip(bounds, counts, strict=True):
        merged[bound] = merged.get(bound, 0.0) + count
    return list(merged), list(merged.values())


def _monotonic(bounds: list[float], counts: list[float]) -> tuple[list[float], list[float]]:
    """Counts that never fall: races between scrape and evaluation, and rounding, make them."""
    out = counts[:1]
    for count in counts[1:]:
        previous = out[-1]
        close = abs(count - previous) <= _SMALL * (abs(count) + abs(previous)) / 2
        out.append(previous if close or count < previous else count)
    return bounds, out
