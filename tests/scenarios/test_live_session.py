"""A live session over the real socket, with delays, breaks and deaths, is its own headless re-execution."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

from ops_center.run import Run
from scenarios.city_server import CityServer
from scenarios.pace import MAX
from scenarios.runner import Finished, commands_of, run_headless
from scenarios.runs import RunFolder, get
from scenarios.setup import Setup, of_run, prepare
from simulator.inject_catalogue import INJECTS
from simulator.truth import TRUTH_KINDS

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(HERE / "short_blackout.yaml", seed=7)


def recorded(folder: RunFolder, setup: Setup) -> dict[str, Any]:
    """The digests of what a live center kept, opened again after its end."""
    run = Run(folder.path, setup.center_config())
    try:
        return {"until_ms": run.center.now_ms, "digest": run.center.digests()}
    finally:
        run.close()


def executed_again(folder: RunFolder) -> Finished:
    """The headless re-execution from header and commands."""
    return run_headless(of_run(folder), commands=commands_of(folder))


def check(folder: RunFolder, setup: Setup) -> Finished:
    """Live and headless came to the same end; something was done in between."""
    live = recorded(folder, setup)
    again = executed_again(folder)
    assert live["until_ms"] == setup.scenario.total_ms == again.result["until_ms"]
    assert live["digest"] == again.result["digest"]
    states = [(c.type, c.state) for c in again.run.center.judgement.commands.by_id.values()]
    assert ("feeder_reclose", "done") in states
    assert again.run.city.world.power.feeder_on.all()
    return again


async def play(setup: Setup, data: Path, pace: float, trouble: Any = None) -> tuple[RunFolder, kit.Center]:
    """Play the short blackout to its end with an operator at work, and `trouble(center, relay, city)` meanwhile."""
    folder = setup.create(data / "runs", "live")
    center = kit.make_center(data, setup)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(center.running())
        relay = await stack.enter_async_context(kit.Delay(center.port, seed=int(pace * 10) + 3))
        city = kit.make_city(center, folder, relay.port, pace)
        stack.callback(city.close)
        feed = asyncio.create_task(center.listen_feed())
        operator = asyncio.create_task(kit.Operator(center).work())
        running = asyncio.create_task(city.run(until_end=True))
        async with asyncio.timeout(150):
            if trouble is not None:
                running = await trouble(center, relay, city, running)
            await running
            await operator
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)
    return folder, center


@pytest.mark.slow
@pytest.mark.parametrize("pace", [1.0, 50.0, MAX], ids=["x1", "x50", "max"])
def test_a_session_over_the_socket_has_the_digests_of_its_re_execution(setup: Setup, tmp_path: Path, pace: float) -> None:
    """At any pace and with any delay of the socket, header and commands say everything."""
    folder, _ = asyncio.run(play(setup, tmp_path, pace))
    check(folder, setup)


@pytest.mark.slow
def test_a_line_that_is_cut_loses_nothing(setup: Setup, tmp_path: Path) -> None:
    """The city reconnects and resumes after the last stored barrier; simulated time stood still meanwhile."""

    async def trouble(_: kit.Center, relay: kit.Delay, city: CityServer, running: asyncio.Task[None]) -> asyncio.Task[None]:
        for at_ms in (130_000, 260_000, 400_000):
            await kit.until(lambda at_ms=at_ms: city.live.now_ms >= at_ms)
            relay.cut()
        return running

    folder, _ = asyncio.run(play(setup, tmp_path, MAX, trouble))
    check(folder, setup)


@pytest.mark.slow
def test_a_city_that_dies_stands_up_where_it_was(setup: Setup, tmp_path: Path) -> None:
    """A new process with the same folder goes on from keyframe and log; no acknowledged command is lost or done twice."""

    async def trouble(center: kit.Center, relay: kit.Delay, city: CityServer, running: asyncio.Task[None]) -> asyncio.Task[None]:
        for at_ms in (200_000, 420_000):
            await kit.until(lambda c=city, at_ms=at_ms: c.live.now_ms >= at_ms)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            city.close()
            city = kit.make_city(center, get(tmp_path / "runs", "live"), relay.port, MAX)
            running = asyncio.create_task(city.run(until_end=True))
        running.add_done_callback(lambda _: city.close())
        return running

    folder, _ = asyncio.run(play(setup, tmp_path, MAX, trouble))
    check(folder, setup)


@pytest.mark.slow
def test_the_warm_up_comes_from_the_cache_without_a_difference(setup: Setup, tmp_path: Path) -> None:
    """The second start takes the warm-up from its cache and has the same digests as one that computes it."""

    async def session(name: str) -> tuple[dict[str, Any], int]:
        folder = setup.create(tmp_path / "runs", name)
        center = kit.make_center(tmp_path, setup)
        async with center.running():
            city = kit.make_city(center, folder, center.port, MAX, tmp_path / "cache")
            running = asyncio.create_task(city.run())
            async with asyncio.timeout(100):
                await kit.until(lambda: city.live.now_ms >= 180_000)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            city.close()
            stepped = city.live.city.world.scheduler.now_ms
        return recorded(folder, setup), stepped

    (first, _), (second, _) = asyncio.run(session("one")), asyncio.run(session("two"))
    assert len(list((tmp_path / "cache").glob("warm-*.key"))) == 1
    for kept in (first, second):
        headless = run_headless(setup, until_ms=kept["until_ms"])
        assert headless.result["digest"] == kept["digest"]


@pytest.mark.slow
def test_no_byte_of_truth_reaches_an_operator(setup: Setup, tmp_path: Path) -> None:
    """All that the operator's HTTP and WebSocket said in a whole live run holds no truth: no id, kind, inject or title of it."""
    folder, center = asyncio.run(play(setup, tmp_path, MAX))
    heard = b"\n".join(center.heard).decode("utf-8", "replace")
    events = ('"type":"snapshot"', '"type":"incident"', '"type":"command"')
    for expected in (*events, "INC-00001", "feeder:01_1", "traffic_flow_vehph"):
        assert expected in heard
    truth = executed_again(folder).run.city.truth()
    assert {event["kind"] for event in truth} >= {"feeder_outage"}
    words = {event["event_id"] for event in truth} | {"truth-1", "event_id", "cause_id", "short_blackout"}
    words |= {f'"{name}"' for name in (*TRUTH_KINDS, *INJECTS)} | {f": {name}" for name in INJECTS if "_" in name}
    public = {kind.icon for kind in setup.kinds} | {q.metric for kind in setup.kinds for q in kind.quantities}
    words -= {f'"{name}"' for name in public}  # some icons and metrics are called as what they show
    words |= {"Máy cắt nhảy bí mật", "Secret breaker trip", "fault_s", "ordinary_life"}
    assert [word for word in sorted(words) if word in heard] == []
