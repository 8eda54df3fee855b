"""A run as lines that people can review: what happened, what the center made of it, what was expected.

Lives here: the text of a transcript. Must not know: how a run goes. A transcript lies beside each library scenario and is kept
under test; consequences of one cause are counted, not listed, so that a reader sees the story.
"""

from collections import Counter
from typing import Any

from scenarios.units import say_duration, say_t

Plain = dict[str, Any]
NUISANCE = "nuisance"


def transcript(document: Plain, digest: dict[str, str] | None = None) -> str:
    """Return the transcript of a debrief document; digests are left out unless given."""
    warm_ms = document["warm_up_ms"]
    lines = [f"{document['scenario']}: {document['title']['en']} / {document['title']['vi']}"]
    lasted = say_duration(max(document["duration_ms"] - warm_ms, 0))  # a run may end within its warm-up
    lines.append(f"{document['city']}, {lasted} after a warm-up of {say_duration(warm_ms)} from {document['start_at']}")
    happened = [row for row in document["truth"] if not row["cause_id"] and row["start_ms"] >= warm_ms]
    truth = [row for row in happened if row["kind"] != NUISANCE or row["detected_ms"] is not None]
    unseen = len(happened) - len(truth)
    rows = [(row["start_ms"], 0, _truth(row)) for row in truth]
    rows += [(row["end_ms"], 1, f"truth    over: {_what(row)}") for row in truth if row["end_ms"] is not None]
    rows += [(phase["at_ms"], -1, f"phase    {phase['id']}") for phase in document["phases"]]
    rows += [row for incident in document["incidents"] for row in _incident(incident)]
    rows += [row for command in document["commands"] for row in _command(command)]
    lines += [f"{say_t(at_ms - warm_ms)} {text}" for at_ms, _, text in sorted(rows)]
    lines += [f"harmless causes that nobody took for something else: {unseen}"]
    lines += ["consequences: " + (_counted(Counter(r["kind"] for r in document["truth"] if r["cause_id"])) or "none")]
    lines += ["alerts: " + (_counted(Counter(document["alarms"]["by_name"])) or "none")]
    lines += [f"unexplained alerts: {len(document['unexplained_alerts'])}"]
    lines += [_expectation(e) for e in document["expectations"]]
    if digest:
        lines += [f"digest {name}: {value}" for name, value in sorted(digest.items())]
    return "\n".join(lines) + "\n"


def _truth(row: Plain) -> str:
    title = f" ({row['title']['en']})" if row["title"] else ""
    seen = f"; {row['detected_by']} after {say_duration(row['detected_after_ms'])}" if row["detected_ms"] is not None else ""
    return f"truth    {_what(row)}{title}{seen}"


def _what(row: Plain) -> str:
    return f"{row['kind']} at {row['place']['id']}"


def _incident(incident: Plain) -> list[tuple[int, int, str]]:
    name = incident["incident_id"]
    rows = [(incident["opened_ms"], 2, f"incident {name} {incident['severity']}: {incident['title']['en']}")]
    words = ("acknowledged", "resolved", "closed")
    return rows + [(incident[f"{w}_ms"], 3, f"incident {name} {w}") for w in words if incident[f"{w}_ms"] is not None]


def _command(command: Plain) -> list[tuple[int, int, str]]:
    what = f"command  {command['type']} {command['target'].get('id', '')}"
    rows = [(command["requested_ms"], 4, f"{what} requested")]
    if command["done_ms"] is not None:
        rows.append((command["done_ms"], 5, f"{what} {command['state']} {command['reason']}".rstrip()))
    return rows


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _expectation(e: Plain) -> str:
    word = {True: "met", False: "not met", None: "open"}[e["met"]]
    after = f" after {say_duration(e['after_ms'])}" if e["after_ms"] is not None else ""
    within = f" (within {say_duration(e['within_ms'])})" if e["within_ms"] is not None else ""
    word = word if e["applies"] else "does not apply"
    return f"expected {e['id']}: {word}{after}{within}; {e['detail']['en']}"
