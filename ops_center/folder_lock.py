"""One center per run folder: a lock that the operating system lifts when its holder dies.

Lives here: taking and letting go. Must not know: what is in the folder.
"""

import os
from pathlib import Path

LOCK = "center.lock"


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process; False when another one holds it."""
    try:
        if os.name == "nt":
            import msvcrt  # Windows has no flock

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_locked(folder: Path) -> bool:
    """Tell whether a center works on a folder now."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(handle)
    finally:
        os.close(handle)


class FolderInUse(RuntimeError):
    """The folder cannot be used; one line that says why."""


class FolderLock:
    """Holds a folder for this process from its making to `release`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderInUse(f"the run folder {folder} cannot be written: {error.strerror}") from error
        if not try_lock(self._handle):
            os.close(self._handle)
            raise FolderInUse(f"the run folder {folder} is in use by another center")

    def release(self) -> None:
        """Let go of the folder."""
        os.close(self._handle)
