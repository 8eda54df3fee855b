"""What is compared with what, one pair at a time: for explaining a comparison, where the engine needs only its result.

Lives here: pairs of two sides, and the one that came nearest to holding. Must not know: syntax trees' values, the store.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ops_center.label_sets import Labels
from ops_center.promql import ast
from ops_center.promql.binary import signature
from ops_center.promql.explained import Reason, Shown

TESTS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
Side = list[tuple[Labels, float]] | float


def matched(many: Side, one: Side, how: ast.Matching) -> list[tuple[Labels, float, float]]:
    """Labels and both numbers of what meets: a series and a number, or two series that match."""
    if isinstance(many, float):
        return [((), many, one)] if isinstance(one, float) else [(labels, many, value) for labels, value in one]
    if isinstance(one, float):
        return [(labels, value, one) for labels, value in many]
    known = {signature(labels, how): value for labels, value in one}
    keyed = [(labels, value, signature(labels, how)) for labels, value in many]
    return [(labels, value, known[key]) for labels, value, key in keyed if key in known]


def nearest_miss(op: str, pairs: list[Shown]) -> Reason | None:
    """The comparison that came nearest to holding, and by how much it failed; None without any."""
    missed = [(abs(p.value - p.other), p) for p in pairs if p.value is not None and p.other is not None and not p.holds]
    if not missed:
        return None
    short_by, pair = min(missed, key=lambda one: (not math.isfinite(one[0]), one[0]))
    return Reason("comparison", {"left": pair.value, "op": op, "right": pair.other, "short_by": short_by, "of": len(pairs)})
