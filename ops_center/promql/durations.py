"""Prometheus durations and number literals as text; knows nothing of expressions."""

from __future__ import annotations

import re

UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_ORDER = ("y", "w", "d", "h", "m", "s", "ms")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
MAX_DURATION_MS = (1 << 63) // 1_000_000  # Go's time.Duration counts nanoseconds in an int64


def parse_duration_ms(text: str) -> int:
    """`1h30m` as milliseconds; `0` needs no unit.

    Raises:
        ValueError: empty, units missing, unknown or out of order, or over 292 years.
    """
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"not a duration: saw {text!r}, expected e.g. 5m, 1h30m or 250ms")
    total = sum(int(n) * UNIT_MS[unit] for n, unit in zip(match.groups(), _ORDER, strict=True) if n)
    if total > MAX_DURATION_MS:
        raise ValueError(f"duration out of range: saw {text!r}, expected at most 292 years")
    return total


def format_duration_ms(ms: int) -> str:
    """Milliseconds as Prometheus prints them: `90000` → `1m30s`, `0` → `0s`.

    Source: prometheus/common model.Duration.String (weeks and years only where they divide exactly).
    """
    if ms == 0:
        return "0s"
    sign, rest, out = ("-" if ms < 0 else ""), abs(ms), []
    for unit, exact in (("y", True), ("w", True), ("d", False), ("h", False), ("m", False), ("s", False), ("ms", False)):
        size = UNIT_MS[unit]
        if exact and rest % size:
            continue
        if rest >= size:
            out.append(f"{rest // size}{unit}")
            rest %= size
    return sign + "".join(out)


def parse_number(text: str) -> float:
    """A PromQL number literal: decimal, hex, Inf, NaN, with underscores between digits.

    Raises:
        ValueError: not a number.
    """
    low = text.lower()
    sign = -1.0 if low.startswith("-") else 1.0
    body = low.lstrip("+-")
    if body in ("inf", "infinity"):
        return sign * float("inf")
    if body == "nan":
        return float("nan")
    body = body.replace("_", "")
    if body.startswith("0x"):
        return sign * float(int(body, 16))
    if len(body) > 1 and body[0] == "0" and body.isdigit() and all(c in "01234567" for c in body):
        return sign * float(int(body, 8))
    return sign * float(body)
