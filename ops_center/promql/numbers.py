"""How Prometheus writes numbers and which label names it takes; knows nothing of expressions."""

from __future__ import annotations

import math
from decimal import Decimal


def format_value(value: float) -> str:
    """Shortest decimal that reads back the same, without exponent; NaN, +Inf, -Inf (Go's FormatFloat(v, 'f', -1))."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return "-0" if value == 0 and math.copysign(1, value) < 0 else str(int(value))
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_sample(value: float) -> str:
    """As a sample stands in the JSON of Prometheus' API: with an exponent below 1e-6 and from 1e21 on."""
    far = value != 0 and not 1e-6 <= abs(value) < 1e21 and math.isfinite(value)
    return repr(value) if far else format_value(value)


def is_label_name(name: str) -> bool:
    """UTF-8 and not empty, as Prometheus 3 takes it."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name != ""


def shown_number(value: float) -> str:
    """As Go's %g shows it: shortest, with an exponent from 1e+21 on and below 1e-4."""
    plain = format_value(value)
    if plain in ("NaN", "+Inf", "-Inf", "0", "-0") or 1e-4 <= abs(value) < 1e21:
        return plain
    digits, power = f"{value:.17e}".split("e")
    mantissa = next((m for n in range(18) if float(m := f"{value:.{n}e}") == value), f"{digits}e{power}")
    head, power = mantissa.split("e")
    return f"{head}e{power[0]}{int(power[1:]):02d}"


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quoted(text: str) -> str:
    """A string in quotes as Go's %q shows it; bytes that are no UTF-8 as \\x escapes."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in text) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that surrogateescape stands for
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
