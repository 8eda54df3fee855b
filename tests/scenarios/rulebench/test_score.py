"""A score over seeds: what it counts, that nothing in it depends on how it was worked out, and what it refuses."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ops_center.rules.replay import replay
from scenarios.claims import Claim, read_claims, sidecars_of
from scenarios.rulebench import tally as tallying
from scenarios.rulebench.recording import kinds_read, record
from scenarios.rulebench.score import document, notes
from scenarios.rulebench.sight import Reader, seen_by, sights
from scenarios.rulebench.tally import Job, RuleSet, phase_of, settings_of, tallies, tally_of
from scenarios.setup import prepare
from scenarios.yaml_tree import BadFile

sys.path.insert(0, str(Path(__file__).parent.parent))
from cli_kit import cityops

HERE = Path(__file__).parent
SCENARIO, RULES = HERE / "small_troubles.yaml", HERE / "loops.yml"
COMMON = ("rules", "score", RULES, "--scenario", SCENARIO)


def rules_of(text: str = "", **claims: Claim) -> RuleSet:
    return RuleSet((("r.yml", text or RULES.read_text()),), claims or read_claims(sidecars_of([RULES])))


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The score of three seeds, and the folder in which its work is kept."""
    data = tmp_path_factory.mktemp("data")
    said = cityops(*COMMON, "--seeds", 3, "--workers", 1, "--data", data, "--json")
    assert said.status == 0, said.err
    return said, data


@pytest.mark.slow
def test_a_score_counts_what_its_runs_did(scored: Any) -> None:
    """Every rate is what its counts say, every count is a sum over the runs, every alarm has a verdict."""
    found = scored[0].document
    assert found["format"] == "cityops-score/1" and [run["seed"] for run in found["runs"]] == [7, 8, 9]
    assert found["operator_hours"] == pytest.approx(3 * 16 / 60)
    overall, by = found["overall"], {row["alert"]: row for row in found["by_alert"]}
    assert overall["alarms"] == sum(run["alarms"] for run in found["runs"]) == sum(row["alarms"] for row in by.values())
    assert overall["false_alarms"] == sum(row["verdicts"].get("false", 0) for row in by.values()) == len(found["false_alarms"])
    for row in by.values():
        assert sum(row["verdicts"].values()) == row["alarms"]
        assert row["events"] == sum(row[name] for name in ("detected", "late", "missed", "open", "out_of_sight"))
        if row["claim"]:
            asked = row["detected"] + row["late"] + row["missed"]
            rate = row["figures"]["detection_rate"]["value"]
            assert rate == (pytest.approx(row["detected"] / asked, rel=1e-5) if asked else None)
            hours = row["verdicts"].get("false", 0) / found["operator_hours"]
            assert row["figures"]["false_alarms_per_operator_hour"]["value"] == pytest.approx(hours, rel=1e-5)
            far = row["verdicts"].get("false", 0) / row["decisions"]
            assert row["figures"]["false_alarm_rate"]["value"] == pytest.approx(far, rel=1e-5)
    assert by["FeederLoss"]["detected"] == 3 and by["FeederLoss"]["figures"]["detection_rate"]["value"] == 1.0
    assert by["NobodySaysWhat"]["claim"] is None and by["NobodySaysWhat"]["verdicts"] == {"unclaimed": 3}
    assert found["without_claim"] == ["NobodySaysWhat"]
    assert by["RoadEmpty"]["verdicts"].get("false", 0) > 0, "nothing closes a road here: all of these are false"
    assert sum(cause["count"] for cause in found["causes"]) == overall["false_alarms"]
    assert all(alarm["cause"]["vi"] and alarm["cause"]["en"] for alarm in found["false_alarms"])


def test_each_false_alarm_is_explained_by_what_was_so(scored: Any) -> None:
    """In this scenario detectors of empty roads raise alarms; those of the dead and lying ones name them."""
    found = scored[0].document
    incidents = {(row["scenario"], row["seed"], row["event_id"]) for row in found["incidents"]}
    assert incidents
    for alarm in found["false_alarms"]:
        assert ("event_id" in alarm["cause"]) == (alarm["cause"]["cause"] not in ("congestion", "queue", "people", "unexplained"))


def test_time_to_detect_depends_on_the_phase_that_the_seed_draws(scored: Any) -> None:
    """A blackout is seen between the report and the next evaluation: seeds differ, none is slower than report and interval."""
    found = scored[0].document
    after = [row["after_ms"] for row in found["incidents"] if row["kind"] == "feeder_outage"]
    assert len(after) == 3 and len(set(after)) == 3 and all(0 < ms <= 60_000 for ms in after)
    assert phase_of(7)("a/r.yml", "power", 30_000) == phase_of(7)("b/s.yml", "power", 30_000), "a file is no part of it"
    phases = {phase_of(seed)("r.yml", "power", 30_000) for seed in range(50)}
    assert len(phases) > 40 and all(0 <= ms < 30_000 for ms in phases)


@pytest.mark.slow
def test_workers_change_nothing(scored: Any, tmp_path: Path) -> None:
    """Two processes, without anything kept, come to the same document to the last digit."""
    said = cityops(*COMMON, "--seeds", 3, "--workers", 2, "--no-cache", "--data", tmp_path, "--json")
    assert said.status == 0, said.err
    assert said.document == scored[0].document
    assert list(tmp_path.rglob("*.json")) == []


def test_a_score_goes_on_where_it_was_stopped(scored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was scored is not simulated again, and a damaged tally is made anew from its recording."""
    said, data = scored
    asked: list[int] = []

    def refuse(*_: Any, **__: Any) -> Any:
        asked.append(1)
        return record_again(*_, **__)

    record_again = tallying.recording
    monkeypatch.setattr(tallying, "recording", refuse)
    again = cityops(*COMMON, "--seeds", 3, "--workers", 1, "--data", data, "--json")
    assert again.document == said.document and asked == []
    kept = sorted((data / "cache" / "tallies").iterdir())
    assert len(kept) == 3
    kept[0].write_text('{"alarms": ')
    kept[1].write_text("[]")
    again = cityops(*COMMON, "--seeds", 3, "--workers", 1, "--data", data, "--json")
    assert again.document == said.document and asked == [1, 1]


def test_a_score_is_written_and_said(scored: Any, tmp_path: Path) -> None:
    """For people in lines, for programs in a file; progress goes elsewhere."""
    said = cityops(*COMMON, "--seeds", 3, "--workers", 1, "--data", scored[1], "--out", tmp_path / "out")
    assert said.status == 0
    assert json.loads((tmp_path / "out" / "score.json").read_text()) == scored[0].document
    assert "FeederLoss: 3 detected of 3" in said.out and "detection rate" in said.out and "false alarms from" in said.out
    assert "score: 3 of 3 runs" in said.err and "no claim: NobodySaysWhat" in said.err


@pytest.mark.slow
def test_a_tally_over_the_kinds_that_are_read_is_that_over_all() -> None:
    """Leaving kinds out changes neither firings nor what they are about."""
    setup, rules = prepare(SCENARIO), rules_of()
    files = rules.loaded()
    kinds = kinds_read(files, setup.kinds)
    assert kinds == ("feeder_meter", "loop_detector")
    some, every = tally_of(record(setup, kinds), files, rules), tally_of(record(setup), files, rules)
    assert some.pop("kinds") == list(kinds) and len(every.pop("kinds")) == len(setup.kinds)
    assert some == every


@pytest.mark.slow
def test_a_job_scores_several_rule_sets_on_one_recording(tmp_path: Path) -> None:
    """Each gets what it would have got alone."""
    other = rules_of(RULES.read_text().replace("< 15", "< 25"))
    both = tallies(Job(str(SCENARIO), 7, (rules_of(), other), cache=tmp_path))
    alone = [tallies(Job(str(SCENARIO), 7, (one,)))[0] for one in (rules_of(), other)]
    assert both == alone and both[0] != both[1]
    assert len(list((tmp_path / "recordings").iterdir())) == 1


@pytest.mark.slow
def test_rules_with_names_of_their_own_score_alike(tmp_path: Path) -> None:
    """Behind a mapping, rules in another city's words and units catch, raise and explain what the same rules in ours do."""
    mapping = tmp_path / "names.yml"
    mapping.write_text("""
metric_relabel_configs:
- {source_labels: [__name__], regex: traffic_speed_kmh, target_label: __name__, replacement: detector_speed_mps}
- {source_labels: [__name__, road], regex: 'detector_speed_mps;(.+)', target_label: street, replacement: $1}
- {source_labels: [__name__], regex: detector_speed_mps, action: keep}
- {regex: road, action: labeldrop}
values:
- {metric: detector_speed_mps, scale: 0.2777777777777778}
""")
    text = "groups: [{{name: g, rules: [{{alert: Slow, expr: 'avg by ({}) (avg_over_time({}[2m])) < {}', for: 30s}}]}}]"
    ours = rules_of(text.format("road", "traffic_speed_kmh", 14.4), Slow=Claim(("traffic_incident",), "road", "link", 600_000))
    theirs = rules_of(
        text.format("street", "detector_speed_mps", 4), Slow=Claim(("traffic_incident",), "street", "link", 600_000)
    )
    mine = tallies(Job(str(SCENARIO), 7, (ours,)))[0]
    other = tallies(Job(str(SCENARIO), 7, (theirs,), mapping=mapping))[0]
    assert other["alerts"] == mine["alerts"] and other["incidents"] == mine["incidents"] and mine["incidents"]
    assert [a["fired_ms"] for a in other["alarms"]] == [a["fired_ms"] for a in mine["alarms"]]
    causes = [[(a["fired_ms"], a["cause"] and a["cause"]["cause"]) for a in tally["alarms"]] for tally in (mine, other)]
    assert causes[0] == causes[1] and any(cause not in (None, "unexplained") for _, cause in causes[0])
    assert other["kinds"] == mine["kinds"] == ["loop_detector"], "what nobody reads need not be simulated"


def test_what_an_alert_sees_is_what_is_behind_its_rules() -> None:
    """Through recorded series, without the city's static ones; a selector on what is recorded narrows what is behind."""
    text = """
groups:
- name: g
  rules:
  - {record: 'd:up', expr: 'sensor_up unless sensor_info{kind="door"}'}
  - {alert: Camera, expr: 'd:up{kind="camera"} == 0'}
  - {alert: Road, expr: 'avg by (road) (traffic_speed_kmh) * on (road) group_left () road_adjacent < 5'}
  - {alert: After, expr: 'count(ALERTS{alertname="Camera"}) > 1'}
"""
    rules = rules_of(
        text, Camera=Claim(("device_fault",), "device_id", "device", 1), Road=Claim(("flood",), "road", "link", 1),
        After=Claim(("fire",), "building", "building", 1),
    )  # fmt: skip
    files, made = rules.loaded(), record(prepare(SCENARIO), ("camera", "loop_detector"))
    found = sights(seen_by(files, made.store, ["road_adjacent"], rules.claims), {("r.yml", "g"): 10})
    cameras = [name for name in made.city.devices.id if name.startswith("camera")]
    assert found["Camera"].places == frozenset(cameras) and found["Camera"].sensors == len(cameras)
    assert found["Camera"].decisions == 10 * len(cameras)
    roads = {dict(labels)["road"] for labels in Reader(files, made.store, ["road_adjacent"]).series(files[0].groups[0].rules[2])}
    assert found["Road"].places == frozenset(roads) and len(roads) < len(made.city.links.id)
    assert found["After"].places is None and found["After"].sensors == len(cameras) and found["After"].decisions == 10


def test_evaluations_are_counted_as_the_replay_makes_them() -> None:
    """From the end of the warm-up: a decision for each road at each evaluation."""
    setup, rules = prepare(SCENARIO), rules_of()
    made, files = record(setup, ("feeder_meter", "loop_detector")), rules.loaded()
    tally, settings = tally_of(made, files, rules), settings_of(made)
    counted = {}
    for name, group in ((g.name, g) for file in files for g in file.groups):
        phase = settings.phase("r.yml", name, group.interval_ms or 0)
        counted[name] = sum(
            made.warm_up_ms <= at <= made.until_ms for at in range(phase, made.until_ms + 1, group.interval_ms or 1)
        )
    assert tally["alerts"]["FeederLoss"]["decisions"] == counted["power"] * tally["alerts"]["FeederLoss"]["places"]
    assert tally["alerts"]["RoadSlow"]["decisions"] == counted["traffic"] * tally["alerts"]["RoadSlow"]["places"]
    assert replay(files, made.store, 0, made.until_ms, settings).errors == {}


def test_nothing_to_detect_is_said() -> None:
    """A rule whose truth never happens can be scored for false alarms; a rule that fails is named."""
    rules = rules_of(
        "groups: [{name: g, rules: [{alert: A, expr: 'traffic_speed_kmh < 0'}]}]", A=Claim(("fire",), "road", "link", 1)
    )
    found = document(tallies(Job(str(SCENARIO), 7, (rules,))), rules)
    assert found["overall"]["events"] == 0 and found["overall"]["figures"]["detection_rate"]["value"] is None
    assert notes(found) == [
        "nothing that an alert claims happens in small_troubles: detection cannot be scored, false alarms can"
    ]
    rules = rules_of("groups: [{name: g, rules: [{alert: A, expr: 'feeder_energised + on() traffic_speed_kmh'}]}]")
    assert notes(document(tallies(Job(str(SCENARIO), 7, (rules,))), rules))[0].startswith("rule A failed: ")


# -- what is refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seeds", 0), "--seeds is 0; expected 1 to 10000"),
        (("--seeds", -3), "--seeds is -3; expected 1 to 10000"),
        (("--scenario", "nowhere"), "nowhere:1:1: there is no such file; expected a scenario file or one of"),
        (("--scenario", SCENARIO), "stands twice"),
        (("--compat", "4.x"), "expected 2.x or 3.x"),
        (("--sidecar", HERE / "none.truth.yaml"), "none.truth.yaml:1:1: the sidecar cannot be read"),
    ],
)
def test_bad_arguments_are_refused(arguments: tuple[object, ...], said: str) -> None:
    """In one line, before anything runs."""
    found = cityops(*COMMON, "--seeds", 1, *arguments)
    assert found.status == 2 and said in found.err and "Traceback" not in found.err


@pytest.mark.parametrize(
    ("claim", "at", "said"),
    [
        ("RoadSlo: {truth: [fire], label: road, place: link, detect_within_s: 1}", "3:3", "expected 'RoadSlow'?"),
        ("RoadSlow: {truth: [fires], label: road, place: link, detect_within_s: 1}", "3:21", "expected 'fire'?"),
        ("RoadSlow: {truth: [fire], label: road, place: street, detect_within_s: 1}", "3:49", "place is 'street'"),
        ("RoadSlow: {truth: [fire], label: road, place: link}", "3:13", "expected truth, label, place"),
        ("RoadSlow: {truth: fire, label: road, place: link, detect_within_s: 1}", "3:13", "expected truth, label"),
        ("RoadSlow: {truth: [fire], label: road, place: link, detect_within_s: 0}", "3:72", "expected above 0"),
        ("RoadSlow: {truth: [fire], label: r, place: link, detect_within_s: 1, clear: 3}", "3:72", "key 'clear' is unknown"),
        ("RoadSlow: [1, 2]", "3:13", "claim 'RoadSlow' is [1, 2]"),
        ("RoadSlow: {truth: [fire], label: r, place: link, detect_within_s: 1, only: 3}", "3:13", "claim 'RoadSlow' is"),
    ],
)  # fmt: skip
def test_a_bad_sidecar_is_refused_with_its_place(tmp_path: Path, claim: str, at: str, said: str) -> None:
    """The line and column of what is wrong."""
    sidecar = tmp_path / "a.truth.yaml"
    sidecar.write_text(f"format: cityops-truth/1\nalerts:\n  {claim}\n")
    found = cityops(*COMMON, "--seeds", 1, "--sidecar", sidecar)
    assert found.status == 2 and f"{sidecar}:{at}: " in found.err and said in found.err


def test_sidecars_of_two_files_must_not_claim_one_alert(tmp_path: Path) -> None:
    """Whoever reads a score could not say which claim it is of."""
    for name in ("a", "b"):
        shutil.copy(RULES, tmp_path / f"{name}.yml")
        shutil.copy(RULES.with_suffix(".truth.yaml"), tmp_path / f"{name}.truth.yaml")
    found = cityops("rules", "score", tmp_path, "--scenario", SCENARIO, "--seeds", 1)
    assert found.status == 2 and "a second claim of the alert 'RoadSlow'; expected one" in found.err
    with pytest.raises(BadFile, match="format is 'x'"):
        (tmp_path / "c.truth.yaml").write_text("format: x\nalerts: {}\n")
        read_claims([tmp_path / "c.truth.yaml"])


def test_rules_without_an_alert_are_refused(tmp_path: Path) -> None:
    """There is nothing to score."""
    (tmp_path / "a.yml").write_text("groups: [{name: g, rules: [{record: a, expr: '1'}]}]")
    found = cityops("rules", "score", tmp_path / "a.yml", "--scenario", SCENARIO, "--seeds", 1)
    assert found.status == 2 and "there is no alert in the rule files" in found.err
