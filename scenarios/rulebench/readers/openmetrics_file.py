"""Series from OpenMetrics text with timestamps, as `promtool tsdb dump-openmetrics` writes it.

Lives here: the parser of the Prometheus client library fed line by line, so that an error knows its line. Must not know: rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from ops_center.label_sets import NAME, Labels, labels_of
from scenarios.rulebench.readers.recorded import MAX_SAMPLES, MAX_SERIES, Place, RecordedSeries, bad, checked


class _Lines:
    """A file that counts the lines that were read from it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        """Yield the lines."""
        for line in self._file:
            self.line += 1
            yield line


def read_openmetrics(path: Path, more: Mapping[str, str]) -> list[RecordedSeries]:
    """Return the series of an OpenMetrics file; `more` are labels for all. Raises BadFile."""
    found: dict[Labels, list[tuple[int, float, int]]] = {}
    try:
        with path.open(encoding="utf-8") as file:
            _read(_Lines(file), str(path), more, found)
    except UnicodeDecodeError as error:
        raise bad(str(path), 1, 1, f"not UTF-8: {error.reason} at byte {error.start}; expected a text") from None
    except OSError as error:
        raise bad(str(path), 1, 1, f"cannot be read: {error.strerror}") from None
    return [_series(str(path), labels, rows) for labels, rows in found.items()]


def _read(lines: _Lines, file: str, more: Mapping[str, str], found: dict[Labels, list[tuple[int, float, int]]]) -> None:
    count = 0
    try:
        for family in text_fd_to_metric_families(lines):  # type: ignore[no-untyped-call]  # the library types its files loosely
            for sample in family.samples:
                if sample.timestamp is None:
                    raise bad(file, lines.line, 1, f"a sample of {sample.name!r} has no timestamp; expected one on every sample")
                at_ms = round(float(sample.timestamp) * 1_000)
                labels = labels_of({**more, **sample.labels, NAME: sample.name})
                found.setdefault(labels, []).append((at_ms, float(sample.value), lines.line))
                count += 1
            if count > MAX_SAMPLES or len(found) > MAX_SERIES:
                raise bad(file, lines.line, 1, f"more than {MAX_SAMPLES} samples or {MAX_SERIES} series; expected fewer")
    except (ValueError, AttributeError, TypeError, IndexError, KeyError) as error:
        if hasattr(error, "problems"):
            raise
        raise bad(
            file, max(1, lines.line), 1, f"not OpenMetrics: {error}; expected lines such as 'speed{{road=\"a\"}} 42 1700000000'"
        ) from None


def _series(file: str, labels: Labels, rows: list[tuple[int, float, int]]) -> RecordedSeries:
    times, values, lines = (np.array(column) for column in zip(*rows, strict=True))
    keep = ~np.isnan(values)  # NaN is how a stale marker is written down
    place = Place(file, lines[keep].astype(np.int64), 1, 1)
    return checked(labels, times[keep].astype(np.int64), values[keep].astype(np.float64), place)
