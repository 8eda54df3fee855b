"""Each fault does to readings what its name says, and to nobody else's."""

from collections.abc import Callable

import numpy as np
import pytest

from sensors.faults import FaultTable
from sensors.kind import SensorKind
from simulator.device_health import FAULTS, Fault

MINUTE_MS = 60_000
RUN_MS = 10 * MINUTE_MS


@pytest.fixture
def loops(kinds: list[SensorKind]) -> list[SensorKind]:
    return [kind for kind in kinds if kind.name == "loop_detector"]


def pair(watch: Callable, own: list[SensorKind], fault: str, **params: float) -> tuple[list, list, object]:
    """Readings of one loop with a fault from 30 s on, the same without, and the watched world with the fault."""
    sick, well = watch("2026-03-10T17:00:00", own=own), watch("2026-03-10T17:00:00", own=own)
    device = sick.fleet.registry().devices[0].device_id[4]
    for w in (sick, well):
        w.run(30_000)
        if w is sick:
            w.world.inject("device_fault", {"device": device, "fault": fault, **params}, 30_000)
        w.run(RUN_MS)
    others = sick.fleet.registry().devices[0].device_id[5]
    if fault not in ("late", "duplicate"):
        mine, theirs = (w.readings("loop_detector", others) for w in (sick, well))
        assert [r["flow"] for r in mine] == [r["flow"] for r in theirs]
    return sick.readings("loop_detector", device), well.readings("loop_detector", device), sick


def at(readings: list) -> dict[int, dict[str, int]]:
    return {r["observed_at_ms"]: r for r in readings}


def test_bias_scales_analogue_quantities(watch: Callable, loops: list[SensorKind]) -> None:
    """A loop that reads a half too much does so in every reading; the count is untouched."""
    sick, well, _ = pair(watch, loops, "bias", magnitude=0.5)
    for time, reading in at(sick).items():
        if time > 30_000:
            assert abs(reading["flow"] - 1.5 * at(well)[time]["flow"]) <= 1
            assert reading["vehicles"] == at(well)[time]["vehicles"]


def test_drift_grows_with_time(watch: Callable, loops: list[SensorKind]) -> None:
    """Drift starts at nothing and grows in a straight line."""
    sick, well, _ = pair(watch, loops, "drift", magnitude=6.0)
    ratios = [(t, r["flow"] / at(well)[t]["flow"]) for t, r in at(sick).items() if at(well)[t]["flow"] > 200 and t > 30_000]
    assert len(ratios) > 5
    for time, ratio in ratios:
        assert abs(ratio - (1 + 6.0 * (time - 30_000) / 3_600_000)) < 0.02


def test_stuck_repeats_one_reading(watch: Callable, loops: list[SensorKind]) -> None:
    """A stuck device goes on reporting, always the same."""
    sick, well, _ = pair(watch, loops, "stuck")
    values = {(r["flow"], r["speed"], r["vehicles"]) for r in sick if r["observed_at_ms"] > 30_000}
    assert len(values) == 1
    assert len(sick) == len(well)


def test_dead_is_silent_until_repaired(watch: Callable, loops: list[SensorKind]) -> None:
    """A dead device reports nothing; when its time is over it is back."""
    sick, well, _ = pair(watch, loops, "dead", duration_s=120)
    missing = sorted(set(at(well)) - set(at(sick)))
    assert missing == [t for t in sorted(at(well)) if 30_000 < t < 150_000]


def test_dropout_loses_its_share(watch: Callable, loops: list[SensorKind]) -> None:
    """About half of the reports of a kind with half dropout are lost, spread over devices."""
    w = watch(own=loops)
    w.world.devices.add("kind:loop_detector", "dropout", 0.5, None, 0)
    w.run(RUN_MS)
    rows = sum(len(c["quality"]) for _, c in w.batches("loop_detector"))
    every = w.fleet.devices * RUN_MS // 15_000
    assert abs(rows / every - 0.5) < 0.06


def test_late_reports_come_late_and_say_when_they_were_taken(watch: Callable, loops: list[SensorKind]) -> None:
    """A late device's readings are those of the healthy one, delivered so many seconds later."""
    sick, well, _ = pair(watch, loops, "late", magnitude=90)
    late = [r for r in sick if r["observed_at_ms"] > 30_000]
    assert late
    assert all(90_000 <= r["delivered_at_ms"] - r["observed_at_ms"] <= 91_000 for r in late)
    assert all(r["flow"] == at(well)[r["observed_at_ms"]]["flow"] for r in late)


def test_duplicates_are_equal_but_later(watch: Callable, loops: list[SensorKind]) -> None:
    """A duplicating device sends every reading twice, the same instant and values, at another delivery."""
    sick, _, _ = pair(watch, loops, "duplicate", magnitude=1.0)
    counts = {t: [r for r in sick if r["observed_at_ms"] == t] for t in at(sick)}
    doubled = [rows for t, rows in counts.items() if 30_000 < t < RUN_MS - 5_000]
    assert doubled
    for rows in doubled:
        assert len(rows) == 2
        assert rows[0]["flow"] == rows[1]["flow"]
        assert rows[0]["delivered_at_ms"] != rows[1]["delivered_at_ms"]


def test_every_sensor_killed_leaves_barriers_only(watch: Callable) -> None:
    """With all devices dead the wire carries time and nothing else, while the city goes on."""
    w = watch("2026-03-10T17:00:00", ordinary_life=True)
    w.run(60_000)
    w.world.inject("all_dead", {"duration_s": 120}, 60_000)
    w.run(62_000)
    since, before = len(w.frames), w.world.traffic.totals()["left"]
    w.run(180_000)
    assert {type(h).__name__ for h, _ in w.decoded(since)} == {"Barrier"}
    assert w.world.traffic.totals()["left"] > before
    since = len(w.frames)
    w.run(300_000)
    assert len({h.kind for h, _ in w.decoded(since) if hasattr(h, "kind")}) == len(w.fleet.stations)


def test_faults_add_up_and_go(watch: Callable) -> None:
    """Two biases multiply; what is unknown to a kind or names another kind's device does nothing."""
    table = FaultTable.empty(3)
    rows = {"a": 0, "b": 1, "c": 2}

    def fault(device: str, what: str, magnitude: float) -> Fault:
        return Fault("truth-1", device, what, magnitude, 0, -1)

    table.rebuild([fault("a", "bias", 0.5), fault("a", "bias", 1.0), fault("x", "dead", 1)], "k", rows, tuple(FAULTS))
    assert table.distort(np.ones(3), np.arange(3), 0).tolist() == [3.0, 1.0, 1.0]
    assert not table.dead.any()
    table.rebuild([fault("kind:k", "dead", 1), fault("b", "stuck", 1)], "k", rows, ("dead",))
    assert table.dead.all()
    assert not table.stuck.any()
    table.rebuild([], "k", rows, ())
    assert not table.any
