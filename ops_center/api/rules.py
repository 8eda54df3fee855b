"""Why, why not: an alert or an expression explained at an instant. Lives here: its route and parameters.

Must not know: how anything is explained. What is told is judgement: series, rules and alerts, which every seat may read.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from ops_center.api.common import ERRORS, LiveDep, Reader, json_response
from ops_center.guards import Problem
from ops_center.live import LiveCity
from ops_center.promql.durations import parse_duration_ms
from ops_center.promql.errors import PromQLError
from ops_center.rules.why import Asked, NoSuchAlert, parse_labels, why
from ops_center.until import MAX_EXPR

MAX_LABELS = 30
router = APIRouter(responses=ERRORS, tags=["rules"])
Name = Annotated[str, Query(max_length=200)]
Duration = Annotated[str, Query(max_length=20)]
Label = Annotated[str, Query(max_length=400)]


@router.get("/api/rules/why")
async def explained(
    live: LiveDep,
    seat: Reader,
    alert: Name = "",
    expr: Annotated[str, Query(max_length=MAX_EXPR)] = "",
    label: Annotated[list[Label], Query(max_length=MAX_LABELS)] = [],  # noqa: B006  # FastAPI copies it
    at_ms: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
    for_: Annotated[Duration, Query(alias="for")] = "0s",
    keep_firing_for: Duration = "0s",
) -> Response:
    """Return why an alert of the rules in use, or an expression, had a result at an instant, or had none.

    `label` is `name=value`, as often as needed. `at_ms` counts from the run's start; without it, it is now. An expression may
    have a `for` and a `keep_firing_for` of its own.
    """
    if bool(alert) == bool(expr):
        raise Problem(422, "saw both or neither of alert and expr, expected one of them")
    try:
        at = _instant(live, at_ms)
        waits = (parse_duration_ms(for_), parse_duration_ms(keep_firing_for))
        asked = Asked(at, alert, expr, parse_labels(label), *waits)
        async with live.turn:
            return json_response(await asyncio.to_thread(_why, live, asked))
    except NoSuchAlert as error:
        raise Problem(404, str(error)) from error
    except PromQLError as error:
        raise Problem(422, str(error)) from error
    except ValueError as error:
        raise Problem(422, str(error)) from error


def _why(live: LiveCity, asked: Asked) -> dict[str, object]:
    judge = live.run.center.judge
    return why(judge.rules, asked) | {"start_ms": judge.start_ms, "now_ms": live.run.center.now_ms}


def _instant(live: LiveCity, at_ms: int | None) -> int:
    """The instant asked about. Raises ValueError where nothing is held of it."""
    now_ms, floor_ms = max(0, live.run.center.now_ms), max(0, live.run.center.judge.store.floor_ms)
    if at_ms is None:
        return now_ms
    if not floor_ms <= at_ms <= now_ms:
        raise ValueError(f"at_ms: saw {at_ms}, expected an instant that is held, from {floor_ms} to {now_ms}")
    return at_ms
