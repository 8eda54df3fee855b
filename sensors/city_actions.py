"""Commands that no single device takes: signs and closures on roads, waves, stewards in a zone, a word to another authority.

Lives here: their descriptions, and what each changes in the world. Must not know: sensor kinds, the dispatcher (`registry`). A
command is refused with a reason that begins with a code, as those of devices are.
"""

from collections.abc import Mapping
from typing import Any

from sensors.kind import Action
from sensors.messages import ParameterInfo, Text
from simulator.traffic.guidance import CAUTION, DETOUR_S, FOLLOW, Order
from simulator.traffic.mix import WHO
from simulator.traffic.routing import CLOSED_S
from simulator.world import World

AUTHORITIES = (
    "police_113",
    "fire_114",
    "ambulance_115",
    "utility",
    "neighbour_city",
    "port",
    "school_board",
    "cyber_team",
    "ward",
)
SUBJECTS = ("notice", "warn", "hold_trucks", "take_over", "evacuate", "restore_order", "investigate")
SIGN_MS, ANSWER_MS = 5_000, 45_000
SHORT_TEXT = 10  # a message of fewer letters says too little to be acted on


def _until(params: Mapping[str, Any], now_ms: int) -> int:
    return now_ms + round(float(params["until_s"]) * 1000)


def _link(world: World, target_id: str) -> int:
    return world.places.index("link", target_id)


def message_sign(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Show a text before a road: it sends a share of drivers elsewhere, makes them careful, or is taken down."""
    link, advice = _link(world, target_id), params["advice"]
    if advice == "clear":
        return "" if world.traffic.guidance.lift("sign", link) else f"no_sign: no text stands before {target_id}"
    share, cost = (FOLLOW, DETOUR_S) if advice == "divert" else (0.0, 0.0)
    factor = CAUTION if advice == "slow" else 1.0
    order = Order("sign", link, share, cost, speed_factor=factor, text=params["text"], until_ms=_until(params, now_ms))
    world.traffic.guidance.give(order)
    return ""


def speed_limit(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Limit the speed on a road."""
    limit = float(params["speed_kmh"]) / 3.6
    world.traffic.guidance.give(Order("limit", _link(world, target_id), limit_mps=limit, until_ms=_until(params, now_ms)))
    return ""


def vehicle_ban(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Keep a class of vehicle off a road, a bridge in strong wind for instance; `none` lifts the ban."""
    link, who = _link(world, target_id), params["vehicles"]
    if who == "none":
        return "" if world.traffic.guidance.lift("ban", link) else f"no_ban: nobody is kept off {target_id}"
    share = world.traffic.mix.of(who, link)
    world.traffic.guidance.give(Order("ban", link, share, CLOSED_S, text=who, until_ms=_until(params, now_ms)))
    return ""


def road_close(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Close a road; those inside drive out."""
    world.traffic.happenings.close(_link(world, target_id), now_ms, _until(params, now_ms))
    return ""


def road_open(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Open a closed road again."""
    del params
    opened = world.traffic.happenings.reopen(_link(world, target_id), now_ms)
    return "" if opened else f"not_closed: {target_id} is open"


def green_wave(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Shift the signals from one junction to another along the quickest way, so that a convoy or an ambulance has green."""
    start, end = world.places.index("node", target_id), world.places.index("node", str(params["to"]))
    if end < 0:
        return f"unknown_target: the city has no node {params['to']!r}"
    way = world.traffic.route(start, end)
    if not way:
        return f"no_way: nobody can drive from {target_id} to {params['to']}"
    try:
        signals = world.traffic.set_wave(way, now_ms)
    except ValueError as error:
        return f"no_wave: {error}"
    return "" if signals else f"no_signals: no signal stands on the way from {target_id} to {params['to']}"


def gate_manual(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Let people do at a port gate what its reader cannot."""
    del params
    by_hand = world.traffic.happenings.gate_by_hand(world.places.index("gate", target_id), now_ms)
    return "" if by_hand else f"no_need: {target_id} serves as it should"


def holding_yard(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Hold trucks of a zone in a yard, or let them go again."""
    del now_ms
    world.traffic.set_demand_factor(YARD_FACTOR if params["yard"] == "open" else 1.0, world.places.index("zone", target_id))
    return ""


def crowd_inflow(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Let all, half or none of those who want to come into a zone."""
    world.crowd_control.order(world.places.index("zone", target_id), now_ms, inflow=params["inflow"])
    return ""


def second_exit(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Open or shut a further exit of a crowded zone."""
    world.crowd_control.order(world.places.index("zone", target_id), now_ms, second_exit=params["exit"] == "open")
    return ""


def announcement(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Speak to the people in a zone over loudspeakers."""
    del params
    world.crowd_control.order(world.places.index("zone", target_id), now_ms, heard=True)
    return ""


def tell(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Tell another authority about a place; a message that says too little is refused, held trucks do not come."""
    if len("".join(str(params["text"]).split())) < SHORT_TEXT:
        return f"refused: {params['to']} needs to know what happened, where and since when; the text says {params['text']!r}"
    if params["subject"] == "hold_trucks":
        zone = world.city.links.zone[_link(world, target_id)] if _link(world, target_id) >= 0 else -1
        zone = world.places.index("zone", target_id) if zone < 0 else zone
        world.traffic.set_demand_factor(HELD_TRUCKS, zone if zone >= 0 else None)
    return ""


YARD_FACTOR = 0.7  # of the trips of a zone remain on the road while a yard holds its trucks (assumption)
HELD_TRUCKS = 0.8  # of the trips from there remain while the neighbour holds its trucks (assumption)
TEXT = ParameterInfo("text", "string", Text("Nội dung", "Text"))
UNTIL = ParameterInfo("until_s", "number", Text("Trong", "For"), "s", 60.0, 86_400.0, default=3_600.0)


def _choice(name: str, vi: str, en: str, choices: tuple[str, ...], default: str) -> ParameterInfo:
    return ParameterInfo(name, "choice", Text(vi, en), choices=list(choices), default=default)


ADVICE = _choice("advice", "Khuyên", "Advice", ("divert", "slow", "warn", "clear"), "divert")
VEHICLES = _choice("vehicles", "Loại xe", "Vehicles", (*WHO, "none"), "motorcycles")
INFLOW = _choice("inflow", "Dòng vào", "Inflow", ("open", "metered", "stopped"), "metered")
EXIT = _choice("exit", "Lối ra", "Exit", ("open", "closed"), "open")
YARD = _choice("yard", "Bãi chờ", "Yard", ("open", "closed"), "open")
TO = _choice("to", "Gửi đến", "To", AUTHORITIES, "police_113")
SUBJECT = _choice("subject", "Về việc", "Subject", SUBJECTS, "notice")
SPEED = ParameterInfo("speed_kmh", "number", Text("Tốc độ", "Speed"), "km/h", 20.0, 120.0, default=40.0)
NODE = ParameterInfo("to", "string", Text("Đến nút", "To the junction"))
PLACES = ("link", "node", "zone", "feeder", "building", "basin")

ACTIONS: tuple[Action, ...] = (
    Action("message_sign", Text("Bảng thông báo", "Message sign"), ("link",), (TEXT, ADVICE, UNTIL), message_sign, SIGN_MS),
    Action("speed_limit", Text("Giới hạn tốc độ", "Speed limit"), ("link",), (SPEED, UNTIL), speed_limit, SIGN_MS),
    Action("vehicle_ban", Text("Cấm loại xe", "Ban vehicles"), ("link",), (VEHICLES, UNTIL), vehicle_ban, 60_000),
    Action("road_close", Text("Đóng đường", "Close road"), ("link",), (UNTIL,), road_close, 60_000),
    Action("road_open", Text("Mở đường", "Open road"), ("link",), (), road_open, 60_000),
    Action("green_wave", Text("Làn sóng xanh", "Green wave"), ("node",), (NODE,), green_wave),
    Action("gate_manual", Text("Cổng cảng làm tay", "Gate by hand"), ("gate",), (), gate_manual, 60_000),
    Action("holding_yard", Text("Bãi chờ xe", "Holding yard"), ("zone",), (YARD,), holding_yard, 60_000),
    Action("crowd_inflow", Text("Điều tiết người vào", "Meter inflow"), ("zone",), (INFLOW,), crowd_inflow, 30_000),
    Action("second_exit", Text("Mở thêm lối ra", "Second exit"), ("zone",), (EXIT,), second_exit, 60_000),
    Action("announcement", Text("Phát loa", "Announcement"), ("zone",), (TEXT,), announcement, 5_000),
    Action("tell", Text("Báo cơ quan khác", "Tell an authority"), PLACES, (TO, SUBJECT, TEXT), tell, ANSWER_MS),
)
