"""Files of a run folder: written whole or not at all, shared with a branch, read without a trace.

Lives here: how a file is handled. Must not know: what is in it.
"""

import os
import shutil
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a loss of power."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def share_file(source: Path, target: Path) -> None:
    """Have a file that is never altered at a second place: a link, or a copy where there are no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def read_only_address(path: Path) -> str:
    """Return the SQLite address that reads a database and writes nothing beside it: one at rest is opened as immutable."""
    wal = path.with_name(path.name + "-wal")
    at_rest = not wal.exists() or wal.stat().st_size == 0
    return f"{path.resolve().as_uri()}?{'immutable=1' if at_rest else 'mode=ro'}"
