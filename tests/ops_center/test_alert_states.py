"""Alert conditions against a plain transcription of Prometheus' alerting.go, and what groups do with them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ops_center import series_state
from ops_center.promql.engine import Engine
from ops_center.rules.alerting import TRANSITIONS, IllegalTransition, transition
from ops_center.rules.files import load_text
from ops_center.rules.fingerprints import fingerprint
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.unittest import samples_of
from ops_center.series import SeriesStore

STEP = 15_000


class Reference:
    """rules/alerting.go, one dictionary per alert."""

    def __init__(self, for_ms: int, keep_ms: int) -> None:
        self.for_ms, self.keep_ms = for_ms, keep_ms
        self.active: dict[str, dict] = {}

    def evaluate(self, true: set[str], now: int) -> None:
        for name in true:
            if self.active.get(name, {}).get("state", "inactive") == "inactive":
                self.active[name] = {"state": "pending", "active_at": now, "keep_since": None}
        for name, alert in list(self.active.items()):
            keep = False
            if name not in true:
                if alert["state"] == "firing" and self.keep_ms > 0:
                    alert["keep_since"] = now if alert["keep_since"] is None else alert["keep_since"]
                    keep = now - alert["keep_since"] < self.keep_ms
                if alert["state"] == "pending":
                    del self.active[name]
                if not keep:
                    alert["state"] = "inactive"
                    continue
            else:
                alert["keep_since"] = None
            if alert["state"] == "pending" and now - alert["active_at"] >= self.for_ms:
                alert["state"] = "firing"

    def shown(self) -> dict[str, tuple[str, int]]:
        return {n: (a["state"], a["active_at"]) for n, a in self.active.items() if a["state"] != "inactive"}


def rule_text(for_s: int, keep_s: int) -> str:
    rule_line = f"{{alert: A, expr: m > 0, for: {for_s}s, keep_firing_for: {keep_s}s}}"
    return f"groups:\n- name: g\n  interval: 15s\n  rules:\n  - {rule_line}\n"


class AlertMachine(RuleBasedStateMachine):
    """Any history of truth and gaps gives the reference's alerts, ALERTS series and lawful changes."""

    @initialize(for_s=st.sampled_from([0, 15, 40, 60]), keep_s=st.sampled_from([0, 30, 45]))
    def begin(self, for_s, keep_s):
        self.store = SeriesStore()
        self.family = self.store.family("m", [{"i": str(i)} for i in range(3)], STEP)
        self.engine = RuleEngine(self.store)
        self.text = rule_text(for_s, keep_s)
        self.engine.load([load_text(self.text, "r.yml")], 0)
        self.reference = Reference(for_s * 1000, keep_s * 1000)
        self.now = 0
        self.known: dict[str, str] = {}

    @rule(values=st.lists(st.sampled_from([0.0, 1.0, None]), min_size=3, max_size=3))
    def step(self, values):
        there = np.array([v is not None for v in values])
        self.family.append(self.now, self.now, np.array([v or 0.0 for v in values]), valid=there)
        ended = np.flatnonzero(~there)
        if len(ended):
            self.family.append(self.now, self.now, 0.0, ended, stale=True)
        changes = self.engine.evaluate(self.now)
        self.reference.evaluate({str(i) for i, v in enumerate(values) if v}, self.now)
        for change in changes:
            assert self.known.get(change.fingerprint, "inactive") == change.before != change.after
            self.known[change.fingerprint] = change.after
        self.now += STEP

    @rule()
    def save_and_load(self):
        """A keyframe through msgpack changes nothing."""
        packed = msgspec.msgpack.encode(self.engine.snapshot())
        self.store = series_state.restore(SeriesStore(), series_state.snapshot(self.store))
        self.family = self.store.family("m", [{"i": str(i)} for i in range(3)], STEP)
        self.engine = RuleEngine(self.store)
        self.engine.load([load_text(self.text, "r.yml")], self.now)
        self.engine.restore(msgspec.msgpack.decode(packed))

    @rule()
    def reload(self):
        """Loading the same rules again keeps every alert."""
        assert self.engine.load([load_text(self.text, "r.yml")], self.now) == []

    @invariant()
    def agrees(self):
        if not hasattr(self, "engine"):
            return
        found = {
            a.labels["i"]: (a.condition, a.active_at_ms) for _, _, alerts in self.engine.active_alerts(self.now) for a in alerts
        }
        assert found == self.reference.shown()
        if self.now:
            series = samples_of(Engine(self.store).instant("ALERTS", self.now - STEP))
            assert {(dict(s)["i"], dict(s)["alertstate"]) for s, _ in series} == {(n, s) for n, (s, _) in found.items()}
            since = samples_of(Engine(self.store).instant("ALERTS_FOR_STATE", self.now - STEP))
            assert {(dict(s)["i"], v * 1000) for s, v in since} == {(n, float(a)) for n, (_, a) in found.items()}


TestAlertMachine = AlertMachine.TestCase


@given(
    st.sampled_from(["inactive", "pending", "firing", "melting"]),
    st.sampled_from(["became_true", "held", "became_false", "resolved", "exploded"]),
)
def test_the_table_is_the_law(condition, event):
    """A known event leads where the table says; any other raises and names what it saw."""
    if event in TRANSITIONS.get(condition, {}):
        assert transition(condition, event) == TRANSITIONS[condition][event]
    else:
        with pytest.raises(IllegalTransition, match=f"saw event '{event}'"):
            transition(condition, event)


def engine_of(text: str, series: dict[str, list[float]], **settings) -> RuleEngine:
    engine = RuleEngine(SeriesStore(), Settings(**settings))
    engine.load([load_text(text, "r.yml")], 0)
    for metric, numbers in series.items():
        family = engine.store.family(metric, [{"i": "a"}], STEP)
        for step, number in enumerate(numbers):
            family.append(step * STEP, step * STEP, np.array([number]))
    return engine


def test_two_minutes_is_the_ninth_true_evaluation():
    """With 15 s evaluations and `for: 2m`, true from 0:00 fires at 2:00."""
    engine = engine_of(rule_text(120, 0), {"m": [1.0] * 12})
    changes = [c for step in range(12) for c in engine.evaluate(step * STEP)]
    assert [(c.before, c.after, c.at_ms) for c in changes] == [("inactive", "pending", 0), ("pending", "firing", 120_000)]
    assert changes[1].active_at_ms == 0 and changes[1].fired_at_ms == 120_000


BROKEN = """
groups:
- name: g
  rules:
  - record: twice
    expr: label_replace(m, "i", "same", "", "")
  - alert: Fine
    expr: m > 0
  - record: bad
    expr: m + on() group_left() m2
  - record: after
    expr: sum(m)
"""


def test_a_failing_rule_is_unhealthy_and_alone():
    """Rules that fail say why; the others of the group go on."""
    engine = RuleEngine(SeriesStore())
    engine.load([load_text(BROKEN, "r.yml")], 0)
    for metric in ("m", "m2"):
        engine.store.family(metric, [{"i": "a"}, {"i": "b"}], STEP).append(0, 0, np.array([1.0, 2.0]))
    changes = engine.evaluate(0)
    health = {r.rule.name: (r.health, r.last_error) for g in engine.groups for r in g.rules}
    assert health["twice"][0] == "err" and "same labelset" in health["twice"][1]
    assert health["bad"][0] == "err" and "many-to-many" in health["bad"][1]
    assert health["Fine"] == health["after"] == ("ok", "")
    assert len(changes) == 2
    assert samples_of(engine.engine.instant("after", 0)) == [((("__name__", "after"),), 3.0)]


def test_recorded_series_end_with_a_stale_marker():
    """A result that disappears is gone at once, not after five minutes."""
    engine = engine_of("groups:\n- name: g\n  interval: 15s\n  rules:\n  - {record: r, expr: m > 0}\n", {"m": [1.0, 1.0, 0.0]})
    for step in range(3):
        engine.evaluate(step * STEP)
    assert len(samples_of(engine.engine.instant("r", STEP))) == 1
    assert samples_of(engine.engine.instant("r", 2 * STEP)) == []


def test_a_reload_ends_what_is_gone_and_keeps_what_stays():
    """Alerts of a removed rule become inactive with a change; those of a rule that stays keep their instants."""
    text = "groups:\n- name: g\n  interval: 15s\n  rules:\n"
    text += "  - {alert: Stays, expr: m > 0, for: 1m}\n  - {alert: Goes, expr: m > 0}\n"
    engine = engine_of(text, {"m": [1.0] * 10})
    engine.evaluate(0)
    changes = engine.load([load_text(text.replace("\n  - {alert: Goes, expr: m > 0}", ""), "r.yml")], STEP)
    assert [(c.rule, c.before, c.after) for c in changes] == [("Goes", "firing", "inactive")]
    assert samples_of(engine.engine.instant('ALERTS{alertname="Goes"}', STEP)) == []
    later = [c for step in range(1, 6) for c in engine.evaluate(step * STEP)]
    assert [(c.after, c.at_ms, c.active_at_ms) for c in later] == [("firing", 60_000, 0)]


def test_limit_ends_all_alerts_of_the_rule():
    """More alerts than the group allows are an error and no alerts, as in Prometheus."""
    engine = RuleEngine(SeriesStore())
    engine.load([load_text("groups:\n- name: g\n  limit: 1\n  rules:\n  - {alert: A, expr: m > 0}\n", "r.yml")], 0)
    family = engine.store.family("m", [{"i": "a"}, {"i": "b"}], 60_000)
    family.append(0, 0, np.array([1.0, 0.0]))
    assert [c.after for c in engine.evaluate(0)] == ["firing"]
    family.append(60_000, 60_000, np.array([1.0, 1.0]))
    assert [(c.before, c.after) for c in engine.evaluate(60_000)] == [("firing", "inactive")]
    assert engine.groups[0].rules[0].last_error == "exceeded limit of 1 with 2 alerts"


def test_query_offset_looks_back_and_phase_shifts():
    """`query_offset` evaluates the past; a phase moves the group inside its interval."""
    text = "groups:\n- name: g\n  interval: 1m\n  query_offset: 30s\n  rules:\n  - {record: r, expr: m}\n"
    engine = engine_of(text, {"m": [float(i) for i in range(20)]}, phase=lambda _f, _g, _i: 15_000)
    assert engine.next_evaluation_ms(0) == 15_000 and engine.next_evaluation_ms(15_000) == 75_000
    engine.evaluate(60_000)
    assert engine.groups[0].rules[0].health == "unknown"
    engine.evaluate(75_000)
    assert [v for _, v in samples_of(engine.engine.instant("r", 45_000))] == [3.0]


def test_labels_with_the_value_make_new_alerts():
    """`$value` in a label is a new alert at each value; the old one ends."""
    text = "groups:\n- name: g\n  interval: 15s\n  rules:\n  - {alert: A, expr: m > 0, labels: {v: '{{ $value }}'}}\n"
    engine = engine_of(text, {"m": [1.0, 1.0, 2.0]})
    counts = [len(engine.evaluate(step * STEP)) for step in range(3)]
    assert counts == [1, 0, 2]
    assert [a.labels["v"] for _, _, alerts in engine.active_alerts(2 * STEP) for a in alerts] == ["2"]


def test_annotations_are_of_the_value_at_the_change():
    """Texts of a pending alert are written out when somebody reads them, and still tell what was true when it changed."""
    text = "groups:\n- name: g\n  interval: 15s\n  rules:\n"
    text += "  - {alert: A, expr: m > 0, for: 30s, annotations: {seen: 'saw {{ $value }}', plain: text}}\n"
    engine = engine_of(text, {"m": [5.0, 6.0, 7.0, 0.0]})
    changes = [c for step in range(4) for c in engine.evaluate(step * STEP)]
    assert [c.after for c in changes] == ["pending", "firing", "inactive"]
    assert [dict(c.annotations) for c in changes] == [{"plain": "text", "seen": f"saw {v}"} for v in (5, 7, 7)]
    assert isinstance(changes[1].annotations, dict)


def test_fingerprints_are_alertmanagers():
    """Alertmanager knows {alertname="a"} … by FNV-1a; an independent sum over its bytes agrees."""
    value = 14695981039346656037
    for byte in b"alertname\xffInstanceDown\xffjob\xffnode\xff":
        value = ((value ^ byte) * 1099511628211) % 2**64
    assert fingerprint((("alertname", "InstanceDown"), ("job", "node"))) == f"{value:016x}"
