"""What would be sent to an Alertmanager where the compliance cases do not look; and what a restart does to `for`."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from ops_center import series_state
from ops_center.promql.engine import Engine
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.notices import Notices
from ops_center.rules.restoring import Restoring
from ops_center.rules.unittest import samples_of
from ops_center.series import SeriesStore
from tests.soon import soon

S, M = 1000, 60_000


def rules(rule: str = "", interval: str = "30s", more: str = "") -> str:
    return f"groups:\n- name: g\n  interval: {interval}\n  {more}\n  rules:\n  - {{alert: A, expr: m > 0{rule}}}\n"


def live(text: str, step_ms: int, values: list[float], **settings) -> tuple[RuleEngine, list]:
    """Evaluate at each value of `m{i="a"}`, one step apart; returns the engine and all notices."""
    engine = RuleEngine(SeriesStore(), Settings(**settings))
    engine.load([load_text(text, "r.yml")], 0)
    family, notices, found = engine.store.family("m", [{"i": "a"}], step_ms), Notices(engine), []
    for number, value in enumerate(values):
        family.append(number * step_ms, number * step_ms, np.array([value]))
        found += notices.after(number * step_ms, engine.evaluate(number * step_ms))
    return engine, found


@pytest.mark.parametrize(
    ("interval_s", "every_s", "holds_s"),
    [(15, 60, 240), (30, 60, 240), (40, 80, 240), (60, 60, 240), (120, 120, 480)],
)
def test_resends_come_at_the_first_evaluation_after_the_delay(interval_s, every_s, holds_s):
    """The first multiple of the interval that is at least the delay; held for four times the longer of both."""
    _, found = live(rules(interval=f"{interval_s}s"), interval_s * S, [1.0] * 20)
    assert [n.at_ms for n in found] == list(range(0, 20 * interval_s * S, every_s * S))
    assert {n.ends_at_ms - n.at_ms for n in found} == {holds_s * S}


def test_an_alert_that_comes_back_ends_the_word_of_its_end():
    """While it is pending anew nothing is sent; when it fires, it starts then."""
    values = [1.0] * 5 + [0.0] * 3 + [1.0] * 6
    _, found = live(rules(", for: 1m"), 30 * S, values)
    assert [(n.at_ms // S, n.resolved, n.starts_at_ms // S) for n in found] == [
        (60, False, 60), (120, False, 60), (150, True, 60), (210, True, 60), (300, False, 300), (360, False, 300),
    ]  # fmt: skip


def test_an_alert_that_is_kept_firing_is_sent_as_firing():
    """`keep_firing_for` puts the end off, and so the word of it."""
    _, found = live(rules(", keep_firing_for: 2m"), 30 * S, [1.0] * 3 + [0.0] * 8)
    assert [(n.at_ms // S, n.resolved) for n in found] == [
        (0, False),
        (60, False),
        (120, False),
        (180, False),
        (210, True),
        (270, True),
    ]
    assert found[4].ends_at_ms == 210 * S


def test_a_rule_that_fails_sends_nothing():
    """An evaluation that fails changes nothing and sends nothing; afterwards the alert is sent as if nothing had been."""
    engine = RuleEngine(SeriesStore())
    engine.load([load_text(rules().replace("m > 0", "m > on () group_left () n"), "r.yml")], 0)
    m, notices = engine.store.family("m", [{"i": "a"}], 30 * S), Notices(engine)
    n = engine.store.family("n", [{"i": "1"}, {"i": "2"}], 30 * S)
    found, health = [], []
    for number in range(6):
        at_ms = number * 30 * S
        m.append(at_ms, at_ms, np.array([1.0]))
        n.append(at_ms, at_ms, np.array([0.0]), np.array([0]))
        if number in (2, 3):  # two on the side where one may be
            n.append(at_ms, at_ms, np.array([0.0]), np.array([1]))
        else:
            n.append(at_ms, at_ms, 0.0, np.array([1]), stale=True)
        found += notices.after(at_ms, engine.evaluate(at_ms))
        health.append(engine.groups[0].rules[0].health)
    assert health == ["ok", "ok", "err", "err", "ok", "ok"]
    assert [(one.at_ms // S, one.resolved, one.starts_at_ms) for one in found] == [(0, False, 0), (120, False, 0)]


def test_an_exceeded_limit_ends_alerts_without_a_word():
    """Prometheus forgets the alerts of such a rule; the receiver lets them end when their time is over."""
    engine = RuleEngine(SeriesStore())
    engine.load([load_text(rules(more="limit: 1"), "r.yml")], 0)
    family, notices, found = engine.store.family("m", [{"i": "a"}, {"i": "b"}], 30 * S), Notices(engine), []
    for number, values in enumerate(([1, 0], [1, 1], [1, 1], [1, 0])):
        family.append(number * 30 * S, number * 30 * S, np.array(values, dtype=float))
        found += notices.after(number * 30 * S, engine.evaluate(number * 30 * S))
    assert [(n.at_ms // S, n.labels["i"], n.resolved, n.starts_at_ms // S) for n in found] == [
        (0, "a", False, 0), (90, "a", False, 90),
    ]  # fmt: skip


def test_external_labels_go_out_with_an_alert():
    """They do not overrule the alert's own."""
    _, found = live(rules(), 30 * S, [1.0], external_labels=(("i", "other"), ("region", "south")))
    assert found[0].labels == {"alertname": "A", "i": "a", "region": "south"}


def test_query_offset_asks_the_past_and_the_alert_is_of_now():
    """What was true 30 s ago begins and is sent at the evaluation; ALERTS is written for the instant that was asked."""
    engine, found = live(rules(more="query_offset: 30s"), 30 * S, [0.0, 1.0, 1.0, 0.0, 0.0])
    assert [(n.at_ms // S, n.resolved, n.starts_at_ms // S, n.ends_at_ms // S) for n in found] == [
        (60, False, 60, 300), (120, True, 60, 120),
    ]  # fmt: skip
    seen = [len(samples_of(Engine(engine.store).instant("ALERTS", at * S))) for at in (0, 30, 60, 90)]
    assert seen == [0, 1, 1, 0]


@pytest.mark.parametrize("at", range(1, 24))
def test_a_restart_from_a_keyframe_changes_nothing(at):
    """Wherever in `for`, firing or `keep_firing_for` a center stops, it goes on as if it had not: the same changes follow."""
    text = rules(", for: 3m, keep_firing_for: 1m")
    values = [0.0] * 2 + [1.0] * 12 + [0.0] * 10

    def run(stop: int | None) -> list[tuple[int, str, int]]:
        engine, changes = RuleEngine(SeriesStore()), []
        engine.load([load_text(text, "r.yml")], 0)
        family = engine.store.family("m", [{"i": "a"}], 30 * S)
        for number, value in enumerate(values):
            if number == stop:
                packed = msgspec.msgpack.encode(engine.snapshot())
                store = series_state.restore(SeriesStore(), series_state.snapshot(engine.store))
                engine = RuleEngine(store)
                engine.load([load_text(text, "r.yml")], number * 30 * S)
                engine.restore(msgspec.msgpack.decode(packed))
                family = store.family("m", [{"i": "a"}], 30 * S)
            family.append(number * 30 * S, number * 30 * S, np.array([value]))
            changes += [(c.at_ms, c.after, c.active_at_ms) for c in engine.evaluate(number * 30 * S)]
        return changes

    assert run(at) == run(None)


def restarted(for_m: int, true_from_m: int, down_m: int, up_m: int, until_m: int = 240) -> list[tuple[int, str]]:
    """Rules run each minute up to `down_m` and, without a keyframe, again from `up_m`; (minute, condition) of what follows."""
    text = rules(f", for: {for_m}m", interval="1m")
    store = SeriesStore(retention_ms=1 << 60)
    family = store.family("m", [{"i": "a"}], M)
    engine = RuleEngine(store, Settings(offset_ms=1_700_000_000_000))
    engine.load([load_text(text, "r.yml")], 0)
    for minute in range(down_m + 1):
        family.append(minute * M, minute * M, np.array([float(minute >= true_from_m)]))
        engine.evaluate(minute * M)
    engine = RuleEngine(store, engine.settings)
    engine.load([load_text(text, "r.yml")], up_m * M)
    restoring, done, out = Restoring(engine), False, []
    for minute in range(up_m, until_m):
        family.append(minute * M, minute * M, np.array([1.0]))
        changes = engine.evaluate(minute * M)
        written = samples_of(Engine(store, 1_700_000_000_000).instant("ALERTS", 1_700_000_000_000 + minute * M))
        assert bool(written) == done, "alerts are not written before all is restored"
        done = done or restoring.after(minute * M)
        out += [(minute, c.after) for c in changes]
    return out


def test_what_was_left_of_for_is_still_left():
    """True from 10, down at 30, up at 50, `for: 60m`: 20 of 60 minutes were over and 40 are left: it fires at 50 + 1 + 40 …

    … because restoring happens at the second evaluation, and the outage counts up to there.
    """
    assert restarted(60, 10, 30, 50) == [(50, "pending"), (91, "firing")]


def test_what_would_fire_within_the_grace_period_waits_for_it():
    """57 of 60 minutes were over: instead of 3 it has 10 left from when it is restored."""
    assert restarted(60, 10, 67, 80) == [(80, "pending"), (91, "firing")]


def test_what_fired_before_fires_again_at_once():
    """Its whole time was over: it fires with the evaluation after it is restored."""
    assert restarted(60, 10, 80, 100) == [(100, "pending"), (102, "firing")]


def test_a_short_for_begins_anew():
    """Under the grace period waiting anew is cheaper than a wrong alarm."""
    assert restarted(5, 10, 12, 30) == [(30, "pending"), (35, "firing")]


def test_an_outage_longer_than_tolerated_begins_anew():
    """After more than an hour nobody knows what was true meanwhile."""
    assert restarted(30, 10, 30, 92, 130) == [(92, "pending"), (122, "firing")]


def test_what_was_not_true_before_is_not_restored():
    """An alert that had ended, or never was, begins with its first true evaluation."""
    assert restarted(30, 500, 30, 50) == [(50, "pending"), (80, "firing")]


GOOD_GROUP = "- name: good\n  interval: 30s\n  rules:\n  - {alert: A, expr: m > 0, for: 1m}\n  - {record: r, expr: m * 2}\n"
BAD_GROUPS = {
    "a join that finds two": "m * on () group_left () n",
    "a query too large": "max_over_time(sum_over_time(m[20h:1s])[20h:1s])",
    "too many steps": "sum_over_time(m[100y:1ms])",
    "twice the same": 'label_replace(n, "x", "same", "", "")',
}


@pytest.mark.parametrize("name", BAD_GROUPS)
def test_other_groups_stay_on_time(name):
    """A group whose rule fails at every instant, or asks for too much, delays and changes nothing of another group."""

    def lived(text: str) -> tuple[list, list, list]:
        engine = RuleEngine(SeriesStore())
        engine.load([load_text(text, "r.yml")], 0)
        m, n = (engine.store.family(metric, [{"x": "1"}, {"x": "2"}], 30 * S) for metric in "mn")
        notices, sent, changes, health = Notices(engine), [], [], []
        at_ms: int | None = 0
        while at_ms is not None and at_ms <= 5 * M:
            for family in (m, n):
                family.append(at_ms, at_ms, np.array([1.0, 0.0]))
            found = engine.evaluate(at_ms)
            changes += [(c.at_ms, c.rule, c.after) for c in found if c.group == "good"]
            sent += [n for n in notices.after(at_ms, found) if n.group == "good"]
            health.append({r.rule.name: r.health for g in engine.groups for r in g.rules})
            at_ms = engine.next_evaluation_ms(at_ms)
        return changes, sent, health

    alone = lived("groups:\n" + GOOD_GROUP)
    bad = f"- name: bad\n  interval: 30s\n  rules:\n  - {{alert: Bad, expr: {BAD_GROUPS[name]!r}}}\n"
    beside = lived("groups:\n" + bad + GOOD_GROUP)
    assert beside[:2] == alone[:2] and len(alone[0]) == 2
    assert all(one["Bad"] == "err" and one["A"] == one["r"] == "ok" for one in beside[2]), beside[2][0]


def test_windows_within_windows_are_refused_by_their_size():
    """A subquery over windows that would take a minute and a half fails at once, by what it asks for and not by a clock."""
    engine = RuleEngine(SeriesStore())
    slow = "max_over_time(sum_over_time(m[1h:1s])[1h:1s])"
    bad = f"- name: bad\n  interval: 30s\n  rules:\n  - {{alert: Bad, expr: {slow!r}}}\n"
    engine.load([load_text("groups:\n" + bad + GOOD_GROUP, "r.yml")], 0)
    family = engine.store.family("m", [{"x": str(i)} for i in range(2000)], 30 * S)
    for row in range(121):
        family.append(row * 30 * S, row * 30 * S, np.arange(2000.0))
    with soon():
        changes = engine.evaluate(60 * M)
    health = {r.rule.name: (r.health, r.last_error) for g in engine.groups for r in g.rules}
    assert health["Bad"][0] == "err" and "in the windows of a subquery's steps" in health["Bad"][1]
    assert health["A"] == health["r"] == ("ok", "") and len(changes) == 1999
