"""What a sweep found, as one plain document: every configuration, the best of them, and the rule file that is proposed.

Lives here: figures out of counts, the Pareto front, curves, the choice within a budget (docs/reference/sweep-format.md). Must
not know: how runs are replayed. Recall is the detection rate of `score`; alarms are those of the swept alert alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from scenarios.claims import Claim
from scenarios.rulebench.dials import FOR, THRESHOLD, WINDOW, Panel, configurations, label_of, place_of
from scenarios.rulebench.figures import LEVEL, RESAMPLES, Bootstrap, Ratio
from scenarios.rulebench.rule_edit import diff_of
from scenarios.rulebench.sweep import STATUSES, added

Plain = dict[str, Any]
FORMAT = "cityops-sweep/1"
HOUR_MS = 3_600_000
MOST_LISTED = 20_000
Numbers = np.ndarray


def document(
    runs: Sequence[Plain], panel: Panel, values: Mapping[str, list[float]], rule: Plain, claim: Claim, budget: float
) -> Plain:
    """The document of a sweep, from the counts of its runs; `rule` says which rule it is of, `budget` in alarms an hour."""
    settings = configurations(panel, values)
    counts = added(runs)
    hours = sum(run["until_ms"] - run["warm_up_ms"] for run in runs) / HOUR_MS
    figures = _figures(counts, hours, sum(run["decisions"] for run in runs))
    current = settings.index(tuple(dial.now for dial in panel.dials))
    table = np.array(settings)
    order = _by_worth(figures, table, current)
    front = pareto(figures["recall"], figures["alarms_per_operator_hour"], np.argsort(order))
    best = _within(order, figures, budget)
    listed = _listed(len(settings), order, {current, *front, *([] if best is None else [best])})
    return {
        "format": FORMAT,
        "rule": rule,
        "claim": asdict(claim) | {"only": dict(claim.only)},
        "dials": [
            {"name": d.name, "kind": d.kind, "text": d.text, "at": place_of(rule["expr"], d) if d.spans else None,
             "unit": None if d.kind == THRESHOLD else "ms", "now": d.now, "values": list(values[d.name])}
            for d in panel.dials
        ],
        "runs": [{key: run[key] for key in ("scenario", "seed", "noise_seed", "city", "warm_up_ms", "until_ms")} for run in runs],
        "operator_hours": hours,
        "interval": {"level": LEVEL, "method": "percentile bootstrap over runs", "resamples": RESAMPLES},
        "configurations": [_configuration(n, panel, settings, counts, figures, n in front) for n in listed],
        "left_out": len(settings) - len(listed),
        "current": current,
        "pareto": front,
        "roc": curves(panel, settings, figures, set(listed)),
        "intervals": _intervals(runs, counts, [current, *front[:50], *([] if best is None else [best])]),
        "budget": {
            "alarms_per_operator_hour": budget,
            "current_within": bool(figures["alarms_per_operator_hour"][current] <= budget),
            "best": best,
            "by_dial": _by_dial(panel, values, table, order, figures, budget),
        },
        "proposal": None,
    }  # fmt: skip


def _figures(counts: Mapping[str, Numbers], hours: float, decisions: int) -> dict[str, Numbers]:
    total = {name: array.sum(axis=0) for name, array in counts.items()}
    asked = total["detected"] + total["late"] + total["missed"]
    with np.errstate(all="ignore"):
        return {
            "recall": total["detected"] / asked,
            "alarms_per_operator_hour": total["alarms"] / hours,
            "false_alarms_per_operator_hour": total["false"] / hours,
            "false_alarm_rate": total["false"] / decisions,
            "mean_time_to_detect_s": total["after_ms"] / total["timed"] / 1000,
            "nuisance_rate": total["repeats"] / total["detected"],
        }


def pareto(recall: Numbers, load: Numbers, rank: Numbers) -> list[int]:
    """The configurations that no other beats in recall at no more alarms, nor in alarms at no less recall; by alarms.

    Of equal ones that of the least rank stands for all.
    """
    front: list[int] = []
    best = -1.0
    for number in np.lexsort((rank, -np.nan_to_num(recall, nan=-1.0), load)).tolist():
        if recall[number] > best:
            front.append(number)
            best = float(recall[number])
    return front


def _by_worth(figures: Mapping[str, Numbers], table: Numbers, current: int) -> Numbers:
    """All configurations, the best first: by recall, then few alarms, then early, then little changed."""
    now = table[current]
    changed = (table != now).sum(axis=1)
    with np.errstate(all="ignore"):
        far = np.abs(np.log((table + 1e-9) / (now + 1e-9)))
    distance = np.nan_to_num(far, nan=99.0, posinf=99.0).sum(axis=1)
    late = np.nan_to_num(figures["mean_time_to_detect_s"], nan=np.inf)
    recall = -np.nan_to_num(figures["recall"], nan=-1.0)
    return np.lexsort((distance, changed, late, figures["alarms_per_operator_hour"], recall))


def _within(order: Numbers, figures: Mapping[str, Numbers], budget: float) -> int | None:
    """The best configuration that raises no more than the budget."""
    fitting = order[figures["alarms_per_operator_hour"][order] <= budget]
    return int(fitting[0]) if len(fitting) else None


def _listed(count: int, order: Numbers, always: set[int]) -> list[int]:
    if count <= MOST_LISTED:
        return list(range(count))
    return sorted({*always, *order[:MOST_LISTED].tolist()})


def _by_dial(
    panel: Panel, values: Mapping[str, list[float]], table: Numbers, order: Numbers, figures: Mapping[str, Numbers], budget: float
) -> list[Plain]:
    """For each value of each dial that was turned, the best that the other dials make of the same budget."""
    rows = []
    for column, dial in enumerate(panel.dials):
        for value in values[dial.name] if len(values[dial.name]) > 1 else ():
            best = _within(order[table[order, column] == value], figures, budget)
            rows.append({"dial": dial.name, "value": value, "shown": dial.shown(value), "best": best})
    return rows


def _configuration(
    number: int, panel: Panel, settings: Sequence[Sequence[float]], counts: Mapping[str, Numbers],
    figures: Mapping[str, Numbers], best: bool,
) -> Plain:  # fmt: skip
    total = {name: int(counts[name][:, number].sum()) for name in ("alarms", "false", *STATUSES)}
    return {
        "number": number,
        "label": label_of(panel, settings[number]),
        "values": list(settings[number]),
        **{name: _plain(array[number]) for name, array in figures.items()},
        **total,
        "pareto": best,
    }


def _plain(value: Any) -> float | None:
    """Six significant digits; None where there is nothing to say."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


def curves(panel: Panel, settings: Sequence[Sequence[float]], figures: Mapping[str, Numbers], listed: set[int]) -> list[Plain]:
    """Recall against false alarms an operator-hour as a threshold moves, a curve for each setting of the other dials.

    Without a threshold that was turned, as `for` moves.
    """
    table = np.array(settings)
    moving = [i for i, d in enumerate(panel.dials) if d.kind == THRESHOLD and len(set(table[:, i])) > 1]
    along = moving[0] if moving else next(i for i, d in enumerate(panel.dials) if d.kind == FOR)
    groups: dict[tuple[float, ...], list[int]] = {}
    for number, one in enumerate(settings):
        if number in listed:
            groups.setdefault(tuple(v for i, v in enumerate(one) if i != along), []).append(number)
    others = [dial for i, dial in enumerate(panel.dials) if i != along]
    found = []
    for key, numbers in groups.items():
        numbers.sort(key=lambda n: settings[n][along])
        said = [f"[{d.shown(v)}]" if d.kind == WINDOW else f"{d.name} {d.shown(v)}" for d, v in zip(others, key, strict=True)]
        points = [[_plain(figures["false_alarms_per_operator_hour"][n]), _plain(figures["recall"][n])] for n in numbers]
        found.append({"along": panel.dials[along].name, "label": ", ".join(said), "configurations": numbers, "points": points})
    return found


def _intervals(runs: Sequence[Plain], counts: Mapping[str, Numbers], numbers: Sequence[int]) -> dict[str, Plain]:
    """Recall, alarms and time to detect of some configurations with the intervals that chance leaves them."""
    bootstrap = Bootstrap([run["scenario"] for run in runs])
    spans = [run["until_ms"] - run["warm_up_ms"] for run in runs]
    found = {}
    for number in dict.fromkeys(numbers):
        one = {name: array[:, number].tolist() for name, array in counts.items()}
        asked = [a + b + c for a, b, c in zip(one["detected"], one["late"], one["missed"], strict=True)]
        found[str(number)] = {
            "recall": bootstrap.figure(Ratio(one["detected"], asked)),
            "alarms_per_operator_hour": bootstrap.figure(Ratio(one["alarms"], spans, HOUR_MS)),
            "false_alarms_per_operator_hour": bootstrap.figure(Ratio(one["false"], spans, HOUR_MS)),
            "mean_time_to_detect_s": bootstrap.figure(Ratio(one["after_ms"], one["timed"], 0.001)),
        }
    return found


def proposed(found: Plain, before: str, after: str | None, path: str, problem: str | None = None) -> Plain:
    """The document with the proposal: the best configuration within the budget, where it is not the one in the file.

    `after` is the file's text with it, None where there is none, and `problem` says why.
    """
    best, current = found["budget"]["best"], found["current"]
    if best is None or best == current:
        return found
    by_number = {row["number"]: row for row in found["configurations"]}
    diff = "" if after is None else diff_of(before, after, path)
    return found | {
        "proposal": {"configuration": best, "label": by_number[best]["label"], "file": path, "diff": diff, "problem": problem}
    }
