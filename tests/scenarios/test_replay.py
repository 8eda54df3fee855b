"""A recorded run shown again: the same digests at every moment, nothing of the run changed, nothing in it to be changed."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ops_center.app import create_app
from ops_center.events import JudgementCommand
from ops_center.host import Host, HostConfig
from ops_center.live import LiveCity
from ops_center.recorder import segments
from ops_center.run import Run
from ops_center.seats import seats_of
from scenarios.pace import MAX, Pacer
from scenarios.replay import Player, Record, read_record
from scenarios.runner import Commands, HeadlessRun, commands_of, run_headless
from scenarios.runs import DamagedRun, RunFolder
from scenarios.setup import Setup, prepare
from tests.scenarios.cli_kit import SHORT, cityops

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402

END_MS = 420_000


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(SHORT, seed=7)


@pytest.fixture(scope="module")
def kept(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run in which an operator takes the outage, told in a comment."""
    said = JudgementCommand("c-2", "comment", "INC-00001", 310_000, 2, "operator", {"text": "Lê Chân tối"})
    commands = [JudgementCommand("c-1", "acknowledge", "INC-00001", 300_000, 1, "operator", {}), said]
    folder = setup.create(tmp_path_factory.mktemp("data") / "runs", "kept")
    run_headless(setup, commands=Commands(commands), until_ms=END_MS, out=folder)
    return folder


def everything(folder: RunFolder) -> dict[str, bytes]:
    """Every file of a run."""
    return {str(p.relative_to(folder.path)): p.read_bytes() for p in folder.path.rglob("*") if p.is_file()}


class Theatre:
    """A replay without a server: its player, and the center's API as a seat sees it."""

    def __init__(self, record: Record) -> None:
        self.host = Host(HostConfig(record.config, seats_of({"operator": "op", "instructor": "in"})))
        self.live = LiveCity(Run(None, record.config), record.run_id, record.hello().city)
        self.host.cities[record.run_id, self.live.city_id] = self.live
        clock = kit.NoWait()
        self.player = Player(record, self.live, Pacer(clock, MAX), clock)

    def client(self, token: str = "in") -> httpx.AsyncClient:
        seat = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(self.host)), base_url="http://127.0.0.1", headers=seat, timeout=60
        )

    @property
    def digests(self) -> dict[str, str]:
        return self.live.run.center.digests()


@contextlib.asynccontextmanager
async def theatre(folder: RunFolder, at_ms: int = 0) -> AsyncIterator[Theatre]:
    """A replay that stands at a moment, paused until somebody lets it play."""
    place = Theatre(read_record(folder))
    async with asyncio.timeout(300):
        await place.player.begin(at_ms)
        try:
            yield place
        finally:
            await place.host.close()


@pytest.mark.slow
def test_it_plays_to_the_digests_of_the_run(kept: RunFolder) -> None:
    """At full pace from the very start to the end, which is said; the mode is REPLAY throughout, the run is as it was."""
    before = everything(kept)

    async def watch() -> None:
        async with theatre(kept) as place, place.client() as client:
            playing = asyncio.create_task(place.player.serve())
            await kit.until(lambda: place.player.ended and place.live.run.center.pacing.ended)
            clock = (await client.get("/api/overview")).json()["clock"]
            assert (clock["mode"], clock["now_ms"], clock["ended"], clock["paused"]) == ("REPLAY", END_MS, True, True)
            assert place.digests == kept.result()["digest"]
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    asyncio.run(watch())
    assert everything(kept) == before


@pytest.mark.slow
def test_every_moment_that_is_sought_is_that_of_the_run(setup: Setup, kept: RunFolder) -> None:
    """Forward, back and forward again, to barriers and between them: what is shown has the digests that the run had then."""

    async def watch() -> dict[int, dict[str, str]]:
        seen: dict[int, dict[str, str]] = {}
        async with theatre(kept, 400_500) as place, place.client() as client:
            branches = [place.live.hub.branch]
            for to_ms in (120_000, 305_500, 310_000, 30_000, END_MS, 301_000):
                answer = await client.post("/api/seek", json={"to_ms": to_ms})
                assert answer.json() == {"now_ms": to_ms - to_ms % 1_000}
                seen[to_ms - to_ms % 1_000] = place.digests
                branches.append(place.live.hub.branch)
            assert len(set(branches)) == len(branches)  # each time viewers begin anew
        return seen

    seen = asyncio.run(watch())
    again = HeadlessRun(setup, commands_of(kept))
    for now_ms in sorted(seen):
        again.advance(now_ms)
        assert seen[now_ms] == again.digest(), now_ms
    again.close()


def test_at_every_moment_that_is_shown_it_can_be_asked_why(kept: RunFolder) -> None:
    """Before the outage the alert's expression is not there; during it, it fires; what lies ahead of the moment is not told."""

    async def watch() -> None:
        async with theatre(kept, 200_000) as place, place.client("op") as operator, place.client() as client:
            ask = {"alert": "FeederLoss", "label": "feeder=feeder:01_1"}
            assert (await operator.get("/api/rules/why", params=ask)).json()["verdict"] == "false"
            assert (await operator.get("/api/rules/why", params={**ask, "at_ms": 310_000})).status_code == 422
            await client.post("/api/seek", json={"to_ms": 310_000})
            during = (await operator.get("/api/rules/why", params=ask)).json()
            assert (during["verdict"], during["at_ms"]) == ("firing", 310_000)
            before = (await operator.get("/api/rules/why", params={**ask, "at_ms": 200_000})).json()
            assert (before["verdict"], before["ended_by"] != []) == ("false", True)

    asyncio.run(watch())


@pytest.mark.slow
def test_it_stands_still_when_it_is_paused_and_nothing_can_be_changed(kept: RunFolder) -> None:
    """Pause, run to an instant, the line of time with its marks; what would change the run is refused with the reason."""

    async def watch() -> None:
        async with theatre(kept, 200_000) as place, place.client() as client, place.client("op") as operator:
            line = (await operator.get("/api/timeline")).json()
            assert (line["from_ms"], line["start_ms"], line["until_ms"]) == (0, 120_000, END_MS)
            assert [m["incident_id"] for m in line["marks"]] == ["INC-00001"] and 240_000 < line["marks"][0]["at_ms"] < 300_000
            assert (await operator.post("/api/seek", json={"to_ms": 1})).status_code == 403
            assert (await client.post("/api/seek", json={"to_ms": END_MS + 1_000})).status_code == 422
            playing = asyncio.create_task(place.player.serve())
            assert (await client.post("/api/control", json={"run_to_ms": 330_000})).status_code == 202
            await kit.until(lambda: place.live.run.center.pacing.paused and place.player.now_ms >= 330_000)
            assert place.player.now_ms == 330_000
            refused = await operator.post("/api/incidents/INC-00001/comment", json={"command_id": "x", "text": "Tôi"})
            assert refused.status_code == 409 and "this is a replay" in refused.json()["detail"]
            assert place.player.now_ms == 330_000
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    asyncio.run(watch())


def test_a_damaged_record_is_shown_as_far_as_it_is_whole(kept: RunFolder, tmp_path: Path) -> None:
    """A cut stream ends earlier; one that cannot be read at all is one clear error with status 2."""
    folder = RunFolder(tmp_path / "runs" / "kept")
    for name, data in everything(kept).items():
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).write_bytes(data)
    stream = segments(folder.path / "wire")[0]
    data = stream.read_bytes()
    stream.write_bytes(data[: len(data) // 2])
    record = read_record(folder)
    assert record.losses and 0 < record.until_ms < END_MS
    stream.write_bytes(data[:20])
    with pytest.raises(DamagedRun, match="no recorded stream that can be read"):
        read_record(folder)
    said = cityops("runs", "replay", "kept", "--data", tmp_path, "--no-browser")
    assert said.status == 2 and len(said.err.strip().splitlines()) == 1 and "no recorded stream" in said.err
