"""A city that the center cannot use ends with one line that says why, headless and live."""

import dataclasses
from pathlib import Path

import pytest

from ops_center import pipeline
from scenarios.child import REFUSED
from scenarios.city_process import CityConfig, serve_city
from scenarios.runner import CityRefused, HeadlessRun
from scenarios.setup import prepare
from sensors.registry import frames
from tests.ops_center.live_server import TOKENS, Server
from tests.scenarios.cli_kit import SHORT, cityops


def test_a_headless_run_of_a_refused_city_ends_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not go on blind: status 1, the reason on stderr, no traceback, and the folder is free again."""
    monkeypatch.setattr("scenarios.setup.Setup.center_config", lambda setup: pipeline.CenterConfig(max_devices=10))
    said = cityops("run", SHORT, "--headless", "--out", tmp_path, "--json")
    assert said.status == 1 and said.out == ""
    lines = said.err.strip().splitlines()
    assert lines[-1].startswith("the center refuses the city ") and lines[-1].endswith("this center takes at most 10")
    setup = prepare(SHORT)
    run = HeadlessRun(setup, out=setup.create(tmp_path, "again"))
    with pytest.raises(CityRefused, match="at most 10"):
        run.advance(1_000)
    assert run.memory.lock is not None and not list((tmp_path / "again" / "wire").glob("*.lock"))


def test_a_live_city_is_told_why_and_says_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The process of the city ends with the status that says not to start it again, and one line."""
    with Server(None, max_devices=10) as server:
        config = CityConfig(prepare(SHORT), f"{server.ws_url}/wire", {"city": TOKENS["city"]}, "r1", exercise_port=None)
        assert serve_city(config) == REFUSED
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("the center refuses this city: the registry has ")


@pytest.mark.slow
def test_a_city_in_parts_runs_as_one_in_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A city whose registry is cut into many frames gives the same judgement, and stands up from a save in between."""
    setup = prepare(SHORT, seed=7)
    whole = HeadlessRun(setup)
    whole.advance(90_000)
    for where in ("scenarios.runner.frames", "sensors.registry.frames"):
        monkeypatch.setattr(where, lambda registry: frames(registry, 40))
    cut = HeadlessRun(dataclasses.replace(setup))
    cut.advance(60_000)
    assert cut.center.registry is not None and cut.center.registry.parts == 1
    born = HeadlessRun(setup).load(cut.save())
    born.advance(90_000)
    assert born.digest()["judgement"] == whole.digest()["judgement"]
    assert born.digest()["world"] != whole.digest()["world"]
