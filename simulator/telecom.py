"""Telecom: the way from devices to the center, over gateways and the backhaul, and what of it is up.

Lives here: which gateways run and reach the center, on what power, and why not. Must not know: what devices send, what happens
to it meanwhile (`sensors.channel`). A gateway that has lost its mains runs on its battery; then all behind it is silent.
"""

from collections.abc import Mapping, Sequence
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

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UP, FOR_GOOD = -1, 1 << 60  # of `until_ms`: not down, down until somebody repairs it


class Telecom:
    """The gateways [G] and backhauls [B] of one city. A device without a gateway (-1) reaches the center by itself."""

    def __init__(self, city: City) -> None:
        gateways, backhauls = city.gateways, city.backhauls
        self._city = city
        self.feeder: Ints = np.array(gateways.feeder, dtype=np.int64)
        self.backhaul: Ints = np.array(gateways.backhaul, dtype=np.int64)
        self.batteries = Batteries(np.array(gateways.battery_s, dtype=np.float64))
        self.gateway_until_ms: Ints = np.full(len(gateways.id), UP, dtype=np.int64)
        self.backhaul_until_ms: Ints = np.full(len(backhauls.id), UP, dtype=np.int64)
        self.city_until_ms = UP  # the center's own line
        self.up: Bools = np.ones(len(gateways.id) + 1, dtype=bool)  # the last entry is for gateway -1
        self.version = 0  # goes up with each change of `up`
        self.lasting = Lasting()
        self._of_device: dict[str, int] | None = None

    def start(self, world: "World") -> None:
        """Register the process that ends outages by time and wakes when a battery is empty."""
        self._world = world
        self.lasting.start(world.truth)
        world.scheduler.add("telecom.ends", 23, None, self._ends)

    # --- who hangs on what --------------------------------------------------------------------------------------------

    def gateways_of(self, device_ids: Sequence[str]) -> Ints:
        """Return the gateway of each device, -1 where it has none of its own."""
        if self._of_device is None:
            self._of_device = _table(self._city)
        return np.array([self._of_device.get(name, -1) for name in device_ids], dtype=np.int64)

    def reaches(self, device_id: str) -> bool:
        """Return whether commands get through to a device."""
        return bool(self.up[self.gateways_of([device_id])[0]])

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def cut_backhauls(self, rows: Sequence[int], place: Place, lasts_ms: int | None, now_ms: int) -> TruthEvent:
        """Take backhauls down for a time (None: until repaired); with place `city` the center's own line too."""
        until_ms = FOR_GOOD if lasts_ms is None else now_ms + lasts_ms
        self.backhaul_until_ms[rows] = np.maximum(self.backhaul_until_ms[rows], until_ms)
        if place.kind == "city":
            self.city_until_ms = max(self.city_until_ms, until_ms)
        names = [self._city.backhauls.id[b] for b in rows]
        event = self.lasting.begin("backhaul_outage", place, now_ms, attributes={"backhauls": names})
        self._settle(now_ms)
        return event

    def break_gateway(self, g: int, lasts_ms: int | None, now_ms: int) -> TruthEvent:
        """Let a gateway stop for a time (None: until repaired)."""
        self.gateway_until_ms[g] = FOR_GOOD if lasts_ms is None else now_ms + lasts_ms
        event = self._lost(g, now_ms)
        self._settle(now_ms)
        return event

    def repair(self, g: int, now_ms: int) -> bool:
        """Mend a gateway; return whether it was broken."""
        was = bool(self.gateway_until_ms[g] != UP)
        self.gateway_until_ms[g] = UP
        self._settle(now_ms)
        return was

    def supply_changed(self, now_ms: int) -> None:
        """Look at the supply again."""
        self.batteries.set_mains(self._world.power.on_mains(self.feeder, np.full_like(self.feeder, -1)), now_ms)
        self._settle(now_ms)

    def running(self, now_ms: int) -> Bools:
        """Return which gateways run, bool[G]."""
        running: Bools = self.batteries.runs(now_ms) & (self.gateway_until_ms == UP)
        return running

    def _lost(self, g: int, now_ms: int, cause_id: str | None = None) -> TruthEvent:
        return self.lasting.begin("gateway_outage", Place("gateway", self._city.gateways.id[g]), now_ms, cause_id)

    def _settle(self, now_ms: int) -> None:
        """Work out what is up, and keep the truth of gateways that do not run."""
        self.gateway_until_ms[(self.gateway_until_ms != UP) & (self.gateway_until_ms <= now_ms)] = UP
        self.backhaul_until_ms[(self.backhaul_until_ms != UP) & (self.backhaul_until_ms <= now_ms)] = UP
        self.city_until_ms = UP if self.city_until_ms <= now_ms else self.city_until_ms
        runs = self.running(now_ms)
        for g, name in enumerate(self._city.gateways.id):
            if not runs[g]:
                self._lost(g, now_ms, self._world.power.supply_event(int(self.feeder[g])))
            else:
                self.lasting.end("gateway_outage", name, now_ms)
        self._end_outages(now_ms)
        up = np.append(runs & (self.backhaul_until_ms[self.backhaul] == UP), True) & (self.city_until_ms == UP)
        if not np.array_equal(up, self.up):
            self.up = up
            self.version += 1
        self._world.scheduler.wake("telecom.ends", self._next_ms(now_ms))

    def _end_outages(self, now_ms: int) -> None:
        """End the outages all of whose backhauls are up again."""
        row_of = {name: b for b, name in enumerate(self._city.backhauls.id)}
        for thing in self.lasting.things("backhaul_outage"):
            event = self._world.truth.get(self.lasting.id_of("backhaul_outage", thing) or "")
            rows = [row_of[name] for name in event.attributes["backhauls"]]
            down = bool((self.backhaul_until_ms[rows] != UP).any()) or (event.place.kind == "city" and self.city_until_ms != UP)
            if not down:
                self.lasting.end("backhaul_outage", thing, now_ms)

    def _next_ms(self, now_ms: int) -> int | None:
        due = np.concatenate([self.gateway_until_ms, self.backhaul_until_ms, [self.city_until_ms]])
        due = due[(due > now_ms) & (due != FOR_GOOD)]
        empty_ms = self.batteries.next_empty_ms(now_ms)
        times = ([int(due.min())] if len(due) else []) + ([] if empty_ms is None else [empty_ms])
        return min(times, default=None)

    def _ends(self, now_ms: int) -> int | None:
        self._settle(now_ms)
        return self._next_ms(now_ms)

    # --- saving -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {
            "gateway_until_ms": self.gateway_until_ms.copy(),
            "backhaul_until_ms": self.backhaul_until_ms.copy(),
            "city_until_ms": self.city_until_ms,
            "up": self.up.copy(),
            "version": self.version,
            "batteries": self.batteries.snapshot(),
            "lasting": self.lasting.snapshot(),
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.gateway_until_ms = data["gateway_until_ms"].copy()
        self.backhaul_until_ms = data["backhaul_until_ms"].copy()
        self.city_until_ms, self.version, self.up = data["city_until_ms"], data["version"], data["up"].copy()
        self.batteries.restore(data["batteries"])
        self.lasting.restore(data["lasting"])


def _table(city: City) -> dict[str, int]:
    """Return the gateway of everything that reports: devices, signals, cabinets and their lamps, basins, gateways themselves."""
    out = {name: g for g, name in enumerate(city.gateways.id)}
    for table in (city.devices, city.signals, city.cabinets, city.basins):
        out |= dict(zip(table.id, table.gateway, strict=False))
    for name, c in zip(city.luminaires.id, city.luminaires.cabinet, strict=True):
        out[name] = city.cabinets.gateway[c] if city.cabinets.gateway else -1
    return out


def _lasts_ms(params: Mapping[str, Any]) -> int | None:
    return None if params["duration_s"] is None else round(params["duration_s"] * 1000)


def _backhaul_outage(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    """Cut one backhaul, those that serve a zone, or all of the city."""
    city = world.city
    if params["backhaul"] is not None:
        rows = [world.pick("backhaul", params["backhaul"])]
        place = Place("backhaul", params["backhaul"])
    elif params["zone"] is not None:
        zone = world.pick("zone", params["zone"])
        rows = sorted({b for b, z in zip(city.gateways.backhaul, city.gateways.zone, strict=True) if z == zone})
        place = Place("zone", params["zone"])
    else:
        rows, place = list(range(len(city.backhauls.id))), Place("city", city.id)
    return world.telecom.cut_backhauls(rows, place, _lasts_ms(params), now_ms)


def _gateway_loss(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.telecom.break_gateway(world.pick("gateway", params["gateway"]), _lasts_ms(params), now_ms)


INJECTS = (
    Inject(
        "backhaul_outage",
        Text("Đứt đường truyền về trung tâm", "Backhaul outage"),
        "backhaul_outage",
        {
            "zone": Parameter("zone", help=Text("Khu vực; bỏ trống: toàn thành phố", "Zone; absent: the whole city")),
            "backhaul": Parameter("backhaul", help=Text("Tuyến truyền; thay cho khu vực", "Backhaul, in place of a zone")),
            "duration_s": Parameter("number", "s", 1, 86_400, default=300, help=Text("Kéo dài", "Lasts")),
        },
        _backhaul_outage,
    ),
    Inject(
        "gateway_loss",
        Text("Trạm thu hỏng", "Gateway lost"),
        "gateway_outage",
        {
            "gateway": Parameter("gateway", help=Text("Trạm thu; bỏ trống: tự chọn", "Gateway; absent: seeded choice")),
            "duration_s": Parameter(
                "number", "s", 1, 604_800, help=Text("Kéo dài; bỏ trống: đến khi sửa", "Lasts; absent: until repaired")
            ),
        },
        _gateway_loss,
    ),
)
