"""The shipped rule pack: well-formed, rationalised, and right under every engine at hand."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops_center.rulepack_page import FOLDER, SEVERITIES, entries, render, rule_files
from ops_center.rules import unittest
from simulator.truth import TRUTH_KINDS

ROOT = Path(__file__).resolve().parents[2]
TEST_FILES = sorted((FOLDER / "tests").glob("*.test.yml"))
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian package prometheus)")
ENTRIES = entries()
NAMES = [entry.name for entry in ENTRIES]
TEXTS = ("summary", "cause", "consequence", "action")


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=120, check=False)


@needs_promtool
def test_promtool_accepts_the_rule_files() -> None:
    """Prometheus itself reads every file, without a complaint of its lint."""
    result = promtool("check", "rules", *map(str, rule_files()))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@needs_promtool
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda p: p.name)
def test_promtool_passes_the_tests_of_the_pack(path: Path) -> None:
    """Each alert is raised, is not raised just below its condition, and resolves, by Prometheus' own judgement."""
    result = promtool("test", "rules", str(path))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("compat", ["3.x", "2.x"])
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda p: p.name)
def test_our_engine_passes_the_tests_of_the_pack(path: Path, compat: str) -> None:
    """Our engine agrees with promtool on every expectation, with windows left-open (3.x) and left-closed (2.x)."""
    result = unittest.test_file(path, compat)
    assert not result.errors
    assert [case for case in result.cases if case.status != "passed"] == []
    expected = [len(c.get("alert_rule_test", [])) + len(c.get("promql_expr_test", [])) for c in read(path)["tests"]]
    assert len(result.cases) == sum(expected)


def outcomes(case: Any) -> Iterator[tuple[str, bool]]:
    """(alert, was it expected to fire) for each expectation of one test."""
    for check in case.get("alert_rule_test", []):
        yield check["alertname"], bool(check["exp_alerts"])
    for check in case.get("promql_expr_test", []):
        asked = re.search(r'alertname=~?"([^"]+)"', check["expr"])
        assert asked is not None, check["expr"]
        fires = {name for name in NAMES if any(f'alertname="{name}"' in s["labels"] for s in check["exp_samples"])}
        for name in NAMES:
            if re.fullmatch(asked[1], name) and (not fires or name in fires):
                yield name, bool(check["exp_samples"])


def test_every_alert_is_tested_raised_and_silent() -> None:
    """For each alert of the pack some test expects it to fire and some test expects it not to."""
    seen = {outcome for path in TEST_FILES for case in read(path)["tests"] for outcome in outcomes(case)}
    assert seen == {(name, fires) for name in NAMES for fires in (True, False)}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_every_alert_names_cause_consequence_action_and_time(entry: Any) -> None:
    """What needs no response is no alert: each says what to do and by when, in both languages."""
    assert {"severity", "domain", "scope"} <= set(entry.labels)
    assert entry.labels["severity"] in SEVERITIES
    assert entry.labels["scope"] in {"city", "feeder", "cabinet", "junction", "road", "zone", "device"}
    for text in TEXTS:
        assert entry.annotations[text].strip() and entry.annotations[text + "_vi"].strip()
        assert entry.annotations[text] != entry.annotations[text + "_vi"]
    assert int(entry.annotations["respond_s"]) > 0


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_no_label_depends_on_the_value(entry: Any) -> None:
    """A label made from `$value` would be a new alert at every evaluation."""
    assert not [name for name, text in entry.labels.items() if "$value" in text]


def test_groups_evaluate_every_15_seconds() -> None:
    """All groups run at the period of the fastest devices, but for what is slow to change or to judge."""
    intervals = {group["name"]: group["interval"] for path in rule_files() for group in read(path)["groups"]}
    assert {name: interval for name, interval in intervals.items() if interval != "15s"} == {"physics": "60s", "usual": "60s"}


def test_sidecars_speak_of_known_alerts_and_truths() -> None:
    """A sidecar names exactly the alerts of its file, and only kinds of truth that exist."""
    for path in rule_files():
        alerts = {r["alert"] for g in read(path)["groups"] for r in g["rules"] if "alert" in r}
        sidecar = path.with_suffix(".truth.yaml")
        claims = read(sidecar)["alerts"] if sidecar.exists() else {}
        assert set(claims) == alerts, path.name
        for name, claim in claims.items():
            kinds = [*claim.get("truth", []), *claim.get("also", [])]
            assert kinds and set(kinds) <= set(TRUTH_KINDS), name
            assert claim["detect_within_s"] > 0 and claim["clear_within_s"] > 0, name


def test_the_page_of_the_alerts_is_up_to_date() -> None:
    """docs/reference/alerts.md is what `python -m ops_center.rulepack_page` writes."""
    page = (ROOT / "docs" / "reference" / "alerts.md").read_text(encoding="utf-8")
    assert page == render(entries()), "run: python -m ops_center.rulepack_page > docs/reference/alerts.md"
