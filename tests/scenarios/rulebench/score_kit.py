"""What tests of the score share: a recording without a city at work, whose truth and readings the test writes."""

from typing import Any

import numpy as np

from ops_center.rules.replay import Firing
from ops_center.series import SeriesStore
from scenarios.claims import Claim, PlaceNames
from scenarios.rulebench.circumstances import Circumstances
from scenarios.rulebench.matching import Matching
from scenarios.rulebench.recording import Recording
from scenarios.rulebench.sight import Sight
from simulator.cities import catalogue
from simulator.city import City

MINUTE = 60_000
CITY: City = catalogue.get("small")
BLOCKED = Claim(("traffic_incident",), "road", "link", 5 * MINUTE, 2 * MINUTE)


def event(
    number: int, kind: str, place: tuple[str, str], start_min: float, end_min: float | None = None, /, **more: Any
) -> dict[str, Any]:
    """A truth event; minutes count from the run's start."""
    return {
        "event_id": f"truth-{number}", "kind": kind, "place": {"kind": place[0], "id": place[1]},
        "start_ms": round(start_min * MINUTE), "end_ms": None if end_min is None else round(end_min * MINUTE),
        "cause_id": None, "attributes": more,
    }  # fmt: skip


def crash(number: int, link: str, start_min: float, end_min: float | None = None) -> dict[str, Any]:
    return event(number, "traffic_incident", ("link", link), start_min, end_min, what="crash")


def firing(fired_min: float, ended_min: float | None = None, /, rule: str = "Blocked", **labels: str) -> Firing:
    ended_ms = None if ended_min is None else round(ended_min * MINUTE)
    fired_ms = round(fired_min * MINUTE)
    return Firing("g", rule, f"{sorted(labels.items())}", {"alertname": rule, **labels}, 1.0, fired_ms, fired_ms, ended_ms)


def quiet(rain: float = 0.0, density: float = 0.05, people: float = 0.01, queue_m: float = 0.0) -> Circumstances:
    """The same all the time."""
    at_ms = np.arange(1, 121, dtype=np.int64) * MINUTE
    links, zones = len(CITY.links.id), len(CITY.zones.id)
    return Circumstances(
        at_ms, np.full((120, links), density, dtype=np.float32), np.full((120, links), queue_m, dtype=np.float32),
        np.full((120, zones), people, dtype=np.float32),
        np.full(120, rain, dtype=np.float32),
    )  # fmt: skip


def recorded(*truth: dict[str, Any], until_min: float = 60, around: Circumstances | None = None) -> Recording:
    """A recording of an hour in the small city, ten minutes of it warm-up, with detectors on three roads."""
    store = SeriesStore()
    known = [
        {"device_id": f"loop:{road}:1", "kind": "loop_detector", "road": road, "zone": "zone_01"} for road in CITY.links.id[:3]
    ]
    store.family("sensor_info", known, MINUTE).append(0, 0, 1.0)
    store.family("traffic_speed_kmh", known, 15_000).append(0, 0, 40.0)
    return Recording(
        "made_up", 1, 1, ("loop_detector",), store, 0, 10 * MINUTE, round(until_min * MINUTE), truth, (), CITY, PlaceNames(CITY),
        around or quiet(),
    )  # fmt: skip


def matched(
    made: Recording, *firings: Firing, claims: dict[str, Claim] | None = None, places: frozenset[str] | None = None
) -> Matching:
    """The matching of some firings of alerts that see the places given (None: everywhere)."""
    claims = {"Blocked": BLOCKED} if claims is None else claims
    alerts = {f.rule for f in firings} | set(claims)
    return Matching(made, firings, claims, {alert: Sight(places, 3, 600) for alert in sorted(alerts)})
