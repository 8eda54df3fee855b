"""`cityops rules test`: what it prints, what it writes for CI, and with which status it ends."""

import contextlib
import io
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer

from scenarios.cli.rules.test import run_tests
from tests.scenarios.cli_kit import cityops

RULES = """
groups:
- name: g
  rules:
  - {alert: High, expr: "a > 3", labels: {severity: page}}
  - {alert: Never, expr: "a > 99"}
"""
TESTS = """
rule_files: [r.yml]
evaluation_interval: 1m
tests:
- name: it fires
  interval: 1m
  input_series: [{series: 'a{x="1"}', values: '1 5'}]
  alert_rule_test: [{eval_time: 1m, alertname: High, exp_alerts: [{exp_labels: {x: "1", severity: SEVERITY}}]}]
- name: histograms
  interval: 1m
  promql_expr_test: [{expr: b, exp_samples: [{labels: b, histogram: "{{sum:3 count:2 buckets:[2]}}"}]}]
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "r.yml").write_text(RULES, encoding="utf-8")
    path = tmp_path / "good.test.yml"
    path.write_text(TESTS.replace("SEVERITY", "page"), encoding="utf-8")
    return path


@pytest.fixture
def bad(good: Path) -> Path:
    path = good.with_name("bad.test.yml")
    path.write_text(TESTS.replace("SEVERITY", "warn"), encoding="utf-8")
    return path


def test_a_difference_is_shown_label_by_label(bad: Path) -> None:
    """The place, the test's name, and what was expected (-) above what came (+); status 1."""
    said = cityops("rules", "test", bad)
    assert said.status == 1
    assert said.out.splitlines() == [
        f"{bad}: 0 of 2 assertions hold",
        f"{bad}:8:1: test 'it fires': alertname: High, time: 1m: failed",
        '    {alertname="High", severity="warn", x="1"}',
        "      - severity: warn",
        "      + severity: page",
        f"{bad}:11:1: test 'histograms': expr: b, time: 0s: unsupported: native histograms are out of scope",
    ]
    (row,) = cityops("rules", "test", bad, "--json").document
    assert row["cases"][0]["differences"] == [
        {
            "kind": "differs",
            "subject": '{alertname="High", severity="warn", x="1"}',
            "fields": [{"name": "severity", "expected": "warn", "got": "page"}],
        }
    ]


def test_only_what_is_asked_for_runs(bad: Path) -> None:
    """--run chooses tests by name; what is left out breaks nothing. A pattern that is none is bad input."""
    assert cityops("rules", "test", bad, "--run", "^histo").status == 0
    assert cityops("rules", "test", bad, "--run", "^histo", "--run", "fires").status == 1
    refused = cityops("rules", "test", bad, "--run", "(")
    assert refused.status == 2 and "bad regular expression" in refused.err


def test_the_junit_report(good: Path, bad: Path, tmp_path: Path) -> None:
    """A suite for each file, a case for each assertion, counts that add up, and the reason of each failure."""
    broken = tmp_path / "broken.test.yml"
    broken.write_text("tests: [{name: \x85odd, nobody: knows}]\n", encoding="utf-8")
    report = tmp_path / "report.xml"
    said = cityops("rules", "test", good, bad, broken, "--junit", report)
    assert said.status == 2
    root = ET.parse(report).getroot()
    assert root.tag == "testsuites" and [suite.get("name") for suite in root] == [str(good), str(bad), str(broken)]
    for element in (root, *root):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert element.get(attribute) == str(sum(case.find(tag) is not None for case in cases)), attribute
        assert float(element.get("time", "")) >= 0
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "1", "1", "2"]
    failure = root.find(".//failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == '{alertname="High", severity="warn", x="1"}: severity expected warn got page'
    assert failure.text.splitlines()[-2:] == ["  - severity: warn", "  + severity: page"]
    case = next(root.iter("testcase"))
    assert case.get("name") == "it fires: alertname: High, time: 1m" and case.get("classname", "").endswith("good.test")
    unwritable = cityops("rules", "test", good, "--junit", tmp_path / "nowhere" / "report.xml")
    assert unwritable.status == 2 and "cannot write the report" in unwritable.err


def test_coverage_in_words_and_as_json(good: Path) -> None:
    """The share of what was exercised for each rule file, and what was not, by its place."""
    said = cityops("rules", "test", good, "--coverage")
    rules = good.with_name("r.yml")
    assert said.status == 0
    assert said.out.splitlines()[-3:] == [
        f"{rules}: coverage 66.7 %: 1 of 2 rules exercised, 3 of 4 sides of branches taken, 1 label sets",
        f"  {rules}:6:1: Never: never fired",
        f"  {rules}:6:1: Never: never true: a > 99",
    ]
    document = cityops("rules", "test", good, "--coverage", "--json").document
    assert document["files"][0]["ok"] is True
    (file,) = document["coverage"]
    assert file["path"] == str(rules) and file["coverage_ratio"] == pytest.approx(4 / 6)
    high, never = file["rules"]
    assert high["status"] == "fired" and high["asserted"] is True and high["evaluations"] == 3
    assert high["branches"] == [{"text": "a > 3", "sides": {"true": True, "false": True}}]
    assert high["label_sets"] == [{"labels": {"alertname": "High", "severity": "page", "x": "1"}, "came": "fired"}]
    assert never["status"] == "never" and never["asserted"] is False


def test_too_little_coverage_is_status_1(good: Path) -> None:
    """--min-coverage holds each rule file to a share, whether or not the coverage is printed."""
    assert cityops("rules", "test", good, "--min-coverage", "66").status == 0
    said = cityops("rules", "test", good, "--min-coverage", "67")
    assert said.status == 1
    assert f"{good.with_name('r.yml')}: coverage is 66.7 %, expected at least 67 %" in said.err


@pytest.mark.slow
def test_files_of_the_built_in_pack_are_exercised_in_full() -> None:
    """The tests of the pack exercise every rule of it."""
    document = cityops("rules", "test", "--coverage", "--json").document
    assert [row["path"] for row in document["files"] if not row["ok"]] == []
    never = {rule["name"] for file in document["coverage"] for rule in file["rules"] if rule["status"] == "never"}
    assert never == set()


def test_differences_have_colours_on_a_terminal(bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was expected is red and what came is green, where a person looks at it and has not set NO_COLOR."""
    plain = cityops("rules", "test", bad).out
    coloured = in_colour(bad)
    assert "\x1b[31m      - severity: warn\x1b[0m" in coloured and "\x1b[32m      + severity: page\x1b[0m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert in_colour(bad) == plain and "\x1b" not in plain


def in_colour(path: Path) -> str:
    """What the command prints on a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with contextlib.redirect_stdout(out), pytest.raises(typer.Exit):
        run_tests([path])
    return out.getvalue()
