"""What an instructor can make happen on the roads.

Lives here: the injects of traffic. Must not know: how vehicles react (`simulator.traffic.ctm`), how it ends (`happenings`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.traffic.mix import PCU
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

LEAST_TRIPS_PER_H = 1.0  # a zone from which nobody sets out has no ways that could be surged
LINK = Parameter("link", help=Text(vi="Đoạn đường; bỏ trống: chọn theo hạt giống", en="Link; absent: chosen by the seed"))
ZONE = Parameter("zone", help=Text(vi="Khu vực; bỏ trống: chọn theo hạt giống", en="Zone; absent: chosen by the seed"))
GATE = Parameter("gate", help=Text(vi="Cổng cảng; bỏ trống: chọn theo hạt giống", en="Gate; absent: chosen by the seed"))
POSITION = Parameter(
    "number", "ratio", 0.0, 1.0, default=0.6,
    help=Text(vi="Vị trí dọc đoạn đường, 0 là đầu và 1 là cuối", en="Place along the link, 0 its start and 1 its end"),
)  # fmt: skip
LANES = Parameter(
    "integer", "lanes", 1, 6, default=1,
    help=Text(vi="Số làn bị chiếm; nhiều nhất là mọi làn của đoạn đường", en="Lanes taken; at most all of the link's"),
)  # fmt: skip


def _duration(default_s: float | None, vi: str, en: str) -> Parameter:
    return Parameter("number", "s", 10, 86_400, default=default_s, help=Text(vi=vi, en=en))


UNTIL_CLEARED = _duration(None, "Tự hết sau; bỏ trống: đến khi dọn xong", "Ends after; absent: when it is towed away")


def _ends(params: Mapping[str, Any], now_ms: int) -> int | None:
    seconds = params["duration_s"]
    return None if seconds is None else now_ms + round(seconds * 1000)


def _block(world: "World", params: Mapping[str, Any], now_ms: int, speed_factor: float, what: str) -> TruthEvent:
    link = world.pick("link", params["link"])
    length, lanes = world.city.links.length_m[link], world.city.links.lanes[link]
    taken = float(min(int(params["lanes"]), lanes))
    happenings = world.traffic.happenings
    return happenings.crash(link, float(params["position"]) * length, taken, speed_factor, now_ms, _ends(params, now_ms), what)


def _crash(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return _block(world, params, now_ms, 0.6, "crash")


def _stopped_vehicle(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return _block(world, {**params, "lanes": 1}, now_ms, 0.9, "stopped_vehicle")


def _closure(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    link = world.pick("link", params["link"])
    length, lanes, taken, at = world.city.links.length_m[link], world.city.links.lanes[link], params["lanes"], params["position"]
    happenings, ends = world.traffic.happenings, _ends(params, now_ms)
    if taken is not None and int(taken) < lanes:
        return happenings.close_lanes(link, float(0.5 if at is None else at) * length, float(taken), now_ms, ends)
    return happenings.close(link, now_ms, ends, None if at is None else float(at) * length)


def _gate_fault(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.traffic.happenings.break_gate(world.pick("gate", params["gate"]), now_ms, _ends(params, now_ms))


def _surge(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    zone, motorcycles = world.pick("zone", params["zone"]), params["motorcycles_per_h"]
    factor, demand = float(params["factor"]), world.traffic.demand
    if motorcycles is not None and demand is not None:
        usual = float(demand.trips.matrix(float(world.local_seconds(now_ms)))[zone].sum())
        factor = 1.0 + float(motorcycles) * PCU["motorcycles"] / max(usual, LEAST_TRIPS_PER_H)
    return world.traffic.happenings.surge(zone, factor, now_ms, _ends(params, now_ms))


INJECTS = (
    Inject(
        "crash",
        Text(vi="Tai nạn giao thông", en="Crash"),
        "traffic_incident",
        {"link": LINK, "position": POSITION, "lanes": LANES, "duration_s": UNTIL_CLEARED},
        _crash,
    ),
    Inject(
        "stopped_vehicle",
        Text(vi="Xe chết máy", en="Stopped vehicle"),
        "traffic_incident",
        {"link": LINK, "position": POSITION, "duration_s": UNTIL_CLEARED},
        _stopped_vehicle,
    ),
    Inject(
        "road_closure",
        Text(vi="Cấm đường", en="Road closure"),
        "road_closure",
        {
            "link": LINK,
            "lanes": Parameter(
                "integer", "lanes", 1, 10,
                help=Text(vi="Số làn bị cấm; bỏ trống: cả đoạn đường", en="Lanes closed; absent: the whole road"),
            ),
            "position": Parameter(
                "number", "ratio", 0.0, 1.0,
                help=Text(
                    vi="Vị trí dọc đoạn đường nơi đường bị chặn; bỏ trống: cấm vào từ đầu đoạn",
                    en="Place along the link where the road is cut; absent: nobody enters, those inside drive out",
                ),
            ),
            "duration_s": _duration(1800.0, "Thời gian cấm", "How long it is closed"),
        },
        _closure,
    ),
    Inject(
        "gate_fault",
        Text(vi="Cổng cảng hỏng", en="Port gate fault"),
        "gate_fault",
        {
            "gate": GATE,
            "duration_s": _duration(3600.0, "Cổng chạy nửa công suất trong", "How long it serves half of what it should"),
        },
        _gate_fault,
    ),
    Inject(
        "demand_surge",
        Text(vi="Lượng xe tăng đột biến", en="Demand surge"),
        "demand_surge",
        {
            "zone": ZONE,
            "factor": Parameter(
                "number", "ratio", 1.0, 10.0, default=2.0,
                help=Text(vi="Gấp bao nhiêu lần bình thường", en="Times as many trips as usual"),
            ),
            "motorcycles_per_h": Parameter(
                "number", "veh/h", 10.0, 20_000.0,
                help=Text(
                    vi="Thay cho số lần: bao nhiêu xe máy mỗi giờ ngoài lượng xe thường ngày",
                    en="Instead of a factor: so many motorcycles an hour besides the usual trips",
                ),
            ),
            "duration_s": _duration(1800.0, "Thời gian tăng", "How long it lasts"),
        },
        _surge,
    ),
)  # fmt: skip
