"""Alerts, incidents and commands: what is the matter, and what people do about it. Lives here: their routes and bodies."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from ops_center import alerts as alert_states
from ops_center import commands as world_commands
from ops_center import incidents as incident_states
from ops_center.api.common import (
    ERRORS,
    Acknowledger,
    Body,
    Commander,
    CommandId,
    Line,
    LiveDep,
    Paragraph,
    Reader,
    Value,
    json_response,
)
from ops_center.guards import Problem
from ops_center.journal import JournalError
from ops_center.live import LiveCity
from ops_center.people import SHELVE_S, Refused
from ops_center.recorder import RecorderError

router = APIRouter(responses=ERRORS, tags=["judgement"])
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class Judging(Body):
    """What every judgement has: an id made by the client, so that sending it twice does it once; the version that was seen."""

    command_id: CommandId
    version: int | None = Field(default=None, ge=0, le=2**31)


class Comment(Judging):
    """A remark for the timeline."""

    text: Annotated[Paragraph, Field(min_length=1)]


class Assign(Judging):
    """Who takes the incident on; empty for nobody."""

    owner: Line


class State(Judging):
    """The state that the incident is in now."""

    state: Literal["verified", "responding", "contained", "resolved"]


class Close(Judging):
    """Why the incident is over, and what it was."""

    reason: Paragraph = ""
    classification: Literal["true", "false", "test"]


class AcknowledgeAlert(Body):
    """A person has seen one alert."""

    command_id: CommandId
    text: Paragraph = ""


class Shelve(Body):
    """An alert may be kept quiet for a time, with a reason."""

    command_id: CommandId
    until_s: Annotated[int, Field(ge=SHELVE_S[0], le=SHELVE_S[1])]
    reason: Annotated[Line, Field(min_length=3)]


class Unshelve(Body):
    """A shelved alert counts again."""

    command_id: CommandId


class Target(Body):
    """What a command is for."""

    kind: Line
    id: Annotated[Line, Field(min_length=1)]


class WorldCommand(Body):
    """A command to the city."""

    command_id: CommandId
    type: Line
    target: Target
    params: dict[Line, Value | dict[Line, Value]] = Field(default={}, max_length=20)
    incident_id: Line | None = None


async def do(live: LiveCity, type_: str, target: str, params: dict[str, Any], who: str, command_id: str) -> int:
    """Do a command and return its number. Raises Problem."""
    try:
        return (await live.command(type_, target, params, who, command_id)).seq
    except Refused as refused:
        more = {} if refused.version is None else {"version": refused.version}
        raise Problem(refused.status, str(refused), **more) from refused
    except (JournalError, RecorderError) as error:
        raise Problem(507, str(error)) from error


@router.get("/api/overview")
async def overview(live: LiveDep, seat: Reader) -> Response:
    """Return all that a viewer needs to begin, or to begin again after a resync."""
    return json_response(live.snapshot())


@router.get("/api/alerts")
async def alerts(live: LiveDep, seat: Reader, state: Literal["", "pending", "firing", "inactive"] = "") -> Response:
    """Return the alerts, those of one condition if asked."""
    known = live.run.center.judgement.alerts.by_fingerprint.values()
    return json_response([alert_states.plain(alert) for alert in known if not state or alert.condition == state])


@router.post("/api/alerts/{fingerprint}/acknowledge")
async def acknowledge_alert(live: LiveDep, seat: Acknowledger, fingerprint: Id, body: AcknowledgeAlert) -> Response:
    """A person has seen one alert."""
    seq = await do(live, "acknowledge_alert", fingerprint, {"text": body.text}, seat.name, body.command_id)
    alert = live.run.center.judgement.alerts.get(fingerprint)
    incident = live.run.center.judgement.incidents.get((alert.incident_id if alert else None) or "")
    found = {
        "alert": alert_states.plain(alert) if alert else None,
        "incident": incident_states.plain(incident) if incident else None,
    }
    return json_response({"command_id": body.command_id, "seq": seq, **found})


@router.post("/api/alerts/{fingerprint}/shelve")
async def shelve(live: LiveDep, seat: Acknowledger, fingerprint: Id, body: Shelve) -> Response:
    """Keep an alert quiet for a time, with a reason; it stays visible and comes back by itself."""
    params = {"until_s": body.until_s, "reason": body.reason}
    return await _judged_alert(live, "shelve", fingerprint, params, seat.name, body.command_id)


@router.post("/api/alerts/{fingerprint}/unshelve")
async def unshelve(live: LiveDep, seat: Acknowledger, fingerprint: Id, body: Unshelve) -> Response:
    """Let a shelved alert count again before its time."""
    return await _judged_alert(live, "unshelve", fingerprint, {}, seat.name, body.command_id)


async def _judged_alert(
    live: LiveCity, type_: str, fingerprint: str, params: dict[str, Any], who: str, command_id: str
) -> Response:
    seq = await do(live, type_, fingerprint, params, who, command_id)
    alert = live.run.center.judgement.alerts.get(fingerprint)
    return json_response({"command_id": command_id, "seq": seq, "alert": alert_states.plain(alert) if alert else None})


@router.get("/api/incidents")
async def incidents(
    live: LiveDep, seat: Reader, state: Annotated[Literal["open", "closed", "all"], Query()] = "open"
) -> Response:
    """Return the incidents, the newest last."""
    known = live.run.center.judgement.incidents.by_id.values()
    return json_response([incident_states.plain(i) for i in known if state == "all" or i.is_open == (state == "open")])


@router.get("/api/incidents/{incident_id}")
async def incident(live: LiveDep, seat: Reader, incident_id: Id) -> Response:
    """Return an incident with its timeline and its alerts."""
    found = live.run.center.judgement.incidents.get(incident_id)
    if found is None:
        raise Problem(404, f"there is no incident {incident_id!r}")
    return json_response(incident_states.plain(found, timeline=True))


async def _judge(live: LiveCity, type_: str, incident_id: str, body: Judging, who: str) -> Response:
    params = body.model_dump(exclude={"command_id"}, exclude_none=True)
    seq = await do(live, type_, incident_id, params, who, body.command_id)
    found = live.run.center.judgement.incidents.get(incident_id)
    return json_response({"command_id": body.command_id, "seq": seq, "incident": incident_states.plain(found) if found else None})


@router.post("/api/incidents/{incident_id}/acknowledge")
async def acknowledge(live: LiveDep, seat: Acknowledger, incident_id: Id, body: Judging) -> Response:
    """A person has seen the incident and all its alerts."""
    return await _judge(live, "acknowledge", incident_id, body, seat.name)


@router.post("/api/incidents/{incident_id}/comment")
async def comment(live: LiveDep, seat: Acknowledger, incident_id: Id, body: Comment) -> Response:
    """Add a remark to the timeline."""
    return await _judge(live, "comment", incident_id, body, seat.name)


@router.post("/api/incidents/{incident_id}/assign")
async def assign(live: LiveDep, seat: Acknowledger, incident_id: Id, body: Assign) -> Response:
    """Give the incident an owner."""
    return await _judge(live, "assign", incident_id, body, seat.name)


@router.post("/api/incidents/{incident_id}/state")
async def state(live: LiveDep, seat: Acknowledger, incident_id: Id, body: State) -> Response:
    """Say how far the response has come."""
    return await _judge(live, "state", incident_id, body, seat.name)


@router.post("/api/incidents/{incident_id}/close")
async def close(live: LiveDep, seat: Acknowledger, incident_id: Id, body: Close) -> Response:
    """Close the incident, with a reason and what it was."""
    return await _judge(live, "close", incident_id, body, seat.name)


@router.post("/api/commands", status_code=202)
async def command(live: LiveDep, seat: Commander, body: WorldCommand) -> Response:
    """Ask the city for something; the answer says requested, what becomes of it comes with the feed."""
    params: dict[str, Any] = {"type": body.type, "target": body.target.model_dump(), "params": body.params}
    if body.incident_id:
        params["incident_id"] = body.incident_id
    await do(live, "world", f"{body.target.kind}:{body.target.id}", params, seat.name, body.command_id)
    return _command(live, body.command_id, 202)


@router.get("/api/commands/{command_id}")
async def one_command(live: LiveDep, seat: Reader, command_id: Id) -> Response:
    """Return how far a command has come."""
    return _command(live, command_id, 200)


def _command(live: LiveCity, command_id: str, status: int) -> Response:
    found = live.run.center.judgement.commands.by_id.get(command_id)
    if found is None:
        raise Problem(404, f"there is no command {command_id!r}")
    return json_response(world_commands.plain(found), status)
