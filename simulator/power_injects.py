"""What can go wrong with power and cabinets.

Lives here: the injects of feeders and cabinets. Must not know: how supply spreads (`simulator.power`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

FEEDER = Parameter("feeder", help=Text("Xuất tuyến; bỏ trống: tự chọn", "Feeder; absent: seeded choice"))
CABINET = Parameter("cabinet", help=Text("Tủ điện; bỏ trống: tự chọn", "Cabinet; absent: seeded choice"))


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _feeder_outage(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    f = world.pick("feeder", params["feeder"])
    return world.power.trip_feeder(f, now_ms, _ms(params["fault_s"]), _ms(params["restore_s"]))


def _cabinet_outage(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.power.trip_cabinet(world.pick("cabinet", params["cabinet"]), now_ms, lasting=params["fault"] == "lasting")


def _door_open(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.power.open_door(world.pick("cabinet", params["cabinet"]), now_ms)


def _leakage(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.power.leak(world.pick("cabinet", params["cabinet"]), float(params["amperes"]), now_ms)


INJECTS = (
    Inject(
        "feeder_outage",
        Text("Mất điện xuất tuyến", "Feeder outage"),
        "feeder_outage",
        {
            "feeder": FEEDER,
            "fault_s": Parameter(
                "number",
                "s",
                0,
                86_400,
                help=Text("Sự cố tự hết sau; bỏ trống: đến khi sửa", "Fault clears after; absent: when repaired"),
            ),
            "restore_s": Parameter(
                "number",
                "s",
                1,
                86_400,
                help=Text("Điện lực tự đóng lại sau; bỏ trống: không", "The utility restores after; absent: never"),
            ),
        },
        _feeder_outage,
    ),
    Inject(
        "cabinet_outage",
        Text("Tủ chiếu sáng nhảy aptomat", "Cabinet trips"),
        "cabinet_outage",
        {
            "cabinet": CABINET,
            "fault": Parameter(
                "choice",
                choices=("passing", "lasting"),
                default="passing",
                help=Text("Thoáng qua hoặc kéo dài", "Passing, or until repaired"),
            ),
        },
        _cabinet_outage,
    ),
    Inject(
        "cabinet_door_open",
        Text("Cửa tủ điện bị mở", "Cabinet door left open"),
        "cabinet_door_open",
        {"cabinet": CABINET},
        _door_open,
    ),
    Inject(
        "cabinet_leakage",
        Text("Rò điện tủ chiếu sáng", "Cabinet leaks current"),
        "cabinet_leakage",
        {
            "cabinet": CABINET,
            "amperes": Parameter("number", "A", 0.03, 20, default=0.8, help=Text("Dòng rò", "Leakage current")),
        },
        _leakage,
    ),
)
