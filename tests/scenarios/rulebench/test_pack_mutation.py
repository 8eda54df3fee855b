"""The rule tests of the shipped pack notice when a rule is changed: most mutants of its rules make an assertion fail."""

from dataclasses import replace
from pathlib import Path

import pytest

from ops_center.rulepack_page import FOLDER, rule_files
from scenarios.rulebench.mutate import Job, Row, mutants_of, tried

LEAST = 0.8
EVERY = {"buildings": 3, "environment": 3, "security": 3, "lighting": 4, "traffic": 12, "trust": 12, "city": 16}


def noticed(stem: str, every: int) -> list[tuple[str, Row]]:
    """Every so manieth mutant of a file's rules, and what its own tests (of what all share: all tests) said of it."""
    files = {str(path): path.read_text(encoding="utf-8") for path in rule_files()}
    pattern = "*.test.yml" if stem == "city" else f"{stem}*.test.yml"
    tests = tuple(sorted((FOLDER / "tests").glob(pattern)))
    found, before = [], 0
    for rule in (rule for rule in mutants_of(files) if Path(rule.key[0]).stem == stem):
        asked = [one for n, one in enumerate(rule.mutants) if (before + n) % every == 0 and one.name not in rule.equivalent]
        before += len(rule.mutants)
        if asked:
            (rows,) = tried(Job((replace(rule, mutants=tuple(asked)),), tuple(files.items()), tests=tests))
            found += [(f"{rule.rule} {one.name}", row) for one, row in zip(asked, rows, strict=True) if row.loads]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("stem", "every"), EVERY.items())
def test_the_packs_tests_notice_most_mutants(stem: str, every: int) -> None:
    """Four of five at least, file by file; of the large files a sample that is always the same."""
    rows = noticed(stem, every)
    silent = [name for name, row in rows if not row.by]
    assert len(rows) >= 15
    assert len(silent) <= (1 - LEAST) * len(rows), silent


def test_what_is_declared_equivalent_is_there() -> None:
    """A comment names a mutant that the rule really has, so that it does not outlive what it speaks of."""
    for path in rule_files():
        text = path.read_text(encoding="utf-8")
        declared = text.count("cityops:equivalent")
        named = sum(bool(rule.equivalent) for rule in mutants_of({str(path): text}))
        assert named == declared, path.name
