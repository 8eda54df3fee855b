"""What must hold of any expression, however its samples lie, however many instants are asked at once, in either dialect."""

from __future__ import annotations

import math
import random  # noqa: TID251  # expressions to try, no simulation
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops_center.label_sets import NAME, Labels
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.promql.values import RangeVector, Scalar, Vector
from ops_center.promql.watch import Notes, Watch
from ops_center.rules.notation import parse_labels
from ops_center.series import SeriesStore
from tests.ops_center.promql_expressions import expressions
from tests.ops_center.promql_queries import MINUTES, START, Queries, some_series

PERIOD_MS = 15_000
Found = dict[Labels, float] | str


def irregular(series: dict[str, list[tuple[int, float]]]) -> SeriesStore:
    """Each series with timestamps of its own."""
    store = SeriesStore()
    for name, samples in series.items():
        times, values = (np.array(column) for column in zip(*samples, strict=True))
        store.append_series(parse_labels(name), times.astype(np.int64) - START, values, np.zeros(len(times), bool))
    return store


def regular(series: dict[str, list[tuple[int, float]]]) -> SeriesStore:
    """Series of a metric in one matrix with gaps; all instants must be multiples of the period."""
    store = SeriesStore()
    by_metric: dict[str, list[tuple[dict[str, str], dict[int, float]]]] = {}
    for name, samples in series.items():
        labels = dict(parse_labels(name))
        by_metric.setdefault(labels.pop(NAME), []).append((labels, dict(samples)))
    for metric, members in by_metric.items():
        family = store.family(metric, [labels for labels, _ in members], PERIOD_MS)
        for at in sorted({at for _, samples in members for at in samples}):
            valid = np.array([at in samples for _, samples in members])
            values = np.array([samples.get(at, 0.0) for _, samples in members])
            family.append(at - START, at - START, values, None, valid)
    return store


def on_grid(seed: int) -> dict[str, list[tuple[int, float]]]:
    """Some series with their instants moved to the grid."""
    moved = {n: {at - at % PERIOD_MS: v for at, v in samples} for n, samples in some_series(seed).items()}
    return {name: sorted(samples.items()) for name, samples in moved.items()}


def at_instant(engine: Engine, query: str, at_ms: int) -> Found:
    """Labels and values, or the first words of why not."""
    try:
        found = engine.instant(query, at_ms)
    except PromQLError as error:
        return str(error)[:24]
    if isinstance(found, Scalar):
        return {(): float(found.values[0])}
    assert isinstance(found, Vector)
    return {found.labels.sets[c]: float(found.values[0, c]) for c in np.flatnonzero(found.present[0]).tolist()}


def alike(one: Found, other: Found, rel: float = 0.0) -> bool:
    """The same labels and the same numbers; NaN is NaN."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if set(one) != set(other):
        return False
    pairs = [(one[k], other[k]) for k in one]
    return all(a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=rel, abs_tol=rel) for a, b in pairs)


@pytest.mark.parametrize("seed", range(3))
def test_how_samples_lie_changes_no_bit(seed):
    """The same samples in a matrix with gaps and as series of their own answer 150 expressions with the same bits."""
    series = on_grid(seed)
    one, other = Engine(irregular(series), START), Engine(regular(series), START)
    queries, random_ = Queries(seed), random.Random(seed)
    for _ in range(150):
        query, at = queries.next(3), START + random_.randrange(MINUTES * 60_000)
        tolerance = 1e-9 if "sum" in query else 0.0  # additions in another order
        assert alike(at_instant(one, query, at), at_instant(other, query, at), tolerance), query


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("build", [irregular, regular])
def test_a_range_is_its_instants(seed, build):
    """Asked at many instants at once, 60 expressions give what they give at each of them alone."""
    engine = Engine(build(on_grid(seed)), START)
    queries, random_ = Queries(50 + seed), random.Random(seed)
    for _ in range(60):
        query = queries.next(3)
        if "start()" in query or "end()" in query or "sort" in query:  # ask for the bounds of the query, or for an order
            continue
        start = START + random_.randrange(1_200_000)
        step = random_.choice([7_000, 15_000, 61_000])
        try:
            times, found = engine.range(query, start, start + 9 * step, step)
        except PromQLError:
            assert any(isinstance(at_instant(engine, query, start + i * step), str) for i in range(10)) or "-(" in query, query
            continue
        for row, at in enumerate(times.tolist()):
            if isinstance(found, Scalar):
                here = {(): float(found.values[row])}
            else:
                here = {found.labels.sets[c]: float(found.values[row, c]) for c in np.flatnonzero(found.present[row])}
            assert alike(here, at_instant(engine, query, at), 1e-12), (query, at)


OVER_TIME = [
    "avg_over_time", "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "stddev_over_time", "last_over_time",
    "first_over_time", "present_over_time", "changes", "resets", "deriv", "mad_over_time", "ts_of_max_over_time", "irate",
]  # fmt: skip


@pytest.mark.parametrize("func", OVER_TIME)
@pytest.mark.parametrize("metric", ["c_total", "g", "odd"])
def test_a_window_of_2_is_one_of_3_that_is_a_millisecond_longer(func, metric):
    """Prometheus 2 takes the left end in, 3 leaves it out: what does not extrapolate differs by nothing else."""
    store = irregular(on_grid(1))
    older, newer = Engine(store, START, Options(compat="2.x")), Engine(store, START)
    for at in range(START, START + 1_500_000, 105_000):
        for length in ("45s", "5m"):
            closed = at_instant(older, f"{func}({metric}[{length}])", at)
            opened = at_instant(newer, f"{func}({metric}[{length}1ms])", at)
            assert alike(closed, opened), (func, metric, at)


def test_a_lookback_of_2_is_one_of_3_that_is_a_millisecond_longer():
    """The same of instants: a sample exactly the lookback old is seen by 2 only."""
    store = SeriesStore()
    store.append_sample("m", {}, 0, 1.0)
    for at, older, newer in ((299_999, 1, 1), (300_000, 1, 0), (300_001, 0, 0)):
        assert len(at_instant(Engine(store, 0, Options(compat="2.x")), "m", at)) == older
        assert len(at_instant(Engine(store, 0), "m", at)) == newer
        assert len(at_instant(Engine(store, 0, Options(lookback_ms=300_001)), "m", at)) == older


SUMS = [
    ([1e100, 1.0, -1e100], 1.0),
    ([1.0, 1e100, 1.0, -1e100] * 1_000, 2_000.0),
    ([0.1] * 10, 1.0),
    ([1e16, 1.0, 1.0, -1e16], 2.0),
]


@pytest.mark.parametrize(("values", "total"), SUMS)
def test_sums_and_averages_keep_what_rounding_would_lose(values, total):
    """Over time and over series alike: the exact sum, as compensated summation has it."""
    store = SeriesStore()
    for i, value in enumerate(values):
        store.append_sample("over_time", {}, i * 1_000, value)
        store.append_sample("over_series", {"i": str(i)}, 0, value)
    engine, end = Engine(store), len(values) * 1_000
    for query, at, wanted in (
        ("sum_over_time(over_time[2h])", end, total),
        ("avg_over_time(over_time[2h])", end, total / len(values)),
        ("sum(over_series)", 0, total),
        ("avg(over_series)", 0, total / len(values)),
    ):
        assert at_instant(engine, query, at) == {(): pytest.approx(wanted, rel=1e-15)}, query


def test_averages_do_not_overflow_and_deviations_do_not_drift():
    """The mean of numbers whose sum is infinite is finite; a deviation far from zero is that near zero."""
    store = SeriesStore()
    for i in range(4):
        store.append_sample("huge", {"i": str(i)}, i, 1.5e308)
        store.append_sample("huge_in_time", {}, i, -1.5e308 if i % 2 else 1.5e308)
        store.append_sample("far", {"i": str(i)}, i, 1e9 + i)
        store.append_sample("far_in_time", {}, i, 1e9 + i)
    engine = Engine(store)
    assert at_instant(engine, "avg(huge)", 10) == {(): 1.5e308}
    assert at_instant(engine, "avg_over_time(huge_in_time[1m])", 10) == {(): pytest.approx(0.0, abs=1e293)}
    assert at_instant(engine, "stdvar(far)", 10) == {(): pytest.approx(1.25, rel=1e-12)}
    assert at_instant(engine, "stdvar_over_time(far_in_time[1m])", 10) == {(): pytest.approx(1.25, rel=1e-12)}


def test_a_raw_range_is_what_was_written():
    """A range asked for by itself gives its samples, as they are."""
    engine = Engine(irregular(on_grid(1)), START)
    found = engine.instant('g{x="1",z="p"}[5m]', START + 900_000)
    assert isinstance(found, RangeVector) and len(found.series) == 1
    wanted = [(at, v) for at, v in on_grid(1)['g{x="1",z="p"}'] if START + 600_000 < at <= START + 900_000]
    assert list(zip(found.series[0].times.tolist(), found.series[0].values.tolist(), strict=True)) == wanted


NAMES = ["up", "a:b", "http_total", "by_zone", "sum", "rate_x", "offset", "nan_total", "start", "bottomk", "by", "a.b"]
DIALECTS = [
    Options(),
    Options(compat="2.x"),
    Options(delayed_name_removal=True),
    Options(metadata_labels=True, lookback_ms=60_000),
]


def odd_store() -> SeriesStore:
    """A few series under each name of the generated expressions, some in a matrix and some of their own, with odd values."""
    store = SeriesStore()
    values = [1.0, math.nan, math.inf, -3.5, 0.0, -math.inf, 1e300]
    for number, name in enumerate(NAMES):
        family = store.family(name, [{"job": "x", "le": str(i), "__type__": "gauge"} for i in range(3)], 60_000)
        for row in range(6):
            family.append(row * 60_000, row * 60_000, np.array([values[(row + i + number) % 7] for i in range(3)]))
        for step in range(number % 4 + 1):
            store.append_sample(name, {"instance": "1|2", "job": "a.b"}, step * 50_000, float(step), stale=step == 3)
    return store


@settings(max_examples=settings.default.max_examples * 10, suppress_health_check=[HealthCheck.too_slow])
@given(expressions, st.sampled_from(DIALECTS), st.booleans())
def test_any_expression_has_a_value_or_a_reason(text, options, ranged):
    """Whatever the grammar makes is evaluated, or refused with a reason: nothing else is raised, by notes either."""
    engine, notes = Engine(odd_store(), 1_000, options), Notes()
    try:
        if ranged:
            engine.range(text, 61_000, 361_000, 50_000, watch=Watch(notes=notes))
        else:
            engine.instant(text, 301_000, watch=Watch(notes=notes))
    except PromQLError as why:
        assert str(why)
    for kind in ("warning", "info"):
        assert all(re.fullmatch(rf"PromQL {kind}: .+ \(\d+:\d+\)", line, re.DOTALL) for line in notes.shown(kind, text, 0))
