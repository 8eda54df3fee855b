"""Port gates: service, queues, faults, and trucks that stand on the road."""

from datetime import datetime, timedelta, timezone

import pytest

from simulator.cities.catalogue import get
from simulator.traffic.build import Builder, Run
from simulator.world import World


def port_road(storage_veh: float) -> tuple[Run, int]:
    """Return a road of two lanes with 0.4 car units/s, half of them trucks of 4 units: 0.05 trucks/s want to turn in.

    The gate at 800 of 1 000 m has 3 lanes of 50 s: it serves 0.06 trucks/s, and 0.03 with a fault.
    """
    b = Builder()
    a, m, z = (b.add_node(n) for n in "amz")
    road = b.add_link("road", a, m, 1000.0, lanes=2)
    b.add_link("out", m, z, 1000.0, lanes=2)
    b.add_gate(road, 800.0, 3, 50.0, storage_veh, 0.5)
    b.set_inflow(road, 0.4)
    return b.build(1.0), road


def test_a_gate_with_room_serves_who_comes() -> None:
    """At 0.05 of 0.06 trucks/s nobody waits, and all who came are served."""
    run, _ = port_road(40.0)
    run.run_until(3661)
    gates = run.traffic.gates
    assert gates.queue.tolist() == [0.0]
    assert float(gates.served[0]) == pytest.approx(0.05 * 3620, rel=0.005)


@pytest.mark.slow
def test_a_fault_halves_service_and_the_queue_grows_by_the_excess() -> None:
    """Newell's deterministic queue: 0.05 - 0.03 = 0.02 trucks/s for 3 000 s are 60; who comes last waits 60/0.03 = 2 000 s.
    Repaired, the queue falls by 0.06 - 0.05 = 0.01 a second and is gone after 6 000 s.
    """
    run, _ = port_road(100.0)
    gates = run.traffic.gates
    run.run_until(601)
    gates.broken[0] = True
    run.run_until(3601)
    assert float(gates.queue[0]) == pytest.approx(60.0, rel=0.01)
    assert float(gates.wait_s()[0]) == pytest.approx(2000.0, rel=0.01)
    gates.broken[0] = False
    run.run_until(3601 + 5400)
    assert float(gates.queue[0]) == pytest.approx(6.0, abs=0.7)
    run.run_until(3601 + 6120)
    assert float(gates.queue[0]) == 0.0
    assert float(gates.arrived[0]) == pytest.approx(float(gates.served[0]), abs=1e-6)


@pytest.mark.slow
def test_trucks_that_the_yard_does_not_hold_take_a_lane_of_the_road() -> None:
    """With a yard for 10, 30 of 40 trucks stand on 30 x 16 = 480 m of one of the two lanes, which halves what those metres pass;
    the road is free again when they are gone.
    """
    run, road = port_road(10.0)
    run.traffic.gates.broken[0] = True
    run.run_until(2101)
    assert float(run.traffic.gates.on_road_veh()[0]) == pytest.approx(30.0, abs=1.5)
    factor = run.traffic.gates.lane_factor()[: run.density(road).size]
    assert int((factor < 1.0).sum()) * 20.0 == pytest.approx(480.0, abs=40.0)
    assert factor[(factor < 1.0)] == pytest.approx(0.5)
    saved = run.traffic.snapshot()
    copy, _ = port_road(10.0)
    copy.traffic.restore(saved)
    assert (copy.traffic.roads.rates.capacity == run.traffic.roads.rates.capacity).all()
    run.traffic.gates.broken[0] = False
    run.run_until(2101 + 4800)
    assert (run.traffic.gates.lane_factor() == 1.0).all()


def test_the_inject_breaks_a_gate_for_a_time() -> None:
    """`gate_fault` halves the service of a city's gate, is true at its link, and ends; the queue's own truth has it as cause."""
    world = World(get("small"), 4, datetime(2026, 3, 2, 7, 0, tzinfo=timezone(timedelta(hours=7))))
    gates = world.traffic.gates
    assert len(gates.specs) == 1
    event = world.inject("gate_fault", {"duration_s": 600}, 0)
    assert (event.kind, event.place.kind) == ("gate_fault", "link")
    assert gates.rate_veh_per_s()[0] == 0.5 * gates.specs[0].lanes / gates.specs[0].service_s
    gates.queue[0] = gates.specs[0].storage_veh + 5.0
    world.run_until(120_000)
    queue = world.truth.open("gate_queue")
    assert [q.cause_id for q in queue] == [event.event_id]
    gates.queue[0] = 0.0
    world.run_until(660_000)
    assert not world.truth.open("gate_queue") and not world.truth.open("gate_fault")
    assert not gates.broken.any()
