"""What can be done with a run afterwards: verify, report, branch."""

from pathlib import Path
from typing import Any

import pytest

from ops_center.events import JudgementCommand
from ops_center.recorder import segments
from scenarios.run_ops import branch, branch_executed, changes_of, last_barrier_ms, report, show, verify
from scenarios.runner import Commands, commands_of, run_headless
from scenarios.runs import RunError, RunFolder
from scenarios.setup import Setup, prepare
from scenarios.transcript import transcript

SCENARIO = Path(__file__).with_name("short_blackout.yaml")
FEEDER = {"kind": "feeder", "id": "feeder:01_1"}


def _command(seq: int, at_s: int, type_: str, on: str, /, **params: Any) -> JudgementCommand:
    return JudgementCommand(f"c-{seq}", type_, on, at_s * 1_000, seq, "operator", params)


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The short blackout."""
    return prepare(SCENARIO, seed=7)


@pytest.fixture(scope="module")
def kept(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with a folder in which the operator ends the outage."""
    commands = [
        _command(1, 300, "acknowledge", "INC-00001"),
        _command(2, 420, "world", "feeder:01_1", type="feeder_reclose", target=FEEDER, params={}, incident_id="INC-00001"),
    ]
    folder = setup.create(tmp_path_factory.mktemp("data") / "runs", "kept")
    run_headless(setup, commands=Commands(commands), out=folder)
    return folder


@pytest.mark.slow
def test_a_run_verifies(kept: RunFolder) -> None:
    """Executed again from header and commands, the record comes to the same digests."""
    verdict = verify(kept)
    assert verdict.holds and verdict.same is True and verdict.executed == verdict.recorded == kept.result()["digest"]


@pytest.mark.slow
def test_the_report_says_what_happened_and_what_was_met(kept: RunFolder) -> None:
    """Truth beside judgement, computed again: detected, acknowledged, reclosed in time, one incident."""
    document = report(kept)
    outage = next(row for row in document["truth"] if row["kind"] == "feeder_outage")
    assert outage["detected_by"] == "FeederLoss" and 0 < outage["detected_after_ms"] <= 60_000
    assert outage["acknowledged_ms"] == 300_000 and outage["end_ms"] is not None
    met = {e["id"]: e["met"] for e in document["expectations"]}
    assert met == {"found": True, "taken": True, "reclosed": True, "light": True, "one_incident": True}
    assert document["score"]["earned"] == document["score"]["possible"] == 250
    assert document["digest"] == kept.result()["digest"]
    text = transcript(document)
    assert "T+00:02:00 truth    feeder_outage at feeder:01_1 (Secret breaker trip); FeederLoss after" in text


@pytest.mark.slow
def test_expectations_that_nobody_meets_are_not_met(setup: Setup, tmp_path: Path) -> None:
    """Without an operator the same scenario is detected, and nothing else."""
    folder = setup.create(tmp_path, "idle")
    run_headless(setup, out=folder)
    met = {e["id"]: e["met"] for e in report(folder)["expectations"]}
    assert met == {"found": True, "taken": False, "reclosed": False, "light": False, "one_incident": True}


@pytest.mark.slow
def test_a_branch_goes_another_way_from_the_same_past(setup: Setup, kept: RunFolder) -> None:
    """Before the fork everything is the same, what came later is not there, and the original is untouched."""
    before = {p: p.read_bytes() for p in kept.path.rglob("*") if p.is_file()}
    forked = branch(kept, 350_500)
    assert forked.header().parent == "kept" and forked.header().fork_at_ms == last_barrier_ms(forked) == 350_000
    assert [c.type for c in commands_of(forked).judgement] == ["acknowledge"]
    past = [change for change in changes_of(kept) if change.now_ms <= 350_000]
    assert changes_of(forked) == past
    assert {p: p.read_bytes() for p in kept.path.rglob("*") if p.is_file()} == before
    assert forked.result()["digest"] == run_headless(setup, commands=commands_of(forked), until_ms=350_000).result["digest"]
    with pytest.raises(RunError, match="it cannot be forked at"):
        branch(kept, 10_000_000)


@pytest.mark.slow
def test_a_branch_with_all_that_was_done_is_the_same_run(kept: RunFolder) -> None:
    """Executed with the later commands it comes to the digests of its parent."""
    whole = branch_executed(kept, 350_000, run_id="whole")
    assert whole.result()["digest"] == kept.result()["digest"] and whole.header().parent == "kept"


def test_show_says_who_did_what(kept: RunFolder) -> None:
    """Without executing anything."""
    document = show(kept)
    assert [c["type"] for c in document["commands"]] == ["acknowledge", "world"]
    assert [e["type"] for e in document["world"]] == ["feeder_reclose"]


def test_a_damaged_record_does_not_verify(setup: Setup, tmp_path: Path) -> None:
    """A flipped bit in the recorded stream is found."""
    folder = setup.create(tmp_path, "damaged")
    run_headless(setup, out=folder, until_ms=180_000)
    path = segments(folder.path / "wire")[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert not verify(folder).holds
