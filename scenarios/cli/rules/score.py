"""`cityops rules score`: what rules catch, miss and raise for nothing, over scenarios and seeds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from scenarios.cli.common import CityOption, DataOption, JsonOption, KindsOption, MappingOption
from scenarios.cli.output import refuse, say, say_json, tell
from scenarios.cli.rules.common import Paths
from scenarios.cli.rules.reports import HtmlOption, IntoOption, LangOption, check_lang, documents_of, put_into, write_html
from scenarios.cli.rules.scoring import (
    CompatOption,
    FirstSeedOption,
    NoCacheOption,
    OutOption,
    ScenariosOption,
    SeedsOption,
    SidecarOption,
    WorkersOption,
    cache_of,
    figure,
    jobs_of,
    percent,
    rule_set,
    run_jobs,
    write_json,
)

if TYPE_CHECKING:
    from scenarios.rulebench.tally import Job

MOST_SHOWN = 20


def score(
    scenario: ScenariosOption,
    paths: Paths = None,
    seeds: SeedsOption = 20,
    first_seed: FirstSeedOption = None,
    workers: WorkersOption = None,
    out: OutOption = None,
    lapilli: Annotated[Path | None, typer.Option("--lapilli", help="Write the incidents for Lapilli, a YAML file a run.")] = None,
    openmetrics: Annotated[
        Path | None, typer.Option("--openmetrics", help="Write the samples that the rules read, a text file a run.")
    ] = None,
    sidecar: SidecarOption = None,
    compat: CompatOption = "3.x",
    city: CityOption = None,
    kinds: KindsOption = None,
    mapping: MappingOption = None,
    data: DataOption = None,
    no_cache: NoCacheOption = False,
    html: HtmlOption = None,
    into: IntoOption = None,
    lang: LangOption = "vi",
    as_json: JsonOption = False,
) -> None:
    """Score rule files against the truth of simulated cities: detection, false alarms, time to detect, load.

    Each seed is a city of its own, at which each rule group is evaluated at a phase of its own. What was simulated and replayed
    is kept: a score that was stopped goes on where it was.

    Example: cityops rules score my_rules/ --scenario rush_hour_crash --seeds 20
    """
    from scenarios.rulebench.report_score import as_html
    from scenarios.rulebench.score import document, notes

    check_lang(lang)
    documents = documents_of(into, data)
    rules = rule_set(paths or [], sidecar or [], compat)
    cache = cache_of(data, no_cache)
    jobs = jobs_of(scenario, seeds, [rules], first_seed=first_seed, city=city, kinds=kinds or (), mapping=mapping, cache=cache)
    tallies = [each[0] for each in run_jobs(jobs, workers, "score", as_json)]
    found = document(tallies, rules)
    for line in notes(found):
        tell(line)
    if out is not None:
        write_json(out, "score.json", found)
    if lapilli is not None:
        _hand_over_incidents(lapilli, tallies)
    if openmetrics is not None:
        _hand_over_samples(openmetrics, jobs)
    write_html(html, as_html, found, lang)
    put_into(documents, f"score-{'-'.join(dict.fromkeys(tally['scenario'] for tally in tallies))}", found)
    if as_json:
        say_json(found)
    else:
        _say(found)


def _hand_over_incidents(path: Path, tallies: Sequence[dict[str, Any]]) -> None:
    from scenarios.rulebench import exchange

    for tally in tallies:
        with _written(_of_run(path, tally["scenario"], tally["seed"], len(tallies))) as file:
            file.write(exchange.lapilli(tally))


def _hand_over_samples(path: Path, jobs: "Sequence[Job]") -> None:
    from scenarios.rulebench import exchange
    from scenarios.rulebench.tally import recorded

    for job in jobs:
        made = recorded(job)
        with _written(_of_run(path, made.scenario, made.seed, len(jobs))) as file:
            exchange.write_openmetrics(made, exchange.metrics_read(job.rules[0].loaded(), made), file)


def _of_run(path: Path, scenario: str, seed: int, runs: int) -> Path:
    """The file of one run: the path itself where there is one run, else with scenario and seed before its ending."""
    return path if runs == 1 else path.with_name(f"{path.stem}-{scenario}-{seed}{path.suffix}")


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    try:
        with path.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        refuse([f"{path}:1:1: the file cannot be written: {error.strerror}"])


def _say(found: dict[str, Any]) -> None:
    overall, figures = found["overall"], found["overall"]["figures"]
    say(f"{len(found['by_alert'])} alerts over {len(found['runs'])} runs, {found['operator_hours']:g} operator-hours")
    say(f"incidents  {_counts(overall)}")
    say(f"detection rate {percent(figures['detection_rate'])}, after {figure(figures['mean_time_to_detect_s'], 's')}, "
        f"p95 {figure(figures['p95_time_to_detect_s'], 's')}")  # fmt: skip
    say(f"alarms     {overall['alarms']}, {figure(figures['alarms_per_operator_hour'])} an operator-hour; "
        f"most in 10 min {overall['peak_10_min']}, in flood {percent(figures['flood_share'])} of the time")  # fmt: skip
    say(f"false      {overall['false_alarms']}, {figure(figures['false_alarms_per_operator_hour'])} an operator-hour; "
        f"precision {percent(figures['precision'])}")  # fmt: skip
    for row in found["by_alert"]:
        if row["alarms"] or row["detected"] or row["late"] or row["missed"]:
            _say_alert(row)
    for row in found["by_kind"]:
        say(f"{row['kind']}: {_counts(row)}; detection rate {percent(row['figures']['detection_rate'])}, "
            f"after {figure(row['figures']['mean_time_to_detect_s'], 's')}")  # fmt: skip
    _say_false(found)


def _counts(row: dict[str, Any]) -> str:
    rest = [f"{row[name]} {name.replace('_', ' ')}" for name in ("late", "missed", "open", "out_of_sight") if row[name]]
    return ", ".join([f"{row['detected']} detected of {row['events']}", *rest])


def _say_alert(row: dict[str, Any]) -> None:
    figures = row["figures"]
    if row["claim"] is None:
        say(f"{row['alert']}: {row['alarms']} alarms, no claim")
        return
    say(
        f"{row['alert']}: {_counts(row)}; DR {percent(figures['detection_rate'])}, "
        f"TTD {figure(figures['mean_time_to_detect_s'], 's')}, p95 {figure(figures['p95_time_to_detect_s'], 's')}; "
        f"false {row['verdicts'].get('false', 0)}, {figure(figures['false_alarms_per_operator_hour'])}/h, "
        f"FAR {percent(figures['false_alarm_rate'])}; repeats {figure(figures['nuisance_rate'])} an incident; "
        f"cleared early {percent(figures['false_normal_rate'])}"
    )


def _say_false(found: dict[str, Any]) -> None:
    for cause in found["causes"]:
        say(f"false alarms from {cause['title']['en']}: {cause['count']}")
    for alarm in found["false_alarms"][:MOST_SHOWN]:
        at = f"{alarm['scenario']} seed {alarm['seed']} at {alarm['fired_ms'] / 1000:g} s"
        say(f"  {at}: {alarm['alert']}: {alarm['cause']['en']} {_place(alarm)}".rstrip())
    left = len(found["false_alarms"]) - MOST_SHOWN + found["left_out"]["false_alarms"]
    if left > 0:
        say(f"  … and {left} more")


def _place(alarm: dict[str, Any]) -> str:
    labels = alarm["labels"]
    found = (labels.get(name) for name in ("device_id", "road", "zone"))
    return str(alarm["cause"].get("place") or next((value for value in found if value), ""))
