"""Silence ends an alert, as in Prometheus, but no incident: that is over when somebody says so."""

import pytest

from ops_center.events import JudgementCommand
from ops_center.incident_book import SPOKEN_MS
from ops_center.incidents import Incident
from ops_center.pipeline import Center
from ops_center.rulepack_page import FOLDER, rule_files
from ops_center.rules.files import load_files
from ops_center.rules.witnesses import witnesses
from sensors.kinds import load_kinds
from tests.ops_center.small_city import SmallCity, config, fed, opening

LOST_MS, SILENT_MS, SPEAKS_MS = 60_000, 300_000, 900_000


class Town:
    """The small city with a center: a feeder is lost after a minute, and after five nobody speaks any more."""

    def __init__(self, silent: bool = True) -> None:
        self.city, self.center = SmallCity(), fed(opening())
        self.until(LOST_MS)
        self.city.lose_feeder(0)
        self.until(SILENT_MS)
        self.speaks = not silent

    def until(self, now_ms: int) -> "Town":
        """Go on; who is silent sends nothing but the time."""
        if getattr(self, "speaks", True):
            frames = self.city.until(now_ms)
        else:
            frames = [self.city.barrier(at_ms) for at_ms in range(self.city.now_ms + 1_000, now_ms + 1, 1_000)]
        for frame in frames:
            self.center.step(frame)
        return self

    @property
    def incident(self) -> Incident:
        """The incident of the feeder."""
        return next(one for one in self.center.judgement.incidents.by_id.values() if one.key.level == "feeder")

    @property
    def firing(self) -> set[str]:
        return {alert.name for alert in self.center.judgement.alerts.firing()}


def reasons(incident: Incident) -> list[str]:
    return [entry["kind"] for entry in incident.timeline if entry["kind"] in ("silent", "state")]


def test_an_incident_stays_open_when_silence_ends_its_alerts() -> None:
    """All its devices are silent: no alert fires, as Prometheus has it, and the incident says since when nobody speaks."""
    town = Town().until(SPEAKS_MS)
    assert town.firing == set()
    assert town.incident.state == "reported" and town.incident.firing_count == 0
    assert town.incident.silent_since_ms == SILENT_MS
    assert reasons(town.incident) == ["silent"]


def test_it_resolves_when_devices_have_spoken_for_a_while() -> None:
    """One good reading is not enough: rules need a while to judge what they hear."""
    town = Town().until(SPEAKS_MS)
    town.city.restore_all()
    town.speaks = True
    town.until(SPEAKS_MS + SPOKEN_MS - 15_000)
    assert town.incident.state == "reported"
    town.until(SPEAKS_MS + SPOKEN_MS + 60_000)
    assert town.incident.state == "resolved" and town.incident.silent_since_ms is None
    assert reasons(town.incident) == ["silent", "state"]


def test_what_was_so_and_still_is_so_is_the_same_incident() -> None:
    """The feeder is still lost when its meter speaks again: the incident was never over, and waits for nobody any more."""
    town = Town().until(SPEAKS_MS)
    town.speaks = True
    town.until(SPEAKS_MS + 120_000)
    assert "FeederLoss" in town.firing
    assert town.incident.state == "reported" and town.incident.silent_since_ms is None
    assert reasons(town.incident) == ["silent"]
    assert len([one for one in town.center.judgement.incidents.by_id.values() if one.key.level == "feeder"]) == 1


def test_what_is_said_to_be_over_is_over_at_once() -> None:
    """While devices speak nothing is held."""
    town = Town(silent=False)
    town.city.restore_all()
    town.until(SILENT_MS + 120_000)
    assert town.incident.state == "resolved" and reasons(town.incident) == ["state"]


def test_people_may_resolve_what_is_silent() -> None:
    """Somebody has gone there and looked."""
    town = Town().until(SPEAKS_MS)
    params = {"version": town.incident.version, "state": "resolved"}
    town.center.apply(JudgementCommand("c-1", "state", town.incident.incident_id, SPEAKS_MS, 1, "An", params))
    assert town.incident.state == "resolved" and town.incident.silent_since_ms is None


def test_a_rule_that_is_taken_out_holds_nothing() -> None:
    """No device can speak for a rule that is gone."""
    town = Town(silent=False)
    rules = {"rules": [{"name": "none.yml", "text": "groups: []"}]}
    town.center.apply(JudgementCommand("c-1", "reload", "", SILENT_MS, 1, "An", rules))
    assert town.firing == set() and town.incident.state == "resolved"


@pytest.mark.parametrize("cut_ms", [SILENT_MS + 60_000, SPEAKS_MS, SPEAKS_MS + 60_000])
def test_save_and_load_in_the_silence_changes_nothing(cut_ms: int) -> None:
    """Since when nobody speaks, and who is waited for, is part of the state."""
    town = Town().until(min(cut_ms, SPEAKS_MS))
    town.speaks = cut_ms > SPEAKS_MS
    town.city.restore_all()
    town.until(cut_ms)
    twin = Center.restore(config(), town.center.snapshot(), opening())
    town.speaks = True
    for frame in town.city.until(SPEAKS_MS + SPOKEN_MS + 120_000):
        town.center.step(frame)
        twin.step(frame)
    assert town.incident.state == "resolved"
    assert twin.digests() == town.center.digests()


def test_witnesses_are_those_whose_readings_an_alert_rests_on() -> None:
    """Not those that only keep it quiet; and silence itself has none."""
    files = load_files({path.name: path.read_text(encoding="utf-8") for path in rule_files()})
    kinds = {kind.name: [quantity.metric for quantity in kind.quantities] for kind in load_kinds([])}
    found = witnesses(files, kinds)
    assert FOLDER.is_dir() and found["FeederLoss"] == {"feeder_meter", "cabinet_meter"}
    assert found["CabinetLoss"] == {"cabinet_meter"}
    assert found["StoppedVehicle"] == {"camera"}
    assert found["RoadBlocked"] == {"loop_detector"}
    assert found["DeviceSilent"] == found["CityBlind"] == frozenset()
