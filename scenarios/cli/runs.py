"""`cityops runs`: what was run, whether it holds, how it went, and other ways it could have gone."""

from pathlib import Path
from typing import Annotated

import typer

from scenarios import run_ops, runs
from scenarios.cli.common import DataOption, JsonOption, data_folder, duration, pace, runs_folder
from scenarios.cli.live import BrowserOption, PortOption, SpeedOption, go_on
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, progress, refuse, say, say_json, tell
from scenarios.debrief_page import as_html, as_text
from scenarios.transcript import transcript
from scenarios.units import say_duration

app = typer.Typer(no_args_is_help=True, help="The runs kept in the data folder.")
RunArgument = Annotated[str, typer.Argument(help="The run's id, or its folder.", metavar="RUN")]


@app.command("list")
def list_(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the runs.

    Example: cityops runs list
    """
    rows = runs.summaries(runs_folder(data))
    if as_json:
        say_json(rows)
        return
    for row in rows:
        if row["status"] == "damaged":
            say(f"{row['run_id']:<44} damaged: {row['error']}")
            continue
        until = say_duration(row["until_ms"]) if row["status"] == "done" and row["until_ms"] is not None else row["status"]
        say(f"{row['run_id']:<44} {row['city']:<12} seed {row['seed']:<8} {until:<10} {row['bytes'] / 1e6:8.1f} MB")
    if not rows:
        say(f"no runs in {runs_folder(data)}; make one with: cityops run feeder_blackout --headless")


@app.command()
def show(run: RunArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show what a run was made from and what people did in it.

    Example: cityops runs show RUN
    """
    found = run_ops.show(runs.get(runs_folder(data), run))
    if as_json:
        say_json(found)
        return
    header = found["header"]
    say(f"{found['run_id']}: {found['scenario']} in {found['city']}, seed {found['seed']}, release {header['release']}")
    say(f"recorded until {say_duration(max(found['recorded_until_ms'], 0))}")
    for command in found["commands"]:
        say(f"  {say_duration(command['at_ms']):>12}  {command['who'] or 'somebody'}: {command['type']} {command['target']}")
    for entry in found["world"]:
        say(f"  {say_duration(entry['now_ms']):>12}  the city took {entry['what']} {entry['id']}")


@app.command()
def verify(run: RunArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Execute a run again from its header and commands, and compare the digests.

    Example: cityops runs verify RUN
    """
    found = runs.get(runs_folder(data), run)
    with progress("verify", _length_s(found), "simulated s", quiet=as_json) as advance:
        verdict = run_ops.verify(found, advance)
    if as_json:
        document = {"run_id": verdict.run_id, "holds": verdict.holds, "same": verdict.same, "said": verdict.said}
        say_json(document | {"digest": {"recorded": verdict.recorded, "executed": verdict.executed}})
    else:
        say(verdict.said)
    if not verdict.holds:
        raise typer.Exit(DOES_NOT_HOLD)


@app.command()
def report(
    run: RunArgument,
    lang: Annotated[str | None, typer.Option("--lang", help="In words, en or vi; without it, a short transcript.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as a page to this file (in vi unless --lang).")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay truth beside judgement: what happened, when it was detected, acknowledged, closed, which expectations were met.

    Example: cityops runs report RUN --html debrief.html --lang vi
    """
    if lang not in (None, "en", "vi"):
        raise typer.BadParameter(f"{lang!r}; expected en or vi", param_hint="--lang")
    found = runs.get(runs_folder(data), run)
    with progress("report", _length_s(found), "simulated s", quiet=as_json) as advance:
        document = run_ops.report(found, advance)
    if run_ops.goes_otherwise(found, document["digest"]):
        tell(f"run {run} goes otherwise here than it was recorded (another release?): this tells what comes of it now")
    if html is not None:
        html.write_text(as_html(document, lang or "vi"), encoding="utf-8")
    if as_json:
        say_json(document)
    elif lang is not None:
        say(as_text(document, lang).rstrip())
    else:
        say(transcript(document, document["digest"]).rstrip())


@app.command()
def branch(
    run: RunArgument,
    at: Annotated[str, typer.Option("--at", help="Where to fork, from the run's start, e.g. 20 min.")],
    keep_commands: Annotated[
        bool, typer.Option("--keep-commands", help="Take later commands along, to be done again at their times.")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Go on from there in the browser.")] = False,
    speed: SpeedOption = "1",
    port: PortOption = None,
    no_browser: BrowserOption = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new run that is the old one up to a moment; the old one stays as it is.

    With --keep-commands and without --live it is executed to where the old one ended.

    Example: cityops runs branch RUN --at "20 min" --live
    """
    fork_ms, going = duration(at), pace(speed)
    found = runs.get(runs_folder(data), run)
    try:
        if live or not keep_commands:
            made = run_ops.branch(found, fork_ms, keep_commands=keep_commands)
        else:
            with progress("branch", _length_s(found), "simulated s", quiet=as_json) as advance:
                made = run_ops.branch_executed(found, fork_ms, progress=advance)
    except runs.RunError as error:
        refuse([error], BAD_INPUT)
    if live:
        go_on(made, data_folder(data), speed=going, port=port, browser=not no_browser, as_json=as_json)
    elif as_json:
        say_json(runs.summary(made))
    else:
        say(f"{made.run_id} goes on from {at} of {found.run_id}")


@app.command()
def replay(
    run: RunArgument,
    speed: SpeedOption = "1",
    start: Annotated[str | None, typer.Option("--from", help="Where to begin, from the run's start; else at T+0.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port of the console.")] = None,
    no_browser: BrowserOption = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a recorded run in the browser, at any pace, from any moment. Nothing of the run is changed.

    Example: cityops runs replay RUN --speed 20 --from "15 min"
    """
    from scenarios.replay import ReplayConfig
    from scenarios.replay import replay as show_again

    begin_ms, going = None if start is None else duration(start), pace(speed)
    found = runs.get(runs_folder(data), run)

    def greet(links: dict[str, str]) -> None:
        if as_json:
            say_json({"run": found.run_id, "links": links})
            return
        say(f"replay of {found.run_id}; open one of these, Ctrl+C ends it:")
        for role, link in links.items():
            say(f"  {role:<10} {link}")

    try:
        status = show_again(found, ReplayConfig(going, begin_ms, port, not no_browser, greet, tell))
    except runs.RunError as error:
        refuse([error], BAD_INPUT)
    raise typer.Exit(status)


def _length_s(run: runs.RunFolder) -> float:
    """How many simulated seconds an execution of the run takes."""
    until_ms = run.result().get("until_ms")
    return max(run_ops.last_barrier_ms(run) if until_ms is None else int(until_ms), 0) / 1000


@app.command("export")
def export_(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run into one file.

    Example: cityops runs export RUN blackout.zip
    """
    found = runs.get(runs_folder(data), run)
    written = runs.export(found, file)
    if as_json:
        say_json({"run_id": found.run_id, "path": str(written), "bytes": written.stat().st_size})
    else:
        say(f"{written} written, {written.stat().st_size / 1e6:.1f} MB; take it in elsewhere with: cityops runs import {written}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An exported run.")], data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Take in an exported run.

    Example: cityops runs import blackout.zip
    """
    taken = runs.import_(file, runs_folder(data))
    if as_json:
        say_json(runs.summary(taken))
    else:
        say(f"{taken.run_id} taken in; check it with: cityops runs verify {taken.run_id}")


@app.command()
def prune(
    keep: Annotated[int, typer.Option("--keep", min=0, help="How many of the newest runs stay.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which would go.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete all but the newest runs; parents of those that stay are kept.

    Example: cityops runs prune --keep 20 --dry-run
    """
    gone = runs.prune(runs_folder(data), keep, apply=not dry_run)
    if as_json:
        say_json({"deleted" if not dry_run else "would_delete": gone})
        return
    for run_id in gone:
        say(f"{'would delete' if dry_run else 'deleted'} {run_id}")
    if not gone:
        say("nothing to delete")
