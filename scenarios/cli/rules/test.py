"""`cityops rules test`: promtool's and vmalert-tool's test files, unchanged; what they exercised; reports for people and for CI.

Lives here: the command's options and what it prints. Must not know: how tests are run.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli.common import JsonOption
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, refuse, say, say_json
from scenarios.cli.rules.common import Paths, yaml_files

if TYPE_CHECKING:
    from ops_center.rules.coverage import Coverage
    from ops_center.rules.unittest import Plan, TestResult
    from ops_center.rules.verdicts import CaseResult

COLOURS = {"expected": typer.colors.RED, "got": typer.colors.GREEN, "subject": None, "more": None}


def run_tests(
    paths: Paths = None,
    compat: Annotated[str, typer.Option("--compat", help="Window semantics: 3.x (left-open) or 2.x (left-closed).")] = "3.x",
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="REGEX", help="Only tests whose name matches; may be repeated."),
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit XML report.")] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Say which rules, branches and label sets the tests exercised.")
    ] = False,
    min_coverage: Annotated[
        float | None,
        typer.Option("--min-coverage", metavar="PERCENT", min=0, max=100, help="Exit status 1 where a rule file has less."),
    ] = None,
    ignore_unknown_fields: Annotated[
        bool, typer.Option("--ignore-unknown-fields", help="Leave out fields that nobody knows, instead of refusing them.")
    ] = False,
    disable_alertgroup_label: Annotated[
        bool, typer.Option("--disable-alertgroup-label", help="As vmalert-tool's: alerts have no label alertgroup.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run rule tests: files of `promtool test rules` and of `vmalert-tool unittest`, unchanged.

    Example: cityops rules test my_rules/tests/ --coverage --junit report.xml
    """
    from ops_center.label_sets import compile_regex
    from ops_center.rules.unittest import Plan

    if compat not in ("2.x", "3.x"):
        raise typer.BadParameter(f"{compat!r}; expected 2.x or 3.x", param_hint="--compat")
    for pattern in run or ():
        try:
            compile_regex(pattern)
        except ValueError as why:
            raise typer.BadParameter(str(why), param_hint="--run") from None
    wanted = coverage or min_coverage is not None
    plan = Plan(compat, tuple(run or ()), ignore_unknown_fields, not disable_alertgroup_label, wanted)
    results = _results(yaml_files(paths or [_pack()], tests=True), plan)
    found = _covered([result for result, _ in results]) if wanted else None
    if junit is not None:
        _write_junit(junit, results)
    if as_json:
        say_json(_document([result for result, _ in results], found))
    else:
        for result, _ in results:
            _say_test(result)
        if found is not None:
            _say_coverage(found)
    _leave([result for result, _ in results], found, min_coverage)


def _pack() -> Path:
    import ops_center

    return Path(ops_center.__file__).parent / "rulepack" / "tests"


def _results(paths: Sequence[Path], plan: "Plan") -> "list[tuple[TestResult, float]]":
    """Each file's result, and how many seconds it took."""
    from ops_center.collecting import no_collection
    from ops_center.rules.unittest import test_file

    out: list[tuple[TestResult, float]] = []
    with no_collection():  # files become trees of many small values: walking them again and again is a third of the time
        for path in paths:
            start = perf_counter()
            result = test_file(path, plan=plan)
            out.append((result, perf_counter() - start))
    return out


def _covered(results: "Sequence[TestResult]") -> "Coverage":
    from ops_center.rules.coverage import Coverage

    found = Coverage()
    for result in results:
        if result.coverage is not None:
            found = found.merged(result.coverage)
    return found


def _write_junit(path: Path, results: "Sequence[tuple[TestResult, float]]") -> None:
    from scenarios.junit import junit_xml

    try:
        path.write_bytes(junit_xml(results))
    except OSError as why:
        refuse([f"{path}:1:1: cannot write the report: {why.strerror}; expected a file that can be written"])


def _leave(results: "Sequence[TestResult]", found: "Coverage | None", least: float | None) -> None:
    """End with the status that the results deserve."""
    from ops_center.rules.coverage import ratio

    if any(result.errors for result in results):
        raise typer.Exit(BAD_INPUT)
    thin = []
    if found is not None and least is not None:
        shares = {file: 100 * ratio(rules) for file, rules in found.files().items()}
        thin = [
            f"{file}: coverage is {share:.1f} %, expected at least {least:g} %" for file, share in shares.items() if share < least
        ]
    for line in thin:
        typer.echo(line, err=True)
    if thin or not all(result.ok for result in results):
        raise typer.Exit(DOES_NOT_HOLD)


def _document(results: "Sequence[TestResult]", found: "Coverage | None") -> Any:
    files = [_plain_test(result) for result in results]
    return files if found is None else {"files": files, "coverage": _plain_coverage(found)}


def _plain_test(result: "TestResult") -> dict[str, Any]:
    return {
        "path": result.path, "ok": result.ok, "cases": [_plain_case(case) for case in result.cases],
        "errors": list(result.errors), "warnings": list(result.warnings),
    }  # fmt: skip


def _plain_case(case: "CaseResult") -> dict[str, Any]:
    differences = [
        {
            "kind": one.kind,
            "subject": one.subject,
            "fields": [{"name": f.name, "expected": f.expected, "got": f.got} for f in one.fields],
        }
        for one in case.differences
    ]
    return {
        "test": case.test, "what": case.what, "line": case.line, "status": case.status, "message": case.message,
        "differences": differences,
    }  # fmt: skip


def _plain_coverage(found: "Coverage") -> list[dict[str, Any]]:
    from ops_center.rules.coverage import ratio

    return [
        {
            "path": file,
            "coverage_ratio": ratio(rules),
            "rules": [
                {
                    "name": one.rule.name, "group": one.group, "line": one.rule.line, "status": one.status,
                    "asserted": one.asserted, "evaluations": one.evaluations,
                    "branches": [
                        {"text": b.text, "sides": {side: side in b.taken for side in b.sides}} for b in one.branches
                    ],
                    "label_sets": [{"labels": dict(labels), "came": came} for labels, came in one.label_sets.items()],
                }
                for one in rules
            ],
        }
        for file, rules in found.files().items()
    ]  # fmt: skip


def _say_test(result: "TestResult") -> None:
    from ops_center.rules.verdicts import lines_of

    for warning in result.warnings:
        typer.echo(warning, err=True)
    held = sum(case.status == "passed" for case in result.cases)
    if not result.errors:
        say(f"{result.path}: {held} of {len(result.cases)} assertions hold")
    for case in result.cases:
        if case.status == "passed":
            continue
        test = f"test {case.test!r}: " if case.test else ""
        say(f"{result.path}:{case.line}:1: {test}{case.what}: {case.status}{'' if case.differences else ': ' + case.message}")
        for kind, line in lines_of(case.differences):
            say(typer.style(f"    {line}", fg=COLOURS[kind]) if _is_coloured() else f"    {line}")
    for error in result.errors:
        typer.echo(error, err=True)


def _is_coloured() -> bool:
    """Whether the output is a terminal, and nobody has set NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _say_coverage(found: "Coverage") -> None:
    """A line for each rule file, and under it what is missing."""
    from ops_center.rules.coverage import ratio

    for file, rules in found.files().items():
        done, branches = sum(one.done for one in rules), [b for one in rules for b in one.branches]
        sides = sum(len(b.taken) for b in branches)
        say(
            f"{file}: coverage {100 * ratio(rules):.1f} %: {done} of {len(rules)} rules exercised, "
            f"{sides} of {2 * len(branches)} sides of branches taken, {sum(len(one.label_sets) for one in rules)} label sets"
        )
        for one in rules:
            place, what = f"  {file}:{one.rule.line}:1: {one.rule.name}", "fired" if one.rule.alert else "recorded anything"
            if not one.done:
                say(f"{place}: never {what}" + (", only pending" if one.status != "never" else ""))
            elif not one.asserted:
                say(f"{place}: no assertion looks at it")
            for branch in one.branches:
                if branch.missing:
                    say(f"{place}: never {' nor '.join(branch.missing)}: {branch.text}")
