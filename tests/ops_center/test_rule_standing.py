"""What stands from one instant to the next is used again, and nobody can tell from the results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops_center.promql import engine as engine_module
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.promql.parser import parse
from ops_center.promql.sharing import Pool
from ops_center.promql.standing import Standing
from ops_center.promql.values import Scalar
from ops_center.rules.files import load_text
from ops_center.rules.group import Round, RuleEngine
from ops_center.series import SeriesStore

STEP = 15_000
METRICS = ("m", "n", "c")
LEAVES = (
    "m", "n", 'm{i="1"}', '{__name__=~"m|n"}', "m offset 30s", "n offset -30s", "c @ 60", "last_over_time(m[1m])",
    "last_over_time(n[40s])", "rate(c[1m])", "increase(n[45s])", "delta(m[1m] offset 15s)", "changes(n[1m])", "resets(c[50s])",
    "avg_over_time(m[1m])", "min_over_time(n[1m])", "max_over_time(n[20s])", "sum_over_time(m[40s] offset 20s)",
    "count_over_time(n[1m])", "present_over_time(m[15s])", "quantile_over_time(0.5, m[1m])", "deriv(c[1m])", "irate(c[1m])",
    "predict_linear(c[1m], 60)", "absent(n)", "absent_over_time(n[30s])", "timestamp(n)", "time()", "2", "vector(3)",
    "stddev_over_time(n[1m])", "max_over_time(sum(m)[1m:15s])",
)  # fmt: skip
SHAPES = (
    "sum({0})", "avg by (i) ({0})", "count by (i) ({0})", "min by (i, k) ({0})", "topk(1, {0})", "quantile(0.5, {0})",
    "({0}) > 1", "({0}) > bool 1", "({0}) == 5", "avg_over_time(m[30s]) > 2", "1 - ({0})", "-({0})",
    "({0}) and on (i) ({1})", "({0}) unless on (i) ({1})", "({0}) or on (i) ({1})", "({0}) * on (i) ({1})",
    "({0}) > on (i) group_left () ({1})", "({0}) > 99 and on (i) (m * on (i) group_left () ({1}))", "({0}) + ({1})",
    "({0}) > 99 unless on (i) label_replace(({1}), \"i\", \"$1\", \"k\", \"(.*)\")", "abs({0})", "clamp_max({0}, 2)",
    "label_replace({0}, \"j\", \"x$1\", \"i\", \"(.*)\")", "scalar({0})", "sort({0})",
)  # fmt: skip


def is_right(text: str) -> bool:
    """Whether the types of an expression fit."""
    try:
        parse(text)
    except PromQLError:
        return False
    return True


@st.composite
def expressions(draw):
    """An expression over a handful of series, by turns right, empty and failing."""
    found = draw(st.sampled_from(LEAVES))
    for _ in range(draw(st.integers(0, 3))):
        wider = draw(st.sampled_from(SHAPES)).format(found, draw(st.sampled_from(LEAVES)))
        found = wider if is_right(wider) else found
    return found


writes = st.tuples(
    st.sampled_from(METRICS),
    st.sampled_from(["all", "all", "some", "stale", "late", "ahead", "again", "more", "received later"]),
    st.sampled_from([0.0, -0.0, 1.0, 5.0, float("nan"), float("inf")]),
)
steps = st.lists(st.tuples(st.lists(writes, max_size=3), st.integers(1, 3), st.booleans()), min_size=4, max_size=14)


class Written:
    """A store that is written to in every way that there is: on time, late, ahead of time, in part, ended, grown, forgotten."""

    def __init__(self) -> None:
        self.store = SeriesStore(retention_ms=90_000)
        self.store.reach_ms = 60_000
        labels = [{"i": str(i), "k": "x"} for i in range(3)]
        self.families = {name: self.store.family(name, labels, None if name == "n" else STEP) for name in METRICS}

    def write(self, metric: str, how: str, value: float, now: int) -> None:
        """One write at an instant."""
        family = self.families[metric]
        if how == "more":
            family.extend([{"i": str(len(family) % 4), "k": str(len(family))}])
        values = np.full(len(family), value) + (now if metric == "c" else 0.0) * (np.arange(len(family)) != 1)
        some = np.arange(0, len(family), 2, dtype=np.intp)
        match how:
            case "some":
                family.append(now, now, values[some], some)
            case "stale":
                family.append(now, now, 0.0, some, stale=True)
            case "late":
                family.append(now - 40_000, now, values)
            case "ahead":
                family.append(now + 20_000, now, values)
            case "received later":
                family.append(now, now + 20_000, values)
            case "again":
                family.append(now - STEP, now, values)
            case _:
                family.append(now, now, values)


def plain(value):
    """A result as labels and bits, or the numbers of a scalar."""
    if isinstance(value, Scalar):
        return value.values.tobytes()
    columns = np.flatnonzero(value.present[0]) if value.order is None else value.order
    found = [(value.labels.sets[c], value.values[0, c].tobytes()) for c in columns.tolist()]
    return found if value.order is not None else sorted(found)


def outcome(work):
    """What some work gives, or how it fails."""
    try:
        return plain(work())
    except PromQLError as why:
        return type(why).__name__, str(why)


@given(st.lists(expressions(), min_size=1, max_size=5), steps, st.sampled_from(["3.x", "2.x"]))
@example(["m > 99 and on (i) (m * on () n)"], [([("m", "all", 1.0), ("n", "all", 1.0)], 1, False)] * 4, "3.x")
@example(["sum(m)", "n"], [([("m", "all", 1.0), ("n", "all", 1.0)], 1, False), *[([], 1, True)] * 8], "3.x")
@example(["n", "max_over_time(n[1m])"], [([("n", "received later", 1.0)], 1, False), *[([], 1, False)] * 4], "3.x")
@example(
    ["n", "m", "last_over_time(m[1m])"], [([("n", "ahead", 1.0), ("m", "ahead", 5.0)], 1, False), *[([], 1, False)] * 6], "3.x"
)
@example(
    ["increase(c[1m])", "rate(n[1m])"],
    [([("c", "all", 1.0)], 1, False), ([("c", "all", 1.0)], 1, True), *[([], 1, False)] * 4],
    "2.x",
)
def test_each_instant_gives_what_it_would_alone(texts, instants, compat):
    """An expression gives to the last bit, or says, what it does without any memory of the instants before.

    However samples came, within an instant too; of alerts and rules only the value matters here.
    """
    written = Written()
    options = Options(lookback_ms=45_000, compat=compat)
    engine, pool, standing = Engine(written.store, 0, options), Pool(), Standing()
    asked = [pool.add(parse(text)) for text in texts]
    now = 600_000
    for some, gap, prunes in instants:
        now += gap * STEP
        if prunes:
            written.store.prune(now)
        round_ = Round(engine, pool, standing, now, 0)
        for n, (text, expr) in enumerate(zip(texts, asked, strict=True)):
            for metric, how, value in some[n :: len(texts)]:
                written.write(metric, how, value, now)
                round_.written([metric])
            seen = outcome(lambda e=expr, r=round_: engine.value(e, r.at(r.now_ms)))
            assert seen == outcome(lambda t=text, at=now: engine.instant(t, at, at)), (text, now)


def rules_over(store: SeriesStore, *texts: str) -> RuleEngine:
    rules = "".join(f"  - {{record: r{n}, expr: '{text}'}}\n" for n, text in enumerate(texts))
    engine = RuleEngine(store)
    engine.load([load_text("groups:\n- name: g\n  interval: 15s\n  rules:\n" + rules, "r.yml")], 0)
    return engine


def test_where_nothing_was_written_nothing_is_computed(monkeypatch):
    """Without new samples, and none passing out of sight, no selector is read and no operator is applied a second time."""
    done = []
    for name in ("look_at", "select_range", "binary", "aggregate"):
        real = getattr(engine_module, name)
        monkeypatch.setattr(engine_module, name, lambda *given, real=real, name=name: done.append(name) or real(*given))
    written = Written()
    for metric in METRICS:
        written.write(metric, "all", 1.0, 0)
    rules = rules_over(written.store, "sum by (i) (max_over_time(m[5m])) > 0 and on (i) n", "n * 2")
    rules.evaluate(STEP)
    first, done[:] = list(done), []
    rules.evaluate(2 * STEP)
    assert {"look_at", "select_range", "binary", "aggregate"} == set(first)
    assert done == []
    written.write("n", "all", 1.0, 3 * STEP)
    rules.evaluate(3 * STEP)
    assert done == ["look_at"]  # what came is what was there: all that is made of it stands


@pytest.mark.parametrize("rest", ["(m * on () n)", 'label_replace(m, "k", "y", "k", ".*")'])
def test_a_side_that_may_fail_is_looked_at_until_it_cannot(monkeypatch, rest):
    """Beside nothing, a side whose matching is one to one is left out once that is known; a new series brings the error back."""
    store = SeriesStore()
    m, n = store.family("m", [{"i": "0", "k": "x"}], STEP), store.family("n", [{"i": "0", "k": "x"}], STEP)
    rules = rules_over(store, f"m > 99 and on (i) {rest}")
    looked = []
    real = engine_module.look_at
    monkeypatch.setattr(engine_module, "look_at", lambda *given: looked.append(1) or real(*given))
    for at in (STEP, 2 * STEP, 3 * STEP):
        looked.clear()
        m.append(at, at, at / 1e6)
        n.append(at, at, at / 1e6)
        assert rules.evaluate(at) == [] and rules.groups[0].rules[0].health == "ok"
    assert len(looked) == 1  # m, on the left
    m.extend([{"i": "0", "k": "z"}])
    n.extend([{"i": "1", "k": "z"}])
    m.append(4 * STEP, 4 * STEP, 1.0)
    n.append(4 * STEP, 4 * STEP, 1.0)
    rules.evaluate(4 * STEP)
    assert rules.groups[0].rules[0].health == "err"
