"""The tide is the sum of its harmonics, once a day, with springs and neaps."""

import math

from simulator import tide

HOUR_S = 3_600.0


def test_the_level_is_the_sum_of_its_harmonics() -> None:
    """Against the same sum with the cosine of the mathematics library: the table errs by less than a millimetre."""
    for hours in (0.0, 0.37, 5.0, 1_234.5, 87_600.25, 233_333.1):
        exact = tide.MEAN_LEVEL_M + math.fsum(
            c.amplitude_m * math.cos(math.radians(c.argument_deg + c.speed_deg_per_h * hours - c.lag_deg))
            for c in tide.CONSTITUENTS
        )
        assert abs(tide.level_m(tide.ORIGIN_UTC_S + hours * HOUR_S) - exact) < 1e-3


def test_the_speeds_are_those_of_sun_and_moon() -> None:
    """K1 + O1 = M2, P1 + K1 = S2, 2 K1 = K2: the speeds are sums of the same few motions (Schureman 1958)."""
    speed = {c.name: c.speed_deg_per_h for c in tide.CONSTITUENTS}
    assert abs(speed["K1"] + speed["O1"] - speed["M2"]) < 1e-6
    assert abs(speed["K1"] + speed["P1"] - speed["S2"]) < 1e-6
    assert abs(2 * speed["K1"] - speed["K2"]) < 1e-6
    assert abs(speed["K1"] + speed["Q1"] - speed["N2"]) < 2e-6


def test_there_is_one_high_water_a_day_with_springs_and_neaps() -> None:
    """Form number (K1 + O1) / (M2 + S2) far above 3: daily. Springs and neaps differ by the beat of K1 and O1, 13.66 days."""
    amplitude = {c.name: c.amplitude_m for c in tide.CONSTITUENTS}
    assert (amplitude["K1"] + amplitude["O1"]) / (amplitude["M2"] + amplitude["S2"]) > 3
    levels = [tide.level_m(tide.ORIGIN_UTC_S + h * HOUR_S / 2) for h in range(2 * 24 * 28)]
    highs = [i for i in range(1, len(levels) - 1) if levels[i - 1] < levels[i] >= levels[i + 1] and levels[i] > 2.2]
    assert 25 <= len(highs) <= 32
    ranges = [max(levels[d * 48 : d * 48 + 50]) - min(levels[d * 48 : d * 48 + 50]) for d in range(27)]
    assert max(ranges) > 2.5
    assert min(ranges) < 1.0
