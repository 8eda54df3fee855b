"""`cityops rules mutate`: rules with one thing changed, and whether their tests and scenarios notice.

Lives here: the command's options, the jobs that follow from them, what it prints. Must not know: how a mutant is made or tried.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli.common import CityOption, DataOption, JsonOption, KindsOption, MappingOption
from scenarios.cli.output import DOES_NOT_HOLD, refuse, say, say_json
from scenarios.cli.rules.common import Paths, yaml_files
from scenarios.cli.rules.reports import HtmlOption, LangOption, check_lang, write_html
from scenarios.cli.rules.scoring import (
    CompatOption,
    FirstSeedOption,
    NoCacheOption,
    SeedsOption,
    WorkersOption,
    cache_of,
    in_parallel,
    write_json,
)

if TYPE_CHECKING:
    from scenarios.rulebench.mutate import About, Row, RuleMutants, RunOf

RULES_A_JOB = 3
MOST_SHOWN = 20
TestsOption = Annotated[
    list[Path] | None, typer.Option("--tests", help="Test files or folders, instead of those beside the rule files.")
]


def mutate(
    paths: Paths = None,
    tests: TestsOption = None,
    scenario: Annotated[list[str] | None, typer.Option("--scenario", help="A scenario too; may be repeated.")] = None,
    seeds: SeedsOption = 1,
    first_seed: FirstSeedOption = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Only rules of this name; may be repeated.")] = None,
    city: CityOption = None,
    kinds: KindsOption = None,
    mapping: MappingOption = None,
    min_score: Annotated[
        float | None, typer.Option("--min-score", metavar="PERCENT", min=0, max=100, help="Exit status 1 below it.")
    ] = None,
    compat: CompatOption = "3.x",
    workers: WorkersOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for mutation.json.")] = None,
    no_cache: NoCacheOption = False,
    data: DataOption = None,
    html: HtmlOption = None,
    lang: LangOption = "vi",
    as_json: JsonOption = False,
) -> None:
    """Change one thing after the other in rules, and see whether their tests and scenarios notice.

    Example: cityops rules mutate my_rules/ --scenario rush_hour_crash --seeds 3
    """
    from ops_center.rules.files import load_files
    from scenarios.rulebench.mutate import document, mutants_of
    from scenarios.rulebench.report_mutate import as_html

    check_lang(lang)
    about = _about(paths, tests, compat)
    if not about.tests and not scenario:
        refuse([f"{(paths or [Path()])[0]}:1:1: there are no rule tests beside the rules; expected --tests or --scenario"])
    load_files(dict(about.files))
    rules = mutants_of(dict(about.files), rule or ())
    if not rules:
        refuse([f"--rule {', '.join(rule or ())}: no rule has this name" if rule else "there is no rule; expected at least one"])
    _check_tests(about)
    with _cache(data, no_cache) as cache:
        runs = _runs(rules, about, scenario or [], seeds, first_seed, (city, tuple(kinds or ()), mapping, cache))
        found = _tried(rules, about, runs, workers, as_json)
    made = document(rules, found[0], list(zip(runs, found[1:], strict=True)), about)
    if out is not None:
        write_json(out, "mutation.json", made)
    write_html(html, as_html, made, lang)
    if as_json:
        say_json(made)
    else:
        _say(made)
    share = made["score"]["score"]
    if min_score is not None and (share is None or 100 * share < min_score):
        raise typer.Exit(DOES_NOT_HOLD)


# -- what is tried


def _about(paths: list[Path] | None, tests: list[Path] | None, semantics: str) -> "About":
    """The rule files, and the test files that are given or lie beside them."""
    from ops_center.rules.files import read_files
    from scenarios.rule_paths import PACK, rule_files
    from scenarios.rulebench.mutate import About

    if semantics not in ("2.x", "3.x"):
        raise typer.BadParameter(f"{semantics!r}; expected 2.x or 3.x", param_hint="--compat")
    files = read_files(rule_files(paths or []))
    given = tests or [path if path.is_dir() else path.parent for path in paths or [PACK]]
    return About(tuple(files.items()), tuple(dict.fromkeys(yaml_files(given, tests=True))), semantics)


def _check_tests(about: "About") -> None:
    """Tests that fail as they are can notice nothing."""
    from ops_center.rules.unittest import Plan, test_files

    texts = {key: text for path, text in about.files for key in (path, str(Path(path).resolve()))}
    results = test_files(about.tests, plan=Plan(compat=about.semantics), texts=texts)
    refused = [error for result in results for error in result.errors]
    if refused:
        refuse(refused)
    broken = [
        f"{r.path}:{c.line}:1: {c.what} does not hold before anything is changed"
        for r in results
        for c in r.cases
        if c.status == "failed"
    ]
    if broken:
        refuse(broken, DOES_NOT_HOLD)


@contextmanager
def _cache(data: Path | None, without: bool) -> Iterator[Path]:
    """Where recordings are kept for the processes that need them; with --no-cache only as long as it goes."""
    kept = cache_of(data, without)
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="cityops-mutate-") as folder:
        yield Path(folder)


def _runs(
    rules: "Sequence[RuleMutants]", about: "About", scenarios: list[str], seeds: int, first_seed: int | None, of: tuple[Any, ...]
) -> "list[RunOf]":
    """The runs, with the kinds that the rules or any of their mutants read."""
    from ops_center.rules.files import load_files
    from scenarios.rulebench.mutate import RunOf, files_of
    from scenarios.rulebench.tally import kinds_of, setup_of

    if seeds < 1:
        refuse([f"--seeds is {seeds}; expected 1 or more"])
    found: list[RunOf] = []
    files = [*load_files(dict(about.files)), *files_of(rules, about)] if scenarios else []
    for name in dict.fromkeys(scenarios):
        setup = setup_of(name, *of)
        begin = setup.scenario.seed if first_seed is None else first_seed
        read = kinds_of(files, setup)
        found += [RunOf(name, seed, read, *of) for seed in range(begin, begin + seeds)]
    return found


def _tried(
    rules: "list[RuleMutants]", about: "About", runs: "list[RunOf]", workers: int | None, quiet: bool
) -> "list[list[list[Row]]]":
    """What the tests, and then each run, said of each mutant of each rule."""
    from scenarios.rulebench.mutate import Job, record, tried

    if runs:
        in_parallel(record, runs, workers, ("recording", "runs"), quiet)
    jobs = [Job((rule,), about.files, about.semantics, about.tests) for rule in rules]
    parts = [tuple(rules[i : i + RULES_A_JOB]) for i in range(0, len(rules), RULES_A_JOB)]
    jobs += [Job(part, about.files, about.semantics, run=run) for run in runs for part in parts]
    rows = [row for some in in_parallel(tried, jobs, workers, ("mutants", "parts"), quiet) for row in some]
    return [rows[i : i + len(rules)] for i in range(0, len(rows), len(rules))]


# -- what is said


def _say(made: dict[str, Any]) -> None:
    for row in made["by_rule"]:
        if row["mutants"]:
            say(f"{row['file']}: {row['rule']}: {_share(row)}")
    survivors = [mutant for mutant in made["mutants"] if mutant["status"] == "survived"]
    whys = {kind["kind"]: kind["why"]["en"] for kind in made["by_kind"]}
    for mutant in survivors[:MOST_SHOWN]:
        say("")
        place = f"{mutant['file']}:{mutant['line']}:{mutant['column']}: {mutant['rule']}"
        say(f"{place}: {mutant['name']} survives. {whys[mutant['kind']]}")
        say("\n".join(mutant["diff"].splitlines()[2:]))
    if len(survivors) > MOST_SHOWN:
        say(f"... and {len(survivors) - MOST_SHOWN} more survivors; --out FOLDER or --json has all of them")
    say("")
    say(f"all: {_share(made['score'])}")


def _share(row: dict[str, Any]) -> str:
    share = "–" if row["score"] is None else f"{100 * row['score']:.0f} %"
    counted = row["noticed"] + row["survived"]
    by = f"{row['noticed_by_tests']} by tests, {row['noticed_by_scenarios']} by scenarios"
    more = f", {row['equivalent']} declared equivalent" if row["equivalent"] else ""
    return f"{share}, {row['noticed']} of {counted} mutants noticed ({by}){more}"
