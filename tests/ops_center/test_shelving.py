"""Shelving: one alert, for a reason and a time; it stays visible, opens nothing meanwhile, and comes back by itself."""

from typing import Any

import pytest

from ops_center.alerts import Alert
from ops_center.events import JudgementCommand
from ops_center.judgement import Judgement
from ops_center.people import Refused
from ops_center.rules.alerting import Change as Transition

LABELS = {"alertname": "Chatter", "severity": "minor", "device_id": "d1", "scope": "device", "domain": "trust"}


def transition(after: str, at_ms: int) -> Transition:
    """The rule begins to fire, or ceases."""
    before = "inactive" if after == "firing" else "firing"
    return Transition("g", "Chatter", "f1", dict(LABELS), {}, 1.0, at_ms, at_ms, at_ms, before, after)


@pytest.fixture
def judged() -> Judgement:
    """A judgement in which one alert fires."""
    made = Judgement()
    made.transitions(0, [transition("firing", 0)])
    return made


def do(judged: Judgement, type_: str, at_ms: int, **params: Any) -> list[Any]:
    """Do what a person asks, if it may be done."""
    judged.check(type_, "f1", params)
    return judged.apply(JudgementCommand(f"c-{at_ms}", type_, "f1", at_ms, at_ms + 1, "An", params))


def alert_of(judged: Judgement) -> Alert:
    found = judged.alerts.get("f1")
    assert found is not None
    return found


def test_a_shelved_alert_says_why_and_comes_back(judged: Judgement) -> None:
    """Its timeline names who and why; while it is shelved a new firing opens nothing; afterwards it counts again."""
    changes = do(judged, "shelve", 15_000, until_s=600, reason="cảm biến hỏng")
    assert alert_of(judged).suppressed == "shelved: cảm biến hỏng"
    assert any(getattr(c, "entry", {}).get("kind") == "shelved" for c in changes)
    judged.transitions(30_000, [transition("inactive", 30_000)])
    judged.apply(JudgementCommand("c-x", "close", "INC-00001", 40_000, 9, "An", {"classification": "false"}))
    judged.transitions(60_000, [transition("firing", 60_000)])
    assert len(judged.incidents.open()) == 0 and alert_of(judged).condition == "firing"
    assert judged.tick(614_000) == []
    assert judged.tick(615_000) != []
    assert alert_of(judged).suppressed is None and len(judged.incidents.open()) == 1


def test_a_shelved_alert_is_taken_back_before_its_time(judged: Judgement) -> None:
    """Unshelving what is not shelved is refused; taken back, it fires in its incident."""
    with pytest.raises(Refused, match="is not shelved"):
        do(judged, "unshelve", 1_000)
    do(judged, "shelve", 2_000, until_s=600, reason="bảo trì")
    do(judged, "unshelve", 3_000)
    assert alert_of(judged).suppression == "none" and judged.tick(700_000) == []


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"reason": "because"}, "nothing is shelved without end"),
        ({"until_s": 10**6, "reason": "because"}, "expected 60 to 28800 s"),
        ({"until_s": True, "reason": "because"}, "until_s is True"),
        ({"until_s": 600, "reason": " "}, "expected why the alert may be kept quiet"),
    ],
)
def test_shelving_needs_a_reason_and_an_end(judged: Judgement, params: dict[str, Any], words: str) -> None:
    """Neither for ever nor for nothing."""
    with pytest.raises(Refused, match=words):
        do(judged, "shelve", 1_000, **params)


def test_shelved_alerts_are_saved_and_loaded(judged: Judgement) -> None:
    """A judgement that stands up again takes back at the same instant."""
    do(judged, "shelve", 1_000, until_s=60, reason="bảo trì")
    again = Judgement()
    again.restore(judged.snapshot())
    assert again.tick(60_999) == [] and again.tick(61_000) != []
