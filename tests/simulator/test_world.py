"""A world runs, is saved and loaded between any two instants, and takes every inject of the catalogue."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.city import City
from simulator.generate.grid import small_city
from simulator.inject_catalogue import INJECTS
from simulator.ordinary import CRASH
from simulator.truth import TRUTH_KINDS, Place
from simulator.world import World

MakeWorld = Callable[..., World]


def same(a: Any, b: Any) -> bool:
    """Whether two snapshots are equal to the last bit."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and np.array_equal(a, b))
    return bool(a == b)


def trouble(world: World, now_ms: int) -> None:
    """Let a bit of everything happen."""
    for name, params in (
        ("feeder_outage", {"restore_s": 400}), ("cabinet_outage", {}), ("luminaire_failure", {"count": 3}), ("intrusion", {}),
        ("crowd", {}), ("sos_press", {}), ("nuisance", {}), ("crash", {}), ("device_fault", {"duration_s": 120}),
        ("backhaul_outage", {"duration_s": 60}), ("signal_fault", {"fault": "flash"}), ("weather", {"kind": "rain"}),
    ):  # fmt: skip
        world.inject(name, params, now_ms)
    world.units.dispatch("electrician", Place("feeder", world.city.feeders.id[0]), now_ms, "job")


@pytest.mark.parametrize("cut_ms", [60_000, 61_000, 299_000, 600_000])
def test_a_loaded_world_goes_on_as_if_nothing_had_been(make_world: MakeWorld, cut_ms: int) -> None:
    """Saved and loaded at any instant, in the middle of trouble, the world ends in the same state and truth."""
    whole, cut, fresh = (make_world(ordinary_life=True) for _ in range(3))
    for world in (whole, cut):
        world.run_until(60_000)
        trouble(world, 60_000)
    cut.run_until(cut_ms)
    fresh.restore(cut.snapshot())
    for world in (whole, fresh):
        world.run_until(1_200_000)
    assert same(whole.snapshot(), fresh.snapshot())
    assert len(whole.truth.events()) > 12


def test_a_snapshot_is_plain_data(make_world: MakeWorld) -> None:
    """A snapshot holds None, bools, numbers, texts, lists, dicts with text keys and arrays, and nothing of the live world."""
    world = make_world()
    trouble(world, 0)
    world.run_until(30_000)

    def check(value: Any, where: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                assert isinstance(key, str), where
                check(inner, f"{where}.{key}")
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                check(inner, f"{where}[{i}]")
        else:
            assert type(value) in (type(None), bool, int, float, str, np.ndarray), f"{where}: {type(value)}"

    snapshot = world.snapshot()
    check(snapshot, "world")
    world.run_until(60_000)
    later = make_world()
    later.restore(snapshot)
    assert later.scheduler.now_ms == 30_000


def test_a_snapshot_of_another_format_is_refused(make_world: MakeWorld) -> None:
    """The error says what was seen and what was expected."""
    with pytest.raises(ValueError, match="cityops-world/1"):
        make_world().restore({"format": "cityops-world/0"})


@pytest.mark.parametrize("name", sorted(INJECTS))
def test_every_inject_works_with_its_defaults(make_world: MakeWorld, name: str) -> None:
    """Without parameters an inject chooses by the seed, the same each time, and returns a truth event of a known kind."""
    worlds = [make_world(seed=seed) for seed in (1, 1, 2, 3)]
    events = [world.inject(name, {}, 0) for world in worlds]
    assert {e.kind for e in events} <= set(TRUTH_KINDS)
    assert events[0].place == events[1].place
    worlds[0].run_until(120_000)
    assert INJECTS[name].title.vi
    assert INJECTS[name].title.en
    assert all(p.help.vi and p.help.en for p in INJECTS[name].parameters.values())


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("no_such", {}, "unknown"),
        ("feeder_outage", {"feeder": "feeder:none"}, "no feeder of that id"),
        ("feeder_outage", {"fault_s": float("nan")}, "finite"),
        ("feeder_outage", {"restore_s": 0}, "expected 1 to 86400 s"),
        ("feeder_outage", {"restore_s": 10**400}, "finite"),
        ("sos_press", {"device": "loop:le_loi_4:1"}, "is a loop_detector; expected a sos_pole"),
        ("feeder_outage", {"feder": "x"}, "'feder' is unknown"),
        ("luminaire_failure", {"count": 2.5}, "integer"),
        ("luminaire_failure", {"count": True}, "integer"),
        ("weather", {"kind": "snow"}, "expected one of clear"),
        ("intrusion", {"device": "lamp?"}, "no device of that id"),
    ],
)
def test_bad_parameters_change_nothing(make_world: MakeWorld, name: str, params: dict[str, Any], words: str) -> None:
    """An inject that does not fit is refused with what was seen and expected, and the world stays as it was."""
    world = make_world()
    before = world.snapshot()
    with pytest.raises(ValueError, match=words):
        world.inject(name, params, 0)
    assert same(before, world.snapshot())


@pytest.mark.slow
@given(hour=st.integers(0, 23), minute=st.integers(0, 59), later_s=st.integers(0, 10 * 86_400))
def test_local_time_goes_round_the_clock(hour: int, minute: int, later_s: int) -> None:
    """Local seconds are those of a clock on the wall of the city."""
    world = World(small_city(), 1, datetime.fromisoformat(f"2026-03-10T{hour:02d}:{minute:02d}:00+07:00"))
    expected = (hour * 3600 + minute * 60 + later_s) % 86_400
    assert world.local_seconds(later_s * 1000) == expected
    assert world.hour(later_s * 1000) == expected / 3600


def test_a_start_without_an_offset_is_refused(city: City) -> None:
    """A start time must say its offset."""
    with pytest.raises(ValueError, match="without an offset"):
        World(city, 1, datetime(2026, 3, 10))  # noqa: DTZ001  (the missing offset is the point)


def test_device_faults_end_by_time_and_by_repair(make_world: MakeWorld) -> None:
    """A fault ends at its time or when an electrician mends the device, and so does its truth."""
    world = make_world()
    device = world.city.devices.id[0]
    timed = world.inject("device_fault", {"device": device, "fault": "bias", "duration_s": 60}, 0)
    lasting = world.inject("device_fault", {"device": device, "fault": "dead"}, 0)
    world.run_until(60_000)
    assert world.truth.get(timed.event_id).end_ms == 60_000
    assert world.devices.dead(device, "loop_detector")
    assert world.devices.repair(device, 70_000) == 1
    assert world.truth.get(lasting.event_id).end_ms == 70_000


def test_a_share_of_loops_breaks(make_world: MakeWorld) -> None:
    """About the stated share of loops is broken, each with its own truth, and even a share of nothing breaks one."""
    world = make_world()
    loops = world.city.devices.kind.count("loop_detector")
    world.inject("detector_faults", {"share": 0.5}, 0)
    assert abs(len(world.devices.faults) - 0.5 * loops) <= 4 * (0.25 * loops) ** 0.5
    assert len({f.device_id for f in world.devices.faults}) == len(world.truth.open("device_fault"))
    assert len({f.fault for f in world.devices.faults}) > 1
    few = make_world()
    few.inject("detector_faults", {"share": 0, "fault": "stuck", "duration_s": 10}, 0)
    assert [f.fault for f in few.devices.faults] == ["stuck"]


@pytest.mark.slow
def test_the_crews_of_ordinary_life_have_crashes_to_clear(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hundredfold rate, three hours by day see about as many crashes as stated, and each ends by itself."""
    monkeypatch.setattr("simulator.ordinary.CRASH", replace(CRASH, law=replace(CRASH.law, rate=100.0)))
    world = make_world("2026-03-10T09:00:00", ordinary_life=True)
    world.run_until(3 * 3_600_000)
    crashes = [e for e in world.truth.events() if e.kind == "traffic_incident"]
    expected = 100 * 1.5 * 3 / 24
    assert abs(len(crashes) - expected) <= 4 * expected**0.5
    world.run_until(3 * 3_600_000 + 1)
    assert all(e.end_ms == e.start_ms + 900_000 for e in crashes if e.start_ms < 2 * 3_600_000)
