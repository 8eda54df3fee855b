"""The debrief: truth beside judgement, figure by figure."""

from typing import Any

import pytest

from ops_center.events import AlertChange, Cause, IncidentChange
from scenarios.alarm_kpis import alarm_kpis
from scenarios.claims import Claim, load_claims
from scenarios.debrief import Material, debrief
from scenarios.debrief_page import as_html, as_text
from scenarios.rule_paths import PACK
from scenarios.schema import Scenario
from simulator.cities import catalogue
from simulator.truth import TRUTH_KINDS

FEEDER = "feeder:01_1"
TEXT = {"vi": "Một", "en": "<b>One</b>"}
CLAIMS = {"FeederLoss": Claim(("feeder_outage",), "feeder", "feeder", 60_000)}


def _scenario(**expectation: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "t", "title": TEXT, "description": TEXT, "city": "small", "start_at": "2026-03-03T19:00:00+07:00",
            "duration": "10 min", "warm_up": "1 min",
            "expectations": [{"id": "e", "title": TEXT, **expectation}] if expectation else [],
        }
    )  # fmt: skip


def _alert(at_ms: int, after: str, feeder: str = FEEDER) -> AlertChange:
    alert = {
        "name": "FeederLoss", "fingerprint": f"f-{feeder}", "severity": "critical", "labels": {"feeder": feeder},
        "incident_id": "INC-1", "suppressed": None,
    }  # fmt: skip
    return AlertChange(at_ms, Cause("evaluation"), f"f-{feeder}", "", after, alert)


def _incident(at_ms: int, **fields: Any) -> IncidentChange:
    incident = {"title": TEXT, "severity": "critical", "state": "reported", "opened_ms": 90_000, "alert_count": 1, **fields}
    return IncidentChange(at_ms, Cause("command"), "INC-1", {"kind": "state"}, incident)


def _document(changes: list[Any], until_ms: int = 660_000, **expectation: Any) -> dict[str, Any]:
    event = {
        "event_id": "truth-1", "kind": "feeder_outage", "place": {"kind": "feeder", "id": FEEDER}, "start_ms": 60_000,
        "end_ms": 400_000, "cause_id": None, "attributes": {},
    }  # fmt: skip
    scenario, city = _scenario(**expectation), catalogue.get("small")
    return debrief(Material("r", "2026-03-03T18:59:00+07:00", scenario, city, [event], [], changes, CLAIMS, until_ms))


def test_detected_acknowledged_and_closed_are_counted_from_the_truth() -> None:
    """Each instant is that of the first change that says so, after the truth began."""
    changes = [_alert(90_000, "firing"), _incident(90_000), _incident(150_000, acknowledged_ms=150_000)]
    changes.append(_alert(420_000, "inactive"))
    changes.append(_incident(500_000, acknowledged_ms=150_000, closed_ms=500_000))
    (row,) = _document(changes)["truth"]
    assert (row["detected_after_ms"], row["acknowledged_after_ms"], row["closed_after_ms"]) == (30_000, 90_000, 440_000)


def test_an_alert_elsewhere_explains_nothing() -> None:
    """Another feeder's alert is a false alarm and detects nothing."""
    document = _document([_alert(90_000, "firing", "feeder:02_1")])
    assert document["truth"][0]["detected_ms"] is None
    assert [a["labels"]["feeder"] for a in document["unexplained_alerts"]] == ["feeder:02_1"]


@pytest.mark.parametrize(
    ("within", "until_ms", "met"), [("1 min", 660_000, True), ("20s", 660_000, False), ("20s", 95_000, False)]
)
def test_an_expectation_is_met_in_time_or_not(within: str, until_ms: int, met: bool) -> None:
    """Late is not met, and it is known as soon as the time is over."""
    document = _document([_alert(90_000, "firing")], until_ms, kind="detected", of="feeder_outage", within=within)
    assert document["expectations"][0]["met"] is met


def test_an_expectation_is_open_while_there_is_time() -> None:
    """Nothing is failed before its time is over."""
    assert _document([], 70_000, kind="detected", of="feeder_outage", within="1 min")["expectations"][0]["met"] is None


def test_the_pages_escape_what_comes_from_outside() -> None:
    """A title with markup is text, in both languages."""
    document = _document([_alert(90_000, "firing"), _incident(90_000)], kind="world", of="feeder_outage", within="9 min")
    page = as_html(document, "en")
    assert "<b>One</b>" not in page and "&lt;b&gt;One&lt;/b&gt;" in page
    assert "Kỳ vọng" in as_text(document, "vi") and "Expectations" in as_text(document, "en")


def test_alarm_figures_of_a_known_sequence() -> None:
    """Twelve alarms in one minute of a twenty-minute run: the rate, the peak, the flood, the chattering source."""
    alerts = [{"fingerprint": str(i % 3), "name": "A", "severity": "minor"} for i in range(12)]
    firings = [(60_000 + i * 5_000, None if i == 0 else 1, alert) for i, alert in enumerate(alerts)]
    figures = alarm_kpis(firings, 0, 1_200_000)
    assert (figures["total"], figures["per_10_min"], figures["peak_10_min"]) == (12, 6.0, 12)
    assert (figures["flood_windows_ratio"], figures["chattering"], figures["standing"]) == (0.5, ["A"], 1)


def test_the_packs_claims_name_truth_that_exists() -> None:
    """A sidecar with a kind of truth that nobody knows would never be fulfilled."""
    claims = load_claims(PACK)
    assert {kind for claim in claims.values() for kind in claim.truth} <= set(TRUTH_KINDS)
    assert len(claims) > 10
