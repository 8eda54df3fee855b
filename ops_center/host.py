"""The runs of a server: opened when a city says hello (or at start), each with its folder, none of them global.

Lives here: which run folder belongs to whom, the default run that short addresses mean. Must not know: routes, frames.
"""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path

from ops_center.fork import CannotFork, open_fork
from ops_center.live import LiveCity
from ops_center.notifier import Notifier
from ops_center.pipeline import Center, CenterConfig
from ops_center.run import Run
from ops_center.seats import Seats
from sensors.messages import Hello

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MAX_CITIES = 32


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a server is made of. `data` None keeps nothing; `run` is opened at start, so that its past can be seen at once.

    Alerts are sent to the `alertmanagers`, with links to this server at `external_url`.
    """

    center: CenterConfig
    seats: Seats
    data: Path | None = None
    run: str = ""
    exercise_url: str = ""
    alertmanagers: tuple[str, ...] = ()
    external_url: str = ""


class HostError(ValueError):
    """A city that cannot be taken in; one line that says why."""


@dataclass(slots=True)
class Host:
    """The cities of a server by (run, city). The first that was opened is the one that short addresses mean."""

    config: HostConfig
    cities: dict[tuple[str, str], LiveCity] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    def get(self, run: str = "", city: str = "") -> LiveCity | None:
        """Return a city, the default one without names; None if there is none of that name."""
        if run or city:
            return self.cities.get((run, city))
        return next(iter(self.cities.values()), None)

    async def start(self) -> None:
        """Open the run that was configured, if its folder says whose it is."""
        if self.config.run and self.config.data is not None:
            folder = self.folder(self.config.run)
            if (folder / "journal.sqlite").exists():
                run = await asyncio.to_thread(Run, folder, self.config.center)
                city = run.center.hello.city if run.center.hello else ""
                if not city:
                    await asyncio.to_thread(run.close)
                    return
                self.cities[self.config.run, city] = self._live(run, self.config.run, city)

    def folder(self, run: str, city: str = "") -> Path:
        """Return the folder of a run; a second city of the same run has one inside it. Raises HostError."""
        if self.config.data is None or not NAME.fullmatch(run) or (city and not NAME.fullmatch(city)):
            raise HostError(f"run {run[:100]!r} and city {city[:100]!r}: expected names of letters, digits, '.', '_' and '-'")
        others = [c for r, c in self.cities if r == run and c != city]
        root = self.config.data / "runs" / run
        return root / "cities" / city if others and city else root

    async def open(self, hello: Hello) -> LiveCity:
        """Return a city's live run, opened and recovered if need be. Raises HostError, or what opening a folder raises.

        A branch that is not known yet is made from its parent, and whoever looks at the parent is moved to it.
        """
        run, city = hello.run, hello.city
        async with self._opening:
            known = self.cities.get((run, city))
            if known is not None:
                return known
            if not NAME.fullmatch(run) or not NAME.fullmatch(city):
                raise HostError(f"run {run[:100]!r} and city {city[:100]!r}: expected names of letters, digits, '.', '_' and '-'")
            if hello.parent and not self._has_record(run, city):
                return await self._branch(hello)
            if len(self.cities) >= MAX_CITIES:
                raise HostError(f"this server holds {MAX_CITIES} cities already")
            folder = None if self.config.data is None else self.folder(run, city)
            opened = await asyncio.to_thread(Run, folder, self.config.center)
            held = opened.center.hello
            if held is not None and held.city != city:
                await asyncio.to_thread(opened.close)
                raise HostError(f"run {run} is of the city {held.city!r}, not of {city!r}")
            self.cities[run, city] = self._live(opened, run, city)
            return self.cities[run, city]

    def _live(self, opened: Run, run: str, city: str) -> LiveCity:
        notifier = Notifier(self.config.alertmanagers, self.config.external_url) if self.config.alertmanagers else None
        return LiveCity(opened, run, city, notifier)

    def _has_record(self, run: str, city: str) -> bool:
        return self.config.data is not None and (self.folder(run, city) / "journal.sqlite").exists()

    async def _branch(self, hello: Hello) -> LiveCity:
        """Make a branch of a run and show it in the parent's place. Raises HostError; the parent then stays as it is."""
        if self.config.data is None:
            raise HostError("this center keeps no record; start it with a data folder to go back")
        parent = self.cities.get((hello.parent, hello.city))
        folders = self.folder(hello.parent, hello.city), self.folder(hello.run, hello.city)
        try:
            if parent is None:
                opened = await self._forked(*folders, hello, None)
            else:
                async with parent.turn:
                    await parent.settle()
                    opened = await self._forked(*folders, hello, parent.run.center)
        except CannotFork as error:
            raise HostError(str(error)) from error
        key = hello.run, hello.city
        if parent is None:
            self.cities[key] = self._live(opened, *key)
            return self.cities[key]
        await parent.move_to(opened, hello.run)
        self.cities = {key if live is parent else known: live for known, live in self.cities.items()}
        return parent

    async def _forked(self, source: Path, target: Path, hello: Hello, like: Center | None) -> Run:
        return await asyncio.to_thread(
            open_fork, source, target, hello.fork_at_ms, self.config.center, keep_commands=hello.keep_commands, like=like
        )  # fmt: skip

    async def close(self) -> None:
        """Close all cities."""
        for live in self.cities.values():
            await live.close()
        self.cities.clear()
