"""Reading a city file and saying where it does not add up.

Lives here: the way from bytes to a checked city, limits, positions. Must not know: what is done with a city.
Rules of single tables are in `city_rules`, rules between tables in `city_graph`.
"""

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator.city import City
from simulator.city_defaults import fill
from simulator.city_graph import graph_problems
from simulator.city_rules import Problem, table_problems
from simulator.json_errors import CityError, decoded, placed, read_file

MOST_BYTES = 24 * 1024 * 1024
MOST_PROBLEMS = 50
__all__ = ["CityError", "Problem", "check", "load"]
FORMAT = "cityops-city/1"


def load(path: Path, known: Sequence[str] = ()) -> City:
    """Return the city of a JSON file. Raises `CityError` with positions if it is none or does not add up.

    `known` are names that the caller would have understood instead of a path, for the message.
    """
    data = read_file(path, MOST_BYTES, known)
    city = fill(decoded(str(path), data, City))
    problems = check(city)
    if problems:
        raise CityError(str(path), placed(data, problems))
    return city


def check(city: City) -> list[Problem]:
    """Return everything that does not add up in a city (at most 50 things); empty is good."""
    problems = [*_head(city), *table_problems(city)]
    if not problems:
        problems = list(graph_problems(city))
    return problems[:MOST_PROBLEMS]


def _head(city: City) -> list[Problem]:
    out = list[Problem]()
    if city.format != FORMAT:
        out.append(Problem(("format",), "the file has another format", repr(city.format), FORMAT))
    if not (-180.0 <= city.lon <= 180.0 and -85.0 <= city.lat <= 85.0):
        out.append(Problem(("lon",), "the centre is out of bounds", f"{city.lon:g}, {city.lat:g}", "degrees of lon, lat"))
    try:
        ZoneInfo(city.time_zone)
    except (ValueError, OSError, KeyError):
        out.append(Problem(("time_zone",), "the time zone is unknown", repr(city.time_zone), "an IANA zone"))
    return out
