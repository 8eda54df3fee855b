"""Commands that no single device takes: each is accepted, done, and changes the city where it physically would."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulator.traffic.guidance import Order
from simulator.traffic.routing import CLOSED_S

Watch = Callable[..., Any]


def busiest(world: Any) -> int:
    """The link that most vehicles pass and that has another way beside it."""
    roads = world.traffic.roads.state
    passed = roads.passed[world.traffic.net.last]
    return int(np.argmax(passed))


def passed_in(w: Any, link: int, minutes: int) -> float:
    """Vehicles that leave a link in the next minutes."""
    cell = int(w.world.traffic.net.last[link])
    before = float(w.world.traffic.roads.state.passed[cell])
    w.run(w.world.scheduler.now_ms + minutes * 60_000)
    return float(w.world.traffic.roads.state.passed[cell]) - before


def done(w: Any, command_id: str, ms: int = 90_000) -> str:
    """Run until a command must have ended; return its state and reason."""
    w.run(w.world.scheduler.now_ms + ms)
    end = w.end_of(command_id)
    assert end is not None
    return f"{end.state} {end.reason}".strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("type_", "params", "least", "most"),
    [
        ("message_sign", {"text": "Ùn tắc phía trước", "advice": "divert"}, 0.05, 0.95),
        ("vehicle_ban", {"vehicles": "motorcycles"}, 0.1, 0.9),
        ("road_close", {}, 0.0, 0.2),
    ],
)
def test_orders_on_a_road_send_drivers_elsewhere(
    watch: Watch, type_: str, params: dict[str, Any], least: float, most: float
) -> None:
    """A sign diverts a share, a ban a class, a closure all but those who were there; vehicles are conserved."""
    plain, ordered = watch(), watch()
    for w in (plain, ordered):
        w.run(600_000)
    link = busiest(plain.world)
    assert done(ordered, ordered.order(type_, "link", plain.world.city.links.id[link], **params)) == "done"
    plain.run(690_000)
    for w in (plain, ordered):
        w.run(1_050_000)
    share = passed_in(ordered, link, 10) / passed_in(plain, link, 10)
    assert least <= share <= most
    totals = ordered.world.traffic.totals()
    assert totals["entered"] == pytest.approx(totals["left"] + totals["on_road"] + totals["waiting"], abs=1e-6)


def test_a_speed_limit_slows_and_ends_by_itself(watch: Watch) -> None:
    """On an empty road nobody drives faster than the limit, and after its time all do again."""
    w = watch()
    link = w.world.city.links.id[0]
    free = float(w.world.traffic.net.free_speed_mps[0])
    assert done(w, w.order("speed_limit", "link", link, speed_kmh=20.0, until_s=300)) == "done"
    assert w.world.traffic.guidance.speed_factors()[0] == pytest.approx(20.0 / 3.6 / free)
    w.run(w.world.scheduler.now_ms + 300_000)
    assert w.world.traffic.guidance.speed_factors()[0] == 1.0


def test_a_closed_road_is_opened_again_and_an_open_one_is_said_to_be(watch: Watch) -> None:
    """Closing begins a truth, opening ends it; opening twice fails with a reason; a sign that is not there cannot be cleared."""
    w = watch()
    link = w.world.city.links.id[3]
    assert done(w, w.order("road_close", "link", link)) == "done"
    assert [e.place.id for e in w.world.truth.open("road_closure")] == [link]
    assert done(w, w.order("road_open", "link", link)) == "done"
    assert not w.world.truth.open("road_closure")
    assert done(w, w.order("road_open", "link", link)).startswith("failed not_closed: ")
    assert done(w, w.order("message_sign", "link", link, text="hết", advice="clear")).startswith("failed no_sign: ")
    assert done(w, w.order("vehicle_ban", "link", link, vehicles="none")).startswith("failed no_ban: ")


def test_orders_mix_by_their_shares(watch: Watch) -> None:
    """Drivers who follow see a longer road, the others do not; the shares of all turns stay what a link lets out."""
    w = watch()
    w.run(300_000)
    traffic = w.world.traffic
    seen: list[float] = []

    def route(cost_s: Any) -> Any:
        seen.append(float(cost_s[2]))
        return traffic.roads.shares

    traffic.guidance.give(Order("sign", 2, 0.3, 900.0))
    traffic.guidance.give(Order("ban", 2, 0.45, CLOSED_S))
    cost = np.full(traffic.net.n_links, 10.0)
    mixed = traffic.guidance.shares(cost, route)
    assert sorted(seen) == [10.0, 910.0, CLOSED_S]
    assert np.allclose(mixed.turn, traffic.roads.shares.turn, atol=1e-12)


@pytest.mark.slow
def test_a_crowd_is_metered_let_out_and_spoken_to(watch: Watch) -> None:
    """Stopped, it grows no more; a second exit takes people out; both are seen by the cameras of the zone."""
    grown = {}
    for name, orders in (
        ("left alone", ()),
        ("stopped", ("crowd_inflow",)),
        ("let out", ("crowd_inflow", "second_exit", "announcement")),
    ):
        w = watch()
        zone = w.world.city.zones.id[1]
        w.run(60_000)
        w.world.inject("crowd", {"zone": zone, "density_per_m2": 5.0, "ramp_s": 600, "duration_s": 3_600}, 60_000)
        w.run(300_000)
        params = {"crowd_inflow": {"inflow": "stopped"}, "announcement": {"text": "Xin đi chậm"}}
        ends = [w.order(order, "zone", zone, **params.get(order, {})) for order in orders]
        assert all(done(w, end) == "done" for end in ends)
        w.run(900_000)
        (crowd,) = [h for h in w.world.security.happenings if h.kind == "crowd"]
        grown[name] = crowd.now(900_000)
    assert grown["left alone"] == 5.0
    assert 2.0 <= grown["stopped"] <= 3.5
    assert grown["let out"] < 0.6 * grown["stopped"]


@pytest.mark.slow
def test_air_handling_spreads_smoke_until_it_is_told(watch: Watch) -> None:
    """In normal mode smoke reaches the second zone; switched off it hardly does; in smoke mode it is drawn out; a patrol or fire
    engine on scene ends the fire."""
    second = {}
    for mode in ("normal", "off", "smoke"):
        w = watch()
        building = w.world.city.buildings.id[int(w.world.indoor.building[0])]
        w.world.inject("fire", {"building": building}, 0)
        assert done(w, w.order("ventilation", "building", building, mode=mode), 30_000) == "done"
        w.run(600_000)
        second[mode] = float(w.world.indoor.smoke[0, 1])
    assert second["normal"] > 5 * second["off"] > 0
    assert second["smoke"] < second["off"]
    assert w.readings("fire_panel", f"panel:{building}")[-1]["air_mode"] == 2
    assert w.world.emergencies.attend("fire", w.world.truth.open("fire")[0].place, 600_000) == ["fire"]
    w.run(1_800_000)
    assert not w.world.truth.open("fire") and w.world.indoor.smoke.max() < 0.05
    other = next(b for b in w.world.city.buildings.id if w.world.indoor.row_of(b) < 0)
    assert done(w, w.order("ventilation", "building", other), 30_000).startswith("failed no_panel: ")
    w.world.inject("fire", {"building": other}, w.world.scheduler.now_ms)
    w.run(w.world.scheduler.now_ms + 600_000)
    assert w.world.indoor.smoke.max() < 0.05


def test_another_authority_is_told_enough_or_refuses(watch: Watch) -> None:
    """A word too few is refused with what is missing; held trucks do not set out."""
    w = watch()
    link = w.world.city.links.id[0]
    assert done(w, w.order("tell", "link", link, to="neighbour_city", text="giúp")).startswith("failed refused: neighbour_city")
    said = "Tai nạn liên hoàn, hai làn bị chiếm từ 06:10"
    assert done(w, w.order("tell", "link", link, to="neighbour_city", subject="hold_trucks", text=said)) == "done"
    zone = w.world.city.links.zone[0]
    assert w.world.traffic.demand.factor[zone] == pytest.approx(0.8)


def test_a_green_wave_needs_a_way_and_a_junction(watch: Watch) -> None:
    """Signals along the way are shifted; a place that is none is refused with its name."""
    w = watch()
    nodes = w.world.city.nodes.id
    outcome = done(w, w.order("green_wave", "node", nodes[0], to=nodes[-1]))
    assert outcome == "done" or outcome.startswith("failed no_")
    assert (
        done(w, w.order("green_wave", "node", nodes[0], to="nowhere")) == "failed unknown_target: the city has no node 'nowhere'"
    )


@pytest.mark.slow
def test_orders_crowds_and_fires_are_saved_and_loaded(watch: Watch) -> None:
    """A world that was saved in the middle of all of it goes on as the one that was not."""
    first, second = watch(), watch()
    for w in (first, second):
        link, zone = w.world.city.links.id[2], w.world.city.zones.id[0]
        w.world.inject("crowd", {"zone": zone, "ramp_s": 600}, 0)
        w.world.inject("fire", {}, 0)
        w.order("vehicle_ban", "link", link, vehicles="cars", until_s=400)
        w.order("crowd_inflow", "zone", zone, inflow="metered")
        w.run(200_000)
    saved = first.world.snapshot()
    third = watch()
    third.world.restore(saved)
    for world in (first.world, third.world):
        world.run_until(700_000)
    assert np.array_equal(first.world.traffic.roads.state.vehicles, third.world.traffic.roads.state.vehicles)
    assert np.array_equal(first.world.indoor.smoke, third.world.indoor.smoke)
    assert [h.strength for h in first.world.security.happenings] == [h.strength for h in third.world.security.happenings]
    assert not first.world.traffic.guidance.orders and not third.world.traffic.guidance.orders
