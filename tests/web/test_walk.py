"""The main job as people do it: a blackout is seen, taken, answered with an electrician and a breaker, and the lamps return."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FEEDER = "feeder:01_1"


def test_an_operator_ends_the_blackout_and_an_observer_sees_it(demo: kit.Demo, person: Callable[[], kit.Person]) -> None:
    """Open, see the city, wait for the one incident, acknowledge, send the electrician, reclose, see the lamps return; so does
    a second browser, which may look but not act. No console error, no CSP violation, nothing asked beyond this machine."""
    operator, observer = person(), person()
    desk, other = operator.open(demo.links["operator"]).seated(), observer.open(demo.links["observer"]).seated()
    instructor = person().open(demo.links["exercise"])
    expect(desk.see("map").locator("canvas").first).to_be_visible()
    expect(desk.see("mode", mode="LIVE")).to_be_visible()
    desk.speak("en")
    lit = desk.ops("lampsOn")
    instructor.hurry(50)
    desk.open_incident()
    assert [row["place"]["id"] for row in demo.get("/api/incidents?state=open")] == [FEEDER]
    expect(desk.page.locator(".status-item", has_text="Alarm rate")).to_contain_text(re.compile(r"[1-9]\d* / 10 min"))
    desk.until(f"ops.lampsOn < {lit}")
    dark = desk.ops("lampsOn")
    other.open_incident()

    desk.press("ack-button")
    expect(desk.see("acknowledged")).to_be_visible()
    expect(other.see("queue-row", acknowledged="true")).to_have_count(1)
    desk.press("dispatch-button", unit="electrician")
    for page in (desk, other):
        expect(page.see("command-state", type="dispatch", state="accepted")).to_be_visible()
    for page in (desk, other):
        expect(page.see("command-state", type="dispatch", state="done")).to_be_visible()
    desk.page.locator('button[data-command="feeder_reclose"]').click()
    for page in (desk, other):
        expect(page.see("command-state", type="feeder_reclose", state="done")).to_be_visible()
        page.until(f"ops.lampsOn >= {lit}")
        for kind in ("opened", "acknowledged", "command_requested", "command_done"):
            expect(page.see("timeline").locator(f'[data-kind="{kind}"]').first).to_be_attached()
    assert dark < lit and desk.ops("incidentsOpen") == 1
    for button in ("ack-button", "dispatch-button"):
        expect(other.see(button)).to_have_count(0)
    expect(other.page.locator("button[data-command]")).to_have_count(0)
    for who in (operator, observer):
        assert (who.heard.errors, who.heard.strangers) == ([], [])


def test_instructor_and_debrief_pages_lay_truth_beside_judgement(demo: kit.Demo, person: Callable[[], kit.Person]) -> None:
    """The instructor's desk tells the outage and the traffic as they are; the debrief says how long after it was detected."""
    instructor = person()
    desk = instructor.open(demo.links["exercise"])
    expect(desk.see("instructor-banner")).to_be_visible()
    desk.hurry(50)
    outage = desk.see("truth").locator('[data-truth="feeder_outage"]')
    expect(outage).to_be_visible()
    expect(desk.see("traffic-truth")).to_be_visible()
    demo_rows = [row for row in demo.get("/exercise/api/truth", "exercise")["truth"] if row["kind"] == "feeder_outage"]
    assert len(demo_rows) == 1
    desk.page.locator('a[href="/exercise/debrief"]').click()
    expect(desk.page.locator('[data-expectation="found"][data-met="true"]')).to_be_visible()
    expect(desk.page.locator('[data-truth="feeder_outage"] td').nth(3)).to_have_text(re.compile(r"^\+\d+:\d\d"))
    assert (instructor.heard.errors, instructor.heard.strangers) == ([], [])
