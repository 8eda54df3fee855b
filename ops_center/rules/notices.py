"""What an alert generator would send to an Alertmanager, and when; sends nothing and knows no network.

Source: Alert Generator Compliance 1.0 (prometheus/compliance) and Prometheus rules/alerting.go. After each evaluation of a rule,
an alert is sent when it begins to fire, and again each time that the resend delay has passed; when it is resolved, and again
until the retention has passed or an alert with its labels is active anew. A firing alert holds until four times the longer of
resend delay and interval have passed, so that two lost messages resolve nothing; a resolved one ended when it was resolved.

Prometheus resends when *more* than the delay has passed since the last time, by a clock that is never exact; on the exact
instants of simulated time that would be one interval later than the specification's "first multiple of the interval that is
more than or equal to the delay", which is what holds here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from ops_center.rules.alerting import ActiveAlert, Change
from ops_center.rules.group import DUPLICATE, GroupState, RuleEngine, RuleState

RESEND_MS = 60_000
KEEP_MS = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert of one message. Instants are ms on the store's axis."""

    at_ms: int
    group: str
    rule: str
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at_ms: int
    ends_at_ms: int
    resolved: bool
    expression: str


@dataclass(slots=True)
class _Sent:
    """What is remembered of an alert that fires or has fired; `sent_ms` is None before it was sent at all."""

    labels: dict[str, str]
    annotations: dict[str, str]
    fired_at_ms: int
    sent_ms: int | None = None
    resolved_at_ms: int | None = None


@dataclass(slots=True)
class _OfRule:
    state: RuleState
    alerts: dict[str, _Sent] = field(default_factory=dict)


class Notices:
    """The notices of one rule engine, evaluation by evaluation."""

    def __init__(self, engine: RuleEngine, resend_ms: int = RESEND_MS, keep_ms: int = KEEP_MS) -> None:
        self._engine, self._resend_ms, self._keep_ms = engine, resend_ms, keep_ms
        self._rules: dict[tuple[str, str, int], _OfRule] = {}

    def after(self, now_ms: int, changes: Iterable[Change]) -> list[Notice]:
        """What is sent after an evaluation of the engine at an instant, which made these changes; rule by rule in their order."""
        by_rule: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            by_rule.setdefault((change.group, change.rule), []).append(change)
        out: list[Notice] = []
        for group, state, active in self._engine.active_alerts(now_ms):
            if state.last_evaluation_ms == now_ms:
                mine = self._of(group, state)
                if state.health == "err" and state.last_error != DUPLICATE:  # alerts go out before their series are written
                    self._failed(mine, active)
                else:
                    self._take(mine, active, by_rule.get((group.group.name, state.rule.alert), []), now_ms)
                    out.extend(self._due(mine, group, now_ms))
        return out

    def _of(self, group: GroupState, state: RuleState) -> _OfRule:
        key = (*group.key, group.rules.index(state))
        known = self._rules.get(key)
        if known is None:
            known = self._rules[key] = _OfRule(state)
        return known

    @staticmethod
    def _failed(mine: _OfRule, active: list[ActiveAlert]) -> None:
        """Nothing is sent for a rule that failed; one that exceeded its limit has lost its alerts without a word, as there."""
        if not active:
            mine.alerts.clear()

    def _take(self, mine: _OfRule, active: list[ActiveAlert], changes: list[Change], now_ms: int) -> None:
        for change in changes:
            known = mine.alerts.get(change.fingerprint)
            if change.after == "inactive":
                if known is not None and change.before == "firing":
                    known.resolved_at_ms = now_ms
            elif change.before == "inactive":
                mine.alerts.pop(change.fingerprint, None)  # a new alert, even where an old one with its labels is remembered
        for alert in active:
            if alert.fired_at_ms is not None and alert.condition == "firing":
                known = mine.alerts.setdefault(alert.fingerprint, _Sent(alert.labels, alert.annotations, alert.fired_at_ms))
                known.annotations = alert.annotations

    def _due(self, mine: _OfRule, group: GroupState, now_ms: int) -> list[Notice]:
        out: list[Notice] = []
        for print_, known in list(mine.alerts.items()):
            ended = known.resolved_at_ms
            if ended is not None and now_ms - ended > self._keep_ms:
                del mine.alerts[print_]
                continue
            fresh = known.sent_ms is None or (ended is not None and ended > known.sent_ms)
            if fresh or now_ms - (known.sent_ms or 0) >= self._resend_ms:
                known.sent_ms = now_ms
                holds_until = now_ms + 4 * max(self._resend_ms, group.interval_ms)
                out.append(self._notice(mine, group, print_, known, holds_until if ended is None else ended, now_ms))
        return out

    def _notice(self, mine: _OfRule, group: GroupState, print_: str, known: _Sent, ends_at_ms: int, now_ms: int) -> Notice:
        return Notice(
            at_ms=now_ms,
            group=group.group.name,
            rule=mine.state.rule.alert,
            fingerprint=print_,
            labels={**dict(self._engine.settings.external_labels), **known.labels},
            annotations=dict(known.annotations),
            starts_at_ms=known.fired_at_ms,
            ends_at_ms=ends_at_ms,
            resolved=known.resolved_at_ms is not None,
            expression=mine.state.rule.text,
        )


def payload(notices: Iterable[Notice], offset_ms: int, external_url: str = "") -> list[dict[str, Any]]:
    """The body of `POST /api/v2/alerts`; `offset_ms` is the epoch's ms of the store's zero."""
    return [
        {
            "labels": notice.labels,
            "annotations": notice.annotations,
            "startsAt": _rfc3339(notice.starts_at_ms + offset_ms),
            "endsAt": _rfc3339(notice.ends_at_ms + offset_ms),
            "generatorURL": f"{external_url}/graph?g0.expr={quote_plus(notice.expression)}&g0.tab=1",
        }
        for notice in notices
    ]


def _rfc3339(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
