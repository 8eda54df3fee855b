"""One run's firings laid beside its truth: what was detected, late, missed, repeated, cleared too early, or raised for nothing.

Lives here: the comparison of one recording, alert by alert. Must not know: seeds, averages, how anything is shown. The test of
alert against truth is `claims.explains`, as in a debrief. Firings of the warm-up raise no count; truth that began in it is
known but not asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops_center.label_sets import NAME, Matcher
from ops_center.rules.replay import Firing
from ops_center.series_writer import INFO
from scenarios.claims import Claim, explains
from scenarios.rulebench.recording import Recording
from scenarios.rulebench.sight import DEVICE, Sight

Plain = dict[str, Any]
STATUSES = ("detected", "late", "open", "missed", "out_of_sight")  # the best first
FLOOD_COUNT, FLOOD_MS = 10, 600_000  # EEMUA 191: more than ten alarms in ten minutes


@dataclass(slots=True)
class Raised:
    """One firing: its alert, all labels that are known of it, and what it turned out to be about."""

    alert: str
    group: str
    labels: dict[str, str]
    value: float
    fired_ms: int
    ended_ms: int | None
    verdict: str = "unclaimed"
    events: list[str] = field(default_factory=list)
    cause: Plain | None = None

    def covers(self, at_ms: int) -> bool:
        """Tell whether the alert was firing at an instant."""
        return self.fired_ms <= at_ms and (self.ended_ms is None or self.ended_ms > at_ms)


@dataclass(frozen=True, slots=True)
class Case:
    """A truth event that an alert claims, as this alert met it.

    `status`: detected, late, missed, open (the run ended before the time was over) or out_of_sight. `after_ms` is how long the
    alert took, None unless it began to fire for this; `repeats` how often it fired again. `early_ms` is how long the truth
    lasted on with no alert firing any more, `overstayed` whether the alert stayed longer than it claims to.
    """

    event_id: str
    status: str
    after_ms: int | None
    repeats: int
    early_ms: int
    overstayed: bool

    def plain(self) -> Plain:
        """Return the case as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


class Matching:
    """The comparison of one recording with the firings over it; `like` is another one of the same recording."""

    def __init__(
        self,
        made: Recording,
        firings: Iterable[Firing],
        claims: Mapping[str, Claim],
        sights: Mapping[str, Sight],
        like: "Matching | None" = None,
    ) -> None:
        self.made, self.claims, self.sights = made, claims, sights
        self.devices: dict[str, dict[str, str]] = like.devices if like else _devices(made)
        self._label_names = {name for known in self.devices.values() for name in known}
        self.names: dict[str, set[str]] = like.names if like else {}
        self.raised = [
            Raised(f.rule, f.group, self._with_device(f.labels), f.value, f.fired_at_ms, f.ended_at_ms)
            for f in sorted(firings, key=lambda f: (f.fired_at_ms, f.rule, sorted(f.labels.items())))
        ]
        self.cases: dict[str, list[Case]] = {}
        self._unasked: dict[str, list[Case]] = {}  # what an alert spoke of without having promised to
        self._seen: dict[str, list[Raised]] = {}  # truth event -> the firings of all alerts about it
        for alert, claim in claims.items():
            if alert in sights:
                cases = self._judge(alert, claim)
                promised = {event["event_id"] for event in made.truth if claim.promises(event)}
                self.cases[alert] = [case for case in cases if case.event_id in promised]
                more = [case for case in cases if case.event_id not in promised]
                self._unasked[alert] = [case for case in more if case.status in ("detected", "late")]

    def _with_device(self, labels: Mapping[str, str]) -> dict[str, str]:
        """An alert's labels with those of its device, which a label of another name may name too: mappings make such."""
        others = (value for name, value in labels.items() if name not in self._label_names)
        name = next((value for value in (labels.get(DEVICE, ""), *others) if value in self.devices), "")
        return self.devices.get(name, {}) | dict(labels)

    def around(self, event: Plain) -> set[str]:
        """The names that the place of a truth event goes by."""
        key = event["event_id"]
        if key not in self.names:
            self.names[key] = self.made.places.around(event["place"])
        return self.names[key]

    @property
    def alarms(self) -> list[Raised]:
        """The firings after the warm-up: those that an operator has to look at."""
        return [one for one in self.raised if one.fired_ms >= self.made.warm_up_ms]

    def _judge(self, alert: str, claim: Claim) -> list[Case]:
        mine = [one for one in self.raised if one.alert == alert]
        events = [event for event in self.made.truth if claim.is_about(event)]
        told: dict[str, list[int]] = {event["event_id"]: [] for event in events}
        for number, one in enumerate(mine):
            one.events = [e["event_id"] for e in events if self._explains(claim, one, e)]
            for event_id in one.events:
                told[event_id].append(number)
        cases = [self._case(alert, claim, event, [mine[n] for n in told[event["event_id"]]], mine) for event in events]
        scored = {event["event_id"] for event in events if event["start_ms"] >= self.made.warm_up_ms}
        late = {case.event_id for case in cases if case.status == "late"}
        for number, one in enumerate(mine):
            one.verdict = _verdict(number, one, told, scored, late)
        return [case for case in cases if case.event_id in scored]

    def _explains(self, claim: Claim, one: Raised, event: Plain) -> bool:
        if not event["start_ms"] <= one.fired_ms:  # before its place is looked up
            return False
        return explains(claim, {"labels": one.labels, "fired_ms": one.fired_ms}, event, self.around(event))

    def _case(self, alert: str, claim: Claim, event: Plain, told: Sequence[Raised], mine: Sequence[Raised]) -> Case:
        start_ms, within_ms = event["start_ms"], claim.detect_within_ms
        standing = [one for one in mine if one.events and one.fired_ms < start_ms and one.covers(start_ms)]
        standing = [one for one in standing if one.labels.get(claim.label, "") in self.around(event)]
        seen = [*standing, *told]
        after_ms = told[0].fired_ms - start_ms if told and not standing else None
        if standing or (after_ms is not None and after_ms <= within_ms):
            status = "detected"
        elif told:
            status = "late"
        elif start_ms + within_ms > self.made.until_ms:
            status = "open"
        else:
            places = self.sights[alert].places
            status = "missed" if places is None or places & self.around(event) else "out_of_sight"
        early_ms = self._early_ms(event, seen) if seen else 0
        self._seen.setdefault(event["event_id"], []).extend(seen)
        return Case(event["event_id"], status, after_ms, max(len(seen) - 1, 0), early_ms, self._overstayed(claim, event, seen))

    def together(self) -> list[tuple[Plain, Case, list[str]]]:
        """Return each truth event that any alert claims as all alerts together met it, and which did, the first first."""
        by_event: dict[str, list[tuple[str, Case]]] = {}
        for alert, cases in self.cases.items():
            for case in (*cases, *self._unasked[alert]):
                by_event.setdefault(case.event_id, []).append((alert, case))
        events = [event for event in self.made.truth if event["event_id"] in by_event]
        return [(event, *self._merged(event, by_event[event["event_id"]])) for event in events]

    def _merged(self, event: Plain, met: Sequence[tuple[str, Case]]) -> tuple[Case, list[str]]:
        status = next(status for status in STATUSES if any(case.status == status for _, case in met))
        seen = sorted(self._seen.get(event["event_id"], []), key=lambda one: one.fired_ms)
        known = any(case.status == "detected" and case.after_ms is None for _, case in met)  # an alert was firing there already
        after = [case.after_ms for _, case in met if case.after_ms is not None]
        by = dict.fromkeys(one.alert for one in seen)
        early_ms = self._early_ms(event, seen) if seen else 0
        overstayed = any(case.overstayed for _, case in met)
        after_ms = None if known else min(after, default=None)
        return Case(event["event_id"], status, after_ms, max(len(seen) - 1, 0), early_ms, overstayed), list(by)

    def _early_ms(self, event: Plain, seen: Sequence[Raised]) -> int:
        """How long the truth lasted with no alert firing, once one had."""
        end_ms = min(event["end_ms"] if event["end_ms"] is not None else self.made.until_ms, self.made.until_ms)
        upto_ms, gone_ms = seen[0].fired_ms, 0
        for one in seen:
            gone_ms += max(min(one.fired_ms, end_ms) - upto_ms, 0)
            upto_ms = max(upto_ms, end_ms if one.ended_ms is None else one.ended_ms)
        return gone_ms + max(end_ms - upto_ms, 0)

    def _overstayed(self, claim: Claim, event: Plain, seen: Sequence[Raised]) -> bool:
        if claim.clear_within_ms is None or event["end_ms"] is None or not seen:
            return False
        last_ms = event["end_ms"] + claim.clear_within_ms
        return last_ms <= self.made.until_ms and any(one.fired_ms <= event["end_ms"] and one.covers(last_ms) for one in seen)


def _verdict(number: int, one: Raised, told: Mapping[str, list[int]], scored: set[str], late: set[str]) -> str:
    """What a claimed alert's firing was: detection, late, repeat, known (truth of the warm-up) or false."""
    if not one.events:
        return "false"
    first = [event_id for event_id in one.events if told[event_id][0] == number]
    if not first:
        return "repeat"
    asked = [event_id for event_id in first if event_id in scored]
    if not asked:
        return "known"
    return "late" if all(event_id in late for event_id in asked) else "detection"


def _devices(made: Recording) -> dict[str, dict[str, str]]:
    """What the registry says of each device, as the center adds it to an alert's labels."""
    sets = made.store.select((Matcher(NAME, "=", INFO),)).labels.sets
    found = {}
    for labels in sets:
        known = dict(labels)
        known.pop(NAME)
        found[known.get(DEVICE, "")] = known
    return found


def flood_ms(times_ms: Sequence[int], first_ms: int, last_ms: int) -> int:
    """Return how long more than ten alarms had come in the ten minutes before, within [first, last]; times ascend."""
    inside = [ms for ms in times_ms if first_ms <= ms <= last_ms]
    total, upto_ms = 0, first_ms
    for number in range(FLOOD_COUNT, len(inside)):
        begins_ms, ends_ms = inside[number], min(inside[number - FLOOD_COUNT] + FLOOD_MS, last_ms)
        begins_ms = max(begins_ms, upto_ms)
        if ends_ms > begins_ms:
            total, upto_ms = total + ends_ms - begins_ms, ends_ms
    return total


def peak_10_min(times_ms: Sequence[int]) -> int:
    """Return the most alarms in any ten minutes; times ascend."""
    first = most = 0
    for number, at_ms in enumerate(times_ms):
        while times_ms[first] <= at_ms - FLOOD_MS:
            first += 1
        most = max(most, number - first + 1)
    return most
