"""Incident detection from the literature: rules that Prometheus reads, tests that it passes, a page of what was measured."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ops_center.rules import unittest
from scenarios.claims import read_claims, sidecars_of
from scenarios.rulebench.aid_page import FOLDER, MEASURED, PAGE, PUBLISHED, render, summary
from scenarios.rulebench.score import document
from scenarios.rulebench.tally import Job, RuleSet, tallies

RULES, TESTS = FOLDER / "incident_detection.yml", FOLDER / "tests" / "incident_detection.test.yml"
SCENARIO = FOLDER.parent / "scenarios" / "arterial_crashes.yaml"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def rules() -> RuleSet:
    return RuleSet(((RULES.name, RULES.read_text()),), read_claims(sidecars_of([RULES])))


@pytest.mark.slow
@needs_promtool
def test_prometheus_reads_the_rules_and_passes_their_tests() -> None:
    """promtool itself: the file as it is, and every assertion."""
    for command in (("check", "rules", RULES), ("test", "rules", TESTS)):
        done = subprocess.run(["promtool", *map(str, command)], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("compat", ["3.x", "2.x"])
def test_our_engine_passes_their_tests(compat: str) -> None:
    """With both window semantics."""
    result = unittest.test_file(TESTS, compat)
    assert not result.errors and [case for case in result.cases if case.status != "passed"] == [] and len(result.cases) == 9


def test_every_alert_has_a_claim_and_is_on_the_page() -> None:
    """Nothing is measured that is not told."""
    alerts = {rule.alert for file in rules().loaded() for group in file.groups for rule in group.rules if rule.alert}
    assert alerts == set(rules().claims) == {row["alert"] for row in json.loads(MEASURED.read_bytes())["alerts"]}


def test_the_page_follows_from_what_was_measured() -> None:
    """The page is what the generator writes; what was not verified is marked."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == render(json.loads(MEASURED.read_bytes())), "run: python -m scenarios.rulebench.aid_page > the page"
    assert page.count("from memory, not verified") == sum(not one.verified for one in PUBLISHED) > 0


@pytest.mark.slow
def test_another_seed_comes_to_figures_like_those_on_the_page() -> None:
    """Two seeds that the page has: nearly all crashes detected, after minutes, with the causes that the page lists."""
    measured = {row["alert"]: row for row in json.loads(MEASURED.read_bytes())["alerts"]}
    found = summary(document([tallies(Job(str(SCENARIO), seed, (rules(),)))[0] for seed in (21, 22)], rules()))
    for row in found["alerts"]:
        page = measured[row["alert"]]["figures"]
        assert row["figures"]["detection_rate"]["value"] >= page["detection_rate"]["low"] - 0.35
        assert row["figures"]["mean_time_to_detect_s"]["value"] == pytest.approx(page["mean_time_to_detect_s"]["value"], rel=0.4)
        assert set(row["causes"]) <= set(json.loads(MEASURED.read_bytes())["causes"])
    assert Path(PAGE).exists()
