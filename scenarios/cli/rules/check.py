"""`cityops rules check`: rule files looked through before anything runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ops_center.rules.files import RuleFile, RuleFilesError, load_files, read_files
from ops_center.rules.lint.catalogue import Catalogue
from ops_center.rules.lint.checks import CANNOT_LOAD, CHECKS
from ops_center.rules.lint.findings import ERROR, WARNING, Finding
from ops_center.rules.lint.lint import Asked, Linted, lint_read, of_mapping, read
from ops_center.rules.lint.look import MAX_SAMPLES
from scenarios.cli.common import DataOption, JsonOption, KindsOption, MappingOption, checked_mapping, data_folder
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, refuse, say, say_json, tell
from scenarios.cli.rules.common import Paths, yaml_files
from scenarios.rule_paths import PACK

DEFAULT_CITY = "hai_phong"
NO_CITY = "none"


def check(
    paths: Paths = None,
    city: Annotated[str, typer.Option("--city", help="Whose metrics and labels rules may use; none: any.")] = DEFAULT_CITY,
    mapping: MappingOption = None,
    kinds: KindsOption = None,
    disable: Annotated[list[str] | None, typer.Option("--disable", help="A finding not to look for; may be repeated.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    max_samples: Annotated[int, typer.Option("--max-samples", min=1, help="What an evaluation may read.")] = MAX_SAMPLES,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look through rule files: what cannot be loaded, cannot be true, cannot match, or will hurt.

    Example: cityops rules check my_rules/ --mapping my_names.yml --strict
    """
    unknown = sorted(set(disable or ()) - CHECKS.keys())
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r}; expected one of {', '.join(sorted(CHECKS))}", param_hint="--disable")
    texts, broken = _texts(yaml_files(paths or [PACK], tests=False))
    named = checked_mapping(mapping)
    have = read(texts)
    catalogue = None
    if city != NO_CITY and have.files:  # a city is made to look at rules; files that do not load are refused at once
        catalogue = _catalogue(city, named, mapping, kinds or [], data_folder(data) / "cache")
    beside = _beside(paths, texts) if have.files else []
    found = lint_read(have, Asked(catalogue, disable or (), max_samples), beside)
    of_names = [one for one in of_mapping(catalogue, str(mapping)) if one.name not in (disable or ())] if catalogue else []
    results = sorted([*found, *broken], key=lambda one: one.path)
    if as_json:
        say_json(_document(results, of_names, city))
    else:
        _say(results, of_names)
    _leave(results, of_names, strict)


def _texts(files: list[Path]) -> tuple[dict[str, str], list[Linted]]:
    """The files that can be read, and findings for those that cannot."""
    texts: dict[str, str] = {}
    broken: list[Linted] = []
    for file in files:
        try:
            texts |= read_files([file])
        except RuleFilesError as why:
            found = tuple(Finding(CANNOT_LOAD, ERROR, e.file, e.line, e.column, "", e.message) for e in why.errors)
            broken.append(Linted(str(file), 0, 0, False, found))
    return texts, broken


def _catalogue(city: str, named: Any, mapping: Path | None, kinds: list[Path], cache: Path) -> Catalogue:
    from scenarios.rulebench.kept_catalogue import kept_catalogue

    try:
        return kept_catalogue(city, mapping, kinds, cache, tell, named)
    except ValueError as why:
        from ops_center.opening import BadRegistry

        if not isinstance(why, BadRegistry):
            raise
        refuse([str(why)])


def _beside(paths: list[Path] | None, texts: dict[str, str]) -> list[RuleFile]:
    """Rules of one's own may read what the built-in pack records, which runs beside them or not: it is known either way."""
    from scenarios.rule_paths import rule_files

    pack = [path for path in rule_files([]) if str(path) not in texts]
    return load_files(read_files(pack)) if paths else []


def _document(results: list[Linted], of_names: list[Finding], city: str) -> dict[str, Any]:
    files = [{"path": one.path, "groups": one.groups, "rules": one.rules, "loads": one.loads} for one in results]
    findings = [finding.plain() for one in results for finding in one.findings] + [finding.plain() for finding in of_names]
    return {"city": city, "files": files, "findings": findings}


def _say(results: list[Linted], of_names: list[Finding]) -> None:
    for one in results:
        for finding in one.findings:
            typer.echo(str(finding), err=not one.loads)
        if one.loads:
            counts = [f"{one.count(s)} {s}s" for s in (ERROR, WARNING) if one.count(s)]
            more = f": {', '.join(counts)}" if counts else ""
            say(f"{one.path}: {one.rules} rules in {one.groups} groups{more}")
    for finding in of_names:
        say(str(finding))


def _leave(results: list[Linted], of_names: list[Finding], strict: bool) -> None:
    if not all(one.loads for one in results):
        raise typer.Exit(BAD_INPUT)
    bad = {ERROR, WARNING} if strict else {ERROR}
    if any(finding.severity in bad for one in results for finding in one.findings) or (strict and of_names):
        raise typer.Exit(DOES_NOT_HOLD)
