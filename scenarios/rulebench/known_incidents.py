"""What is known to have happened while data were recorded: incidents that people wrote down, or labelled windows.

Lives here: the two forms in which such records come. Must not know: rules, how anything is judged.
YAML: `incidents: [{id, start, end, title, labels}]`, times as RFC 3339. JSON: recording → [[first, last], …], as the Numenta
Anomaly Benchmark keeps its windows; a recording goes by the name of its file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from scenarios.rulebench.readers.recorded import bad, time_ms
from scenarios.yaml_tree import Tree, read_tree

RECORDING = "recording"  # the label that says from which file a series came
KEYS = frozenset(("id", "start", "end", "title", "labels"))


@dataclass(frozen=True, slots=True)
class KnownIncident:
    """One thing that happened, from start to end (epoch ms; None: it had not ended), where its labels say."""

    incident_id: str
    start_ms: int
    end_ms: int | None
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels may be about it: no label that both have differs."""
        return all(labels.get(name, value) == value for name, value in self.labels.items())


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of some recordings; `windows` tells that it came as the benchmark's windows."""

    incidents: tuple[KnownIncident, ...]
    windows: bool = False


def read_known(path: Path, tz: ZoneInfo) -> Known:
    """Return the incidents of a file; times without a zone are of `tz`. Raises BadFile."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise bad(str(path), 1, 1, f"cannot be read: {error.strerror}") from None
    if path.suffix == ".json":
        return Known(tuple(_windows(text, str(path), tz)), windows=True)
    tree = read_tree(text, str(path))
    rows = tree.data.get("incidents") if isinstance(tree.data, dict) else None
    if not isinstance(rows, list):
        raise bad(str(path), 1, 1, "there is no list 'incidents'; expected incidents: [{id, start, end}]")
    return Known(tuple(_incident(tree, number, tz) for number in range(len(rows))))


def _incident(tree: Tree, number: int, tz: ZoneInfo) -> KnownIncident:
    row = tree.data["incidents"][number]
    at: tuple[str | int, ...] = ("incidents", number)
    if not isinstance(row, dict) or "id" not in row or "start" not in row:
        raise bad(tree.file, *tree.at(at), f"incident {row!r}; expected at least id and start")
    unknown = sorted(set(row) - KEYS)
    if unknown:
        raise bad(
            tree.file,
            *tree.at((*at, unknown[0]), key=True),
            f"unknown key {unknown[0]!r}; expected one of {', '.join(sorted(KEYS))}",
        )
    labels = row.get("labels") or {}
    if not isinstance(labels, dict):
        raise bad(tree.file, *tree.at((*at, "labels")), f"labels are {labels!r}; expected a mapping")
    start_ms = _when(tree, (*at, "start"), row["start"], tz)
    end_ms = _when(tree, (*at, "end"), row["end"], tz) if row.get("end") is not None else None
    if end_ms is not None and end_ms < start_ms:
        raise bad(tree.file, *tree.at((*at, "end")), f"incident {row['id']!r} ends before it starts; expected end after start")
    return KnownIncident(
        str(row["id"]), start_ms, end_ms, str(row.get("title") or ""), {str(k): str(v) for k, v in labels.items()}
    )


def _when(tree: Tree, path: tuple[str | int, ...], value: Any, tz: ZoneInfo) -> int:
    try:
        return time_ms(str(value), tz)
    except ValueError as error:
        raise bad(tree.file, *tree.at(path), str(error)) from None


def _windows(text: bytes, file: str, tz: ZoneInfo) -> list[KnownIncident]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        raise bad(file, line, column, f"not JSON: {error}; expected recording → [[first, last], …]") from None
    found: list[KnownIncident] = []
    try:
        for name, windows in data.items():
            stem = PurePosixPath(name).stem
            for number, (first, last) in enumerate(windows, start=1):
                start_ms, end_ms = time_ms(str(first), tz), time_ms(str(last), tz)
                found.append(KnownIncident(f"{stem}#{number}", start_ms, end_ms, name, {RECORDING: stem}))
    except (AttributeError, TypeError, ValueError) as error:
        raise bad(file, 1, 1, f"no windows: {error}; expected recording → [[first, last], …]") from None
    return found
