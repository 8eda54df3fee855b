"""Alerts group by their highest common cause, whatever the order in which they come."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center.alerts import Alert, Alerts, set_condition
from ops_center.grouping import Key, candidate_keys, gathered_keys, own_key
from ops_center.incident_book import IncidentBook
from ops_center.incidents import REGROUP_MS

FEEDERS, CABINETS, LAMPS = 2, 6, 20


def alert(name: str, severity: str, annotations: dict[str, str] | None = None, **labels: str) -> Alert:
    full = {"alertname": name, "severity": severity, **labels}
    return Alert("-".join([name, *labels.values()]), name, severity, full, annotations or {})


def blackout(feeder: int) -> list[Alert]:
    """Everything that the loss of one feeder sets off: 1 feeder, 3 cabinets, 60 lamps, 2 signals, 3 cameras, 1 crossing."""
    f = {"feeder": f"F{feeder}"}
    root = alert("FeederLoss", "critical", domain="lighting", scope="feeder", **f)
    places = [{**f, "cabinet": f"C{feeder}{cabinet}"} for cabinet in range(CABINETS // FEEDERS)]
    cabinets = [alert("CabinetLoss", "major", domain="lighting", scope="cabinet", **c) for c in places]
    lamps = [
        alert("LampDark", "minor", domain="lighting", scope="device", device_id=f"lamp:{c['cabinet']}:{n}", **c)
        for c in places
        for n in range(LAMPS)
    ]
    signals = [alert("SignalDark", "major", domain="traffic", scope="junction", junction=f"J{feeder}{i}", **f) for i in range(2)]
    seen = {"domain": "security", "scope": "device", "zone": "z", **f}
    cameras = [alert("CameraLost", "minor", device_id=f"cam:{feeder}{i}", **seen) for i in range(3)]
    return [root, *cabinets, *lamps, *signals, *cameras]


def fire(book: IncidentBook, alerts: Alerts, found: Sequence[Alert], now_ms: int) -> None:
    for one in found:
        alerts.by_fingerprint[one.fingerprint] = one
        set_condition(one, "fire", now_ms, now_ms)
    book.fired(found, now_ms)


def new_book() -> tuple[Alerts, IncidentBook]:
    alerts = Alerts()
    return alerts, IncidentBook(alerts, dict)


def partition(book: IncidentBook) -> dict[Key, frozenset[str]]:
    return {incident.key: frozenset(incident.alerts) for incident in book.open()}


def test_a_feeder_loss_with_240_alerts_is_one_incident() -> None:
    """240 alerts that hang on one feeder are one incident at the feeder, its loss on top, the others kept quiet."""
    alerts, book = new_book()
    c = {"feeder": "F1", "domain": "lighting"}
    lamps = [alert("LampDark", "minor", scope="device", device_id=f"l{i}", cabinet=f"C{i % 8}", **c) for i in range(239)]
    fire(book, alerts, lamps[:100], 15_000)
    fire(book, alerts, [alert("FeederLoss", "critical", {"summary": "Feeder F1 lost"}, scope="feeder", **c)], 30_000)
    fire(book, alerts, lamps[100:], 45_000)
    (incident,) = book.open()
    assert (incident.key, incident.alert_count, incident.title["en"]) == (Key("feeder", "F1"), 240, "Feeder F1 lost")
    assert sum(a.suppressed is None for a in alerts.by_fingerprint.values()) == 1
    assert all(i.merged_into == incident.incident_id for i in book.by_id.values() if i is not incident)


@pytest.mark.slow
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_the_order_of_alerts_does_not_matter(random: object, sizes: list[int]) -> None:
    """Two blackouts whose alerts come in any order and in any portions end as the same two incidents."""
    found = [*blackout(0), *blackout(1)]
    random.shuffle(found)  # type: ignore[attr-defined]
    alerts, book = new_book()
    now_ms = 0
    while found:
        size, now_ms = sizes[now_ms // 1000 % len(sizes)], now_ms + 1000
        portion, found = found[:size], found[size:]
        fire(book, alerts, portion, now_ms)
    expected = {Key("feeder", f"F{f}"): frozenset(a.fingerprint for a in blackout(f)) for f in (0, 1)}
    assert partition(book) == expected
    assert all(a.incident_id in {i.incident_id for i in book.open()} for a in alerts.by_fingerprint.values())


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_without_a_root_alerts_stay_at_their_own_places(random: object) -> None:
    """Cabinets lost without their feeder are an incident each, with their lamps; other alerts keep to themselves."""
    found = [a for a in blackout(0) if a.name != "FeederLoss"]
    random.shuffle(found)  # type: ignore[attr-defined]
    alerts, book = new_book()
    for i, one in enumerate(found):
        fire(book, alerts, [one], i * 1000)
    by_key = partition(book)
    assert {k: len(v) for k, v in by_key.items() if k.level == "cabinet"} == {
        Key("cabinet", f"C0{c}"): LAMPS + 1 for c in range(3)
    }
    assert len([k for k in by_key if k.level == "junction"]) == 2 and len([k for k in by_key if k.level == "device"]) == 3


def test_acknowledgement_and_owner_survive_a_merge() -> None:
    """What a person did to an incident holds for the one that it is merged into."""
    alerts, book = new_book()
    cabinets = [a for a in blackout(0) if a.name == "CabinetLoss"]
    for i, one in enumerate(cabinets):
        fire(book, alerts, [one], i * 1000)
    second = book.open()[1]
    second.acknowledged_by, second.acknowledged_ms, second.owner = "An", 1_500, "Bình"
    fire(book, alerts, [a for a in blackout(0) if a.name == "FeederLoss"], 9_000)
    (left,) = book.open()
    assert (left.incident_id, left.acknowledged_by, left.owner) == ("INC-00001", "An", "Bình")
    assert book.follow(second.incident_id) is left and second.state == "closed"


def test_a_late_alert_joins_until_the_incident_is_long_over() -> None:
    """An alert a little after the end joins and reopens the incident; one long after begins a new one."""
    alerts, book = new_book()
    root, lamp = blackout(0)[0], blackout(0)[4]
    fire(book, alerts, [root], 0)
    set_condition(root, "clear", 60_000, 0)
    book.cleared([root], 60_000)
    assert book.open()[0].state == "resolved"
    fire(book, alerts, [lamp], 120_000)
    assert [i.state for i in book.open()] == ["reported"]
    set_condition(lamp, "clear", 180_000, 120_000)
    book.cleared([lamp], 180_000)
    fire(book, alerts, [root], 180_000 + REGROUP_MS)
    assert [i.incident_id for i in book.open()] == ["INC-00001", "INC-00002"]


def test_a_root_may_gather_by_a_label_of_its_own_choice() -> None:
    """`groups: ward` makes a root gather the alerts of its ward, of any domain; others stay."""
    alerts, book = new_book()
    in_ward = alert("Crowd", "major", domain="security", scope="device", device_id="cam:1", ward="An Biên")
    other = alert("Crowd", "major", domain="security", scope="device", device_id="cam:2", ward="Lê Chân")
    fire(book, alerts, [in_ward, other], 0)
    fire(
        book,
        alerts,
        [alert("WardBlind", "critical", {"groups": "ward"}, domain="trust", scope="zone", zone="z", ward="An Biên")],
        1,
    )
    assert sorted(len(i.alerts) for i in book.open()) == [1, 2]


def test_keys_of_an_alert() -> None:
    """An alert groups at its scope, may be gathered by higher power places, never by a zone it merely lies in."""
    labels = {"alertname": "X", "scope": "junction", "junction": "J1", "feeder": "F1", "zone": "z", "domain": "traffic"}
    assert own_key(labels) == Key("junction", "J1", "traffic")
    assert candidate_keys(labels) == (Key("feeder", "F1"), Key("junction", "J1", "traffic"))
    assert own_key({"alertname": "Tide"}) == Key("rule", "Tide")
    assert gathered_keys({"scope": "road", "road": "R"}, {"group_by": "feeder"}) == (Key("road", "R"),)
