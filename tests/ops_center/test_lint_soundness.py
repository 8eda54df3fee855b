"""What is reasoned of expressions without data holds for all data: on each part of each query of Prometheus' own test scripts."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from ops_center.label_sets import NAME
from ops_center.promql import ast
from ops_center.promql.checks import type_of
from ops_center.promql.errors import PromQLError
from ops_center.promql.signatures import SCALAR, VECTOR
from ops_center.promql.values import Vector
from ops_center.rules.lint.ranges import Range, ranges
from ops_center.rules.lint.shapes import Shape, joined_labels, shapes
from ops_center.series import SeriesStore
from tests.ops_center.promqltest_runner import Script

SHARED = Path(os.environ.get("CITYOPS_SHARED", Path(__file__).parents[3] / "shared"))
SCRIPTS = SHARED / "conformance" / "promqltest"
FILES = sorted(SCRIPTS.glob("*.test")) if SCRIPTS.is_dir() else []


class Reasoned(Script):
    """A script in which each part of each query is reasoned about from what is in the store, and evaluated."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.wrong: list[str] = []
        self.looked = 0

    def check_instant(self, got, expr, expects, body, at):
        found, labels = ranges(expr, self.range_of), shapes(expr, self.shape_of)
        for node in ast.walk(expr):
            if type_of(node) in (VECTOR, SCALAR) and not (isinstance(node, ast.Selector) and node.extended):
                self.look(node, found[id(node)], labels[id(node)], at)
            if isinstance(node, ast.Binary) and node.op not in ("or", "unless"):
                self.look_at_join(node, labels, at)
        return "passed", ""

    def look(self, node: ast.Expr, values: Range, shape: Shape, at: int) -> None:
        """Results lie in their range and have the labels of their shape."""
        try:
            result = self.engine().instant(node, at)
        except PromQLError:
            return
        self.looked += 1
        if not isinstance(result, Vector):
            self.check(node, float(result.values[0]), (), values, shape)
            return
        for column in np.flatnonzero(result.present[0]).tolist():
            self.check(node, float(result.values[0, column]), result.labels.sets[column], values, shape)

    def check(self, node: ast.Expr, value: float, labels, values: Range, shape: Shape) -> None:
        inside = values.nan if math.isnan(value) else not values.empty and values.low - 1e-9 <= value <= values.high + 1e-9
        names = {name for name, _ in labels} - {NAME}
        has = shape.certain <= names and (shape.possible is None or names <= shape.possible)
        if not (inside and has):
            self.wrong.append(f"{self.path.name}: {node}: {value} {labels} outside {values} {shape}")

    def look_at_join(self, node: ast.Binary, labels: dict[int, Shape], at: int) -> None:
        """Sides of which it is said that they cannot join do not."""
        vectors = type_of(node.lhs) == VECTOR == type_of(node.rhs)
        filled = node.matching.fill_left is not None or node.matching.fill_right is not None
        if vectors and not filled and joined_labels(node.matching, labels[id(node.lhs)], labels[id(node.rhs)]):
            try:
                result = self.engine().instant(node, at)
            except PromQLError:
                return
            if isinstance(result, Vector) and bool(result.present.any()):
                self.wrong.append(f"{self.path.name}: {node} joins")

    def range_of(self, selector: ast.Selector) -> Range:
        numbers = samples(self.store, selector)
        real = numbers[~np.isnan(numbers)]
        nan = len(real) < len(numbers)
        return Range(float(real.min()), float(real.max()), nan=nan) if len(real) else Range(nan=True)

    def shape_of(self, selector: ast.Selector) -> Shape:
        names = [frozenset(name for name, _ in one) - {NAME} for one in self.store.select(selector.matchers).labels.sets]
        return Shape(frozenset.intersection(*names), frozenset.union(*names)) if names else Shape()


def samples(store: SeriesStore, selector: ast.Selector) -> np.ndarray:
    """All values of the selected series."""
    found = [np.zeros(0)]
    for block, columns, _ in store.select(selector.matchers).parts:
        window = block.window(-(1 << 50), 1 << 50, columns, None)
        if window is not None:
            values = np.asarray(window.values)
            found.append(values.ravel() if window.valid is None else values[np.asarray(window.valid)])
    return np.concatenate(found)


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason=f"no conformance data at {SCRIPTS}; set CITYOPS_SHARED")
@pytest.mark.parametrize("path", [f for f in FILES if f.name != "type_and_unit.test"], ids=lambda path: path.stem)
def test_results_lie_where_reasoning_says(path: Path) -> None:
    """Ranges, labels and joins of every part of every instant query, from what the store holds."""
    script = Reasoned(path)
    script.run()
    assert not script.wrong, "\n".join(script.wrong[:10])
    assert script.looked or path.stem in ("range_queries", "native_histograms", "literals", "start_timestamps", "limit")
