"""What an explanation is made of: the value of each part of an expression at one instant, as frozen values and as plain data.

Lives here: nodes, what is shown of a series, why a part has no value. Must not know: how any of it is found out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops_center.label_sets import NAME, Labels, format_labels
from ops_center.promql.numbers import format_value

VALUE, TRUE, FALSE, ABSENT, ERROR = "value", "true", "false", "absent", "error"
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a part is absent or false: a code, and the figures that its sentence needs.

    Codes: `unknown_metric`, `no_series` (matcher), `other_labels` (series), `never`, `gap` (last_ms, ago_ms, lookback_ms),
    `ended` (a stale marker; last_ms, ago_ms), `late` (received after the instant; series), `few_samples` (samples), `comparison`
    (left, op, right, short_by, of), `no_match`, `excluded`, `not_chosen`, `there_is` (series), `inside` (a part of it says why),
    `folded`, `error` (message).
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """One series of a part.

    Attributes:
        labels: with the name.
        value: its number; of a comparison, of its left side; of a range, how many samples it has.
        other: of a comparison, the right side's number.
        holds: of a comparison or a set operation, whether the series is in its result.
        at_ms: when its last sample was taken, for selectors and ranges; ms on the store's axis.
    """

    labels: Labels
    value: float | None = None
    other: float | None = None
    holds: bool | None = None
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression and what it is worth.

    Attributes:
        number: place in the tree, parents before children.
        kind: number, string, selector, range, subquery, call, aggregate, comparison, arithmetic, set, sign; record is a rule that
            records what the selector above it reads, and its children's places are in that rule's text.
        op: the operator, function or metric.
        start, end: the part's place in the text, half-open.
        state: value, true, false, absent or error.
        series: how many series of its result agree with what is asked about; everywhere: how many there are at all.
    """

    number: int
    kind: str
    op: str
    text: str
    start: int
    end: int
    state: str
    series: int = 0
    everywhere: int = 0
    shown: tuple[Shown, ...] = ()
    reason: Reason | None = None
    children: tuple[Node, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the part has a result."""
        return self.state in (VALUE, TRUE)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, parents first."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.children))


def plain(node: Node) -> Plain:
    """Return a tree as plain data; numbers that JSON cannot carry are null, and `said` writes them out."""
    return {
        "number": node.number, "kind": node.kind, "op": node.op, "text": node.text, "start": node.start, "end": node.end,
        "state": node.state, "series": node.series, "everywhere": node.everywhere,
        "shown": [_shown(one) for one in node.shown],
        "reason": None if node.reason is None else _reason(node.reason),
        "children": [plain(child) for child in node.children],
    }  # fmt: skip


def _reason(reason: Reason) -> Plain:
    return {"code": reason.code, **{name: finite(v) if isinstance(v, float) else v for name, v in reason.facts.items()}}


def _shown(one: Shown) -> Plain:
    return {
        "metric": dict(one.labels).get(NAME, ""), "labels": {name: value for name, value in one.labels if name != NAME},
        "series": format_labels(one.labels), "value": finite(one.value), "other": finite(one.other), "holds": one.holds,
        "said": None if one.value is None else format_value(one.value), "at_ms": one.at_ms,
    }  # fmt: skip


def finite(value: float | None) -> float | None:
    """The number, None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
