"""What expressions gave at the last instant, for use at the next where it comes out the same; knows no rules, no functions.

Lives here: when the samples that a selector sees are still those that it saw, and nodes' values beside what they were made of.
Must not know: how a value is computed. A value is used again only as the same object, so that what is made of it alone need
not be made again either; what holds nothing is one object for each handle of labels.
"""

from __future__ import annotations

from operator import is_
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ops_center.label_sets import Matcher
from ops_center.promql import ast
from ops_center.promql.values import Value, Vector
from ops_center.selection import Selection
from ops_center.series import SeriesStore

Read = tuple[tuple[ast.Selector | ast.Matrix, tuple[Matcher, ...]], ...]
_PROVEN = -1
_MOST_TRIES = 8  # a join is known only after it was made, so that one try is not enough
MOST_COLUMNS = 100_000  # wider values are not kept from one instant to the next


class Leaf(msgspec.Struct):
    """A selector's value, and what it saw: the samples in (after, at] of the store's axis, all of them received by `as_of`."""

    selection: Selection
    writes: int
    after_ms: int
    at_ms: int
    as_of: int
    asked: tuple[str, float] | None
    value: Vector


class Look(msgspec.Struct, frozen=True):
    """What a selector is to see now: as `Leaf`. `asked` is a comparison that its numbers need be exact for."""

    selection: Selection
    after_ms: int
    at_ms: int
    as_of: int
    asked: tuple[str, float] | None = None


class Standing:
    """Values of the nodes of one pool over one store, by the nodes' identity.

    Attributes:
        made: of nodes that are made of others alone: what they were made of, and the value.
    """

    __slots__ = ("_leaves", "_leaves_out", "_proofs", "_read", "_selections", "made")

    def __init__(self, leaves_out: bool = True) -> None:
        self._leaves_out = leaves_out
        self._read: dict[int, Read] = {}
        self._proofs: dict[int, tuple[list[Selection], int]] = {}
        self._leaves: dict[int, Leaf] = {}
        self._selections: dict[int, Selection] = {}
        self.made: dict[int, tuple[object, object, Value]] = {}

    def selection(self, node: int, matchers: tuple[Matcher, ...], store: SeriesStore) -> Selection:
        """What a node's matchers select, as the store says: it is asked again only when there may be more."""
        known = self._selections.get(node)
        if known is not None and known.metric is not None and known.metric.version == known.version:
            return known
        found = self._selections[node] = store.select(matchers)
        return found

    def leaf(self, node: int, look: Look) -> Vector | None:
        """The value of a selector, where it sees what it saw; else None."""
        leaf = self._leaves.get(node)
        if leaf is None or leaf.selection is not look.selection or look.at_ms < leaf.at_ms or leaf.asked != look.asked:
            return None
        seen_by, writes = min(leaf.as_of, look.as_of), 0
        for block, _, _ in look.selection.parts:
            if block.newest_received > seen_by:
                return None
            writes += block.writes
        if writes != leaf.writes:
            return None
        for block, _, _ in look.selection.parts:
            if not block.stands(leaf.after_ms, leaf.at_ms, look.after_ms, look.at_ms):
                return None
        return leaf.value

    def keep_leaf(self, node: int, look: Look, value: Vector) -> Vector:
        """Keep the value that a selector has now, and return it, or the one before where that is the same to the last bit.

        What it shows of the store's own memory is copied, because that changes.
        """
        if len(value.labels) > MOST_COLUMNS:
            self._leaves.pop(node, None)
            return value
        before = self._leaves.get(node)
        value = nothing_if_empty(value)
        same = before is not None and _is_same(before.value, value)
        if before is not None and same:
            value = before.value
        elif value.values.base is not None:
            value = Vector(value.labels, value.values.copy(), value.present)
        writes = sum([block.writes for block, _, _ in look.selection.parts])
        self._leaves[node] = Leaf(look.selection, writes, look.after_ms, look.at_ms, look.as_of, look.asked, value)
        return value

    def read(self, expr: ast.Expr) -> Read:
        """What an expression reads, to find out whether it cannot fail; empty where that is not to be found out."""
        found = self._read.get(id(expr))
        if found is None:
            nodes = selectors_of(expr) if self._leaves_out else None
            found = tuple((n, (n.selector if isinstance(n, ast.Matrix) else n).matchers) for n in nodes or ())
            self._read[id(expr)] = found
        return found

    def verdict(self, expr: ast.Expr, selections: list[Selection]) -> bool | None:
        """Whether an expression cannot fail over what its selectors select, as was found out before; None: find out (again)."""
        known = self._proofs.get(id(expr))
        if known is None or not all(map(is_, known[0], selections)):
            return None
        return True if known[1] == _PROVEN else None if known[1] < _MOST_TRIES else False

    def judge(self, expr: ast.Expr, selections: list[Selection], sure: bool) -> bool:
        """Keep what was found out, and return it."""
        known = self._proofs.get(id(expr))
        again = known is not None and all(map(is_, known[0], selections))
        tries = known[1] + 1 if known is not None and again else 1
        self._proofs[id(expr)] = (selections, _PROVEN if sure else tries)
        return sure

    def keep(self, node: int, first: object, second: object, value: Value) -> Value:
        """Keep what a node made of one or two other values, and return it."""
        if isinstance(value, Vector):
            if len(value.labels) > MOST_COLUMNS:
                self.made.pop(node, None)
                return value
            value = nothing_if_empty(value)
        self.made[node] = (first, second, value)
        return value


def selectors_of(node: ast.Expr) -> tuple[ast.Selector | ast.Matrix, ...] | None:
    """What an expression reads; None where it reads by more than matchers and fixed offsets, or is not followed here."""
    found: list[ast.Selector | ast.Matrix] = []
    for part in _parts(node):
        if isinstance(part, ast.Selector | ast.Matrix):
            selector = part.selector if isinstance(part, ast.Matrix) else part
            plain = selector.at is None and selector.offset is None and not selector.extended
            if not plain or (isinstance(part, ast.Matrix) and part.range is not None):
                return None
            found.append(part)
        elif not isinstance(part, ast.Number | ast.String | ast.Call | ast.Aggregate | ast.Binary):
            return None
    return tuple(found)


def _parts(node: ast.Expr) -> list[ast.Expr]:
    """The node and all that is evaluated beneath it; the selector of a range is not."""
    waiting, found = [node], []
    while waiting:
        part = waiting.pop()
        found.append(part)
        if not isinstance(part, ast.Matrix):
            waiting.extend(ast.children(part))
    return found


def _is_same(one: Vector, other: Vector) -> bool:
    """Whether two vectors of one instant hold the same bits under the same labels; most differ in their first column already."""
    if one is other:
        return True
    if one.labels is not other.labels or one.values.shape != other.values.shape or len(one.values) != 1 or not one.values.size:
        return False
    if one.values.item(0) != other.values.item(0) or one.values.item(-1) != other.values.item(-1):
        return False
    if not _equal(one.present, other.present) or one.order is not None or other.order is not None:
        return False
    return one.values.dtype == other.values.dtype == np.float64 and _equal(one.values.view(np.int64), other.values.view(np.int64))


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return not np.count_nonzero(one != other)


def nothing_if_empty(vector: Vector) -> Vector:
    """The vector, or the one object that stands for nothing under its labels."""
    present = vector.present
    if len(present) != 1 or vector.order is not None or np.count_nonzero(present):
        return vector
    labels = vector.labels
    shape = present.shape
    return labels.derive("nothing", lambda: Vector(labels, np.zeros(shape), np.zeros(shape, dtype=np.bool_)))
