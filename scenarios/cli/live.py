"""`cityops demo`, `serve`, `city`, and live runs: the processes that people look at."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops_center.seats import PERMISSIONS, new_seats
from scenarios import runs
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
    checked_mapping,
    checked_rules,
    data_folder,
    pace,
)
from scenarios.cli.output import say, say_json, tell

if TYPE_CHECKING:
    from scenarios.setup import Setup

DEMO_SCENARIO, DEMO_SPEED = "feeder_blackout", "10"
HostOption = Annotated[str, typer.Option("--host", help="Address to listen on; loopback unless you know better.")]
SpeedOption = Annotated[str, typer.Option("--speed", help="Simulated seconds a second: 0.1 to 1000, or max.")]
BrowserOption = Annotated[bool, typer.Option("--no-browser", help="Only print the addresses.")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=1, max=65534, help="Port of the console; the exercise takes the next one.")
]


@dataclass(frozen=True, slots=True)
class Live:
    """What a live run is asked for; defaults are the command line's."""

    scenario: str
    seed: int | None = None
    noise_seed: int | None = None
    city: str | None = None
    speed: str = "1"
    rules: list[Path] = field(default_factory=list)
    kinds: list[Path] = field(default_factory=list)
    data: Path | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    browser: bool = True
    as_json: bool = False
    loop: bool = False
    until_expr: str = ""
    until_ms: int | None = None  # from T+0
    mapping: Path | None = None
    alertmanagers: tuple[str, ...] = ()


def go_live(live: Live) -> None:
    """Start center and city, print the seats, and stay until stopped; leave with the supervisor's status."""
    from scenarios.supervise import DemoConfig
    from scenarios.supervise import demo as run_demo

    speed = pace(live.speed)
    if live.rules:
        checked_rules(live.rules)
    checked_mapping(live.mapping)

    def made() -> "Setup":
        from scenarios.setup import prepare

        setup = prepare(
            live.scenario, seed=live.seed, noise_seed=live.noise_seed, rules=live.rules, kinds_dirs=live.kinds, city=live.city,
            mapping=live.mapping, cache=data_folder(live.data) / "cache", told=tell,
        )  # fmt: skip
        if not live.as_json:
            say(f"{setup.scenario.title.vi} / {setup.scenario.title.en}: starting {setup.city.title.en} ...")
        return setup

    config = DemoConfig(
        made, data_folder(live.data), live.host, live.port, speed, live.loop, live.browser,
        until_expr=live.until_expr, until_ms=live.until_ms, alertmanagers=live.alertmanagers,
        say=lambda line: typer.echo(line, err=live.as_json),
        greet=_print_links if live.as_json else None,
    )  # fmt: skip
    raise typer.Exit(run_demo(config))


def go_on(
    run: runs.RunFolder, data: Path, *, speed: float, port: int | None = None, browser: bool = True, as_json: bool = False
) -> None:
    """Start center and city on a run that is there, and stay until stopped; leave with the supervisor's status."""
    from scenarios.setup import of_run
    from scenarios.supervise import DemoConfig
    from scenarios.supervise import demo as run_demo

    config = DemoConfig(
        lambda: of_run(run), data, port=port, pace=speed, loop=False, browser=browser, run=run.run_id,
        say=lambda line: typer.echo(line, err=as_json), greet=_print_links if as_json else None,
    )  # fmt: skip
    raise typer.Exit(run_demo(config))


def _print_links(run_id: str, links: dict[str, str]) -> None:
    say_json({"run": run_id, "links": links})


def demo(
    scenario: Annotated[str, typer.Argument(help="A built-in scenario's name, or a scenario file.")] = DEMO_SCENARIO,
    city: CityOption = None,
    seed: SeedOption = None,
    speed: SpeedOption = DEMO_SPEED,
    rules: RulesOption = None,
    mapping: MappingOption = None,
    kinds: KindsOption = None,
    data: DataOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    no_browser: BrowserOption = False,
    alertmanager: AlertmanagerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start the demo city and open the console. Whatever dies is started again; Ctrl+C ends it all.

    Example: cityops demo --speed 20
    """
    asked = Live(scenario, seed, None, city, speed, rules or [], kinds or [], data, host, port, not no_browser, as_json, True)
    go_live(replace(asked, mapping=mapping, alertmanagers=checked_alertmanagers(alertmanager)))


def serve(
    rules: RulesOption = None,
    mapping: MappingOption = None,
    data: DataOption = None,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: a free one.")] = 8700,
    token: Annotated[str | None, typer.Option("--token", envvar="CITYOPS_TOKEN", help="Token of the city's wire.")] = None,
    max_devices: Annotated[int, typer.Option("--max-devices", min=1, help="Refuse a city with more devices.")] = 2_000_000,
    alertmanager: AlertmanagerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start the operations center alone; cities connect to it.

    Example: cityops serve --data my_center
    """
    from ops_center.server import ServeConfig
    from ops_center.server import serve as serve_center

    tokens = new_seats()
    if token is not None:
        tokens["city"] = token
    texts, named, told = checked_rules(rules or []), checked_mapping(mapping), checked_alertmanagers(alertmanager)

    def ready(address: str) -> None:
        links = {role: f"{address}/#seat={tokens[role]}" for role in PERMISSIONS}
        wire = {"url": f"{address.replace('http', 'ws', 1)}/wire", "token": tokens["city"]}
        if as_json:
            say_json({"links": links, "wire": wire})
            return
        for role, link in links.items():
            say(f"{role:<10} {link}")
        say(f"a city connects with: cityops city SCENARIO --to {wire['url']} --token {wire['token']}")

    with runs.locked(data_folder(data)):
        config = ServeConfig(
            tokens, data_folder(data), host, port, rules=texts, max_devices=max_devices, mapping=named, alertmanagers=told
        )
        raise typer.Exit(serve_center(config, ready))


def city(
    scenario: ScenarioArgument,
    to: Annotated[str, typer.Option("--to", help="The center's wire, ws://HOST:PORT or ws://HOST:PORT/wire.")],
    token: Annotated[str, typer.Option("--token", envvar="CITYOPS_TOKEN", help="Token of the wire, printed by `serve`.")],
    city_name: CityOption = None,
    seed: SeedOption = None,
    noise_seed: NoiseSeedOption = None,
    speed: SpeedOption = "1",
    kinds: KindsOption = None,
    data: DataOption = None,
    run_id: Annotated[str, typer.Option("--run", help="Go on with this run instead of a new one.")] = "",
    exercise_port: Annotated[int, typer.Option("--exercise-port", min=0, max=65535, help="Port of the exercise.")] = 8701,
    as_json: JsonOption = False,
) -> None:
    """Start the simulated city alone, and stream it to a center.

    Example: cityops city feeder_blackout --to ws://127.0.0.1:8700 --token TOKEN
    """
    from scenarios.city_process import CityConfig, serve_city
    from scenarios.setup import prepare

    if not to.startswith(("ws://", "wss://")):
        raise typer.BadParameter(f"{to!r}; expected ws://HOST:PORT", param_hint="--to")
    cache = data_folder(data) / "cache"
    setup = prepare(scenario, seed=seed, noise_seed=noise_seed, kinds_dirs=kinds or (), city=city_name, cache=cache, told=tell)
    tokens = {"city": token, "instructor": new_seats()["instructor"]}
    url = to if to.rstrip("/").endswith("/wire") else to.rstrip("/") + "/wire"

    def ready(address: str) -> None:
        link = f"{address}#seat={tokens['instructor']}"
        if as_json:
            say_json({"links": {"exercise": link}})
        else:
            say(f"exercise   {link}")

    config = CityConfig(
        setup, url, tokens, run_id, data_folder(data), exercise_port=exercise_port, pace=pace(speed),
        ready=ready, warming=tell, lost=tell,
    )  # fmt: skip
    raise typer.Exit(serve_city(config))
