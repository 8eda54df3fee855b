"""`cityops rules`: check rule files and run their tests."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ops_center.rules.unittest import CheckResult, TestResult, check_files, test_files
from scenarios.cli.common import JsonOption
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, refuse, say, say_json
from scenarios.setup import PACK

app = typer.Typer(no_args_is_help=True, help="Check and test Prometheus rule files.")
Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; none: the built-in rule pack.")]


@app.command()
def check(paths: Paths = None, as_json: JsonOption = False) -> None:
    """Check rule files as `promtool check rules` does.

    Example: cityops rules check my_rules/
    """
    results = check_files(_files(paths or [PACK], tests=False))
    if as_json:
        say_json([_plain_check(result) for result in results])
    else:
        for result in results:
            _say_check(result)
    if not all(result.ok for result in results):
        raise typer.Exit(BAD_INPUT)


def _plain_check(result: CheckResult) -> dict[str, Any]:
    return {
        "path": result.path, "groups": result.groups, "rules": result.rules,
        "errors": list(result.errors), "warnings": list(result.warnings),
    }  # fmt: skip


def _say_check(result: CheckResult) -> None:
    if result.ok:
        say(f"{result.path}: {result.rules} rules in {result.groups} groups")
    for warning in result.warnings:
        say(f"{warning} (warning)")
    for error in result.errors:
        typer.echo(error, err=True)


@app.command("test")
def run_tests(
    paths: Paths = None,
    compat: Annotated[str, typer.Option("--compat", help="Window semantics: 3.x (left-open) or 2.x (left-closed).")] = "3.x",
    as_json: JsonOption = False,
) -> None:
    """Run `promtool test rules` files, unchanged.

    Example: cityops rules test my_rules/tests/ --compat 2.x
    """
    if compat not in ("2.x", "3.x"):
        raise typer.BadParameter(f"{compat!r}; expected 2.x or 3.x", param_hint="--compat")
    results = test_files(_files(paths or [PACK / "tests"], tests=True), compat)
    if as_json:
        say_json([_plain_test(result) for result in results])
    else:
        for result in results:
            _say_test(result)
    if any(result.errors for result in results):
        raise typer.Exit(BAD_INPUT)
    if not all(result.ok for result in results):
        raise typer.Exit(DOES_NOT_HOLD)


def _plain_test(result: TestResult) -> dict[str, Any]:
    cases = [{"test": c.test, "what": c.what, "line": c.line, "status": c.status, "message": c.message} for c in result.cases]
    return {"path": result.path, "ok": result.ok, "cases": cases, "errors": list(result.errors)}


def _say_test(result: TestResult) -> None:
    held = sum(case.status == "passed" for case in result.cases)
    if not result.errors:
        say(f"{result.path}: {held} of {len(result.cases)} assertions hold")
    for case in result.cases:
        if case.status != "passed":
            say(f"{result.path}:{case.line}:1: {case.what}: {case.status}: {case.message}")
    for error in result.errors:
        typer.echo(error, err=True)


def _files(paths: list[Path], tests: bool) -> list[Path]:
    """Return the files of the paths; in a folder, rule files are those outside `tests`, and sidecars are left out."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            refuse([f"{path}:1:1: there is no such file; expected a rule file or a folder of them"])
        inside = sorted(p for p in path.rglob("*") if p.suffix in (".yml", ".yaml")) if path.is_dir() else [path]
        found += [p for p in inside if not path.is_dir() or _wanted(p.relative_to(path), tests)]
    return found


def _wanted(path: Path, tests: bool) -> bool:
    is_test = ".test." in path.name
    return is_test if tests else not (is_test or path.name.endswith(".truth.yaml") or "tests" in path.parts)
