"""Weather station: wind, gusts, rain, sight and temperature. It runs on its own battery and sun."""

from typing import Any

import numpy as np

from sensors.kind import Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import always, device_sites
from simulator.world import World


def place(world: World) -> Sites:
    """Return the weather stations of the city."""
    return device_sites(world, "weather_station", {"place": "name"})


def prepare(world: World, sites: Sites) -> Any:
    """Return where the stations stand in the plane, metres [n, 2]."""
    return world.places.metres(sites.lon, sites.lat)


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the air at each station."""
    weather, n = world.weather, sites.n
    east, north = weather.wind(context, now_ms)
    return {
        "wind": np.sqrt(east * east + north * north),
        "gust": weather.gusts(context, now_ms),
        "rain": np.full(n, weather.rain_mm_per_h),
        "visibility": np.full(n, weather.visibility_m()),
        "temperature": np.full(n, weather.temperature_c(now_ms)),
    }


KIND = SensorKind(
    name="weather_station",
    title=Text("Trạm khí tượng", "Weather station"),
    icon="weather",
    period_ms=60_000,
    quantities=(
        Quantity(
            "wind", "weather_wind_mps", "m/s", Text("Gió", "Wind"), "Wind, mean of ten minutes.",
            resolution=0.1, minimum=0, maximum=90, noise=Noise(ratio=0.05, absolute=0.2),
        ),
        Quantity(
            "gust", "weather_gust_mps", "m/s", Text("Gió giật", "Gust"), "Strongest wind of three seconds in ten minutes.",
            resolution=0.1, minimum=0, maximum=120, noise=Noise(ratio=0.06, absolute=0.2),
        ),
        Quantity(
            "rain", "weather_rain_mm_per_h", "mm/h", Text("Mưa", "Rain"), "Rain.",
            resolution=0.2, minimum=0, maximum=400, noise=Noise(ratio=0.08),
        ),
        Quantity(
            "visibility", "weather_visibility_metres", "m", Text("Tầm nhìn", "Visibility"), "How far one sees.",
            resolution=10, minimum=0, maximum=20_000, noise=Noise(ratio=0.1),
        ),
        Quantity(
            "temperature", "weather_temperature_celsius", "°C", Text("Nhiệt độ", "Temperature"), "Temperature of the air.",
            resolution=0.1, minimum=-40, maximum=60, noise=Noise(absolute=0.2),
        ),
    ),
    place=place,
    prepare=prepare,
    measure=measure,
    powered=always,
    level="gust",
)  # fmt: skip
