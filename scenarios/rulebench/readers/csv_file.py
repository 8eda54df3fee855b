"""Series from CSV: one value a row with labels beside it, or a column for each series.

Lives here: which column is what, rows to series. Must not know: what the series are for.
The first column is the time. A header with a column `value` is *long*: a column `metric` names the metric, all others are labels.
Columns are parted by commas, or by semicolons (then numbers may have a decimal comma) or tabs, as the header shows.
Any other header is *wide*: each column is a series, named as it says, labels in braces if it has them: `speed{road="a"}`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ops_center.label_sets import NAME, Labels, labels_of
from ops_center.promql.numbers import is_label_name
from ops_center.rules.notation import NotationError, parse_labels
from scenarios.rulebench.readers.recorded import (
    MAX_SAMPLES,
    MAX_SERIES,
    BadValue,
    FloatArray,
    Place,
    RecordedSeries,
    TimeArray,
    bad,
    checked,
    numbers,
    times_ms,
)

CHUNK, MAX_HEADER = 200_000, 1 << 24
VALUE, METRIC = "value", "metric"
Column = tuple[list[NDArray[Any]], list[NDArray[Any]], list[NDArray[Any]]]  # times, values, lines, by chunk


def read_csv(path: Path, metric: str, tz: ZoneInfo, more: Mapping[str, str], repeated: str = "error") -> list[RecordedSeries]:
    """Return the series of a CSV file; `metric` names what the file does not, `more` are labels for all. Raises BadFile."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = _separator(file.readline(MAX_HEADER))
            file.seek(0)
            rows = csv.reader(file, strict=True, delimiter=separator)
            try:
                return _Table(str(path), next(rows, []), metric, tz, more, separator == ";").read(rows, repeated)
            except csv.Error as error:
                raise bad(str(path), rows.line_num, 1, f"not CSV: {error}; expected comma-separated values") from None
    except UnicodeDecodeError as error:
        raise bad(str(path), 1, 1, f"not UTF-8: {error.reason} at byte {error.start}; expected a text") from None
    except OSError as error:
        raise bad(str(path), 1, 1, f"cannot be read: {error.strerror}") from None


def _separator(header: str) -> str:
    """What parts the columns of a header: the comma, or the semicolon or tab that comes first."""
    found = re.match(r'(?:"(?:[^"]|"")*"|[^",;\t])*([,;\t])', header)
    return found.group(1) if found else ","


def _with_comma(texts: Sequence[str]) -> FloatArray:
    """Numbers as they are written where semicolons part columns: `1,5` is one and a half."""
    return numbers([text.replace(",", ".") if text.count(",") == 1 and "." not in text else text for text in texts])


class _Table:
    """One file: its columns, and what was read of each series."""

    def __init__(
        self, file: str, header: Sequence[str], metric: str, tz: ZoneInfo, more: Mapping[str, str], comma: bool = False
    ) -> None:
        self.file, self.metric, self.tz, self.more = file, metric, tz, more
        self._numbers = _with_comma if comma else numbers
        self.header = [name.strip() for name in header]
        if len(self.header) < 2:
            raise bad(file, 1, 1, f"the header is {','.join(header)!r}; expected a column of times and one of values")
        self.long = VALUE in self.header[1:]
        self.series: dict[Labels, Column] = {}
        self.samples = 0
        if self.long:
            self._value = self.header.index(VALUE)
            self._labels = [n for n in range(1, len(self.header)) if n != self._value]
            for n in self._labels:
                if self.header[n] != METRIC and not is_label_name(self.header[n]):
                    raise bad(file, 1, 1, f"column {self.header[n]!r} cannot be a label; expected letters, digits and '_'")
        else:
            self._columns = [self._wide_labels(name) for name in self.header[1:]]

    def _wide_labels(self, name: str) -> Labels:
        try:
            labels = dict(parse_labels(name))
        except (NotationError, ValueError) as error:
            raise bad(
                self.file, 1, 1, f"column {name!r} is no series: {error}; expected a metric's name, or one with labels"
            ) from None
        if NAME not in labels:
            labels[NAME] = self.metric
        return labels_of({**self.more, **labels})

    def read(self, rows: Iterator[list[str]], repeated: str) -> list[RecordedSeries]:
        """Return the series of all rows. Raises BadFile."""
        line = 2
        while chunk := list(islice(rows, CHUNK)):
            lines = np.arange(line, line + len(chunk), dtype=np.int64)
            line += len(chunk)
            full = [n for n, row in enumerate(chunk) if row]
            if len(full) < len(chunk):
                chunk, lines = [chunk[n] for n in full], lines[full]
            for row, number in zip(chunk, lines.tolist(), strict=True):
                if len(row) != len(self.header):
                    raise bad(self.file, number, 1, f"{len(row)} fields; expected {len(self.header)} as in the header")
            if chunk:
                self._take(list(zip(*chunk, strict=True)), lines)
        places = {labels: Place(self.file, _one(c[2]), 1, 2) for labels, c in self.series.items()}
        return [checked(labels, _one(c[0]), _one(c[1]), places[labels], repeated) for labels, c in self.series.items()]

    def _take(self, columns: Sequence[Sequence[str]], lines: TimeArray) -> None:
        times = self._try(lambda texts: times_ms(texts, self.tz), 0, columns, lines)
        self.samples += len(lines) * (1 if self.long else len(self._columns))
        if self.samples > MAX_SAMPLES:
            raise bad(self.file, int(lines[0]), 1, f"more than {MAX_SAMPLES} samples; expected fewer, cut the file in parts")
        if self.long:
            values = self._try(self._numbers, self._value, columns, lines)
            for labels, where in self._by_labels(columns, len(lines), lines):
                self._add(labels, times[where], values[where], lines[where])
            return
        for number, labels in enumerate(self._columns, start=1):
            self._add(labels, times, self._try(self._numbers, number, columns, lines), lines)

    def _try(
        self, read: Callable[[Sequence[str]], NDArray[Any]], number: int, columns: Sequence[Sequence[str]], lines: TimeArray
    ) -> NDArray[Any]:
        try:
            return read(columns[number])
        except BadValue as error:
            before = sum(len(columns[n][error.at]) + 1 for n in range(number))
            raise bad(self.file, int(lines[error.at]), before + 1, str(error)) from None

    def _by_labels(
        self, columns: Sequence[Sequence[str]], count: int, lines: TimeArray
    ) -> Iterator[tuple[Labels, slice | TimeArray]]:
        """Yield each label set of a chunk and the numbers of its rows."""
        if not self._labels:
            yield labels_of({**self.more, NAME: self.metric}), slice(None)
            return
        found: dict[tuple[str, ...], list[int]] = {}
        for row, key in enumerate(zip(*(columns[n] for n in self._labels), strict=True)):
            found.setdefault(key, []).append(row)
        names = [self.header[n] for n in self._labels]
        for key, rows in found.items():
            labels = {**self.more, NAME: self.metric, **{n: v for n, v in zip(names, key, strict=True) if v and n != METRIC}}
            if METRIC in names:
                labels[NAME] = key[names.index(METRIC)] or self.metric
            made = labels_of(labels)
            if made not in self.series and len(self.series) >= MAX_SERIES:
                raise bad(self.file, int(lines[rows[0]]), 1, f"more than {MAX_SERIES} series; expected fewer label sets")
            yield made, np.array(rows, dtype=np.int64)

    def _add(self, labels: Labels, times: TimeArray, values: FloatArray, lines: TimeArray) -> None:
        column = self.series.setdefault(labels, ([], [], []))
        for parts, part in zip(column, (times, values, lines), strict=True):
            parts.append(part)


def _one(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
