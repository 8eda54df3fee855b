"""Bodies as Prometheus' HTTP API gives them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ops_center import prometheus_format as wire
from ops_center.label_sets import NAME, Matcher
from ops_center.promql.engine import Engine
from ops_center.promql.errors import EvaluationError
from ops_center.promql.parser import parse
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.series import SeriesStore

START = 1_700_000_000_000
RULES = """
groups:
- name: g
  interval: 15s
  rules:
  - {alert: A, expr: m > 1, for: 15s, annotations: {s: '{{ $value }}'}}
  - {record: r, expr: sum(m)}
  - {record: e, expr: m + on() group_left() m}
"""


@pytest.fixture
def engine() -> RuleEngine:
    made = RuleEngine(SeriesStore(), Settings(offset_ms=START))
    made.load([load_text(RULES, "r.yml")], 0)
    family = made.store.family("m", [{"i": "a"}, {"i": "b"}], 15_000, kind="gauge", unit="kmh", help="speed")
    for step in range(3):
        family.append(step * 15_000, step * 15_000, np.array([step + 0.5, 3.0]))
        made.evaluate(step * 15_000)
    return made


def test_query_bodies(engine):
    """Vector, scalar, string and matrix, numbers as text, seconds whole where they are whole."""
    at = START + 30_000
    prom = engine.engine
    vector = wire.query(prom.instant("sort_desc(m)", at), at)
    first = {"metric": {NAME: "m", "i": "b"}, "value": [1_700_000_030, "3"]}
    second = {"metric": {NAME: "m", "i": "a"}, "value": [1_700_000_030, "2.5"]}
    assert vector == {"status": "success", "data": {"resultType": "vector", "result": [first, second]}}
    assert wire.query(prom.instant("1 / 0", at + 5), at + 5)["data"] == {
        "resultType": "scalar",
        "result": [1_700_000_030.005, "+Inf"],
    }
    assert wire.query(prom.instant('"hi"', at), at)["data"] == {"resultType": "string", "result": [1_700_000_030, "hi"]}
    matrix = wire.query(prom.instant('m{i="a"}[20s]', at), at)["data"]
    assert matrix["result"] == [{"metric": {NAME: "m", "i": "a"}, "values": [[1_700_000_015, "1.5"], [1_700_000_030, "2.5"]]}]
    json.dumps(vector, allow_nan=False)


def test_query_range_is_sorted_and_leaves_gaps_out(engine):
    """Series by labels; a step without a value has no point."""
    times, found = engine.engine.range("-(m > 2)", START, START + 30_000, 15_000)
    body = wire.query_range(times, found)["data"]
    assert body["resultType"] == "matrix"
    assert [(r["metric"], len(r["values"])) for r in body["result"]] == [({"i": "a"}, 1), ({"i": "b"}, 3)]
    assert body["result"][0]["values"] == [[1_700_000_030, "-2.5"]]


def test_rules_and_alerts(engine):
    """Groups with health, errors and alerts; instants in RFC 3339, values with exponent."""
    group = wire.rules(engine, 30_000)["data"]["groups"][0]
    alert, record, broken = group["rules"]
    assert (group["name"], group["interval"], group["lastEvaluation"]) == ("g", 15.0, "2023-11-14T22:13:50Z")
    assert (alert["type"], alert["state"], alert["duration"], alert["health"]) == ("alerting", "firing", 15.0, "ok")
    assert (record["type"], record["query"]) == ("recording", "sum(m)")
    assert broken["health"] == "err" and "many-to-many" in broken["lastError"]
    shown = {a["labels"]["i"]: a for a in wire.alerts(engine, 30_000)["data"]["alerts"]}
    assert shown["b"] == {
        "labels": {"alertname": "A", "i": "b"},
        "annotations": {"s": "3"},
        "state": "firing",
        "activeAt": "2023-11-14T22:13:20Z",
        "value": "3e+00",
    }
    assert shown["a"]["state"] == "firing" and shown["a"]["value"] == "2.5e+00"
    assert [r["type"] for r in wire.rules(engine, 30_000, "record")["data"]["groups"][0]["rules"]] == ["recording", "recording"]


def test_labels_series_metadata_and_build(engine):
    """What Grafana asks first."""
    store = engine.store
    assert wire.labels(store)["data"] == ["__name__", "alertname", "alertstate", "i"]
    assert wire.label_values(store, "i")["data"] == ["a", "b"]
    assert wire.series(store.series((Matcher("i", "=", "b"), Matcher(NAME, "=", "m"))))["data"] == [{NAME: "m", "i": "b"}]
    assert wire.metadata(store, "m")["data"] == {"m": [{"type": "gauge", "unit": "kmh", "help": "speed"}]}
    assert wire.buildinfo("3.0.0")["data"]["version"] == "3.0.0"


def test_errors_have_prometheus_types():
    """What was asked wrongly is bad_data, with its place; what could not be done is execution."""
    with pytest.raises(ValueError) as why:
        parse("sum(")
    status, body = wire.failure(why.value)
    assert (status, body["errorType"], body["position"]["column"]) == (400, "bad_data", 5)
    status, body = wire.failure(EvaluationError("found duplicate series"))
    assert (status, body) == (422, {"status": "error", "errorType": "execution", "error": "found duplicate series"})


def test_special_numbers():
    """NaN and infinities are words."""
    store = SeriesStore()
    for i, value in enumerate((float("nan"), float("-inf"), -0.0, 1e-7, 1e21)):
        store.append_sample("m", {"i": str(i)}, 0, value)
    found = wire.query(Engine(store).instant("m", 0), 0)["data"]["result"]
    assert [r["value"][1] for r in found] == ["NaN", "-Inf", "-0", "1e-07", "1e+21"]
