"""The guards: foreign hosts and origins, long and hostile bodies, every route for every role, paths that try to leave."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ops_center.guards import MAX_BODY_BYTES, host_allowed, origin_allowed
from ops_center.pages import safe_file
from ops_center.ports import hosts_of, shown_host
from ops_center.seats import PERMISSIONS, Seats, seats_of
from tests.ops_center.live_server import TOKENS, WAIT_S, Server, city_on
from tests.ops_center.small_city import SmallCity

ROLES = ("", "observer", "operator", "instructor", "city")
# What each route needs; a route that is missing here fails the walk.
OPEN = {
    ("GET", "/lab"),
    ("GET", "/graph"),
    ("GET", "/openapi.json"),
    ("GET", "/"),
    ("GET", "/{name:path}"),
    ("POST", "/api/session"),
}
NEEDS = {
    **{("POST", f"/api/alerts/{{fingerprint}}/{w}"): "acknowledge" for w in ("acknowledge", "shelve", "unshelve")},
    **{
        ("POST", f"/api/incidents/{{incident_id}}/{w}"): "acknowledge"
        for w in ("acknowledge", "comment", "assign", "state", "close")
    },
    ("POST", "/api/commands"): "command",
    ("POST", "/api/control"): "control",
    ("POST", "/api/seek"): "control",
    ("POST", "/api/rules/reload"): "reload",
}
READS = [
    "/api/session",
    "/api/city",
    "/api/layers",
    "/api/devices",
    "/api/kinds",
    "/api/command-types",
    "/api/places",
    "/api/readings/{device}",
    "/api/overview",
    "/api/timeline",
    "/api/rules/why",
    "/api/alerts",
    "/api/incidents",
    "/api/incidents/{incident_id}",
    "/api/commands/{command_id}",
    "/api/health",
    "/api/rules",
]
LONG = "/runs/{run}/cities/{city}"
FILLED = {
    "{device}": "0",
    "{incident_id}": "INC-00001",
    "{fingerprint}": "abc",
    "{command_id}": "c",
    "{label}": "kind",
    "{run}": "r1",
    "{city}": "small",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(None) as running, city_on(running, SmallCity(), 15_000):
        yield running


def routes(app: FastAPI) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def walk(items: Any, prefix: str = "") -> None:
        for route in items:
            if isinstance(route, APIRoute):
                found.extend((method, prefix + route.path) for method in sorted(route.methods))
            elif hasattr(route, "original_router"):  # newer FastAPI keeps included routers as they are
                walk(route.original_router.routes, prefix + route.include_context.prefix)

    walk(app.routes)
    return found


def needed(method: str, path: str) -> str:
    short = path.removeprefix(LONG)
    if (method, short) in NEEDS:
        return NEEDS[method, short]
    known = short in READS and method == "GET"
    assert known or short.startswith(("/prometheus/", "/wall/prometheus/")), f"{method} {path} has no line in the table of rights"
    return "read"


@pytest.mark.parametrize("form", ["short", pytest.param("long", marks=pytest.mark.slow)])
def test_every_route_for_every_role(server: Server, form: str) -> None:
    """Each route answers 401 without a seat, 403 to a role that may not, and lets in exactly those that may."""
    walked = 0
    clients = {role: server.client(role) for role in ROLES}
    for method, path in routes(server.app):
        if (method, path.removeprefix(LONG)) in OPEN or path.startswith(LONG) != (form == "long"):
            continue
        permission, address = needed(method, path), path
        for name, value in FILLED.items():
            address = address.replace(name, value)
        for role, client in clients.items():
            status = client.request(method, address, json={} if method == "POST" else None).status_code
            may = permission in PERMISSIONS.get(role, frozenset())
            assert (status not in (401, 403)) == may, (method, address, role, status)
            assert may or status == (403 if role else 401)
            assert status < 500
            walked += 1
    for client in clients.values():
        client.close()
    assert walked > 150


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8700", "", "169.254.1.1"])
def test_a_foreign_host_is_refused(server: Server, host: str) -> None:
    """A request that was addressed to another name (DNS rebinding) is refused before any route runs."""
    with server.client("instructor", host=host) as client:
        answer = client.get("/api/session")
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({}, 403),  # a cookie by itself, without an Origin: a browser always sends one here
        ({"origin": "SELF"}, 404),
    ],
)
def test_a_cookie_needs_this_origin(server: Server, headers: dict[str, str], status: int) -> None:
    """An unsafe request with a cookie is done for this server's own pages only; state is unchanged otherwise."""
    headers = {k: server.url if v == "SELF" else v for k, v in headers.items()}
    with server.client() as client:
        client.cookies.set("cityops_seat", TOKENS["operator"])
        body = {"command_id": "x", "text": "hello"}
        answer = client.post("/api/incidents/INC-99999/comment", json=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "SELF"])
def test_a_socket_needs_this_origin(server: Server, origin: str | None) -> None:
    """A WebSocket with a valid cookie and a foreign or missing Origin is answered 403 before it is accepted."""
    own = origin == "SELF"
    headers = {"cookie": f"cityops_seat={TOKENS['observer']}"} | ({"origin": server.url if own else origin} if origin else {})
    if own:
        with connect(f"{server.ws_url}/api/feed", additional_headers=headers, open_timeout=WAIT_S) as socket:
            assert json.loads(socket.recv(timeout=WAIT_S))["type"] == "hello"
        return
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{server.ws_url}/api/feed", additional_headers=headers, open_timeout=WAIT_S),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_sockets_need_a_seat(server: Server) -> None:
    """Nobody without a seat, and no city's token, gets the feed."""
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {TOKENS['city']}"}):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"{server.ws_url}/api/feed", additional_headers=headers, open_timeout=WAIT_S),
        ):
            pass
        assert refused.value.response.status_code == 403


BODIES = {
    "NaN": b'{"command_id": "c", "type": "lamp_level", "target": {"kind": "cabinet", "id": "C0"}, "params": {"level": NaN}}',
    "infinity": b'{"command_id": "c", "type": "x", "target": {"kind": "cabinet", "id": "C0"}, "params": {"level": 1e999}}',
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "long integer": b'{"command_id": ' + b"9" * 5_000 + b"}",
    "surrogate": b'{"command_id": "c", "type": "\\ud800", "target": {"kind": "a", "id": "b"}}',
    "NUL": b'{"command_id": "c", "type": "\\u0000", "target": {"kind": "a", "id": "b"}}',
    "unknown member": b'{"command_id": "c", "type": "x", "target": {"kind": "a", "id": "b"}, "admin": true}',
    "not UTF-8": b'{"command_id": "\xff"}',
    "nothing": b"",
    "script": b'{"command_id": "<script>", "type": "x", "target": {"kind": "a", "id": "b"}}',
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_bodies_are_4xx_problems(server: Server, name: str) -> None:
    """Whatever a body holds, the answer is a problem document of the 400s, and the server goes on."""
    with server.client("operator") as client:
        answer = client.post("/api/commands", content=BODIES[name], headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500 and answer.headers["content-type"] == "application/problem+json"
        assert {"title", "status", "detail"} <= set(answer.json())
        assert client.get("/api/commands/c").status_code == 404


def test_a_long_body_is_413(server: Server) -> None:
    """2 MiB are refused by their announced length, and as they come when nothing was announced."""
    body = b"x" * (2 * MAX_BODY_BYTES)

    def chunks() -> Iterator[bytes]:
        for _ in range(32):
            yield b"x" * (64 * 1024)

    for content in (body, chunks()):
        with server.client("operator") as client:
            try:
                answer = client.post("/api/commands", content=content, headers={"content-type": "application/json"})
            except httpx.WriteError:  # the server has said no and closed before all was sent
                continue
            assert answer.status_code == 413


def test_a_form_is_no_json(server: Server) -> None:
    """A cross-site form or text body is not read as JSON."""
    body = '{"command_id": "c", "text": "x"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        with server.client("operator") as client:
            answer = client.post("/api/incidents/INC-00001/comment", content=body, headers={"content-type": kind})
        assert answer.status_code in (415, 422)


def test_answers_carry_headers_of_safety(server: Server) -> None:
    """Every answer forbids framing, sniffing and foreign scripts, and the page may connect to this host only."""
    with server.client("observer") as client:
        for path in ("/", "/api/city", "/nothing", "/api/incidents/x"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"].replace("'wasm-unsafe-eval'", "")
            assert "default-src 'self'" in policy and f"ws://127.0.0.1:{server.port}" in policy and "unsafe-eval" not in policy
            assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/%2e%2e/app.py",
        "/..%2fapp.py",
        "/assets/../../app.py",
        "/%5c..%5capp.py",
        "/a%00b",
        "//etc/passwd",
        "/.git/config",
    ],
)
def test_paths_do_not_leave_the_console(server: Server, path: str) -> None:
    """Dots, backslashes, NULs and double slashes find nothing."""
    with server.client("observer") as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = client.send(request)
    assert answer.status_code == 404


def test_links_out_of_the_console_are_not_followed(tmp_path: Path) -> None:
    """A symbolic link out of the folder, and a type that is no page, are not served; a page is."""
    (tmp_path / "secret.html").write_text("x")
    root = tmp_path / "console"
    root.mkdir()
    (root / "out.html").symlink_to(tmp_path / "secret.html")
    (root / "run.py").write_text("x")
    (root / "index.html").write_text("x")
    assert safe_file(root, "out.html") is None and safe_file(root, "run.py") is None
    assert safe_file(root, "index.html") == root / "index.html"


@pytest.mark.slow
@given(st.text(max_size=40))
def test_no_name_is_served_from_outside(name: str) -> None:
    """Whatever the name, a file that is found lies in the folder."""
    root = Path(__file__).parent
    found = safe_file(root, name)
    assert found is None or found.is_relative_to(root)


def test_hosts_and_origins() -> None:
    """A host is allowed with any port; an origin is allowed that has the very host and port that was addressed."""
    assert (
        host_allowed("127.0.0.1:8700", ["127.0.0.1"])
        and host_allowed("[::1]:8700", ["[::1]"])
        and not host_allowed("a:1:2", ["a"])
    )
    assert origin_allowed("http://localhost:8700", "localhost:8700", [])
    assert not origin_allowed("http://localhost:8701", "localhost:8700", [])
    assert origin_allowed("http://localhost:8701", "localhost:8700", ["http://localhost:8701"])
    assert not origin_allowed("file://localhost:8700", "localhost:8700", [])


def test_a_server_that_listens_everywhere_answers_to_its_name_and_addresses() -> None:
    """Its machine's name, that name in the local network, and whatever is an address; a name of strangers is refused as ever."""
    everywhere = hosts_of("0.0.0.0")
    own = socket.gethostname()
    for host in (own, f"{own}:8700", f"{own}.local:8700", "192.0.2.7:8700", "[2001:db8::7]:8700", "localhost:8700"):
        assert host_allowed(host, everywhere), host
    for host in ("evil.example:8700", "192.0.2.7.evil.example", "2130706433.evil", "", "*"):
        assert not host_allowed(host, everywhere), host
    assert not host_allowed("192.0.2.7:8700", hosts_of("192.0.2.8")) and host_allowed("192.0.2.8:8700", hosts_of("192.0.2.8"))
    assert host_allowed("[2001:db8::7]:8700", hosts_of("2001:db8::7"))
    assert (shown_host("0.0.0.0"), shown_host("::1"), shown_host("127.0.0.1")) == (own, "[::1]", "127.0.0.1")


def test_seats_are_found_by_bearer_basic_and_cookie() -> None:
    """A token opens its seat however it is sent; anything else opens none; an unknown role is refused."""
    seats: Seats = seats_of(TOKENS)
    basic = "Basic " + __import__("base64").b64encode(f"any:{TOKENS['operator']}".encode()).decode()
    for authorization, cookie in ((f"Bearer {TOKENS['operator']}", ""), (basic, ""), ("", TOKENS["operator"])):
        seat, _ = seats.of_headers(authorization, cookie)
        assert seat is not None and seat.role == "operator"
    for wrong in ("Bearer x", "Basic ???", "Digest x", "Bearer"):
        assert seats.of_headers(wrong, "")[0] is None
    assert seats.of_headers("", "")[0] is None and seats.of_token("") is None
    with pytest.raises(ValueError, match="no role 'king'"):
        seats_of({"king": "x"})


def test_taking_a_seat_sets_a_cookie_that_scripts_cannot_read(server: Server) -> None:
    """The token of a link becomes an HttpOnly, SameSite=Strict cookie, with which the same page is let in."""
    with server.client(origin=server.url) as client:
        assert client.post("/api/session", json={"token": "wrong"}).status_code == 401
        assert client.post("/api/session", json={"token": TOKENS["city"]}).status_code == 401
        answer = client.post("/api/session", json={"token": TOKENS["instructor"]})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert client.get("/api/session").json()["permissions"] == ["acknowledge", "command", "control", "reload"]


def test_the_event_loop_survives_all_of_this(server: Server) -> None:
    """After everything above the city is still connected and the health says so."""
    with server.client("observer") as client:
        assert client.get("/api/health").json()["city_connected"] is True
