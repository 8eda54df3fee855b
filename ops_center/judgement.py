"""Judgement: what follows from rules, from people and from the city's answers, for alerts, incidents and commands.

Lives here: one city's alerts, incident book, world commands and alarm rate, and turning what happened to them into changes.
Must not know: frames, series, digests, files, sockets.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ops_center import alerts as alert_states
from ops_center import commands as world_commands
from ops_center import incidents as incident_states
from ops_center import people
from ops_center.alarm_rate import AlarmRate
from ops_center.alerts import Alert, Alerts
from ops_center.city_view import CityView
from ops_center.commands import Commands, WorldCommand, check_params
from ops_center.devices import Devices
from ops_center.events import AlertChange, Cause, Change, CommandChange, IncidentChange, JudgementCommand
from ops_center.grouping import LABEL_OF, own_key
from ops_center.hearing import Hearing, Witnesses, no_witness
from ops_center.incident_book import IncidentBook
from ops_center.people import Refused
from ops_center.rules.alerting import Change as Transition
from ops_center.tables import IllegalEvent

MAX_ALERT_DEVICES = 512
EVALUATION = "evaluation"
EVENTS = {"pending": "activate", "firing": "fire", "inactive": "clear"}
NOTHING: Mapping[str, Any] = {}
COMMAND_TYPES = (*people.TYPES, "world", "reload")


class Judgement:
    """The alerts, incidents and commands of one city. Its methods return changes, alerts before incidents."""

    def __init__(self, witnesses: Witnesses = no_witness) -> None:
        self._witnesses = witnesses
        self.alerts = Alerts()
        self.incidents = IncidentBook(self.alerts, self._enrich)
        self.commands = Commands()
        self.rate = AlarmRate()
        self.city: CityView | None = None
        self.devices: Devices | None = None

    def use(self, city: CityView, devices: Devices) -> None:
        """Take a new version of the registry into use."""
        self.city, self.devices = city, devices
        self.incidents.silence = Hearing(city, devices, self._witnesses).last_ms
        self.incidents.forget_facts()
        self._paint()

    def _enrich(self, labels: Mapping[str, str]) -> dict[str, str]:
        return self.city.enriched(labels) if self.city is not None else dict(labels)

    # -- rules

    def transitions(self, at_ms: int, transitions: Iterable[Transition], why: str = EVALUATION) -> tuple[list[Change], list[str]]:
        """Take in what the rules found at one instant; return the changes, and what was impossible."""
        fired: list[Alert] = []
        cleared: list[Alert] = []
        before: dict[str, str] = {}
        causes: dict[str, Cause] = {}
        wrong: list[str] = []
        for transition in transitions:
            alert = self._alert(transition)
            was = alert.condition
            before.setdefault(alert.fingerprint, was)
            causes[alert.fingerprint] = Cause(why, f"{transition.group}/{transition.rule}", at_ms)
            try:
                alert_states.set_condition(alert, EVENTS[transition.after], at_ms, transition.active_at_ms)
            except IllegalEvent as error:
                wrong.append(str(error))
                continue
            if transition.after == "firing":
                fired.append(alert)
            elif was == "firing":
                cleared.append(alert)
        self._group(fired, cleared, at_ms, spoken=why != EVALUATION)
        return self._collect(at_ms, Cause(why, "", at_ms), before, causes), wrong

    def _group(self, fired: list[Alert], cleared: list[Alert], at_ms: int, spoken: bool) -> None:
        self.incidents.fired([alert for alert in fired if alert.shelved_until_ms is None], at_ms)
        self.incidents.cleared(cleared, at_ms, spoken)
        for alert in fired:
            if alert.suppressed is None:
                self.rate.note(at_ms, alert.fingerprint)
        if fired or cleared:
            self._paint()

    def _alert(self, transition: Transition) -> Alert:
        alert = self.alerts.ensure(transition.fingerprint, transition.labels, transition.annotations)
        alert.value = transition.value
        if not alert.place and self.city is not None:
            self._locate(alert, self.city)
        if alert.place.get("name"):  # rules know ids; people know names
            there, name = alert.place["id"], alert.place["name"]
            alert.annotations = {key: _named(text, there, name) for key, text in alert.annotations.items()}
        return alert

    def _locate(self, alert: Alert, city: CityView) -> None:
        labels = city.enriched(alert.labels)
        key = own_key(labels)
        own = city.by_id.get(labels.get("device_id", ""))
        around = city.devices_at(LABEL_OF.get(key.level, key.level), key.name)[:MAX_ALERT_DEVICES]
        alert.devices = list(around) if own is None else [own]
        alert.lon, alert.lat = city.middle(alert.devices)
        alert.place = {"kind": key.level, "id": key.name, "name": city.place_name(key.level, key.name)}

    def _paint(self) -> None:
        """Give each device the worst severity of the firing alerts that name it."""
        if self.devices is None:
            return
        self.devices.severity[:] = 0
        self.devices.around[:] = 0
        for alert in sorted(self.alerts.firing(), key=lambda a: a.rank):
            own = "device_id" in alert.labels
            (self.devices.severity if own else self.devices.around)[alert.devices] = alert.rank

    def _collect(
        self, now_ms: int, cause: Cause, before: Mapping[str, str] = NOTHING, causes: Mapping[str, Cause] = NOTHING
    ) -> list[Change]:
        notes, touched = self.incidents.drain()
        changes: list[Change] = []
        for fingerprint in dict.fromkeys([*before, *touched]):
            alert = self.alerts.get(fingerprint)
            if alert is not None:
                was = before.get(fingerprint, alert.condition)
                own = causes.get(fingerprint, cause)
                changes.append(AlertChange(now_ms, own, fingerprint, was, alert.condition, alert_states.plain(alert)))
        for incident, entry in notes:
            changes.append(IncidentChange(now_ms, cause, incident.incident_id, dict(entry), incident_states.plain(incident)))
        return changes

    def tick(self, now_ms: int) -> list[Change]:
        """Move the alarm rate's window, take back what was shelved until now, and see who is still silent."""
        self.rate.update(now_ms)
        overdue = self.alerts.overdue(now_ms)
        for alert in overdue:
            alert_states.unshelve(alert)
            self.incidents.unshelved(alert, now_ms)
        changes = self._collect(now_ms, Cause("timer", "shelved", now_ms)) if overdue else []
        self.incidents.listen(now_ms)
        return changes + self._collect(now_ms, Cause("timer", "silence", now_ms)) if self.incidents.notes else changes

    def forget_old(self, now_ms: int) -> None:
        """Drop alerts that nobody needs any more."""
        self.alerts.forget_old(now_ms, frozenset(incident.incident_id for incident in self.incidents.open()))

    # -- people

    def check(self, type_: str, target: str, params: Mapping[str, Any]) -> None:
        """Raise Refused unless the command can be done now.

        `type_` is one of `people.TYPES`, "world" (params type, target, params, incident_id) or "reload" (params rules).
        """
        if type_ == "world":
            self._check_world(params)
        elif type_ in people.TYPES:
            people.check(self.incidents, self.alerts, type_, target, params)
        elif type_ != "reload":
            raise Refused(422, f"there is no command {type_!r}; expected one of {', '.join(COMMAND_TYPES)}")

    def _check_world(self, params: Mapping[str, Any]) -> None:
        if self.city is None:
            raise Refused(409, "no city is connected")
        info = self.city.command_types.get(str(params.get("type")))
        if info is None:
            known = ", ".join(sorted(self.city.command_types)) or "none"
            raise Refused(422, f"the city takes no command {params.get('type')!r}; it takes {known}")
        wrong = check_params(info, str(params["target"]["kind"]), params.get("params", {}))
        if wrong:
            raise Refused(422, wrong)
        incident_id = params.get("incident_id")
        if incident_id is not None and self.incidents.get(incident_id) is None:
            raise Refused(404, f"there is no incident {incident_id!r}")

    def apply(self, command: JudgementCommand) -> list[Change]:
        """Do a journalled command; one that has become impossible changes nothing."""
        cause = Cause("command", command.command_id, command.at_ms)
        if command.type == "world":
            return self._request(command, cause)
        if command.type not in people.TYPES or not people.perform(self.incidents, self.alerts, command):
            return []
        return self._collect(command.at_ms, cause)

    def _request(self, command: JudgementCommand, cause: Cause) -> list[Change]:
        params = command.params
        asked = WorldCommand(
            command_id=command.command_id,
            seq=command.seq,
            type=params["type"],
            target=dict(params["target"]),
            params=dict(params.get("params", {})),
            who=command.who,
            requested_ms=command.at_ms,
            incident_id=params.get("incident_id"),
        )
        self.commands.request(asked)
        return self._told(asked, cause, command.at_ms)

    # -- the city's answers

    def answer(self, command_id: str, event: str, cause: Cause, reason: str) -> list[Change]:
        """The city says accept, refuse, done or fail of a command; one that is not ours changes nothing. Raises IllegalEvent."""
        command = self.commands.advance(command_id, event, cause.now_ms, reason)
        return [] if command is None else self._told(command, cause, cause.now_ms)

    def _told(self, command: WorldCommand, cause: Cause, now_ms: int) -> list[Change]:
        """A command came to a new state: say so, also in the timeline of its incident."""
        changes: list[Change] = [CommandChange(now_ms, cause, world_commands.plain(command))]
        incident = self.incidents.follow(command.incident_id or "")
        if incident is not None:
            data = {"command_id": command.command_id, "type": command.type, "target": dict(command.target)}
            self.incidents.note(incident, now_ms, f"command_{command.state}", command.who, command.reason, data)
        return changes + self._collect(now_ms, cause)

    # -- save and load

    def snapshot(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "alerts": self.alerts.snapshot(),
            "incidents": self.incidents.snapshot(),
            "commands": self.commands.snapshot(),
            "rate": self.rate.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take the place of a snapshot."""
        self.alerts.restore(data["alerts"])
        self.incidents.restore(data["incidents"])
        self.commands.restore(data["commands"])
        self.rate.restore(data["rate"])
        self._paint()


def _named(text: str, there: str, name: str) -> str:
    """Return the text with the name for the id; words before the id with which the name begins are said once (Tủ Tủ Lê Lợi 2)."""
    words = name.split(" ")
    for count in range(min(len(words), 3), 0, -1):
        head = re.escape(" ".join(words[:count]))
        said_once = re.sub(rf"\b{head} (?={re.escape(there)})", "", text, flags=re.IGNORECASE)
        if said_once != text:
            return said_once.replace(there, name)
    return text.replace(there, name)
