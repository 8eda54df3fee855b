"""`cityops rules backtest`: rules over recorded data of a real city."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ops_center.promql.engine import Options
from ops_center.rules.files import load_files
from scenarios.cli.common import JsonOption, checked_rules, duration
from scenarios.cli.output import DOES_NOT_HOLD, say, say_json, tell
from scenarios.rulebench import backtest as bench
from scenarios.rulebench.known_incidents import read_known
from scenarios.rulebench.readers.any_data import How, read_data
from scenarios.rulebench.readers.recorded import REPEATED, time_ms, zone

MAX_LINES = 40


def backtest(
    rules: Annotated[list[Path], typer.Argument(help="Rule files or folders.", metavar="RULES...")],
    data: Annotated[
        list[str],
        typer.Option(
            "--data", help="CSV, Parquet or OpenMetrics files, a folder of them, or http://HOST:PORT of a Prometheus; repeatable."
        ),
    ],
    known: Annotated[
        Path | None,
        typer.Option("--known", help="What happened: YAML `incidents: [{id, start, end, labels}]`, or JSON recording → windows."),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", help="The metric's name where a file does not say it.")] = "value",
    tz: Annotated[str, typer.Option("--tz", help="The zone of times that have none, e.g. Asia/Ho_Chi_Minh.")] = "UTC",
    begin: Annotated[str | None, typer.Option("--from", help="Only from this time on, e.g. 2015-09-01T00:00:00Z.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Only up to this time.")] = None,
    step: Annotated[
        str | None, typer.Option("--step", help="Ask a server for query_range at this step; else for samples as stored.")
    ] = None,
    repeated: Annotated[
        str, typer.Option("--repeated", help="A time that a series has twice: error, or the first or last sample stays.")
    ] = "error",
    interval: Annotated[str, typer.Option("--interval", help="Evaluation interval of groups that name none.")] = "1m",
    lookback: Annotated[str, typer.Option("--lookback", help="How far back a selector looks for a sample.")] = "5m",
    lead: Annotated[str, typer.Option("--lead", help="An alert that comes so long before an incident still catches it.")] = "0s",
    compat: Annotated[str, typer.Option("--compat", help="Window semantics: 3.x (left-open) or 2.x (left-closed).")] = "3.x",
    as_json: JsonOption = False,
) -> None:
    """Run rules over recorded data, and lay what they raise beside what is known to have happened.

    Example: cityops rules backtest my_rules/ --data detectors.csv --known incidents.yaml
    """
    question = _question(
        rules, data, known, How(metric, _zone(tz), repeated=_one_of(repeated, REPEATED, "--repeated")), (begin, end, step),
        (_positive(interval, "--interval"), _positive(lookback, "--lookback"), duration(lead)),
        _one_of(compat, ("2.x", "3.x"), "--compat"),
    )  # fmt: skip
    document = bench.run(question)
    if as_json:
        say_json(document)
    else:
        _say(document)
    if any(rule["error"] for rule in document["rules"]):
        raise typer.Exit(DOES_NOT_HOLD)


def _question(
    rules: list[Path],
    data: list[str],
    known: Path | None,
    how: How,
    times: tuple[str | None, str | None, str | None],
    durations_ms: tuple[int, int, int],
    compat: str,
) -> bench.Backtest:
    loaded = load_files({file.name: file.text for file in checked_rules(rules)})
    first_ms, last_ms = (None if text is None else _time(text, how.tz) for text in times[:2])
    step_ms = None if times[2] is None else _positive(times[2], "--step")
    whole = replace(how, selectors=bench.selectors_of(loaded), first_ms=first_ms, last_ms=last_ms, step_ms=step_ms)
    interval_ms, lookback_ms, lead_ms = durations_ms
    return bench.Backtest(
        loaded, read_data(data, whole), None if known is None else read_known(known, how.tz), interval_ms,
        Options(lookback_ms=lookback_ms, compat=compat), lead_ms,
    )  # fmt: skip


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--tz") from None


def _time(text: str, tz: ZoneInfo) -> int:
    try:
        return time_ms(text, tz)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--from, --to") from None


def _one_of(text: str, known: tuple[str, ...], option: str) -> str:
    if text not in known:
        raise typer.BadParameter(f"{text!r}; expected one of {', '.join(known)}", param_hint=option)
    return text


def _positive(text: str, option: str) -> int:
    ms = duration(text)
    if ms <= 0:
        raise typer.BadParameter(f"{text!r}; expected more than nothing", param_hint=option)
    return ms


def _say(document: dict[str, Any]) -> None:
    data = document["data"]
    say(f"{data['series']} series, {data['samples']} samples, {data['first']} … {data['last']}")
    for warning in document["warnings"]:
        tell(f"warning: {warning}")
    for rule in document["rules"]:
        say("  ".join(_rule_words(rule)))
    for firing in document["firings"][:MAX_LINES]:
        about = f"  tells of {firing['incident']}" if firing["incident"] else ""
        labels = ", ".join(f"{k}={v}" for k, v in firing["labels"].items() if k != "alertname")
        say(f"  {firing['fired_at']}  until {firing['ended_at'] or 'the end'}  {firing['alert']}  {labels}{about}")
    if len(document["firings"]) > MAX_LINES:
        say(f"  … and {len(document['firings']) - MAX_LINES} more; --json has them all")
    for incident in document["incidents"] or []:
        late = (
            "missed"
            if incident["after_s"] is None
            else f"after {incident['after_s'] / 60:.0f} min by {', '.join(incident['caught_by'])}"
        )
        say(f"incident {incident['id']} at {incident['start']}: {late}")
    if document["nab"]:
        scores = ", ".join(f"{name} {score:.1f}" for name, score in document["nab"]["profiles"].items())
        say(f"score of the Numenta Anomaly Benchmark (0 silence, 100 perfect): {scores}")


def _rule_words(rule: dict[str, Any]) -> list[str]:
    words = [f"{rule['alert']}: {rule['firings']} firings"]
    if rule["firings_per_day"] is not None:
        words.append(f"{rule['firings_per_day']:.2f} a day")
    if "caught" in rule:
        words += [f"{rule['caught']} incidents caught", f"{rule['false']} false", f"{rule['repeats']} repeats"]
    return words
