"""Truth beside judgement: what happened, when it was seen, acknowledged and closed, which expectations were met.

Lives here: the comparison, as one plain document. Must not know: how it is shown (`debrief_page`), sockets, files. Nothing is
kept that was computed before: the document follows from truth, changes and scenario alone, so a changed rubric changes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops_center.events import AlertChange, Change, CommandChange, IncidentChange
from scenarios import claims as claiming
from scenarios.alarm_kpis import alarm_kpis
from scenarios.claims import Claim, PlaceNames
from scenarios.schema import Expectation, Scenario
from simulator.city import City

Plain = dict[str, Any]


@dataclass(slots=True)
class Firing:
    """One firing of an alert, from fire to clear."""

    alert: Plain
    fired_ms: int
    cleared_ms: int | None = None


@dataclass(slots=True)
class Judged:
    """What the center made of it, gathered from its changes."""

    firings: list[Firing] = field(default_factory=list)
    incidents: dict[str, Plain] = field(default_factory=dict)
    commands: dict[str, Plain] = field(default_factory=dict)
    incident_of: dict[str, str] = field(default_factory=dict)  # fingerprint -> incident, the latest

    def followed(self, incident_id: str | None) -> Plain | None:
        """Return an incident, or the one that it was merged into."""
        incident = self.incidents.get(incident_id or "")
        for _ in range(32):
            if incident is None or not incident.get("merged_into"):
                break
            incident = self.incidents.get(incident["merged_into"])
        return incident


def gather(changes: Iterable[Change]) -> Judged:
    """Return firings, incidents and commands as they stand after the changes."""
    judged = Judged()
    open_: dict[str, Firing] = {}
    for change in changes:
        if isinstance(change, AlertChange):
            _take_alert(judged, open_, change)
        elif isinstance(change, IncidentChange):
            judged.incidents[change.incident_id] = {**change.incident, "incident_id": change.incident_id}
        elif isinstance(change, CommandChange):
            judged.commands[change.command["command_id"]] = change.command
    return judged


def _take_alert(judged: Judged, open_: dict[str, Firing], change: AlertChange) -> None:
    alert, key = change.alert, change.fingerprint
    if alert.get("incident_id"):
        judged.incident_of[key] = alert["incident_id"]
    if change.after == "firing" and key not in open_:
        open_[key] = Firing(alert, change.now_ms)
        judged.firings.append(open_[key])
    elif change.after == "firing":
        open_[key].alert = alert
    elif key in open_:
        open_.pop(key).cleared_ms = change.now_ms


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a debrief follows from. Instants in ms since the run's start `start_at`, the warm-up before T+0."""

    run_id: str
    start_at: str

    scenario: Scenario
    city: City
    truth: Sequence[Plain]
    fired: Sequence[Plain]
    changes: Sequence[Change]
    claims: Mapping[str, Claim]
    until_ms: int


class Debrief:
    """One comparison; `document()` is its outcome."""

    def __init__(self, material: Material) -> None:
        self.m, self.warm_ms = material, material.scenario.warm_up
        self.judged = gather(material.changes)
        self.names = PlaceNames(material.city)
        self.by_fired = {row["id"]: row for row in material.fired}
        self.explained: dict[int, str] = {}
        self.rows = [self._row(event) for event in material.truth]
        self.row_of = {row["event_id"]: row for row in self.rows}

    def document(self) -> Plain:
        """Return the debrief as plain data, ready for JSON; all instants count from the run's start."""
        scenario = self.m.scenario
        expectations = [self._expectation(e) for e in scenario.expectations]
        kpis = alarm_kpis([(f.fired_ms, f.cleared_ms, f.alert) for f in self.judged.firings], self.warm_ms, self.m.until_ms)
        return {
            "run": self.m.run_id,
            "scenario": scenario.name,
            "title": _text(scenario.title),
            "description": _text(scenario.description),
            "city": self.m.city.id,
            "start_at": self.m.start_at,
            "warm_up_ms": self.warm_ms,
            "duration_ms": self.m.until_ms,
            "complete": self.m.until_ms >= scenario.total_ms,
            "truth": self.rows,
            "expectations": expectations,
            "score": _score(expectations),
            "incidents": [self._incident(i) for i in self.judged.incidents.values() if not i.get("merged_into")],
            "commands": [self._command(c) for c in self.judged.commands.values()],
            "unexplained_alerts": self._unexplained(),
            "kpis": {k: v for k, v in kpis.items() if not isinstance(v, dict | list)},
            "alarms": kpis,
        }

    # -- truth, row by row

    def _row(self, event: Plain) -> Plain:
        place = event["place"]
        names = self._names(place)
        first: Firing | None = None
        alerts = 0
        for index, firing in enumerate(self.judged.firings):
            claim = self.m.claims.get(firing.alert["name"])
            if claiming.explains(claim, {**firing.alert, "fired_ms": firing.fired_ms}, event, names):
                self.explained.setdefault(index, event["event_id"])
                first, alerts = first or firing, alerts + 1
        fired = next((row for row in self.m.fired if row["event_id"] == event["event_id"]), None)
        return {
            "event_id": event["event_id"], "kind": event["kind"], "place": place, "cause_id": event["cause_id"],
            "start_ms": event["start_ms"], "end_ms": event["end_ms"], "t_ms": event["start_ms"] - self.warm_ms,
            "by": fired["by"] if fired else ("consequence" if event["cause_id"] else "ordinary_life"),
            "inject_id": fired["id"] if fired else None, "title": fired["title"] if fired else None,
            "alerts": alerts, **self._reaction(first, event["start_ms"]),
        }  # fmt: skip

    def _names(self, place: Plain) -> set[str]:
        names = self.names.of(place["kind"], place["id"])
        return names | claiming.neighbours(self.m.city, [place["id"]]) if place["kind"] == "link" else names

    def _reaction(self, first: Firing | None, start_ms: int) -> Plain:
        seen = (self._incident_of(first) if first is not None else None) or {}
        instants = {
            "detected": first.fired_ms if first else None,
            "acknowledged": seen.get("acknowledged_ms"),
            "closed": seen.get("closed_ms"),
        }
        out: Plain = {"detected_by": first.alert["name"] if first else None, "incident_id": seen.get("incident_id")}
        for name, at_ms in instants.items():
            out[f"{name}_ms"] = at_ms
            out[f"{name}_after_ms"] = None if at_ms is None else at_ms - start_ms
        return out

    # -- expectations

    def _expectation(self, e: Expectation) -> Plain:
        met, at_ms, since_ms, said = self._judge(e)
        deadline_ms = None if e.within is None or since_ms is None else since_ms + e.within
        if met is None and deadline_ms is not None and self.m.until_ms > deadline_ms:
            met = False
        if met is None and self.m.until_ms >= self.m.scenario.total_ms:
            met = False
        return {
            "id": e.id, "title": _text(e.title), "kind": e.kind, "met": met, "at_ms": at_ms, "since_ms": since_ms,
            "after_ms": None if at_ms is None or since_ms is None else at_ms - since_ms, "within_ms": e.within,
            "detail": said, "score": e.score, "earned": e.score if met else 0,
        }  # fmt: skip

    def _judge(self, e: Expectation) -> tuple[bool | None, int | None, int | None, str]:
        """Return (met, None while open; when; since when; what was seen)."""
        if e.kind == "incidents_at_most":
            return self._at_most(e, [i for i in self.judged.incidents.values() if not i.get("merged_into")])
        if e.kind == "alerts_at_most":
            return self._at_most(e, [f.alert for f in self.judged.firings if f.fired_ms >= self.warm_ms])
        if e.kind == "command_done":
            return self._command_done(e)
        rows = self._rows_of(e)
        if not rows:
            return None, None, None, "it has not happened"
        results = [self._truth_result(e, row) for row in rows]
        return max(results, key=lambda r: (r[0] is not True, r[1] or 0))

    def _at_most(self, e: Expectation, things: Sequence[Plain]) -> tuple[bool | None, int | None, int | None, str]:
        over, ended = len(things) > (e.count or 0), self.m.until_ms >= self.m.scenario.total_ms
        return (False if over else True if ended else None), None, None, f"{len(things)} of at most {e.count}"

    def _command_done(self, e: Expectation) -> tuple[bool | None, int | None, int | None, str]:
        since = self._since(e)
        for command in self.judged.commands.values():
            target = command["target"].get("id")
            if command["type"] == e.command and e.target in (None, target) and command["state"] == "done":
                at_ms = command["done_ms"]
                if since is not None and at_ms is not None and at_ms >= since:
                    return self._in_time(e, at_ms, since), at_ms, since, f"{e.command} {target}"
        return None, None, since, f"no {e.command} was done"

    def _since(self, e: Expectation) -> int | None:
        if e.of is None:
            return self.warm_ms
        rows = self._rows_of(e)
        return rows[0]["start_ms"] if rows else None

    def _rows_of(self, e: Expectation) -> list[Plain]:
        """The truth that an expectation is about: the event of its inject, or all of its kind that began after T+0."""
        fired = self.by_fired.get(e.of or "")
        if fired is not None:
            return [self.row_of[fired["event_id"]]]
        return [row for row in self.rows if row["kind"] == e.of and row["start_ms"] >= self.warm_ms]

    def _truth_result(self, e: Expectation, row: Plain) -> tuple[bool | None, int | None, int | None, str]:
        since = int(row["start_ms"])
        key = {"detected": "detected_ms", "acknowledged": "acknowledged_ms", "closed": "closed_ms", "world": "end_ms"}[e.kind]
        at_ms = self._named_alert_ms(e, row) if e.kind == "detected" and e.alert else row[key]
        if at_ms is None:
            return None, None, since, f"{row['kind']} {row['place']['id']}: not yet"
        return self._in_time(e, at_ms, since), at_ms, since, f"{row['kind']} {row['place']['id']}"

    def _named_alert_ms(self, e: Expectation, row: Plain) -> int | None:
        for index, firing in enumerate(self.judged.firings):
            if firing.alert["name"] == e.alert and self.explained.get(index) == row["event_id"]:
                return firing.fired_ms
        return None

    @staticmethod
    def _in_time(e: Expectation, at_ms: int, since_ms: int) -> bool:
        return e.within is None or at_ms - since_ms <= e.within

    # -- judgement, row by row

    def _incident(self, incident: Plain) -> Plain:
        keys = (
            "incident_id", "title", "severity", "state", "place", "opened_ms", "acknowledged_ms", "acknowledged_by",
            "resolved_ms", "closed_ms", "classification", "alert_count", "owner", "respond_by_ms",
        )  # fmt: skip
        return {key: incident.get(key) for key in keys}

    def _command(self, command: Plain) -> Plain:
        keys = ("type", "target", "params", "state", "reason", "who", "requested_ms", "applied_ms", "done_ms", "incident_id")
        return {key: command.get(key) for key in keys}

    def _unexplained(self) -> list[Plain]:
        """Firings that no truth explains, also not through the cause on top of their incident: false alarms."""
        explained = {self._incident_id(self.judged.firings[index]) for index in self.explained} - {None}
        return [
            {"name": f.alert["name"], "labels": f.alert["labels"], "fired_ms": f.fired_ms, "cleared_ms": f.cleared_ms}
            for index, f in enumerate(self.judged.firings)
            if index not in self.explained and f.fired_ms >= self.warm_ms and self._incident_id(f) not in explained
        ]

    def _incident_id(self, firing: Firing) -> str | None:
        incident = self._incident_of(firing)
        return incident["incident_id"] if incident else None

    def _incident_of(self, firing: Firing) -> Plain | None:
        fingerprint = firing.alert["fingerprint"]
        return self.judged.followed(firing.alert.get("incident_id") or self.judged.incident_of.get(fingerprint))


def _text(text: Any) -> Plain:
    return {"vi": text.vi, "en": text.en}


def _score(expectations: Sequence[Plain]) -> Plain:
    possible = sum(e["score"] for e in expectations)
    earned = sum(e["earned"] for e in expectations)
    met = sum(e["met"] is True for e in expectations)
    return {"earned": earned, "possible": possible, "met": met, "of": len(expectations)}


def debrief(material: Material) -> Plain:
    """Return the debrief of a run as one plain document."""
    return Debrief(material).document()
