"""Other systems as processes of a test: Prometheus and VictoriaMetrics on a loopback port, until the test is over."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

START_LINES = 5_000


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def serving(command: Sequence[str], ready: str) -> Iterator[None]:
    """Run a server until the block ends; the block begins when the server writes a line with `ready` in it.

    Its output goes on to be read by a process that throws it away, so that it never waits for a reader.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        said: list[str] = []
        try:
            for line in server.stdout:
                said.append(line)
                if ready in line or len(said) > START_LINES:
                    break
            assert said and ready in said[-1], f"{command[0]} did not come up:\n" + "".join(said[-20:])
            with subprocess.Popen(["cat"], stdin=server.stdout, stdout=subprocess.DEVNULL) as drain:
                try:
                    yield
                finally:
                    server.terminate()
                    server.wait(30)
                    drain.wait(30)
        finally:
            if server.poll() is None:
                server.kill()


@contextlib.contextmanager
def prometheus(command: str, data: Path, rules: Path | None = None) -> Iterator[httpx.Client]:
    """A Prometheus over a folder of blocks, with a rule file; yields a client of it."""
    port, config = free_port(), data.parent / "prometheus.yml"
    config.write_text("global: {evaluation_interval: 1s}\n" + (f"rule_files: ['{rules}']\n" if rules else ""))
    arguments = [
        f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=100y", "--log.level=info",
    ]  # fmt: skip
    with (
        serving([command, *arguments], "Server is ready to receive web requests"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        yield client


@contextlib.contextmanager
def victoria_metrics(command: str, data: Path) -> Iterator[httpx.Client]:
    """A VictoriaMetrics that keeps what it is given in a folder; yields a client of it."""
    port = free_port()
    arguments = [
        f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y", "-search.disableCache",
        "-search.latencyOffset=0s",
    ]  # fmt: skip
    with (
        serving([command, *arguments], "started VictoriaMetrics in"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        yield client
