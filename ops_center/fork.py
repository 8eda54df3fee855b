"""A center's part of a branch: a new folder that holds the past of another run up to a barrier.

Lives here: journal, recorded stream and keyframes up to the fork, copied, checked, or nothing at all. Must not know: the
city's part (`scenarios/fork.py`), sockets. The other folder is only read. What comes out is opened as a run that was interrupted
at the fork: keyframe, then the recorded stream, then the journalled commands.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ops_center import keyframes
from ops_center.collecting import no_collection
from ops_center.folder_lock import FolderInUse
from ops_center.journal import JournalError, fork_journal
from ops_center.pipeline import Center, CenterConfig
from ops_center.recall import RECORDED
from ops_center.recorder import RecorderError, copy_until
from ops_center.run import Run


class CannotFork(ValueError):
    """The record cannot be forked there; one line that says why. Nothing is left behind."""


def open_fork(
    source: Path, target: Path, fork_ms: int, config: CenterConfig, keep_commands: bool = False, like: Center | None = None
) -> Run:
    """Return a new run at `target` that stands where `source` stood at the barrier at `fork_ms`. Raises CannotFork.

    `like` is the center of `source`, if it is there; it is only read and saves work.
    """
    made: list[Path] = []
    try:
        _copy(source, target, fork_ms, keep_commands, made.append)
        with no_collection():  # a class waits for it
            run = Run(target, config, like=like)
    except (JournalError, RecorderError, FolderInUse, OSError) as error:
        _undo(made)
        raise CannotFork(f"run {source.name} cannot be forked at {fork_ms} ms: {error}") from error
    if run.center.now_ms != fork_ms:
        stands_ms = run.center.now_ms
        run.close()
        _undo([*made, target / "center.lock", target / "result.json"])
        raise CannotFork(f"run {source.name} cannot be forked at {fork_ms} ms: its record comes to {stands_ms} ms there")
    run.forget_beyond()
    return run


def _copy(source: Path, target: Path, fork_ms: int, keep_commands: bool, made: Callable[[Path], None]) -> None:
    if (target / "journal.sqlite").exists():
        raise JournalError(f"there is a record at {target.name} already")
    if not (source / "journal.sqlite").exists():
        raise JournalError("it has no journal")
    target.mkdir(parents=True, exist_ok=True)
    made(target / "wire")
    copy_until(source / "wire", target / "wire", fork_ms)
    made(target / "keyframes")
    keyframes.share(source / "keyframes", target / "keyframes", fork_ms, (".key", RECORDED))
    made(target / "journal.sqlite")
    facts = {"parent": source.name, "fork_at_ms": str(fork_ms)}
    fork_journal(source / "journal.sqlite", target / "journal.sqlite", fork_ms, keep_commands, facts)


def _undo(made: list[Path]) -> None:
    for path in made:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            for one in path.parent.glob(path.name + "*"):
                one.unlink(missing_ok=True)
