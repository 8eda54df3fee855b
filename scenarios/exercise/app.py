"""The exercise as an ASGI application under /exercise, served by the city's process at its own port.

Lives here: routes, the instructor's session, the exercise's own socket. Must not know: how anything at the desk is found out.
The instructor's seat is the only one there is. The cookie has a name of its own, because browsers share cookies between ports.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request, WebSocket, WebSocketDisconnect
from fastapi import Path as ApiPath
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from ops_center.guards import Guard, GuardConfig, Problem, add_error_handlers
from ops_center.pages import CONSOLE, NOT_BUILT, TYPES, safe_file
from ops_center.seats import Seats
from ops_center.until import MAX_EXPR
from scenarios.city_server import CannotJump
from scenarios.exercise.center_window import CenterWindow, NoCenter, NotReadable
from scenarios.exercise.desk import Desk
from scenarios.pace import Asked, parse_pace

COOKIE = "cityops_exercise"
ROLE = "instructor"
FEED_S = 0.25
SEND_TIMEOUT_S = 5.0
MAX_VIEWERS = 16
router = APIRouter(prefix="/exercise")


class Body(BaseModel):
    """A request body; members that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Take(Body):
    """The token of a capability link."""

    token: str = Field(max_length=200)


class Title(Body):
    """What people call it, in both languages."""

    vi: str = Field(max_length=400)
    en: str = Field(max_length=400)


class Fire(Body):
    """An inject to fire, under a title of its own if it has one."""

    name: str = Field(max_length=100)
    title: Title | None = None
    params: dict[str, str | bool | int | float | None] = Field(default={}, max_length=50)


class ControlBody(Body):
    """How time shall go."""

    pause: bool | None = None
    pace: float | str | None = None
    run_to_ms: int | None = Field(default=None, ge=0, lt=2**53)
    until_expr: str | None = Field(default=None, max_length=MAX_EXPR)


class Jump(Body):
    """Where to go back to, and whether what was done after that is to be done again at its time."""

    to_ms: int = Field(ge=0, lt=2**53)
    keep_commands: bool = False


def desk_of(connection: HTTPConnection) -> Desk:
    """Return the desk."""
    desk: Desk = connection.app.state.desk
    return desk


def _seats(connection: HTTPConnection) -> Seats:
    seats: Seats = connection.app.state.seats
    return seats


def seated(connection: HTTPConnection) -> Desk:
    """Return the desk for the instructor. Raises Problem 401 or 403."""
    headers = connection.headers
    seat, _ = _seats(connection).of_headers(headers.get("authorization", ""), connection.cookies.get(COOKIE, ""))
    if seat is None:
        raise Problem(401, "no seat: open the instructor's link that was printed at start")
    if seat.role != ROLE:
        raise Problem(403, f"the seat of {seat.name} may not see the exercise")
    return desk_of(connection)


Seated = Annotated[Desk, Depends(seated)]


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, {"cache-control": "no-store"}, media_type="application/json")


@router.post("/api/session")
async def take_seat(connection: HTTPConnection, body: Take) -> Response:
    """Exchange the token of the instructor's link for a cookie that scripts cannot read."""
    seat = _seats(connection).of_token(body.token)
    if seat is None or seat.role != ROLE:
        raise Problem(401, "the token opens no seat here")
    response = _json({"role": seat.role, "name": seat.name})
    secure = connection.url.scheme == "https"
    response.set_cookie(COOKIE, body.token, httponly=True, samesite="strict", path="/exercise", secure=secure)
    return response


@router.get("/api/session")
async def session(desk: Seated) -> Response:
    """Return who asks and where the run is."""
    return _json({"role": ROLE, "name": ROLE, "run": desk.server.link.run_id, "clock": desk.clock()})


@router.get("/api/truth")
async def truth(desk: Seated) -> Response:
    """Return all truth events so far, and how many vehicles are really on the roads."""
    return _json({"truth": desk.truth(), "traffic": desk.traffic(), "now_ms": desk.live.now_ms})


@router.get("/api/timeline")
async def timeline(desk: Seated) -> Response:
    """Return the scenario's timeline, done and to come."""
    return _json(desk.timeline())


@router.get("/api/injects")
async def injects(desk: Seated) -> Response:
    """Return the palette and every inject with its parameters."""
    return _json(desk.injects())


@router.get("/api/places")
async def places(
    desk: Seated, kind: Annotated[str, Query(max_length=40)], q: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Return places of a kind whose name or id has the words of `q`, at most forty, the best first."""
    try:
        return _json(desk.places.find(kind, q))
    except ValueError as error:
        raise Problem(422, str(error)) from error


@router.post("/api/inject")
async def inject(desk: Seated, body: Fire) -> Response:
    """Fire an inject now."""
    try:
        return _json(desk.inject(body.name, body.params, body.title.model_dump() if body.title else None))
    except ValueError as error:
        raise Problem(422, str(error)) from error
    except RuntimeError as error:
        raise Problem(409, str(error)) from error


@router.post("/api/control")
async def control(desk: Seated, body: ControlBody) -> Response:
    """Pause, change the pace, run to an instant, or run until an expression over the center's series has a result."""
    try:
        pace = None if body.pace is None else parse_pace(body.pace)
        return _json(desk.control(Asked(body.pause, pace, body.run_to_ms, body.until_expr), ROLE), 202)
    except ValueError as error:
        raise Problem(422, str(error)) from error


@router.post("/api/jump")
async def jump(desk: Seated, body: Jump) -> Response:
    """Go back: leave the run as it is, and go on in a branch of it. Answers when every viewer is there."""
    try:
        return _json(await desk.jump(body.to_ms, body.keep_commands))
    except CannotJump as error:
        raise Problem(409, str(error)) from error


@router.get("/api/debrief")
async def debrief(desk: Seated) -> Response:
    """Return truth beside judgement."""
    return _json(await desk.debrief())


@router.get("/api/center/{path:path}")
async def through_the_window(desk: Seated, request: Request, path: str) -> Response:
    """Read the center for the rule lab: judgement comes from there, truth from here; they meet in the page."""
    window: CenterWindow | None = request.app.state.window
    if window is None:
        raise Problem(404, "this exercise has no window onto the center")
    link, city = desk.server.link, desk.live.setup.city.id
    try:
        answer = await asyncio.to_thread(window.read, link.run_id, city, path, request.url.query)
    except NotReadable as error:
        raise Problem(404, str(error)) from error
    except NoCenter as error:
        raise Problem(503, str(error)) from error
    return Response(answer.body, answer.status, {"cache-control": "no-store"}, media_type=answer.content_type)


@router.get("/api/documents")
async def documents(desk: Seated) -> Response:
    """Return the names of the rule bench's documents that lie in the run's folder, under `documents`."""
    return _json(desk.documents())


@router.get("/api/documents/{name}")
async def document(desk: Seated, name: Annotated[str, ApiPath(max_length=100, pattern=r"^[\w.-]+\.json$")]) -> Response:
    """Return one of them, as it was written."""
    found = await asyncio.to_thread(desk.document, name)
    if found is None:
        raise Problem(404, f"the run's folder has no document {name!r}")
    return Response(found, 200, {"cache-control": "no-store"}, media_type="application/json")


@router.websocket("/api/feed")
async def feed(socket: WebSocket) -> None:
    """Tell the clock and changes of the truth, at most four times a second; nothing queues for who reads slowly."""
    try:
        desk = seated(socket)
    except Problem:
        await socket.close(4401)
        return
    if socket.app.state.viewers >= MAX_VIEWERS:
        await socket.close(1013)
        return
    socket.app.state.viewers += 1
    await socket.accept()
    listening = asyncio.create_task(_ignore(socket))
    try:
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError, OSError):
            await _tell(socket, desk, listening)
    finally:
        socket.app.state.viewers -= 1
        listening.cancel()
        with contextlib.suppress(Exception):
            await socket.close()


async def _ignore(socket: WebSocket) -> None:
    """Read what the page says (it has nothing to say) until it goes."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


async def _tell(socket: WebSocket, desk: Desk, listening: "asyncio.Task[None]") -> None:
    told: dict[str, Any] = {}
    seq = 0
    while not listening.done():
        events: dict[str, dict[str, Any]] = {"clock": {"clock": desk.clock()}, "truth": {"stamp": list(desk.stamp())}}
        for type_, body in events.items():
            if told.get(type_) != body:
                told[type_], seq = body, seq + 1
                message = {"type": type_, "seq": seq, "branch": "exercise", "now_ms": desk.live.now_ms, **body}
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await socket.send_text(msgspec.json.encode(message).decode())
        await asyncio.sleep(FEED_S)


def _page(name: str) -> Response:
    path = safe_file(CONSOLE, name)
    return HTMLResponse(NOT_BUILT) if path is None else FileResponse(path, headers={"cache-control": "no-cache"})


@router.get("/", include_in_schema=False)
async def instructor_page() -> Response:
    """The instructor's page."""
    return _page("instructor.html")


@router.get("/debrief", include_in_schema=False)
async def debrief_page() -> Response:
    """The debrief's page."""
    return _page("debrief.html")


@router.get("/lab", include_in_schema=False)
async def lab_page() -> Response:
    """The rule lab with the truth behind it."""
    return _page("exercise-lab.html")


def create_app(
    desk: Desk,
    seats: Seats,
    guard: GuardConfig = GuardConfig(),  # noqa: B008 - frozen
    console: Path = CONSOLE,
    window: CenterWindow | None = None,
) -> FastAPI:
    """Return the exercise's application."""
    app = FastAPI(title="cityops exercise", version="1", docs_url=None, redoc_url=None, openapi_url="/exercise/openapi.json")
    app.state.desk, app.state.seats, app.state.viewers, app.state.window = desk, seats, 0, window
    add_error_handlers(app)
    app.include_router(router)

    @app.get("/", include_in_schema=False)
    async def front() -> Response:
        return RedirectResponse("/exercise/")

    @app.get("/{name:path}", include_in_schema=False)
    async def built(name: str) -> Response:
        path = safe_file(console, name) if not name.endswith(".html") else None
        if path is None:
            raise Problem(404, f"there is nothing at /{name[:100]}")
        hashed = path.parent.name == "assets"
        headers = {"cache-control": "public, max-age=31536000, immutable" if hashed else "no-cache"}
        return FileResponse(path, headers=headers, media_type=TYPES[path.suffix])

    app.add_middleware(Guard, config=guard)
    return app
