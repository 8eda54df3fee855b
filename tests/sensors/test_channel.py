"""What is sent arrives in order, late after an outage, and not at all when devices could not keep it."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensors.channel import AFTER_OUTAGE_MS, KEPT, LATENCY, Channel, Parcel, part
from simulator.device_health import Outage
from simulator.streams import Streams


def parcel(n: int = 6, at_ms: int = 0, kind: str = "loop") -> Parcel:
    return Parcel(kind, at_ms, 0, 1, (("flow", np.arange(n, dtype=np.int32)), ("quality", np.zeros(n, dtype=np.uint8))))


ZONES = np.array([0, 0, 1, 1, 2, -1])


def test_latency_is_within_its_bounds_and_keyed() -> None:
    """Delivery takes between the stated bounds, the same for the same tick, others for others."""
    times = []
    for tick in (*range(200), *range(200)):
        channel = Channel(Streams(1))
        channel.send(parcel(), ZONES, [], tick, 1_000)
        times.append((channel.next_ms() or 0) - 1_000)
    assert times[:200] == times[200:]
    assert LATENCY.law.low <= min(times) < 150 and 800 < max(times) < LATENCY.law.high


def test_an_outage_holds_its_zones_and_no_other() -> None:
    """Rows behind an outage arrive after its end, all others at once, each once, with their own device numbers."""
    channel = Channel(Streams(1))
    channel.send(parcel(), ZONES, [Outage("t", 1, 60_000)], 5, 1_000)
    soon = channel.arrived(2_000)
    late = channel.arrived(60_000 + AFTER_OUTAGE_MS)
    assert [dict(p.columns)["device"].tolist() for p in soon] == [[0, 1, 4, 5]]
    assert [dict(p.columns)["flow"].tolist() for p in late] == [[2, 3]]
    assert late[0].observed_at_ms == 0
    assert channel.next_ms() is None


def test_an_outage_of_the_city_holds_everything() -> None:
    """Zone -1 is everywhere, also where a device has no zone; the later of two outages counts."""
    channel = Channel(Streams(1))
    channel.send(parcel(), ZONES, [Outage("t", -1, 30_000), Outage("u", 2, 50_000)], 5, 1_000)
    assert channel.arrived(29_999) == []
    first = channel.arrived(40_000)
    assert [dict(p.columns)["device"].tolist() for p in first] == [[0, 1, 2, 3, 5]]
    assert [dict(p.columns)["device"].tolist() for p in channel.arrived(60_000)] == [[4]]


def test_devices_keep_only_so_much() -> None:
    """Through a long outage the newest reports are kept and the oldest are lost, counted."""
    channel = Channel(Streams(1))
    for i in range(KEPT + 10):
        channel.send(parcel(at_ms=i), ZONES, [Outage("t", -1, 10**6)], i, i)
    kept = channel.arrived(2 * 10**6)
    assert sorted(p.observed_at_ms for p in kept) == list(range(10, KEPT + 10))
    assert channel.lost == 10


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc"), st.integers(0, 3_000)), max_size=30), st.integers(0, 4_000))
def test_arrivals_are_ordered_and_survive_a_save(sends: list[tuple[int, str, int]], cut_ms: int) -> None:
    """Arrivals come by (time, kind, sending), whole, and the same when the channel was saved and loaded on the way."""
    plain, saved = Channel(Streams(2)), Channel(Streams(2))
    for i, (now_ms, kind, extra_ms) in enumerate(sends):
        for channel in (plain, saved):
            channel.send(parcel(3, at_ms=i, kind=kind), ZONES[:3], [], i, now_ms, 0, extra_ms)
    first = saved.arrived(cut_ms)
    loaded = Channel(Streams(2))
    loaded.restore(saved.snapshot())
    ordered = plain.arrived(10**6)
    assert [(p.kind, p.observed_at_ms) for p in ordered] == [(p.kind, p.observed_at_ms) for p in first + loaded.arrived(10**6)]
    assert len(ordered) == len(sends)


@given(st.integers(1, 20), st.integers(0, 3), st.integers(1, 4), st.data())
def test_a_part_names_its_devices(n: int, first: int, stride: int, data: st.DataObject) -> None:
    """Cutting rows out of a strided parcel keeps each value with its device."""
    values = np.arange(first, first + n * stride, stride, dtype=np.int32)
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    cut = part(Parcel("k", 0, first, stride, (("v", values),)), kept)
    columns = dict(cut.columns)
    assert columns["device"].tolist() == columns["v"].tolist() == values[kept].tolist()
    assert dict(part(cut, np.ones(int(kept.sum()), dtype=bool)).columns)["device"].tolist() == columns["device"].tolist()


def test_the_backhaul_of_a_zone_in_the_fleet(watch: Callable) -> None:
    """During an outage of a zone nothing of it arrives; afterwards all of it does, with the instants at which it was taken."""
    w = watch()
    zone = w.world.city.zones.id[0]
    w.run(60_000)
    w.world.inject("backhaul_outage", {"zone": zone, "duration_s": 120}, 60_000)
    w.run(400_000)
    table = next(t for t in w.fleet.registry().devices if t.kind == "camera")
    inside = table.device_id[table.zone.index(0)]
    outside = table.device_id[next(i for i, z in enumerate(table.zone) if z != 0)]
    arrivals = {d: [r["delivered_at_ms"] for r in w.readings("camera", d)] for d in (inside, outside)}
    taken = {d: [r["observed_at_ms"] for r in w.readings("camera", d)] for d in (inside, outside)}
    assert not [t for t in arrivals[inside] if 62_000 < t < 180_000]
    assert [t for t in arrivals[outside] if 62_000 < t < 180_000]
    assert sorted(taken[inside]) == sorted(taken[outside])
    assert any(b - a > 100_000 for a, b in zip(taken[inside], arrivals[inside], strict=True))
