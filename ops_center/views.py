"""What the center shows: its state as JSON-ready plain data, in the shapes of the HTTP and feed contract.

Lives here: pure functions of a center. Must not know: sockets, seats, how the console draws.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ops_center import alerts, commands, incidents
from ops_center.city_view import CityView
from ops_center.events import AlertChange, Change, IncidentChange
from ops_center.pipeline import Center
from sensors.messages import Hello

RECENT_COMMANDS = 50


def event(change: Change) -> tuple[str, dict[str, Any]]:
    """Return type and body of the feed event that tells a change."""
    if isinstance(change, AlertChange):
        return "alert", {"alert": change.alert, "cause": msgspec.to_builtins(change.cause)}
    if isinstance(change, IncidentChange):
        return "incident", {"incident": change.incident, "entry": change.entry, "cause": msgspec.to_builtins(change.cause)}
    return "command", {"command": change.command}


def local_time(hello: Hello | None, now_ms: int) -> str | None:
    """Return simulated local time as ISO 8601 with its offset."""
    if hello is None:
        return None
    at = datetime.fromisoformat(hello.start_at) + timedelta(milliseconds=max(0, now_ms))
    try:
        return at.astimezone(ZoneInfo(hello.time_zone)).isoformat(timespec="seconds")
    except (ZoneInfoNotFoundError, ValueError):
        return at.isoformat(timespec="seconds")


def clock(center: Center, connected: bool, age_s: float, replay: bool = False) -> dict[str, Any]:
    """Return the clock: simulated time, pace asked and achieved, whether the city is there, or its record."""
    pacing = center.pacing
    return {
        "now_ms": center.now_ms,
        "local": local_time(center.hello, center.now_ms),
        "pace": "max" if pacing.pace == 0 else f"{pacing.pace:g}",
        "achieved_pace": round(pacing.achieved, 2),
        "paused": pacing.paused,
        "mode": "REPLAY" if replay else "PAUSED" if pacing.paused else "LIVE",
        "city_connected": connected,
        "city_age_s": round(age_s, 1),
        "warming_up": pacing.warming_up,
        "ended": pacing.ended,
    }


def run(center: Center, run_id: str, parent: str, fork_at_ms: int) -> dict[str, Any]:
    """Return which run is shown; one with a parent is a branch of it."""
    forked = bool(parent)
    return {
        "id": run_id,
        "parent": parent or None,
        "fork_at_ms": fork_at_ms if forked else None,
        "fork_local": local_time(center.hello, fork_at_ms) if forked else None,
    }


def timeline(center: Center) -> dict[str, Any]:
    """Return how far the run has come, and a mark for each incident."""
    return {
        "from_ms": 0,
        "until_ms": max(0, center.now_ms),
        "marks": [mark(incidents.plain(incident)) for incident in center.judgement.incidents.by_id.values()],
    }


def mark(incident: Mapping[str, Any]) -> dict[str, Any]:
    """Return an incident (plain) as a mark on the line of time."""
    return {"at_ms": incident["opened_ms"], **{name: incident[name] for name in ("incident_id", "severity", "title")}}


def snapshot(center: Center) -> dict[str, Any]:
    """Return all that a newcomer needs beside the clock and what is fetched once over HTTP."""
    judgement = center.judgement
    return {
        "alerts": [alerts.plain(alert) for alert in judgement.alerts.by_fingerprint.values()],
        "incidents": [incidents.plain(incident) for incident in judgement.incidents.open()],
        "commands": [commands.plain(command) for command in judgement.commands.recent(RECENT_COMMANDS)],
        **gauges(center),
    }


def gauges(center: Center) -> dict[str, Any]:
    """Return the figures that change without an event of their own: devices by state, alarm rate, bad messages."""
    rate = center.judgement.rate
    return {
        "counts": center.devices.counts(center.now_ms) if center.devices else {},
        "alarm_rate_per_10min": float(rate.update(center.now_ms)),
        "alarm_flood": rate.flood,
        "bad_messages": sum(center.counters.bad.values()),
        "refused": center.refused or None,
    }


def health(center: Center, connected: bool, trouble: str) -> dict[str, Any]:
    """Return how the center itself is doing."""
    good, bad = center.judge.health()
    return {
        "status": "degraded" if trouble or bad or not connected else "ok",
        "trouble": trouble or None,
        "city_connected": connected,
        "city_refused": center.refused or None,
        "now_ms": center.now_ms,
        "bad_messages": sum(center.counters.bad.values()),
        "bad_by_reason": dict(center.counters.bad),
        "last_bad_message": center.counters.last_bad or None,
        "duplicates": center.counters.duplicates,
        "frames": center.counters.frames,
        "readings": center.counters.readings,
        "rules": {"ok": good, "err": bad},
        "digest": center.digests(),
    }


def city(view: CityView, run: str) -> dict[str, Any]:
    """Return what the city is and where it lies."""
    hello = view.hello
    return {
        "id": hello.city,
        "run": run,
        "title": msgspec.to_builtins(hello.title) | {"vi": hello.title.vi, "en": hello.title.en},
        "schematic": hello.schematic,
        "attribution": hello.attribution,
        "time_zone": hello.time_zone,
        "lon": hello.lon,
        "lat": hello.lat,
        "bounds": bounds(view),
        "registry_version": view.registry.version,
        "start_at": hello.start_at,
        "exercise": hello.exercise,
        "exercise_url": hello.exercise_url or None,
    }


def bounds(view: CityView) -> list[float]:
    """Return west, south, east, north of all devices, or of the city's point."""
    known = view.kind >= 0
    if not known.any():
        return [view.hello.lon, view.hello.lat, view.hello.lon, view.hello.lat]
    lon, lat = view.lon[known], view.lat[known]
    return [float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())]


def _text(text: Any) -> dict[str, str]:
    return {"vi": text.vi, "en": text.en}


def kinds(view: CityView) -> list[dict[str, Any]]:
    """Return the sensor kinds; order is the kind index."""
    return [
        {
            "name": kind.name,
            "title": _text(kind.title),
            "icon": kind.icon,
            "period_ms": kind.period_ms,
            "heartbeat_ms": kind.heartbeat_ms,
            "quantities": [{**msgspec.to_builtins(q), "title": _text(q.title)} for q in kind.quantities],
            "commands": kind.commands,
            "state_quantity": kind.level or kind.active or None,
            "active": kind.active or None,
            "level": kind.level or None,
            "speed": kind.speed or None,
        }
        for kind in view.kinds
    ]


def devices(view: CityView) -> dict[str, Any]:
    """Return all devices, columnar; position is the index that STATE frames use. A tombstone has an empty id and kind -1."""
    cabinets = cabinet_devices(view)
    cabinet, feeder = [-1] * view.n_devices, [""] * view.n_devices
    for kind, table in view.tables.items():
        for index, name in zip(table.index, view.label_column(kind, "cabinet"), strict=True):
            cabinet[index] = cabinets.get(name, -1)
        for index, name in zip(table.index, view.label_column(kind, "feeder"), strict=True):
            feeder[index] = name
    return {
        "registry_version": view.registry.version,
        "kinds": kinds(view),
        "id": view.device_id,
        "kind": view.kind.tolist(),
        "lon": view.lon.tolist(),
        "lat": view.lat.tolist(),
        "name": view.name,
        "zone": view.zone.tolist(),
        "link": view.road.tolist(),
        "cabinet": cabinet,
        "feeder": feeder,
    }


def cabinet_devices(view: CityView) -> dict[str, int]:
    """Return the device that stands for each cabinet: the one of a kind that has exactly one device per cabinet."""
    for kind, table in sorted(view.tables.items(), key=lambda item: (not item[0].startswith("cabinet"), item[0])):
        names = view.label_column(kind, "cabinet")
        if names and all(names) and len(set(names)) == len(names):
            return dict(zip(names, table.index, strict=True))
    return {}


def command_types(view: CityView) -> list[dict[str, Any]]:
    """Return the commands that the city takes."""
    return [
        {
            "type": info.type,
            "title": _text(info.title),
            "target_kinds": info.target_kinds,
            "parameters": [
                {
                    "name": p.name,
                    "type": p.type,
                    "unit": p.unit,
                    "minimum": p.minimum,
                    "maximum": p.maximum,
                    "choices": p.choices,
                    "default": p.default,
                    "title": _text(p.title),
                }
                for p in info.parameters
            ],
        }
        for info in view.registry.commands
    ]
