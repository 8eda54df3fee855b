"""`cityops rules breaker`: the smallest set of faults and incidents that rules miss, or that floods them."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli.common import CityOption, DataOption, JsonOption, KindsOption, MappingOption, duration
from scenarios.cli.output import DOES_NOT_HOLD, progress, refuse, say, say_json
from scenarios.cli.rules.common import Paths
from scenarios.cli.rules.scoring import CompatOption, NoCacheOption, SidecarOption, WorkersOption, cache_of, jobs_of, rule_set


def breaker(
    paths: Paths = None,
    scenario: Annotated[
        str, typer.Option("--scenario", help="City, hour and weather to search in; its timeline is left out.")
    ] = "rush_hour_crash",
    goal: Annotated[str, typer.Option("--goal", help="What to look for: miss, flood or any.")] = "any",
    trials: Annotated[int, typer.Option("--trials", min=1, max=100_000, help="At most so many runs.")] = 200,
    minutes: Annotated[float | None, typer.Option("--minutes", min=1, help="At most so many simulated minutes in all.")] = None,
    length: Annotated[str, typer.Option("--length", help="How long each run lasts after the warm-up.")] = "30 min",
    most: Annotated[int, typer.Option("--most", min=1, max=20, help="At most so many faults and incidents in a set.")] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the search and of the city that it is made in.")] = 1,
    out: Annotated[Path, typer.Option("--out", help="Where the scenario that is found is written.")] = Path("breaker.yaml"),
    workers: WorkersOption = None,
    sidecar: SidecarOption = None,
    compat: CompatOption = "3.x",
    city: CityOption = None,
    kinds: KindsOption = None,
    mapping: MappingOption = None,
    data: DataOption = None,
    no_cache: NoCacheOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search for the smallest set of faults and incidents that a rule set misses or floods on, and save it as a scenario.

    Exit status 1 when one is found. The same seed finds the same, with any number of workers.

    Example: cityops rules breaker my_rules/ --goal miss --trials 300 --out missed.yaml
    """
    from scenarios.rulebench.breaker import GOALS, Limits, Search, document, saved_as, scenario_text, try_out
    from scenarios.rulebench.pool import Workers, workers_there_are

    if goal not in GOALS:
        raise typer.BadParameter(f"{goal!r}; expected one of {', '.join(GOALS)}", param_hint="--goal")
    length_ms = duration(length)
    rules = rule_set(paths or [], sidecar or [], compat)
    if goal != "flood" and not rules.claims:
        refuse(["no alert has a claim: what is not claimed cannot be missed; expected a sidecar, or --goal flood"])
    options: dict[str, Any] = {"first_seed": seed, "city": city, "kinds": kinds or (), "mapping": mapping}
    (job,) = jobs_of([scenario], 1, [rules], cache=cache_of(data, no_cache), **options)
    with Workers(workers or workers_there_are()) as pool:
        pool.start()  # before there is a bar: it has a thread
        with progress("breaker", trials, "trials", quiet=as_json) as advance:
            search = Search(job, goal, length_ms, Limits(trials, minutes, most), partial(pool.run, try_out), advance)
            found = search.find()
    if found is not None:
        base = search.base
        _save(out, scenario_text(base.scenario, base.city.id, seed, found[0], length_ms, saved_as(out)))
    shown = document(search, found, out)
    if as_json:
        say_json(shown)
    else:
        _say(shown)
    if found is not None:
        raise typer.Exit(DOES_NOT_HOLD)


def _save(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        refuse([f"{out}:1:1: the scenario cannot be written: {error.strerror}"])


def _say(found: dict[str, Any]) -> None:
    tried = f"{found['trials']} trials, {found['simulated_min']:g} simulated minutes"
    if not found["found"]:
        what = {"any": "neither a miss nor a flood", "miss": "no miss", "flood": "no flood"}[found["goal"]]
        say(f"nothing found in {tried}: {what}")
        return
    least = "nothing has to happen at all" if not found["moves"] else f"it takes {len(found['moves'])}"
    say(f"found in {tried}: {least}")
    for move in found["moves"]:
        params = ", ".join(f"{key} {value}" for key, value in move["params"].items())
        say(f"  at T+{move['at_ms'] // 1000} s: {move['inject']} {params}".rstrip())
    for row in found["missed"]:
        say(f"missed: {row['kind']} {row['name']}")
    say(f"alarms: {found['alarms']}, most in 10 min {found['peak_10_min']}")
    say(f"saved: {found['scenario']}; try it with: cityops rules score RULES --scenario {found['scenario']} --seeds 1")
