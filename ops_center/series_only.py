"""A center's series without a center: what a city reports is written, many batches at once, and nobody judges it.

Lives here: opening the series of a city, taking its messages as they are, unencoded. Must not know: rules, devices' states,
digests, the wire. Every sample is that of a `Center` that took the same messages as frames, received at the same instant.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from ops_center.city_view import CityView
from ops_center.map_layers import MapLayers
from ops_center.mapping import SeriesMapping
from ops_center.refill import Refill
from ops_center.series import MAX_SERIES, SeriesStore
from ops_center.series_writer import STATIC_PERIOD_MS, SeriesWriter
from ops_center.wire_input import rows_of
from sensors.messages import BadMessage, Barrier, Batch, Hello, Layers, Registry, UpHeader

FOREVER_MS = 1 << 60
NO_VALUE = ("quality", "observed_at_ms", "device")


class Opened:
    """The series of a city before its first reading: made once, for all runs of the same registry."""

    def __init__(self, hello: Hello, registry: Registry, layers: Layers, mapping: SeriesMapping | None = None) -> None:
        """Open the families. Raises BadRegistry or SeriesLimit where registry and mapping do not fit."""
        self.city = CityView(hello, registry, MapLayers(layers))
        self.most = MAX_SERIES + SeriesWriter.wanted(self.city, mapping)
        self.mapping = mapping
        self.writer = SeriesWriter(SeriesStore(FOREVER_MS, self.most), self.city, mapping=mapping)
        self.city.forget_static()

    def begin(self) -> "SeriesOnly":
        """Return series of the city's that are all still empty."""
        return SeriesOnly(self)


class SeriesOnly:
    """The series of one run. `now_ms` is the last barrier, -1 before the first; all samples are kept, as they came."""

    def __init__(self, opened: Opened) -> None:
        self.store = SeriesStore(FOREVER_MS, opened.most)
        self.now_ms = -1
        self._writer = SeriesWriter(self.store, opened.city, alike=opened.writer, mapping=opened.mapping)
        self._sizes = {kind: len(table.index) for kind, table in opened.city.tables.items()}
        self._refill = Refill(self._writer, self._sizes, self._write_alone)
        self._static_due_ms = 0

    def take(self, header: UpHeader, columns: Iterable[tuple[str, NDArray[Any]]]) -> None:
        """Take the next message of the city."""
        self._refill.hear(header, dict(columns))
        if isinstance(header, Barrier):
            self.now_ms = header.now_ms
            if self.now_ms >= self._static_due_ms:
                self._writer.write_static(self.now_ms)
                self._static_due_ms = self.now_ms - self.now_ms % STATIC_PERIOD_MS + STATIC_PERIOD_MS

    def settle(self) -> None:
        """Write what waits to be written: nothing of it is lost or late, only not there yet."""
        self._refill.end()

    def _write_alone(self, batch: Batch, columns: Mapping[str, Any]) -> None:
        try:
            rows = rows_of(batch, dict(columns), self._sizes[batch.kind], self.now_ms)
        except BadMessage:
            return
        values = {name: column for name, column in columns.items() if name not in NO_VALUE}
        observed = columns.get("observed_at_ms", batch.observed_at_ms)
        if values and len(rows):
            self._writer.write(batch.kind, rows, observed, batch.delivered_at_ms, columns.get("quality"), values)
