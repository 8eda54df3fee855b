"""A small city at work, for the tests of truth."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from simulator.city import City
from simulator.generate.grid import small_city
from simulator.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def city() -> City:
    """The smallest generated city."""
    return small_city()


@pytest.fixture
def make_world(city: City) -> MakeWorld:
    """Make a world of the small city that begins at a local time."""

    def make(local: str = "2026-03-10T20:00:00", *, seed: int = 7, **options: Any) -> World:
        return World(options.pop("city", city), seed, datetime.fromisoformat(f"{local}+07:00"), **options)

    return make
