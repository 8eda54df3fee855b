"""Quantiles and fractions of classic histograms (`_bucket` series with `le`); native histograms are out of scope.

Source: Prometheus promql/quantile.go (BucketQuantile, BucketFraction). Knows no syntax and no store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import NAME, BoolArray, Groups, Labels, LabelSets, group_by_keys, labels_of, value_of, without_names
from ops_center.promql.errors import Span
from ops_center.promql.numbers import format_value, quoted, shown_number
from ops_center.promql.values import Vector
from ops_center.promql.watch import Watch
from ops_center.series_blocks import FloatArray

LE = "le"
_SMALL = 1e-12
_DECIMAL = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_FORCED = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for histograms, and where in the text the numbers and the vector stand."""

    watch: Watch
    numbers: tuple[Span, ...]
    vector: Span


@dataclass(frozen=True, slots=True)
class Cell:
    """One histogram at one step: cumulative counts up to ascending bounds."""

    step: int
    group: int
    bounds: list[float]
    counts: list[float]


def _bound(text: str) -> float:
    return float(text) if _DECIMAL.fullmatch(text) else float("nan")


class Histograms:
    """The histograms that a vector of buckets holds.

    Attributes:
        labels: of each histogram, without `le`.
    """

    def __init__(self, vector: Vector, asked: Asked) -> None:
        self.vector, self.asked = vector, asked
        self.labels, self._groups, self._bounds = vector.labels.derive("histogram", lambda: _grouped(vector.labels))
        self._there = vector.present & ~np.isnan(self._bounds)
        if asked.watch.notes is not None:
            self._note_bad_bounds()

    def cells(self) -> Iterator[Cell]:
        """Each histogram at each step at which it has a bucket."""
        groups = self._groups
        for group in range(len(self.labels)):
            self.asked.watch.check()
            members = groups.order[groups.starts[group] : groups.starts[group] + groups.sizes[group]]
            members = members[np.argsort(self._bounds[members], kind="stable")]
            for step in np.flatnonzero(self._there[:, members].any(axis=1)).tolist():
                there = members[self._there[step, members]]
                yield Cell(step, group, self._bounds[there].tolist(), self.vector.values[step, there].tolist())

    def _note_bad_bounds(self) -> None:
        notes = self.asked.watch.notes
        if notes is None:
            return
        for column in np.flatnonzero(np.isnan(self._bounds) & self.vector.present.any(axis=0)).tolist():
            labels = self.vector.labels.sets[column]
            what = f"bucket label {quoted(LE)} is missing or has a malformed value of {quoted(value_of(labels, LE))}"
            notes.warn(what + _of_metric(labels), self.asked.vector)

    def note_forced(self, group: int) -> None:
        """A histogram's counts fell from one bucket to the next."""
        notes = self.asked.watch.notes
        if notes is not None:
            notes.info(_FORCED + _of_metric(self.labels.sets[group]), self.asked.vector)


def _of_metric(labels: Labels) -> str:
    name = value_of(labels, NAME)
    return f" for metric name {quoted(name)}" if name else ""


def _grouped(labels: LabelSets) -> tuple[LabelSets, Groups, FloatArray]:
    bounds = np.array([_bound(value_of(s, LE)) for s in labels.sets], dtype=np.float64)
    sets, groups = group_by_keys(without_names(s, (LE,)) for s in labels.sets)
    drops = np.zeros(len(sets), dtype=np.bool_)
    drops[groups.ids] = labels.drops
    return LabelSets(sets, drops), groups, bounds


def note_quantiles(q: FloatArray, watch: Watch, at: Span, used: BoolArray | None = None) -> None:
    """Warn of quantiles that are none, at the steps where they are used."""
    if watch.notes is None:
        return
    bad = ~((q >= 0) & (q <= 1))
    for value in dict.fromkeys(q[bad if used is None else bad & used].tolist()):
        watch.notes.warn(f"quantile value should be between 0 and 1, got {shown_number(value)}", at)


def histogram_quantile(q: FloatArray, vector: Vector, asked: Asked) -> Vector:
    """The φ-quantile per histogram and step, `q` of shape (steps,)."""
    note_quantiles(q, asked.watch, asked.numbers[0])
    found = Histograms(vector, asked)
    out = np.zeros((len(q), len(found.labels)))
    present = np.zeros(out.shape, dtype=np.bool_)
    for cell in found.cells():
        out[cell.step, cell.group], forced = bucket_quantile(float(q[cell.step]), cell.bounds, cell.counts)
        present[cell.step, cell.group] = True
        if forced:
            found.note_forced(cell.group)
    return Vector(found.labels, out, present)


def histogram_quantiles(quantiles: list[FloatArray], label: str, vector: Vector, asked: Asked) -> Vector:
    """Several quantiles at once, told apart by a label."""
    for q, at in zip(quantiles, asked.numbers, strict=True):
        note_quantiles(q, asked.watch, at)
    found = Histograms(vector, asked)
    columns: dict[tuple[int, str], int] = {}
    cells: list[tuple[int, int, float]] = []
    for cell in found.cells():
        for q in quantiles:
            wanted = float(q[cell.step])
            value, forced = bucket_quantile(wanted, cell.bounds, cell.counts)
            column = columns.setdefault((cell.group, _open_metrics(wanted)), len(columns))
            cells.append((cell.step, column, value))
            if forced:
                found.note_forced(cell.group)
    sets = [labels_of({**dict(found.labels.sets[g]), label: q}) for g, q in columns]
    drops = found.labels.drops[[g for g, _ in columns]] if columns else None
    out = np.zeros((len(vector.values), len(sets)))
    present = np.zeros(out.shape, dtype=np.bool_)
    for step, column, value in cells:
        out[step, column], present[step, column] = value, True
    return Vector(LabelSets(sets, drops), out, present)


def _open_metrics(value: float) -> str:
    """A number as OpenMetrics writes it in a label: with a point."""
    text = format_value(value)
    return text + ".0" if text.lstrip("-").isdigit() else text


def histogram_fraction(lower: FloatArray, upper: FloatArray, vector: Vector, asked: Asked) -> Vector:
    """The share of observations between two values per histogram and step, both of shape (steps,)."""
    found = Histograms(vector, asked)
    out = np.zeros((len(lower), len(found.labels)))
    present = np.zeros(out.shape, dtype=np.bool_)
    for cell in found.cells():
        bounds = (float(lower[cell.step]), float(upper[cell.step]))
        out[cell.step, cell.group] = bucket_fraction(bounds, cell.bounds, cell.counts)
        present[cell.step, cell.group] = True
    return Vector(found.labels, out, present)


def bucket_quantile(q: float, bounds: list[float], counts: list[float]) -> tuple[float, bool]:
    """Linear interpolation in the bucket that the rank falls into, and whether counts that fell had to be raised.

    Args:
        q: 0…1; outside gives ∓Inf.
        bounds: upper bounds, ascending.
        counts: cumulative counts.
    """
    if np.isnan(q):
        return float("nan"), False
    if q < 0 or q > 1:
        return float("-inf") if q < 0 else float("inf"), False
    if not bounds or bounds[-1] != float("inf"):
        return float("nan"), False
    bounds, counts = _coalesced(bounds, counts)
    counts, forced = _monotonic(counts)
    if len(bounds) < 2 or counts[-1] == 0 or np.isnan(counts[-1]):
        return float("nan"), forced
    rank = q * counts[-1]
    bucket = next((i for i in range(len(bounds) - 1) if counts[i] >= rank), len(bounds) - 1)
    if bucket == len(bounds) - 1:
        return bounds[-2], forced
    if bucket == 0 and bounds[0] <= 0:
        return bounds[0], forced
    start, before = (bounds[bucket - 1], counts[bucket - 1]) if bucket else (0.0, 0.0)
    return start + (bounds[bucket] - start) * ((rank - before) / (counts[bucket] - before)), forced


def bucket_fraction(between: tuple[float, float], bounds: list[float], counts: list[float]) -> float:
    """The share of observations in [lower, upper], linear inside a bucket, all at the finite end of one without end."""
    lower, upper = between
    if not bounds or bounds[-1] != float("inf"):
        return float("nan")
    bounds, counts = _coalesced(bounds, counts)
    total = counts[-1]
    if total == 0 or np.isnan([total, lower, upper]).any():
        return float("nan")
    if lower >= upper:
        return 0.0
    return (_rank(upper, bounds, counts) - _rank(lower, bounds, counts)) / total


def _rank(value: float, bounds: list[float], counts: list[float]) -> float:
    """How many observations lie below a value."""
    below, start = 0.0, 0.0 if bounds[0] > 0 else float("-inf")
    for bound, count in zip(bounds, counts, strict=True):
        if value <= start:
            break
        if value < bound:
            share = 1.0 if np.isinf(start) else 0.0 if np.isinf(bound) else (value - start) / (bound - start)
            return min(below + (count - below) * share, counts[-1])
        below, start = count, bound
    return min(below, counts[-1])


def _coalesced(bounds: list[float], counts: list[float]) -> tuple[list[float], list[float]]:
    """Buckets with the same bound (0.2 and 2e-1) added up."""
    merged: dict[float, float] = {}
    for bound, count in zip(bounds, counts, strict=True):
        merged[bound] = merged.get(bound, 0.0) + count
    return list(merged), list(merged.values())


def _monotonic(counts: list[float]) -> tuple[list[float], bool]:
    """Counts that never fall, and whether any was raised: races between scrape and evaluation, and rounding, make them fall."""
    out, forced = counts[:1], False
    for count in counts[1:]:
        previous = out[-1]
        close = abs(count - previous) <= _SMALL * (abs(count) + abs(previous)) / 2
        forced = forced or (count < previous and not close)
        out.append(previous if close or count < previous else count)
    return out, forced
