"""The scenarios that come with cityops: each can be read, fits its city, and goes as its transcript says."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from ops_center.events import JudgementCommand
from scenarios.checking import findings, known
from scenarios.lint import Known
from scenarios.load import LIBRARY, check_city, city_argument, library, load
from scenarios.references import commands_of
from scenarios.run_ops import report_of
from scenarios.runner import Commands, run_headless
from scenarios.schema import PEOPLE_CONDITIONS, json_schema
from scenarios.script import read_script
from scenarios.setup import prepare
from scenarios.transcript import transcript
from scenarios.transcripts import transcribed_ms
from sensors.kinds import load_kinds
from simulator.cities import catalogue
from simulator.city import City
from simulator.inject_catalogue import INJECTS

city = cache(catalogue.get)


def _city(name: str) -> City:
    return city(name)


@pytest.mark.slow
@pytest.mark.parametrize("path", library(), ids=lambda p: p.stem)
def test_a_library_scenario_fits_its_city(path: Path) -> None:
    """Every inject and place exists, both languages are there, and facts have sources."""
    loaded = load(path)
    check_city(loaded, _city(city_argument(loaded)), INJECTS, commands_of(load_kinds()))
    assert loaded.scenario.name == path.stem
    assert loaded.scenario.sources or loaded.scenario.assumptions
    assert path.with_suffix(".transcript").is_file()


STORIES = (
    "typhoon_landfall", "festival_night", "port_gate_jam", "expressway_pileup", "feeder_blackout", "false_signals",
    "dark_street_burglars", "industrial_fire", "rain_on_high_tide", "quiet_day", "alarm_flood", "convoy_and_ambulance",
)  # fmt: skip
LESSONS = ("one_lamp", "stopped_car", "crowd_band")


@pytest.mark.parametrize("name", STORIES + LESSONS)
def test_a_story_has_all_that_makes_it_one(name: str) -> None:
    """Sources, seeded variants, triggers on the state of the world and on what trainees do, truth that only the debrief tells, a
    palette, expectations, and both languages in every text.
    """
    scenario = load(LIBRARY / f"{name}.yaml").scenario
    assert scenario.sources and scenario.variants and scenario.hidden
    assert len(scenario.palette) >= 2 and len(scenario.expectations) >= 4
    kinds = {trigger.when.kind for trigger in scenario.triggers}
    assert kinds & {*PEOPLE_CONDITIONS} and kinds - {*PEOPLE_CONDITIONS}
    titles = [e.title for e in (*scenario.timeline, *scenario.expectations)]
    said = (*(h.text for h in scenario.hidden), *(s.fact for s in scenario.sources))
    texts = [*titles, scenario.title, scenario.description, *said]
    assert all(text is not None and text.vi and text.en and text.vi != text.en for text in texts)


def test_the_json_schema_beside_the_library_is_the_models() -> None:
    """Editors check what the loader checks."""
    kept = json.loads((LIBRARY / "scenario.schema.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(json_schema()))


@pytest.mark.parametrize("path", library(), ids=lambda p: p.stem)
def test_library_files_hold_by_the_json_schema(path: Path) -> None:
    """The schema says what the loader accepts."""
    data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    jsonschema.validate(data, json_schema())


def test_the_json_schema_refuses_what_the_loader_refuses() -> None:
    """A wrong unit and an unknown key are refused by the schema too."""
    data = YAML(typ="safe", pure=True).load(library()[0].read_text(encoding="utf-8"))
    for change in ({"duration": "10 minuts"}, {"seeds": 3}, {"weather": "snow"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(data | change, json_schema())


def _command(seq: int, minute: int, type_: str, on: str, /, **params: Any) -> JudgementCommand:
    at_ms = (10 + minute) * 60_000  # after ten minutes of warm-up
    return JudgementCommand(f"c-{seq}", type_, on, at_ms, seq, "operator", params)


@pytest.mark.slow
def test_the_blackout_can_be_ended_by_the_operator() -> None:
    """Acknowledge, send the electrician, reclose, close: every expectation is met, and it was one incident all along.

    Two lamps stay dead when supply is back; they are found as what they are.
    """
    feeder = {"kind": "feeder", "id": "feeder:20_1"}
    world = {"target": feeder, "incident_id": "INC-00001"}
    commands = [
        _command(1, 13, "acknowledge", "INC-00001"),
        _command(2, 14, "world", "feeder:20_1", type="feeder_reclose", params={}, **world),
        _command(3, 15, "world", "feeder:20_1", type="dispatch", params={"unit": "electrician"}, **world),
        _command(4, 40, "world", "feeder:20_1", type="feeder_reclose", params={}, **world),
        _command(5, 45, "close", "INC-00001", reason="Đã khôi phục", classification="true"),
    ]
    changes: list[object] = []
    done = run_headless(prepare("feeder_blackout"), commands=Commands(commands), watch=changes.extend)
    document = report_of(done.run, changes)
    assert [(c["type"], c["state"]) for c in document["commands"]] == [
        ("feeder_reclose", "failed"), ("dispatch", "done"), ("feeder_reclose", "done"),
    ]  # fmt: skip
    assert {e["id"]: e["met"] for e in document["expectations"]} == {e["id"]: True for e in document["expectations"]}
    places = [i["place"]["id"] for i in document["incidents"]]
    assert places[0] == "feeder:20_1" and len(places) == 3 and all(place.startswith("lamp:") for place in places[1:])
    dead = {e["place"]["id"] for e in document["truth"] if e["kind"] == "luminaire_failure"}
    assert dead >= set(places[1:])


@pytest.mark.parametrize("path", library(), ids=lambda p: p.stem)
def test_the_lint_finds_nothing_in_the_library(path: Path) -> None:
    """In no variant of any scenario: no dead trigger, nothing that nobody expects, nothing that cannot be met."""
    loaded = load(path)
    found, variants = findings(loaded, _city(city_argument(loaded)), _known(city_argument(loaded)))
    assert not found and variants >= 1


@cache
def _known(name: str) -> Known:
    return known(_city(name))


PLAYED = sorted(LIBRARY.glob("*.commands"))
OF_PEOPLE = ("acknowledged", "closed", "command_done")
AFTERWARDS_MS = 30 * 60_000


def test_every_story_with_a_part_for_people_is_played() -> None:
    """Beside every scenario that expects something of people lie the commands of a good operator."""
    with_people = {path.stem for path in library() if any(e.kind in OF_PEOPLE for e in load(path).scenario.expectations)}
    assert {path.stem for path in PLAYED} == with_people >= {*STORIES, *LESSONS}


@pytest.mark.parametrize("path", PLAYED, ids=lambda p: p.stem)
def test_nothing_that_people_should_do_is_met_without_them(path: Path) -> None:
    """In the transcript, where nobody does anything, no expectation of people is met."""
    lines = path.with_suffix(".transcript").read_text(encoding="utf-8").splitlines()
    ids = [e.id for e in load(path.with_suffix(".yaml")).scenario.expectations if e.kind in OF_PEOPLE]
    said = {line.split(":")[0].removeprefix("expected "): line.split(": ")[1] for line in lines if line.startswith("expected ")}
    assert all(said[id_].startswith(("not met", "open", "does not apply")) for id_ in ids)


@pytest.mark.slow
@pytest.mark.parametrize("path", PLAYED, ids=lambda p: p.stem)
def test_a_good_operator_meets_what_is_expected(path: Path) -> None:
    """Under the commands beside a scenario no expectation fails, from its beginning to half an hour after the last of them;
    what that does not reach is open. Something that is expected of people is met.
    """
    setup = prepare(path.with_suffix(".yaml"))
    scenario, script = setup.scenario, read_script(path, setup.scenario.warm_up)
    until_ms = min(scenario.total_ms, max(transcribed_ms(scenario), script[-1].at_ms + AFTERWARDS_MS))
    changes: list[object] = []
    done = run_headless(setup, commands=Commands(script), until_ms=until_ms, watch=changes.extend)
    met = {e["id"]: e["met"] for e in report_of(done.run, changes)["expectations"]}
    assert {id_: value for id_, value in met.items() if value is False} == {}
    assert sum(value is True for value in met.values()) >= 3
    assert any(met[e.id] for e in scenario.expectations if e.kind in OF_PEOPLE)


@pytest.mark.slow
@pytest.mark.parametrize("path", library(), ids=lambda p: p.stem)
def test_a_library_scenario_goes_as_its_transcript_says(path: Path) -> None:
    """A change to the story is seen in review: write transcripts anew with `python -m scenarios.transcripts`."""
    changes: list[object] = []
    setup = prepare(path)
    done = run_headless(setup, until_ms=transcribed_ms(setup.scenario), watch=changes.extend)
    seen = transcript(report_of(done.run, changes))
    assert seen == path.with_suffix(".transcript").read_text(encoding="utf-8")
