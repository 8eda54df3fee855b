"""What a selector is to see at one instant, as bounds on the store's axis, and its last samples within them; knows no functions.

Lives here: selectors whose bounds hang on the instant alone, so that it can be told whether they see what they saw before.
Must not know: what is kept of them.
"""

from __future__ import annotations

import numpy as np

from ops_center.event_block import Block
from ops_center.promql import ast
from ops_center.promql.selectors import Context, guard, latest_of_part
from ops_center.promql.standing import Look, Standing
from ops_center.promql.values import Vector
from ops_center.series_blocks import Columns, FloatArray


def instant_look(node: ast.Selector, context: Context, standing: Standing) -> Look | None:
    """What a selector is to see at the one instant of a context; None where that hangs on more than the instant."""
    if node.at is not None or node.offset is not None or context.as_of is None or len(context.times) > 1:
        return None
    at_ms = context.query_end - node.offset_ms - context.shift_ms
    reach = context.options.lookback_ms + (1 if context.options.closed else 0)
    return Look(standing.selection(id(node), node.matchers, context.store), at_ms - reach, at_ms, context.as_of)


def range_look(node: ast.Expr, context: Context, asked: tuple[str, float] | None, standing: Standing) -> Look | None:
    """What a range is to see: as `instant_look`; None also for subqueries, and where samples have starts of their own."""
    if not isinstance(node, ast.Matrix) or node.range is not None or node.selector.extended or context.store.starts:
        return None
    selector = node.selector
    if selector.at is not None or selector.offset is not None or context.as_of is None or len(context.times) > 1:
        return None
    at_ms = context.query_end - selector.offset_ms - context.shift_ms
    after_ms = at_ms - node.range_ms - (1 if context.options.closed else 0)
    return Look(standing.selection(id(node), selector.matchers, context.store), after_ms, at_ms, context.as_of, asked)


def look_at(look: Look, context: Context) -> Vector:
    """What `select_instant` gives for a look."""
    labels, parts = look.selection.labels, look.selection.parts
    if not parts:
        return Vector(labels, np.zeros((1, 0)), np.zeros((1, 0), dtype=np.bool_))
    guard(1, len(labels), context)
    return Vector(labels, *_latest_of(parts, look))


def last_in(look: Look, context: Context) -> Vector | None:
    """What `last_over_time` gives for a look; None where it may be other than the latest: behind a stale marker is a sample."""
    if not look.selection.parts:
        return None
    guard(1, len(look.selection.labels), context)
    values, present = _latest_of(look.selection.parts, look)
    return Vector(look.selection.labels, values, present) if present.all() else None


def _latest_of(parts: tuple[tuple[Block, Columns, int], ...], look: Look) -> tuple[FloatArray, np.ndarray]:
    if len(parts) == 1:
        return latest_of_part(parts[0], look.at_ms, look.at_ms - look.after_ms, look.as_of, False)
    width = sum([count for _, _, count in parts])
    values, present = np.empty((1, width)), np.ones((1, width), dtype=np.bool_)
    left = 0
    for block, columns, count in parts:
        found, there, _ = block.latest(look.at_ms, look.after_ms, columns, look.as_of)
        values[0, left : left + count] = found
        if there is not None:
            present[0, left : left + count] = there
        left += count
    return values, present
