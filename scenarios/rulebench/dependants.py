"""Which rules of a set have to do with each other: what reads a rule, and what a rule reads.

Lives here: the graph of records and ALERTS, and rule files with the other rules left out. Must not know: why anybody asks.
What reads names that are not written out (a regular expression, a template that queries) is taken to read everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from ops_center.label_sets import NAME, Matcher, test_of
from ops_center.promql import ast
from ops_center.rules.files import Rule, RuleFile
from ops_center.rules.replay import ALERT_METRICS

Key = tuple[str, str, int]  # file, group, number in it


def keys(files: Iterable[RuleFile]) -> dict[Key, Rule]:
    """Return the rules by file, group and number."""
    return {(f.path, g.name, n): rule for f in files for g in f.groups for n, rule in enumerate(g.rules)}


@dataclass(frozen=True, slots=True)
class Split:
    """Rules that stay as they are and can run once before the others, and those that run anew for each mutant of one."""

    once: frozenset[Key]
    again: frozenset[Key]


class Graph:
    """Who reads whom, in a set of rule files."""

    def __init__(self, files: Sequence[RuleFile]) -> None:
        self.rules = keys(files)
        self.reads = {key: self._read_by(rule) for key, rule in self.rules.items()}

    def _read_by(self, rule: Rule) -> frozenset[Key]:
        if any("query" in text for _, text in (*rule.annotations, *rule.labels)):
            return frozenset(self.rules)
        selectors = [node.matchers for node in ast.walk(rule.expr) if isinstance(node, ast.Selector)]
        return frozenset(key for key, other in self.rules.items() if any(writes(other, matchers) for matchers in selectors))

    def downstream(self, start: Iterable[Key]) -> frozenset[Key]:
        """Return rules and all that read them, directly or through others."""
        found, waiting = set(start), list(start)
        while waiting:
            key = waiting.pop()
            more = [other for other, read in self.reads.items() if key in read and other not in found]
            found.update(more)
            waiting += more
        return frozenset(found)

    def upstream(self, start: Iterable[Key]) -> frozenset[Key]:
        """Return rules and all that they read, directly or through others."""
        found, waiting = set(start), list(start)
        while waiting:
            more = self.reads[waiting.pop()] - found
            found |= more
            waiting += more
        return frozenset(found)

    def split(self, needed: frozenset[Key], changed: Key, order: Sequence[Key]) -> Split:
        """Return which of the rules needed have nothing to do with one that changes; `order` is that of their evaluation.

        All of them run anew where a rule reads alerts, or what is recorded after it: what was there before is not the same then.
        """
        again = self.downstream([changed]) & needed
        once = needed - again
        place = {key: n for n, key in enumerate(order)}
        read = {(key, other) for key in again for other in self.reads[key] & once}
        if any(self.rules[other].alert or place[other] > place[key] for key, other in read):
            return Split(frozenset(), needed)
        return Split(once, again)


def writes(rule: Rule, matchers: Sequence[Matcher]) -> bool:
    """Whether a selector with these matchers may read what a rule writes."""
    names = (rule.record,) if rule.record else ALERT_METRICS
    named = [test_of(m) for m in matchers if m.name == NAME]
    if not any(all(test(name) for test in named) for name in names):
        return False
    return bool(rule.record) or all(test_of(m)(rule.alert) for m in matchers if m.name == "alertname")


def only(files: Sequence[RuleFile], kept: Collection[Key]) -> list[RuleFile]:
    """Return rule files with only these rules; groups without one are left out."""
    found = []
    for file in files:
        groups = []
        for group in file.groups:
            rules = tuple(rule for n, rule in enumerate(group.rules) if (file.path, group.name, n) in kept)
            if rules:
                groups.append(replace(group, rules=rules))
        if groups:
            found.append(replace(file, groups=tuple(groups)))
    return found
