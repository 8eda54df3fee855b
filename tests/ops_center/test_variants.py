"""Variants of a rule over recorded series fire what a replay of the changed rule file fires."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from ops_center.promql import ast
from ops_center.promql.parser import parse
from ops_center.promql.rewriting import rewritten
from ops_center.rules.files import load_text
from ops_center.rules.group import Settings
from ops_center.rules.replay import replay
from ops_center.rules.variants import Variants, with_rule
from ops_center.series import SeriesStore
from tests.ops_center.recorded_series import END_MS, EPOCH_MS, rule_files, stores

AROUND = Settings(offset_ms=EPOCH_MS, phase=lambda _file, _group, _interval: 3_000)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(stores(), rule_files(), st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 3.0, 7.0]), min_size=2, max_size=4), st.data())
def test_a_variant_fires_what_the_changed_file_fires(
    store: SeriesStore, text: str, thresholds: list[float], data: st.DataObject
) -> None:
    """Whatever thresholds, windows and `for`: labels, values and instants of every firing are those of a whole replay."""
    files = [load_text(text, "r.yml")]
    rules = [rule for file in files for group in file.groups for rule in group.rules]
    places = [place for place, rule in enumerate(rules) if rule.alert]
    assume(places)
    place = data.draw(st.sampled_from(places))
    rule = rules[place]
    numbers = [n for n in ast.walk(rule.expr) if isinstance(n, ast.Binary) and isinstance(n.rhs, ast.Number)]
    windows = [n for n in ast.walk(rule.expr) if isinstance(n, ast.Matrix)]
    longer = {id(n): replace(n, range_ms=2 * n.range_ms) for n in windows}
    expressions = [
        rewritten(
            rule.expr, {**more, **{id(n): replace(n, rhs=rewritten(n.rhs, {id(n.rhs): ast.Number(t)})) for n in numbers[:1]}}
        )
        for t in thresholds
        for more in ({}, longer if not numbers else {})
    ]
    waits = [0, 30_000, 100_000]
    variants = Variants(files, place, store, 0, END_MS, AROUND)
    event("at once" if variants.quick else "one by one")
    group = next(g for f in files for g in f.groups if rule in g.rules)
    for expr, found in zip(expressions, variants.fired(expressions, waits), strict=True):
        for held, fired in zip(waits, found, strict=True):
            whole = replay(with_rule(files, place, replace(rule, expr=expr, for_ms=held)), store, 0, END_MS, AROUND)
            asked = [f for f in whole.firings if (f.group, f.rule) == (group.name, rule.alert)]
            assert sorted(map(repr, fired.firings())) == sorted(map(repr, asked))
            assert sorted(fired.fired_ms.tolist()) == sorted(f.fired_at_ms for f in asked)


def test_what_is_not_changed_stays_the_same_object() -> None:
    """A rewritten expression shares every part that was left alone, so that it is evaluated once."""
    expr = parse("sum by (zone) (rate(x[5m])) > 3 and on (zone) y offset 1m < 2")
    assert isinstance(expr, ast.Binary) and isinstance(expr.lhs, ast.Binary)
    changed = rewritten(expr, {id(expr.lhs.rhs): ast.Number(7.0)})
    assert isinstance(changed, ast.Binary) and isinstance(changed.lhs, ast.Binary)
    assert changed.rhs is expr.rhs and changed.lhs.lhs is expr.lhs.lhs and changed.lhs.rhs == ast.Number(7.0)
    assert rewritten(expr, {}) is expr
