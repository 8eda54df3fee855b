"""`rules test` gives promtool's verdicts, on files in which the two could come to differ; and says what differs."""

from __future__ import annotations

import subprocess

import pytest

from ops_center.rules.unittest import Plan
from ops_center.rules.unittest import test_file as run_file
from ops_center.rules.unittest import test_files as run_files

RULES = """
groups:
- name: g
  rules:
  - {record: "r:double", expr: "2 * a"}
  - {alert: High, expr: "a > 3", for: 2m, labels: {severity: page}, annotations: {text: "{{ $labels.x }} is {{ $value }}"}}
  - {alert: Any, expr: "a"}
- name: h
  rules:
  - {alert: Any, expr: "b", labels: {from: h}}
"""


def case(
    series: str, *lines: str, head: str = "rule_files: [r.yml]\nevaluation_interval: 1m", interval: str = "interval: 1m"
) -> str:
    return "\n".join([head, "tests:", f"- {interval}", f"  input_series: [{series}]", *(f"  {line}" for line in lines)])


def expr(text: str, at: str, *samples: str) -> list[str]:
    head = ["promql_expr_test:", f"- expr: '{text}'", f"  eval_time: {at}", "  exp_samples:" + ("" if samples else " []")]
    return head + [f"  - {sample}" for sample in samples]


def alert(name: str, at: str, *alerts: str) -> list[str]:
    head = ["alert_rule_test:", f"- alertname: {name}", f"  eval_time: {at}", "  exp_alerts:" + ("" if alerts else " []")]
    return head + [f"  - {one}" for one in alerts]


A = """{series: 'a{x="1"}', values: '1+1x20'}"""
B = """{series: 'b', values: '7'}"""
HOLDS = {
    "a recorded series": case(A, *expr("r:double", "2m", """{labels: 'r:double{x="1"}', value: 6}""")),
    "for, labels and annotations": case(
        A, *alert("High", "5m", """{exp_labels: {x: "1", severity: page}, exp_annotations: {text: "1 is 6"}}""")
    ),
    "pending is not firing": case(A, *alert("High", "4m59s")),
    "an alert between two evaluations is that of the first": case(
        A, *alert("High", "5m59s", """{exp_labels: {x: "1", severity: page}, exp_annotations: {text: "1 is 6"}}""")
    ),
    "alerts of one name in two groups": case(
        f"{A}, {B}", *alert("Any", "0", """{exp_labels: {x: "1"}}""", "{exp_labels: {from: h}}")
    ),
    "alertname may be given": case(B, *alert("Any", "0", "{exp_labels: {from: h, alertname: Any}}")),
    "an unknown alert that is not expected": case(A, *alert("Nobody", "1m")),
    "what comes after the last evaluation is not there": case(
        A, *expr("a", "90s", """{labels: 'a{x="1"}', value: 4}"""), interval="interval: 20s"
    ),
    "of two series with the same labels the later one": case(
        f"{A}, {{series: 'a{{x=\"1\"}}', values: '5 6'}}", *expr("a", "3m", """{labels: 'a{x="1"}', value: 6}""")
    ),
    "a series without a name": case(
        """{series: '{x="1"}', values: 4}""", *expr('{x="1"}', "0", """{labels: '{x="1"}', value: 4}""")
    ),
    "a name that is a keyword": case("{series: sum, values: 4}", *expr('{__name__="sum"}', "0", "{labels: sum, value: 4}")),
    "a rule file that is not there": case(A, *expr("1", "0", "{value: 1}"), head="rule_files: [nowhere.yml]"),
    "no tests, and a rule file that is broken": "rule_files: [broken.yml]\n",
    "nothing at all": "",
    "gaps, stale markers and the end": case(
        "{series: c, values: '_x2 1 stale _ 5'}", *expr("c", "3m"), *expr("c", "5m", "{labels: c, value: 5}")[1:]
    ),
    "infinity as YAML writes it": case(A, *expr("Inf", "0", "{value: .inf}")),
    "a sample without value is 0": case(A, *expr("0", "0", "{}")),
    "merged keys": case(A, "promql_expr_test: [{expr: 1, eval_time: 0, exp_samples: [{value: 1}]}]")
    + "\n- &two {interval: 1m, promql_expr_test: [{expr: 2, exp_samples: [{value: 2}]}]}\n- {<<: *two, name: again}\n",
    "two rules that write the same samples": case(A, *expr("1", "0", "{value: 1}"), head="rule_files: [r.yml, r2.yml]"),
    "input that changes within an evaluation interval": case(
        "{series: c, values: '1 2 3 4 5 6 7 8 9'}",
        *expr("sum_over_time(c[59s])", "2m", "{labels: '{}', value: 30}"),
        interval="interval: 15s",
    ),
}
BREAKS = {
    "a wrong value": case(A, *expr("a", "0", """{labels: 'a{x="1"}', value: 2}""")),
    "a wrong label": case(A, *expr("a", "0", """{labels: 'a{x="2"}', value: 1}""")),
    "NaN is equal to nothing": case("{series: c, values: NaN}", *expr("c", "0", "{labels: c, value: .nan}")),
    "an alert nobody expected": case(A, *alert("Any", "0")),
    "an alert that does not come": case(A, *alert("High", "4m", """{exp_labels: {x: "1", severity: page}}""")),
    "annotations that are left out": case(A, *alert("High", "5m", """{exp_labels: {x: "1", severity: page}}""")),
    "a string": case(A, *expr('"a"', "0")),
    "a range": case(A, *expr("a[5m]", "0")),
    "a value in quotes": case(A, *expr("1", "0", '{value: "1"}')),
    "infinity as PromQL writes it": case(A, *expr("Inf", "0", "{value: +Inf}")),
    "a label twice": case("""{series: 'a{x="1",x="2"}', values: 1}"""),
    "an unknown field": case(A, "labels: {}"),
    "no alertname": case(A, "alert_rule_test: [{eval_time: 0, exp_alerts: []}]"),
    "a group twice in the order": "group_eval_order: [g, g]\n" + case(A),
    "a broken rule file": case(A, head="rule_files: [broken.yml]"),
    "what is no number": case("{series: c, values: stalex2}"),
    "two rules that write the same series": case(
        f"{A}, {B}", *expr("1", "0", "{value: 1}"), head="rule_files: [r.yml, again.yml]"
    ),
    "a rule that writes over the input": case(
        f"{A}, {{series: 'r:double{{x=\"1\"}}', values: '0x9'}}", *expr("1", "3m", "{value: 1}")
    ),
    "an expression that fails": case(f"{A}, {{series: 'a{{x=\"2\"}}', values: 1}}", *expr("a + on () a", "0")),
}


@pytest.mark.parametrize("name", [*HOLDS, *BREAKS])
def test_verdicts_are_those_of_promtool(name, tmp_path, peer):
    """Each file holds or breaks as written here, and the installed promtool says the same."""
    (tmp_path / "r.yml").write_text(RULES)
    (tmp_path / "broken.yml").write_text("groups: [")
    (tmp_path / "r2.yml").write_text(RULES)
    (tmp_path / "again.yml").write_text(RULES.replace("2 * a", "3 * a"))
    path = tmp_path / "t.yml"
    path.write_text(HOLDS[name] if name in HOLDS else BREAKS[name])
    result = run_file(path, "2.x")
    assert result.ok == (name in HOLDS), [c.message for c in result.cases] + list(result.errors)
    ran = subprocess.run([peer("promtool"), "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode == 0) == (name in HOLDS), ran.stdout + ran.stderr


def test_differences_are_said_label_by_label(tmp_path):
    """What was expected and what came are paired where they have most in common, and each label that differs is named."""
    text = case(
        A, *alert("High", "5m", """{exp_labels: {x: "1", severity: warn}, exp_annotations: {text: "1 is 5", more: yes}}""")
    )
    (case_,) = run_files(["t.yml"], texts={"t.yml": text, "r.yml": RULES})[0].cases
    (difference,) = case_.differences
    assert difference.kind == "differs"
    assert [(f.name, f.expected, f.got) for f in difference.fields] == [
        ("severity", "warn", "page"),
        ("annotation more", "yes", None),
        ("annotation text", "1 is 5", "1 is 6"),
    ]
    text = case(f"{A}, {B}", *alert("Any", "0", """{exp_labels: {x: "1"}}""", "{exp_labels: {quite: else, and: more}}"))
    (case_,) = run_files(["t.yml"], texts={"t.yml": text, "r.yml": RULES})[0].cases
    assert [(d.kind, d.subject) for d in case_.differences] == [
        ("missing", '{alertname="Any", and="more", quite="else"}'),
        ("unexpected", '{alertname="Any", from="h"}'),
    ]
    assert "missing" in case_.message and "unexpected" in case_.message


def test_files_in_memory_stand_for_those_on_disk(tmp_path):
    """A rule text given by its path is tested in place of the file, so that a changed rule need not be written."""
    (tmp_path / "r.yml").write_text(RULES)
    path = tmp_path / "t.yml"
    path.write_text(HOLDS["pending is not firing"])
    changed = {str(tmp_path / "r.yml"): RULES.replace("for: 2m", "for: 1m")}
    assert run_files([path])[0].ok
    assert not run_files([path], texts=changed)[0].ok
    assert (tmp_path / "r.yml").read_text() == RULES


def test_only_the_tests_whose_name_matches_run():
    """--run takes regular expressions, as promtool's; what has no name matches none that wants something."""
    tests = "tests:\n" + "".join(
        f"- {{name: {name}, interval: 1m, promql_expr_test: [{{expr: 1, eval_time: 0}}]}}\n"
        for name in ("first one", "second", '""')
    )
    for patterns, expected in (((), 3), (("^first",), 1), (("first", "sec"), 2), (("third",), 0), (("^$",), 1)):
        (result,) = run_files(["t.yml"], plan=Plan(run=patterns), texts={"t.yml": tests})
        assert len(result.cases) == expected, patterns


def test_unknown_fields_can_be_left_out():
    """What promtool does with --ignore-unknown-fields: fields of the test file and of rule files."""
    rules = RULES.replace("- name: g\n", "- name: g\n  owner: {team: roads}\n")
    tests = case(A, *expr("a", "0", """{labels: 'a{x="1"}', value: 1}"""), "owner: me")
    texts = {"t.yml": tests, "r.yml": rules}
    assert "unknown key 'owner'" in run_files(["t.yml"], texts=texts)[0].errors[0]
    assert run_files(["t.yml"], plan=Plan(lenient=True), texts=texts)[0].ok


def test_too_many_evaluations_are_refused():
    """A test that would take years says so at once."""
    text = "evaluation_interval: 1ms\n" + case(A, *alert("Any", "10y"), head="rule_files: []")
    (result,) = run_files(["t.yml"], texts={"t.yml": text})
    assert not result.ok and "too many evaluations" in result.errors[0]


VMALERT_RULES = """
groups:
- name: group1
  interval: 30s
  concurrency: 2
  eval_offset: 5s
  type: prometheus
  rules:
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: page}
    annotations: {text: "{{ $labels.job }} of {{ $labels.cluster }}"}
  - {alert: Same, expr: "vector(1)"}
  - {record: t1, expr: "test"}
- name: group2
  rules:
  - {alert: Same, expr: "vector(1) > 1"}
"""
VMALERT_TEST = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- name: basic
  interval: 1m
  external_labels: {cluster: prod}
  input_series:
  - {series: 'up{job="vmagent"}', values: "0x20"}
  - {series: test, values: "_x2 1+1x3 _ stale"}
  alert_rule_test:
  - eval_time: 6m
    groupname: group1
    alertname: Down
    exp_alerts:
    - exp_labels: {job: vmagent, severity: page, cluster: prod}
      exp_annotations: {text: "vmagent of "}
  - {eval_time: 0, groupname: group1, alertname: Same, exp_alerts: [{exp_labels: {cluster: prod}}]}
  - {eval_time: 0, groupname: group2, alertname: Same, exp_alerts: []}
  metricsql_expr_test:
  - {expr: t1, eval_time: 3m, exp_samples: [{labels: '{__name__="t1", cluster="prod"}', value: 2}]}
  - expr: count(ALERTS) by (alertgroup, alertname, alertstate)
    eval_time: 4m
    exp_samples:
    - {labels: '{alertgroup="group1", alertname="Same", alertstate="firing"}', value: 1}
    - {labels: '{alertgroup="group1", alertname="Down", alertstate="pending"}', value: 1}
"""


def run_vmalert(test: str = VMALERT_TEST, rules: str = VMALERT_RULES, alertgroup: bool = True):
    return run_files(["t.yml"], plan=Plan(alertgroup=alertgroup), texts={"t.yml": test, "rules.yml": rules})[0]


def test_vmalert_tools_dialect():
    """Groups are named and become a label, external labels are labels of results, and vmalert's own keys are read over."""
    result = run_vmalert()
    assert result.ok and len(result.cases) == 5, [c.message for c in result.cases] + list(result.errors)


def test_vmalert_tools_dialect_without_its_label():
    """With --disable-alertgroup-label no group may be named, and alerts carry none."""
    assert "saw 'groupname'" in run_vmalert(alertgroup=False).errors[0]
    bare = (
        VMALERT_TEST.replace("    groupname: group1\n", "").replace("groupname: group1, ", "").replace("groupname: group2, ", "")
    )
    assert "missing required field 'groupname'" in run_vmalert(bare).errors[0]
    bare = "\n".join(line for line in bare.splitlines() if "eval_time: 0" not in line and "alertgroup" not in line)
    bare = bare[: bare.index("    eval_time: 4m")]
    result = run_vmalert(bare, alertgroup=False)
    assert result.ok and len(result.cases) == 2, [c.message for c in result.cases] + list(result.errors)


def test_promtools_dialect_knows_none_of_vmalerts_keys():
    """Where nothing in the test file says vmalert, its keys in a rule file are refused, as Prometheus does."""
    text = case(A, *expr("1", "0", "{value: 1}"))
    (result,) = run_files(["t.yml"], texts={"t.yml": text, "r.yml": VMALERT_RULES})
    assert "unknown key 'concurrency'" in result.errors[0]
    graphite = VMALERT_RULES.replace("type: prometheus", "type: graphite")
    assert "saw 'graphite', expected prometheus" in run_vmalert(rules=graphite).errors[0]
