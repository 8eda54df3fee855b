"""Units go where they are sent over the roads, do their work and come home."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulator.city import City, decode, encode
from simulator.city_check import check
from simulator.city_defaults import UNIT_NAMES, fill
from simulator.generate.grid import small_city
from simulator.truth import Place
from simulator.unit_kinds import UNIT_KINDS
from simulator.units import STATES, NoUnit, Unit
from simulator.works import WORKS
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000


def unit_of(world: World, unit_id: str) -> Unit:
    return next(u for u in world.units.units if u.unit_id == unit_id)


def states_until_idle(world: World, unit: Unit, limit_ms: int = 2 * HOUR_MS) -> list[tuple[str, int]]:
    """The states that a unit passes, each with the instant at which it was first seen."""
    seen = [(unit.state, world.scheduler.now_ms)]
    while unit.state not in ("idle", "off_shift") and world.scheduler.now_ms < limit_ms:
        world.run_until(world.scheduler.now_ms + 1_000)
        if unit.state != seen[-1][0]:
            seen.append((unit.state, world.scheduler.now_ms))
    return seen


def test_an_electrician_mends_a_feeder_and_comes_home(make_world: MakeWorld) -> None:
    """A unit passes all states in order, turns out and works within the stated times, and only then is the fault gone."""
    world = make_world()
    feeder = world.city.feeders.id[0]
    world.power.trip_feeder(0, 0)
    unit = unit_of(world, world.units.dispatch("electrician", Place("feeder", feeder), 0, "job-1"))
    seen = states_until_idle(world, unit)
    assert [state for state, _ in seen] == ["turning_out", "travelling", "on_scene", "returning", "idle"]
    kind = UNIT_KINDS["electrician"]
    for law, spent_ms in ((kind.turnout.law, seen[1][1]), (kind.on_scene("feeder").law, seen[3][1] - seen[2][1])):
        assert 1000 * law.low - 1_000 <= spent_ms <= 1000 * law.high + 1_000
    assert not world.power.feeder_fault[0]
    assert not world.power.feeder_on[0]
    assert unit.node == unit.base
    (report,) = world.units.take_reports()
    assert (report.job_id, report.done, report.text) == ("job-1", True, "mended: feeder_fault")
    assert world.units.take_reports() == []


def ride(world: World, kind: str, node: int) -> tuple[Unit, float, float, list[int]]:
    """Send a unit and return it, the seconds it drove, the sum of the times of its links when it entered them, and those."""
    unit = unit_of(world, world.units.dispatch(kind, Place("node", world.city.nodes.id[node]), world.scheduler.now_ms))
    entered, expected_s, began_ms = list[int](), 0.0, -1
    while unit.state != "on_scene":
        world.run_until(world.scheduler.now_ms + 100)
        if unit.state == "travelling" and unit.ahead and (not entered or unit.ahead[0] != entered[-1]):
            began_ms = world.scheduler.now_ms if began_ms < 0 else began_ms
            entered.append(unit.ahead[0])
            expected_s += float(world.traffic.link_travel_time_s()[unit.ahead[0]])
    return unit, (world.scheduler.now_ms - began_ms) / 1000.0, expected_s, entered


def farthest(world: World, kind: str) -> int:
    base = next(u.base for u in world.units.units if u.kind == kind)
    return max(range(len(world.city.nodes.id)), key=lambda n: world.traffic.travel_time_s(world.traffic.route(base, n)))


def test_travel_takes_the_times_of_its_links_at_entry(make_world: MakeWorld) -> None:
    """In the morning peak a unit without a siren needs the sum of the times of its links, each when it entered it; 5 s."""
    world = make_world("2026-03-10T07:00:00")
    world.run_until(HOUR_MS // 2)
    _, spent_s, expected_s, entered = ride(world, "electrician", farthest(world, "electrician"))
    assert len(entered) >= 4
    assert spent_s == pytest.approx(expected_s, abs=5.0)


def test_a_closed_way_is_left_for_another(make_world: MakeWorld) -> None:
    """A link ahead that closes is not driven on; the unit arrives all the same. Without any way it turns back."""
    world = make_world("2026-03-10T07:00:00")
    node = farthest(world, "electrician")
    unit = unit_of(world, world.units.dispatch("electrician", Place("node", world.city.nodes.id[node]), 0, "job"))
    while unit.state != "travelling":
        world.run_until(world.scheduler.now_ms + 1_000)
    shut = unit.ahead[1]
    world.traffic.close_link(shut)
    driven = set[int]()
    while unit.state == "travelling":
        driven.add(unit.ahead[0] if unit.ahead else -1)
        world.run_until(world.scheduler.now_ms + 500)
    assert unit.state == "on_scene" and unit.node == node and shut not in driven
    other = unit_of(world, world.units.dispatch("patrol", Place("node", world.city.nodes.id[node]), world.scheduler.now_ms, "no"))
    while other.state != "travelling":
        world.run_until(world.scheduler.now_ms + 500)
    for link in np.flatnonzero(world.traffic.net.to_node == node).tolist():
        world.traffic.close_link(link)
    while other.state == "travelling":
        world.run_until(world.scheduler.now_ms + 500)
    assert [(r.job_id, r.done, r.text[:7]) for r in world.units.take_reports() if r.job_id == "no"] == [("no", False, "no_way:")]


def test_signals_give_green_ahead_of_those_in_a_hurry(make_world: MakeWorld) -> None:
    """An ambulance that gets green is faster than the flow by the waits that it is spared; the tow truck is not."""
    world = make_world("2026-03-10T07:00:00")
    world.run_until(HOUR_MS // 4)
    asked: list[tuple[int, bool]] = []
    real = world.traffic.hold_green

    def noted(link: int, until_ms: int, now_ms: int) -> bool:
        answer = real(link, until_ms, now_ms)
        asked.append((link, answer))
        return answer

    world.traffic.hold_green = noted
    _, spent_s, expected_s, entered = ride(world, "ambulance", farthest(world, "ambulance"))
    assert {link for link, answer in asked if answer} & set(entered)
    assert spent_s < expected_s - 1.0
    asked.clear()
    ride(world, "tow_truck", farthest(world, "tow_truck"))
    assert not asked


def test_refusals_say_why(make_world: MakeWorld) -> None:
    """Off shift, none free, no way, no such place: each with its code, and nobody moves."""
    world = make_world("2026-03-10T12:00:00")
    place = Place("cabinet", world.city.cabinets.id[0])
    before = world.units.snapshot()
    for unit in world.units.units:
        if unit.kind == "lamp_crew":
            unit.state = "off_shift"
    with pytest.raises(NoUnit, match=r"off_shift: no lamp crew is on duty before 17:00"):
        world.units.dispatch("lamp_crew", place, 0)
    with pytest.raises(NoUnit, match="unknown_target"):
        world.units.dispatch("patrol", Place("cabinet", "no such"), 0)
    patrols = sum(u.kind == "patrol" for u in world.units.units)
    for _ in range(patrols):
        world.units.dispatch("patrol", place, 0)
    with pytest.raises(NoUnit, match=rf"none_free: every patrol on duty \({patrols}\)"):
        world.units.dispatch("patrol", place, 0)
    node = farthest(world, "tow_truck")
    for link in np.flatnonzero(world.traffic.net.to_node == node).tolist():
        world.traffic.close_link(link)
    assert world.units.refusal("tow_truck", Place("node", world.city.nodes.id[node]), 0).startswith("no_way:")
    world.units.restore(before)
    assert all(u.state in ("idle", "off_shift") for u in world.units.units)


def test_shifts_come_and_go(make_world: MakeWorld) -> None:
    """A lamp crew is on duty in its hours alone; who is out when the shift ends finishes and only then goes off."""
    world = make_world("2026-03-10T16:30:00")
    by_hour = {u.unit_id: u for u in world.units.units if u.kind == "lamp_crew"}
    night = next(u for u in by_hour.values() if u.shift_from_h == 17.0)
    day = next(u for u in by_hour.values() if u.shift_from_h == 6.0)
    assert (night.state, day.state) == ("off_shift", "idle")
    world.run_until(HOUR_MS // 2)
    assert (night.state, day.state) == ("idle", "idle")
    world.run_until(round(1.45 * HOUR_MS))
    for _ in (night, day):
        world.units.dispatch("lamp_crew", Place("luminaire", world.city.luminaires.id[0]), world.scheduler.now_ms)
    world.run_until(round(1.6 * HOUR_MS))
    assert day.state not in ("idle", "off_shift")
    world.run_until(3 * HOUR_MS)
    assert day.state == "off_shift"


def test_a_returning_unit_takes_the_next_job_from_where_it_is(make_world: MakeWorld) -> None:
    """Sent again on its way home, a unit first drives to the end of its link and does not jump back to the one before."""
    world = make_world("2026-03-10T12:00:00")
    unit = unit_of(world, world.units.dispatch("tow_truck", Place("node", world.city.nodes.id[farthest(world, "tow_truck")]), 0))
    while not (unit.state == "returning" and unit.ahead):
        world.run_until(world.scheduler.now_ms + 1_000)
    link, until_ms = unit.ahead[0], unit.until_ms
    assert (
        world.units.dispatch("tow_truck", Place("node", world.city.nodes.id[unit.base]), world.scheduler.now_ms) == unit.unit_id
    )
    assert unit.state == "travelling" and unit.ahead[0] == link and unit.until_ms == until_ms
    states_until_idle(world, unit)
    assert unit.node == unit.base


def test_a_patrol_ends_an_intrusion_and_clears_a_lane(make_world: MakeWorld) -> None:
    """What a patrol finds at its place is over when it has worked there; a crash on more lanes waits for the tow truck."""
    world = make_world()
    wide = next(k for k, lanes in enumerate(world.city.links.lanes) if lanes >= 2)
    small = world.inject("crash", {"link": world.city.links.id[wide], "lanes": 1}, 0)
    intrusion = world.inject("intrusion", {"duration_s": 7_200}, 0)
    for place, job in ((small.place, "a"), (intrusion.place, "b")):
        world.units.dispatch("patrol", place, 0, job)
    world.run_until(1_800_000)
    assert not world.truth.open("traffic_incident") and not world.truth.open("intrusion")
    assert {r.job_id: r.text for r in world.units.take_reports()} == {"a": "mended: traffic_incident", "b": "mended: intrusion"}
    now_ms = world.scheduler.now_ms
    world.inject("crash", {"link": world.city.links.id[wide], "lanes": 2}, now_ms)
    world.units.dispatch("patrol", small.place, now_ms, "c")
    world.run_until(now_ms + 1_800_000)
    assert world.truth.open("traffic_incident")
    capacity = world.traffic.obstacles.factors()[1].min()
    world.units.dispatch("tow_truck", small.place, world.scheduler.now_ms, "d")
    world.run_until(now_ms + 5_400_000)
    assert not world.truth.open("traffic_incident")
    assert world.traffic.obstacles.factors()[1].min() == 1.0 > capacity


@pytest.mark.parametrize(("kind", "inject"), [("ambulance", "medical_emergency"), ("fire_engine", "fire")])
def test_emergencies_last_until_their_unit_comes(make_world: MakeWorld, kind: str, inject: str) -> None:
    """No other unit ends a fire or helps the sick; the right one ends it, and one with a time ends by itself."""
    world = make_world()
    event = world.inject(inject, {}, 0)
    world.units.dispatch("patrol", event.place, 0)
    world.run_until(1_800_000)
    assert [e.event_id for e in world.truth.open(inject)] == [event.event_id]
    world.units.dispatch(kind, event.place, world.scheduler.now_ms, "job")
    world.run_until(1_800_000 + 2 * HOUR_MS)
    assert not world.truth.open(inject)
    assert "job" in {r.job_id for r in world.units.take_reports() if r.text == f"mended: {inject}"}
    now_ms = world.scheduler.now_ms
    world.inject(inject, {"duration_s": 600}, now_ms)
    saved = world.emergencies.snapshot()
    world.emergencies.restore(saved)
    world.run_until(now_ms + 600_000)
    assert not world.truth.open(inject)


@pytest.mark.parametrize("target", ["cabinet", "luminaire", "signal", "device"])
def test_each_trade_mends_what_is_its_own(make_world: MakeWorld, target: str) -> None:
    """Cabinets, signals and devices are whole after an electrician, lamps after a lamp crew, and their truth has ended."""
    world = make_world()
    city = world.city
    places: Mapping[str, Place] = {
        "cabinet": Place("cabinet", city.cabinets.id[2]),
        "luminaire": Place("luminaire", city.luminaires.id[5]),
        "signal": Place("device", city.signals.id[0]),
        "device": Place("device", city.devices.id[0]),
    }
    world.inject("cabinet_door_open", {"cabinet": city.cabinets.id[2]}, 0)
    world.inject("cabinet_leakage", {"cabinet": city.cabinets.id[2]}, 0)
    world.inject("cabinet_outage", {"cabinet": city.cabinets.id[2], "fault": "lasting"}, 0)
    world.inject("luminaire_failure", {"luminaire": city.luminaires.id[5]}, 0)
    world.inject("signal_fault", {"signal": city.signals.id[0], "fault": "conflict"}, 0)
    world.inject("device_fault", {"device": city.devices.id[0], "fault": "dead"}, 0)
    kinds = {
        "cabinet": {"cabinet_door_open", "cabinet_leakage", "cabinet_outage"}, "luminaire": {"luminaire_failure"},
        "signal": {"signal_conflict"}, "device": {"device_fault"},
    }  # fmt: skip
    before = {e.kind for e in world.truth.open()}
    world.units.dispatch("lamp_crew" if target == "luminaire" else "electrician", places[target], 0)
    world.run_until(1_800_000)
    assert before - {e.kind for e in world.truth.open()} == kinds[target]


class UnitMachine(RuleBasedStateMachine):
    """A unit under any events: the table alone decides, and a copy that was saved and loaded agrees."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = Unit("patrol:1", "patrol", 0, 0)
        self.jobs = 0

    @rule(event=st.sampled_from(sorted({e for events in STATES.values() for e in events})))
    def event(self, event: str) -> None:
        """A legal event leads where the table says; an illegal one raises, names itself and changes nothing."""
        before = self.unit.state
        if event in STATES[before]:
            self.unit.go(event)
            assert self.unit.state == STATES[before][event]
            self.jobs += event == "sent"
            self.jobs -= event in ("lost", "finished")
        else:
            with pytest.raises(ValueError, match=event):
                self.unit.go(event)
            assert self.unit.state == before

    @precondition(lambda self: self.unit.state in ("idle", "off_shift"))
    @rule(hour=st.floats(0, 24, exclude_max=True), start=st.integers(0, 23), end=st.integers(0, 23))
    def shift(self, hour: float, start: int, end: int) -> None:
        """A unit is on duty in (end - start) of 24 hours, or always; hours before the start are not."""
        unit = Unit("x:1", "x", 0, 0, float(start), float(end))
        length = (end - start) % 24 or 24
        assert unit.on_shift(hour) == ((hour - start) % 24 < length)

    @invariant()
    def one_job(self) -> None:
        """A unit has a job exactly from being sent to being done or lost."""
        assert self.jobs == (self.unit.state in ("turning_out", "travelling", "on_scene"))

    @invariant()
    def known(self) -> None:
        """Every state is in the table and can be left."""
        assert STATES[self.unit.state]


TestUnitMachine = UnitMachine.TestCase


def test_every_kind_has_its_work_and_a_base(city: City) -> None:
    """Descriptions, works, the city format and a generated city know the same kinds of unit."""
    assert set(UNIT_KINDS) == set(WORKS) == set(UNIT_NAMES) == set(city.bases.kind)
    assert all(kind.title.vi and kind.title.en for kind in UNIT_KINDS.values())


def test_an_old_city_file_gets_its_units() -> None:
    """A file with crews and without shifts reads as one with lamp crews, electricians and every other kind, and holds."""
    city = small_city()
    plain: Any = {"id": ["base:crew:1", "base:patrol:1"], "kind": ["crew", "patrol"], "name": ["Đội", "Tổ"], "node": [3, 5]}
    for name in type(city.bases).__struct_fields__:
        setattr(city.bases, name, plain.get(name, []))
    old = fill(decode(encode(city)))
    assert not check(old)
    assert set(old.bases.kind) == set(UNIT_NAMES)
    nodes = dict(zip(old.bases.kind, old.bases.node, strict=True))
    assert (nodes["lamp_crew"], nodes["electrician"], nodes["patrol"]) == (3, 3, 5)
    assert encode(fill(decode(encode(old)))) == encode(old)
