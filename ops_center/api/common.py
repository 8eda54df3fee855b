"""What all routes share: who asks, which city is meant, JSON answers, the words that bodies may hold.

Lives here: dependencies and types of request bodies. Must not know: any one route.
"""

from typing import Annotated, Any

import msgspec
from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import AfterValidator, BaseModel, ConfigDict, FiniteFloat, StringConstraints
from starlette.responses import Response

from ops_center.city_view import CityView
from ops_center.guards import Problem
from ops_center.host import Host
from ops_center.live import LiveCity
from ops_center.seats import COOKIE, Seat, Seats


def _clean(text: str) -> str:
    """Refuse what neither JSON nor SQL can carry: NUL and lone surrogates."""
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("the text holds a NUL or a lone surrogate")
    return text


Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_clean)]
Paragraph = Annotated[str, StringConstraints(max_length=4_000), AfterValidator(_clean)]
CommandId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Value = bool | int | FiniteFloat | Line


class Body(BaseModel):
    """A request body; members that it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


PROBLEM = {"application/problem+json": {"schema": {"type": "object", "required": ["title", "status"]}}}
_SAID = {
    401: "no seat",
    403: "this seat, host or origin may not",
    404: "not there",
    409: "another came before, or not now",
    413: "body too long",
    422: "not understood",
    507: "the journal cannot be written",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "no JSON", "content": PROBLEM},
    **{status: {"description": text, "content": PROBLEM} for status, text in _SAID.items()},
}


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return plain data as JSON; numbers that JSON cannot carry become null."""
    return Response(msgspec.json.encode(value), status, headers or {"cache-control": "no-store"}, media_type="application/json")


def host_of(connection: HTTPConnection) -> Host:
    """Return the server's runs."""
    host: Host = connection.app.state.host
    return host


def seat_of(connection: HTTPConnection) -> Seat | None:
    """Return who asks, None for nobody."""
    seats: Seats = host_of(connection).config.seats
    seat, _ = seats.of_headers(connection.headers.get("authorization", ""), connection.cookies.get(COOKIE, ""))
    return seat


def city_of(connection: HTTPConnection) -> LiveCity:
    """Return the city that the address means. Raises Problem 404."""
    names = connection.path_params
    live = host_of(connection).get(names.get("run", ""), names.get("city", ""))
    if live is None:
        what = f"run {names['run']!r} has no city {names.get('city')!r}" if "run" in names else "no city has connected yet"
        raise Problem(404, what)
    return live


def awaited_view(connection: HTTPConnection) -> CityView | None:
    """Return the registry of the city that the address means; None while the city of a short address is still to come.

    Raises Problem 404 if the address names a run or city that is not there.
    """
    names = connection.path_params
    live = city_of(connection) if "run" in names else host_of(connection).get()
    return live.run.center.city if live else None


def view_of(live: LiveCity) -> CityView:
    """Return a city's registry. Raises Problem 404 while it has sent none."""
    if live.run.center.city is None:
        raise Problem(404, "the city has not sent its registry yet")
    return live.run.center.city


class Needs:
    """The dependency of every route: a seat with a permission, or 401 and 403."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __call__(self, connection: HTTPConnection) -> Seat:
        """Return who asks. Raises Problem."""
        seat = seat_of(connection)
        if seat is None:
            raise Problem(401, "no seat: open the link that was printed at start, or send its token as a bearer")
        if not seat.may(self.permission):
            raise Problem(403, f"the seat of {seat.name} may not {self.permission}")
        return seat


LiveDep = Annotated[LiveCity, Depends(city_of)]
Reader = Annotated[Seat, Depends(Needs("read"))]
Acknowledger = Annotated[Seat, Depends(Needs("acknowledge"))]
Commander = Annotated[Seat, Depends(Needs("command"))]
Controller = Annotated[Seat, Depends(Needs("control"))]
Reloader = Annotated[Seat, Depends(Needs("reload"))]
