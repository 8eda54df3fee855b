"""Functions of instant vectors, scalars and labels; knows no windows and no store."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import cast

import numpy as np

from ops_center.label_sets import NAME, SCALAR, IndexArray, Labels, LabelSets, compile_regex, labels_of, value_of
from ops_center.promql import ast
from ops_center.promql.errors import EvaluationError, LimitError
from ops_center.promql.histograms import Asked, histogram_fraction, histogram_quantile, histogram_quantiles
from ops_center.promql.numbers import is_label_name, quoted
from ops_center.promql.selectors import Context
from ops_center.promql.values import Scalar, Value, Vector, merged, renamed
from ops_center.series_blocks import FloatArray

_MATH: dict[str, Callable[[FloatArray], FloatArray]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sgn": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "deg": lambda v: v * 180 / math.pi,
    "rad": lambda v: v * math.pi / 180,
}
_CLAMPS = frozenset({"clamp", "clamp_min", "clamp_max"})
_DATES = frozenset(["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"])
_SORTS = frozenset({"sort", "sort_desc", "sort_by_label", "sort_by_label_desc"})
_NO_ORDER = "sort is ineffective for range queries since results are always ordered by labels"
RELABELLING = frozenset({"label_replace", "label_join"})
_SCALARS = frozenset({"time", "pi", "step", "range", "start", "end", "min_of", "max_of", "scalar"})


def string_of(expr: ast.Expr) -> str:
    """The value of a string literal, parentheses aside."""
    inner = ast.unwrap(expr)
    if not isinstance(inner, ast.String):
        raise EvaluationError(f"saw {type(inner).__name__}, expected a string literal")
    return inner.value


def instant_function(expr: ast.Call, context: Context, found: Vector | None = None) -> Value:
    """The value of a function call that takes no range vector (or of absent_over_time, with what it `found`).

    Raises:
        EvaluationError: bad regular expression or label name, results that coincide.
    """
    name, options = expr.func, context.options
    if name in ("absent", "absent_over_time"):
        return _absent(expr, found if found is not None else _vector(expr.args[0], context))
    if name in _SCALARS:
        return _scalar(expr, context)
    if name in _MATH:
        vector = _vector(expr.args[0], context)
        return renamed(Vector(vector.labels, _MATH[name](vector.values), vector.present), options)
    if name in _CLAMPS or name == "round":
        return renamed(_bounded(expr, context), options)
    if name in _DATES:
        return renamed(_date(expr, context), options)
    if name in _SORTS:
        return _sorted(expr, context)
    return _remaining(expr, context)


def _remaining(expr: ast.Call, context: Context) -> Value:
    match expr.func:
        case "vector":
            value = _numbers(expr.args[0], context)
            return Vector(SCALAR, value[:, None], np.ones((len(value), 1), dtype=np.bool_))
        case "timestamp":
            vector = _vector(expr.args[0], context)
            stamps = np.broadcast_to((context.times / 1000)[:, None], vector.values.shape)
            return renamed(Vector(vector.labels, stamps, vector.present), context.options)
        case "histogram_quantile" | "histogram_quantiles" | "histogram_fraction":
            return renamed(_of_histograms(expr, context), context.options)
        case "label_replace":
            return _relabelled(expr, context, _replacement)
        case "label_join":
            return _relabelled(expr, context, _joined)
        case _:
            raise EvaluationError(f"function {expr.func!r} is not implemented")


def _vector(expr: ast.Expr, context: Context) -> Vector:
    value = context.evaluate(expr, context)
    if not isinstance(value, Vector):
        raise EvaluationError(f"saw {type(value).__name__}, expected an instant vector")
    return value


def _numbers(expr: ast.Expr, context: Context) -> FloatArray:
    value = context.evaluate(expr, context)
    if not isinstance(value, Scalar):
        raise EvaluationError(f"saw {type(value).__name__}, expected a scalar")
    return value.values


def _of_histograms(expr: ast.Call, context: Context) -> Vector:
    args = expr.args
    if expr.func == "histogram_quantiles":
        asked = Asked(context.watch, tuple(a.span for a in args[2:]), args[0].span)
        label = string_of(args[1])
        if not is_label_name(label):
            raise EvaluationError(f"invalid label name {quoted(label)}")
        return histogram_quantiles([_numbers(a, context) for a in args[2:]], label, _vector(args[0], context), asked)
    asked = Asked(context.watch, tuple(a.span for a in args[:-1]), args[-1].span)
    numbers, vector = [_numbers(a, context) for a in args[:-1]], _vector(args[-1], context)
    if expr.func == "histogram_fraction":
        return histogram_fraction(numbers[0], numbers[1], vector, asked)
    return histogram_quantile(numbers[0], vector, asked)


def _scalar(expr: ast.Call, context: Context) -> Scalar:
    steps = len(context.times)
    constants = {
        "pi": math.pi,
        "step": context.query_step / 1000,
        "range": (context.query_end - context.query_start) / 1000,
        "start": context.query_start / 1000,
        "end": context.query_end / 1000,
    }
    if expr.func in constants:
        return Scalar(np.full(steps, constants[expr.func]))
    if expr.func == "time":
        return Scalar(context.times / 1000)
    if expr.func == "scalar":
        vector = _vector(expr.args[0], context)
        alone = vector.present.sum(axis=1) == 1
        picked = np.where(vector.present, vector.values, 0.0)
        chosen = picked[np.arange(steps), np.argmax(vector.present, axis=1)] if len(vector.labels) else np.zeros(steps)
        return Scalar(np.where(alone, chosen, np.nan))
    a, b = (_numbers(arg, context) for arg in expr.args)
    return Scalar(_smaller(a, b) if expr.func == "min_of" else _larger(a, b))


def _smaller(a: FloatArray, b: FloatArray) -> FloatArray:
    """The smaller of each pair, NaN where either is; but of -Inf and NaN it is -Inf, as Go's math.Min has it."""
    return np.where(np.isneginf(a) | np.isneginf(b), -np.inf, np.minimum(a, b))


def _larger(a: FloatArray, b: FloatArray) -> FloatArray:
    """The larger of each pair, NaN where either is; but of +Inf and NaN it is +Inf, as Go's math.Max has it."""
    return np.where(np.isposinf(a) | np.isposinf(b), np.inf, np.maximum(a, b))


def _bounded(expr: ast.Call, context: Context) -> Vector:
    vector = _vector(expr.args[0], context)
    bounds = [_numbers(a, context)[:, None] for a in expr.args[1:]]
    present = vector.present
    match expr.func:
        case "clamp":
            values = _larger(bounds[0], _smaller(bounds[1], vector.values))
            present = present & ~(bounds[1] < bounds[0])
        case "clamp_min":
            values = _larger(bounds[0], vector.values)
        case "clamp_max":
            values = _smaller(bounds[0], vector.values)
        case _:
            inverse = 1.0 / bounds[0] if bounds else np.ones((1, 1))
            values = np.floor(vector.values * inverse + 0.5) / inverse
    return Vector(vector.labels, values, present)


def _date(expr: ast.Call, context: Context) -> Vector:
    if expr.args:
        vector = _vector(expr.args[0], context)
    else:
        values = (context.times / 1000)[:, None]
        vector = Vector(SCALAR, values, np.ones(values.shape, dtype=np.bool_))
    known = np.isfinite(vector.values) & (np.abs(vector.values) < 1e14)
    seconds = np.where(known, vector.values, 0.0).astype(np.int64)
    return Vector(vector.labels, np.where(known, _calendar(expr.func, seconds), np.nan), vector.present)


def _calendar(name: str, seconds: np.ndarray) -> np.ndarray:
    """A field of the UTC calendar, from epoch seconds."""
    if name in ("minute", "hour"):
        return seconds // 60 % 60 if name == "minute" else seconds // 3600 % 24
    days = seconds // 86_400
    if name == "day_of_week":
        return (days + 4) % 7
    dates = days.astype("datetime64[D]")
    months, years = dates.astype("datetime64[M]"), dates.astype("datetime64[Y]")
    fields: dict[str, Callable[[], np.ndarray]] = {
        "day_of_month": lambda: (dates - months).astype(np.int64) + 1,
        "day_of_year": lambda: (dates - years).astype(np.int64) + 1,
        "days_in_month": lambda: ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64),
        "month": lambda: months.astype(np.int64) % 12 + 1,
        "year": lambda: years.astype(np.int64) + 1970,
    }
    return fields[name]()


def _absent(expr: ast.Call, vector: Vector) -> Vector:
    there = np.asarray(vector.present.any(axis=1))[:, None]
    known = absent_labels(expr.args[0])
    labels = vector.labels.derive(("absent", known), lambda: LabelSets([known]))
    return Vector(labels, np.ones(there.shape), ~there)


def absent_labels(expr: ast.Expr) -> Labels:
    """Labels that a missing selector is known to have: its equalities, unless a label is constrained twice."""
    inner = ast.unwrap(expr)
    selector = inner.selector if isinstance(inner, ast.Matrix) else inner
    if not isinstance(selector, ast.Selector):
        return ()
    known: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.name == NAME:
            continue
        if matcher.op == "=" and matcher.name not in seen:
            known[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            known.pop(matcher.name, None)
    return labels_of(known)


def _sorted(expr: ast.Call, context: Context) -> Vector:
    vector = _vector(expr.args[0], context)
    if len(vector.values) != 1:
        if context.watch.notes is not None:
            context.watch.notes.warn(_NO_ORDER, expr.span)
        return vector
    columns = np.flatnonzero(vector.present[0]).astype(np.intp)
    if expr.func in ("sort", "sort_desc"):
        score = vector.values[0, columns] * (1 if expr.func == "sort" else -1)
        order = columns[np.lexsort((np.where(np.isnan(score), 0.0, score), np.isnan(score)))]
    else:
        order = _by_label(vector.labels, columns, [string_of(a) for a in expr.args[1:]], expr.func.endswith("_desc"))
    return Vector(vector.labels, vector.values, vector.present, order)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A key in whose order numbers inside of text count as numbers, however many digits they have."""
    parts = [p for p in re.split(r"([0-9]+)", text) if p]
    return [(0, len(p.lstrip("0")), p.lstrip("0")) if p[0] in "0123456789" else (1, 0, p) for p in parts]


def _by_label(labels: LabelSets, columns: IndexArray, names: list[str], reverse: bool) -> IndexArray:
    def key(column: int) -> tuple[list[list[tuple[int, int, str]]], Labels]:
        found = dict(labels.sets[column])
        return [_natural(found.get(n, "")) for n in names], labels.sets[column]

    return np.array(sorted(columns.tolist(), key=key, reverse=reverse), dtype=np.intp)


Relabel = Callable[[Labels], Labels | None]
MAX_LABEL = 8_192  # characters of a label's value that is made here: what is made of those could fill any memory


def _bounded_label(made: Labels | None, target: str) -> Labels | None:
    if made is not None and len(value_of(made, target)) > MAX_LABEL:
        seen = len(value_of(made, target))
        raise LimitError(f"label value too long: saw {seen} characters in {quoted(target)}, expected at most {MAX_LABEL}")
    return made


def _relabelled(expr: ast.Call, context: Context, rule: Callable[[tuple[str, ...]], tuple[str, Relabel]]) -> Vector:
    """New labels on the same numbers; the handle is kept, so a label is rewritten once and not at each evaluation."""
    texts = tuple(string_of(a) for a in expr.args[1:])
    vector, watch = _vector(expr.args[0], context), context.watch

    def build() -> LabelSets:
        target, relabel = rule(texts)
        made = [_bounded_label(relabel(s), target) for s in watch.each(vector.labels.sets)]
        drops = vector.labels.drops.copy()
        if target == NAME:
            drops &= np.array([m is None for m in made], dtype=np.bool_)
        return LabelSets([old if new is None else new for old, new in zip(vector.labels.sets, made, strict=True)], drops)

    standing = None if context.memo is None else context.memo.standing
    known = None if standing is None else standing.made.get(id(expr))
    if known is not None and known[0] is vector:
        return cast("Vector", known[2])
    made = merged(Vector(vector.labels.derive((expr.func, texts), build), vector.values, vector.present))
    return made if standing is None else cast("Vector", standing.keep(id(expr), vector, None, made))


def _replacement(args: tuple[str, ...]) -> tuple[str, Relabel]:
    target, template, source, pattern = args
    if not is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_replace(): saw {target!a}")
    try:
        regex = compile_regex(f"(?s:{pattern})")
    except ValueError as why:
        raise EvaluationError(f"invalid regular expression in label_replace(): {why}") from None

    def relabel(labels: Labels) -> Labels | None:
        found = dict(labels)
        match = regex.fullmatch(found.get(source, ""))
        return None if match is None else labels_of({**found, target: _expand(template, match)})

    return target, relabel


_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)


def _expand(template: str, match: re.Match[str]) -> str:
    """Go's Regexp.Expand: $1, ${1}, $name, $$; unknown references are empty."""

    def value(reference: re.Match[str]) -> str:
        name = reference.group(1) or reference.group(2)
        if name is None:
            return "$"
        try:
            return (match.group(int(name)) if name.isdigit() else match.group(name)) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(value, template)


def _joined(args: tuple[str, ...]) -> tuple[str, Relabel]:
    target, separator, *sources = args
    if not is_label_name(target) or not all(is_label_name(s) for s in sources):
        raise EvaluationError(f"invalid label name in label_join(): saw {list(args)!a}")

    def relabel(labels: Labels) -> Labels:
        found = dict(labels)
        return labels_of({**found, target: separator.join(found.get(s, "") for s in sources)})

    return target, relabel
