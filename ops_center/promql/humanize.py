"""Numbers as Go and Prometheus print them in annotations; knows no templates.

Source: Prometheus template/template.go, util/strutil; Go fmt.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def go_float(value: float) -> str:
    """Go's %v of a float64: shortest digits, with an exponent below 1e-4 and from 1e6 on."""
    special = _special(value)
    if special:
        return special
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = re.sub(r"[-.]", "", repr(value).split("e")[0]).strip("0") or "0"
    shown = f"{value:.{max(len(digits) - 1, 0)}e}"
    exponent = int(shown.split("e")[1])
    if exponent < -4 or exponent >= 6:
        return _exponent(shown)
    return f"{value:.{max(0, len(digits) - 1 - exponent)}f}"


def _exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{exponent[0]}{int(exponent[1:]):02d}"


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else ""


def four_digits(value: float) -> str:
    """Go's %.4g."""
    return _special(value) or f"{value:.4g}"


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


def show(value: Any) -> str:
    """Go's %v."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{show(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(show(v) for v in value) + "]"
    return str(value)


def sprint(args: list[Any]) -> str:
    """Go's fmt.Sprint: a space between operands when neither is a string."""
    out = [show(a) for a in args[:1]]
    for before, after in pairwise(args):
        out.append(("" if isinstance(before, str) or isinstance(after, str) else " ") + show(after))
    return "".join(out)


def title(text: str) -> str:
    """Go's strings.Title: the first letter of each word, words parted by anything but letters, digits and _."""
    return re.sub(r"(^|[^\w])(\w)", lambda m: m.group(1) + m.group(2).upper(), text)


_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
MAX_WIDTH = 1000


def sprintf(template: str, args: list[Any]) -> str:
    """Go's fmt.Sprintf for %v %s %d %f %e %g %q %t %x %%; misuse shows as Go shows it."""
    rest = list(args)

    def verb(match: re.Match[str]) -> str:
        flags, width, precision, letter = match.groups()
        if letter == "%":
            return "%"
        if not rest:
            return f"%!{letter}(MISSING)"
        text = _one(letter, flags, precision, rest.pop(0))
        size = min(int(width or 0), MAX_WIDTH)
        if "-" in flags:
            return text.ljust(size)
        return text.zfill(size) if "0" in flags else text.rjust(size)

    out = _VERB.sub(verb, template)
    return out + ("%!(EXTRA " + ", ".join(f"{_go_type(a)}={show(a)}" for a in rest) + ")" if rest else "")


def _go_type(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float64"), (str, "string")):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def _one(letter: str, flags: str, precision: str | None, value: Any) -> str:
    digits = min(int(precision), MAX_WIDTH) if precision is not None else None
    if letter == "v":
        text = show(value) if digits is None or not isinstance(value, float) else f"{value:.{digits}g}"
    elif letter == "s" and isinstance(value, str):
        text = value if digits is None else value[:digits]
    elif letter == "q" and isinstance(value, str):
        text = '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    elif letter in "dxX" and isinstance(value, int) and not isinstance(value, bool):
        text = format(value, letter)
    elif letter in "feEgG" and isinstance(value, float):
        text = _special(value) or _float(letter, digits, value)
    elif letter == "t" and isinstance(value, bool):
        text = show(value)
    else:
        return f"%!{letter}({_go_type(value)}={show(value)})"
    positive = isinstance(value, int | float) and not isinstance(value, bool) and not text.startswith(("-", "+"))
    return "+" + text if "+" in flags and positive else text


def _float(letter: str, digits: int | None, value: float) -> str:
    if letter in "gG" and digits is None:
        return go_float(value)
    return f"{value:.{6 if digits is None else digits}{letter}}"
