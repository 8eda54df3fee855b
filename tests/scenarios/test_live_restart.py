"""Centers that go and come back, and runs that go on from a branch: time goes on where it stood."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from ops_center.run import Run
from scenarios.pace import MAX
from scenarios.run_ops import branch, last_barrier_ms
from scenarios.runner import commands_of, run_headless
from scenarios.runs import RunFolder
from scenarios.setup import Setup, of_run, prepare

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(HERE / "short_blackout.yaml", seed=7)


def _same(folder: RunFolder, setup: Setup) -> None:
    """What the center kept is what header and commands come to."""
    run = Run(folder.path, setup.center_config())
    until_ms, digests = run.center.now_ms, run.center.digests()
    run.close()
    assert until_ms == setup.scenario.total_ms
    assert run_headless(of_run(folder), commands=commands_of(folder)).result["digest"] == digests


@pytest.mark.slow
def test_a_center_that_goes_and_comes_back_goes_on(setup: Setup, tmp_path: Path) -> None:
    """While it is away no simulated time passes; then the city resumes after what was stored, twice."""

    async def play(folder: RunFolder) -> None:
        center = kit.make_center(tmp_path, setup)
        with contextlib.closing(kit.make_city(center, folder, 1, MAX)) as city:
            running: asyncio.Task[None] | None = None
            for until_ms in (200_000, 400_000, setup.scenario.total_ms):
                async with center.running():
                    city.link = type(city.link)(f"ws://127.0.0.1:{center.port}/wire", city.link.token, folder.run_id)
                    running = running or asyncio.create_task(city.run(until_end=True))
                    await kit.until(lambda until_ms=until_ms: city.live.now_ms >= until_ms)
                    if until_ms == setup.scenario.total_ms:
                        await asyncio.wait_for(running, 60)
                await kit.until(lambda: not city.connected)
                stood = city.live.now_ms
                await asyncio.sleep(0.2)
                assert city.live.now_ms == stood

    folder = setup.create(tmp_path / "runs", "away")
    asyncio.run(play(folder))
    _same(folder, setup)


@pytest.mark.slow
def test_a_branch_goes_on_live(setup: Setup, tmp_path: Path) -> None:
    """A run that was forked at an instant is picked up there by a city and a center, and an operator ends it otherwise."""
    parent = setup.create(tmp_path / "runs", "parent")
    run_headless(setup, out=parent)
    forked = branch(parent, 300_000, run_id="forked")
    assert last_barrier_ms(forked) == 300_000

    async def play() -> None:
        center = kit.make_center(tmp_path, setup)
        async with center.running():
            with contextlib.closing(kit.make_city(center, forked, center.port, 50.0)) as city:
                running = asyncio.create_task(city.run(until_end=True))
                await asyncio.wait_for(kit.Operator(center).work(), 100)
                await asyncio.wait_for(running, 100)

    asyncio.run(play())
    _same(forked, setup)
    assert next(c.type for c in commands_of(forked).judgement) == "acknowledge"
    assert not commands_of(parent).judgement
