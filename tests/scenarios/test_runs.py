"""Run folders: kept whole, exported and imported as one file, one process at a time."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scenarios import runs


def _run(root: Path, run_id: str = "a-run", **rest: object) -> runs.RunFolder:
    header = runs.make_header(
        run_id, ("quiet", "0" * 64), ("small", b"{}"), seed=7, noise_seed=8, created_at=f"2026-01-01 {run_id}", **rest
    )
    return runs.create(root, header, {"scenario.yaml": b"name: quiet\n", "rules/city.yml": b"groups: []\n"})


def test_a_run_comes_back_as_it_was_made(tmp_path: Path) -> None:
    """Header, inputs and result read back; the identity leaves out names and dates."""
    run = _run(tmp_path)
    run.write_result({"until_ms": 5, "digest": {"world": "aa"}})
    again = runs.get(tmp_path, "a-run")
    assert again.header() == run.header()
    assert again.inputs("rules") == {"city.yml": b"groups: []\n"}
    assert again.result()["until_ms"] == 5
    assert again.header().identity() == _run(tmp_path, "other").header().identity()


def test_an_exported_run_is_imported_byte_for_byte(tmp_path: Path) -> None:
    """Export and import on another machine keep every file."""
    run = _run(tmp_path / "one")
    copy = runs.import_(runs.export(run, tmp_path / "run.zip"), tmp_path / "two")
    files = {p.relative_to(run.path): p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    assert {p.relative_to(copy.path): p.read_bytes() for p in copy.path.rglob("*") if p.is_file()} == files
    with pytest.raises(runs.RunError, match="exists already"):
        runs.import_(tmp_path / "run.zip", tmp_path / "two")


@pytest.mark.parametrize("name", ["../evil", "a-run/../../evil", "/etc/evil", "a-run\\..\\evil", "a-run/C:/evil", "loose"])
def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing of a hostile archive is written anywhere."""
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("a-run/header.json", "{}")
        archive.writestr(name, "x")
    with pytest.raises(runs.RunError, match="expected"):
        runs.import_(tmp_path / "bad.zip", tmp_path / "data" / "runs")
    assert not list(tmp_path.rglob("*evil*")) and not (tmp_path / "data").exists()


def test_an_archive_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    """A text file is no export and the message says so."""
    (tmp_path / "x.zip").write_text("hello")
    with pytest.raises(runs.RunError, match="expected an exported run"):
        runs.import_(tmp_path / "x.zip", tmp_path)


def test_pruning_keeps_the_newest_and_their_parents(tmp_path: Path) -> None:
    """A branch can always be executed from its parent."""
    _run(tmp_path, "r1")
    _run(tmp_path, "r2")
    _run(tmp_path, "r3", parent="r1", fork_at_ms=5)
    assert runs.prune(tmp_path, 1, apply=False) == ["r2"]
    assert runs.prune(tmp_path, 1) == ["r2"]
    assert [r.run_id for r in runs.listed(tmp_path)] == ["r1", "r3"]


def test_a_second_process_on_the_same_data_folder_is_told_so(tmp_path: Path) -> None:
    """One lock per data folder, in one line; it goes when its holder goes."""
    code = "import sys; from pathlib import Path; from scenarios import runs\nwith runs.locked(Path(sys.argv[1])): pass"
    with runs.locked(tmp_path):
        command = [sys.executable, "-c", code, str(tmp_path)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1 and "another cityops is at work here" in second.stderr.splitlines()[-1]
    with runs.locked(tmp_path):
        pass


@pytest.mark.parametrize("run_id", ["", "../x", "UPPER", "a/b", ".hidden"])
def test_a_run_id_cannot_leave_the_folder(tmp_path: Path, run_id: str) -> None:
    """Ids that are no plain file name are refused before anything is made."""
    with pytest.raises(runs.RunError, match="run id"):
        _run(tmp_path, run_id)


def test_a_run_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    """The message names the latest runs."""
    _run(tmp_path, "here")
    with pytest.raises(runs.RunError, match="the latest: here"):
        runs.get(tmp_path, "gone")


def test_a_header_of_another_schema_is_refused(tmp_path: Path) -> None:
    """A run of another release says so instead of being misread."""
    run = _run(tmp_path)
    path = run.path / "header.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(runs.RunError, match="schema version 99; expected 1"):
        run.header()
