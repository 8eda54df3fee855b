"""Time in the hands of people: the instructor goes back and everybody is in a branch; the run that was left is shown again."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BEFORE = "19:01:30"  # half a minute before the outage
BEFORE_MS = 210_000


def test_going_back_is_a_branch_and_the_run_that_was_left_can_be_seen_again(
    chromium: str, tmp_path: Path, person: Callable[[], kit.Person]
) -> None:
    """What was done after the instant is not in the branch, whose sign stays; in the branch it happens again. The run itself is
    shown as it was: at the mark of its incident, with nothing to press, until the end."""
    demo = kit.Demo(tmp_path)
    try:
        _go_back(demo, person)
    finally:
        demo.end()
    replay = kit.Demo(tmp_path, words=("runs", "replay", demo.run_id))
    try:
        _watch_again(replay, person)
    finally:
        replay.end()


def _go_back(demo: kit.Demo, person: Callable[[], kit.Person]) -> None:
    operator, teacher = person(), person()
    desk, instructor = operator.open(demo.links["operator"]).seated(), teacher.open(demo.links["exercise"])
    desk.speak("en")
    instructor.hurry(50)
    desk.open_incident()
    desk.press("ack-button")
    expect(desk.see("acknowledged")).to_be_visible()
    expect(desk.see("branch-sign")).to_have_count(0)

    instructor.press("pause-button")
    desk.until("ops.still && ops.mode === 'PAUSED'")
    instructor.see("go-back-time").fill(BEFORE)
    instructor.press("go-back-button")
    desk.until(f"ops.branch !== 'main' && ops.incidentsOpen === 0 && ops.nowMs === {BEFORE_MS} && ops.still")
    for page in (desk, instructor):
        expect(page.see("branch-sign", parent=demo.run_id)).to_contain_text(BEFORE)
    expect(desk.see("incident-panel")).to_have_count(0)

    instructor.press("pause-button")
    desk.until("ops.incidentsOpen === 1 && !ops.still")
    expect(desk.see("queue-row", acknowledged="true")).to_have_count(0)
    assert (operator.heard.errors, operator.heard.strangers, teacher.heard.errors) == ([], [], [])


def _watch_again(replay: kit.Demo, person: Callable[[], kit.Person]) -> None:
    watcher = person()
    desk = watcher.open(replay.links["instructor"])
    desk.until("ops.connected && ops.mode === 'REPLAY' && ops.devices > 0 && ops.incidentsOpen === 0")
    desk.speak("en")
    expect(desk.see("mode", mode="REPLAY")).to_be_visible()
    desk.page.get_by_role("button", name="Pause").click()
    desk.until("ops.still")
    mark = desk.see("scrub-mark")
    expect(mark).to_have_count(1)
    mark.click()
    desk.until("ops.incidentsOpen === 1 && ops.lampsOn > 0 && ops.still")
    desk.press("queue-row")
    expect(desk.see("no-actions")).to_have_text("This is a replay of what was done; nothing can be changed in it.")
    for button in ("ack-button", "dispatch-button"):
        expect(desk.see(button)).to_have_count(0)

    line = desk.page.get_by_role("slider", name="Line of time")
    line.focus()
    desk.page.keyboard.press("End")
    until_ms = int(desk.see("scrubber").get_attribute("data-until-ms"))
    desk.until(f"ops.nowMs === {until_ms}")
    expect(desk.see("acknowledged")).to_have_count(0)  # the seat may not act, so the panel says what was done in its timeline
    expect(desk.see("timeline").locator('[data-kind="acknowledged"]').first).to_be_attached()
    assert (watcher.heard.errors, watcher.heard.strangers) == ([], [])
