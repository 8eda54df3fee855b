"""Label sets, matchers and the indexes derived from them; knows nothing of samples or of PromQL.

A `LabelSets` is the shared handle of the columns of a result. What is computed from it (names dropped, groups, joins) is
kept on it, so that an expression that meets the same handle at the next evaluation pays for no dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import re2
from numpy.typing import NDArray

Labels = tuple[tuple[str, str], ...]
NAME = "__name__"
MAX_REGEX = 1024
_MAX_DERIVED = 128
_ONLY_NAME = frozenset((NAME,))
_POWERS = 1 << np.arange(48, dtype=np.int64)  # of two, up to more series than any memory holds

BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]
T = TypeVar("T")


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """Sorted label pairs; empty values are no labels, as in Prometheus."""
    return tuple(sorted([pair for pair in mapping.items() if pair[1] != ""]))


def named(labels: Labels, name: str) -> Labels:
    """The labels of a series of a metric, from sorted pairs without a name."""
    if not labels or labels[0][0] > NAME:
        return ((NAME, name), *labels)
    return tuple(sorted(((NAME, name), *labels)))


def all_named(sets: Iterable[Labels], name: str) -> list[Labels]:
    """`named` of many label sets."""
    first = ((NAME, name),)
    return [first + one if not one or one[0][0] > NAME else named(one, name) for one in sets]


def without_names(labels: Labels, names: Iterable[str]) -> Labels:
    """The pairs whose name is not in `names`."""
    gone = frozenset(names)
    if gone == _ONLY_NAME and labels and labels[0][0] == NAME:  # by far the most frequent case
        return labels[1:]
    return tuple([p for p in labels if p[0] not in gone])


def only_names(labels: Labels, names: Iterable[str]) -> Labels:
    """The pairs whose name is in `names`."""
    kept = frozenset(names)
    return tuple([p for p in labels if p[0] in kept])


def parts_of(sets: Iterable[Labels], names: Iterable[str], without: bool) -> list[Labels]:
    """`only_names` of many label sets, or `without_names`."""
    chosen = frozenset(names)
    if not without:
        return [tuple([p for p in labels if p[0] in chosen]) for labels in sets]
    if chosen == _ONLY_NAME:
        return [without_names(labels, chosen) for labels in sets]
    return [tuple([p for p in labels if p[0] not in chosen]) for labels in sets]


def format_labels(labels: Labels) -> str:
    """`name{a="b"}`, as Prometheus prints a metric."""
    name = dict(labels).get(NAME, "")
    inner = ", ".join(f'{k}="{_escape(v)}"' for k, v in labels if k != NAME)
    return f"{name}{{{inner}}}" if inner or not name else name


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher; `op` is `=`, `!=`, `=~` or `!~`."""

    name: str
    op: str
    value: str

    def matches_empty(self) -> bool:
        """A series without this label passes."""
        return test_of(self)("")


def compile_regex(pattern: str) -> Any:
    """An RE2 pattern; anchoring is the caller's business.

    Raises:
        ValueError: too long or not RE2 syntax.
    """
    if len(pattern) > MAX_REGEX:
        raise ValueError(f"regular expression too long: saw {len(pattern)} characters, expected at most {MAX_REGEX}")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(pattern, options=options)
    except re2.error as why:
        said = why.args[0].decode() if why.args and isinstance(why.args[0], bytes) else str(why)
        raise ValueError(f"bad regular expression {pattern!r}: {said}, expected RE2 syntax") from None


def test_of(matcher: Matcher) -> Callable[[str], bool]:
    """A predicate on the label's value; a missing label has the empty value."""
    wanted = matcher.value
    if matcher.op == "=":
        return lambda value: value == wanted
    if matcher.op == "!=":
        return lambda value: value != wanted
    pattern = compile_regex(wanted)
    positive = matcher.op == "=~"
    known: dict[str, bool] = {}

    def test(value: str) -> bool:
        if value not in known:
            known[value] = (pattern.fullmatch(value) is not None) == positive
        return known[value]

    return test


def matching(sets: Iterable[Labels], matchers: Iterable[Matcher]) -> list[int]:
    """Positions of the label sets that every matcher accepts."""
    held = tuple(sets)
    found: Iterable[int] = range(len(held))
    for matcher in matchers:
        found = _accepted(held, found, matcher)
    return list(found)


def _accepted(sets: tuple[Labels, ...], positions: Iterable[int], matcher: Matcher) -> list[int]:
    """Those of the positions whose label set a matcher accepts; sorted pairs are searched, no dictionary is made of them."""
    pair, test = (matcher.name, matcher.value), test_of(matcher)
    if matcher.op == "=" and matcher.value:
        return [i for i in positions if pair in sets[i]]
    if matcher.op == "!=" and matcher.value:
        return [i for i in positions if pair not in sets[i]]
    return [i for i in positions if test(value_of(sets[i], matcher.name))]


def value_of(labels: Labels, name: str) -> str:
    """The value of a label, empty where there is none."""
    for pair in labels:
        if pair[0] == name:
            return pair[1]
    return ""


class LabelSets:
    """The labels of a result's columns, shared and immutable, with a cache of everything derived from them.

    `drop_name` marks columns whose metric name is to be dropped at the end of the query (delayed name removal).
    """

    __slots__ = ("_cache", "_unique", "drop_name", "sets")

    def __init__(self, sets: Iterable[Labels], drop_name: BoolArray | None = None) -> None:
        self.sets: tuple[Labels, ...] = tuple(sets)
        self.drop_name = drop_name if drop_name is not None and bool(drop_name.any()) else None
        self._cache: dict[Hashable, Any] = {}
        self._unique: bool | None = None

    def __len__(self) -> int:
        return len(self.sets)

    def derive(self, key: Hashable, build: Callable[[], T]) -> T:
        """The value kept under `key`, built at first use."""
        found = self._cache.get(key, self)
        if found is not self:
            return cast("T", found)
        if len(self._cache) >= _MAX_DERIVED:
            self._cache.clear()
        built = self._cache[key] = build()
        return built

    def known(self, key: Hashable) -> Any:
        """The value kept under `key`, None if there is none."""
        return self._cache.get(key)

    @property
    def drops(self) -> BoolArray:
        """`drop_name` as an array, all false when nothing is marked."""
        return np.zeros(len(self), dtype=np.bool_) if self.drop_name is None else self.drop_name

    def is_unique(self) -> bool:
        """No two columns have the same labels."""
        if self._unique is None:
            self._unique = len(set(self.sets)) == len(self.sets)
        return self._unique

    def take(self, columns: IndexArray) -> LabelSets:
        """The handle of some columns."""
        drops = None if self.drop_name is None else self.drop_name[columns]
        return LabelSets([self.sets[i] for i in columns.tolist()], drops)

    def without_name(self, delayed: bool, names: tuple[str, ...] = (NAME,)) -> LabelSets:
        """The handle with metric names (and what goes with them) dropped, at once or marked for the end of the query."""
        if delayed:
            return self.derive("mark", lambda: LabelSets(self.sets, np.ones(len(self), dtype=np.bool_)))
        return self.derive(("drop", names), lambda: LabelSets(without_names(s, names) for s in self.sets))

    def finished(self, names: tuple[str, ...] = (NAME,)) -> LabelSets:
        """Marked names dropped."""
        if self.drop_name is None:
            return self
        pairs = zip(self.sets, self.drops.tolist(), strict=True)
        return self.derive(("finish", names), lambda: LabelSets(without_names(s, names) if d else s for s, d in pairs))


EMPTY = LabelSets(())
SCALAR = LabelSets(((),))


@dataclass(frozen=True, slots=True)
class Groups:
    """Columns partitioned by a key.

    Attributes:
        ids: group of each column, shape (columns,).
        order: columns sorted by group, stable.
        starts: where each group begins in `order`, shape (groups,).
        sizes: columns per group.
        ladders: for groups of like size, (groups, index matrix of shape (rungs, groups)); index `columns` is padding.
    """

    count: int
    ids: IndexArray
    order: IndexArray
    starts: IndexArray
    sizes: IndexArray
    ladders: tuple[tuple[IndexArray, IndexArray], ...]

    @property
    def singletons(self) -> bool:
        """Every column is a group of its own."""
        return self.count == len(self.ids)


def group_by_keys(keys: Iterable[Hashable]) -> tuple[list[Any], Groups]:
    """Distinct keys in order of appearance, and the partition they make."""
    seen: dict[Hashable, int] = {}
    ids = np.fromiter((seen.setdefault(k, len(seen)) for k in keys), dtype=np.intp)
    return list(seen), groups_of(ids, len(seen))


def groups_of(ids: IndexArray, count: int) -> Groups:
    """The partition given by group numbers 0…count−1, each used at least once."""
    order = np.argsort(ids, kind="stable").astype(np.intp)
    sizes = np.bincount(ids, minlength=count).astype(np.intp)
    starts = (np.cumsum(sizes) - sizes).astype(np.intp)
    return Groups(count, ids, order, starts, sizes, _ladders(order, starts, sizes))


def _ladders(order: IndexArray, starts: IndexArray, sizes: IndexArray) -> tuple[tuple[IndexArray, IndexArray], ...]:
    """Groups bucketed by the power of two above their size, so that padding at most doubles the work."""
    if not len(sizes):
        return ()
    rungs = np.searchsorted(_POWERS, sizes)
    out = []
    for rung in np.unique(rungs).tolist():
        members = np.flatnonzero(rungs == rung).astype(np.intp)
        height = int(sizes[members].max())
        at = starts[members][None, :] + np.arange(height, dtype=np.intp)[:, None]
        inside = np.arange(height)[:, None] < sizes[members][None, :]
        index = np.where(inside, order[np.minimum(at, len(order) - 1)], len(order)).astype(np.intp)
        out.append((members, index))
    return tuple(out)
