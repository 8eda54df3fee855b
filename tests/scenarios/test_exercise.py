"""The exercise beside the city: the instructor sees truth and makes things happen; nobody else gets in."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from scenarios.exercise.places import PlaceBook
from scenarios.runner import commands_of, run_headless
from scenarios.runs import RunFolder
from scenarios.setup import Setup, of_run, prepare

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402
from room_kit import room  # noqa: E402


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(HERE / "short_blackout.yaml", seed=7)


@pytest.mark.slow
def test_the_instructor_runs_a_class(setup: Setup, tmp_path: Path) -> None:
    """Run to an instant, fire an inject, go on, and read truth beside judgement; all of it can be executed again."""

    async def lesson() -> None:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            assert (await client.post("/exercise/api/control", json={"run_to_ms": 200_000})).status_code == 202
            await kit.until(lambda: class_.city.pacer.paused and class_.city.connected)
            clock = (await client.get("/exercise/api/session")).json()["clock"]
            assert clock["now_ms"] == 200_000 and clock["paused"] and clock["t_ms"] == 80_000
            palette = (await client.get("/exercise/api/injects")).json()
            assert {"crash", "feeder_outage"} <= {row["name"] for row in palette["injects"]}
            wrong = await client.post("/exercise/api/inject", json={"name": "feeder_outage", "params": {"feeder": "nowhere"}})
            assert wrong.status_code == 422 and "no feeder of that id" in wrong.json()["detail"]
            fired = await client.post("/exercise/api/inject", json={"name": "feeder_outage", "params": {"feeder": "feeder:02_1"}})
            assert fired.json()["now_ms"] == 200_000
            truth = (await client.get("/exercise/api/truth")).json()["truth"]
            assert any(e["place"]["id"] == "feeder:02_1" and e["title"]["vi"] for e in truth)
            await client.post("/exercise/api/control", json={"pace": "max", "pause": False})
            await kit.until(lambda: class_.city.ended and not class_.city.live.kept)
            document = (await client.get("/exercise/api/debrief")).json()
            rows = {r["place"]["id"]: r for r in document["truth"] if r["kind"] == "feeder_outage"}
            assert rows["feeder:02_1"]["by"] == "instructor" and rows["feeder:02_1"]["detected_ms"] is not None
            assert rows["feeder:01_1"]["by"] == "timeline" and document["complete"]
            timeline = (await client.get("/exercise/api/timeline")).json()
            assert timeline["timeline"][0]["fired_ms"] == 240_000 and len(timeline["instructor"]) == 1

    asyncio.run(lesson())
    folder = RunFolder(tmp_path / "runs" / "class")
    again = run_headless(of_run(folder), commands=commands_of(folder))
    assert {row["by"] for row in again.run.city.fired} == {"instructor", "timeline"}
    assert [line for line in (folder.path / "control.log").read_text().splitlines() if "run_to_ms" in line]


@pytest.mark.slow
def test_nobody_but_the_instructor_gets_in(setup: Setup, tmp_path: Path) -> None:
    """No seat, an operator's seat, a foreign host or origin: refused on every route and on the socket."""

    async def visit() -> None:
        async with room(setup, tmp_path) as class_:
            paths = ("session", "truth", "timeline", "injects", "debrief")
            for role, status in ((None, 401), ("operator", 403), ("observer", 401)):
                async with class_.client(role) as client:
                    for path in paths:
                        assert (await client.get(f"/exercise/api/{path}")).status_code == status
                    assert (await client.post("/exercise/api/inject", json={"name": "crash"})).status_code == status
                    assert (await client.post("/exercise/api/control", json={"pause": True})).status_code == status
            async with class_.client() as client:
                assert (await client.get("/exercise/api/truth", headers={"host": "evil.example"})).status_code == 403
                bad = {"origin": "http://evil.example"}
                assert (await client.post("/exercise/api/control", json={"pause": True}, headers=bad)).status_code == 403
                assert (await client.post("/exercise/api/session", json={"token": "wrong"})).status_code == 401
            with pytest.raises(InvalidStatus):
                async with connect(class_.address.replace("http", "ws") + "/exercise/api/feed", proxy=None):
                    pass
            assert not class_.city.live.city.fired or class_.city.live.now_ms >= 240_000

    asyncio.run(visit())


def test_the_exercises_socket_tells_clock_and_truth(setup: Setup, tmp_path: Path) -> None:
    """A cookie from the instructor's link is enough for the page's socket."""

    async def watch() -> None:
        async with room(setup, tmp_path) as class_, class_.client(None) as client:
            seat = await client.post("/exercise/api/session", json={"token": class_.center.tokens["instructor"]})
            cookie = seat.headers["set-cookie"]
            assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and cookie.startswith("cityops_exercise=")
            headers = {"cookie": cookie.split(";")[0], "origin": class_.address}
            address = class_.address.replace("http", "ws") + "/exercise/api/feed"
            async with connect(address, additional_headers=headers, proxy=None) as socket:
                types: set[str] = set()
                while types != {"clock", "truth"}:
                    types.add(json.loads(await socket.recv())["type"])

    asyncio.run(watch())


def test_the_center_has_no_way_to_the_truth(setup: Setup, tmp_path: Path) -> None:
    """The operator's server has no route under /exercise, for no seat."""

    async def ask() -> None:
        center = kit.make_center(tmp_path, setup)
        async with center.running(), center.client("instructor") as client:
            for path in ("", "/", "/api/truth", "/api/debrief", "/api/injects"):
                assert (await client.get(f"/exercise{path}")).status_code == 404
            assert "exercise" not in json.dumps(list((await client.get("/openapi.json")).json()["paths"]))

    asyncio.run(ask())


def test_places_are_found_by_what_people_call_them(setup: Setup) -> None:
    """Without marks, in any order of words, by id as well; nothing of another kind; a kind that is none is refused."""
    book = PlaceBook(setup.city)
    roads = book.find("link", "tham hoang")
    assert roads and all("Hoàng Hoa Thám" in row["name"] for row in roads)
    assert [row["id"] for row in book.find("feeder", "feeder:02_1")] == ["feeder:02_1"]
    assert len(book.find("luminaire", "")) == 40 and book.find("zone", "nowhere at all") == []
    with pytest.raises(ValueError, match="no kind of place"):
        book.find("planet", "")
