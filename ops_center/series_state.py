"""The series store in a keyframe: which series there are and where they lie; their samples only where asked for.

Lives here: taking the store apart into plain data and arrays, and putting it together. Must not know: the registry, the
recorded stream. Series that a writer's family holds are named by family and slot, since whoever restores has the labels
already; only the others (what rules recorded) carry theirs. Their samples are a state of their own, taken piece by piece,
because the recorded stream has everybody else's.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from ops_center import keyframes
from ops_center.event_block import Block
from ops_center.label_sets import BoolArray, IndexArray, Labels
from ops_center.series import Family, SeriesStore
from ops_center.series_blocks import NEVER
from ops_center.series_metric import Metric

Families = Mapping[str, Family]
NO_FAMILIES: Families = {}
BEGINNING = -NEVER
_label_sets: "msgspec.msgpack.Decoder[list[Labels]]" = msgspec.msgpack.Decoder(list[tuple[tuple[str, str], ...]])


def snapshot(store: SeriesStore, families: Families = NO_FAMILIES, samples: bool = True) -> dict[str, Any]:
    """Return the store as plain data and arrays, with or without the samples."""
    blocks = [block for metric in store.metrics.values() for block in metric.blocks]
    return {
        "retention_ms": store.retention_ms,
        "max_series": store.max_series,
        "floor_ms": store.floor_ms,
        "layout": _layout(store, families),
        "newest_received": np.array([block.newest_received for block in blocks], dtype=np.int64),
        "floors_ms": np.array([block.floor_ms for block in blocks], dtype=np.int64),
        "samples": [block.samples(BEGINNING, _all(block)) for block in blocks] if samples else None,
    }


def _all(block: Block) -> IndexArray:
    return np.arange(block.columns, dtype=np.intp)


def _layout(store: SeriesStore, families: Families) -> bytes:
    """Return which series there are and where they lie, as bytes that are kept until something is added."""
    version = (sum(metric.version for metric in store.metrics.values()), sum(map(len, families.values())))
    if store.packed is None or store.packed[0] != version:
        others = _others(store, families)
        metrics = [
            {
                **{name: getattr(metric, name) for name in ("name", "kind", "unit", "help")},
                "blocks": [_block_data(metric, n, others[metric.name, n]) for n in range(len(metric.blocks))],
            }
            for metric in store.metrics.values()
        ]
        slots = {key: _slots(family) for key, family in families.items()}
        store.packed = (version, keyframes.encode({"metrics": metrics, "slots": slots}))
    return store.packed[1]


def restore(store: SeriesStore, data: Mapping[str, Any], families: Families = NO_FAMILIES) -> SeriesStore:
    """Make a store that holds only `families`, none of them with a sample yet, what `snapshot` described, and return it.

    Raises ValueError or KeyError where the families are others.
    """
    store.retention_ms, store.max_series, store.floor_ms = data["retention_ms"], data["max_series"], data["floor_ms"]
    layout = keyframes.decode(data["layout"])
    blocks = [block for item in layout["metrics"] for block in _restored_blocks(store, item)]
    for key, (numbers, columns) in layout["slots"].items():
        if len(numbers) > len(families[key]):
            raise ValueError(f"the snapshot has {len(numbers)} series of {key}; the registry {len(families[key])}")
        families[key].place(numbers.astype(np.intp), columns.astype(np.intp))
    for block, samples in zip(blocks, data["samples"] or (), strict=False):
        block.put_samples(samples, _all(block))
    for block, newest, floor_ms in zip(blocks, data["newest_received"].tolist(), data["floors_ms"].tolist(), strict=True):
        block.newest_received, block.floor_ms = newest, floor_ms
    names = [item["name"] for item in layout["metrics"]]  # the order of metrics is that of results
    store.metrics = {name: store.metrics[name] for name in dict.fromkeys([*names, *store.metrics])}
    for metric in store.metrics.values():
        metric.version += 1
    return store


def recorded(store: SeriesStore, families: Families, received_after_ms: int) -> list[dict[str, Any]]:
    """Return the samples received after an instant of the series that no family holds."""
    found = []
    for name, number, columns in _recorded_columns(store, families):
        data = store.metrics[name].blocks[number].samples(received_after_ms, columns)
        if len(data["times"]):
            found.append({"metric": name, "block": number, "columns": columns.astype(np.uint32), "samples": data})
    return found


def put_recorded(store: SeriesStore, items: Iterable[dict[str, Any]], now_ms: int) -> None:
    """Write what `recorded` returned into a store that has been restored; series that it does not have yet are left out.

    The items of one block come in the order of time; those of the same series are written together.
    """
    by_block: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for item in items:
        by_block.setdefault((item["metric"], item["block"]), []).append(item)
    for (name, number), its in by_block.items():
        metric = store.metrics.get(name)
        if metric is not None and number < len(metric.blocks):
            for columns, same in itertools.groupby(its, key=lambda item: item["columns"].tobytes()):
                together = metric.blocks[number].joined([item["samples"] for item in same])
                where = np.frombuffer(columns, dtype=np.uint32).astype(np.intp)
                metric.blocks[number].put_samples(together, where, store.packed_before(name, now_ms))


def _recorded_columns(store: SeriesStore, families: Families) -> Iterator[tuple[str, int, IndexArray]]:
    for (name, number), others in _others(store, families).items():
        columns = np.flatnonzero(others).astype(np.intp)
        if len(columns):
            yield name, number, columns


def _others(store: SeriesStore, families: Families) -> dict[tuple[str, int], BoolArray]:
    """Return for each block which of its columns no family holds."""
    found = {
        (metric.name, number): np.ones(block.columns, dtype=np.bool_)
        for metric in store.metrics.values()
        for number, block in enumerate(metric.blocks)
    }
    for family in families.values():
        numbers, columns = family.placed()
        for number in range(len(store.metrics[family.metric].blocks)):
            found[family.metric, number][columns[numbers == number]] = False
    return found


def _slots(family: Family) -> list[Any]:
    numbers, columns = family.placed()
    return [numbers.astype(np.int16), columns.astype(np.uint32)]


def _block_data(metric: Metric, number: int, others: BoolArray) -> dict[str, Any]:
    block, labels = metric.blocks[number], metric.labels[number]
    columns = np.flatnonzero(others)
    return {
        "key": next((list(key) for key, one in metric.row_blocks.items() if one is block), None),
        "columns": block.columns,
        "others": columns.astype(np.uint32),
        "labels": msgspec.msgpack.encode([labels[c] for c in columns.tolist()]),  # in one piece: nobody has to walk through it
    }


def _restored_blocks(store: SeriesStore, item: Mapping[str, Any]) -> list[Block]:
    metric = store.metric(item["name"])
    metric.kind, metric.unit, metric.help = item["kind"], item["unit"], item["help"]
    return [_restored_block(metric, data) for data in item["blocks"]]


def _labels(packed: bytes) -> list[Labels]:
    """Raises ValueError for what is no list of label sets."""
    return _label_sets.decode(packed)


def _restored_block(metric: Metric, data: Mapping[str, Any]) -> Block:
    key = data["key"]
    block: Block = metric.event_block() if key is None else metric.row_block(int(key[0]), int(key[1]))
    block.extend(data["columns"])
    labels: list[Labels] = [()] * data["columns"]
    pool: dict[tuple[str, str], tuple[str, str]] = {}  # a pair such as kind="lamp" is kept once, not once per series
    for column, one in zip(data["others"].tolist(), _labels(data["labels"]), strict=True):
        labels[column] = tuple([pool.setdefault(pair, pair) for pair in one])
    metric.labels[metric.number_of(block)] = labels
    metric.forget_places()
    return block
