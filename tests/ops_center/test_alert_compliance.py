"""The cases of Alert Generator Compliance 1.0, in simulated time: states, ALERTS, and every notice with its instants.

The suite's rules are in `rules.yaml`; its series are written by its program while a clock runs. Here they are derived from
what each group must show: samples every 15 s, groups every 30 s from 0 on, resend delay 1 m. An alert that is true from T on
is pending at T, fires at the first evaluation at or after T + `for`, and is sent then and each minute after. With the sample
that makes it untrue it is resolved, and that is sent at once and each minute until 15 minutes have passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops_center.promql.engine import Engine
from ops_center.rules.files import RuleFile, load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.notation import parse_values
from ops_center.rules.notices import Notice, Notices, payload
from ops_center.rules.typed_series import TypedSeries
from ops_center.rules.unittest import samples_of
from ops_center.series import SeriesStore

S, M = 1000, 60_000
SAMPLE, GROUP = 15 * S, 30 * S
METRIC = "alert_generator_test_suite"
START = 1_643_114_203_000  # any instant will do


@dataclass
class Lived:
    """What happened: alerts by instant as (rule, distinguishing label) → (condition, since, value), and all notices."""

    engine: RuleEngine
    shown: dict[int, dict[tuple[str, str], tuple[str, int, float]]] = field(default_factory=dict)
    alerts: dict[int, set[tuple[str, str, str]]] = field(default_factory=dict)
    texts: dict[int, dict[str, dict[str, str]]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def conditions(self, rule: str, variant: str = "") -> list[tuple[str, int, int]]:
        """(condition, first, last) of each stretch of evaluations with the same condition."""
        out: list[tuple[str, int, int]] = []
        for at_ms, alerts in self.shown.items():
            condition = alerts[rule, variant][0] if (rule, variant) in alerts else "inactive"
            if out and out[-1][0] == condition:
                out[-1] = (condition, out[-1][1], at_ms)
            else:
                out.append((condition, at_ms, at_ms))
        return out

    def sent(self, rule: str, variant: str = "") -> list[tuple[int, bool, int, int]]:
        """(at, resolved, starts, ends) of each notice of an alert."""
        return [
            (n.at_ms, n.resolved, n.starts_at_ms, n.ends_at_ms)
            for n in self.notices
            if n.rule == rule and n.labels.get("variant", "") == variant
        ]


@pytest.fixture(scope="module")
def suite(shared_data: Path) -> dict[str, RuleFile]:
    """The suite's groups by name, each as a file of its own."""
    path = shared_data / "conformance" / "alert_generator" / "rules.yaml"
    if not path.is_file():
        pytest.skip(f"no rules of the suite at {path}")
    return {group.name: RuleFile("rules.yaml", (group,)) for group in load_text(path.read_text(), "rules.yaml").groups}


def live(file: RuleFile, series: list[tuple[dict[str, str], str]], until_ms: int) -> Lived:
    """Let a group live over series of 15 s until an instant."""
    store = SeriesStore(retention_ms=1 << 60)
    engine = RuleEngine(store, Settings(offset_ms=START))
    engine.load([file], 0)
    typed = [(tuple(sorted({"__name__": METRIC, **labels}.items())), parse_values(values)) for labels, values in series]
    feed, notices, found = TypedSeries(store, typed, SAMPLE), Notices(engine), Lived(engine)
    for at_ms in range(0, until_ms + 1, GROUP):
        feed.until(at_ms)
        changes = engine.evaluate(at_ms)
        found.notices += notices.after(at_ms, changes)
        active = [(r.rule.alert, a) for _, r, alerts in engine.active_alerts(at_ms) for a in alerts]
        found.shown[at_ms] = {(n, a.labels.get("variant", "")): (a.condition, a.active_at_ms, a.value) for n, a in active}
        found.texts[at_ms] = {name: a.annotations for name, a in active}
        samples = samples_of(Engine(store, START).instant("ALERTS", START + at_ms))
        assert all(value == 1 for _, value in samples)
        found.alerts[at_ms] = {(dict(s)["alertname"], dict(s).get("variant", ""), dict(s)["alertstate"]) for s, _ in samples}
        assert found.alerts[at_ms] == {(name, variant, c) for (name, variant), (c, _, _) in found.shown[at_ms].items()}
    return found


def firing(first_ms: int, end_ms: int) -> list[tuple[int, bool, int, int]]:
    """Notices of an alert that fires from an instant until it is resolved: each minute, holding four minutes."""
    return [(at, False, first_ms, at + 4 * M) for at in range(first_ms, end_ms, M)]


def resolved(first_ms: int, end_ms: int, upto_ms: int) -> list[tuple[int, bool, int, int]]:
    """Notices that it is resolved: at once, and each minute up to 15 after."""
    return [(at, True, first_ms, end_ms) for at in range(end_ms, min(end_ms + 15 * M, upto_ms) + 1, M)]


def test_pending_firing_resolved(suite):
    """`for: 6m`, true from 2:00 up to 10:00. Pending at 2:00 … 7:30, firing at 8:00 … 10:00, resolved at 10:30.

    Samples: 3 at 0:00, 5 and 9 up to 1:45, 11 at 2:00 … 10:00, 9 afterwards for 20 minutes. Firing is sent at 8:00, 9:00 and
    10:00, resolved from 10:30 each minute to 25:30 and never again. The annotation's value is that of the sample.
    """
    rule = "PendingAndFiringAndResolved_SimpleAlert"
    labels = {"alertname": rule, "rulegroup": "PendingAndFiringAndResolved"}
    found = live(suite["PendingAndFiringAndResolved"], [(labels, "3 5x2 9x3 11x32 9x80")], 30 * M)
    assert found.conditions(rule) == [
        ("inactive", 0, 90 * S),
        ("pending", 2 * M, 7 * M + GROUP),
        ("firing", 8 * M, 10 * M),
        ("inactive", 10 * M + GROUP, 30 * M),
    ]
    assert {state[1] for alerts in found.shown.values() for state in alerts.values()} == {2 * M}
    assert found.sent(rule) == firing(8 * M, 10 * M + GROUP) + resolved(8 * M, 10 * M + GROUP, 30 * M)
    notice = found.notices[0]
    assert notice.labels == {"alertname": rule, "foo": "bar", "rulegroup": "PendingAndFiringAndResolved"}
    assert notice.annotations == {"description": "SimpleAlert is firing", "summary": "The value is 11 11"}
    (body,) = payload([notice], START, "http://c")
    assert body["startsAt"] == "2022-01-25T12:44:43.000Z" and body["endsAt"] == "2022-01-25T12:48:43.000Z"
    assert body["generatorURL"].startswith("http://c/graph?g0.expr=%7B__name__%3D%22alert_generator_test_suite%22")


def test_pending_resolved_and_always_inactive(suite):
    """Over 10 from 2:00 up to 4:30, `for: 3m`: pending at 2:00 … 4:30, then gone; over 99 never. Nothing is ever sent."""
    group = "PendingAndResolved_AlwaysInactive"
    pending, inactive = f"{group}_PendingAlert", f"{group}_InactiveAlert"
    series = [({"alertname": name, "rulegroup": group}, "5x7 11x10 9x20") for name in (pending, inactive)]
    found = live(suite[group], series, 8 * M)
    assert found.conditions(pending) == [
        ("inactive", 0, 90 * S),
        ("pending", 2 * M, 4 * M + GROUP),
        ("inactive", 5 * M, 8 * M),
    ]
    assert found.conditions(inactive) == [("inactive", 0, 8 * M)]
    assert found.notices == []


def test_zero_for_and_small_for(suite):
    """Without `for` an alert fires at once; `for: 15s` under the interval of 30 s fires at the second evaluation.

    Samples: 15 at 2:00 … 5:00 (both rules), 9 up to 23:00, 11 at 23:15 … 26:15 (only the rule with > 10), 9 again. So the
    first rule fires at 2:00 … 5:00 and again at 23:30 … 26:00; the second is pending at 2:00 and fires at 2:30 … 5:00. Both are
    resolved at 5:30; the resends of that end 15 minutes later, long before the first fires again, as a new alert. The series
    that the template asks for are 1, 2 and 3 for the first 7 minutes, then doubled.
    """
    group = "ZeroFor_SmallFor"
    zero, small = f"{group}_ZeroFor", f"{group}_SmallFor"
    values = "3 5x2 9x2 5 15x12 9x71 11x12 9x80"
    series = [({"alertname": name, "rulegroup": group}, values) for name in (zero, small)]
    series += [
        ({"rulegroup": group, "for": "template", "id": str(100 + i), "__value__": f"val{i}"}, f"{i}x27 {2 * i}x200")
        for i in (1, 2, 3)
    ]
    found = live(suite[group], series, 46 * M)
    first_end, again, again_end = 5 * M + GROUP, 23 * M + GROUP, 26 * M + GROUP
    assert found.conditions(zero) == [
        ("inactive", 0, 90 * S),
        ("firing", 2 * M, 5 * M),
        ("inactive", first_end, 23 * M),
        ("firing", again, 26 * M),
        ("inactive", again_end, 46 * M),
    ]
    assert found.conditions(small)[:3] == [
        ("inactive", 0, 90 * S),
        ("pending", 2 * M, 2 * M),
        ("firing", 2 * M + GROUP, 5 * M),
    ]
    assert found.sent(zero) == [
        *firing(2 * M, first_end),
        *resolved(2 * M, first_end, 46 * M),
        *firing(again, again_end),
        *resolved(again, again_end, 46 * M),
    ]
    assert found.sent(small) == firing(2 * M + GROUP, first_end) + resolved(2 * M + GROUP, first_end, 46 * M)
    assert found.texts[2 * M][zero] == {
        "description": "This should immediately fire",
        "template_test": "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC",
        "template_query_test": "Args are: foo bar 99. first_id:101,101:1,102:2,103:3,",
    }
    assert found.texts[again][zero]["template_query_test"].endswith("first_id:101,101:2,102:4,103:6,")
    assert found.texts[2 * M][small]["template_test"] == (
        "This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. ."
    )


def test_new_alerts_and_the_order_of_rules(suite):
    """The second rule reads the ALERTS of the first in the same round, and a second alert joins the first while that fires.

    Samples: variant one is 11 from 2:00 up to 18:15, variant two from 8:00 up to 16:15, `for: 3m`. One fires at 5:00, two at
    11:00, and with it at once the rule that adds both up; at 16:30 two is resolved and so, in that round, is the sum.
    """
    group = "NewAlerts_OrderCheck"
    first, second = f"{group}_Rule1", f"{group}_Rule2"
    base = {"alertname": first, "rulegroup": group}
    series = [({**base, "variant": "one"}, "1x7 11x65 9x20"), ({**base, "variant": "two"}, "1x31 11x33 9x20")]
    found = live(suite[group], series, 22 * M)
    assert found.conditions(first, "one")[1:] == [
        ("pending", 2 * M, 4 * M + GROUP),
        ("firing", 5 * M, 18 * M),
        ("inactive", 18 * M + GROUP, 22 * M),
    ]
    assert found.conditions(first, "two")[1:] == [
        ("pending", 8 * M, 10 * M + GROUP),
        ("firing", 11 * M, 16 * M),
        ("inactive", 16 * M + GROUP, 22 * M),
    ]
    assert found.conditions(second)[1:] == [("firing", 11 * M, 16 * M), ("inactive", 16 * M + GROUP, 22 * M)]
    assert found.shown[11 * M][second, ""] == ("firing", 11 * M, 2.0)
    assert found.texts[11 * M][second] == {"description": f"Based on ALERTS. Old alertname was {first}. foo was bar."}
    notice = next(n for n in found.notices if n.rule == second)
    assert notice.labels == {"alertname": second, "alertstate": "firing", "ba_dum": "tss", "foo": "baz", "rulegroup": group}
    for rule, variant, start, end in (
        (first, "one", 5 * M, 18 * M + GROUP),
        (first, "two", 11 * M, 16 * M + GROUP),
        (second, "", 11 * M, 16 * M + GROUP),
    ):
        assert found.sent(rule, variant) == firing(start, end) + resolved(start, end, 22 * M)
