"""The city at work: world, fleet, timeline and triggers as one thing that runs, takes commands, is saved and loaded.

Lives here: the processes of timeline, triggers and measures, taking what was logged, the frames of the beginning. Must not
know: sockets, the center, the wall clock. Whatever runs a city (headless, live, bench) runs this, so that there is one way in
which a city goes.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from scenarios.claims import Claim, load_claims
from scenarios.measures import Measures
from scenarios.rule_paths import PACK
from scenarios.schema import TimelineEntry, Trigger
from scenarios.setup import Setup
from scenarios.triggers import STEP_MS, Triggers
from scenarios.world_log import Entry
from sensors import registry as registry_book
from sensors.fleet import Fleet
from sensors.messages import Command, Hello, encode_frame
from simulator.truth import TruthEvent, as_plain
from simulator.world import World

TIMELINE_PRIORITY, TRIGGER_PRIORITY, MEASURE_PRIORITY = 0, 1, 95
BARRIER_MS = 1_000


class CitySide:
    """One city of a run. `emit` gets each encoded frame in order; `now_ms` 0 is the beginning of the warm-up."""

    def __init__(self, setup: Setup, emit: Callable[[bytes], None]) -> None:
        self.setup, self._emit = setup, emit
        self._claims: Mapping[str, Claim] | None = None
        scenario = setup.scenario
        self.world = World(setup.city, setup.seed, setup.start_at, scenario.weather, ordinary_life=scenario.ordinary_life)
        if scenario.demand_factor != 1.0:
            self.world.traffic.set_demand_factor(scenario.demand_factor)
        self._timeline = sorted(enumerate(scenario.timeline), key=lambda pair: (pair[1].at, pair[0]))
        self._next = 0
        self.fired: list[dict[str, Any]] = []
        self.world.scheduler.add("scenario.timeline", TIMELINE_PRIORITY, self._due_ms(), self._fire_due)
        self.triggers = Triggers(scenario, self.world, self._trigger, self._read_claims)
        if scenario.triggers:
            self.world.scheduler.add("scenario.triggers", TRIGGER_PRIORITY, STEP_MS, self._look)
        self.measures = Measures(scenario, self.world)
        if self.measures.any:
            self.world.scheduler.add("scenario.measures", MEASURE_PRIORITY, self.measures.first_ms, self.measures.step)
        self.fleet = Fleet(self.world, setup.kinds, setup.noise_seed, emit)

    @property
    def now_ms(self) -> int:
        """Where simulated time stands."""
        return self.world.scheduler.now_ms

    def t_ms(self, now_ms: int) -> int:
        """The time from T+0."""
        return now_ms - self.setup.scenario.warm_up

    def _due_ms(self) -> int | None:
        if self._next >= len(self._timeline):
            return None
        return self._timeline[self._next][1].at + self.setup.scenario.warm_up

    def _fire_due(self, now_ms: int) -> int | None:
        while (due_ms := self._due_ms()) is not None and due_ms <= now_ms:
            index, entry = self._timeline[self._next]
            self._next += 1
            inject_id = entry.id or f"timeline-{index + 1}"
            event = self._fire(inject_id, "timeline", entry.inject, entry.params, now_ms, _title(entry))
            self.triggers.began(inject_id, event)
        return self._due_ms()

    def _look(self, now_ms: int) -> int:
        self.triggers.step(now_ms)
        return now_ms + STEP_MS

    def _trigger(self, trigger: Trigger, inject_id: str, now_ms: int) -> TruthEvent | None:
        """Fire the inject of a trigger; one that has become impossible meanwhile is nothing."""
        with contextlib.suppress(ValueError):
            return self._fire(inject_id, "trigger", trigger.inject or "", trigger.params, now_ms, _title(trigger), of=trigger.id)
        return None

    def _read_claims(self) -> Mapping[str, Claim]:
        if self._claims is None:
            self._claims = load_claims(PACK)
        return self._claims

    def _fire(
        self,
        inject_id: str,
        by: str,
        name: str,
        params: Mapping[str, Any],
        now_ms: int,
        title: dict[str, str] | None,
        of: str = "",
    ) -> TruthEvent:
        event = self.world.inject(name, params, now_ms)
        row = {"id": inject_id, "by": by, "inject": name, "params": dict(params), "title": title, "now_ms": now_ms}
        self.fired.append({**row, "of": of or inject_id, "event_id": event.event_id})
        return event

    def begin(self) -> None:
        """Emit registry and map layers; hello is said by who has the socket."""
        for frame in registry_book.frames(self.fleet.registry()):
            self._emit(frame)
        self._emit(encode_frame(self.fleet.layers()))

    def hello(self, run_id: str, **details: Any) -> Hello:
        """Return the first frame of the wire; `details` are further fields of Hello."""
        return self.fleet.hello(run_id, **details)

    def run_until(self, until_ms: int) -> None:
        """Run up to and including `until_ms`."""
        self.world.run_until(until_ms)

    def take(self, entry: Entry) -> None:
        """Let a logged command, judgement or inject take effect now, after the barrier at `entry.now_ms`.

        An inject that does not fit this city any more is a recorded no-op, as a command without its target is.
        """
        if entry.what == "command":
            applied = self.fleet.command(Command(command_id=entry.id, **entry.body), self.now_ms)
            if applied.accepted:
                self.triggers.did("command", entry.id, self.now_ms, self._with_defaults(entry.body))
        elif entry.what == "judged":
            self.triggers.did(entry.body["what"], entry.id, self.now_ms, {"alerts": entry.body["alerts"]})
        elif entry.what == "inject":
            body = entry.body
            with contextlib.suppress(ValueError):
                self._fire(entry.id, "instructor", body["name"], body["params"], self.now_ms, body.get("title"))

    def _with_defaults(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a command with the defaults of the parameters that were left out."""
        info = next(c for c in self.fleet.registry().commands if c.type == body["type"])
        defaults = {p.name: p.default for p in info.parameters if p.default is not None}
        return {**body, "params": defaults | dict(body.get("params", {}))}

    def truth(self) -> list[dict[str, Any]]:
        """Return the truth events so far as plain data."""
        return [as_plain(event) for event in self.world.truth.events()]

    def snapshot(self) -> dict[str, Any]:
        """Return all that changes, as plain data and arrays."""
        return {
            "world": self.world.snapshot(), "fleet": self.fleet.snapshot(), "next": self._next, "fired": list(self.fired),
            "triggers": self.triggers.snapshot(), "measures": self.measures.snapshot(),
        }  # fmt: skip

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a snapshot of a city of the same setup."""
        self._next, self.fired = data["next"], list(data["fired"])
        self.world.restore(data["world"])
        self.fleet.restore(data["fleet"])
        self.triggers.restore(data["triggers"])
        self.measures.restore(data["measures"])


def _title(entry: TimelineEntry | Trigger) -> dict[str, str] | None:
    return {"vi": entry.title.vi, "en": entry.title.en} if entry.title else None
