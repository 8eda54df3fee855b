"""`cityops kinds`: what devices there are and what they measure."""

from typing import Any

from scenarios.cli.common import JsonOption, KindsOption
from scenarios.cli.output import say, say_json
from sensors.kind import SensorKind
from sensors.kinds import load_kinds


def kinds(kinds_dirs: KindsOption = None, as_json: JsonOption = False) -> None:
    """List the sensor kinds, with quantities, metrics, units and periods.

    Example: cityops kinds --kinds my_kinds/
    """
    found = load_kinds(kinds_dirs or [])
    if as_json:
        say_json([_plain(kind) for kind in found])
        return
    for kind in found:
        when = (
            f"on change, at least every {kind.heartbeat_ms // 1000} s" if kind.on_change else f"every {kind.period_ms // 1000} s"
        )
        say(f"{kind.name}: {kind.title.en} / {kind.title.vi}, reports {when}")
        for quantity in kind.quantities:
            say(f"  {quantity.metric:<34} {quantity.unit:<12} {quantity.minimum:g} to {quantity.maximum:g}  {quantity.help}")
        for action in kind.actions:
            say(f"  command {action.type}: {action.title.en}")


def _when(kind: SensorKind) -> str:
    if kind.on_change:
        return f"on change, at least every {kind.heartbeat_ms // 1000} s"
    return f"every {kind.period_ms // 1000} s"


def _plain(kind: SensorKind) -> dict[str, Any]:
    return {
        "name": kind.name, "title": {"vi": kind.title.vi, "en": kind.title.en}, "icon": kind.icon,
        "period_ms": kind.period_ms, "heartbeat_ms": kind.heartbeat_ms, "on_change": kind.on_change,
        "quantities": [
            {"name": q.name, "metric": q.metric, "unit": q.unit, "type": q.type, "minimum": q.minimum, "maximum": q.maximum,
             "resolution": q.resolution, "help": q.help}
            for q in kind.quantities
        ],
        "commands": [action.type for action in kind.actions], "faults": list(kind.faults),
    }  # fmt: skip
