"""The channel: the way from devices to the center, with its delay, its outages and what is under way.

Lives here: parcels in flight and when they arrive. Must not know: what is in a reading, why the backhaul is down. During an
outage devices keep what they cannot send, up to a limit, and hand it over late when the way is open again.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.device_health import Outage
from simulator.distributions import Distribution, Uniform
from simulator.streams import Streams

Ints = NDArray[np.int64]
Columns = tuple[tuple[str, NDArray[Any]], ...]

LATENCY = Distribution(
    "channel.{kind}.{slot}",
    Uniform(80.0, 900.0),
    "ms",
    "From a device to the center, one draw for the devices that report at once.",
    "assumption: a mobile network with a gateway in between",
)
AFTER_OUTAGE_MS = 2_000  # devices find the way open again within this time
KEPT = 60  # parcels of one kind that devices keep through an outage, about a quarter of an hour; older ones are lost


@dataclass(frozen=True, slots=True)
class Parcel:
    """Readings of one kind on their way. `first`/`stride` say which rows of its table; stride 0: a column `device` does."""

    kind: str
    observed_at_ms: int
    first: int
    stride: int
    columns: Columns

    @property
    def rows(self) -> int:
        """How many devices report."""
        return len(self.columns[0][1])


@dataclass(order=True, slots=True)
class _InFlight:
    at_ms: int
    kind: str
    number: int
    held: bool = field(compare=False)
    parcel: Parcel = field(compare=False)


class Channel:
    """What is under way from one city to its center."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._flight: list[_InFlight] = []
        self._number = 0
        self.lost = 0  # parcels that devices could not keep

    def send(
        self, parcel: Parcel, zone: Ints, outages: Sequence[Outage], tick: int, now_ms: int, slot: int = 0, extra_ms: int = 0
    ) -> None:
        """Send a parcel whose rows lie in zones `zone`; the share behind an outage waits for its end."""
        latency_ms = int(self._streams.draw(LATENCY, parcel.kind, str(slot), tick=tick, n=1)[0])
        at_ms = now_ms + latency_ms + extra_ms
        for until_ms, kept in _split(zone, outages):
            if until_ms is None:
                self._put(parcel if kept is None else part(parcel, kept), at_ms, held=False)
            else:
                self._put(part(parcel, kept), max(at_ms, until_ms + AFTER_OUTAGE_MS), held=True)
                self._forget_oldest(parcel.kind)

    def _put(self, parcel: Parcel, at_ms: int, *, held: bool) -> None:
        self._number += 1
        heapq.heappush(self._flight, _InFlight(at_ms, parcel.kind, self._number, held, parcel))

    def _forget_oldest(self, kind: str) -> None:
        held = [f for f in self._flight if f.held and f.kind == kind]
        if len(held) > KEPT:
            self._flight.remove(min(held, key=lambda f: f.number))
            heapq.heapify(self._flight)
            self.lost += 1

    def next_ms(self) -> int | None:
        """The instant at which the next parcel arrives, or None."""
        return self._flight[0].at_ms if self._flight else None

    def arrived(self, now_ms: int) -> list[Parcel]:
        """Take out what has arrived by now, ordered by (arrival, kind, sending)."""
        out = []
        while self._flight and self._flight[0].at_ms <= now_ms:
            out.append(heapq.heappop(self._flight).parcel)
        return out

    def snapshot(self) -> dict[str, Any]:
        """Return what is under way as plain data and arrays."""
        return {"flight": [_plain(f) for f in sorted(self._flight)], "number": self._number, "lost": self.lost}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what was under way."""
        self._flight = [_in_flight(row) for row in data["flight"]]
        self._number, self.lost = data["number"], data["lost"]


def _split(zone: Ints, outages: Sequence[Outage]) -> list[tuple[int | None, Any]]:
    """Return (end of the outage or None, mask of rows or None for all), with rows of one fate together."""
    if not outages:
        return [(None, None)]
    until = np.full(len(zone), -1, dtype=np.int64)
    for outage in outages:
        behind = (zone == outage.zone) | (outage.zone < 0)
        until[behind] = np.maximum(until[behind], outage.until_ms)
    if len(until) and (until == -1).all():
        return [(None, None)]
    return [(None if end < 0 else end, until == end) for end in np.unique(until).tolist()]


def part(parcel: Parcel, kept: NDArray[np.bool_]) -> Parcel:
    """Return the rows of a parcel where `kept` is true."""
    columns = dict(parcel.columns)
    if parcel.stride:
        n = parcel.rows
        device = np.arange(parcel.first, parcel.first + n * parcel.stride, parcel.stride, dtype=np.uint32)
        columns = {"device": device, **columns}
    cut = tuple((name, values[kept]) for name, values in columns.items())
    return replace(parcel, first=0, stride=0, columns=cut)


def _plain(flight: _InFlight) -> dict[str, Any]:
    parcel = flight.parcel
    return {
        "at_ms": flight.at_ms, "number": flight.number, "held": flight.held, "kind": parcel.kind,
        "observed_at_ms": parcel.observed_at_ms, "first": parcel.first, "stride": parcel.stride,
        "columns": dict(parcel.columns),
    }  # fmt: skip


def _in_flight(row: Mapping[str, Any]) -> _InFlight:
    columns = tuple(row["columns"].items())
    parcel = Parcel(row["kind"], row["observed_at_ms"], row["first"], row["stride"], columns)
    return _InFlight(row["at_ms"], row["kind"], row["number"], row["held"], parcel)
