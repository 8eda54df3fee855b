"""One run of one city on this machine: the pure center with its journal, recorded stream and keyframes.

Lives here: the order "durable, then told"; recovery after a crash; no threads of its own beside the journal's, no sockets. Must
not know: HTTP, viewers. Used by function call when headless and by `live` behind sockets. After kill -9 the newest keyframe is
loaded and the recorded stream and the journalled commands are run again to the last durable barrier; the city sends what follows.
"""

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ops_center import keyframes, recall
from ops_center.events import Change, JudgementCommand
from ops_center.files import write_whole
from ops_center.folder_lock import FolderLock
from ops_center.journal import Journal
from ops_center.judge import RuleFile
from ops_center.people import Refused
from ops_center.pipeline import Center, CenterConfig
from ops_center.recorder import Loss, Recorder, read_chunks
from sensors.messages import Barrier, Hello, Layers, Pace, Registry, Until, encode_frame

KEYFRAME_MS = 60_000
KEYFRAME_SHARE = 20  # a keyframe may take a twentieth of the wall time
FLUSH_BARRIERS = 16
FLUSH_BYTES = 32 * 1024 * 1024
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found in a run folder: from which keyframe, up to which barrier, what of the recorded stream was lost."""

    keyframe_ms: int
    barrier_ms: int
    commands: int
    losses: tuple[Loss, ...]


class Run:
    """A center and its memory. `folder` None keeps nothing. One caller at a time.

    Without `keyframes` the recorded stream alone brings a run back: enough where nobody waits for it. `like` is the center of a
    run that this one is a branch of; it saves work.
    """

    def __init__(self, folder: Path | None, config: CenterConfig, keyframes: bool = True, like: Center | None = None) -> None:
        self.folder, self._keyframes = folder, keyframes and folder is not None
        self.config = config
        self.lock = None if folder is None else FolderLock(folder)
        self.journal = None if folder is None else Journal(folder / "journal.sqlite")
        self.recorder = None if folder is None else Recorder(folder / "wire")
        self.center = Center(config)
        self.by_command: dict[str, JudgementCommand] = {}
        self.held: list[JudgementCommand] = []  # journalled for a barrier that has not come again yet
        self.later: deque[JudgementCommand] = deque()  # of the parent of a branch, to be done again at their times
        self.parent, self.fork_at_ms = "", -1
        self.next_seq = 1
        self.unsettled = 0
        self._opening: list[bytes] = []  # what the center took in beside the groups, and nobody sends again
        self._group: list[bytes] = []
        self._unsaved: list[tuple[int, list[Change]]] = []
        self._frames = ThreadPoolExecutor(1, thread_name_prefix="keyframe")
        self._framing: Future[Path] | None = None
        self._framed_ms, self._may_frame_at = 0, 0.0
        self._recorded_ms = -1  # up to when what rules recorded lies beside the keyframes
        self._hello_recorded = False
        if folder is not None:
            (folder / RESULT).unlink(missing_ok=True)  # the run goes on
        self.recovery = self._recover(like)

    # -- frames

    def take(self, frame: bytes) -> list[Change]:
        """Take in one frame of the wire; changes come at barriers. What counts is kept for the next `settle`."""
        center, before_ms = self.center, self.center.now_ms
        changes = center.step(frame)
        seen = center.seen
        self._opening += center.took
        if isinstance(seen, Hello):
            self._took_hello()
        elif not isinstance(seen, Registry | Layers | Pace | Until):
            self._group.append(frame)
        if center.refused:
            self._opening, self._hello_recorded = [], False
        if isinstance(seen, Barrier):
            self._close_group(center.now_ms > before_ms)
            changes += self.apply_held()
        return changes

    def drop_partial(self) -> None:
        """The city has gone in the middle of something: it will send everything after the last barrier again."""
        self._group.clear()
        self.center.drop_partial()

    def _took_hello(self) -> None:
        self._group.clear()
        if self.center.hello is not None and not self._hello_recorded:
            self._opening.append(encode_frame(self.center.hello))
            self._hello_recorded = True

    def _close_group(self, counts: bool) -> None:
        if counts and self.recorder is not None:
            for frame in (*self._opening, *self._group):
                self.recorder.append(frame)
            self._opening = []
            self.unsettled += 1
        self._group.clear()

    def record(self, changes: list[Change]) -> None:
        """Keep changes for the journal; they are durable after the next `settle` that returns."""
        if self.journal is not None and changes:
            self._unsaved.append((self.center.change_count - len(changes) + 1, changes))

    def settle(self) -> None:
        """Make everything taken so far durable; what fails is tried again next time. Raises JournalError or RecorderError."""
        if self.journal is not None and self.recorder is not None:
            writing = [self.journal.record_changes(first, changes) for first, changes in self._unsaved]
            self.recorder.flush(self.center.now_ms)
            for done in writing:
                done.result()
            self._unsaved.clear()
        self.unsettled = 0

    def step(self, frame: bytes) -> list[Change]:
        """Take, record and settle as needed: the one call of a headless run. Returns changes that are journalled."""
        changes = self.take(frame)
        self.record(changes)
        if changes or self.unsettled >= FLUSH_BARRIERS or (self.recorder and self.recorder.waiting_bytes >= FLUSH_BYTES):
            self.settle()
        self.keyframe_if_due()
        return changes

    # -- commands

    def prepare(
        self, type_: str, target: str, params: dict[str, Any], who: str, command_id: str
    ) -> tuple[JudgementCommand, bool]:
        """Check a command; return it numbered, and whether it is one that was done before. Raises Refused."""
        known = self.by_command.get(command_id)
        if known is not None:
            if (known.type, known.target, known.params) != (type_, target, params):
                raise Refused(409, f"command_id {command_id!r} was used for another command, {known.type} of {known.target!r}")
            return known, True
        self.center.judgement.check(type_, target, params)
        if type_ == "reload":
            self._check_rules(params)
        return JudgementCommand(command_id, type_, target, self.center.now_ms, self.next_seq, who, params), False

    def _check_rules(self, params: dict[str, Any]) -> None:
        try:
            self.center.judge.check([RuleFile(item["name"], item["text"]) for item in params["rules"]])
        except ValueError as error:
            raise Refused(422, str(error)) from error

    def store(self, command: JudgementCommand) -> None:
        """Make a prepared command durable, after everything that came before it. Raises JournalError or RecorderError."""
        self.settle()
        if self.journal is not None:
            self.journal.record_command(command).result()
        self.by_command[command.command_id] = command
        self.next_seq = command.seq + 1

    def apply(self, command: JudgementCommand) -> list[Change]:
        """Do a stored command; its changes are handed to the journal."""
        changes = self.center.apply(command)
        self.record(changes)
        return changes

    def command(self, type_: str, target: str, params: dict[str, Any], who: str, command_id: str) -> list[Change]:
        """Check, store and do a command; one that was done before changes nothing. Raises Refused, JournalError."""
        prepared, again = self.prepare(type_, target, params, who, command_id)
        if again:
            return []
        self.store(prepared)
        changes = self.apply(prepared)
        self.settle()
        return changes

    def control(self, who: str, body: dict[str, Any]) -> None:
        """Journal a control (pause, pace, run-to), which is never digested."""
        if self.journal is not None:
            self.journal.record_control(self.center.now_ms, who, body).result()

    def apply_held(self) -> list[Change]:
        """Do the held commands whose barrier has come."""
        changes: list[Change] = []
        while self.held and self.held[0].at_ms <= self.center.now_ms:
            changes += self.center.apply(self.held.pop(0))
        return changes

    def due_again(self) -> list[JudgementCommand]:
        """Return the commands of the parent whose time has come, numbered anew; each is to be stored and done."""
        due: list[JudgementCommand] = []
        while self.later and self.later[0].at_ms <= self.center.now_ms:
            old = self.later.popleft()
            due.append(msgspec.structs.replace(old, at_ms=self.center.now_ms, seq=self.next_seq + len(due)))
        return due

    def forget_beyond(self) -> None:
        """Drop what the journal says of a time after the last barrier: a fork copies by time, and its barrier is in between."""
        if self.journal is not None:
            self.settle()
            self.journal.forget_changes(self.center.change_count)

    # -- keyframes and recovery

    def keyframe_if_due(self) -> bool:
        """Write a keyframe each simulated minute, less often where that would take too much of the wall time."""
        if not self._keyframes or self.center.now_ms - self._framed_ms < KEYFRAME_MS or time.monotonic() < self._may_frame_at:  # noqa: TID251  # spares the machine, decides nothing
            return False
        if self._framing is not None and not self._framing.done():
            return False
        self.keyframe()
        return True

    def keyframe(self) -> Future[Path]:
        """Write a keyframe of the last barrier; the future ends when the file is there."""
        assert self.folder is not None
        began = time.monotonic()  # noqa: TID251
        self.settle()
        now_ms, state = self.center.now_ms, self.center.snapshot(samples=False)
        recorded = self.center.recorded(self._recorded_ms)
        self._framing = self._frames.submit(_keep, self.folder / "keyframes", state, self._recorded_ms, recorded)
        ended = time.monotonic()  # noqa: TID251
        self._framed_ms, self._may_frame_at = now_ms, ended + KEYFRAME_SHARE * (ended - began)
        self._recorded_ms = now_ms
        return self._framing

    def _recover(self, like: Center | None) -> Recovery:
        if self.folder is None or self.journal is None or self.recorder is None:
            return Recovery(-1, -1, 0, ())
        commands = self.journal.commands()
        self.by_command = {command.command_id: command for command in commands}
        self.next_seq = 1 + max((command.seq for command in commands), default=0)
        self.later.extend(command for command in self.journal.later() if command.command_id not in self.by_command)
        self.parent, self.fork_at_ms = self.journal.fact("parent") or "", int(self.journal.fact("fork_at_ms") or -1)
        self._load_keyframe(like)
        keyframe_ms = self.center.now_ms
        self.held = [command for command in commands if command.seq > self.center.applied_seq]
        self.record(self.apply_held())
        for chunk in read_chunks(self.folder / "wire"):
            if chunk.barrier_ms > keyframe_ms:
                for frame in chunk.frames:
                    self._replay(frame)
        self.settle()
        self._framed_ms = max(0, self.center.now_ms)
        self._hello_recorded = self.center.hello is not None
        return Recovery(keyframe_ms, self.center.now_ms, len(commands), tuple(self.recorder.loss))

    def _replay(self, frame: bytes) -> None:
        changes = self.center.step(frame)
        self.record(changes)
        self.record(self.apply_held())

    def _load_keyframe(self, like: Center | None) -> None:
        assert self.folder is not None and self.recorder is not None
        found = recall.newest(self.folder, self.config, self.recorder.last_ms, like)
        if found is not None:
            self.center, self._recorded_ms = found, found.now_ms

    def close(self) -> None:
        """Make all durable and let go of the folder."""
        if self.journal is None or self.recorder is None or self.lock is None:
            return
        try:
            self.settle()
            self._keep_result()
        finally:
            self._frames.shutdown(wait=True)
            self.recorder.close()
            self.journal.close()
            self.lock.release()

    def _keep_result(self) -> None:
        """Say in the folder that the run ended in order, how far it came, and to which digests."""
        if self.folder is not None and self.center.now_ms >= 0:
            result = {"run_id": self.folder.name, "until_ms": self.center.now_ms, "digest": self.center.digests()}
            write_whole(self.folder / RESULT, msgspec.json.format(msgspec.json.encode(result)))


def _keep(folder: Path, state: dict[str, Any], recorded_ms: int, recorded: list[dict[str, Any]]) -> Path:
    """Write a keyframe, and before it what rules recorded since the last one: it is not whole without."""
    if state["now_ms"] > recorded_ms:  # a second keyframe of one barrier has nothing to add, and the first one's file its name
        recall.keep_recorded(folder, recorded_ms, state["now_ms"], recorded)
    return keyframes.write(folder, state["now_ms"], keyframes.encode(state))
