"""The book of incidents: which alert belongs to which incident, as alerts come and go in any order.

Lives here: opening, joining, promoting a late-found cause, merging, counting. Must not know: rules, people's rights, storage.
Each alert belongs under the highest cause that is known, whatever the order in which alerts began: a root that is found late
takes over the earliest incident that it explains and merges the others into it; a merged incident is closed and points to
its target. Timeline lines about alerts are one per incident and evaluation.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from ops_center.alerts import Alert, Alerts, inhibit, release
from ops_center.devices import STALE_PERIODS
from ops_center.grouping import Key, candidate_keys, gathered_keys, own_key, shares
from ops_center.hearing import OVERDUE_PERIODS
from ops_center.incidents import OPEN, Incident, add_entry, hear, joinable, plain, respond_by, root_order, set_root, step

Enrich = Callable[[Mapping[str, str]], dict[str, str]]
Note = tuple[Incident, dict[str, Any]]
Silence = Callable[[Alert, int, float], int | None]  # since when all who could tell are silent for so many periods; else None
MAX_CLOSED = 5_000
SPOKEN_MS = 120_000  # for so long devices speak again before the silence counts as over: rules need a while to judge


def nobody_is_silent(_alert: Alert, _now_ms: int, _periods: float) -> int | None:
    """Whoever ends an alert has said so."""
    return None


class IncidentBook:
    """All incidents of a city. `notes` and `touched` collect what happened until `drain`."""

    def __init__(self, alerts: Alerts, enrich: Enrich) -> None:
        self._alerts, self._enrich = alerts, enrich
        self.silence: Silence = nobody_is_silent
        self.by_id: dict[str, Incident] = {}
        self._facts: dict[str, tuple[dict[str, str], tuple[Key, ...]]] = {}
        self._waiting: dict[str, None] = {}  # incidents whose alerts silence may have ended
        self._made = 0
        self._entries = 0
        self.notes: list[Note] = []
        self.touched: dict[str, None] = {}  # fingerprints whose incident or suppression changed

    # -- look-ups

    def open(self) -> list[Incident]:
        """Return the incidents that are not closed, oldest first."""
        return [incident for incident in self.by_id.values() if incident.is_open]

    def get(self, incident_id: str) -> Incident | None:
        """Return an incident or None."""
        return self.by_id.get(incident_id)

    def follow(self, incident_id: str) -> Incident | None:
        """Return an incident, or where it was merged to."""
        incident = self.by_id.get(incident_id)
        while incident is not None and incident.merged_into is not None:
            incident = self.by_id.get(incident.merged_into)
        return incident

    def _of(self, alert: Alert) -> tuple[dict[str, str], tuple[Key, ...]]:
        known = self._facts.get(alert.fingerprint)
        if known is None:
            labels = self._enrich(alert.labels)
            known = self._facts[alert.fingerprint] = (labels, candidate_keys(labels))
        return known

    def _order(self, alert: Alert) -> tuple[int, int, int, str]:
        return root_order(alert, own_key(self._of(alert)[0]))

    # -- what alerts do

    def fired(self, alerts: Iterable[Alert], now_ms: int) -> None:
        """Take in alerts that began to fire at one evaluation, causes first."""
        joined: dict[str, list[str]] = {}
        for alert in sorted(alerts, key=self._order):
            incident = self._assign(alert, now_ms)
            joined.setdefault(incident.incident_id, []).append(alert.fingerprint)
        for incident_id, fingerprints in joined.items():
            incident = self.by_id[incident_id]
            if not incident.is_open:
                continue
            self._count(incident)
            hear(incident)
            self.note(incident, now_ms, "alert_firing", data={"fingerprints": fingerprints, "count": len(fingerprints)})
            self._suppress(incident)

    def cleared(self, alerts: Iterable[Alert], now_ms: int, spoken: bool = False) -> None:
        """Take in alerts that ceased to fire at one evaluation; `spoken`: no silence can have ended them.

        Where silence did, their incident is not over: it stays as it is until those speak who could tell (`listen`).
        """
        ended: dict[str, list[str]] = {}
        for alert in alerts:
            if alert.incident_id is not None:
                ended.setdefault(alert.incident_id, []).append(alert.fingerprint)
        for incident_id, fingerprints in ended.items():
            incident = self.by_id[incident_id]
            self._count(incident)
            self.note(incident, now_ms, "alert_resolved", data={"fingerprints": fingerprints, "count": len(fingerprints)})
            self._suppress(incident)
            if incident.firing_count == 0 and incident.state in OPEN:
                waited = [] if spoken else list(dict.fromkeys([*fingerprints, incident.root_alert]))
                incident.unheard = [f for f in waited if self._silent_ms(f, now_ms, OVERDUE_PERIODS) is not None]
                if incident.unheard:
                    self._waiting[incident_id] = None
                else:
                    self._all_clear(incident, now_ms, "all alerts have ceased")

    def _all_clear(self, incident: Incident, now_ms: int, reason: str) -> None:
        step(incident, "all_clear", now_ms)
        self.note(incident, now_ms, "state", data={"state": incident.state, "reason": reason})

    def _silent_ms(self, fingerprint: str, now_ms: int, periods: float) -> int | None:
        alert = self._alerts.get(fingerprint)
        return None if alert is None else self.silence(alert, now_ms, periods)

    def listen(self, now_ms: int) -> None:
        """Look at the incidents whose alerts silence has ended: say it once it is certain, and clear them when it is over.

        A reading that was only late clears at once; after a silence devices have to speak for a while.
        """
        for incident_id in list(self._waiting):
            incident = self.by_id.get(incident_id)
            if incident is not None and incident.unheard:
                self._listen(incident, now_ms)
            else:
                del self._waiting[incident_id]

    def _listen(self, incident: Incident, now_ms: int) -> None:
        overdue = [self._silent_ms(f, now_ms, OVERDUE_PERIODS) for f in incident.unheard]
        if all(ms is None for ms in overdue):
            incident.heard_ms = now_ms if incident.heard_ms is None else incident.heard_ms
            if incident.silent_since_ms is None or now_ms - incident.heard_ms >= SPOKEN_MS:
                self._all_clear(incident, now_ms, "all alerts have ceased")
            return
        stale = [ms for f in incident.unheard if (ms := self._silent_ms(f, now_ms, STALE_PERIODS)) is not None]
        if stale:
            incident.heard_ms = None
            if incident.silent_since_ms is None:
                incident.silent_since_ms = max(min(stale), 0)
                incident.version += 1
                self.note(incident, now_ms, "silent", data={"since_ms": incident.silent_since_ms, "count": len(stale)})

    def unshelved(self, alert: Alert, now_ms: int) -> Incident | None:
        """An alert is no longer shelved: one that fires counts again, as if it had just begun. Return its incident."""
        self.touched[alert.fingerprint] = None
        if alert.condition == "firing":
            self.fired([alert], now_ms)
        return self.follow(alert.incident_id or "")

    def _assign(self, alert: Alert, now_ms: int) -> Incident:
        labels, candidates = self._of(alert)
        keys = gathered_keys(labels, alert.annotations)
        known = self.by_id.get(alert.incident_id or "")
        incident = self._gathering(candidates, now_ms) or (known if known is not None and joinable(known, now_ms) else None)
        incident = incident or self._explained(keys, now_ms) or self._open(alert, now_ms)
        self._join(incident, alert, now_ms)
        root = self._alerts.get(incident.root_alert)
        if root is None or self._order(alert) <= self._order(root):
            set_root(incident, alert, keys)
        elif own_key(labels).rank == incident.key.rank:
            incident.gathers = list(dict.fromkeys([*incident.gathers, *keys]))
        self._adopt(incident, now_ms)
        return incident

    def _gathering(self, candidates: tuple[Key, ...], now_ms: int) -> Incident | None:
        """Return the open incident that gathers the highest of these keys."""
        alive = [incident for incident in self.by_id.values() if joinable(incident, now_ms)]
        for key in candidates:
            for incident in alive:
                if key in incident.gathers:
                    return incident
        return None

    def _explained(self, keys: tuple[Key, ...], now_ms: int) -> Incident | None:
        """Return the earliest open incident whose root the keys explain."""
        for incident in self.by_id.values():
            root = self._alerts.get(incident.root_alert)
            if joinable(incident, now_ms) and root is not None and shares(self._of(root)[1], keys):
                return incident
        return None

    def _open(self, alert: Alert, now_ms: int) -> Incident:
        self._made += 1
        incident = Incident(f"INC-{self._made:05d}", own_key(self._of(alert)[0]), now_ms)
        self.by_id[incident.incident_id] = incident
        self._forget_old()
        set_root(incident, alert, gathered_keys(self._of(alert)[0], alert.annotations))
        incident.version = 1
        self.note(incident, now_ms, "opened", data={"alert": alert.fingerprint, "name": alert.name})
        return incident

    def _join(self, incident: Incident, alert: Alert, now_ms: int) -> None:
        if alert.incident_id != incident.incident_id:
            self._leave(alert)
            alert.incident_id = incident.incident_id
            if alert.fingerprint not in incident.alerts:
                incident.alerts.append(alert.fingerprint)
        self.touched[alert.fingerprint] = None
        if incident.state == "resolved" and alert.condition == "firing":
            step(incident, "refire", now_ms)
            incident.acknowledged_by = incident.acknowledged_ms = None
            self.note(incident, now_ms, "state", data={"state": incident.state, "reason": "an alert fires again"})

    def _leave(self, alert: Alert) -> None:
        before = self.by_id.get(alert.incident_id or "")
        if before is not None and before.is_open and alert.fingerprint in before.alerts:
            before.alerts.remove(alert.fingerprint)

    # -- causes found late

    def _adopt(self, target: Incident, now_ms: int) -> None:
        """Merge the incidents that the target's root explains; take single alerts out of the others."""
        for other in self.open():
            if other is target or other.key.rank < target.key.rank or not joinable(other, now_ms):
                continue
            root = self._alerts.get(other.root_alert)
            if root is not None and shares(self._of(root)[1], target.gathers):
                self._merge(other, target, now_ms)
            elif other.key.rank > target.key.rank:
                self._take_from(other, target, now_ms)

    def _merge(self, source: Incident, target: Incident, now_ms: int) -> None:
        moved = [alert for f in source.alerts if (alert := self._alerts.get(f)) is not None]
        step(source, "merge", now_ms)
        source.merged_into = target.incident_id
        for alert in moved:
            self._join(target, alert, now_ms)
        if source.acknowledged_ms is not None and target.acknowledged_ms is None:
            target.acknowledged_by, target.acknowledged_ms = source.acknowledged_by, source.acknowledged_ms
        target.owner = target.owner or source.owner
        target.opened_ms = min(target.opened_ms, source.opened_ms)
        root = self._alerts.get(target.root_alert)
        target.respond_by_ms = target.respond_by_ms if root is None else respond_by(root, target.opened_ms)
        target.version += 1
        self._count(target)
        self.note(source, now_ms, "closed", data={"merged_into": target.incident_id})
        self.note(target, now_ms, "alert_firing", data={"merged_from": source.incident_id, "count": len(moved)})

    def _take_from(self, other: Incident, target: Incident, now_ms: int) -> None:
        found = [alert for f in other.alerts if (alert := self._alerts.get(f)) is not None]
        moved = [alert for alert in found if shares(self._of(alert)[1], target.gathers)]
        for alert in moved:
            self._join(target, alert, now_ms)
        if moved:
            self._count(other)
            self.note(other, now_ms, "state", data={"state": other.state, "moved_to": target.incident_id, "count": len(moved)})

    # -- counting, suppression, timeline

    def _count(self, incident: Incident) -> None:
        held = [alert for f in incident.alerts if (alert := self._alerts.get(f)) is not None]
        incident.alert_count = len(incident.alerts)
        incident.firing_count = sum(alert.condition == "firing" for alert in held)
        incident.device_count = len({device for alert in held for device in alert.devices})

    def _suppress(self, incident: Incident) -> None:
        """Keep alerts below a firing root quiet, lift that when the root has ceased."""
        root = self._alerts.get(incident.root_alert)
        rank = own_key(self._of(root)[0]).rank if root is not None and root.condition == "firing" else 99
        for fingerprint in incident.alerts:
            alert = self._alerts.get(fingerprint)
            if alert is None:
                continue
            below = root is not None and alert is not root and own_key(self._of(alert)[0]).rank > rank
            news = inhibit(alert, f"cause: {root.name}") if below and root is not None else release(alert)
            if news:
                self.touched[fingerprint] = None

    def note(
        self, incident: Incident, now_ms: int, kind: str, who: str = "", text: str = "", data: dict[str, Any] | None = None
    ) -> None:
        """Add a line to an incident's timeline and remember that it is news."""
        self._entries += 1
        self.notes.append((incident, add_entry(incident, self._entries, now_ms, kind, who, text, data or {})))

    def drain(self) -> tuple[list[Note], list[str]]:
        """Return and forget the notes and the fingerprints of touched alerts."""
        notes, touched = self.notes, list(self.touched)
        self.notes, self.touched = [], {}
        return notes, touched

    def _forget_old(self) -> None:
        closed = [incident_id for incident_id, incident in self.by_id.items() if not incident.is_open]
        for incident_id in closed[: max(0, len(closed) - MAX_CLOSED)]:
            del self.by_id[incident_id]

    def forget_facts(self) -> None:
        """Drop what was derived from the registry; a new version of it may say otherwise."""
        self._facts.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the book as plain data."""
        return {"incidents": [msgspec.to_builtins(i) for i in self.by_id.values()], "made": self._made, "entries": self._entries}

    def restore(self, data: dict[str, Any]) -> None:
        """Take the place of a snapshot."""
        found = msgspec.convert(data["incidents"], list[Incident])
        self.by_id = {incident.incident_id: incident for incident in found}
        self._waiting = dict.fromkeys(name for name, incident in self.by_id.items() if incident.unheard)
        self._made, self._entries = data["made"], data["entries"]
        self._facts.clear()


def summary(incident: Incident) -> dict[str, Any]:
    """Return an incident as the feed shows it."""
    return plain(incident)
