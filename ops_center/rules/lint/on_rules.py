"""Findings on what stands beside the expression: `for`, labels, annotations, templates, rules that are there twice."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from ops_center.promql import ast
from ops_center.promql.template_parser import Block, Field, Literal, Pipe, Text, Variable
from ops_center.promql.templates import tree_of
from ops_center.rules.lint.look import Look, Notes

RUNBOOKS = re.compile(r"(?i)run_?book|playbook|action|procedure|remedy")
_LABEL_USE = re.compile(r"(?:\$labels|\.Labels)\.(\w+)")


def missing_for(look: Look) -> Notes:
    """An alert on single readings fires at the first one."""
    rule = look.rule
    windowed = any(isinstance(node, ast.Matrix | ast.Subquery) for node in look.nodes())
    steady = isinstance(ast.unwrap(rule.expr), ast.Call) and not any(True for _ in look.selectors())
    if rule.alert and not rule.for_ms and not windowed and not steady:
        message = "fires at the first reading that is over its threshold; saw no 'for' and no window, expected one of them"
        yield look.note_at("missing-for", message, "alert")


def for_below_interval(look: Look) -> Notes:
    """A `for` shorter than the interval is rounded up to it."""
    rule = look.rule
    if rule.alert and 0 < rule.for_ms < look.interval_ms:
        seen = f"saw for: {rule.for_ms / 1000:g} s, which the interval of {look.interval_ms / 1000:g} s rounds up"
        yield look.note_at("for-below-interval", f"{seen}; expected at least the interval", "for")


def missing_action(look: Look) -> Notes:
    """Who is woken by an alert needs to know what to do."""
    rule = look.rule
    if rule.alert and not any(RUNBOOKS.search(name) for name, _ in rule.annotations):
        yield look.note_at("missing-action", "saw no annotation that says what to do, expected runbook_url or action", "alert")


def missing_summary(look: Look) -> Notes:
    """What is wrong, in words."""
    names = {name for name, _ in look.rule.annotations}
    if look.rule.alert and not names & {"summary", "title", "description", "message"}:
        yield look.note_at(
            "missing-summary", "saw no annotation that says what is wrong, expected summary or description", "alert"
        )


def missing_severity(look: Look) -> Notes:
    """Routing and colours go by severity."""
    if look.rule.alert and all(name not in ("severity", "priority", "level") for name, _ in look.rule.labels):
        yield look.note_at("missing-severity", "saw no label severity, expected one", "alert")


def value_in_label(look: Look) -> Notes:
    """A label that changes with the value is another alert each time."""
    for name, text in look.rule.labels if look.rule.alert else ():
        if any(True for _ in _printed_values(tree_of(text))):
            message = (
                f"label {name!r} holds the value: each new value is a new alert, whose 'for' begins again; use an annotation"
            )
            yield look.note_at("value-in-label", message, "labels", name)


def _printed_values(nodes: Any) -> Iterator[Any]:
    """Pipes that print the value; a condition on it chooses between texts, which is something else."""
    for node in nodes:
        if isinstance(node, Block):
            yield from _printed_values((*node.body, *node.otherwise))
            if node.kind != "if" and _names_value(node.pipe):
                yield node
        elif not isinstance(node, Text) and not (isinstance(node, Pipe) and node.names) and _names_value(node):
            yield node


def _names_value(node: Any) -> bool:
    if isinstance(node, Variable):
        return node.name == "$value"
    if isinstance(node, Field):
        return node.path[:1] == ("Value",) or _names_value(node.base)
    if isinstance(node, Literal | str) or node is None:
        return False
    if isinstance(node, tuple | list):
        return any(map(_names_value, node))
    return dataclasses.is_dataclass(node) and any(_names_value(getattr(node, f.name)) for f in dataclasses.fields(node))


def label_not_kept(look: Look) -> Notes:
    """A template that names a label which the expression does not have shows nothing."""
    shape = look.shape(look.rule.expr)
    for where, texts in (("labels", look.rule.labels), ("annotations", look.rule.annotations)):
        for key, text in texts if look.rule.alert else ():
            for name in dict.fromkeys(_LABEL_USE.findall(text)):
                if shape.lacks(name):
                    kept = ", ".join(sorted(shape.possible or ())) or "none"
                    message = f"{where[:-1]} {key!r} shows label {name!r}, which the expression does not keep; it keeps {kept}"
                    yield look.note_at("label-not-kept", message, where, key)
