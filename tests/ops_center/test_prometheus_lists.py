"""What the lists of Prometheus' API hold: series, labels, rules and metadata, by the parameters that choose among them."""

from __future__ import annotations

import numpy as np
import pytest

from ops_center import prometheus_lists, prometheus_rules
from ops_center.prometheus_query import BadParameter, Params
from ops_center.promql.engine import Engine
from ops_center.promql.errors import ParseError
from ops_center.promql.printing import formatted
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.series import SeriesStore

START = 1_700_000_000_000
RULES = """
groups:
- name: one
  rules:
  - {alert: A, expr: m > 1, labels: {severity: page}}
  - {record: r, expr: sum(m)}
- name: two
  rules: [{alert: B, expr: m > 9, labels: {severity: ticket}}]
"""


def asked(**values: str | list[str]) -> Params:
    """Parameters; `match` stands for `match[]`, as others do that may be repeated."""
    lists = ("match", "rule_name", "rule_group", "file")
    named = {f"{n}[]" if n in lists else n: v if isinstance(v, list) else [v] for n, v in values.items()}
    return Params(named, 0, START)


@pytest.fixture
def engine() -> RuleEngine:
    """Two metrics: one of rows every 15 s for a minute, one of a single sample at 10 minutes."""
    made = RuleEngine(SeriesStore(), Settings(offset_ms=START))
    made.load([load_text(RULES, "r.yml")], 0)
    family = made.store.family("m", [{"i": "a"}, {"i": "b"}], 15_000, kind="gauge", unit="kmh", help="speed")
    for step in range(5):
        family.append(step * 15_000, step * 15_000, np.array([1.5, 3.0]))
        made.evaluate(step * 15_000)
    made.store.append_sample("late", {"i": "c"}, 600_000, 1.0)
    return made


def names(engine: Engine, **values: str | list[str]) -> list[str]:
    return [row["__name__"] + row.get("i", "") for row in prometheus_lists.series(engine, asked(**values))["data"]]


def test_start_and_end_choose_series_by_when_they_were(engine):
    """A series is listed where it may have a sample between start and end; bounds are inclusive, either may be left out."""
    every = '{i=~".+",__name__=~"m|late"}'
    at = str(START // 1000 + 300)
    assert names(engine.engine, match=every) == ["latec", "ma", "mb"]
    assert names(engine.engine, match=every, start=at) == ["latec"]
    assert names(engine.engine, match=every, end=at) == ["ma", "mb"]
    assert names(engine.engine, match=every, start=str(START // 1000 + 601)) == []
    assert names(engine.engine, match=['m{i="a"}', 'm{i=~"a|b"}']) == ["ma", "mb"]
    assert prometheus_lists.label_values(engine.engine, asked(label="i", start=at))["data"] == ["c"]
    assert prometheus_lists.label_values(engine.engine, asked(label="U__i", end=at))["data"] == ["a", "b"]
    assert prometheus_lists.labels(engine.engine, asked(match="late"))["data"] == ["__name__", "i"]
    assert prometheus_lists.labels(engine.engine, asked(end="-9000000"))["data"] == []


@pytest.mark.parametrize(
    "values",
    [{}, {"match": "{}"}, {"match": "sum(m)"}, {"match": "m[5m]"}, {"match": "m offset 5m"}, {"match": "m @ 5"},
     {"match": "m", "start": "x"}, {"match": "m", "end": "2026-03-03 11:00:00Z"}, {"match": "m", "limit": "x"}, {"match": ""}],
)  # fmt: skip
def test_what_a_list_cannot_be_asked(engine, values):
    """Selectors are plain, instants are numbers or RFC 3339."""
    with pytest.raises(BadParameter, match=r"match\[\]|start|end|limit"):
        prometheus_lists.series(engine.engine, asked(**values))


def test_metadata_is_limited_and_exemplars_are_none(engine):
    """`limit` counts metrics; a query of exemplars is checked like any other."""
    assert len(prometheus_lists.metadata(engine.engine, asked(limit="1"))["data"]) == 1
    assert prometheus_lists.metadata(engine.engine, asked(limit="0"))["data"] == {}
    assert prometheus_lists.metadata(engine.engine, asked(metric="m", limit="-1"))["data"]["m"][0]["unit"] == "kmh"
    assert prometheus_lists.exemplars(asked(query="m", start="1", end="2"))["data"] == []
    for wrong in ({"limit": "x"}, {"limit_per_metric": "x"}):
        with pytest.raises(BadParameter, match="must be a number"):
            prometheus_lists.metadata(engine.engine, asked(**wrong))
    for wrong in ({"query": "("}, {"query": "m", "start": "x"}, {"query": "m", "start": "2", "end": "1"}):
        with pytest.raises(BadParameter):
            prometheus_lists.exemplars(asked(**wrong))


def shown(engine: RuleEngine, **values: str | list[str]) -> list[str]:
    groups = prometheus_rules.rules(engine, 60_000, asked(**values))["data"]["groups"]
    return [f"{g['name']}:{','.join(r['name'] for r in g['rules'])}" for g in groups]


def test_rules_are_chosen_as_in_prometheus(engine):
    """By type, name, group, file and labels; a group of which nothing is left is not shown."""
    assert shown(engine) == ["one:A,r", "two:B"]
    assert shown(engine, type="record") == ["one:r"] and shown(engine, type="ALERT") == ["one:A", "two:B"]
    assert shown(engine, rule_name=["B", "r"]) == ["one:r", "two:B"] and shown(engine, rule_group="two") == ["two:B"]
    assert shown(engine, file="r.yml") == ["one:A,r", "two:B"] and shown(engine, file="x.yml") == []
    assert shown(engine, match='{severity=~"p.*"}') == ["one:A"]
    rules = prometheus_rules.rules(engine, 60_000, asked(exclude_alerts="true", rule_name="A"))["data"]["groups"][0]["rules"]
    assert rules[0]["state"] == "firing" and rules[0]["alerts"] == []
    for wrong in ({"type": "x"}, {"exclude_alerts": "x"}, {"match": "{}"}, {"group_limit": "x"}, {"group_next_token": "x"}):
        with pytest.raises(BadParameter):
            shown(engine, **wrong)


def test_rules_come_in_pages(engine):
    """A page says where the next one begins; a place that is not there any more is an error."""
    first = prometheus_rules.rules(engine, 60_000, asked(group_limit="1"))["data"]
    assert [g["name"] for g in first["groups"]] == ["one"]
    assert shown(engine, group_limit="1", group_next_token=first["groupNextToken"]) == ["two:B"]
    assert "groupNextToken" not in prometheus_rules.rules(engine, 60_000, asked(group_limit="2"))["data"]
    with pytest.raises(BadParameter, match="were rules changed"):
        shown(engine, group_limit="1", group_next_token="00")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("sum(x)by(y)", "sum by (y) (x)"),
        ("a  + # why\n bool_b", "a + bool_b"),
        ('{__name__="a.b",x!~"1"}[5m] offset 1h @ end()', '{__name__="a.b",x!~"1"}[5m] @ end() offset 1h'),
        ('{"a.b", x="1"}', '{"a.b",x="1"}'),
        ("a+ignoring()group_left()b", "a + ignoring () group_left () b"),
        ("-Inf", "-Inf"),
        ("predict_linear(x[1h],4h)", "predict_linear(x[1h], 4h)"),
        ("x[step()*2] ", "x[step()*2]"),
        (f"abs({'a' * 50} + {'b' * 50})", f"abs(\n    {'a' * 50}\n  +\n    {'b' * 50}\n)"),
    ],
)
def test_expressions_are_written_as_prometheus_writes_them(text, written):
    """One form for one expression, over several lines where it is long."""
    assert formatted(text) == written


def test_a_wrong_expression_is_not_written():
    """The error says where."""
    with pytest.raises(ParseError, match="1:5"):
        formatted("sum(")
