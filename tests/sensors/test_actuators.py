"""Commands end to end: accepted before they act, done when they have, failed with a reason that begins with a code."""

from collections.abc import Callable
from typing import Any

import pytest

from sensors.messages import Applied, Command, Finished


def reason_of(w: Any, command_id: str) -> str:
    end = w.end_of(command_id)
    assert end is not None
    assert (end.state == "failed") == (bool(end.reason) and not end.reason.startswith(("mended", "nothing_found")))
    return f"{end.state} {end.reason}".strip()


def after(w: Any, command_id: str, ms: int = 10_000) -> str:
    w.run(w.world.scheduler.now_ms + ms)
    return reason_of(w, command_id)


def test_a_lamp_level_is_accepted_done_and_seen(watch: Callable) -> None:
    """A dimmed cabinet's lamps report the new level; `applied` went out before, `finished` two seconds later."""
    w = watch()
    w.run(60_000)
    cabinet = w.world.city.cabinets.id[1]
    since = len(w.frames)
    command = w.order("lamp_level", "cabinet", cabinet, level=0.3, until_s=600)
    first, _ = w.decoded(since)[0]
    assert first == Applied(command_id=command, now_ms=60_000)
    assert (w.world.lighting.commanded_level == 1.0).all()
    w.run(130_000)
    end = w.end_of(command)
    assert end == Finished(command_id=command, now_ms=62_000, state="done")
    lamp = w.world.city.luminaires.id[w.world.city.luminaires.cabinet.index(1)]
    last = w.readings("luminaire_controller", lamp)[-1]
    assert (last["level"], last["expected"]) == (30, 30)
    w.run(800_000)
    assert w.readings("luminaire_controller", lamp)[-1]["level"] == 100


@pytest.mark.slow
def test_reclosing_a_feeder_needs_its_fault_gone(watch: Callable) -> None:
    """An operator ends a blackout: reclosing fails while the fault is there, an electrician repairs, it works, lamps return."""
    w = watch()
    feeder = w.world.city.feeders.id[0]
    w.world.inject("feeder_outage", {"feeder": feeder}, 0)
    assert after(w, w.order("feeder_reclose", "feeder", feeder)).startswith("failed fault_persists: ")
    crew = w.order("dispatch", "feeder", feeder, unit="electrician")
    while w.end_of(crew) is None:
        w.run(w.world.scheduler.now_ms + 10_000)
        assert w.world.scheduler.now_ms < 2_000_000
    assert reason_of(w, crew) == "done mended: feeder_fault"
    assert not w.world.power.feeder_on[0]
    assert after(w, w.order("feeder_reclose", "feeder", feeder)) == "done"
    assert w.world.power.feeder_on.all()
    assert not w.world.truth.open("feeder_outage")
    w.run(w.world.scheduler.now_ms + 61_000)
    lamps = [i for i, c in enumerate(w.world.city.luminaires.cabinet) if w.world.city.cabinets.feeder[c] == 0]
    assert w.readings("luminaire_controller", w.world.city.luminaires.id[lamps[0]])[-1]["level"] == 100


def test_a_cabinet_is_reset_unless_its_fault_lasts(watch: Callable) -> None:
    """A passing trip is reset from the center, a lasting one is refused by the breaker."""
    w = watch()
    cabinet = w.world.city.cabinets.id[0]
    w.world.inject("cabinet_outage", {"cabinet": cabinet}, 0)
    assert after(w, w.order("cabinet_reset", "cabinet", cabinet)) == "done"
    w.world.inject("cabinet_outage", {"cabinet": cabinet, "fault": "lasting"}, w.world.scheduler.now_ms)
    assert after(w, w.order("cabinet_reset", "cabinet", cabinet)).startswith("failed fault_persists: ")


def test_signals_take_plans_and_modes(watch: Callable) -> None:
    """A controller runs the plan and the mode asked for, and says so on the wire."""
    w = watch()
    signal = w.world.city.signals.id[0]
    plan = w.world.city.signals.plans[0][-1].name
    assert after(w, w.order("signal_plan", "signal", signal, plan=plan)) == "done"
    assert after(w, w.order("signal_mode", "signal", signal, mode="flash")) == "done"
    last = w.readings("signal_controller", signal)[-1]
    assert (last["mode"], last["plan"]) == (1, len(w.world.city.signals.plans[0]) - 1)
    assert not w.world.truth.events()
    assert after(w, w.order("signal_mode", "signal", signal, mode="normal")) == "done"
    assert w.readings("signal_controller", signal)[-1]["mode"] == 0
    assert after(w, w.order("signal_plan", "signal", signal, plan="no such")).startswith("failed unknown_plan: ")
    assert after(w, w.order("signal_plan", "signal", signal, plan="clock")) == "done"
    hour = int(w.world.hour(w.world.scheduler.now_ms) * 4) / 4
    plans = w.world.city.signals.plans[0]
    due = [p for p, plan in enumerate(plans) if sum(h <= hour for h in plan.hours) % 2]
    assert w.readings("signal_controller", signal)[-1]["plan"] == (due[0] if due else 0)


@pytest.mark.slow
def test_a_broken_signal_stays_as_it_is(watch: Callable) -> None:
    """A controller with a fault flashes whatever it is asked; one without supply cannot answer."""
    w = watch()
    first = w.world.city.signals.id[0]
    w.world.inject("signal_fault", {"signal": first, "fault": "conflict"}, 0)
    assert after(w, w.order("signal_mode", "signal", first, mode="normal")).startswith("failed fault: ")
    assert w.readings("signal_controller", first)[-1]["conflict"] == 1
    for f in range(len(w.world.city.feeders.id)):
        w.world.power.trip_feeder(f, w.world.scheduler.now_ms)
    w.run(3_600_000)
    assert after(w, w.order("signal_mode", "signal", first, mode="normal")).startswith("failed no_power: ")


def test_what_cannot_be_reached_fails(watch: Callable) -> None:
    """Devices behind a broken backhaul, dead ones and those without power do not carry out commands."""
    w = watch()
    city = w.world.city
    lamp = city.luminaires.id[0]
    w.world.power.trip_cabinet(0, 0, lasting=True)
    first = city.luminaires.id[city.luminaires.cabinet.index(0)]
    assert after(w, w.order("lamp_level", "luminaire", first, level=1.0)).startswith("failed no_power: ")
    w.world.power.repair_cabinet(0, w.world.scheduler.now_ms)
    w.world.inject("device_fault", {"device": lamp, "fault": "dead", "duration_s": 30}, w.world.scheduler.now_ms)
    assert after(w, w.order("lamp_level", "luminaire", lamp, level=1.0)).startswith("failed unreachable: ")
    w.run(w.world.scheduler.now_ms + 30_000)
    w.world.inject("backhaul_outage", {"duration_s": 30}, w.world.scheduler.now_ms)
    for type_, kind, target, params in (
        ("lamp_level", "luminaire", lamp, {"level": 1.0}),
        ("cabinet_reset", "cabinet", city.cabinets.id[0], {}),
        ("signal_mode", "signal", city.signals.id[0], {"mode": "flash"}),
    ):
        assert after(w, w.order(type_, kind, target, **params), 6_000).startswith("failed unreachable: ")


@pytest.mark.slow
def test_a_dispatch_without_a_free_unit_fails(watch: Callable) -> None:
    """When all electricians are away nobody more is sent, and it is said so; the first still comes to its end."""
    w = watch()
    cabinet = w.world.city.cabinets.id[0]
    crews = sum(u.kind == "electrician" for u in w.world.units.units)
    orders = [w.order("dispatch", "cabinet", cabinet, unit="electrician") for _ in range(crews + 1)]
    w.run(5_000)
    assert reason_of(w, orders[-1]).startswith("failed none_free: ")
    late = w.order("dispatch", "cabinet", cabinet, unit="electrician")
    w.run(6_000)
    (said,) = [h for h, _ in w.decoded() if isinstance(h, Applied) and h.command_id == late]
    assert not said.accepted and said.reason.startswith("none_free: every electrician on duty (2) is away")
    w.run(1_500_000)
    assert [reason_of(w, order) for order in orders[:-1]] == ["done nothing_found: there was nothing to mend here"] * crews


@pytest.mark.parametrize(
    ("type_", "target_kind", "target_id", "params", "code"),
    [
        ("launch", "feeder", "f", {}, "unknown_command"),
        ("feeder_reclose", "cabinet", "c", {}, "wrong_target"),
        ("feeder_reclose", "feeder", "feeder:none", {}, "unknown_target"),
        ("dispatch", "planet", "mars", {}, "wrong_target"),
        ("dispatch", "feeder", "*", {"unit": "army"}, "bad_parameter"),
        ("lamp_level", "cabinet", "*", {"level": 1.5}, "bad_parameter"),
        ("lamp_level", "cabinet", "*", {"level": float("nan")}, "bad_parameter"),
        ("lamp_level", "cabinet", "*", {"level": 10**400}, "bad_parameter"),
        ("lamp_level", "cabinet", "*", {"level": "full"}, "bad_parameter"),
        ("lamp_level", "cabinet", "*", {"level": True}, "bad_parameter"),
        ("lamp_level", "cabinet", "*", {"brightness": 1}, "bad_parameter"),
        ("signal_plan", "signal", "*", {}, "bad_parameter"),
        ("signal_plan", "signal", "*", {"plan": ""}, "bad_parameter"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    watch: Callable, type_: str, target_kind: str, target_id: str, params: dict[str, Any], code: str
) -> None:
    """A refused command is answered at once, with a code, and never ends or acts."""
    w = watch()
    city = w.world.city
    some = {"feeder": city.feeders.id, "cabinet": city.cabinets.id, "signal": city.signals.id}
    target = some[target_kind][0] if target_id == "*" else target_id
    applied = w.fleet.command(Command(command_id="x", type=type_, target_kind=target_kind, target_id=target, params=params), 0)
    assert not applied.accepted
    assert applied.reason.startswith(f"{code}: ")
    w.run(20_000)
    assert w.end_of("x") is None
