"""Rules over series that are there already: which alerts they would have raised, as if they had been running all the time.

Lives here: going through the instants, and firings out of changes. Must not know: where the series come from, what is true.
Each evaluation sees what was received by its instant, and the series that the rules themselves have written before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops_center.rules.alerting import Change
from ops_center.rules.files import RuleFile
from ops_center.rules.group import PLAIN, RuleEngine, Settings
from ops_center.series import SeriesStore

ALERT_METRICS = ("ALERTS", "ALERTS_FOR_STATE")


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert from when it became true to when it was resolved. Instants are ms on the store's axis.

    `labels` have alertname; `ended_at_ms` is None for what was firing at the end.
    """

    group: str
    rule: str
    fingerprint: str
    labels: dict[str, str]
    value: float
    active_at_ms: int
    fired_at_ms: int
    ended_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What rules made of recorded series: firings in order, how often rules were evaluated, and what failed (rule → error)."""

    firings: tuple[Firing, ...]
    evaluations: int
    errors: dict[str, str]


def written_by(files: Iterable[RuleFile]) -> set[str]:
    """The metrics that rules write: what they record, and ALERTS."""
    return {rule.record for file in files for group in file.groups for rule in group.rules if rule.record} | set(ALERT_METRICS)


def replay(files: Sequence[RuleFile], store: SeriesStore, first_ms: int, last_ms: int, settings: Settings = PLAIN) -> Replayed:
    """Evaluate rules at each of their instants in [first, last] of the store's axis; the store stays as it is."""
    engine = RuleEngine(store.beside(written_by(files)), settings)
    engine.load(files, first_ms)
    changes: list[Change] = []
    evaluations, errors = 0, {}
    at_ms = engine.next_evaluation_ms(first_ms - 1)
    while at_ms is not None and at_ms <= last_ms:
        changes += engine.evaluate(at_ms)
        for rule in (rule for group in engine.groups for rule in group.rules if rule.last_evaluation_ms == at_ms):
            evaluations += 1
            if rule.health == "err":
                errors[rule.rule.name] = rule.last_error
        at_ms = engine.next_evaluation_ms(at_ms)
    return Replayed(tuple(firings_of(changes)), evaluations, errors)


def firings_of(changes: Iterable[Change]) -> list[Firing]:
    """The firings that changes of conditions tell of, in the order in which they began."""
    begun: dict[tuple[str, str, str], int] = {}
    found: list[Firing] = []
    for change in changes:
        key = (change.group, change.rule, change.fingerprint)
        if change.after == "firing" and key not in begun:
            begun[key] = len(found)
            found.append(_firing(change, None))
        elif change.after == "inactive" and key in begun:
            number = begun.pop(key)
            first = found[number]
            found[number] = Firing(
                first.group, first.rule, first.fingerprint, first.labels, first.value, first.active_at_ms, first.fired_at_ms,
                change.at_ms,
            )  # fmt: skip
    return found


def _firing(change: Change, ended_at_ms: int | None) -> Firing:
    return Firing(
        change.group, change.rule, change.fingerprint, dict(change.labels), change.value, change.active_at_ms, change.at_ms,
        ended_at_ms,
    )  # fmt: skip
