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
from ops_center.series_writer import INFO
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
        self._store, self._static = store, frozenset((*static, INFO))
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


def sights(
    files: Sequence[RuleFile],
    store: SeriesStore,
    static: Iterable[str],
    claims: Mapping[str, Claim],
    evaluations: Mapping[tuple[str, str], int],
) -> dict[str, Sight]:
    """Return the sight of each alert by its name; `evaluations` says how often each group (file, name) was evaluated."""
    reader = Reader(files, store, static)
    found: dict[str, Sight] = {}
    for group in (group for file in files for group in file.groups):
        for rule in (rule for rule in group.rules if rule.alert):
            one = _sight(reader.series(rule), claims.get(rule.alert), evaluations[group.file, group.name])
            found[rule.alert] = _both(found[rule.alert], one) if rule.alert in found else one
    return found


def _fitting(sets: Iterable[Labels], above: Matchers) -> Iterator[Labels]:
    tests = [(m.name, test_of(m)) for m in above]
    for labels in sets:
        values = [(value_of(labels, name), test) for name, test in tests]
        if all(not value or test(value) for value, test in values):
            yield labels


def _sight(series: Sequence[Labels], claim: Claim | None, evaluations: int) -> Sight:
    devices = {value_of(labels, DEVICE) for labels in series} - {""}
    places = set() if claim is None else {value_of(labels, claim.label) for labels in series} - {""}
    known = frozenset(places) if places else None
    return Sight(known, len(devices) or len(series), evaluations * max(len(places), 1))


def _both(one: Sight, other: Sight) -> Sight:
    places = None if one.places is None or other.places is None else one.places | other.places
    return Sight(places, max(one.sensors, other.sensors), one.decisions + other.decisions)
