"""Examples in the documentation work as they stand."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.cli_kit import cityops

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian package prometheus)")
def test_the_rule_of_the_how_to_passes_its_own_test(tmp_path: Path) -> None:
    """The rule file and the test file that the page shows are accepted and pass, copied as they are."""
    page = (ROOT / "docs" / "how-to" / "write-an-alert.md").read_text(encoding="utf-8")
    rules, tests = (re.sub(r"(?m)^   ", "", block) for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL))
    (tmp_path / "my_rules.yml").write_text(rules, encoding="utf-8")
    (tmp_path / "my_rules.test.yml").write_text(tests, encoding="utf-8")
    assert PROMTOOL is not None
    command = [PROMTOOL, "test", "rules", str(tmp_path / "my_rules.test.yml")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_page_on_rule_tests_shows_the_first_survivor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `rules mutate` prints of the page's rule begins as the page says."""
    page = (ROOT / "docs" / "how-to" / "test-your-rules.md").read_text(encoding="utf-8")
    rules, tests = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "roads.yml").write_text(rules, encoding="utf-8")
    (tmp_path / "roads.test.yml").write_text(tests, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cityops("rules", "mutate", ".", "--workers", 1).out.startswith(shown)


def test_the_page_on_rule_tests_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules and test of the page hold, and its two outputs are those of the command."""
    page = (ROOT / "docs" / "how-to" / "test-your-rules.md").read_text(encoding="utf-8")
    rules, tests = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    failure, coverage = re.findall(r"```\n(roads.*?)```", page, flags=re.DOTALL)
    (tmp_path / "roads.yml").write_text(rules, encoding="utf-8")
    (tmp_path / "roads.test.yml").write_text(tests, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = cityops("rules", "test", "roads.test.yml", "--coverage")
    assert said.status == 0 and said.out.endswith(coverage)
    (tmp_path / "roads.test.yml").write_text(tests.replace("severity: major", "severity: minor"), encoding="utf-8")
    said = cityops("rules", "test", "roads.test.yml")
    assert said.status == 1 and said.out.endswith(failure)
