"""Series from Parquet, with the columns that CSV has too: times first, then one value a row with labels, or a column a series.

Lives here: columns of Arrow to columns of numpy. Must not know: rules. Needs the extra `parquet`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from ops_center.label_sets import NAME, Labels, labels_of
from ops_center.rules.notation import NotationError, parse_labels
from scenarios.rulebench.readers.recorded import (
    FloatArray,
    Place,
    RecordedSeries,
    TimeArray,
    bad,
    checked,
    time_ms,
)

VALUE, METRIC = "value", "metric"


def read_parquet(path: Path, metric: str, tz: ZoneInfo, more: Mapping[str, str], repeated: str = "error") -> list[RecordedSeries]:
    """Return the series of a Parquet file; `metric` names what the file does not, `more` are labels for all. Raises BadFile."""
    try:
        import pyarrow.parquet  # an extra: whoever has no such files does without it
    except ImportError:
        raise bad(str(path), 1, 1, "Parquet needs a library that is not installed: pip install 'cityops[parquet]'") from None
    try:
        table = pyarrow.parquet.read_table(path)
    except OSError as error:
        raise bad(str(path), 1, 1, f"cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    except pyarrow.ArrowException as error:
        raise bad(str(path), 1, 1, f"not Parquet: {str(error).splitlines()[0]}; expected a table") from None
    names = table.column_names
    if len(names) < 2:
        raise bad(str(path), 1, 1, f"the columns are {names}; expected one of times and one of values")
    times = _times(table.column(0), tz, str(path))
    lines = np.arange(1, len(times) + 1, dtype=np.int64)
    if VALUE in names[1:]:
        return _long(table, str(path), times, lines, metric, more, repeated)
    found = []
    for number, name in enumerate(names[1:], start=1):
        labels = _wide_labels(name, str(path), metric, more)
        found.append(
            checked(labels, times, _values(table.column(number), str(path)), Place(str(path), lines, 1, number + 1), repeated)
        )
    return found


def _times(column: Any, tz: ZoneInfo, file: str) -> TimeArray:
    import pyarrow

    try:
        if pyarrow.types.is_timestamp(column.type):
            plain = column.cast(pyarrow.timestamp("ms", column.type.tz)).to_numpy().astype("datetime64[ms]")
            if column.type.tz is not None or tz.key == "UTC":
                return np.asarray(plain.astype(np.int64))
            return np.array([time_ms(str(one), tz) for one in plain], dtype=np.int64)
        return np.array([time_ms(str(one), tz) for one in column.to_pylist()], dtype=np.int64)
    except (ValueError, pyarrow.ArrowException) as error:
        raise bad(file, 1, 1, f"the first column is no column of times: {error}") from None


def _values(column: Any, file: str) -> FloatArray:
    import pyarrow

    try:
        return np.asarray(column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except (ValueError, TypeError, pyarrow.ArrowException) as error:
        raise bad(file, 1, 1, f"a column of type {column.type} holds no numbers: {error}") from None


def _wide_labels(name: str, file: str, metric: str, more: Mapping[str, str]) -> Labels:
    try:
        labels = dict(parse_labels(name))
    except (NotationError, ValueError) as error:
        raise bad(file, 1, 1, f"column {name!r} is no series: {error}") from None
    return labels_of({NAME: metric, **more, **labels})


def _long(
    table: Any, file: str, times: TimeArray, lines: TimeArray, metric: str, more: Mapping[str, str], repeated: str
) -> list[RecordedSeries]:
    values = _values(table.column(VALUE), file)
    names = [name for name in table.column_names[1:] if name != VALUE]
    rows: dict[tuple[Any, ...], list[int]] = {}
    keys = zip(*(table.column(name).to_pylist() for name in names), strict=True) if names else iter([()] * len(times))
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    found = []
    for key, where in rows.items():
        said = {n: str(v) for n, v in zip(names, key, strict=True) if v is not None and v != ""}
        labels = labels_of({**more, NAME: said.pop(METRIC, metric), **said})
        at = np.array(where)
        found.append(checked(labels, times[at], values[at], Place(file, lines[at], 1, 2), repeated))
    return found
