"""What can go wrong with power and cabinets.

Lives here: the injects of feeders and cabinets. Must not know: how supply spreads (`simulator.power`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.power import PHASES
from simulator.protection import CAUSES
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

FEEDER = Parameter("feeder", help=Text("Xuất tuyến; bỏ trống: tự chọn", "Feeder; absent: seeded choice"))
FAULT = Parameter(
    "choice",
    choices=("passing", "lasting"),
    default="passing",
    help=Text("Thoáng qua hoặc kéo dài", "Passing, or until repaired"),
)
CABINET = Parameter("cabinet", help=Text("Tủ điện; bỏ trống: tự chọn", "Cabinet; absent: seeded choice"))


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _feeder_outage(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    f = world.pick("feeder", params["feeder"])
    return world.power.trip_feeder(f, now_ms, _ms(params["fault_s"]), _ms(params["restore_s"]))


def _feeder_fault(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    passing = {"by_chance": None, "passing": True, "lasting": False}[params["lasts"]]
    return world.power.strike(world.pick("feeder", params["feeder"]), params["cause"], now_ms, passing)


def _feeder_overload(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    ends_ms = None if params["duration_s"] is None else now_ms + round(params["duration_s"] * 1000)
    return world.power.overload(world.pick("feeder", params["feeder"]), float(params["factor"]), now_ms, ends_ms)


def _circuit_outage(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    c, phase = world.pick("cabinet", params["cabinet"]), PHASES.index(params["phase"])
    return world.power.trip_circuit(c, phase, now_ms, lasting=params["fault"] == "lasting")


def _cable_theft(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.power.steal_cable(world.pick("cabinet", params["cabinet"]), params["phases"], now_ms)


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
            "fault": FAULT,
        },
        _cabinet_outage,
    ),
    Inject(
        "feeder_fault",
        Text("Sự cố xuất tuyến", "Fault on a feeder"),
        "feeder_fault",
        {
            "feeder": FEEDER,
            "cause": Parameter(
                "choice",
                choices=tuple(CAUSES),
                default="tree",
                help=Text("Cây, quá tải, ngập, trộm dây", "Tree, overload, flood, theft"),
            ),
            "lasts": Parameter(
                "choice",
                choices=("by_chance", "passing", "lasting"),
                default="by_chance",
                help=Text("Tự hết hay đến khi sửa", "Passes by itself, or until repaired"),
            ),
        },
        _feeder_fault,
    ),
    Inject(
        "feeder_overload",
        Text("Xuất tuyến quá tải", "Feeder overload"),
        "feeder_overload",
        {
            "feeder": FEEDER,
            "factor": Parameter(
                "number", "ratio", 1, 5, default=2.2, help=Text("Gấp bao nhiêu lần phụ tải thường", "Times its ordinary load")
            ),
            "duration_s": Parameter(
                "number", "s", 60, 86_400, default=3_600, help=Text("Kéo dài", "How long the load is asked for")
            ),
        },
        _feeder_overload,
    ),
    Inject(
        "circuit_outage",
        Text("Mất một pha tủ chiếu sáng", "A phase of a cabinet trips"),
        "circuit_outage",
        {
            "cabinet": CABINET,
            "phase": Parameter("choice", choices=PHASES, default="L1", help=Text("Pha", "Phase")),
            "fault": FAULT,
        },
        _circuit_outage,
    ),
    Inject(
        "cable_theft",
        Text("Trộm cáp tủ chiếu sáng", "Cables of a cabinet are stolen"),
        "cable_theft",
        {
            "cabinet": CABINET,
            "phases": Parameter("integer", "", 1, 3, default=2, help=Text("Số pha bị cắt", "How many phases are cut")),
        },
        _cable_theft,
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
