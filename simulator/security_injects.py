"""What can happen to people and closed areas.

Lives here: the injects of security. Must not know: how long things last by themselves (`simulator.security`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.city import Text
from simulator.crowds import band, cells, people
from simulator.injects import Inject, Parameter
from simulator.security import NUISANCE
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

INTRUDER_LIKENESS = 0.92
SEEN_M = 120.0
CROWD_M = 60.0
OBJECT_SEEN_M = 40.0


def _duration(default_s: float) -> Parameter:
    help_ = Text("Kéo dài nếu không ai xử lý", "Lasts, if nobody ends it")
    return Parameter("number", "s", 5, 86_400, default=default_s, help=help_)


def _device(vi: str, en: str) -> Parameter:
    return Parameter("device", help=Text(f"{vi}; bỏ trống: chọn theo hạt giống", f"{en}; absent: chosen by the seed"))


def _intrusion(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    device = world.pick_device("camera", params["device"])
    place = Place("device", world.city.devices.id[device])
    spot = world.spot(place)
    if world.city.devices.kind[device] == "door":
        door = world.security.doors.tolist().index(device)
    else:
        door = world.security.nearest_door(spot)
    lasts_ms = round(params["duration_s"] * 1000)
    zone = Place("zone", world.city.zones.id[spot.zone]) if spot.zone >= 0 else place
    return world.security.begin(
        "intrusion", zone, spot, now_ms,
        strength=INTRUDER_LIKENESS, radius_m=SEEN_M, lasts_ms=lasts_ms, door=door, attributes={"device": place.id},
    )  # fmt: skip


def _crowd(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    """People gather before a camera of the zone where there is one, else in its middle."""
    zone = world.pick("zone", params["zone"])
    devices = world.city.devices
    seen = [i for i in world.security.cameras.tolist() if devices.zone[i] == zone]
    at = Place("device", devices.id[seen[0]]) if seen else Place("zone", world.city.zones.id[zone])
    ramp_ms, density = round(params["ramp_s"] * 1000), float(params["density_per_m2"])
    told = {"band": band(density), "people": round(people(cells(density, CROWD_M)))}
    return world.security.begin(
        "crowd", Place("zone", world.city.zones.id[zone]), world.spot(at), now_ms, attributes=told,
        strength=density, radius_m=CROWD_M, ramp_ms=ramp_ms, lasts_ms=round(params["duration_s"] * 1000),
    )  # fmt: skip


def _abandoned(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    """Somebody leaves a thing before a camera and goes."""
    device = world.pick_device("camera", params["device"])
    place = Place("device", world.city.devices.id[device])
    lasts_ms = round(params["duration_s"] * 1000)
    return world.security.begin(
        "abandoned_object", place, world.spot(place), now_ms, strength=0.0, radius_m=OBJECT_SEEN_M, lasts_ms=lasts_ms
    )


def _sos_press(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    device = world.pick_device("sos_pole", params["device"], only=True)
    return world.security.press(world.security.poles.tolist().index(device), now_ms)


def _nuisance(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    device = world.pick_device("camera", params["device"])
    return world.security.disturb(device, params["cause"], round(params["duration_s"] * 1000), now_ms)


INJECTS = (
    Inject(
        "intrusion",
        Text("Xâm nhập ngoài giờ", "Intrusion after hours"),
        "intrusion",
        {"device": _device("Camera hoặc cửa gần đó", "Camera or door close by"), "duration_s": _duration(900)},
        _intrusion,
    ),
    Inject(
        "crowd",
        Text("Đám đông tụ tập", "Crowd gathers"),
        "crowd",
        {
            "zone": Parameter("zone", help=Text("Khu vực; bỏ trống: chọn theo hạt giống", "Zone; absent: chosen by the seed")),
            "density_per_m2": Parameter("number", "1/m2", 0.5, 8, default=4.5, help=Text("Mật độ cuối cùng", "Final density")),
            "ramp_s": Parameter("number", "s", 0, 7200, default=300, help=Text("Đông dần trong", "Grows over")),
            "duration_s": _duration(1800),
        },
        _crowd,
    ),
    Inject(
        "abandoned_object",
        Text("Vật bị bỏ lại", "Abandoned object"),
        "abandoned_object",
        {"device": _device("Camera", "Camera"), "duration_s": _duration(1800)},
        _abandoned,
    ),
    Inject(
        "sos_press",
        Text("Nhấn nút SOS", "SOS pole pressed"),
        "sos_press",
        {"device": _device("Trụ SOS", "SOS pole")},
        _sos_press,
    ),
    Inject(
        "nuisance",
        Text("Báo động giả trước camera", "Harmless cause before a camera"),
        "nuisance",
        {
            "device": _device("Camera", "Camera"),
            "cause": Parameter("choice", choices=tuple(NUISANCE), default="insects", help=Text("Nguyên nhân", "Cause")),
            "duration_s": _duration(120),
        },
        _nuisance,
    ),
)
