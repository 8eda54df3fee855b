"""The center as a pure machine: same input, same judgement, whatever the socket did to it on the way."""

import random  # noqa: TID251  # the order is the test's input
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_center import keyframes
from ops_center.events import AlertChange, CommandChange, IncidentChange, JudgementCommand
from ops_center.pipeline import Center, headless
from sensors.messages import ABSENT, MISSING, Applied, Barrier, Batch, Finished, Pace, encode_frame
from tests.ops_center.small_city import CABINETS, LAMPS, SmallCity, config, fed, opening, registry


def blackout(until_ms: int = 300_000) -> list[bytes]:
    """A feeder is lost after a minute and comes back after three."""
    city = SmallCity()
    frames = city.until(60_000)
    city.lose_feeder(0)
    frames += city.until(180_000)
    city.restore_all()
    return frames + city.until(until_ms)


def test_a_blackout_becomes_one_incident_that_resolves() -> None:
    """One open incident at the feeder holds all alerts; when the lamps are back it is resolved, nothing fires."""
    center = fed(blackout())
    (incident,) = center.judgement.incidents.open()
    assert (incident.key.name, incident.state, incident.alert_count) == ("F01", "resolved", 1 + CABINETS // 2 + LAMPS // 2)
    assert center.judgement.alerts.firing() == [] and center.counters.bad == {}


def test_alerts_fire_after_for_at_evaluation_times() -> None:
    """A condition true from 75 s with `for: 30s` fires at 105 s, and every change names its cause."""
    changes = headless(Center(config()), [*opening(), *blackout()])
    mine = [c for c in changes if isinstance(c, AlertChange) and c.alert["name"] == "FeederLoss" and c.before != c.after]
    assert [(c.now_ms, c.after) for c in mine] == [(75_000, "pending"), (105_000, "firing"), (195_000, "inactive")]
    assert mine[0].cause.ref == "lighting/FeederLoss" and all(c.cause.kind for c in changes)


@pytest.mark.slow
@given(st.integers(0, 2**31))
@settings(max_examples=8)
def test_order_within_a_barrier_does_not_matter(seed: int) -> None:
    """Frames between two barriers may come in any order: time of delivery, kind and sequence decide; the digests are the same."""
    mixed, portion = [], []
    shuffle = random.Random(seed).shuffle
    for frame in blackout():
        portion.append(frame)
        if b"barrier" in frame[:20]:
            shuffle(body := portion[:-1])
            mixed += [*body, frame]
            portion = []
    expected = fed(blackout())
    center = fed(mixed)
    assert center.digests() == expected.digests()


def test_duplicates_count_once() -> None:
    """A batch that comes twice is judged once, counted, and not digested again."""
    city = SmallCity()
    frames = city.until(15_000)
    center, other = fed(frames), fed(frames)
    center.step(city.send(frames[0]))
    for one in (center, other):
        one.step(city.barrier(16_000))
    assert (center.counters.duplicates, other.counters.duplicates) == (1, 0)
    assert center.judge.readings("lamp_level_ratio", "lamp:0", -1, 16_000) == [(0, 1.0)]


def test_a_resent_barrier_is_ignored() -> None:
    """After a reconnection the city may send barriers again that the center has: they change nothing."""
    frames = blackout()
    center = fed(frames)
    before = center.digests()
    for frame in [*opening(), *frames]:
        assert center.step(frame) == []
    assert center.digests() == before


def test_pace_and_token_are_not_digested() -> None:
    """How fast time was asked to go, and who may connect, leave no trace in the digests."""
    frames = blackout()
    pace = encode_frame(Pace(pace=50.0, paused=False, achieved=47.1))
    center = Center(config())
    for frame in [*opening(token="another", release="2.0"), pace, *frames, pace]:
        center.step(frame)
    assert center.digests() == fed(frames).digests() and center.pacing.pace == 50.0


COMMANDS = [
    JudgementCommand("x1", "acknowledge", "INC-00001", 120_000, 1, "An"),
    JudgementCommand(
        "x2", "world", "feeder:F01", 121_000, 2, "An", {"type": "feeder_reclose", "target": {"kind": "feeder", "id": "F01"}}
    ),
    JudgementCommand("x3", "comment", "INC-00001", 121_000, 3, "An", {"text": "gọi điện lực"}),
]


def renamed(commands: list[JudgementCommand]) -> list[JudgementCommand]:
    return [JudgementCommand(f"other-{c.seq}", c.type, c.target, c.at_ms, c.seq, "Bình", c.params) for c in commands]


def test_digests_hold_no_names_and_no_random_ids() -> None:
    """Other command ids and another person's name make the same digests; another word in a comment makes others."""
    runs = []
    for commands, command_id in ((COMMANDS, "x2"), (renamed(COMMANDS), "other-2")):
        frames = blackout()
        answer = [
            encode_frame(Applied(command_id=command_id, now_ms=121_500)),
            encode_frame(Finished(command_id=command_id, now_ms=122_000, state="done")),
        ]
        at = next(i for i, f in enumerate(frames) if b"barrier" in f[:20] and f == barrier_at(frames, 122_000))
        center = Center(config())
        headless(center, [*opening(), *frames[:at], *answer, *frames[at:]], commands)
        assert center.judgement.commands.by_id[command_id].state == "done"
        runs.append(center.digests())
    assert runs[0] == runs[1]
    other = Center(config())
    headless(
        other,
        [*opening(), *blackout()],
        [*COMMANDS[:2], JudgementCommand("x3", "comment", "INC-00001", 121_000, 3, "An", {"text": "?"})],
    )
    assert other.digests()["judgement"] != runs[0]["judgement"]


def barrier_at(frames: list[bytes], now_ms: int) -> bytes:
    from sensors.messages import decode_frame

    return next(f for f in frames if b"barrier" in f[:20] and getattr(decode_frame(f)[0], "now_ms", -1) == now_ms)


@pytest.mark.parametrize("cut", [1, 60, 76, 100, 130, 200])
def test_save_and_load_at_a_barrier_changes_nothing(cut: int) -> None:
    """A center that was saved (through the bytes of a keyframe) and loaded goes on to the same digests and changes."""
    frames = blackout()
    barriers = [i for i, f in enumerate(frames) if b"barrier" in f[:20]]
    at = barriers[cut] + 1
    center = Center(config())
    first = headless(center, [*opening(), *frames[:at]], COMMANDS if cut >= 130 else ())
    loaded = Center.restore(config(), keyframes.decode(keyframes.encode(center.snapshot())), opening())
    rest = [] if cut >= 130 else COMMANDS
    second = headless(loaded, frames[at:], rest)
    whole = Center(config())
    changes = headless(whole, [*opening(), *frames], COMMANDS)
    assert loaded.digests() == whole.digests()
    assert [type(c) for c in first + second] == [type(c) for c in changes]
    assert loaded.now_ms == whole.now_ms and loaded.change_count == whole.change_count


def test_bad_messages_are_counted_by_reason_and_never_fatal() -> None:
    """Garbage, an unknown kind, wrong lengths, a lying barrier, a bad hello and a bad registry: counted, the rest goes on."""
    city = SmallCity()
    center = fed(city.until(1_000))
    center.step(b"\x00")
    center.step(
        city.send(
            encode_frame(
                Batch(seq=0, kind="whale", registry_version=1, observed_at_ms=0, delivered_at_ms=0),
                [("x", np.zeros(1, np.int32))],
            )
        )
    )
    center.step(city.batch("lamp", {"level": [1, 2, 3]}, 2_000))
    center.step(city.barrier(2_000))
    center.step(encode_frame(registry(2).__class__(version=2, kinds=[], devices=registry().devices, commands=[])))
    center.step(opening(start_at="yesterday")[0])
    center.step(opening(protocol=9)[0])
    assert set(center.counters.bad) == {"unreadable", "unknown_kind", "batch", "barrier", "registry", "hello", "protocol"}
    assert center.now_ms == 2_000
    for frame in city.until(20_000):
        center.step(frame)
    assert center.now_ms == 20_000


@pytest.mark.parametrize("at_ms", [2**62, 4 * 3_600_000])
def test_a_barrier_far_ahead_is_counted_and_time_stays(at_ms: int) -> None:
    """A barrier hours or ages ahead does not make the center evaluate all that lies between; the city's own goes on."""
    city = SmallCity()
    center = fed(city.until(1_000))
    assert center.step(encode_frame(Barrier(now_ms=at_ms, frames=0, crc=0))) == []
    assert center.now_ms == 1_000 and center.counters.bad == {"barrier": 1}
    assert f"a barrier at {at_ms} ms came after 1000 ms" in center.counters.last_bad
    for frame in city.until(3_000):
        center.step(frame)
    assert center.now_ms == 3_000 and center.counters.bad == {"barrier": 1}


@pytest.mark.parametrize("at_ms", [2**62, 2 * 86_400_000, -(2**62)])
@pytest.mark.parametrize("column", [False, True])
def test_readings_of_no_possible_time_are_counted_and_left_out(at_ms: int, column: bool) -> None:
    """Observed days ahead, or before the run: no sample; such a device would never have been stale again."""
    city = SmallCity()
    header = Batch(seq=0, kind="lamp", registry_version=1, observed_at_ms=0 if column else at_ms, delivered_at_ms=0)
    columns: list[tuple[str, Any]] = [("level", np.full(LAMPS, 50, dtype=np.int32))]
    columns += [("observed_at_ms", np.full(LAMPS, at_ms, dtype=np.int64))] if column else []
    center = fed([city.send(encode_frame(header, columns)), city.barrier(1_000)])
    assert center.counters.bad == {"batch": 1} and f"observed at {at_ms} ms" in center.counters.last_bad
    assert center.judge.readings("lamp_level_ratio", "lamp:0", -1, 2**62) == []
    assert center.devices is not None and bool(center.devices.stale(1_000)[0])


@given(st.binary(max_size=200))
def test_no_bytes_hurt(data: bytes) -> None:
    """Whatever bytes come, the center says nothing and goes on."""
    center = Center(config())
    assert center.step(data) == []


def test_missing_and_absent_are_gaps() -> None:
    """A reading that is MISSING or of a device that is ABSENT is no sample; an absent device is not seen."""
    city = SmallCity()
    quality = np.zeros(LAMPS, dtype=np.uint8)
    quality[0] = ABSENT
    levels = np.full(LAMPS, 50, dtype=np.int32)
    levels[1] = MISSING
    header = Batch(seq=0, kind="lamp", registry_version=1, observed_at_ms=0, delivered_at_ms=0)
    frame = city.send(encode_frame(header, [("level", levels), ("quality", quality)]))
    center = fed([frame, city.barrier(0)])
    values = [center.judge.readings("lamp_level_ratio", f"lamp:{i}", -1, 10) for i in range(3)]
    assert values == [[], [], [(0, 0.5)]]
    assert center.devices is not None and center.devices.stale(0)[:3].tolist() == [True, False, False]


def test_state_and_roads_show_what_was_measured() -> None:
    """STATE carries severity, staleness, activity and level; ROADS the measured share of free flow, 255 without a detector."""
    city = SmallCity()
    center = fed(city.until(60_000))
    assert center.devices is not None
    state = center.devices.state(60_000)
    assert state[0] == 0b111_1_0_000 and state[LAMPS + CABINETS + 2] == 0
    assert center.devices.roads(60_000).tolist() == [100, 200]
    assert center.devices.roads(60_000 + 37_501).tolist() == [255, 255]
    assert (center.devices.state(60_000 + 150_001)[:LAMPS] & 8).all()


def test_one_red_light_is_no_jam_and_a_jam_that_stays_is() -> None:
    """A road is drawn by the mean of about the last minute; after silence or a gap it begins with what is read then."""
    city = SmallCity()

    def read(now_ms: int, first: int, second: int) -> list[int]:
        for frame in [city.batch("loop", {"speed": [first, second]}, now_ms), city.barrier(now_ms)]:
            center.step(frame)
        assert center.devices is not None
        return center.devices.roads(now_ms).tolist()

    center = fed(city.until(0))
    assert read(15_000, 250, 0) == [100, 160]
    shares = [read(now_ms, 250, 0)[1] for now_ms in range(30_000, 301_000, 15_000)]
    assert shares == sorted(shares, reverse=True) and shares[0] == 128 and shares[-1] < 8
    assert read(315_000, MISSING, 0)[0] == 255 and read(330_000, 50, 400)[0] == 20
    assert read(330_000 + 37_501, 100, 200) == [40, 100]


def test_the_mean_of_a_road_survives_save_and_load() -> None:
    """A restored center draws the roads as the one that was saved, now and after the next reading."""
    city = SmallCity()
    center = fed(city.until(15_000))
    for frame in [city.batch("loop", {"speed": [0, 100]}, 30_000), city.barrier(30_000)]:
        center.step(frame)
    again = Center.restore(center.config, keyframes.decode(keyframes.encode(center.snapshot())), opening())
    for frame in [city.batch("loop", {"speed": [500, 0]}, 45_000), city.barrier(45_000)]:
        center.step(frame)
        again.step(frame)
    assert center.devices is not None and again.devices is not None
    assert again.devices.roads(45_000).tolist() == center.devices.roads(45_000).tolist() != [100, 200]


def test_a_command_to_the_city_is_told_in_its_incident() -> None:
    """requested, accepted and done stand in the timeline of the incident that the command was given for."""
    city = SmallCity()
    frames = city.until(60_000)
    city.lose_feeder(0)
    center = fed(frames + city.until(120_000))
    target = {"kind": "feeder", "id": "F01"}
    params = {"type": "feeder_reclose", "target": target, "incident_id": "INC-00002"}  # merged by now: its target has it
    changes = center.apply(JudgementCommand("c", "world", "feeder:F01", 120_000, 1, "An", params))
    assert [type(c) for c in changes] == [CommandChange, IncidentChange]
    center.step(city.send(encode_frame(Applied(command_id="c", now_ms=120_400))))
    center.step(city.send(encode_frame(Finished(command_id="c", now_ms=120_900, state="failed", reason="the fault persists"))))
    changes = center.step(city.barrier(121_000))
    incident = center.judgement.incidents.by_id["INC-00001"]
    assert [e["kind"] for e in incident.timeline][-3:] == ["command_requested", "command_accepted", "command_failed"]
    assert incident.timeline[-1]["text"] == "the fault persists" and len(changes) == 4


def test_a_reload_with_one_bad_rule_keeps_the_old_rules() -> None:
    """A reload is all or nothing; a good one ends the alerts of rules that are gone."""
    city = SmallCity()
    frames = city.until(60_000)
    city.lose_feeder(0)
    center = fed(frames + city.until(120_000))
    firing = len(center.judgement.alerts.firing())
    bad = [{"name": "a.yml", "text": "groups: [{name: g, rules: [{alert: A, expr: 'up =='}]}]"}]
    with pytest.raises(ValueError, match=r"a\.yml"):
        center.apply(JudgementCommand("r1", "reload", "rules", 120_000, 1, "An", {"rules": bad}))
    assert len(center.judgement.alerts.firing()) == firing
    center.apply(JudgementCommand("r2", "reload", "rules", 120_000, 2, "An", {"rules": []}))
    assert center.judgement.alerts.firing() == [] and center.judgement.incidents.open()[0].state == "resolved"
