"""Rules evaluated at many instants at once give what they give one instant after the other."""

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ops_center.promql.engine import Engine
from ops_center.promql.errors import PromQLError
from ops_center.promql.values import Vector
from ops_center.rules.files import load_text
from ops_center.rules.group import Settings
from ops_center.rules.replay import replay, replay_stepwise
from ops_center.series import SeriesStore
from tests.ops_center.recorded_series import END_MS, EPOCH_MS, expressions, rule_files, stores

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.slow
@SLOW
@given(stores(), rule_files(), st.sampled_from([0, 3_000, 7_001]), st.sampled_from(["3.x", "2.x"]))
def test_many_instants_at_once_find_what_one_after_the_other_does(
    store: SeriesStore, text: str, phase_ms: int, compat: str
) -> None:
    """Firings with their instants and values, evaluations and errors are equal, whatever the series and rules."""
    options = Engine(store).options
    around = Settings(offset_ms=EPOCH_MS, phase=lambda _file, _group, _interval: phase_ms, options=type(options)(compat=compat))
    files = [load_text(text, "r.yml")]
    once, stepwise = (run(files, store, 0, END_MS, around) for run in (replay, replay_stepwise))
    event("fires" if stepwise.firings else "silent")
    event("fails" if stepwise.errors else "sound")
    assert repr(once.firings) == repr(stepwise.firings)
    assert (once.evaluations, once.errors) == (stepwise.evaluations, stepwise.errors)


@pytest.mark.slow
@SLOW
@given(stores(), expressions(), st.sampled_from([15_000, 20_000, 61_000]), st.sampled_from(["3.x", "2.x"]))
def test_a_range_is_its_instants_side_by_side(store: SeriesStore, text: str, step_ms: int, compat: str) -> None:
    """Bit by bit: what an expression gives at many steps at once is what it gives at each of them alone."""
    options = type(Engine(store).options)(compat=compat)
    engine = Engine(store, EPOCH_MS, options)
    start_ms, end_ms = EPOCH_MS + 7_000, EPOCH_MS + END_MS
    try:
        _, whole = engine.range(text, start_ms, end_ms, step_ms)
    except PromQLError as why:
        event(f"refused: {str(why)[:30]}")
        return
    assert isinstance(whole, Vector)
    for row, at_ms in enumerate(range(start_ms, end_ms + 1, step_ms)):
        alone = engine.instant(text, at_ms)
        assert isinstance(alone, Vector)
        found = {s: whole.values[row, c] for c, s in enumerate(whole.labels.sets) if whole.present[row, c]}
        asked = {s: alone.values[0, c] for c, s in enumerate(alone.labels.sets) if alone.present[0, c]}
        assert found.keys() == asked.keys()
        assert all(np.array_equal(found[s], asked[s], equal_nan=True) for s in asked), (found, asked)
