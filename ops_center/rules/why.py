"""Why, why not: for an alert and an instant, the expression's parts with their values, the alert's condition and what comes next.

Lives here: which rule and which series a question is about, `for` and `keep_firing_for` as they stood, as one plain document.
Must not know: HTTP, people, truth. The past is read from what rules wrote (ALERTS, ALERTS_FOR_STATE), so that an instant can be
asked about as long as the store holds it. All instants are ms on the store's axis.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ops_center.label_sets import NAME, Labels, Matcher, without_names
from ops_center.promql import ast
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import EvaluationError, PromQLError
from ops_center.promql.explain import MOST_SHOWN, Question, Recorded, ended_by, explain
from ops_center.promql.explained import ERROR, Node, plain
from ops_center.promql.focus import agreeing, agrees
from ops_center.promql.values import Vector
from ops_center.rules.files import Rule
from ops_center.rules.group import GroupState, RuleEngine, RuleState

Plain = dict[str, Any]
MOST_STEPS = 480  # evaluations that are looked back through; two hours at 15 s
MOST_OTHERS = 20
OWN_LABELS = ("alertname", "alertstate")


class NoSuchAlert(ValueError):
    """The question names an alert that no rule makes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about an alert of the rules in use, or about an expression of one's own (`text`) with a `for` of its own."""

    at_ms: int
    alert: str = ""
    text: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    most: int = MOST_SHOWN


@dataclass(frozen=True, slots=True)
class _Looked:
    """Where a question leads: what is evaluated, when, on which series."""

    text: str
    for_ms: int
    keep_ms: int
    interval_ms: int
    evaluated_ms: int
    offset_ms: int  # the group's query_offset
    focus: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Condition:
    """How an alert stood after an evaluation."""

    condition: str = "inactive"
    active_at_ms: int | None = None
    keep_since_ms: int | None = None
    labels: dict[str, str] | None = None


def why(rules: RuleEngine, asked: Asked) -> Plain:
    """Return why an alert was, or was not, pending or firing at an instant.

    Raises:
        NoSuchAlert: no rule makes an alert of that name.
        PromQLError: an expression of one's own that is none.
    """
    # A store of its own over the same samples: what is selected to explain leaves no trace in the one that judges.
    engine = Engine(rules.store.beside(), rules.settings.offset_ms, rules.settings.options)
    if asked.text:
        return _of_expression(engine, rules, asked)
    group, rule, others = _rule_of(rules, engine, asked)
    looked = _looked(group, rule.rule, asked)
    known = _known_alerts(engine, rule.rule, asked.labels, looked)
    condition = known[0] if known else _Condition()
    if condition.labels is not None:
        looked.focus.update(_result_labels(condition.labels, rule.rule))
    document = _answered(engine, rules, looked, asked, condition)
    more = {
        "alert": rule.rule.alert, "group": group.group.name, "file": rule.rule.file, "line": rule.rule.line,
        "alert_labels": condition.labels, "health": rule.health, "error": rule.last_error,
        "others": [one.labels for one in known[1 : MOST_OTHERS + 1]], "others_count": max(0, len(known) - 1),
        "other_rules": others,
    }  # fmt: skip
    return document | more


def _of_expression(engine: Engine, rules: RuleEngine, asked: Asked) -> Plain:
    interval_ms = min((group.interval_ms for group in rules.groups), default=rules.settings.default_interval_ms)
    evaluated_ms = asked.at_ms - asked.at_ms % interval_ms
    looked = _Looked(asked.text, asked.for_ms, asked.keep_firing_for_ms, interval_ms, evaluated_ms, 0, dict(asked.labels))
    condition = _from_values(engine, looked)
    none = {"alert": None, "group": None, "file": None, "line": None, "alert_labels": None, "health": None, "error": ""}
    return _answered(engine, rules, looked, asked, condition) | none | {"others": [], "others_count": 0, "other_rules": []}


# -- which rule, which series


def _rule_of(rules: RuleEngine, engine: Engine, asked: Asked) -> tuple[GroupState, RuleState, list[Plain]]:
    """The rule of that name: the one with such an alert now, else the first; and the others of that name."""
    named = [(group, rule) for group in rules.groups for rule in group.rules if rule.rule.alert == asked.alert]
    if not named:
        known = sorted({rule.rule.alert for group in rules.groups for rule in group.rules if rule.rule.alert})
        near = difflib.get_close_matches(asked.alert, known, 3) or known[:5]
        said = ", ".join(near) or "(there are no rules)"
        raise NoSuchAlert(f"no rule makes an alert {asked.alert!r}; expected one such as {said}")
    fits = [pair for pair in named if agrees(_fixed_labels(pair[1].rule), asked.labels)] or named
    active = [pair for pair in fits if _known_alerts(engine, pair[1].rule, asked.labels, _looked(*_plain_pair(pair), asked))]
    group, rule = (active or fits)[0]
    others = [
        {"group": g.group.name, "file": r.rule.file, "line": r.rule.line, "labels": dict(r.rule.labels)}
        for g, r in named
        if r is not rule
    ]
    return group, rule, others


def _plain_pair(pair: tuple[GroupState, RuleState]) -> tuple[GroupState, Rule]:
    return pair[0], pair[1].rule


def _fixed_labels(rule: Rule) -> Labels:
    return tuple((name, text) for name, text in rule.labels if "{{" not in text)


def _result_labels(labels: Mapping[str, str], rule: Rule) -> dict[str, str]:
    """The labels that an alert has from its expression, not from its rule."""
    made = {name for name, _ in rule.labels}
    return {name: value for name, value in labels.items() if name not in made and name not in OWN_LABELS}


def _looked(group: GroupState, rule: Rule, asked: Asked) -> _Looked:
    return _Looked(
        text=rule.text, for_ms=rule.for_ms, keep_ms=rule.keep_firing_for_ms, interval_ms=group.interval_ms,
        evaluated_ms=asked.at_ms - (asked.at_ms - group.phase_ms) % group.interval_ms,
        offset_ms=group.group.query_offset_ms or 0, focus=_result_labels(asked.labels, rule),
    )  # fmt: skip


# -- how the alert stood


def _known_alerts(engine: Engine, rule: Rule, labels: Mapping[str, str], looked: _Looked) -> list[_Condition]:
    """The alerts of a rule that were pending or firing after the evaluation, those asked about, in order of their labels."""
    fixed = dict(_fixed_labels(rule))
    wanted = {**labels, **fixed, "alertname": rule.alert}
    matcher = Matcher("alertname", "=", rule.alert)
    at_ms = looked.evaluated_ms - looked.offset_ms
    since = _instant(engine, "ALERTS_FOR_STATE", matcher, at_ms, looked.evaluated_ms, looked.interval_ms)
    states = _instant(engine, "ALERTS", matcher, at_ms, looked.evaluated_ms, looked.interval_ms)
    firing = {_without_state(found) for found in states if dict(found).get("alertstate") == "firing"}
    zero_s = engine.offset_ms / 1000
    found = []
    for alert, value in sorted(since.items()):
        if fixed.items() <= dict(alert).items() and agrees(alert, wanted):
            condition = "firing" if alert in firing else "pending"
            found.append(_Condition(condition, round((value - zero_s) * 1000), None, dict(alert)))
    return found


def _instant(engine: Engine, metric: str, matcher: Matcher, at_ms: int, as_of_ms: int, interval_ms: int) -> dict[Labels, float]:
    """The samples that a rule wrote at an instant; those of an evaluation before it do not count."""
    selector = ast.Selector(metric, (Matcher(NAME, "=", metric), matcher))
    just = Engine(engine.store, engine.offset_ms, Options(lookback_ms=interval_ms))
    vector = just.instant(selector, at_ms + engine.offset_ms, as_of_ms + engine.offset_ms)
    assert isinstance(vector, Vector)
    columns = np.flatnonzero(vector.present[0]).tolist()
    return {_bare(vector.labels.sets[c]): float(vector.values[0, c]) for c in columns}


def _bare(labels: Labels) -> Labels:
    return without_names(labels, (NAME,))


def _without_state(labels: Labels) -> Labels:
    return without_names(labels, ("alertstate",))


def _from_values(engine: Engine, looked: _Looked) -> _Condition:
    """How an alert of an expression of one's own would stand: as if its rule had been running all the time."""
    times, present = _history(engine, looked)
    condition, active, keep = "inactive", None, None
    for at_ms, there in zip(times, present, strict=True):
        if there:
            active, keep = (at_ms if condition == "inactive" else active), None
            held = active is not None and at_ms - active >= looked.for_ms
            condition = "firing" if condition == "firing" or held else "pending"
        elif condition == "firing" and looked.keep_ms:
            keep = at_ms if keep is None else keep
            if at_ms - keep >= looked.keep_ms:
                condition, active, keep = "inactive", None, None
        else:
            condition, active, keep = "inactive", None, None
    return _Condition(condition, active, keep)


def _history(engine: Engine, looked: _Looked) -> tuple[list[int], list[bool]]:
    """The evaluations up to the instant, and whether the expression had a result for the focus at each.

    They go back to one at which it had none, as far as MOST_STEPS.
    """
    furthest = min(MOST_STEPS, looked.evaluated_ms // looked.interval_ms)
    steps = min(furthest, max(looked.for_ms, looked.keep_ms) * 2 // looked.interval_ms + 20)
    times, present = _looked_back(engine, looked, steps)
    while present and all(present) and steps < furthest:
        steps = min(furthest, steps * 4)
        times, present = _looked_back(engine, looked, steps)
    return times, present


def _looked_back(engine: Engine, looked: _Looked, steps: int) -> tuple[list[int], list[bool]]:
    last_ms = looked.evaluated_ms - looked.offset_ms
    first_ms, shift = last_ms - steps * looked.interval_ms, engine.offset_ms
    try:
        times, value = engine.range(
            looked.text, first_ms + shift, last_ms + shift, looked.interval_ms, looked.evaluated_ms + shift
        )
    except EvaluationError:
        return [], []
    instants = [int(t) - shift + looked.offset_ms for t in times]
    if not isinstance(value, Vector):
        return instants, [True] * len(instants)
    mine = agreeing(value.labels.sets, looked.focus)
    return instants, np.asarray(value.present[:, mine].any(axis=1)).tolist()


def _kept_since(engine: Engine, looked: _Looked) -> int | None:
    """Since when the expression has been without a result, ending with the evaluation; None where it has one."""
    times, present = _history(engine, looked)
    since = None
    for at_ms, there in zip(reversed(times), reversed(present), strict=True):
        if there:
            break
        since = at_ms
    return since


# -- the answer


def _answered(engine: Engine, rules: RuleEngine, looked: _Looked, asked: Asked, condition: _Condition) -> Plain:
    shift, records = engine.offset_ms, _records(rules)
    at_ms, as_of_ms = looked.evaluated_ms - looked.offset_ms + shift, looked.evaluated_ms + shift
    tree = explain(engine, Question(looked.text, at_ms, as_of_ms, looked.focus, asked.most, records))
    keep = condition.keep_since_ms
    if condition.condition == "firing" and not tree.holds and keep is None:
        keep = _kept_since(engine, looked)
    fires = None if condition.active_at_ms is None else _on_grid(condition.active_at_ms, looked.for_ms, looked.interval_ms)
    ends = None if keep is None else _on_grid(keep, looked.keep_ms, looked.interval_ms)
    return {
        "text": looked.text, "at_ms": asked.at_ms, "evaluated_ms": looked.evaluated_ms,
        "next_ms": looked.evaluated_ms + looked.interval_ms, "interval_ms": looked.interval_ms,
        "query_offset_ms": looked.offset_ms, "lookback_ms": engine.options.lookback_ms, "for_ms": looked.for_ms,
        "keep_firing_for_ms": looked.keep_ms, "labels": dict(looked.focus), "condition": condition.condition,
        "holds": tree.holds, "active_at_ms": condition.active_at_ms, "fires_at_ms": fires,
        "held_ms": None if condition.active_at_ms is None else looked.evaluated_ms - condition.active_at_ms,
        "kept_since_ms": keep, "kept_until_ms": ends, "verdict": _verdict(tree, condition.condition),
        "ended_by": [node.number for node in ended_by(tree)], "tree": plain(tree),
    }  # fmt: skip


def _records(rules: RuleEngine) -> dict[str, tuple[Recorded, ...]]:
    """What the metrics that rules record are made of."""
    found: dict[str, tuple[Recorded, ...]] = {}
    for rule in (state.rule for group in rules.groups for state in group.rules if state.rule.record):
        found[rule.record] = (*found.get(rule.record, ()), Recorded(rule.text, tuple(name for name, _ in rule.labels)))
    return found


def _on_grid(since_ms: int, wait_ms: int, interval_ms: int) -> int:
    """The first evaluation at which a wait that began at an evaluation is over."""
    return since_ms + -(-wait_ms // interval_ms) * interval_ms


def _verdict(tree: Node, condition: str) -> str:
    """One word: firing, kept, pending, error, holds (true, but no alert is known yet) or false."""
    if tree.state == ERROR:
        return "error"
    if condition == "firing":
        return "firing" if tree.holds else "kept"
    if condition == "pending":
        return "pending"
    return "holds" if tree.holds else "false"


def parse_labels(pairs: Iterable[str]) -> dict[str, str]:
    """Return labels written as `name=value`.

    Raises:
        ValueError: a text without `=`, or without a name before it.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"bad label: saw {pair!r}, expected name=value such as zone=le_chan")
        found[name.strip()] = value.strip().strip('"')
    return found


__all__ = ["Asked", "NoSuchAlert", "PromQLError", "parse_labels", "why"]
