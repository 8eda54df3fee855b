"""The rule engines that are installed, on the load of `rules`: each started here on loopback, fed the same series, asked, ended.

Lives here: processes, remote write, the clock. Must not know: our engine. Prometheus and VictoriaMetrics evaluate each rule's
expression over the hour by `query_range`; vmalert replays the rules over VictoriaMetrics, alerts and all; promtool tests them on
a small share of the series and is scaled. Nothing that is not on PATH is measured: its row says that it is absent.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]
Labels = Sequence[tuple[str, str]]
WAIT_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
BATCH_SERIES, BATCH_STEPS = 2_000, 61


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured: an hour of series ending at `end_ms` (epoch), as blocks (labels with names, values steps × series)."""

    blocks: Sequence[tuple[Sequence[Labels], NDArray[np.float64]]]
    rules: str
    expressions: tuple[str, ...]
    first_ms: int
    step_ms: int
    steps: int

    @property
    def series(self) -> int:
        """How many series there are."""
        return sum(len(labels) for labels, _ in self.blocks)


@dataclass(frozen=True, slots=True)
class Server:
    """A process that was started here."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_s(self) -> float:
        """Processor time so far, of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mb(self) -> float:
        """The most memory it held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        """The answer to a request. Raises OSError that says what was answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.status >= 300:
            raise OSError(f"{method} {path.partition('?')[0]}: saw status {answer.status}, {data[:200].decode(errors='replace')}")
        return data


def measured(load: Load, sizes: bool = True) -> list[Row]:
    """A row for each engine: what it did per second of the clock and of the processor, and its peak memory.

    `sizes`: also promtool, which takes a minute for what others do in a second, and on a small share of the series.
    """
    rows = [*_prometheus(load), *_victoria(load)]
    if sizes:
        rows.append(_promtool(load))
    return rows


def _absent(name: str, program: str) -> Row:
    return {"engine": name, "absent": f"no {program} on PATH"}


def _row(name: str, load: Load, wall_s: float, cpu_s: float, peak_mb: float, series: int | None = None, **more: Any) -> Row:
    work = (load.series if series is None else series) * load.steps
    return {
        "engine": name, "per_s": work / wall_s, "per_cpu_s": work / cpu_s if cpu_s > 0 else None, "wall_s": wall_s,
        "peak_rss_mb": peak_mb, **more,
    }  # fmt: skip


# -- remote write: protobuf in snappy, both in their plainest form


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def write_request(labels: Sequence[Labels], times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """A remote write of some series: `values` of shape (times, series). Every timestamp has the same number of bytes."""
    stamps = [b"\x10" + _varint(int(at_ms)) for at_ms in times_ms]
    size = 9 + len(stamps[0])
    cells = np.zeros((len(labels), len(stamps), 2 + size), dtype=np.uint8)
    cells[:, :, 0], cells[:, :, 1], cells[:, :, 2] = 0x12, size, 0x09
    cells[:, :, 3:11] = np.ascontiguousarray(values.T).view(np.uint8).reshape(len(labels), len(stamps), 8)
    cells[:, :, 11:] = np.frombuffer(b"".join(stamps), dtype=np.uint8).reshape(len(stamps), -1)
    parts = []
    for one, samples in zip(labels, cells, strict=True):
        named = b"".join(_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in one)
        parts.append(_field(1, named + samples.tobytes()))
    return _literal(b"".join(parts))


def _literal(data: bytes) -> bytes:
    """Snappy's block format without compression: a length and literals of up to 64 KiB."""
    out = [_varint(len(data))]
    for at in range(0, len(data), 65_536):
        piece = data[at : at + 65_536]
        out.append(b"\xf4" + struct.pack("<H", len(piece) - 1) + piece)
    return b"".join(out)


def _fill(server: Server, load: Load) -> None:
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    times = load.first_ms + load.step_ms * np.arange(load.steps, dtype=np.int64)
    for top in range(0, load.steps, BATCH_STEPS):  # in order of time: none of them takes what is an hour older than the newest
        rows = slice(top, top + BATCH_STEPS)
        for labels, values in load.blocks:
            for left in range(0, len(labels), BATCH_SERIES):
                some = slice(left, left + BATCH_SERIES)
                server.ask("POST", "/api/v1/write", write_request(labels[some], times[rows], values[rows, some]), headers)


# -- processes


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _started(command: Sequence[str], port: int, ready: str) -> Iterator[Server]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(process, port)
    try:
        _wait(server, ready)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, path: str) -> None:
    until = perf_counter() + WAIT_S
    while True:
        try:
            server.ask("GET", path)
        except (OSError, http.client.HTTPException):
            if server.process.poll() is not None or perf_counter() > until:
                raise RuntimeError(f"{server.process.args!r} did not answer at {path} within {WAIT_S:g} s") from None
            time.sleep(0.05)
        else:
            return


def _query_range(name: str, server: Server, load: Load, more: dict[str, str]) -> Row:
    last_ms = load.first_ms + (load.steps - 1) * load.step_ms
    bounds = {"start": f"{load.first_ms / 1000:.3f}", "end": f"{last_ms / 1000:.3f}", "step": f"{load.step_ms / 1000:g}"}
    best, points = None, 0
    for _ in range(2):  # the first also pays for caches that a server at work has
        busy, start = server.cpu_s(), perf_counter()
        answers = [
            server.ask("GET", "/api/v1/query_range?" + urlencode({"query": e, **bounds, **more})) for e in load.expressions
        ]
        spent = perf_counter() - start, server.cpu_s() - busy
        points = sum(_points(answer) for answer in answers)
        best = spent if best is None or spent[0] < best[0] else best
    assert best is not None
    return _row(name, load, *best, server.peak_mb(), points=points)


def _points(answer: bytes) -> int:
    return sum(len(series["values"]) for series in msgspec.json.decode(answer)["data"]["result"])


def _prometheus(load: Load) -> Iterator[Row]:
    name = "Prometheus query_range"
    if shutil.which("prometheus") is None:
        yield _absent(name, "prometheus")
        return
    with tempfile.TemporaryDirectory() as folder:
        config, port = Path(folder) / "prometheus.yml", free_port()
        config.write_text("global: {scrape_interval: 1h}\n")
        command = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
            "--query.max-samples=500000000", "--query.timeout=5m",
        ]  # fmt: skip
        with _started(command, port, "/-/ready") as server:
            _fill(server, load)
            yield _query_range(name, server, load, {})


def _victoria(load: Load) -> Iterator[Row]:
    name = "VictoriaMetrics query_range"
    if shutil.which("victoria-metrics") is None:
        yield _absent(name, "victoria-metrics")
        yield _absent("vmalert -replay", "victoria-metrics to replay over")
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [
            "victoria-metrics", f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=10y",
            "-search.latencyOffset=0s", "-search.disableCache", "-search.maxUniqueTimeseries=2000000",
            "-search.maxQueryDuration=300s", "-maxInsertRequestSize=128MB",
        ]  # fmt: skip
        with _started(command, port, "/health") as server:
            _fill(server, load)
            server.ask("GET", "/internal/force_flush")
            yield _query_range(name, server, load, {"nocache": "1"})
            yield _vmalert(server, load, Path(folder))


def _vmalert(server: Server, load: Load, folder: Path) -> Row:
    name = "vmalert -replay"
    if shutil.which("vmalert") is None:
        return _absent(name, "vmalert")
    rules = folder / "rules.yml"
    rules.write_text(load.rules)
    url = f"http://127.0.0.1:{server.port}"
    last_ms = load.first_ms + (load.steps - 1) * load.step_ms
    command = [
        "vmalert", f"-rule={rules}", f"-datasource.url={url}", f"-remoteWrite.url={url}", "-replay.rulesDelay=0s",
        "-remoteWrite.flushInterval=100ms", "-remoteWrite.maxQueueSize=10000000", f"-replay.timeFrom={_instant(load.first_ms)}",
        f"-replay.timeTo={_instant(last_ms)}", "-replay.disableProgressBar", f"-httpListenAddr=127.0.0.1:{free_port()}",
    ]  # fmt: skip
    busy = server.cpu_s()
    ran = run_once(command, folder)
    return _row(name, load, ran[0], ran[1] + server.cpu_s() - busy, ran[2] + server.peak_mb(), with_server=True)


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_once(command: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Seconds of the clock and of the processor and the peak memory [MB] of a command. Raises RuntimeError if it fails."""
    said = folder / "said"
    with said.open("wb") as out:
        start = perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        wall_s = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = (said.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{command[0]} ended with status {process.returncode}: {last}")
    return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _promtool(load: Load, share: int = 20) -> Row:
    """One in `share` of the series, typed out in a test file."""
    name = "promtool test rules"
    if shutil.which("promtool") is None:
        return _absent(name, "promtool")
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        (folder / "rules.yml").write_text(load.rules)
        lines = list(_typed(load, share))
        step_s, last_s = load.step_ms // 1000, (load.steps - 1) * load.step_ms // 1000
        (folder / "test.yml").write_text(
            f"rule_files: [rules.yml]\nevaluation_interval: {step_s}s\ntests:\n- interval: {step_s}s\n"
            "  input_series:\n" + "".join(lines) + "  promql_expr_test:\n"
            f"  - {{expr: vector(1), eval_time: {last_s}s, exp_samples: [{{labels: '{{}}', value: 1}}]}}\n"
        )
        wall_s, cpu_s, peak_mb = run_once(["promtool", "test", "rules", "test.yml"], folder)
    return _row(name, load, wall_s, cpu_s, peak_mb, series=len(lines), scaled_from=len(lines))


def _typed(load: Load, share: int) -> Iterable[str]:
    for labels, values in load.blocks:
        for column in range(0, len(labels), share):
            found = dict(labels[column])
            inner = ",".join(f'{k}="{v}"' for k, v in found.items() if k != "__name__")
            text = " ".join(f"{value:.6g}" for value in values[:, column].tolist())
            yield f"  - series: '{found['__name__']}{{{inner}}}'\n    values: '{text}'\n"
