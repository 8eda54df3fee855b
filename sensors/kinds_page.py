"""The reference page of sensor kinds, drawn from their descriptions.

Lives here: Markdown from kinds, and the command that writes it. Must not know: devices, readings.
Write it with `python -m sensors.kinds_page > docs/reference/sensor-kinds.md`.
"""

import sys
from collections.abc import Sequence

from sensors.kind import Action, Quantity, SensorKind
from sensors.kinds import load_kinds
from sensors.messages import ParameterInfo
from sensors.registry import UP

HEAD = """# Sensor kinds

Generated from the descriptions in `sensors/domains/` by `python -m sensors.kinds_page`; do not edit by hand.

Every series has the labels `city`, `device_id`, `kind`, `zone` and `ward`, and `feeder` and `cabinet` where the device has
supply from them; a kind's own labels come on top. Metric names, units and periods are a public interface. Noise is what a
healthy device adds: `value x (1 + ratio z1) + absolute z2`, z standard normal, and a fixed bias of each device with the
stated spread; then the value is rounded to the resolution. A reading outside its range is cut.
"""
SENDS = "Every kind also sends `{metric}`: {help}\n"


def render(kinds: Sequence[SensorKind]) -> str:
    """Return the page for some kinds, in the order given."""
    parts = [HEAD, SENDS.format(metric=UP.metric, help=UP.help), *map(_section, kinds)]
    return "\n".join(parts)


def _section(kind: SensorKind) -> str:
    lines = [f"## {kind.title.en} ({kind.title.vi}): `{kind.name}`", "", _timing(kind), ""]
    lines += ["| metric | unit | type | range | resolution | noise | what it is |", "|---|---|---|---|---|---|---|"]
    lines += [_row(q) for q in kind.quantities]
    lines += ["", f"Faults: {', '.join(kind.faults)}."]
    lines += [f"\n{_action(action)}" for action in kind.actions]
    return "\n".join(lines) + "\n"


def _timing(kind: SensorKind) -> str:
    if kind.on_change:
        look, beat = _seconds(kind.period_ms), _seconds(kind.heartbeat_ms)
        return f"Looks every {look}, reports what changed, and a heartbeat every {beat}."
    in_turn = f", in {kind.slots} groups one after the other" if kind.slots > 1 else ""
    return f"Reports every {_seconds(kind.period_ms)}{in_turn}."


def _row(q: Quantity) -> str:
    noise = [
        f"{word} {value:g}" for word, value in (
            ("ratio", q.noise.ratio), ("absolute", q.noise.absolute), ("bias", q.noise.bias_ratio)
        ) if value
    ]  # fmt: skip
    cells = [
        f"`{q.metric}`", q.unit or "–", q.type, f"{q.minimum:g} to {q.maximum:g}", f"{q.resolution:g}",
        ", ".join(noise) or "–", q.help,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _action(action: Action) -> str:
    targets = " or ".join(action.target_kinds)
    parameters = "; ".join(map(_parameter, action.parameters)) or "none"
    delay = _seconds(action.delay_ms)
    return f"Command `{action.type}` ({action.title.en}) on a {targets}, takes effect after {delay}; parameters: {parameters}."


def _parameter(info: ParameterInfo) -> str:
    limits = f" {info.minimum:g} to {info.maximum:g}" if info.minimum is not None and info.maximum is not None else ""
    choices = f" {' or '.join(info.choices)}" if info.choices else ""
    unit = f" {info.unit}" if info.unit else ""
    default = f", default {info.default:g}" if isinstance(info.default, float) else ""
    default = f", default {info.default}" if isinstance(info.default, str) else default
    return f"`{info.name}` {info.type}{limits}{choices}{unit}{default}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:g} s"


if __name__ == "__main__":
    sys.stdout.write(render(load_kinds()))
