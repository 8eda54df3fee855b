"""What matchers select: which blocks and columns, and the labels of what was found. Knows no store, no samples.

A selection can be made with the help of an older one, of another store: a block whose labels are those that were looked through
for it is not looked through again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ops_center.event_block import Block
from ops_center.label_sets import NAME, Labels, LabelSets, Matcher, matching, test_of
from ops_center.series_blocks import Columns
from ops_center.series_metric import Metric


@dataclass(frozen=True, slots=True)
class Selection:
    """What matchers select: parts in order, and the labels of their columns one after the other.

    `metric` is the one that all come from where the matchers name it. `sources` are the labels of the blocks that were looked
    through, how many there were, and the part that was found in them: another store with the same ones need not look again.
    """

    labels: LabelSets
    parts: tuple[tuple[Block, Columns, int], ...]  # block, its columns, how many
    version: int
    metric: Metric | None = None
    sources: tuple[Source, ...] = ()

    def of_labels(self) -> Selection:
        """The same without the blocks: what helps another store, and keeps no sample alive."""
        return Selection(self.labels, (), self.version, None, self.sources)


class Source(NamedTuple):
    """The labels of a block when it was looked through, and the columns that matched; None if none did."""

    labels: list[Labels]
    held: int
    columns: Columns | None
    width: int

    def still(self, labels: list[Labels]) -> bool:
        """Whether a block's labels are those that were looked through."""
        return len(labels) == self.held and (labels is self.labels or labels == self.labels[: self.held])


def name_test(matchers: Iterable[Matcher]) -> Callable[[str], bool]:
    """Return what tells of a metric's name whether the matchers of names accept it."""
    tests: list[Callable[[str], bool]] = [test_of(m) for m in matchers if m.name == NAME]
    return lambda name: all(test(name) for test in tests)


def look(
    metrics: list[Metric], matchers: tuple[Matcher, ...], version: int, only: Metric | None, older: Selection | None = None
) -> Selection:
    """Look through the blocks of metrics; a block that `older`, of another store, looked through already is not again."""
    blocks = [(block, labels) for metric in metrics for block, labels in zip(metric.blocks, metric.labels, strict=True)]
    known = older.sources if older is not None and len(older.sources) == len(blocks) else None
    rest = tuple(m for m in matchers if m.name != NAME)
    sources = [
        known[n] if known is not None and known[n].still(labels) else _looked_through(labels, rest)
        for n, (_, labels) in enumerate(blocks)
    ]
    parts = tuple((block, s.columns, s.width) for (block, _), s in zip(blocks, sources, strict=True) if s.columns is not None)
    if older is not None and known is not None and all(a is b for a, b in zip(sources, known, strict=True)):
        return Selection(older.labels, parts, version, only, tuple(sources))
    sets = [one for (_, labels), source in zip(blocks, sources, strict=True) for one in _of(labels, source.columns)]
    made = LabelSets(sets)
    labels = older.labels if older is not None and older.labels.sets == made.sets else made
    return Selection(labels, parts, version, only, tuple(sources))


def _looked_through(labels: list[Labels], matchers: tuple[Matcher, ...]) -> Source:
    chosen: Sequence[int] = matching(labels, matchers) if matchers else range(len(labels))
    return Source(labels, len(labels), _columns(chosen) if chosen else None, len(chosen))


def _of(labels: list[Labels], columns: Columns | None) -> list[Labels]:
    if columns is None:
        return []
    return labels[columns] if isinstance(columns, slice) else [labels[i] for i in columns.tolist()]


def _columns(chosen: Sequence[int]) -> Columns:
    """A slice where the columns follow each other: it is a view, an index array copies."""
    if chosen[-1] - chosen[0] + 1 == len(chosen):
        return slice(chosen[0], chosen[-1] + 1)
    return np.array(chosen, dtype=np.intp)
