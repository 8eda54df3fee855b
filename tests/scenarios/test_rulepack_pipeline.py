"""Every alert of the rule pack, raised by truth through the whole pipeline: world, sensors, wire, rules, incidents.

Two runs share the work, because what is injected lies apart: a night of everything that can break, with crews that mend it, and
a morning rush. An alert without a proof here fails `test_every_alert_of_the_pack_is_proven`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops_center.events import Change, JudgementCommand
from ops_center.rulepack_page import FOLDER, entries
from scenarios.debrief import Firing, Judged, gather
from scenarios.run_ops import report_of
from scenarios.runner import HeadlessRun
from scenarios.setup import Setup, prepare

SCENARIO = """\
name: proof
title: {{vi: "Chứng minh", en: Proof}}
description: {{vi: "Mỗi cảnh báo có nguyên nhân thật", en: Each alert has a true cause}}
city: small
start_at: "{start_at}"
duration: 2 h
seed: 5
ordinary_life: false
"""
CROWD_PER_M2, CROWD_S = 6.0, 900.0  # how dense the crowd gets, and in what time
GHOST = "loop:nguyen_trai_1:1"
FULL_S = 600.0  # the queue behind the crash has filled its road and stands in the next; drivers who turn away keep it short
Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What happens at a time [min]: an inject, or a command of the operator to a place."""

    minute: float
    what: str
    params: Params = field(default_factory=dict)
    at: tuple[str, str] | None = None  # target of a command


@dataclass(frozen=True, slots=True)
class Proof:
    """An alert, which act raises it, where its labels and its incident say that it is.

    `after_s`: how long the act takes to make true what the alert is about, such as a crowd that grows.
    """

    alert: str
    act: str
    labels: Mapping[str, str]
    place: tuple[str, str]
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Play:
    """A run: when it begins, its acts by name, how long it takes [min]."""

    start_at: str
    acts: Mapping[str, Act]
    minutes: int
    one_each: bool = True  # each act begins one incident; not where water spreads, or two acts meet at one place


NIGHT = Play(
    "2026-03-03T21:54:00+07:00",
    {
        "feeder": Act(8, "feeder_outage", {"feeder": "feeder:02_2", "restore_s": 600}),
        "cabinet": Act(8, "cabinet_outage", {"cabinet": "cabinet:005"}),
        "phase": Act(8, "circuit_outage", {"cabinet": "cabinet:004", "phase": "L3"}),
        "leakage": Act(8, "cabinet_leakage", {"cabinet": "cabinet:006"}),
        "cabinet door": Act(8, "cabinet_door_open", {"cabinet": "cabinet:001"}),
        "six lamps": Act(8, "luminaire_failure", {"luminaire": "lamp:le_loi_1:5", "count": 6}),
        "one lamp": Act(8, "luminaire_failure", {"luminaire": "lamp:le_loi_3:7"}),
        "dark signal": Act(8, "signal_fault", {"signal": "signal:node_0002", "fault": "dark"}),
        "flash": Act(8, "signal_fault", {"signal": "signal:node_0003", "fault": "flash"}),
        "conflict": Act(8, "signal_fault", {"signal": "signal:node_0009", "fault": "conflict"}),
        "sos": Act(8, "sos_press", {"device": "sos:zone_02:1"}),
        "intrusion": Act(8, "intrusion", {"device": "door:zone_01:1", "duration_s": 600}),
        "crowd": Act(8, "crowd", {"zone": "zone_03", "density_per_m2": CROWD_PER_M2, "ramp_s": CROWD_S, "duration_s": 1200}),
        "dead camera": Act(8, "device_fault", {"device": "camera:node_0003", "fault": "dead", "duration_s": 600}),
        "dead loop": Act(8, "device_fault", {"device": "loop:le_loi_3:1", "fault": "dead", "duration_s": 1_200}),
        "stuck loop": Act(8, "device_fault", {"device": "loop:le_loi_1:1", "fault": "stuck", "duration_s": 1_200}),
        "reset": Act(12, "cabinet_reset", at=("cabinet", "cabinet:005")),
        "phase reset": Act(16, "cabinet_reset", at=("cabinet", "cabinet:004")),
        "guard": Act(12, "dispatch", {"unit": "patrol"}, ("cabinet", "cabinet:001")),
        "help": Act(12, "dispatch", {"unit": "patrol"}, ("device", "sos:zone_02:1")),
        "cabinet mended": Act(12, "dispatch", {"unit": "electrician"}, ("cabinet", "cabinet:006")),
        "dark signal mended": Act(12, "dispatch", {"unit": "electrician"}, ("signal", "signal:node_0002")),
        "six lamps mended": Act(12, "dispatch", {"unit": "lamp_crew"}, ("cabinet", "cabinet:002")),
        "flash mended": Act(27, "dispatch", {"unit": "electrician"}, ("signal", "signal:node_0003")),
        "conflict mended": Act(27, "dispatch", {"unit": "electrician"}, ("signal", "signal:node_0009")),
        "one lamp mended": Act(31, "dispatch", {"unit": "lamp_crew"}, ("luminaire", "lamp:le_loi_3:7")),
        "gateway": Act(28, "gateway_loss", {"gateway": "gateway:zone_01:2", "duration_s": 300}),
        "blind zone": Act(38, "backhaul_outage", {"zone": "zone_02", "duration_s": 240}),
        "blind city": Act(45, "backhaul_outage", {"duration_s": 240}),
    },
    minutes=52,
)
MORNING = Play(
    "2026-03-03T06:45:00+07:00",
    {
        "burner": Act(22, "day_burner", {"cabinet": "cabinet:004"}),
        "breakdown": Act(22, "stopped_vehicle", {"link": "le_loi_1", "duration_s": 300}),
        "crash": Act(22, "crash", {"link": "dien_bien_phu_1", "lanes": 6, "position": 1.0, "duration_s": 1_500}),
        "fire": Act(22, "fire", {"building": "building:00004", "duration_s": 600}),
        "burner mended": Act(54, "dispatch", {"unit": "electrician"}, ("cabinet", "cabinet:004")),
    },
    minutes=76,
)
STORM = Play(
    "2026-06-20T13:00:00+07:00",
    {
        "stuck": Act(2, "sluice_stuck", {"basin": "basin:01", "position": "open"}),
        "fog": Act(2, "weather", {"kind": "fog"}),
        "river": Act(2, "high_water", {"rise_m": 3.05, "duration_s": 3_600}),
        "heat": Act(14, "weather", {"kind": "heat"}),
        "sluice freed": Act(60, "dispatch", {"unit": "electrician"}, ("basin", "basin:01")),
        "cool": Act(36, "weather", {"kind": "clear"}),
        "typhoon": Act(12, "typhoon", {"max_wind_mps": 17, "radius_km": 8, "speed_mps": 15, "landfall_s": 2_000, "surge_m": 0}),
    },
    minutes=106,
    one_each=False,
)
LIES = Play(
    "2026-03-03T18:15:00+07:00",
    {
        "frozen camera": Act(8, "deception", {"device": "camera:node_0003", "way": "spoof", "duration_s": 1_200}),
        "replayed camera": Act(6, "deception", {"device": "camera:node_0002", "way": "replay", "duration_s": 1_800}),
        "replayed loop": Act(6, "deception", {"device": "loop:le_loi_1:1", "way": "replay", "duration_s": 900}),
        "slow clock": Act(6, "deception", {"device": "loop:le_loi_3:1", "way": "skew", "magnitude": -90, "duration_s": 900}),
        "dark lamps": Act(9, "luminaire_failure", {"luminaire": "lamp:le_loi_1:5", "count": 3}),
        "fake lamps": Act(8, "deception", {"device": "lamp:le_loi_1:5", "way": "spoof", "count": 3, "duration_s": 900}),
        "shot": Act(30, "gunshot", {"device": "acoustic:zone_03:1"}),
        "pane": Act(36, "glass_break", {"device": "acoustic:zone_03:1"}),
        "bag": Act(40, "abandoned_object", {"device": "camera:zone_03:1", "duration_s": 600}),
        "ghost jam": Act(
            26, "deception", {"device": GHOST, "way": "spoof", "values": "flow=40, speed=15, occupancy=0.7", "duration_s": 1_200}
        ),
        "crew": Act(24, "dispatch", {"unit": "lamp_crew"}, ("cabinet", "cabinet:002")),
    },
    minutes=60,
    one_each=False,
)
JUNCTIONS = {"dark signal": "node_0002", "flash": "node_0003", "conflict": "node_0009"}


def _feeder(alert: str, act: str, feeder: str) -> Proof:
    return Proof(alert, act, {"feeder": feeder}, ("feeder", feeder))


def _cabinet(alert: str, act: str, cabinet: str) -> Proof:
    return Proof(alert, act, {"cabinet": cabinet}, ("cabinet", cabinet))


def _device(alert: str, act: str, device: str) -> Proof:
    return Proof(alert, act, {"device_id": device}, ("device", device))


def _junction(alert: str, act: str) -> Proof:
    return Proof(alert, act, {"junction": JUNCTIONS[act]}, ("junction", JUNCTIONS[act]))


def _zone(alert: str, act: str, zone: str, after_s: float = 0.0) -> Proof:
    return Proof(alert, act, {"zone": zone}, ("zone", zone), after_s)


def _road(alert: str, act: str, road: str, after_s: float = 0.0) -> Proof:
    return Proof(alert, act, {"road": road}, ("road", road), after_s)


def _flooded(alert: str, after_s: float) -> Proof:
    return Proof(alert, "river", {"road": "ly_thuong_kiet_5"}, ("road", "ly_thuong_kiet_5"), after_s)


def _city(alert: str, act: str, after_s: float = 0.0) -> Proof:
    return Proof(alert, act, {"city": "small"}, ("city", "small"), after_s)


PROOFS: dict[str, tuple[Proof, ...]] = {
    "night": (
        _feeder("FeederLoss", "feeder", "feeder:02_2"),
        _feeder("JunctionsDark", "feeder", "feeder:02_2"),
        _cabinet("CabinetLoss", "cabinet", "cabinet:005"),
        _cabinet("CircuitLoss", "phase", "cabinet:004"),
        _cabinet("CabinetLeakage", "leakage", "cabinet:006"),
        _cabinet("CabinetDoorOpen", "cabinet door", "cabinet:001"),
        _cabinet("DarkCluster", "six lamps", "cabinet:002"),
        _device("LampOut", "one lamp", "lamp:le_loi_3:7"),
        _junction("SignalDark", "dark signal"),
        _junction("SignalFlash", "flash"),
        _junction("SignalConflict", "conflict"),
        _device("SosPressed", "sos", "sos:zone_02:1"),
        _zone("IntrusionAfterHours", "intrusion", "zone_01"),
        _zone("DoorOpenAfterHours", "intrusion", "zone_01"),
        _zone("CrowdDense", "crowd", "zone_03", CROWD_S * 3.5 / CROWD_PER_M2),
        _zone("CrowdCritical", "crowd", "zone_03", CROWD_S * 4.0 / CROWD_PER_M2),
        _zone("CrowdDangerous", "crowd", "zone_03", CROWD_S * 5.0 / CROWD_PER_M2),
        _device("CameraLost", "dead camera", "camera:node_0003"),
        _device("DeviceSilent", "dead loop", "loop:le_loi_3:1"),
        _device("DetectorStuck", "stuck loop", "loop:le_loi_1:1"),
        _device("GatewaySilent", "gateway", "gateway:zone_01:2"),
        _zone("ZoneBlind", "blind zone", "zone_02"),
        Proof("CityBlind", "blind city", {"city": "small"}, ("city", "small")),
    ),
    "morning": (
        _cabinet("DayBurner", "burner", "cabinet:004"),
        _device("StoppedVehicle", "breakdown", "camera:node_0002"),
        _road("RoadBlocked", "crash", "dien_bien_phu_1"),
        _road("QueueSpillback", "crash", "dien_bien_phu_1", FULL_S),
        *(_device(alert, "fire", "panel:building:00004") for alert in ("SmokeInBuilding", "BuildingFire", "AirCarriesSmoke")),
    ),
    "storm": (
        _city("DenseFog", "fog"),
        _city("ExtremeHeat", "heat"),
        _city("GustsLevel7", "typhoon", 1_800.0),
        _city("GustsLevel8", "typhoon", 3_600.0),
        Proof("SluiceLetsSeaIn", "stuck", {"device_id": "basin:01"}, ("road", "ly_thuong_kiet_5"), 120.0),
        _flooded("RoadWet", 1_500.0),
        _flooded("RoadFlooded", 2_400.0),
    ),
    "lies": (
        _zone("ShotHeard", "shot", "zone_03"),
        _zone("GlassBroken", "pane", "zone_03"),
        _device("ObjectUnattended", "bag", "camera:zone_03:1"),
        _device("ReadingsFrozen", "frozen camera", "camera:node_0003"),
        _device("ReadingsRepeat", "replayed camera", "camera:node_0002"),
        _device("ReadingsRepeat", "replayed loop", "loop:le_loi_1:1"),
        _device("ClockWrong", "slow clock", "loop:le_loi_3:1"),
        _cabinet("PowerContradicts", "fake lamps", "cabinet:002"),
        _road("FlowNotConserved", "ghost jam", "nguyen_trai_1"),
    ),
}
PLAYS = {"night": NIGHT, "morning": MORNING, "storm": STORM, "lies": LIES}
ALL = [(play, proof) for play, proofs in PROOFS.items() for proof in proofs]
COLUMNS = {
    name: row
    for path in sorted(FOLDER.glob("*.truth.yaml"))
    for name, row in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["alerts"].items()
}


@dataclass(frozen=True, slots=True)
class Played:
    """A play at its end: which truth each inject began, what the center made of it, the debrief."""

    truth: Mapping[str, Mapping[str, Any]]
    judged: Judged
    report: Mapping[str, Any]

    def firings(self, proof: Proof) -> list[Firing]:
        """The firings of an alert at the place of a proof."""
        return [
            f for f in self.judged.firings if f.alert["name"] == proof.alert and proof.labels.items() <= f.alert["labels"].items()
        ]


def play(setup: Setup, script: Play) -> Played:
    """Run a play by function call, as a headless run does, and debrief it."""
    changes: list[Change] = []
    run = HeadlessRun(setup, watch=changes.extend)
    for seq, (name, act) in enumerate(sorted(script.acts.items(), key=lambda item: item[1].minute), start=1):
        run.advance(round(act.minute * 60_000))
        if act.at is None:
            run.inject(name, act.what, dict(act.params))
            continue
        world = {"type": act.what, "target": {"kind": act.at[0], "id": act.at[1]}, "params": dict(act.params)}
        run.apply(JudgementCommand(f"c-{seq}", "world", act.at[1], run.now_ms, seq, "operator", world))
    run.advance(script.minutes * 60_000)
    events = {event["event_id"]: event for event in run.city.truth()}
    truth = {row["id"]: events[row["event_id"]] for row in run.city.fired}
    return Played(truth, gather(changes), report_of(run, changes))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> "Library":
    """The plays, each run once when it is first asked for."""
    return Library(tmp_path_factory.mktemp("proofs"), {})


@dataclass(frozen=True, slots=True)
class Library:
    """Plays that have been run."""

    folder: Path
    done: dict[str, Played]

    def __call__(self, name: str) -> Played:
        if name not in self.done:
            path = self.folder / "proof.yaml"
            path.write_text(SCENARIO.format(start_at=PLAYS[name].start_at), encoding="utf-8")
            self.done[name] = play(prepare(path), PLAYS[name])
        return self.done[name]


def test_every_alert_of_the_pack_is_proven() -> None:
    """Who adds an alert adds the truth that raises it."""
    assert {proof.alert for _, proof in ALL} == {entry.name for entry in entries()}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "proof"), ALL, ids=lambda value: getattr(value, "alert", None))
def test_truth_raises_the_alert_at_its_place(played: Library, name: str, proof: Proof) -> None:
    """It fires in the time that its sidecar claims, with the labels of the place, and stops in time when the truth has ended."""
    run, claim = played(name), COLUMNS[proof.alert]
    event = run.truth[proof.act]
    firings = run.firings(proof)
    assert firings, f"{proof.alert} never fired for {event}"
    true_ms = event["start_ms"] + round(proof.after_s * 1_000)
    assert event["start_ms"] < firings[0].fired_ms <= true_ms + claim["detect_within_s"] * 1_000
    assert event["end_ms"] is not None, f"nobody ended {event}"
    assert all(f.cleared_ms is not None and f.cleared_ms <= event["end_ms"] + claim["clear_within_s"] * 1_000 for f in firings)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "proof"), ALL, ids=lambda value: getattr(value, "alert", None))
def test_the_alert_belongs_to_one_incident_at_its_place(played: Library, name: str, proof: Proof) -> None:
    """However often it fires and whatever else fires there, it is one incident, at the place of the cause."""
    run = played(name)
    incidents = [run.judged.followed(firing.alert["incident_id"]) for firing in run.firings(proof)]
    places = {i["incident_id"]: (i["place"]["kind"], i["place"]["id"]) for i in incidents if i is not None}
    assert list(places.values()) == [proof.place]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYS)
def test_nothing_else_is_raised(played: Library, name: str) -> None:
    """Every firing speaks of a truth, and each inject is one incident."""
    run = played(name)
    assert run.report["unexplained_alerts"] == []
    opened = [i for i in run.judged.incidents.values() if not i.get("merged_into")]
    assert not PLAYS[name].one_each or len(opened) == len(run.truth), [(i["place"]["id"], i["title"]["en"]) for i in opened]


@pytest.mark.slow
def test_titles_name_the_cause_and_its_place_once(played: Library) -> None:
    """The feeder's loss is on top of its dark junctions, and no name repeats the word before it (Camera Camera Lê Lợi)."""
    opened = list(played("night").judged.incidents.values())
    feeder = next(i for i in opened if i["place"]["kind"] == "feeder")
    assert feeder["title"]["en"].endswith("has lost its supply")
    for title in (text.casefold().split() for i in opened for text in i["title"].values()):
        assert all(a != b for a, b in pairwise(title)), title
