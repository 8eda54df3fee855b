"""How far an expression looks back decides how long samples stay in memory."""

import pytest

from ops_center.judge import Judge, RuleFile
from ops_center.promql.ast import reach_ms
from ops_center.promql.parser import parse

MINUTE = 60_000
RULE = 'groups: [{{name: g, rules: [{{alert: A, expr: "{expr}"}}]}}]'


@pytest.mark.parametrize(
    ("expr", "minutes"),
    [
        ("up", 5),
        ("up offset 3m", 8),
        ("up offset -3m", 5),
        ("rate(x_total[10m])", 10),
        ("rate(x_total[10m] offset 1h)", 70),
        ("max_over_time(rate(x_total[10m])[30m:1m])", 40),
        ("sum by (zone) (a > 1) and on (zone) max_over_time(b[20m])", 20),
        ("1 + 1", 0),
    ],
)
def test_an_expression_reaches_as_far_as_its_windows_add_up(expr: str, minutes: int) -> None:
    """Ranges, offsets and the lookback of 5 minutes add up along the deepest path."""
    assert reach_ms(parse(expr), 5 * MINUTE) == minutes * MINUTE


@pytest.mark.parametrize(("expr", "minutes"), [("up", 60), ("sum_over_time(up[90m])", 95), ("sum_over_time(up[5h])", 120)])
def test_memory_holds_what_rules_reach_between_an_hour_and_the_limit(expr: str, minutes: int) -> None:
    """An hour at least for charts, what the longest rule needs, and never more than what was configured."""
    judge = Judge([RuleFile("r.yml", RULE.format(expr=expr))], "3.x", 120 * MINUTE)
    assert judge.store.retention_ms == minutes * MINUTE
