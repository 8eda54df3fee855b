"""Random rules over random series: the installed promtool and ours say the same of the same files.

What a test expects is what our engine finds, instant by instant; so promtool must agree that it holds. Then one expectation is
falsified, and both must say so. Values are quarters and thresholds are not, so that no order of summing decides anything.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from ops_center.label_sets import format_labels
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError
from ops_center.promql.numbers import format_value
from ops_center.promql.parser import parse
from ops_center.rules.files import RuleFile, load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.notation import parse_labels, parse_values
from ops_center.rules.typed_series import TypedSeries
from ops_center.rules.unittest import samples_of
from ops_center.rules.unittest import test_file as run_file
from ops_center.series import SeriesStore

STEPS = 14
quarters = st.integers(-8, 40).map(lambda n: n / 4)
thresholds = st.sampled_from(["-0.61", "0.07", "0.33", "1.13", "2.61", "4.9", "7.37"])
spans = st.sampled_from(["30s", "1m", "90s", "2m", "5m"])


@st.composite
def values(draw: st.DrawFn) -> str:
    piece = st.one_of(
        quarters.map(format_value),
        st.tuples(quarters, quarters, st.integers(1, 6)).map(lambda t: f"{format_value(t[0])}+{format_value(abs(t[1]))}x{t[2]}"),
        st.tuples(quarters, st.integers(0, 8)).map(lambda t: f"{format_value(t[0])}x{t[1]}"),
        st.sampled_from(["_", "_x3", "stale"]),
    )
    return " ".join(draw(st.lists(piece, min_size=1, max_size=8)))


@st.composite
def series(draw: st.DrawFn) -> list[tuple[str, str]]:
    names = [f'{m}{{x="{x}", z="{z}"}}' for m in "ab" for x in "12" for z in "pq"] + ['c{x="1"}', "d"]
    chosen = draw(st.lists(st.sampled_from(names), min_size=2, max_size=8, unique=True))
    return [(name, draw(values())) for name in chosen]


selectors = st.sampled_from(
    ["a", "b", "c", "d", 'a{x="1"}', 'b{x=~"1|2", z!="p"}', '{__name__=~"a|b", z="q"}', "r0", 'ALERTS{alertname="A0"}', "ALERTS"]
)
times = st.sampled_from(["", "", "", " offset 1m", " offset 30s", " @ 60"])
over = st.sampled_from(["sum", "min", "max", "count", "last", "present"])
grouping = st.sampled_from(["", " by (x)", " by (z)", " without (x)", " without (z, alertname)"])


def one_of(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


def vectors(depth: int = 2) -> st.SearchStrategy[str]:
    """Expressions of type instant vector, at most so deep."""
    if depth == 0:
        return st.tuples(selectors, times).map("".join)
    v = vectors(depth - 1)
    return st.one_of(
        st.tuples(v, one_of(" > ", " < ", " >= ", " != ", " > bool ", " <= bool "), thresholds).map("".join),
        st.tuples(over, selectors, spans, times).map(lambda t: f"{t[0]}_over_time({t[1]}[{t[2]}]{t[3]})"),
        st.tuples(one_of("rate", "increase", "delta", "changes", "resets"), selectors, spans).map(
            lambda t: f"{t[0]}({t[1]}[{t[2]}])"
        ),
        st.tuples(one_of("sum", "min", "max", "count", "group"), grouping, v).map(lambda t: f"{t[0]}{t[1]} ({t[2]})"),
        st.tuples(v, one_of("and", "or", "unless"), one_of(" on (x)", " on (z)", "", " ignoring (z)"), v).map(
            lambda t: f"({t[0]}) {t[1]}{t[2]} ({t[3]})"
        ),
        st.tuples(v, one_of("+", "-", "*", ">", "=="), one_of("", " on (x, z)", " on (x) group_left ()"), v).map(
            lambda t: f"({t[0]}) {t[1]}{t[2]} ({t[3]})"
        ),
        st.tuples(v, one_of("+", "*", "-"), one_of("2", "0.5", "scalar(d)")).map(lambda t: f"({t[0]}) {t[1]} {t[2]}"),
        st.tuples(one_of("absent", "abs", "ceil", "timestamp", "sgn"), v).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(over, v, spans, one_of("30s", "1m", "")).map(lambda t: f"{t[0]}_over_time(({t[1]})[{t[2]}:{t[3]}])"),
    )


@dataclass(frozen=True)
class Case:
    """One file of rules and what is needed for a test of it."""

    rules: str
    typed: list[tuple[str, str]]
    step_s: int
    interval_s: int
    queries: list[tuple[str, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lines = ["groups:"]
    for group in range(draw(st.integers(1, 2))):
        lines += [f"- name: g{group}", "  rules:"]
        for number in range(draw(st.integers(1, 3))):
            expr = json.dumps(draw(vectors()))
            if draw(st.integers(0, 3)) == 0:
                lines.append(f"  - {{record: r{number}, expr: {expr}, labels: {{made: g{group}}}}}")
                continue
            wait = draw(st.sampled_from(["0s", "30s", "1m", "100s"]))
            lines += [f"  - alert: A{number}", f"    expr: {expr}", f"    for: {wait}"]
            lines += ["    keep_firing_for: 1m"] * (draw(st.integers(0, 3)) == 0)
            lines += ["    labels: {sev: page, where: '{{ $labels.x }}!'}"] * draw(st.booleans())
            lines += ["    annotations: {text: '{{ $labels.z }}: {{ printf \"%.3f\" $value }}'}"] * draw(st.booleans())
    queries = draw(st.lists(st.tuples(vectors(), st.integers(0, STEPS * 30)), max_size=3))
    step, interval = draw(st.sampled_from([15, 30, 60])), draw(st.sampled_from([15, 20, 30, 60]))
    return Case("\n".join(lines) + "\n", draw(series()), step, interval, queries)


def expectations(case: Case, file: RuleFile) -> list[str] | None:
    """The lines of a test that our engine would pass; None where a rule fails."""
    store = SeriesStore(retention_ms=1 << 60)
    options = Options(compat="2.x", default_step_ms=case.step_s * 1000)
    engine = RuleEngine(store, Settings(options=options))
    engine.load([file], 0)
    feed = TypedSeries(store, [(parse_labels(n), parse_values(v)) for n, v in case.typed], case.interval_s * 1000)
    lines = ["  alert_rule_test:"]
    names = sorted({rule.alert for group in file.groups for rule in group.rules if rule.alert})
    last_ms = max([STEPS * case.step_s, *(at for _, at in case.queries)]) * 1000 // (case.step_s * 1000) * case.step_s * 1000
    for now in range(0, last_ms + 1, case.step_s * 1000):
        feed.until(now)
        engine.evaluate(now, all_groups=True)
        if any(rule.health == "err" for group in engine.groups for rule in group.rules):
            return None
        for name in names if now <= STEPS * case.step_s * 1000 else ():
            firing = [a for _, _, alerts in engine.active_alerts(now, name) for a in alerts if a.condition == "firing"]
            lines += [f"  - eval_time: {now // 1000}s", f"    alertname: {name}", "    exp_alerts:" + ("" if firing else " []")]
            for alert in firing:
                lines.append(f"    - exp_labels: {json.dumps(alert.labels)}")
                lines.append(f"      exp_annotations: {json.dumps(alert.annotations)}")
    return lines + queried(case, Engine(store, 0, options), last_ms)


def queried(case: Case, engine: Engine, known_ms: int) -> list[str]:
    lines = ["  promql_expr_test:"]
    for query, at_s in case.queries:
        try:
            samples = samples_of(engine.instant(query, at_s * 1000, known_ms))
        except PromQLError:
            continue
        if any(value != value or value != round(value * 4) / 4 for _, value in samples):
            continue  # equal to the last bit only by the same order of summing, or to nothing at all
        lines += [f"  - expr: {json.dumps(query)}", f"    eval_time: {at_s}s", "    exp_samples:" + ("" if samples else " []")]
        for labels, value in samples:
            lines.append(f"    - {{labels: {json.dumps(format_labels(labels))}, value: {yaml_number(value)}}}")
    return lines if len(lines) > 1 else []


def yaml_number(value: float) -> str:
    return format_value(value).replace("+Inf", ".inf").replace("-Inf", "-.inf")


@pytest.fixture(scope="module")
def said(peer: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[bool, bool, str]]:
    """Both verdicts on a file of rules and a test of it, and what promtool said."""
    command, folder = peer("promtool"), tmp_path_factory.mktemp("differential")

    def run(rules: str, test: str) -> tuple[bool, bool, str]:
        path: Path = folder / "t.yml"
        (folder / "r.yml").write_text(rules)
        path.write_text(test)
        ran = subprocess.run([command, "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False)
        return run_file(path, "2.x").ok, ran.returncode == 0, ran.stdout + ran.stderr

    return run


@pytest.mark.slow
@given(cases(), st.integers(0, 1_000_000))
def test_random_rules_and_series(said, case, pick):
    """What holds here holds there, what is false here is false there, and a rule that fails here fails there."""
    file = load_text(case.rules, "r.yml")
    for query, _ in case.queries:
        parse(query)
    head = ["rule_files: [r.yml]", f"evaluation_interval: {case.step_s}s", "group_eval_order: [g0, g1]", "tests:"]
    head += [f"- interval: {case.interval_s}s", "  input_series:"]
    head += [f"  - {{series: {json.dumps(name)}, values: '{given_}'}}" for name, given_ in case.typed]
    expected = expectations(case, file)
    if expected is None:
        expected = [f"  alert_rule_test: [{{eval_time: {STEPS * case.step_s}s, alertname: Nobody}}]"]
        text = "\n".join(head + expected) + "\n"
        note(case.rules + text)
        ours, theirs, report = said(case.rules, text)
        assert not ours and not theirs, report
        return
    text = "\n".join(head + expected) + "\n"
    note(case.rules + text)
    ours, theirs, report = said(case.rules, text)
    assert ours and theirs, report
    wrong = falsified(expected, pick)
    if wrong is not None:
        ours, theirs, report = said(case.rules, "\n".join(head + wrong) + "\n")
        assert not ours and not theirs, report


def falsified(lines: list[str], pick: int) -> list[str] | None:
    """The same with one expectation that is false: an alert that does not come, or one that nobody expected."""
    empty = [n for n, line in enumerate(lines) if line == "    exp_alerts: []"]
    full = [n for n, line in enumerate(lines) if line.startswith("    - exp_labels:")]
    places = empty + full
    if not places:
        return None
    at = places[pick % len(places)]
    if at in empty:
        return [*lines[:at], "    exp_alerts: [{exp_labels: {never: seen}}]", *lines[at + 1 :]]
    return [*lines[:at], lines[at][:-1] + ', "never": "seen"}', *lines[at + 1 :]]
