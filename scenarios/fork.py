"""A city's part of a branch: a new run folder with header, inputs, the log of the world and keyframes up to the fork.

Lives here: making that folder, and what is asked of a run before it may be forked. Must not know: the center's part
(`ops_center/fork.py`), how a city stands up. The other folder is only read; files that are never altered are linked.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from ops_center import keyframes
from ops_center.files import share_file, write_whole
from scenarios.pace import wall_text
from scenarios.runs import DamagedRun, RunError, RunFolder, create, new_run_id, release
from scenarios.world_log import BadLog, Entry, line_of, read_log

LATER = "later.log"


def check_same_release(run: RunFolder) -> None:
    """Raise DamagedRun unless this machine executes the run as it was executed: same release, same numpy."""
    header = run.header()
    pairs = (("release", header.release, release()), ("numpy", header.numpy, np.__version__))
    other = [f"{name} {theirs} (here {ours})" for name, theirs, ours in pairs if theirs != ours]
    if other:
        raise DamagedRun(f"run {run.run_id} is of {', '.join(other)}: a branch would go another way before its fork")


def fork_folder(parent: RunFolder, fork_ms: int, *, run_id: str = "", keep_commands: bool = False) -> RunFolder:
    """Make the folder of a branch beside its parent and return it. Raises RunError, DamagedRun; nothing is left behind then.

    Injects of the parent after the fork go to a log of their own, to be done again at their times, with `keep_commands`.
    """
    check_same_release(parent)
    try:
        entries = read_log(parent.path / "world.log")
    except BadLog as error:
        raise DamagedRun(str(error)) from error
    root, old = parent.path.parent, parent.header()
    new_id = run_id or new_run_id(root, f"{old.scenario}-branch", wall_text())
    header = msgspec.structs.replace(old, run_id=new_id, parent=parent.run_id, fork_at_ms=fork_ms, created_at=wall_text())
    folder = create(root, header, {})
    try:
        _share_tree(parent.path / "inputs", folder.path / "inputs")
        keyframes.share(parent.path / "keyframes" / "city", folder.path / "keyframes" / "city", fork_ms)
        _write_log(folder.path / "world.log", [entry for entry in entries if entry.now_ms <= fork_ms])
        if keep_commands:
            pending = [e for e in entries if e.now_ms > fork_ms and e.what == "inject"]
            known = {entry.id for entry in entries}
            pending += [e for e in read_log(parent.path / LATER) if e.now_ms > fork_ms and e.id not in known]
            _write_log(folder.path / LATER, sorted(pending, key=lambda entry: (entry.now_ms, entry.seq)))
    except OSError as error:
        drop(folder)
        raise RunError(f"run {new_id} cannot be made from {parent.run_id}: {error.strerror or error}") from error
    return folder


def drop(folder: RunFolder) -> None:
    """Take away the folder of a branch that came to nothing."""
    shutil.rmtree(folder.path, ignore_errors=True)


def _share_tree(source: Path, target: Path) -> None:
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        there = target / path.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        share_file(path, there)


def _write_log(path: Path, entries: Sequence[Entry]) -> None:
    write_whole(path, b"".join(line_of(entry) for entry in entries))
