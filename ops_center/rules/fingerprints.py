"""The fingerprint of a label set, as Alertmanager computes it; knows nothing of alerts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ops_center.label_sets import Labels

_OFFSET, _PRIME, _MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1


def fingerprint(labels: Labels) -> str:
    """FNV-1a over sorted names and values, each followed by 0xff, as 16 hex digits (prometheus/common model.LabelSet)."""
    value, prime, mask = _OFFSET, _PRIME, _MASK
    parts = [text.encode("utf-8", "surrogateescape") for pair in labels for text in pair]
    for byte in b"\xff".join([*parts, b""]):
        value = (value ^ byte) * prime & mask
    return f"{value:016x}"


def fingerprints(sets: Sequence[Labels]) -> list[str]:
    """`fingerprint` of many label sets: a byte of each at a time."""
    if not sets:
        return []
    texts = [b"\xff".join([t.encode("utf-8", "surrogateescape") for pair in one for t in pair] + [b""]) for one in sets]
    sizes = np.array([len(text) for text in texts], dtype=np.intp)
    order = np.argsort(-sizes, kind="stable")
    rows = np.zeros((int(sizes.max(initial=0)), len(sets)), dtype=np.uint64)
    for column, number in enumerate(order.tolist()):
        rows[: sizes[number], column] = np.frombuffer(texts[number], dtype=np.uint8)
    longer = np.searchsorted(-sizes[order], -np.arange(len(rows)))  # how many have a byte at each place
    values, prime = np.full(len(sets), _OFFSET, dtype=np.uint64), np.uint64(_PRIME)
    for row, count in zip(rows, longer.tolist(), strict=True):
        values[:count] = (values[:count] ^ row[:count]) * prime
    found = np.empty_like(values)
    found[order] = values
    return [f"{value:016x}" for value in found.tolist()]
