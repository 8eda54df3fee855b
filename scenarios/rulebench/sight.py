"""What an alert can see: the places that its rules watch, by how many sensors, and how many decisions they made.

Lives here: from a rule over the rules that it reads to the series at the bottom. Must not know: truth, firings, figures.
An incident where no sensor of a rule looks is not missed by the rule but out of its sight. A decision is one evaluation for one
place: the published false alarm rates of incident detection are shares of decisions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ops_center.label_sets import NAME, Labels, Matcher, test_of, value_of
from ops_center.promql.ast import Expr, Selector, walk
from ops_center.rules.files import Rule, RuleFile
from ops_center.rules.replay import ALERT_METRICS
from ops_center.series import SeriesStore
from ops_center.series_writer import DOUBTED, INFO
from scenarios.claims import Claim

DEVICE = "device_id"
NOT_OF_SERIES = (NAME, "alertname", "alertstate")
Matchers = tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """`places` are the values of the label that says where, None where the series read have no such label."""

    places: frozenset[str] | None
    sensors: int
    decisions: int


class Reader:
    """Which series the rules of some files read in the end."""

    def __init__(self, files: Iterable[RuleFile], store: SeriesStore, static: Iterable[str]) -> None:
        self._store, self._static = store, frozenset((*static, INFO, DOUBTED))
        self._recorded: dict[str, list[Rule]] = {}
        self._alerts: dict[str, list[Rule]] = {}
        for rule in (rule for file in files for group in file.groups for rule in group.rules):
            known = self._alerts if rule.alert else self._recorded
            known.setdefault(rule.name, []).append(rule)

    def series(self, rule: Rule) -> list[Labels]:
        """Return the labels of the series that a rule reads, over rules that it reads; static ones only if there are no others.

        What a selector asks of a recorded series is asked of the series behind it too, where they have the label.
        """
        found = [(self._store.select(own), above) for own, above in dict.fromkeys(self._bottom(rule.expr, (), {id(rule)}))]
        moving = [one for one in found if one[0].metric is None or one[0].metric.name not in self._static]
        return [labels for chosen, above in moving or found for labels in _fitting(chosen.labels.sets, above)]

    def metrics(self, rule: Rule) -> set[str]:
        """Return the names of the metrics that a rule reads, over rules that it reads."""
        found = [self._store.select(own) for own, _ in dict.fromkeys(self._bottom(rule.expr, (), {id(rule)}))]
        return {value_of(labels, NAME) for one in found for labels in one.labels.sets}

    def _bottom(self, expr: Expr, above: Matchers, seen: set[int]) -> Iterator[tuple[Matchers, Matchers]]:
        for node in walk(expr):
            if not isinstance(node, Selector):
                continue
            behind = self._above(node)
            if behind is None:
                yield node.matchers, above
                continue
            asked = (*above, *(m for m in node.matchers if m.name not in NOT_OF_SERIES))
            for rule in behind:
                if id(rule) not in seen:
                    yield from self._bottom(rule.expr, asked, {*seen, id(rule)})

    def _above(self, selector: Selector) -> list[Rule] | None:
        """The rules that write what a selector reads; None where no rule does."""
        equal = {m.name: m.value for m in selector.matchers if m.op == "="}
        metric = selector.metric or equal.get(NAME, "")
        if metric in ALERT_METRICS:
            return self._alerts.get(equal.get("alertname", ""), [])
        return self._recorded.get(metric)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one rule reads: the values of the label that says where, and how many devices (series, where they name none)."""

    places: frozenset[str]
    sensors: int


def seen_by(
    files: Sequence[RuleFile], store: SeriesStore, static: Iterable[str], claims: Mapping[str, Claim]
) -> dict[str, list[tuple[tuple[str, str], Seen]]]:
    """Return for each alert what its rules read, each with the group (file, name) that it is in."""
    reader = Reader(files, store, static)
    found: dict[str, list[tuple[tuple[str, str], Seen]]] = {}
    for group in (group for file in files for group in file.groups):
        for rule in (rule for rule in group.rules if rule.alert):
            seen = _seen(reader.series(rule), claims.get(rule.alert))
            found.setdefault(rule.alert, []).append(((group.file, group.name), seen))
    return found


def sights(
    seen: Mapping[str, Sequence[tuple[tuple[str, str], Seen]]], evaluations: Mapping[tuple[str, str], int]
) -> dict[str, Sight]:
    """Return the sight of each alert by its name; `evaluations` says how often each group was evaluated."""
    found = {}
    for alert, rules in seen.items():
        places = frozenset().union(*(one.places for _, one in rules))
        known = places if all(one.places for _, one in rules) else None
        decisions = sum(evaluations[group] * max(len(one.places), 1) for group, one in rules)
        found[alert] = Sight(known, max(one.sensors for _, one in rules), decisions)
    return found


def _seen(series: Sequence[Labels], claim: Claim | None) -> Seen:
    devices = {value_of(labels, DEVICE) for labels in series} - {""}
    places = set() if claim is None else {value_of(labels, claim.label) for labels in series} - {""}
    return Seen(frozenset(places), len(devices) or len(series))


def _fitting(sets: Iterable[Labels], above: Matchers) -> Iterable[Labels]:
    """The label sets of which no matcher refuses a label that they have."""
    found = sets
    for matcher in above:
        test, name = test_of(matcher), matcher.name
        found = [labels for labels in found if not (value := value_of(labels, name)) or test(value)]
    return found
