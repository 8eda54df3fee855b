"""`cityops rules why`: why an alert fired, or did not, at an instant of a run or a scenario."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli.common import DataOption, JsonOption, SeedOption, checked_rules, data_folder, duration, runs_folder
from scenarios.cli.output import BAD_INPUT, progress, refuse, say, say_json, tell
from scenarios.cli.rules.common import Paths


def why(
    paths: Paths = None,
    alert: Annotated[str, typer.Option("--alert", help="The alert's name.")] = "",
    at: Annotated[str, typer.Option("--at", help="When, from T+0, e.g. 12m.")] = "0s",
    labels: Annotated[
        list[str] | None, typer.Option("--labels", "-l", help="A label of the alert, name=value; may be repeated.")
    ] = None,
    scenario: Annotated[str | None, typer.Option("--scenario", help="Simulate this scenario up to the instant.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Read this recorded run: its id, or its folder.")] = None,
    seed: SeedOption = None,
    lang: Annotated[str, typer.Option("--lang", help="In words, en or vi.")] = "en",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why an alert fired, or did not: each part of its expression with its value, how long it held, what ended it.

    Example: cityops rules why my_rules.yml --scenario feeder_blackout --alert FeederDown --at 12m
    """
    from ops_center.rules.why import NoSuchAlert, parse_labels
    from scenarios.rulebench.why import NotRecorded, Wanted
    from scenarios.rulebench.why_text import LANGS, as_text

    if lang not in LANGS:
        raise typer.BadParameter(f"{lang!r}; expected en or vi", param_hint="--lang")
    if (scenario is None) == (run is None):
        raise typer.BadParameter("expected one of --scenario and --run", param_hint="--scenario/--run")
    if not alert:
        raise typer.BadParameter("expected an alert's name", param_hint="--alert")
    try:
        wanted = Wanted(alert, duration(at), parse_labels(labels or ()))
        document = (
            _of_run(paths, run, wanted, data, as_json) if run else _of_scenario(paths, scenario, seed, wanted, data, as_json)
        )
    except NotRecorded as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None
    except NoSuchAlert as error:
        refuse([error], BAD_INPUT)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise typer.BadParameter(str(error), param_hint="--labels") from None
    if as_json:
        say_json(document)
    else:
        say(as_text(document, lang).rstrip())


def _of_run(paths: list[Path] | None, run: str, wanted: Any, data: Path | None, quiet: bool) -> dict[str, Any]:
    from scenarios import runs
    from scenarios.rulebench.why import of_run

    rules = checked_rules(paths or ())
    found = runs.get(runs_folder(data), run)
    with progress("why", wanted.t_ms / 1000, "simulated s", quiet=quiet) as advance:
        return of_run(found, rules, wanted, advance)


def _of_scenario(
    paths: list[Path] | None, scenario: str | None, seed: int | None, wanted: Any, data: Path | None, quiet: bool
) -> dict[str, Any]:
    from scenarios.rulebench.why import of_scenario
    from scenarios.setup import prepare

    checked_rules(paths or ())
    setup = prepare(scenario or "", seed=seed, rules=paths or (), cache=data_folder(data) / "cache", told=tell)
    with progress("why", (wanted.t_ms + setup.scenario.warm_up) / 1000, "simulated s", quiet=quiet) as advance:
        return of_scenario(setup, wanted, advance)
