"""Mutation of rules: each mutant of each rule tried on the rule tests and on recorded scenarios; who notices, and who survives.

Lives here: trying one rule's mutants, as a job of a pool; the shape of the document. Must not know: how mutants are made of text,
how a document is shown. A test notices a mutant when an assertion that held no longer does; a scenario when what fires after its
warm-up is different: other alerts, or the same at other times. Of each test and recording only the rules run that it may concern.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ops_center.promql import ast
from ops_center.rules.files import RuleFile, RuleFilesError, load_files, load_text
from ops_center.rules.lint.source import sources
from ops_center.rules.replay import Firing, replay, written_by
from ops_center.rules.testfile import RuleTest
from ops_center.rules.together import replay_together
from ops_center.rules.typed_series import TypedSeries
from ops_center.rules.unittest import Opened, Plan, open_file, run_test
from ops_center.rules.verdicts import BROKEN, CaseResult
from ops_center.rules.yaml_nodes import FileError
from ops_center.series import SeriesStore
from scenarios.rulebench.dependants import Graph, Key, Split, only, writes
from scenarios.rulebench.mutants import Mutant, declared_equivalent, mutants
from scenarios.rulebench.mutation_words import KINDS
from scenarios.rulebench.recording import Recording, at_seed, recording
from scenarios.rulebench.tally import settings_of, setup_of

Plain = dict[str, Any]
FORMAT = "cityops-mutation/1"
NOTICED, SURVIVED, EQUIVALENT, NONE = "noticed", "survived", "equivalent", "none"


class Row(NamedTuple):
    """What a mutant came to: whether it loads, and who notices it (empty: nobody; None: nobody was asked)."""

    loads: bool
    by: str | None


@dataclass(frozen=True, slots=True)
class RunOf:
    """A scenario at a seed, simulated with these kinds, as a job names it."""

    scenario: str
    seed: int
    kinds: tuple[str, ...]
    city: str | None = None
    kinds_dirs: tuple[Path, ...] = ()
    mapping: Path | None = None
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class RuleMutants:
    """A rule and its mutants; those of `equivalent` are declared to be no other rule."""

    key: Key
    rule: str
    mutants: tuple[Mutant, ...]
    equivalent: frozenset[str]


@dataclass(frozen=True, slots=True)
class Job:
    """Mutants of rules to be tried on test files, or on a run: all rule files as (path, text), the window semantics."""

    rules: tuple[RuleMutants, ...]
    files: tuple[tuple[str, str], ...]
    semantics: str = "3.x"
    tests: tuple[Path, ...] = ()
    run: RunOf | None = None

    def mutated(self, mutant: Mutant) -> str:
        """The text of the file that a mutant changes."""
        return mutant.text(dict(self.files)[mutant.file])


@lru_cache(maxsize=2)
def recorded(run: RunOf) -> Recording:
    """Return the recording of a run, kept for the jobs that follow: those of one run come one after the other."""
    setup = at_seed(setup_of(run.scenario, run.city, run.kinds_dirs, run.mapping, run.cache), run.seed)
    return recording(setup, run.kinds, None if run.cache is None else run.cache / "recordings")


def record(run: RunOf) -> int:
    """Record a run for others to find on disk; return how long it is [ms]."""
    return recorded(run).until_ms


def mutants_of(files: Mapping[str, str], names: Sequence[str] = ()) -> list[RuleMutants]:
    """Return the rules of files with their mutants, in their order: all, or those of a name. Raises as `load_files`."""
    found = []
    for path, text in files.items():
        for source in sources(text, path)[1]:
            if not names or source.name in names:
                made = tuple(mutants(source))
                same = frozenset(one.name for one in made if declared_equivalent(source, one))
                found.append(RuleMutants((path, source.group.name, source.number), source.name, made, same))
    return found


def files_of(rules: Sequence[RuleMutants], about: About) -> list[RuleFile]:
    """Return the mutants that may read other series than their rule: those of its matchers, as far as they load."""
    texts, found = dict(about.files), []
    for mutant in (mutant for rule in rules for mutant in rule.mutants if mutant.kind == "matcher"):
        with contextlib.suppress(FileError, RuleFilesError):
            found.append(load_text(mutant.text(texts[mutant.file]), mutant.file))
    return found


def tried(job: Job) -> list[list[Row]]:
    """Return for each rule of a job what each of its mutants came to, in order; None for one that is no rule file."""
    files = load_files(dict(job.files))
    graph = Graph(files)
    return [_tried(job, rule, files, graph) for rule in job.rules]


def _tried(job: Job, rule: RuleMutants, files: list[RuleFile], graph: Graph) -> list[Row]:
    concerned = graph.downstream([rule.key])
    if job.run is not None:
        replays = _Replays(job.run, job, rule.key, files, graph)
        return [_row(job, rule, mutant, replays.notices) for mutant in rule.mutants]
    tests = [trial for path in job.tests if (trial := _Trial.of(path, job, rule.key, concerned)) is not None]

    def noticed(mutant: Mutant) -> str:
        return next((by for trial in tests if (by := trial.notices(mutant, job))), "")

    return [_row(job, rule, mutant, noticed if tests else None) for mutant in rule.mutants]


def _row(job: Job, rule: RuleMutants, mutant: Mutant, notices: Callable[[Mutant], str] | None) -> Row:
    """Who notices a mutant: nobody where the text is empty; None where nobody was asked, or it does not load."""
    try:
        load_text(job.mutated(mutant), mutant.file)
    except (FileError, RuleFilesError):
        return Row(False, None)
    return Row(True, None if notices is None or mutant.name in rule.equivalent else notices(mutant))


# -- rule tests


class _Trial:
    """The tests of one file that may concern a rule, and which of their assertions hold as it is.

    What rules record that a mutant cannot change is evaluated once for each test; for each mutant, only what reads it.
    """

    def __init__(self, path: Path, opened: Opened, tests: list[RuleTest], split: Split, plan: Plan) -> None:
        self.path, self.opened, self.tests, self.plan, self.again = path, opened, tests, plan, split.again
        self.bases = {test.line: self._base(test, only(opened.rules, split.once)) for test in tests}
        self.held = {test.line: self._results(test, opened.rules) for test in tests}

    @classmethod
    def of(cls, path: Path, job: Job, key: Key, concerned: Iterable[Key]) -> _Trial | None:
        """Open a test file; None where it does not read the rule, or asserts nothing that the rule has to do with."""
        plan = Plan(compat=job.semantics)
        opened = _opened(path, path.stat().st_mtime_ns, plan, job.files)
        graph = Graph(opened.rules)
        own = {one: rule for one, rule in graph.rules.items() if _same(one, concerned)}
        tests = [test for test in opened.file.tests if _asserts(test, own.values())]
        asked = [one for one, rule in own.items() if any(_asserts(test, [rule]) for test in tests)]
        needed = graph.upstream(asked)
        mutated = next((one for one in needed if _same(one, [key])), None)
        if mutated is None:
            return None
        rank = {name: i for i, name in enumerate(opened.file.group_order)}
        order = sorted(graph.rules, key=lambda one: rank.get(one[1], 0))
        return cls(path, opened, tests, graph.split(needed, mutated, order), plan)

    def _base(self, test: RuleTest, rules: list[RuleFile]) -> SeriesStore:
        """The test's series with what the rules record that stay as they are."""
        store = SeriesStore(retention_ms=1 << 60)
        TypedSeries(store, test.series, test.interval_ms).all()
        if rules:
            run_test(self.opened.file, test, rules, self.plan, over=store)
        return store

    def _results(self, test: RuleTest, rules: list[RuleFile]) -> tuple[list[CaseResult], list[str]]:
        again = only(rules, self.again)
        return run_test(self.opened.file, test, again, self.plan, over=self.bases[test.line].beside(written_by(again)))

    def notices(self, mutant: Mutant, job: Job) -> str:
        """Return which assertion no longer holds with a mutant in the place of its rule; empty where all do."""
        text = job.mutated(mutant)
        rules = [load_text(text, file.path) if _alike(file.path, mutant.file) else file for file in self.opened.rules]
        for test in self.tests:
            held, _ = self.held[test.line]
            cases, errors = self._results(test, rules)
            if errors:
                return f"{self.path.name}:{test.line}: {test.name}: {errors[0]}"
            for old, one in zip(held, cases, strict=True):
                if one.status == BROKEN and old.status != BROKEN:
                    return f"{self.path.name}:{one.line}: {test.name}: {one.what}"
        return ""


@lru_cache(maxsize=64)
def _opened(path: Path, _changed_ns: int, plan: Plan, files: tuple[tuple[str, str], ...]) -> Opened:
    """A test file, as it was when it was changed last, with its rules: those of the job where it names them."""
    return open_file(path, plan, _texts(files))


@lru_cache(maxsize=4096)
def _resolved(path: str) -> str:
    return str(Path(path).resolve())


def _texts(files: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {key: text for path, text in files for key in (path, _resolved(path))}


def _alike(one: str, other: str) -> bool:
    return one == other or _resolved(one) == _resolved(other)


def _same(key: Key, others: Iterable[Key]) -> bool:
    """Whether a rule of a test's files is one of ours: files may be named by other paths."""
    return any(key[1:] == other[1:] and _alike(key[0], other[0]) for other in others)


def _asserts(test: RuleTest, rules: Iterable[Any]) -> bool:
    """Whether a test looks at an alert, or at a metric that rules write."""
    selectors = [node for case in test.exprs for node in ast.walk(case.expr) if isinstance(node, ast.Selector)]
    alerts = {case.alertname for case in test.alerts}
    return any(rule.alert in alerts or any(writes(rule, one.matchers) for one in selectors) for rule in rules)


# -- scenarios


class _Replays:
    """What fires in a run, of the alerts that a rule may concern, and what does with a mutant in its place."""

    def __init__(self, run: RunOf, job: Job, key: Key, files: list[RuleFile], graph: Graph) -> None:
        self.run, self.job, self.key = run, job, key
        concerned = graph.downstream([key])
        self.alerts = {graph.rules[one].alert for one in concerned} - {""}
        split = graph.split(graph.upstream(concerned), key, list(graph.rules))
        self.again, self.files = split.again, only(files, split.again)
        made = recorded(run)
        self.settings, self.until_ms, self.warm_up_ms = settings_of(made, job.semantics), made.until_ms, made.warm_up_ms
        once = only(files, split.once)
        self.base = made.store.beside(written_by(once) if once else ())
        if once and self.alerts:
            replay_together(once, self.base, 0, self.until_ms, self.settings)
        self.before = self._firings(self.files)

    def _firings(self, files: Sequence[RuleFile]) -> list[Firing]:
        """What fires after the warm-up."""
        if not self.alerts:
            return []
        fired = replay(files, self.base, 0, self.until_ms, self.settings).firings
        ends = ((one, self.until_ms if one.ended_at_ms is None else one.ended_at_ms) for one in fired)
        return [one for one, end_ms in ends if one.rule in self.alerts and end_ms > self.warm_up_ms]

    def notices(self, mutant: Mutant) -> str:
        """Return what is different in the run with a mutant; empty where nothing is."""
        if not self.alerts:
            return ""
        (own,) = only([load_text(self.job.mutated(mutant), mutant.file)], self.again)
        files = [own if file.path == own.path else file for file in self.files]
        return _difference(self.run, self.before, self._firings(files))


def _difference(run: RunOf, before: Sequence[Firing], after: Sequence[Firing]) -> str:
    """Return what is different in a run, in words; empty where nothing is."""
    where = f"{run.scenario}, seed {run.seed}"
    counts = [Counter((one.rule, tuple(sorted(one.labels.items()))) for one in some) for some in (before, after)]
    for sign, some in (("no longer", counts[0] - counts[1]), ("now", counts[1] - counts[0])):
        if some:
            more = f" and {some.total() - 1} more" if some.total() > 1 else ""
            return f"{where}: {next(iter(sorted(some)))[0]} {sign} fires{more}"
    for old, new in zip(sorted(before, key=_order), sorted(after, key=_order), strict=True):
        if (old.fired_at_ms, old.ended_at_ms) != (new.fired_at_ms, new.ended_at_ms):
            return f"{where}: {old.rule} fires at another time"
    return ""


def _order(one: Firing) -> tuple[Any, ...]:
    return one.rule, sorted(one.labels.items()), one.fired_at_ms


# -- the document

Runs = tuple["RunOf", Sequence[Sequence[Row]]]


@dataclass(frozen=True, slots=True)
class About:
    """What a mutation run was made of."""

    files: tuple[tuple[str, str], ...]
    tests: tuple[Path, ...]
    semantics: str


def document(rules: Sequence[RuleMutants], by_tests: Sequence[Sequence[Row]], by_runs: Sequence[Runs], about: About) -> Plain:
    """Return the result of a mutation run, ready for JSON (docs/reference/mutation-format.md).

    `by_tests[i][j]` is what the tests said of mutant j of rule i, each of `by_runs` what a run said, in the same order.
    """
    rows = [
        [
            _plain(about, rule, mutant, by_tests[i][j], [(run, found[i][j]) for run, found in by_runs])
            for j, mutant in enumerate(rule.mutants)
            if by_tests[i][j].loads
        ]
        for i, rule in enumerate(rules)
    ]
    every = [row for some in rows for row in some]
    return {
        "format": FORMAT,
        "rules": [path for path, _ in about.files],
        "tests": [str(path) for path in about.tests],
        "runs": [{"scenario": run.scenario, "seed": run.seed} for run, _ in by_runs],
        "semantics": about.semantics,
        "score": score(every),
        "by_kind": [
            {"kind": kind, "title": _both(words.title), "why": _both(words.why), **score([r for r in every if r["kind"] == kind])}
            for kind, words in KINDS.items()
        ],
        "by_rule": [
            {"file": rule.key[0], "group": rule.key[1], "number": rule.key[2], "rule": rule.rule, **score(some)}
            for rule, some in zip(rules, rows, strict=True)
        ],
        "mutants": every,
    }


def _plain(about: About, rule: RuleMutants, mutant: Mutant, tests: Row, runs: Sequence[tuple[RunOf, Row]]) -> Plain:
    names = ("name", "kind", "variant", "file", "group", "rule", "number", "line", "column", "before", "after")
    seen = [{"scenario": run.scenario, "seed": run.seed, "what": row.by} for run, row in runs if row.by]
    if mutant.name in rule.equivalent:
        status, of_tests, of_runs = EQUIVALENT, NONE, NONE
    else:
        status = NOTICED if tests.by or seen else SURVIVED
        of_tests = NONE if tests.by is None else NOTICED if tests.by else SURVIVED
        of_runs = NONE if not runs else NOTICED if seen else SURVIVED
    return {name: getattr(mutant, name) for name in names} | {
        "diff": mutant.diff(dict(about.files)[mutant.file]), "status": status, "tests": of_tests, "scenarios": of_runs,
        "by_test": tests.by or "", "by_runs": seen,
    }  # fmt: skip


def score(rows: Iterable[Mapping[str, Any]]) -> Plain:
    """Return how many mutants there are, how many were noticed and by whom; `score` is the share of those not equivalent."""
    listed = list(rows)
    statuses = Counter(row["status"] for row in listed)
    counted = statuses[NOTICED] + statuses[SURVIVED]
    return {
        "mutants": len(listed),
        "equivalent": statuses[EQUIVALENT],
        "noticed": statuses[NOTICED],
        "survived": statuses[SURVIVED],
        "noticed_by_tests": sum(row["tests"] == NOTICED for row in listed),
        "noticed_by_scenarios": sum(row["scenarios"] == NOTICED for row in listed),
        "score": None if not counted else statuses[NOTICED] / counted,
    }


def _both(text: Any) -> Plain:
    return {"vi": text.vi, "en": text.en}
