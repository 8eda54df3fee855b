"""Alerts after a restart without a keyframe: how long they were true before, read from ALERTS_FOR_STATE; knows no files.

Source: Prometheus rules/group.go, RestoreForState. Rules evaluate twice and write no alert series; then each alert that the
series tell of gets its instant back. The time of the outage counts neither as true nor as false: what was left of `for` is
still left, but at least the grace period, in which what went wrong during the outage may calm down. Alerts of rules whose `for`
is shorter than the grace period begin anew, and so do all after an outage longer than is tolerated.

(A restart from a keyframe has all of this exactly, and needs nothing from here.)
"""

from __future__ import annotations

import numpy as np

from ops_center.label_sets import NAME, Labels, labels_of
from ops_center.rules.group import RuleEngine, RuleState
from ops_center.series import SeriesStore

GRACE_MS = 600_000
TOLERANCE_MS = 3_600_000
EVALUATIONS = 2  # before the first, devices may not have reported and recorded series may lag


class Restoring:
    """A restart: made after `load` and before the first evaluation, told of each one, and done after the second of each group."""

    def __init__(self, engine: RuleEngine, grace_ms: int = GRACE_MS, tolerance_ms: int = TOLERANCE_MS) -> None:
        self._engine, self._grace_ms, self._tolerance_ms = engine, grace_ms, tolerance_ms
        self._seen = {group.key: 0 for group in engine.groups}
        for state in self._states():
            state.restored = False

    def _states(self) -> list[RuleState]:
        return [state for group in self._engine.groups for state in group.rules if state.alerts is not None]

    def after(self, now_ms: int) -> bool:
        """Groups were evaluated at an instant; says whether everything is restored."""
        for group in self._engine.groups:
            if any(state.last_evaluation_ms == now_ms for state in group.rules):
                self._seen[group.key] += 1
                if self._seen[group.key] == EVALUATIONS:
                    for state in group.rules:
                        self._restore(state, now_ms)
        return all(state.restored for state in self._states())

    def _restore(self, state: RuleState, now_ms: int) -> None:
        if state.alerts is None or state.restored:
            return
        state.restored = True
        if state.rule.for_ms < self._grace_ms:
            return
        for number in state.alerts.active_numbers().tolist():
            known = last_known(self._engine.store, state.alerts.labels[number], now_ms - self._tolerance_ms, now_ms)
            if known is not None:
                down_ms, active_s = known
                since_ms = round(active_s * 1000) - self._engine.settings.offset_ms
                state.alerts.active_at[number] = self._active_at(since_ms, down_ms, state.rule.for_ms, now_ms)

    def _active_at(self, since_ms: int, down_ms: int, for_ms: int, now_ms: int) -> int:
        """Since when an alert counts as true that was so since an instant until the outage."""
        left_ms = for_ms - (down_ms - since_ms)
        if left_ms <= 0:
            return since_ms
        if left_ms < self._grace_ms:
            return now_ms + self._grace_ms - for_ms
        return since_ms + now_ms - down_ms


def last_known(store: SeriesStore, alert: Labels, first_ms: int, last_ms: int) -> tuple[int, float] | None:
    """When ALERTS_FOR_STATE last told of an alert in [first, last], and what; None where it did not, or said that it ended."""
    metric = store.metrics.get("ALERTS_FOR_STATE")
    place = None if metric is None else metric.places.get(labels_of({**dict(alert), NAME: "ALERTS_FOR_STATE"}))
    if place is None:
        return None
    values, present, times = place.block.latest(last_ms, first_ms - 1, np.array([place.column], dtype=np.intp), None)
    if present is not None and not present[0]:
        return None
    return int(times[0]), float(values[0])
