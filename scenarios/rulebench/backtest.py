"""Rules over recorded data of a real city: what they would have raised, and how that fits what is known to have happened.

Lives here: data into a store, firings beside known incidents, the document that says it. Must not know: file formats, printing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ops_center.label_sets import NAME
from ops_center.promql import ast
from ops_center.promql.engine import ENGINE_OPTIONS, Options
from ops_center.rules.files import Rule, RuleFile
from ops_center.rules.group import Settings
from ops_center.rules.replay import Firing, replay, written_by
from ops_center.series import SeriesLimit, SeriesStore
from scenarios.rulebench import nab
from scenarios.rulebench.known_incidents import RECORDING, Known, KnownIncident
from scenarios.rulebench.readers.recorded import RecordedSeries, bad

FORMAT = "cityops-backtest/1"
MINUTE_MS, DAY_MS = 60_000, 86_400_000
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Backtest:
    """One question: rules, data, what is known (None: nothing is), and how rules run.

    A firing that begins up to `lead_ms` before an incident still catches it. `interval_ms` is for groups that name none.
    """

    rules: Sequence[RuleFile]
    series: Sequence[RecordedSeries]
    known: Known | None = None
    interval_ms: int = MINUTE_MS
    options: Options = ENGINE_OPTIONS
    lead_ms: int = 0


def selectors_of(rules: Sequence[RuleFile]) -> list[str]:
    """Return the selectors that rules read from outside: not what they write themselves."""
    own = written_by(rules)
    found = set()
    for rule in _all(rules):
        for node in ast.walk(rule.expr):
            if isinstance(node, ast.Selector) and not any(
                m.name == NAME and m.op == "=" and m.value in own for m in node.matchers
            ):
                found.add("{" + ",".join(f'{_name(m.name)}{m.op}"{_escaped(m.value)}"' for m in node.matchers) + "}")
    return sorted(found)


def _name(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else f'"{_escaped(name)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _all(rules: Sequence[RuleFile]) -> list[Rule]:
    return [rule for file in rules for group in file.groups for rule in group.rules]


def run(question: Backtest) -> Plain:
    """Return the backtest's document, ready for JSON. Raises BadFile where there are no samples, or too many series."""
    store, epoch_ms, last_ms = _filled(question.series)
    settings = Settings(offset_ms=epoch_ms, default_interval_ms=question.interval_ms, options=question.options)
    done = replay(question.rules, store, 0, last_ms, settings)
    firings = [_on_epoch(firing, epoch_ms) for firing in done.firings]
    caught = _matched(firings, question)
    return {
        "format": FORMAT,
        "data": _about(question.series),
        "rules": [_rule(rule, firings, caught, done.errors, question) for rule in _all(question.rules) if rule.alert],
        "firings": [_plain(firing, caught[number]) for number, firing in enumerate(firings)],
        "incidents": None if question.known is None else _incidents(question, firings, caught),
        "nab": _nab(question, firings) if question.known is not None and question.known.windows else None,
        "warnings": _warnings(question, done.errors),
    }


def _filled(series: Sequence[RecordedSeries]) -> tuple[SeriesStore, int, int]:
    """Return a store that counts from a whole minute before the first sample, that minute, and the last sample on its axis."""
    some = [one for one in series if len(one.times_ms)]
    if not some:
        raise bad("data", 1, 1, "there are no samples in it; expected at least one")
    first_ms = min(int(one.times_ms[0]) for one in some)
    last_ms = max(int(one.times_ms[-1]) for one in some)
    epoch_ms = first_ms - first_ms % MINUTE_MS
    store = SeriesStore(retention_ms=1 << 60)
    try:
        for one in some:
            store.append_series(one.labels, one.times_ms - epoch_ms, one.values, np.zeros(len(one.values), dtype=np.bool_))
    except SeriesLimit as error:
        raise bad("data", 1, 1, str(error)) from None
    return store, epoch_ms, last_ms - epoch_ms


def _on_epoch(firing: Firing, epoch_ms: int) -> Firing:
    ended = None if firing.ended_at_ms is None else firing.ended_at_ms + epoch_ms
    return Firing(
        firing.group, firing.rule, firing.fingerprint, firing.labels, firing.value, firing.active_at_ms + epoch_ms,
        firing.fired_at_ms + epoch_ms, ended,
    )  # fmt: skip


def _matched(firings: Sequence[Firing], question: Backtest) -> list[KnownIncident | None]:
    """Return for each firing the incident that it tells of: one that lasts when it fires, the latest to have begun."""
    incidents = question.known.incidents if question.known else ()
    found: list[KnownIncident | None] = []
    for firing in firings:
        during = [i for i in incidents if i.concerns(firing.labels) and _lasts(i, firing.fired_at_ms, question.lead_ms)]
        found.append(max(during, key=lambda i: i.start_ms, default=None))
    return found


def _lasts(incident: KnownIncident, at_ms: int, lead_ms: int) -> bool:
    return incident.start_ms - lead_ms <= at_ms and (incident.end_ms is None or at_ms <= incident.end_ms)


def _rule(
    rule: Rule, firings: Sequence[Firing], caught: Sequence[KnownIncident | None], errors: Mapping[str, str], question: Backtest
) -> Plain:
    mine = [number for number, firing in enumerate(firings) if firing.rule == rule.alert]
    days = _span_ms(question.series) / DAY_MS
    row: Plain = {
        "alert": rule.alert, "file": rule.file, "line": rule.line, "firings": len(mine),
        "firings_per_day": len(mine) / days if days else None, "error": errors.get(rule.alert),
    }  # fmt: skip
    if question.known is not None:
        hits = {c.incident_id for n in mine if (c := caught[n]) is not None}
        false = sum(caught[n] is None for n in mine)
        row |= {"caught": len(hits), "false": false, "repeats": len(mine) - false - len(hits)}
        row |= {"precision": (len(mine) - false) / len(mine) if mine else None}
    return row


def _incidents(question: Backtest, firings: Sequence[Firing], caught: Sequence[KnownIncident | None]) -> list[Plain]:
    """Return the incidents that the data cover, each with who caught it and how late."""
    assert question.known is not None
    first_ms, last_ms = _bounds(question.series)
    rows = []
    for incident in question.known.incidents:
        if incident.start_ms > last_ms or (incident.end_ms is not None and incident.end_ms < first_ms):
            continue
        if not any(incident.concerns(dict(one.labels)) for one in question.series):
            continue
        by = [n for n in range(len(firings)) if caught[n] is not None and caught[n] is incident]
        first = min(by, key=lambda n: firings[n].fired_at_ms, default=None)
        rows.append(
            {
                "id": incident.incident_id, "title": incident.title, "labels": dict(incident.labels),
                "start": _iso(incident.start_ms), "end": None if incident.end_ms is None else _iso(incident.end_ms),
                "caught_by": sorted({firings[n].rule for n in by}),
                "after_s": None if first is None else (firings[first].fired_at_ms - incident.start_ms) / 1_000,
            }
        )  # fmt: skip
    return rows


def _plain(firing: Firing, incident: KnownIncident | None) -> Plain:
    return {
        "alert": firing.rule, "group": firing.group, "labels": dict(firing.labels), "value": _finite(firing.value),
        "active_at": _iso(firing.active_at_ms), "fired_at": _iso(firing.fired_at_ms),
        "ended_at": None if firing.ended_at_ms is None else _iso(firing.ended_at_ms),
        "incident": incident.incident_id if incident else None,
    }  # fmt: skip


def _finite(value: float) -> float | str:
    return value if np.isfinite(value) else str(value)


def _nab(question: Backtest, firings: Sequence[Firing]) -> Plain:
    """Return the benchmark's scores: a detection is the row that was the newest when an alert began to fire."""
    assert question.known is not None
    rows = {dict(one.labels)[RECORDING]: one.times_ms for one in question.series if RECORDING in dict(one.labels)}
    found: Plain = {"profiles": {}, "recordings": {}}
    for profile in nab.PROFILES:
        tallies: dict[str, nab.Tally] = {}
        for name, times in rows.items():
            windows = _windows(times, [i for i in question.known.incidents if i.labels.get(RECORDING) == name])
            fired = np.array([f.fired_at_ms for f in firings if f.labels.get(RECORDING) == name], dtype=np.int64)
            detections = np.searchsorted(times, fired, side="right") - 1
            tallies[name] = nab.judge(len(times), detections[detections >= 0].tolist(), windows, profile)
        if any(tally.windows for tally in tallies.values()):
            found["profiles"][profile.name] = nab.normalised(tallies, profile)
        if profile is nab.PROFILES[0]:
            found["recordings"] = {
                name: {"score": t.score, "windows": t.windows, "caught": t.caught, "false": t.false}
                for name, t in tallies.items()
            }
    return found


def _windows(times: np.ndarray, incidents: Sequence[KnownIncident]) -> list[nab.Window]:
    found = []
    for incident in sorted(incidents, key=lambda i: i.start_ms):
        first = int(np.searchsorted(times, incident.start_ms))
        last = int(np.searchsorted(times, incident.end_ms or incident.start_ms, side="right")) - 1
        if first <= last:
            found.append(nab.Window(first, last))
    return found


# -- about the data


def _bounds(series: Sequence[RecordedSeries]) -> tuple[int, int]:
    some = [one.times_ms for one in series if len(one.times_ms)]
    return min(int(t[0]) for t in some), max(int(t[-1]) for t in some)


def _span_ms(series: Sequence[RecordedSeries]) -> int:
    first_ms, last_ms = _bounds(series)
    return last_ms - first_ms


def _about(series: Sequence[RecordedSeries]) -> Plain:
    first_ms, last_ms = _bounds(series)
    steps = [int(np.median(np.diff(one.times_ms))) for one in series if len(one.times_ms) > 1]
    gaps = [int(np.diff(one.times_ms).max()) for one in series if len(one.times_ms) > 1]
    return {
        "series": len(series), "samples": sum(len(one.times_ms) for one in series),
        "first": _iso(first_ms), "last": _iso(last_ms),
        "step_s": float(np.median(steps)) / 1_000 if steps else None, "longest_gap_s": max(gaps) / 1_000 if gaps else None,
    }  # fmt: skip


def _warnings(question: Backtest, errors: Mapping[str, str]) -> list[str]:
    said = [f"rule {name}: {error}" for name, error in errors.items()]
    names = {dict(one.labels)[NAME] for one in question.series}
    own = written_by(question.rules)
    for rule in _all(question.rules):
        read = {
            m.value
            for node in ast.walk(rule.expr)
            if isinstance(node, ast.Selector)
            for m in node.matchers
            if m.name == NAME and m.op == "="
        }
        missing = sorted(read - names - own)
        if missing:
            said.append(
                f"{rule.file}:{rule.line}: {rule.name} reads {', '.join(missing)}; the data have {', '.join(sorted(names))}"
            )
    lookback_ms = question.options.lookback_ms
    slow = [one for one in question.series if len(one.times_ms) > 1 and int(np.median(np.diff(one.times_ms))) > lookback_ms]
    if slow:
        said.append(
            f"{len(slow)} of {len(question.series)} series have steps longer than the lookback of {lookback_ms // 1_000} s:"
            " a plain selector sees gaps between their samples; use last_over_time(...) over a longer window, or --lookback"
        )
    return said


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat().replace("+00:00", "Z")
