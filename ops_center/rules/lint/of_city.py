"""What the center of a city would have of series, from the city's registry.

Lives here: series written for no readings, to see which there are. Must not know: rules, the simulator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops_center.city_view import CityView
from ops_center.label_sets import NAME, Labels
from ops_center.mapping import SeriesMapping
from ops_center.rules.lint.catalogue import Catalogue, CatalogueMetric
from ops_center.series import SeriesStore
from ops_center.series_copies import Spread
from ops_center.series_writer import DOUBTED, INFO, STATIC_PERIOD_MS, UP, SeriesWriter
from sensors.messages import KindInfo, QuantityInfo


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
