"""Ordinary life raises no false alarm: what the center says there is true, or it says nothing."""

from pathlib import Path

import pytest

from ops_center.events import Change
from scenarios.load import LIBRARY
from scenarios.run_ops import report_of
from scenarios.runner import run_headless
from scenarios.setup import prepare

SCENARIO = """\
name: quiet
title: {{vi: "Bình thường", en: Quiet}}
description: {{vi: "Không có gì được dàn dựng", en: Nothing is scripted}}
city: small
start_at: "{start_at}"
duration: 2 h
warm_up: 10 min
weather: {weather}
seed: {seed}
ordinary_life: true
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start_at", "weather", "seed"),
    [
        ("2026-03-03T17:00:00+07:00", "clear", 14),  # evening peak and dusk
        ("2026-03-03T23:00:00+07:00", "clear", 12),  # lamps are dimmed, doors are closed, the last traffic goes home
        ("2026-03-03T05:00:00+07:00", "heavy_rain", 13),  # dawn, lamps go off; ten times as many harmless causes
    ],
    ids=["evening", "night", "wet dawn"],
)
def test_two_ordinary_hours_raise_no_false_alarm(tmp_path: Path, start_at: str, weather: str, seed: int) -> None:
    """Whatever fires in two hours of ordinary life is about something that is so."""
    path = tmp_path / "quiet.yaml"
    path.write_text(SCENARIO.format(start_at=start_at, weather=weather, seed=seed), encoding="utf-8")
    changes: list[Change] = []
    report = report_of(run_headless(prepare(path), watch=changes.extend).run, changes)
    assert report["complete"]
    assert report["unexplained_alerts"] == []
    assert any(row["kind"] == "nuisance" for row in report["truth"]), "nothing happened that could have been mistaken"


def test_the_ordinary_weekday_is_silent() -> None:
    """Its transcript, to which a slow test holds two hours of the whole city, tells of no false alarm."""
    lines = (LIBRARY / "ordinary_weekday.transcript").read_text(encoding="utf-8").splitlines()
    assert "unexplained alerts: 0" in lines
    expected = [line for line in lines if line.startswith("expected ")]
    assert len(expected) == 2 and all(": met" in line for line in expected)
