"""Expressions made to hurt: each is refused or answered within two seconds of work, and says why."""

from __future__ import annotations

import numpy as np
import pytest

from ops_center import prometheus_format, prometheus_query
from ops_center.prometheus_query import BadParameter, Params
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import EvaluationError, LimitError, ParseError, PromQLError, TimeLimitError
from ops_center.promql.parser import parse
from ops_center.promql.watch import Watch
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.series import SeriesStore
from tests.soon import soon

ALL = '{__name__=~".+"}'


def store_of(metrics: int, width: int, rows: int = 4) -> SeriesStore:
    store = SeriesStore()
    for metric in range(metrics):
        family = store.family(f"m{metric}", [{"x": str(i)} for i in range(width)], 15_000)
        for row in range(rows):
            family.append(row * 15_000, row * 15_000, np.arange(width) + row / 2)
    return store


@pytest.fixture(scope="module")
def many() -> Engine:
    """30 000 series: 300 metrics of 100."""
    return Engine(store_of(300, 100))


@pytest.fixture
def quick():
    """The test takes less than two seconds of work."""
    with soon():
        yield


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(" * 100_000, "too long"),
        ("(" * 16_000, "nested too deep"),
        ("x+" * 20_000 + "x", "too long"),
        ("x+" * 8_000 + "x", "too many operators"),
        ("-" * 16_000 + "x", "too many operators"),
        ("x[" + "(" * 5_000 + "5m", "nested too deep"),
        ("x[" + "5m+" * 5_000 + "5m]", "too many operators"),
        ("x" + " offset 5m" * 1_500, "multiple times"),
        ("sum by (" + "a," * 7_000 + "a) (x)" + ")" * 500, "unexpected"),
        ('x{a=~"' + "(a|b)*" * 2_000 + '"}', "too long"),
        ('x{a=~"(((a{1,100}){1,100}){1,100}){1,100}"}', "RE2"),
        ("x[9999999999999999999y]", "out of range"),
        ("x[1e300]", "out of range"),
        ("x[2^99999]", "out of range"),
        ("x @ 1e99", "out of bounds"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_text_that_hurts_is_refused(text, said):
    """Parsing ends at once, with the place and the limit."""
    with pytest.raises(ParseError, match=said) as why:
        parse(text)
    assert why.value.line >= 1 and len(str(why.value)) < 5_000


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"{ALL} * on() {ALL}", "many-to-many matching not allowed"),
        (f"{ALL} + {ALL}", "many-to-many matching not allowed"),
        (f"{ALL} + on(x) group_left {ALL}", "many-to-many matching not allowed"),
        (f"{ALL} * on(x) group_left m1 + on(x) group_right {ALL}", "unique"),
        ("max_over_time(m0[100y:1ms])", "too many steps in a subquery"),
        ("max_over_time(max_over_time(m0[100y:1ms])[100y:1ms])", "too many steps in a subquery"),
        ("max_over_time(max_over_time(max_over_time(m0[1m:1ms])[1m:1ms])[1m:1ms])", "too many steps in a subquery"),
        ("max_over_time(max_over_time(m0[10h:1s])[10h:1s])", "too many samples"),
        ("max_over_time(deriv(m0[13h:1s])[13h:1s])", "too many samples"),
        (f"avg_over_time({ALL}[1h:1s])", "too many samples"),
        (f"rate({ALL}[1m])", "same labelset"),
        ("m0[5m:step()]", "greater than 0"),
        (f'label_replace(m0, "y", "{"$1" * 5_000}", "x", "(.*)")', "label value too long: saw 10000 characters"),
        (f'label_join(m0, "y", "{"-" * 9_000}", "x", "x")', "label value too long: saw 9002 characters"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_evaluations_that_hurt_are_refused(many, query, said):
    """What would be too much is refused before it is made."""
    with pytest.raises(EvaluationError, match=said):
        many.instant(query, 45_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        '{x=~"(a+)+$"}', f"{ALL} and {ALL}", f"{ALL} or on(x) {ALL}", f"topk(5, {ALL})", f"histogram_quantile(0.5, {ALL})",
        f'label_replace({ALL}, "y", "$1", "x", "(.*)+")', f'count_values("v", {ALL})', f"info({ALL}, {ALL})",
        "stddev_over_time(m0[8h:1s])", "holt_winters(m0[8h:1s], 0.5, 0.5)",
        f"limit_ratio(0.5, {ALL})", f'sort_by_label({ALL}, "x")',
    ],
)  # fmt: skip
@pytest.mark.usefixtures("quick")
def test_much_work_ends_soon(many, query):
    """What is much but allowed is answered."""
    many.instant(query, 45_000)


@pytest.mark.slow
def test_a_million_label_values_are_refused_at_once():
    """One selector of very many series is refused, whatever is asked of it; so is one that would make them."""
    engine = Engine(store_of(1, 300_000, rows=1))
    with soon():
        for query in ("m0", 'count_values("v", m0)', 'label_replace(m0, "y", "$1", "x", "(.*)")', "m0 * on(x) m0"):
            with pytest.raises(LimitError, match="too many series: saw 300000"):
                engine.instant(query, 0)


def test_too_many_pairs_are_counted_before_they_are_made():
    """A join whose sides never meet at one instant is no duplicate, but its pairs are counted first."""
    store = SeriesStore()
    for i in range(1_000):
        store.append_sample("a", {"i": str(i)}, 0, 1.0)
        store.append_sample("b", {"i": str(i)}, 400_000, 1.0)
    with pytest.raises(LimitError, match="too many series match: saw 1000000 pairs"):
        Engine(store).range("a * on() group_left b", 0, 400_000, 200_000)


LOOPS = [
    "quantile_over_time(0.5, m0[5h:1s])", "mad_over_time(m0[5h:1s])",
    f'label_replace({ALL}, "y", "$1", "x", "(.*)")', f'count_values("v", {ALL})',
    f"histogram_quantile(0.5, {ALL})", f"info({ALL}, {ALL})", "rate(m0[5m] smoothed)", "m0 smoothed",
]  # fmt: skip


@pytest.mark.parametrize("query", LOOPS)
def test_the_time_is_asked_for_inside_of_every_loop(many, query):
    """An evaluation whose time is over ends, also in the middle of a node's work."""
    asked = [0]

    def over() -> bool:
        asked[0] += 1
        return asked[0] > 5

    fresh = Engine(many.store.beside() if query not in LOOPS[:2] else many.store)
    fresh.store._older.clear()  # nothing that another evaluation derived
    with pytest.raises(TimeLimitError, match="query timed out in expression evaluation"):
        fresh.range(query, 0, 45_000 * 20, 45_000, watch=Watch(over))


def ask(engine: Engine, path: str, is_over: bool = False, **params: object) -> tuple[int, dict]:
    given = Params({name: [str(value)] for name, value in params.items()}, 0, 45_000)
    try:
        answer = prometheus_query.query if path == "query" else prometheus_query.query_range
        return 200, answer(engine, given, lambda _seconds: lambda: is_over)
    except (BadParameter, PromQLError) as error:
        return prometheus_format.failure(error)


def test_the_api_says_what_kind_of_failure_it_was(many):
    """Bad data 400, execution 422, timeout 503, with Prometheus' words and the place of a parse error."""
    status, body = ask(many, "query", query="sum(m0")
    assert (status, body["errorType"]) == (400, "bad_data")
    assert body["error"].startswith('invalid parameter "query": 1:7: parse error: ')
    status, body = ask(many, "query", query=f"{ALL} + {ALL}")
    assert (status, body["errorType"]) == (422, "execution") and "many-to-many" in body["error"]
    status, body = ask(many, "query", is_over=True, query="m0")
    assert (status, body) == (
        503,
        {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"},
    )
    status, body = ask(many, "query_range", query="m0[5m]", start=0, end=10, step=1)
    expected = (
        'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector'
    )
    assert (status, body["error"]) == (400, expected)
    no_step = "zero or negative query resolution step widths are not accepted. Try a positive integer"
    too_fine = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
    for params, said in (
        ({"end": 0, "start": 10}, 'invalid parameter "end": end timestamp must not be before start time'),
        ({"step": 0}, f'invalid parameter "step": {no_step}'),
        ({"step": "x"}, 'invalid parameter "step": cannot parse "x" to a valid duration'),
        ({"step": "0.0001"}, f'invalid parameter "step": {no_step}'),
        ({"step": "1ms", "end": 100}, too_fine),
        ({"start": "é"}, 'invalid parameter "start": cannot parse "é" to a valid timestamp'),
        ({"timeout": "soon"}, 'invalid parameter "timeout": cannot parse "soon" to a valid duration'),
    ):
        status, body = ask(many, "query_range", **{"query": "m0", "start": 0, "end": 10, "step": 1, **params})
        assert (status, body["errorType"], body["error"]) == (400, "bad_data", said)


def test_the_api_gives_warnings_and_infos_with_their_places(many):
    """What is likely not meant is said beside the result; more than ten are counted."""
    status, body = ask(many, "query", query="rate(m0[1m]) +\n quantile(2, m0)")
    assert status == 200
    assert body["warnings"] == ["PromQL warning: quantile value should be between 0 and 1, got 2 (2:11)"]
    name = "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
    assert body["infos"] == [f'{name}: "m0" (1:6)']
    status, body = ask(many, "query_range", query="sort(m0)", start=0, end=45, step=15)
    expected = "PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)"
    assert body["warnings"] == [expected]
    status, body = ask(many, "query", query='count(rate({__name__=~"m1.",x="1"}[1m]) or rate({__name__=~"m2.",x="1"}[1m]))')
    assert status == 422
    status, body = ask(many, "query", query='sum({x="1"}) or ' + " or ".join(f"rate(m{i}[1m])" for i in range(12)))
    assert len(body["infos"]) == 11 and body["infos"][-1] == "2 more info annotations omitted"
    assert "warnings" not in ask(many, "query", query="m0")[1]


def test_the_api_cuts_to_a_limit_and_looks_back_as_asked(many):
    """`limit` cuts and says so; `lookback_delta` moves what an instant sees."""
    _, body = ask(many, "query", query="m0", limit=3)
    assert len(body["data"]["result"]) == 3 and body["warnings"] == ["results truncated due to limit"]
    assert len(ask(many, "query", query="m0", time=100)[1]["data"]["result"]) == 100
    assert ask(many, "query", query="m0", time=100, lookback_delta="30s")[1]["data"]["result"] == []
    assert ask(many, "query", query="m0", lookback_delta="0s")[0] == 400


def test_limits_are_options():
    """An engine takes other limits; what they refuse says seen and allowed."""
    engine = Engine(store_of(1, 10), 0, Options(max_samples=50, max_series=5, max_inner_steps=3, max_steps=4))
    for query, said in (
        ("m0", "saw 10 in one selector, expected at most 5"),
        ("max_over_time(vector(1)[1m:1s])", "saw 60, expected at most 3"),
    ):
        with pytest.raises(LimitError, match=said):
            engine.instant(query, 45_000)
    with pytest.raises(LimitError, match="exceeded maximum resolution of 4 points"):
        engine.range("vector(1)", 0, 5_000, 1_000)


HURTFUL = [
    f"{ALL} * on() {ALL}", f"{ALL} + {ALL}", "max_over_time(m0[100y:1ms]) > 0",
    "max_over_time(max_over_time(m0[10h:1s])[10h:1s]) > 0",
    f"avg_over_time({ALL}[1h:1s]) > 0", '{x=~"(a+)+$"}', f'count_values("v", {ALL}) > 1e9', f"m1 * on(x) group_right {ALL}",
]  # fmt: skip


@pytest.mark.slow
def test_rules_that_hurt_leave_the_others_on_time(many):
    """Each hurtful rule is unhealthy or finds nothing, and the group after them fires, all within two seconds of work."""
    bad = "\n".join(f"  - {{alert: Bad{i}, expr: {query!r}}}" for i, query in enumerate(HURTFUL))
    text = f"groups:\n- name: bad\n  rules:\n{bad}\n- name: good\n  rules:\n  - {{alert: Good, expr: count(m1) == 100}}\n"
    rules = RuleEngine(many.store.beside(), Settings(default_interval_ms=15_000))
    rules.load([load_text(text, "rules.yml")], 0)
    with soon():
        rules.evaluate(45_000)
    firing = {rule.rule.name: found for _, rule, found in rules.active_alerts(45_000)}
    assert [alert.condition for alert in firing["Good"]] == ["firing"]
    health = {rule.rule.name: rule.health for group in rules.groups for rule in group.rules}
    assert health["Good"] == "ok"
    assert [name for name, how in health.items() if how == "ok"] == ["Bad5", "Bad6", "Good"]


def test_numbers_in_labels_sort_as_numbers_of_any_length():
    """2 before 10, and a number of thousands of digits where it belongs."""
    store = SeriesStore()
    for value in ("a10", "a2", "a" + "9" * 9_000, "a1" + "0" * 9_000, "a007", "b"):
        store.append_sample("m", {"x": value}, 0, 1.0)
    found = Engine(store).instant('sort_by_label(m, "x")', 0)
    values = [dict(found.labels.sets[c])["x"] for c in found.order]
    assert values == ["a2", "a007", "a10", "a" + "9" * 9_000, "a1" + "0" * 9_000, "b"]
