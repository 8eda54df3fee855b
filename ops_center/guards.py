"""Guards in front of every route: Host, Origin, body size, headers of safety; errors as problem documents.

Lives here: one ASGI middleware and the error handlers. Must not know: seats, routes. An answer never echoes input that
JSON cannot carry (NaN), and no body is read beyond its limit.
"""

import ipaddress
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops_center.ports import ANY_ADDRESS, LOOPBACK

MAX_BODY_BYTES = 1024 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src {connect}; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Problem(Exception):
    """An answer that is an error: status, detail, and further members of the problem document."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, detail, more


def problem_response(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return an RFC 9457 problem document."""
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": finite(detail), **finite(more)}
    body = msgspec.json.encode(document)
    return Response(body, status, headers, media_type="application/problem+json")


def finite(value: Any) -> Any:
    """Return plain data in which numbers that JSON cannot carry are None and lone surrogates are replaced."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {finite(str(k)): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """Which hosts this server answers to ("name" or "name:port") and which foreign origins may speak to it."""

    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()
    max_body: int = MAX_BODY_BYTES


def host_allowed(host: str, hosts: Iterable[str]) -> bool:
    """Tell whether a Host header names this server, with any port or with the one that was allowed."""
    name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() and ":" in host else host
    called = (host.lower(), name.lower())
    return any(_is_address(name) if allowed == ANY_ADDRESS else allowed in called for allowed in hosts)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def origin_allowed(origin: str, host: str, origins: Iterable[str]) -> bool:
    """Tell whether an Origin is this server itself, as the browser addressed it, or one of those allowed."""
    if origin in origins:
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc.lower() == host.lower()


class Guard:
    """Refuses foreign hosts and origins before anything else runs, limits bodies, adds headers of safety."""

    def __init__(self, app: ASGIApp, config: GuardConfig) -> None:
        self.app, self.config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await self._refuse(scope, receive, send, refusal)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not host_allowed(host, self.config.hosts):
            return 403, f"this server does not answer to the host {host[:100]!r}"
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if not unsafe:
            return None
        if origin is None:
            by_itself = "cookie" in headers and "authorization" not in headers
            return (403, "a request with a cookie needs an Origin") if by_itself else None
        if not origin_allowed(origin, host, self.config.origins):
            return 403, f"the origin {origin[:100]!r} may not speak to this server"
        return None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, refusal: tuple[int, str]) -> None:
        if scope["type"] == "http":
            await problem_response(*refusal)(scope, receive, self._with_headers(scope, send))
            return
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": refusal[1][:100]})  # before accept: the answer is 403

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > self.config.max_body:
            refusal = problem_response(413, f"a body has {declared[:30]} bytes; expected at most {self.config.max_body}", CLOSE)
            await refusal(scope, receive, self._with_headers(scope, send))
            return
        body = _Body(receive, self.config.max_body)
        answer = self._with_headers(scope, send)
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            if body.too_long and not answered:
                return  # whatever the route makes of a body that was cut, the answer is 413
            answered = True
            await answer(message)

        try:
            await self.app(scope, body.receive, sending)
        except TooLong:
            if answered:
                raise
        if body.too_long and not answered:
            refusal = problem_response(413, f"a body is longer than {self.config.max_body} bytes", CLOSE)
            await refusal(scope, receive, answer)

    def _with_headers(self, scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value.replace("{connect}", self._connect(scope)))
            await send(message)

        return sending

    def _connect(self, scope: Scope) -> str:
        """The page may open sockets to its own host and to the origins allowed here, and to nobody else."""
        host = Headers(scope=scope).get("host", "")
        others = " ".join(self.config.origins)
        return f"'self' ws://{host} wss://{host} {others}".strip()


CLOSE = {"connection": "close"}


class TooLong(Exception):
    """A body went on beyond its limit."""


class _Body:
    """Counts the bytes of a body as they come."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left = receive, limit
        self.too_long = False

    async def receive(self) -> Message:
        """Return the next message. Raises TooLong."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.too_long = True
            raise TooLong
        return message


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of an app a problem document."""

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem_response(error.status, error.detail, **error.more)

    async def on_http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem_response(error.status_code, str(error.detail), dict(error.headers or {}))

    async def on_invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = [{"where": ".".join(str(p) for p in e["loc"]), "what": e["msg"]} for e in error.errors()[:20]]
        first = f"{wrong[0]['where']}: {wrong[0]['what']}" if wrong else "the request does not follow the schema"
        return problem_response(422, first, errors=wrong)

    async def on_unexpected(_request: Request, _error: Exception) -> Response:
        return problem_response(500, "the server failed; its log says how")

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_unexpected)
