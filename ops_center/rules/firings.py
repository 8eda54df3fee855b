"""What a replay finds: firings of alerts; knows neither engine nor store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ops_center.rules.alerting import Change


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


def in_order(firings: Iterable[Firing]) -> list[Firing]:
    """Firings in the order in which they began; those of one instant by group, rule and fingerprint."""
    return sorted(firings, key=lambda f: (f.fired_at_ms, f.group, f.rule, f.fingerprint))


def firings_of(changes: Iterable[Change]) -> list[Firing]:
    """The firings that changes of conditions tell of, in order."""
    begun: dict[tuple[str, str, str], int] = {}
    found: list[Firing] = []
    for change in changes:
        key = (change.group, change.rule, change.fingerprint)
        if change.after == "firing" and key not in begun:
            begun[key] = len(found)
            found.append(_firing(change))
        elif change.after == "inactive" and key in begun:
            number = begun.pop(key)
            found[number] = replace(found[number], ended_at_ms=change.at_ms)
    return in_order(found)


def _firing(change: Change) -> Firing:
    return Firing(
        change.group, change.rule, change.fingerprint, dict(change.labels), change.value, change.active_at_ms, change.at_ms, None
    )
