"""Reading a center's journal without touching it: what people did and what changed.

Lives here: read-only access to `journal.sqlite` of a run, also of a live one. Must not know: what is done with it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from ops_center.events import AlertChange, Change, CommandChange, IncidentChange, JudgementCommand
from ops_center.files import read_only_address
from scenarios.runs import DamagedRun

_change: "msgspec.json.Decoder[Change]" = msgspec.json.Decoder(AlertChange | IncidentChange | CommandChange)
_NAMES = ("command_id", "type", "target", "at_ms", "seq", "who")


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal to read it. Raises DamagedRun where it is none."""
    try:
        with closing(sqlite3.connect(read_only_address(path), uri=True, timeout=5.0)) as connection:
            yield connection
    except (sqlite3.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedRun(f"the journal {path} cannot be read: {error}") from error


def read_commands(path: Path) -> list[JudgementCommand]:
    """Return the commands of people in order; none when there is no journal. Raises DamagedRun."""
    if not path.exists():
        return []
    with _open(path) as connection:
        rows = connection.execute(f"SELECT {', '.join(_NAMES)}, params FROM commands ORDER BY seq").fetchall()
        return [JudgementCommand(**dict(zip(_NAMES, r[:-1], strict=True)), params=msgspec.json.decode(r[-1])) for r in rows]


def read_changes(path: Path) -> Iterator[Change]:
    """Yield the changes in order; none when there is no journal. Raises DamagedRun."""
    if not path.exists():
        return
    with _open(path) as connection:
        for (body,) in connection.execute("SELECT body FROM changes ORDER BY seq"):
            yield _change.decode(body)
