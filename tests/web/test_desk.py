"""The desk itself: taking a seat, two languages, themes, keys, and a queue that holds still under the pointer."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Arrive = Callable[[], kit.Person]


def test_without_a_seat_the_page_asks_for_the_link_and_takes_it(demo: kit.Demo, person: Arrive) -> None:
    """No seat: the form explains. A wrong token is said to be wrong. A pasted link opens the desk and leaves no token behind."""
    desk = person().open(demo.links["operator"].split("#")[0])
    form = desk.see("seat-form")
    expect(form).to_be_visible()
    desk.speak("en")
    expect(form).to_contain_text("Each seat has a link of its own")
    form.locator("button").click()
    expect(form.get_by_role("alert")).to_have_text("Paste the link first.")
    form.locator("input").fill("nobody's token")
    form.locator("button").click()
    expect(form.get_by_role("alert")).to_contain_text("does not know this seat")
    form.locator("input").fill(demo.links["operator"])
    form.locator("button").click()
    desk.seated()
    token = demo.links["operator"].split("#seat=")[1]
    assert token not in desk.page.url and token not in str(desk.page.evaluate("[document.cookie, {...localStorage}]"))


def test_the_page_is_usable_with_city_and_queue(demo: kit.Demo, person: Arrive, capsys: pytest.CaptureFixture[str]) -> None:
    """The map is drawn and the queue is there; how long that took is told, not judged: machines differ."""
    someone = person()
    for warmth in ("cold", "warm"):
        desk = someone.open(demo.links["operator"])
        expect(desk.see("queue")).to_be_visible()
        desk.until("ops.roadsMeasured > 0 && document.querySelector('[data-testid=map] canvas')")
        usable_ms = desk.page.evaluate("performance.now()")
        with capsys.disabled():
            print(f"\npage usable after {usable_ms:.0f} ms with a {warmth} cache")


def test_two_languages_and_the_themes(demo: kit.Demo, person: Arrive) -> None:
    """The switch changes the words and the page's language; themes change the colours, and the choice is kept."""
    desk = person().open(demo.links["operator"]).seated()
    root, title = desk.page.locator("html"), desk.page.locator("#queue-title")
    expect(root).to_have_attribute("lang", "vi")
    vietnamese = title.inner_text()
    desk.speak("en")
    expect(root).to_have_attribute("lang", "en")
    expect(title).to_have_text("Queue")
    assert vietnamese != "Queue"
    theme = desk.page.get_by_label("Theme")
    colours = set()
    for name in ("dusk", "night", "day"):
        theme.select_option(name)
        expect(desk.page).to_have_url(re.compile(f"theme={name}"))
        colours.add(_background(desk))
    assert len(colours) == 3
    theme.select_option("night")
    expect(desk.page).to_have_url(re.compile("theme=night"))
    desk.page.goto(desk.page.url.split("#")[0])
    desk.seated()
    expect(root).to_have_attribute("lang", "en")
    expect(desk.page.get_by_label("Theme")).to_have_value("night")


def test_keys_work_and_the_queue_holds_still_under_the_pointer(demo: kit.Demo, person: Arrive) -> None:
    """An incident that arrives while the pointer is on the queue waits behind a pill; single keys walk, open, acknowledge,
    search, help and leave."""
    desk, instructor = person().open(demo.links["operator"]).seated(), person().open(demo.links["exercise"])
    instructor.hurry(50)
    rows = desk.see("queue-row")
    expect(rows).to_have_count(1)
    key = rows.first.get_attribute("data-key")
    rows.first.hover()
    instructor.press("palette-button", inject="sos_press")
    expect(desk.see("new-pill")).to_be_visible()
    instructor.hurry(1)
    expect(rows).to_have_count(1)
    assert rows.first.get_attribute("data-key") == key
    desk.page.mouse.move(720, 500)
    expect(desk.see("new-pill")).to_have_count(0)
    expect(rows).to_have_count(desk.ops("incidentsOpen"))
    assert rows.count() >= 2
    _walk_by_keys(desk, rows)


def _walk_by_keys(desk: kit.Desk, rows: Any) -> None:
    keys = desk.page.keyboard
    keys.press("j")
    expect(rows.first).to_have_attribute("aria-current", "true")
    keys.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    keys.press("k")
    expect(rows.first).to_have_attribute("aria-current", "true")
    expect(desk.see("incident-panel")).to_be_visible()
    taken = rows.first.get_attribute("data-key")
    before = desk.page.url
    keys.press("Enter")
    expect(desk.page).not_to_have_url(before)  # the map flies there, and the address follows
    keys.press("a")
    expect(desk.page.locator(f'[data-key="{taken}"][data-acknowledged="true"]')).to_be_visible()
    keys.press("/")
    expect(desk.page.locator("#search")).to_be_focused()
    keys.press("Escape")
    expect(desk.page.locator("#search")).not_to_be_focused()
    keys.press("?")
    expect(desk.page.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    expect(desk.page.get_by_role("dialog")).to_have_count(0)
    expect(desk.see("incident-panel")).to_be_visible()
    keys.press("Escape")
    expect(desk.see("incident-panel")).to_have_count(0)


@pytest.mark.slow
def test_the_instructor_finds_a_place_by_its_name_and_makes_something_happen_there(demo: kit.Demo, person: Arrive) -> None:
    """Without marks and with the keyboard alone; the script and the truth say what, where and by whom."""
    desk = person().open(demo.links["exercise"])
    desk.speak("en")
    expect(desk.see("script")).to_contain_text("Secret breaker trip")
    desk.page.locator('.inject-name[data-inject="crash"]').click()
    place = desk.see("place-input", kind="link").first
    place.fill("hoang hoa")
    found = desk.page.locator('[role=option][aria-selected="true"]')
    expect(found).to_contain_text("Hoàng Hoa Thám")
    place.press("Enter")
    expect(place).to_have_attribute("placeholder", "Hoàng Hoa Thám")
    desk.press("inject-button")
    expect(desk.see("script").locator('[data-state="instructor"]').filter(has_text="Crash")).to_have_count(1)
    expect(desk.see("truth").locator('[data-truth="traffic_incident"]').filter(has_text="Hoàng Hoa Thám")).to_have_count(1)


def _background(desk: kit.Desk) -> str:
    return str(desk.page.evaluate("getComputedStyle(document.body).backgroundColor"))
