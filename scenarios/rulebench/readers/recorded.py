"""Recorded series as columns, and what every reader checks of them.

Lives here: the shape of recorded data, times as people write them, order and finiteness. Must not know: any file format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from ops_center.label_sets import Labels, format_labels
from scenarios.yaml_tree import BadFile, Problem

MAX_SAMPLES = 50_000_000
MAX_SERIES = 200_000
REPEATED = ("error", "first", "last")
SECONDS_UP_TO = 1e11  # a number above is milliseconds: as seconds it would lie beyond the year 5000
MILLISECONDS_UP_TO, MICROSECONDS_UP_TO = 1e14, 1e17  # and so on: what is larger still is nanoseconds
EARLIEST_MS, LATEST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
EXPECTED_TIME = "a time such as 2015-09-01 13:45:00, 2015-09-01T13:45:00+07:00, or an epoch number of s, ms, µs or ns"

TimeArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RecordedSeries:
    """The samples of one series: labels with `__name__`, epoch ms ascending, values; both arrays have shape (samples,)."""

    labels: Labels
    times_ms: TimeArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Place:
    """Where the samples of a series stand: for each the line, and the columns of time and value."""

    file: str
    lines: NDArray[np.int64]
    time_column: int
    value_column: int


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; expected a name such as Asia/Ho_Chi_Minh or UTC") from None


def time_ms(text: str, tz: ZoneInfo) -> int:
    """Return the epoch ms of a time as it stands in a file; one without a zone is of `tz`. Raises ValueError."""
    text = text.strip()
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        number = float(_milliseconds(np.array([float(text)]))[0])
        if not EARLIEST_MS <= number <= LATEST_MS:
            raise ValueError(f"{text!r} is no time; expected {EXPECTED_TIME}")
        return round(number)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; expected {EXPECTED_TIME}") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=tz)).timestamp() * 1_000)


def _milliseconds(numbers: FloatArray) -> FloatArray:
    """Epoch numbers as ms, the unit of each told by its size."""
    size = np.abs(numbers)
    scale = np.select([size < SECONDS_UP_TO, size < MILLISECONDS_UP_TO, size < MICROSECONDS_UP_TO], [1e3, 1.0, 1e-3], 1e-6)
    return np.asarray(numbers * scale)


def times_ms(texts: Sequence[str], tz: ZoneInfo) -> TimeArray:
    """Return `time_ms` of each text, all at once where they are plain. Raises BadValue."""
    try:
        plain = np.array(texts, dtype=np.float64)
    except ValueError:
        plain = np.zeros(0)
    if len(plain) and np.isfinite(plain).all():
        plain = _milliseconds(plain)
        if plain.min() >= EARLIEST_MS and plain.max() <= LATEST_MS:
            return np.rint(plain).astype(np.int64)
    if tz.key == "UTC" and texts and len(texts[0].strip()) == len("2015-09-01 13:45:00") and ":" in texts[0]:
        try:
            return np.array(texts, dtype="datetime64[ms]").astype(np.int64)
        except ValueError:
            pass  # one by one, to say which
    found = np.zeros(len(texts), dtype=np.int64)
    for number, text in enumerate(texts):
        try:
            found[number] = time_ms(text, tz)
        except ValueError as error:
            raise BadValue(str(error), number) from None
    return found


def numbers(texts: Sequence[str]) -> FloatArray:
    """Return the numbers that texts say, NaN for an empty one. Raises BadValue for what is no finite number."""
    try:
        found = np.array([text or "nan" for text in texts], dtype=np.float64)
    except ValueError:
        found = np.zeros(0)
    if len(found) and np.isfinite(found).all():
        return found
    for number, text in enumerate(texts):
        if text.strip() and not _is_number(text):
            raise BadValue(f"value is {text.strip()!r}; expected a finite number, or nothing for a gap", number)
    return np.array([float(text) if text.strip() else np.nan for text in texts])


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


class BadValue(ValueError):
    """A text that cannot be used; `at` is its number in the sequence."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def checked(labels: Labels, times: TimeArray, values: FloatArray, place: Place, repeated: str = "error") -> RecordedSeries:
    """Return a series whose times ascend and whose values are finite, gaps (NaN) left out; of a time that is there more than
    once, with `repeated` "first" or "last", that sample stays. Raises BadFile at the first that will not do.
    """
    there = ~np.isnan(values)
    times, values, lines = times[there], values[there], place.lines[there]
    if repeated != "error":
        later = np.diff(times) != 0
        keep = np.append(later, True) if repeated == "last" else np.append(True, later)
        keep = keep[: len(times)]
        times, values, lines = times[keep], values[keep], lines[keep]
    beyond = np.flatnonzero((times < EARLIEST_MS) | (times > LATEST_MS))
    if len(beyond):
        message = f"time {int(times[beyond[0]])} ms of {format_labels(labels)}; expected one in the years 1 to 9999"
        raise BadFile([Problem(place.file, int(lines[beyond[0]]), place.time_column, message)])
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        row = int(late[0]) + 1
        said, before = (datetime.fromtimestamp(t / 1_000, UTC).isoformat() for t in (int(times[row]), int(times[row - 1])))
        what, way = (
            ("is there twice", ", or --repeated first or last") if times[row] == times[row - 1] else (f"comes after {before}", "")
        )
        message = f"time {said} of {format_labels(labels)} {what}; expected times in ascending order, each once{way}"
        raise BadFile([Problem(place.file, int(lines[row]), place.time_column, message)])
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        message = f"value of {format_labels(labels)} is {values[wrong[0]]}; expected a finite number"
        raise BadFile([Problem(place.file, int(lines[wrong[0]]), place.value_column, message)])
    return RecordedSeries(labels, times, values)


def bad(file: str, line: int, column: int, message: str) -> BadFile:
    """Return the error that says one thing about a file."""
    return BadFile([Problem(file, line, column, message)])
