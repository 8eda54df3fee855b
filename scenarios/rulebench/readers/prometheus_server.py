"""Series from a running Prometheus, VictoriaMetrics or Mimir, by the selectors that rules use.

Lives here: which questions to ask and how answers become columns. Must not know: what rules make of them.
Without a step the samples come as they were stored (a range selector asked for piece by piece), gaps and all; with one they come
from `query_range`, as a graph would show them.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ops_center.label_sets import Labels, labels_of
from scenarios.rulebench.readers.recorded import MAX_SAMPLES, Place, RecordedSeries, bad, checked

PIECE_MS = 3_600_000
MAX_STEPS = 10_000  # a server refuses more than 11 000
TIMEOUT_S = 60.0


def read_prometheus(
    url: str, selectors: Iterable[str], first_ms: int, last_ms: int, step_ms: int | None, more: Mapping[str, str]
) -> list[RecordedSeries]:
    """Return the samples in [first, last] (epoch ms) of all series that the selectors match. Raises BadFile."""
    found: dict[Labels, dict[int, float]] = {}
    for selector in sorted(set(selectors)):
        for path, query in _questions(selector, first_ms, last_ms, step_ms):
            for row in _ask(url, path, query):
                _take(url, row, more, found)
        if sum(map(len, found.values())) > MAX_SAMPLES:
            raise bad(url, 1, 1, f"more than {MAX_SAMPLES} samples; expected fewer: ask for a shorter time")
    return [_series(url, labels, samples, first_ms, last_ms) for labels, samples in found.items()]


def _questions(selector: str, first_ms: int, last_ms: int, step_ms: int | None) -> Iterable[tuple[str, dict[str, str]]]:
    if step_ms is None:
        for end_ms in (*range(first_ms + PIECE_MS, last_ms, PIECE_MS), last_ms):
            begin_ms = max(first_ms - 1, end_ms - PIECE_MS)
            yield "query", {"query": f"{selector}[{max(1, end_ms - begin_ms)}ms]", "time": f"{end_ms / 1_000:.3f}"}
        return
    for begin_ms in range(first_ms, last_ms + 1, MAX_STEPS * step_ms):
        end_ms = min(last_ms, begin_ms + (MAX_STEPS - 1) * step_ms)
        times = {"start": f"{begin_ms / 1_000:.3f}", "end": f"{end_ms / 1_000:.3f}", "step": f"{step_ms / 1_000:g}"}
        yield "query_range", {"query": selector, **times}


def _ask(url: str, path: str, query: Mapping[str, str]) -> list[Any]:
    address = f"{url.rstrip('/')}/api/v1/{path}"
    request = urllib.request.Request(address, urllib.parse.urlencode(query).encode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as error:
        raise bad(url, 1, 1, f"{path} of {query['query']} was refused: {error.code} {_reason(error)}") from None
    except (OSError, ValueError) as error:
        raise bad(url, 1, 1, f"no answer to {path}: {error}; expected a Prometheus server at this address") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict) or data.get("resultType") != "matrix":
        raise bad(url, 1, 1, f"the answer to {path} is not a matrix; expected a Prometheus server at this address")
    return list(data.get("result", []))


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def _take(url: str, row: Any, more: Mapping[str, str], found: dict[Labels, dict[int, float]]) -> None:
    try:
        labels = labels_of({**more, **row["metric"]})
        samples = found.setdefault(labels, {})
        for at_s, text in row["values"]:
            samples[round(1_000 * float(at_s))] = float(text)
    except (KeyError, TypeError, ValueError) as error:
        raise bad(url, 1, 1, f"a series of the answer cannot be read: {error}") from None


def _series(url: str, labels: Labels, samples: Mapping[int, float], first_ms: int, last_ms: int) -> RecordedSeries:
    times = np.array(sorted(t for t in samples if first_ms <= t <= last_ms), dtype=np.int64)
    values = np.array([samples[t] for t in times.tolist()], dtype=np.float64)
    keep = np.isfinite(values)
    return checked(labels, times[keep], values[keep], Place(url, np.ones(int(keep.sum()), dtype=np.int64), 1, 1))
