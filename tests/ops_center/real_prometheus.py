"""A real Prometheus on loopback over series of our choice, for tests that compare; started and ended by the test."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
Samples = list[tuple[int, float]]  # epoch ms, value


@dataclass(frozen=True, slots=True)
class Real:
    """Where it listens."""

    address: str

    def ask(self, path: str, **params: object) -> tuple[int, dict]:
        """Status and body of an answer of `/api/v1/…`."""
        try:
            with urlopen(f"{self.address}/api/v1/{path}", urlencode(params).encode(), timeout=60) as answer:
                return answer.status, json.load(answer)
        except HTTPError as refused:
            return refused.code, json.load(refused)


def open_metrics(series: dict[str, Samples]) -> str:
    """Series as OpenMetrics, in order of time as the format wants them within each metric."""
    lines = [f"{name} {value!r} {at / 1000}" for name, samples in sorted(series.items()) for at, value in samples]
    return "\n".join(lines).replace("nan", "NaN").replace("inf ", "Inf ") + "\n# EOF\n"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(folder: Path, series: dict[str, Samples]) -> Iterator[Real]:
    """A Prometheus that holds the series, as long as the block lasts."""
    (folder / "data.om").write_text(open_metrics(series), encoding="utf-8")
    write = [str(PROMTOOL), "tsdb", "create-blocks-from", "openmetrics", str(folder / "data.om"), str(folder / "data")]
    subprocess.run(write, check=True, capture_output=True, timeout=120)
    (folder / "prometheus.yml").write_text("global: {}\n")
    address = f"127.0.0.1:{_free_port()}"
    command = [
        str(PROMETHEUS), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}", "--storage.tsdb.retention.time=50y", "--log.level=error",
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(address, process, folder)
            yield Real(f"http://{address}")
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(address: str, process: subprocess.Popen, folder: Path) -> None:
    for _ in range(600):
        try:
            with urlopen(f"http://{address}/-/ready", timeout=5):
                return
        except (URLError, OSError):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)  # another process starts: nothing tells when it has
    raise AssertionError("Prometheus did not start: " + (folder / "log").read_text())
