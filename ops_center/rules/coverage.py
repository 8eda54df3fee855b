"""What tests exercised of rules: which fired, which sides of their comparisons and sets had samples, for which label sets.

Lives here: taking it down evaluation by evaluation, adding it up, the share of what there is. Must not know: files, verdicts.
A comparison has two branches, `true` and `false`: samples that passed and samples that did not. `and` has `both` and `left
only`, `unless` has `kept` and `removed`, `or` has `left` and `right`, `absent` has `absent` and `present`. A rule has one more:
that its alert fired, or that it recorded something. Inside a subquery, branches are those at the instants of the evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ops_center.label_sets import NAME, Labels, labels_of, test_of
from ops_center.promql import ast
from ops_center.promql.binary import binary
from ops_center.promql.engine import evaluate
from ops_center.promql.errors import PromQLError
from ops_center.promql.selectors import Context
from ops_center.promql.values import Scalar, Value, Vector
from ops_center.rules.alerting import Change
from ops_center.rules.files import Rule, RuleFile, RuleGroup
from ops_center.rules.group import RuleEngine, RuleState
from ops_center.rules.testfile import RuleTest

MAX_LABEL_SETS = 1000
MAX_SIDE = 48  # characters of a side that are shown
NEVER, SEEN, FIRED = "never", "non-empty", "fired"
_SIDES = {"and": ("both", "left only"), "unless": ("kept", "removed"), "or": ("left", "right")}
_ABSENT = frozenset({"absent", "absent_over_time"})
Key = tuple[str, str, int]  # file, group, number of the rule in it


@dataclass(slots=True)
class Branch:
    """A place where an expression goes one way or the other: its text, where that begins in the rule, and the ways taken."""

    text: str
    start: int
    sides: tuple[str, str]
    taken: set[str] = field(default_factory=set)

    @property
    def missing(self) -> tuple[str, ...]:
        """The ways that were never taken."""
        return tuple(side for side in self.sides if side not in self.taken)


@dataclass(slots=True)
class RuleCoverage:
    """One rule: how far it came, its branches, and the label sets it had with how far each came.

    `asserted` says that some assertion looks at it: at its alerts, or at what it records.
    """

    rule: Rule
    group: str
    branches: list[Branch]
    evaluations: int = 0
    status: str = NEVER
    asserted: bool = False
    label_sets: dict[Labels, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """An alert fired, or something was recorded."""
        return self.status == FIRED or (self.status == SEEN and not self.rule.alert)

    @property
    def points(self) -> tuple[int, int]:
        """How much was exercised, of how much: the rule itself and each side of each branch."""
        taken = sum(len(branch.taken) for branch in self.branches)
        return taken + self.done, 2 * len(self.branches) + 1

    def came(self, labels: Labels, how_far: str) -> None:
        """A label set came so far."""
        if (labels in self.label_sets or len(self.label_sets) < MAX_LABEL_SETS) and self.label_sets.get(labels) != FIRED:
            self.label_sets[labels] = how_far
        if self.status != FIRED:
            self.status = how_far


class Coverage:
    """What the tests of one file, or of several put together, exercised."""

    def __init__(self, files: Iterable[RuleFile] = ()) -> None:
        self.rules: dict[Key, RuleCoverage] = {
            (group.file, group.name, number): RuleCoverage(rule, group.name, _branches(rule))
            for file in files
            for group in file.groups
            for number, rule in enumerate(group.rules)
        }
        self._places: dict[int, tuple[RuleCoverage, list[_Watched], list[ast.Expr]]] = {}
        self._by_alert: dict[tuple[str, str], list[RuleCoverage]] = {}

    def watch(self, engine: RuleEngine, test: RuleTest) -> None:
        """Take down what an engine evaluates from now on, for the assertions of a test."""
        self._places, self._by_alert = {}, {}
        for group in engine.groups:
            for number, state in enumerate(group.rules):
                mine = self.rules[group.group.file, group.group.name, number]
                self._places[id(state)] = (mine, *_watched(state, mine))
                self._by_alert.setdefault((group.group.name, state.rule.alert), []).append(mine)
                mine.asserted |= _is_asserted(state.rule, group.group, test)
        engine.observe(self._evaluated)

    def _evaluated(self, state: RuleState, vector: Vector, context: Context) -> None:
        mine, places, inner = self._places[id(state)]
        mine.evaluations += 1
        for expr in inner:  # of subqueries: these have contexts of their own, which keep nothing
            _tried(expr, context)
        for place in places:
            place.look(context)
        if not state.rule.alert:
            for column in np.flatnonzero(vector.present.any(axis=0)).tolist():
                found = {**dict(vector.labels.sets[column]), **dict(state.rule.labels), NAME: state.rule.record}
                mine.came(labels_of(found), SEEN)

    def changed(self, changes: Sequence[Change]) -> None:
        """Take down how far alerts came."""
        for change in changes:
            if change.after != "inactive":
                for mine in self._by_alert[change.group, change.rule]:
                    mine.came(labels_of(change.labels), FIRED if change.after == "firing" else SEEN)

    def merged(self, other: Coverage) -> Coverage:
        """Both together."""
        out = Coverage()
        out.rules = dict(self.rules)
        for key, theirs in other.rules.items():
            mine = out.rules.get(key)
            out.rules[key] = theirs if mine is None else _together(mine, theirs)
        return out

    def files(self) -> dict[str, list[RuleCoverage]]:
        """The rules by file, in the order of the files."""
        out: dict[str, list[RuleCoverage]] = {}
        for (file, _, _), one in self.rules.items():
            out.setdefault(file, []).append(one)
        return out


def ratio(rules: Iterable[RuleCoverage]) -> float:
    """The share that was exercised of rules and branches, 0…1; nothing at all is whole."""
    points = [one.points for one in rules]
    total = sum(most for _, most in points)
    return sum(taken for taken, _ in points) / total if total else 1.0


def _together(a: RuleCoverage, b: RuleCoverage) -> RuleCoverage:
    status = max(a.status, b.status, key=(NEVER, SEEN, FIRED).index)
    branches = [replace(x, taken=x.taken | y.taken) for x, y in zip(a.branches, b.branches, strict=True)]
    sets = {**a.label_sets, **{k: v for k, v in b.label_sets.items() if a.label_sets.get(k) != FIRED}}
    kept = dict(list(sets.items())[:MAX_LABEL_SETS])
    return RuleCoverage(a.rule, a.group, branches, a.evaluations + b.evaluations, status, a.asserted or b.asserted, kept)


def _is_asserted(rule: Rule, group: RuleGroup, test: RuleTest) -> bool:
    """Whether an assertion of the test looks at the rule."""
    if any(case.alertname == rule.alert and case.group in ("", group.name) for case in test.alerts):
        return True
    known = {NAME: rule.record} if rule.record else {NAME: "ALERTS", "alertname": rule.alert}
    selectors = [node for case in test.exprs for node in ast.walk(case.expr) if isinstance(node, ast.Selector)]
    return any(all(test_of(m)(known[m.name]) for m in s.matchers if m.name in known) for s in selectors)


def _is_branch(node: ast.Expr) -> bool:
    if isinstance(node, ast.Binary):
        return node.op in ast.COMPARISONS or node.op in ast.SET_OPS
    return isinstance(node, ast.Call) and node.func in _ABSENT


def _sides(node: ast.Expr) -> tuple[str, str]:
    if isinstance(node, ast.Call):
        return ("absent", "present")
    assert isinstance(node, ast.Binary)
    return _SIDES.get(node.op, ("true", "false"))


def _branches(rule: Rule) -> list[Branch]:
    return [Branch(_text(rule, node), node.span.start, _sides(node)) for node in ast.walk(rule.expr) if _is_branch(node)]


def _text(rule: Rule, node: ast.Expr) -> str:
    """The node as the rule has it; of a long operation the beginning of each side."""
    if not isinstance(node, ast.Binary):
        return _short(rule, node, 2 * MAX_SIDE)
    matching = node.matching
    how = f" {'on' if matching.on else 'ignoring'} ({', '.join(matching.labels)})" if matching.explicit else ""
    with_bool = " bool" if node.return_bool else ""
    return f"{_short(rule, node.lhs, MAX_SIDE)} {node.op}{with_bool}{how} {_short(rule, node.rhs, MAX_SIDE)}"


def _short(rule: Rule, node: ast.Expr, most: int) -> str:
    text = " ".join(rule.text[node.span.start : node.span.end].split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class _Watched:
    """A branch and its node in the engine's pool of expressions."""

    branch: Branch
    node: ast.Expr

    def look(self, context: Context) -> None:
        """Take down which ways samples went at an evaluation."""
        if len(self.branch.taken) < 2 and context.memo is not None:
            values = context.memo.values
            result = values.get(id(self.node))
            operands = [values.get(id(child)) for child in ast.children(self.node)]
            self.branch.taken.update(_ways(self.node, result, operands, context))


def _watched(state: RuleState, mine: RuleCoverage) -> tuple[list[_Watched], list[ast.Expr]]:
    """The branches with their nodes, and what subqueries evaluate. Nodes come in the order in which the rule has them."""
    nodes = ast.walk(state.expr)
    places = [node for node in nodes if _is_branch(node)]
    inner = [node.expr for node in nodes if isinstance(node, ast.Subquery)]
    return [_Watched(branch, node) for branch, node in zip(mine.branches, places, strict=True)], inner


def _tried(expr: ast.Expr, context: Context) -> None:
    try:
        with np.errstate(all="ignore"):
            evaluate(expr, context)
    except PromQLError:
        pass  # the subquery itself says so where it matters


def _some(value: Value | None) -> bool:
    return isinstance(value, Vector) and bool(np.count_nonzero(value.present))


def _ways(node: ast.Expr, result: Value | None, operands: Sequence[Value | None], context: Context) -> Iterator[str]:
    """The sides of a branch that have samples."""
    if isinstance(node, ast.Call):
        yield "absent" if _some(result) else "present"
    elif isinstance(node, ast.Binary) and result is not None:
        left, right = operands
        if node.op in _SIDES:
            yield from _set_ways(node.op, result, left)
        else:
            yield from _compared(node, result, left, right, context)


def _set_ways(op: str, result: Value, left: Value | None) -> Iterator[str]:
    first, second = _SIDES[op]
    if not isinstance(result, Vector) or not isinstance(left, Vector):
        return
    before, after = int(np.count_nonzero(left.present)), int(np.count_nonzero(result.present))
    if op == "or":
        if before:
            yield first
        if after > before:
            yield second
        return
    if after:
        yield first
    if after < before:
        yield second


def _compared(node: ast.Binary, result: Value, left: Value | None, right: Value | None, context: Context) -> Iterator[str]:
    if isinstance(left, Vector) != isinstance(right, Vector) and not node.return_bool and isinstance(result, Vector):
        operand = left if isinstance(left, Vector) else right
        assert isinstance(operand, Vector)
        passed, seen = int(np.count_nonzero(result.present)), int(np.count_nonzero(operand.present))
        yield from (("true",) if passed else ())
        yield from (("false",) if seen > passed else ())
        return
    outcome = result if node.return_bool else _outcomes(node, left, right, context)
    if isinstance(outcome, Scalar):
        yield "true" if outcome.values[0] else "false"
    elif isinstance(outcome, Vector):
        there = outcome.values[outcome.present]
        yield from (("true",) if there.any() else ())
        yield from (("false",) if (there == 0).any() else ())


def _outcomes(node: ast.Binary, left: Value | None, right: Value | None, context: Context) -> Value | None:
    """The comparison of two vectors as 0 and 1: which pairs there were, and which of them passed."""
    if left is None or right is None:
        return None
    try:
        return binary(replace(node, return_bool=True), left, right, context.options)
    except PromQLError:
        return None
