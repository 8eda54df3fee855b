"""Numbers as Go and Prometheus print them in annotations; knows no templates.

Source: Prometheus template/template.go, util/strutil.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from ops_center.promql.go_printf import go_float, special_float

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def four_digits(value: float) -> str:
    """Go's %.4g."""
    return special_float(value) or f"{value:.4g}"


def _scaled(value: float, base: float, prefixes: tuple[str, ...]) -> str:
    prefix = ""
    for name in prefixes:
        if abs(value) < base:
            break
        prefix, value = name, value / base
    return f"{four_digits(value)}{prefix}"


def _shrunk(value: float) -> tuple[float, str]:
    prefix = ""
    for name in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = name, value * 1000
    return value, prefix


def humanize(value: float) -> str:
    """Four digits with a metric prefix."""
    if value == 0 or not math.isfinite(value):
        return four_digits(value)
    if abs(value) >= 1:
        return _scaled(value, 1000, _LARGE)
    small, prefix = _shrunk(value)
    return f"{four_digits(small)}{prefix}"


def humanize1024(value: float) -> str:
    """Four digits with a binary prefix."""
    if abs(value) <= 1 or not math.isfinite(value):
        return four_digits(value)
    return _scaled(value, 1024, _BINARY)


def humanize_duration(value: float) -> str:
    """Seconds as `1d 2h 3m 4s`."""
    if not math.isfinite(value):
        return four_digits(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        small, prefix = _shrunk(value)
        return f"{four_digits(small)}{prefix}s"
    sign, value = ("-" if value < 0 else ""), abs(value)
    whole = int(value)
    days, hours, minutes, seconds = whole // 86_400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{four_digits(value)}s"


def humanize_percentage(value: float) -> str:
    """A ratio as percent."""
    return f"{four_digits(value * 100)}%"


def humanize_timestamp(value: float) -> str:
    """Epoch seconds as Go prints a UTC time."""
    if not math.isfinite(value):
        return four_digits(value)
    if abs(value) * 1e9 >= 2**63:
        raise ValueError(f"{go_float(value)} cannot be represented as a nanoseconds timestamp since it overflows int64")
    moment = _EPOCH + timedelta(milliseconds=math.floor(value * 1000))
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def title(text: str) -> str:
    """Go's strings.Title: the first letter of each word, words parted by anything but letters, digits and _."""
    return re.sub(r"(^|[^\w])(\w)", lambda m: m.group(1) + m.group(2).upper(), text)
