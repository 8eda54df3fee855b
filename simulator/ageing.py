"""Ageing of luminaires: how light fades with burning hours and years, how drivers fail at random and wear out.

Lives here: the formulas, and their chances and ages as distributions. Must not know: which luminaires there are. The digest
allows no exponential, so e^-x is a shipped table, linear in between (error below 4e-4 of its value).
"""

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Chance, Distribution, Uniform

Floats = NDArray[np.float64]

LED = "US DOE, LED Systems Reliability Consortium: drivers fail first; 0.2 % per 1,000 h is usual"
FAILURE = Distribution(
    "lighting.failure", Chance(0.002 / 1000.0, "hours burnt since the last look"), "per burning hour",
    "A luminaire's driver fails at random.", LED,
)  # fmt: skip
WEAR_SHAPE, WEAR_SCALE_H = 3, 110_000.0
WEAR_OUT = Distribution(
    "lighting.wear_out",
    Chance(1.0, "((a + h)^3 - a^3) / 110,000^3 for h hours burnt at age a"),
    "",
    "A luminaire wears out (Weibull of shape 3 and scale 110,000 burning hours).",
    "assumption, traffic and lighting research: LED drivers, shape 3 to 4, scale 100,000 to 120,000 h",
)
AGE = Distribution(
    "lighting.age",
    Uniform(0.0, 60_000.0),
    "burning hours",
    "Age of a luminaire when a run begins.",
    "assumption: a stock that was renewed over 14 years",
)
DIRT = Distribution(
    "lighting.dirt",
    Uniform(0.0, 5.0),
    "years",
    "Since a luminaire was last cleaned when a run begins.",
    "assumption: cleaned with every lamp round, each five years",
)
DECAY_PER_H = 2.2e-6  # TM-21 a: 80 % of the light is left after 100,000 h (L80)
DIRT_PER_YEAR = 0.024  # 12 % in five years, I-35W bridge (US DOE GATEWAY, 2012)
_STEP = 0.05
_EXP = np.array(
    [1.0, 0.951229424500714, 0.9048374180359595, 0.8607079764250578, 0.8187307530779818, 0.7788007830714049,
     0.7408182206817179, 0.7046880897187134, 0.6703200460356393, 0.6376281516217733, 0.6065306597126334,
     0.5769498103804866, 0.5488116360940264, 0.522045776761016, 0.4965853037914095, 0.4723665527410147,
     0.44932896411722156]
)  # fmt: skip


def decay(x: Floats) -> Floats:
    """Return e^-x for x from 0 to 0.8, beyond that the last value."""
    out: Floats = np.interp(x, np.arange(len(_EXP)) * _STEP, _EXP)
    return out


def light_left(age_h: Floats, dirty_years: Floats) -> Floats:
    """Return the ratio of its first light that a luminaire gives: IES TM-21 exp(-a t), times what dirt lets through.

    It comes in steps of 1/65536, far below what any meter tells apart.
    """
    left = decay(DECAY_PER_H * age_h) * (1.0 - DIRT_PER_YEAR * np.minimum(dirty_years, 20.0))
    return np.asarray(np.rint(left * 65536.0) / 65536.0, dtype=np.float64)


def wear_chance(age_h: Floats, burnt_h: float) -> Floats:
    """Return the probability that a luminaire of an age wears out within `burnt_h` more burning hours.

    1 - exp(-H) of the Weibull hazard H = ((t + h)^3 - t^3) / scale^3, as H / (1 + H / 2), which errs by H^3 / 12.
    """
    scale = 1.0 / WEAR_SCALE_H
    before, after = age_h * scale, (age_h + burnt_h) * scale
    hazard = after * after * after - before * before * before
    return hazard / (1.0 + 0.5 * hazard)
