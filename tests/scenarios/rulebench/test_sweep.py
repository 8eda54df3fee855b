"""A sweep over recorded runs: each configuration is what a replay of the changed rule file gives; the file stays its author's."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ops_center.rules.files import load_text
from ops_center.rules.group import Settings
from ops_center.rules.replay import replay
from ops_center.rules.variants import Variants
from ops_center.series import SeriesStore
from scenarios.claims import read_claims, sidecars_of
from scenarios.rulebench.dial_ranges import BadRange, chosen_values, values_of
from scenarios.rulebench.dials import FOR, Panel, configurations, label_of, panel_of, usual_values
from scenarios.rulebench.recording import record
from scenarios.rulebench.rule_edit import CannotEdit, diff_of, edited, expression_text
from scenarios.rulebench.sweep import counts_of, firings, panel_in, target_of
from scenarios.rulebench.sweep_document import pareto
from scenarios.rulebench.tally import RuleSet, tally_of
from scenarios.setup import prepare
from tests.ops_center.recorded_series import END_MS, EPOCH_MS, rule_files, stores

sys.path.insert(0, str(Path(__file__).parent.parent))
from cli_kit import cityops

HERE = Path(__file__).parent
SCENARIO, RULES = HERE / "small_troubles.yaml", HERE / "loops.yml"
COMMON = ("rules", "sweep", RULES, "--scenario", SCENARIO, "--alert", "RoadSlow")

WRITTEN = """# Rules of a town.
groups:
- name: g   # the only group
  rules:
  - alert: A
    # measured in June
    expr: avg_over_time(speed_kmh{a="b"}[5m]) < 15   # why 15
    labels: {severity: warning}
  - alert: B
    expr: |
      sum by (zone) (
        rate(x[5m])   # inside
      ) > -12 and max_over_time(y[5m:30s]) >= 0.9
    for: 2m   # two
  - alert: C
    expr: >-
      min_over_time(x[2m])
        < 3
  - {alert: D, expr: 'x{a=''q''} > 5', for: "1m"}
  - {alert: E, expr: x > 5}
  - alert: F
    for: 1m
    expr: "x{a=\\"q\\"} > 5"
  - alert: G
    expr: rate(x[5m])
      > 7"""


def panel(text: str, rule: int, group: int = 0) -> Panel:
    found = load_text(text, "r.yml").groups[group].rules[rule]
    return panel_of(expression_text(text, group, rule), found.expr, found.for_ms)


# -- equal to a replay of the changed file


@pytest.mark.slow
def test_each_configuration_counts_what_a_score_of_the_changed_file_counts() -> None:
    """Alarms, false ones, and what became of every truth event, for thresholds, windows and `for` of two alerts."""
    setup = prepare(str(SCENARIO))
    made = record(setup)
    text, claims = RULES.read_text(), read_claims(sidecars_of([RULES]))
    rules = RuleSet((("r.yml", text),), claims)
    files = rules.loaded()
    wanted = {
        "RoadSlow": {"threshold": [5.0, 15.0, 30.0], "for": [0.0, 30_000.0, 120_000.0]},
        "RoadEmpty": {"threshold": [20.0, 60.0], "window": [120_000.0, 300_000.0], "for": [60_000.0]},
    }
    seen = set()
    for alert, values in wanted.items():
        target = target_of(files, alert)
        dials = panel_in(rules, files, target)
        counts = counts_of(made, rules, files, target, values)["counts"]
        for number, one in enumerate(configurations(dials, values)):
            turned = edited(text, target.group, target.rule, dials, dict(zip([d.name for d in dials.dials], one, strict=True)))
            changed = RuleSet((("r.yml", turned),), claims)
            tally = tally_of(made, changed.loaded(), changed)
            alarms = [a for a in tally["alarms"] if a["alert"] == alert]
            cases = tally["alerts"][alert]["cases"]
            assert counts["alarms"][number] == len(alarms)
            assert counts["false"][number] == sum(a["verdict"] == "false" for a in alarms)
            for status in ("detected", "late", "missed", "open", "out_of_sight"):
                assert counts[status][number] == sum(case["status"] == status for case in cases)
            seen.add((len(alarms), sum(case["status"] == "detected" for case in cases)))
    assert len(seen) > 3  # the dials make a difference


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(stores(), rule_files(), st.data())
def test_a_configuration_fires_what_the_edited_file_fires(store: SeriesStore, text: str, data: st.DataObject) -> None:
    """Whatever the rules and series: the words that are proposed mean what was tried."""
    around = Settings(offset_ms=EPOCH_MS)
    files = [load_text(text, "r.yml")]
    rules = [(g, r, rule) for g, group in enumerate(files[0].groups) for r, rule in enumerate(group.rules)]
    places = [place for place, (_, _, rule) in enumerate(rules) if rule.alert]
    assume(places)
    place = data.draw(st.sampled_from(places))
    group, number, rule = rules[place]
    dials = panel(text, number, group)
    values = {name: some[:3] for name, some in usual_values(dials).items()}
    table = configurations(dials, values)
    assume(len(table) > 1)
    picked = data.draw(st.integers(0, len(table) - 1))
    found = list(firings(Variants(files, place, store, 0, END_MS, around), dials, values))[picked].firings()
    changed = edited(text, group, number, dials, dict(zip([d.name for d in dials.dials], table[picked], strict=True)))
    whole = replay([load_text(changed, "r.yml")], store, 0, END_MS, around)
    asked = [f for f in whole.firings if (f.group, f.rule) == (files[0].groups[group].name, rule.alert)]
    assert sorted(map(repr, found)) == sorted(map(repr, asked))


# -- the author's file


def test_an_edit_changes_the_words_it_is_about_and_no_others() -> None:
    """Comments, quotes, folded lines and order stay; what was changed says what was wanted."""
    for rule in range(7):
        dials = panel(WRITTEN, rule)
        wanted = {d.name: d.now * 2 + (1 if d.kind == "threshold" else 60_000) for d in dials.dials}
        made = edited(WRITTEN, 0, rule, dials, wanted)
        again = panel(made, rule)
        assert {d.name: d.now for d in again.dials} == wanted
        others = [one for n, one in enumerate(load_text(made, "").groups[0].rules) if n != rule]
        before = [one for n, one in enumerate(load_text(WRITTEN, "").groups[0].rules) if n != rule]
        assert [(o.text, o.for_ms) for o in others] == [(o.text, o.for_ms) for o in before]
        assert made.count("#") == WRITTEN.count("#") and "# why 15" in made and "# inside" in made
        diff = diff_of(WRITTEN, made, "r.yml")
        assert diff.startswith("--- a/r.yml\n+++ b/r.yml\n")
        assert sum(line.startswith("-") for line in diff.splitlines()[2:]) <= 3


def test_an_edit_that_would_say_something_else_is_refused() -> None:
    """Escapes that are not undone are said, not guessed."""
    text = 'groups:\n- name: g\n  rules:\n  - {alert: A, expr: "x{a=\\"\\u0041\\"} > 5"}\n'
    dials = panel(text, 0)
    with pytest.raises(CannotEdit, match="line 4"):
        edited(text, 0, 0, dials, {"threshold": 7.0, "for": 0.0})


# -- dials and their values


def test_dials_are_what_an_expression_compares_with_and_looks_over() -> None:
    """Every number compared with, each range once however often it is written, and `for`."""
    text = 'sum(rate(a{x="[9m]"}[5m])) / sum(rate(b[5m])) > -0.5 and 3 < max_over_time(c[1m:30s]) unless d == bool 1'
    found = panel_of(text, load_expr(text), 0)
    assert [(d.name, d.now, [text[a:b] for a, b in d.spans]) for d in found.dials] == [
        ("threshold 1", -0.5, ["-0.5"]),
        ("threshold 2", 3.0, ["3"]),
        ("threshold 3", 1.0, ["1"]),
        ("window 1", 300_000, ["5m", "5m"]),
        ("window 2", 60_000, ["1m"]),
        ("for", 0, []),
    ]
    usual = usual_values(found)
    assert all(dial.now in usual[dial.name] for dial in found.dials)
    assert usual["threshold 3"] == [1.0] and len(usual["threshold 1"]) > 1  # equality has no neighbours
    assert label_of(found, configurations(found, {d.name: [d.now] for d in found.dials})[0]).endswith("for 0s")


def test_a_factor_of_what_is_compared_with_is_a_dial_too() -> None:
    """As in rules that compare with the past: `x < 0.4 * y`; a sum of two things has no such factor."""
    text = "x < 0.4 * (y offset 1h) and (z * 2) > (a + 3) and b > 5"
    found = panel_of(text, load_expr(text), 0)
    assert [(d.now, d.text) for d in found.dial("threshold")] == [(0.4, "< 0.4 *"), (2.0, "> 2 *"), (5.0, "> 5")]
    turned = found.turned({"threshold 1": 0.7})
    assert repr(turned) == repr(load_expr(text.replace("0.4", "0.7")))
    assert label_of(found, [0.7, 2.0, 5.0, 0.0]) == "< 0.7 *, > 2 *, > 5, for 0s"


def test_usual_values_are_not_too_many() -> None:
    """However many dials a rule has: the last ones stay."""
    text = " and ".join(f"x{i}[{i + 1}m:] > {i}.5".replace("x", "max_over_time(x").replace(":]", ":])") for i in range(9))
    values = usual_values(panel_of(text, load_expr(text), 60_000))
    count = 1
    for some in values.values():
        count *= len(some)
    assert 100 < count <= 2_000 and len(values["threshold 1"]) > 1 and values["window 1"] == [60_000]


def load_expr(text: str) -> Any:
    return load_text(f"groups: [{{name: g, rules: [{{alert: A, expr: {json.dumps(text)}}}]}}]", "r").groups[0].rules[0].expr


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("10..50:5", "threshold", [10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0]),
        ("0.1..0.5:0.1", "threshold", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("3,1,2,2", "threshold", [1.0, 2.0, 3.0]),
        ("-2..2:2", "threshold", [-2.0, 0.0, 2.0]),
        ("0s,1m,2m", "for", [0.0, 60_000.0, 120_000.0]),
        ("1m..3m:1m", "window", [60_000.0, 120_000.0, 180_000.0]),
    ],
)
def test_ranges_and_lists_are_the_values_they_say(text: str, kind: str, values: list[float]) -> None:
    """Ends included, ascending, each once, no rounding dust."""
    assert values_of(text, kind, "--x") == values


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("50..10:5", "threshold"),
        ("1..2:0", "threshold"),
        ("1..2:-1", "threshold"),
        ("a..b", "threshold"),
        ("", "threshold"),
        ("nan", "threshold"),
        ("1..inf:1", "threshold"),
        ("0..1e9:0.001", "threshold"),
        ("0..1e308:1e-300", "threshold"),
        ("5", "for"),
        ("0s", "window"),
        ("1m..5m:x", "window"),
    ],
)
def test_nonsense_is_refused_in_one_line(text: str, kind: str) -> None:
    """What was seen and what is expected."""
    with pytest.raises(BadRange) as why:
        values_of(text, kind, "--x")
    assert "expected" in str(why.value) and "\n" not in str(why.value)


def test_configurations_over_a_million_are_refused_before_they_are_made() -> None:
    """A product of lists is counted, not built."""
    found = panel_of("a > 1 and b > 2", load_expr("a > 1 and b > 2"), 0)
    with pytest.raises(BadRange, match="4004001 configurations"):
        chosen_values(found, ["1=0..2000:1", "2=0..2000:1"], [], None, "A")
    with pytest.raises(BadRange, match="has 2"):
        chosen_values(found, ["1,2"], [], None, "A")
    with pytest.raises(BadRange, match="no threshold ;"):
        chosen_values(found, ["=1,2"], [], None, "A")
    with pytest.raises(BadRange, match="no threshold 3"):
        chosen_values(found, ["3=1,2"], [], None, "A")
    with pytest.raises(BadRange, match="no window"):
        chosen_values(found, [], ["1m"], None, "A")
    assert FOR in chosen_values(found, ["2=5"], [], None, "A")


def test_the_front_holds_what_nothing_beats() -> None:
    """Against every other configuration; worked out by brute force."""
    draw = np.random.Generator(np.random.Philox(5))
    recall, load = draw.integers(0, 6, 80) / 5, draw.integers(0, 9, 80) / 4
    front = pareto(recall, load, np.arange(80))
    for n in range(80):
        beaten = [
            m for m in range(80) if recall[m] >= recall[n] and load[m] <= load[n] and (recall[m], load[m]) != (recall[n], load[n])
        ]
        twin = any((recall[m], load[m]) == (recall[n], load[n]) for m in front if m != n)
        assert (n in front) == (not beaten and not twin)
    assert list(load[front]) == sorted(load[front])


# -- the command


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = tmp_path_factory.mktemp("data")
    diff, out = data / "change.diff", data / "out"
    return data, diff, out, cityops(
        *COMMON, "--seeds", 2, "--workers", 1, "--data", data, "--threshold", "5..30:5", "--for", "0s,30s,2m", "--budget", 60,
        "--diff", diff, "--out", out, "--json",
    )  # fmt: skip


@pytest.mark.slow
def test_the_document_says_what_was_tried_and_what_is_best(said: Any) -> None:
    """Figures follow from counts, the file's own configuration is among them, the best stays within the budget."""
    _, diff, out, done = said
    assert done.status == 0, done.err
    found = done.document
    assert found["format"] == "cityops-sweep/1" and found == json.loads((out / "sweep.json").read_text())
    rows = {row["number"]: row for row in found["configurations"]}
    assert len(rows) == 6 * 3 and found["left_out"] == 0
    assert rows[found["current"]]["label"] == "< 15, for 30s"
    for row in rows.values():
        asked = row["detected"] + row["late"] + row["missed"]
        assert row["recall"] == (pytest.approx(row["detected"] / asked, rel=1e-5) if asked else None)
        assert row["alarms_per_operator_hour"] == pytest.approx(row["alarms"] / found["operator_hours"], rel=1e-5)
        assert row["pareto"] == (row["number"] in found["pareto"])
    best = found["budget"]["best"]
    fitting = [row for row in rows.values() if row["alarms_per_operator_hour"] <= 60]
    assert rows[best]["recall"] == max(row["recall"] or 0 for row in fitting) and best in found["pareto"]
    assert {number for curve in found["roc"] for number in curve["configurations"]} == set(rows)
    if found["proposal"] is None:
        assert best == found["current"] and diff.read_text() == ""
    else:
        assert found["proposal"]["diff"] == diff.read_text() != ""


def test_a_second_sweep_simulates_nothing_and_says_the_same(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings are kept: other dials are tried on the same runs."""
    data, _, _, done = said
    monkeypatch.setattr("scenarios.rulebench.recording.record", lambda *_: pytest.fail("simulated again"))
    again = cityops(*COMMON, "--seeds", 2, "--workers", 1, "--data", data, "--threshold", "5..30:5", "--for", "0s,30s,2m",
                    "--budget", 60, "--json")  # fmt: skip
    assert again.out == done.out


def test_a_person_reads_a_table_and_a_diff(said: Any) -> None:
    """The file's own values, the front, what the budget buys."""
    data, *_ = said
    done = cityops(*COMMON, "--seeds", 2, "--workers", 1, "--data", data, "--threshold", "5..30:5", "--budget", 60)
    assert done.status == 0 and "RoadSlow: 6 configurations over 2 runs" in done.out
    assert "< 15, for 30s  (now)" in done.out and "best within 60 alarms an operator-hour, by dial:" in done.out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--alert", "Nobody"), "there is no such alert"),
        (("--alert", "RoadSlow", "--threshold", "50..10:5"), "expected FROM..TO:STEP"),
        (("--alert", "RoadSlow", "--window", "1m"), "has no window"),
        (("--alert", "RoadSlow", "--threshold", "0..2000000:1"), "expected at most 1000000"),
        (("--alert", "NobodySaysWhat", "--for", "0s,1m"), "claims nothing"),
        (("--alert", "RoadSlow", "--budget", "-1"), "expected alarms an operator-hour"),
        (("--alert", "RoadSlow", "--seeds", "0"), "--seeds is 0"),
        ((), "expected --alert with one of"),
    ],
)
def test_bad_input_is_one_line(more: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """Status 2, nothing simulated."""
    done = cityops("rules", "sweep", RULES, "--scenario", SCENARIO, "--data", tmp_path, *more)
    assert done.status == 2 and words in done.err and len(done.err.strip().splitlines()) == 1
