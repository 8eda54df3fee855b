"""Running until something is so: time stands still at the very barrier at which it is, live as headless; nothing is altered."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from ops_center.until import Condition
from scenarios.run_ops import verify
from scenarios.runner import HeadlessRun, run_headless
from scenarios.runs import get
from scenarios.setup import Setup, prepare
from tests.scenarios.cli_kit import SHORT, cityops

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402
from room_kit import room  # noqa: E402

FIRING = 'ALERTS{alertname="FeederLoss",alertstate="firing"}'


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(SHORT, seed=7)


@pytest.fixture(scope="module")
def firing_ms(setup: Setup) -> int:
    """When the loss of the feeder fires: the first barrier at which it does."""
    run = HeadlessRun(setup)
    while not any(alert.name == "FeederLoss" for alert in run.center.judgement.alerts.firing()):
        run.advance(max(run.now_ms, 0) + 1_000)
    run.close()
    return run.now_ms


@pytest.mark.slow
def test_a_headless_run_ends_at_the_first_barrier_at_which_it_is_so(setup: Setup, firing_ms: int) -> None:
    """Neither before nor after; asking at every barrier alters no digest; a condition that never comes runs to the end."""
    found = run_headless(setup, until=Condition(FIRING))
    assert found.result["until_ms"] == firing_ms
    assert found.result["digest"] == run_headless(setup, until_ms=firing_ms).result["digest"]
    assert run_headless(setup, until=Condition("vector(1) > 2"), until_ms=150_000).result["until_ms"] == 150_000
    assert run_headless(setup, until=Condition("1"), until_ms=150_000).result["until_ms"] == setup.scenario.warm_up


@pytest.mark.parametrize("text", ["sum(", "ALERTS[5m]", '"word"', "x" * 20_000])
def test_what_is_no_condition_is_refused(text: str, tmp_path: Path) -> None:
    """One line with status 2, before anything starts."""
    with pytest.raises(ValueError, match=r"1:|characters"):
        Condition(text)
    said = cityops("run", SHORT, "--headless", "--until-expr", text, "--data", tmp_path)
    assert said.status == 2 and "--until-expr" in said.err and not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_live_run_stands_still_at_the_same_barrier(setup: Setup, tmp_path: Path, firing_ms: int) -> None:
    """Asked for at the desk, with a viewer at the feed and everything at full speed; going on afterwards alters nothing."""

    async def lesson() -> None:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            watching = asyncio.create_task(class_.center.listen_feed())
            asked = await client.post("/exercise/api/control", json={"until_expr": FIRING, "pace": "max"})
            assert asked.status_code == 202 and asked.json()["until"] == FIRING
            wrong = await client.post("/exercise/api/control", json={"until_expr": "sum("})
            assert wrong.status_code == 422
            await kit.until(lambda: class_.city.pacer.paused)
            assert class_.city.live.now_ms == firing_ms and not class_.city.until
            clock = (await client.get("/exercise/api/session")).json()["clock"]
            assert clock["paused"] and clock["until"] is None and clock["now_ms"] == firing_ms
            async with class_.center.client("instructor") as console:
                bad = await console.post("/api/control", json={"until_expr": "sum("})
                assert bad.status_code == 422
                assert (await console.post("/api/control", json={"until_expr": "vector(1)", "pause": False})).status_code == 202
            await kit.until(lambda: class_.city.live.now_ms > firing_ms and class_.city.pacer.paused)
            await client.post("/exercise/api/control", json={"pause": False})
            await kit.until(lambda: class_.city.ended and not class_.city.live.kept)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(lesson())
    assert verify(get(tmp_path / "runs", "class")).same is True


@pytest.mark.slow
def test_a_pause_freezes_city_center_and_clocks(setup: Setup, tmp_path: Path) -> None:
    """While paused the feed goes on and says the same instant, on both sides of the wire; frames are drawn of that instant."""

    async def lesson() -> None:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            await client.post("/exercise/api/control", json={"run_to_ms": 150_000})
            await kit.until(lambda: class_.city.pacer.paused and not class_.city.live.kept)
            headers = {"authorization": f"Bearer {class_.center.tokens['operator']}"}
            address = f"ws://127.0.0.1:{class_.center.port}/api/feed"
            clocks: list[dict[str, object]] = []
            async with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
                while len(clocks) < 4:
                    message = await socket.recv()
                    event = json.loads(message) if isinstance(message, str) else {}
                    if event.get("type") == "clock" and event["clock"]["paused"]:
                        clocks.append(event["clock"])
            assert {(clock["now_ms"], clock["mode"], clock["local"]) for clock in clocks} == {
                (150_000, "PAUSED", "2026-03-03T19:00:30+07:00")
            }
            assert (class_.city.live.now_ms, class_.city.live.city.now_ms) == (150_000, 150_000)

    asyncio.run(lesson())
