"""Series of many kinds, and expressions over them that Prometheus 2 and 3 both have, from a seed."""

from __future__ import annotations

import math
import random  # noqa: TID251  # expressions to try, no simulation

from tests.ops_center.real_prometheus import Samples

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


CHOSEN = [  # what is easily got wrong: empty sides, bounds of parameters, odd values, precedence, labels that vanish
    'count_values("v", c_total)', 'count_values by (z) ("v", h_bucket)', 'count_values without (x) ("z", c_total)',
    'count_values("x", odd)', 'count_values without (x) ("x", g)', 'count_values without (le, nope) ("nope", h_bucket)',
    "clamp_max(odd, -Inf)", "clamp_min(odd, Inf)", "clamp(odd, -Inf, -Inf)", "clamp(odd, -Inf, Inf)",
    "clamp_max(odd, NaN)", "quantile(-1, g)", "quantile(2, g)", "quantile(NaN, g)", "quantile by (z) (0.3, odd)",
    "quantile_over_time(-1, g[5m])", "quantile_over_time(2, g[5m])", "topk(0, g)", "topk(-1, g)", "topk(1e10, g)",
    "topk(1e19, g)", "bottomk(Inf, g)",
    "bottomk(2.9, g)", "topk by (z) (2, g)", 'label_replace(g, "x", "", "x", ".*")',
    'label_replace(g, "__name__", "n_$1", "x", "(.*)")', 'label_replace(g, "y", "$0-${1}a$2", "x", "(.)")',
    'label_replace(g, "y", "$name", "x", "(?P<name>.)")', 'label_replace(g, "y", "$$1", "x", "(.)")',
    'label_replace(g, "y", "a", "nope", "")', 'label_replace(g, "y", "a", "x", "nope")', 'label_join(g, "y", "-")',
    'label_join(g, "x", "", "x", "z", "nope")', 'label_join(g, "__name__", "", "x")', 'absent(g{x="9",z=~"p"})',
    'absent(nope{x="1",x="2"})', 'absent(sum(nope{x="1"}))', "absent(g)", 'absent_over_time(nope{x="1"}[5m])',
    "absent_over_time(g[5m])", "absent_over_time(sum(nope)[5m:])", "scalar(g)", "scalar(lone)", "scalar(nope)",
    "vector(time())", "timestamp(g offset 1m)", "timestamp(sum(g))", "timestamp(vector(1))", "g @ 0", "g @ 1e10",
    "g offset 100y", "sum(g) by ()", "sum without () (g)", 'group by (__name__) ({x="1"})', 'sum by (__name__) ({x="1"})',
    '{__name__=~"g|lone"}', '{__name__!~"c.*|h.*|g|odd",x=~".+"}', 'g{x!~"1|2"}', 'g{nope=""}', 'g{nope!=""}', 'g{x=~""}',
    'lone{y="é"}', 'lone{y="\\u00e9"}', "g{x='1'}", "g{x=`1`}", "clamp(g, 5, 1)", "clamp(g, NaN, 1)", "clamp_max(g, -Inf)",
    "round(g, 0)", "round(g, -2)", "round(odd, 10)", "sgn(odd)", "hour(vector(1e9))", "days_in_month(vector(1582934400))",
    "day_of_week(vector(-1))", "month(vector(-86400*400))", "year(vector(253402300800))", "minute()", "time() - time()",
    "1 + 2 * 3 ^ 2 ^ 0.5 % 4 - -1", "2 ^ -1", "-2 ^ 2", "1 - 2 - 3", "8 / 4 / 2", "5 % 3", "-5 % 3", "5 % -3", "5.5 % 0",
    "0 / 0", "1 > bool 2", "1 == bool 1", "NaN == bool NaN", "g > 5 < 10", "g > bool 5 == 1", "5 < g", "5 < bool g",
    "g and lone", "g or lone", "lone unless g", "g and on(x) lone", "g and ignoring(z,y) lone",
    "lone * on(x) group_right(y) g", "g * on(x) group_left(y) lone", "g * on(x) group_left(z) lone",
    "g * ignoring(z,y) group_left lone", 'histogram_quantile(0.5, h_bucket{le!="+Inf"})',
    'histogram_quantile(0.5, h_bucket{le=~"1|.Inf"})', "histogram_quantile(0.5, g)", "histogram_quantile(1, h_bucket)",
    "histogram_quantile(0.9, sum by (le) (rate(h_bucket[5m])))", "rate(c_total[15s])", "rate(c_total[1s])",
    "increase(g[5m])", "delta(c_total[5m])", "rate(h_bucket[100y])", "irate(odd[5m])", "changes(odd[20m])",
    "resets(odd[20m])", "deriv(odd[20m])", "min_over_time(odd[20m])", "max_over_time(odd[20m])", "sum_over_time(odd[3m])",
    "stddev_over_time(lone[5m])", "predict_linear(lone[5m], 10)", "last_over_time(odd[20m] offset 3m)",
    "present_over_time(nope[5m])", "max_over_time(g[5m:1m] @ 1699999900 offset 30s)", "sum_over_time(vector(1)[5m:7s])",
    "sum_over_time((time() % 60)[5m:1m])", "count_over_time(g[10m:59s] offset -2m)",
    "avg_over_time(rate(c_total[2m])[10m:1m])", "max_over_time(max_over_time(g[1m:10s])[5m:30s])", "g[1m] offset 1m",
    'c_total{x="1"}[1m] @ 1699999900', "sum(g)[2m:30s]", "vector(1)[1m:20s]",
    'h_bucket == on(x) group_left sum by (x) (h_bucket{le="+Inf"})', "sum(g) > sum(c_total)", "sum(g) or vector(0)",
    "nope or vector(0)", "nope + 1", "nope == nope", "sum(nope)", "count(nope)", "- nope", "abs(nope)", "sort(g)",
    "sort_desc(odd)", "exp(odd)", "ln(odd)", "sqrt(odd)", "ceil(odd)", "acos(vector(2))", "pi()", "deg(pi())",
    "rad(vector(180))", "day_of_year(vector(1709164800))", "day_of_month()", "avg(odd)", "sum(odd)", "min(odd)", "max(odd)",
    "stddev(g)", "stdvar by (z) (g)",
]  # fmt: skip
