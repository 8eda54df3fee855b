"""Supply spreads as wires do, breakers stay open on a fault, batteries run out on time."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.generate.grid import small_city
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
    longest_ms = 1_000 + int(controllers.battery_s[own].max() * 1000)
    world.run_until(longest_ms + 1)
    dark = {e.attributes["device"]: e for e in world.truth.events() if e.kind == "signal_dark"}
    expected = {world.city.signals.id[s]: 1_000 + int(controllers.battery_s[s] * 1000) for s in own}
    assert {name: event.start_ms for name, event in dark.items()} == expected
    assert {event.cause_id for event in dark.values()} == {outage.event_id}
    assert (world.traffic.signal_state()["mode"][own] == 2).all()
    world.power.repair_feeder(1, longest_ms + 1)
    world.power.reclose_feeder(1, longest_ms + 1)
    assert (world.traffic.signal_state()["mode"] == 0).all()
    assert not world.truth.open("signal_dark")


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
