"""Sessions: a capability link becomes a cookie. Lives here: who am I. Must not know: what a seat may see."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ops_center import views
from ops_center.api.common import ERRORS, Body, Line, Reader, host_of, json_response
from ops_center.guards import Problem
from ops_center.seats import CITY, COOKIE, PERMISSIONS, Seat

router = APIRouter(responses=ERRORS, tags=["session"])


class Take(Body):
    """The token of a capability link."""

    token: Line


def _session(request: Request, seat: Seat) -> dict[str, object]:
    live = host_of(request).get(request.path_params.get("run", ""), request.path_params.get("city", ""))
    view = live.run.center.city if live else None
    return {
        "role": seat.role,
        "name": seat.name,
        "run": live.run_id if live else "",
        "city": views.city(view, live.run_id) if live and view else None,
        "permissions": sorted(PERMISSIONS.get(seat.role, frozenset()) - {"read"}),
    }


@router.post("/api/session")
async def take_seat(request: Request, body: Take) -> Response:
    """Exchange the token of a capability link for a cookie that scripts cannot read."""
    seat = host_of(request).config.seats.of_token(body.token)
    if seat is None or seat.role == CITY:
        raise Problem(401, "the token opens no seat")
    response = json_response(_session(request, seat))
    response.set_cookie(COOKIE, body.token, httponly=True, samesite="strict", path="/", secure=request.url.scheme == "https")
    return response


@router.get("/api/session")
async def session(request: Request, seat: Reader) -> Response:
    """Return who asks and what the seat may do."""
    return json_response(_session(request, seat))
