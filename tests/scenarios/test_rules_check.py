"""`cityops rules check` says what is wrong in rules that load, at its place, and nothing of what is right."""

from pathlib import Path

import pytest

from ops_center.mapping import load_mapping
from ops_center.rules.lint.catalogue import Catalogue
from ops_center.rules.lint.checks import CHECKS
from ops_center.rules.lint.findings import ERROR, Finding
from ops_center.rules.lint.lint import Asked, lint
from ops_center.rules.lint.page import render
from scenarios.rulebench.catalogue import city_catalogue
from tests.scenarios.cli_kit import cityops
from tests.soon import soon

HERE = Path(__file__).parent
PORTMERE = HERE / "portmere"
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def small() -> Catalogue:
    """What the small town reports."""
    return city_catalogue("small")


def file_of(rules: str) -> str:
    """A rule file of rules in flow style: one, or a list, with a comment or without."""
    body, _, comment = rules.partition("  # ")
    items = body if body.startswith("[") else f"[\n  {body}]"
    lines = items.replace("\n  ", f"\n  # {comment}\n  ") if comment else items
    return f"groups:\n- name: g\n  interval: 15s\n  rules: {lines}\n"


def found(text: str, catalogue: Catalogue | None = None, **asked: object) -> list[Finding]:
    """What is found in one rule file."""
    (one,) = lint({"r.yml": text}, Asked(catalogue, **asked))  # type: ignore[arg-type]
    return list(one.findings)


def names(rules: str, catalogue: Catalogue | None) -> set[str]:
    """The names of what is found in rules."""
    return {one.name for one in found(file_of(rules), catalogue, max_samples=60_000)}


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.bad])
def test_each_finding_is_found_in_its_example_and_not_in_the_other(name: str, small: Catalogue) -> None:
    """The page shows what is so."""
    check = CHECKS[name]
    assert name in names(check.bad, small)
    assert name not in names(check.good, small)
    severities = {one.severity for one in found(file_of(check.bad), small, max_samples=60_000) if one.name == name}
    assert severities == {check.severity}


def test_valid_rules_of_the_field_have_no_error(small: Catalogue) -> None:
    """With a catalogue their metrics are unknown and no more; without one there is not even that."""
    text = (HERE / "rules_of_the_field.yml").read_text(encoding="utf-8")
    harmless = {"missing-for", "missing-action", "missing-summary", "missing-severity", "unknown-metric"}
    for catalogue in (small, None):
        seen = [one for one in found(text, catalogue) if one.name not in harmless]
        assert not seen, "\n".join(map(str, seen))
    assert all(one.name != "unknown-metric" for one in found(text))


LONG = " + ".join(f"rate(x{i}[5m])" for i in range(9))


@pytest.mark.parametrize(
    ("expr", "computed"),
    [
        ("rate(x[5m*2]) > 0", True),
        ("rate(x[(10m)]) > 0", True),
        ("rate(x[10m]) > 0", False),
        ("x offset (5m*2) > 0", True),
        ("rate(x[5m] offset (2*3m)) > 0", True),
        ("rate(x[5m] offset -3m) > 0", False),
        ("max_over_time(x[1h*2:5m]) > 0", True),
        ("max_over_time(x[2h:5m+5m]) > 0", True),
        ("max_over_time(x[2h:5m] offset (1m*3)) > 0", True),
        ("max_over_time(x[2h:5m] offset 3m) > 0", False),
        ("max_over_time((x - 3)[2h:5m]) > (5 * 2)", False),
        (f"{LONG} + rate(x[5m*2]) > 0", True),
        (f"{LONG} + rate(x[5m]) > (2 * 3)", False),
    ],
)
def test_a_period_that_is_computed_is_not_portable(expr: str, computed: bool) -> None:
    """Also one that the parser has worked out already: other engines refuse to read it."""
    said = [one.message for one in found(file_of("{" + f"alert: A, expr: '{expr}', for: 1m" + "}")) if one.name == "non-portable"]
    assert bool(said) == computed
    assert all("a period that is computed" in message for message in said)


@pytest.mark.slow
def test_the_pack_has_no_finding() -> None:
    """What we ship passes what we ask for, in the city that it was written for, warnings and all."""
    said = cityops("rules", "check", "--json", "--strict")
    assert said.status == 0 and [f for f in said.document["findings"] if f["severity"] != "info"] == []


def test_the_page_of_findings_is_that_of_the_code() -> None:
    """It is regenerated when a finding changes."""
    assert (ROOT / "docs" / "reference" / "rule-findings.md").read_text(encoding="utf-8") == render()


NEVER = """groups:
- name: g
  rules:
  - alert: Lửa
    expr: |
      # không bao giờ
      traffic_speed_kmh > 5
        and on (device_id)
      traffic_occupancy_ratio > 1.5
    for: 1m
"""


def test_a_finding_stands_at_its_place_inside_a_block_scalar(small: Catalogue) -> None:
    """Line and column of the comparison itself, below a comment and other lines of the expression."""
    (never,) = [one for one in found(NEVER, small) if one.name == "never-true"]
    assert (never.line, never.column, never.severity, never.rule) == (9, 7, ERROR, "Lửa")
    assert "traffic_occupancy_ratio lies from 0 to 1" in never.message
    folded = NEVER.replace("expr: |", "expr: >").replace("      # không bao giờ\n", "")
    assert [(one.line, one.column) for one in found(folded, small) if one.name == "never-true"] == [(8, 7)]


VALUES = {
    "count(lamp_fault) < 1": "never-true",
    "count(lamp_fault) == 0": "never-true",
    "sum(lamp_fault) < 0": "never-true",
    "5 > 2 * traffic_occupancy_ratio": "always-true",
    "2 * traffic_occupancy_ratio > 3": "never-true",
    "avg by (zone) (lamp_level_ratio) * 100 > 120": "never-true",
    "1 - lamp_level_ratio < 0": "never-true",
    "abs(lamp_level_ratio - 0.5) > 0.6": "never-true",
    "rate(traffic_vehicles_total[5m]) < 0": "never-true",
    "max_over_time(signal_mode[1m]) == 3": "never-true",
    "(lamp_fault > bool 0) > 1": "never-true",
    "clamp_max(traffic_speed_kmh, 50) > 60": "never-true",
    "absent(lamp_fault) == 1": "always-true",
    "count_over_time(lamp_fault[5m]) >= 1": "always-true",
    "hour() > 23 and on () lamp_fault": "never-true",
    "traffic_speed_kmh > 10 and traffic_speed_kmh < 20": "",
    "(traffic_speed_kmh > 20) < 10": "never-true",
    "lamp_level_ratio / lamp_expected_level_ratio > 3": "",
    "lamp_level_ratio - lamp_expected_level_ratio > 0.9": "",
    "delta(lamp_level_ratio[5m]) < -0.5": "",
    "vector(scalar(count(lamp_fault))) == 0": "never-true",
    "traffic_speed_kmh != 5": "",
    "quantile(0.9, traffic_speed_kmh) > 200": "never-true",
    "(count(lamp_fault == 1) or vector(0)) == 0": "",
}


@pytest.mark.parametrize("expr", VALUES)
def test_what_can_never_be_true_and_what_always_is(expr: str, small: Catalogue) -> None:
    """From the ranges that sensor kinds declare, through functions, arithmetic and aggregations."""
    seen = names(f"{{alert: A, expr: '{expr}', for: 1m}}", small) & {"never-true", "always-true"}
    assert seen == ({VALUES[expr]} if VALUES[expr] else set())


def test_a_dead_branch_is_a_warning_where_the_rule_lives(small: Catalogue) -> None:
    """The other branch still fires."""
    text = file_of("{alert: A, expr: 'count(lamp_fault) == 0 or absent(lamp_fault)', for: 1m}")
    assert [one.severity for one in found(text, small) if one.name == "never-true"] == ["warning"]


JOINS = {
    "lamp_fault == 1 and on (cabinet) cabinet_supply == 1": set(),
    "lamp_fault == 1 and cabinet_supply == 1": {"cannot-join"},  # lamps stand at a road, cabinets do not
    "lamp_fault == 1 unless on (basin) cabinet_door_open == 1": set(),  # neither has a basin: all match
    "sum by (zone) (lamp_fault) > 3 and on (zone, kind) sensor_up": {"cannot-join"},
    "sum by (zone) (lamp_fault) / count by (zone, cabinet) (lamp_fault) > 0.5": {"cannot-join"},
    "sum by (zone) (lamp_fault) / on (zone) group_right () count by (zone, cabinet) (lamp_fault) > 0.5": set(),
    "lamp_fault == 1 and on (feeder) feeder:lost": set(),
    "sum(lamp_fault) > 3 unless sum(cabinet_door_open) > 0": set(),
    "sum(lamp_fault) > 3 and on (cabinet) cabinet_door_open == 1": {"cannot-join"},
    "road_adjacent and on (next) label_replace(traffic_speed_kmh < 5, 'next', '$1', 'road', '(.*)')": set(),
    "sensor_info * on (cabinet) group_left () count by (feeder) (lamp_fault) > 1": set(),  # not every sensor has a cabinet
}


@pytest.mark.parametrize("expr", JOINS)
def test_sides_that_can_never_match(expr: str, small: Catalogue) -> None:
    """Certain only where each series of one side has a label that none of the other has."""
    quoted = expr.replace("'", '"')
    assert names(f"{{alert: A, expr: '{quoted}', for: 1m}}", small) & {"cannot-join", "join-differs"} == JOINS[expr]


def test_values_of_labels_are_those_that_the_city_can_make(small: Catalogue) -> None:
    """The message names the matcher and what there is instead."""
    (none,) = [
        one for one in found(file_of("{alert: A, expr: 'feeder_energised{feeder=\"feeder:99\"} == 0', for: 1m}"), small)
        if one.name == "no-series-match"
    ]  # fmt: skip
    assert "saw feeder='feeder:99'" in none.message and "there are feeder:0" in none.message


def test_a_mapping_makes_own_names_known_and_scales_their_ranges() -> None:
    """Portmere's rules are clean with Portmere's names; 120 mph is more than the detector can say."""
    text = (PORTMERE / "rules.yml").read_text()
    mapping = load_mapping((PORTMERE / "names.yml").read_text(), "names.yml")
    portmere = city_catalogue("small", mapping)
    assert {one.name for one in found(text, portmere)} == set()
    assert {one.name for one in found(text, city_catalogue("small"))} == {"unknown-metric"}
    assert "never-true" in names("{alert: A, expr: vds_speed_mph > 120, for: 1m}", portmere)
    assert "no-series-match" in names("{alert: A, expr: 'dno_circuit_live{circuit=\"1/99\"} == 0', for: 1m}", portmere)


def test_findings_are_switched_off_by_call_and_by_comment() -> None:
    """Above the rule, in it and behind it; a comment of the rule before does not count."""
    rule = "  - alert: {}\n    expr: up == 0{}\n"
    text = (
        "groups:\n- name: g\n  rules:\n  # cityops:disable missing-for, missing-action\n"
        + rule.format("A", "")
        + rule.format("B", "  # cityops:disable missing-for")
        + rule.format("C", "")
    )
    seen = [(one.rule, one.name) for one in found(text, disabled=["missing-summary", "missing-severity"])]
    assert seen == [("B", "missing-action"), ("C", "missing-action"), ("C", "missing-for")]
    useless = found(text.replace("missing-for, missing-action", "rate-of-gauge, no-such"), disabled=["missing-action"])
    assert [one.message for one in useless if one.name == "useless-disable"] == [
        "switches off no-such: there is no finding 'no-such'",
        "switches off rate-of-gauge: the rule has no such finding",
    ]


def test_exit_status_and_json(tmp_path: Path) -> None:
    """0 without an error, 1 with one or with a warning under --strict, 2 for what cannot be loaded."""
    path = tmp_path / "r.yml"
    path.write_text(file_of("{alert: A, expr: up == 0, for: 1m}"))
    call = ["rules", "check", path, "--city", "none"]
    assert cityops(*call).status == 0
    assert cityops(*call, "--strict").status == 1
    assert cityops(*call, "--strict", "--disable", "missing-action").status == 0
    assert cityops(*call, "--disable", "nonsense").status == 2
    path.write_text(file_of("{alert: A, expr: count(up) < 1, for: 1m}"))
    said = cityops(*call, "--json")
    assert said.status == 1
    (never,) = [f for f in said.document["findings"] if f["name"] == "never-true"]
    assert (never["file"], never["line"], never["severity"], never["rule"]) == (str(path), 5, "error", "A")
    path.write_text(file_of("{alert: A, expr: 'up =='}"))
    said = cityops(*call, "--json")
    assert said.status == 2 and [f["name"] for f in said.document["findings"]] == ["cannot-load"]


def test_what_would_hang_a_checker_is_refused_in_time(tmp_path: Path) -> None:
    """A file of 50 MB is not read, 100 000 brackets and a chain of 20 000 terms not parsed; each in 2 s of the processor."""
    path = tmp_path / "r.yml"
    for text in (
        "#" * 50_000_000,
        file_of("{alert: A, expr: '" + "(" * 100_000 + "'}"),
        file_of("{record: a, expr: '" + "a+" * 20_000 + "a'}"),
    ):
        path.write_text(text)
        with soon():
            said = cityops("rules", "check", path, "--city", "none")
        assert said.status == 2 and said.err.startswith(f"{path}:")


def test_no_city_is_made_for_files_that_do_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a file is said before a city is generated to look at its rules, which takes longer than the reading."""
    monkeypatch.setattr("scenarios.rulebench.catalogue.city_catalogue", lambda *_: pytest.fail("a city was made"))
    path = tmp_path / "r.yml"
    path.write_text(file_of("{alert: A, expr: 'up =='}"))
    said = cityops("rules", "check", path)
    assert said.status == 2 and "[cannot-load]" in said.err


@pytest.mark.slow
def test_large_and_odd_rules_are_looked_through_in_time(small: Catalogue) -> None:
    """5 000 rules, expressions of 500 operators, a selector of everything joined to itself: seconds of the processor at most."""
    with soon(4):
        rule = "  - {alert: A%d, expr: 'sum by (zone) (lamp_fault{zone=~\".+\"}) > 1', for: 1m}\n"
        assert found("groups:\n- name: g\n  rules:\n" + "".join(rule % n for n in range(5_000)), small)
        for operator in (" + ", " and ", " > ", " or "):
            assert {
                one.name for one in found(file_of("{record: a, expr: '" + operator.join(["lamp_fault"] * 501) + "'}"), small)
            } <= {"never-true"}
        everything = '{__name__=~".+"}'
        assert "expensive" in {
            one.name
            for one in found(file_of(f"{{record: a, expr: '{everything} * on () {everything}'}}"), small, max_samples=1_000)
        }
