"""Rows of series that no rule reaches any more: compressed, and read as they were.

Lives here: packing and unpacking, and rows that are made only when somebody reads them. Must not know: when rows are sealed, what
for. Readings change little from row to row and column to column, so that zstd at its fastest makes a tenth of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from ops_center.label_sets import BoolArray

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a block: `times` and `received` [ms] of shape (rows,), the rest of shape (rows, columns).

    `mixed` holds for a row (by its time) when each of its cells was received, where that was not at once.
    """

    times: TimeArray
    received: TimeArray
    values: FloatArray
    valid: BoolArray
    stale: BoolArray | None
    mixed: dict[int, TimeArray]


@dataclass(frozen=True, slots=True)
class SealedRows:
    """Rows in a packed form; times can be asked for without unpacking."""

    times: TimeArray
    received: TimeArray
    columns: int
    values: bytes
    valid: bytes | None  # None: every cell holds a sample
    stale: bytes | None
    mixed: dict[int, TimeArray]

    @property
    def first_ms(self) -> int:
        """The time of the first row."""
        return int(self.times[0])

    @property
    def last_ms(self) -> int:
        """The time of the last row."""
        return int(self.times[-1])

    def opened(self, columns: int) -> Rows:
        """Return the rows with as many columns as their block has now; those added since are gaps."""
        shape = (len(self.times), self.columns)
        values = _unpacked(self.values, np.float64).reshape(shape)
        valid = np.ones(shape, dtype=np.bool_) if self.valid is None else _unpacked(self.valid, np.bool_).reshape(shape)
        stale = None if self.stale is None else _unpacked(self.stale, np.bool_).reshape(shape)
        more = columns - self.columns
        if more:
            values, valid = _wider(values, more), _wider(valid, more)
            stale = None if stale is None else _wider(stale, more)
        return Rows(self.times, self.received, values, valid, stale, self.mixed)


@dataclass(frozen=True, slots=True)
class LaterRows:
    """Rows that somebody can make at any time, each of its cells received at once; times can be asked for without that.

    `make` returns values and valid, each of shape (rows, columns).
    """

    times: TimeArray
    received: TimeArray
    columns: int
    make: Callable[[], tuple[FloatArray, BoolArray]]

    @property
    def first_ms(self) -> int:
        """As of `SealedRows`."""
        return int(self.times[0])

    @property
    def last_ms(self) -> int:
        """As of `SealedRows`."""
        return int(self.times[-1])

    def opened(self, columns: int) -> Rows:
        """As of `SealedRows`."""
        values, valid = self.make()
        if not bool(valid.all()):
            values = np.where(valid, values, 0.0)
        if columns > self.columns:
            values, valid = _wider(values, columns - self.columns), _wider(valid, columns - self.columns)
        return Rows(self.times, self.received, values, valid, None, {})


def sealed(rows: Rows) -> SealedRows:
    """Return rows packed; the arrays given are not kept."""
    whole = bool(rows.valid.all())
    stale = rows.stale if rows.stale is not None and bool(rows.stale.any()) else None
    return SealedRows(
        rows.times.copy(),
        rows.received.copy(),
        rows.values.shape[1],
        _packed(rows.values),
        None if whole else _packed(rows.valid),
        None if stale is None else _packed(stale),
        rows.mixed,
    )


def _packed(array: NDArray[Any]) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(np.ascontiguousarray(array).data)


def _unpacked(data: bytes, dtype: Any) -> NDArray[Any]:
    return np.frombuffer(zstandard.ZstdDecompressor().decompress(data), dtype=dtype)


def _wider(array: NDArray[Any], more: int) -> NDArray[Any]:
    return np.concatenate([array, np.zeros((len(array), more), dtype=array.dtype)], axis=1)
