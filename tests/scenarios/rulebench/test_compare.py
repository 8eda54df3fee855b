"""Two rule sets on the same runs: what one catches more, earlier or with fewer alarms is said, and nothing else is."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from cli_kit import cityops

HERE = Path(__file__).parent
SCENARIO, RULES = HERE / "small_troubles.yaml", HERE / "loops.yml"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def compared(a: Path, b: Path, data: Path, *more: object) -> Any:
    common = ("--scenario", SCENARIO, "--seeds", 3, "--workers", 1, "--data", data)
    said = cityops("rules", "compare", a, b, *common, "--json", *more)
    assert said.status == 0, said.err
    return said.document


def changed(tmp_path: Path, *pairs: tuple[str, str]) -> Path:
    text = RULES.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "new.yml").write_text(text)
    return tmp_path / "new.yml"


@pytest.mark.slow
def test_the_same_rules_differ_in_nothing(data: Path) -> None:
    """Every difference is 0, every incident the same, no false alarm is of one alone."""
    found = compared(RULES, RULES, data)
    assert found["format"] == "cityops-compare/1" and found["changes"] == {"same": 6} and found["incidents"] == []
    assert found["false_alarms"]["only"] == {"a": 0, "b": 0} and found["false_alarms"]["both"] > 10
    for row in found["overall"].values():
        assert row["difference"]["value"] in (0.0, None) and row["a"] == row["b"]
    assert all(row["same"] for row in found["by_alert"])


def test_a_slower_rule_is_later_and_one_that_is_gone_loses(data: Path, tmp_path: Path) -> None:
    """`for` raised: later by about that; a threshold never reached: lost; what did not change is the same."""
    new = changed(
        tmp_path, ("feeder_energised == 0\n  - alert", "feeder_energised == 0\n    for: 1m\n  - alert"), ("< 15", "< -1")
    )
    found = compared(RULES, new, data)
    assert found["changes"] == {"later": 3, "lost": 3}
    for row in found["incidents"]:
        if row["change"] == "later":
            assert row["kind"] == "feeder_outage" and row["b"]["after_ms"] - row["a"]["after_ms"] == 60_000
        else:
            assert row["kind"] == "traffic_incident" and row["a"]["status"] == "detected" and row["b"]["status"] == "missed"
    kinds = {row["kind"]: row for row in found["by_kind"]}
    assert (kinds["feeder_outage"]["both"], kinds["traffic_incident"]["only_a"]) == (3, 3)
    rate = kinds["traffic_incident"]["figures"]["detection_rate"]
    assert rate["difference"] == {"value": -1.0, "low": -1.0, "high": -1.0}
    waits = kinds["feeder_outage"]["figures"]["mean_time_to_detect_s"]["difference"]
    assert waits == {"value": 60.0, "low": 60.0, "high": 60.0}, "the same runs: nothing of the difference is chance"
    alerts = {row["alert"]: row for row in found["by_alert"]}
    assert alerts["RoadEmpty"]["same"] and not alerts["RoadSlow"]["same"] and alerts["RoadSlow"]["alarms"]["b"] == 0
    assert found["false_alarms"]["only"]["b"] == 0 and found["false_alarms"]["only"]["a"] > 10


def test_the_other_way_round_it_is_the_other_way_round(data: Path, tmp_path: Path) -> None:
    """Gained for lost, earlier for later, and the differences with the other sign."""
    new = changed(
        tmp_path, ("feeder_energised == 0\n  - alert", "feeder_energised == 0\n    for: 1m\n  - alert"), ("< 15", "< -1")
    )
    there, back = compared(RULES, new, data), compared(new, RULES, data, "--sidecar", RULES.with_suffix(".truth.yaml"))
    assert back["changes"] == {"earlier": 3, "gained": 3}
    for name, row in there["overall"].items():
        if row["difference"]["value"] is not None:
            assert back["overall"][name]["difference"]["value"] == pytest.approx(-row["difference"]["value"]), name


def test_rules_of_other_names_are_compared_by_what_they_catch(data: Path, tmp_path: Path) -> None:
    """An alert that only one has is shown as that; a sidecar for both may claim for either."""
    new = changed(tmp_path, ("alert: RoadSlow", "alert: TrafficSlow"))
    sidecar = tmp_path / "both.truth.yaml"
    text = RULES.with_suffix(".truth.yaml").read_text()
    sidecar.write_text(
        text + next(line for line in text.splitlines() if "RoadSlow" in line).replace("RoadSlow", "TrafficSlow") + "\n"
    )
    found = compared(RULES, new, data, "--sidecar", sidecar)
    assert found["changes"] == {"same": 6}
    assert {row["alert"]: row["there"] for row in found["by_alert"]}["TrafficSlow"] == "b"


def test_a_comparison_is_written_and_said(data: Path, tmp_path: Path) -> None:
    """For people in lines: what changed by how much, and which incidents."""
    new = changed(tmp_path, ("< 15", "< -1"))
    common = ("--scenario", SCENARIO, "--seeds", 3, "--workers", 1, "--data", data, "--out", tmp_path / "out")
    said = cityops("rules", "compare", RULES, new, *common)
    assert said.status == 0
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["changes"] == {"lost": 3, "same": 3}
    assert "has no sidecar: the claims of" in said.err
    assert "lost: traffic_incident" in said.out and "RoadSlow: alarms" in said.out and "difference -0.5" in said.out
