"""The cities by name: built-in ones, and any city file by its path.

Lives here: the one look-up. Must not know: what is done with a city.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from simulator.city import City
from simulator.city_check import load


def _hai_phong() -> City:
    from simulator.cities.hai_phong import hai_phong  # builders load scipy; a city that is kept needs none of them

    return hai_phong()


def _small() -> City:
    from simulator.generate.grid import small_city

    return small_city()


def _grid20() -> City:
    from simulator.generate.grid import grid_city

    return grid_city()


BUILT_IN: Mapping[str, Callable[[], City]] = {"hai_phong": _hai_phong, "small": _small, "grid20": _grid20}


def get(name_or_path: str | Path) -> City:
    """Return a built-in city by name, or the city of a JSON file, checked.

    Raises `CityError` if the file is not a city that adds up, or if there is neither such a name nor such a file.
    """
    builder = BUILT_IN.get(str(name_or_path))
    return builder() if builder is not None else load(Path(name_or_path), known=tuple(BUILT_IN))
