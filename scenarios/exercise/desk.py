"""The instructor's desk: what is true, what can be made to happen, how time goes, how it went.

Lives here: the desk over a live city. Must not know: HTTP, sockets, who sits at it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from ops_center.until import Condition
from scenarios.city_server import CityServer
from scenarios.claims import Claim
from scenarios.debrief import Material, debrief
from scenarios.exercise.places import PlaceBook
from scenarios.exercise.waits import waits_for
from scenarios.journal_reader import read_changes
from scenarios.kind_titles import kind_title
from scenarios.live_city import LiveCity
from scenarios.naming import Naming
from scenarios.pace import Asked, say_pace
from scenarios.references import commands_of
from scenarios.schema import Palette, TimelineEntry, Trigger
from simulator.inject_catalogue import INJECTS, domain_of
from simulator.injects import PLACES, Inject, Parameter

Plain = dict[str, Any]
MAX_DOCUMENT = 32 * 1024 * 1024


class Desk:
    """The desk of one live city."""

    def __init__(self, server: CityServer, claims: Mapping[str, Claim]) -> None:
        self.server, self.claims = server, claims
        self.live = server.live
        self.places, self._naming = PlaceBook(server.live.setup.city), Naming(server.live.setup.city)
        self._commands = commands_of(server.live.setup.kinds)

    def clock(self) -> Plain:
        """How time goes."""
        now_ms, pacer = self.live.now_ms, self.server.pacer
        start_at = self.live.setup.start_at
        return {
            "now_ms": now_ms, "t_ms": self.live.city.t_ms(now_ms), "start_at": start_at.isoformat(),
            "local": (start_at + timedelta(milliseconds=now_ms)).isoformat(timespec="seconds"),
            "pace": say_pace(pacer.pace), "achieved_pace": round(pacer.achieved, 2),
            "paused": pacer.paused or self.server.ended, "warming_up": self.server.warming_up, "ended": self.server.ended,
            "center_connected": self.server.connected, "until": self.server.until or None,
            "until_said": self.server.until_said or None, "run": self.run(),
        }  # fmt: skip

    def run(self) -> Plain:
        """Which run this is; one with a parent is a branch of it."""
        header = self.live.folder.header() if self.live.folder else None
        if header is None or not header.parent:
            return {"id": self.server.link.run_id, "parent": None, "fork_at_ms": None, "fork_local": None}
        fork_local = (self.live.setup.start_at + timedelta(milliseconds=header.fork_at_ms)).isoformat(timespec="seconds")
        return {"id": header.run_id, "parent": header.parent, "fork_at_ms": header.fork_at_ms, "fork_local": fork_local}

    def truth(self) -> list[Plain]:
        """All truth events so far, oldest first, with the title of the inject that began them."""
        titles = {row["event_id"]: row["title"] for row in self.live.city.fired if row["title"]}
        return [
            {**self._named(event), "title": titles.get(event["event_id"]), "kind_title": kind_title(event["kind"])}
            for event in self.live.city.truth()
        ]

    def _named(self, event: Plain) -> Plain:
        """Return a truth event whose place also has the name that people know it by."""
        place = event["place"]
        name = self._naming.of(place["kind"], place["id"])
        return event | {"place": {**place, "name": name if name != place["id"] else ""}}

    def traffic(self) -> Plain:
        """Vehicles on the roads now and those that came and went since the start, whatever any detector says."""
        totals = self.live.city.world.traffic.totals()
        return {name: round(totals[name]) for name in ("on_road", "waiting", "entered", "left")}

    def stamp(self) -> tuple[int, int]:
        """A value that changes when the truth does."""
        events = self.live.city.world.truth.events()
        return len(events), sum(event.end_ms is not None for event in events)

    def timeline(self) -> Plain:
        """The scenario's timeline, done and to come, and what the instructor fired."""
        fired = {row["id"]: row for row in self.live.city.fired}
        warm_ms = self.live.setup.scenario.warm_up
        rows = [
            {**_entry(entry), "id": entry.id or f"timeline-{i + 1}", "at_ms": entry.at + warm_ms}
            for i, entry in enumerate(self.live.setup.scenario.timeline)
        ]
        for row in rows:
            row["fired_ms"] = fired[row["id"]]["now_ms"] if row["id"] in fired else None
        phase_titles = self._phase_titles()
        return {
            "timeline": sorted(rows, key=lambda row: (row["at_ms"], row["id"])),
            "triggers": self._triggers(),
            "phases": [
                {"id": name, "at_ms": at_ms, "title": phase_titles[name]} for name, at_ms in self.live.city.triggers.phases
            ],
            "instructor": [row for row in self.live.city.fired if row["by"] == "instructor"],
        }

    def _phase_titles(self) -> dict[str, Plain]:
        """Phase -> what people call it: the title of the trigger that begins nothing else."""
        return {
            t.phase: _titled(t) if t.inject is None else _title_of(t.phase) for t in self.live.setup.scenario.triggers if t.phase
        }

    def _triggers(self) -> list[Plain]:
        """The triggers: what each waits for, when it is due, when it fired."""
        scenario = self.live.setup.scenario
        rows: list[TimelineEntry | Trigger] = [*scenario.timeline, *scenario.triggers]
        titles = {row.id: _titled(row) for row in rows if row.id} | self._phase_titles()
        states = {row["id"]: row for row in self.live.city.triggers.rows()}
        return [
            {
                **states[trigger.id], "title": _titled(trigger), "inject": trigger.inject, "params": dict(trigger.params),
                "phase": trigger.phase, "after_ms": trigger.after, "times": trigger.times,
                "waits_for": waits_for(trigger.when, titles, self._naming, self._commands),
            }
            for trigger in scenario.triggers
        ]  # fmt: skip

    def injects(self) -> Plain:
        """What can be made to happen: the scenario's palette, ready to fire, and every inject with its parameters."""
        return {
            "palette": [_entry(entry) | {"place": self._place_of(entry)} for entry in self.live.setup.scenario.palette],
            "injects": [_described(inject) for inject in INJECTS.values()],
        }

    def _place_of(self, entry: Palette) -> str:
        """The name of the first place that a prepared inject names, '' where the seed chooses."""
        parameters = INJECTS[entry.inject].parameters if entry.inject in INJECTS else {}
        named = [(parameters[name].kind, str(value)) for name, value in entry.params.items() if name in parameters]
        return next((self._naming.of(kind, value) for kind, value in named if kind in PLACES), "")

    def inject(self, name: str, params: Mapping[str, Any], title: Mapping[str, str] | None = None) -> Plain:
        """Fire an inject now. Raises ValueError when it does not fit, RuntimeError while the city stands up again."""
        inject_id = self.live.inject(name, params, title if title is not None else _title_of(name))
        self.server.news.set()
        row = next((row for row in reversed(self.live.city.fired) if row["id"] == inject_id), None)
        return {"inject_id": inject_id, "now_ms": self.live.now_ms, "event_id": row["event_id"] if row else None}

    def control(self, asked: Asked, who: str) -> Plain:
        """Pause, go on, change the pace, run to an instant or until something is so. Raises ValueError."""
        if asked.until_expr:
            Condition(asked.until_expr)
        self.server.ask(asked, who)
        return self.clock()

    async def jump(self, to_ms: int, keep_commands: bool) -> Plain:
        """Go back: the run stays as it is, a branch of it goes on from then. Raises CannotJump."""
        await self.server.jump(to_ms, keep_commands)
        return {"run": self.run(), "clock": self.clock()}

    def documents(self) -> list[str]:
        """The documents of the rule bench that lie in the run's folder."""
        return list(_documents(self.live))

    def document(self, name: str) -> bytes | None:
        """One of them, None if it is not there."""
        path = _documents(self.live).get(name)
        return path.read_bytes() if path else None

    async def debrief(self) -> Plain:
        """Truth beside judgement, computed anew from the truth and the center's journal."""
        live = self.live
        truth, fired, until_ms = live.city.truth(), list(live.city.fired), live.now_ms
        outcomes, phases = live.city.measures.values(), tuple(live.city.triggers.phases)
        path = live.folder.path / "journal.sqlite" if live.folder else None

        def compute() -> Plain:
            material = Material(
                run_id=self.server.link.run_id, start_at=live.setup.start_at.isoformat(), scenario=live.setup.scenario,
                city=live.setup.city, truth=truth, fired=fired, changes=list(read_changes(path)) if path else [],
                claims=self.claims, until_ms=until_ms, outcomes=outcomes, phases=phases, picks=live.setup.loaded.picks,
                commands=self._commands,
            )  # fmt: skip
            document = debrief(material)
            return document | {"truth": [self._named(row) for row in document["truth"]]}

        return await asyncio.to_thread(compute)


def _documents(live: LiveCity) -> dict[str, Path]:
    """The rule bench's documents in a run's folder, by name."""
    folder = live.folder.documents if live.folder else None
    found = sorted(folder.glob("*.json")) if folder and folder.is_dir() else []
    return {path.name: path for path in found if path.is_file() and path.stat().st_size <= MAX_DOCUMENT}


def _entry(entry: Palette) -> Plain:
    title = entry.title
    row: Plain = {"inject": entry.inject, "params": dict(entry.params)}
    row["title"] = {"vi": title.vi, "en": title.en} if title else _title_of(entry.inject)
    return row | ({"at_t_ms": entry.at} if isinstance(entry, TimelineEntry) else {})


def _titled(row: TimelineEntry | Trigger) -> Plain:
    """The title of an entry or a trigger, of its inject where it has none, its own name where it only begins a phase."""
    if row.title is not None:
        return {"vi": row.title.vi, "en": row.title.en}
    return _title_of(row.inject or getattr(row, "phase", None) or row.id or "")


def _title_of(name: str) -> Plain:
    if name in INJECTS:
        return {"vi": INJECTS[name].title.vi, "en": INJECTS[name].title.en}
    return dict.fromkeys(("vi", "en"), name.replace("_", " "))


def _described(inject: Inject) -> Plain:
    return {
        "name": inject.name, "title": {"vi": inject.title.vi, "en": inject.title.en}, "truth_kind": inject.truth_kind,
        "domain": domain_of(inject),
        "parameters": [_parameter(name, parameter) for name, parameter in inject.parameters.items()],
    }  # fmt: skip


def _parameter(name: str, parameter: Parameter) -> Plain:
    choices: Sequence[str] = parameter.choices
    return {
        "name": name, "type": parameter.kind, "place": parameter.kind in PLACES, "unit": parameter.unit,
        "minimum": parameter.minimum, "maximum": parameter.maximum,
        "choices": list(choices), "default": parameter.default, "title": {"vi": parameter.help.vi, "en": parameter.help.en},
    }  # fmt: skip
