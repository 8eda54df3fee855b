"""The state of all devices as arrays: last seen, last readings, severity; and the STATE and ROADS frames drawn from them.

Lives here: one row per registry index, kept by columns. Must not know: rules, sockets, the simulator.
A device is stale when its last reading is older than 2.5 of its reporting periods (the heartbeat where that is longer).
A detector before a signal reads 0 km/h through every red, so a road is drawn by the mean of about the last minute.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops_center.city_view import CityView
from ops_center.known_rows import Known, is_fixed, sliced
from sensors.messages import ABSENT, MISSING, QuantityInfo

STALE_PERIODS = 2.5
SPEED_MEMORY_MS = 60_000
NEVER = -(10**15)
NO_DATA = 255
STALE_BIT, ACTIVE_BIT, LEVEL_SHIFT = 8, 16, 5
U8 = NDArray[np.uint8]
Picks = slice | NDArray[np.int64]


class Devices:
    """Arrays over all devices of a city. `last_ms` int64[N], `severity` u8[N] (0–4), `values[kind][quantity]` i32[n].

    `severity` is of alerts that name the device itself, `around` of alerts about the place where it is. What is silent there is
    drawn as silent: red never means off.
    """

    def __init__(self, city: CityView) -> None:
        self.city = city
        n = city.n_devices
        self.last_ms = np.full(n, NEVER, dtype=np.int64)
        self.severity = np.zeros(n, dtype=np.uint8)
        self.around = np.zeros(n, dtype=np.uint8)
        self.values: dict[str, dict[str, NDArray[np.int32]]] = {}
        self._speed: dict[str, QuantityInfo] = {}
        self._mean: dict[str, NDArray[np.float64]] = {}  # of a kind's speed, in its unit
        self._places: dict[str, Known[tuple[Picks, Picks]]] = {}  # of a kind's rows: what picks them here and among all devices
        self._limit_ms = np.zeros(n, dtype=np.int64)
        self._exists = np.zeros(n, dtype=np.bool_)
        for kind in city.kinds:
            rows = city.rows.get(kind.name)
            if rows is None:
                continue
            self._places[kind.name] = Known(partial(self._picked, rows))
            self.values[kind.name] = {q.name: np.full(len(rows), MISSING, dtype=np.int32) for q in kind.quantities}
            for q in kind.quantities:
                if q.name == kind.speed:
                    self._speed[kind.name], self._mean[kind.name] = q, np.zeros(len(rows))
            self._limit_ms[rows] = int(STALE_PERIODS * max(kind.period_ms, kind.heartbeat_ms))
            self._exists[rows] = True
            self._exists[rows[np.asarray(city.tables[kind.name].removed, dtype=np.int64)]] = False
        free = city.layers.free_speed_kmh if city.layers else []
        self._free_kmh = np.asarray(free, dtype=np.float64)

    def take(self, kind: str, rows: NDArray[np.int64], observed: Any, quality: U8 | None, columns: dict[str, Any]) -> None:
        """Keep the readings of one batch: `rows` are positions in the kind's table, `observed` ms (one or per row)."""
        if isinstance(observed, int) and (quality is None or not quality.any() or int(quality.max()) != ABSENT):
            places, index = self._places[kind].of(rows)
            gone = observed - self.last_ms[index]
            if len(rows) and int(gone.min()) >= 0:
                self._take_all(kind, places, index, gone, observed, columns)
                return
        reported = slice(None) if quality is None else quality != ABSENT
        rows = rows[reported]
        index = self.city.rows[kind][rows]
        seen = np.broadcast_to(np.asarray(observed, dtype=np.int64), (len(columns_first(columns, quality)),))[reported]
        gone = seen - self.last_ms[index]
        newer = gone >= 0
        if kind in self._speed and self._speed[kind].name in columns:
            raw = columns[self._speed[kind].name][reported][newer]
            self._follow(kind, rows[newer], index[newer], raw, gone[newer])
        self.last_ms[index] = np.maximum(self.last_ms[index], seen)
        for name, held in self.values[kind].items():
            if name in columns:
                held[rows[newer]] = columns[name][reported][newer]

    def _take_all(
        self, kind: str, places: Picks, index: Picks, gone_ms: NDArray[np.int64], observed_at_ms: int, columns: dict[str, Any]
    ) -> None:
        """Keep the readings of devices all of which reported, and none of which said anything later before."""
        if kind in self._speed and self._speed[kind].name in columns:
            self._follow(kind, places, index, columns[self._speed[kind].name], gone_ms)
        self.last_ms[index] = observed_at_ms
        for name, held in self.values[kind].items():
            if name in columns:
                held[places] = columns[name]

    def _picked(self, of: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[Picks, Picks]:
        """Return what picks rows of a kind's table, and their places among all devices: slices where there are such."""
        return (sliced(rows), sliced(of[rows])) if is_fixed(rows) else (rows, of[rows])

    def _follow(self, kind: str, rows: Picks, index: Picks, raw: NDArray[np.int32], gone_ms: NDArray[np.int64]) -> None:
        """Move the mean speed towards new readings, by more the longer none came; what was silent begins anew."""
        known = self.values[kind][self._speed[kind].name][rows] != MISSING
        there = raw != MISSING
        known &= gone_ms <= self._limit_ms[index]
        before, now = self._mean[kind][rows], raw * self._speed[kind].resolution
        moved = before + (now - before) * (gone_ms / (gone_ms + SPEED_MEMORY_MS))
        mean, fresh = self._mean[kind], np.where(known, moved, now)
        if there.all():
            mean[rows] = fresh
        elif isinstance(rows, slice):
            mean[rows][there] = fresh[there]
        else:
            mean[rows[there]] = fresh[there]

    def silent(self, index: NDArray[np.int64], now_ms: int, share: float = 1.0) -> NDArray[np.bool_]:
        """Return which of some devices have not reported for a share of the time after which they are stale."""
        silent: NDArray[np.bool_] = now_ms - self.last_ms[index] > self._limit_ms[index] * share
        return silent

    def there(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some devices that have not been removed."""
        return index[self._exists[index]]

    def stale(self, now_ms: int) -> NDArray[np.bool_]:
        """Return which devices have not reported for too long."""
        stale: NDArray[np.bool_] = now_ms - self.last_ms > self._limit_ms
        return stale

    def state(self, now_ms: int) -> U8:
        """Return u8[N]: bits 0–2 severity, 3 stale, 4 active, 5–7 level."""
        stale = self.stale(now_ms)
        out = np.maximum(self.severity, np.where(stale, np.uint8(0), self.around))
        out |= stale.astype(np.uint8) * np.uint8(STALE_BIT)
        for kind in self.city.kinds:
            rows = self.city.rows.get(kind.name)
            if rows is None or not len(rows):
                continue
            infos = {q.name: q for q in kind.quantities}
            if kind.active in infos:
                out[rows] |= (self.values[kind.name][kind.active] > 0).astype(np.uint8) * np.uint8(ACTIVE_BIT)
            if kind.level in infos:
                out[rows] |= level_of(self.values[kind.name][kind.level], infos[kind.level]) << np.uint8(LEVEL_SHIFT)
        out[~self._exists] = STALE_BIT
        return out

    def roads(self, now_ms: int) -> U8:
        """Return u8[M]: mean measured speed of the road's working detectors as a share of free flow × 200, 255 no data.

        A detector counts by the mean of about its last minute; whether there is data is never smoothed.
        """
        n = len(self._free_kmh)
        total, count = np.zeros(n), np.zeros(n)
        stale = self.stale(now_ms)
        for kind, quantity in self._speed.items():
            rows = self.city.rows[kind]
            road = self.city.road[rows]
            good = (road >= 0) & (road < n) & (self.values[kind][quantity.name] != MISSING) & ~stale[rows]
            np.add.at(total, road[good], self._mean[kind][good])
            np.add.at(count, road[good], 1.0)
        known = (count > 0) & (self._free_kmh > 0)
        ratio = np.zeros(n)
        ratio[known] = total[known] / count[known] / self._free_kmh[known]
        return np.where(known, np.clip(np.round(ratio * 200), 0, 200), NO_DATA).astype(np.uint8)

    def counts(self, now_ms: int) -> dict[str, dict[str, int]]:
        """Return per kind how many devices are ok, stale, and in alarm (minor or worse)."""
        stale = self.stale(now_ms)
        found = {}
        for kind in self.city.kinds:
            rows = self.city.rows.get(kind.name, np.zeros(0, dtype=np.int64))
            rows = rows[self._exists[rows]]
            silent, alarm = int(stale[rows].sum()), int((np.maximum(self.severity, self.around)[rows] >= 2).sum())
            found[kind.name] = {"ok": len(rows) - silent, "stale": silent, "alarm": alarm}
        return found

    def readings_of(self, index: int) -> list[float]:
        """Return the last value of each quantity of a device in its unit, NaN where there is none."""
        kind = self.city.kinds[int(self.city.kind[index])]
        row = int(self.city.position[index])
        raw = [(int(self.values[kind.name][q.name][row]), q.resolution) for q in kind.quantities]
        return [float("nan") if value == MISSING else value * resolution for value, resolution in raw]

    def snapshot(self) -> dict[str, Any]:
        """Return plain data and arrays."""
        values = {kind: {name: held.copy() for name, held in columns.items()} for kind, columns in self.values.items()}
        return {
            "last_ms": self.last_ms.copy(),
            "severity": self.severity.copy(),
            "around": self.around.copy(),
            "values": values,
            "mean": {kind: held.copy() for kind, held in self._mean.items()},
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take the place of a snapshot; it may be of an earlier registry with fewer devices."""
        self.last_ms[: len(data["last_ms"])] = data["last_ms"]
        self.severity[: len(data["severity"])] = data["severity"]
        self.around[: len(data["around"])] = data["around"]
        for kind, columns in data["values"].items():
            for name, held in columns.items():
                if name in self.values.get(kind, {}):
                    self.values[kind][name][: len(held)] = held
        for kind, mean in data["mean"].items():
            if kind in self._mean:
                self._mean[kind][: len(mean)] = mean


def columns_first(columns: dict[str, Any], quality: U8 | None) -> Any:
    """Return any column of a batch: it tells the number of rows."""
    return quality if quality is not None else next(iter(columns.values()), ())


def level_of(raw: NDArray[np.int32], quantity: QuantityInfo) -> U8:
    """Return a reading as a level 0–7: a whole number up to 7 as it is, anything else as a share of its maximum."""
    value = np.where(raw == MISSING, 0, raw) * quantity.resolution
    whole = quantity.resolution >= 1 and quantity.maximum <= 7
    scaled = value if whole else value / quantity.maximum * 7 if quantity.maximum > 0 else value * 0
    return np.clip(np.ceil(scaled - 1e-9), 0, 7).astype(np.uint8)
