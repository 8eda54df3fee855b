"""Crowds by cell: how the people of a crowd lie on the ground, what that means for them, and how many are pressed.

Lives here: the shape of a crowd over cells of 10 m, and the bands of density. Must not know: why people come, who sees them. A
crowd is dense in its core and thins out towards its rim. Bands of walking are those of Fruin (1971, Pedestrian Planning and
Design): A to F by people per square metre; what is dangerous in a standing crowd he put at 3.57 (touch that nobody can avoid)
and 5.55 (forces that throw people), as in EPJ Data Science (2012), table 1.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CELL_M = 10.0
CORE = 0.5  # of the radius: so far out it is as dense as in the middle (assumption)
WALKING = ((0.31, "A"), (0.43, "B"), (0.72, "C"), (1.08, "D"), (2.17, "E"))  # upper edges [people/m2]; beyond is F
PRESSED_PER_M2, DANGEROUS_PER_M2 = 3.57, 5.55


def band(people_per_m2: float) -> str:
    """Return Fruin's band of walking, A (free) to F (nobody moves by his own will)."""
    return next((name for edge, name in WALKING if people_per_m2 < edge), "F")


def shape(away_m: Floats, radius_m: float) -> Floats:
    """Return the density at distances from the middle of a crowd [n] over that of its core: 1 there, 0 at the rim."""
    core_m = CORE * radius_m
    out: Floats = np.clip((radius_m - away_m) / (radius_m - core_m), 0.0, 1.0)
    return out


@cache
def _cells_away_m(radius_m: float) -> Floats:
    """Return how far the middles of a square grid's cells are from the middle of a crowd that it covers."""
    count = int(np.ceil(2.0 * radius_m / CELL_M))
    middle = (np.arange(count) - 0.5 * (count - 1)) * CELL_M
    out: Floats = np.sqrt(middle[:, None] ** 2 + middle[None, :] ** 2).ravel()
    return out


def cells(core_per_m2: float, radius_m: float) -> Floats:
    """Return the density of every cell of a crowd [people/m2], by the density of its core."""
    return core_per_m2 * shape(_cells_away_m(radius_m), radius_m)


def people(per_m2: Floats, at_least_per_m2: float = 0.0) -> float:
    """Return how many people stand in cells [n] of at least a density."""
    return float(per_m2[per_m2 >= at_least_per_m2].sum()) * CELL_M * CELL_M
