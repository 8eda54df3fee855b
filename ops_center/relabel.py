"""Label sets rewritten step by step, as Prometheus' `metric_relabel_configs` do: many sets at once, column by column.

Lives here: what one step of each action does, and the columns in which it does it. Must not know: files, the store, the wire.
A column is kept as its distinct values and a code per row, so that a step costs by the distinct values that it reads, not by
the series. Source of the semantics: Prometheus model/relabel; regular expressions are RE2, anchored at both ends.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ops_center.label_sets import BoolArray, IndexArray, Labels, compile_regex

ACTIONS = (
    "replace", "keep", "drop", "keepequal", "dropequal", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase",
    "hashmod",
)  # fmt: skip
SEPARATOR, EVERYTHING, FIRST_GROUP = ";", "(.*)", "$1"
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of `metric_relabel_configs`; what an action does not use keeps its default."""

    action: str = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = SEPARATOR
    regex: str = EVERYTHING
    target_label: str = ""
    replacement: str = FIRST_GROUP
    modulus: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one label: `values[codes[i]]` is that of row i, empty where it has none. `codes` has shape (rows,)."""

    values: tuple[str, ...]
    codes: IndexArray


@dataclass(frozen=True, slots=True)
class Table:
    """Label sets as columns, and which rows are still there, shape (rows,)."""

    columns: Mapping[str, Column]
    alive: BoolArray


def table_of(sets: Sequence[Labels]) -> Table:
    """Return label sets as columns."""
    names = dict.fromkeys(name for labels in sets for name, _ in labels)
    known: dict[str, dict[str, int]] = {name: {"": 0} for name in names}
    codes = {name: np.zeros(len(sets), dtype=np.intp) for name in names}
    for row, labels in enumerate(sets):
        for name, value in labels:
            values = known[name]
            codes[name][row] = values.setdefault(value, len(values))
    return Table({name: Column(tuple(known[name]), codes[name]) for name in names}, np.ones(len(sets), dtype=np.bool_))


def with_label(table: Table, name: str, value: str) -> Table:
    """Return the table with one label the same everywhere."""
    return Table({**table.columns, name: Column((value,), np.zeros(len(table.alive), dtype=np.intp))}, table.alive)


def sets_of(table: Table) -> list[Labels]:
    """Return the label sets of all rows, sorted by name; an empty value is no label."""
    pairs = []
    for name in sorted(table.columns):
        column = table.columns[name]
        made = [(name, value) for value in column.values]
        pairs.append([made[code] for code in column.codes.tolist()])
    if not pairs:
        return [()] * len(table.alive)
    return [tuple([pair for pair in row if pair[1]]) for row in zip(*pairs, strict=True)]


def relabel(labels: Mapping[str, str], steps: Iterable[Step]) -> dict[str, str] | None:
    """Return one label set after all steps, None where a step drops it."""
    table = relabelled(table_of([tuple(labels.items())]), steps)
    return dict(sets_of(table)[0]) if bool(table.alive[0]) else None


def relabelled(table: Table, steps: Iterable[Step]) -> Table:
    """Return the label sets after all steps; dropped rows are no longer alive, and what their labels say means nothing."""
    for step in steps:
        if not bool(table.alive.any()):
            break
        table = _step(table, step)
    return table


def _step(table: Table, step: Step) -> Table:
    match step.action:
        case "replace":
            return _replace(table, step)
        case "lowercase":
            return _set(table, step, str.lower)
        case "uppercase":
            return _set(table, step, str.upper)
        case "hashmod":
            return _set(table, step, lambda value: str(_hash(value) % step.modulus))
        case "keep" | "drop" | "keepequal" | "dropequal":
            return Table(table.columns, table.alive & _stays(table, step))
        case "labelmap":
            return _labelmap(table, step)
        case _:
            keeps = step.action == "labelkeep"
            kept = {name: column for name, column in table.columns.items() if (_match(step.regex, name) is not None) == keeps}
            return Table(kept, table.alive)


def _replace(table: Table, step: Step) -> Table:
    source = _source(table, step)
    found = [_match(step.regex, value) for value in source.values]
    if step.regex == EVERYTHING and step.replacement == FIRST_GROUP and _LABEL.fullmatch(step.target_label):
        return _put(table, step.target_label, source, np.ones(len(table.alive), dtype=np.bool_))
    targets = ["" if match is None else expand(step.target_label, match) for match in found]
    values = tuple("" if match is None else expand(step.replacement, match) for match in found)
    for target in dict.fromkeys(target for target in targets if _LABEL.fullmatch(target)):
        there = np.array([one == target for one in targets], dtype=np.bool_)[source.codes]
        table = _put(table, target, Column(values, source.codes), there)
    return table


def _set(table: Table, step: Step, made: Callable[[str], str]) -> Table:
    source = _source(table, step)
    column = Column(tuple(made(value) for value in source.values), source.codes)
    return _put(table, step.target_label, column, np.ones(len(table.alive), dtype=np.bool_))


def _hash(value: str) -> int:
    """The last eight bytes of MD5, as Prometheus takes them: it shares out series, it keeps no secret."""
    return int.from_bytes(hashlib.md5(value.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()[8:], "big")


def _stays(table: Table, step: Step) -> BoolArray:
    source = _source(table, step)
    if step.action in ("keep", "drop"):
        there = [(_match(step.regex, value) is not None) == (step.action == "keep") for value in source.values]
        return np.array(there, dtype=np.bool_)[source.codes]
    both = _joined([source, _column(table, step.target_label)], lambda a, b: "=" if a == b else "")
    equal = np.array([value == "=" for value in both.values], dtype=np.bool_)[both.codes]
    return equal if step.action == "keepequal" else ~equal


def _labelmap(table: Table, step: Step) -> Table:
    for name, column in sorted(table.columns.items()):
        found = _match(step.regex, name)
        if found is not None:
            there = np.array([value != "" for value in column.values], dtype=np.bool_)[column.codes]
            table = _put(table, expand(step.replacement, found), column, there)
    return table


def _put(table: Table, name: str, column: Column, there: BoolArray) -> Table:
    """Set a label in some rows; the others keep the value that they have."""
    if not bool(there.all()):
        old = _column(table, name)
        codes = np.where(there, column.codes + len(old.values), old.codes).astype(np.intp)
        column = _compact(old.values + column.values, codes)
    return Table({**table.columns, name: column}, table.alive)


def _compact(values: Sequence[str], codes: IndexArray) -> Column:
    """Leave out values that no row has, and have equal ones once."""
    used, again = np.unique(codes, return_inverse=True)
    known: dict[str, int] = {}
    numbers = np.array([known.setdefault(values[code], len(known)) for code in used.tolist()], dtype=np.intp)
    return Column(tuple(known), numbers[again.reshape(-1)])


def _source(table: Table, step: Step) -> Column:
    if not step.source_labels:
        return _column(table, "")
    return _joined([_column(table, name) for name in step.source_labels], lambda a, b: f"{a}{step.separator}{b}")


def _column(table: Table, name: str) -> Column:
    return table.columns.get(name) or Column(("",), np.zeros(len(table.alive), dtype=np.intp))


def _joined(columns: Sequence[Column], together: Callable[[str, str], str]) -> Column:
    """Return what a function makes of the values of columns, one after the other."""
    whole = columns[0]
    for other in columns[1:]:
        pairs, codes = np.unique(whole.codes * len(other.values) + other.codes, return_inverse=True)
        split = (divmod(pair, len(other.values)) for pair in pairs.tolist())
        values = [together(whole.values[a], other.values[b]) for a, b in split]
        whole = _compact(values, codes.reshape(-1).astype(np.intp))
    return whole


@lru_cache(maxsize=1024)
def _pattern(regex: str) -> Any:
    return compile_regex(regex)


def _match(regex: str, value: str) -> Any:
    return _pattern(regex).fullmatch(value)


def expand(template: str, match: Any) -> str:
    """Return a template with `$1`, `${1}` and `${name}` filled in as Go does: what names no group is empty, `$$` a dollar."""

    def group(reference: re.Match[str]) -> str:
        if reference.group(1):
            return "$"
        name = reference.group(2) or reference.group(3)
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(group, template)
