"""A branch of a run whose record does not hold is one clear error with status 2, and leaves nothing behind."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ops_center.recorder import segments
from scenarios.runner import run_headless
from scenarios.runs import RunFolder, listed
from scenarios.setup import prepare
from tests.scenarios.cli_kit import SHORT, cityops

END_MS, FORK = 150_000, "2 min"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A short run, headless, so without keyframes."""
    setup = prepare(SHORT, seed=7)
    folder = setup.create(tmp_path_factory.mktemp("sound") / "runs", "sound")
    run_headless(setup, until_ms=END_MS, out=folder)
    return folder


def flip(path: Path, at: float) -> None:
    """Flip one bit of a file, `at` as a share of its length."""
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path, share: float) -> None:
    """Keep the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def other_release(run: Path) -> None:
    header = json.loads((run / "header.json").read_bytes())
    (run / "header.json").write_text(json.dumps(header | {"release": "0.0.1"}))


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "flipped byte in the stream": (
        lambda run: flip(segments(run / "wire")[0], 0.3),
        "the recorded stream is damaged in 000001.seg",
    ),
    "cut stream": (lambda run: cut(segments(run / "wire")[0], 0.4), "the recorded stream is damaged in 000001.seg"),
    "no stream": (lambda run: shutil.rmtree(run / "wire"), "was recorded up to -1 ms"),
    "cut journal": (lambda run: cut(run / "journal.sqlite", 0.5), "journal"),
    "no journal": (lambda run: (run / "journal.sqlite").unlink(), "it has no journal"),
    "other release": (other_release, "is of release 0.0.1"),
    "altered scenario": (lambda run: flip(run / "inputs/scenario.yaml", 0.02), "is not what the header names"),
    "altered city": (lambda run: flip(run / "inputs/city.json.zst", 0.5), "city"),
    "damaged log": (
        lambda run: (run / "world.log").write_bytes(b"nonsense\nnonsense\nnonsense\n"),
        "world.log:1:1: a damaged line",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_branch_of_a_damaged_run_is_refused(sound: RunFolder, tmp_path: Path, name: str) -> None:
    """One line that says what is wrong, status 2, no new run and no change in the old one."""
    damage, said = DAMAGE[name]
    copy = tmp_path / "runs" / "sound"
    shutil.copytree(sound.path, copy)
    damage(copy)
    files = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    answer = cityops("runs", "branch", "sound", "--at", FORK, "--data", tmp_path)
    assert answer.status == 2 and answer.out == "" and said in answer.err, (answer.status, answer.err)
    assert len(answer.err.strip().splitlines()) == 1
    assert [run.run_id for run in listed(tmp_path / "runs")] == ["sound"]
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == files


def test_a_keyframe_that_cannot_be_read_is_done_without(sound: RunFolder, tmp_path: Path) -> None:
    """An earlier keyframe, or the beginning, and the stream from there come to the same place."""
    copy = tmp_path / "runs" / "sound"
    shutil.copytree(sound.path, copy)
    for folder in (copy / "keyframes", copy / "keyframes/city"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "000000060000.key").write_bytes(b"CITYKEY1 and then nothing that checks out")
    made = [
        cityops("runs", "branch", "sound", "--at", FORK, "--data", data, "--json") for data in (tmp_path, sound.path.parents[1])
    ]
    assert made[0].document["digest"] == made[1].document["digest"] and made[0].document["until_ms"] == 120_000
    shutil.rmtree(sound.path.parent / made[1].document["run_id"])


def test_a_run_says_whether_it_is_open_interrupted_or_done(sound: RunFolder, tmp_path: Path) -> None:
    """Done by its result; open while a center holds it; interrupted when nobody does and it has no result."""
    from ops_center.folder_lock import FolderLock

    copy = RunFolder(tmp_path / "runs" / "sound")
    shutil.copytree(sound.path, copy.path)
    assert copy.status() == "done"
    (copy.path / "result.json").unlink()
    assert copy.status() == "interrupted"
    lock = FolderLock(copy.path)
    assert copy.status() == "open"
    assert "open" in cityops("runs", "list", "--data", tmp_path).out
    lock.release()
    assert "interrupted" in cityops("runs", "list", "--data", tmp_path).out


@pytest.mark.parametrize("name", ["result.json", "header.json", "journal.sqlite"])
@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(range(256))])
def test_a_damaged_run_is_said_and_hides_no_other(sound: RunFolder, tmp_path: Path, name: str, content: bytes) -> None:
    """What is asked of it alone is one clear line with status 2 or 1; the list of runs shows the others, and it as damaged."""
    for run_id in ("sound", "broken"):
        shutil.copytree(sound.path, tmp_path / "runs" / run_id)
    (tmp_path / "runs" / "broken" / name).write_bytes(content)
    for words in (("show", "broken"), ("report", "broken")):
        answer = cityops("runs", *words, "--data", tmp_path)
        assert answer.status in (1, 2) and answer.out == "" and len(answer.err.strip().splitlines()) == 1 and name in answer.err
    rows = {row["run_id"]: row for row in json.loads(cityops("runs", "list", "--json", "--data", tmp_path).out)}
    assert rows["sound"]["status"] == "done"
    assert name == "journal.sqlite" or (rows["broken"]["status"] == "damaged" and name in rows["broken"]["error"])
    said = cityops("runs", "list", "--data", tmp_path)
    assert said.status == 0 and len(said.out.strip().splitlines()) == 2
