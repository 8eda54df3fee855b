"""Which series a city's center has: the metrics with type, unit, range and period, and all their label sets.

Lives here: the catalogue and what matchers select of it. Must not know: rules, readings, where it is from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ops_center.label_sets import NAME, Labels, Matcher, matching, test_of


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
        return [self.metrics[name] for name in self.metrics if all(test(name) for test in tests)]

    def select(self, matchers: tuple[Matcher, ...]) -> list[tuple[CatalogueMetric, list[Labels]]]:
        """Return the metrics and label sets that matchers select; a metric of which none is selected is left out."""
        if matchers not in self._selected:
            rest = [m for m in matchers if m.name != NAME]
            found = ((metric, [metric.sets[i] for i in matching(metric.sets, rest)]) for metric in self.named(matchers))
            self._selected[matchers] = [(metric, sets) for metric, sets in found if sets]
        return self._selected[matchers]
