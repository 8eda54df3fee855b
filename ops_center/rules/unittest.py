"""`promtool check rules` and `promtool test rules` as functions: files in, structured results out; prints nothing.

Source of the semantics: Prometheus cmd/promtool/unittest.go. Rules run from the start at each evaluation interval; an alert
expected at `eval_time` is compared with the evaluation at or before it; expressions see all input.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ops_center.label_sets import Labels, format_labels
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.promql.values import RangeVector, Result, Scalar, Vector
from ops_center.rules.files import RuleFile, RuleFilesError, load_files, read_files
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.testfile import AlertCase, ExprCase, RuleTest, TestFile, load_test_text
from ops_center.rules.yaml_nodes import FileError
from ops_center.series import SeriesStore

HELD, BROKEN, UNSUPPORTED = "passed", "failed", "unsupported"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One rule file checked: its rules, or what is wrong (`file:line:column: …`), and what looks odd."""

    path: str
    groups: int
    rules: int
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """No errors."""
        return not self.errors


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One assertion of a test: what it was about, whether it held, and if not why."""

    test: str
    what: str
    line: int
    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test file: every assertion, and errors that kept it from running."""

    __test__ = False  # not a pytest class
    path: str
    cases: tuple[CaseResult, ...]
    errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Everything ran and held; unsupported assertions do not count as held, but break nothing."""
        return not self.errors and all(c.status != BROKEN for c in self.cases)


def check_files(paths: Iterable[str | Path]) -> list[CheckResult]:
    """Each rule file on its own, as `promtool check rules`."""
    out: list[CheckResult] = []
    for path in paths:
        try:
            found = load_files(read_files([path]))[0]
        except RuleFilesError as why:
            out.append(CheckResult(str(path), 0, 0, tuple(str(e) for e in why.errors), ()))
        else:
            rules = [r for g in found.groups for r in g.rules]
            out.append(CheckResult(str(path), len(found.groups), len(rules), (), tuple(_duplicates(found))))
    return out


def _duplicates(file: RuleFile) -> list[str]:
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    out: list[str] = []
    for rule in (r for g in file.groups for r in g.rules):
        key = (rule.name, rule.labels)
        if key in seen:
            out.append(f"{rule.file}:{rule.line}:1: duplicate rule: {rule.name!r} with the same labels appears before")
        seen.add(key)
    return out


def test_files(paths: Iterable[str | Path], compat: str = "3.x") -> list[TestResult]:
    """Each test file, as `promtool test rules`; `compat` "2.x" closes windows on the left as Prometheus 2 did."""
    return [test_file(Path(path), compat) for path in paths]


test_files.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


def test_file(path: Path, compat: str = "3.x") -> TestResult:
    """One test file."""
    try:
        text = read_files([path])[str(path)]
        file = load_test_text(text, str(path))
        rules = load_files(read_files(_expand(file)))
    except RuleFilesError as why:
        return TestResult(str(path), (), tuple(str(e) for e in why.errors))
    except FileError as why:
        return TestResult(str(path), (), (str(why),))
    cases: list[CaseResult] = []
    errors: list[str] = []
    for test in file.tests:
        found, wrong = run_test(file, test, rules, compat)
        cases.extend(found)
        errors.extend(f"{path}:{test.line}:1: {w}" for w in wrong)
    return TestResult(str(path), tuple(cases), tuple(errors))


test_file.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


def _expand(file: TestFile) -> list[Path]:
    folder = Path(file.path).parent
    out: list[Path] = []
    for pattern in file.rule_files:
        base, relative = (
            (Path(pattern).anchor, str(Path(pattern).relative_to(Path(pattern).anchor)))
            if Path(pattern).is_absolute()
            else (folder, pattern)
        )
        found = sorted(Path(base).glob(relative))
        out.extend(found or [folder / pattern])
    return out


def run_test(file: TestFile, test: RuleTest, rules: list[RuleFile], compat: str) -> tuple[list[CaseResult], list[str]]:
    """One test group over a store of its own; returns its assertions, and errors of rules that end it."""
    store = SeriesStore(retention_ms=1 << 60)
    _load(store, test)
    options = Options(compat=compat, default_step_ms=file.evaluation_interval_ms)
    settings = Settings(
        offset_ms=test.start_ms,
        default_interval_ms=test.interval_ms,
        external_labels=test.external_labels,
        external_url=test.external_url,
        options=options,
    )
    engine = RuleEngine(store, settings)
    engine.load(_ordered(rules, file.group_order), 0)
    cases: list[CaseResult] = []
    waiting = sorted(test.alerts, key=lambda c: c.eval_ms)
    now = 0
    while now <= test.last_ms:
        engine.evaluate(now, all_groups=True)
        errors = [
            f"rule: {r.rule.name}, time: {now / 1000:g}s, err: {r.last_error}"
            for g in engine.groups
            for r in g.rules
            if r.health == "err"
        ]
        if errors:
            return cases, errors
        while waiting and waiting[0].eval_ms < now + file.evaluation_interval_ms:
            cases.append(_check_alerts(test, waiting.pop(0), engine, now))
        now += file.evaluation_interval_ms
    queries = Engine(store, test.start_ms, options)
    cases.extend(_check_expr(file, test, case, queries) for case in test.exprs)
    return cases, []


def _load(store: SeriesStore, test: RuleTest) -> None:
    for labels, points in test.series:
        if points is None:
            continue
        there = points.kinds > 0
        times = (np.arange(len(points.kinds), dtype=np.int64) * test.interval_ms)[there]
        store.append_series(labels, times, points.values[there], points.kinds[there] == 2)


def _ordered(rules: list[RuleFile], order: tuple[str, ...]) -> list[RuleFile]:
    """Groups in the order asked for; those not named come as they are, like in promtool."""
    if not order:
        return rules
    rank = {name: i for i, name in enumerate(order)}
    groups = sorted((g for f in rules for g in f.groups), key=lambda g: rank.get(g.name, -1))
    return [RuleFile(g.file, (g,)) for g in groups]


def _check_alerts(test: RuleTest, case: AlertCase, engine: RuleEngine, now_ms: int) -> CaseResult:
    got: list[tuple[Labels, Labels]] = []
    for _, rule, alerts in engine.active_alerts(now_ms):
        if rule.rule.alert == case.alertname:
            firing = [a for a in alerts if a.condition == "firing"]
            got.extend((tuple(sorted(a.labels.items())), tuple(sorted(a.annotations.items()))) for a in firing)
    held = sorted(got) == sorted(case.expected)
    what = f"alertname: {case.alertname}, time: {case.eval_ms / 1000:g}s"
    message = "" if held else f"expected {_alerts_text(case.expected)}, got {_alerts_text(got)}"
    return CaseResult(test.name, what, case.line, HELD if held else BROKEN, message)


def _alerts_text(alerts: Iterable[tuple[Labels, Labels]]) -> str:
    return "[" + ", ".join(f"{format_labels(a)} annotations {format_labels(b)}" for a, b in sorted(alerts)) + "]"


def _check_expr(file: TestFile, test: RuleTest, case: ExprCase, engine: Engine) -> CaseResult:
    what = f"expr: {case.text}, time: {case.eval_ms / 1000:g}s"
    if case.has_histogram:
        return CaseResult(test.name, what, case.line, UNSUPPORTED, "native histograms are out of scope")
    try:
        got = samples_of(engine.instant(case.expr, test.start_ms + case.eval_ms))
    except PromQLError as why:
        return CaseResult(test.name, what, case.line, BROKEN, str(why))
    if _same_samples(got, case.expected, file.fuzzy):
        return CaseResult(test.name, what, case.line, HELD)
    message = f"expected {_samples_text(case.expected)}, got {_samples_text(got)}"
    return CaseResult(test.name, what, case.line, BROKEN, message)


def samples_of(result: Result) -> list[tuple[Labels, float]]:
    """Labels and value of each sample of an instant result.

    Raises:
        PromQLError: a string or a range vector, which have no samples to compare.
    """
    if isinstance(result, Scalar):
        return [((), float(result.values[0]))]
    if isinstance(result, Vector):
        columns = np.flatnonzero(result.present[0]).tolist()
        return [(result.labels.sets[c], float(result.values[0, c])) for c in columns]
    if isinstance(result, RangeVector):
        raise PromQLError("rule result is not a vector or scalar: saw a range vector")
    raise PromQLError("rule result is not a vector or scalar: saw a string")


def _same_samples(got: list[tuple[Labels, float]], expected: Iterable[tuple[Labels, float]], fuzzy: bool) -> bool:
    a, b = sorted(got, key=lambda s: s[0]), sorted(expected, key=lambda s: s[0])
    return [x[0] for x in a] == [x[0] for x in b] and all(_same(x[1], y[1], fuzzy) for x, y in zip(a, b, strict=True))


def _same(a: float, b: float, fuzzy: bool) -> bool:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    return fuzzy and (math.nextafter(a, b) == b)


def _samples_text(samples: Iterable[tuple[Labels, float]]) -> str:
    return "[" + ", ".join(f"{format_labels(labels)} {value!r}" for labels, value in sorted(samples)) + "]"
