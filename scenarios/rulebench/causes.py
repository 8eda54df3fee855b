"""Why an alarm that was about nothing came: the physical cause that the truth knows at its place and time.

Lives here: the search, and the words for what is found, in both languages. Must not know: figures, how often anything came. The
cause is what was true there and then and is not what the alert claims; that it made the alarm is likely, not proven. Where
nothing is found, that is said.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from scenarios.claims import LATE_MS, Claim
from scenarios.kind_titles import kind_title
from scenarios.naming import Naming
from scenarios.rulebench.circumstances import Floats
from scenarios.rulebench.matching import Matching, Raised
from simulator.inject_catalogue import INJECTS, domain_of
from simulator.truth import TRUTH_KINDS

Plain = dict[str, Any]
Two = tuple[str, str]  # Vietnamese, English
AFTER_MS = 10 * 60_000  # what ended so long ago may still be seen
EARLY_MS = 2 * 60_000  # an alarm that comes so long before what it claims saw it coming
SPREAD_ROADS = 8  # a queue grows back over so many roads
CONGESTED_RATIO = 0.3  # of jam density: more than a road carries at capacity
QUEUED_M = 15.0  # two vehicles and more
CROWDED_PER_M2 = 2.0
RAINS_MM_PER_H = 1.0
PLACE_LABELS = ("road", "link", "cabinet", "junction", "place", "feeder", "gateway", "building", "zone")
_OURS = ("device_id", *PLACE_LABELS)
UNEXPLAINED = "unexplained"

TITLES: Mapping[str, Two] = {
    "stuck": ("Cảm biến kẹt giá trị", "Stuck detector"),
    "bias": ("Cảm biến lệch", "Biased detector"),
    "drift": ("Cảm biến trôi", "Drifting detector"),
    "dropout": ("Cảm biến mất số liệu từng lúc", "Detector that drops reports"),
    "dead": ("Cảm biến chết", "Dead detector"),
    "late": ("Cảm biến báo trễ", "Detector that reports late"),
    "duplicate": ("Cảm biến báo hai lần", "Detector that reports twice"),
    "spoof": ("Thiết bị bị giả số liệu", "Spoofed device"),
    "replay": ("Thiết bị bị phát lại số liệu cũ", "Device that replays old readings"),
    "tamper": ("Thiết bị bị can thiệp", "Tampered device"),
    "skew": ("Thiết bị sai giờ", "Device with a wrong clock"),
    "headlights": ("Chói đèn pha", "Glare of headlights"),
    "rain_on_lens": ("Mưa trước ống kính", "Rain before the lens"),
    "insects": ("Côn trùng trước ống kính", "Insects before the lens"),
    "animal": ("Con vật", "An animal"),
    "vegetation": ("Cây lay động", "Moving branches"),
    "crowd": ("Đám đông lễ hội", "Festival crowd"),
    "demand_surge": ("Kẹt xe vì nhu cầu tăng", "Congestion from a surge of demand"),
    "congestion": ("Kẹt xe vì nhu cầu thường ngày", "Congestion from ordinary demand"),
    "queue": ("Hàng chờ thường ngày ở nút", "Ordinary queue before a junction"),
    "people": ("Đông người như ngày thường", "People as on any busy day"),
    "rain": ("Mưa", "Rain"),
    "too_late": ("Quá hạn cho phép", "Tolerance missed"),
    "too_early": ("Đến trước sự việc", "Came ahead of the event"),
    "spread": ("Ảnh hưởng lan xa hơn khai báo", "Effect farther than the claim reaches"),
    "no_way": ("Mất đường truyền", "Lost way to the center"),
    UNEXPLAINED: ("Không giải thích được", "Unexplained"),
}


def _foreign(one: Raised) -> bool:
    """Whether an alarm has none of our labels of places: behind a mapping, an engineer's own may say the place."""
    return not any(one.labels.get(name) for name in _OURS)


def _said(one: Raised, names: tuple[str, ...]) -> set[str]:
    """What an alarm says under some of our labels, or under any of its own where it has none of ours."""
    if _foreign(one):
        return set(one.labels.values())
    return {one.labels[name] for name in names if one.labels.get(name)}


class Causes:
    """The search in one recording."""

    def __init__(self, matching: Matching) -> None:
        self.matching, self.made = matching, matching.made
        self._naming = Naming(self.made.city)
        self._links = {name: i for i, name in enumerate(self.made.city.links.id)}
        self._zones = {name: i for i, name in enumerate(self.made.city.zones.id)}
        self._wide = {*self._zones, *self.made.city.feeders.id, *self.made.city.gateways.id}
        self._steps: tuple[Callable[[Raised, Claim], Plain | None], ...] = (
            self._device, self._out_of_time, self._here, self._spread, self._way, self._roads, self._people, self._city,
        )  # fmt: skip

    def explain(self) -> None:
        """Give every false alarm of the matching its cause."""
        for one in self.matching.raised:
            if one.verdict == "false":
                claim = self.matching.claims[one.alert]
                found = (step(one, claim) for step in self._steps)
                one.cause = next((cause for cause in found if cause is not None), said(UNEXPLAINED))

    # -- the steps, from the nearest to the farthest

    def _device(self, one: Raised, claim: Claim) -> Plain | None:
        """A device at the place that fails or lies."""
        for event in self._lasting(one, ("device_fault", "deception")):
            if self._at_the_place(one, claim, event):
                how = event["attributes"].get("fault") or event["attributes"].get("way") or ""
                return self._of(event, how if how in TITLES else event["kind"])
        return None

    def _out_of_time(self, one: Raised, claim: Claim) -> Plain | None:
        """What the alert claims, at the right place, but long over or yet to come."""
        for event in self.made.truth:
            if claim.is_about(event) and self._at_the_place(one, claim, event):
                if event["end_ms"] is not None and event["end_ms"] + LATE_MS < one.fired_ms:
                    return self._of(event, "too_late")
                if one.fired_ms < event["start_ms"] <= one.fired_ms + EARLY_MS:
                    return self._of(event, "too_early")
        return None

    def _here(self, one: Raised, claim: Claim) -> Plain | None:
        """Anything else that is so at the place."""
        for event in self._lasting(one, TRUTH_KINDS):
            if claim.is_about(event) or event["place"]["kind"] == "city" or not _may_cause(event["kind"], claim):
                continue
            if self._at_the_place(one, claim, event):
                return self._of(event, _key(event))
        return None

    def _spread(self, one: Raised, claim: Claim) -> Plain | None:
        """What the alert claims, farther away than it names: a queue that has grown back, a thing in the same zone."""
        roads = self._roads_of(one)
        queued = self._worst(one, self.made.circumstances.queue_m) >= QUEUED_M
        for event in self._lasting(one, claim.truth):
            place = event["place"]
            if place["kind"] == "link" and roads:
                if queued and roads & self._grown(place["id"]):
                    return self._of(event, "spread")
                continue
            if not self._zones_of(one).isdisjoint(self.matching.around(event)):
                return self._of(event, "spread")
        return None

    def _grown(self, link_id: str) -> set[str]:
        """The roads over which a queue before a link may have grown."""
        found, edge = {link_id}, [link_id]
        for _ in range(SPREAD_ROADS):
            edge = [name for name in self.made.places.behind(edge) if name not in found]
            found.update(edge)
        return found

    def _way(self, one: Raised, claim: Claim) -> Plain | None:
        """A way of readings to the center that is down."""
        del claim
        for event in self._lasting(one, ("gateway_outage", "backhaul_outage")):
            if event["place"]["kind"] == "city" or set(one.labels.values()) & self.matching.around(event):
                return self._of(event, "no_way")
        return None

    def _roads(self, one: Raised, claim: Claim) -> Plain | None:
        """A road that really is full, or a queue before a junction, with no event behind it."""
        del claim
        full = self._worst(one, self.made.circumstances.density_ratio)
        if full >= CONGESTED_RATIO:
            surge = next(self._lasting(one, ("demand_surge",)), None)
            return self._of(surge, "demand_surge") if surge is not None else said("congestion", value=round(full, 2))
        queue_m = self._worst(one, self.made.circumstances.queue_m)
        return said("queue", value=round(queue_m)) if queue_m >= QUEUED_M else None

    def _roads_of(self, one: Raised) -> set[str]:
        return {value for value in _said(one, ("road", "link")) if value in self._links}

    def _zones_of(self, one: Raised) -> set[str]:
        found = _said(one, ("zone",))
        return found & self._zones.keys() if _foreign(one) else found

    def _worst(self, one: Raised, what: Floats) -> float:
        """The most of a figure of roads on any road that an alarm names, in the three minutes before it; 0 without a road."""
        row, links = self.made.circumstances.row(one.fired_ms), [self._links[name] for name in self._roads_of(one)]
        return float(np.max(what[max(row - 2, 0) : row + 1, links])) if row >= 0 and links else 0.0

    def _people(self, one: Raised, claim: Claim) -> Plain | None:
        """Many people outdoors without a crowd."""
        del claim
        seen, zone = self.made.circumstances, max((self._zones.get(name, -1) for name in self._zones_of(one)), default=-1)
        row = seen.row(one.fired_ms)
        dense = float(seen.people_per_m2[row, zone]) if row >= 0 and zone >= 0 else 0.0
        return said("people", value=round(dense, 2)) if dense >= CROWDED_PER_M2 else None

    def _city(self, one: Raised, claim: Claim) -> Plain | None:
        """What holds for the whole city: rain, a storm, heat."""
        for event in self._lasting(one, TRUTH_KINDS):
            if not claim.is_about(event) and event["place"]["kind"] == "city":
                return self._of(event, _key(event))
        seen = self.made.circumstances
        row = seen.row(one.fired_ms)
        rain = float(seen.rain_mm_per_h[row]) if row >= 0 else 0.0
        return said("rain", value=round(rain, 1)) if rain >= RAINS_MM_PER_H else None

    # -- what the steps share

    def _lasting(self, one: Raised, kinds: Iterable[str]) -> Iterator[Plain]:
        """The truth of some kinds that lasts or has just ended when an alarm comes, the latest first."""
        wanted = set(kinds)
        for event in reversed(self.made.truth):
            over_ms = one.fired_ms if event["end_ms"] is None else event["end_ms"] + AFTER_MS
            if event["kind"] in wanted and event["start_ms"] <= one.fired_ms <= over_ms:
                yield event

    def _at_the_place(self, one: Raised, claim: Claim, event: Plain) -> bool:
        """Whether a truth is where the alarm says, or at the device or road that it names: not just in the same zone."""
        names = self.matching.around(event)
        place = event["place"]
        if one.labels.get(claim.label, "") in names:
            return True
        precise = _said(one, tuple(name for name in _OURS if name not in ("zone", "feeder", "gateway")))
        precise -= self._wide if _foreign(one) else set()
        return place["id"] in precise or not precise.isdisjoint(names)

    def _of(self, event: Plain, key: str) -> Plain:
        place = event["place"]
        return said(key, event, place=self._naming.of(place["kind"], place["id"]))


_DOMAINS = {inject.truth_kind: domain_of(inject) for inject in INJECTS.values()} | {
    "feeder_dip": "power", "signal_dark": "traffic", "signal_conflict": "traffic", "gate_queue": "traffic",
    "strong_wind": "environment", "gale": "environment", "flood": "environment", "sluice_inward": "environment",
}  # fmt: skip
_ANYWHERE = ("power", "devices", "environment")  # what these do may be seen by any sensor


def _may_cause(kind: str, claim: Claim) -> bool:
    """Whether a truth may make an alarm of this claim: of the same domain, or of one that reaches into all."""
    domain, claimed = _DOMAINS.get(kind, ""), {_DOMAINS.get(one, "") for one in claim.truth}
    return domain in _ANYWHERE or domain in claimed or "devices" in claimed or (kind == "crowd" and "traffic" in claimed)


def _key(event: Plain) -> str:
    """The word for a truth as a cause."""
    if event["kind"] == "nuisance":
        how = str(event["attributes"].get("cause", ""))
        return {"rain": "rain_on_lens"}.get(how, how) if how in TITLES or how == "rain" else "nuisance"
    return {"downpour": "rain"}.get(event["kind"], str(event["kind"]))


def said(key: str, event: Plain | None = None, **rest: Any) -> Plain:
    """Return a cause as plain data: its key, in words, and the truth event behind it if there is one."""
    found = {"cause": key, **title(key)}
    if event is not None:
        found |= {"event_id": event["event_id"], "kind": event["kind"], "place_id": event["place"]["id"]}
    return found | rest


def title(key: str) -> Plain:
    """Return a cause in both languages."""
    if key in TITLES:
        return {"vi": TITLES[key][0], "en": TITLES[key][1]}
    words = kind_title(key)
    return {"vi": words["vi"], "en": words["en"]}
