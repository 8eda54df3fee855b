"""`cityops scenarios`: list, show, check, schema, new."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios import checking
from scenarios import load as loading
from scenarios.cli.common import CityOption, JsonOption, ScenarioArgument
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, refuse, say, say_json
from scenarios.schema import Scenario, json_schema
from scenarios.units import say_duration, say_t
from simulator.cities import catalogue

app = typer.Typer(no_args_is_help=True, help="The scenario library, and scenarios of your own.")

TEMPLATE = """\
# A scenario of your own. Check it with: cityops scenarios check {name}.yaml
name: {name}
title: {{vi: "{name}", en: "{name}"}}
description: {{vi: "Một kịch bản mới.", en: "A new scenario."}}
city: small
start_at: "2026-03-03T19:00:00+07:00"
duration: 30 min
warm_up: 5 min
seed: 1
variants: # the seed takes one choice; $feeder stands for its value
  - id: where
    choices:
      - {{feeder: "feeder:01_1"}}
      - {{feeder: "feeder:02_1"}}
timeline:
  - at: 5 min
    jitter: 1 min # up to a minute before or after, by the seed
    id: outage
    inject: feeder_outage
    params: {{feeder: $feeder}}
    title: {{vi: "Mất điện xuất tuyến", en: A feeder loses its supply}}
triggers:
  - id: thief
    when: {{kind: acknowledged, of: outage, missing_for: 6 min}} # nobody looks at it: somebody uses the dark
    inject: intrusion
    title: {{vi: "Kẻ trộm lợi dụng bóng tối", en: A thief uses the dark}}
palette: # one press away on the instructor's desk
  - inject: crash
    title: {{vi: "Va chạm tại nút mất đèn", en: A crash where the signals are dark}}
expectations:
  - id: detected
    kind: detected
    of: outage
    within: 5 min
    title: {{vi: "Phát hiện mất điện", en: The outage is detected}}
  - id: acknowledged
    kind: acknowledged
    of: outage
    within: 6 min
    title: {{vi: "Tiếp nhận trong 6 phút", en: Acknowledged within six minutes}}
  - id: intruder
    kind: detected
    of: thief
    within: 5 min
    title: {{vi: "Phát hiện kẻ trộm", en: The thief is seen}}
hidden:
  - of: outage
    text: {{vi: "Cáp ngầm bị máy xúc cắt.", en: An excavator has cut the cable.}}
assumptions:
  - {{vi: "Mọi số liệu đều là giả định.", en: All figures are assumed.}}
"""


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the built-in scenarios.

    Example: cityops scenarios list
    """
    found = [loading.load(path).scenario for path in loading.library()]
    if as_json:
        say_json([_row(scenario) for scenario in found])
        return
    for scenario in found:
        say(f"{scenario.name:<20} {say_duration(scenario.duration):<8} {scenario.title.en} / {scenario.title.vi}")


def _row(scenario: Scenario) -> dict[str, Any]:
    title = {"vi": scenario.title.vi, "en": scenario.title.en}
    return {"name": scenario.name, "title": title, "duration_ms": scenario.duration, "city": scenario.city}


@app.command()
def show(scenario: ScenarioArgument, as_json: JsonOption = False) -> None:
    """Show what happens in a scenario and what is expected.

    Example: cityops scenarios show feeder_blackout
    """
    found = loading.load(scenario).scenario
    if as_json:
        say_json(found.model_dump(mode="json"))
        return
    say(f"{found.name}: {found.title.en} / {found.title.vi}")
    say(found.description.en.strip())
    say(found.description.vi.strip())
    say(f"city {found.city}, from {found.start_at}, {say_duration(found.duration)}, warm-up {say_duration(found.warm_up)}")
    for entry in found.timeline:
        say(f"  {say_t(entry.at)}  {entry.inject}  {entry.title.en if entry.title else ''}")
    for expectation in found.expectations:
        say(f"  expected: {expectation.title.en}")


@app.command()
def check(file: ScenarioArgument, city: CityOption = None, as_json: JsonOption = False) -> None:
    """Check a scenario: its shape, its times, its places, all its variants, and whether it can come to what it says.

    Ends with 2 where the file cannot be used, and with 1 where it can but a trigger is dead, nobody expects an alert, or an
    expectation cannot be met.

    Example: cityops scenarios check mine.yaml
    """
    loaded = loading.load(file)
    found, checked = checking.findings(loaded, catalogue.get(city or loading.city_argument(loaded)))
    if as_json:
        problems = [{"line": p.line, "column": p.column, "message": p.message} for p in found]
        document = {"ok": not found, "name": loaded.scenario.name, "sha256": loaded.sha256, "problems": problems}
        say_json({**document, "variants": checked})
    if found:
        refuse([] if as_json else found, DOES_NOT_HOLD)
    if not as_json:
        more = f", in {checked} variants" if checked > 1 else ""
        say(f"{loaded.path}: {loaded.scenario.name} holds{more}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files.

    Example: cityops scenarios schema > scenario.schema.json
    """
    say(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The scenario's name: lower-case letters, digits and '_'.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where to write NAME.yaml.")] = Path(),
) -> None:
    """Write a scenario that passes its check, to start from.

    Example: cityops scenarios new my_first
    """
    target = folder / f"{name}.yaml"
    if not name.replace("_", "a").isalnum() or not name.isascii() or name != name.lower() or name[:1].isdigit():
        refuse([f"the name is {name!r}; expected lower-case letters, digits and '_', a letter first"], BAD_INPUT)
    if target.exists():
        refuse([f"{target} exists already; expected a new name"], DOES_NOT_HOLD)
    try:
        target.write_text(TEMPLATE.format(name=name), encoding="utf-8")
    except OSError as error:
        refuse([f"{target}: cannot be written ({error.strerror})"], DOES_NOT_HOLD)
    say(f"{target} written; check it with: cityops scenarios check {target}")
