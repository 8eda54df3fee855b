"""The window of the exercise onto the center: judgement can be read through it, nothing done, and truth stays on its side."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from scenarios.exercise.center_window import CenterWindow, NoCenter, NotReadable
from scenarios.setup import Setup, prepare

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402
from room_kit import room  # noqa: E402

SHUT = (
    "api/incidents", "api/control", "api/session", "exercise/api/truth", "prometheus/api/v1/status/buildinfo", "api/feed",
    "../exercise/api/truth", "prometheus/api/v1/label/a%2Fb/values", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(HERE / "short_blackout.yaml", seed=7)


@pytest.mark.slow
def test_the_lab_reads_judgement_through_the_exercise(setup: Setup, tmp_path: Path) -> None:
    """Series, rules and why come through, for the instructor alone; the run's documents lie beside."""

    async def lesson() -> None:
        async with room(setup, tmp_path) as class_, class_.client() as client:
            await client.post("/exercise/api/control", json={"run_to_ms": 280_000})
            await kit.until(lambda: class_.city.pacer.paused and class_.city.connected and not class_.city.live.kept)
            through = "/exercise/api/center"
            why = (await client.get(f"{through}/api/rules/why", params={"alert": "FeederLoss"})).json()
            assert why["alert"] == "FeederLoss" and why["condition"] == "firing"
            rules = (await client.get(f"{through}/prometheus/api/v1/rules", params={"type": "alert"})).json()
            assert any(rule["name"] == "FeederLoss" for group in rules["data"]["groups"] for rule in group["rules"])
            refused = await client.get(f"{through}/api/rules/why", params={"expr": "up =="})
            assert refused.status_code == 422 and refused.json()["detail"].startswith("1:6: ")
            for path in SHUT:
                assert (await client.get(f"{through}/{path}")).status_code == 404, path
            truth = json.dumps((await client.get("/exercise/api/truth")).json())
            assert "feeder_outage" in truth and "feeder_outage" not in json.dumps(why)

            folder = class_.folder.path / "documents"
            folder.mkdir()
            (folder / "sweep.json").write_text('{"kind": "sweep"}', encoding="utf-8")
            (folder / "notes.txt").write_text("no document", encoding="utf-8")
            assert (await client.get("/exercise/api/documents")).json() == ["sweep.json"]
            assert (await client.get("/exercise/api/documents/sweep.json")).json() == {"kind": "sweep"}
            for name in ("other.json", "notes.txt", "..%2Fheader.json"):
                assert (await client.get(f"/exercise/api/documents/{name}")).status_code in (404, 422)
            async with class_.client("operator") as operator:
                assert (await operator.get(f"{through}/api/rules/why", params={"alert": "FeederLoss"})).status_code == 403
                assert (await operator.get("/exercise/api/documents")).status_code == 403

    asyncio.run(lesson())


@pytest.mark.parametrize("path", SHUT)
def test_only_what_the_lab_reads_can_be_read(path: str) -> None:
    """Whatever else there is at the center stays where it is; nothing is even asked."""
    with pytest.raises(NotReadable):
        CenterWindow("ws://127.0.0.1:9/wire", "token").read("run", "city", path, "")


def test_a_center_that_is_not_there_is_said_so() -> None:
    """No answer is an error of its own, and soon."""
    with pytest.raises(NoCenter, match="the center does not answer"):
        CenterWindow("ws://127.0.0.1:9/wire", "token").read("run", "city", "api/overview", "")
