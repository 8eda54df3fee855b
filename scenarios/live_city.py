"""A city that lives: it goes on barrier by barrier, keeps what the center has not yet stored, and can stand up again.

Lives here: groups of frames between barriers, the log of the world, keyframes, the cached warm-up. Must not know: sockets, pace,
the wall clock. After kill -9 the newest keyframe is loaded and what the log says is done again at its times, so that every frame
after the center's last stored barrier comes again, byte for byte.
"""

import hashlib
import itertools
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops_center import keyframes
from ops_center.files import write_whole
from scenarios.city_side import BARRIER_MS, CitySide
from scenarios.fork import LATER
from scenarios.runs import RunFolder
from scenarios.setup import Setup
from scenarios.world_log import Entry, WorldLog, read_log
from sensors.messages import Command, Judged, encode_frame
from simulator.inject_catalogue import INJECTS
from simulator.injects import validate

KEYFRAME_MS = 60_000
KEEP_EVERY_MS = 180_000  # of a city, whose keyframes are large and who goes through three minutes in a moment
MAX_KEPT = 100_000  # groups that wait for the center's credit


@dataclass(frozen=True, slots=True)
class Group:
    """The frames up to and with one barrier."""

    barrier_ms: int
    frames: tuple[bytes, ...]


class LiveCity:
    """The city of a live run. `folder` None keeps nothing on disk; `cache` is where warm-ups are kept."""

    def __init__(self, setup: Setup, folder: RunFolder | None, cache: Path | None = None) -> None:
        self.setup, self._cache = setup, cache
        self._open(folder)
        self.kept: deque[Group] = deque()
        self.opening: list[bytes] = []
        self._frames: list[bytes] = []
        self._canned: deque[Group] = deque()
        self._warm: list[Group] | None = None
        self.now_ms = 0
        self._fresh(None)

    def _open(self, folder: RunFolder | None) -> None:
        """Work in a run folder from now on. Raises BadLog."""
        self.folder = folder
        self.log = WorldLog(folder.path / "world.log") if folder else None
        self._entries: list[Entry] = list(self.log.entries) if self.log else []
        self._ids = {entry.id for entry in self._entries}
        later = read_log(folder.path / LATER) if folder else []
        self._later = deque(entry for entry in later if entry.id not in self._ids)  # of the parent, to be done again

    # -- standing up

    def move_to(self, folder: RunFolder, now_ms: int) -> None:
        """Go on in another run's folder, from a barrier of its past: a branch, or back from one that came to nothing."""
        self.close()
        self._open(folder)
        self._cache = None
        self._fresh(self._keyframe_before(now_ms))
        self._skip_to(now_ms)

    def _fresh(self, state: Mapping[str, Any] | None) -> None:
        """Build the city anew, at the start or at a keyframe."""
        self._frames = []
        self.city = CitySide(self.setup, self._frames_append)
        self.city.begin()
        self.opening, self._frames = self._frames, []
        self._done, self.now_ms = 0, 0
        if state is not None:
            self._take_over(state)
        self.kept.clear()
        self._canned.clear()
        self._warm = [] if self._cache is not None and state is None and self.setup.scenario.warm_up else None

    def _take_over(self, state: Mapping[str, Any]) -> None:
        """Let a city that has only just been built stand where a keyframe stood."""
        self.city.restore(state["city"])
        self._done, self.now_ms = state["done"], self.city.now_ms
        self._frames = list(state["frames"])

    def _frames_append(self, frame: bytes) -> None:
        self._frames.append(frame)

    def resume(self, resume_ms: int) -> None:
        """Make ready to give every group after `resume_ms`: drop what is stored, or stand up again where that is not enough."""
        while self.kept and self.kept[0].barrier_ms <= resume_ms:
            self.kept.popleft()
        next_ms = self.kept[0].barrier_ms if self.kept else self.now_ms + BARRIER_MS
        if next_ms <= resume_ms + BARRIER_MS or (resume_ms < 0 and next_ms == BARRIER_MS):
            if self.now_ms <= resume_ms:
                self._skip_to(resume_ms)
            return
        self._fresh(self._keyframe_before(resume_ms))
        self._skip_to(resume_ms)

    def _keyframe_before(self, resume_ms: int) -> Mapping[str, Any] | None:
        if self.folder is None:
            return None
        frames = keyframes.newest_first(self.folder.path / "keyframes" / "city")
        return next((state for state in frames if state["now_ms"] <= resume_ms and state["done"] <= len(self._entries)), None)

    def _skip_to(self, resume_ms: int) -> None:
        """Go to a barrier that the center has stored; its frames are not needed any more."""
        if self.now_ms == 0 and resume_ms >= KEYFRAME_MS and (state := self._keyframe_before(resume_ms)) is not None:
            self._fresh(state)
        while self.now_ms < resume_ms:
            self.step()
        while self.kept and self.kept[0].barrier_ms <= resume_ms:
            self.kept.popleft()

    @property
    def behind(self) -> bool:
        """Whether the log knows of something that has not been done again yet."""
        return self._done < len(self._entries) or bool(self._canned)

    # -- going on

    def begin_warm(self) -> bool:
        """At the very start: take the warm-up from the cache, if it is there. The frames are given as if just made."""
        if self._warm is None or self.now_ms or self._entries:
            return False
        path = self._cache_path()
        if not path.is_file():
            return False
        try:
            state = keyframes.decode(path.read_bytes())
            groups = [Group(barrier_ms, tuple(frames)) for barrier_ms, frames in state["groups"]]
            self._take_over(state)  # nothing has run yet: the city need not be built a second time
        except (keyframes.BadKeyframe, KeyError, ValueError):
            path.unlink(missing_ok=True)
            self._fresh(None)
            return False
        self._canned, self.now_ms, self._warm = deque(groups), 0, None
        return True

    def step(self) -> Group:
        """Do what the log says is due, go to the next barrier, and return (and keep) its group."""
        if self._canned:
            group = self._canned.popleft()
        else:
            self._catch_up()
            self._do_again()
            self.city.run_until(self.now_ms - self.now_ms % BARRIER_MS + BARRIER_MS)
            group = Group(self.city.now_ms, tuple(self._frames))
            self._frames.clear()
        self.now_ms = group.barrier_ms
        self.kept.append(group)
        self._keep_warm(group)
        return group

    def _catch_up(self) -> None:
        while self._done < len(self._entries) and self._entries[self._done].now_ms <= self.now_ms:
            self.city.take(self._entries[self._done])
            self._done += 1

    def _do_again(self) -> None:
        """Take what the parent of a branch had at this time, as if it were asked for now."""
        while self._later and self._later[0].now_ms <= self.now_ms and not self.behind:
            entry = self._later.popleft()
            self._take(entry.what, entry.id, entry.body)

    def stored(self, barrier_ms: int) -> None:
        """The center has everything up to this barrier."""
        while self.kept and self.kept[0].barrier_ms <= barrier_ms:
            self.kept.popleft()

    # -- changes from outside

    def command(self, command: Command) -> bool:
        """Log a world command of the center and let it take effect now; False if it was taken before. Not while `behind`."""
        if command.command_id in self._ids:
            return False
        target = {"target_kind": command.target_kind, "target_id": command.target_id}
        self._take("command", command.command_id, {"type": command.type, **target, "params": command.params})
        return True

    def judged(self, message: Judged) -> bool:
        """Log what people made of an incident, if a trigger waits for such; False if it was heard before or nobody waits."""
        if message.command_id in self._ids or not self.city.triggers.wants_judgement:
            return False
        self._take("judged", message.command_id, {"what": message.what, "alerts": message.alerts})
        return True

    def inject(self, name: str, params: Mapping[str, Any], title: Mapping[str, str] | None = None) -> str:
        """Log an inject and let it happen now; return its id. Raises ValueError, with nothing logged, if it does not fit."""
        inject = INJECTS.get(name)
        if inject is None:
            raise ValueError(f"inject {name!r} is unknown; expected one of {', '.join(INJECTS)}")
        problems = validate(inject, params, self.setup.city)
        if problems:
            raise ValueError("; ".join(problems))
        taken = self._ids | {entry.id for entry in self._later}
        inject_id = next(i for n in itertools.count(len(self._entries) + 1) if (i := f"instructor-{n}") not in taken)
        self._take("inject", inject_id, {"name": name, "params": dict(params), "title": dict(title) if title else None})
        return inject_id

    def _take(self, what: str, entry_id: str, body: dict[str, Any]) -> None:
        if self.behind:
            raise RuntimeError(f"{what} {entry_id} came while the log is done again; it has to wait")
        seq, now_ms = len(self._entries), self.now_ms
        entry = self.log.append(now_ms, what, entry_id, body) if self.log else Entry(seq, now_ms, what, entry_id, body)
        self._entries.append(entry)
        self._ids.add(entry_id)
        self._done = len(self._entries)
        self.city.take(entry)

    # -- keyframes and the warm-up's cache

    def keyframe(self) -> bytes:
        """Return the city's state at this barrier, encoded. Not while `behind`."""
        return keyframes.encode(self._state())

    def _state(self) -> dict[str, Any]:
        return {"now_ms": self.now_ms, "done": self._done, "city": self.city.snapshot(), "frames": list(self._frames)}

    @property
    def keyframe_due(self) -> bool:
        """A full minute, and a state to keep."""
        return self.folder is not None and self.now_ms % KEYFRAME_MS == 0 and not self.behind

    def keep_keyframe(self, data: bytes, now_ms: int) -> None:
        """Write an encoded keyframe of a barrier."""
        if self.folder is not None:
            keyframes.write(self.folder.path / "keyframes" / "city", now_ms, data, KEEP_EVERY_MS)

    def _cache_path(self) -> Path:
        identity = json.dumps(self.setup.header("warm").identity(), sort_keys=True)
        name = hashlib.sha256(f"warm-1 {identity}".encode()).hexdigest()[:32]
        return (self._cache or Path()) / f"warm-{name}.key"

    def _keep_warm(self, group: Group) -> None:
        """Gather the groups of the warm-up; at its end, if nothing from outside happened, keep them with a keyframe."""
        if self._warm is None or self._cache is None:
            return
        self._warm.append(group)
        if self.now_ms < self.setup.scenario.warm_up:
            return
        groups = [[g.barrier_ms, list(g.frames)] for g in self._warm]
        self._warm = None
        if not self._entries:
            self._cache.mkdir(parents=True, exist_ok=True)
            write_whole(self._cache_path(), keyframes.encode({**self._state(), "groups": groups}))

    def opening_frames(self, run_id: str, **hello: Any) -> list[bytes]:
        """Return hello, registry and map layers, with which every connection begins."""
        return [encode_frame(self.city.hello(run_id, **hello)), *self.opening]

    def close(self) -> None:
        """Let go of the log."""
        if self.log:
            self.log.close()
