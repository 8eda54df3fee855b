"""Running until something is so: a PromQL expression that is asked at every barrier. Lives here: reading and asking it.

Must not know: who asked, what is done when it is so. Asking changes nothing that is digested.
"""

from ops_center.pipeline import Center
from ops_center.promql import ast
from ops_center.promql.parser import parse
from ops_center.promql.values import Scalar, Vector

MAX_EXPR = 16_384


class Condition:
    """An expression that is so when it has a result, as an alert's is; a scalar is so when it is not 0."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no instant vector and no scalar."""
        if len(text) > MAX_EXPR:
            raise ValueError(f"the condition has {len(text)} characters; expected at most {MAX_EXPR}")
        self.text = text
        self._expr = parse(text)
        if isinstance(ast.unwrap(self._expr), ast.Matrix | ast.Subquery | ast.String):
            raise ValueError(f"1:1: the condition {text[:100]!r} is no instant vector; expected an expression as alerts have it")

    def holds(self, center: Center) -> bool:
        """Tell whether it is so at the center's last barrier. Raises ValueError when it cannot be evaluated."""
        result = center.judge.engine.instant(self._expr, (center.judge.start_ms or 0) + max(0, center.now_ms))
        if isinstance(result, Vector):
            return bool(result.present.any())
        return isinstance(result, Scalar) and bool(result.values[0] != 0.0)
