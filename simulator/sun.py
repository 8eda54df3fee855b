"""The sun: where it stands and how much light it gives.

Lives here: the formulas of NOAA's solar calculator (after Meeus, Astronomical Algorithms, 1998) and a table of daylight.
Must not know: cities, lamps, photocells. Angles are rounded to 1e-6 degrees, because libraries differ in the last bit.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SUNRISE_DEG = -0.833  # upper limb at the horizon with standard refraction
DAY_S = 86_400

# Illuminance on level ground under a clear sky [lx] by elevation [deg]; US Naval Observatory Circular 171 (Janiczek and
# DeYoung, 1987), with values between its rows interpolated on a logarithmic scale.
_ELEVATION_DEG = np.array([-18, -12, -9, -6, -5, -4, -3, -2, -0.8, 0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90.0])
_CLEAR_LUX = np.array(
    [0.00065, 0.0083, 0.2, 3.4, 10.8, 30, 75, 180, 453, 732, 1_900, 4_760, 10_900, 18_600, 27_300, 36_700, 47_000,
     66_700, 85_000, 102_000, 113_000, 120_000, 124_000.0]
)  # fmt: skip


def elevation_deg(utc_s: Floats, lon: float, lat: float) -> Floats:
    """Return the sun's geometric elevation [deg] at instants [s since 1970, UTC] for a place in degrees east and north."""
    declination, hour_angle = _declination_and_hour_angle(utc_s, lon)
    latitude = np.radians(lat)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    elevation: Floats = np.round(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))), 6)
    return elevation


def azimuth_deg(utc_s: Floats, lon: float, lat: float) -> Floats:
    """Return where the sun stands [degrees clockwise from north, 0-360] at instants [s since 1970, UTC]."""
    declination, hour_angle = _declination_and_hour_angle(utc_s, lon)
    latitude = np.radians(lat)
    west = np.sin(hour_angle) * np.cos(declination)
    south = np.cos(hour_angle) * np.sin(latitude) * np.cos(declination) - np.sin(declination) * np.cos(latitude)
    azimuth: Floats = np.round(np.degrees(np.arctan2(west, south)) + 180.0, 6) % 360.0
    return azimuth


def _declination_and_hour_angle(utc_s: Floats, lon: float) -> tuple[Floats, Floats]:
    """Return declination and hour angle [rad]; the latter is 0 at true noon and grows to the west."""
    declination, equation_min = _declination_and_equation_of_time(utc_s)
    true_solar_min = (utc_s / 60.0 + equation_min + 4.0 * lon) % 1440.0
    return declination, np.radians(true_solar_min / 4.0 - 180.0)


def _declination_and_equation_of_time(utc_s: Floats) -> tuple[Floats, Floats]:
    """Return declination [rad] and equation of time [min]; NOAA solar calculator."""
    t = (utc_s / DAY_S + 2_440_587.5 - 2_451_545.0) / 36_525.0
    mean_longitude = np.radians((280.46646 + t * (36_000.76983 + 0.0003032 * t)) % 360.0)
    anomaly = np.radians(357.52911 + t * (35_999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    center_deg = (
        np.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * t)
    longitude = np.radians(np.degrees(mean_longitude) + center_deg - 0.00569 - 0.00478 * np.sin(node))
    obliquity_deg = 23.0 + (26.0 + (21.448 - t * (46.815 + t * (0.00059 - t * 0.001813))) / 60.0) / 60.0
    obliquity = np.radians(obliquity_deg + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    half = np.tan(obliquity / 2.0)
    y = half * half
    equation = (
        y * np.sin(2 * mean_longitude)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean_longitude)
        - 0.5 * y * y * np.sin(4 * mean_longitude)
        - 1.25 * eccentricity * eccentricity * np.sin(2 * anomaly)
    )
    return declination, 4.0 * np.degrees(equation)


def clear_lux(elevation: Floats) -> Floats:
    """Return the illuminance of a clear sky [lx] at elevations [deg]; 0.0003 lx (stars) well below the horizon."""
    lux: Floats = np.interp(elevation, _ELEVATION_DEG, _CLEAR_LUX, left=0.0003)
    return lux


def rise_and_set_s(midnight_utc_s: float, lon: float, lat: float, horizon_deg: float = SUNRISE_DEG) -> tuple[float, float]:
    """Return the seconds after a local midnight at which the sun rises and sets; NaN where it does not on that day."""
    steps = midnight_utc_s + np.arange(0.0, DAY_S + 1, 60.0)
    height = elevation_deg(steps, lon, lat) - horizon_deg
    return _crossing(height, rising=True), _crossing(height, rising=False)


def _crossing(height: Floats, *, rising: bool) -> float:
    """Return where minute values change sign [s], linear in between."""
    before, after = height[:-1], height[1:]
    hits = np.flatnonzero((before < 0) & (after >= 0) if rising else (before >= 0) & (after < 0))
    if not len(hits):
        return float("nan")
    i = int(hits[0])
    return 60.0 * (i + float(before[i] / (before[i] - after[i])))
