"""Mutation of rules: every change is one change of the user's text; who notices is who would notice by hand."""

from pathlib import Path

import pytest

from ops_center.rules.files import load_text
from ops_center.rules.lint.source import sources
from ops_center.rules.unittest import Plan, test_files
from scenarios.rulebench.mutants import mutants
from scenarios.rulebench.mutate import Job, mutants_of, tried
from tests.scenarios.cli_kit import SHORT, cityops

RULES = """# Lửa và nhiệt
groups:
- name: heat
  interval: 30s
  rules:
  - record: room:hot
    expr: max by (room) (temperature_celsius{kind="ceiling"}) > 60
  - alert: Hot
    expr: |
      # nóng
      room:hot
        unless on (room) (sprinkler_on == 1)
    for: 1m
    labels: {severity: major}
  - alert: Alone
    expr: min_over_time(other[2m]) > 5  # cityops:equivalent threshold/1/less, window/1 (other is 9 or nothing, all day)
"""
TESTS = """
rule_files: [rules.yml]
evaluation_interval: 30s
tests:
- name: a hot room
  interval: 30s
  input_series:
  - {series: 'temperature_celsius{room="a", kind="ceiling"}', values: '20x2 70x8 20x4'}
  - {series: 'temperature_celsius{room="b", kind="ceiling"}', values: '20x20'}
  - {series: 'temperature_celsius{room="b", kind="oven"}', values: '200x20'}
  alert_rule_test:
  - {eval_time: 2m, alertname: Hot, exp_alerts: []}
  - {eval_time: 2m30s, alertname: Hot, exp_alerts: [{exp_labels: {room: a, severity: major}}]}
"""
SPRINKLED = """
- name: with its sprinkler on
  interval: 30s
  input_series:
  - {series: 'temperature_celsius{room="a", kind="ceiling"}', values: '70x10'}
  - {series: 'sprinkler_on{room="a"}', values: '1x10'}
  alert_rule_test:
  - {eval_time: 4m, alertname: Hot, exp_alerts: []}
"""


def write(folder: Path, rules: str = RULES, tests: str = TESTS) -> Path:
    """Rules and their tests side by side."""
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    (folder / "rules.test.yml").write_text(tests, encoding="utf-8")
    return folder


def result(folder: Path, *more: object) -> dict[str, dict[str, str]]:
    """Rule -> mutant -> what became of it."""
    said = cityops("rules", "mutate", folder, "--workers", 1, "--json", *more)
    assert said.status == 0, said.err
    found: dict[str, dict[str, str]] = {}
    for mutant in said.document["mutants"]:
        found.setdefault(mutant["rule"], {})[mutant["name"]] = mutant["status"]
    return found


def test_a_mutant_is_one_change_of_the_text_at_its_place() -> None:
    """Everything else of the file stays: comments, order, layout; line and column are those of what is changed."""
    for source in sources(RULES, "rules.yml")[1]:
        for mutant in mutants(source):
            text = mutant.text(RULES)
            assert RULES[mutant.start : mutant.end].split() == mutant.before.split()
            assert text == RULES[: mutant.start] + mutant.after + RULES[mutant.end :] != RULES
            assert RULES.splitlines()[mutant.line - 1][mutant.column - 1 :].startswith(mutant.before.split("\n")[0])
            changed = load_text(text, "rules.yml").groups[0].rules
            others = [rule.text for n, rule in enumerate(changed) if n != source.number]
            assert others == [r.text for n, r in enumerate(load_text(RULES, "rules.yml").groups[0].rules) if n != source.number]


def names_of(expr: str, extra: str = "") -> list[str]:
    """The mutants of an alert with an expression."""
    text = f"groups:\n- name: g\n  interval: 15s\n  rules:\n  - alert: A\n    expr: >-\n      {expr}\n{extra}"
    (source,) = sources(text, "r.yml")[1]
    return [f"{m.name}: {m.before} -> {m.after}" for m in mutants(source)]


def test_thresholds_comparators_windows_and_labels_are_changed() -> None:
    """A whole small number goes by one, another by a tenth; each label goes out of its list with one comma."""
    assert names_of('sum by (a, b) (rate(x_total{a="1", b=~"p.*"}[4m])) >= 2.5') == [
        "comparator/1/>: >= -> >", "comparator/1/<=: >= -> <=", "threshold/1/less: 2.5 -> 2.25", "threshold/1/more: 2.5 -> 2.75",
        "aggregation/1/max: sum -> max", "grouping/1/a: a,  -> ", "grouping/2/b: , b -> ", "function/1/delta: rate -> delta",
        "window/1/half: 4m -> 2m", "window/1/double: 4m -> 8m", "matcher/1/!=: = -> !=", 'matcher/1/without: a="1",  -> ',
        "matcher/2/!~: =~ -> !~", 'matcher/2/without: , b=~"p.*" -> ',
    ]  # fmt: skip
    assert names_of("x == 0 and on (a) y offset 5m > -3") == [
        "set-operator/1/unless: and -> unless", "branch/1/right:  and on (a) y offset 5m > -3 -> ", "matching/1/a: a -> ",
        "comparator/1/!=: == -> !=", "threshold/1/less: 0 -> -1", "threshold/1/more: 0 -> 1", "comparator/2/>=: > -> >=",
        "comparator/2/<: > -> <", "comparator/2/!=: > -> !=",
    ]  # fmt: skip
    assert "factor/1/more: 0.4 -> 0.44" in names_of("x < 0.4 * y")
    assert "branch/1/left: a or  -> " in names_of("a or b")


def test_a_wait_is_changed_only_where_that_is_another_number_of_evaluations() -> None:
    """Half of 15 s is rounded up to one evaluation of 15 s: the same rule."""
    assert [name for name in names_of("up == 0", "    for: 15s") if name.startswith("for")] == [
        "for/1/0: 15s -> 0s", "for/1/double: 15s -> 30s",
    ]  # fmt: skip
    assert "keep_firing_for/1/half: 2m -> 1m" in names_of("up == 0", "    keep_firing_for: 2m")


def test_tests_notice_what_they_look_at_and_nothing_else(tmp_path: Path) -> None:
    """The guard by the sprinkler has no test: its mutants survive until there is one."""
    found = result(write(tmp_path))
    assert found["Hot"]["for/1/0"] == found["Hot"]["for/1/double"] == "noticed"
    assert found["Hot"]["label/1/severity"] == "noticed"
    assert found["Hot"]["branch/1/right"] == found["Hot"]["comparator/1/!="] == "survived"
    recorded = found["room:hot"]
    assert recorded["comparator/1/<"] == recorded["matcher/1/without"] == recorded["grouping/1/room"] == "noticed"
    assert recorded["threshold/1/more"] == recorded["comparator/1/>="] == "survived"
    better = result(write(tmp_path, tests=TESTS + SPRINKLED))
    assert better["Hot"]["branch/1/right"] == better["Hot"]["comparator/1/!="] == "noticed"
    assert {name for name, status in better["room:hot"].items() if status == "survived"} == {
        "comparator/1/>=", "threshold/1/less", "threshold/1/more", "aggregation/1/min"
    }  # fmt: skip


def test_equivalent_mutants_are_declared_by_a_comment(tmp_path: Path) -> None:
    """One variant, or all of a place; they count neither as noticed nor as survived."""
    said = cityops("rules", "mutate", write(tmp_path), "--rule", "Alone", "--json", "--workers", 1)
    statuses = {mutant["name"]: mutant["status"] for mutant in said.document["mutants"]}
    assert {name for name, status in statuses.items() if status == "equivalent"} == {
        "threshold/1/less", "window/1/half", "window/1/double",
    }  # fmt: skip
    assert statuses["threshold/1/more"] == "survived" and said.document["score"]["score"] == 0.0
    assert {mutant["tests"] for mutant in said.document["mutants"]} == {"none"}  # nothing looks at this rule


def test_who_notices_is_who_notices_when_everything_runs(tmp_path: Path) -> None:
    """Leaving out rules that a mutant cannot concern changes no verdict."""
    folder = write(tmp_path, tests=TESTS + SPRINKLED)
    rules, tests = folder / "rules.yml", folder / "rules.test.yml"
    files = {str(rules): rules.read_text()}
    for one in mutants_of(files):
        (rows,) = tried(Job((one,), tuple(files.items()), tests=(tests,)))
        for mutant, row in zip(one.mutants, rows, strict=True):
            (whole,) = test_files([tests], plan=Plan(), texts={str(rules): mutant.text(files[str(rules)])})
            expected = "" if one.rule == "Alone" else next((c.what for c in whole.cases if c.status == "failed"), "")
            assert row.loads and bool(row.by) == bool(expected), mutant.name
            assert (row.by or "").endswith(expected)


@pytest.mark.slow
def test_any_number_of_workers_finds_the_same(tmp_path: Path) -> None:
    """Rows in the same order, with the same verdicts; a scenario beside the tests."""
    pack = ["--rule", "FeederLoss", "--rule", "feeder:lost", "--scenario", SHORT, "--data", tmp_path, "--json"]
    said = [cityops("rules", "mutate", *pack, "--workers", workers) for workers in (1, 2)]
    assert said[0].status == said[1].status == 0
    assert said[0].document == said[1].document
    by_name = {(m["rule"], m["name"]): m for m in said[0].document["mutants"]}
    longer = by_name["FeederLoss", "for/1/double"]
    assert longer["scenarios"] == "noticed" and longer["by_runs"][0]["what"].endswith("FeederLoss fires at another time")
    assert by_name["FeederLoss", "keep_firing_for/1/double"]["scenarios"] in ("noticed", "survived")
    gone = by_name["feeder:lost", "comparator/1/!="]
    assert gone["scenarios"] == "noticed"


def test_what_cannot_be_tried_is_said_first(tmp_path: Path) -> None:
    """Tests that fail as they are: 1; no tests, no rule of a name, rules that do not load: 2."""
    said = cityops("rules", "mutate", write(tmp_path, tests=TESTS.replace("room: a", "room: z")))
    assert said.status == 1 and "does not hold before anything is changed" in said.err
    assert cityops("rules", "mutate", write(tmp_path), "--rule", "Cold").status == 2
    assert cityops("rules", "mutate", write(tmp_path, rules=RULES.replace("on (room)", "on room"))).status == 2
    (tmp_path / "rules.test.yml").unlink()
    assert cityops("rules", "mutate", write(tmp_path) / "rules.yml", "--tests", tmp_path / "none").status == 2


def test_a_score_below_the_one_asked_for_is_status_1(tmp_path: Path) -> None:
    """For a gate; the document is written beside."""
    call = ["rules", "mutate", write(tmp_path), "--workers", 1, "--rule", "Hot"]
    assert cityops(*call, "--min-score", 99).status == 1
    said = cityops(*call, "--min-score", 10, "--out", tmp_path / "out")
    assert said.status == 0 and (tmp_path / "out" / "mutation.json").is_file()
    assert "branch/1/right survives" in said.out and "-        unless on (room) (sprinkler_on == 1)" in said.out
