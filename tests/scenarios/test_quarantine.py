"""Quarantine from command to judgement: rules no longer see the device, and nobody takes it for silent."""

from pathlib import Path

import pytest

from ops_center.events import Change, JudgementCommand
from scenarios.debrief import gather
from scenarios.runner import HeadlessRun
from scenarios.setup import prepare
from tests.scenarios.test_rulepack_pipeline import SCENARIO

CAMERA = "camera:node_0003"
MINUTE_MS = 60_000


def order(run: HeadlessRun, seq: int, state: str) -> None:
    world = {"type": "quarantine", "target": {"kind": "device", "id": CAMERA}, "params": {"state": state}}
    run.apply(JudgementCommand(f"c-{seq}", "world", CAMERA, run.now_ms, seq, "operator", world))


@pytest.mark.slow
def test_rules_ignore_a_device_in_quarantine(tmp_path: Path) -> None:
    """A frozen camera alerts; in quarantine its alert goes and no other comes, not even that it is silent; let out while it
    still lies, it alerts again.
    """
    path = tmp_path / "proof.yaml"
    path.write_text(SCENARIO.format(start_at="2026-03-03T10:00:00+07:00"), encoding="utf-8")
    changes: list[Change] = []
    run = HeadlessRun(prepare(path), watch=changes.extend)
    run.advance(MINUTE_MS)
    run.inject("frozen", "deception", {"device": CAMERA, "way": "spoof"})
    run.advance(16 * MINUTE_MS)
    (firing,) = gather(changes).firings
    assert (firing.alert["name"], firing.cleared_ms) == ("ReadingsFrozen", None)
    order(run, 1, "on")
    run.advance(30 * MINUTE_MS)
    (firing,) = gather(changes).firings
    assert firing.cleared_ms is not None
    assert firing.cleared_ms < 20 * MINUTE_MS
    order(run, 2, "off")
    run.advance(46 * MINUTE_MS)
    assert [f.alert["name"] for f in gather(changes).firings] == ["ReadingsFrozen"] * 2
