"""Rules over series that are there already raise what they raised online."""

import numpy as np

from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.replay import firings_of, replay, written_by
from ops_center.series import SeriesStore

RULES = """
groups:
- name: g
  interval: 15s
  rules:
  - record: zone:speed
    expr: avg by (zone) (speed)
  - alert: Slow
    expr: avg_over_time(speed[1m]) < 20
    for: 30s
    keep_firing_for: 30s
    labels: {severity: warning}
  - alert: SlowZone
    expr: zone:speed < 25
  - alert: Both
    expr: count(ALERTS{alertstate="firing", alertname="Slow"}) > 1
"""
SETTINGS = Settings(offset_ms=1_700_000_000_000, default_interval_ms=15_000)
END_MS = 600_000


def speeds(at_ms: int) -> np.ndarray:
    """Two detectors that slow down, one of them twice; one that does not."""
    t = at_ms / 1000
    return np.array([10.0 if 120 <= t < 300 else 50.0, 10.0 if 150 <= t < 240 or t >= 400 else 50.0, 50.0])


def filled(until_ms: int = END_MS) -> tuple[SeriesStore, object]:
    store = SeriesStore()
    family = store.family("speed", [{"d": "a", "zone": "x"}, {"d": "b", "zone": "x"}, {"d": "c", "zone": "y"}], 15_000)
    for at_ms in range(0, until_ms + 1, 15_000):
        family.append(at_ms, at_ms + 1_000, speeds(at_ms))
    return store, family


def test_a_replay_raises_what_was_raised_online() -> None:
    """The same firings, with their instants, as evaluation while the samples came in; late ones are seen late."""
    files = [load_text(RULES, "r.yml")]
    store, _ = filled(-1)
    family = store.family("speed", [{"d": "a", "zone": "x"}, {"d": "b", "zone": "x"}, {"d": "c", "zone": "y"}], 15_000)
    online, changes = RuleEngine(store, SETTINGS), []
    online.load(files, 0)
    for at_ms in range(0, END_MS + 1, 15_000):
        if at_ms:
            family.append(at_ms - 15_000, at_ms - 14_000, speeds(at_ms - 15_000))
        changes += online.evaluate(at_ms)
    found = replay(files, filled()[0], 0, END_MS, SETTINGS)
    assert list(found.firings) == firings_of(changes)
    assert {f.rule for f in found.firings} == {"Slow", "SlowZone", "Both"} and found.errors == {}
    assert found.evaluations == 4 * (END_MS // 15_000 + 1)


def test_a_replay_leaves_the_store_alone() -> None:
    """Two replays over one store give the same, and nothing that rules wrote is in it."""
    files = [load_text(RULES, "r.yml")]
    store, _ = filled()
    assert replay(files, store, 0, END_MS, SETTINGS) == replay(files, store, 0, END_MS, SETTINGS)
    assert set(store.metrics) == {"speed"}
    assert written_by(files) == {"zone:speed", "ALERTS", "ALERTS_FOR_STATE"}
