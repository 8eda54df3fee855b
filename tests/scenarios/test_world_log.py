"""The log of what changed the world survives a process that dies while writing it."""

from pathlib import Path

import pytest

from scenarios.world_log import BadLog, WorldLog, read_log


def _written(path: Path, count: int) -> WorldLog:
    log = WorldLog(path)
    for i in range(count):
        log.append(i * 1_000, "command", f"c{i}", {"type": "lamp_level", "name": "Lê Chân"})
    return log


def test_entries_come_back_as_written(tmp_path: Path) -> None:
    """Reopening finds every entry, in order, and goes on counting."""
    log = _written(tmp_path / "world.log", 3)
    log.close()
    again = WorldLog(tmp_path / "world.log")
    assert again.entries == log.entries
    assert again.append(5_000, "inject", "i1", {}).seq == 3
    again.close()


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    """A process killed in the middle of a write loses that entry only, and the next one is whole."""
    path = tmp_path / "world.log"
    _written(path, 3).close()
    path.write_bytes(path.read_bytes()[:-cut])
    log = WorldLog(path)
    log.append(9_000, "command", "new", {})
    log.close()
    assert [e.id for e in read_log(path)] == ["c0", "c1", "new"]


def test_a_damaged_middle_is_refused_with_its_line(tmp_path: Path) -> None:
    """A log that is damaged before its end is never read as if it were whole."""
    path = tmp_path / "world.log"
    _written(path, 3).close()
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"c1", b"c9")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(BadLog, match=r"world\.log:2:1: a damaged line"):
        read_log(path)
