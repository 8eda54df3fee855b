"""The journal: what was acknowledged is stored, whatever happens to the process; strangers and second holders are refused."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_center.events import Cause, CommandChange, JudgementCommand
from ops_center.folder_lock import FolderInUse, FolderLock
from ops_center.journal import APPLICATION_ID, Journal, JournalError, journal_at
from ops_center.run import Run
from tests.ops_center.small_city import SmallCity, config, opening

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ops_center.events import JudgementCommand
from ops_center.journal import Journal
journal = Journal(Path(sys.argv[1]))
def write(seq):
    journal.record_command(JudgementCommand(f"c{seq}", "comment", "INC-00001", 0, seq, "An", {"text": "x" * 100})).result()
    sys.stdout.write(f"{seq}\\n"); sys.stdout.flush()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(write, range(1, 100000)))
"""


def command(seq: int) -> JudgementCommand:
    return JudgementCommand(f"c{seq}", "comment", "INC-00001", 1000 * seq, seq, "Hoàng", {"text": "đã gọi", "n": seq})


def change(n: int) -> CommandChange:
    return CommandChange(n, Cause("command", "c", n), {"command_id": f"c{n}", "state": "requested"})


@pytest.mark.parametrize("acknowledged", [3, 40])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    """A writer is killed in the middle of its work: every command that it was told is durable is stored once."""
    path = tmp_path / "journal.sqlite"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    try:
        told = [int(writer.stdout.readline()) for _ in range(acknowledged)]
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        rest, _ = writer.communicate(timeout=20)
    told += [int(line) for line in rest.splitlines() if line.isdigit()]
    with journal_at(path) as journal:
        stored = [c.seq for c in journal.commands()]
    assert set(told) <= set(stored) and len(stored) == len(set(stored))


def test_commands_changes_and_controls_come_back_as_they_were(tmp_path: Path) -> None:
    """What is read is what was written, also after closing; a change written again under its number stays as it was."""
    path = tmp_path / "j.sqlite"
    with journal_at(path) as journal:
        for seq in (1, 2):
            journal.record_command(command(seq)).result()
        journal.record_changes(1, [change(1), change(2)]).result()
        journal.record_changes(2, [change(9), change(3)]).result()
        journal.record_control(5, "instructor", {"pause": True}).result()
        journal.set_fact("city", "small").result()
        journal.set_fact("city", "hải phòng").result()
    with journal_at(path) as journal:
        assert journal.commands() == [command(1), command(2)]
        assert list(journal.changes()) == [(1, change(1)), (2, change(2)), (3, change(3))]
        assert [c["body"] for c in journal.controls()] == [{"pause": True}]
        assert journal.fact("city") == "hải phòng" and journal.fact("other") is None


def test_a_refused_write_does_not_take_others_with_it(tmp_path: Path) -> None:
    """Of many writes at once, one with a number twice is refused with one line; the others are durable."""
    with journal_at(tmp_path / "j.sqlite") as journal:
        waiting = [journal.record_command(command(seq)) for seq in (1, 2, 2, 3)]
        failed = [bool(w.exception()) for w in waiting]
        assert failed == [False, False, True, False] and isinstance(waiting[2].exception(), JournalError)
        assert [c.seq for c in journal.commands()] == [1, 2, 3]


def test_many_writes_share_commits(tmp_path: Path) -> None:
    """What waits while a commit runs goes into the next one together."""
    with journal_at(tmp_path / "j.sqlite") as journal:
        waiting = [journal.record_command(command(seq)) for seq in range(1, 501)]
        for one in waiting:
            one.result()
        assert journal.commits < 250 and len(journal.commands()) == 500


def test_files_of_others_are_refused_with_one_line(tmp_path: Path) -> None:
    """A file of another application, of a newer release, a damaged one and no database at all: one line each."""
    foreign, newer, broken = tmp_path / "a.sqlite", tmp_path / "b.sqlite", tmp_path / "c.sqlite"
    for path, application, version in ((foreign, 42, 1), (newer, APPLICATION_ID, 99)):
        with sqlite3.connect(path) as made:
            made.execute("create table t (x)")
            made.execute(f"pragma application_id={application}")
            made.execute(f"pragma user_version={version}")
        made.close()
    broken.write_bytes(b"not a database " * 1000)
    for path, said in ((foreign, "another application"), (newer, "schema 99"), (broken, "not a database")):
        with pytest.raises(JournalError, match=said) as caught:
            Journal(path)
        assert len(str(caught.value).splitlines()) == 1


def test_a_second_center_is_refused(tmp_path: Path) -> None:
    """While a run folder is held nobody else gets it; afterwards one does."""
    run = Run(tmp_path, config())
    with pytest.raises(FolderInUse, match="in use by another center"):
        Run(tmp_path, config())
    run.close()
    Run(tmp_path, config()).close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    """A folder that cannot be written is refused with one line that names it."""
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(FolderInUse, match="cannot be written"):
        FolderLock(tmp_path)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(tmp_path / "j.sqlite")


def run_through(folder: Path, frames: list[bytes], acts: bool = True) -> Run:
    run = Run(folder, config())
    for frame in [*opening(), *frames]:
        run.step(frame)
        if acts and run.center.now_ms == 120_000 and "ack" not in run.by_command:
            run.command("acknowledge", "INC-00001", {}, "An", "ack")
    return run


def blackout() -> list[bytes]:
    city = SmallCity()
    frames = city.until(60_000)
    city.lose_feeder(0)
    return frames + city.until(200_000)


def drop(run: Run) -> None:
    """What kill -9 leaves: nothing more is settled, the lock is gone."""
    assert run.lock and run.recorder and run.journal
    run._frames.shutdown(wait=True)
    run.recorder.close()
    run.journal.close()
    run.lock.release()


@pytest.mark.slow
@given(st.integers(1, 200))
@settings(max_examples=10)
def test_a_restart_goes_on_where_the_disk_stands(tmp_path_factory: pytest.TempPathFactory, barriers: int) -> None:
    """Killed after any barrier, the center is back at a durable barrier with every acknowledged command, and ends as without."""
    frames = blackout()
    ends = [i for i, f in enumerate(frames) if b"barrier" in f[:20]]
    folder = tmp_path_factory.mktemp("run")
    whole = run_through(tmp_path_factory.mktemp("whole"), frames)
    expected = whole.center.digests()
    whole.close()
    first = run_through(folder, frames[: ends[barriers] + 1])
    acknowledged = "ack" in first.by_command
    drop(first)
    again = Run(folder, config())
    assert again.recovery.barrier_ms <= barriers * 1000 and ("ack" in again.by_command) == acknowledged
    for frame in [*opening(), *frames]:
        again.step(frame)
        if again.center.now_ms == 120_000 and "ack" not in again.by_command:
            again.command("acknowledge", "INC-00001", {}, "An", "ack")
    assert again.center.digests() == expected
    assert again.journal is not None
    assert [seq for seq, _ in again.journal.changes()] == list(range(1, again.center.change_count + 1))
    again.close()


def test_recovery_uses_the_newest_keyframe_that_checks_out(tmp_path: Path) -> None:
    """A good keyframe shortens recovery; a damaged one is passed over; the end is the same."""
    run = run_through(tmp_path, blackout())
    run.keyframe().result()
    digests, now_ms = run.center.digests(), run.center.now_ms
    run.close()
    good = Run(tmp_path, config())
    assert (good.recovery.keyframe_ms, good.center.digests()) == (now_ms, digests)
    good.close()
    newest = max((tmp_path / "keyframes").glob("*.key"))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(bytes(data))
    other = Run(tmp_path, config())
    assert other.recovery.keyframe_ms < now_ms and other.center.digests() == digests
    other.close()


def test_a_second_keyframe_of_one_barrier_is_as_good_as_the_first(tmp_path: Path) -> None:
    """Chance may have a keyframe written at the very barrier at which somebody asks for one: what the first kept stays."""
    run = run_through(tmp_path, blackout())
    run.keyframe().result()
    run.keyframe().result()
    digests, now_ms = run.center.digests(), run.center.now_ms
    run.close()
    again = Run(tmp_path, config())
    assert (again.recovery.keyframe_ms, again.center.digests()) == (now_ms, digests)
    again.close()


def test_a_command_sent_twice_is_done_once(tmp_path: Path) -> None:
    """The same id with the same words changes nothing; with other words it is refused, also after a restart."""
    run = run_through(tmp_path, blackout(), acts=False)
    assert run.command("comment", "INC-00001", {"text": "a"}, "An", "id-1")
    assert run.command("comment", "INC-00001", {"text": "a"}, "An", "id-1") == []
    run.close()
    again = Run(tmp_path, config())
    assert again.command("comment", "INC-00001", {"text": "a"}, "An", "id-1") == []
    with pytest.raises(ValueError, match="was used for another command"):
        again.command("comment", "INC-00001", {"text": "b"}, "An", "id-1")
    again.close()
