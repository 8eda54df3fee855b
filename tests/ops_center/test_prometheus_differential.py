"""Our query API against that of the installed Prometheus, on the same series: values, shapes, errors and their types.

The Debian package is Prometheus 2.42, so that our engine runs in its dialect `2.x`.
"""

from __future__ import annotations

import math
import random  # noqa: TID251  # expressions to try, no simulation
from pathlib import Path

import numpy as np
import pytest

from ops_center import prometheus_format, prometheus_query
from ops_center.prometheus_query import BadParameter, Params
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.rules.notation import parse_labels
from ops_center.series import SeriesStore
from tests.ops_center.real_prometheus import PROMETHEUS, PROMTOOL, Real, Samples, running

needs_prometheus = pytest.mark.skipif(PROMETHEUS is None or PROMTOOL is None, reason="Debian package prometheus is not installed")
START = 1_700_000_000_000 - 1_700_000_000_000 % 7_200_000
MINUTES = 40


def some_series(seed: int) -> dict[str, Samples]:
    """Counters that reset, gauges with gaps, odd times and special values, and histograms."""
    random_ = random.Random(seed)
    out: dict[str, Samples] = {}
    for zone in "pqr":
        for x in range(3):
            total, counted, gauge = 0.0, [], []
            for step in range(MINUTES * 4):
                at = START + step * 15_000
                total = 0.0 if random_.random() < 0.04 else total + random_.randrange(9)
                if random_.random() > 0.1:
                    counted.append((at, total))
                if not 40 < step < 70 or x:
                    gauge.append((at + random_.randrange(4000), round(random_.gauss(10, 8), 2)))
            out[f'c_total{{x="{x}",z="{zone}"}}'] = counted
            out[f'g{{x="{x}",z="{zone}"}}'] = gauge
    for le, share in (("0.5", 0.2), ("1", 0.5), ("5", 0.9), ("+Inf", 1.0)):
        for x in range(2):
            out[f'h_bucket{{le="{le}",x="{x}"}}'] = [
                (START + s * 15_000, math.floor(s * 7 * share * (x + 1))) for s in range(160)
            ]
    odd = [1.0, math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-9, 1e300, 3.5, 3.5]
    out['odd{x="1"}'] = [(START + i * 60_000, v) for i, v in enumerate(odd * 4)]
    out['lone{x="2",y="é"}'] = [(START + 600_000, 7.0)]
    return out


class Queries:
    """A seeded stream of expressions that both dialects have.

    A third of them meet NaN and infinities. Those leave out what was changed since 2.42: histograms with such counts, dates of
    none, deviations over such values.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.special = False

    def next(self, depth: int) -> str:
        self.special = self.random.random() < 0.33
        return self.vector(depth)

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def selector(self) -> str:
        name = self.pick("c_total", "g", "g", "h_bucket", *(["odd", "lone", "nope"] if self.special else ["lone", "nope"]))
        match = self.pick("", "", '{x="1"}', '{x!="1"}', '{x=~"0|2"}', '{z!~"p.*"}', '{z=""}', '{x=~".+",z="q"}')
        return name + match

    def shift(self) -> str:
        at = [str((START + 600_000) // 1000), "start()", "end()"]
        return self.pick("", "", "", " offset 3m", " offset -90s", f" @ {self.pick(*at)}", f" @ {at[0]} offset 1m")

    def ranged(self, depth: int) -> str:
        length = self.pick("30s", "1m", "5m", "7m30s", "12m")
        if depth and self.random.random() < 0.25:
            return f"{self.vector(depth - 1, True)}[{length}:{self.pick('', '30s', '1m', '45s')}]{self.shift()}"
        return f"{self.selector()}[{length}]{self.shift()}"

    def scalar(self, depth: int) -> str:
        special = ["NaN", "Inf", f"scalar({self.vector(0)})"] if self.special and depth else []
        return self.pick("2", "0.5", "-3", "1e3", "(time() % 7 + 1)", *special)

    def labels(self) -> str:
        return ", ".join(self.random.sample(["x", "z", "le", "y"], self.random.randrange(3)))

    def vector(self, depth: int, closed: bool = False) -> str:
        made = self._made(depth)
        return f"({made})" if closed and made[-1] not in ")}" else made

    def _made(self, depth: int) -> str:
        if depth <= 0:
            return self.selector() + self.shift()
        makers = [self.over_time, self.over_time, self.aggregate, self.ranked, self.arithmetic, self.arithmetic, self.sets]
        makers += [self.call, self.call, self.labelled, self.bounded] + ([] if self.special else [self.quantile, self.date])
        return self.random.choice(makers)(depth)

    def aggregate(self, depth: int) -> str:
        way = self.pick("", f" by ({self.labels()})", f" without ({self.labels()})")
        op = self.pick("sum", "avg", "min", "max", "count", "group", "sum")
        if self.random.random() < 0.2:
            return f"{self.pick('stddev', 'stdvar')}{way} (g{self.pick('', ' offset 3m', ' * 2')})"
        return f"{op}{way} ({self.vector(depth - 1)})"

    def ranked(self, depth: int) -> str:
        op, way = self.pick("topk", "bottomk", "quantile"), self.pick("", f" by ({self.labels()})")
        number = self.pick("0.5", "0.9", "0") if op == "quantile" else self.pick("1", "3")
        inner = self.vector(depth - 1) if op == "quantile" else f"g{self.pick('', ' offset 3m')}"  # ties have no order
        return f"{op}{way} ({number}, {inner})"

    def arithmetic(self, depth: int) -> str:
        op = self.pick("+", "-", "*", ">", "<=", "== bool", "!=", "< bool", "/")
        left, right = f"({self.vector(depth - 1)})", self.pick(f"({self.vector(depth - 1)})", self.scalar(depth))
        if not right.endswith("})") and right[0] != "(":
            return f"{left} {self.pick(op, '/')} {right}"
        on = (f"on ({self.labels()})", f"ignoring ({self.labels()})", "on (x) group_left", "on (z) group_right")
        return f"{left} {op} {self.pick('', *on) if not right.startswith('(time') else ''} {right}"

    def sets(self, depth: int) -> str:
        match = self.pick("", f"on ({self.labels()})", f"ignoring ({self.labels()})")
        return f"({self.vector(depth - 1)}) {self.pick('and', 'or', 'unless')} {match} ({self.vector(depth - 1)})"

    def quantile(self, _depth: int) -> str:
        return f"histogram_quantile({self.pick('0.5', '0.99', '0')}, {self.pick('h_bucket', 'rate(h_bucket[5m])')})"

    def date(self, _depth: int) -> str:
        call = self.pick("hour", "minute", "month", "year", "day_of_week", "day_of_year", "day_of_month", "days_in_month")
        return f"{call}({self.pick('g * 1e6', 'timestamp(g)', 'c_total', '-(g) * 1e7', 'vector(time() * 3)')})"

    def labelled(self, depth: int) -> str:
        call = self.pick('label_replace({}, "y", "v$1", "x", "(.)")', 'label_join({}, "y", "-", "x", "z")', "absent({})")
        return call.format(self.vector(depth - 1))

    def bounded(self, depth: int) -> str:
        call = self.pick("clamp({}, -2, 9)", "clamp_min({}, 3)", "clamp_max({}, 3)", "-({})", "abs({})", "sgn({})")
        return call.format(self.vector(depth - 1))

    def call(self, depth: int) -> str:
        """What doubles a difference in the last place is asked of samples only."""
        steep = ["ceil", "floor", "round", "timestamp", "sin", "cos", "tan", "atan", "deg", "rad", "exp", "ln", "log2", "log10"]
        if self.random.random() < 0.5:
            return f"{self.pick(*steep, 'sqrt', 'cosh', 'tanh', 'asinh')}({self.pick('g', 'g offset 3m', 'g / 3')})"
        return self.pick("g % 3", "g ^ 2", "2 ^ g", "g atan2 on (x, z) c_total", f"sort({self.vector(depth - 1)})")

    def over_time(self, depth: int) -> str:
        plain = "rate increase delta irate idelta deriv changes resets avg_over_time sum_over_time min_over_time max_over_time"
        plain += " count_over_time last_over_time present_over_time absent_over_time"
        plain += "" if self.special else " stddev_over_time stdvar_over_time"
        func = self.pick(*plain.split(), "predict_linear", "quantile_over_time", "holt_winters")
        ranged = self.ranged(depth)
        if func == "predict_linear":  # 2.42 forgets samples that @ fixes, from the second step on
            return f"{func}({ranged.split(' @')[0]}, {self.pick('60', '-30', '600')})"
        if func == "quantile_over_time":
            return f"{func}({self.pick('0.5', '0.9', '1')}, {ranged})"
        return f"{func}({ranged}, 0.5, 0.3)" if func == "holt_winters" else f"{func}({ranged})"


BROKEN = [
    "", " ", "(", ")", "sum(", "sum(g", "g{", 'g{x=}', 'g{x="1"', "g[5m", "g[]", "g[5x]", "g[0s]", "g offset", "1 +",
    "+", "g g", "sum", "rate(g)", "abs(g[1m])", "abs()", "abs(g, g)", "nope(g)", "topk(g)", "topk(1)", "1 == 2", "1 and 2",
    "g and 1", "g + on(x) 1", "g + group_left g", "g and on(x) group_left g", 'g{x=~"("}', 'g{x=~"(?=a)"}', '"a" + 1', "-\"a\"",
    "g @", "g @ x", "g @ start", "g offset 1m offset 2m", "g @ 1 @ 2", "sum(g) offset 1m",
    "sum(g)[5m]", "g[5m][5m]", "g[5m:1m:1m]",
    "g[5m:0s]", "{}", '{x=""}', '{x=~".*"}', "g == bool", "g + bool g", "sum by x (g)", "sum by (x (g)", "by (x) sum(g)",
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


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("query", [*BROKEN, *FAILING])
@pytest.mark.parametrize("path", ["query", "query_range"])
def test_errors_are_of_the_same_type(both, query, path):
    """What the real one refuses we refuse, with the same status and type; what it takes we take."""
    times = {"time": START / 1000 + 900} if path == "query" else {"start": START / 1000, "end": START / 1000 + 900, "step": 60}
    wrong = compare(both, path, query=query, **times)
    assert not wrong, wrong
