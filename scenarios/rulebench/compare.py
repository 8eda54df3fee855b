"""Two rule sets on the same runs: what each caught, what changed, incident by incident and alarm by alarm.

Lives here: laying two rule sets' tallies side by side, and the shape of the document (docs/reference/score-format.md). Must not
know: how a run is simulated or matched. Both see the same recordings, groups of one name at the same phases: what differs comes
of the rules.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scenarios.kind_titles import kind_title
from scenarios.rulebench.figures import LEVEL, RESAMPLES, Quantile, Ratio
from scenarios.rulebench.score import HOUR_MS, MOST_LISTED, Sums, alert_figures, case_figures, overall_figures
from scenarios.rulebench.tally import RuleSet

Plain = dict[str, Any]
Key = tuple[str, int, str]
FORMAT = "cityops-compare/1"
SAME_MS = 5 * 60_000  # false alarms of one alert and place within this time are the same one
SIDES = ("a", "b")


def document(tallies: Sequence[Sequence[Plain]], rules: tuple[RuleSet, RuleSet]) -> Plain:
    """Return the comparison from the tallies of each run, those of `rules[0]` (a) and of `rules[1]` (b); ready for JSON."""
    a, b = (Sums([both[side] for both in tallies]) for side in range(2))
    changes = list(_changes(a, b))
    false = _false_alarms(a, b)
    return {
        "format": FORMAT,
        "a": {"rules": [name for name, _ in rules[0].files], "semantics": rules[0].semantics},
        "b": {"rules": [name for name, _ in rules[1].files], "semantics": rules[1].semantics},
        "runs": [{key: tally[key] for key in ("scenario", "seed", "city", "warm_up_ms", "until_ms")} for tally in a.tallies],
        "operator_hours": sum(a.spans) / HOUR_MS,
        "interval": {"level": LEVEL, "method": "percentile bootstrap over runs, paired", "resamples": RESAMPLES},
        "overall": _figures(a, overall_figures(a), overall_figures(b)),
        "by_kind": [_kind(kind, a, b, changes) for kind in sorted({*a.kinds, *b.kinds})],
        "by_alert": [_alert(alert, a, b, rules) for alert in sorted({*a.alerts, *b.alerts})],
        "changes": dict(sorted(Counter(row["change"] for row in changes).items())),
        "incidents": [row for row in changes if row["change"] != "same"][:MOST_LISTED],
        "false_alarms": {"both": false["both"], **{side: false[side][:MOST_LISTED] for side in SIDES},
                         "only": {side: len(false[side]) for side in SIDES}},
    }  # fmt: skip


def _figures(sums: Sums, a: Mapping[str, Ratio | Quantile], b: Mapping[str, Ratio | Quantile]) -> Plain:
    """Return each figure of both, and the difference b - a on the same resamples."""
    boot = sums.bootstrap
    return {
        name: {"a": boot.figure(a[name]), "b": boot.figure(b[name]), "difference": boot.difference(a[name], b[name])}
        for name in a
    }


# -- incidents


def _changes(a: Sums, b: Sums) -> Iterator[Plain]:
    """Each incident that either claims, and how it was met before and after."""
    mine, theirs = _incidents(a), _incidents(b)
    for key in sorted({*mine, *theirs}, key=lambda key: (key[0], key[1], _number(key[2]))):
        before, after = mine.get(key), theirs.get(key)
        one = before or after or {}
        row = {name: one[name] for name in ("kind", "place", "name", "start_ms", "end_ms", "inject", "title")}
        yield {
            "scenario": key[0], "seed": key[1], "event_id": key[2], **row, "a": _met(before), "b": _met(after),
            "change": _change(before, after),
        }  # fmt: skip


def _incidents(sums: Sums) -> dict[Key, Plain]:
    return {(t["scenario"], t["seed"], row["event_id"]): row for t in sums.tallies for row in t["incidents"]}


def _number(event_id: str) -> int:
    return int(event_id.rsplit("-", 1)[-1])


def _met(row: Plain | None) -> Plain | None:
    return None if row is None else {name: row[name] for name in ("status", "after_ms", "repeats", "early_ms", "by")}


def _change(before: Plain | None, after: Plain | None) -> str:
    """gained, lost, earlier, later, fewer_repeats, more_repeats or same; claimed by one of both only counts as not detected."""
    caught = [row is not None and row["status"] == "detected" for row in (before, after)]
    if caught[0] != caught[1]:
        return "gained" if caught[1] else "lost"
    if before is None or after is None or not caught[0]:
        return "same"
    first, second = before["after_ms"], after["after_ms"]
    if first is not None and second is not None and first != second:
        return "earlier" if second < first else "later"
    if before["repeats"] != after["repeats"]:
        return "fewer_repeats" if after["repeats"] < before["repeats"] else "more_repeats"
    return "same"


# -- rows


def _kind(kind: str, a: Sums, b: Sums, changes: Sequence[Plain]) -> Plain:
    rows = [row for row in changes if row["kind"] == kind]
    caught = Counter(tuple(row[side] is not None and row[side]["status"] == "detected" for side in SIDES) for row in rows)
    return {
        "kind": kind,
        "title": kind_title(kind),
        "events": len(rows),
        "both": caught[True, True], "only_a": caught[True, False], "only_b": caught[False, True], "neither": caught[False, False],
        "figures": _figures(a, case_figures(a.incidents(kind)), case_figures(b.incidents(kind))),
    }  # fmt: skip


def _alert(alert: str, a: Sums, b: Sums, rules: tuple[RuleSet, RuleSet]) -> Plain:
    there = [alert in sums.alerts for sums in (a, b)]
    alarms = [sum(sums.alarms(alert)) for sums in (a, b)]
    claimed = all(alert in one.claims for one in rules)
    return {
        "alert": alert,
        "there": "both" if all(there) else "a" if there[0] else "b",
        "alarms": dict(zip(SIDES, alarms, strict=True)),
        "false_alarms": {side: sum(sums.alarms(alert, "false")) for side, sums in zip(SIDES, (a, b), strict=True)},
        "same": all(there) and _raised(a, alert) == _raised(b, alert),
        "figures": _figures(a, alert_figures(a, alert), alert_figures(b, alert)) if claimed and all(there) else {},
    }


def _raised(sums: Sums, alert: str) -> list[list[Plain]]:
    """The alarms of an alert, run by run, without their values."""
    keys = ("labels", "fired_ms", "ended_ms")
    return [[{k: row[k] for k in keys} for row in tally["alarms"] if row["alert"] == alert] for tally in sums.tallies]


# -- false alarms


def _false_alarms(a: Sums, b: Sums) -> Plain:
    """Return the false alarms that only one of both raised, and how many both did."""
    both, only_a, only_b = 0, list[Plain](), list[Plain]()
    for mine, theirs in zip(a.tallies, b.tallies, strict=True):
        left = _false(theirs)
        for one in _false(mine):
            same = next((other for other in left if _alike(one, other)), None)
            if same is None:
                only_a.append(one)
            else:
                left.remove(same)
                both += 1
        only_b += left
    return {"both": both, "a": only_a, "b": only_b}


def _false(tally: Plain) -> list[Plain]:
    keys = ("alert", "labels", "fired_ms", "ended_ms", "cause")
    where = {"scenario": tally["scenario"], "seed": tally["seed"]}
    return [where | {key: row[key] for key in keys} for row in tally["alarms"] if row["verdict"] == "false"]


def _alike(one: Plain, other: Plain) -> bool:
    same = one["alert"] == other["alert"] and one["labels"] == other["labels"]
    return bool(same and abs(one["fired_ms"] - other["fired_ms"]) <= SAME_MS)
