"""Incidents: what people work on. Their states, what they hold, their timeline and service clock.

Lives here: the state table, the struct, opening, joining, merging. Must not know: rules, sockets, who may do what.
"""

from typing import Any

import msgspec

from ops_center.alerts import Alert
from ops_center.grouping import Key
from ops_center.tables import Table, advance

OPEN = ("reported", "verified", "responding", "contained")
STATES = (*OPEN, "resolved", "closed")

INCIDENT: Table = {
    **{(s, "verify"): "verified" for s in ("reported",)},
    **{(s, "respond"): "responding" for s in ("reported", "verified", "contained", "resolved")},
    **{(s, "contain"): "contained" for s in ("reported", "verified", "responding")},
    **{(s, "resolve"): "resolved" for s in OPEN},
    **{(s, "all_clear"): "resolved" for s in OPEN},
    ("resolved", "refire"): "reported",
    **{(s, "close"): "closed" for s in (*OPEN, "resolved")},
    **{(s, "merge"): "closed" for s in (*OPEN, "resolved")},
}
EVENT_TO = {"verified": "verify", "responding": "respond", "contained": "contain", "resolved": "resolve"}
CLASSIFICATIONS = ("true", "false", "test")
REGROUP_MS = 30 * 60_000  # a resolved incident takes in new alerts for so long
DEFAULT_RESPOND_S = {"critical": 180, "major": 300, "minor": 900}
MAX_TIMELINE = 5_000


class Incident(msgspec.Struct):
    """One incident. `version` counts what people and causes change, not every alert that joins, so that an operator can
    acknowledge in the middle of a flood."""

    incident_id: str
    key: Key
    opened_ms: int
    version: int = 1
    state: str = "reported"
    severity: str = "info"
    title: dict[str, str] = {}
    procedure: dict[str, str] = {}
    place: dict[str, str] = {}
    lon: float = 0.0
    lat: float = 0.0
    owner: str | None = None
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    resolved_ms: int | None = None
    closed_ms: int | None = None
    close_reason: str | None = None
    classification: str | None = None
    merged_into: str | None = None
    alert_count: int = 0
    firing_count: int = 0
    device_count: int = 0
    root_alert: str = ""
    respond_by_ms: int | None = None
    silent_since_ms: int | None = None  # its alerts were ended by silence alone, and nobody who could tell has spoken since
    heard_ms: int | None = None  # since when those who were silent speak again
    unheard: list[str] = []  # fingerprints of the alerts that wait for their devices to speak
    gathers: list[Key] = []
    alerts: list[str] = []
    timeline: list[dict[str, Any]] = []

    @property
    def is_open(self) -> bool:
        """Not closed."""
        return self.state != "closed"


def step(incident: Incident, event: str, now_ms: int) -> None:
    """Apply a state event. Raises IllegalEvent."""
    incident.state = advance(INCIDENT, f"incident {incident.incident_id}", incident.state, event)
    incident.version += 1
    if incident.state == "resolved":
        incident.resolved_ms = now_ms
    elif incident.state == "closed":
        incident.closed_ms = now_ms
    else:
        incident.resolved_ms = None
    if incident.state not in OPEN:
        hear(incident)


def hear(incident: Incident) -> None:
    """Nobody is waited for any more."""
    incident.silent_since_ms, incident.heard_ms, incident.unheard = None, None, []


def joinable(incident: Incident, now_ms: int) -> bool:
    """Tell whether alerts that begin now may belong to the incident."""
    if not incident.is_open:
        return False
    return incident.resolved_ms is None or now_ms - incident.resolved_ms < REGROUP_MS


def root_order(alert: Alert, key: Key) -> tuple[int, int, int, str]:
    """Return the order in which alerts are the cause of their incident: highest place, worst, earliest."""
    return (key.rank, -alert.rank, alert.fired_ms if alert.fired_ms is not None else 0, alert.fingerprint)


def respond_by(alert: Alert, opened_ms: int) -> int | None:
    """Return when the first response is due, from the annotation `respond_s`, else by severity."""
    text = alert.annotations.get("respond_s", "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = float(DEFAULT_RESPOND_S.get(alert.severity, 0))
    return opened_ms + int(seconds * 1000) if 0 < seconds < 1e7 else None


def set_root(incident: Incident, alert: Alert, keys: tuple[Key, ...]) -> None:
    """Let an alert be the cause on top: title, procedure, place, severity and service clock are its own."""
    notes = alert.annotations
    summary = notes.get("summary", alert.name)
    incident.root_alert, incident.key = alert.fingerprint, keys[0]
    incident.gathers = list(keys)
    incident.severity, incident.place = alert.severity, dict(alert.place)
    incident.lon, incident.lat = alert.lon, alert.lat
    incident.title = {"vi": notes.get("summary_vi", summary), "en": summary}
    action = notes.get("action", "")
    incident.procedure = {"vi": notes.get("action_vi", action), "en": action}
    incident.respond_by_ms = respond_by(alert, incident.opened_ms)
    incident.version += 1


def add_entry(incident: Incident, seq: int, now_ms: int, kind: str, who: str, text: str, data: dict[str, Any]) -> dict[str, Any]:
    """Add a line to the timeline (the oldest of a very long one go) and return it."""
    entry = {"seq": seq, "now_ms": now_ms, "kind": kind, "who": who, "text": text, "data": data}
    incident.timeline.append(entry)
    del incident.timeline[:-MAX_TIMELINE]
    return entry


def plain(incident: Incident, timeline: bool = False) -> dict[str, Any]:
    """Return an incident as plain data, without its timeline and alerts unless asked."""
    data: dict[str, Any] = msgspec.to_builtins(incident)
    for own in ("gathers", "unheard", "heard_ms"):
        data.pop(own)
    data["key"] = {"level": incident.key.level, "name": incident.key.name, "domain": incident.key.domain}
    if not timeline:
        data.pop("timeline")
        data.pop("alerts")
    return data
