"""Filling series again: batches of the recorded stream, gathered by the devices that they are of and written many at once.

Lives here: which batches may wait for each other. Must not know: where samples lie, keyframes. Batches of all devices of a kind
wait for each other, and so do those that name their devices; a batch with something to doubt is written alone, after those of its
kind that came before it.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ops_center.series_writer import Past, Scattered, SeriesWriter
from ops_center.wire_input import Item, Seen, WireInput, check_times
from sensors.messages import SUSPECT, BadMessage, Barrier, Batch, UpHeader, batch_devices, decode_frame

Columns = dict[str, Any]
NO_QUANTITY = frozenset(("quality", "device"))
OF_ROWS = NO_QUANTITY | {"observed_at_ms"}
MAX_GATHERED = 256  # batches of one group


class Refill:
    """Takes batches in their order and writes them; `alone` writes one that has to be on its own. `sizes`: devices by kind."""

    def __init__(self, writer: SeriesWriter, sizes: dict[str, int], alone: Callable[[Batch, Columns], None]) -> None:
        self._writer, self._sizes, self._alone = writer, sizes, alone
        self._groups: dict[tuple[str, int, int, int, frozenset[str]], list[Past]] = {}
        self._scattered: dict[str, list[Scattered]] = {}
        self._now_ms: int | None = None  # the barrier before
        self._waiting, self._taken = WireInput(), Seen()
        self._upto_ms = 0

    def run(self, frames: Iterable[bytes | memoryview], upto_ms: int) -> None:
        """Take and write the batches of frames up to and with a barrier, in the order in which they counted, each once."""
        self._waiting, self._taken = WireInput(), Seen()
        self._upto_ms = upto_ms
        for frame in frames:
            try:
                header, columns = decode_frame(frame)
            except BadMessage:
                continue
            if isinstance(header, Barrier) and header.now_ms > upto_ms:
                break
            self.hear(header, columns)
        self.end()

    def hear(self, header: UpHeader, columns: Columns) -> None:
        """Take the next message: batches wait for the barrier behind them."""
        if isinstance(header, Batch):
            self._waiting.keep(Item(header, columns, b""))
        elif isinstance(header, Barrier):
            now_ms, self._now_ms = header.now_ms if self._now_ms is None else self._now_ms, header.now_ms
            for item in self._waiting.close():
                if isinstance(item.header, Batch) and self._taken.first_time(item.header.kind, item.header.seq):
                    self._take_plausible(item.header, item.columns, now_ms)

    def _take_plausible(self, batch: Batch, columns: Columns, now_ms: int) -> None:
        try:
            check_times(batch, columns, now_ms)
        except BadMessage:
            return  # as it was refused when it came
        self.take(batch, columns)

    def take(self, batch: Batch, columns: Columns) -> None:
        """Take the next batch."""
        quality = columns.get("quality")
        doubted = quality is not None and bool((quality == SUSPECT).any())
        if doubted or batch.kind not in self._sizes:
            self._write(batch.kind)
            self._alone(batch, columns)
            return
        if batch.stride == 0 or "observed_at_ms" in columns:
            self._take_scattered(batch, columns)
            return
        if batch.kind in self._scattered:
            self._write(batch.kind)
        values = {name: column for name, column in columns.items() if name not in NO_QUANTITY}
        count = len(next(iter(values.values()), ()))
        group = self._groups.setdefault((batch.kind, batch.first, batch.stride, count, frozenset(values)), [])
        group.append(Past(batch.observed_at_ms, batch.delivered_at_ms, quality, values))
        if len(group) >= MAX_GATHERED:
            self._write(batch.kind)

    def _take_scattered(self, batch: Batch, columns: Columns) -> None:
        if any(key[0] == batch.kind for key in self._groups):
            self._write(batch.kind)
        try:
            rows = batch_devices(batch, columns, self._sizes[batch.kind])
        except BadMessage:
            return
        values = {name: column for name, column in columns.items() if name not in OF_ROWS}
        if values and len(rows):
            observed = columns.get("observed_at_ms", batch.observed_at_ms)
            at_ms = np.broadcast_to(np.asarray(observed, dtype=np.int64), len(rows))
            one = Scattered(rows, at_ms, batch.delivered_at_ms, columns.get("quality"), values)
            self._scattered.setdefault(batch.kind, []).append(one)

    def end(self) -> None:
        """Write what waits."""
        for kind in dict.fromkeys([*(key[0] for key in self._groups), *self._scattered]):
            self._write(kind)

    def _write(self, kind: str) -> None:
        if kind in self._scattered:
            self._writer.write_scattered(kind, self._scattered.pop(kind))
        for key in [key for key in self._groups if key[0] == kind]:
            _, first, stride, _, names = key
            batches = self._groups.pop(key)
            probe = Batch(
                seq=0, kind=kind, registry_version=0, observed_at_ms=0, delivered_at_ms=0, first=first, stride=stride
            )  # fmt: skip
            try:
                rows = batch_devices(probe, batches[0].columns, self._sizes[kind])
            except BadMessage:
                continue
            if names and len(rows):
                order = np.argsort([batch.observed_at_ms for batch in batches], kind="stable")
                self._writer.write_rows(kind, rows, [batches[i] for i in order.tolist()], self._upto_ms)
