"""Coverage says what tests exercised of rules: which fired, which sides of their branches had samples, for whom."""

from __future__ import annotations

import pytest

from ops_center.rules.coverage import ratio
from ops_center.rules.unittest import Plan
from ops_center.rules.unittest import test_files as run_files

TEST = """
rule_files: [r.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {series: 'a{x="1"}', values: '1 5 1'}
  - {series: 'a{x="2"}', values: '1 1 1'}
  - {series: 'b{x="1"}', values: '1 1 1'}
  alert_rule_test:
  - {eval_time: 2m, alertname: Nobody}
"""


def coverage_of(expr: str, test: str = TEST, more: str = "", alert: str = "A"):
    rules = f"groups:\n- name: g\n  rules:\n  - alert: {alert}\n    expr: {expr}\n{more}"
    (result,) = run_files(["t.yml"], plan=Plan(coverage=True), texts={"t.yml": test, "r.yml": rules})
    assert result.ok, result.errors
    assert result.coverage is not None
    return list(result.coverage.rules.values())


@pytest.mark.parametrize(
    ("expr", "taken"),
    [
        ("a > 3", [{"true", "false"}]),
        ("a > 9", [{"false"}]),
        ("a > 0", [{"true"}]),
        ("3 < a", [{"true", "false"}]),
        ("nothing > 3", [set()]),
        ("a > bool 3", [{"true", "false"}]),
        ("a > bool 9", [{"false"}]),
        ("scalar(b) > bool 0", [{"true"}]),
        ("a > on (x) b", [{"true", "false"}]),
        ("a < on (x) b", [{"false"}]),
        ("a and on (x) b", [{"both", "left only"}]),
        ("b and on (x) a", [{"both"}]),
        ("a and on (x) nothing", [{"left only"}]),
        ("nothing and on (x) a", [set()]),
        ("a unless on (x) b", [{"kept", "removed"}]),
        ("a unless on (x) nothing", [{"kept"}]),
        ("b unless on (x) a", [{"removed"}]),
        ("a or on (x) b", [{"left"}]),
        ("b or on (x) a", [{"left", "right"}]),
        ("nothing or a", [{"right"}]),
        ("absent(nothing)", [{"absent"}]),
        ("absent(b)", [{"present"}]),
        ("absent_over_time(b[1m])", [{"present"}]),
        ("(a > 3) and on (x) (b == 1)", [{"both"}, {"true", "false"}, {"true"}]),
        ("sum(a > 9) or sum(b > 0)", [{"right"}, {"false"}, {"true"}]),
        ("max_over_time((a > bool 3)[5m:1m]) > 0", [{"true", "false"}, {"true", "false"}]),
        ("avg_over_time(a[2m]) > 2", [{"true", "false"}]),
        ("a", []),
    ],
)
def test_branches(expr, taken):
    """Each side of a comparison or set counts when a sample went there; the inside of a subquery counts too."""
    (rule,) = coverage_of(expr)
    assert [branch.taken for branch in rule.branches] == taken
    assert rule.evaluations == 3


def test_the_sides_of_an_operator_are_shown_as_they_are_written():
    """A branch is known by its text, shortened where it is long, with what joins its sides."""
    (rule,) = coverage_of("a > on (x) group_left ()   b + 0 * b + 0 * b + 0 * b + 0 * b + 0 * b")
    assert rule.branches[0].text == "a > on (x) b + 0 * b + 0 * b + 0 * b + 0 * b + 0 * b"
    (rule,) = coverage_of("sum by (x, and_other_labels, and_still_more_labels) (a) >= bool 1")
    assert rule.branches[0].text == "sum by (x, and_other_labels, and_still_more_lab… >= bool 1"


def test_rules_and_label_sets():
    """An alert is exercised when it fired, a recording rule when it recorded; label sets say how far each came."""
    more = '  - {record: r, expr: "a > 3"}\n  - {record: never, expr: "a > 9"}\n  - {alert: Pending, expr: "a > 3", for: 5m}\n'
    fired, recorded, never, pending = coverage_of("a > 3", more=more)
    assert [(r.status, r.done) for r in (fired, recorded, never, pending)] == [
        ("fired", True),
        ("non-empty", True),
        ("never", False),
        ("non-empty", False),
    ]
    assert fired.label_sets == {(("alertname", "A"), ("x", "1")): "fired"}
    assert recorded.label_sets == {(("__name__", "r"), ("x", "1")): "non-empty"}
    assert [r.points for r in (fired, recorded, never, pending)] == [(3, 3), (3, 3), (1, 3), (2, 3)]
    assert ratio((fired, recorded, never, pending)) == 9 / 12


@pytest.mark.parametrize(
    ("assertion", "asserted"),
    [
        ("alert_rule_test: [{eval_time: 2m, alertname: A}]", {"A"}),
        ("""promql_expr_test: [{expr: 'ALERTS{alertname="A"}', eval_time: 2m}]""", {"A"}),
        ("""promql_expr_test: [{expr: 'ALERTS{alertname!="A"}', eval_time: 2m}]""", {"B"}),
        ("""promql_expr_test: [{expr: 'sum(ALERTS) > 99', eval_time: 2m}]""", {"A", "B"}),
        ("""promql_expr_test: [{expr: 'sum(r) > 99', eval_time: 2m}]""", {"r"}),
        ("""promql_expr_test: [{expr: 'sum(b) > 99', eval_time: 2m}]""", set()),
    ],
)
def test_rules_at_which_no_assertion_looks(assertion, asserted):
    """A rule that ran while nobody looked at its result is told apart from one that was asserted."""
    test = TEST[: TEST.index("  alert_rule_test")] + f"  {assertion}\n"
    rules = coverage_of("a > 9", test, '  - {record: r, expr: "a"}\n  - {alert: B, expr: "a > 9"}\n')
    assert {rule.rule.name for rule in rules if rule.asserted} == asserted


def test_coverage_changes_no_verdict_and_files_add_up():
    """The same rules from two test files are one; what either took is taken."""
    rules = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'a > 3 and on (x) (b or a)'}\n"
    high = TEST.replace("'1 1 1'}\n  - {series: 'b", "'9 9 9'}\n  - {series: 'b")
    texts = {"low.yml": TEST.replace("'1 5 1'", "'1 1 1'"), "high.yml": high, "r.yml": rules}
    low, up = run_files(["low.yml", "high.yml"], plan=Plan(coverage=True), texts=texts)
    assert low.cases == run_files(["low.yml"], texts=texts)[0].cases
    (one,) = low.coverage.merged(up.coverage).rules.values()
    assert one.evaluations == 6 and one.status == "fired"
    assert [sorted(b.taken) for b in one.branches] == [["both"], ["false", "true"], ["left", "right"]]
    assert [sorted(b.taken) for b in low.coverage.rules.popitem()[1].branches] == [[], ["false"], ["left", "right"]]
