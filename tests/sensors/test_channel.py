"""What is sent arrives in order, late after an outage, and not at all when devices could not keep it."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensors.channel import AFTER_OUTAGE_MS, BACKLOG_MS, KEPT_MS, LATENCY, Channel, Parcel, part
from simulator.streams import Streams


def parcel(n: int = 6, at_ms: int = 0, kind: str = "loop") -> Parcel:
    return Parcel(kind, at_ms, 0, 1, (("flow", np.arange(n, dtype=np.int32)), ("quality", np.zeros(n, dtype=np.uint8))))


GATEWAYS = np.array([0, 0, 1, 1, 2, -1])
ALL_UP = np.ones(4, dtype=bool)  # three gateways, and the last for devices without one


def without(*down: int) -> np.ndarray:
    return np.array([g not in down for g in (0, 1, 2, -1)])


def test_latency_is_within_its_bounds_and_keyed() -> None:
    """Delivery takes between the stated bounds, the same for the same tick, others for others."""
    times = []
    for tick in (*range(200), *range(200)):
        channel = Channel(Streams(1))
        channel.send(parcel(), GATEWAYS, ALL_UP, tick, 1_000)
        times.append((channel.next_ms() or 0) - 1_000)
    assert times[:200] == times[200:]
    assert LATENCY.law.low <= min(times) < 150 and 800 < max(times) < LATENCY.law.high


def test_a_lost_gateway_holds_its_rows_and_no_others() -> None:
    """Rows without a way wait for it, all others arrive at once, each once, with their own device numbers."""
    channel = Channel(Streams(1))
    channel.send(parcel(), GATEWAYS, without(1), 5, 1_000)
    soon = channel.arrived(2_000)
    assert channel.next_ms() is None
    channel.release(ALL_UP, 60_000)
    late = channel.arrived(60_000 + AFTER_OUTAGE_MS)
    assert [dict(p.columns)["device"].tolist() for p in soon] == [[0, 1, 4, 5]]
    assert [dict(p.columns)["flow"].tolist() for p in late] == [[2, 3]]
    assert late[0].observed_at_ms == 0
    assert channel.next_ms() is None


def test_gateways_come_back_one_by_one() -> None:
    """What waited behind two gateways arrives in two parts; who has no gateway waits only for the center's own line."""
    channel = Channel(Streams(1))
    channel.send(parcel(), GATEWAYS, without(0, 1, 2, -1), 5, 1_000)
    assert channel.arrived(29_999) == []
    channel.release(without(2), 30_000)
    assert [dict(p.columns)["device"].tolist() for p in channel.arrived(40_000)] == [[0, 1, 2, 3, 5]]
    channel.release(ALL_UP, 50_000)
    assert [dict(p.columns)["device"].tolist() for p in channel.arrived(60_000)] == [[4]]


def test_devices_keep_only_so_much() -> None:
    """Through a long outage what is younger than half an hour is kept and the oldest is lost, counted by readings."""
    channel = Channel(Streams(1))
    for i in range(40):
        channel.send(parcel(at_ms=i), GATEWAYS, without(0, 1, 2, -1), i, i * 60_000)
    channel.release(ALL_UP, 40 * 60_000)
    kept = channel.arrived(10**8)
    assert [p.observed_at_ms for p in kept] == list(range(10, 40)) and KEPT_MS == 30 * 60_000
    assert channel.lost == 10 * 6


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc"), st.integers(0, 15)), min_size=1, max_size=30),
    st.integers(0, 30),
)
def test_a_backlog_arrives_late_and_whole(sends: list[tuple[int, str, int]], cut: int) -> None:
    """Whatever gateways were down when, in the end each reading has arrived once, whole."""
    channel, sent, arrived, now_ms = Channel(Streams(3)), list[tuple[str, int, int]](), list[tuple[str, int, int]](), 0
    for i, (step, kind, mask) in enumerate(sends):
        now_ms += step * 1_000
        up = np.array([bool(mask >> g & 1) for g in range(4)])
        channel.release(up, now_ms)
        channel.send(parcel(at_ms=i, kind=kind), GATEWAYS, up, i, now_ms)
        sent += [(kind, i, row) for row in range(6)]
        if i == cut:
            saved, channel = channel.snapshot(), Channel(Streams(3))
            channel.restore(saved)
    channel.release(ALL_UP, now_ms)
    for late in channel.arrived(now_ms + AFTER_OUTAGE_MS + len(sends) * BACKLOG_MS):
        columns = dict(late.columns)
        rows = columns["flow"].tolist()
        arrived += [(late.kind, late.observed_at_ms, row) for row in rows]
    assert sorted(arrived) == sorted(sent)


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc"), st.integers(0, 3_000)), max_size=30), st.integers(0, 4_000))
def test_arrivals_are_ordered_and_survive_a_save(sends: list[tuple[int, str, int]], cut_ms: int) -> None:
    """Arrivals come by (time, kind, sending), whole, and the same when the channel was saved and loaded on the way."""
    plain, saved = Channel(Streams(2)), Channel(Streams(2))
    for i, (now_ms, kind, extra_ms) in enumerate(sends):
        for channel in (plain, saved):
            channel.send(parcel(3, at_ms=i, kind=kind), GATEWAYS[:3], ALL_UP, i, now_ms, 0, extra_ms)
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


def test_a_gateway_falls_silent_when_its_battery_is_empty_and_hands_its_backlog_over(watch: Callable) -> None:
    """Two hours after its feeder is lost a gateway is silent, and all behind it; with supply back all that was kept arrives late.

    Cameras have no supply either and take nothing; a cabinet's meter has a battery of its own and keeps what it cannot send.
    """
    w = watch()
    world, city = w.world, w.world.city
    meter = next(c for c, g in enumerate(city.cabinets.gateway) if city.gateways.feeder[g] == city.cabinets.feeder[c])
    g = city.cabinets.gateway[meter]
    f = city.gateways.feeder[g]
    world.telecom.batteries.runtime_ms[:] = 120_000  # two minutes do as well
    world.telecom.batteries._left_ms[:] = 120_000
    w.run(30_000)
    world.power.trip_feeder(f, 30_000)
    w.run(300_000)
    assert next(e.place.id for e in world.truth.open("gateway_outage")) in city.gateways.id
    name = city.cabinets.id[meter]
    before = w.readings("cabinet_meter", name)
    assert max(r["observed_at_ms"] for r in before) <= 150_000
    world.power.repair_feeder(f, 300_000)
    world.power.reclose_feeder(f, 300_000)
    w.run(400_000)
    after = w.readings("cabinet_meter", name)
    taken = [r["observed_at_ms"] for r in after]
    assert len(taken) == len(set(taken)) and np.all(np.diff(sorted(taken)) == 30_000)
    late = [r for r in after if 150_000 < r["observed_at_ms"] < 300_000]
    assert len(late) >= 4 and all(r["delivered_at_ms"] >= 300_000 + AFTER_OUTAGE_MS for r in late)
    assert not world.truth.open("gateway_outage")
