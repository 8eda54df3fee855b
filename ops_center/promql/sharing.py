"""Equal sub-expressions of many rules as one object, and their values at one instant; knows no rules and no evaluation.

Rules of a pack ask for the same things again and again. What occurs twice is computed once per instant, and forgotten when a
series that it reads is written within the instant.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from ops_center.label_sets import NAME
from ops_center.promql import ast
from ops_center.promql.errors import NOWHERE
from ops_center.promql.rewriting import over
from ops_center.promql.standing import Standing
from ops_center.promql.values import Value

_HOLDS_NO_VALUE = (ast.String, ast.Matrix, ast.Subquery)  # these mean something to the node around them only


class Pool:
    """Expressions taken apart into nodes, each different one kept once.

    Attributes:
        shared: ids of the nodes that occur more than once.
        readers: ids of shared nodes by the metric they read; "" for those that may read any.
        sure: ids of the nodes whose evaluation cannot fail, so that nobody misses an error when one is left out.
    """

    def __init__(self) -> None:
        self._nodes: dict[Hashable, ast.Expr] = {}
        self._reads: dict[int, frozenset[str]] = {}
        self._once: set[int] = set()
        self.shared: set[int] = set()
        self.readers: dict[str, list[int]] = {}
        self.sure: set[int] = set()

    def add(self, expr: ast.Expr) -> ast.Expr:
        """The same expression made of the pool's nodes, parentheses left out; places in the text are of the first of its kind."""
        made: dict[int, ast.Expr] = {}
        for node in reversed(ast.walk(expr)):
            if isinstance(node, ast.Paren):
                made[id(node)] = made[id(node.expr)]
            else:
                made[id(node)] = self._kept(node, [made[id(child)] for child in _children(node)])
        self._count(made[id(expr)])
        return made[id(expr)]

    def keep_all(self) -> None:
        """Count every node as shared, so that a memo has the value of each; nothing is left out any more."""
        self.sure.clear()
        for node in list(self._nodes.values()):
            self._once.add(id(node))
            self._count(node)

    def _kept(self, node: ast.Expr, children: list[ast.Expr]) -> ast.Expr:
        key = (repr(_bare(over(node, [_HOLE] * len(children)))), *(id(child) for child in children))
        if key not in self._nodes:
            kept = self._nodes[key] = over(node, children)
            self._reads[id(kept)] = _own_reads(kept).union(*(self._reads[id(child)] for child in children))
            if _is_sure(kept) and all(id(child) in self.sure for child in children):
                self.sure.add(id(kept))
            for child in children:
                self._count(child)
        return self._nodes[key]

    def _count(self, node: ast.Expr) -> None:
        if isinstance(node, _HOLDS_NO_VALUE) or id(node) in self.shared:
            return
        if id(node) not in self._once:
            self._once.add(id(node))
            return
        self.shared.add(id(node))
        for metric in self._reads[id(node)]:
            self.readers.setdefault(metric, []).append(id(node))


_HOLE = ast.Number(0.0)


def _children(node: ast.Expr) -> tuple[ast.Expr, ...]:
    """What is evaluated on its own: the selector of a range is not."""
    return () if isinstance(node, ast.Matrix) else ast.children(node)


def _bare(node: ast.Expr) -> ast.Expr:
    """The node without its place in the text."""
    if isinstance(node, ast.Matrix):
        return replace(node, selector=replace(node.selector, span=NOWHERE), span=NOWHERE)
    return replace(node, span=NOWHERE)


def _own_reads(node: ast.Expr) -> frozenset[str]:
    """The metrics that a node itself reads; "" where its matchers do not say."""
    selector = node.selector if isinstance(node, ast.Matrix) else node
    if not isinstance(selector, ast.Selector):
        return frozenset()
    return frozenset([next((m.value for m in selector.matchers if m.name == NAME and m.op == "="), "")])


def _is_sure(node: ast.Expr) -> bool:
    """Whether a node over children that cannot fail cannot fail either; in doubt it may.

    What fails is matching, and metric names that drop where they alone told two series apart.
    """
    match node:
        case ast.Number():
            return True
        case ast.Selector():
            return node.offset is None
        case ast.Matrix():
            return "" not in _own_reads(node) and node.range is None and node.selector.offset is None
        case ast.Call():
            return node.func in SURE_CALLS and len(node.args) == 1 and isinstance(node.args[0], ast.Matrix)
        case ast.Aggregate():
            return node.op in SURE_AGGREGATES
        case ast.Binary():
            filters = node.op in ast.COMPARISONS and not node.return_bool and isinstance(node.rhs, ast.Number)
            return node.op in ast.SET_OPS or filters
        case _:
            return False


SURE_CALLS = frozenset(f"{what}_over_time" for what in ("last", "avg", "sum", "min", "max", "count", "present")) | {
    "increase",
    "rate",
    "delta",
    "changes",
}
SURE_AGGREGATES = frozenset({"sum", "avg", "min", "max", "count", "group"})


class Memo:
    """Values of a pool's shared nodes at one instant; `standing` has what all its nodes gave at the one before."""

    def __init__(self, pool: Pool, standing: Standing | None = None) -> None:
        self._pool, self.standing = pool, standing
        self.shared, self.sure = pool.shared, pool.sure
        self.values: dict[int, Value] = {}

    def written(self, metric: str) -> None:
        """A metric has new samples: what may have read it is computed anew."""
        for node in (*self._pool.readers.get(metric, ()), *self._pool.readers.get("", ())):
            self.values.pop(node, None)
