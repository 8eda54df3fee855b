"""Which series a city's center has: the metrics with type, unit, range and period, and all their label sets.

Lives here: the catalogue of a registry, with the names of a mapping. Must not know: rules, readings, the simulator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ops_center.city_view import CityView
from ops_center.label_sets import NAME, Labels, Matcher, matching, test_of
from ops_center.mapping import SeriesMapping
from ops_center.series import SeriesStore
from ops_center.series_copies import Spread
from ops_center.series_writer import DOUBTED, INFO, STATIC_PERIOD_MS, UP, SeriesWriter
from sensors.messages import KindInfo, QuantityInfo


@dataclass(frozen=True, slots=True)
class CatalogueMetric:
    """A metric: `kind` gauge or counter, its unit, the values it can have, how often it comes [ms], and its label sets."""

    name: str
    kind: str
    unit: str
    low: float
    high: float
    period_ms: int
    sets: tuple[Labels, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All metrics of a city by name. `unmade` are entries of the mapping's `values` that no series has the name of."""

    city: str
    metrics: Mapping[str, CatalogueMetric]
    unmade: tuple[str, ...] = ()
    _selected: dict[tuple[Matcher, ...], list[tuple[CatalogueMetric, list[Labels]]]] = field(default_factory=dict)

    def named(self, matchers: Sequence[Matcher]) -> list[CatalogueMetric]:
        """Return the metrics whose name the matchers accept."""
        exact = [m.value for m in matchers if m.name == NAME and m.op == "="]
        if exact:
            return [self.metrics[name] for name in exact if name in self.metrics]
        tests = [test_of(m) for m in matchers if m.name == NAME]
        return [metric for name, metric in self.metrics.items() if all(test(name) for test in tests)]

    def select(self, matchers: tuple[Matcher, ...]) -> list[tuple[CatalogueMetric, list[Labels]]]:
        """Return the metrics and label sets that matchers select; a metric of which none is selected is left out."""
        if matchers not in self._selected:
            rest = [m for m in matchers if m.name != NAME]
            found = ((metric, [metric.sets[i] for i in matching(metric.sets, rest)]) for metric in self.named(matchers))
            self._selected[matchers] = [(metric, sets) for metric, sets in found if sets]
        return self._selected[matchers]


def catalogue_of(city: CityView, mapping: SeriesMapping | None = None) -> Catalogue:
    """Return what a city with this registry reports. Raises BadRegistry where the mapping does not fit it."""
    store = SeriesStore(max_series=SeriesWriter.wanted(city, mapping) + 1)
    writer = SeriesWriter(store, city, mapping=mapping)
    found: dict[str, CatalogueMetric] = {}
    for metric in _metrics(city, writer):
        known = found.get(metric.name)
        found[metric.name] = metric if known is None else _both(known, metric)
    unmade = () if mapping is None else tuple(v.metric for v in mapping.values if v.metric not in found)
    return Catalogue(city.hello.city, found, unmade)


def _both(one: CatalogueMetric, other: CatalogueMetric) -> CatalogueMetric:
    return CatalogueMetric(
        one.name, one.kind, one.unit, min(one.low, other.low), max(one.high, other.high),
        max(one.period_ms, other.period_ms), one.sets + other.sets,
    )  # fmt: skip


def _metrics(city: CityView, writer: SeriesWriter) -> Iterator[CatalogueMetric]:
    readings, up, _ = writer.parts()
    kinds = {kind.name: kind for kind in city.kinds}
    for name, spreads in readings.items():
        quantities = {q.name: q for q in kinds[name].quantities}
        for quantity, spread in spreads.items():
            yield from _of(spread, _range(quantities[quantity]), _period_ms(kinds[name]))
    for name, spread in up.items():
        yield from _of(spread, (0.0, 1.0), _period_ms(kinds[name]))
    for spread, values in writer.statics:
        low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
        yield from _of(spread, (low, high), STATIC_PERIOD_MS)
        if spread.family.metric == INFO:
            sets = tuple(_renamed(spread.family.labels, DOUBTED))
            yield CatalogueMetric(DOUBTED, "gauge", "", 1.0, 1.0, STATIC_PERIOD_MS, sets)


def _renamed(sets: Iterable[Labels], name: str) -> Iterator[Labels]:
    return (tuple((key, name if key == NAME else value) for key, value in labels) for labels in sets)


def _range(quantity: QuantityInfo) -> tuple[float, float]:
    return (1.0, 1.0) if quantity.metric == UP else (quantity.minimum, quantity.maximum)


def _period_ms(kind: KindInfo) -> int:
    return max(kind.period_ms, kind.heartbeat_ms)


def _of(spread: Spread, values: tuple[float, float], period_ms: int) -> Iterator[CatalogueMetric]:
    about = spread.family.about
    yield CatalogueMetric(about.name, about.kind, about.unit, *values, period_ms, tuple(spread.family.labels))
    for copy in spread.copies:
        ends = [copy.scaled(value) for value in values]
        about = copy.family.about
        sets = tuple(copy.family.labels)
        yield CatalogueMetric(about.name, about.kind, about.unit, min(ends), max(ends), period_ms, sets)
