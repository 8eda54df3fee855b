"""Placement rules that several kinds share: rows of the city's tables as sites.

Lives here: how a city's rows become `Sites`. Must not know: what is measured there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sensors.kind import Bools, Ints, Sites
from simulator.world import World

DAY_S = 86_400.0


def device_sites(world: World, kind: str, labels: Mapping[str, str] | None = None) -> Sites:
    """Return the devices of a kind in the city's device table; `labels` maps a label to `name`, `link` or `street`.

    `extra` holds `row` (in the device table), `link`, `node` and `position_m`.
    """
    devices = world.city.devices
    rows = np.array([i for i, k in enumerate(devices.kind) if k == kind], dtype=np.int64)
    link = _take(devices.link, rows)
    return Sites(
        device_id=[devices.id[i] for i in rows],
        name=[devices.name[i] for i in rows],
        lon=np.array(devices.lon, dtype=np.float64)[rows],
        lat=np.array(devices.lat, dtype=np.float64)[rows],
        zone=_take(devices.zone, rows),
        road=link,
        feeder=_take(devices.feeder, rows),
        cabinet=_take(devices.cabinet, rows),
        labels={label: _label(world, what, rows, link) for label, what in (labels or {}).items()},
        extra={
            "row": rows,
            "link": link,
            "node": _take(devices.node, rows),
            "position_m": np.array(devices.position_m, dtype=np.float64)[rows],
        },
    )


def _take(values: Sequence[int], rows: Ints) -> Ints:
    return np.array(values, dtype=np.int64)[rows]


def _label(world: World, what: str, rows: Ints, link: Ints) -> list[str]:
    links, devices = world.city.links, world.city.devices
    if what == "name":
        return [devices.name[i] for i in rows]
    if what == "lane":
        return [str(devices.lane[i] + 1) if devices.lane[i] >= 0 else "all" for i in rows]
    table = links.id if what == "link" else links.name
    return [table[k] if k >= 0 else "" for k in link]


def ids(table: Sequence[str], index: Ints) -> list[str]:
    """Return ids by index, empty for -1."""
    return [table[i] if i >= 0 else "" for i in index.tolist()]


def on_mains(world: World, sites: Sites) -> Bools:
    """Return which sites have mains."""
    return world.power.on_mains(sites.feeder, sites.cabinet)


def on_battery_for(battery_s: float) -> Any:
    """Return a `powered` function for devices whose battery lasts `battery_s` after mains is lost."""

    def powered(world: World, sites: Sites) -> Bools:
        return world.power.powered(sites.feeder, sites.cabinet, world.scheduler.now_ms, battery_s)

    return powered


def always(world: World, sites: Sites) -> Bools:
    """Return that all sites run, because their battery outlasts any exercise."""
    del world
    return np.ones(sites.n, dtype=bool)
