"""The demo: one command, two processes, restarted when killed, gone when it goes; refusals in one line."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scenarios.runner import commands_of, run_headless
from scenarios.runs import listed, locked
from scenarios.setup import of_run

HERE = Path(__file__).parent
ENV = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found through /proc")


def _start(data: Path, port: int = 0, pace: float = 20.0) -> "subprocess.Popen[str]":
    command = [sys.executable, str(HERE / "demo_process.py"), str(data), str(port), str(pace)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV)


def _until(ask: Callable[[], Any], limit_s: float = 60.0) -> Any:
    """Ask until there is an answer; the processes are real, so is the time."""
    end_s = time.monotonic() + limit_s  # noqa: TID251 - real processes
    while time.monotonic() < end_s:  # noqa: TID251 - real processes
        if (answer := ask()) is not None:
            return answer
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(path.parent.name))
    return sorted(found)


class Demo:
    """A running demo and its operator."""

    def __init__(self, data: Path) -> None:
        self.process = _start(data)
        self.links: dict[str, str] = {}
        assert self.process.stdout is not None
        while len(self.links) < 4:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read() if self.process.stderr else ""
            role, _, link = line.strip().partition(" ")
            if "#seat=" in link:
                self.links[role] = link.strip()
        address, self.token = self.links["operator"].split("/#seat=")
        self.address = address

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as response:
                return json.loads(response.read())
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def now_ms(self, beyond: int = -1) -> int | None:
        health = self.get("/api/overview")
        now = health["clock"]["now_ms"] if health else -1
        return now if now > beyond and health["clock"]["city_connected"] else None


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo, ended with the test."""
    running = Demo(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(30)
    for stream in (running.process.stdout, running.process.stderr):
        if stream:
            stream.close()


@pytest.mark.slow
def test_killed_children_come_back_and_the_run_goes_on(demo: Demo, tmp_path: Path) -> None:
    """Kill -9 of either: the other waits, the killed one stands up, and time goes on; the record executes to the same end."""
    at_ms = _until(lambda: demo.now_ms(125_000))
    for _ in range(2):
        children = _children(demo.process.pid)
        assert len(children) == 2
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            at_ms = _until(lambda at_ms=at_ms: demo.now_ms(at_ms + 3_000))
            _until(lambda: True if len(_children(demo.process.pid)) == 2 else None)
    demo.process.terminate()
    assert demo.process.wait(30) == 0
    (folder,) = listed(tmp_path / "runs")
    again = run_headless(of_run(folder), commands=commands_of(folder), until_ms=at_ms)
    assert again.result["bad_messages"] == 0


@pytest.mark.slow
def test_children_die_with_their_supervisor(demo: Demo) -> None:
    """Even kill -9 of the supervisor leaves nobody behind."""
    children = _children(demo.process.pid)
    assert len(children) == 2
    demo.process.kill()
    demo.process.wait(10)
    _until(lambda: True if not any(Path(f"/proc/{pid}").exists() for pid in children) else None, 20)


@pytest.mark.slow
def test_a_second_instance_is_refused_in_one_line(tmp_path: Path) -> None:
    """One lock per data folder."""
    with locked(tmp_path):
        second = _start(tmp_path)
        out, err = second.communicate(timeout=60)
    assert second.returncode == 1 and len(err.strip().splitlines()) == 1 and "another cityops is at work here" in err, (out, err)


@pytest.mark.slow
def test_a_port_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    """A port that was asked for and is taken is said, and nothing is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = _start(tmp_path, taken.getsockname()[1])
        out, err = other.communicate(timeout=60)
    assert other.returncode == 1 and len(err.strip().splitlines()) == 1 and "cannot listen on 127.0.0.1" in err, (out, err)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_data_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    """Nothing half-begun."""
    tmp_path.chmod(0o500)
    other = _start(tmp_path / "data")
    _, err = other.communicate(timeout=60)
    assert other.returncode == 1 and len(err.strip().splitlines()) == 1


@pytest.mark.slow
def test_where_no_bytecode_lies_beside_the_sources_ours_is_kept_in_the_cache(tmp_path: Path) -> None:
    """As in a container: what a child compiled is in the data folder the next time, nothing beside the sources, nor numpy's."""
    tree, cache = tmp_path / "tree", tmp_path / "cache"
    for room in ("ops_center", "sensors"):
        shutil.copytree(HERE.parent.parent / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "scenarios").mkdir()
    for name in ("__init__.py", "child.py"):
        shutil.copy(HERE.parent.parent / "scenarios" / name, tree / "scenarios" / name)
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPYCACHEPREFIX", None)
    command = [sys.executable, "-m", "scenarios.child", "center", str(cache)]
    seen = []
    for _ in range(2):
        subprocess.run(command, input=b"", stderr=subprocess.DEVNULL, cwd=tmp_path, env=environment, check=False)
        seen.append({path: path.stat().st_mtime_ns for path in cache.rglob("*.pyc")})
    assert any(path.name.startswith("server.") for path in seen[0]) and seen[0] == seen[1]
    assert not any(path.match("numpy/_core/*") for path in seen[0])
    assert not list(tree.rglob("__pycache__"))
