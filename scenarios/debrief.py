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
from scenarios.command_words import ordered, target_name
from scenarios.kind_titles import kind_title
from scenarios.naming import Naming
from scenarios.quantities import QUANTITIES
from scenarios.schema import Expectation, Scenario
from scenarios.triggers import fits_command
from scenarios.variants import said as variants_said
from sensors.messages import CommandInfo
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
    outcomes: Mapping[str, float | None] = field(default_factory=dict)  # expectation -> what was measured
    phases: Sequence[tuple[str, int]] = ()
    picks: Mapping[str, int] = field(default_factory=dict)
    commands: Mapping[str, CommandInfo] = field(default_factory=dict)  # what the city takes, for its words


class Debrief:
    """One comparison; `document()` is its outcome."""

    def __init__(self, material: Material) -> None:
        self.m, self.warm_ms = material, material.scenario.warm_up
        self.judged = gather(material.changes)
        self.names, self.naming = PlaceNames(material.city), Naming(material.city)
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
            "variants": variants_said(scenario.variants, self.m.picks),
            "phases": [{"id": name, "at_ms": at_ms} for name, at_ms in self.m.phases],
            "truth": self.rows,
            "hidden": [self._note(note) for note in scenario.hidden],
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
        names = self.names.around(place)
        first: Firing | None = None
        alerts = 0
        for index, firing in enumerate(self.judged.firings):
            claim = self.m.claims.get(firing.alert["name"])
            if claiming.explains(claim, {**firing.alert, "fired_ms": firing.fired_ms}, event, names):
                self.explained.setdefault(index, event["event_id"])
                first, alerts = first or firing, alerts + 1
        fired = next((row for row in self.m.fired if row["event_id"] == event["event_id"]), None)
        return {
            "event_id": event["event_id"], "kind": event["kind"], "kind_title": kind_title(event["kind"]), "place": place,
            "cause_id": event["cause_id"],
            "start_ms": event["start_ms"], "end_ms": event["end_ms"], "t_ms": event["start_ms"] - self.warm_ms,
            "by": fired["by"] if fired else ("consequence" if event["cause_id"] else "ordinary_life"),
            "inject_id": fired["id"] if fired else None, "title": fired["title"] if fired else None,
            "alerts": alerts, **self._reaction(first, event["start_ms"]),
        }  # fmt: skip

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

    def _note(self, note: Any) -> Plain:
        """A hidden truth, with the instant at which what it is about began."""
        rows = self._rows_of(note.of) if note.of else []
        return {"text": _text(note.text), "of": note.of, "at_ms": rows[0]["start_ms"] if rows else None}

    # -- expectations

    def _expectation(self, e: Expectation) -> Plain:
        found = self._judge(e) if self._applies(e) else Found(said=_NOT_REACHED)
        met, at_ms, since_ms = found.met, found.at_ms, found.since_ms
        deadline_ms = None if e.within is None or since_ms is None else since_ms + e.within
        late = deadline_ms is not None and self.m.until_ms > deadline_ms
        if met is None and self._applies(e) and (late or self._ended):
            met = False
        return {
            "id": e.id, "title": _text(e.title), "kind": e.kind, "met": met, "applies": self._applies(e), "at_ms": at_ms,
            "since_ms": since_ms, "after_ms": None if at_ms is None or since_ms is None else at_ms - since_ms, "within_ms":
            e.within, "detail": found.said, "score": e.score, "earned": e.score if met else 0,
        }  # fmt: skip

    @property
    def _ended(self) -> bool:
        return self.m.until_ms >= self.m.scenario.total_ms

    def _applies(self, e: Expectation) -> bool:
        """What is about a trigger that never fired says nothing, unless it is just that; before the end nobody knows."""
        conditional = {t.id for t in self.m.scenario.triggers} | {t.phase for t in self.m.scenario.triggers if t.phase}
        return e.kind == "avoided" or e.of not in conditional or not self._ended or self._since(e) is not None

    def _judge(self, e: Expectation) -> "Found":
        """Return how an expectation stands."""
        if e.kind in ("incidents_at_most", "alerts_at_most", "commands_at_most"):
            return self._at_most(e)
        if e.kind == "outcome":
            return self._outcome(e)
        if e.kind == "command_done":
            return self._command_done(e)
        rows = self._rows_of(e.of)
        if e.kind == "avoided":
            return self._avoided(rows)
        if not rows:
            return Found(said={"vi": "chưa xảy ra", "en": "it has not happened"})
        results = [self._truth_result(e, row) for row in rows]
        return max(results, key=lambda r: (r.met is not True, r.at_ms or 0))

    def _at_most(self, e: Expectation) -> "Found":
        if e.kind == "incidents_at_most":
            things = [i["opened_ms"] for i in self.judged.incidents.values() if not i.get("merged_into")]
        elif e.kind == "commands_at_most":
            things = [c["requested_ms"] for c in self._commands_like(e)]
        else:
            things = [f.fired_ms for f in self.judged.firings if e.alert in (None, f.alert["name"])]
        count = _most([ms for ms in things if ms >= self.warm_ms], e.within)
        met = False if count > (e.count or 0) else True if self._ended else None
        return Found(met, said={"vi": f"{count} trên tối đa {e.count}", "en": f"{count} of at most {e.count}"})

    def _outcome(self, e: Expectation) -> "Found":
        value = self.m.outcomes.get(e.id)
        if value is None:
            return Found(said={"vi": "chưa đo", "en": "not measured yet"})
        good = (e.at_most is None or value <= e.at_most) and (e.at_least is None or value >= e.at_least)
        bounds = [f"{sign} {bound:g}" for sign, bound in (("≤", e.at_most), ("≥", e.at_least)) if bound is not None]
        quantity, place = QUANTITIES[e.quantity or ""], self.naming.of(e.place.kind, e.place.id) if e.place else ""
        unit = {"minutes_above": "min", "sum": f"{quantity.unit} min".strip()}.get(e.measure or "", quantity.unit)
        figure = f"{value:.3g} {unit}".strip() if value < 1_000 else f"{value:.0f} {unit}".strip()
        said = {lang: f"{title} {place}: {figure} ({', '.join(bounds)})" for lang, title in _text(quantity.title).items()}
        return Found(good if self._ended else None, said={lang: " ".join(text.split()) for lang, text in said.items()})

    def _avoided(self, rows: Sequence[Plain]) -> "Found":
        if rows:
            return Found(False, rows[0]["start_ms"], said=self._said(rows[0]))
        return Found(True if self._ended else None, said={"vi": "không xảy ra", "en": "it did not happen"})

    def _command_done(self, e: Expectation) -> "Found":
        since = self._since(e)
        for command in self._commands_like(e):
            at_ms = command["done_ms"]
            if command["state"] == "done" and None not in (since, at_ms) and at_ms >= since:
                target = command["target"]
                place = self.naming.of(target["kind"], target["id"])
                said = {lang: self._ordered(e, command["params"], place, lang) for lang in ("vi", "en")}
                return Found(self._in_time(e, at_ms, since or 0), at_ms, since, said)
        vi, en = (self._ordered(e, e.params, target_name(e.target, e.command or "", self.m.commands, self.naming), lang)
                  for lang in ("vi", "en"))  # fmt: skip
        return Found(since_ms=since, said={"vi": f"“{vi}” chưa được thực hiện xong", "en": f"“{en}” was not done"})

    def _ordered(self, e: Expectation, params: Plain, place: str, lang: str) -> str:
        return ordered(e.command or "", params, place, self.m.commands, lang)

    def _commands_like(self, e: Expectation) -> list[Plain]:
        """The commands that an expectation is about, with what the city takes for parameters left out."""
        found = []
        for command in self.judged.commands.values():
            body = {"type": command["type"], "target_id": command["target"].get("id"), "params": command["params"]}
            if fits_command(body, e.command, e.target, e.params):
                found.append(command)
        return found

    def _since(self, e: Expectation) -> int | None:
        """When the clock of an expectation starts: at T+0, with a phase, with a truth."""
        if e.of is None:
            return self.warm_ms
        phases = [at_ms for name, at_ms in self.m.phases if name == e.of]
        rows = self._rows_of(e.of)
        return phases[0] if phases else int(rows[0]["start_ms"]) if rows else None

    def _rows_of(self, of: str | None) -> list[Plain]:
        """The truth that a name is about: what its inject began, or all of its kind that began after T+0."""
        fired = [row for row in self.m.fired if of in (row["id"], row["of"])]
        if fired:
            return [self.row_of[row["event_id"]] for row in fired]
        return [row for row in self.rows if row["kind"] == of and row["start_ms"] >= self.warm_ms]

    def _truth_result(self, e: Expectation, row: Plain) -> "Found":
        since = int(row["start_ms"])
        key = {"detected": "detected_ms", "acknowledged": "acknowledged_ms", "closed": "closed_ms", "world": "end_ms"}[e.kind]
        at_ms = self._named_alert_ms(e, row) if e.kind == "detected" and e.alert else row[key]
        if at_ms is None:
            said = self._said(row)
            return Found(since_ms=since, said={"vi": f"{said['vi']}: chưa", "en": f"{said['en']}: not yet"})
        return Found(self._in_time(e, at_ms, since), at_ms, since, self._said(row))

    def _said(self, row: Plain) -> Plain:
        """What a truth is called, with its place."""
        place = self.naming.of(row["place"]["kind"], row["place"]["id"])
        title = row["title"] or kind_title(row["kind"])
        return {lang: f"{title[lang]} – {place}" if place else title[lang] for lang in ("vi", "en")}

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


@dataclass(frozen=True, slots=True)
class Found:
    """How an expectation stands: met (None: open), when, since when its clock runs, what was seen."""

    met: bool | None = None
    at_ms: int | None = None
    since_ms: int | None = None
    said: Plain = field(default_factory=dict)


_NOT_REACHED = {"vi": "không xảy ra trong lần chạy này", "en": "it did not come to that in this run"}


def _most(times_ms: Sequence[int], span_ms: int | None) -> int:
    """Return how many instants there are, or with a span the most that fall into any such span."""
    if span_ms is None:
        return len(times_ms)
    ordered = sorted(times_ms)
    return max((sum(first <= ms < first + span_ms for ms in ordered) for first in ordered), default=0)


def _text(text: Any) -> Plain:
    return {"vi": text.vi, "en": text.en}


def _score(expectations: Sequence[Plain]) -> Plain:
    counted = [e for e in expectations if e["applies"]]
    possible = sum(e["score"] for e in counted)
    earned = sum(e["earned"] for e in counted)
    met = sum(e["met"] is True for e in counted)
    return {"earned": earned, "possible": possible, "met": met, "of": len(counted)}


def debrief(material: Material) -> Plain:
    """Return the debrief of a run as one plain document."""
    return Debrief(material).document()
