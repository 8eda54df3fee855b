"""Our query API against that of the installed Prometheus, on the same series: values, shapes, errors and their types.

The Debian package is Prometheus 2.42, so that our engine runs in its dialect `2.x`.
"""

from __future__ import annotations

import math
import random  # noqa: TID251  # expressions to try, no simulation
import re
from pathlib import Path

import numpy as np
import pytest

from ops_center import prometheus_format, prometheus_query
from ops_center.prometheus_query import BadParameter, Params
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.promql.printing import formatted
from ops_center.rules.notation import parse_labels
from ops_center.series import SeriesStore
from tests.ops_center.promql_queries import CHOSEN, MINUTES, START, Queries, some_series
from tests.ops_center.real_prometheus import PROMETHEUS, PROMTOOL, Real, running

needs_prometheus = pytest.mark.skipif(PROMETHEUS is None or PROMTOOL is None, reason="Debian package prometheus is not installed")


BROKEN = [
    "", " ", "(", ")", "sum(", "sum(g", "g{", 'g{x=}', 'g{x="1"', "g[5m", "g[]", "g[5x]", "g[0s]", "g offset", "1 +",
    "+", "g g", "sum", "rate(g)", "abs(g[1m])", "abs()", "abs(g, g)", "nope(g)", "topk(g)", "topk(1)", "1 == 2", "1 and 2",
    "g and 1", "g + on(x) 1", "g + group_left g", "g and on(x) group_left g", 'g{x=~"("}', 'g{x=~"(?=a)"}', '"a" + 1', "-\"a\"",
    "g @", "g @ x", "g @ start", "g offset 1m offset 2m", "g @ 1 @ 2", "sum(g) offset 1m",
    "sum(g)[5m]", "g[5m][5m]", "g[5m:1m:1m]",
    "g[5m:0s]", "{}", '{x=""}', '{x=~".*"}', "g == bool", "g + bool g", "sum by x (g)", "sum by (inf) (g)", "sum by (1) (g)",
    "abs(g,)", "sum(g,)", "sum by (x,) (g)",
     "sum by (x (g)", "by (x) sum(g)",
    "count_values(1, g)", "histogram_quantile(g, 1)", "5mm", "0x", "1e", "'abc", "`abc",
    "g{x='\\q'}", "label_replace(g, 1, 2, 3, 4)",
    "g ! g", "g =~ g", "g & g", "g ? g", "g # comment\n +", "vector(g)", "scalar(1)", "time(1)", "g{x=\"1\",,y=\"2\"}", "g{,}",
    "rate(sum(g))", "g[1m] + g", "g[1m]", '"text"', "min_over_time(g)", "sum(g) by (x) by (x)", "g{__name__=\"h\"}", "-g[1m]",
]  # fmt: skip
FAILING = [
    "g + on() g", "g * on(x) g", "g / on(x) group_left g", "sum(g) + on() group_left g", "c_total + on(x) group_left(z) c_total",
    'label_replace(g, "y", "", "x", "(")', 'label_replace(g, "x", "", "x", ".*")',
    'label_replace(c_total, "x", "1", "x", ".*")', "holt_winters(g[5m], 2, 0.1)", "holt_winters(g[5m], 0.1, 0)",
    "topk(NaN, g)", '{x="1"} + 1', "abs({x='1'})", "-{x='1'}",
]  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    series = some_series(1)
    store = SeriesStore()
    for name, samples in series.items():
        times, values = (np.array(column) for column in zip(*samples, strict=True))
        store.append_series(parse_labels(name), times.astype(np.int64) - START, values, np.zeros(len(times), bool))
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with running(folder, series) as real:
        yield real, Engine(store, START, Options(compat="2.x"))


def ours(engine: Engine, path: str, **params: object) -> tuple[int, dict]:
    given = Params({name: [str(value)] for name, value in params.items()}, 0, START)
    try:
        answer = prometheus_query.query if path == "query" else prometheus_query.query_range
        return 200, answer(engine, given, lambda _seconds: lambda: False)
    except (BadParameter, PromQLError) as error:
        return prometheus_format.failure(error)


def alike(a: str, b: str) -> bool:
    if a == b:
        return True
    x, y = float(a), float(b)
    return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(x) and math.isnan(y))


def points(row: dict) -> list[tuple[float, str]]:
    return [(float(t), v) for t, v in (row["values"] if "values" in row else [row["value"]])]


def difference(query: str, theirs: tuple[int, dict], mine: tuple[int, dict]) -> str:
    """Empty where two answers say the same."""
    (status, body), (my_status, my_body) = theirs, mine
    if (status, body.get("errorType")) != (my_status, my_body.get("errorType")):
        return f"{query}: theirs {status} {body.get('error', '')[:200]!r}, ours {my_status} {my_body.get('error', '')[:200]!r}"
    if status != 200:
        return ""
    data, my_data = body["data"], my_body["data"]
    if data["resultType"] != my_data["resultType"]:
        return f"{query}: theirs {data['resultType']}, ours {my_data['resultType']}"
    if data["resultType"] in ("scalar", "string"):
        return "" if alike(data["result"][1], my_data["result"][1]) else f"{query}: {data} {my_data}"
    rows = {tuple(sorted(r["metric"].items())): points(r) for r in data["result"]}
    my_rows = {tuple(sorted(r["metric"].items())): points(r) for r in my_data["result"]}
    if set(rows) != set(my_rows):
        return f"{query}: series {sorted(set(rows) ^ set(my_rows))[:3]} (theirs {len(rows)}, ours {len(my_rows)})"
    for labels, found in rows.items():
        my_found = my_rows[labels]
        if [t for t, _ in found] != [t for t, _ in my_found]:
            return f"{query}: times of {labels}: {[t for t, _ in found][:5]} {[t for t, _ in my_found][:5]}"
        wrong = [(t, v, w) for (t, v), (_, w) in zip(found, my_found, strict=True) if not alike(v, w)]
        if wrong:
            return f"{query}: {labels} {wrong[:3]}"
    return ""


def compare(both: tuple[Real, Engine], path: str, **params: object) -> str:
    real, engine = both
    shown = " ".join(f"{k}={v}" for k, v in params.items())
    return difference(shown, real.ask(path, **params), ours(engine, path, **params))


@needs_prometheus
@pytest.mark.slow
def test_chosen_queries_agree(both):
    """Expressions chosen for what is easily got wrong agree at two instants and over a range."""
    times = [("query", {"time": START / 1000 + at}) for at in (1000, 605.5)]
    times.append(("query_range", {"start": START / 1000 + 100, "end": START / 1000 + 1500, "step": 37}))
    found = [compare(both, path, query=query, **given) for query in CHOSEN for path, given in times]
    assert not [f for f in found if f], "\n".join(f for f in found if f)


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_instant_queries_agree(both, seed):
    """400 expressions of a seed have the same result at an instant, or fail in the same way."""
    queries, random_ = Queries(seed), random.Random(seed)
    found = [
        compare(both, "query", query=queries.next(3), time=(START + random_.randrange(MINUTES * 60_000)) / 1000)
        for _ in range(400)
    ]
    assert not [f for f in found if f], "\n".join(f for f in found if f)


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_range_queries_agree(both, seed):
    """200 expressions of a seed have the same results over a range, or fail in the same way."""
    queries, random_ = Queries(100 + seed), random.Random(seed)
    found = []
    for _ in range(200):
        start = START / 1000 + random_.randrange(600)
        end, step = start + random_.randrange(1, 1500), random_.choice([7, 15, 60, 123])
        found.append(compare(both, "query_range", query=queries.next(3), start=start, end=end, step=step))
    assert not [f for f in found if f], "\n".join(f for f in found if f)


MORE_BROKEN = [
    "g[5m] offset", "sum(g) + \n rate(g)", 'g{x="1"} + \n\n on(x) (g', "foo(", 'g{x="1" y="2"}', "sum(1)",
    "rate(g[5m]) + rate(g)",
    "topk(g, g)", "count_values(g, g)", 'label_replace(g, "a", "b", "c")', "g offset 1m[5m]", "g @ 5[5m]", "5 offset 1m",
    "(g) offset 1m",
    '"a" offset 1m', 'g{x=~"["}', 'histogram_quantile("a", g)', "time(g)", 'vector("a")', "a b", '{a="b"', "a{b=c}", "sum(a) by",
    "a +\n  nope(b)", "foo(bar(x)) + baz(y)", "rate(x) + baz(y)", "sum(x) > 1 and y(z)", "-nope(a)",
    'a b + "open', "a + 'open", 'label_join(o\nwner{instance=~"', "nope(a)[5m:]",
    "sum by (a)", "a unless bool b", "clamp(g, 1)", "round(g, 1, 2)", "g > 1 <", "(1) > 2", "quantile(g, g)",
]  # fmt: skip
OTHER_PLACE = [")"]  # of which 2.42 says a place behind it


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("query", [q for q in (*BROKEN, *MORE_BROKEN) if q not in OTHER_PLACE])
def test_errors_of_the_parser_are_at_the_same_place(both, query):
    """Where the real parser refuses, ours names the same line and column, in the same form."""
    real, engine = both
    place = re.compile(r"(invalid parameter .query.: \d+:\d+: parse error: )")
    status, body = real.ask("query", query=query, time=START / 1000)
    my_status, my_body = ours(engine, "query", query=query, time=START / 1000)
    assert status == my_status
    if status == 400:
        assert place.match(body["error"])[1] == place.match(my_body["error"])[1], (body["error"], my_body["error"])


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("query", [*BROKEN, *FAILING])
@pytest.mark.parametrize("path", ["query", "query_range"])
def test_errors_are_of_the_same_type(both, query, path):
    """What the real one refuses we refuse, with the same status and type; what it takes we take."""
    times = {"time": START / 1000 + 900} if path == "query" else {"start": START / 1000, "end": START / 1000 + 900, "step": 60}
    wrong = compare(both, path, query=query, **times)
    assert not wrong, wrong


NUMBERS = [
    "1e-7", "9.99e-7", "1e-6", "1e-5", "0.1", "1/3", "123456789.125", "1e15", "123456789012345678", "1e20", "1e21", "1.5e21",
    "1e300", "5e-324", "-1e-10", "-0", "NaN", "Inf", "-Inf",
]  # fmt: skip


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("at", [START / 1000, START / 1000 + 1.5, START / 1000 + 0.123])
def test_answers_are_the_same_to_the_letter(both, at):
    """Numbers, instants and strings are written as the real one writes them, in every type of result."""
    real, engine = both
    queries = [
        *NUMBERS,
        *(f"vector({n})" for n in NUMBERS),
        '"a\\"b\\n\\u00e9"',
        "g",
        "lone",
        "nope",
        "g[1m]",
        'c_total{z="p"}[90s]',
    ]
    for query in queries:
        theirs, mine = real.ask("query", query=query, time=at), ours(engine, "query", query=query, time=at)
        assert _sorted(theirs) == _sorted(mine), query
        ranged = {"query": query, "start": at, "end": at + 2, "step": "0.5"}
        theirs, mine = real.ask("query_range", **ranged), ours(engine, "query_range", **ranged)
        assert theirs[0] == mine[0], query
        if theirs[0] == 200:
            assert theirs == mine, query


def _sorted(answer: tuple[int, dict]) -> tuple[int, dict]:
    """Instant queries give series in no order of their own."""
    data = answer[1]["data"]
    if data["resultType"] in ("vector", "matrix"):
        data = {**data, "result": sorted(data["result"], key=lambda row: sorted(row["metric"].items()))}
    return answer[0], {**answer[1], "data": data}


@needs_prometheus
@pytest.mark.slow
def test_expressions_are_formatted_alike(both):
    """`format_query` gives the same text, on one line or several, for chosen and for random expressions."""
    real, _ = both
    queries = Queries(7)
    for query in [*CHOSEN, *(queries.next(4) for _ in range(150))]:
        status, body = real.ask("format_query", query=query)
        if status == 200:
            assert body["data"] == formatted(query), query
