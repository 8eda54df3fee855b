"""The rule lab as engineers, operators and instructors use it: type a query, see when it fires, ask why."""

import contextlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, Page, Route, expect

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Arrive = Callable[[], kit.Person]
EXPR = "avg by (feeder) (cabinet_supply) < 0.5"
DIFF = "--- a/own.yml\n+++ b/own.yml\n@@ -4 +4 @@\n-expr: cabinet_supply < 0.5\n+expr: cabinet_supply < 0.3\n"
TRUTHS = ("feeder_outage", "Secret breaker trip", "Máy cắt nhảy bí mật", "truth-1", '"truth"')


class Answers:
    """Everything that servers answered to a page, by address; what Vite built is left out. It passes through here to be read."""

    def __init__(self, page: Page) -> None:
        self.bodies: dict[str, str] = {}
        page.route(re.compile(r"^(?!.*/assets/)"), self._through)

    def _through(self, route: Route) -> None:
        try:
            answer = route.fetch()
            self.bodies[route.request.url] = answer.text()
            route.fulfill(response=answer)
        except Error:  # the page went on to something else meanwhile
            with contextlib.suppress(Error):
                route.abort()


def draw(desk: kit.Desk, text: str) -> None:
    """Write an expression in place of the one that is there, and draw it."""
    desk.page.locator(".cm-content").click()
    desk.page.keyboard.press("Control+a")
    desk.page.keyboard.type(text)
    desk.page.keyboard.press("Escape")  # of the completion, if one is open
    desk.page.keyboard.press("Control+Enter")


def sweep() -> dict[str, Any]:
    """A small document as `cityops rules sweep --json` writes it."""
    names = (
        "number",
        "label",
        "recall",
        "alarms_per_operator_hour",
        "false_alarms_per_operator_hour",
        "mean_time_to_detect_s",
        "pareto",
    )
    rows = [(0, "< 0.3, for 2m", 0.5, 1.0, 0.5, 90.0, True), (1, "< 0.5, for 1m", 0.5, 6.0, 4.0, 45.0, False),
            (2, "< 0.8, for 0s", 1.0, 9.0, 5.0, 12.0, True)]  # fmt: skip
    return {
        "format": "cityops-sweep/1", "runs": [{}], "operator_hours": 2.0, "left_out": 0, "current": 1, "pareto": [0, 2],
        "rule": {"alert": "Dark", "file": "own.yml", "line": 4, "expr": EXPR, "for_ms": 60_000},
        "configurations": [dict(zip(names, row, strict=True)) for row in rows], "intervals": {},
        "roc": [{"label": "for 1m", "along": "threshold", "points": [[0.5, 0.5], [5.0, 1.0]]}],
        "budget": {"alarms_per_operator_hour": 4.0, "best": 0},
        "proposal": {"label": "< 0.3, for 2m", "file": "own.yml", "diff": DIFF, "problem": None},
    }  # fmt: skip


def clock_of(desk: kit.Desk) -> str:
    """The instant that the lab stands at, as the city's clock shows it; it is one of an evaluation."""
    return str(desk.page.locator(".lab-instant b").inner_text())


def burning(demo: kit.Demo, arrive: Arrive) -> None:
    """Wait until the outage's alert fires."""
    instructor = arrive().open(demo.links["exercise"])
    instructor.hurry(50)
    desk = arrive().open(demo.links["operator"]).seated()
    desk.until("ops.incidentsOpen === 1")
    instructor.hurry(1)


def test_an_operator_asks_why_and_no_truth_comes_along(demo: kit.Demo, person: Arrive) -> None:
    """From an incident to the lab; its alert's bands and its parts' values; a query of one's own by completion; before the outage
    it says what failed and by how much. Not one answer that the page got holds a word of the truth."""
    burning(demo, person)
    operator = person()
    desk = operator.open(demo.links["operator"]).seated()
    desk.speak("en")
    desk.open_incident()
    answers = Answers(desk.page)
    desk.press("why-link")
    expect(desk.see("why", verdict="firing")).to_be_visible()
    expect(desk.see("lab-chart").locator("canvas")).to_be_visible()
    expect(desk.see("lab-lanes").locator('[data-state="firing"]')).to_have_count(1)
    expect(desk.page.locator('[data-rule="FeederLoss"]')).to_have_attribute("aria-pressed", "true")
    expect(desk.see("why")).to_contain_text("last_over_time(feeder_energised[1m]) == 0")

    desk.page.locator(".rule.own").click()
    desk.page.locator(".cm-content").click()
    desk.page.keyboard.press("Control+a")
    desk.page.keyboard.type("cabinet_supp", delay=20)
    offered = desk.page.locator(".cm-tooltip-autocomplete li", has_text="cabinet_supply")
    expect(offered.first).to_be_visible()
    offered.first.click()
    expect(desk.page.locator(".cm-content")).to_contain_text("cabinet_supply")
    draw(desk, "avg by (feeder) (cabinet_supply) < 0.5")
    lanes = desk.see("lab-lanes").locator("[data-lane]")
    expect(lanes).to_have_count(1)
    lanes.first.click()
    expect(desk.see("why", verdict="firing")).to_contain_text("feeder=feeder:01_1")

    instant = desk.see("lab-instant")
    instant.focus()
    desk.page.keyboard.press("Home")
    expect(desk.see("why", verdict="false")).to_be_visible()
    for _ in range(4):
        desk.page.keyboard.press("ArrowRight")
    expect(desk.see("why")).to_contain_text(re.compile(f"evaluated {re.escape(clock_of(desk))}"))
    end = desk.page.locator('[data-end="true"]').last
    expect(end).to_contain_text(re.compile(r"1 < 0.5 does not hold, by 0.5|gap|no sample"))
    expect(desk.page).to_have_url(re.compile(r"/lab#.*q=avg.*at=\d+.*l=feeder"))

    assert not [name for name in answers.bodies if urlsplit(name).path.startswith("/exercise")]
    for address, body in answers.bodies.items():
        assert not [word for word in TRUTHS if word in body], address
    assert any("/api/rules/why" in name for name in answers.bodies) and any("query_range" in name for name in answers.bodies)
    assert (operator.heard.errors, operator.heard.strangers) == ([], [])


def test_what_is_wrong_is_said_where_it_is(demo: kit.Demo, person: Arrive) -> None:
    """Nothing asked, nothing found, a bad expression: each is said, in both languages, and the lab goes on."""
    desk = person().open(demo.links["operator"].replace("/#", "/lab#"))
    desk.speak("en")
    expect(desk.page.locator(".lab-main .empty")).to_contain_text("Choose a rule")
    draw(desk, "speed ==")
    expect(desk.see("lab-error")).to_contain_text("1:9")
    draw(desk, "no_such_metric > 1")
    expect(desk.see("lab-error")).to_have_count(0)
    expect(desk.see("lab-nothing")).to_be_visible()
    expect(desk.page.locator('[data-end="true"]')).to_contain_text("there is no metric no_such_metric")
    desk.speak("vi")
    expect(desk.page.locator('[data-end="true"]')).to_contain_text("không có chỉ số no_such_metric")
    expect(desk.page.locator("html")).to_have_attribute("lang", "vi")
    desk.page.get_by_label(re.compile("Giao diện|Theme|Nền", re.IGNORECASE)).select_option("night")
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "night")


def test_an_instructor_sees_the_truth_behind_the_bands(demo: kit.Demo, person: Arrive) -> None:
    """The outage lies behind the alert and begins before it; it can be hidden. The page asks the exercise and nobody else."""
    burning(demo, person)
    instructor = person()
    desk = instructor.open(demo.links["exercise"])
    desk.page.locator('a[href="/exercise/lab"]').click()
    answers = Answers(desk.page)
    desk.speak("en")
    expect(desk.see("instructor-banner")).to_be_visible()
    desk.page.locator('[data-rule="FeederLoss"]').click()
    firing = desk.see("lab-lanes").locator('[data-state="firing"]')
    expect(firing).to_have_count(1)
    truth = desk.see("lab-lanes").locator(".truth-lane", has_text="Secret breaker trip")
    expect(truth).to_have_count(1)
    began_ms = next(
        row["start_ms"] for row in demo.get("/exercise/api/truth", "exercise")["truth"] if row["kind"] == "feeder_outage"
    )
    assert began_ms < int(firing.get_attribute("data-from") or 0)
    desk.page.get_by_label("Truth behind the chart").uncheck()
    expect(truth).to_have_count(0)
    expect(firing).to_have_count(1)
    exercise = urlsplit(demo.links["exercise"]).netloc
    assert {urlsplit(name).netloc for name in answers.bodies} == {exercise}
    assert (instructor.heard.errors, instructor.heard.strangers) == ([], [])


def test_an_engineer_opens_a_sweep_and_takes_the_change_away(demo: kit.Demo, person: Arrive, tmp_path: Path) -> None:
    """A wrong file is said to be one; a sweep shows its front, its curves and the best within the budget; the diff is downloaded
    as it was written; its expression goes on in the editor. An instructor finds it in the run's folder."""
    engineer = person()
    desk = engineer.open(demo.links["operator"].replace("/#", "/lab#"))
    desk.speak("en")
    desk.page.locator('[data-tab="results"]').click()
    (tmp_path / "notes.json").write_text("[]", encoding="utf-8")
    desk.see("lab-file").set_input_files(tmp_path / "notes.json")
    expect(desk.page.get_by_role("alert")).to_contain_text("notes.json is no sweep or score")
    (tmp_path / "sweep.json").write_text(json.dumps(sweep()), encoding="utf-8")
    desk.see("lab-file").set_input_files(tmp_path / "sweep.json")
    for mark, count in (("mark-now", 1), ("mark-best", 1), ("mark-front", 1)):
        expect(desk.see("lab-front").locator(f".lab-plot .{mark}")).to_have_count(count)
    expect(desk.see("lab-roc").locator(".plot-keys li")).to_have_text(["for 1m"])
    with desk.page.expect_download() as started:
        desk.press("lab-download")
    assert started.value.suggested_filename == "Dark.diff"
    assert Path(started.value.path()).read_text(encoding="utf-8") == DIFF
    desk.page.get_by_role("button", name="Open in the lab").click()
    expect(desk.page.locator(".cm-content")).to_contain_text("avg by (feeder) (cabinet_supply) < 0.5")
    expect(desk.see("lab-chart")).to_be_visible()

    folder = demo.folder / "data" / "runs" / demo.run_id / "documents"
    folder.mkdir(exist_ok=True)
    (folder / "sweep.json").write_text(json.dumps(sweep()), encoding="utf-8")
    instructor = person()
    other = instructor.open(demo.links["exercise"])
    other.page.locator('a[href="/exercise/lab"]').click()
    other.page.locator('[data-tab="results"]').click()
    other.page.get_by_role("button", name="sweep.json").click()
    expect(other.see("lab-proposal")).to_contain_text("< 0.3, for 2m")
    for who in (engineer, instructor):
        assert (who.heard.errors, who.heard.strangers) == ([], [])
