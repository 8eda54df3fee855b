"""Durations as people write them: `45 min`, `2h`, `90s`, `1h30m`.

Lives here: reading and writing durations. Must not know: what is timed.
"""

import re

_UNITS_MS = {
    "ms": 1,
    "s": 1_000,
    "sec": 1_000,
    "second": 1_000,
    "seconds": 1_000,
    "m": 60_000,
    "min": 60_000,
    "minute": 60_000,
    "minutes": 60_000,
    "h": 3_600_000,
    "hour": 3_600_000,
    "hours": 3_600_000,
    "d": 86_400_000,
    "day": 86_400_000,
    "days": 86_400_000,
}
_PART = re.compile(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+)")
DURATION_PATTERN = r"^\$[a-z][a-z0-9_]*$|^\s*(\d{1,9}(\.\d{1,3})?\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)\s*)+$"
EXPECTED = "a duration such as '90s', '45 min', '2h' or '1h30m'"
MAX_MS = 366 * 86_400_000


class BadDuration(ValueError):
    """A text that is no duration."""


def parse_duration_ms(text: object) -> int:
    """Return a duration in milliseconds. Raises BadDuration with what was seen and what was expected."""
    if not isinstance(text, str) or not text.strip():
        raise BadDuration(f"{text!r} is not a duration, a unit is missing; expected {EXPECTED}")
    total, position, stripped = 0, 0, text.rstrip()
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None:
            raise BadDuration(f"{text!r} is not a duration; expected {EXPECTED}")
        unit_ms = _UNITS_MS.get(part[2])
        if unit_ms is None:
            raise BadDuration(f"unknown unit {part[2]!r} in {text!r}; expected {EXPECTED}")
        total += _scaled(part[1], unit_ms)
        position = part.end()
    if total > MAX_MS:
        raise BadDuration(f"{text!r} is longer than a year; expected {EXPECTED}")
    return total


def _scaled(number: str, unit_ms: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole) * unit_ms + int(fraction.ljust(3, "0") or 0) * unit_ms // 1_000


def say_duration(ms: int) -> str:
    """Return a duration as people read it: `1h05m`, `4m30s`, `12s`, `250ms`."""
    if ms < 0:
        return "-" + say_duration(-ms)
    if ms < 1_000:
        return f"{ms}ms"
    seconds = ms // 1_000
    hours, minutes, rest = seconds // 3_600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours}h{minutes:02d}m" + (f"{rest:02d}s" if rest else "")
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def spoken_duration(ms: int, lang: str) -> str:
    """Return a duration in words of a language: `1 h 5 min`, `20 phút`, `1 min 30 s`; nothing below a second."""
    names = ("giờ", "phút", "giây") if lang == "vi" else ("h", "min", "s")
    seconds = ms // 1_000
    parts = zip((seconds // 3_600, seconds // 60 % 60, seconds % 60), names, strict=True)
    return " ".join(f"{n} {name}" for n, name in parts if n) or f"0 {names[2]}"


def say_t(ms: int) -> str:
    """Return an instant relative to T+0: `T+00:12:05`, `T-00:01:00`."""
    sign, seconds = ("-", -ms // 1_000) if ms < 0 else ("+", ms // 1_000)
    return f"T{sign}{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
