"""What a test expected beside what it got: whether they agree, and if not, where; knows no store, no rules and no files.

An expectation and a result that have most in common are shown as one difference, label by label; what is left is missing
or unexpected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ops_center.label_sets import Labels, format_labels
from ops_center.promql.numbers import format_value

HELD, BROKEN, UNSUPPORTED = "passed", "failed", "unsupported"
MAX_PAIRED = 100  # on either side; beyond that nobody reads label by label
MAX_SHOWN = 20

Alert = tuple[Labels, Labels]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Field:
    """One label, annotation or value that differs; None where a side has none."""

    name: str
    expected: str | None
    got: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One alert or sample: `kind` is "missing", "unexpected" or "differs", and then `fields` say in what."""

    kind: str
    subject: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One assertion of a test: what it was about, whether it held, and if not why."""

    test: str
    what: str
    line: int
    status: str
    message: str = ""
    differences: tuple[Difference, ...] = ()


def compare_alerts(expected: Sequence[Alert], got: Sequence[Alert]) -> tuple[Difference, ...]:
    """Differences between alerts, each labels and annotations; none where they agree."""
    return _compare(expected, got, lambda a, b: a == b, _alert_fields, _alert_text)


def compare_samples(expected: Sequence[Sample], got: Sequence[Sample], fuzzy: bool) -> tuple[Difference, ...]:
    """Differences between samples, each labels and value; none where they agree.

    NaN is equal to nothing, as in promtool. With `fuzzy`, neighbours in the last bit are equal.
    """
    return _compare(expected, got, lambda a, b: a[0] == b[0] and same_value(a[1], b[1], fuzzy), _sample_fields, _sample_text)


def same_value(a: float, b: float, fuzzy: bool) -> bool:
    """Whether two values are equal, as promtool compares them."""
    return a == b or (fuzzy and math.nextafter(a, b) == b)


def _compare(
    expected: Sequence[Any],
    got: Sequence[Any],
    equal: Callable[[Any, Any], bool],
    fields: Callable[[Any, Any], tuple[Field, ...]],
    text: Callable[[Any], str],
) -> tuple[Difference, ...]:
    missing, unexpected = _unmatched(expected, got, equal)
    out: list[Difference] = []
    if len(missing) <= MAX_PAIRED and len(unexpected) <= MAX_PAIRED:
        for one, other in _pairs(missing, unexpected, fields):
            missing.remove(one)
            unexpected.remove(other)
            out.append(Difference("differs", text(one), fields(one, other)))
    out += [Difference("missing", text(one)) for one in missing]
    out += [Difference("unexpected", text(one)) for one in unexpected]
    return tuple(out)


def _unmatched(expected: Sequence[Any], got: Sequence[Any], equal: Callable[[Any, Any], bool]) -> tuple[list[Any], list[Any]]:
    """What has no partner. Only what has the same labels is compared: ten thousand alerts are not compared with each other."""
    waiting: dict[Labels, list[Any]] = {}
    for one in got:
        waiting.setdefault(one[0], []).append(one)
    missing: list[Any] = []
    for one in sorted(expected, key=lambda item: item[0]):
        alike = waiting.get(one[0], [])
        partner = next((i for i, other in enumerate(alike) if equal(one, other)), None)
        if partner is None:
            missing.append(one)
        else:
            alike.pop(partner)
    return missing, sorted((one for alike in waiting.values() for one in alike), key=lambda item: item[0])


def _pairs(
    missing: Sequence[Any], unexpected: Sequence[Any], fields: Callable[[Any, Any], tuple[Field, ...]]
) -> list[tuple[Any, Any]]:
    """The closest of both first; what differs in more than half of its labels is not the same thing."""
    costs = sorted(
        (len(found), i, j)
        for i, one in enumerate(missing)
        for j, other in enumerate(unexpected)
        if 2 * len(found := fields(one, other)) <= len(one[0]) + len(other[0]) or one[0] == other[0]
    )
    taken: tuple[set[int], set[int]] = (set(), set())
    out: list[tuple[Any, Any]] = []
    for _, i, j in costs:
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            out.append((missing[i], unexpected[j]))
    return out


def _text_fields(prefix: str, expected: Labels, got: Labels) -> list[Field]:
    a, b = dict(expected), dict(got)
    return [Field(prefix + name, a.get(name), b.get(name)) for name in sorted({*a, *b}) if a.get(name) != b.get(name)]


def _alert_fields(expected: Alert, got: Alert) -> tuple[Field, ...]:
    return tuple(_text_fields("", expected[0], got[0]) + _text_fields("annotation ", expected[1], got[1]))


def _sample_fields(expected: Sample, got: Sample) -> tuple[Field, ...]:
    fields = _text_fields("", expected[0], got[0])
    if expected[1] != got[1]:
        fields.append(Field("value", _number(expected[1]), _number(got[1])))
    return tuple(fields)


def _number(value: float) -> str:
    return f"{format_value(value)} (equal to nothing; test for it with x != x)" if math.isnan(value) else format_value(value)


def _alert_text(alert: Alert) -> str:
    labels, annotations = alert
    return format_labels(labels) + (f" annotations {format_labels(annotations)}" if annotations else "")


def _sample_text(sample: Sample) -> str:
    return f"{format_labels(sample[0])} {format_value(sample[1])}"


def lines_of(differences: Iterable[Difference]) -> list[tuple[str, str]]:
    """The differences as lines to print, each with what it is: "subject", "expected", "got", or "more"."""
    found = list(differences)
    out: list[tuple[str, str]] = []
    for difference in found[:MAX_SHOWN]:
        if difference.kind == "differs":
            out.append(("subject", difference.subject))
            for field in difference.fields:
                out.append(("expected", f"  - {field.name}: {_shown(field.expected)}"))
                out.append(("got", f"  + {field.name}: {_shown(field.got)}"))
        else:
            sign, what = ("- ", "expected") if difference.kind == "missing" else ("+ ", "got")
            out.append((what, f"{sign}{difference.subject}"))
    if len(found) > MAX_SHOWN:
        out.append(("more", f"... and {len(found) - MAX_SHOWN} more"))
    return out


def _shown(value: str | None) -> str:
    return "(none)" if value is None else value if value and not value.isspace() else repr(value)


def summary(differences: Sequence[Difference]) -> str:
    """The differences in one line."""
    parts: list[str] = []
    for difference in differences[:3]:
        if difference.kind == "differs":
            fields = ", ".join(f"{f.name} expected {_shown(f.expected)} got {_shown(f.got)}" for f in difference.fields)
            parts.append(f"{difference.subject}: {fields}")
        else:
            parts.append(f"{difference.kind} {difference.subject}")
    more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""
    return "; ".join(parts) + more
