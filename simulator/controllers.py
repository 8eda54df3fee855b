"""Signal controllers as machines: do they run, on what power, and what is broken.

Lives here: supply, battery, faults and the operator's wish of each controller, and the mode that follows from them. Must
not know: plans and greens (`simulator.traffic`), who asks. Dark beats conflict beats flash beats normal.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.batteries import Batteries
from simulator.city import City, Text
from simulator.injects import Inject, Parameter
from simulator.lasting import Lasting
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

Bools = NDArray[np.bool_]
NORMAL, FLASH, DARK = 0, 1, 2
MODES = ("normal", "flash", "dark")
FAULTS = ("none", "flash", "dark", "conflict")
NO_FAULT, CONFLICT = 0, 3


class Controllers:
    """The signal controllers [S] of one city."""

    def __init__(self, city: City) -> None:
        n = len(city.signals.id)
        self._city = city
        self.feeder = np.array(city.signals.feeder, dtype=np.int64)
        self.batteries = Batteries(np.array(city.signals.ups_s, dtype=np.float64))
        self.fault = np.zeros(n, dtype=np.uint8)  # index into FAULTS
        self.wish = np.zeros(n, dtype=np.uint8)  # what the operator asked for: normal or flash
        self.mode = np.zeros(n, dtype=np.uint8)  # index into MODES
        self.lasting = Lasting()

    def start(self, world: "World") -> None:
        """Register the process that wakes when a battery runs out."""
        self._world = world
        self.lasting.start(world.truth)
        world.scheduler.add("controllers.battery", 21, None, self._battery)

    def signal_on(self, now_ms: int) -> Bools:
        """Return which controllers have mains or battery, bool[S]."""
        return self.batteries.runs(now_ms)

    def on_battery(self, now_ms: int) -> Bools:
        """Return which controllers run on their battery, bool[S]."""
        return self.batteries.runs(now_ms) & ~self.batteries.mains

    def supply_changed(self, now_ms: int) -> None:
        """Look at the supply again, and wait for the next battery that runs out."""
        mains = self._world.power.on_mains(self.feeder, np.full_like(self.feeder, -1))
        self.batteries.set_mains(mains, now_ms)
        self._settle(now_ms)
        self._world.scheduler.wake("controllers.battery", self.batteries.next_empty_ms(now_ms))

    def ask(self, s: int, mode: str, now_ms: int) -> bool:
        """Let the operator ask for normal or flash; return whether the controller now runs in that mode."""
        self.wish[s] = MODES.index(mode)
        self._settle(now_ms)
        return bool(self.mode[s] == self.wish[s])

    def break_down(self, s: int, fault: str, now_ms: int) -> TruthEvent:
        """Give a controller a fault: flash, dark or conflict (it then flashes)."""
        self.fault[s] = FAULTS.index(fault)
        kind = f"signal_{fault}"
        event = self._begin(kind, s, now_ms, None)
        self._settle(now_ms)
        return event

    def repair(self, s: int, now_ms: int) -> bool:
        """Remove a controller's fault; return whether there was one."""
        was = self.fault[s] != NO_FAULT
        self.fault[s] = NO_FAULT
        for kind in ("signal_flash", "signal_conflict"):
            self.lasting.end(kind, self._city.signals.id[s], now_ms)
        self._settle(now_ms)
        return bool(was)

    def _settle(self, now_ms: int) -> None:
        """Work out every controller's mode, tell traffic of the changed ones and keep the truth of dark ones."""
        on = self.signal_on(now_ms)
        dark = ~on | (self.fault == DARK)
        flash = (self.fault == FLASH) | (self.fault == CONFLICT) | (self.wish == FLASH)
        mode = np.where(dark, DARK, np.where(flash, FLASH, NORMAL)).astype(np.uint8)
        changed = np.flatnonzero(mode != self.mode).tolist()
        self.mode = mode
        for s in changed:
            self._world.traffic.set_mode(s, MODES[mode[s]])
            if mode[s] == DARK:
                self._begin("signal_dark", s, now_ms, self._world.power.supply_event(int(self.feeder[s])))
            else:
                self.lasting.end("signal_dark", self._city.signals.id[s], now_ms)

    def _begin(self, kind: str, s: int, now_ms: int, cause_id: str | None) -> TruthEvent:
        signals, city = self._city.signals, self._city
        attributes = {"feeder": city.feeders.id[signals.feeder[s]]} if signals.feeder[s] >= 0 else {}
        place = Place("node", city.nodes.id[signals.nodes[s][0]])
        attributes = {"device": signals.id[s], **attributes}
        return self.lasting.begin(kind, place, now_ms, cause_id, attributes, thing=signals.id[s])

    def _battery(self, now_ms: int) -> int | None:
        self._settle(now_ms)
        return self.batteries.next_empty_ms(now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        arrays = {"fault": self.fault.copy(), "wish": self.wish.copy(), "mode": self.mode.copy()}
        return arrays | {"batteries": self.batteries.snapshot(), "lasting": self.lasting.snapshot()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state; traffic restores its own modes."""
        self.fault, self.wish, self.mode = data["fault"].copy(), data["wish"].copy(), data["mode"].copy()
        self.batteries.restore(data["batteries"])
        self.lasting.restore(data["lasting"])


def _signal_fault(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.controllers.break_down(world.pick("signal", params["signal"]), params["fault"], now_ms)


INJECTS = (
    Inject(
        "signal_fault",
        Text("Tủ đèn tín hiệu hỏng", "Signal controller fault"),
        "signal_flash",
        {
            "signal": Parameter("device", help=Text("Tủ đèn tín hiệu; bỏ trống: tự chọn", "Controller; absent: seeded choice")),
            "fault": Parameter(
                "choice",
                choices=FAULTS[1:],
                default="flash",
                help=Text("Nháy vàng, tắt, hoặc xung đột", "Flash, dark or conflict"),
            ),
        },
        _signal_fault,
    ),
)
