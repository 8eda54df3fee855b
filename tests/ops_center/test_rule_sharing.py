"""What rules share is computed once an instant, and nobody can tell from the results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center.promql import ast, selectors
from ops_center.promql import engine as engine_module
from ops_center.promql.engine import Engine
from ops_center.promql.parser import parse
from ops_center.promql.sharing import Pool
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine
from ops_center.rules.unittest import samples_of
from ops_center.series import SeriesStore

STEP = 15_000
LEAVES = ("m", 'm{i="1"}', "n", "last_over_time(m[1m])", "rate(n[2m])", "(m)", '{i="0"}')
SHAPES = (
    "sum({0})",
    "count by (i) ({0})",
    "{0} > 1",
    "{0} > 1e6",
    "{0} and on (i) {1}",
    "{0} unless on (i) {1}",
    "sum({0}) * sum({1})",
    "max_over_time((sum({0}))[1m:15s])",
)


@st.composite
def expressions(draw):
    """An expression over few series, so that a handful of them have much in common."""
    found = draw(st.sampled_from(LEAVES))
    for _ in range(draw(st.integers(0, 3))):
        found = draw(st.sampled_from(SHAPES)).format(f"({found})", draw(st.sampled_from(LEAVES)))
    return found


def store_of(steps: int) -> SeriesStore:
    store = SeriesStore()
    for metric, factor in (("m", 1.0), ("n", 2.5)):
        family = store.family(metric, [{"i": str(i)} for i in range(3)], STEP)
        for step in range(steps):
            family.append(step * STEP, step * STEP, np.array([0.0, 1.0, step * factor]))
    return store


def rules_of(expressions: list[str]) -> str:
    rules = "".join(f"  - {{record: 'r{n}', expr: '{e.replace(chr(39), chr(39) * 2)}'}}\n" for n, e in enumerate(expressions))
    return "groups:\n- name: g\n  interval: 15s\n  rules:\n" + rules


@pytest.mark.slow
@given(st.lists(expressions(), min_size=1, max_size=6))
def test_each_rule_records_what_it_would_alone(found):
    """A pack of rules gives each its own result, whatever they have in common; nobody reads what another wrote here."""
    texts = [text.replace('{i="0"}', '{__name__=~"m|n",i="0"}') if "{i=" in text else text for text in found]
    engine = RuleEngine(store_of(9))
    engine.load([load_text(rules_of(texts), "r.yml")], 0)
    at = 8 * STEP
    engine.evaluate(at)
    alone = Engine(store_of(9))
    for number, (text, rule) in enumerate(zip(texts, engine.groups[0].rules, strict=True)):
        try:
            wanted = {(tuple(p for p in s if p[0] != "__name__"), v) for s, v in samples_of(alone.instant(text, at, at))}
        except ValueError as why:
            assert (rule.health, rule.last_error) == ("err", str(why))
            continue
        if rule.health == "err":  # two results differ by their names only: none is recorded
            assert len({s for s, _ in wanted}) < len(samples_of(alone.instant(text, at, at)))
            continue
        seen = samples_of(engine.engine.instant(f"r{number}", at))
        assert {(tuple(p for p in s if p[0] != "__name__"), v) for s, v in seen} == wanted


def test_a_rule_sees_what_the_rules_before_it_wrote():
    """What was computed from a series is forgotten when a rule writes that series within the same instant."""
    asked = ["count(r1) or vector(0)", "m", "count(r1) or vector(0)", 'count({__name__=~"r."}) or vector(0)']
    asked += ["m > 1", 'count({__name__=~"r."}) or vector(0)']
    engine = RuleEngine(store_of(9))
    engine.load([load_text(rules_of(asked), "r.yml")], 0)
    engine.evaluate(8 * STEP)
    counts = [samples_of(engine.engine.instant(f"r{n}", 8 * STEP))[0][1] for n in (0, 2, 3, 5)]
    assert counts == [0.0, 3.0, 5.0, 7.0]


def test_alerts_are_read_as_written_in_the_same_instant():
    """ALERTS is a series like any other: a rule after the alert finds it firing."""
    text = "groups:\n- name: g\n  interval: 15s\n  rules:\n"
    text += "  - {record: before, expr: count(ALERTS) or vector(0)}\n  - {alert: A, expr: m > 1}\n"
    text += "  - {record: after, expr: count(ALERTS) or vector(0)}\n"
    engine = RuleEngine(store_of(9))
    engine.load([load_text(text, "r.yml")], 0)
    engine.evaluate(8 * STEP)
    assert [samples_of(engine.engine.instant(name, 8 * STEP))[0][1] for name in ("before", "after")] == [0.0, 1.0]


def test_what_cannot_matter_is_not_looked_at_and_errors_are(monkeypatch):
    """Beside nothing the other side of `and` and `unless` is left out, unless it could fail: then the rule has to say so."""
    looked = []
    select = selectors.select_range
    monkeypatch.setattr(engine_module, "select_range", lambda *given: looked.append(given) or select(*given))
    crowd = 'm * on () {__name__="n"}'
    asked = ["m > 99 and on (i) rate(n[2m]) > 0", "m > 99 unless max_over_time(n[1m])", "m > 1 and on (i) rate(n[3m])"]
    rules = RuleEngine(store_of(9))
    rules.load([load_text(rules_of([*asked, f"m > 99 and on (i) ({crowd})"]), "r.yml")], 0)
    rules.evaluate(8 * STEP)
    assert len(looked) == 1
    assert [rule.health for rule in rules.groups[0].rules] == ["ok", "ok", "ok", "err"]


def test_equal_nodes_are_one():
    """Places and parentheses aside, equal sub-expressions become the same object; different ones never do."""
    pool = Pool()
    first = pool.add(parse("rate(m[1m:15s]) + (rate((m)[1m:15s]))"))
    assert isinstance(first, ast.Binary) and first.lhs is first.rhs and id(first.lhs) in pool.shared
    second = pool.add(parse("sum(m) + 0 * sum(n) - 1"))
    assert isinstance(second, ast.Binary) and pool.add(parse("sum((m)) + (0 * sum(n))")) is second.lhs
    assert pool.add(parse("-0 * m")) is not pool.add(parse("0 * m"))
    assert pool.add(parse("sum without () (m)")) is not pool.add(parse("sum(m)"))
    assert pool.add(parse("m offset 1m")) is not pool.add(parse("m"))
