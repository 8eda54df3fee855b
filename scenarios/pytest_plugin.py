"""A plug-in of pytest: rule-test files and scenarios as tests beside those in Python.

Lives here: which files are collected, an item for each test of a rule-test file and for each scenario, what a failure says.
Must not know: how rules are tested, how a scenario runs. It is off unless `--cityops` or `cityops = true` in pytest's
configuration says otherwise, and loads nothing of cityops before it has a file: pytest reads it in every project where cityops
is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ops_center.rules.testfile import RuleTest
    from ops_center.rules.unittest import Opened, Plan

TEST_FILES = ("*.test.yml", "*.test.yaml")
SCENARIOS = ("*.scenario.yml", "*.scenario.yaml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings."""
    group = parser.getgroup("cityops", "rule tests and scenarios of cityops")
    group.addoption("--cityops", action="store_true", help="collect rule-test files and scenarios")
    group.addoption("--cityops-compat", choices=("2.x", "3.x"), help="window semantics of rule tests (default 3.x)")
    parser.addini("cityops", "collect rule-test files and scenarios", type="bool", default=False)
    parser.addini("cityops_compat", "window semantics of rule tests: 3.x or 2.x", default="3.x")
    parser.addini("cityops_tests", "patterns of rule-test files", type="args", default=list(TEST_FILES))
    parser.addini("cityops_scenarios", "patterns of scenario files", type="args", default=list(SCENARIOS))
    parser.addini("cityops_rules", "rule files or folders that scenarios run with instead of the pack", type="paths", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file whose name or path fits a pattern."""
    config = parent.config
    if not (config.getoption("--cityops") or config.getini("cityops")) or file_path.suffix not in (".yml", ".yaml"):
        return None
    found: pytest.Collector | None = None
    if _fits(file_path, config, "cityops_tests"):
        found = RuleTestFile.from_parent(parent, path=file_path)
    elif _fits(file_path, config, "cityops_scenarios"):
        found = ScenarioFile.from_parent(parent, path=file_path)
    return found


def _fits(path: Path, config: pytest.Config, setting: str) -> bool:
    relative = path.relative_to(config.rootpath).as_posix() if path.is_relative_to(config.rootpath) else path.as_posix()
    return any(fnmatch(path.name, pattern) or fnmatch(relative, pattern) for pattern in config.getini(setting))


class NotAsExpected(Exception):
    """What a test expected did not come; the lines say where and what."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class _Item(pytest.Item):
    """An item whose failure is its lines, without a traceback through cityops."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what is shown of a failure."""
        if isinstance(excinfo.value, NotAsExpected):
            return "\n".join(excinfo.value.lines)
        return super().repr_failure(excinfo, style)


class RuleTestFile(pytest.File):
    """A file of `promtool test rules` or of vmalert-tool: an item for each of its tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """Read the file and its rules; a file that cannot be read is an error of collection, with its place."""
        from ops_center.rules.files import RuleFilesError
        from ops_center.rules.unittest import Plan, open_file
        from ops_center.rules.yaml_nodes import FileError

        plan = Plan(compat=self.config.getoption("--cityops-compat") or self.config.getini("cityops_compat"))
        try:
            opened = open_file(self.path, plan)
        except (FileError, RuleFilesError) as why:
            raise self.CollectError(str(why)) from None
        seen: dict[str, int] = {}
        for number, test in enumerate(opened.file.tests, start=1):
            name = test.name or f"test {number}"
            seen[name] = seen.get(name, 0) + 1
            shown = name if seen[name] == 1 else f"{name} ({seen[name]})"
            yield RuleTestItem.from_parent(self, name=shown, opened=opened, test=test, plan=plan)


class RuleTestItem(_Item):
    """One test of a rule-test file, with all of its assertions."""

    def __init__(self, *, opened: Opened, test: RuleTest, plan: Plan, **rest: Any) -> None:
        super().__init__(**rest)
        self._opened, self._test, self._plan = opened, test, plan

    def runtest(self) -> None:
        """Run the test. Raises NotAsExpected with all that does not hold; skips what nobody could judge."""
        from ops_center.rules.unittest import run_test
        from ops_center.rules.verdicts import BROKEN, UNSUPPORTED, lines_of

        for warning in self._opened.warnings:
            self.add_report_section("call", "warnings", warning)
        cases, errors = run_test(self._opened.file, self._test, self._opened.rules, self._plan)
        lines = [f"{self.path}:{self._test.line}:1: {error}" for error in errors]
        for case in cases:
            if case.status == BROKEN:
                lines.append(f"{self.path}:{case.line}:1: {case.what}: {'' if case.differences else case.message}".rstrip(" :"))
                lines += [f"    {line}" for _, line in lines_of(case.differences)]
        if lines:
            raise NotAsExpected(lines)
        if cases and all(case.status == UNSUPPORTED for case in cases):
            pytest.skip(cases[0].message)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test begins."""
        return self.path, self._test.line - 1, self.name


class ScenarioFile(pytest.File):
    """A scenario: one item."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the scenario."""
        yield ScenarioItem.from_parent(self, name=self.path.stem.removesuffix(".scenario"))


class ScenarioItem(_Item):
    """A scenario from beginning to end, headless, with what people do in it from `NAME.commands` where that lies beside it."""

    def runtest(self) -> None:
        """Run the scenario. Raises NotAsExpected with the expectations that were not met, or with what is wrong in its file."""
        from scenarios.cli.common import is_bad_file
        from scenarios.run_ops import report_of
        from scenarios.runner import Commands, run_headless
        from scenarios.script import read_script
        from scenarios.setup import prepare

        try:
            setup = prepare(self.path, rules=[Path(path) for path in self.config.getini("cityops_rules")])
            written = self.path.with_suffix(".commands")
            commands = Commands(read_script(written, setup.scenario.warm_up)) if written.is_file() else Commands()
        except ValueError as why:
            if not is_bad_file(why):
                raise
            raise NotAsExpected(str(why).splitlines()) from None
        changes: list[Any] = []
        done = run_headless(setup, commands=commands, watch=changes.extend)
        missed = [e for e in report_of(done.run, changes)["expectations"] if e["applies"] and e["met"] is not True]
        if missed:
            head = f"{self.path}:1:1: {len(missed)} expectations were not met (seed {setup.seed}, noise seed {setup.noise_seed})"
            again = f"cityops run {self.path} --headless --seed {setup.seed} --noise-seed {setup.noise_seed}"
            raise NotAsExpected([head, *(f"    {e['id']}: {e['title']['en']}: {e['detail']['en']}" for e in missed), again])

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the file."""
        return self.path, 0, f"scenario {self.name}"
