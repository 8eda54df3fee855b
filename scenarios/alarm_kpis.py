"""How heavy the alarms were for one position, by ISA-18.2 / EEMUA 191.

Lives here: counting alarms over a whole run. Must not know: what an alarm is about.
Bounds: about 1 alarm in 10 min is acceptable, 2 the most that is manageable;
a flood begins above 10 in 10 min; three or more alarms of one source in a minute chatter.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

WINDOW_MS = 600_000
FLOOD_COUNT = 10
CHATTER_COUNT, CHATTER_MS = 3, 60_000
TOP = 10

Firing = tuple[int, int | None, dict[str, Any]]


def alarm_kpis(firings: Sequence[Firing], from_ms: int, until_ms: int) -> dict[str, Any]:
    """Return the figures over [from_ms, until_ms]; a firing is (fired_ms, cleared_ms, alert). Suppressed ones do not count."""
    counted = [f for f in firings if from_ms <= f[0] <= until_ms and not f[2].get("suppressed")]
    times = np.array(sorted(f[0] for f in counted), dtype=np.int64)
    span_ms = max(until_ms - from_ms, 1)
    sources = Counter(str(f[2]["fingerprint"]) for f in counted)
    top = sum(count for _, count in sources.most_common(TOP))
    windows = _window_counts(times, from_ms, until_ms)
    return {
        "total": len(counted),
        "per_10_min": round(len(counted) * WINDOW_MS / span_ms, 2),
        "peak_10_min": _peak(times),
        "flood_windows_ratio": round(sum(c > FLOOD_COUNT for c in windows) / max(len(windows), 1), 3),
        "chattering": sorted({str(f[2]["name"]) for f in counted if _chatters(f, counted)}),
        "top_10_share": round(top / len(counted), 3) if counted else 0.0,
        "standing": sum(f[1] is None for f in counted),
        "by_severity": dict(sorted(Counter(str(f[2]["severity"]) for f in counted).items())),
        "by_name": dict(sorted(Counter(str(f[2]["name"]) for f in counted).items())),
    }


def _window_counts(times: np.ndarray[Any, np.dtype[np.int64]], from_ms: int, until_ms: int) -> list[int]:
    edges = np.arange(from_ms, until_ms + WINDOW_MS, WINDOW_MS)
    return [int(n) for n in np.histogram(times, edges)[0]] if len(edges) > 1 else []


def _peak(times: np.ndarray[Any, np.dtype[np.int64]]) -> int:
    """The most alarms in any ten minutes."""
    before = np.searchsorted(times, times - WINDOW_MS, side="right")
    return int((np.arange(len(times)) - before + 1).max(initial=0))


def _chatters(firing: Firing, firings: Sequence[Firing]) -> bool:
    key, at_ms = firing[2]["fingerprint"], firing[0]
    same = [f for f in firings if f[2]["fingerprint"] == key and at_ms - CHATTER_MS < f[0] <= at_ms]
    return len(same) >= CHATTER_COUNT
