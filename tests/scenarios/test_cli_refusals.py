"""What cannot be done is said in one line on stderr with a status other than 0, and a stop is no accident."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.runs import locked
from tests.scenarios.cli_kit import SHORT, Said, cityops

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0
LIVE = ["run", SHORT, "--no-browser", "--json"]


def check_one_line(said: Said, words: str) -> None:
    """Status 1, nothing on stdout, one line on stderr."""
    assert (said.status, said.out) == (1, ""), said
    assert len(said.err.splitlines()) == 1 and words in said.err, said.err


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        yield bound.getsockname()[1]


def test_a_port_in_use(taken: int, tmp_path: Path) -> None:
    """Live runs, the demo and the center alone: the address and why; no run is left."""
    for words in (LIVE, ["demo", SHORT, "--no-browser"], ["serve"]):
        check_one_line(cityops(*words, "--port", taken, "--data", tmp_path), f"cannot listen on 127.0.0.1:{taken}")
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(
    "words", [LIVE, ["serve", "--port", 0], ["run", SHORT, "--headless", "--json"]], ids=["live", "serve", "headless"]
)
def test_a_data_folder_that_cannot_be_written(words: list[object]) -> None:
    """Nobody can make a folder below a device, not even root."""
    said = cityops(*words, "--data", "/dev/null/x")
    assert said.status == 1 and said.out == ""
    assert "cannot be written (Not a directory)" in said.err.splitlines()[-1]
    assert [line for line in said.err.splitlines()[:-1] if not line.startswith("building")] == []


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    """Wherever a command writes a file: what, and why not."""
    check_one_line(cityops("scenarios", "new", "mine", "--folder", "/dev/null/x"), "/dev/null/x/mine.yaml: cannot be written")
    run = cityops("run", SHORT, "--headless", "--until", "0 s", "--data", tmp_path, "--json").document["run_id"]
    check_one_line(cityops("runs", "export", run, "/dev/null/x.zip", "--data", tmp_path), "/dev/null/x.zip: cannot be written")
    archive = tmp_path / "r.zip"
    assert cityops("runs", "export", run, archive, "--data", tmp_path).status == 0
    check_one_line(cityops("runs", "import", archive, "--data", "/dev/null/x"), "cannot be written")


def test_a_second_instance(tmp_path: Path) -> None:
    """One process at a time serves a data folder; the second is told so and takes nothing away."""
    with locked(tmp_path):
        for words in (LIVE, ["demo", SHORT, "--no-browser"], ["serve", "--port", 0]):
            check_one_line(cityops(*words, "--data", tmp_path), "another cityops is at work here")


def start(*words: object) -> "subprocess.Popen[str]":
    """The command line as a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "scenarios.cli.main", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal; return status and what was said from here on."""
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err


def children(pid: int) -> list[Path]:
    """The processes that a process started."""
    task = Path(f"/proc/{pid}/task/{pid}/children")
    return [Path("/proc") / child for child in task.read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found through /proc")
def test_a_start_is_told_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """Between start and ready the user sees what goes on; Ctrl+C ends it without traceback, and no child stays."""
    process = start("run", SHORT, "--no-browser", "--data", tmp_path, "--speed", 20)
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while not (lines and "T+0" in lines[-1]):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read() if process.stderr else ""
        family = children(process.pid)
        status, out, err = ended(process, signal.SIGINT)
    finally:
        process.kill()
    text = "".join(lines)
    assert "starting Small city" in text and "center ready, run short_blackout-" in text and "warming up 20 %" in text
    assert all(f"{seat} " in text for seat in ("observer", "operator", "instructor", "exercise"))
    assert status == 0 and "Traceback" not in out + err and len(family) == 2
    assert not [child for child in family if child.exists()]


@pytest.mark.slow
def test_the_default_port_taken_is_told(tmp_path: Path) -> None:
    """Without --port a free one is taken where 8700 is in use, and the user is told."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", 8700))
            bound.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        process = start("run", SHORT, "--no-browser", "--data", tmp_path)
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            status, _, err = ended(process, signal.SIGTERM)
        finally:
            process.kill()
    text = "".join(lines)
    assert "port 8700 is taken" in text and "127.0.0.1:8700/" not in text
    assert status == 0 and "Traceback" not in err


@pytest.mark.slow
def test_a_city_without_a_center_says_so(tmp_path: Path, taken: int) -> None:
    """It keeps trying, says once why, and ends when told to."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refused for sure
        port = unused.getsockname()[1]
        process = start("city", SHORT, "--to", f"ws://127.0.0.1:{port}", "--token", "t", "--data", tmp_path, "--exercise-port", 0)
        assert process.stderr is not None
        try:
            lines = [process.stderr.readline()]
            while "no center" not in lines[-1]:
                lines.append(process.stderr.readline())
                assert lines[-1], lines
            status, _, err = ended(process, signal.SIGINT)
        finally:
            process.kill()
    assert "Connection refused" in lines[-1] and status == 0 and "no center" not in err and "Traceback" not in err
