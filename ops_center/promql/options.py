"""How an engine evaluates: lookback, dialect and limits; knows nothing of expressions or series."""

from __future__ import annotations

from dataclasses import dataclass

from ops_center.label_sets import NAME

_METADATA = (NAME, "__type__", "__unit__")


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine evaluates.

    Attributes:
        lookback_ms: how far an instant selector looks back.
        default_step_ms: the resolution of a subquery that names none.
        delayed_name_removal: drop metric names at the end of the query only (Prometheus' feature flag of that name).
        metadata_labels: `__type__` and `__unit__` go where the metric's name goes (Prometheus' flag `type-and-unit-labels`).
        features: feature flags of Prometheus that are set, of those that expressions need; None for all of them.
        compat: "3.x" (windows left-open) or "2.x" (windows closed), for an installed promtool as oracle.
        max_samples, max_steps, max_inner_steps, max_series, max_cells: limits on one evaluation; inner steps are those of a
            subquery, series those that one selector finds or one function makes, cells those of all windows of inner steps.
    """

    lookback_ms: int = 300_000
    default_step_ms: int = 60_000
    delayed_name_removal: bool = False
    metadata_labels: bool = False
    features: frozenset[str] | None = None
    compat: str = "3.x"
    max_samples: int = 50_000_000
    max_steps: int = 11_000
    max_inner_steps: int = 100_000
    max_series: int = 250_000
    max_cells: int = 500_000_000

    @property
    def closed(self) -> bool:
        """Windows and lookback include their left end."""
        return self.compat == "2.x"

    @property
    def dropped(self) -> tuple[str, ...]:
        """The labels that go with the metric's name."""
        return _METADATA if self.metadata_labels else _METADATA[:1]
