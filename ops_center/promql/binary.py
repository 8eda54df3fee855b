"""Binary operators: element by element, joins of two vectors, and sets; join indexes are kept on the label handles.

Semantics: Prometheus promql/engine.go (VectorBinop, VectorAnd, VectorOr, VectorUnless). Knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import (
    NAME,
    BoolArray,
    Groups,
    IndexArray,
    Labels,
    LabelSets,
    group_by_keys,
    labels_of,
    only_names,
    parts_of,
    without_names,
)
from ops_center.promql import ast
from ops_center.promql.errors import EvaluationError, LimitError
from ops_center.promql.options import Options
from ops_center.promql.values import Scalar, Text, Value, Vector, merged, renamed
from ops_center.promql.watch import UNWATCHED, Watch
from ops_center.series_blocks import FloatArray

MAX_PAIRS = 500_000
_ARITHMETIC: dict[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
_COMPARE: dict[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}


def binary(node: ast.Binary, left: Value, right: Value, options: Options, watch: Watch = UNWATCHED) -> Value:
    """The value of `left op right`.

    Raises:
        EvaluationError: matching that is not one-to-one where it must be.
    """
    if isinstance(left, Vector):
        if isinstance(right, Scalar):
            return _with_scalar(node, left, left.values, right.values[:, None], options)
        if isinstance(right, Vector):
            return _set_operation(node, left, right) if node.op in ast.SET_OPS else _join(node, left, right, options, watch)
    if isinstance(left, Text) or isinstance(right, Text):
        raise EvaluationError(f"operator {node.op!r}: saw a string, expected numbers")
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(_numbers(node.op, left.values, right.values))
    if isinstance(left, Scalar) and isinstance(right, Vector):
        return _with_scalar(node, right, left.values[:, None], right.values, options)
    raise EvaluationError(f"operator {node.op!r}: saw {type(left).__name__} and {type(right).__name__}, expected numbers")


def _numbers(op: str, left: FloatArray, right: FloatArray) -> FloatArray:
    if op in _COMPARE:
        return np.asarray(_COMPARE[op](left, right), dtype=np.float64)
    return np.asarray(_ARITHMETIC[op](left, right), dtype=np.float64)


def _with_scalar(node: ast.Binary, vector: Vector, left: FloatArray, right: FloatArray, options: Options) -> Vector:
    if node.op in _COMPARE and not node.return_bool:
        return Vector(vector.labels, vector.values, vector.present & _COMPARE[node.op](left, right))
    return renamed(Vector(vector.labels, _numbers(node.op, left, right), vector.present), options)


def signature(labels: Labels, matching: ast.Matching) -> Labels:
    """What two series must share to match."""
    if matching.on:
        return only_names(labels, matching.labels)
    return without_names(labels, (*matching.labels, NAME))


def _signed(sets: Iterable[Labels], matching: ast.Matching) -> list[Labels]:
    return parts_of(sets, matching.labels if matching.on else (*matching.labels, NAME), not matching.on)


def _signatures(labels: LabelSets, matching: ast.Matching) -> list[Labels]:
    """The signature of each column, kept with the handle: expressions that match alike share them."""
    return labels.derive(("signatures", matching.on, matching.labels), lambda: _signed(labels.sets, matching))


@dataclass(frozen=True, slots=True)
class Join:
    """All pairs that may ever match, between two label handles.

    Attributes:
        many, one: columns of each pair on the many side and the one side.
        straight: pair i is column i on both sides, so that nothing needs to be gathered.
        labels: of the results; out: the result of each pair.
        pair_groups: the pairs partitioned by what must be unique; None when nothing can collide.
    """

    many: IndexArray
    one: IndexArray
    labels: LabelSets
    out: IndexArray
    straight: bool
    direct: bool
    pair_groups: Groups | None


def _result_labels(node: ast.Binary, many: Labels, one: Labels, dropped: tuple[str, ...]) -> Labels:
    how = node.matching
    labels = without_names(many, dropped) if dropped else many
    if not how.group:
        return only_names(labels, how.labels) if how.on else without_names(labels, how.labels)
    if not how.include:
        return labels
    found = dict(one)
    return labels_of({**dict(labels), **{name: found.get(name, "") for name in how.include}})


def _build_join(node: ast.Binary, many: LabelSets, one: LabelSets, options: Options, watch: Watch) -> Join:
    delayed = options.delayed_name_removal
    by_key: dict[Labels, list[int]] = {}
    for column, key in enumerate(_signatures(one, node.matching)):
        by_key.setdefault(key, []).append(column)
    drops_name = node.return_bool or node.op not in _COMPARE
    dropped = options.dropped if drops_name and not delayed else ()
    _count_pairs(by_key, _signatures(many, node.matching))
    pairs: list[tuple[int, int]] = []
    keys: list[Labels] = []
    made: list[Labels] = []
    columns = zip(many.sets, _signatures(many, node.matching), strict=True)
    for column, (labels, key) in enumerate(watch.each(columns)):
        for other in by_key.get(key, ()):
            pairs.append((column, other))
            keys.append(key)
            made.append(_result_labels(node, labels, one.sets[other], dropped))
    sets, out = group_by_keys(made)
    many_index = np.array([p[0] for p in pairs], dtype=np.intp)
    drop = None
    if delayed:
        marked = np.ones(len(pairs), dtype=np.bool_) if drops_name else many.drops[many_index]
        drop = np.bincount(out.ids, weights=marked, minlength=len(sets)) > 0
    _, collide = group_by_keys(keys) if not node.matching.group else (sets, out)
    one_index = np.array([p[1] for p in pairs], dtype=np.intp)
    return Join(
        many=many_index,
        one=one_index,
        straight=_is_identity(many_index, len(many)) and _is_identity(one_index, len(one)),
        labels=LabelSets(sets, drop),
        out=out.ids,
        direct=out.singletons,
        pair_groups=None if collide.singletons else collide,
    )


def _count_pairs(by_key: Mapping[Labels, list[int]], keys: Iterable[Labels]) -> None:
    """Refuse what would make too many pairs before any is made."""
    count = sum(len(by_key.get(key, ())) for key in keys)
    if count > MAX_PAIRS:
        raise LimitError(f"too many series match: saw {count} pairs, expected at most {MAX_PAIRS}; add labels to on()")


def _is_identity(index: IndexArray, columns: int) -> bool:
    return len(index) == columns and bool((index == np.arange(columns)).all())


def _crowded(labels: LabelSets, matching: ast.Matching) -> Groups | None:
    """The columns partitioned by signature; None when no signature occurs twice. Kept with the handle."""

    def build() -> Groups | None:
        groups = group_by_keys(_signatures(labels, matching))[1]
        return None if groups.singletons else groups

    return labels.derive(("crowd", matching.on, matching.labels), build)


def _join_key(node: ast.Binary, one: LabelSets, options: Options) -> tuple[object, ...]:
    naming = (options.delayed_name_removal, options.metadata_labels)
    return ("join", id(one), node.op in _COMPARE and not node.return_bool, node.matching, naming)


def sure_join(node: ast.Binary, left: LabelSets, right: LabelSets, options: Options) -> LabelSets | None:
    """The labels of a join that has been made before and cannot fail, whatever is present on either side; else None."""
    how = node.matching
    many, one = (right, left) if how.group == "right" else (left, right)
    if how.fill_left is not None or how.fill_right is not None or _crowded(one, how) is not None:
        return None
    found: tuple[Join, LabelSets] | None = many.known(_join_key(node, one, options))
    if found is None or not found[0].direct or found[0].pair_groups is not None:
        return None
    return found[0].labels


def _join(node: ast.Binary, left: Vector, right: Vector, options: Options, watch: Watch) -> Vector:
    how = node.matching
    swapped = how.group == "right"
    many, one = (right, left) if swapped else (left, right)
    filled = how.fill_left is not None or how.fill_right is not None
    crowd = _crowded(one.labels, how)
    if crowd is not None:
        _refuse_crowd(crowd, many, one, node, swapped)
    key = _join_key(node, one.labels, options)
    join, _ = many.labels.derive(key, lambda: (_build_join(node, many.labels, one.labels, options, watch), one.labels))
    if join.straight:
        present, many_values, one_values = many.present & one.present, many.values, one.values
    else:
        present = many.present[:, join.many] & one.present[:, join.one]
        many_values, one_values = many.values[:, join.many], one.values[:, join.one]
    a, b = (one_values, many_values) if swapped else (many_values, one_values)
    if join.pair_groups is not None and not options.closed:
        _refuse_multiple(join.pair_groups, present, node)
    values, present = _of_pairs(node, a, b, present)
    if join.pair_groups is not None and options.closed:  # in 2.x what a comparison leaves out did not count
        _refuse_multiple(join.pair_groups, present, node)
    if filled:
        labels = LabelSets([join.labels.sets[i] for i in join.out.tolist()], join.labels.drops[join.out])
        return _with_filled(node, Vector(labels, values, present), many, one, options)
    if join.direct:
        return Vector(join.labels, values, present)
    return merged(Vector(LabelSets([join.labels.sets[i] for i in join.out.tolist()]), values, present))


def _of_pairs(node: ast.Binary, a: FloatArray, b: FloatArray, present: BoolArray) -> tuple[FloatArray, BoolArray]:
    """The results of pairs and which of them there are: a comparison keeps its left side where it holds."""
    if node.op in _COMPARE and not node.return_bool:
        return a, present & _COMPARE[node.op](a, b)
    return _numbers(node.op, a, b), present


def _with_filled(node: ast.Binary, pairs: Vector, many: Vector, one: Vector, options: Options) -> Vector:
    """The pairs beside what one side has alone, a number standing in for the other side."""
    how = node.matching
    swapped = how.group == "right"
    for_many, for_one = how.fill_left, how.fill_right  # also with group_right: Prometheus turns the sides, not the numbers
    parts = [pairs]
    if for_one is not None:
        alone = Vector(many.labels, many.values, many.present & ~_has_partner(node, many, one))
        if not how.group:
            _refuse_multiple_alone(alone, node)
        parts.append(_filled(node, alone, for_one, swapped, options, of_one=False))
    if for_many is not None:
        alone = Vector(one.labels, one.values, one.present & ~_has_partner(node, one, many))
        parts.append(_filled(node, alone, for_many, not swapped, options, of_one=True))
    sets = [labels for part in parts for labels in part.labels.sets]
    drops = np.concatenate([part.labels.drops for part in parts])
    values = np.concatenate([part.values for part in parts], axis=1)
    return merged(Vector(LabelSets(sets, drops), values, np.concatenate([part.present for part in parts], axis=1)))


def _has_partner(node: ast.Binary, these: Vector, others: Vector) -> BoolArray:
    """Whether the other side has a sample of the same signature, shape of these."""
    overlap = _overlap(node, these.labels, others.labels)
    return _any_present(others.present, overlap.right, overlap.count)[:, overlap.left]


def _refuse_multiple_alone(alone: Vector, node: ast.Binary) -> None:
    groups = _crowded(alone.labels, node.matching)
    if groups is not None:
        _refuse_multiple(groups, alone.present, node)


def _filled(node: ast.Binary, alone: Vector, fill: float, swapped: bool, options: Options, of_one: bool) -> Vector:
    """One side's samples with a number in place of the other's; `of_one`: they are the one side's, the many side is missing."""
    other = np.full(alone.values.shape, fill)
    a, b = (other, alone.values) if swapped else (alone.values, other)
    values, present = _of_pairs(node, a, b, alone.present)
    drops_name = node.return_bool or node.op not in _COMPARE
    dropped = options.dropped if drops_name and not options.delayed_name_removal else ()
    if of_one:
        signed = _signatures(alone.labels, node.matching)
        made = [_result_labels(node, s, o, dropped) for s, o in zip(signed, alone.labels.sets, strict=True)]
    else:
        made = [_result_labels(node, labels, (), dropped) for labels in alone.labels.sets]
    marked = np.full(len(made), drops_name) if options.delayed_name_removal else None
    return Vector(LabelSets(made, marked), values, present)


def _refuse_crowd(groups: Groups, many: Vector, one: Vector, node: ast.Binary, swapped: bool) -> None:
    """More than one series of the one side with the same signature at an instant is an error, matched or not."""
    busy = np.asarray(many.present.any(axis=1) & one.present.any(axis=1), dtype=np.bool_)
    counts = np.add.reduceat(one.present[:, groups.order], groups.starts, axis=1, dtype=np.intp)
    bad = (counts > 1) & busy[:, None]
    if not bad.any():
        return
    step, group = (int(i[0]) for i in np.nonzero(bad))
    members = groups.order[groups.starts[group] : groups.starts[group] + groups.sizes[group]]
    seen = sorted(_full(one.labels.sets[m]) for m in members.tolist() if one.present[step, m])
    key = _full(signature(one.labels.sets[int(members[0])], node.matching))
    side = "left" if swapped else "right"
    raise EvaluationError(
        f"found duplicate series for the match group {key} on the {side} hand-side of the operation: "
        f"[{seen[0]}, {seen[1]}];many-to-many matching not allowed: matching labels must be unique on one side"
    )


def _full(labels: Labels) -> str:
    return "{" + ", ".join(f'{k}="{v}"' for k, v in labels) + "}"


def _refuse_multiple(groups: Groups, present: BoolArray, node: ast.Binary) -> None:
    counts = np.add.reduceat(present[:, groups.order], groups.starts, axis=1, dtype=np.intp)
    if not (counts > 1).any():
        return
    if node.matching.group:
        raise EvaluationError("multiple matches for labels: grouping labels must ensure unique matches")
    raise EvaluationError("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two handles by the numbers of the left one's signatures; what the left one lacks has the last number, which is of none.

    Attributes:
        left, right: number of each column.
        count: how many numbers there are.
    """

    left: IndexArray
    right: IndexArray
    count: int


def _numbered(labels: LabelSets, matching: ast.Matching) -> tuple[dict[Labels, int], IndexArray]:
    """The distinct signatures with a number each, and the number of each column; kept with the handle."""

    def build() -> tuple[dict[Labels, int], IndexArray]:
        numbers: dict[Labels, int] = {}
        found = [numbers.setdefault(key, len(numbers)) for key in _signatures(labels, matching)]
        return numbers, np.array(found, dtype=np.intp)

    return labels.derive(("numbers", matching.on, matching.labels), build)


def _overlap(node: ast.Binary, left: LabelSets, right: LabelSets) -> Overlap:
    numbers, ids = _numbered(left, node.matching)
    others = [numbers.get(key, len(numbers)) for key in _signatures(right, node.matching)]
    return Overlap(ids, np.array(others, dtype=np.intp), len(numbers) + 1)


def _any_present(present: BoolArray, ids: IndexArray, count: int) -> BoolArray:
    """Per signature, whether any of its columns is present, shape (steps, signatures)."""
    out = np.zeros((len(present), count), dtype=np.bool_)
    for row, there in zip(out, present, strict=True):
        row[ids[there.nonzero()[0]]] = True
    return out


def _set_operation(node: ast.Binary, left: Vector, right: Vector) -> Vector:
    if not np.count_nonzero(right.present):
        return left if node.op != "and" else Vector(left.labels, left.values, np.zeros_like(left.present))
    if not np.count_nonzero(left.present):
        return left if node.op != "or" else _union(left, right, right.present)
    key = ("set", id(right.labels), node.matching)
    overlap, _ = left.labels.derive(key, lambda: (_overlap(node, left.labels, right.labels), right.labels))
    if node.op == "or":
        hidden = _any_present(left.present, overlap.left, overlap.count)[:, overlap.right]
        return _union(left, right, right.present & ~hidden)
    there = _any_present(right.present, overlap.right, overlap.count)[:, overlap.left]
    present = left.present & (there if node.op == "and" else ~there)
    return Vector(left.labels, left.values, present)


def _union(left: Vector, right: Vector, right_present: BoolArray) -> Vector:
    def build() -> tuple[LabelSets, LabelSets]:
        drops = np.concatenate([left.labels.drops, right.labels.drops])
        return LabelSets(left.labels.sets + right.labels.sets, drops), right.labels

    labels, _ = left.labels.derive(("union", id(right.labels)), build)
    values = np.concatenate([left.values, right.values], axis=1)
    return merged(Vector(labels, values, np.concatenate([left.present, right_present], axis=1)))
