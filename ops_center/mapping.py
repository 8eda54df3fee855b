"""A mapping file: the names, labels and units that an engineer's own rules use, for the series of this city.

Lives here: the file's shape and what is refused in it, with places; what it makes of the series of one metric. Must not know:
the store, the wire. Steps have the syntax of Prometheus' `metric_relabel_configs`; `values` beside them says by how much to
scale. A series whose labels come out changed has a copy of that name beside it; one that is dropped or unchanged has none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops_center.label_sets import NAME, Labels, compile_regex, named, value_of, without_names
from ops_center.promql.durations import parse_number
from ops_center.relabel import ACTIONS, EVERYTHING, FIRST_GROUP, SEPARATOR, Step, Table, relabelled, sets_of, with_label
from ops_center.rules.yaml_nodes import Document, FileError

FILE_KEYS = frozenset({"metric_relabel_configs", "values"})
STEP_KEYS = frozenset({"source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"})
VALUE_KEYS = frozenset({"metric", "from", "scale", "offset", "unit"})
MAX_STEPS = 500
METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TARGET = re.compile(r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+", re.ASCII)
_NEED_TARGET = frozenset({"replace", "lowercase", "uppercase", "hashmod", "keepequal", "dropequal"})
_ONLY_REGEX = frozenset({"labeldrop", "labelkeep"})


@dataclass(frozen=True, slots=True)
class Value:
    """What becomes of the values of a mapped metric: `value * scale + offset`. An empty `source` means any original metric."""

    metric: str
    source: str = ""
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies that some series of one metric have: their name, their labels without it, and whose they are, by row."""

    metric: str
    labels: tuple[Labels, ...]
    rows: tuple[int, ...]
    value: Value


@dataclass(frozen=True, slots=True)
class SeriesMapping:
    """A checked mapping file."""

    steps: tuple[Step, ...]
    values: tuple[Value, ...]
    file: str = ""

    def copies(self, metric: str, labels: Sequence[Labels], table: Table) -> list[Copies]:
        """Return the copies of the series of a metric; `labels` have no name, `table` is made of them.

        Raises ValueError where a series comes out without a name that a metric may have.
        """
        made = relabelled(with_label(table, NAME, metric), self.steps)
        found: dict[str, list[tuple[int, Labels]]] = {}
        if not bool(made.alive.any()):
            return []
        for row, (old, new, alive) in enumerate(zip(labels, sets_of(made), made.alive.tolist(), strict=True)):
            if not alive or new == named(old, metric):
                continue
            name = value_of(new, NAME)
            if not METRIC_NAME.fullmatch(name):
                raise ValueError(f"{self.file}: a series of {metric} comes out with the name {name!r}; expected a metric name")
            found.setdefault(name, []).append((row, without_names(new, (NAME,))))
        return [
            Copies(name, tuple(one for _, one in rows), tuple(row for row, _ in rows), self.value_of(name, metric))
            for name, rows in found.items()
        ]

    def value_of(self, metric: str, source: str) -> Value:
        """Return what becomes of the values of a mapped metric that an original one is copied to."""
        fit = (value for value in self.values if value.metric == metric and value.source in ("", source))
        return max(fit, key=lambda value: value.source != "", default=Value(metric))


def load_mapping(text: str, path: str) -> SeriesMapping:
    """Return a mapping file. Raises FileError at the place of what is wrong."""
    document = Document(text, path)
    if document.root is None:
        raise FileError("mapping file: saw nothing, expected metric_relabel_configs", path)
    keys = document.mapping(document.root, FILE_KEYS, "mapping file")
    steps = document.sequence(keys.get("metric_relabel_configs"), "metric_relabel_configs")
    if len(steps) > MAX_STEPS:
        raise document.error(f"metric_relabel_configs: saw {len(steps)} entries, expected at most {MAX_STEPS}", steps[MAX_STEPS])
    values = [_value(document, node) for node in document.sequence(keys.get("values"), "values")]
    seen = [(value.metric, value.source) for value in values]
    for number, pair in enumerate(seen):
        if pair in seen[:number]:
            node = document.sequence(keys.get("values"), "values")[number]
            raise document.error(f"values: metric {pair[0]!r} appears twice, expected once for each 'from'", node)
    return SeriesMapping(tuple(_step(document, node) for node in steps), tuple(values), path)


def _value(document: Document, node: Any) -> Value:
    keys = document.mapping(node, VALUE_KEYS, "entry of values")
    metric, source = (document.text_of(keys.get(key), key) for key in ("metric", "from"))
    for name, key in ((metric, "metric"), (source, "from")):
        if not METRIC_NAME.fullmatch(name) and (name or key == "metric"):
            raise document.error(f"{key}: saw {name!r}, expected a metric name", keys.get(key, node))
    scale = _number(document, keys.get("scale"), "scale", 1.0)
    if scale == 0.0:
        raise document.error("scale: saw 0, expected any other number", keys["scale"])
    return Value(
        metric, source, scale, _number(document, keys.get("offset"), "offset", 0.0), document.text_of(keys.get("unit"), "unit")
    )


def _number(document: Document, node: Any, what: str, default: float) -> float:
    text = document.text_of(node, what)
    if not text:
        return default
    try:
        number = parse_number(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise document.error(f"{what}: saw {text!r}, expected a finite number", node)
    return number


def _step(document: Document, node: Any) -> Step:
    keys = document.mapping(node, STEP_KEYS, "entry of metric_relabel_configs")
    action = document.text_of(keys.get("action"), "action").lower() or "replace"
    if action not in ACTIONS:
        raise document.error(f"action: saw {action!r}, expected one of {', '.join(ACTIONS)}", keys["action"])
    texts = {key: document.text_of(keys[key], key) for key in keys if key not in ("source_labels", "modulus", "action")}
    step = Step(
        action, _sources(document, keys), texts.get("separator", SEPARATOR), texts.get("regex", EVERYTHING),
        texts.get("target_label", ""), texts.get("replacement", FIRST_GROUP), _modulus(document, keys, action),
    )  # fmt: skip
    try:
        compile_regex(step.regex)
    except ValueError as why:
        raise document.error(f"regex: {why}", keys["regex"]) from None
    _check_target(document, node, keys, step)
    _check_unused(document, keys, step)
    return step


def _sources(document: Document, keys: dict[str, Any]) -> tuple[str, ...]:
    nodes = document.sequence(keys.get("source_labels"), "source_labels")
    names = tuple(document.text_of(one, "source label") for one in nodes)
    for name, one in zip(names, nodes, strict=True):
        if not _LABEL_NAME.fullmatch(name):
            raise document.error(f"source_labels: saw {name!r}, expected a label name", one)
    return names


def _modulus(document: Document, keys: dict[str, Any], action: str) -> int:
    text = document.text_of(keys.get("modulus"), "modulus")
    if text and (not text.isdecimal() or len(text) > 18):
        raise document.error(f"modulus: saw {text!r}, expected a whole number", keys["modulus"])
    if action == "hashmod" and int(text or 0) == 0:
        raise document.error("hashmod: saw no modulus, expected a whole number above 0", keys.get("modulus", keys["action"]))
    return int(text or 0)


def _check_target(document: Document, node: Any, keys: dict[str, Any], step: Step) -> None:
    target = step.target_label
    if step.action in _NEED_TARGET and not target:
        raise document.error(f"action {step.action!r}: saw no target_label, expected one", node)
    pattern = _TARGET if step.action == "replace" else _LABEL_NAME
    if target and not pattern.fullmatch(target):
        raise document.error(f"target_label: saw {target!r}, expected a label name", keys["target_label"])
    if step.action == "labelmap" and not _TARGET.fullmatch(step.replacement):
        raise document.error(f"replacement: saw {step.replacement!r}, expected what makes a label name", keys["replacement"])


def _check_unused(document: Document, keys: dict[str, Any], step: Step) -> None:
    """What Prometheus refuses beside an action, because it would be silently without effect."""
    allowed = STEP_KEYS
    if step.action in _ONLY_REGEX:
        allowed = frozenset({"action", "regex"})
    elif step.action in ("keepequal", "dropequal"):
        allowed = frozenset({"action", "source_labels", "target_label"})
    elif step.action in ("lowercase", "uppercase"):
        allowed = STEP_KEYS - {"replacement"}
    for key in keys:
        if key not in allowed:
            raise document.error(f"action {step.action!r}: saw {key!r}, expected only {', '.join(sorted(allowed))}", keys[key])
