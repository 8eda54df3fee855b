"""Triggers: a scenario answers the world and what people do, and a run executed again answers the same."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops_center.events import JudgementCommand
from scenarios.claims import Claim, PlaceNames
from scenarios.load import load
from scenarios.run_ops import report, report_of
from scenarios.runner import Commands, Finished, commands_of, run_headless
from scenarios.runs import RunFolder
from scenarios.setup import Setup, of_run, prepare
from scenarios.triggers import Triggers
from scenarios.variants import alternatives, picks_of
from simulator.cities import catalogue
from simulator.truth import Place, TruthLog
from simulator.world import World

TRIGGERED = Path(__file__).parent / "triggered.yaml"
WARM_MS = 30_000


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The scenario that answers."""
    return prepare(TRIGGERED)


def deeds(setup: Setup) -> list[JudgementCommand]:
    """Acknowledge after 100 s of T+0, reclose 40 s later."""
    feeder = setup.scenario.timeline[0].params["feeder"]
    world = {"type": "feeder_reclose", "target": {"kind": "feeder", "id": feeder}, "params": {}}
    return [
        JudgementCommand("c-1", "acknowledge", "INC-00001", WARM_MS + 100_000, 1, "An"),
        JudgementCommand("c-2", "world", f"feeder:{feeder}", WARM_MS + 140_000, 2, "An", world),
    ]


def fired(done: Finished) -> dict[str, int]:
    """Return what was fired when, in ms from T+0."""
    return {row["id"]: row["now_ms"] - WARM_MS for row in done.run.city.fired}


def met(done: Finished, changes: list[Any]) -> dict[str, Any]:
    return {e["id"]: e["met"] if e["applies"] else "-" for e in report_of(done.run, changes)["expectations"]}


@pytest.mark.slow
def test_nobody_answers_and_the_scenario_goes_its_own_way(setup: Setup) -> None:
    """What people have not done comes two minutes after the outage; what waits for them never does and does not count."""
    changes: list[Any] = []
    done = run_headless(setup, watch=changes.extend)
    outage_ms = setup.scenario.timeline[0].at
    assert fired(done) == {"outage": outage_ms, "thief": outage_ms + 120_000}
    assert [name for name, _ in done.run.city.triggers.phases] == ["darkness"]
    seen = met(done, changes)
    assert (seen["no_thief"], seen["caught"], seen["helped"], seen["calm"], seen["light"]) == (False, True, "-", True, False)


@pytest.mark.slow
def test_what_is_missing_after_a_phase_comes(tmp_path: Path) -> None:
    """A trigger may count from a phase, as expectations do: nobody is sent within 30 s of the darkness, then it fires."""
    lost = """
  - id: lost
    when: {kind: command, command: dispatch, missing_for: 30 s, of: darkness}
    inject: sos_press
    scored: false
expectations:"""
    path = tmp_path / "lost.yaml"
    path.write_text(TRIGGERED.read_text(encoding="utf-8").replace("\nexpectations:", lost, 1), encoding="utf-8")
    done = run_headless(prepare(path))
    at_ms = {name: at_ms - WARM_MS for name, at_ms in done.run.city.triggers.phases}
    assert fired(done)["lost"] == at_ms["darkness"] + 30_000


@pytest.mark.slow
def test_people_answer_and_the_scenario_answers_them(setup: Setup, tmp_path: Path) -> None:
    """An acknowledgement keeps the thief away and begins a phase, a reclosing ends the outage, and each brings what hangs on it.

    Executed again from header, commands and world log, also after a save and load in the middle, it is the same run.
    """
    changes: list[Any] = []
    folder = setup.create(tmp_path)
    done = run_headless(setup, commands=Commands(deeds(setup)), out=folder, watch=changes.extend)
    assert fired(done) == {"outage": setup.scenario.timeline[0].at, "second": 111_000, "light": fired(done)["light"]}
    assert [name for name, _ in done.run.city.triggers.phases] == ["darkness", "noticed", "restored"]
    seen = met(done, changes)
    assert (seen["no_thief"], seen["caught"], seen["helped"], seen["light"]) == (True, "-", True, True)
    again = of_run(RunFolder(folder.path))
    repeated = run_headless(again, commands=commands_of(folder), save_load_at=[WARM_MS + 105_000, WARM_MS + 145_000])
    assert repeated.result["digest"] == done.result["digest"]
    assert fired(repeated) == fired(done)
    assert report(folder)["expectations"] == report_of(done.run, changes)["expectations"]


@pytest.mark.slow
def test_the_seed_takes_the_variant_and_moves_the_timeline() -> None:
    """Another seed may take another place and another second; one seed always the same; `$name` stands for the choice."""
    loaded = [load(TRIGGERED, seed) for seed in range(1, 40)]
    feeders = {each.scenario.timeline[0].params["feeder"] for each in loaded}
    instants = {each.scenario.timeline[0].at for each in loaded}
    assert feeders == {"feeder:01_1", "feeder:02_1"}
    assert len(instants) > 10 and all(20_000 <= ms <= 60_000 and ms % 1_000 == 0 for ms in instants)
    assert load(TRIGGERED, 5).scenario == load(TRIGGERED, 5).scenario
    assert load(TRIGGERED).scenario == load(TRIGGERED, 3).scenario


def test_alternatives_hold_every_choice() -> None:
    """Three choices beside two: three rounds see all of them."""
    data = {"variants": [{"id": "a", "choices": [{}, {}, {}]}, {"id": "b", "choices": [{}, {}]}]}
    rounds = alternatives(data)
    assert [r["a"] for r in rounds] == [0, 1, 2] and {r["b"] for r in rounds} == {0, 1}
    assert picks_of(data, 7) == picks_of(data, 7)


def test_the_debrief_says_what_was_hidden_and_what_was_chosen(setup: Setup) -> None:
    """Names in both languages where people read; the choice of the seed; the hidden truth with its instant."""
    changes: list[Any] = []
    done = run_headless(setup, until_ms=WARM_MS + 90_000, watch=changes.extend)
    document = report_of(done.run, changes)
    outage_ms = WARM_MS + setup.scenario.timeline[0].at
    assert document["hidden"] == [{"text": {"vi": "Cáp bị cắt", "en": "The cable was cut"}, "of": "outage", "at_ms": outage_ms}]
    assert document["variants"][0]["values"]["feeder"] == setup.scenario.timeline[0].params["feeder"]
    found = next(e for e in document["expectations"] if e["id"] == "found")
    assert found["detail"]["vi"].startswith("Máy cắt nhảy – Xuất tuyến") and "feeder:" not in found["detail"]["en"]


BLOCKED = """\
name: blocked
title: {vi: "Tắc", en: Blocked}
description: {vi: "Một vụ va chạm", en: A crash}
city: small
start_at: "2026-03-03T07:00:00+07:00"
duration: 30 min
seed: 1
ordinary_life: false
timeline:
  - {at: 1 min, id: blocked, inject: crash, title: {vi: "Va chạm", en: A crash}}
triggers:
  - {id: praise, when: {kind: acknowledged, of: blocked}, phase: noticed}
"""


@pytest.mark.parametrize(("where", "noticed"), [("its own", True), ("behind", True), ("beyond", False)])
def test_who_acknowledges_the_queue_has_acknowledged_its_cause(tmp_path: Path, where: str, noticed: bool) -> None:
    """An alert on a road that leads into the blocked one is about it, as in the debrief; one on a road beyond is not."""
    path = tmp_path / "blocked.yaml"
    path.write_text(BLOCKED, encoding="utf-8")
    city, truth = catalogue.get("small"), TruthLog()
    road = city.links.id[0]
    behind = PlaceNames(city).behind([road])
    beyond = next(name for name in city.links.id if name not in {road, *behind})
    claim = Claim(("traffic_incident",), "road", "link", 600_000)
    world = cast("World", SimpleNamespace(city=city, truth=truth))
    triggers = Triggers(load(path).scenario, world, lambda *_: None, lambda: {"RoadBlocked": claim})
    triggers.began("blocked", truth.begin("traffic_incident", Place("link", road), 60_000))
    alert_road = {"its own": road, "behind": behind[0], "beyond": beyond}[where]
    alert = {"name": "RoadBlocked", "labels": {"road": alert_road}, "fired_ms": 200_000}
    triggers.did("acknowledged", "INC-00001", 210_000, {"alerts": [alert]})
    triggers.step(211_000)
    assert [name for name, _ in triggers.phases] == (["noticed"] if noticed else [])
