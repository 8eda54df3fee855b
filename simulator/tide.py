"""The tide: the level of the sea at an instant, as the sum of its harmonics.

Lives here: constituents, their speeds, a table of the cosine. Must not know: rivers, sluices, storms. Hòn Dấu has one of the
purest daily tides on earth. Speeds and arguments: Schureman, Manual of Harmonic Analysis and Prediction of Tides (1958), with
the mean longitudes of sun and moon of Meeus (1998); node factors are left out (they change O1 and K1 by up to 19 and 11 %
over 18.6 years). Amplitudes are rounded after published analyses of Hòn Dấu; its phases are assumptions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEAN_LEVEL_M = 1.9  # above the chart datum of Hòn Dấu
ORIGIN_UTC_S = 946_684_800.0  # 2000-01-01 00:00 UTC
_COSINE = np.round(np.cos(np.radians(np.arange(361.0))), 9)  # by whole degrees; linear between errs by < 4e-5


@dataclass(frozen=True, slots=True)
class Constituent:
    """A harmonic: speed [degrees/h], equilibrium argument at the origin [degrees], amplitude [m], phase lag [degrees, UTC]."""

    name: str
    speed_deg_per_h: float
    argument_deg: float
    amplitude_m: float
    lag_deg: float


CONSTITUENTS = (
    Constituent("O1", 13.9430356, 126.518, 0.70, 35.0),
    Constituent("K1", 15.0410686, 9.974, 0.72, 91.0),
    Constituent("P1", 14.9589314, 350.026, 0.24, 91.0),
    Constituent("Q1", 13.3986609, 358.087, 0.13, 15.0),
    Constituent("M2", 28.9841042, 136.491, 0.05, 110.0),
    Constituent("S2", 30.0000000, 0.000, 0.03, 140.0),
    Constituent("N2", 28.4397295, 8.061, 0.01, 100.0),
    Constituent("K2", 30.0821373, 199.947, 0.01, 140.0),
)


def cosine(degrees: float) -> float:
    """Return the cosine of an angle in degrees, from the table."""
    at = degrees % 360.0
    low = int(at)
    return float(_COSINE[low] + (_COSINE[low + 1] - _COSINE[low]) * (at - low))


def level_m(utc_s: float) -> float:
    """Return the level of the tide [m above the datum] at an instant [s since 1970, UTC]: Z0 + sum of A cos(V0 + n t - g)."""
    hours = (utc_s - ORIGIN_UTC_S) / 3600.0
    rise = sum(c.amplitude_m * cosine(c.argument_deg + c.speed_deg_per_h * hours - c.lag_deg) for c in CONSTITUENTS)
    return MEAN_LEVEL_M + rise
