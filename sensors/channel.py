"""The channel: the way from devices to the center, with its delay, its outages and what is under way.

Lives here: parcels in flight, those that wait for a way, and when they arrive. Must not know: what is in a reading, why a gateway
or the backhaul is down. Who has no way keeps what it cannot send, for half an hour, and hands it over late when there is one.
"""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Distribution, Uniform
from simulator.streams import Streams

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Columns = tuple[tuple[str, NDArray[Any]], ...]

LATENCY = Distribution(
    "channel.{kind}.{slot}",
    Uniform(80.0, 900.0),
    "ms",
    "From a device to the center, one draw for the devices that report at once.",
    "assumption: a mobile network with a gateway in between",
)
AFTER_OUTAGE_MS = 2_000  # devices find the way open again within this time
BACKLOG_MS = 20  # between two parcels of a backlog: gateways send it at some fifty reports of a kind a second
KEPT_MS = 30 * 60_000  # for so long devices keep what they cannot send; what is older is lost


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
    parcel: Parcel = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """A parcel without a way since `sent_ms`, and the gateway of each of its rows."""

    sent_ms: int
    parcel: Parcel
    gateway: Ints


class Channel:
    """What is under way from one city to its center, and what waits for a way."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._flight: list[_InFlight] = []
        self._held: list[_Held] = []
        self._number = 0
        self.lost = 0  # readings that devices could not keep

    def send(self, parcel: Parcel, gateway: Ints, up: Bools, tick: int, now_ms: int, slot: int = 0, extra_ms: int = 0) -> None:
        """Send a parcel whose rows hang on gateways `gateway`; rows of those that are not `up` wait (-1: the last of `up`)."""
        latency_ms = int(self._streams.draw(LATENCY, parcel.kind, str(slot), tick=tick, n=1)[0])
        at_ms = now_ms + latency_ms + extra_ms
        if up.all():
            self._put(parcel, at_ms)
            return
        goes = up[gateway]
        if goes.any():
            self._put(parcel if goes.all() else part(parcel, goes), at_ms)
        if not goes.all():
            self._hold(_Held(now_ms, part(parcel, ~goes), gateway[~goes]), now_ms)

    def release(self, up: Bools, now_ms: int) -> None:
        """Let the rows go whose gateways have a way again, oldest first; the rest wait on."""
        still: list[_Held] = []
        sent: Counter[str] = Counter()  # by kind: what one kind has waiting delays no other
        for held in self._held:
            goes = up[held.gateway]
            if goes.any():
                kind = held.parcel.kind
                self._put(part(held.parcel, goes), now_ms + AFTER_OUTAGE_MS + sent[kind] * BACKLOG_MS)
                sent[kind] += 1
            if not goes.all():
                still.append(_Held(held.sent_ms, part(held.parcel, ~goes), held.gateway[~goes]))
        self._held = still

    def _put(self, parcel: Parcel, at_ms: int) -> None:
        self._number += 1
        heapq.heappush(self._flight, _InFlight(at_ms, parcel.kind, self._number, parcel))

    def _hold(self, held: _Held, now_ms: int) -> None:
        while self._held and self._held[0].sent_ms <= now_ms - KEPT_MS:
            self.lost += self._held.pop(0).parcel.rows
        self._held.append(held)

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
        held = [{"sent_ms": h.sent_ms, "gateway": h.gateway.copy(), **_plain(h.parcel)} for h in self._held]
        flight = [{"at_ms": f.at_ms, "number": f.number, **_plain(f.parcel)} for f in sorted(self._flight)]
        return {"flight": flight, "held": held, "number": self._number, "lost": self.lost}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what was under way and what waited."""
        self._flight = [_InFlight(row["at_ms"], row["kind"], row["number"], _parcel(row)) for row in data["flight"]]
        self._held = [_Held(row["sent_ms"], _parcel(row), row["gateway"].copy()) for row in data["held"]]
        self._number, self.lost = data["number"], data["lost"]


def part(parcel: Parcel, kept: NDArray[np.bool_]) -> Parcel:
    """Return the rows of a parcel where `kept` is true."""
    at = np.flatnonzero(kept)
    cut = [(name, values.take(at)) for name, values in parcel.columns]
    if parcel.stride:
        cut.insert(0, ("device", (parcel.first + at * parcel.stride).astype(np.uint32)))
    return Parcel(parcel.kind, parcel.observed_at_ms, 0, 0, tuple(cut))


def _plain(parcel: Parcel) -> dict[str, Any]:
    return {
        "kind": parcel.kind, "observed_at_ms": parcel.observed_at_ms, "first": parcel.first, "stride": parcel.stride,
        "columns": dict(parcel.columns),
    }  # fmt: skip


def _parcel(row: Mapping[str, Any]) -> Parcel:
    columns = tuple(row["columns"].items())
    return Parcel(row["kind"], row["observed_at_ms"], row["first"], row["stride"], columns)
