"""A run is a header and a list of commands: whatever executes them, in whatever chunks, comes to the same digests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops_center.events import IncidentChange, JudgementCommand
from ops_center.recorder import read_frames
from ops_center.run import Run
from scenarios import runner
from scenarios.live_city import LiveCity
from scenarios.runner import Commands, Finished, HeadlessRun, commands_of, run_headless
from scenarios.runs import RunError
from scenarios.setup import Setup, of_run, prepare

HERE = Path(__file__).parent
SCENARIO = HERE / "short_blackout.yaml"


def command(seq: int, at_s: int, type_: str, on: str, /, **params: Any) -> JudgementCommand:
    """A command of an operator at a barrier."""
    return JudgementCommand(f"c-{seq}", type_, on, at_s * 1_000, seq, "operator", params)


def session() -> list[JudgementCommand]:
    """Acknowledge, try to reclose too early (the fault persists), and reclose when the fault is gone."""
    feeder = {"kind": "feeder", "id": "feeder:01_1"}
    return [
        command(1, 300, "acknowledge", "INC-00001"),
        command(2, 310, "world", "feeder:01_1", type="feeder_reclose", target=feeder, params={}, incident_id="INC-00001"),
        command(3, 420, "world", "feeder:01_1", type="feeder_reclose", target=feeder, params={}, incident_id="INC-00001"),
        command(4, 660, "comment", "INC-00001", text="Lê Chân sáng lại"),
    ]


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(SCENARIO, seed=7)


@pytest.fixture(scope="module")
def plain(setup: Setup) -> Finished:
    """The run that nobody touches."""
    return run_headless(setup)


@pytest.fixture(scope="module")
def handled(setup: Setup) -> Finished:
    """The run in which the operator ends the outage."""
    return run_headless(setup, commands=Commands(session()))


@pytest.mark.slow
def test_a_headless_run_can_be_entered_at_its_keyframes(
    setup: Setup, plain: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From time to time both sides are kept: the center comes back from there, and the city sends the same frames again."""
    monkeypatch.setattr(runner, "KEEP_EVERY_MS", 300_000)
    folder = setup.create(tmp_path, "kept")
    run_headless(setup, out=folder)
    memory = Run(folder.path, setup.center_config())
    assert memory.recovery.keyframe_ms == 600_000
    assert (memory.center.now_ms, memory.center.digests()) == (plain.result["until_ms"], plain.result["digest"])
    memory.close()
    city = LiveCity(setup, folder)
    city.resume(620_000)
    again = [frame for _ in range(30) for frame in city.step().frames]
    recorded = list(read_frames(folder.path / "wire"))
    first = recorded.index(again[0])
    assert city.now_ms == 650_000 and recorded[first : first + len(again)] == again
    city.close()


@pytest.mark.slow
def test_another_process_with_another_hash_seed_comes_to_the_same_digests(plain: Finished) -> None:
    """Nothing depends on the order of sets or on the process."""
    for hash_seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(HERE.parent.parent)}
        done = subprocess.run(
            [sys.executable, str(HERE / "headless_digest.py"), "7"],
            capture_output=True, text=True, timeout=240, check=True, env=environment,
        )  # fmt: skip
        assert json.loads(done.stdout)["digest"] == plain.result["digest"]


@pytest.mark.slow
def test_saving_and_loading_in_the_middle_changes_nothing(setup: Setup, handled: Finished) -> None:
    """New objects from a keyframe go on as if nothing had happened, also in the middle of a command and of an outage."""
    again = run_headless(setup, commands=Commands(session()), save_load_at=[61_000, 311_000, 421_000, 500_000])
    assert again.result["digest"] == handled.result["digest"]


@pytest.mark.slow
def test_saving_and_loading_at_twenty_random_events_changes_nothing(setup: Setup, handled: Finished) -> None:
    """Between any two events of the city: before and after barriers, answers, evaluations and the outage."""
    draws = np.random.Generator(np.random.Philox(2026)).integers(1_000, setup.scenario.total_ms, 20)
    stops = [int(stop_ms) for stop_ms in draws]
    assert len({stop_ms % 1_000 for stop_ms in stops}) > 10  # most lie between barriers
    again = run_headless(setup, commands=Commands(session()), save_load_at=stops)
    assert again.result == handled.result


@pytest.mark.slow
def test_chunks_change_nothing(setup: Setup, handled: Finished) -> None:
    """Going on in uneven pieces is going on at once."""
    run = HeadlessRun(setup, Commands(session()))
    for until_ms in (1_000, 7_000, 7_500, 299_000, 311_000, 700_000, setup.scenario.total_ms):
        run.advance(until_ms)
    assert run.close()["digest"] == handled.result["digest"]


@pytest.mark.slow
def test_another_seed_and_another_noise_seed_are_other_runs(plain: Finished) -> None:
    """The digests do tell runs apart."""
    other = run_headless(prepare(SCENARIO, seed=7, noise_seed=99), until_ms=60_000)
    same = run_headless(prepare(SCENARIO, seed=7), until_ms=60_000)
    assert other.result["digest"]["world"] != same.result["digest"]["world"]


def test_the_outage_is_one_incident_at_the_feeder(plain: Finished) -> None:
    """One cause is one incident, not hundreds of alerts."""
    incidents = plain.run.center.judgement.incidents.open()
    assert [incident.place["id"] for incident in incidents] == ["feeder:01_1"]


def test_the_operator_can_end_the_outage(setup: Setup, handled: Finished) -> None:
    """Reclosing fails while the fault persists and works when it is gone; the lamps return and the incident is resolved."""
    commands = list(handled.run.center.judgement.commands.by_id.values())
    assert [(c.type, c.state) for c in commands] == [("feeder_reclose", "failed"), ("feeder_reclose", "done")]
    assert handled.run.city.world.power.feeder_on.all()
    assert handled.run.center.judgement.incidents.get("INC-00001").state == "resolved"


@pytest.mark.slow
def test_a_run_folder_executes_again_to_the_same_digests(setup: Setup, handled: Finished, tmp_path: Path) -> None:
    """Header, inputs, journal and world log are enough to come to the same run."""
    folder = setup.create(tmp_path, "kept")
    kept = run_headless(setup, commands=Commands(session()), out=folder)
    assert kept.result["digest"] == handled.result["digest"] == folder.result()["digest"]
    again = run_headless(of_run(folder), commands=commands_of(folder))
    assert again.result["digest"] == kept.result["digest"]


def test_altered_inputs_of_a_run_are_noticed(setup: Setup, tmp_path: Path) -> None:
    """What is executed is what the header names, or nothing."""
    folder = setup.create(tmp_path, "altered")
    path = folder.path / "inputs" / "scenario.yaml"
    path.write_text(path.read_text().replace("2 min", "3 min"))
    with pytest.raises(RunError, match="the kept scenario is not what the header names"):
        of_run(folder)


def test_changes_are_told_as_they_come(setup: Setup) -> None:
    """Whoever watches a run sees each change once, in order."""
    seen: list[Any] = []
    run_headless(setup, until_ms=300_000, watch=seen.extend)
    opened = [c for c in seen if isinstance(c, IncidentChange) and c.entry["kind"] == "opened"]
    assert len(opened) == 1 and [c.now_ms for c in seen] == sorted(c.now_ms for c in seen)
