"""Reports of the rule bench: one file each, both languages in it, nothing from elsewhere, texts escaped, plots that are true."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from scenarios.rulebench import report_compare, report_mutate, report_score, report_sweep
from scenarios.rulebench.report_page import (
    LANGS,
    Markup,
    cards,
    count,
    diff,
    interval,
    number,
    page,
    plain,
    say,
    section,
    table,
    with_interval,
)
from scenarios.rulebench.report_plots import Bar, Curve, Dot, Point, bars, curves, distribution, dots, plane, ticks
from scenarios.setup import prepare
from tests.scenarios.cli_kit import SHORT, cityops

HERE = Path(__file__).parent
HOSTILE = "<script>alert(1)</script>&\"'"
AXIS = {"vi": "trục", "en": "axis"}
ELSEWHERE = re.compile(
    r"""(?:src|href|action|url)\s*[=(]|@import|https?:(?!//www\.w3\.org)|<script|<iframe|<link|<object""", re.IGNORECASE
)


class Whole(HTMLParser):
    """Checks that tags close in order."""

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.langs = dict.fromkeys(LANGS, 0)
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element that has to be closed."""
        lang = dict(attrs).get("lang")
        if tag != "html" and lang is not None:
            self.langs[lang] += 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self.open.pop() == tag


def whole(text: str) -> Whole:
    """A page that is one file, well made, and says everything in both languages."""
    assert text.startswith("<!doctype html>") and not ELSEWHERE.search(text), ELSEWHERE.search(text)
    found = Whole(text)
    assert found.langs["vi"] == found.langs["en"] > 20
    return found


def sweep_document() -> dict[str, Any]:
    """A sweep of two thresholds, its rule's texts hostile."""

    def row(n: int, recall: float | None, load: float, front: bool) -> dict[str, Any]:
        figures = {"false_alarms_per_operator_hour": load / 2, "mean_time_to_detect_s": 30.0, "alarms_per_operator_hour": load}
        return {"number": n, "label": f"< {n}{HOSTILE}", "recall": recall, **figures, "pareto": front}

    rows = [row(0, 0.5, 2.0, True), row(1, 1.0, 8.0, True), row(2, None, 9.0, False)]
    figure = {"value": 0.5, "low": 0.2, "high": 0.8}
    return {
        "rule": {"alert": HOSTILE, "file": "r.yml", "line": 3, "expr": HOSTILE}, "runs": [{}], "operator_hours": 2.0,
        "configurations": rows, "left_out": 0, "current": 1, "pareto": [0, 1],
        "interval": {"level": 0.95, "method": "bootstrap", "resamples": 2000},
        "roc": [{"along": "threshold", "label": HOSTILE, "points": [[1.0, 0.5], [4.0, 1.0], [4.5, None]]}],
        "intervals": {"0": {"recall": figure}},
        "budget": {"alarms_per_operator_hour": 6.0, "best": 0,
                   "by_dial": [{"dial": "threshold", "value": 2, "shown": "2", "best": None}]},
        "proposal": {"file": "r.yml", "label": "< 0", "diff": f"--- a\n+++ b\n-{HOSTILE}\n+better", "problem": None},
    }  # fmt: skip


def mutation_document() -> dict[str, Any]:
    """A mutation run of one rule: one change noticed, one not."""
    score = {
        "mutants": 2,
        "equivalent": 0,
        "noticed": 1,
        "survived": 1,
        "noticed_by_tests": 1,
        "noticed_by_scenarios": 0,
        "score": 0.5,
    }
    one = {
        "name": "m", "kind": "threshold", "file": "r.yml", "rule": HOSTILE, "line": 1, "column": 2, "before": "5",
        "after": "6", "diff": f"-{HOSTILE}\n+x", "by_test": HOSTILE,
        "by_runs": [{"scenario": "s", "seed": 1, "what": HOSTILE}],
    }  # fmt: skip
    both = {"vi": "Ngưỡng", "en": "Threshold"}
    return {
        "rules": [HOSTILE], "tests": ["t"], "runs": [], "score": score,
        "by_kind": [{"kind": "threshold", "title": both, "why": both, **score}],
        "by_rule": [{"rule": HOSTILE, **score}], "mutants": [one | {"status": "noticed"}, one | {"status": "survived"}],
    }  # fmt: skip


Render = Callable[[dict[str, Any], str], str]
MADE: list[tuple[Render, Callable[[], dict[str, Any]]]] = [
    (report_sweep.as_html, sweep_document), (report_mutate.as_html, mutation_document),
]  # fmt: skip


@pytest.mark.parametrize(("render", "document"), MADE, ids=["sweep", "mutate"])
@pytest.mark.parametrize("lang", LANGS)
def test_a_report_is_one_file_and_lets_no_text_become_markup(
    render: Render, document: Callable[[], dict[str, Any]], lang: str
) -> None:
    """Names, expressions and diffs from outside are text, whatever they hold; both languages are there, one of them open."""
    text = render(document(), lang)
    whole(text)
    assert "alert(1)" in text and "&lt;script&gt;" in text
    assert f'<html lang="{lang}">' in text and f'id="in-{lang}" checked' in text.replace('" checked', '" checked')


def test_the_sweep_says_what_is_best_within_the_budget_and_shows_the_change() -> None:
    """From the file's configuration to the proposed one, with the figures of both, and the diff marked line by line."""
    text = report_sweep.as_html(sweep_document(), "en")
    assert "100 % → 50 %" in text and "8 → 2" in text
    assert '<span class="add">+better</span>' in text and "All configurations" in text
    without = report_sweep.as_html(sweep_document() | {"proposal": None}, "en")
    assert "None: the rule as it is" in without


def test_the_mutation_page_lists_who_survived() -> None:
    """Changes that nobody noticed are told one by one; what is missing is told by kind."""
    text = report_mutate.as_html(mutation_document(), "en")
    assert text.count("r.yml:1:2") >= 1 and "50 %" in text and "What is missing" in text


@pytest.mark.slow
def test_scores_and_comparisons_become_pages(tmp_path: Path) -> None:
    """What the commands write is whole, says the figures of their JSON, and the plots have a mark for each kind and alert."""
    rules = tmp_path / "rules"
    rules.mkdir()
    text = "groups: [{name: g, rules: [{alert: FeederLoss, expr: feeder_energised == 0, for: %s}]}]"
    for name, wait in (("a", "30s"), ("b", "15s")):
        (tmp_path / f"{name}.yml").write_text(text % wait, encoding="utf-8")
    sidecar = HERE.parents[1] / "ops_center" / "rulepack" / "lighting.truth.yaml"
    claims = tmp_path / "claims.truth.yaml"
    lines = sidecar.read_text(encoding="utf-8").splitlines()
    claims.write_text(
        "\n".join(["format: cityops-truth/1", "alerts:", next(s for s in lines if "FeederLoss:" in s)]), encoding="utf-8"
    )
    common = ("--scenario", SHORT, "--seeds", 2, "--workers", 1, "--data", tmp_path, "--sidecar", claims, "--json")
    score = cityops("rules", "score", tmp_path / "a.yml", *common, "--html", tmp_path / "score.html", "--lang", "en")
    assert score.status == 0, score.err
    page_ = (tmp_path / "score.html").read_text(encoding="utf-8")
    whole(page_)
    assert say(number(score.document["overall"]["figures"]["mean_time_to_detect_s"]["value"], "s")) in page_
    assert "Feeder outage" in page_ and "Mất điện xuất tuyến" in page_ and "FeederLoss" in page_
    compared = cityops("rules", "compare", tmp_path / "a.yml", tmp_path / "b.yml", *common, "--html", tmp_path / "c.html")
    assert compared.status == 0, compared.err
    whole((tmp_path / "c.html").read_text(encoding="utf-8"))
    refused = cityops("rules", "score", tmp_path / "a.yml", *common, "--html", tmp_path / "s.html", "--lang", "fr")
    assert refused.status == 2 and "expected vi or en" in " ".join(refused.err.replace("│", " ").split())
    nowhere = cityops("rules", "score", tmp_path / "a.yml", *common, "--html", tmp_path / "no" / "s.html")
    assert nowhere.status == 2 and "cannot be written" in nowhere.err
    assert report_score.as_html(json.loads(json.dumps(score.document)), "vi") != page_
    assert report_compare.as_html(compared.document, "en").startswith("<!doctype html>")


@pytest.mark.slow
def test_a_sweep_and_a_mutation_run_become_pages(tmp_path: Path) -> None:
    """The pages that the commands write are whole, open in the language asked for, and say what the JSON says."""
    rules, claims = tmp_path / "a.yml", tmp_path / "claims.truth.yaml"
    rules.write_text("groups: [{name: g, rules: [{alert: FeederLoss, expr: feeder_energised == 0, for: 30s}]}]")
    lines = (HERE.parents[1] / "ops_center/rulepack/lighting.truth.yaml").read_text(encoding="utf-8").splitlines()
    claim = next(line for line in lines if "FeederLoss:" in line)
    claims.write_text("\n".join(["format: cityops-truth/1", "alerts:", claim]), encoding="utf-8")
    common = ("--scenario", SHORT, "--seeds", 1, "--workers", 1, "--data", tmp_path, "--json", "--lang", "en")
    run = prepare(SHORT).create(tmp_path / "runs", "lesson")
    files = ("--html", tmp_path / "sweep.html", "--into", "lesson")
    swept = cityops("rules", "sweep", rules, "--sidecar", claims, *common, *files)
    assert swept.status == 0, swept.err
    assert json.loads((run.documents / "sweep-FeederLoss.json").read_bytes()) == swept.document
    nowhere = cityops("rules", "score", rules, *common, "--into", "no_such_run")
    assert nowhere.status == 1 and "no run 'no_such_run'" in nowhere.err, "said before anything is simulated"
    page_ = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    whole(page_)
    assert '<html lang="en">' in page_ and "FeederLoss" in page_ and swept.document["configurations"][0]["label"] in page_
    mutated = cityops("rules", "mutate", rules, *common, "--html", tmp_path / "mutate.html")
    assert mutated.status in (0, 1), mutated.err
    page_ = (tmp_path / "mutate.html").read_text(encoding="utf-8")
    whole(page_)
    noticed, survived = (mutated.document["score"][name] for name in ("noticed", "survived"))
    assert f"/ {noticed + survived}" in page_ and "Điểm đột biến" in page_ and "Mutation score" in page_


# -- the kit


def test_figures_are_said_with_their_units_and_intervals() -> None:
    """Shares become per cent, none is a dash, an interval stands once."""
    said = [number(0.5, "%"), number(None), number(1234.5), number(0.12345, "s")]
    assert [text["en"] for text in said] == ["50 %", "–", "1234", "0.123 s"]
    assert [text["vi"] for text in said] == ["50 %", "–", "1.234", "0,123 s"]
    assert interval({"low": 0.1, "high": 0.255}, "%") == {"vi": "10 – 25,5 %", "en": "10 – 25.5 %"}
    assert interval({"low": None, "high": None}) == ""
    assert [count(7), count(1234567), plain(1.5)] == [
        {"vi": "7", "en": "7"},
        {"vi": "1.234.567", "en": "1234567"},
        {"vi": "1,5", "en": "1.5"},
    ]


def in_language(text: str, lang: str) -> str:
    """What a reader of one language sees of a page: the texts, without those of the other."""
    other = next(code for code in LANGS if code != lang)
    shown = re.sub(rf'<(span|tspan|text|title) (?:[^>]* )?lang="{other}"[^>]*>.*?</\1>', " ", text, flags=re.DOTALL)
    return re.sub(r"<style.*?</style>|<[^>]+>", " ", shown, flags=re.DOTALL)


def test_vietnamese_readers_see_a_decimal_comma_in_tables_and_on_axes() -> None:
    """Every number with decimals, in cards, tables, axes and at bars, has a comma in Vietnamese and a point in English."""
    quarter = {"value": 0.255, "low": 0.125, "high": 0.5}
    parts = [
        cards([(AXIS, number(2.5, "s"), interval(quarter))]), table(["", ""], [["x", with_interval(quarter, "%")]]),
        dots([Dot("d", 0.25, 0.1, 0.4)], AXIS), bars([Bar("b", (("bad", 1.5),))], AXIS),
        distribution([0.5, 1.5], [Dot(AXIS, 1.25)], AXIS, "s"),
        plane([Point(0.75, 0.5, number(0.75))], [], AXIS, AXIS), curves([Curve("c", ((0.0, 0.0), (0.5, 0.5)))], AXIS, AXIS),
    ]  # fmt: skip
    for part in parts:
        assert re.search(r"\d,\d", in_language(part, "vi")) and re.search(r"\d\.\d", in_language(part, "en")), part
        assert not re.search(r"\d\.\d", in_language(part, "vi")), part
        assert not re.search(r"\d,\d", in_language(part, "en")), part


def test_nothing_to_show_leaves_no_empty_section() -> None:
    """A title without anything below it is left out; so are tables and plots without rows."""
    assert section(AXIS) == section(AXIS, table(["a"], []), dots([], AXIS), bars([], AXIS), distribution([], [], AXIS)) == ""
    assert plane([], [], AXIS, AXIS) == curves([], AXIS, AXIS) == diff("") == ""


def test_texts_are_escaped_and_markup_of_ours_is_not() -> None:
    """Only what was made here as markup passes."""
    assert say(HOSTILE).count("<") == 0 and say(Markup("<b>x</b>")) == "<b>x</b>"
    assert "<script" not in page({"vi": HOSTILE, "en": HOSTILE}, "vi", [table([HOSTILE], [[HOSTILE]])])


def drawn(svg: str) -> ET.Element:
    """The first plot of some HTML, as a tree."""
    return ET.fromstring(re.search(r"<svg.*?</svg>", svg[svg.rindex("<svg") :], re.DOTALL)[0])  # type: ignore[index]  # it is there


def test_bars_are_as_long_as_their_figures() -> None:
    """Twice the figure is twice the length; parts lie one after the other; the label is there in both languages."""
    found = drawn(bars([Bar(AXIS, (("bad", 1.0), ("mark", 2.0))), Bar("b", (("bad", 6.0),))], AXIS))
    first, second, third = [(float(r.get("x") or 0), float(r.get("width") or 0)) for r in found.iter("rect")]
    assert second[1] == pytest.approx(2 * first[1], abs=0.2) and third[1] == pytest.approx(6 * first[1], abs=0.3)
    assert second[0] == pytest.approx(first[0] + first[1], abs=0.1)
    assert {e.get("lang") for e in found.iter("tspan")} == {"vi", "en"}


def test_dots_lie_within_their_intervals_and_unknown_ones_are_left_out() -> None:
    """The whisker goes from low to high around the dot."""
    found = drawn(dots([Dot("a", 0.5, 0.25, 0.75), Dot("b", None)], AXIS, "%", 1.0))
    (circle,) = found.iter("circle")
    whisker = next(e for e in found.iter("line") if e.get("stroke-width") == "2")
    x1, x, x2 = float(whisker.get("x1") or 0), float(circle.get("cx") or 0), float(whisker.get("x2") or 0)
    assert x - x1 == pytest.approx(x2 - x, abs=0.2) and x1 < x


def test_a_distribution_rises_to_one_and_a_plane_has_all_its_points() -> None:
    """The steps end at the top; every point has its title; the curves tell themselves apart by dashes too."""
    path = next(drawn(distribution([1.0, 2.0, 4.0], [Dot(AXIS, 2.0, 1.0, 3.0)], AXIS, "s")).iter("path"))
    assert (path.get("d") or "").count("V") == 3 and "V20.0" in (path.get("d") or "")
    points = [Point(1, 0.5, "one"), Point(2, 1.0, "two", "d", "good"), Point(3, 0.2, "three", "x", "bad")]
    found = drawn(plane(points, [(1, 0.5), (2, 1.0)], AXIS, AXIS, y_unit="%", y_top=1.0, upright=2.0))
    assert [e.text for e in found.iter("title")] == ["one", "two", "three"]
    looks = {
        (p.get("stroke"), p.get("stroke-dasharray"))
        for p in drawn(curves([Curve(str(i), ((0, 0), (1, 1))) for i in range(8)], AXIS, AXIS)).iter("path")
    }
    assert len(looks) == 8


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0, 47, [0, 10, 20, 30, 40]), (3, 3, [3])]
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    """Numbers that people like, inside the range."""
    assert ticks(low, high) == expected
