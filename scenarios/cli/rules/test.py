"""`cityops rules test`: promtool's test files, unchanged."""

from typing import Annotated, Any

import typer

from ops_center.rules.unittest import TestResult, test_files
from scenarios.cli.common import JsonOption
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, say, say_json
from scenarios.cli.rules.common import Paths, yaml_files
from scenarios.setup import PACK


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
    results = test_files(yaml_files(paths or [PACK / "tests"], tests=True), compat)
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
