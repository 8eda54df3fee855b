"""Supply spreads as wires do, breakers stay open on a fault, batteries run out on time."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.domains.cabinet_meter import neutral_a
from simulator.batteries import RECHARGE, Batteries
from simulator.generate.grid import small_city
from simulator.protection import SHOTS_MS, overload_time_s
from simulator.world import World

MakeWorld = Callable[..., World]
NONE = np.array([-1])
EVENING = datetime.fromisoformat("2026-03-10T20:00:00+07:00")


def test_a_feeder_takes_its_cabinets_and_lamps_with_it(make_world: MakeWorld) -> None:
    """Without a feeder exactly its cabinets are without supply, and their lamps dark and drawing nothing."""
    world = make_world()
    world.power.trip_feeder(1, 0)
    own = np.array(world.city.cabinets.feeder) == 1
    assert own.any()
    assert np.array_equal(world.power.cabinet_on, ~own)
    lamps = own[world.lighting.cabinet]
    assert not world.lighting.power_w[lamps].any()
    assert (world.lighting.light_output[~lamps] > 0).all()


def test_reclosing_fails_while_the_fault_is_there(make_world: MakeWorld) -> None:
    """A breaker holds only after the fault has been repaired, and the outage ends then, not before."""
    world = make_world()
    event = world.power.trip_feeder(0, 1_000)
    assert not world.power.reclose_feeder(0, 2_000)
    assert not world.power.feeder_on[0]
    assert world.power.repair_feeder(0, 3_000)
    assert not world.power.feeder_on[0]
    assert world.truth.get(event.event_id).end_ms is None
    assert world.power.reclose_feeder(0, 4_000)
    assert world.truth.get(event.event_id).end_ms == 4_000


def test_a_passing_fault_clears_by_itself(make_world: MakeWorld) -> None:
    """After its time a fault is gone, and the operator can reclose without a crew."""
    world = make_world()
    world.inject("feeder_outage", {"feeder": world.city.feeders.id[0], "fault_s": 60}, 0)
    world.run_until(59_999)
    assert not world.power.reclose_feeder(0, 59_999)
    world.run_until(60_000)
    assert world.power.reclose_feeder(0, 60_000)


def test_the_utility_restores_when_told_so(make_world: MakeWorld) -> None:
    """With a restore time the outage ends at that instant by itself."""
    world = make_world()
    event = world.inject("feeder_outage", {"restore_s": 300}, 0)
    world.run_until(400_000)
    assert world.power.feeder_on.all()
    assert world.truth.get(event.event_id).end_ms == 300_000


def test_signals_go_dark_when_their_battery_ends(make_world: MakeWorld) -> None:
    """Each signal of a lost feeder is dark exactly its battery's time later, as an effect of the outage, and comes back."""
    world = make_world()
    controllers = world.controllers
    outage = world.power.trip_feeder(1, 1_000)
    own = np.flatnonzero(controllers.feeder == 1)
    assert len(own)
    longest_ms = 1_000 + int(controllers.batteries.runtime_ms[own].max())
    world.run_until(longest_ms + 1)
    dark = {e.attributes["device"]: e for e in world.truth.events() if e.kind == "signal_dark"}
    expected = {world.city.signals.id[s]: 1_000 + int(controllers.batteries.runtime_ms[s]) for s in own}
    assert {name: event.start_ms for name, event in dark.items()} == expected
    assert {event.cause_id for event in dark.values()} == {outage.event_id}
    assert (world.traffic.signal_state()["mode"][own] == 2).all()
    world.power.repair_feeder(1, longest_ms + 1)
    world.power.reclose_feeder(1, longest_ms + 1)
    assert (world.traffic.signal_state()["mode"] == 0).all()
    assert not world.truth.open("signal_dark")


@pytest.mark.slow
@given(st.integers(0, 10**7), st.integers(0, 10**5))
def test_a_battery_lasts_exactly_its_time(lost_ms: int, battery_s: int) -> None:
    """A device runs until its battery's last millisecond, and not one longer."""
    world = World(small_city(), 1, EVENING)
    world.power.feeder_lost_ms[0] = lost_ms
    end_ms = lost_ms + battery_s * 1000
    feeder = np.array([0])
    assert not world.power.powered(feeder, NONE, end_ms, battery_s)[0]
    assert battery_s == 0 or world.power.powered(feeder, NONE, end_ms - 1, battery_s)[0]
    assert world.power.powered(NONE, NONE, end_ms, 0.0)[0]


def test_a_lasting_cabinet_fault_needs_a_crew(make_world: MakeWorld) -> None:
    """A passing trip can be reset from the center, a lasting one cannot."""
    world = make_world()
    world.inject("cabinet_outage", {"cabinet": world.city.cabinets.id[0]}, 0)
    assert world.power.reset_cabinet(0, 0)
    world.inject("cabinet_outage", {"cabinet": world.city.cabinets.id[0], "fault": "lasting"}, 0)
    assert not world.power.reset_cabinet(0, 0)
    assert world.power.repair_cabinet(0, 0)
    assert world.power.cabinet_on[0]
    assert not world.truth.open("cabinet_outage")


def test_the_load_of_a_feeder_is_its_base_and_its_lamps(make_world: MakeWorld) -> None:
    """Feeder load adds up: base load at the hour plus the power of its lamps; nothing without supply."""
    world = make_world()
    load = world.power.feeder_load_w(world.hour(0))
    lamps = np.bincount(world.power.cabinet_feeder, world.lighting.cabinet_power_w)
    assert np.allclose(load - lamps, world.power.base_load_w * 1.30)
    world.power.trip_feeder(0, 0)
    assert world.power.feeder_load_w(20.0)[0] == 0


def kinds(world: World) -> list[str]:
    return [e.kind for e in world.truth.events()]


@pytest.mark.parametrize(("clears_s", "tries"), [(1.0, 1), (10.0, 2), (40.0, 3)])
def test_a_passing_fault_is_over_at_the_next_try(make_world: MakeWorld, clears_s: float, tries: int) -> None:
    """The breaker stays open for 2, 15 and 30 s before its tries and holds at the first one after the fault has gone.

    A fault of 1 s: open for 2 s. Of 10 s: open for 2 + 15 = 17 s. Of 40 s: open for 47 s. It is a dip, no outage.
    """
    world = make_world()
    world.power.strike(0, "tree", 0, passing=True)
    world.power.fault_until_ms[0] = round(1000 * clears_s)
    world.scheduler.wake("power.timers", min(round(1000 * clears_s), SHOTS_MS[0]))
    closes_ms = sum(SHOTS_MS[:tries])
    world.run_until(closes_ms - 1)
    assert world.power.feeder_open[0]
    world.run_until(closes_ms)
    assert not world.power.feeder_open[0]
    assert world.power.feeder_trips[0] == tries
    assert kinds(world)[:2] == ["feeder_fault", "feeder_dip"] and "feeder_outage" not in kinds(world)
    assert [e.end_ms for e in world.truth.events()[:2]] == [round(1000 * clears_s), closes_ms]


def test_a_lasting_fault_locks_the_breaker_out(make_world: MakeWorld) -> None:
    """Three tries in 47 s, then nothing more until somebody repairs and recloses; the outage is due to the fault."""
    world = make_world()
    fault = world.inject("feeder_fault", {"feeder": world.city.feeders.id[0], "cause": "theft"}, 0)
    world.run_until(600_000)
    assert world.power.feeder_trips[0] == 1 + len(SHOTS_MS)
    assert world.power.feeder_open[0]
    outage = world.truth.open("feeder_outage")[0]
    assert (outage.start_ms, outage.cause_id) == (0, fault.event_id)
    assert not world.power.reclose_feeder(0, 600_000)
    assert world.power.repair_feeder(0, 600_000)
    assert world.power.reclose_feeder(0, 600_000)
    assert not {e.kind for e in world.truth.open()} & {"feeder_fault", "feeder_outage", "feeder_dip"}


def test_four_of_five_branches_are_dips(make_world: MakeWorld) -> None:
    """Of 160 strikes of trees by chance 80 % pass (four standard deviations); those that outlast 47 s are none."""
    world = make_world()
    for i in range(160):
        now_ms, f = i * 100_000, i % 4  # only the key of the draws; the world stands still
        if i >= 4:
            world.power.repair_feeder(f, now_ms)
            world.power.reclose_feeder(f, now_ms)
        world.power.strike(f, "tree", now_ms)
    share = kinds(world).count("feeder_dip") / 160
    assert abs(share - 0.8) <= 4 * (0.8 * 0.2 / 160) ** 0.5


def test_an_overload_trips_by_its_curve(make_world: MakeWorld) -> None:
    """At 3 times its base load the current is above the setting, and the breaker opens after 80 / (r^2 - 1) s (IEC 60255-151).

    By night the hour's share and the lamps are nearly constant over the time to trip; looked at every 15 s, so within two looks.
    """
    assert overload_time_s(np.array([0.9, 1.0, 2.0, 3.0])) == pytest.approx([np.inf, np.inf, 80 / 3, 10.0])
    world = make_world("2026-03-10T19:30:00")
    event = world.inject("feeder_overload", {"feeder": world.city.feeders.id[0], "factor": 3.0, "duration_s": 1_800}, 0)
    ratio = world.power.feeder_load_w(world.hour(0))[0] / (2.0 * world.power.base_load_w[0])
    expected_ms = 80_000 / (ratio * ratio - 1)
    world.run_until(1_000_000)
    trip = next(e for e in world.truth.events() if e.kind == "feeder_fault")
    assert expected_ms - 15_000 <= trip.start_ms <= expected_ms + 30_000
    assert trip.cause_id == event.event_id and trip.attributes["cause"] == "overload"
    assert world.power.feeder_trips[0] == 1
    world.run_until(2_400_000)
    assert world.truth.get(event.event_id).end_ms == 1_800_000
    assert not world.power.feeder_fault[0]
    assert world.power.reclose_feeder(0, 2_400_000)


def test_one_phase_takes_a_third_of_the_lamps(make_world: MakeWorld) -> None:
    """Without L2 every third lamp of the cabinet is dark and its current is 0; a passing trip can be reset, a cut cable not."""
    world = make_world()
    own = np.flatnonzero(world.lighting.cabinet == 0)
    event = world.inject("circuit_outage", {"cabinet": world.city.cabinets.id[0], "phase": "L2"}, 0)
    dark = world.lighting.level[own] == 0
    assert np.array_equal(dark, np.arange(len(own)) % 3 == 1)
    assert world.lighting.circuit_va[0, 1] == 0 < world.lighting.circuit_va[0, 0]
    assert world.power.cabinet_on[0]
    assert world.power.reset_cabinet(0, 1_000)
    assert world.truth.get(event.event_id).end_ms == 1_000 and (world.lighting.level[own] > 0).all()
    theft = world.inject("cable_theft", {"cabinet": world.city.cabinets.id[0], "phases": 2}, 2_000)
    assert {e.kind: e.cause_id for e in world.truth.open()} == {
        "cable_theft": None, "cabinet_door_open": theft.event_id, "circuit_outage": theft.event_id,
    }  # fmt: skip
    assert not world.power.reset_cabinet(0, 3_000)
    assert world.power.repair_cabinet(0, 4_000)
    assert not world.truth.open() and (world.lighting.level[own] > 0).all()


def test_the_neutral_carries_what_the_phases_do_not_cancel() -> None:
    """Three equal currents cancel; one alone returns whole; two equal ones leave one (vectors at 120 degrees)."""
    one, two, three = (np.array(x, dtype=float) for x in ([5, 0, 4, 6], [5, 0, 4, 0], [5, 7, 0, 0]))
    assert neutral_a(one, two, three) == pytest.approx([0, 7, 4, 6])
    phasors = np.exp(2j * np.pi * np.arange(3) / 3)
    rng = np.linspace(0.1, 3.0, 30).reshape(3, 10)
    assert neutral_a(*rng) == pytest.approx(np.abs(phasors @ rng))


@given(st.lists(st.tuples(st.integers(1, 10_000_000), st.booleans()), min_size=1, max_size=12), st.integers(0, 10_000))
def test_a_battery_is_a_bucket(changes: list[tuple[int, bool]], runtime_s: int) -> None:
    """Whatever mains does, the runtime left is that of a bucket: down by the time without, up by a tenth of the time with."""
    full = 1000 * runtime_s
    batteries, left, now_ms, mains = Batteries(np.array([float(runtime_s)])), float(full), 0, True
    for step_ms, next_mains in changes:
        now_ms += step_ms
        left = min(full, left + step_ms / RECHARGE) if mains else left - step_ms
        batteries.set_mains(np.array([next_mains]), now_ms)
        left = max(left, 0.0) if mains != next_mains else left
        mains = next_mains
    spent = batteries.left_ms(now_ms)[0]
    assert abs(spent - left) <= len(changes) + 1
    assert batteries.runs(now_ms)[0] == (mains or spent > 0)
    saved = Batteries(np.array([float(runtime_s)]))
    saved.restore(batteries.snapshot())
    assert saved.left_ms(now_ms + 5_000)[0] == batteries.left_ms(now_ms + 5_000)[0]


def test_a_second_outage_finds_a_battery_half_full(make_world: MakeWorld) -> None:
    """After 30 of 45 minutes and ten minutes of mains (one minute of charge) a signal runs for 16 minutes more."""
    world = make_world()
    controllers = world.controllers
    s = int(np.flatnonzero(controllers.batteries.runtime_ms == 2_700_000)[0])
    f = int(controllers.feeder[s])
    for now_s, what in ((0, "trip"), (1_800, "back"), (2_400, "trip")):
        world.run_until(now_s * 1000)
        if what == "trip":
            world.power.trip_feeder(f, now_s * 1000)
        else:
            world.power.repair_feeder(f, now_s * 1000)
            world.power.reclose_feeder(f, now_s * 1000)
    world.run_until((2_400 + 960) * 1000 - 1)
    assert controllers.mode[s] != 2
    world.run_until((2_400 + 960) * 1000)
    assert controllers.mode[s] == 2
