"""The journal: every command of people, every change, every control, durable in SQLite before anybody is told.

Lives here: the tables, one writer thread with group commit, opening and its checks. Must not know: what a command does.
WAL with `synchronous=FULL`: a commit that returned survives kill -9 and power loss. What waits while a commit runs goes into the
next one together. Statements are SQLAlchemy Core, so that they run on PostgreSQL unchanged.
"""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ops_center.events import AlertChange, Change, CommandChange, IncidentChange, JudgementCommand
from ops_center.files import read_only_address

APPLICATION_ID = 0x63_6F_70_73  # "cops"
SCHEMA_VERSION = 1
MAX_GROUP = 512
MAX_QUEUED = 10_000
LOCK_WAIT_S = 0.2

_meta = MetaData()


def _commands(name: str) -> Table:
    return Table(
        name,
        _meta,
        Column("seq", Integer, primary_key=True),
        Column("command_id", String, nullable=False, unique=True),
        Column("type", String, nullable=False),
        Column("target", String, nullable=False),
        Column("at_ms", Integer, nullable=False),
        Column("who", String, nullable=False),
        Column("params", LargeBinary, nullable=False),
        Column("recorded_at", String, nullable=False, server_default=func.current_timestamp()),
    )


_COMMANDS = _commands("commands")
_LATER = _commands("later")  # what people did in the parent after the fork, to be done again at its time
_CHANGES = Table(
    "changes",
    _meta,
    Column("seq", Integer, primary_key=True),
    Column("now_ms", Integer, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("ref", String, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
_CONTROL = Table(
    "control",
    _meta,
    Column("seq", Integer, primary_key=True),
    Column("at_ms", Integer, nullable=False),
    Column("who", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", String, nullable=False, server_default=func.current_timestamp()),
)
_FACTS = Table("meta", _meta, Column("key", String, primary_key=True), Column("value", String, nullable=False))

_encode = msgspec.json.encode
Rows = list[tuple[Table, list[dict[str, Any]]]]


class JournalError(RuntimeError):
    """The journal cannot be opened or written; one line that says why."""


class Journal:
    """A journal in one file. Reads may come from any thread; all writes go through one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _open(path)
        self._queue: queue.Queue[tuple[Rows, Future[None]] | None] = queue.Queue(MAX_QUEUED)
        self._closed = False
        self.commits = 0
        self._thread = threading.Thread(target=self._write_all, name=f"journal {path.name}", daemon=True)
        self._thread.start()

    # -- writing

    def record_command(self, command: JudgementCommand) -> "Future[None]":
        """Write a command; the future ends when it is durable."""
        row = {name: getattr(command, name) for name in ("seq", "command_id", "type", "target", "at_ms", "who")}
        return self._submit([(_COMMANDS, [{**row, "params": _encode(command.params)}])])

    def record_changes(self, first_seq: int, changes: Sequence[Change]) -> "Future[None]":
        """Write changes with the numbers first_seq, first_seq + 1, ...; numbers already written stay as they are."""
        rows = [_change_row(first_seq + i, change) for i, change in enumerate(changes)]
        return self._submit([(_CHANGES, rows)] if rows else [])

    def record_control(self, at_ms: int, who: str, body: dict[str, Any]) -> "Future[None]":
        """Write a control (pause, pace, run-to); it is never digested."""
        return self._submit([(_CONTROL, [{"at_ms": at_ms, "who": who, "body": _encode(body)}])])

    def set_fact(self, key: str, value: str) -> "Future[None]":
        """Write a fact about the run."""
        return self._submit([(_FACTS, [{"key": key, "value": value}])])

    def _submit(self, rows: Rows) -> "Future[None]":
        done: Future[None] = Future()
        if self._closed:
            done.set_exception(JournalError(f"the journal {self.path} is closed"))
            return done
        try:
            self._queue.put_nowait((rows, done))
        except queue.Full:
            done.set_exception(JournalError(f"{MAX_QUEUED} writes wait for the journal {self.path}; expected fewer"))
        return done

    def _write_all(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            group, ended = [first], False
            while len(group) < MAX_GROUP and not self._queue.empty():
                following = self._queue.get()
                ended = following is None
                if following is None:
                    break
                group.append(following)
            self._commit(group)
            if ended:
                return

    def _commit(self, group: list[tuple[Rows, "Future[None]"]]) -> None:
        try:
            self._write([rows for rows, _ in group])
        except (SQLAlchemyError, OSError) as error:
            if len(group) > 1:  # one bad write must not take the others with it
                for one in group:
                    self._commit([one])
                return
            group[0][1].set_exception(JournalError(f"the journal {self.path} cannot be written: {_first_line(error)}"))
            return
        for _, done in group:
            done.set_result(None)

    def _write(self, group: list[Rows]) -> None:
        if not any(group):
            return
        with self._engine.begin() as connection:
            for rows in group:
                for table, values in rows:
                    _insert(connection, table, values)
        self.commits += 1

    # -- reading

    def commands(self) -> list[JudgementCommand]:
        """Return all commands in order."""
        return self._read_commands(_COMMANDS)

    def later(self) -> list[JudgementCommand]:
        """Return what a branch took along from after its fork, in order."""
        return self._read_commands(_LATER)

    def _read_commands(self, table: Table) -> list[JudgementCommand]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.at_ms, table.c.seq)).mappings().all()
        names = ("command_id", "type", "target", "at_ms", "seq", "who")
        return [JudgementCommand(**{n: row[n] for n in names}, params=msgspec.json.decode(row["params"])) for row in rows]

    def forget_changes(self, after_seq: int) -> None:
        """Drop changes with higher numbers: a fork copies by time, what came after its barrier is not its own."""
        with self._engine.begin() as connection:
            connection.execute(delete(_CHANGES).where(_CHANGES.c.seq > after_seq))

    def changes(self) -> Iterator[tuple[int, Change]]:
        """Yield (number, change) in order."""
        decoder = msgspec.json.Decoder(AlertChange | IncidentChange | CommandChange)
        with self._engine.connect() as connection:
            for seq, body in connection.execute(select(_CHANGES.c.seq, _CHANGES.c.body).order_by(_CHANGES.c.seq)):
                yield seq, decoder.decode(body)

    def controls(self) -> list[dict[str, Any]]:
        """Return all controls in order."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_CONTROL).order_by(_CONTROL.c.seq)).mappings().all()
        return [{**row, "body": msgspec.json.decode(row["body"])} for row in rows]

    def fact(self, key: str) -> str | None:
        """Return a fact about the run, None if it was never written."""
        with self._engine.connect() as connection:
            return connection.execute(select(_FACTS.c.value).where(_FACTS.c.key == key)).scalar_one_or_none()

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join(timeout=10)
            self._engine.dispose()


def fork_journal(source: Path, target: Path, fork_ms: int, keep_commands: bool, facts: dict[str, str]) -> None:
    """Make a new journal that holds another's commands and changes up to a simulated time, and facts of its own.

    Later commands go to the table of what is to be done again, with `keep_commands`. The other journal may be in use; it is only
    read. Raises JournalError when it cannot be read.
    """
    try:
        _open(target).dispose()
        with closing(sqlite3.connect(target, uri=True)) as connection, connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("ATTACH ? AS parent", (read_only_address(source),))
            connection.execute("BEGIN")
            connection.execute("INSERT INTO commands SELECT * FROM parent.commands WHERE at_ms <= ?", (fork_ms,))
            connection.execute("INSERT INTO changes SELECT * FROM parent.changes WHERE now_ms <= ?", (fork_ms,))
            if keep_commands:
                _take_along(connection, fork_ms)
            connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", list(facts.items()))
    except sqlite3.Error as error:
        raise JournalError(f"the journal {source} cannot be read: {_first_line(error)}") from error


def _take_along(connection: sqlite3.Connection, fork_ms: int) -> None:
    """Keep the parent's commands after the fork, and what it had itself still to do again, in the order of their times."""
    connection.execute("INSERT INTO later SELECT * FROM parent.commands WHERE at_ms > ?", (fork_ms,))
    if connection.execute("SELECT count(*) FROM parent.sqlite_master WHERE name = 'later'").fetchone()[0]:
        names = "command_id, type, target, at_ms, who, params, recorded_at"
        last = "(SELECT coalesce(max(seq), 0) FROM parent.commands)"
        connection.execute(
            f"INSERT OR IGNORE INTO later (seq, {names}) SELECT seq + {last}, {names} FROM parent.later WHERE at_ms > ?",
            (fork_ms,),
        )


def _insert(connection: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    statement = insert(table)
    if table is _CHANGES:  # written again after a recovery, to the same words
        statement = statement.prefix_with("OR IGNORE", dialect="sqlite")
    elif table is _FACTS:
        statement = statement.prefix_with("OR REPLACE", dialect="sqlite")
    connection.execute(statement, values)


def _change_row(seq: int, change: Change) -> dict[str, Any]:
    if isinstance(change, AlertChange):
        kind, ref = "alert", change.fingerprint
    elif isinstance(change, IncidentChange):
        kind, ref = "incident", change.incident_id
    else:
        kind, ref = "command", str(change.command["command_id"])
    return {"seq": seq, "now_ms": change.now_ms, "kind": kind, "ref": ref, "body": _encode(change)}


def _open(path: Path) -> Engine:
    """Open or make the file; it must be ours, sound, writable and used by nobody else. Raises JournalError."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": LOCK_WAIT_S})
    event.listen(engine, "connect", _prepare)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check(engine, path)
    except (DatabaseError, OSError) as error:
        engine.dispose()
        raise JournalError(f"the journal {path} cannot be opened: {_first_line(error)}") from error
    except JournalError:
        engine.dispose()
        raise
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _check(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        application = connection.execute(text("PRAGMA application_id")).scalar_one()
        version = connection.execute(text("PRAGMA user_version")).scalar_one()
        if application not in (0, APPLICATION_ID):
            raise JournalError(f"the file {path} belongs to another application ({application:#x}); expected {APPLICATION_ID:#x}")
        if version > SCHEMA_VERSION:
            raise JournalError(f"the journal {path} has schema {version}; this release knows up to {SCHEMA_VERSION}")
        found = connection.execute(text("PRAGMA quick_check")).scalar_one()
        if found != "ok":
            raise JournalError(f"the journal {path} is damaged: {found}")
        connection.rollback()
        _meta.create_all(connection)
        connection.execute(text(f"PRAGMA application_id={APPLICATION_ID}"))
        connection.execute(text(f"PRAGMA user_version={SCHEMA_VERSION}"))
        connection.commit()


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).splitlines()[0] if str(original) else type(original).__name__


@contextlib.contextmanager
def journal_at(path: Path) -> Iterator[Journal]:
    """A journal for the length of a block."""
    journal = Journal(path)
    try:
        yield journal
    finally:
        journal.close()
