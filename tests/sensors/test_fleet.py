"""The stream of a fleet is ordered, counted, deterministic, and the same after a save and load."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensors.fleet import Fleet
from sensors.kind import SensorKind
from sensors.kinds import load_kinds
from sensors.messages import Barrier, Batch, Command, crc
from sensors.registry import carry_over, digest
from simulator.city import City, decode, encode

ROOT = Path(__file__).resolve().parents[2]


def trouble(w: Any) -> None:
    """Faults of every sort, an outage of the backhaul and of a feeder, and commands, all at the present instant."""
    world, city, now_ms = w.world, w.world.city, w.world.scheduler.now_ms
    for i, fault in enumerate(("bias", "drift", "stuck", "dropout", "dead", "late", "duplicate")):
        world.inject("device_fault", {"device": city.devices.id[i], "fault": fault, "duration_s": 200 + i}, now_ms)
    world.devices.add("kind:camera", "dropout", 0.3, 150_000, now_ms)
    world.devices.add("kind:luminaire_controller", "late", 40.0, 150_000, now_ms)
    world.inject("backhaul_outage", {"duration_s": 45}, now_ms)
    for name, params in (("feeder_outage", {"fault_s": 20}), ("intrusion", {}), ("crash", {})):
        world.inject(name, params, now_ms)
    feeder = world.truth.open("feeder_outage")[0].place.id
    for i, (type_, kind, target, params) in enumerate(
        (
            ("lamp_level", "cabinet", city.cabinets.id[0], {"level": 0.4}), ("feeder_reclose", "feeder", feeder, {}),
            ("dispatch", "feeder", feeder, {"unit": "patrol"}), ("signal_mode", "signal", city.signals.id[0], {"mode": "flash"}),
        )
    ):  # fmt: skip
        w.fleet.command(Command(command_id=f"c{i}", type=type_, target_kind=kind, target_id=target, params=params), now_ms)


def stream(watch: Callable, cut_ms: int | None = None) -> list[bytes]:
    """All frames of five minutes with trouble after 70 s, saved and loaded into a new fleet at `cut_ms`."""
    w = watch(ordinary_life=True)
    w.run(70_000)
    trouble(w)
    if cut_ms is not None:
        w.run(cut_ms)
        data = {"world": w.world.snapshot(), "fleet": w.fleet.snapshot()}
        loaded = watch(ordinary_life=True)
        loaded.world.restore(data["world"])
        loaded.fleet.restore(data["fleet"])
        loaded.frames[:0] = w.frames
        w = loaded
    w.run(300_000)
    frames: list[bytes] = w.frames
    return frames


@pytest.mark.parametrize("cut_ms", [70_000, 71_000, 72_000, 90_000, 120_000, 211_000])
def test_a_loaded_fleet_sends_the_same_bytes(watch: Callable, cut_ms: int) -> None:
    """Saved at any barrier, with messages and commands on their way and every fault at work, the stream goes on to the bit."""
    assert stream(watch, cut_ms) == stream(watch)


@pytest.mark.slow
def test_the_stream_is_the_same_in_another_process(watch: Callable) -> None:
    """Another PYTHONHASHSEED, another process: the same bytes."""
    program = (
        "import hashlib, sys; sys.path[:0] = [sys.argv[1]]\n"
        "from datetime import datetime\n"
        "from sensors.fleet import Fleet\nfrom sensors.kinds import load_kinds\n"
        "from simulator.generate.grid import small_city\nfrom simulator.world import World\n"
        "frames = []\n"
        "world = World(small_city(), 7, datetime.fromisoformat('2026-03-10T20:00:00+07:00'), ordinary_life=True)\n"
        "Fleet(world, load_kinds(), 3, frames.append)\n"
        "for name in ('feeder_outage', 'crash', 'device_fault', 'intrusion'): world.inject(name, {}, 0)\n"
        "world.run_until(200_000)\n"
        "print(hashlib.sha256(b''.join(frames)).hexdigest())\n"
    )
    seen = set()
    for hash_seed in ("0", "1", "4242"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", program, str(ROOT)]
        seen.add(subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True).stdout)
    w = watch(ordinary_life=True)
    for name in ("feeder_outage", "crash", "device_fault", "intrusion"):
        w.world.inject(name, {}, 0)
    w.run(200_000)
    assert seen == {hashlib.sha256(b"".join(w.frames)).hexdigest() + "\n"}


def test_barriers_come_every_second_and_count_what_came(watch: Callable) -> None:
    """A barrier a second, each with the number and CRC-32 of the frames since the one before."""
    w = watch()
    w.run(61_000)
    total, count, times = 0, 0, []
    for frame, (header, _) in zip(w.frames, w.decoded(), strict=True):
        if isinstance(header, Barrier):
            assert (header.frames, header.crc) == (count, total)
            times.append(header.now_ms)
            total = count = 0
        else:
            total, count = crc(total, frame), count + 1
    assert times == list(range(1_000, 62_000, 1_000))


def test_barriers_come_at_evaluation_times_too(watch: Callable, kinds: list[SensorKind], city: City) -> None:
    """An interval that is no full second has its own barriers."""
    w = watch()
    world = w.world.__class__(city, 1, w.world.start_at)
    frames: list[bytes] = []
    fleet = Fleet(world, [], 1, frames.append, evaluation_ms=(1_500,))
    world.run_until(4_600)
    assert len(frames) == 6
    assert fleet.barrier_ms == 4_500


def test_frames_lie_between_their_barriers(watch: Callable) -> None:
    """What was delivered by a barrier was sent before it, in order of delivery, with sequence numbers without gaps."""
    w = watch()
    w.run(120_000)
    barrier_ms, last, seq = 0, 0, -1
    for header, _ in w.decoded():
        if isinstance(header, Barrier):
            barrier_ms = header.now_ms
        elif isinstance(header, Batch):
            assert barrier_ms < header.delivered_at_ms <= barrier_ms + 1_000
            assert header.delivered_at_ms >= last
            assert header.observed_at_ms <= header.delivered_at_ms
            assert header.seq == seq + 1
            last, seq = header.delivered_at_ms, header.seq


@pytest.mark.slow
def test_every_device_reports_within_its_period(watch: Callable) -> None:
    """After one period (or heartbeat) each device of each kind has reported."""
    w = watch()
    w.run(122_000)
    for table in w.fleet.registry().devices:
        assert all(w.readings(table.kind, device) for device in table.device_id), table.kind


def more_devices(city: City) -> City:
    """The city with one more camera and one more loop at the end of the device table."""
    bigger = decode(encode(city))
    for kind in ("camera", "loop_detector"):
        row = city.devices.kind.index(kind)
        for name in city.devices.__struct_fields__:
            getattr(bigger.devices, name).append(getattr(city.devices, name)[row])
        bigger.devices.id[-1] = f"{kind}:extra"
    return bigger


@pytest.mark.slow
def test_one_more_device_changes_nobody_elses_readings(watch: Callable, city: City) -> None:
    """With a device more, all others report the same to the bit, through noise, dropout and duplicates."""
    few, more = watch(), watch(city=more_devices(city))
    for w in (few, more):
        w.world.devices.add("kind:camera", "dropout", 0.4, None, 0)
        w.world.devices.add("kind:loop_detector", "duplicate", 0.4, None, 0)
        w.run(120_000)
    for table in few.fleet.registry().devices:
        for device in table.device_id:
            a, b = (w.readings(table.kind, device) for w in (few, more))
            assert [{**r, "device": 0} for r in a] == [{**r, "device": 0} for r in b], device
    assert more.readings("camera", "camera:extra")


def test_a_removed_device_leaves_a_tombstone(watch: Callable, city: City, kinds: list[SensorKind]) -> None:
    """A city built again keeps rows and indexes: what is gone is listed as removed, what is new stands behind, and all
    others report the same readings as before."""
    w = watch()
    before = w.fleet.registry()
    smaller = more_devices(city)
    gone = city.devices.kind.index("camera")
    for name in city.devices.__struct_fields__:
        getattr(smaller.devices, name).pop(gone)
    world = w.world.__class__(smaller, 7, w.world.start_at)
    frames: list[bytes] = []
    fleet = Fleet(world, kinds, 3, frames.append, previous=before)
    after = fleet.registry()
    assert after.version == 2
    old = next(t for t in before.devices if t.kind == "camera")
    new = next(t for t in after.devices if t.kind == "camera")
    assert new.device_id == [*old.device_id, "camera:extra"]
    assert new.index[:-1] == old.index
    assert new.index[-1] > max(i for t in before.devices for i in t.index)
    assert new.removed == [0]
    again = type(w)(world, fleet, frames)
    for x in (w, again):
        x.run(60_000)
    for device in old.device_id[1:]:
        a, b = (x.readings("camera", device) for x in (w, again))
        assert [r["fps"] for r in a] == [r["fps"] for r in b]
    assert again.readings("camera", old.device_id[0]) == []
    assert again.readings("camera", "camera:extra")
    cameras = next(t for t in after.devices if t.kind == "camera")
    assert [cameras.device_id[row] for row in cameras.removed] == [old.device_id[0]]


def test_the_registry_describes_the_city(watch: Callable, city: City) -> None:
    """Every device is there once, with zone, ward and supply as labels; static series tell the city's shape."""
    w = watch()
    registry = w.fleet.registry()
    ids = [d for t in registry.devices for d in t.device_id]
    assert len(ids) == len(set(ids)) == w.fleet.devices
    assert sorted(i for t in registry.devices for i in t.index) == list(range(len(ids)))
    lamps = next(t for t in registry.devices if t.kind == "luminaire_controller")
    assert lamps.labels["feeder"][0] == city.feeders.id[city.cabinets.feeder[city.luminaires.cabinet[0]]]
    assert lamps.labels["ward"][0] == city.zones.ward_2025[city.cabinets.zone[city.luminaires.cabinet[0]]]
    static = {s.name: s for s in registry.static}
    follows = {(labels["road"], labels["next"]) for labels in static["road_adjacent"].labels}
    moves = zip(city.movements.from_link, city.movements.to_link, strict=True)
    assert follows == {(city.links.id[a], city.links.id[b]) for a, b in moves}
    sides = {(labels["zone"], labels["neighbour"]) for labels in static["zone_neighbour"].labels}
    assert sides == {(b, a) for a, b in sides}
    assert {c.type for c in registry.commands} == {
        "announcement", "cabinet_isolate", "cabinet_reset", "crowd_inflow", "dispatch", "feeder_reclose", "gate_manual",
        "green_wave", "holding_yard", "lamp_level", "message_sign", "pump", "quarantine", "road_close", "road_open",
        "second_exit", "signal_mode", "signal_plan", "sluice", "speed_limit", "tell",
        "vehicle_ban", "ventilation",
    }  # fmt: skip


def test_registries_that_go_on_and_on_keep_their_rows(watch: Callable) -> None:
    """Carrying over the same registry changes nothing but its version; a kind that goes keeps its table as tombstones."""
    first = watch().fleet.registry()
    second = carry_over(first, first)
    assert msgspec.structs.replace(second, version=1) == first
    assert digest(second) != digest(first)
    fewer = msgspec.structs.replace(first, devices=first.devices[1:])
    third = carry_over(second, fewer)
    assert third.devices[0].removed == list(range(len(third.devices[0].device_id)))
    back = carry_over(third, first)
    assert back.devices[0].removed == []
    assert back.devices[0].index == first.devices[0].index


def test_layers_are_geojson_in_road_order(watch: Callable, city: City) -> None:
    """Roads come in the order of links with their ends on their nodes, polygons are closed rings."""
    layers = watch().fleet.layers()
    roads = layers.layers["roads"]["features"]
    assert [r["properties"]["id"] for r in roads] == city.links.id
    assert len(layers.free_speed_kmh) == len(roads)
    assert roads[0]["geometry"]["coordinates"][0] == pytest.approx(city.links.geometry[0][:2])
    for name in ("areas", "zones", "buildings"):
        for feature in layers.layers[name]["features"]:
            ring = feature["geometry"]["coordinates"][0]
            assert ring[0] == ring[-1]
            assert len(ring) >= 4


def test_hello_names_the_registry(watch: Callable) -> None:
    """The first frame says which city, when it began and which registry holds."""
    w = watch()
    hello = w.fleet.hello("run-1", token="t", release="0.1.0")
    assert hello.registry_digest == digest(w.fleet.registry())
    assert (hello.run, hello.city, hello.barrier_ms) == ("run-1", w.world.city.id, -1)
    w.run(5_000)
    assert w.fleet.hello("run-1").barrier_ms == 5_000


def test_a_snapshot_of_another_registry_is_refused(watch: Callable) -> None:
    """A keyframe only fits the fleet it was taken of."""
    w, other = watch(), watch(own=load_kinds()[:3])
    with pytest.raises(ValueError, match="another registry"):
        other.fleet.restore(w.fleet.snapshot())
    with pytest.raises(ValueError, match="cityops-fleet/1"):
        w.fleet.restore({"format": "x"})
