"""promtool's own test files, and promtool itself as the oracle where it is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ops_center.label_sets import format_labels, labels_of
from ops_center.promql.engine import Engine, Options
from ops_center.promql.numbers import format_value
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.lint.lint import lint
from ops_center.rules.unittest import Plan, samples_of
from ops_center.rules.unittest import test_file as run_file
from ops_center.series import SeriesStore

SHARED = Path(os.environ.get("CITYOPS_SHARED", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "conformance" / "promtool"
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no conformance data at {FOLDER}; set CITYOPS_SHARED")

HOLDS = ["at-modifier-test", "long-period", "negative-offset-test", "no-test-group-interval", "start-time-test", "unittest"]
BREAKS = [
    "bad-input-series", "bad-promql", "bad-rules-error-test", "bad-rules-syntax-test", "failing", "rules_run",
    "rules_run_extrafields", "rules_run_fuzzy", "rules_run_no_fuzzy",
]  # fmt: skip


@pytest.mark.slow
@needs_files
@pytest.mark.parametrize("name", HOLDS)
def test_upstream_files_that_must_hold(name):
    """Files that promtool passes pass here too; their histogram assertions are unsupported, not passed."""
    result = run_file(FOLDER / f"{name}.yml")
    assert result.ok, [c for c in result.cases if c.status == "failed"] or result.errors
    unsupported = [c for c in result.cases if c.status == "unsupported"]
    assert len(unsupported) == (3 if name == "unittest" else 0)


@needs_files
@pytest.mark.parametrize("name", BREAKS)
def test_upstream_files_that_must_break(name):
    """Files that promtool refuses or fails do so here."""
    assert not run_file(FOLDER / f"{name}.yml").ok


@needs_files
@pytest.mark.parametrize(
    ("name", "plan", "ok"),
    [
        ("rules_run", Plan(run=("correct",)), True),
        ("rules_run", Plan(run=("wrong",)), False),
        ("rules_run", Plan(run=("correct", "wrong")), False),
        ("rules_run_extrafields", Plan(lenient=True), True),
        ("rules_run_extrafields", Plan(), False),
        ("rules_run_fuzzy", Plan(run=("correct",)), True),
        ("rules_run_fuzzy", Plan(run=("wrong",)), False),
        ("rules_run_no_fuzzy", Plan(run=("correct",)), False),
    ],
)
def test_upstream_files_with_promtools_options(name, plan, ok):
    """What promtool's own tests say of these files with --run and --ignore-unknown-fields."""
    assert run_file(FOLDER / f"{name}.yml", plan=plan).ok == ok


@needs_files
def test_every_upstream_file_is_looked_at():
    """No file of the folder is left out: it is a test that must hold or break, or rules that one of these reads."""
    rules = {
        "at-modifier", "bad-rules-error", "bad-rules-syntax", "negative-offset", "prometheus-rules.lint", "rules", "rules-bad",
        "rules_duplicates", "rules_extrafields",
    }  # fmt: skip
    assert {path.name.removesuffix(".yml") for path in FOLDER.glob("*.yml")} == {*HOLDS, *BREAKS, *rules}


@needs_files
def test_check_rules_finds_what_promtool_finds():
    """Good rule files are good, bad ones say file, line and column, duplicates are a warning."""
    names = ["rules", "rules-bad", "bad-rules-syntax", "rules_extrafields", "rules_duplicates"]
    good, bad, syntax, extra, twice = lint({name: (FOLDER / f"{name}.yml").read_text() for name in names})
    assert good.loads and good.rules == 5 and all(one.name != "duplicate-rule" for one in good.findings)
    assert not bad.loads and 'undefined variable "$label"' in bad.findings[0].message
    assert not syntax.loads and (syntax.findings[0].line, syntax.findings[0].column) == (7, 22)
    assert not extra.loads and "unknown key 'namespace'" in extra.findings[0].message
    assert twice.loads and sum(one.name == "duplicate-rule" for one in twice.findings) == 2


SERIES = {
    'a{x="1", z="p"}': "0 5 10 3 8 13 18 _ _ 4 9 14 stale 1 2 3 4 5 6 7 8",
    'a{x="2", z="p"}': "1+3x20",
    'a{x="3", z="q"}': "100-7x9 _ _ 0+2x8",
    'b{x="1"}': "2x20",
    'b{x="2"}': "4x6 _x7 8x6",
    'c_bucket{le="1"}': "0+1x20",
    'c_bucket{le="2"}': "0+3x20",
    'c_bucket{le="+Inf"}': "0+4x20",
}
QUERIES = [
    "a", "a > 5", "a >= bool 5", "-a", "a + 1", "a % 3", "2 ^ a", "a * on(x) b", "a / on(x) group_left b", "a and on(x) b",
    "a unless on(x) b", "a or b", "sum(a)", "sum by (z) (a)", "avg without (x) (a)", "min(a)", "max by (z) (a)", "count(a)",
    "quantile(0.5, a)", "topk(1, a)", "bottomk by (z) (1, a)", "count_values(\"v\", b)", "stdvar(b)", "group(a)",
    "rate(a[3m])", "increase(a[5m])", "delta(a[4m])", "irate(a[3m])", "idelta(a[3m])", "changes(a[5m])", "resets(a[8m])",
    "deriv(a[5m])", "predict_linear(a[5m], 60)", "avg_over_time(a[4m])", "sum_over_time(a[4m])", "min_over_time(a[4m])",
    "max_over_time(a[4m])", "count_over_time(a[4m])", "last_over_time(a[4m])", "quantile_over_time(0.5, a[4m])",
    "present_over_time(a[2m])", "absent(a)", "absent(nope{x=\"1\"})", "absent_over_time(nope[5m])", "a offset 2m", "a @ 300",
    "sum_over_time(a[6m:2m])", "max_over_time(rate(a[2m])[6m:1m])", "histogram_quantile(0.5, c_bucket)",
    "histogram_quantile(0.9, rate(c_bucket[4m]))", "label_replace(a, \"y\", \"v$1\", \"x\", \"(.*)\")",
    "label_join(a, \"y\", \"-\", \"x\", \"z\")", "abs(a - 10)", "ceil(a / 3)", "floor(a / 3)", "round(a, 5)", "clamp(a, 2, 9)",
    "sgn(a - 5)", "timestamp(a)", "time()", "vector(1)", "scalar(b{x=\"1\"})", "hour()", "day_of_week()", "sort_desc(a)",
    "a{x=~\"1|3\"}", "a{z!=\"p\"}", "{__name__=~\"a|b\"}", "sum(a) / count(a)", "a == 4 or a == 8",
]  # fmt: skip


def build_store() -> SeriesStore:
    from ops_center.rules.notation import parse_labels, parse_values

    store = SeriesStore()
    for name, values in SERIES.items():
        points = parse_values(values)
        keep = points.kinds > 0
        times = np.arange(len(points.kinds), dtype=np.int64)[keep] * 60_000
        store.append_series(parse_labels(name), times, points.values[keep], points.kinds[keep] == 2)
    return store


def test_expressions_agree_with_promtool(tmp_path, peer):
    """In 2.x mode, every expression has at every instant the samples that the installed promtool expects."""
    engine = Engine(build_store(), 0, Options(compat="2.x"))
    lines = ["evaluation_interval: 1m", "tests:", "- interval: 1m", "  input_series:"]
    lines += [f"  - {{series: '{name}', values: '{values}'}}" for name, values in SERIES.items()]
    lines.append("  promql_expr_test:")
    for query in QUERIES:
        for minute in (0, 3, 8, 12, 15, 20):
            samples = samples_of(engine.instant(query, minute * 60_000))
            lines += [f"  - expr: '{query}'", f"    eval_time: {minute}m", "    exp_samples:" + ("" if samples else " []")]
            for labels, value in samples:
                lines += [
                    f"    - labels: '{format_labels(labels)}'",
                    f"      value: {format_value(value).replace('Inf', '.Inf').replace('NaN', '.nan')}",
                ]
    path = tmp_path / "t.yml"
    path.write_text("\n".join(lines))
    ran = subprocess.run([peer("promtool"), "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0 or "expr:" in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    wrong = only_real_differences(ran.stdout + ran.stderr)
    assert not wrong, "\n".join(wrong[:10])


def only_real_differences(report: str) -> list[str]:
    """promtool compares floats exactly; a difference in the last digits is summation order, not meaning."""
    out, lines = [], [line.strip() for line in report.splitlines()]
    for i, line in enumerate(lines):
        if line.startswith("expr:"):
            exp = next(x for x in lines[i:] if x.startswith("exp:")).removeprefix("exp:")
            got = next(x for x in lines[i:] if x.startswith("got:")).removeprefix("got:")
            if not same_samples(exp, got):
                out.append(f"{line} exp {exp} got {got}")
    if "parse error" in report or "yaml:" in report:
        out.append(report)
    return out


def same_samples(exp: str, got: str) -> bool:
    def read(text: str) -> dict[str, float]:
        import re

        return {
            k: float(v) for k, v in re.findall(r'Labels:(.*?) Value:(\S+?)"', text.replace('\\"', "'").replace("DESC:", ""))
        } or {m[0]: float(m[1]) for m in re.findall(r"(\S*\{.*?\}|\S+) (\S+?)(?:,|\"|$)", text.strip())}

    a, b = read(exp), read(got)
    return a.keys() == b.keys() and all(np.isclose(a[k], b[k], rtol=1e-12, equal_nan=True) for k in a)


RULES = """
groups:
- name: g
  interval: 1m
  rules:
  - record: z:a:sum
    expr: sum by (z) (a)
    labels: {made: "yes"}
  - alert: High
    expr: a > 7
    for: 2m
    keep_firing_for: 2m
    labels: {severity: page, where: "{{ $labels.z }}"}
    annotations: {text: "{{ $labels.x }} is {{ $value | humanize }}, {{ printf \\"%.1f\\" $value }}"}
  - alert: Sum
    expr: z:a:sum > 20 and on() count(ALERTS{alertname="High"}) > 0
    annotations: {text: "{{ with query \\"sum(a)\\" }}{{ . | first | value }}{{ end }}"}
"""


def test_alerts_agree_with_promtool(tmp_path, peer):
    """`for`, ALERTS and templates give the alerts that promtool sees, at each minute."""
    rules_text = RULES.replace("    keep_firing_for: 2m\n", "")  # younger than the installed promtool
    (tmp_path / "r.yml").write_text(rules_text)
    engine = RuleEngine(build_store(), Settings(options=Options(compat="2.x")))
    engine.load([load_text(rules_text, "r.yml")], 0)
    lines = ["rule_files: [r.yml]", "evaluation_interval: 1m", "tests:", "- interval: 1m", "  input_series:"]
    lines += [f"  - {{series: '{name}', values: '{values}'}}" for name, values in SERIES.items()]
    lines.append("  alert_rule_test:")
    fired = 0
    for minute in range(21):
        engine.evaluate(minute * 60_000)
        for _, rule, alerts in engine.active_alerts(minute * 60_000):
            firing = [a for a in alerts if a.condition == "firing"]
            fired += len(firing)
            lines += [
                f"  - eval_time: {minute}m",
                f"    alertname: {rule.rule.alert}",
                "    exp_alerts:" + ("" if firing else " []"),
            ]
            for a in firing:
                shown = {k: v for k, v in a.labels.items() if k != "alertname"}
                lines += [f"    - exp_labels: {flow(shown)}", f"      exp_annotations: {flow(a.annotations)}"]
    path = tmp_path / "t.yml"
    path.write_text("\n".join(lines))
    ran = subprocess.run([peer("promtool"), "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert fired > 20


def flow(texts: dict[str, str]) -> str:
    return "{" + ", ".join(f"{k}: '{v}'" for k, v in texts.items()) + "}"


def test_labels_print_as_prometheus_prints_them():
    """The differential files above stand or fall with this."""
    assert format_labels(labels_of({"__name__": "a", "x": 'q"'})) == 'a{x="q\\""}'
