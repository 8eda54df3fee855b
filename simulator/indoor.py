"""Inside the watched buildings: fire, smoke in two zones, and the air handling that spreads or draws it.

Lives here: one building a zone of the city that has a fire panel, its air, and a fire until somebody puts it out. Must not
know: who commands the air handling, what a panel reports. Two rooms exchange air: the handling unit in normal mode carries
smoke from the one to the other (a tenth of the difference a minute), switched off a tenth of that, in smoke mode it draws smoke
out. Rates are assumptions; that smoke follows running air handling, and that it is stopped or set to smoke control first, is
NFPA 92 (2021) 4.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.city import City

if TYPE_CHECKING:
    from simulator.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STEP_MS = 10_000
MODES = ("normal", "off", "smoke")
KINDS = ("warehouse", "public", "office", "port")  # of building that have a panel, the likeliest first
SUPPLY_C = 24.0
HEAT_C = 18.0  # by which the return air of a burning building is warmer at last
GROWS_PER_STEP = 0.02  # of full smoke in the room that burns
SPREADS: Mapping[str, float] = {"normal": 0.016, "off": 0.0016, "smoke": 0.0008}  # of the difference, a step
DRAWN: Mapping[str, float] = {"normal": 0.0, "off": 0.0, "smoke": 0.03}  # of the smoke there, a step
CLEARS = 0.02  # of the smoke there, a step, once the fire is out
NO_SMOKE = 0.001


class Indoor:
    """The watched buildings [B] of one city. Smoke [B, 2] is a ratio 0-1, `return_c` [B] degrees."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.building: Ints = np.array(_watched(city), dtype=np.int64)
        n = len(self.building)
        self.smoke: Floats = np.zeros((n, 2))
        self.return_c: Floats = np.full(n, SUPPLY_C)
        self.mode: Ints = np.zeros(n, dtype=np.int64)  # index into MODES

    def start(self, world: "World") -> None:
        """Register the process."""
        self._world = world
        if len(self.building):
            world.scheduler.add("indoor.step", 52, world.scheduler.now_ms + STEP_MS, self._step)

    def row_of(self, building_id: str) -> int:
        """Return the row of a watched building, -1 if it has no panel."""
        ids = self._city.buildings.id
        return next((i for i, b in enumerate(self.building.tolist()) if ids[b] == building_id), -1)

    def set_mode(self, row: int, mode: str) -> None:
        """Set the air handling of a watched building."""
        self.mode[row] = MODES.index(mode)

    def burning(self) -> NDArray[np.bool_]:
        """Return which watched buildings burn, bool[B]."""
        out = np.zeros(len(self.building), dtype=np.bool_)
        for fire in self._world.emergencies.open:
            row = self.row_of(self._world.truth.get(fire.event_id).place.id) if fire.kind == "fire" else -1
            if row >= 0:
                out[row] = True
        return out

    def _step(self, now_ms: int) -> int:
        """Let ten seconds pass in every watched building."""
        burning = self.burning()
        if burning.any() or self.smoke.any():
            self._air(burning)
        return now_ms + STEP_MS

    def _air(self, burning: NDArray[np.bool_]) -> None:
        spreads = np.array([SPREADS[mode] for mode in MODES])[self.mode]
        drawn = np.array([DRAWN[mode] for mode in MODES])[self.mode]
        flow = spreads * (self.smoke[:, 0] - self.smoke[:, 1])
        clears = np.where(burning, 0.0, CLEARS) + drawn
        first = self.smoke[:, 0] + np.where(burning, GROWS_PER_STEP, 0.0) - flow - clears * self.smoke[:, 0]
        second = self.smoke[:, 1] + flow - clears * self.smoke[:, 1]
        self.smoke = np.minimum(np.maximum(np.column_stack([first, second]), 0.0), 1.0)
        self.return_c = SUPPLY_C + HEAT_C * self.smoke.max(axis=1)
        if not burning.any() and float(self.smoke.max()) < NO_SMOKE:
            self.smoke[:] = 0.0

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {"smoke": self.smoke.copy(), "return_c": self.return_c.copy(), "mode": self.mode.copy()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.smoke, self.return_c, self.mode = data["smoke"].copy(), data["return_c"].copy(), data["mode"].copy()


def _watched(city: City) -> list[int]:
    """Return one building a zone: the highest of the likeliest kind there."""
    buildings = city.buildings
    best: dict[int, int] = {}
    for i, (zone, kind) in enumerate(zip(buildings.zone, buildings.kind, strict=True)):
        if zone >= 0 and kind in KINDS and (zone not in best or _rank(city, i) < _rank(city, best[zone])):
            best[zone] = i
    return [best[zone] for zone in sorted(best)]


def _rank(city: City, i: int) -> tuple[int, float, int]:
    return KINDS.index(city.buildings.kind[i]), -city.buildings.height_m[i], i
