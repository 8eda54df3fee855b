"""Going back is branching: city and center stand where the run stood, the viewers are moved, the run itself stays as it is."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from ops_center.recorder import segments
from scenarios.run_ops import verify
from scenarios.runner import commands_of, run_headless
from scenarios.runs import get, listed
from scenarios.setup import Setup, of_run, prepare

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402
from room_kit import Room, room  # noqa: E402

FEEDER = {"kind": "feeder", "id": "feeder:01_1"}


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(HERE / "short_blackout.yaml", seed=7)


async def control(client: httpx.AsyncClient, **body: Any) -> None:
    assert (await client.post("/exercise/api/control", json=body)).status_code == 202


async def stand_at(class_: Room, client: httpx.AsyncClient, now_ms: int) -> None:
    """Run to an instant, and wait until the center has stored it."""
    await control(client, run_to_ms=now_ms)
    await kit.until(lambda: class_.city.live.now_ms == now_ms and not class_.city.live.kept and class_.city.pacer.paused)


async def jump(client: httpx.AsyncClient, to_ms: int, **more: Any) -> dict[str, Any]:
    answer = await client.post("/exercise/api/jump", json={"to_ms": to_ms, **more}, timeout=100)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def acknowledge(class_: Room, who: str) -> None:
    """An operator takes the first incident."""
    async with class_.center.client() as operator:
        incident = await kit.Operator(class_.center).first_incident(operator)
        body = {"command_id": f"ack-{who}"}
        assert (await operator.post(f"/api/incidents/{incident}/acknowledge", json=body)).status_code == 200


@pytest.mark.slow
def test_the_instructor_goes_back_and_the_class_goes_on_in_a_branch(setup: Setup, tmp_path: Path) -> None:
    """The viewer of the run is told to begin anew under the branch's name; what was done later is not there; the branch goes
    another way and is its own re-execution, and so is the run that was left."""

    async def lesson() -> str:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            await stand_at(class_, client, 420_000)
            await acknowledge(class_, "late")
            viewer = asyncio.create_task(_branches_seen(class_))
            await kit.until(lambda: viewer.done() or class_.center.heard)
            went = await jump(client, 305_500)
            assert went["run"]["parent"] == "class" and went["run"]["fork_at_ms"] == went["clock"]["now_ms"] == 305_000
            assert went["clock"]["paused"]
            assert await viewer == went["run"]["id"]
            async with class_.center.client() as operator:
                seen = (await operator.get("/api/overview")).json()
                assert (seen["run"]["id"], seen["run"]["parent"]) == (went["run"]["id"], "class")
                assert seen["clock"]["now_ms"] == 305_000 and seen["incidents"][0]["acknowledged_by"] is None
            await stand_at(class_, client, 480_000)
            return str(went["run"]["id"])

    branch_id = asyncio.run(lesson())
    left, forked = get(tmp_path / "runs", "class"), get(tmp_path / "runs", branch_id)
    assert [c.type for c in commands_of(left).judgement] == ["acknowledge"] and not commands_of(forked).judgement
    assert left.result()["until_ms"] == 420_000 and forked.result()["until_ms"] == 480_000
    for folder in (left, forked):
        assert folder.status() == "done" and verify(folder).same is True


async def _branches_seen(class_: Room) -> str:
    """Look at the feed as an operator's page does, and return the branch under which it begins anew."""
    headers = {"authorization": f"Bearer {class_.center.tokens['operator']}"}
    address = f"ws://127.0.0.1:{class_.center.port}/api/feed"
    async with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
        first = json.loads(await socket.recv())
        assert (first["type"], first["branch"]) == ("hello", "main")
        class_.center.heard.append(b"here")
        async for message in socket:
            event = json.loads(message) if isinstance(message, str) else {}
            if event.get("type") == "resync":
                return str(event["branch"])
            assert event.get("branch", "main") == "main"
    raise AssertionError("the viewer was let go")


@pytest.mark.slow
def test_what_was_done_later_comes_along_when_asked(setup: Setup, tmp_path: Path) -> None:
    """An acknowledgement, a command to the city and an inject after the fork are done again at their times; ids stay unique."""

    async def lesson() -> str:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            await stand_at(class_, client, 430_000)
            await acknowledge(class_, "once")
            async with class_.center.client() as operator:
                body = {"command_id": "reclose", "type": "feeder_reclose", "target": FEEDER, "params": {}}
                assert (await operator.post("/api/commands", json=body)).status_code == 202
            await stand_at(class_, client, 440_000)
            outage = {"name": "feeder_outage", "params": {"feeder": "feeder:02_1"}}
            assert (await client.post("/exercise/api/inject", json=outage)).status_code == 200
            await stand_at(class_, client, 450_000)
            went = await jump(client, 300_000, keep_commands=True)
            early = (await client.post("/exercise/api/inject", json={"name": "crash", "params": {}})).json()
            assert early["inject_id"] not in {row["id"] for row in (await _fired(client)) if row["now_ms"] > 300_000}
            await stand_at(class_, client, 480_000)
            return str(went["run"]["id"])

    forked = get(tmp_path / "runs", asyncio.run(lesson()))
    did = commands_of(forked)
    assert [(c.command_id, c.at_ms) for c in did.judgement] == [("ack-once", 430_000), ("reclose", 430_000)]
    assert [(e.what, e.now_ms) for e in did.world or () if e.what == "inject"] == [("inject", 300_000), ("inject", 440_000)]
    again = run_headless(of_run(forked), commands=did, until_ms=480_000)
    assert again.result["digest"] == forked.result()["digest"]
    assert [c.state for c in again.run.center.judgement.commands.by_id.values()] == ["done"]


async def _fired(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("/exercise/api/timeline")).json()["instructor"])


@pytest.mark.slow
def test_a_branch_of_a_damaged_record_is_refused_and_the_run_goes_on(setup: Setup, tmp_path: Path) -> None:
    """One clear error for the instructor, nothing left behind; the run stands where it stood and goes on."""

    async def lesson() -> None:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            await stand_at(class_, client, 200_000)
            wrong = await client.post("/exercise/api/jump", json={"to_ms": 900_000})
            assert wrong.status_code == 409 and "does not lie in the past of this run" in wrong.json()["detail"]
            stream = segments(class_.folder.path / "wire")[0]
            data = bytearray(stream.read_bytes())
            data[len(data) // 3] ^= 1
            stream.write_bytes(bytes(data))
            refused = await client.post("/exercise/api/jump", json={"to_ms": 150_000}, timeout=100)
            assert refused.status_code == 409 and "the recorded stream is damaged in 000001.seg" in refused.json()["detail"]
            data[len(data) // 3] ^= 1
            stream.write_bytes(bytes(data))
            assert [run.run_id for run in listed(tmp_path / "runs")] == ["class"]
            assert class_.city.live.now_ms == 200_000
            await stand_at(class_, client, 230_000)

    asyncio.run(lesson())
    folder = get(tmp_path / "runs", "class")
    assert folder.result()["until_ms"] == 230_000 and verify(folder).same is True
