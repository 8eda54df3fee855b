"""What people do to alerts and incidents: whether it may be done, and doing it.

Lives here: the judgement commands, one function each. Must not know: seats and rights, HTTP, the journal.
A command is checked before it is journalled; when it is applied again in a re-execution and its target is no longer there or
no longer takes it, it is a recorded no-op.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ops_center.alerts import Alerts, acknowledge, shelve, unshelve
from ops_center.events import JudgementCommand
from ops_center.incident_book import IncidentBook
from ops_center.incidents import CLASSIFICATIONS, EVENT_TO, INCIDENT, Incident, step
from ops_center.tables import takes

MAX_COMMENT = 4_000
SHELVE_S = (60, 8 * 3_600)  # the least and the longest; nothing is shelved without end


class Refused(ValueError):
    """A command that cannot be done: `status` as in HTTP (404, 409, 422), and the current version on a conflict."""

    def __init__(self, status: int, text: str, version: int | None = None) -> None:
        super().__init__(text)
        self.status, self.version = status, version


def check(book: IncidentBook, alerts: Alerts, type_: str, target: str, params: Mapping[str, Any]) -> None:
    """Raise Refused unless the command can be done now."""
    if type_ in ALERT_TYPES:
        _check_alert(alerts, type_, target, params)
        return
    incident = book.get(target)
    if incident is None:
        raise Refused(404, f"there is no incident {target!r}")
    version = params.get("version")
    if version is not None and version != incident.version:
        raise Refused(409, f"incident {target} is at version {incident.version}, not {version}", incident.version)
    wrong = _CHECKS[type_](incident, params)
    if wrong:
        raise Refused(409, wrong, incident.version)


def _check_alert(alerts: Alerts, type_: str, target: str, params: Mapping[str, Any]) -> None:
    alert = alerts.get(target)
    if alert is None:
        raise Refused(404, f"there is no alert {target!r}")
    if type_ == "acknowledge_alert" and alert.acknowledged_ms is not None:
        raise Refused(409, f"alert {target} is already acknowledged by {alert.acknowledged_by}")
    if type_ == "unshelve" and alert.shelved_until_ms is None:
        raise Refused(409, f"alert {target} is not shelved")
    if type_ == "shelve":
        _check_shelve(params)


def _check_shelve(params: Mapping[str, Any]) -> None:
    """Shelving needs a reason and a time limit."""
    seconds, (least, longest) = params.get("until_s"), SHELVE_S
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not least <= seconds <= longest:
        raise Refused(422, f"until_s is {seconds!r}; expected {least} to {longest} s: nothing is shelved without end")
    if len(str(params.get("reason") or "").strip()) < 3:
        raise Refused(422, f"reason is {params.get('reason')!r}; expected why the alert may be kept quiet")


def _check_acknowledge(incident: Incident, params: Mapping[str, Any]) -> str:
    if incident.acknowledged_ms is not None:
        return f"incident {incident.incident_id} is already acknowledged by {incident.acknowledged_by}"
    return _check_open(incident, params)


def _check_open(incident: Incident, _params: Mapping[str, Any]) -> str:
    if incident.is_open:
        return ""
    merged = f", merged into {incident.merged_into}" if incident.merged_into else ""
    return f"incident {incident.incident_id} is closed{merged}"


def _check_state(incident: Incident, params: Mapping[str, Any]) -> str:
    event = EVENT_TO.get(str(params.get("state")), "")
    if not takes(INCIDENT, incident.state, event):
        return f"incident {incident.incident_id} is {incident.state} and cannot become {params.get('state')!r}"
    return ""


def _check_close(incident: Incident, params: Mapping[str, Any]) -> str:
    if params.get("classification") not in CLASSIFICATIONS:
        return f"classification is {params.get('classification')!r}; expected one of {', '.join(CLASSIFICATIONS)}"
    return _check_open(incident, params)


_CHECKS: Mapping[str, Callable[[Incident, Mapping[str, Any]], str]] = {
    "acknowledge": _check_acknowledge,
    "comment": lambda _incident, _params: "",
    "assign": _check_open,
    "state": _check_state,
    "close": _check_close,
}
ALERT_TYPES = ("acknowledge_alert", "shelve", "unshelve")
TYPES = (*_CHECKS, *ALERT_TYPES)


def perform(book: IncidentBook, alerts: Alerts, command: JudgementCommand) -> bool:
    """Do a judgement command; return False if it had become impossible and nothing was done."""
    try:
        check(book, alerts, command.type, command.target, command.params)
    except Refused:
        return False
    if command.type == "acknowledge_alert":
        _acknowledge_alert(book, alerts, command)
    elif command.type in ALERT_TYPES:
        _shelve(book, alerts, command)
    else:
        _ACTS[command.type](book, alerts, book.by_id[command.target], command)
    return True


def _acknowledge_alert(book: IncidentBook, alerts: Alerts, command: JudgementCommand) -> None:
    alert = alerts.by_fingerprint[command.target]
    acknowledge(alert, command.who, command.at_ms)
    book.touched[alert.fingerprint] = None
    incident = book.follow(alert.incident_id or "")
    if incident is not None:
        text, data = str(command.params.get("text", ""))[:MAX_COMMENT], {"alert": alert.fingerprint, "name": alert.name}
        book.note(incident, command.at_ms, "acknowledged", command.who, text, data)


def _shelve(book: IncidentBook, alerts: Alerts, command: JudgementCommand) -> None:
    alert, data = alerts.by_fingerprint[command.target], {"alert": command.target}
    if command.type == "shelve":
        until_ms = command.at_ms + round(1_000 * float(command.params["until_s"]))
        shelve(alert, until_ms, str(command.params["reason"])[:MAX_COMMENT])
        data |= {"name": alert.name, "severity": alert.severity}
        incident = book.follow(alert.incident_id or "")
    else:
        unshelve(alert)
        incident = book.unshelved(alert, command.at_ms)
    book.touched[alert.fingerprint] = None
    if incident is not None:
        book.note(
            incident, command.at_ms, f"{command.type}d", command.who, str(command.params.get("reason", ""))[:MAX_COMMENT], data
        )


def _acknowledge(book: IncidentBook, alerts: Alerts, incident: Incident, command: JudgementCommand) -> None:
    incident.acknowledged_by, incident.acknowledged_ms = command.who, command.at_ms
    incident.version += 1
    for fingerprint in incident.alerts:
        alert = alerts.get(fingerprint)
        if alert is not None and alert.acknowledged_ms is None:
            acknowledge(alert, command.who, command.at_ms)
            book.touched[fingerprint] = None
    book.note(incident, command.at_ms, "acknowledged", command.who)


def _comment(book: IncidentBook, _alerts: Alerts, incident: Incident, command: JudgementCommand) -> None:
    book.note(incident, command.at_ms, "comment", command.who, str(command.params.get("text", ""))[:MAX_COMMENT])


def _assign(book: IncidentBook, _alerts: Alerts, incident: Incident, command: JudgementCommand) -> None:
    incident.owner = str(command.params.get("owner") or "") or None
    incident.version += 1
    book.note(incident, command.at_ms, "assigned", command.who, data={"owner": incident.owner})


def _state(book: IncidentBook, _alerts: Alerts, incident: Incident, command: JudgementCommand) -> None:
    step(incident, EVENT_TO[command.params["state"]], command.at_ms)
    book.note(incident, command.at_ms, "state", command.who, data={"state": incident.state})


def _close(book: IncidentBook, _alerts: Alerts, incident: Incident, command: JudgementCommand) -> None:
    step(incident, "close", command.at_ms)
    incident.close_reason = str(command.params.get("reason", ""))[:MAX_COMMENT]
    incident.classification = command.params["classification"]
    data = {"classification": incident.classification}
    book.note(incident, command.at_ms, "closed", command.who, incident.close_reason, data)


_ACTS: Mapping[str, Callable[[IncidentBook, Alerts, Incident, JudgementCommand], None]] = {
    "acknowledge": _acknowledge,
    "comment": _comment,
    "assign": _assign,
    "state": _state,
    "close": _close,
}
