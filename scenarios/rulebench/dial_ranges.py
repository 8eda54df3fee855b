"""Values of dials as people write them: `10..50:5`, `10,20,30`, `0s..5m:30s`, `2=10..50:5`.

Lives here: from options to values by dial, with what is wrong about them. Must not know: what a dial does to a rule.
"""

import math
from collections.abc import Iterable, Sequence

from ops_center.promql.durations import parse_duration_ms
from scenarios.rulebench.dials import FOR, THRESHOLD, WINDOW, Dial, Panel, ordered, usual_values

MOST = 1_000_000


class BadRange(ValueError):
    """An option says no values that can be tried."""


def values_of(text: str, kind: str, option: str) -> list[float]:
    """The values that a text lists, ascending. Raises BadRange."""
    values: list[float] = []
    for part in text.split(","):
        values += _part(part.strip(), kind, option, text)
        if len(values) > MOST:
            raise BadRange(f"{option} {text!r} lists over {MOST} values; expected fewer")
    return ordered(values)


def _part(part: str, kind: str, option: str, text: str) -> list[float]:
    if ".." not in part:
        return [_value(part, kind, option, text)]
    ends, colon, step_text = part.partition(":")
    first, last = (_value(end, kind, option, text) for end in ends.split("..", 1))
    step = _value(step_text, kind, option, text) if colon else (last - first) / 10
    if first > last or not step > 0:
        raise BadRange(f"{option} {text!r} is no range; expected FROM..TO:STEP with FROM ≤ TO and STEP > 0, as {_EXAMPLE[kind]}")
    steps = (last - first) / step * (1 + 1e-12)
    if not steps < MOST:
        raise BadRange(f"{option} {text!r} lists {steps:.3g} values; expected at most {MOST}")
    count = math.floor(steps) + 1
    return [_clean(first + step * i) if kind == THRESHOLD else float(int(first + step * i)) for i in range(count)]


_EXAMPLE = {THRESHOLD: "10..50:5", WINDOW: "1m..10m:1m", FOR: "0s..5m:30s"}


def _clean(value: float) -> float:
    """0.1 + 0.2 is meant to be 0.3."""
    return float(f"{value:.12g}")


def _value(text: str, kind: str, option: str, whole: str) -> float:
    text = text.strip()
    try:
        value = float(text) if kind == THRESHOLD else float(parse_duration_ms(text))
    except ValueError:
        what = "numbers" if kind == THRESHOLD else "durations"
        raise BadRange(f"{option} {whole!r}: {text!r} is none; expected {what}, as {_EXAMPLE[kind]} or a list") from None
    if not math.isfinite(value):
        raise BadRange(f"{option} {whole!r}: {text!r} cannot be tried; expected a finite number")
    if kind == WINDOW and value <= 0:
        raise BadRange(f"{option} {whole!r}: a window of {text} holds nothing; expected more than 0s")
    return value


def chosen_values(
    panel: Panel, thresholds: Sequence[str], windows: Sequence[str], waits: str | None, rule: str
) -> dict[str, list[float]]:
    """The values of each dial: the usual ones of all where no option is given, else those of the options, the rest left alone.

    What is in the file is always among them. Raises BadRange.
    """
    if not panel.dial(THRESHOLD) and not windows and waits is None:
        raise BadRange(f"{rule} compares with no number: there is no threshold to sweep; expected one, or --window or --for")
    if not thresholds and not windows and waits is None:
        found = usual_values(panel)
    else:
        found = {dial.name: [dial.now] for dial in panel.dials}
        _set(found, panel, THRESHOLD, "--threshold", thresholds, rule)
        _set(found, panel, WINDOW, "--window", windows, rule)
        _set(found, panel, FOR, "--for", [] if waits is None else [waits], rule)
    count = math.prod(len(values) for values in found.values())
    if count > MOST:
        raise BadRange(f"these are {count} configurations; expected at most {MOST}: fewer values, or fewer dials")
    return found


def _set(found: dict[str, list[float]], panel: Panel, kind: str, option: str, texts: Iterable[str], rule: str) -> None:
    dials = panel.dial(kind)
    for text in texts:
        which, equals, rest = text.partition("=")
        dial = _which(dials, which.strip() if equals else None, kind, option, text, rule)
        found[dial.name] = ordered([dial.now, *values_of(rest if equals else text, kind, option)])


def _which(dials: Sequence[Dial], number: str | None, kind: str, option: str, text: str, rule: str) -> Dial:
    listed = ", ".join(f"{dial.number or 1}: {dial.text}" for dial in dials)
    if not dials:
        raise BadRange(f"{option} {text!r}: {rule} has no {kind}; expected a {_WHAT[kind]}")
    if number is None and len(dials) > 1:
        raise BadRange(f"{option} {text!r}: {rule} has {len(dials)} ({listed}); expected {option} NUMBER={text}")
    if number is None:
        return dials[0]
    if not number.isdigit() or not 1 <= int(number) <= len(dials):
        raise BadRange(f"{option} {text!r}: {rule} has no {kind} {number}; expected one of {listed}")
    return dials[int(number) - 1]


_WHAT = {THRESHOLD: "comparison with a number", WINDOW: "range such as [5m]", FOR: "for"}
