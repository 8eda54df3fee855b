"""Alerts: three independent fields, each a state table, and the collection of all alerts of a city.

Lives here: condition (from the rule), acknowledgement (from a person), suppression (from policy; it stays visible).
Must not know: how a rule is evaluated, how alerts group, who shows them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ops_center.tables import Table, advance

CONDITION: Table = {
    ("inactive", "activate"): "pending",
    ("inactive", "fire"): "firing",
    ("pending", "fire"): "firing",
    ("pending", "clear"): "inactive",
    ("firing", "clear"): "inactive",
}
ACKNOWLEDGEMENT: Table = {
    ("unacknowledged", "acknowledge"): "acknowledged",
    ("unacknowledged", "fire"): "unacknowledged",
    ("acknowledged", "fire"): "unacknowledged",
}
SUPPRESSION: Table = {
    ("none", "inhibit"): "inhibited",
    ("inhibited", "inhibit"): "inhibited",
    ("inhibited", "release"): "none",
    ("none", "shelve"): "shelved",
    ("inhibited", "shelve"): "shelved",
    ("shelved", "shelve"): "shelved",
    ("shelved", "inhibit"): "shelved",
    ("shelved", "release"): "shelved",
    ("shelved", "unshelve"): "none",
}
SEVERITIES = ("normal", "info", "minor", "major", "critical")
KEEP_RESOLVED_MS = 15 * 60_000
MAX_TEXT = 4_000


class Alert(msgspec.Struct):
    """One alert. Instants in simulated ms; `suppressed` is why policy keeps it quiet, None if it does not."""

    fingerprint: str
    name: str
    severity: str
    labels: dict[str, str]
    annotations: dict[str, str]
    condition: str = "inactive"
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    suppressed: str | None = None
    active_ms: int | None = None
    fired_ms: int | None = None
    resolved_ms: int | None = None
    value: float | None = None
    devices: list[int] = []
    lon: float = 0.0
    lat: float = 0.0
    place: dict[str, str] = {}
    incident_id: str | None = None
    shelved_until_ms: int | None = None  # a person keeps it quiet until then

    @property
    def acknowledgement(self) -> str:
        """The state of the acknowledgement table."""
        return "unacknowledged" if self.acknowledged_ms is None else "acknowledged"

    @property
    def suppression(self) -> str:
        """The state of the suppression table."""
        if self.shelved_until_ms is not None:
            return "shelved"
        return "none" if self.suppressed is None else "inhibited"

    @property
    def rank(self) -> int:
        """The severity as a number, 0 normal to 4 critical."""
        return severity_rank(self.severity)


def severity_rank(severity: str) -> int:
    """Return 0 (normal) to 4 (critical); an unknown severity counts as info."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 1


def set_condition(alert: Alert, event: str, now_ms: int, active_ms: int) -> None:
    """Apply a condition event (activate, fire, clear). A new firing needs a new acknowledgement. Raises IllegalEvent."""
    after = advance(CONDITION, f"alert {alert.name} {alert.fingerprint}", alert.condition, event)
    if event == "fire":
        advance(ACKNOWLEDGEMENT, f"alert {alert.fingerprint}", alert.acknowledgement, "fire")
        alert.acknowledged_by, alert.acknowledged_ms, alert.fired_ms = None, None, now_ms
    if event == "clear":
        alert.resolved_ms = now_ms if alert.condition == "firing" else alert.resolved_ms
    else:
        alert.active_ms, alert.resolved_ms = active_ms, None
    alert.condition = after


def acknowledge(alert: Alert, who: str, now_ms: int) -> None:
    """A person has seen the alert. Raises IllegalEvent if it already is acknowledged."""
    advance(ACKNOWLEDGEMENT, f"alert {alert.name} {alert.fingerprint}", alert.acknowledgement, "acknowledge")
    alert.acknowledged_by, alert.acknowledged_ms = who, now_ms


def inhibit(alert: Alert, reason: str) -> bool:
    """Keep an alert quiet because of its cause; return whether that is news."""
    if advance(SUPPRESSION, f"alert {alert.fingerprint}", alert.suppression, "inhibit") == "shelved":
        return False
    changed, alert.suppressed = alert.suppressed != reason, reason
    return changed


def release(alert: Alert) -> bool:
    """Lift the suppression, if any; return whether that is news."""
    if alert.suppressed is None:
        return False
    if advance(SUPPRESSION, f"alert {alert.fingerprint}", alert.suppression, "release") == "shelved":
        return False
    alert.suppressed = None
    return True


def shelve(alert: Alert, until_ms: int, reason: str) -> None:
    """A person keeps an alert quiet until an instant, for a reason; shelving again moves the instant."""
    advance(SUPPRESSION, f"alert {alert.fingerprint}", alert.suppression, "shelve")
    alert.shelved_until_ms, alert.suppressed = until_ms, f"shelved: {reason}"


def unshelve(alert: Alert) -> None:
    """The time of a shelved alert is over, or a person takes it back. Raises IllegalEvent if it is not shelved."""
    advance(SUPPRESSION, f"alert {alert.fingerprint}", alert.suppression, "unshelve")
    alert.shelved_until_ms = alert.suppressed = None


class Alerts:
    """All alerts that are active or were lately."""

    def __init__(self) -> None:
        self.by_fingerprint: dict[str, Alert] = {}

    def get(self, fingerprint: str) -> Alert | None:
        """Return an alert or None."""
        return self.by_fingerprint.get(fingerprint)

    def ensure(self, fingerprint: str, labels: dict[str, str], annotations: Mapping[str, str]) -> Alert:
        """Return the alert of that fingerprint, made if it is new, with its annotations as last rendered."""
        texts = {name: text[:MAX_TEXT] for name, text in annotations.items()}
        alert = self.by_fingerprint.get(fingerprint)
        if alert is None:
            severity = labels.get("severity", "info")
            alert = Alert(fingerprint, labels.get("alertname", ""), severity, dict(labels), texts)
            self.by_fingerprint[fingerprint] = alert
        alert.annotations = texts
        return alert

    def firing(self) -> list[Alert]:
        """Return the firing alerts."""
        return [alert for alert in self.by_fingerprint.values() if alert.condition == "firing"]

    def overdue(self, now_ms: int) -> list[Alert]:
        """Return the shelved alerts whose time is over."""
        return [a for a in self.by_fingerprint.values() if a.shelved_until_ms is not None and a.shelved_until_ms <= now_ms]

    def forget_old(self, now_ms: int, keep: frozenset[str]) -> None:
        """Drop alerts that are inactive for long and belong to no incident in `keep`."""
        gone = [
            fingerprint
            for fingerprint, alert in self.by_fingerprint.items()
            if alert.condition == "inactive"
            and alert.incident_id not in keep
            and alert.shelved_until_ms is None
            and now_ms - (alert.resolved_ms if alert.resolved_ms is not None else now_ms - KEEP_RESOLVED_MS) >= KEEP_RESOLVED_MS
        ]
        for fingerprint in gone:
            del self.by_fingerprint[fingerprint]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all alerts as plain data."""
        return [plain(alert) for alert in self.by_fingerprint.values()]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Take the place of a snapshot."""
        found = msgspec.convert(data, list[Alert])
        self.by_fingerprint = {alert.fingerprint: alert for alert in found}


def plain(alert: Alert) -> dict[str, Any]:
    """Return an alert as plain data, no part of it shared."""
    data: dict[str, Any] = msgspec.to_builtins(alert)
    return data
