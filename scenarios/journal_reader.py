"""Reading a center's journal without touching it: what people did and what changed.

Lives here: read-only access to `journal.sqlite` of a run, also of a live one. Must not know: what is done with it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from ops_center.events import AlertChange, Change, CommandChange, IncidentChange, JudgementCommand
from ops_center.files import read_only_address

_change: "msgspec.json.Decoder[Change]" = msgspec.json.Decoder(AlertChange | IncidentChange | CommandChange)
_NAMES = ("command_id", "type", "target", "at_ms", "seq", "who")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(read_only_address(path), uri=True, timeout=5.0)


def read_commands(path: Path) -> list[JudgementCommand]:
    """Return the commands of people in order; none when there is no journal."""
    if not path.exists():
        return []
    with closing(_open(path)) as connection:
        rows = connection.execute(f"SELECT {', '.join(_NAMES)}, params FROM commands ORDER BY seq").fetchall()
    return [JudgementCommand(**dict(zip(_NAMES, row[:-1], strict=True)), params=msgspec.json.decode(row[-1])) for row in rows]


def read_changes(path: Path) -> Iterator[Change]:
    """Yield the changes in order; none when there is no journal."""
    if not path.exists():
        return
    with closing(_open(path)) as connection:
        for (body,) in connection.execute("SELECT body FROM changes ORDER BY seq"):
            yield _change.decode(body)
