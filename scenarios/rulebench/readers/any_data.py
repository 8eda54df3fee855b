"""What `--data` may name: a file of one of the formats, a folder of them, or the address of a server.

Lives here: which reader reads what. Must not know: how any of them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from scenarios.rulebench.known_incidents import RECORDING
from scenarios.rulebench.readers.csv_file import read_csv
from scenarios.rulebench.readers.openmetrics_file import read_openmetrics
from scenarios.rulebench.readers.parquet_file import read_parquet
from scenarios.rulebench.readers.prometheus_server import read_prometheus
from scenarios.rulebench.readers.recorded import RecordedSeries, bad

CSV, OPENMETRICS, PARQUET = (".csv",), (".om", ".openmetrics", ".prom", ".txt"), (".parquet",)
KNOWN = CSV + OPENMETRICS + PARQUET


@dataclass(frozen=True, slots=True)
class How:
    """How to read: the metric of columns that name none, the zone of times that have none, and what a server is asked.

    `first_ms` and `last_ms` are epoch ms; other samples are left out. `step_ms` None: samples as they were stored.
    `repeated` says what becomes of a time that a series has more than once: "error", or the "first" or "last" sample stays.
    """

    metric: str
    tz: ZoneInfo
    selectors: Sequence[str] = ()
    first_ms: int | None = None
    last_ms: int | None = None
    step_ms: int | None = None
    repeated: str = "error"


def read_data(names: Sequence[str], how: How) -> list[RecordedSeries]:
    """Return all series of all that was named, each label set once. Raises BadFile."""
    found: list[RecordedSeries] = []
    for name in names:
        if name.startswith(("http://", "https://")):
            found += _of_server(name, how)
        else:
            for path in _files(Path(name)):
                found += _of_file(path, how)
    seen: set[object] = set()
    for one in found:
        if one.labels in seen:
            raise bad(names[-1], 1, 1, f"the series {dict(one.labels)} is in two of the files; expected each once")
        seen.add(one.labels)
    return [_cut(one, how) for one in found]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.suffix in KNOWN and p.is_file())
        if not inside:
            raise bad(str(path), 1, 1, f"no data in this folder; expected files that end with {', '.join(KNOWN)}")
        return inside
    if not path.exists():
        raise bad(str(path), 1, 1, "there is no such file; expected a file, a folder, or the address of a server")
    return [path]


def _of_file(path: Path, how: How) -> list[RecordedSeries]:
    more = {RECORDING: path.stem}
    if path.suffix in CSV:
        return read_csv(path, how.metric, how.tz, more, how.repeated)
    if path.suffix in OPENMETRICS:
        return read_openmetrics(path, {})
    if path.suffix in PARQUET:
        return read_parquet(path, how.metric, how.tz, more, how.repeated)
    raise bad(str(path), 1, 1, f"unknown ending {path.suffix!r}; expected one of {', '.join(KNOWN)}")


def _of_server(url: str, how: How) -> list[RecordedSeries]:
    if how.first_ms is None or how.last_ms is None:
        raise bad(url, 1, 1, "no time was named; expected --from and --to for a server")
    return read_prometheus(url, how.selectors, how.first_ms, how.last_ms, how.step_ms, {})


def _cut(one: RecordedSeries, how: How) -> RecordedSeries:
    if how.first_ms is None and how.last_ms is None:
        return one
    inside = (one.times_ms >= (how.first_ms or 0)) & (one.times_ms <= (how.last_ms if how.last_ms is not None else 1 << 62))
    return RecordedSeries(one.labels, one.times_ms[inside], one.values[inside])
