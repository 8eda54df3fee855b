"""`cityops rules compare`: two rule sets on the same runs, what each caught and what changed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli.common import CityOption, DataOption, JsonOption, KindsOption, MappingOption
from scenarios.cli.output import say, say_json, tell
from scenarios.cli.rules.reports import HtmlOption, LangOption, check_lang, write_html
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
    rule_set,
    run_jobs,
    write_json,
)

MOST_SHOWN = 20
SHOWN = {
    "detection_rate": "detection rate",
    "mean_time_to_detect_s": "time to detect [s]",
    "p95_time_to_detect_s": "p95 time to detect [s]",
    "alarms_per_operator_hour": "alarms an operator-hour",
    "false_alarms_per_operator_hour": "false alarms an operator-hour",
    "precision": "precision",
    "nuisance_rate": "repeats an incident",
    "false_normal_rate": "cleared too early",
    "flood_share": "share of time in flood",
}


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="The rule file or folder that is there.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The one that is to come.")],
    scenario: ScenariosOption,
    seeds: SeedsOption = 20,
    first_seed: FirstSeedOption = None,
    workers: WorkersOption = None,
    out: OutOption = None,
    sidecar: SidecarOption = None,
    compat: CompatOption = "3.x",
    city: CityOption = None,
    kinds: KindsOption = None,
    mapping: MappingOption = None,
    data: DataOption = None,
    no_cache: NoCacheOption = False,
    html: HtmlOption = None,
    lang: LangOption = "vi",
    as_json: JsonOption = False,
) -> None:
    """Compare two rule sets on the same runs: incident by incident, alarm by alarm, with intervals of the differences.

    Where B has no sidecar of its own, the claims of A hold for alerts of the same name.

    Example: cityops rules compare old/ new/ --scenario rush_hour_crash --seeds 20
    """
    from dataclasses import replace

    from scenarios.rulebench.compare import document
    from scenarios.rulebench.report_compare import as_html

    check_lang(lang)
    a = rule_set([before], sidecar or [], compat, any_alert=bool(sidecar))
    b = rule_set([after], sidecar or [], compat, any_alert=bool(sidecar))
    if not b.claims and a.claims:
        tell(f"{after} has no sidecar: the claims of {before} hold for alerts of the same name")
        b = replace(b, claims={alert: a.claims[alert] for alert in sorted(b.alerts() & a.claims.keys())})
    cache = cache_of(data, no_cache)
    jobs = jobs_of(scenario, seeds, [a, b], first_seed=first_seed, city=city, kinds=kinds or (), mapping=mapping, cache=cache)
    found = document(run_jobs(jobs, workers, "compare", as_json), (a, b))
    if out is not None:
        write_json(out, "compare.json", found)
    write_html(html, as_html, found, lang)
    if as_json:
        say_json(found)
    else:
        _say(found)


def _say(found: dict[str, Any]) -> None:
    say(f"A: {', '.join(found['a']['rules'])}   B: {', '.join(found['b']['rules'])}")
    say(f"{len(found['runs'])} runs, {found['operator_hours']:g} operator-hours")
    for name, words in SHOWN.items():
        row = found["overall"][name]
        say(f"{words}: A {figure(row['a'])}, B {figure(row['b'])}, difference {figure(row['difference'])}")
    for row in found["by_kind"]:
        say(f"{row['kind']}: {row['events']} in all, caught by both {row['both']}, only by A {row['only_a']}, "
            f"only by B {row['only_b']}, by neither {row['neither']}")  # fmt: skip
    for row in found["by_alert"]:
        if not row["same"]:
            where = "" if row["there"] == "both" else f", only in {row['there'].upper()}"
            alarms, false = row["alarms"], row["false_alarms"]
            say(f"{row['alert']}: alarms {alarms['a']} → {alarms['b']}, false {false['a']} → {false['b']}{where}")
    say(
        "incidents: " + (", ".join(f"{count} {change.replace('_', ' ')}" for change, count in found["changes"].items()) or "none")
    )
    for row in found["incidents"][:MOST_SHOWN]:
        at = f"{row['scenario']} seed {row['seed']} at {row['start_ms'] / 1000:g} s"
        say(f"  {row['change']}: {row['kind']} {row['name']}, {at}: {_met(row['a'])} → {_met(row['b'])}")
    only = found["false_alarms"]["only"]
    say(f"false alarms: {found['false_alarms']['both']} of both, {only['a']} only of A, {only['b']} only of B")
    if not found["incidents"] and not any(only.values()):
        say("nothing that was caught or raised changed")


def _met(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not claimed"
    after = "" if row["after_ms"] is None else f" after {row['after_ms'] / 1000:g} s"
    by = f" by {', '.join(row['by'])}" if row["by"] else ""
    return f"{row['status'].replace('_', ' ')}{after}{by}"
