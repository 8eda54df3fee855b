"""A crowd by cell: its shape, its people, Fruin's bands, and what a camera at its rim sees of it."""

import numpy as np
import pytest

from scenarios.quantities import read
from scenarios.schema import PlaceRef
from sensors.domains.camera import KIND
from simulator.crowds import CELL_M, CORE, DANGEROUS_PER_M2, PRESSED_PER_M2, band, cells, people, shape
from tests.simulator.conftest import MakeWorld


@pytest.mark.parametrize(
    ("people_per_m2", "name"),
    [(0.1, "A"), (0.31, "B"), (0.5, "C"), (1.0, "D"), (1.08, "E"), (2.16, "E"), (2.17, "F"), (7.1, "F")],
)
def test_bands_are_those_of_fruin(people_per_m2: float, name: str) -> None:
    """Walkway levels of service: A below 0.31 people/m2, B 0.43, C 0.72, D 1.08, E 2.17, F beyond."""
    assert band(people_per_m2) == name
    assert 3.0 < PRESSED_PER_M2 < 4.0 < DANGEROUS_PER_M2 < 6.0


def test_a_crowd_is_dense_in_its_core_and_ends_at_its_rim() -> None:
    """As dense as in the middle up to half the radius, then in a straight line to nothing."""
    assert shape(np.array([0.0, 30.0, 45.0, 60.0, 90.0]), 60.0) == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])


def test_cells_hold_as_many_people_as_the_shape() -> None:
    """The cells sum to the volume of a truncated cone: pi R^2 k (1 + c + c^2) / 3 with its core c, but for a cell's size."""
    for radius_m, density in ((60.0, 4.0), (200.0, 2.5)):
        cone = np.pi * radius_m**2 * density * (1 + CORE + CORE**2) / 3
        assert people(cells(density, radius_m)) == pytest.approx(cone, rel=CELL_M / radius_m / 2)
    assert people(cells(3.5, 60.0), PRESSED_PER_M2) == 0.0
    core = np.pi * (CORE * 60.0) ** 2 * 4.0
    assert core < people(cells(4.0, 60.0), PRESSED_PER_M2) < 2.0 * core


def test_who_is_pressed_is_counted_while_the_crowd_is_there(make_world: MakeWorld) -> None:
    """The truth says how many come and in which band they will stand. Nobody is pressed before the core is so dense, many are at
    its height, nobody when it has gone; and a camera sees the cell that it is in.
    """
    world = make_world()
    zone = PlaceRef(kind="zone", id="zone_02")
    world.inject("crowd", {"zone": "zone_02", "density_per_m2": 5.0, "ramp_s": 600, "duration_s": 1200}, 0)
    (crowd,) = world.security.happenings
    (told,) = [event.attributes for event in world.truth.events() if event.kind == "crowd"]
    assert told["band"] == "F" and told["people"] == pytest.approx(people(cells(5.0, 60.0)), abs=0.5)
    pressed = [read(world, "pressed_people", zone, at_ms) for at_ms in (0, 300_000, 600_000)]
    assert pressed[:2] == [0.0, 0.0]
    assert pressed[2] == pytest.approx(people(cells(5.0, crowd.radius_m), PRESSED_PER_M2))
    sites = KIND.place(world)
    assert KIND.prepare is not None
    seen = np.asarray(KIND.measure(world, sites, KIND.prepare(world, sites), 600_000)["density"])
    away_m = world.places.distance_m(sites.lon, sites.lat, crowd.lon, crowd.lat)
    assert seen[int(np.argmin(away_m))] == pytest.approx(5.0)
    assert (seen[away_m > crowd.radius_m] < 1.0).all()
    world.run_until(1_260_000)
    assert read(world, "pressed_people", zone, 1_260_000) == 0.0
