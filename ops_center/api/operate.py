"""Running the center: pace of time, health, rules and their reload. Lives here: their routes and bodies."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, FiniteFloat, model_validator
from starlette.responses import Response

from ops_center import views
from ops_center.api.common import ERRORS, Body, CommandId, Controller, Line, LiveDep, Reader, Reloader, json_response
from ops_center.api.judgement import do
from ops_center.guards import Problem
from ops_center.journal import JournalError
from ops_center.until import MAX_EXPR, Condition
from sensors.messages import Control

router = APIRouter(responses=ERRORS, tags=["operate"])
MAX_PACE = 1_000


class ControlBody(Body):
    """How time shall go: at least one of its members."""

    pause: bool | None = None
    pace: Annotated[FiniteFloat, Field(gt=0, le=MAX_PACE)] | Literal["max"] | None = None
    run_to_ms: Annotated[int, Field(ge=0, le=2**53)] | None = None
    until_expr: Annotated[str, Field(max_length=MAX_EXPR)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "ControlBody":
        if not self.model_fields_set or all(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError(f"expected at least one of {', '.join(ControlBody.model_fields)}")
        return self


class SeekBody(Body):
    """Which instant of a replay to show."""

    to_ms: Annotated[int, Field(ge=0, le=2**53)]


class RuleText(Body):
    """A rule file."""

    name: Line
    text: Annotated[str, Field(max_length=1_000_000)]


class Reload(Body):
    """The rule files that are to judge from now on."""

    command_id: CommandId
    rules: Annotated[list[RuleText], Field(max_length=100)]


@router.post("/api/control", status_code=202)
async def control(live: LiveDep, seat: Controller, body: ControlBody) -> Response:
    """Pause, pace, run to an instant or until an expression has a result. It is journalled apart and never digested."""
    if not live.connected:
        raise Problem(409, "the city is not connected: nobody is there whose time could be controlled")
    if body.until_expr:
        try:
            Condition(body.until_expr)
        except ValueError as error:
            raise Problem(422, str(error)) from error
    pace = 0.0 if body.pace == "max" else body.pace
    asked = body.model_dump(exclude_none=True)
    try:
        wanted = Control(pause=body.pause, pace=pace, run_to_ms=body.run_to_ms, until_expr=body.until_expr)
        await live.control(wanted, seat.name, asked)
    except JournalError as error:
        raise Problem(507, str(error)) from error
    return json_response({"asked": asked}, 202)


@router.post("/api/seek")
async def seek(live: LiveDep, seat: Controller, body: SeekBody) -> Response:
    """Show another instant of a replay; answers when it is shown."""
    if live.playback is None:
        raise Problem(409, "this is no replay; going back in a live run is at the instructor's desk, and makes a branch")
    try:
        return json_response({"now_ms": await live.playback.seek(body.to_ms)})
    except ValueError as error:
        raise Problem(422, str(error)) from error


@router.get("/api/timeline")
async def timeline(live: LiveDep, seat: Reader) -> Response:
    """Return from when to when the run goes so far, and the incidents in between."""
    if live.playback is not None:
        return json_response(live.playback.timeline())
    return json_response(views.timeline(live.run.center))


@router.get("/api/health")
async def health(live: LiveDep, seat: Reader) -> Response:
    """Return how the center is doing: city, journal, rules, bad messages by reason."""
    return json_response(views.health(live.run.center, live.connected, live.trouble))


@router.get("/api/rules")
async def rules(live: LiveDep, seat: Reader) -> Response:
    """Return the rules with their annotations, health and last error."""
    found = [
        {
            "group": group.group.name,
            "file": group.group.file,
            "interval_ms": group.interval_ms,
            "name": state.rule.name,
            "type": "alert" if state.rule.alert else "record",
            "expr": state.rule.text,
            "for_ms": state.rule.for_ms,
            "keep_firing_for_ms": state.rule.keep_firing_for_ms,
            "labels": dict(state.rule.labels),
            "annotations": dict(state.rule.annotations),
            "health": state.health,
            "last_error": state.last_error or None,
            "last_evaluation_ms": state.last_evaluation_ms,
        }
        for group in live.run.center.judge.rules.groups
        for state in group.rules
    ]
    return json_response(found)


@router.post("/api/rules/reload")
async def reload(live: LiveDep, seat: Reloader, body: Reload) -> Response:
    """Replace all rules, or none if one of them is bad; alerts of rules that stay are kept."""
    params = {"rules": [rule.model_dump() for rule in body.rules]}
    seq = await do(live, "reload", "rules", params, seat.name, body.command_id)
    good, bad = live.run.center.judge.health()
    return json_response({"command_id": body.command_id, "seq": seq, "rules": {"ok": good, "err": bad}})
