"""How good a rule set is, over scenarios and seeds: one plain document out of the tallies of all runs.

Lives here: adding up, and the shape of the document (docs/reference/score-format.md). Must not know: how a run is simulated or
matched, how the document is shown. All figures are of the time after the warm-up, for one operator's position.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scenarios.claims import Claim
from scenarios.kind_titles import kind_title
from scenarios.rulebench.causes import title
from scenarios.rulebench.figures import LEVEL, RESAMPLES, Bootstrap, Quantile, Ratio, mean_s
from scenarios.rulebench.tally import RuleSet

Plain = dict[str, Any]
FORMAT = "cityops-score/1"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MOST_LISTED = 5_000
MATCHED = ("detection", "late", "repeat", "known")


class Sums:
    """The tallies of one rule set, counted per run."""

    def __init__(self, tallies: Sequence[Plain]) -> None:
        self.tallies = tallies
        self.spans = [tally["until_ms"] - tally["warm_up_ms"] for tally in tallies]
        self.bootstrap = Bootstrap([tally["scenario"] for tally in tallies])

    @property
    def alerts(self) -> list[str]:
        """The alerts of the rules, by name."""
        return sorted({alert for tally in self.tallies for alert in tally["alerts"]})

    @property
    def kinds(self) -> list[str]:
        """The kinds of truth that happened and that an alert claims."""
        return sorted({row["kind"] for tally in self.tallies for row in tally["incidents"]})

    def alarms(self, alert: str | None, *verdicts: str) -> list[int]:
        """How many alarms (of an alert, with some verdicts) came in each run."""
        return [
            sum(a["alert"] == (alert or a["alert"]) and (not verdicts or a["verdict"] in verdicts) for a in tally["alarms"])
            for tally in self.tallies
        ]

    def cases(self, alert: str) -> list[list[Plain]]:
        """The truth that an alert was asked for, run by run."""
        return [tally["alerts"].get(alert, {"cases": []})["cases"] for tally in self.tallies]

    def incidents(self, kind: str) -> list[list[Plain]]:
        """The truth of a kind as all alerts together met it, run by run."""
        return [[row for row in tally["incidents"] if row["kind"] == kind] for tally in self.tallies]

    def of_alert(self, alert: str, name: str) -> list[int]:
        """A count that each run keeps of an alert: sensors or decisions."""
        return [int(tally["alerts"].get(alert, {}).get(name, 0)) for tally in self.tallies]


# -- figures, each as what is above and below a line, so that two rule sets can be compared


def case_figures(cases: Sequence[Sequence[Plain]]) -> dict[str, Ratio | Quantile]:
    """Return the figures of how truth was met; `cases[i]` are those of run i.

    What the run's end left open, or no sensor could see, is neither detected nor missed.
    """
    detected = [[case for case in some if case["status"] == "detected"] for some in cases]
    asked = [sum(case["status"] in ("detected", "late", "missed") for case in some) for some in cases]
    found = [len(some) for some in detected]
    after = [[case["after_ms"] for case in some if case["after_ms"] is not None] for some in detected]
    return {
        "detection_rate": Ratio(found, asked),
        "mean_time_to_detect_s": mean_s(after),
        "p95_time_to_detect_s": Quantile(after, 0.95),
        "nuisance_rate": Ratio([sum(case["repeats"] for case in some) for some in detected], found),
        "false_normal_rate": Ratio([sum(case["early_ms"] > 0 for case in some) for some in detected], found),
        "overstayed_rate": Ratio([sum(case["overstayed"] for case in some) for some in detected], found),
    }


def alert_figures(sums: Sums, alert: str) -> dict[str, Ratio | Quantile]:
    """Return the figures of one alert."""
    false = sums.alarms(alert, "false")
    days = [sensors * span for sensors, span in zip(sums.of_alert(alert, "sensors"), sums.spans, strict=True)]
    matched = sums.alarms(alert, *MATCHED)
    return {
        **case_figures(sums.cases(alert)),
        "false_alarms_per_operator_hour": Ratio(false, sums.spans, HOUR_MS),
        "false_alarms_per_sensor_day": Ratio(false, days, DAY_MS),
        "false_alarm_rate": Ratio(false, sums.of_alert(alert, "decisions")),
        "precision": Ratio(matched, [a + b for a, b in zip(matched, false, strict=True)]),
    }


def overall_figures(sums: Sums) -> dict[str, Ratio | Quantile]:
    """Return the figures of the whole rule set."""
    false, matched = sums.alarms(None, "false"), sums.alarms(None, *MATCHED)
    rows = [tally["incidents"] for tally in sums.tallies]
    return {
        **case_figures(rows),
        "alarms_per_operator_hour": Ratio(sums.alarms(None), sums.spans, HOUR_MS),
        "false_alarms_per_operator_hour": Ratio(false, sums.spans, HOUR_MS),
        "precision": Ratio(matched, [a + b for a, b in zip(matched, false, strict=True)]),
        "flood_share": Ratio([tally["flood_ms"] for tally in sums.tallies], sums.spans),
    }


# -- the document


def document(tallies: Sequence[Plain], rules: RuleSet) -> Plain:
    """Return the score of a rule set from the tallies of its runs, ready for JSON."""
    sums = Sums(tallies)
    return {
        "format": FORMAT,
        "rules": [name for name, _ in rules.files],
        "semantics": rules.semantics,
        "runs": [_run(tally) for tally in tallies],
        "operator_hours": sum(sums.spans) / HOUR_MS,
        "interval": {"level": LEVEL, "method": "percentile bootstrap over runs", "resamples": RESAMPLES},
        "overall": {**_counts([row for tally in tallies for row in tally["incidents"]]), "alarms": sum(sums.alarms(None)),
                    "false_alarms": sum(sums.alarms(None, "false")),
                    "peak_10_min": max((tally["peak_10_min"] for tally in tallies), default=0),
                    "figures": _figures(sums, overall_figures(sums))},
        "by_alert": [_alert(sums, alert, rules.claims.get(alert)) for alert in sums.alerts],
        "by_kind": [_kind(sums, kind, rules.claims) for kind in sums.kinds],
        "causes": _causes(tallies),
        "false_alarms": _false_alarms(tallies)[:MOST_LISTED],
        "incidents": _incidents(tallies)[:MOST_LISTED],
        "left_out": {"false_alarms": max(len(_false_alarms(tallies)) - MOST_LISTED, 0),
                     "incidents": max(len(_incidents(tallies)) - MOST_LISTED, 0)},
        "without_claim": [alert for alert in sums.alerts if alert not in rules.claims],
        "errors": _errors(tallies),
    }  # fmt: skip


def _run(tally: Plain) -> Plain:
    keys = ("scenario", "seed", "noise_seed", "city", "epoch_ms", "warm_up_ms", "until_ms", "flood_ms", "peak_10_min")
    return {key: tally[key] for key in keys} | {"alarms": len(tally["alarms"]), "incidents": len(tally["incidents"])}


def _figures(sums: Sums, figures: Mapping[str, Ratio | Quantile]) -> Plain:
    return {name: sums.bootstrap.figure(what) for name, what in figures.items()}


def _counts(cases: Iterable[Plain]) -> Plain:
    counted = Counter(case["status"] for case in cases)
    return {"events": counted.total(), **{s: counted[s] for s in ("detected", "late", "missed", "open", "out_of_sight")}}


def _alert(sums: Sums, alert: str, claim: Claim | None) -> Plain:
    cases = [case for some in sums.cases(alert) for case in some]
    alarms = [a for tally in sums.tallies for a in tally["alarms"] if a["alert"] == alert]
    figures = alert_figures(sums, alert) if claim else {
        "alarms_per_operator_hour": Ratio(sums.alarms(alert), sums.spans, HOUR_MS)
    }  # fmt: skip
    return {
        "alert": alert,
        "groups": sorted({a["group"] for a in alarms}),
        "claim": None if claim is None else asdict(claim) | {"only": dict(claim.only)},
        **_counts(cases),
        "alarms": len(alarms),
        "verdicts": dict(sorted(Counter(a["verdict"] for a in alarms).items())),
        "sensors": max(sums.of_alert(alert, "sensors"), default=0),
        "decisions": sum(sums.of_alert(alert, "decisions")),
        "causes": dict(Counter(a["cause"]["cause"] for a in alarms if a["cause"]).most_common()),
        "figures": _figures(sums, figures),
    }


def _kind(sums: Sums, kind: str, claims: Mapping[str, Claim]) -> Plain:
    rows = sums.incidents(kind)
    return {
        "kind": kind,
        "title": kind_title(kind),
        "alerts": sorted(alert for alert in sums.alerts if alert in claims and kind in claims[alert].truth),
        **_counts(row for some in rows for row in some),
        "figures": _figures(sums, case_figures(rows)),
    }


def _causes(tallies: Sequence[Plain]) -> list[Plain]:
    """How many false alarms each cause made, most first."""
    counted = Counter(a["cause"]["cause"] for tally in tallies for a in tally["alarms"] if a["cause"])
    return [{"cause": key, "title": title(key), "count": n} for key, n in sorted(counted.items(), key=lambda p: (-p[1], p[0]))]


def _false_alarms(tallies: Sequence[Plain]) -> list[Plain]:
    keys = ("alert", "labels", "value", "fired_ms", "ended_ms", "cause")
    alarms = [(t, a) for t in tallies for a in t["alarms"] if a["verdict"] == "false"]
    return [{"scenario": t["scenario"], "seed": t["seed"], **{key: a[key] for key in keys}} for t, a in alarms]


def _incidents(tallies: Sequence[Plain]) -> list[Plain]:
    return [{"scenario": t["scenario"], "seed": t["seed"], **row} for t in tallies for row in t["incidents"]]


def _errors(tallies: Sequence[Plain]) -> dict[str, str]:
    return {rule: text for tally in tallies for rule, text in tally["errors"].items()}


def notes(document: Plain) -> list[str]:
    """Return what whoever reads a score should know first, a line each: what could not be scored, and why."""
    found = [f"rule {rule} failed: {text}" for rule, text in document["errors"].items()]
    silent = document["without_claim"]
    if silent:
        named = ", ".join(silent[:5]) + (f" and {len(silent) - 5} more" if len(silent) > 5 else "")
        found.append(f"no claim: {named}; scored for load only, until a sidecar says what they claim")
    if not document["overall"]["events"] and len(silent) < len(document["by_alert"]):
        names = ", ".join(dict.fromkeys(run["scenario"] for run in document["runs"]))
        found.append(f"nothing that an alert claims happens in {names}: detection cannot be scored, false alarms can")
    return found


def names_of(paths: Iterable[Path]) -> dict[Path, str]:
    """Return how files are named in a score: by their names, by their paths where names are alike."""
    listed = list(paths)
    names = Counter(path.name for path in listed)
    return {path: path.name if names[path.name] == 1 else str(path) for path in listed}
