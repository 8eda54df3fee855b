"""Whatever an expression is, its explanation agrees with the engine: the whole, each part, and where a chain ended."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_center.promql.engine import Engine
from ops_center.promql.errors import EvaluationError
from ops_center.promql.explain import Question, ended_by, explain
from ops_center.promql.explained import ERROR, Node, plain, walk
from ops_center.promql.values import Scalar, Vector
from tests.ops_center.test_why import ZERO_MS, store

SELECTORS = ("speed", "flow", "nope", 'speed{road="a"}', 'flow{road=~"a|c"}', "speed offset 2m", 'speed{zone="y"}')
LEAVES = st.sampled_from(
    [
        *SELECTORS,
        "7",
        "40",
        "avg_over_time(speed[1m])",
        "rate(flow[2m])",
        "max_over_time(nope[5m])",
        "sum_over_time(flow[2m:30s])",
    ]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions made of expressions; not all of them are well typed."""
    compared = st.tuples(inner, st.sampled_from(["<", ">", "==", ">= bool"]), inner)
    joined = st.tuples(
        inner, st.sampled_from(["and on (road)", "unless on (zone)", "or", "+ on (road, zone)", "/ ignoring (road)"]), inner
    )
    called = st.tuples(
        st.sampled_from(["sum by (zone)", "topk by (zone) (1,", "count", "absent", "abs", "-", "max without (road)"]), inner
    )
    return st.one_of(
        compared.map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        joined.map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        called.map(lambda part: f"{part[0]} {part[1]})" if "(1," in part[0] else f"{part[0]}({part[1]})"),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=6)
FOCUS = st.sampled_from([{}, {"road": "a"}, {"road": "b"}, {"zone": "z"}, {"road": "nowhere"}])
KEPT = store()


def outcome(engine: Engine, text: str, at_ms: int) -> bool | None:
    """Whether the engine has a result; None where it fails."""
    try:
        value = engine.instant(text, at_ms, at_ms)
    except EvaluationError:
        return None
    return bool(np.count_nonzero(value.present)) if isinstance(value, Vector) else isinstance(value, Scalar)


def parsed(engine: Engine, text: str, at_ms: int, focus: dict[str, str]) -> Node | None:
    """The explanation, None for what is no expression of the right types."""
    try:
        return explain(engine, Question(text, at_ms, at_ms, focus))
    except ValueError:
        return None


@pytest.mark.slow
@given(text=EXPRESSIONS, at_s=st.sampled_from([0, 60, 310, 500, 595]), focus=FOCUS)
@settings(max_examples=300, deadline=None)
def test_an_explanation_agrees_with_the_engine(text: str, at_s: int, focus: dict[str, str]) -> None:
    """Without a focus the whole has a result exactly if the engine has one, and so has each part; a part that fails says so. What
    has no result names the parts that decided, each of which has none itself; what is told can be written as JSON."""
    engine, at_ms = Engine(KEPT, ZERO_MS), ZERO_MS + at_s * 1000
    tree = parsed(engine, text, at_ms, focus)
    if tree is None:
        return
    ended = ended_by(tree)
    assert bool(ended) != tree.holds and not any(part.holds for part in ended)
    numbers = [part.number for part in walk(tree)]
    assert numbers == sorted(numbers) and len(set(numbers)) == len(numbers)
    assert plain(tree)["state"] == tree.state
    for part in walk(tree):
        assert text[part.start : part.end] == part.text
        if focus or part.kind in ("range", "subquery", "string"):
            continue
        expected = outcome(engine, part.text, at_ms)
        assert (part.state == ERROR) == (expected is None), part.text
        if expected is not None:
            assert part.holds == expected, part.text
