"""`cityops rules sweep`: an alert's thresholds, windows and `for`, tried over recorded runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli.common import CityOption, DataOption, JsonOption, KindsOption, MappingOption
from scenarios.cli.output import refuse, say, say_json, tell
from scenarios.cli.rules.common import Paths
from scenarios.cli.rules.reports import HtmlOption, IntoOption, LangOption, check_lang, documents_of, put_into, write_html
from scenarios.cli.rules.scoring import (
    CompatOption,
    FirstSeedOption,
    NoCacheOption,
    ScenariosOption,
    SeedsOption,
    SidecarOption,
    WorkersOption,
    cache_of,
    figure,
    in_parallel,
    jobs_of,
    percent,
    rule_set,
)

if TYPE_CHECKING:
    from ops_center.rules.files import Rule
    from scenarios.rulebench.dials import Panel
    from scenarios.rulebench.sweep import SweepJob, Target
    from scenarios.rulebench.tally import RuleSet

MOST_SHOWN = 25


def sweep(
    scenario: ScenariosOption,
    paths: Paths = None,
    alert: Annotated[str | None, typer.Option("--alert", help="The alert to sweep; needed where there are several.")] = None,
    threshold: Annotated[
        list[str] | None, typer.Option("--threshold", help="Values to compare with, as 10..50:5 or 10,20; 2=… for the second.")
    ] = None,
    waits: Annotated[str | None, typer.Option("--for", help="Durations of `for`, as 0s,1m,2m or 0s..5m:30s.")] = None,
    window: Annotated[
        list[str] | None, typer.Option("--window", help="Ranges to look over, as 1m,5m; 2=… for the second.")
    ] = None,
    budget: Annotated[float, typer.Option("--budget", help="Alarms an operator-hour that the alert may raise.")] = 6.0,
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = None,
    workers: WorkersOption = None,
    diff: Annotated[Path | None, typer.Option("--diff", help="Write the proposed change of the rule file here.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write sweep.json into this folder.")] = None,
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
    """Try an alert's thresholds, windows and `for` over simulated runs, each simulated once, and propose the best.

    The values in the file are always among those tried. Without --threshold, --window or --for, values around them are.

    Example: cityops rules sweep my_rules/traffic.yml --alert SlowTraffic --scenario rush_hour_crash --threshold 10..50:5
    """
    from scenarios.rulebench.report_sweep import as_html
    from scenarios.rulebench.sweep import SweepJob

    check_lang(lang)
    documents = documents_of(into, data)
    if not 0 <= budget < float("inf"):
        refuse([f"--budget is {budget}; expected alarms an operator-hour, 0 or more"])
    about = _about(rule_set(paths or [], sidecar or [], compat), alert, threshold or [], window or [], waits)
    cache = cache_of(data, no_cache)
    tried = tuple((name, tuple(some)) for name, some in about.values.items())
    jobs = jobs_of(
        scenario, seeds, [about.rules], first_seed=first_seed, city=city, kinds=kinds or (), mapping=mapping, cache=cache
    )
    found = _document(about, _run([SweepJob(job, about.target, about.alert, tried) for job in jobs], workers, as_json), budget)
    _write(found, out, diff)
    write_html(html, as_html, found, lang)
    put_into(documents, f"sweep-{about.alert}", found)
    if as_json:
        say_json(found)
    else:
        _say(found)


@dataclass(frozen=True, slots=True)
class About:
    """Which rule is swept, and over which values of its dials."""

    rules: "RuleSet"
    target: "Target"
    panel: "Panel"
    values: dict[str, list[float]]
    rule: "Rule"
    group: str

    @property
    def alert(self) -> str:
        """The alert's name."""
        return self.rule.alert


def _about(rules: "RuleSet", alert: str | None, thresholds: list[str], windows: list[str], waits: str | None) -> About:
    from scenarios.rulebench.dial_ranges import BadRange, chosen_values
    from scenarios.rulebench.sweep import NoSuchAlert, only_alert, panel_in, target_of

    files = rules.loaded()
    try:
        target = target_of(files, alert)
        group = files[target.file].groups[target.group]
        rule = group.rules[target.rule]
        panel = panel_in(rules, files, target)
        values = chosen_values(panel, thresholds, windows, waits, rule.alert)
    except (NoSuchAlert, BadRange) as error:
        refuse([error])
    if rule.alert not in rules.claims:
        refuse([f"{rule.alert} claims nothing: what it should catch is not known; expected a claim in a sidecar NAME.truth.yaml"])
    return About(only_alert(rules, rule.alert), target, panel, values, rule, group.name)


def _document(about: About, runs: list[dict[str, Any]], budget: float) -> dict[str, Any]:
    from scenarios.rulebench.sweep_document import document

    rule, target = about.rule, about.target
    name, text = about.rules.files[target.file]
    said = {
        "file": name, "group": about.group, "alert": rule.alert, "line": rule.line, "expr": rule.text, "for_ms": rule.for_ms,
    }  # fmt: skip
    found = document(runs, about.panel, about.values, said, about.rules.claims[rule.alert], budget)
    if found["configurations"][0]["recall"] is None:
        names = ", ".join(dict.fromkeys(run["scenario"] for run in runs))
        tell(f"nothing that {rule.alert} claims happens in {names}: recall cannot be known, load can")
    return _propose(found, name, text, target.group, target.rule, about.panel)


def _run(jobs: "list[SweepJob]", workers: int | None, quiet: bool) -> list[dict[str, Any]]:
    from scenarios.rulebench.sweep import swept

    return in_parallel(swept, jobs, workers, ("sweep", "runs"), quiet)


def _propose(found: dict[str, Any], name: str, text: str, group: int, rule: int, panel: "Panel") -> dict[str, Any]:
    from scenarios.rulebench.rule_edit import CannotEdit, edited
    from scenarios.rulebench.sweep_document import proposed

    best = next((row for row in found["configurations"] if row["number"] == found["budget"]["best"]), None)
    if best is None:
        return found
    settings = {dial.name: value for dial, value in zip(panel.dials, best["values"], strict=True)}
    try:
        return proposed(found, text, edited(text, group, rule, panel, settings), name)
    except CannotEdit as error:
        return proposed(found, text, None, name, str(error))


def _write(found: dict[str, Any], out: Path | None, diff: Path | None) -> None:
    made = []
    if out is not None:
        made.append((out / "sweep.json", json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False)))
    if diff is not None:
        made.append((diff, found["proposal"]["diff"] if found["proposal"] else ""))
    for path, text in made:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            refuse([f"{path}:1:1: cannot be written: {error.strerror}"])


def _say(found: dict[str, Any]) -> None:
    rows = {row["number"]: row for row in found["configurations"]}
    count = len(rows) + found["left_out"]
    over = f"{len(found['runs'])} runs, {found['operator_hours']:g} operator-hours"
    say(f"{found['rule']['alert']}: {count} configurations over {over}")
    for dial in found["dials"]:
        if len(dial["values"]) > 1:
            at = f" at {dial['at']} of the expression" if dial["at"] else ""
            say(f"  {dial['name']}{at}: {len(dial['values'])} values, {_range(dial)}")
    say(f"{'':2}{'recall':>8} {'alarms/h':>9} {'false/h':>9} {'after':>8}  configuration")
    _row("now", rows[found["current"]])
    for number in found["pareto"][:MOST_SHOWN]:
        _row("front" if number != found["budget"]["best"] else "best", rows[number])
    if len(found["pareto"]) > MOST_SHOWN:
        say(f"  … and {len(found['pareto']) - MOST_SHOWN} more on the front")
    _say_budget(found, rows)


def _range(dial: dict[str, Any]) -> str:
    from ops_center.promql.durations import format_duration_ms

    first, last = dial["values"][0], dial["values"][-1]
    return (
        f"{first:g} to {last:g}"
        if dial["unit"] is None
        else f"{format_duration_ms(int(first))} to {format_duration_ms(int(last))}"
    )


def _row(mark: str, row: dict[str, Any]) -> None:
    after = "–" if row["mean_time_to_detect_s"] is None else f"{row['mean_time_to_detect_s']:.0f} s"
    say(
        f"  {_recall(row):>8} {row['alarms_per_operator_hour']:>9.3g} {row['false_alarms_per_operator_hour']:>9.3g} {after:>8}  "
        f"{row['label']}  ({mark})"
    )


def _recall(row: dict[str, Any]) -> str:
    return "–" if row["recall"] is None else f"{100 * row['recall']:.1f} %"


def _say_budget(found: dict[str, Any], rows: dict[int, dict[str, Any]]) -> None:
    budget, best = found["budget"], found["budget"]["best"]
    allowed = f"{budget['alarms_per_operator_hour']:g} alarms an operator-hour"
    if best is None:
        say(f"no configuration stays within {allowed}")
        return
    for number, who in ((found["current"], "now"), (best, "best")):
        figures = found["intervals"][str(number)]
        say(f"{who}: recall {percent(figures['recall'])}, {figure(figures['alarms_per_operator_hour'])} alarms an operator-hour, "
            f"after {figure(figures['mean_time_to_detect_s'], 's')}: {rows[number]['label']}")  # fmt: skip
    if budget["by_dial"]:
        say(f"best within {allowed}, by dial:")
    for row in budget["by_dial"]:
        met = rows.get(row["best"]) if row["best"] is not None else None
        what = "none" if met is None else f"recall {_recall(met)}, {met['label']}"
        say(f"  {row['dial']} {row['shown']}: {what}")
    proposal = found["proposal"]
    if proposal is None:
        say(f"the rule stays as it is: nothing catches more within {allowed}")
    elif proposal["problem"]:
        tell(f"{proposal['file']}: {proposal['problem']}")
    else:
        say(proposal["diff"].rstrip("\n"))
