"""One file under --kinds: a new sensor kind on the wire, at /prometheus and in the console, with no other edit."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ops_center.recorder import read_frames

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
KINDS = kit.ROOT / "tests/sensors/example_kinds"


@pytest.fixture(scope="module")
def noisy_demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[kit.Demo]:
    """A demo with the folder of a user's own kinds."""
    running = kit.Demo(tmp_path_factory.mktemp("noisy"), "--kinds", str(KINDS))
    yield running
    running.end()


def test_a_kind_of_ones_own_appears_everywhere(noisy_demo: kit.Demo, person: Callable[[], kit.Person]) -> None:
    """Found by search with Enter, drawn as a panel with a chart of its quantity, listed in the table by its title, measured
    at /prometheus, named in the recorded stream."""
    desk = person().open(noisy_demo.links["operator"]).seated()
    desk.speak("en")
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("noise:")
    expect(desk.page.locator('[role="option"]').first).to_contain_text("Noise meter")
    desk.page.keyboard.press("Enter")
    panel = desk.see("device-panel")
    expect(panel).to_have_attribute("aria-label", "Noise meter")
    expect(panel.get_by_text("Level", exact=True)).to_be_visible()
    expect(panel.locator(".chart b").first).to_have_text(re.compile(r"\d+(\.\d)? dB"))
    device_id = panel.get_attribute("data-id")
    assert device_id.startswith("noise:")

    desk.page.keyboard.press("t")
    table = desk.see("device-table")
    table.locator("select").select_option(label="Noise meter")
    expect(table.locator("tbody tr[aria-rowindex]").first).to_contain_text("Noise meter")
    answer = noisy_demo.get("/prometheus/api/v1/query?query=noise_level_decibels")
    levels = {row["metric"]["device_id"]: float(row["value"][1]) for row in answer["data"]["result"]}
    assert len(levels) == 12 and device_id in levels and all(20 <= level <= 130 for level in levels.values())
    wire = noisy_demo.folder / "data/runs" / noisy_demo.run_id / "wire"
    assert any(b"noise_meter" in frame for frame in read_frames(wire))
