"""The fingerprint of a label set, as Alertmanager computes it; knows nothing of alerts."""

from __future__ import annotations

from ops_center.label_sets import Labels

_OFFSET, _PRIME, _MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1


def fingerprint(labels: Labels) -> str:
    """FNV-1a over sorted names and values, each followed by 0xff, as 16 hex digits (prometheus/common model.LabelSet)."""
    value = _OFFSET
    for name, text in labels:
        for byte in (*name.encode(), 0xFF, *text.encode("utf-8", "surrogateescape"), 0xFF):
            value = ((value ^ byte) * _PRIME) & _MASK
    return f"{value:016x}"
