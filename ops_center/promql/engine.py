"""Evaluation of a syntax tree over the series store, at one instant or at many; knows nothing of rules, alerts or HTTP.

Every node gives columns for all steps at once. Instants are epoch ms; the store's axis lies `offset_ms` before it, so that
`time()` and `hour()` are right while the store counts from the run's start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from ops_center.label_sets import LabelSets
from ops_center.promql import ast
from ops_center.promql.aggregations import aggregate
from ops_center.promql.binary import binary
from ops_center.promql.errors import EvaluationError, LimitError
from ops_center.promql.extended import extended_range, smoothed_instant
from ops_center.promql.features import refuse_flagged
from ops_center.promql.functions import instant_function, string_of
from ops_center.promql.info_join import info
from ops_center.promql.looks import instant_look, last_in, look_at, range_look
from ops_center.promql.options import Options
from ops_center.promql.parser import parse
from ops_center.promql.remarks import note_param, note_range
from ops_center.promql.selectors import Context, raw_samples, sample_times, select_instant, select_range
from ops_center.promql.sharing import Memo
from ops_center.promql.signatures import KEEPS_NAME, MATRIX, SCALAR, SIGNATURES, signature_of
from ops_center.promql.start_times import FUNCTIONS as START_FUNCTIONS
from ops_center.promql.start_times import start_timestamps, with_starts
from ops_center.promql.sureness import cannot_fail
from ops_center.promql.values import Result, Scalar, Text, Value, Vector, finished, merged, renamed, renamed_apart
from ops_center.promql.watch import UNWATCHED, Watch
from ops_center.promql.windows import ORDERINGS
from ops_center.series import SeriesStore
from ops_center.series_blocks import FloatArray, TimeArray

ENGINE_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class Engine:
    """PromQL over one store.

    Attributes:
        store: the series.
        offset_ms: epoch ms of the store's zero.
        options: lookback, compatibility and limits.
    """

    store: SeriesStore
    offset_ms: int = 0
    options: Options = ENGINE_OPTIONS

    def parse(self, text: str) -> ast.Expr:
        """An expression that this engine takes.

        Raises:
            ParseError: none, or of a feature that is not among the options'.
        """
        expr = parse(text)
        if self.options.features is not None:
            refuse_flagged(expr, text, self.options.features)
        return expr

    def instant(self, query: str | ast.Expr, at_ms: int, as_of_ms: int | None = None, watch: Watch = UNWATCHED) -> Result:
        """The value of an expression at an instant (epoch ms), from what was received by `as_of_ms`, or from all.

        Raises:
            PromQLError: bad expression, failed matching, or a limit.
        """
        return self.value(self.parse(query) if isinstance(query, str) else query, self.moment(at_ms, as_of_ms, watch=watch))

    def moment(self, at_ms: int, as_of_ms: int | None = None, memo: Memo | None = None, watch: Watch = UNWATCHED) -> Context:
        """What all expressions at one instant have in common, `memo` being what they share."""
        return self._context(np.array([at_ms], dtype=np.int64), 0, as_of_ms, memo, watch)

    def moments(self, times: TimeArray, known: TimeArray, memo: Memo | None = None) -> Context:
        """What expressions at many instants (epoch ms) have in common, each seeing what was received by its `known`."""
        return msgspec.structs.replace(self._context(times, 0, None, memo, UNWATCHED), known=known - self.offset_ms)

    def value(self, expr: ast.Expr, context: Context) -> Result:
        """The value of an expression at a moment, or at some.

        Raises:
            PromQLError: failed matching, or a limit.
        """
        inner = ast.unwrap(expr)
        if isinstance(inner, ast.Matrix | ast.Subquery):
            return raw_samples(inner, context)
        with np.errstate(all="ignore"):
            value = evaluate(expr, context)
        return finished(value, self.options) if isinstance(value, Vector) else value

    def range(
        self,
        query: str | ast.Expr,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        as_of_ms: int | None = None,
        as_known_then: bool = False,
        watch: Watch = UNWATCHED,
    ) -> tuple[TimeArray, Vector | Scalar]:
        """Instants start, start + step, … ≤ end and the expression's value at each.

        With `as_known_then` each instant sees what was received by itself, as a rule did when it ran.

        Raises:
            PromQLError: as `instant`; also for expressions that are no scalar or instant vector, or too many steps.
        """
        expr = self.parse(query) if isinstance(query, str) else query
        times = self._steps(start_ms, end_ms, step_ms)
        if as_known_then:
            return times, self._stepwise(expr, times, (start_ms, end_ms, step_ms), watch)
        context = self._context(times, step_ms, as_of_ms, None, watch)
        with np.errstate(all="ignore"):
            value = evaluate(expr, msgspec.structs.replace(context, query_end=end_ms))
        if isinstance(value, Text):
            raise EvaluationError('invalid expression type "string" for range query, must be Scalar or instant Vector')
        return times, (finished(value, self.options) if isinstance(value, Vector) else value)

    def _steps(self, start_ms: int, end_ms: int, step_ms: int) -> TimeArray:
        if step_ms <= 0 or end_ms < start_ms:
            raise EvaluationError(
                f"bad range: saw start {start_ms}, end {end_ms}, step {step_ms} ms, expected start ≤ end, step > 0"
            )
        count = (end_ms - start_ms) // step_ms + 1
        if count > self.options.max_steps + 1:  # Prometheus counts the steps between
            raise LimitError(
                f"exceeded maximum resolution of {self.options.max_steps:,} points per timeseries: saw {count}. "
                "Try decreasing the query resolution (?step=XX)"
            )
        return start_ms + step_ms * np.arange(count, dtype=np.int64)

    def _stepwise(self, expr: ast.Expr, times: TimeArray, query: tuple[int, int, int], watch: Watch) -> Vector | Scalar:
        """One evaluation per step, each with its own knowledge, put side by side; `query` is start, end and step."""
        start_ms, end_ms, step_ms = query
        parts: list[Vector] = []
        scalars: list[FloatArray] = []
        for at in times.tolist():
            here = self._context(np.array([at], dtype=np.int64), step_ms, at, None, watch)
            context = msgspec.structs.replace(here, query_start=start_ms, query_end=end_ms)
            with np.errstate(all="ignore"):
                value = evaluate(expr, context)
            if isinstance(value, Vector):
                parts.append(finished(value, self.options))
            elif isinstance(value, Scalar):
                scalars.append(value.values)
        return Scalar(np.concatenate(scalars)) if scalars else side_by_side(parts)

    def _context(self, times: TimeArray, step_ms: int, as_of_ms: int | None, memo: Memo | None, watch: Watch) -> Context:
        return Context(
            store=self.store,
            shift_ms=self.offset_ms,
            options=self.options,
            times=times,
            query_start=int(times[0]),
            query_end=int(times[-1]),
            query_step=step_ms,
            as_of=None if as_of_ms is None else as_of_ms - self.offset_ms,
            evaluate=evaluate,
            memo=memo,
            watch=watch,
        )


def side_by_side(parts: list[Vector]) -> Vector:
    """Vectors of successive steps as one, columns matched by labels."""
    columns: dict[object, int] = {}
    for part in parts:
        for labels in part.labels.sets:
            columns.setdefault(labels, len(columns))
    steps = sum(len(p.values) for p in parts)
    values, present = np.zeros((steps, len(columns))), np.zeros((steps, len(columns)), dtype=np.bool_)
    row = 0
    for part in parts:
        at = np.array([columns[s] for s in part.labels.sets], dtype=np.intp)
        values[row : row + len(part.values), at] = part.values
        present[row : row + len(part.values), at] = part.present
        row += len(part.values)
    return Vector(LabelSets(columns), values, present)  # type: ignore[arg-type]  # keys are label sets


def evaluate(expr: ast.Expr, context: Context) -> Value:
    """The value of a node at the context's instants."""
    context.watch.check()
    compute = _NODES.get(type(expr))
    if compute is None:
        raise EvaluationError(f"a range vector has no value of its own: saw one at {expr.span}, expected a function around it")
    memo = context.memo
    if memo is None or id(expr) not in memo.shared:
        return compute(expr, context)
    value = memo.values.get(id(expr))
    if value is None:
        value = memo.values[id(expr)] = compute(expr, context)
    return value


def _number(expr: ast.Number, context: Context) -> Value:
    standing = None if context.memo is None else context.memo.standing
    if standing is None:
        return Scalar(np.full(len(context.times), expr.value))
    known = standing.made.get(id(expr))
    return known[2] if known is not None else standing.keep(id(expr), None, None, Scalar(np.array([expr.value])))


def _selector(expr: ast.Selector, context: Context) -> Value:
    if expr.extended:
        return smoothed_instant(expr, context)
    standing = None if context.memo is None else context.memo.standing
    look = None if standing is None else instant_look(expr, context, standing)
    if standing is None or look is None:
        return select_instant(expr, context)
    value = standing.leaf(id(expr), look)
    return value if value is not None else standing.keep_leaf(id(expr), look, look_at(look, context))


def _unary(expr: ast.Unary, context: Context) -> Value:
    value = evaluate(expr.expr, context)
    if expr.op == "+" or isinstance(value, Text):
        return value
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    return renamed_apart(Vector(value.labels, -value.values, value.present), context.options)


def _binary(expr: ast.Binary, context: Context) -> Value:
    """Down the left spine in a loop: a chain of 500 operators must not be 500 frames."""
    memo = context.memo
    chain: list[ast.Binary] = [expr]
    node = expr.lhs
    while isinstance(node, ast.Binary) and (memo is None or id(node) not in memo.values):
        chain.append(node)
        node = node.lhs
    value = _left_of(chain[-1], context)
    for link in reversed(chain):
        if not _is_settled(link, value, context):
            value = _of_two(link, value, evaluate(link.rhs, context), context)
        if memo is not None and id(link) in memo.shared:
            memo.values[id(link)] = value
    return value


def _of_two(link: ast.Binary, left: Value, right: Value, context: Context) -> Value:
    """The value of an operator, or that of the last instant where it is of the same two values."""
    standing = None if context.memo is None else context.memo.standing
    if standing is None:
        return binary(link, left, right, context.options, context.watch)
    known = standing.made.get(id(link))
    if known is not None and known[0] is left and (known[1] is right or _are_alike(link, known[1], right)):
        return known[2]
    return standing.keep(id(link), left, right, binary(link, left, right, context.options, context.watch))


def _are_alike(link: ast.Binary, one: object, other: Value) -> bool:
    """Whether two right sides are the same to `and` and `unless`, which ask for presence alone."""
    if link.op not in ("and", "unless") or not isinstance(one, Vector) or not isinstance(other, Vector):
        return False
    return one.labels is other.labels and not np.count_nonzero(one.present != other.present)


def _is_settled(link: ast.Binary, left: Value, context: Context) -> bool:
    """Whether nothing on the left stays nothing, whatever is on the right: most rules find nothing most of the time.

    A right side that could fail is evaluated all the same, because a rule that fails has to say so.
    """
    memo = context.memo
    if memo is None or link.op not in ("and", "unless") or not isinstance(left, Vector) or np.count_nonzero(left.present):
        return False
    return id(link.rhs) in memo.sure or (memo.standing is not None and cannot_fail(link.rhs, memo.standing, context))


def _left_of(link: ast.Binary, context: Context) -> Value:
    """The left side of an operator; of an average or sum that is compared with a number, only what may pass is exact."""
    call, number = ast.unwrap(link.lhs), ast.unwrap(link.rhs)
    if (
        isinstance(call, ast.Call)
        and call.func in ("avg_over_time", "sum_over_time")
        and isinstance(number, ast.Number)
        and link.op in ORDERINGS
        and not link.return_bool
        and (context.memo is None or id(call) not in context.memo.shared)
    ):
        return _range_call(call, context, (link.op, number.value))
    return evaluate(link.lhs, context)


def _aggregate(expr: ast.Aggregate, context: Context) -> Value:
    vector = evaluate(expr.expr, context)
    if not isinstance(vector, Vector):
        raise EvaluationError(f"{expr.op}: saw a {type(vector).__name__}, expected an instant vector")
    param: FloatArray | str | None = None
    value: Value | None = None
    if expr.op == "count_values" and expr.param is not None:
        param = string_of(expr.param)
    elif expr.param is not None:
        value = evaluate(expr.param, context)
        param = value.values if isinstance(value, Scalar) else None
        if param is not None:
            note_param(expr, param, context)
    standing = None if context.memo is None else context.memo.standing
    if standing is None:
        return aggregate(expr.op, vector, expr.grouping, expr.without, param, context.watch)
    known = standing.made.get(id(expr))
    if known is not None and known[0] is vector and known[1] is value:
        return known[2]
    found = aggregate(expr.op, vector, expr.grouping, expr.without, param, context.watch)
    return standing.keep(id(expr), vector, value, found)


def _call(expr: ast.Call, context: Context) -> Value:
    if expr.func in _RANGE_ARGUMENT:
        return _range_call(expr, context)
    signature_of(expr.func)
    if expr.func == "timestamp" and isinstance(inner := ast.unwrap(expr.args[0]), ast.Selector):
        return renamed(sample_times(inner, context), context.options)
    if expr.func == "start_timestamp":
        return _start_timestamp(expr, context)
    if expr.func == "info":
        base = evaluate(expr.args[0], context)
        assert isinstance(base, Vector)  # by its signature
        return info(expr, base, context)
    return instant_function(expr, context)


def _start_timestamp(expr: ast.Call, context: Context) -> Vector:
    """Only samples know since when they count: of anything computed, nothing is known."""
    inner = ast.unwrap(expr.args[0])
    if isinstance(inner, ast.Selector):
        return renamed(start_timestamps(inner, context), context.options)
    value = evaluate(inner, context)
    assert isinstance(value, Vector)  # by its signature
    return Vector(value.labels, value.values, np.zeros_like(value.present))


def _range_call(expr: ast.Call, context: Context, asked: tuple[str, float] | None = None) -> Value:
    standing = None if context.memo is None else context.memo.standing
    look = None if standing is None or len(expr.args) > 1 else range_look(expr.args[0], context, asked, standing)
    if standing is None or look is None:
        return _range_value(expr, context, asked)
    known = standing.leaf(id(expr), look)
    if known is not None:
        return known
    latest = last_in(look, context) if expr.func == "last_over_time" else None
    if latest is not None:
        return standing.keep_leaf(id(expr), look, latest)
    value = _range_value(expr, context, asked)
    if not isinstance(value, Vector) or (expr.func in OF_BOUNDS and not _is_zero(value)):
        return value
    return standing.keep_leaf(id(expr), look, value)


def _is_zero(vector: Vector) -> bool:
    """Whether a function that weighs by the bounds of its window weighed nothing but zeros: then it gives them for any bounds."""
    return not np.count_nonzero(vector.values[vector.present])


def _range_value(expr: ast.Call, context: Context, asked: tuple[str, float] | None = None) -> Value:
    place = _RANGE_ARGUMENT[expr.func]
    source = expr.args[place]
    params: list[FloatArray] = []
    if len(expr.args) > 1:
        scalars = [evaluate(a, context) for a in (*expr.args[:place], *expr.args[place + 1 :])]
        params = [s.values for s in scalars if isinstance(s, Scalar)]
        _check_params(expr.func, params)
    name = "present_over_time" if expr.func == "absent_over_time" else expr.func
    inner = ast.unwrap(source)
    if isinstance(inner, ast.Matrix) and inner.selector.extended:
        found = extended_range(name, inner, context)
    else:
        found = select_range(name, inner, params, context, asked)
    if name in START_FUNCTIONS and context.store.starts and isinstance(inner, ast.Matrix):
        found = with_starts(expr, inner, found, context)
    if context.watch.notes is not None:
        note_range(expr, found, params, context)
    if expr.func == "absent_over_time":
        return instant_function(expr, context, found)
    if expr.func in KEEPS_NAME:
        return merged(found)
    return renamed_apart(found, context.options)


def _check_params(func: str, params: list[FloatArray]) -> None:
    if func not in ("double_exponential_smoothing", "holt_winters"):
        return
    for values, what in zip(params, ("smoothing", "trend"), strict=True):
        if not bool(((values > 0) & (values < 1)).all()):
            raise EvaluationError(f"invalid {what} factor: saw {values[0]}, expected 0 < factor < 1")


OF_BOUNDS = frozenset({"rate", "increase", "delta"})
_RANGE_ARGUMENT = {name: found.args.index(MATRIX) for name, found in SIGNATURES.items() if MATRIX in found.args}
_NODES: dict[type, Callable[[Any, Context], Value]] = {
    ast.Paren: lambda expr, context: evaluate(expr.expr, context),
    ast.Number: _number,
    ast.String: lambda expr, _context: Text(expr.value),
    ast.Selector: _selector,
    ast.Unary: _unary,
    ast.Call: _call,
    ast.Aggregate: _aggregate,
    ast.Binary: _binary,
}

__all__ = ["SCALAR", "Engine", "Options", "evaluate"]
