"""Health of devices: what is broken, since when, until when.

Lives here: a list of faults. Must not know: what a fault does to a reading (`sensors.faults`),
kinds of sensors. A list, not a state per device, because few are broken at a time; `version` tells readers to look again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.city import Text
from simulator.distributions import Chance, Distribution, OneOf
from simulator.injects import Inject, Parameter
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

EVERY = "*"
# fault -> what its magnitude means
FAULTS: Mapping[str, str] = {
    "bias": "reads too much by this ratio",
    "drift": "reads too much by this ratio more every hour",
    "stuck": "repeats its next reading",
    "dropout": "loses this share of its reports",
    "dead": "reports nothing",
    "late": "reports this many seconds late",
    "duplicate": "sends this share of its reports twice",
}
MIXED = ("stuck", "dead", "dropout", "bias")  # what loops in the field are known for
BROKEN = Distribution(
    "devices.detector_faults.hit",
    Chance(0.3),
    "of the loops (or the share that the inject asks for)",
    "A loop is among those that `detector_faults` breaks.",
    "California field experience: a quarter to a third of loops bad at any time",
)
SORT = Distribution(
    "devices.detector_faults.sort",
    OneOf("stuck, dead, dropout, bias"),
    "",
    "What is wrong with a loop that `detector_faults` breaks.",
    "assumption: the faults that loops are known for, all alike",
)
FAULT_DEFAULT = {"bias": 0.3, "drift": 0.5, "stuck": 1.0, "dropout": 0.5, "dead": 1.0, "late": 90.0, "duplicate": 1.0}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one device, of a kind (`kind:NAME`) or of every device (`*`). `until_ms` -1: until repaired."""

    event_id: str
    device_id: str
    fault: str
    magnitude: float
    start_ms: int
    until_ms: int
    values: Mapping[str, float] = field(default_factory=dict)  # quantities that a spoof sets, and to what


class DeviceHealth:
    """Faults of the devices of one city."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.version = 0

    def start(self, world: "World") -> None:
        """Register the process that ends what ends by time."""
        self._world = world
        world.scheduler.add("devices.ends", 20, None, self._ends)

    def add(self, device_id: str, fault: str, magnitude: float, lasts_ms: int | None, now_ms: int) -> TruthEvent:
        """Break a device, a kind or all. Raises ValueError on an unknown fault."""
        if fault not in FAULTS:
            raise ValueError(f"device fault {fault!r} is unknown; expected one of {', '.join(FAULTS)}")
        whole = device_id == EVERY or device_id.startswith("kind:")
        place = Place("city", self._world.city.id) if whole else Place("device", device_id)
        attributes = {"fault": fault, "magnitude": magnitude} | ({"devices": device_id} if whole else {})
        event = self._world.truth.begin("device_fault", place, now_ms, attributes=attributes)
        until_ms = -1 if lasts_ms is None else now_ms + lasts_ms
        self.faults.append(Fault(event.event_id, device_id, fault, magnitude, now_ms, until_ms))
        self._changed(now_ms)
        return event

    def deceive(
        self, device_id: str, way: str, magnitude: float, lasts_ms: int | None, now_ms: int, values: Mapping[str, float]
    ) -> TruthEvent:
        """Let somebody make one device lie, in a way of `simulator.deception`; a crew that repairs the device ends it."""
        attributes = {"way": way, "magnitude": magnitude} | ({"values": dict(values)} if values else {})
        event = self._world.truth.begin("deception", Place("device", device_id), now_ms, attributes=attributes)
        until_ms = -1 if lasts_ms is None else now_ms + lasts_ms
        self.faults.append(Fault(event.event_id, device_id, way, magnitude, now_ms, until_ms, dict(values)))
        self._changed(now_ms)
        return event

    def repair(self, device_id: str, now_ms: int) -> int:
        """Mend all faults of one device and return how many there were."""
        mended = [f for f in self.faults if f.device_id == device_id]
        self._remove(mended, now_ms)
        return len(mended)

    def dead(self, device_id: str, kind: str) -> bool:
        """Return whether a device is dead."""
        reach = (device_id, f"kind:{kind}", EVERY)
        return any(f.fault == "dead" and f.device_id in reach for f in self.faults)

    def _remove(self, mended: list[Fault], now_ms: int) -> None:
        for fault in mended:
            self.faults.remove(fault)
            self._world.truth.end(fault.event_id, now_ms)
        if mended:
            self._changed(now_ms)

    def _changed(self, now_ms: int) -> None:
        self.version += 1
        self._world.scheduler.wake("devices.ends", self._next_ms(now_ms))

    def _next_ms(self, now_ms: int) -> int | None:
        due = [f.until_ms for f in self.faults if f.until_ms >= 0]
        return max(now_ms, min(due)) if due else None

    def _ends(self, now_ms: int) -> int | None:
        self._remove([f for f in self.faults if 0 <= f.until_ms <= now_ms], now_ms)
        self.version += 1
        return self._next_ms(now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"faults": [asdict(f) for f in self.faults], "version": self.version}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.faults = [Fault(**row) for row in data["faults"]]
        self.version = data["version"]


def _lasts_ms(params: Mapping[str, Any]) -> int | None:
    return None if params["duration_s"] is None else round(params["duration_s"] * 1000)


def _device_fault(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    fault = params["fault"]
    magnitude = FAULT_DEFAULT[fault] if params["magnitude"] is None else float(params["magnitude"])
    device_id = params["device"]
    if device_id is None:
        device_id = world.city.devices.id[world.pick_device("loop_detector", None)]
    return world.devices.add(device_id, fault, magnitude, _lasts_ms(params), now_ms)


def _detector_faults(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    """Break a share of the loops, each by its own keyed draw; `mixed` gives each one of the faults that loops are known for."""
    loops = [i for i, kind in enumerate(world.city.devices.kind) if kind == "loop_detector"]
    if not loops:
        raise ValueError(f"city {world.city.id} has no loop_detector to break")
    tick, n = world.tick(now_ms), len(loops)
    hit = np.flatnonzero(world.streams.hits(BROKEN, float(params["share"]), tick=tick, n=n)).tolist()
    sorts = world.streams.choose(SORT, len(MIXED), tick=tick, n=n)
    events = []
    for k in hit or [int(world.streams.draw(BROKEN, tick=tick, n=n).argmin())]:
        fault = MIXED[sorts[k]] if params["fault"] == "mixed" else params["fault"]
        device_id = world.city.devices.id[loops[k]]
        events.append(world.devices.add(device_id, fault, FAULT_DEFAULT[fault], _lasts_ms(params), now_ms))
    return events[0]


def _all_dead(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.devices.add(EVERY, "dead", 1.0, _lasts_ms(params), now_ms)


DURATION = Parameter("number", "s", 1, 604_800, help=Text("Kéo dài; bỏ trống: đến khi sửa", "Lasts; absent: until repaired"))

INJECTS = (
    Inject(
        "device_fault",
        Text("Thiết bị hỏng", "Device fault"),
        "device_fault",
        {
            "device": Parameter("device", help=Text("Thiết bị; bỏ trống: một vòng từ", "Device; absent: some loop")),
            "fault": Parameter("choice", choices=tuple(FAULTS), default="stuck", help=Text("Kiểu hỏng", "Fault")),
            "magnitude": Parameter(
                "number", "", 0, 3600, help=Text("Độ lớn: tỷ lệ, hoặc giây nếu trễ", "How much: a ratio, or seconds of late")
            ),
            "duration_s": DURATION,
        },
        _device_fault,
    ),
    Inject(
        "detector_faults",
        Text("Nhiều vòng từ hỏng", "Many loops broken"),
        "device_fault",
        {
            "share": Parameter("number", "ratio", 0, 1, default=0.3, help=Text("Tỷ lệ vòng từ hỏng", "Share of loops")),
            "fault": Parameter(
                "choice", choices=("mixed", *FAULTS), default="mixed", help=Text("Kiểu hỏng", "Fault; mixed: as in the field")
            ),
            "duration_s": DURATION,
        },
        _detector_faults,
    ),
    Inject("all_dead", Text("Mọi cảm biến ngừng", "Every sensor dead"), "device_fault", {"duration_s": DURATION}, _all_dead),
)
