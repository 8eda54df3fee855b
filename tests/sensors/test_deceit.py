"""Devices that lie: what goes on the wire looks good, and what physics leaves behind gives it away."""

from collections.abc import Callable

import numpy as np
import pytest

from sensors.kind import SensorKind
from sensors.messages import GOOD, SUSPECT

LOOP = "loop:le_loi_1:1"
MINUTE_MS = 60_000


@pytest.fixture
def loops(kinds: list[SensorKind]) -> list[SensorKind]:
    return [kind for kind in kinds if kind.name == "loop_detector"]


def test_a_spoof_has_no_noise_and_says_what_it_was_told(watch: Callable, loops: list[SensorKind]) -> None:
    """Every reading is the same to the last digit, with the given values in it, marked good; its neighbours tremble."""
    w = watch("2026-03-10T17:00:00", own=loops)
    w.run(5 * MINUTE_MS)
    since = len(w.frames)
    w.world.inject("deception", {"device": LOOP, "way": "spoof", "values": "flow=40, speed=4.5"}, 5 * MINUTE_MS)
    w.run(15 * MINUTE_MS)
    lied, honest = w.readings("loop_detector", LOOP, since), w.readings("loop_detector", "loop:le_loi_2:1", since)
    assert len(lied) == len(honest) >= 39
    lied = lied[1:]  # the first was under way before
    assert {(r["flow"], r["speed"], r["quality"]) for r in lied} == {(40, 45, GOOD)}
    assert len({r["occupancy"] for r in lied}) == len({r["vehicles"] for r in lied}) == 1
    assert len({r["flow"] for r in honest}) > 10


def test_a_replay_repeats_what_was_and_its_counter_falls(watch: Callable, loops: list[SensorKind]) -> None:
    """After the recording the same sequence comes again and again, so that a counter falls, which none ever does."""
    w = watch("2026-03-10T17:00:00", own=loops)
    w.world.inject("deception", {"device": LOOP, "way": "replay", "magnitude": 300}, 0)
    w.run(20 * MINUTE_MS)
    sent = w.readings("loop_detector", LOOP)
    n = sum(r["observed_at_ms"] < 300_000 for r in sent)
    readings = [(r["flow"], r["speed"], r["vehicles"]) for r in sent]
    assert readings[n : 2 * n] == readings[:n] == readings[2 * n : 3 * n]
    assert (np.diff([r[2] for r in readings]) < 0).sum() >= 3
    assert len(set(readings[:n])) > 10


def test_a_skewed_clock_bears_another_time(watch: Callable, loops: list[SensorKind]) -> None:
    """Its readings claim to be 90 s older than they are, each time by as much; nobody else's do."""
    w = watch(own=loops)
    w.world.inject("deception", {"device": LOOP, "way": "skew", "magnitude": -90}, 0)
    w.run(5 * MINUTE_MS)
    old = [r["delivered_at_ms"] - r["observed_at_ms"] for r in w.readings("loop_detector", LOOP)]
    right = [r["delivered_at_ms"] - r["observed_at_ms"] for r in w.readings("loop_detector", "loop:le_loi_2:1")]
    assert len(old) == len(right) >= 19
    assert min(old) > 90_000
    assert max(old) < 91_000
    assert max(right) < 1_000


def test_a_tampered_detector_loses_what_its_neighbours_keep(watch: Callable, loops: list[SensorKind]) -> None:
    """Two loops between which no vehicle is lost: the one that is detuned counts four tenths of the flow."""
    w = watch("2026-03-10T17:00:00", own=loops)
    w.run(10 * MINUTE_MS)
    before = np.mean([r["flow"] for r in w.readings("loop_detector", LOOP)])
    since = len(w.frames)
    w.world.inject("deception", {"device": LOOP, "way": "tamper", "magnitude": 0.6}, 10 * MINUTE_MS)
    w.run(25 * MINUTE_MS)
    after = np.mean([r["flow"] for r in w.readings("loop_detector", LOOP, since)])
    truth = np.mean([r["vehicles"] for r in w.readings("loop_detector", LOOP, since)][-1:]) * 1.0
    assert truth > 0
    assert 0.2 < after / before < 0.7


@pytest.mark.parametrize("way", ["spoof", "replay", "tamper", "skew"])
def test_no_label_goes_on_the_wire_and_a_crew_ends_it(watch: Callable, kinds: list[SensorKind], way: str) -> None:
    """Nothing that is sent names the deception; the truth does, until a crew has been at the device."""
    own = [kind for kind in kinds if kind.name in ("loop_detector", "camera")]
    w = watch(own=own)
    event = w.world.inject("deception", {"device": "camera:node_0003", "way": way}, 0)
    assert (event.kind, event.attributes["way"]) == ("deception", way)
    crew = w.order("dispatch", "device", "camera:node_0003", unit="electrician")
    while w.end_of(crew) is None:
        w.run(w.world.scheduler.now_ms + MINUTE_MS)
        assert w.world.scheduler.now_ms < 60 * MINUTE_MS
    assert not any(word in frame for frame in w.frames for word in (b"deception", b"spoof", b"replay", b"tampered", b"skew"))
    assert w.world.truth.get(event.event_id).end_ms is not None


def test_a_replay_goes_on_after_save_and_load(watch: Callable, loops: list[SensorKind]) -> None:
    """In the middle of playing, a loaded fleet plays the same next readings."""
    w, twin = watch("2026-03-10T17:00:00", own=loops), watch("2026-03-10T17:00:00", own=loops)
    w.world.inject("deception", {"device": LOOP, "way": "replay", "magnitude": 120}, 0)
    w.world.inject("deception", {"device": "loop:le_loi_3:1", "way": "spoof", "values": "speed=3"}, 0)
    w.order("quarantine", "device", "loop:le_loi_2:1", state="on")
    w.run(5 * MINUTE_MS)
    since, world, fleet = len(w.frames), w.world.snapshot(), w.fleet.snapshot()
    twin.world.restore(world)
    twin.fleet.restore(fleet)
    for one in (w, twin):
        one.run(9 * MINUTE_MS)
    assert w.frames[since:] == twin.frames


def test_deception_with_nonsense_is_refused(watch: Callable, loops: list[SensorKind]) -> None:
    """What cannot be read as values is said, and nothing has changed."""
    w = watch(own=loops)
    with pytest.raises(ValueError, match="flow=40"):
        w.world.inject("deception", {"device": LOOP, "values": "flow is low"}, 0)
    assert not w.world.devices.faults
    assert not w.world.truth.events()


def test_a_device_in_quarantine_is_suspect_until_it_is_let_out(watch: Callable, loops: list[SensorKind]) -> None:
    """A command marks its readings, and its alone; the readings themselves go on."""
    w = watch(own=loops)
    w.run(MINUTE_MS)
    command = w.order("quarantine", "device", LOOP)
    w.run(3 * MINUTE_MS)
    assert w.end_of(command).state == "done"
    marked = [r["quality"] for r in w.readings("loop_detector", LOOP)]
    assert marked == [GOOD] * 4 + [SUSPECT] * (len(marked) - 4)
    assert len(marked) >= 11
    assert {r["quality"] for r in w.readings("loop_detector", "loop:le_loi_2:1")} == {GOOD}
    w.order("quarantine", "device", LOOP, state="off")
    w.run(5 * MINUTE_MS)
    assert [r["quality"] for r in w.readings("loop_detector", LOOP)][-7:] == [GOOD] * 7
