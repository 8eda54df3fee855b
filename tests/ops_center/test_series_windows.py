"""The store and the window kernels: two layouts, one truth."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center import series_state
from ops_center.label_sets import NAME, Matcher, labels_of
from ops_center.promql.engine import Engine, Options
from ops_center.promql.rates import KERNELS
from ops_center.promql.values import Vector
from ops_center.series import SeriesLimit, SeriesStore

PERIOD = 15_000
values = st.one_of(st.floats(-1e6, 1e6, allow_nan=False), st.integers(0, 5).map(float))
cells = st.one_of(values, values, values, st.none(), st.just("stale"))
tables = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=30))
CALLS = {name: f"{name}(m[{{}}])" for name in KERNELS} | {
    "quantile_over_time": "quantile_over_time(0.3, m[{}])",
    "predict_linear": "predict_linear(m[{}], 60)",
    "double_exponential_smoothing": "double_exponential_smoothing(m[{}], 0.3, 0.6)",
    "holt_winters": "holt_winters(m[{}], 0.3, 0.6)",
}


def both(table) -> tuple[SeriesStore, SeriesStore]:
    """The same samples on a regular grid with a mask, and as series with timestamps of their own."""
    grid, events = SeriesStore(), SeriesStore()
    width = len(table[0])
    family = grid.family("m", [{"i": str(i)} for i in range(width)], PERIOD)
    for step, row in enumerate(table):
        there = np.array([isinstance(c, float) for c in row])
        family.append(step * PERIOD, step * PERIOD, np.array([c if isinstance(c, float) else 0.0 for c in row]), valid=there)
        ended = np.flatnonzero([c == "stale" for c in row])
        if len(ended):
            family.append(step * PERIOD, step * PERIOD, 0.0, ended, stale=True)
        for i, cell in enumerate(row):
            if isinstance(cell, float):
                events.append_sample("m", {"i": str(i)}, step * PERIOD, cell)
            elif cell == "stale":
                events.mark_stale("m", {"i": str(i)}, step * PERIOD)
    return grid, events


def samples(vector: Vector, row: int = 0) -> dict:
    return {vector.labels.sets[c]: float(vector.values[row, c]) for c in np.flatnonzero(vector.present[row])}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


@pytest.mark.slow
@given(tables, st.sampled_from(sorted(CALLS)), st.sampled_from(["1m", "2m30s", "7s"]), st.integers(0, 40))
def test_regular_and_irregular_layouts_agree_exactly(table, name, window, step):
    """Every range function gives the same bits from the grid as from per-series samples."""
    query = CALLS[name].format(window)
    grid, events = (samples(Engine(s).instant(query, step * PERIOD - 3)) for s in both(table))
    assert same(grid, events), (query, grid, events)


@given(tables, st.integers(0, 45))
def test_instant_selectors_agree(table, step):
    """The last sample within the lookback, ended by stale markers, is the same in both layouts."""
    grid, events = (samples(Engine(s).instant("m", step * PERIOD + 1)) for s in both(table))
    assert same(grid, events)


COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
odd_cells = st.sampled_from([float("nan"), float("inf"), 1e308, -1e308, 0.0])


@given(st.integers(1, 10**4), st.integers(3, 8), st.lists(odd_cells, max_size=2), st.data())
def test_a_compared_average_is_the_average_compared(seed, rows, odd, data):
    """Comparing with a number chooses by exact averages and keeps their last bit, also right at one of them."""
    name = data.draw(st.sampled_from(["avg_over_time", "sum_over_time"]))
    turns = np.mod(np.arange(1, 7 * rows + 1) * seed * 0.618033988749895, 1.0)
    table = (np.floor(turns * 10**6) / 10).reshape(rows, 7).tolist()  # sums of tenths need their last bit
    for column, cell in enumerate(odd):
        table[-1][column] = cell
    store = both(table)[0]
    at = (len(table) - 1) * PERIOD
    plain = samples(Engine(store).instant(f"{name}(m[2m])", at))
    op = data.draw(st.sampled_from(sorted(COMPARE)))
    ordered = sorted(plain.values(), reverse=op.startswith(">"))
    number = ordered[data.draw(st.integers(0, 2))]  # few may pass: only then the others are not computed exactly
    wanted = {labels: value for labels, value in plain.items() if COMPARE[op](value, number)}
    asked = f"{name}(m[2m]) {op} {abs(number)!r}" if number >= 0 else f"{name}(m[2m]) {op} -{abs(number)!r}"
    assert same(samples(Engine(store).instant(asked, at)), wanted)


QUERIES = [
    "m",
    "rate(m[1m])",
    "sum(m) by (i) > 1",
    "avg_over_time(m[2m]) / max(m)",
    "m and m > 2",
    "max_over_time(m[1m:15s])",
    "m offset 30s",
    "count(m == 0)",
]


@pytest.mark.slow
@given(tables, st.sampled_from(QUERIES))
def test_a_range_query_is_its_instants(table, query):
    """Evaluating at many instants at once gives what evaluating at each gives."""
    engine = Engine(both(table)[0])
    times, batch = engine.range(query, 0, 40 * PERIOD, PERIOD)
    for row, at in enumerate(times.tolist()):
        assert same(samples(batch, row), samples(engine.instant(query, at)))


late = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 2), st.integers(0, 12), values), max_size=25, unique_by=lambda s: (s[0], s[1])
)


@pytest.mark.parametrize("period", [PERIOD, None])
@given(
    arrivals=late,
    query=st.sampled_from(["m", "sum_over_time(m[2m])", "last_over_time(m[1m])", "count(m)"]),
    step=st.integers(0, 25),
)
def test_an_evaluation_sees_only_what_was_received(arrivals, query, step, period):
    """At T the whole store, late samples and all, gives what a store holding only what arrived by T gives."""
    whole, known = SeriesStore(), SeriesStore()
    families = [s.family("m", [{"i": str(i)} for i in range(3)], period) for s in (whole, known)]
    now = step * PERIOD
    for observed, slot, delay, value in sorted(arrivals, key=lambda a: a[0] + a[2]):
        received = (observed + delay) * PERIOD
        for family in families if received <= now else families[:1]:
            family.append(observed * PERIOD, received, np.array([value]), np.array([slot]))
    then = samples(Engine(whole).instant(query, now, as_of_ms=now))
    assert same(then, samples(Engine(known).instant(query, now)))


@given(tables)
def test_a_restored_store_answers_alike(table):
    """Snapshot and restore change no answer."""
    for store in both(table):
        again = series_state.restore(SeriesStore(), series_state.snapshot(store))
        for query in ("m", "rate(m[2m])"):
            at = len(table) * PERIOD
            assert same(samples(Engine(store).instant(query, at)), samples(Engine(again).instant(query, at)))


def test_windows_are_left_open_unless_asked():
    """Prometheus 3 leaves the left end out, 2 takes it in."""
    store = SeriesStore()
    for t in range(5):
        store.append_sample("m", {}, t * 60_000, 1.0)
    new, old = (Engine(store, 0, Options(compat=c)) for c in ("3.x", "2.x"))
    assert samples(new.instant("count_over_time(m[2m])", 240_000)) == {(): 2.0}
    assert samples(old.instant("count_over_time(m[2m])", 240_000)) == {(): 3.0}
    assert samples(new.instant("m", 540_000)) == {} and len(samples(old.instant("m", 540_000))) == 1


def test_the_clock_of_the_city_is_the_clock_of_the_queries():
    """With the run's start as offset, time() and timestamp() are epoch, while the store counts from zero."""
    store = SeriesStore()
    store.append_sample("m", {}, 60_000, 1.0)
    engine = Engine(store, 1_700_000_000_000)
    at = 1_700_000_000_000 + 90_000
    assert engine.instant("time()", at).values[0] == 1_700_000_090
    assert samples(engine.instant("timestamp(m)", at)) == {(): 1_700_000_060.0}
    assert samples(engine.instant("hour()", at)) == {(): 22.0}


def test_device_slots_with_different_phases_form_blocks():
    """Devices that report at different moments of the period lie in blocks of their own, and select as one."""
    store = SeriesStore()
    family = store.family("m", [{"i": str(i)} for i in range(6)], PERIOD)
    for step in range(10):
        family.append(step * PERIOD, step * PERIOD, np.full(3, float(step)), np.array([0, 2, 4]))
        family.append(step * PERIOD + 5_000, step * PERIOD + 6_000, np.full(3, step + 0.5), np.array([1, 3, 5]))
    found = samples(Engine(store).instant("m", 9 * PERIOD + 5_000))
    assert found == {labels_of({NAME: "m", "i": str(i)}): 9.0 + 0.5 * (i % 2) for i in range(6)}
    assert len(store.select((Matcher(NAME, "=", "m"),)).parts) == 2


def test_too_many_series_are_refused_by_name():
    """The limit says metric, wanted and allowed."""
    store = SeriesStore(max_series=3)
    with pytest.raises(SeriesLimit, match="metric 'm' wants 4 more beside 0, expected at most 3"):
        store.family("m", [{"i": str(i)} for i in range(4)], PERIOD)


def test_prune_forgets_old_samples_only():
    """After pruning, what lies within the retention is still there."""
    store = SeriesStore(retention_ms=10 * PERIOD)
    family = store.family("m", [{"i": "0"}], PERIOD)
    for step in range(100):
        family.append(step * PERIOD, step * PERIOD, np.array([float(step)]))
        store.append_sample("e", {}, step * PERIOD, float(step))
        store.prune(step * PERIOD)
    engine = Engine(store)
    assert samples(engine.instant("count_over_time(m[150s])", 99 * PERIOD)) == {(("i", "0"),): 10.0}
    assert samples(engine.instant("sum_over_time(e[45s])", 99 * PERIOD)) == {(): 97.0 + 98 + 99}
    assert family._blocks[0].rows <= 25


@pytest.mark.slow
@given(
    arrivals=late,
    query=st.sampled_from(["m", "sum_over_time(m[2m])", "last_over_time(m[1m])", "count(m)", "sum_over_time(m[10m])"]),
    step=st.integers(0, 25),
    seals=st.sets(st.integers(0, 25), max_size=4),
    more=st.integers(0, 2),
)
def test_sealed_rows_answer_as_open_ones(arrivals, query, step, seals, more):
    """Packing old rows at any times, late samples and new series in between, changes no answer about any time."""
    plain, packed = SeriesStore(), SeriesStore()
    families = [s.family("m", [{"i": str(i)} for i in range(3)], PERIOD) for s in (plain, packed)]
    for number, (observed, slot, delay, value) in enumerate(sorted(arrivals, key=lambda a: a[0] + a[2])):
        for family in families:
            if number == 2 and more:
                family.extend([{"i": str(3 + i)} for i in range(more)])
            received = (observed + delay) * PERIOD
            family.append(observed * PERIOD, received, np.array([value]), np.array([slot]), stale=number % 7 == 6)
        if observed + delay in seals:
            for block in packed.metrics["m"].blocks:
                block.seal((observed + delay - 3) * PERIOD, least=1)
    for as_of in (None, step * PERIOD):
        engines = [Engine(store) for store in (plain, packed)]
        first, second = (samples(engine.instant(query, step * PERIOD, as_of_ms=as_of)) for engine in engines)
        assert same(first, second)
        (times, whole), (_, part) = (engine.range(query, 0, 25 * PERIOD, PERIOD) for engine in engines)
        assert all(same(samples(whole, row), samples(part, row)) for row in range(len(times)))


def test_a_store_keeps_an_hour_and_packs_what_no_rule_reaches():
    """Rows beyond a metric's reach take little memory, can be read all the same, and are forgotten beyond the retention."""
    store = SeriesStore(3_600_000)
    store.reach_ms, store.reaches_ms = 360_000, {"far": 1_800_000}
    families = [store.family(name, [{"i": str(i)} for i in range(50)], 15_000) for name in ("near", "far")]
    for now_ms in range(0, 10_800_001, 15_000):
        for family in families:
            family.append(now_ms, now_ms, float(now_ms % 1000))
        if now_ms % 60_000 == 0:
            store.prune(now_ms)
    near, far = (store.metrics[name].blocks[0] for name in ("near", "far"))
    assert near.rows < 24 + 8 + 4 and far.rows < 120 + 8 + 4 and len(near.times) <= 2 * 64 and len(far.times) <= 256
    for name in ("near", "far"):
        assert samples(Engine(store).instant(f'count_over_time({name}{{i="7"}}[2h])', 10_800_000)) == {(("i", "7"),): 241.0}
