"""Kill -9 before the operator's eyes: the console says what is lost and how old it is, and comes back by itself."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="the demo's children are found through /proc"),
]
AGE = re.compile(r"\b\d+ s old\b")


def test_a_killed_city_and_a_killed_center_are_said_and_come_back(demo: kit.Demo, person: Callable[[], kit.Person]) -> None:
    """The banner names the loss and its age, the map goes grey; then all is live again, and what was acknowledged stays so."""
    desk = person().open(demo.links["operator"]).seated()
    desk.speak("en")
    instructor = person().open(demo.links["exercise"])
    instructor.hurry(50)
    desk.open_incident()
    desk.press("ack-button")
    expect(desk.see("acknowledged")).to_be_visible()
    instructor.hurry(5)
    for role, cause in (("city", "city"), ("center", "connection")):
        _lose_and_regain(demo, desk, role, cause)


def _lose_and_regain(demo: kit.Demo, desk: kit.Desk, role: str, cause: str) -> None:
    before_ms = desk.ops("nowMs")
    desk.note("!(ops.connected && ops.cityConnected) && ops.roadsMeasured === 0 && ops.lampsOn === 0")  # may be over in a second
    demo.kill(role)
    banner = desk.see("connection-banner", cause=cause)
    expect(banner).to_contain_text(AGE)
    desk.until("window.__noted")
    expect(desk.see("connection-banner")).to_have_count(0)
    desk.until(f"ops.connected && ops.cityConnected && ops.roadsMeasured > 0 && ops.lampsOn > 0 && ops.nowMs > {before_ms}")
    expect(desk.see("queue-row", acknowledged="true")).to_have_count(1)
    expect(desk.see("acknowledged")).to_be_visible()
