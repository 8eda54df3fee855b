"""`cityops run`: a scenario from beginning to end, headless at full speed or live in the console."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ops_center.until import Condition
from scenarios.cli.common import (
    AlertmanagerOption,
    CityOption,
    DataOption,
    JsonOption,
    KindsOption,
    MappingOption,
    NoiseSeedOption,
    RulesOption,
    ScenarioArgument,
    SeedOption,
    checked_alertmanagers,
    checked_rules,
    data_folder,
    duration,
    runs_folder,
)
from scenarios.cli.live import BrowserOption, Live, PortOption, SpeedOption, go_live
from scenarios.cli.output import progress, say, say_json, tell
from scenarios.runner import Commands, run_headless
from scenarios.script import read_script
from scenarios.setup import Setup, prepare
from scenarios.units import say_duration


def run(
    scenario: ScenarioArgument,
    seed: SeedOption = None,
    noise_seed: NoiseSeedOption = None,
    city: CityOption = None,
    speed: SpeedOption = "1",
    until: Annotated[
        str | None, typer.Option("--until", help="End here, from T+0, e.g. 45 min; a live run pauses there.")
    ] = None,
    until_expr: Annotated[
        str | None,
        typer.Option("--until-expr", help="End (live: pause) when this PromQL expression has a result, after T+0."),
    ] = None,
    rules: RulesOption = None,
    mapping: MappingOption = None,
    kinds: KindsOption = None,
    headless: Annotated[bool, typer.Option("--headless", help="No server, no clock: as fast as it goes.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Keep the run in this folder instead of the data folder.")] = None,
    save_load_at: Annotated[
        list[str] | None, typer.Option("--save-load-at", help="Save and load here, from T+0; must change nothing.")
    ] = None,
    commands: Annotated[
        Path | None, typer.Option("--commands", help="What people do in a headless run: a file of JSON lines.")
    ] = None,
    data: DataOption = None,
    port: PortOption = None,
    no_browser: BrowserOption = False,
    alertmanager: AlertmanagerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario.

    Example: cityops run feeder_blackout --headless --seed 7 --json
    """
    if not headless:
        _refuse_headless_only(out=out, save_load_at=save_load_at, commands=commands)
        _condition(until_expr)
        asked = Live(scenario, seed, noise_seed, city, speed, rules or [], kinds or [], data, until_expr=until_expr or "")
        asked = replace(asked, port=port, browser=not no_browser, as_json=as_json, mapping=mapping)
        told = checked_alertmanagers(alertmanager)
        go_live(replace(asked, until_ms=None if until is None else duration(until), alertmanagers=told))
        return
    _refuse_to_send(alertmanager)
    condition = _condition(until_expr)
    checked_rules(rules or [])
    setup = prepare(
        scenario, seed=seed, noise_seed=noise_seed, rules=rules or (), kinds_dirs=kinds or (), city=city, mapping=mapping,
        cache=data_folder(data) / "cache", told=tell,
    )  # fmt: skip
    end_ms = setup.scenario.total_ms if until is None else setup.scenario.warm_up + duration(until)
    stops = [_within(setup.scenario.warm_up + duration(text), end_ms, text) for text in save_load_at or ()]
    script = Commands(read_script(commands, setup.scenario.warm_up)) if commands else Commands()
    folder = setup.create(out or runs_folder(data))
    wanted: dict[str, Any] = {"commands": script, "until_ms": end_ms, "out": folder, "save_load_at": stops, "until": condition}
    with progress(setup.scenario.name, end_ms / 1000, "simulated s", quiet=as_json) as advance:
        done = run_headless(setup, progress=advance, **wanted)
    document = {**_made_from(setup), **done.result, "path": str(folder.path)}
    say_json(document) if as_json else _say(document, document["path"] if out else document["run_id"])


def _refuse_to_send(alertmanagers: list[str] | None) -> None:
    if alertmanagers:
        raise typer.BadParameter("a run without a clock sends no alerts", param_hint="--alertmanager")


def _condition(text: str | None) -> Condition | None:
    try:
        return Condition(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--until-expr") from None


def _refuse_headless_only(**options: Any) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise typer.BadParameter(f"{', '.join(given)} is for runs without a clock; expected --headless beside it")


def _within(at_ms: int, end_ms: int, text: str) -> int:
    if not 0 < at_ms < end_ms:
        raise typer.BadParameter(f"{text!r} lies outside the run; expected a time before its end", param_hint="--save-load-at")
    return at_ms


def _made_from(setup: Setup) -> dict[str, Any]:
    return {"scenario": setup.scenario.name, "city": setup.city.id, "seed": setup.seed, "noise_seed": setup.noise_seed}


def _say(document: dict[str, Any], name: str) -> None:
    say(f"{document['scenario']} in {document['city']}, seed {document['seed']}: {say_duration(document['until_ms'])} simulated")
    say(f"{document['readings']} readings, {document['bad_messages']} bad messages")
    say(f"digest.world     {document['digest']['world']}")
    say(f"digest.judgement {document['digest']['judgement']}")
    say(f"kept in {document['path']}; read it with: cityops runs report {name}")
