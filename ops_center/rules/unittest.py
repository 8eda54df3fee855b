"""`promtool test rules` as a function: files in, structured results out; prints nothing.

Source of the semantics: Prometheus cmd/promtool/unittest.go; for its dialect VictoriaMetrics app/vmalert-tool/unittest. Rules
run from the start at each evaluation interval; an alert expected at `eval_time` is compared with the evaluation at or before
it; expressions see the input up to the last evaluation (in vmalert-tool's dialect: all of it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ops_center.label_sets import Labels, compile_regex
from ops_center.promql.durations import format_duration_ms
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.promql.values import RangeVector, Result, Scalar, Vector
from ops_center.rules.files import Rule, RuleFile, RuleFilesError, RuleGroup, load_files, read_files
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.testfile import MAX_BYTES, VMALERT, AlertCase, ExprCase, Reading, RuleTest, TestFile, load_test_text
from ops_center.rules.typed_series import TypedSeries
from ops_center.rules.verdicts import (
    BROKEN,
    HELD,
    UNSUPPORTED,
    Alert,
    CaseResult,
    compare_alerts,
    compare_samples,
    summary,
)
from ops_center.rules.yaml_nodes import FileError
from ops_center.series import SeriesLimit, SeriesStore

if TYPE_CHECKING:
    from ops_center.rules.coverage import Coverage

MAX_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test file: every assertion, errors that kept it from running, what looks odd, and what it exercised if asked for."""

    __test__ = False  # not a pytest class
    path: str
    cases: tuple[CaseResult, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    coverage: Coverage | None = None

    @property
    def ok(self) -> bool:
        """Everything ran and held; unsupported assertions do not count as held, but break nothing."""
        return not self.errors and all(c.status != BROKEN for c in self.cases)


@dataclass(frozen=True, slots=True)
class Plan:
    """How test files are run.

    Attributes:
        compat: "3.x", or "2.x", which closes windows on the left as Prometheus 2 did.
        run: regular expressions; only tests whose name matches one of them run; none: all.
        lenient: leave out unknown fields of rule and test files instead of refusing them.
        alertgroup: in vmalert-tool's dialect, alerts carry their group's name as the label `alertgroup`.
        coverage: take down which rules and branches were exercised.
    """

    compat: str = "3.x"
    run: tuple[str, ...] = ()
    lenient: bool = False
    alertgroup: bool = True
    coverage: bool = False

    def wants(self, name: str) -> bool:
        """Whether the test of a name is to run. Raises ValueError for what is no regular expression."""
        return not self.run or any(compile_regex(pattern).search(name) is not None for pattern in self.run)


PLAIN = Plan()


def test_files(
    paths: Iterable[str | Path], compat: str = "3.x", plan: Plan | None = None, texts: Mapping[str, str] | None = None
) -> list[TestResult]:
    """Each test file, as `promtool test rules`.

    Args:
        paths: the test files.
        compat: as in `Plan`, for callers that want nothing else.
        plan: how they are run.
        texts: rule or test files in memory by path; they stand for the files of these paths, whether or not there are any.
    """
    how = plan or replace(PLAIN, compat=compat)
    return [test_file(Path(path), how.compat, how, texts) for path in paths]


test_files.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


def test_file(path: Path, compat: str = "3.x", plan: Plan | None = None, texts: Mapping[str, str] | None = None) -> TestResult:
    """One test file; arguments as those of `test_files`."""
    how = plan or replace(PLAIN, compat=compat)
    try:
        opened = open_file(path, how, texts)
    except RuleFilesError as why:
        return TestResult(str(path), (), tuple(str(e) for e in why.errors))
    except FileError as why:
        return TestResult(str(path), (), (str(why),))
    cases: list[CaseResult] = []
    errors: list[str] = []
    coverage = _coverage(opened.rules) if how.coverage else None
    for test in opened.file.tests:
        if how.wants(test.name):
            found, wrong = run_test(opened.file, test, opened.rules, how, coverage)
            cases.extend(found)
            errors.extend(f"{path}:{test.line}:1: {w}" for w in wrong)
    return TestResult(str(path), tuple(cases), tuple(errors), opened.warnings, coverage)


def _coverage(rules: list[RuleFile]) -> Coverage:
    from ops_center.rules.coverage import Coverage  # loaded where somebody asks for it

    return Coverage(rules)


test_file.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


@dataclass(frozen=True, slots=True)
class Opened:
    """A test file that was read, the rules that it is about, and what looks odd."""

    file: TestFile
    rules: list[RuleFile]
    warnings: tuple[str, ...]


def open_file(path: Path, plan: Plan = PLAIN, texts: Mapping[str, str] | None = None) -> Opened:
    """A test file and its rule files, read and checked; arguments as those of `test_files`.

    Raises:
        FileError, RuleFilesError: one of them cannot be read, or is wrong.
    """
    known, warnings = texts or {}, list[str]()
    file = load_test_text(_text_of(path, known, MAX_BYTES), str(path), Reading(plan.lenient, plan.alertgroup))
    if not file.tests:
        warnings.append(f"{path}:1:1: there are no tests, so that its rule files are not even read (warning)")
        return Opened(file, [], tuple(warnings))
    rules = load_files(_rule_texts(file, known, warnings), file.rules_dialect, plan.lenient)
    return Opened(file, rules, tuple(warnings))


def _text_of(path: Path, texts: Mapping[str, str], max_bytes: int) -> str:
    for key in (str(path), str(path.resolve())):
        if key in texts:
            return texts[key]
    return read_files([path], max_bytes)[str(path)]


def _rule_texts(file: TestFile, texts: Mapping[str, str], warnings: list[str]) -> dict[str, str]:
    """The rule files that the patterns mean; one that means none is only worth a warning, as in promtool."""
    folder = Path(file.path).parent
    found: list[Path] = []
    for pattern in file.rule_files:
        whole = Path(normpath(folder / pattern))
        matches = [whole] if str(whole) in texts else sorted(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))))
        if not matches:
            warnings.append(f"{file.path}:1:1: no file matches {pattern!r} (warning)")
        found.extend(matches)
    known = {str(path): _known(path, texts) for path in found}
    read = read_files([path for path, text in known.items() if text is None])
    return {path: read[path] if text is None else text for path, text in known.items()}


def _known(path: Path, texts: Mapping[str, str]) -> str | None:
    return texts.get(str(path), texts.get(str(path.resolve())))


def run_test(
    file: TestFile,
    test: RuleTest,
    rules: list[RuleFile],
    plan: Plan = PLAIN,
    coverage: Coverage | None = None,
    over: SeriesStore | None = None,
) -> tuple[list[CaseResult], list[str]]:
    """One test group over a store of its own; returns its assertions, and errors of rules that end it.

    With `over` it is a store in which the test's series are already, and maybe what other rules recorded.
    """
    step_ms = file.evaluation_interval_ms
    steps = test.last_ms // step_ms + 1
    if steps > MAX_STEPS:
        return [], [f"too many evaluations: saw {steps} until the last eval_time, expected at most {MAX_STEPS}"]
    store = SeriesStore(retention_ms=1 << 60) if over is None else over
    try:
        series = TypedSeries(store, test.series if over is None else (), test.interval_ms)
    except SeriesLimit as why:
        return [], [str(why)]
    options = Options(compat=plan.compat, default_step_ms=step_ms)
    settings = Settings(
        offset_ms=test.start_ms,
        default_interval_ms=test.interval_ms,
        external_labels=test.external_labels,
        external_url=test.external_url,
        options=options,
    )
    engine = RuleEngine(store, settings)
    own = _as_vmalert(rules, test, plan.alertgroup) if file.dialect == VMALERT else rules
    engine.load(_ordered(own, file.group_order), 0)
    if coverage is not None:
        coverage.watch(engine, test)
    else:
        _tell_nobody(engine)
    cases: list[CaseResult] = []
    waiting = sorted(test.alerts, key=lambda c: c.eval_ms)
    for now in range(0, steps * step_ms, step_ms):
        series.until(now)
        changes = engine.evaluate(now, all_groups=True)
        if coverage is not None:
            coverage.changed(changes)
        errors = _errors(engine, now)
        if errors:
            return cases, errors
        while waiting and waiting[0].eval_ms < now + step_ms:
            cases.append(_check_alerts(test, waiting.pop(0), engine, now))
    known_ms: int | None = test.start_ms + (steps - 1) * step_ms
    if file.dialect == VMALERT:
        series.all()
        known_ms = None
    queries = Engine(store, test.start_ms, options)
    cases.extend(_check_expr(file, test, case, queries, known_ms) for case in test.exprs)
    return cases, []


def _tell_nobody(engine: RuleEngine) -> None:
    """Only coverage looks at what changes; assertions ask for what is active."""
    for state in (rule.alerts for group in engine.groups for rule in group.rules):
        if state is not None:
            state.told = False


def _errors(engine: RuleEngine, now_ms: int) -> list[str]:
    return [
        f"rule: {rule.rule.name}, time: {format_duration_ms(now_ms)}, err: {rule.last_error}"
        for group in engine.groups
        for rule in group.rules
        if rule.health == "err"
    ]


def _as_vmalert(rules: list[RuleFile], test: RuleTest, alertgroup: bool) -> list[RuleFile]:
    """Rules with the labels that vmalert gives their results: external labels below their own, and an alert's group."""

    def labelled(rule: Rule, group: RuleGroup) -> Rule:
        last = {"alertgroup": group.name} if alertgroup and rule.alert else {}
        return replace(rule, labels=tuple(sorted({**dict(test.external_labels), **dict(rule.labels), **last}.items())))

    def with_labels(group: RuleGroup) -> RuleGroup:
        return replace(group, rules=tuple(labelled(rule, group) for rule in group.rules))

    return [replace(file, groups=tuple(map(with_labels, file.groups))) for file in rules]


def _ordered(rules: list[RuleFile], order: tuple[str, ...]) -> list[RuleFile]:
    """Groups in the order asked for; those not named come as they are, like in promtool."""
    if not order:
        return rules
    rank = {name: i for i, name in enumerate(order)}
    groups = sorted((g for f in rules for g in f.groups), key=lambda g: rank.get(g.name, 0))
    return [RuleFile(g.file, (g,)) for g in groups]


def _check_alerts(test: RuleTest, case: AlertCase, engine: RuleEngine, now_ms: int) -> CaseResult:
    got: list[Alert] = []
    for group, _, alerts in engine.active_alerts(now_ms, case.alertname):
        if not case.group or group.group.name == case.group:
            firing = [a for a in alerts if a.condition == "firing"]
            got.extend((tuple(sorted(a.labels.items())), tuple(sorted(a.annotations.items()))) for a in firing)
    what = f"alertname: {case.alertname}, time: {format_duration_ms(case.eval_ms)}"
    what = f"groupname: {case.group}, {what}" if case.group else what
    differences = compare_alerts(case.expected, got)
    status = BROKEN if differences else HELD
    return CaseResult(test.name, what, case.line, status, summary(differences), differences)


def _check_expr(file: TestFile, test: RuleTest, case: ExprCase, engine: Engine, known_ms: int | None) -> CaseResult:
    what = f"expr: {case.text}, time: {format_duration_ms(case.eval_ms)}"
    if case.has_histogram:
        return CaseResult(test.name, what, case.line, UNSUPPORTED, "native histograms are out of scope")
    try:
        got = samples_of(engine.instant(case.expr, test.start_ms + case.eval_ms, known_ms))
    except PromQLError as why:
        return CaseResult(test.name, what, case.line, BROKEN, str(why))
    differences = compare_samples(case.expected, got, file.fuzzy)
    return CaseResult(test.name, what, case.line, BROKEN if differences else HELD, summary(differences), differences)


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
