"""What is wrong with a scenario although every word of it can be read: what never comes, what nobody expects, what none can meet.

Lives here: the lint of `cityops scenarios check`, before anything runs. Must not know: how a run goes. A scenario with such a
finding would still run; it would only teach the wrong thing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scenarios.claims import Claim
from scenarios.load import Loaded
from scenarios.quantities import QUANTITIES
from scenarios.schema import LEVEL_CONDITIONS, Expectation, TimelineEntry, Trigger
from scenarios.units import say_duration
from scenarios.yaml_tree import Path_, Problem
from sensors.messages import CommandInfo
from simulator.city import City
from simulator.injects import Inject

NEVER = 1 << 60
SEEN_KINDS = ("detected", "acknowledged", "closed")


@dataclass(frozen=True, slots=True)
class Known:
    """What a scenario may speak of: its city, the injects, the commands, the alerts (each with its `for`, ms), their claims."""

    city: City
    injects: Mapping[str, Inject]
    commands: Mapping[str, CommandInfo]
    alerts: Mapping[str, int]
    claims: Mapping[str, Claim]


def lint(loaded: Loaded, known: Known) -> list[Problem]:
    """Return what is wrong with a scenario whose shape and places hold, in the order of the file."""
    found = list(_Lint(loaded, known).all())
    return sorted(set(found), key=lambda p: (p.line, p.column, p.message))


class _Lint:
    """One look at one scenario. `earliest`: id of an entry, trigger or phase -> the first instant at which it can begin."""

    def __init__(self, loaded: Loaded, known: Known) -> None:
        self.s, self.tree, self.known = loaded.scenario, loaded.tree, known
        self.truth: dict[str, str] = {}  # id of an entry or trigger -> the kind of truth that it begins
        rows: list[TimelineEntry | Trigger] = [*self.s.timeline, *self.s.triggers]
        for row in rows:
            if row.id and row.inject and row.inject in known.injects:
                self.truth[row.id] = known.injects[row.inject].truth_kind
        self.earliest: dict[str, int] = {e.id: e.at for e in self.s.timeline if e.id}
        self._settle()

    def all(self) -> Iterator[Problem]:
        """Yield every finding."""
        for i, trigger in enumerate(self.s.triggers):
            yield from self._trigger(trigger, ("triggers", i))
        yield from self._loops()
        rows: Sequence[tuple[str, Sequence[TimelineEntry | Trigger]]] = (
            ("timeline", self.s.timeline), ("triggers", self.s.triggers),
        )  # fmt: skip
        for table, entries in rows:
            for i, entry in enumerate(entries):
                yield from self._unexpected(entry, (table, i))
        for i, expectation in enumerate(self.s.expectations):
            yield from self._expectation(expectation, ("expectations", i))

    # -- what can begin, and when at the earliest

    def _settle(self) -> None:
        """Work out when triggers can fire at the earliest: again and again, until nothing changes."""
        for _ in range(len(self.s.triggers) + 1):
            for trigger in self.s.triggers:
                at = self._first(trigger)
                if at < NEVER:
                    for name in (trigger.id, trigger.phase):
                        if name:
                            self.earliest[name] = min(self.earliest.get(name, NEVER), at)

    def _first(self, trigger: Trigger) -> int:
        """The first instant at which a trigger can fire, NEVER if what it waits for cannot be."""
        when = trigger.when
        begins = 0 if when.of is None else self._begins(when.of, trigger.id)
        waits = when.lasts if when.kind in LEVEL_CONDITIONS else when.missing_for or 0
        return NEVER if begins >= NEVER else begins + waits + trigger.after

    def _begins(self, name: str, but: str = "") -> int:
        """When what a name is about can begin at the earliest; a kind of truth may come from more than one cause."""
        if name in self.truth or name in {t.id for t in self.s.triggers} or name in {t.phase for t in self.s.triggers}:
            return self.earliest.get(name, NEVER)
        return min([self._made(name, but), *(self._made(cause, but) for cause, kinds in CAUSES.items() if name in kinds)])

    def _made(self, kind: str, but: str) -> int:
        """When a kind of truth is begun at the earliest by an inject of the scenario, or by itself."""
        makers = [self.earliest.get(row, NEVER) for row, made in self.truth.items() if made == kind and row != but]
        unnamed = [e.at for e in self.s.timeline if not e.id and self._kind(e.inject) == kind]
        palette = [0 for entry in self.s.palette if self._kind(entry.inject) == kind]
        ordinary = [0] if self.s.ordinary_life and kind in ORDINARY else []
        return min([*makers, *unnamed, *palette, *ordinary], default=NEVER)

    def _kind(self, inject: str | None) -> str:
        found = self.known.injects.get(inject or "")
        return found.truth_kind if found else ""

    # -- triggers

    def _trigger(self, trigger: Trigger, at: Path_) -> Iterator[Problem]:
        when, end = trigger.when, self.s.duration
        first = self._first(trigger)
        if first >= NEVER:
            said = f"trigger {trigger.id!r} is dead: nothing in this scenario begins {when.of!r}; expected something that does"
            yield self.tree.problem((*at, "when", "of"), said)
        elif first > end:
            said = f"trigger {trigger.id!r} is dead: it can fire at {say_duration(first)} at the earliest"
            yield self.tree.problem((*at, "when"), f"{said}; expected before the end, {say_duration(end)}")
        if when.kind in LEVEL_CONDITIONS:
            yield from self._reachable(trigger, at)

    def _reachable(self, trigger: Trigger, at: Path_) -> Iterator[Problem]:
        when, quantity = trigger.when, QUANTITIES.get(trigger.when.quantity or "")
        if quantity is None or when.level is None:
            return
        never = when.level >= quantity.highest if when.kind == "above" else when.level <= quantity.lowest
        if never:
            said = f"trigger {trigger.id!r} is dead: {when.quantity} is never {when.kind} {when.level:g} {quantity.unit}".rstrip()
            span = f"{quantity.lowest:g} to {quantity.highest:g}"
            yield self.tree.problem((*at, "when", "level"), f"{said}; expected a level within {span}")
        elif when.kind == "above" and when.level >= self._most(when.quantity or ""):
            makers = ", ".join(sorted(RAISED_BY[when.quantity or ""][1]))
            said = f"trigger {trigger.id!r} is dead: nothing in this scenario raises {when.quantity} above {when.level:g}"
            yield self.tree.problem((*at, "when", "level"), f"{said} {quantity.unit}; expected an inject that does: {makers}")

    def _most(self, name: str) -> float:
        """How high a figure can get in this scenario, as far as that is known."""
        usual, makers, param = RAISED_BY.get(name, (NEVER, frozenset[str](), ""))
        entries = [(row.inject, row.params) for rows in (self.s.timeline, self.s.palette) for row in rows]
        entries += [(row.inject or "", row.params) for row in self.s.triggers]
        injects = [(inject, params) for inject, params in entries if self._kind(inject) in makers]
        if not injects and self.s.weather not in WET:
            return usual
        highs = [params.get(param, self.known.injects[inject].parameters[param].default) for inject, params in injects if param]
        return max(highs, default=NEVER)

    def _loops(self) -> Iterator[Problem]:
        """Triggers that wait for each other: by name none can be first, by kind each round begins the next."""
        waits = {t.id: self._waits_for(t) for t in self.s.triggers}
        for i, trigger in enumerate(self.s.triggers):
            way = _way_back(trigger.id, waits)
            if way and (len(way) > 1 or trigger.times > 1):
                said = f"triggers {' -> '.join([*way, way[0]])} wait for each other; expected a beginning that is none of them"
                yield self.tree.problem(("triggers", i, "when"), f"trigger loop: {said}")

    def _waits_for(self, trigger: Trigger) -> list[str]:
        """The triggers whose firing this one may wait for."""
        when = trigger.when
        if when.kind == "phase":
            return [t.id for t in self.s.triggers if t.phase == when.of]
        if when.kind not in ("began", "ended"):
            return []
        return [t.id for t in self.s.triggers if when.of in (t.id, self.truth.get(t.id))]

    # -- expectations

    def _unexpected(self, entry: TimelineEntry | Trigger, at: Path_) -> Iterator[Problem]:
        """An inject that alerts will fire for, of which no expectation speaks."""
        kind = self._kind(entry.inject)
        claimed = sorted(name for name, claim in self.known.claims.items() if kind in claim.truth and name in self.known.alerts)
        spoken = {e.of for e in self.s.expectations if e.of}
        if entry.scored and claimed and not spoken & {entry.id, kind}:
            said = f"{entry.inject} will raise {' or '.join(claimed[:3])}, and no expectation speaks of it"
            hint = "expected one with `of`, or `scored: false` where that is meant"
            yield self.tree.problem((*at, "inject"), f"{said}; {hint}")

    def _expectation(self, e: Expectation, at: Path_) -> Iterator[Problem]:
        if e.of is not None and e.kind != "avoided":
            yield from self._about(e, e.of, at)
        if e.kind in SEEN_KINDS and e.of is not None:
            yield from self._seen(e, self.truth.get(e.of, e.of), at)
        if e.kind == "outcome":
            yield from self._bounds(e, at)
        if e.alert is not None and e.alert not in self.known.alerts:
            yield self.tree.problem((*at, "alert"), f"no rule raises {e.alert!r}; expected one of {', '.join(self.known.alerts)}")

    def _about(self, e: Expectation, of: str, at: Path_) -> Iterator[Problem]:
        first = self._begins(of)
        if first > self.s.duration:
            said = f"expectation {e.id!r} cannot be met: nothing in this scenario begins {of!r} before its end"
            yield self.tree.problem((*at, "of"), f"{said}; expected something that does")

    def _seen(self, e: Expectation, kind: str, at: Path_) -> Iterator[Problem]:
        """There has to be an alert that claims this truth, and its rule must be able to fire in time."""
        claiming = {name for name, claim in self.known.claims.items() if kind in claim.truth and name in self.known.alerts}
        if not claiming:
            said = f"expectation {e.id!r} cannot be met: no alert claims {kind}"
            yield self.tree.problem((*at, "of"), f"{said}; expected a kind of truth that one does")
            return
        if e.alert is not None and e.alert in self.known.alerts and e.alert not in claiming:
            said = f"{e.alert} does not speak of {kind}; expected one of {', '.join(sorted(claiming))}"
            yield self.tree.problem((*at, "alert"), f"expectation {e.id!r} cannot be met: {said}")
            return
        waits = min(self.known.alerts[name] for name in (claiming & {e.alert or ""} or claiming))
        if e.within is not None and e.within < waits:
            said = f"the rule itself waits {say_duration(waits)}; expected at least that"
            yield self.tree.problem((*at, "within"), f"expectation {e.id!r} cannot be met: {said}")

    def _bounds(self, e: Expectation, at: Path_) -> Iterator[Problem]:
        quantity = QUANTITIES.get(e.quantity or "")
        if quantity is None or e.measure in ("sum", "minutes_above"):
            return
        if e.at_most is not None and e.at_most < quantity.lowest:
            yield self.tree.problem((*at, "at_most"), f"{e.quantity} is never below {quantity.lowest:g}; expected at least that")
        if e.at_least is not None and e.at_least > quantity.highest:
            yield self.tree.problem((*at, "at_least"), f"{e.quantity} is never above {quantity.highest:g}; expected at most that")


def _way_back(start: str, waits: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the triggers on a way from one back to itself, the start first, [] if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for name in waits.get(way[-1], ()):
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


# kind of truth -> what it may bring about by itself; and what comes in ordinary life
WATER = frozenset({"flood", "sluice_inward", "cabinet_leakage"})
CAUSES: Mapping[str, frozenset[str]] = {
    "feeder_outage": frozenset({"signal_dark"}),
    "gate_fault": frozenset({"gate_queue"}),
    "demand_surge": frozenset({"gate_queue"}),
    "typhoon": WATER | {"strong_wind", "gale", "feeder_outage", "luminaire_failure", "road_closure", "signal_dark"},
    "downpour": WATER,
    "high_water": WATER,
    "sluice_stuck": WATER,
}
# figure -> what it may come to on an ordinary day, what kinds of truth raise it, and which of their parameters says how far
RAISED_BY: Mapping[str, tuple[float, frozenset[str], str]] = {
    "crowd_per_m2": (1.0, frozenset({"crowd"}), "density_per_m2"),
    "smoke_ratio": (0.0, frozenset({"fire"}), ""),
    "gust_mps": (10.0, frozenset({"typhoon"}), ""),
    "flood_m": (0.0, frozenset({"typhoon", "downpour", "high_water", "sluice_stuck", "weather"}), ""),
}
WET = frozenset({"rain", "heavy_rain"})
ORDINARY = frozenset({"luminaire_failure", "traffic_incident", "nuisance"})
