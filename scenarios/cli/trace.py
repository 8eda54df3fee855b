"""`cityops trace`: one reading from the street to the screen, in six lines."""

from typing import Annotated

import typer

from scenarios.cli.common import CityOption, ScenarioArgument, SeedOption, duration
from scenarios.cli.output import BAD_INPUT, refuse, say
from scenarios.setup import prepare
from scenarios.trace import NoReading
from scenarios.trace import trace as traced


def trace(
    scenario: ScenarioArgument,
    device: Annotated[str, typer.Argument(help="A device's id, e.g. loop:le_loi_12:2.", metavar="DEVICE")],
    at: Annotated[str, typer.Option("--at", help="When, from T+0.")] = "10 min",
    city: CityOption = None,
    seed: SeedOption = None,
) -> None:
    """Follow one reading of a device through its six stops: truth, device, wire, store, rules, feed.

    Example: cityops trace ordinary_weekday signal:node_0002 --city small --at "13 min"
    """
    setup = prepare(scenario, seed=seed, city=city)
    try:
        lines = traced(setup, device, setup.scenario.warm_up + duration(at))
    except NoReading as error:
        refuse([error], BAD_INPUT)
    for line in lines:
        say(line)
