"""A whole series store as bytes, and back: for series that are read again and again and never added to.

Lives here: blocks and labels taken apart and put together array by array, without writing a sample anew. Must not know: what
the series are of, where the bytes are kept. A label pair and a set of labels without their name is written once; a keyframe
(`series_state`) would leave out what the registry knows, an archive stands alone.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops_center.event_block import Block, EventBlock
from ops_center.label_sets import NAME, Labels, all_named, without_names
from ops_center.series import SeriesStore
from ops_center.series_blocks import RowBlock
from ops_center.series_metric import Metric

ARCHIVE_VERSION = 1
EVENT_ARRAYS = ("times", "received", "values", "stale")


class _Sets:
    """Label sets without names, each with a number, and the pairs that they are made of.

    The numbers of a block stay known: the next store, of the same city at another seed, has the same labels there.
    """

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], int] = {}
        self.numbers: dict[Labels, int] = {}
        self._blocks: dict[tuple[str, int], tuple[list[Labels], NDArray[np.uint32]]] = {}
        self._packed: dict[str, Any] = {}

    def knows(self, metric: str, block: int, labels: list[Labels]) -> bool:
        """Whether the labels of a block are those that were there last; labels that are the same objects are alike at once."""
        known = self._blocks.get((metric, block))
        return known is not None and known[0] == labels

    def numbers_of(self, metric: str, block: int, labels: list[Labels]) -> NDArray[np.uint32]:
        if not self.knows(metric, block, labels):
            bare = (without_names(one, (NAME,)) for one in labels)
            found = [self.numbers.setdefault(one, len(self.numbers)) for one in bare]
            self._blocks[metric, block] = list(labels), np.array(found, dtype=np.uint32)
        return self._blocks[metric, block][1]

    def packed(self) -> dict[str, Any]:
        if len(self._packed.get("sizes", ())) != len(self.numbers):
            number = self.pairs
            flat = [number.setdefault(pair, len(number)) for one in self.numbers for pair in one]
            sizes = np.array([len(one) for one in self.numbers], dtype=np.uint32)
            self._packed = {"pairs": list(number), "flat": np.array(flat, dtype=np.uint32), "sizes": sizes}
        return self._packed


_LAST: deque[_Sets] = deque(maxlen=1)


def _sets_for(store: SeriesStore) -> _Sets:
    """The label sets of the store before, where at least half of the blocks are alike; else none yet."""
    blocks = [(name, n, labels) for name, metric in store.metrics.items() for n, labels in enumerate(metric.labels)]
    for sets in _LAST:
        if 2 * sum(sets.knows(*one) for one in blocks) >= len(blocks):
            return sets
    _LAST.append(_Sets())
    return _LAST[-1]


def pack(store: SeriesStore) -> dict[str, Any]:
    """Return all series of a store with all samples as plain data and arrays, for `keyframes.encode`."""
    sets = _sets_for(store)
    metrics = [
        {
            "name": metric.name, "kind": metric.kind, "unit": metric.unit, "help": metric.help,
            "blocks": [
                {"sets": sets.numbers_of(metric.name, number, labels), **_packed_block(metric, block)}
                for number, (block, labels) in enumerate(zip(metric.blocks, metric.labels, strict=True))
            ],
        }
        for metric in store.metrics.values()
    ]  # fmt: skip
    return {"version": ARCHIVE_VERSION, "max_series": store.max_series, "metrics": metrics, "sets": sets.packed()}


def _packed_block(metric: Metric, block: Block) -> dict[str, Any]:
    common = {"columns": block.columns, "newest_received": block.newest_received}
    if isinstance(block, EventBlock):
        counts = block.counts[: block.columns]
        depth = int(counts.max(initial=1))
        arrays = {name: getattr(block, name)[: block.columns, :depth] for name in EVENT_ARRAYS}
        return {**common, "key": None, "counts": counts, **arrays}
    key = next(key for key, one in metric.row_blocks.items() if one is block)
    rows = block.whole()
    mixed = [[at_ms, received[: block.columns]] for at_ms, received in rows.mixed.items()]
    valid = None if bool(rows.valid.all()) else rows.valid
    return {
        **common, "key": list(key), "times": rows.times, "received": rows.received, "values": rows.values, "valid": valid,
        "stale": rows.stale, "mixed": mixed,
    }  # fmt: skip


def unpack(data: Mapping[str, Any]) -> SeriesStore:
    """Return the store that `pack` took apart; it is for reading, its arrays may be read-only.

    Raises ValueError, KeyError or TypeError on anything else.
    """
    if data.get("version") != ARCHIVE_VERSION:
        raise ValueError(f"the archive has version {data.get('version')!r}; expected {ARCHIVE_VERSION}")
    store = SeriesStore(retention_ms=1 << 60, max_series=data["max_series"])
    sets = list(_sets(data["sets"]))
    for item in data["metrics"]:
        metric = store.metric(item["name"])
        metric.kind, metric.unit, metric.help = item["kind"], item["unit"], item["help"]
        for packed in item["blocks"]:
            labels = all_named([sets[n] for n in packed["sets"].tolist()], metric.name)
            metric.take(_block(packed), labels, None if packed["key"] is None else (packed["key"][0], packed["key"][1]))
    return store


def _sets(data: Mapping[str, Any]) -> Iterator[Labels]:
    pairs = [(str(name), str(value)) for name, value in data["pairs"]]
    flat, at = [pairs[n] for n in data["flat"].tolist()], 0
    for size in data["sizes"].tolist():
        yield tuple(flat[at : at + size])
        at += size


def _block(data: Mapping[str, Any]) -> Block:
    if data["key"] is None:
        events = EventBlock()
        events.columns, events.newest_received, events.counts = data["columns"], data["newest_received"], data["counts"]
        for name in EVENT_ARRAYS:
            setattr(events, name, data[name])
        return events
    block = RowBlock(data["key"][1])
    block.columns, block.newest_received = data["columns"], data["newest_received"]
    block.times, block.received, block.values, block.stale = data["times"], data["received"], data["values"], data["stale"]
    block.rows = len(block.times)
    block.valid = np.ones(block.values.shape, dtype=np.bool_) if data["valid"] is None else data["valid"]
    block.full = np.asarray(block.valid.all(axis=1), dtype=np.bool_)
    block.mixed = dict(data["mixed"])
    return block
