"""What the commands that score rules over seeds share: their options, the jobs that follow from them, and how figures are said.

Lives here: options, rule sets from paths, figures as text. Must not know: what a score is made of.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from scenarios.cli.common import data_folder
from scenarios.cli.output import progress, refuse

if TYPE_CHECKING:
    from scenarios.rulebench.tally import Job, RuleSet

MOST_SEEDS = 10_000
J = TypeVar("J")
R = TypeVar("R")

ScenariosOption = Annotated[
    list[str], typer.Option("--scenario", help="A built-in scenario's name, or a scenario file; may be repeated.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", help="How many seeds: the scenario's own and those that follow.")]
FirstSeedOption = Annotated[int | None, typer.Option("--first-seed", min=0, help="Begin here, not at the scenario's own seed.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="How many processes; none: one a processor.")]
SidecarOption = Annotated[
    list[Path] | None, typer.Option("--sidecar", help="Sidecars with claims, instead of those beside the rule files.")
]
CompatOption = Annotated[str, typer.Option("--compat", help="Window semantics: 3.x (left-open) or 2.x (left-closed).")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write the JSON document into this folder.")]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Simulate and replay anew; keep nothing.")]


def rule_set(paths: Sequence[Path], sidecars: Sequence[Path], semantics: str, any_alert: bool = False) -> "RuleSet":
    """Return the rule files of the paths (none: the pack) with what their alerts claim. Raises RuleFilesError or BadFile.

    With `any_alert`, sidecars may claim for alerts of other rule sets too.
    """
    from ops_center.rules.files import load_files, read_files
    from scenarios.claims import read_claims, sidecars_of
    from scenarios.rule_paths import PACK, rule_files
    from scenarios.rulebench.score import names_of
    from scenarios.rulebench.tally import RuleSet

    if semantics not in ("2.x", "3.x"):
        raise typer.BadParameter(f"{semantics!r}; expected 2.x or 3.x", param_hint="--compat")
    chosen = list(paths) or [PACK]
    files = rule_files(chosen)
    texts = read_files(files)
    loaded = load_files(texts)  # under the paths as given: an error says where
    alerts = {rule.alert for file in loaded for group in file.groups for rule in group.rules if rule.alert}
    if not alerts:
        refuse([f"{chosen[0]}:1:1: there is no alert in the rule files; expected at least one"])
    claims = read_claims(list(sidecars) or sidecars_of(chosen), None if any_alert else alerts)
    names = names_of(files)
    own = {alert: claim for alert, claim in claims.items() if alert in alerts}
    return RuleSet(tuple((names[file], texts[str(file)]) for file in files), own, semantics)


def jobs_of(
    scenarios: Sequence[str],
    seeds: int,
    rules: "Sequence[RuleSet]",
    *,
    first_seed: int | None = None,
    city: str | None = None,
    kinds: Sequence[Path] = (),
    mapping: Path | None = None,
    cache: Path | None = None,
) -> "list[Job]":
    """Return a job for each scenario and seed, everything checked that can be before any of them runs."""
    from scenarios.rulebench.tally import Job, setup_of

    if not 1 <= seeds <= MOST_SEEDS:
        refuse([f"--seeds is {seeds}; expected 1 to {MOST_SEEDS}"])
    if len(set(scenarios)) != len(scenarios):
        refuse([f"a scenario stands twice among {', '.join(scenarios)}; expected each once"])
    jobs = []
    for scenario in scenarios:
        own = setup_of(scenario, city, tuple(kinds), mapping, cache).scenario.seed
        begin = own if first_seed is None else first_seed
        jobs += [Job(scenario, seed, tuple(rules), city, tuple(kinds), mapping, cache) for seed in range(begin, begin + seeds)]
    return jobs


def run_jobs(jobs: "Sequence[Job]", workers: int | None, title: str, quiet: bool) -> list[list[dict[str, Any]]]:
    """Return the tallies of every job, a list with one for each rule set of it, under a progress bar."""
    from scenarios.rulebench.tally import tallies

    return in_parallel(tallies, jobs, workers, (title, "runs"), quiet)


def in_parallel(work: Callable[[J], R], jobs: Sequence[J], workers: int | None, titled: tuple[str, str], quiet: bool) -> list[R]:
    """Return the result of every job under a progress bar; `titled` are its title and what is counted."""
    from scenarios.rulebench.pool import Workers, workers_there_are

    with Workers(min(workers or workers_there_are(), len(jobs))) as pool:
        pool.start()  # before there is a bar: it has a thread
        with progress(titled[0], len(jobs), titled[1], quiet=quiet) as advance:
            return pool.run(work, jobs, advance)


def cache_of(data: Path | None, without: bool) -> Path | None:
    """Return the folder in which recordings and tallies are kept; None: keep nothing."""
    return None if without else data_folder(data) / "cache"


def write_json(out: Path, name: str, document: Mapping[str, Any]) -> None:
    """Write a document into a folder, made if there is none."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
        (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        refuse([f"{out}:1:1: {name} cannot be written: {error.strerror}"])


def figure(found: Mapping[str, Any], unit: str = "") -> str:
    """Return a figure with its interval in words, `–` where there is none."""
    value, low, high = found["value"], found["low"], found["high"]
    if value is None:
        return "–"
    said = _number(value, unit)
    return said if low is None else f"{said} ({_number(low, '')}–{_number(high, '')})"


def _number(value: float, unit: str) -> str:
    text = f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}"
    return f"{text} {unit}".rstrip()


def percent(found: Mapping[str, Any]) -> str:
    """Return a share with its interval in per cent."""
    return figure({key: None if value is None else 100.0 * value for key, value in found.items()}, "%")
