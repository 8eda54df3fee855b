"""`cityops command`: what an operator does in the console, from a terminal; and a trigger that hears it over real sockets."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scenarios.pace import Asked
from scenarios.runner import commands_of, run_headless
from scenarios.runs import RunFolder
from scenarios.setup import of_run, prepare
from tests.scenarios.cli_kit import cityops

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import live_kit as kit  # noqa: E402


@pytest.mark.slow
def test_a_terminal_does_what_the_console_does(tmp_path: Path) -> None:
    """Acknowledge an incident, let the city do something, be told why it cannot; the scenario hears of it and answers.

    The run that came of it is executed again from its folder to the same digests, with the same triggers.
    """
    setup = prepare(HERE / "triggered.yaml")
    feeder = setup.scenario.timeline[0].params["feeder"]
    folder, center = setup.create(tmp_path / "runs", "class"), kit.make_center(tmp_path, setup)

    async def lesson() -> None:
        async with center.running():
            city = kit.make_city(center, folder, center.port, 0.0)
            task = asyncio.create_task(city.run())
            try:
                async with asyncio.timeout(240):
                    city.ask(Asked(run_to_ms=150_000), "test")
                    await kit.until(lambda: city.pacer.paused and not city.live.kept)
                    await asyncio.to_thread(_sit, f"http://127.0.0.1:{center.port}/#seat={center.tokens['operator']}", feeder)
                    await kit.until(lambda: len(city.live._entries) >= 2)
                    city.ask(Asked(pause=False), "test")
                    await kit.until(lambda: city.ended and not city.live.kept)
                    fired = [row["id"] for row in city.live.city.fired]
                    assert set(fired) == {"outage", "second", "light"}
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                city.close()

    asyncio.run(lesson())
    done = RunFolder(folder.path)
    again = run_headless(of_run(done), commands=commands_of(done))
    assert {row["id"] for row in again.run.city.fired} == {"outage", "second", "light"}
    assert [name for name, _ in again.run.city.triggers.phases] == ["darkness", "noticed", "restored"]


def _sit(seat: str, feeder: str) -> None:
    """What a person types."""

    def typed(*words: Any, status: int = 0) -> Any:
        said = cityops("command", *words, "--seat", seat)
        assert said.status == status, (words, said)
        return said

    assert "feeder_reclose" in typed().out
    assert typed("acknowledge", "INC-00001").out.startswith("acknowledge INC-00001: done")
    assert "already acknowledged" in typed("acknowledge", "INC-00001", status=1).err
    said = typed("feeder_reclose", f"feeder:{feeder}", "--incident", "INC-00001", "--wait", "0", "--json")
    assert json.loads(said.out)["state"] in ("requested", "accepted")
    assert "no command 'reclose'" in typed("reclose", f"feeder:{feeder}", status=1).err
    assert "incident" in typed("comment", "INC-00001", "--set", "text=Điện lực đã nhận", "--json").out
    assert "may not reload" in typed("reload", status=1).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["acknowledge", "INC-00001"], "the seat is ''; expected a link"),
        (["acknowledge", "--seat", "http://127.0.0.1:1/#seat=x"], "acknowledge lacks its target"),
        (["state", "INC-1", "--set", "verified", "--seat", "http://127.0.0.1:1/#seat=x"], "expected NAME=VALUE"),
    ],
)
def test_what_cannot_be_sent_is_said(words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input, before anything goes out."""
    monkeypatch.delenv("CITYOPS_SEAT", raising=False)
    result = cityops("command", *words)
    assert result.status == 2 and said in result.err
