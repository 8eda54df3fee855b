"""Deception: somebody makes devices say what is not so. The injects, and the word for each way.

Lives here: what an attacker asks of a device. Must not know: how a reading is falsified (`sensors.deceit`), who finds it.
The label stands in the truth alone: nothing on the wire says that a reading is false, but physics does. A spoofed reading has
no noise, a replayed one repeats and its counter falls, a tampered one disagrees with its neighbours, a skewed clock is late.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

# way -> what its magnitude means
WAYS: Mapping[str, str] = {
    "spoof": "nothing: the device repeats its next reading, with the quantities of `values` set to what is given there",
    "replay": "so many seconds of its readings are recorded and then played again and again",
    "tamper": "by this ratio everything that it measures is too small: covered, turned away or detuned",
    "skew": "its clock goes wrong by so many seconds, behind if less than 0",
}
DEFAULT = {"spoof": 1.0, "replay": 300.0, "tamper": 0.6, "skew": -90.0}


def _lasts_ms(params: Mapping[str, Any]) -> int | None:
    return None if params["duration_s"] is None else round(params["duration_s"] * 1000)


def _deception(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    device_id = params["device"]
    if device_id is None:
        device_id = world.city.devices.id[world.pick_device("loop_detector", None)]
    way = params["way"]
    magnitude = DEFAULT[way] if params["magnitude"] is None else float(params["magnitude"])
    values, lasts_ms = _values(params["values"] or ""), _lasts_ms(params)
    names = _group(world, device_id, params["count"])
    events = [world.devices.deceive(name, way, magnitude, lasts_ms, now_ms, values) for name in names]
    return events[0]


def _values(text: str) -> dict[str, float]:
    """Return `flow=40, speed=4` as quantities and values. Raises ValueError on anything else."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    try:
        return {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        raise ValueError(f"deception: values is {text!r}; expected quantities and numbers such as flow=40, speed=4") from None


def _group(world: "World", device_id: str, count: int) -> list[str]:
    """Return a device and those that come after it in the city's table of its kind: an attack takes what hangs together."""
    city = world.city
    for table in (city.luminaires.id, city.cabinets.id, city.signals.id, city.basins.id):
        if device_id in table:
            at = table.index(device_id)
            return table[at : at + count]
    kind = city.devices.kind[city.devices.id.index(device_id)]
    same = [name for name, k in zip(city.devices.id, city.devices.kind, strict=True) if k == kind]
    at = same.index(device_id)
    return same[at : at + count]


INJECTS = (
    Inject(
        "deception",
        Text("Thiết bị bị làm giả số liệu", "Device is made to lie"),
        "deception",
        {
            "device": Parameter("device", help=Text("Thiết bị; bỏ trống: một vòng từ", "Device; absent: some loop")),
            "way": Parameter("choice", choices=tuple(WAYS), default="spoof", help=Text("Cách làm giả", "How")),
            "magnitude": Parameter(
                "number", "", -3_600, 3_600, help=Text("Độ lớn: giây, hoặc tỷ lệ nếu tamper", "Seconds, or a ratio of tamper")
            ),
            "values": Parameter("text", help=Text("Giá trị giả (spoof)", "What a spoof says, such as flow=40, speed=4")),
            "count": Parameter(
                "integer", "", 1, 100, default=1, help=Text("Số thiết bị liền nhau", "How many devices that hang together")
            ),
            "duration_s": Parameter("number", "s", 1, 604_800, help=Text("Kéo dài; bỏ trống: mãi", "Lasts; absent: for good")),
        },
        _deception,
    ),
)  # fmt: skip
