"""What a scored run hands to other tools: its incidents as Lapilli reads them, its samples as OpenMetrics.

Lives here: two text formats. Must not know: rules' verdicts. Another tool that replays the same rules over these samples and
judges them by these incidents checks the score from outside.
Lapilli: `incidents: [{id, start, end?, title?, labels?}]`, RFC 3339 (its documentation on incident files, 2026-11). OpenMetrics:
the text format 1.0; `promtool tsdb create-blocks-from openmetrics` makes a Prometheus' blocks of it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import numpy as np

from ops_center.event_block import Block
from ops_center.label_sets import NAME, Labels
from ops_center.rules.files import RuleFile
from ops_center.series_metric import Metric
from scenarios.kind_titles import kind_title
from scenarios.rulebench.recording import Recording
from scenarios.rulebench.sight import Reader

Plain = dict[str, Any]
TYPES = {"gauge": "gauge", "counter": "counter"}


# -- incidents


def lapilli(tally: Plain) -> str:
    """Return the truth of one run that its alerts claim, as a Lapilli incident file. Strings are JSON's, which YAML reads."""
    lines = ["# Incidents of a simulated run: what really happened, from cityops rules score.", "incidents:"]
    for row in tally["incidents"]:
        start = _instant(tally["epoch_ms"] + row["start_ms"])
        words = row["title"] or kind_title(row["kind"])
        title = f"{words['en']} – {row['name']}" if row["name"] else words["en"]
        labels = {
            "kind": row["kind"], "place_kind": row["place"]["kind"], "place": row["place"]["id"], "scenario": tally["scenario"],
            "seed": str(tally["seed"]),
        }  # fmt: skip
        name = f"{tally['scenario']}-{tally['seed']}-{row['event_id']}"
        lines.append(f"- id: {_text(name)}")
        lines.append(f"  start: {_text(start)}")
        if row["end_ms"] is not None:
            end = _instant(tally["epoch_ms"] + row["end_ms"])
            lines.append(f"  end: {_text(end)}")
        lines.append(f"  title: {_text(title)}")
        lines.append("  labels: {" + ", ".join(f"{key}: {_text(value)}" for key, value in labels.items()) + "}")
    return "\n".join(lines if tally["incidents"] else [lines[0], "incidents: []"]) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _instant(epoch_ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(epoch_ms / 1_000.0, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- samples


def metrics_read(files: Sequence[RuleFile], made: Recording) -> list[str]:
    """Return the metrics of a recording that rules read, by name."""
    reader = Reader(files, made.store, ())
    return sorted({name for file in files for group in file.groups for rule in group.rules for name in reader.metrics(rule)})


def write_openmetrics(made: Recording, metrics: Iterable[str], out: TextIO) -> int:
    """Write every sample of some metrics of a recording as OpenMetrics text; return how many.

    Instants are those of the devices, in Unix time. A stale marker has no form of its own in this format: it is left out, and a
    reader sees a gap.
    """
    count = 0
    for name in metrics:
        metric = made.store.metrics[name]
        family, kind = _family(metric)
        out.write(f"# HELP {family} {_escaped(metric.help)}\n# TYPE {family} {kind}\n")
        for labels, times, values in _series(metric):
            head = _head(labels)
            seconds = (times + made.epoch_ms).tolist()
            out.writelines(f"{head} {value!r} {at // 1000}.{at % 1000:03d}\n" for at, value in zip(seconds, values, strict=True))
            count += len(values)
    out.write("# EOF\n")
    return count


def _family(metric: Metric) -> tuple[str, str]:
    """A counter's family is its name without `_total`; one that is not called so can only be told as unknown."""
    kind = TYPES.get(metric.kind, "unknown")
    if kind == "counter":
        return (metric.name.removesuffix("_total"), kind) if metric.name.endswith("_total") else (metric.name, "unknown")
    return metric.name, kind


def _series(metric: Metric) -> Iterator[tuple[Labels, np.ndarray[Any, np.dtype[np.int64]], list[float]]]:
    for block, labels in zip(metric.blocks, metric.labels, strict=True):
        for column, one in enumerate(labels):
            times, values = _samples(block, column)
            if len(times):
                yield one, times, values


def _samples(block: Block, column: int) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[float]]:
    window = block.window(-(1 << 60), 1 << 60, np.array([column], dtype=np.intp), None)
    if window is None:
        return np.zeros(0, dtype=np.int64), []
    times = window.times if window.times.ndim == 1 else window.times[:, 0]
    values = window.values[:, 0]
    valid = np.ones(len(values), dtype=np.bool_) if window.valid is None else window.valid[:, 0]
    return times[valid], values[valid].tolist()


def _head(labels: Labels) -> str:
    name = dict(labels)[NAME]
    inner = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels if key != NAME)
    return f"{name}{{{inner}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
