"""From selectors and subqueries to columns of samples: offsets, @, lookback, windows; knows no functions by meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from ops_center.event_block import Block, EventBlock
from ops_center.label_sets import LabelSets
from ops_center.promql import ast
from ops_center.promql.errors import EvaluationError, LimitError
from ops_center.promql.many_steps import latest_at_steps, range_at_steps
from ops_center.promql.options import Options
from ops_center.promql.periods import Period, milliseconds_of
from ops_center.promql.rates import KERNELS
from ops_center.promql.sharing import Memo
from ops_center.promql.stacks import Bounds, Rows
from ops_center.promql.step_kernels import Frames
from ops_center.promql.values import RangeVector, RawSeries, Value, Vector
from ops_center.promql.watch import UNWATCHED, Watch
from ops_center.promql.windows import Frame, Kernel
from ops_center.series import SeriesStore
from ops_center.series_blocks import ALL, Columns, FloatArray, TimeArray, Window


class Context(msgspec.Struct, frozen=True):
    """One evaluation: the instants (epoch ms), the query's bounds, what was known, and how to evaluate a child.

    `memo` holds the values of what several expressions share at these instants, None where nothing is shared. `watch` is the
    caller's: it ends what takes too long, and takes notes. `known` says for each of many steps what was known then (store
    axis), in place of `as_of` for all. `inner` holds inside a subquery.
    """

    store: SeriesStore
    shift_ms: int
    options: Options
    times: TimeArray
    query_start: int
    query_end: int
    query_step: int
    as_of: int | None
    evaluate: Callable[[ast.Expr, Context], Value]
    memo: Memo | None = None
    watch: Watch = UNWATCHED
    known: TimeArray | None = None
    inner: bool = False

    def known_at(self, row: int) -> int | None:
        """What was known at a step."""
        return self.as_of if self.known is None else int(self.known[row])


class KnownApart(EvaluationError):
    """The steps of an expression know different things of the same instants: they must be evaluated one by one."""


def _fixed_at(at: ast.At | None, context: Context) -> int | None:
    if at is None:
        return None
    if at.at_ms is not None:
        return at.at_ms
    return context.query_start if at.anchor == "start" else context.query_end


def reference(node: ast.Selector | ast.Subquery, context: Context) -> TimeArray:
    """The instants a selector refers to, epoch ms; one only where `@` fixes it."""
    fixed = _fixed_at(node.at, context)
    base = context.times if fixed is None else np.array([fixed], dtype=np.int64)
    offset_ms = node.offset_ms if node.offset is None else length_ms(node.offset, context)
    return base - offset_ms if offset_ms else base


def length_ms(period: Period, context: Context, positive: bool = False) -> int:
    """The length of a period that depends on the query.

    Raises:
        EvaluationError: division by zero, out of range, or not positive where it must be.
    """
    ms = milliseconds_of(period, context.query_step, context.query_end - context.query_start)
    if positive and ms <= 0:
        raise EvaluationError(f"duration must be greater than 0: saw {ms} ms")
    return ms


def range_ms_of(node: ast.Matrix | ast.Subquery, context: Context) -> int:
    """The range of a range vector in this query."""
    return node.range_ms if node.range is None else length_ms(node.range, context, positive=True)


def guard(steps: int, columns: int, context: Context) -> None:
    """Refuse a matrix over the limits before it is made.

    Raises:
        LimitError: too many series or samples.
    """
    options = context.options
    if columns > options.max_series:
        raise LimitError(f"too many series: saw {columns} in one selector, expected at most {options.max_series}")
    if steps * columns > options.max_samples:
        raise LimitError(
            "query processing would load too many samples into memory in query execution: "
            f"saw {steps} steps × {columns} series, expected at most {options.max_samples}"
        )


def _instant_columns(node: ast.Selector, context: Context, times_wanted: bool) -> Vector:
    selection = context.store.select(node.matchers)
    if not selection.parts:
        nothing = np.zeros((len(context.times), 0))
        return Vector(selection.labels, nothing, nothing.astype(np.bool_))
    instants = reference(node, context) - context.shift_ms
    guard(len(context.times), len(selection.labels), context)
    reach = context.options.lookback_ms + (1 if context.options.closed else 0)
    if len(instants) == 1 and len(selection.parts) == 1:
        values, present = latest_of_part(selection.parts[0], int(instants[0]), reach, context.known_at(0), times_wanted)
    elif len(instants) > 1 and not times_wanted:
        bounds = Bounds(instants - reach + 1, instants, _known(context))
        done = [latest_at_steps(block, columns, bounds, context.watch) for block, columns, _ in selection.parts]
        values = np.concatenate([found for found, _ in done], axis=1) if len(done) > 1 else done[0][0]
        present = np.concatenate([there for _, there in done], axis=1) if len(done) > 1 else done[0][1]
    else:
        values = np.zeros((len(instants), len(selection.labels)))
        present = np.zeros(values.shape, dtype=np.bool_)
        for row, at in enumerate(instants.tolist()):
            context.watch.check()
            left = 0
            for block, columns, width in selection.parts:
                found, there, stamps = block.latest(at, at - reach, columns, context.known_at(row))
                values[row, left : left + width] = stamps if times_wanted else found
                present[row, left : left + width] = True if there is None else there
                left += width
    if times_wanted:
        values = (values + context.shift_ms) / 1000
    steps = len(context.times)
    if len(values) != steps:
        values, present = np.broadcast_to(values, (steps, values.shape[1])), np.broadcast_to(present, (steps, present.shape[1]))
    return Vector(selection.labels, values, present)


def _known(context: Context) -> TimeArray | None:
    """What was known at each step, None for everything."""
    if context.known is not None or context.as_of is None:
        return context.known
    return np.full(len(context.times), context.as_of, dtype=np.int64)


def latest_of_part(
    part: tuple[Block, Columns, int], at: int, reach: int, as_of: int | None, times_wanted: bool
) -> tuple[FloatArray, np.ndarray]:
    """Numbers and presence of the last samples of a part, each of shape (1, columns)."""
    block, columns, width = part
    found, there, stamps = block.latest(at, at - reach, columns, as_of)
    present = np.ones((1, width), dtype=np.bool_) if there is None else there[None, :]
    return (np.broadcast_to(stamps.astype(np.float64), width) if times_wanted else found)[None, :], present


def select_instant(node: ast.Selector, context: Context) -> Vector:
    """The last sample of each selected series within the lookback, at each instant."""
    return _instant_columns(node, context, times_wanted=False)


def sample_times(node: ast.Selector, context: Context) -> Vector:
    """The timestamps of those samples, epoch seconds."""
    return _instant_columns(node, context, times_wanted=True)


@dataclass(frozen=True, slots=True)
class Grid:
    """The result of a subquery as a source of windows: steps that all columns share."""

    times: TimeArray
    values: FloatArray
    present: np.ndarray

    def window(self, first_ms: int, last_ms: int, columns: Columns, _as_of: int | None) -> Window | None:
        """As `RowBlock.window`."""
        lo, hi = int(np.searchsorted(self.times, first_ms)), int(np.searchsorted(self.times, last_ms, side="right"))
        if lo >= hi:
            return None
        valid = self.present[lo:hi, columns]
        whole = bool(valid.all())
        values = self.values[lo:hi, columns]
        return Window(values if whole else np.where(valid, values, 0.0), self.times[lo:hi], None if whole else valid)

    @property
    def rows(self) -> Rows:
        """The steps as rows."""
        return Rows(
            self.times,
            np.where(self.present, self.values, 0.0),
            self.present,
            np.asarray(self.present.all(axis=1), dtype=np.bool_),
        )


Source = Block | Grid
Part = tuple[Source, Columns, int]


def _subquery_grid(node: ast.Subquery, context: Context) -> tuple[LabelSets, tuple[Part, ...]]:
    """Inner instants are multiples of the step inside the outer windows' hull; evaluated once for all."""
    if context.known is not None and not _timely(node.expr, context):
        raise KnownApart("samples of a subquery were received late: its steps see different pasts, expected one step")
    step = node.step_ms or context.options.default_step_ms
    if node.step is not None:
        step = length_ms(node.step, context, positive=True)
    outer = reference(node, context)
    left = int(outer.min()) - range_ms_of(node, context)
    start = step * int(left / step) if abs(left) < 2**53 else step * (left // step)
    if start < left or (start == left and not context.options.closed):
        start += step
    count = max(0, (int(outer.max()) - start) // step + 1)
    if count > context.options.max_inner_steps:
        raise LimitError(f"too many steps in a subquery: saw {count}, expected at most {context.options.max_inner_steps}")
    if not count:
        return LabelSets(()), ()
    as_of = None if context.known is not None else context.as_of
    instants = start + step * np.arange(count, dtype=np.int64)
    inner = msgspec.structs.replace(context, times=instants, memo=None, known=None, as_of=as_of, inner=True)
    value = context.evaluate(node.expr, inner)
    if not isinstance(value, Vector):
        raise EvaluationError(f"subquery: saw a {type(value).__name__}, expected an instant vector")
    grid = Grid(inner.times - context.shift_ms, value.values, value.present)
    return value.labels, ((grid, ALL, len(value.labels)),)


def _timely(expr: ast.Expr, context: Context) -> bool:
    """Every sample that an expression may read was received when it was observed, and it looks back only.

    What it gives for an instant is then the same whenever later it is asked.
    """
    for node in ast.walk(expr):
        if isinstance(node, ast.Selector | ast.Subquery) and (
            node.at is not None or node.offset is not None or node.offset_ms < 0
        ):
            return False
        if isinstance(node, ast.Selector) and not all(
            block.is_timely() for block, _, _ in context.store.select(node.matchers).parts
        ):
            return False
    return True


def _sources(node: ast.Expr, context: Context) -> tuple[LabelSets, tuple[Part, ...], TimeArray, int]:
    """Labels, parts, the instants that windows end at (store axis), and the range."""
    if isinstance(node, ast.Matrix):
        selection = context.store.select(node.selector.matchers)
        return (
            selection.labels,
            selection.parts,
            reference(node.selector, context) - context.shift_ms,
            range_ms_of(node, context),
        )
    if isinstance(node, ast.Subquery):
        labels, parts = _subquery_grid(node, context)
        return labels, parts, reference(node, context) - context.shift_ms, range_ms_of(node, context)
    raise EvaluationError(f"saw {type(node).__name__}, expected a range vector")


def select_range(
    func: str, node: ast.Expr, params: list[FloatArray], context: Context, asked: tuple[str, float] | None = None
) -> Vector:
    """A range function over the windows of a selector or subquery, at each instant; `asked` as in `Frame`."""
    labels, parts, ends, range_ms = _sources(node, context)
    steps = len(context.times)
    guard(steps, len(labels), context)
    if context.inner:
        _guard_windows(parts, ends, range_ms, context)
    kernel: Kernel = KERNELS[func]
    if not parts:
        nothing = np.zeros((steps, 0))
        return Vector(labels, nothing, nothing.astype(np.bool_))
    if steps == 1:
        found, there = _one_step(kernel, parts, _frame(context, 0, int(ends[0]), range_ms, params, asked), context)
        return Vector(labels, found[None, :], there[None, :])
    if len(ends) == steps:
        frames = Frames(
            start_ms=(ends - range_ms)[:, None],
            end_ms=ends[:, None],
            eval_ms=(context.times - context.shift_ms)[:, None],
            range_ms=range_ms,
            shift_ms=context.shift_ms,
            params=tuple(p[:, None] for p in params),
            compat_2=context.options.closed,
            asked=asked,
        )
        first = ends - range_ms if context.options.closed else ends - range_ms + 1
        done = range_at_steps(func, parts, frames, Bounds(first, ends, _known(context)), context.watch)
        if done is not None:
            return Vector(labels, *done)
    values = np.zeros((steps, len(labels)))
    present = np.zeros((steps, len(labels)), dtype=np.bool_)
    for row in range(steps):
        context.watch.check()
        frame = _frame(context, row, int(ends[row if len(ends) > 1 else 0]), range_ms, params)
        values[row], present[row] = _one_step(kernel, parts, frame, context, row)
    return Vector(labels, values, present)


def _guard_windows(parts: tuple[Part, ...], ends: TimeArray, range_ms: int, context: Context) -> None:
    """Refuse windows within a subquery that would keep a rule, and all that wait for it, busy for longer than seconds.

    The limit counts work and not time: a rule that fails on one machine fails on every other.
    """
    cells = 0
    for source, _, width in parts:
        if not isinstance(source, EventBlock):  # series with instants of their own are few
            times = source.times if isinstance(source, Grid) else source.times[: source.rows]
            rows = times.searchsorted(ends, "right") - times.searchsorted(ends - range_ms)
            cells += int(rows.max()) * len(context.times) * width
    if cells > context.options.max_cells:
        raise LimitError(
            "query processing would load too many samples into memory in query execution: "
            f"saw {cells} in the windows of a subquery's steps, expected at most {context.options.max_cells}"
        )


def _frame(
    context: Context, row: int, end_ms: int, range_ms: int, params: list[FloatArray], asked: tuple[str, float] | None = None
) -> Frame:
    return Frame(
        start_ms=end_ms - range_ms,
        end_ms=end_ms,
        eval_ms=int(context.times[row]) - context.shift_ms,
        range_ms=range_ms,
        shift_ms=context.shift_ms,
        params=tuple(float(p[row]) for p in params),
        compat_2=context.options.closed,
        asked=asked,
    )


def _one_step(
    kernel: Kernel, parts: tuple[Part, ...], frame: Frame, context: Context, row: int = 0
) -> tuple[FloatArray, np.ndarray]:
    """Numbers and presence of all parts side by side, each of shape (columns,)."""
    first = frame.start_ms if context.options.closed else frame.start_ms + 1
    done: list[tuple[FloatArray, np.ndarray]] = []
    for source, columns, width in parts:
        window = source.window(first, frame.end_ms, columns, context.known_at(row))
        done.append((np.zeros(width), np.zeros(width, dtype=np.bool_)) if window is None else kernel(window, frame))
    if len(done) == 1:
        return done[0]
    return np.concatenate([found for found, _ in done]), np.concatenate([there for _, there in done])


def raw_samples(node: ast.Matrix | ast.Subquery, context: Context) -> RangeVector:
    """The samples in the window at the (one) instant, for an instant query of a range expression."""
    labels, parts, ends, range_ms = _sources(node, context)
    end = int(ends[0])
    first = end - range_ms if context.options.closed else end - range_ms + 1
    out: list[RawSeries] = []
    left = 0
    for source, columns, width in parts:
        window = source.window(first, end, columns, context.known_at(0))
        for column in range(width):
            if window is None:
                continue
            valid = ALL if window.valid is None else window.valid[:, column]
            times = (window.times if window.times.ndim == 1 else window.times[:, column])[valid]
            if len(times):
                one = LabelSets([labels.sets[left + column]])
                out.append(RawSeries(one, times + context.shift_ms, window.values[valid, column]))
        left += width
    return RangeVector(tuple(out))
