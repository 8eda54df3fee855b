"""Firings laid beside truth: each incident is met in one way, each alarm is one thing, and what made a false one is said."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.claims import Claim
from scenarios.rulebench.causes import Causes
from scenarios.rulebench.matching import FLOOD_COUNT, FLOOD_MS, flood_ms, peak_10_min

sys.path.insert(0, str(Path(__file__).parent))
import score_kit as kit
from score_kit import CITY, MINUTE, crash, event, firing, matched, recorded

ROAD, THIRD = CITY.links.id[0], CITY.links.id[2]


def case(made: Any, *firings: Any, **rest: Any) -> Any:
    """How the one crash was met."""
    (found,) = matched(made, *firings, **rest).cases["Blocked"]
    return found


def verdicts(made: Any, *firings: Any) -> list[str]:
    return [one.verdict for one in matched(made, *firings).raised]


def test_an_alert_in_time_and_place_detects() -> None:
    """It counts from the beginning of the truth; one exactly at the end of the tolerance is in time."""
    made = recorded(crash(1, ROAD, 20, 40))
    assert (case(made, firing(22, 41, road=ROAD)).status, case(made, firing(22, 41, road=ROAD)).after_ms) == (
        "detected",
        2 * MINUTE,
    )
    assert case(made, firing(25, 41, road=ROAD)).status == "detected"
    assert verdicts(made, firing(22, 41, road=ROAD)) == ["detection"]


def test_an_alert_after_its_tolerance_is_late() -> None:
    """Late is neither detected nor a false alarm."""
    made = recorded(crash(1, ROAD, 20, 40))
    assert case(made, firing(25.01, 41, road=ROAD)).status == "late"
    assert verdicts(made, firing(25.01, 41, road=ROAD)) == ["late"]


def test_what_no_alert_said_is_missed() -> None:
    """Elsewhere does not count, before does not count, another alert does not count."""
    made = recorded(crash(1, ROAD, 20, 40))
    far = CITY.links.id[-1]
    assert case(made).status == "missed"
    assert case(made, firing(22, 41, road=far)).status == "missed" and verdicts(made, firing(22, 41, road=far)) == ["false"]
    assert case(made, firing(19, 19.5, road=ROAD)).status == "missed"
    assert case(made, firing(22, 41, rule="Other", road=ROAD)).status == "missed"
    assert verdicts(made, firing(22, 41, rule="Other", road=ROAD)) == ["unclaimed"]


def test_a_queue_is_seen_first_on_the_road_behind() -> None:
    """An alert on the road that leads into the blocked one is about it, as in a debrief."""
    made = recorded(crash(1, ROAD, 20, 40))
    behind = made.places.behind([ROAD])[0]
    assert case(made, firing(22, 41, road=behind)).status == "detected"


def test_what_is_only_spoken_of_is_never_missed() -> None:
    """An alert that may speak of a crash promises none: silence is no miss, and what it says is neither false nor lost."""
    made, claims = recorded(crash(1, ROAD, 20, 40)), {"Blocked": replace(kit.BLOCKED, also=("traffic_incident",))}
    silent = matched(made, claims=claims)
    assert silent.cases["Blocked"] == [] and silent.together() == []
    said = matched(made, firing(22, 41, road=ROAD), claims=claims)
    assert said.cases["Blocked"] == [] and [one.verdict for one in said.raised] == ["detection"]
    ((_, found, by),) = said.together()
    assert (found.status, by) == ("detected", ["Blocked"])


def test_an_alert_may_claim_what_has_another_cause_or_has_none() -> None:
    """A junction that is dark with its feeder is told by an alert of the feeder, and one that is dark alone by its own."""
    node, feeder = CITY.nodes.id[CITY.signals.nodes[0][0]], CITY.feeders.id[CITY.signals.feeder[0]]
    alone = event(1, "signal_dark", ("node", node), 20, 40)
    claims = {
        "Feeder": Claim(("signal_dark",), "feeder", "feeder", MINUTE, only=(("caused", ("yes",)),)),
        "Own": Claim(("signal_dark",), "junction", "node", MINUTE, only=(("caused", ("no",)),)),
    }
    firings = (firing(20.5, 41, rule="Feeder", feeder=feeder), firing(20.5, 41, rule="Own", junction=node))
    for truth, true, false in ((alone, "Own", "Feeder"), (alone | {"cause_id": "truth-9"}, "Feeder", "Own")):
        found = matched(recorded(truth), *firings, claims=claims)
        assert [one.status for one in found.cases[true]] == ["detected"] and found.cases[false] == []
        assert {one.alert: one.verdict for one in found.raised} == {true: "detection", false: "false"}


def test_a_dark_junction_is_seen_first_on_the_roads_that_lead_to_it() -> None:
    """A queue on an approach is about the signal; one on a road that leads away is not."""
    node = CITY.signals.nodes[0][0]
    into = CITY.links.to_node.index(node)
    away = CITY.links.from_node.index(node)
    made = recorded(event(1, "signal_dark", ("node", CITY.nodes.id[node]), 20, 40))
    claims = {"Blocked": replace(kit.BLOCKED, truth=("signal_dark",))}
    for link, status in ((into, "detected"), (away, "missed")):
        (found,) = matched(made, firing(22, 41, road=CITY.links.id[link]), claims=claims).cases["Blocked"]
        assert found.status == status


def test_what_the_end_cut_off_is_open_and_what_nobody_sees_is_out_of_sight() -> None:
    """Neither is a miss: the first could still have been detected, the second by no sensor of the rule."""
    assert case(recorded(crash(1, ROAD, 57))).status == "open"
    assert case(recorded(crash(1, ROAD, 57)), firing(59, road=ROAD)).status == "detected"
    assert case(recorded(crash(1, ROAD, 20)), places=frozenset((CITY.links.id[-1],))).status == "out_of_sight"
    assert case(recorded(crash(1, ROAD, 20)), places=frozenset((ROAD,))).status == "missed"


def test_the_warm_up_is_not_scored() -> None:
    """Truth that began in it is asked of nobody, but explains; firings of it are no alarms."""
    made = recorded(crash(1, ROAD, 8, 40))
    found = matched(made, firing(9, 11, road=ROAD), firing(12, 41, road=ROAD))
    assert found.cases["Blocked"] == [] and len(found.alarms) == 1
    assert [one.verdict for one in found.raised] == ["known", "repeat"]


def test_more_alarms_of_one_incident_are_repeats() -> None:
    """Of other roads too: the operator gets them all. The truth without any alert firing is told in between."""
    made = recorded(crash(1, ROAD, 20, 40))
    behind = made.places.behind([ROAD])[0]
    alarms = (firing(22, 30, road=ROAD), firing(24, 26, road=behind), firing(33, 45, road=ROAD))
    found = case(made, *alarms)
    assert (found.status, found.repeats, found.early_ms) == ("detected", 2, 3 * MINUTE)
    assert verdicts(made, *alarms) == ["detection", "repeat", "repeat"]


def test_an_alert_that_clears_while_the_truth_lasts_was_too_early() -> None:
    """To the end of the truth, or of the run where it lasts on; an alert that goes with the truth is right."""
    assert case(recorded(crash(1, ROAD, 20, 40)), firing(22, 35, road=ROAD)).early_ms == 5 * MINUTE
    assert case(recorded(crash(1, ROAD, 20)), firing(22, 35, road=ROAD)).early_ms == 25 * MINUTE
    assert case(recorded(crash(1, ROAD, 20, 40)), firing(22, 41, road=ROAD)).early_ms == 0
    assert case(recorded(crash(1, ROAD, 20, 40)), firing(22, road=ROAD)).early_ms == 0


def test_an_alert_that_stays_longer_than_it_claims_overstays() -> None:
    """Two minutes after the end of the truth is what the claim allows."""
    made = recorded(crash(1, ROAD, 20, 40))
    assert not case(made, firing(22, 42, road=ROAD)).overstayed
    assert case(made, firing(22, 42.1, road=ROAD)).overstayed
    assert not case(recorded(crash(1, ROAD, 20, 59)), firing(22, road=ROAD)).overstayed, "the run ended before it could tell"


def test_a_second_incident_under_an_alert_that_fires_already_is_seen() -> None:
    """It counts as detected, without a time: nothing new came. Under a false alarm it does not."""
    made = recorded(crash(1, ROAD, 20, 40), crash(2, ROAD, 30, 50))
    first, second = matched(made, firing(22, 55, road=ROAD)).cases["Blocked"]
    assert (first.after_ms, second.status, second.after_ms) == (2 * MINUTE, "detected", None)
    made = recorded(crash(2, ROAD, 30, 50))
    assert case(made, firing(22, 55, road=ROAD)).status == "missed"


def test_what_an_alert_does_not_claim_of_a_kind_is_none_of_its_business() -> None:
    """`only` picks truth by its attributes, of those that it has."""
    made = recorded(event(1, "device_fault", ("device", "loop:a:1"), 20, fault="drift"))
    claim = Claim(("device_fault",), "device_id", "device", 5 * MINUTE, None, (("fault", ("stuck", "dead")),))
    assert matched(made, claims={"Stuck": claim}).cases["Stuck"] == []
    lie = recorded(
        event(1, "deception", ("device", "loop:a:1"), 20, way="spoof"), event(2, "deception", ("device", "a"), 20, way="skew")
    )
    claim = Claim(("deception",), "device_id", "device", 5 * MINUTE, None, (("fault", ("stuck",)), ("way", ("spoof",))))
    assert [case.event_id for case in matched(lie, claims={"Spoofed": claim}).cases["Spoofed"]] == ["truth-1"]


def test_all_alerts_together_meet_an_incident_once() -> None:
    """The first of them counts; the others are repeats for the operator; the best of all is how it was met."""
    made = recorded(crash(1, ROAD, 20, 40), crash(2, CITY.links.id[-1], 20, 40))
    claims = {"Blocked": kit.BLOCKED, "Camera": Claim(("traffic_incident",), "road", "link", MINUTE)}
    found = matched(made, firing(23, 41, road=ROAD), firing(21, 22, rule="Camera", road=ROAD), claims=claims)
    (_, met, by), (_, unmet, nobody) = found.together()
    assert (met.status, met.after_ms, met.repeats, by) == ("detected", MINUTE, 1, ["Camera", "Blocked"])
    assert met.early_ms == MINUTE, "between the camera's alert and the loops' nobody said anything"
    assert (unmet.status, nobody) == ("missed", [])


# -- causes


def cause(made: Any, *firings: Any, claims: dict[str, Claim] | None = None) -> str:
    """The cause of the one false alarm."""
    found = matched(made, *firings, claims=claims)
    Causes(found).explain()
    (one,) = [one for one in found.raised if one.verdict == "false"]
    assert one.cause is not None and one.cause["vi"] and one.cause["en"]
    return str(one.cause["cause"])


FAULT = event(1, "device_fault", ("device", f"loop:{ROAD}:1"), 15, fault="stuck")
LIE = event(1, "deception", ("device", f"loop:{ROAD}:1"), 15, way="spoof")


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([FAULT], "stuck"),
        ([LIE], "spoof"),
        ([crash(1, ROAD, 12, 14)], "too_late"),
        ([crash(1, ROAD, 51)], "too_early"),
        ([event(1, "road_closure", ("link", ROAD), 40)], "road_closure"),
        ([event(1, "road_closure", ("link", ROAD), 12, 20)], "unexplained"),
        ([event(1, "luminaire_failure", ("link", ROAD), 40)], "unexplained"),
        ([event(1, "crowd", ("link", ROAD), 40)], "crowd"),
        ([event(1, "backhaul_outage", ("city", "small"), 45)], "no_way"),
        ([event(1, "weather", ("city", "small"), 45, kind="rain")], "weather"),
        ([event(1, "downpour", ("city", "small"), 45)], "rain"),
        ([FAULT, crash(2, THIRD, 12, 14)], "stuck"),
        ([], "unexplained"),
    ],
)  # fmt: skip
def test_a_false_alarm_has_the_cause_that_was_true_there(truth: list[Any], expected: str) -> None:
    """The nearest first; what is over too long, or of another trade, does not explain; nothing is said to be nothing."""
    assert cause(recorded(*truth), firing(50, 52, road=ROAD, device_id=f"loop:{ROAD}:1")) == expected


def test_a_queue_that_has_grown_far_explains() -> None:
    """Three roads behind a crash is farther than the claim reaches, but the crash is the reason."""
    places, near, edge = recorded().places, {ROAD}, [ROAD]
    for _ in range(3):
        near |= set(edge)
        edge = [name for name in places.behind(edge) if name not in near]
    alarm, queue = firing(50, 52, road=edge[0]), kit.quiet(queue_m=80.0)
    assert cause(recorded(crash(1, ROAD, 40), around=queue), alarm) == "spread"
    assert cause(recorded(crash(1, ROAD, 40)), alarm) == "unexplained", "there is no queue on that road"
    assert cause(recorded(around=queue), alarm) == "queue", "and here there is no crash"


def test_a_full_road_without_a_reason_is_demand() -> None:
    """Truth has no event for the rush hour, but it knows how full the road was."""
    made = recorded(around=kit.quiet(density=0.5))
    assert cause(made, firing(50, 52, road=ROAD)) == "congestion"
    surge = event(1, "demand_surge", ("zone", CITY.zones.id[0]), 45)
    assert cause(recorded(surge, around=kit.quiet(density=0.5)), firing(50, 52, road=ROAD)) == "demand_surge"
    assert cause(recorded(around=kit.quiet(density=0.1)), firing(50, 52, road=ROAD)) == "unexplained"


def test_rain_and_people_explain_what_nothing_nearer_does() -> None:
    """Rain that the scenario begins with has no event either."""
    assert cause(recorded(around=kit.quiet(rain=6.0)), firing(50, 52, road=ROAD)) == "rain"
    crowd = {"Crowd": Claim(("crowd",), "zone", "zone", MINUTE)}
    alarm = firing(50, 52, rule="Crowd", zone=CITY.zones.id[0])
    assert cause(recorded(around=kit.quiet(people=2.5)), alarm, claims=crowd) == "people"


@pytest.mark.parametrize(("how", "expected"), [("headlights", "headlights"), ("rain", "rain_on_lens"), ("insects", "insects")])
def test_what_cameras_take_for_somebody_has_its_own_word(how: str, expected: str) -> None:
    """Glare is not insects."""
    camera = next(name for name in CITY.devices.id if name.startswith("camera"))
    claims = {"Intruder": Claim(("intrusion",), "device_id", "device", MINUTE)}
    made = recorded(event(1, "nuisance", ("device", camera), 49, 51, cause=how))
    assert cause(made, firing(50, 52, rule="Intruder", device_id=camera), claims=claims) == expected


# -- floods


def test_a_flood_is_more_than_ten_alarms_in_ten_minutes() -> None:
    """Eleven alarms a minute apart: from the eleventh until the first is ten minutes old; ten are none."""
    ten, eleven = [n * 30_000 for n in range(10)], [n * 30_000 for n in range(11)]
    assert flood_ms(ten, 0, 3_600_000) == 0 and flood_ms(eleven, 0, 3_600_000) == FLOOD_MS - 300_000
    assert flood_ms(eleven, 0, 400_000) == 100_000, "no longer than the run"
    assert peak_10_min(eleven) == 11 and peak_10_min([]) == 0 and peak_10_min([0, 600_000]) == 1


@given(st.lists(st.integers(0, 3_600_000), max_size=60).map(sorted))
def test_flood_time_is_what_counting_at_each_second_finds(times: list[int]) -> None:
    """The share of seconds at which more than ten alarms lie in the ten minutes before, to a second an edge."""
    seconds = sum(sum(at - FLOOD_MS < ms <= at for ms in times) > FLOOD_COUNT for at in range(0, 3_600_000, 1_000))
    assert abs(flood_ms(times, 0, 3_600_000) - seconds * 1_000) <= 1_000 * max(len(times), 1)
