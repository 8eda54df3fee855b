"""Triggers at work: what they wait for, and that each comes when it should.

Lives here: the state of every trigger, the conditions, phases. Must not know: sockets, how an inject changes the world (`fire`
does it), what a scenario is for. Everything that a condition reads is the world's truth, or a command or judgement of people
that was logged with its simulated time, so that a run executed again fires the same triggers at the same instants.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scenarios.claims import Claim, PlaceNames, explains
from scenarios.quantities import read
from scenarios.schema import LEVEL_CONDITIONS, PEOPLE_CONDITIONS, Scenario, Trigger, When
from simulator.truth import TruthEvent, as_plain
from simulator.world import World

STEP_MS = 1_000
START = "T+0"
Fire = Callable[[Trigger, str, int], TruthEvent | None]
Plain = dict[str, Any]


@dataclass(slots=True)
class State:
    """Where one trigger stands. `seen`: occasions that were taken; `due_ms`: when it fires; `since_ms`: a level holds since."""

    seen: list[str] = field(default_factory=list)
    due_ms: list[int] = field(default_factory=list)
    fired_ms: list[int] = field(default_factory=list)
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """What people did: `what` is acknowledged, closed or command; `body` the alerts of the incident, or the command."""

    what: str
    deed_id: str
    now_ms: int
    body: Plain


class Triggers:
    """The triggers of one run. `fire` is asked to do what a trigger does and returns the truth event that began."""

    def __init__(self, scenario: Scenario, world: World, fire: Fire, claims: Callable[[], Mapping[str, Claim]]) -> None:
        self._triggers, self._warm_ms = scenario.triggers, scenario.warm_up
        self._world, self._fire, self._claims = world, fire, claims
        self._own = {e.id for e in scenario.timeline if e.id} | {t.id for t in scenario.triggers}
        self.states = {trigger.id: State() for trigger in scenario.triggers}
        self.phases: list[tuple[str, int]] = []
        self.events: dict[str, list[str]] = {}  # id of an entry or a trigger -> the truth events that it began
        self._deeds: list[Deed] = []
        self._names: PlaceNames | None = None

    @property
    def wants_judgement(self) -> bool:
        """Whether any condition needs to know what people did to incidents."""
        return any(trigger.when.kind in ("acknowledged", "closed") for trigger in self._triggers)

    def began(self, name: str, event: TruthEvent) -> None:
        """An entry or trigger has begun a truth event."""
        self.events.setdefault(name, []).append(event.event_id)

    def did(self, what: str, deed_id: str, now_ms: int, body: Plain) -> None:
        """People have done something that a condition may wait for."""
        if self._triggers:
            self._deeds.append(Deed(what, deed_id, now_ms, body))

    def step(self, now_ms: int) -> None:
        """Look at every condition, then fire what is due."""
        for trigger in self._triggers:
            state = self.states[trigger.id]
            if now_ms >= self._warm_ms and len(state.due_ms) + len(state.fired_ms) < trigger.times:
                self._look(trigger, state, now_ms)
        for trigger in self._triggers:
            state = self.states[trigger.id]
            while state.due_ms and state.due_ms[0] <= now_ms:
                state.due_ms.pop(0)
                self._do(trigger, state, now_ms)

    def _do(self, trigger: Trigger, state: State, now_ms: int) -> None:
        state.fired_ms.append(now_ms)
        if trigger.phase is not None:
            self.phases.append((trigger.phase, now_ms))
        if trigger.inject is not None:
            number = len(state.fired_ms)
            event = self._fire(trigger, trigger.id if number == 1 else f"{trigger.id}-{number}", now_ms)
            if event is not None:
                self.began(trigger.id, event)

    # -- conditions

    def _look(self, trigger: Trigger, state: State, now_ms: int) -> None:
        when = trigger.when
        if when.kind in LEVEL_CONDITIONS:
            occasions = self._level(when, state, now_ms)
        elif when.missing_for is not None:
            occasions = self._missing(when, state, now_ms)
        else:
            occasions = self._occasions(trigger, when)
        for key, at_ms in occasions:
            if key not in state.seen:
                state.seen.append(key)
                if len(state.due_ms) + len(state.fired_ms) < trigger.times:
                    state.due_ms.append(max(at_ms + trigger.after, now_ms))

    def _occasions(self, trigger: Trigger, when: When) -> list[tuple[str, int]]:
        if when.kind == "phase":
            return [(f"{name} {at_ms}", at_ms) for name, at_ms in self.phases if name == when.of]
        if when.kind in PEOPLE_CONDITIONS:
            return [(deed.deed_id, deed.now_ms) for deed in self._deeds if self._fits(when, deed)]
        own = self.events.get(trigger.id, [])
        events = [event for event in self._events_of(when.of) if event.event_id not in own]
        if when.kind == "began":
            return [(event.event_id, event.start_ms) for event in events]
        return [(event.event_id, event.end_ms) for event in events if event.end_ms is not None]

    def _level(self, when: When, state: State, now_ms: int) -> list[tuple[str, int]]:
        assert when.quantity is not None and when.level is not None
        value = read(self._world, when.quantity, when.place, now_ms)
        if not (value > when.level if when.kind == "above" else value < when.level):
            state.since_ms = None
            return []
        state.since_ms = now_ms if state.since_ms is None else state.since_ms
        return [(f"since {state.since_ms}", now_ms)] if now_ms - state.since_ms >= when.lasts else []

    def _missing(self, when: When, state: State, now_ms: int) -> list[tuple[str, int]]:
        """The truths since which the time is over without anybody having done it; what was done in time is done with."""
        assert when.missing_for is not None
        late = []
        for key, start_ms in self._starts(when.of):
            if key in state.seen or now_ms < start_ms + when.missing_for:
                continue
            span = (start_ms, start_ms + when.missing_for)
            if any(span[0] <= deed.now_ms <= span[1] and self._fits(when, deed) for deed in self._deeds):
                state.seen.append(key)
            else:
                late.append((key, now_ms))
        return late

    def _starts(self, of: str | None) -> list[tuple[str, int]]:
        """From when the time counts: the truth of a name, a phase of it, or T+0; each with a key."""
        if of is None:
            return [(START, self._warm_ms)]
        phases = [(f"{name} {at_ms}", at_ms) for name, at_ms in self.phases if name == of]
        return phases + [(event.event_id, event.start_ms) for event in self._events_of(of)]

    def _events_of(self, of: str | None) -> list[TruthEvent]:
        """The truth that a name is about: what an entry began, else all of a kind that began after T+0."""
        truth = self._world.truth
        if of in self._own:
            return [truth.get(event_id) for event_id in self.events.get(of or "", [])]
        return [event for event in truth.events() if event.kind == of and event.start_ms >= self._warm_ms]

    def _fits(self, when: When, deed: Deed) -> bool:
        if deed.what != when.kind:
            return False
        if when.kind != "command":
            return any(self._explained(deed, event) for event in self._events_of(when.of))
        return fits_command(deed.body, when.command, when.target, when.params)

    def _explained(self, deed: Deed, event: TruthEvent) -> bool:
        if self._names is None:
            self._names = PlaceNames(self._world.city)
        plain, claims = as_plain(event), self._claims()
        names = self._names.around(plain["place"])
        return any(explains(claims.get(alert["name"]), alert, plain, names) for alert in deed.body["alerts"])

    # -- for people, and for saving

    def rows(self) -> list[Plain]:
        """Return where each trigger stands, for the desk."""
        return [
            {"id": name, "due_ms": list(state.due_ms), "fired_ms": list(state.fired_ms)} for name, state in self.states.items()
        ]

    def snapshot(self) -> Plain:
        """Return the state as plain data."""
        return {
            "states": {name: asdict(state) for name, state in self.states.items()},
            "phases": [list(phase) for phase in self.phases],
            "events": {name: list(ids) for name, ids in self.events.items()},
            "deeds": [asdict(deed) for deed in self._deeds],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.states = {name: State(**row) for name, row in data["states"].items()}
        self.phases = [(name, at_ms) for name, at_ms in data["phases"]]
        self.events = {name: list(ids) for name, ids in data["events"].items()}
        self._deeds = [Deed(**row) for row in data["deeds"]]


def fits_command(body: Mapping[str, Any], type_: str | None, target: str | None, params: Mapping[str, Any]) -> bool:
    """Return whether a command (`type`, `target_id`, `params`) is the one that is meant; what is not said may be anything."""
    same = body["type"] == type_ and target in (None, body["target_id"])
    return same and all(body["params"].get(name) == value for name, value in params.items())


def phases_of(rows: Sequence[Sequence[Any]]) -> list[Plain]:
    """Return phases as plain rows."""
    return [{"id": name, "at_ms": at_ms} for name, at_ms in rows]
