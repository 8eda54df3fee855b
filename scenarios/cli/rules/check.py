"""`cityops rules check`: rule files checked before anything runs."""

from typing import Any

import typer

from ops_center.rules.unittest import CheckResult, check_files
from scenarios.cli.common import JsonOption
from scenarios.cli.output import BAD_INPUT, say, say_json
from scenarios.cli.rules.common import Paths, yaml_files
from scenarios.setup import PACK


def check(paths: Paths = None, as_json: JsonOption = False) -> None:
    """Check rule files as `promtool check rules` does.

    Example: cityops rules check my_rules/
    """
    results = check_files(yaml_files(paths or [PACK], tests=False))
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
