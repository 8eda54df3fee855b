"""`cityops rules test` and the installed promtool on one file: 10 000 series, an hour at 15 s, five rules; prints nothing.

Both are started as commands in processes of their own, so that start-up and memory count for both. The rules and shares of
the series are those of the benchmark `rules`; one file has each value written out, as recorded data come, the other the same
in promtool's notation, as an author types them.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ops_center.promql.numbers import format_value
from ops_center.rules.notation import parse_values
from ops_center.rules.typed_series import GAP, STALE
from scenarios.bench.rules import PERIOD_MS, RULES, SHARES, STEPS, ZONES

BOTH_SIZES = 1.0  # beyond this promtool takes minutes
TIMES = 3
OURS = (sys.executable, "-m", "scenarios.cli.main", "rules", "test")


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command cost: seconds by the clock and of the processor, and the most memory it held [MB]."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def _values(metric: str, number: int) -> str:
    """An hour at 15 s in five pieces; every seventh series leaves what is normal in the middle."""
    odd = number % 7 == 0
    low, noise = 30 + number % 25, number % 10 / 8
    match metric:
        case "speed_kmh":
            return f"{low}+0.125x79 {9 if odd else low}+0.0625x59 _x2 {low}-0.125x60 stale {low}x{STEPS - 203}"
        case "lamp_on":
            return f"1x100 {0 if odd else 1}x60 1x{STEPS - 162}"
        case "occupancy_ratio":
            return f"0.5+0.001x99 {0.95 if odd else 0.6}x40 0.5+0.00{number % 9}x{STEPS - 142}"
        case _:
            return f"0+{2 + noise}x120 {900 + number % 50}+{0.25 if odd else 4 + noise}x{STEPS - 122}"


def _written_out(values: str) -> str:
    """The same points, each for itself, as a recorder would write them."""
    points = parse_values(values)
    words = {GAP: "_", STALE: "stale"}
    pairs = zip(points.values.tolist(), points.kinds.tolist(), strict=True)
    return " ".join(words.get(kind) or format_value(value) for value, kind in pairs)


def _lines(series: int, written_out: bool) -> Iterator[str]:
    yield "rule_files: [rules.yml]"
    yield f"evaluation_interval: {PERIOD_MS // 1000}s"
    yield "tests:"
    yield f"- interval: {PERIOD_MS // 1000}s"
    yield "  input_series:"
    for metric, share in SHARES:
        for number in range(max(ZONES, int(series * share))):
            values = _values(metric, number)
            yield f"""  - series: '{metric}{{sensor="{metric}:{number}",zone="z{number % ZONES}"}}'"""
            yield f"    values: '{_written_out(values) if written_out else values}'"
    yield "  promql_expr_test:"
    yield '  - expr: count(ALERTS{alertname="NoSuchAlert"})'
    yield f"    eval_time: {(STEPS - 1) * PERIOD_MS // 60_000}m"
    yield "    exp_samples: []"


def write_files(folder: Path, series: int, written_out: bool) -> Path:
    """Write the rules and the test of so many series into a folder; returns the test's path."""
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    path = folder / "many.test.yml"
    path.write_text("\n".join(_lines(series, written_out)) + "\n", encoding="utf-8")
    return path


def _installed(folder: Path) -> dict[str, str]:
    """The environment of a program that is installed: compiled, as promtool is, whatever this process was told of bytecode."""
    rest = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**rest, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def _ran(command: list[str], env: dict[str, str] | None = None) -> Ran:
    """Run a command that must succeed. Raises RuntimeError with what it said."""
    start = perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    assert child.stdout is not None
    with child.stdout:
        said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {child.returncode}: {said[-500:]}")
    return Ran(perf_counter() - start, used.ru_utime + used.ru_stime, _mb(used))


def _mb(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def _written_apart(folder: Path, series: int, written_out: bool) -> Path:
    """Write the files in a process of its own: what this one holds would count as the memory of each that it starts."""
    call = f"{__name__}.write_files(pathlib.Path({str(folder)!r}), {series}, {written_out})"
    subprocess.run([sys.executable, "-c", f"import pathlib, {__name__}; {call}"], check=True)
    return folder / "many.test.yml"


def _side_by_side(folder: Path, series: int, written_out: bool, with_promtool: bool) -> dict[str, float]:
    path = _written_apart(folder, series, written_out)
    env = _installed(folder)
    _ran([*OURS, str(path)], env)  # it is compiled now
    ours = sorted((_ran([*OURS, str(path)], env) for _ in range(TIMES)), key=lambda one: one.wall_s)[TIMES // 2]
    found = {
        "file_mb": path.stat().st_size / 1e6,
        "seconds": ours.wall_s,
        "cpu_s": ours.cpu_s,
        "peak_rss_mb": ours.peak_rss_mb,
    }
    promtool = shutil.which("promtool")
    if promtool is None or not with_promtool:
        return found
    theirs = _ran([promtool, "test", "rules", str(path)])
    return {
        **found,
        "promtool_s": theirs.wall_s,
        "promtool_cpu_s": theirs.cpu_s,
        "promtool_peak_rss_mb": theirs.peak_rss_mb,
        "times_faster": theirs.wall_s / ours.wall_s,
        "times_less_cpu": theirs.cpu_s / ours.cpu_s,
    }


def run(scale: float = 1.0) -> dict[str, float]:
    """Test `10 000 × scale` series with both: each value written out, then the same in promtool's notation (`notation_…`).

    Returns:
        series; file_mb; seconds (the median of three), cpu_s and peak_rss_mb of ours; and, where promtool is installed and the
        file not too big for it, promtool_s, promtool_cpu_s, promtool_peak_rss_mb and how many times faster ours is by the
        clock (times_faster) and by processor time (times_less_cpu).
    """
    series = int(10_000 * scale)
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as name:
        folder, both = Path(name), scale <= BOTH_SIZES
        found = _side_by_side(folder, series, True, both)
        shorter = _side_by_side(folder, series, False, both)
        return {"series": float(series), **found, **{f"notation_{key}": value for key, value in shorter.items()}}
