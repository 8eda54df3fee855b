"""What is written into the series of a metric, and into their mapped copies in the same breath.

Lives here: which slots of a family are copied where, and by how much scaled. Must not know: how names are mapped, the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ops_center.label_sets import BoolArray, IndexArray, Labels
from ops_center.sealed_rows import LaterRows
from ops_center.series import Family
from ops_center.series_blocks import FloatArray, TimeArray


class Copy:
    """A family that holds `value * scale + offset` of some slots of another: `slots[i]` is whose copy slot i is."""

    def __init__(self, family: Family, slots: Sequence[int], of: int, scale: float, offset: float) -> None:
        self.family, self.scale, self.offset = family, scale, offset
        self.slots: IndexArray = np.asarray(slots, dtype=np.intp)
        self._own: IndexArray = np.full(of, -1, dtype=np.intp)
        self._own[self.slots] = np.arange(len(self.slots))

    def over(self, family: Family) -> Copy:
        """The same copy in another store."""
        return Copy(family, self.slots.tolist(), len(self._own), self.scale, self.offset)

    def chosen(self, slots: IndexArray | None) -> tuple[IndexArray, IndexArray]:
        """Return of slots of the original where among them those lie that are copied, and the slots of their copies."""
        if slots is None:
            return self.slots, np.arange(len(self.slots), dtype=np.intp)
        own = self._own[slots]
        at = np.flatnonzero(own >= 0).astype(np.intp)
        return at, own[at]

    def scaled(self, values: Any) -> Any:
        """Return values in the unit of the copy."""
        return values * self.scale + self.offset


class Spread:
    """A family with its copies, written like one family."""

    def __init__(self, family: Family, copies: Sequence[Copy] = ()) -> None:
        self.family, self.copies = family, tuple(copies)

    def append(
        self,
        observed_at_ms: int,
        received_at_ms: int,
        values: Any,
        slots: IndexArray | None = None,
        valid: BoolArray | None = None,
        stale: bool = False,
    ) -> None:
        """Write one instant, as `Family.append` does."""
        self.family.append(observed_at_ms, received_at_ms, values, slots, valid, stale)
        for copy in self.copies:
            at, own = copy.chosen(slots)
            if len(at):
                some = values if np.ndim(values) == 0 else values[at]
                there = None if valid is None else valid[at]
                copy.family.append(observed_at_ms, received_at_ms, copy.scaled(some), own, there, stale)

    def append_rows(
        self, observed_at_ms: TimeArray, received_at_ms: TimeArray, values: FloatArray, slots: IndexArray, valid: BoolArray
    ) -> None:
        """Write many instants of the same slots, oldest first; `values` and `valid` have shape (instants, slots)."""
        _put_rows(self.family, observed_at_ms, received_at_ms, values, slots, valid)
        for copy in self.copies:
            at, own = copy.chosen(slots)
            if len(at):
                _put_rows(copy.family, observed_at_ms, received_at_ms, copy.scaled(values[:, at]), own, valid[:, at])

    def append_later(self, rows: LaterRows, slots: IndexArray) -> bool:
        """As `Family.append_later`; a family with copies does not leave its rows for later."""
        return not self.copies and self.family.append_later(rows, slots)

    def append_samples(self, slots: IndexArray, observed_at_ms: TimeArray, received_at_ms: TimeArray, values: FloatArray) -> None:
        """Write samples of any slots in the order in which they came; all arrays have shape (samples,)."""
        _put_samples(self.family, slots, observed_at_ms, received_at_ms, values)
        for copy in self.copies:
            at, own = copy.chosen(slots)
            if len(at):
                _put_samples(copy.family, own, observed_at_ms[at], received_at_ms[at], copy.scaled(values[at]))


def clash(spreads: Sequence[Spread]) -> tuple[Labels, str, str] | None:
    """Return a series that is written twice, among those of metrics that have copies, and of which metrics; None if none is."""
    copied = {copy.family.metric for spread in spreads for copy in spread.copies}
    seen: dict[Labels, str] = {}
    for spread in spreads:
        for family in (spread.family, *(copy.family for copy in spread.copies)):
            for labels in family.labels if family.metric in copied else ():
                if labels in seen:
                    return labels, seen[labels], spread.family.metric
                seen[labels] = spread.family.metric
    return None


def _put_samples(family: Family, slots: IndexArray, at_ms: TimeArray, received_ms: TimeArray, values: FloatArray) -> None:
    if family.append_samples(slots, at_ms, received_ms, values):
        return
    keys = np.stack([received_ms, at_ms], axis=1)
    parts = np.split(np.arange(len(slots)), np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1)
    for part in parts if len(slots) else []:  # received and observed at once
        family.append(int(at_ms[part[0]]), int(received_ms[part[0]]), values[part], slots[part])


def _put_rows(
    family: Family, at_ms: TimeArray, received_ms: TimeArray, values: FloatArray, slots: IndexArray, valid: BoolArray
) -> None:
    if not family.append_rows(at_ms, received_ms, values, slots, valid):  # one of them has no place yet
        for n in range(len(at_ms)):
            there = None if bool(valid[n].all()) else valid[n]
            family.append(int(at_ms[n]), int(received_ms[n]), values[n], slots, there)
