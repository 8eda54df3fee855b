"""What can happen to weather and water.

Lives here: the injects of wind, rain, tide and sluices. Must not know: what they touch.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.truth import Place, TruthEvent
from simulator.typhoon import Typhoon
from simulator.weather import WEATHER

if TYPE_CHECKING:
    from simulator.world import World


def _number(unit: str, low: float, high: float, default: float, vi: str, en: str) -> Parameter:
    return Parameter("number", unit, low, high, default=default, help=Text(vi, en))


def _weather(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    for event in world.truth.open("weather"):
        world.truth.end(event.event_id, now_ms)
    world.weather.change(params["kind"], now_ms)
    event = world.truth.begin("weather", Place("city", world.city.id), now_ms, attributes={"kind": params["kind"]})
    return world.truth.end(event.event_id, now_ms) if params["kind"] == "clear" else event


def _typhoon(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    event = world.truth.begin("typhoon", Place("city", world.city.id), now_ms, attributes=dict(params))
    heading = np.radians(float(params["heading_deg"]))
    storm = Typhoon(
        event.event_id, now_ms + round(params["landfall_s"] * 1000), float(params["max_wind_mps"]),
        float(params["radius_km"]) * 1000.0, float(params["speed_mps"]), float(params["pass_km"]) * 1000.0,
        float(np.round(np.sin(heading), 9)), float(np.round(np.cos(heading), 9)),
        float(params["rain_mm_per_h"]), float(params["surge_m"]),
    )  # fmt: skip
    world.weather.come(storm, now_ms)
    world.storm_damage.watch(now_ms)
    return event


def _downpour(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    rate = float(params["rain_mm_per_h"])
    event = world.truth.begin("downpour", Place("city", world.city.id), now_ms, attributes={"rain_mm_per_h": rate})
    world.weather.pour(rate, now_ms + round(params["duration_s"] * 1000), event.event_id, now_ms)
    return event


def _high_water(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    rise_m, until_ms = float(params["rise_m"]), now_ms + round(params["duration_s"] * 1000)
    event = world.truth.begin("high_water", Place("city", world.city.id), now_ms, attributes={"rise_m": rise_m})
    world.water.rise(rise_m, until_ms, event.event_id, now_ms)
    return event


def _sluice_stuck(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    b = world.pick("basin", params["basin"])
    return world.truth.get(world.water.jam(b, params["position"], now_ms))


INJECTS = (
    Inject(
        "weather",
        Text("Thời tiết thay đổi", "Weather changes"),
        "weather",
        {"kind": Parameter("choice", choices=tuple(WEATHER), default="rain", help=Text("Loại thời tiết", "Kind of weather"))},
        _weather,
    ),
    Inject(
        "typhoon",
        Text("Bão đổ bộ", "Typhoon"),
        "typhoon",
        {
            "landfall_s": _number("s", 0, 172_800, 14_400, "Đổ bộ sau", "Landfall after"),
            "max_wind_mps": _number("m/s", 17, 80, 36, "Gió mạnh nhất trên biển", "Strongest sustained wind over water"),
            "radius_km": _number("km", 5, 150, 25, "Bán kính gió mạnh nhất", "Radius of the strongest winds"),
            "speed_mps": _number("m/s", 1, 20, 5, "Tốc độ di chuyển", "Speed of the storm"),
            "heading_deg": _number("°", 0, 360, 290, "Hướng đi, độ từ phía bắc", "Where it moves to, from north"),
            "pass_km": _number("km", -200, 200, 0, "Tâm đi lệch sang phải", "The centre passes to the right by"),
            "rain_mm_per_h": _number("mm/h", 0, 150, 14, "Mưa mạnh nhất", "Strongest rain"),
            "surge_m": _number("m", 0, 6, 1.0, "Nước dâng", "Storm surge"),
        },
        _typhoon,
    ),
    Inject(
        "downpour",
        Text("Mưa cực lớn", "Downpour"),
        "downpour",
        {
            "rain_mm_per_h": _number("mm/h", 1, 200, 50, "Cường độ mưa", "Rain"),
            "duration_s": _number("s", 60, 86_400, 7_200, "Kéo dài", "Lasts"),
        },
        _downpour,
    ),
    Inject(
        "high_water",
        Text("Nước sông dâng", "River in flood"),
        "high_water",
        {
            "rise_m": _number("m", 0.1, 5, 1.0, "Cao hơn thủy triều", "Above the tide"),
            "duration_s": _number("s", 60, 604_800, 21_600, "Kéo dài", "Lasts"),
        },
        _high_water,
    ),
    Inject(
        "sluice_stuck",
        Text("Cống bị kẹt", "Sluice stuck"),
        "sluice_stuck",
        {
            "basin": Parameter("basin", help=Text("Điểm ngập; bỏ trống: tự chọn", "Low spot; absent: seeded choice")),
            "position": Parameter("choice", choices=("open", "closed"), default="open", help=Text("Kẹt ở", "Stuck in position")),
        },
        _sluice_stuck,
    ),
)  # fmt: skip
