"""All series of one name: their blocks, their labels, and where each lies. Knows nothing of writers, readers or rules."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, repeat
from typing import NamedTuple

from ops_center.event_block import Block, EventBlock
from ops_center.label_sets import Labels
from ops_center.series_blocks import RowBlock

MAX_PHASES = 64


class Place(NamedTuple):
    """Where a series lies."""

    block: Block
    column: int


class Metric:
    """All series of one name, in blocks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind, self.unit, self.help = "unknown", "", ""
        self.version = 0
        self.blocks: list[Block] = []
        self.labels: list[list[Labels]] = []
        self._places: dict[Labels, Place] | None = None
        self.row_blocks: dict[tuple[int, int], RowBlock] = {}
        self.events: EventBlock | None = None

    def __len__(self) -> int:
        """How many series there are."""
        return sum(block.columns for block in self.blocks)

    @property
    def places(self) -> dict[Labels, Place]:
        """Where each series lies, by its labels; made when somebody asks first, because of most metrics nobody does."""
        if self._places is None:
            self._places = {
                one: Place(block, column)
                for block, labels in zip(self.blocks, self.labels, strict=True)
                for column, one in enumerate(labels)
            }
        return self._places

    def forget_places(self) -> None:
        """Labels were put elsewhere by hand: find the places anew."""
        self._places = None

    def event_block(self) -> EventBlock:
        """The one block for series with timestamps of their own."""
        if self.events is None:
            self.events = EventBlock()
            self.blocks.append(self.events)
            self.labels.append([])
        return self.events

    def has_room_for(self, period_ms: int, phase_ms: int) -> bool:
        """Devices that each report at a moment of their own are events, whatever period they claim."""
        return (period_ms, phase_ms) in self.row_blocks or len(self.row_blocks) < MAX_PHASES

    def row_block(self, period_ms: int, phase_ms: int) -> RowBlock:
        """The block of the series that report each `period_ms` at `phase_ms`."""
        key = (period_ms, phase_ms)
        if key not in self.row_blocks:
            self.row_blocks[key] = RowBlock(phase_ms)
            self.blocks.append(self.row_blocks[key])
            self.labels.append([])
        return self.row_blocks[key]

    def take(self, block: Block, labels: list[Labels], key: tuple[int, int] | None) -> None:
        """Hold a block that is there already, with the labels of its columns; `key`: period and phase, None for events."""
        if isinstance(block, EventBlock):
            self.events = block
        elif key is not None:
            self.row_blocks[key] = block
        self.blocks.append(block)
        self.labels.append(labels)
        self.forget_places()
        self.version += 1

    def number_of(self, block: Block) -> int:
        """The block's place among the metric's blocks."""
        return next(i for i, b in enumerate(self.blocks) if b is block)

    def add(self, block: Block, labels: Sequence[Labels]) -> int:
        """Give series columns in a block; returns the first column."""
        first = block.extend(len(labels))
        self.labels[self.number_of(block)].extend(labels)
        if self._places is not None:
            self._places.update(zip(labels, map(Place, repeat(block), count(first)), strict=False))
        self.version += 1
        return first
