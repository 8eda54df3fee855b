"""Glare: what a low sun in the picture takes from a camera.

Lives here: where cameras look, and how much of the picture the sun spoils. Must not know: what analytics make of it. Guides for
mounting say that a camera must not face strong light: pictures are overexposed, what moves is lost, halos are taken for
things. How fast that fades with the angle to the sun and with its height is an assumption.
"""

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Distribution, Uniform

Floats = NDArray[np.float64]

HEADING = Distribution(
    "security.heading", Uniform(0.0, 360.0), "degrees", "Where a camera looks.", "assumption: all directions are alike"
)
BESIDE_DEG = 35.0  # half of what a wide lens sees: the sun is out of the picture
ABOVE_DEG = 25.0  # a camera that looks down at a street has the sun above its picture from here on
LOST = 0.7  # of what a camera would make out, with the sun in the middle of the picture
MORE_CAUSES = 4.0  # times as many harmless causes come then, on top of the usual ones


def glare(heading_deg: Floats, elevation_deg: float, azimuth_deg: float) -> Floats:
    """Return how much the sun of a clear sky spoils pictures [n], 0-1, by the directions in which cameras look."""
    if not 0.0 <= elevation_deg < ABOVE_DEG:
        return np.zeros(len(heading_deg))
    beside = np.abs((heading_deg - azimuth_deg + 180.0) % 360.0 - 180.0)
    out: Floats = np.maximum(1.0 - beside / BESIDE_DEG, 0.0) * (1.0 - elevation_deg / ABOVE_DEG)
    return out
