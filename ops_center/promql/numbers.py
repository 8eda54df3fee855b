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


def is_label_name(name: str) -> bool:
    """UTF-8 and not empty, as Prometheus 3 takes it."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name != ""
