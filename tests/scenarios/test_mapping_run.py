"""A rule file of another city runs here unedited: its names are mapped, its alerts come, and the run can be executed again."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops_center.events import AlertChange, Change
from scenarios.runner import run_headless
from scenarios.setup import prepare
from tests.scenarios.cli_kit import SHORT, cityops

PORTMERE = Path(__file__).with_name("portmere")
RULES, NAMES = PORTMERE / "rules.yml", PORTMERE / "names.yml"


@pytest.mark.slow
def test_a_run_keeps_its_mapping_and_verifies_with_it(tmp_path: Path) -> None:
    """The header names the mapping by its content; `verify` executes the run again with it, and refuses another one."""
    said = cityops(
        "run", SHORT, "--headless", "--rules", RULES, "--mapping", NAMES, "--until", "4 min", "--data", tmp_path, "--json"
    )
    assert said.status == 0, said.err
    run = Path(said.document["path"])
    assert list(json.loads((run / "header.json").read_bytes())["mapping"]) == ["names.yml"]
    report = cityops("runs", "report", said.document["run_id"], "--data", tmp_path)
    assert "CircuitDead" in report.out
    assert cityops("runs", "verify", said.document["run_id"], "--data", tmp_path).status == 0
    kept = run / "inputs" / "mapping" / "names.yml"
    kept.write_text(kept.read_text().replace("0.62", "0.63"))
    again = cityops("runs", "verify", said.document["run_id"], "--data", tmp_path)
    assert again.status == 1 and "the kept mapping is not what the header names" in again.err


@pytest.mark.slow
def test_without_its_mapping_the_same_rules_are_silent(tmp_path: Path) -> None:
    """It is the mapping that makes them speak, not a name that happens to be there."""
    said = cityops("run", SHORT, "--headless", "--rules", RULES, "--until", "4 min", "--data", tmp_path, "--json")
    report = cityops("runs", "report", said.document["run_id"], "--data", tmp_path)
    assert "CircuitDead" not in report.out


@pytest.mark.parametrize("command", ["run", "demo", "serve"])
def test_a_bad_mapping_is_refused_before_anything_starts(command: str, tmp_path: Path) -> None:
    """Status 2 and the place in the file."""
    bad = tmp_path / "names.yml"
    bad.write_text("metric_relabel_configs:\n- action: rename\n")
    words = {"run": ["run", SHORT, "--headless"], "demo": ["demo", SHORT, "--no-browser"], "serve": ["serve"]}[command]
    said = cityops(*words, "--mapping", bad, "--data", tmp_path / "data")
    assert said.status == 2 and said.err.startswith(f"{bad}:2:11: action: saw 'rename'")


def firing(scenario: str, minutes: int) -> list[AlertChange]:
    """What began to fire in a scenario under Portmere's rules and names."""
    setup = prepare(scenario, rules=[RULES], mapping=NAMES)
    seen: list[AlertChange] = []

    def watch(changes: Sequence[Change]) -> None:
        seen.extend(c for c in changes if isinstance(c, AlertChange) and c.after == "firing")

    run_headless(setup, until_ms=setup.scenario.warm_up + minutes * 60_000, watch=watch)
    return [c for c in seen if c.now_ms >= setup.scenario.warm_up]


@pytest.mark.slow
def test_portmere_sees_the_blackout_with_its_own_words() -> None:
    """The feeder trips at T+12: the circuit of that feeder, by Portmere's number, is dead at the second look, and no other."""
    dead = [c for c in firing("feeder_blackout", 13) if c.alert["name"] == "CircuitDead"]
    assert [c.alert["labels"]["circuit"] for c in dead] == ["20/1"]
    labels = dead[0].alert["labels"]
    assert (
        labels["instance"] == "meter:20_1" and labels["job"] == "feeder_meter" and "feeder" not in labels and "kind" not in labels
    )


@pytest.mark.slow
def test_portmere_sees_the_crash_and_the_jam_in_miles_per_hour() -> None:
    """The crash is seen within two minutes; links that jam are told in mph, which is below the threshold of the rule."""
    seen = firing("rush_hour_crash", 12)
    assert [c.alert["labels"]["instance"] for c in seen if c.alert["name"] == "VehicleStopped"] == ["camera:node_0033"]
    jammed = [c.alert for c in seen if c.alert["name"] == "LinkJammed"]
    assert jammed and all("link" in alert["labels"] and alert["value"] < 6.0 for alert in jammed)


@pytest.mark.slow
def test_portmere_is_scored_with_its_own_rules() -> None:
    """Its alert has no label of a feeder; that of its device, which `instance` names, says where: the blackout is detected."""
    said = cityops("rules", "score", RULES, "--mapping", NAMES, "--scenario", SHORT, "--seeds", 2, "--no-cache", "--json")
    assert said.status == 0, said.err
    (dead,) = [row for row in said.document["by_alert"] if row["alert"] == "CircuitDead"]
    assert (dead["events"], dead["detected"], dead["verdicts"]) == (2, 2, {"detection": 2})
