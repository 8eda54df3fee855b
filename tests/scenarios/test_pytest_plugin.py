"""The pytest plug-in, in a pytest of its own: what it collects, what a failure says, and that it is off unless asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.scenarios.cli_kit import SHORT

RULES = "groups:\n- name: g\n  rules:\n  - {alert: High, expr: 'a > 3', labels: {severity: page}}\n"
TESTS = """
rule_files: [r.yml]
tests:
- name: it fires
  interval: 1m
  input_series: [{series: a, values: 5}]
  alert_rule_test: [{eval_time: 0, alertname: High, exp_alerts: [{exp_labels: {severity: page}}]}]
- name: it fires
  interval: 1m
  input_series: [{series: a, values: 5}]
  alert_rule_test: [{eval_time: 0, alertname: High, exp_alerts: [{exp_labels: {severity: warn}}]}]
- interval: 1m
  promql_expr_test: [{expr: b, exp_samples: [{labels: b, histogram: "{{sum:3 count:2 buckets:[2]}}"}]}]
"""


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest in a folder with nothing but this plug-in; returns its status and all that it said."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-p", "scenarios.pytest_plugin", "-p", "no:cacheprovider", "-rs", "-v", *arguments]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (tmp_path / "r.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "rules.test.yml").write_text(TESTS, encoding="utf-8")
    (tmp_path / "test_plain.py").write_text("def test_plain():\n    pass\n", encoding="utf-8")
    return tmp_path


def test_it_is_off_unless_asked_for(folder: Path) -> None:
    """Installed beside other tests, it collects nothing."""
    status, said = run_pytest(folder)
    assert status == 0 and "1 passed" in said and "rules.test.yml" not in said


@pytest.mark.slow
def test_rule_tests_are_items(folder: Path) -> None:
    """Each test of a file is an item by its name; a failure shows the place and the labels that differ, and no traceback."""
    status, said = run_pytest(folder, "--cityops")
    assert status == 1 and "2 passed, 1 skipped" in said.replace("1 failed, ", ""), said
    assert "rules.test.yml::it fires PASSED" in said and "rules.test.yml::it fires (2) FAILED" in said
    assert f"{folder / 'rules.test.yml'}:11:1: alertname: High, time: 0s" in said
    assert "- severity: warn" in said and "+ severity: page" in said and "Traceback" not in said
    assert "native histograms are out of scope" in said
    status, said = run_pytest(folder, "--cityops", "-k", "not (2)", "rules.test.yml")
    assert status == 0, said


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_an_error_with_its_place(folder: Path) -> None:
    """Collection says file, line and column. The setting in the configuration is as good as the option."""
    (folder / "pytest.ini").write_text("[pytest]\ncityops = true\ncityops_tests = checks/*.yml\n", encoding="utf-8")
    (folder / "checks").mkdir()
    broken = folder / "checks" / "broken.yml"
    broken.write_text("tests:\n- intervall: 1m\n", encoding="utf-8")
    status, said = run_pytest(folder)
    assert status == 2 and f"{broken}:2:3: test: unknown key 'intervall'" in said and "rules.test.yml" not in said


@pytest.mark.slow
def test_a_scenario_is_an_item_that_fails_with_its_expectations(folder: Path) -> None:
    """Without anybody at the desk, what people were to do is missing, and the failure says what and how to repeat it."""
    text = Path(SHORT).read_text(encoding="utf-8")
    (folder / "town.scenario.yaml").write_text(text, encoding="utf-8")
    alone = text[: text.index("  - id: taken")] + text[text.index("  - id: one_incident") :]
    (folder / "alone.scenario.yaml").write_text(alone, encoding="utf-8")
    status, said = run_pytest(folder, "--cityops", "-k", "town or alone")
    assert status == 1 and "1 failed, 1 passed" in said, said
    assert "town.scenario.yaml::town FAILED" in said and "expectations were not met (seed 7" in said
    assert "taken: Acknowledged" in said and "cityops run" in said and "Traceback" not in said
