"""The fingerprint of a label set, as Alertmanager computes it; knows nothing of alerts."""

from __future__ import annotations

from ops_center.label_sets import Labels

_OFFSET, _PRIME, _MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1


def fingerprint(labels: Labels) -> str:
    """FNV-1a over sorted names and values, each followed by 0xff, as 16 hex digits (prometheus/common model.LabelSet)."""
    value, prime, mask = _OFFSET, _PRIME, _MASK
    parts = [text.encode("utf-8", "surrogateescape") for pair in labels for text in pair]
    for byte in b"\xff".join([*parts, b""]):
        value = (value ^ byte) * prime & mask
    return f"{value:016x}"
