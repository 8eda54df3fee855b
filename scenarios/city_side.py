"""The city at work: world, fleet and the scenario's timeline as one thing that runs, takes commands, is saved and loaded.

Lives here: the timeline's process, taking logged commands and injects, the frames of the beginning. Must not know: sockets, the
center, the wall clock. Whatever runs a city (headless, live, bench) runs this, so that there is one way in which a city goes.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from scenarios.schema import TimelineEntry
from scenarios.setup import Setup
from scenarios.world_log import Entry
from sensors.fleet import Fleet
from sensors.messages import Command, Hello, encode_frame
from simulator.truth import TruthEvent, as_plain
from simulator.world import World

TIMELINE_PRIORITY = 0
BARRIER_MS = 1_000


class CitySide:
    """One city of a run. `emit` gets each encoded frame in order; `now_ms` 0 is the beginning of the warm-up."""

    def __init__(self, setup: Setup, emit: Callable[[bytes], None]) -> None:
        self.setup, self._emit = setup, emit
        scenario = setup.scenario
        self.world = World(setup.city, setup.seed, setup.start_at, scenario.weather, ordinary_life=scenario.ordinary_life)
        if scenario.demand_factor != 1.0:
            self.world.traffic.set_demand_factor(scenario.demand_factor)
        self._timeline = sorted(enumerate(scenario.timeline), key=lambda pair: (pair[1].at, pair[0]))
        self._next = 0
        self.fired: list[dict[str, Any]] = []
        self.world.scheduler.add("scenario.timeline", TIMELINE_PRIORITY, self._due_ms(), self._fire_due)
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
            self._fire(entry.id or f"timeline-{index + 1}", "timeline", entry.inject, entry.params, now_ms, _title(entry))
        return self._due_ms()

    def _fire(
        self, inject_id: str, by: str, name: str, params: Mapping[str, Any], now_ms: int, title: dict[str, str] | None
    ) -> TruthEvent:
        event = self.world.inject(name, params, now_ms)
        row = {"id": inject_id, "by": by, "inject": name, "params": dict(params), "title": title, "now_ms": now_ms}
        self.fired.append({**row, "event_id": event.event_id})
        return event

    def begin(self) -> None:
        """Emit registry and map layers; hello is said by who has the socket."""
        self._emit(encode_frame(self.fleet.registry()))
        self._emit(encode_frame(self.fleet.layers()))

    def hello(self, run_id: str, **details: Any) -> Hello:
        """Return the first frame of the wire; `details` are further fields of Hello."""
        return self.fleet.hello(run_id, **details)

    def run_until(self, until_ms: int) -> None:
        """Run up to and including `until_ms`."""
        self.world.run_until(until_ms)

    def take(self, entry: Entry) -> None:
        """Let a logged command or inject take effect now, after the barrier at `entry.now_ms`.

        An inject that does not fit this city any more is a recorded no-op, as a command without its target is.
        """
        if entry.what == "command":
            self.fleet.command(Command(command_id=entry.id, **entry.body), self.now_ms)
        elif entry.what == "inject":
            body = entry.body
            with contextlib.suppress(ValueError):
                self._fire(entry.id, "instructor", body["name"], body["params"], self.now_ms, body.get("title"))

    def truth(self) -> list[dict[str, Any]]:
        """Return the truth events so far as plain data."""
        return [as_plain(event) for event in self.world.truth.events()]

    def snapshot(self) -> dict[str, Any]:
        """Return all that changes, as plain data and arrays."""
        return {"world": self.world.snapshot(), "fleet": self.fleet.snapshot(), "next": self._next, "fired": list(self.fired)}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a snapshot of a city of the same setup."""
        self._next, self.fired = data["next"], list(data["fired"])
        self.world.restore(data["world"])
        self.fleet.restore(data["fleet"])


def _title(entry: TimelineEntry) -> dict[str, str] | None:
    return {"vi": entry.title.vi, "en": entry.title.en} if entry.title else None
