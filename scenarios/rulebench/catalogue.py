"""The catalogue of a city: what its center would have of series, without a run.

Lives here: placing the sensors of a city to ask for their registry. Must not know: rules, findings.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ops_center.city_view import CityView
from ops_center.map_layers import MapLayers
from ops_center.mapping import SeriesMapping
from ops_center.rules.lint.catalogue import Catalogue
from ops_center.rules.lint.of_city import catalogue_of
from scenarios.setup import city_of
from sensors.fleet import Fleet
from sensors.kinds import load_kinds
from simulator.world import World

NOON = datetime.fromisoformat("2026-03-03T12:00:00+07:00")  # what there is does not depend on it


def city_catalogue(
    city: str,
    mapping: SeriesMapping | None = None,
    kinds_dirs: Sequence[Path] = (),
    cache: Path | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Catalogue:
    """Return what a city's sensors report. Raises what an unknown city or bad kinds raise; BadRegistry of a mapping."""
    world = World(city_of(city, cache, told), 0, NOON, "clear", ordinary_life=False)
    fleet = Fleet(world, load_kinds(list(kinds_dirs)), 0, lambda frame: None)
    view = CityView(fleet.hello("catalogue"), fleet.registry(), MapLayers(fleet.layers()))
    return catalogue_of(view, mapping)
