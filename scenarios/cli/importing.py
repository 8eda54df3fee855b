"""`cityops import`: cities from data of others."""

from pathlib import Path
from typing import Annotated

import typer

from scenarios.cli.common import JsonOption
from scenarios.cli.output import DOES_NOT_HOLD, refuse, say, say_json, tell
from simulator.city import save
from simulator.osm.importer import import_osm

app = typer.Typer(no_args_is_help=True, help="Make a city from data of others.")


@app.command()
def osm(
    file: Annotated[Path, typer.Argument(help="An extract: OSM XML or Overpass JSON.", metavar="FILE")],
    name: Annotated[str, typer.Option("--name", help="The city's name, as people write it.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where to write the city; else NAME.city.json here.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of what is placed by rule.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Make a city from an OpenStreetMap extract, and say what was read, defaulted, merged and dropped.

    Example: cityops import osm hanoi.overpass.json --name "Hà Nội"
    """
    if not as_json:
        tell(f"building the city {name} from {file} ...")
    city, report = import_osm(file, name, seed)
    target = out or Path(f"{city.id}.city.json")
    try:
        save(city, target)
    except OSError as error:
        refuse([f"{target}: cannot be written ({error.strerror})"], DOES_NOT_HOLD)
    if as_json:
        say_json({"city": city.id, "path": str(target), "report": report.to_dict()})
        return
    for line in report.lines():
        say(line)
    say(f"written   {target}; run it with: cityops run ordinary_weekday --city {target}")
