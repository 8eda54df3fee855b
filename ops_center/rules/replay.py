"""Rules over series that are there already: which alerts they would have raised, as if they had been running all the time.

Lives here: going through the instants one by one, or leaving that to `together`. Must not know: where the series come from,
what is true. Each evaluation sees what was received by its instant, and the series that the rules themselves have written
before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops_center.rules.alerting import Change
from ops_center.rules.files import RuleFile
from ops_center.rules.firings import Firing, Replayed, firings_of
from ops_center.rules.group import PLAIN, RuleEngine, Settings
from ops_center.rules.together import ALERT_METRICS, replay_together
from ops_center.series import SeriesStore

__all__ = ["ALERT_METRICS", "Firing", "Replayed", "firings_of", "replay", "replay_stepwise", "written_by"]


def written_by(files: Iterable[RuleFile]) -> set[str]:
    """The metrics that rules write: what they record, and ALERTS."""
    return {rule.record for file in files for group in file.groups for rule in group.rules if rule.record} | set(ALERT_METRICS)


def replay(files: Sequence[RuleFile], store: SeriesStore, first_ms: int, last_ms: int, settings: Settings = PLAIN) -> Replayed:
    """Evaluate rules at each of their instants in [first, last] of the store's axis; the store stays as it is.

    Many instants of a rule are evaluated at once where they can; the result is that of `replay_stepwise`.
    """
    beside = store.beside(written_by(files))
    done = replay_together(files, beside, first_ms, last_ms, settings)
    store.learn(beside)
    return done


def replay_stepwise(
    files: Sequence[RuleFile], store: SeriesStore, first_ms: int, last_ms: int, settings: Settings = PLAIN
) -> Replayed:
    """The same, one instant after the other, as rules run live."""
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
