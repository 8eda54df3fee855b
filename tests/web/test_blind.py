"""Truth and sight apart: with every sensor killed the operator's map is grey, and traffic flows on."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_with_every_sensor_killed_the_map_goes_grey_while_traffic_flows_on(
    demo: kit.Demo, person: Callable[[], kit.Person]
) -> None:
    """The instructor kills every sensor: no road keeps a colour, no lamp glows, all devices are without data; the
    instructor's own count of vehicles goes on growing."""
    desk = person().open(demo.links["operator"]).seated()
    roads, devices = desk.ops("roadsNoData + window.__ops.roadsMeasured"), desk.ops("devices")
    instructor = person().open(demo.links["exercise"])
    instructor.page.locator('button[data-inject="all_dead"]').click()
    instructor.press("inject-button")
    expect(instructor.see("truth").locator('[data-truth="device_fault"]').first).to_be_visible()
    instructor.hurry(50)
    desk.until(f"ops.roadsNoData === {roads} && ops.devicesStale === {devices}")
    assert (desk.ops("roadsMeasured"), desk.ops("lampsOn")) == (0, 0)
    assert desk.ops("connected") and desk.ops("cityConnected")
    expect(desk.see("connection-banner")).to_have_count(0)

    entered = _entered(instructor)
    expect(instructor.see("traffic-truth")).not_to_have_attribute("data-entered", str(entered))
    assert _entered(instructor) > entered and _on_road(instructor) > 0
    assert (desk.ops("roadsNoData"), desk.ops("devicesStale")) == (roads, devices)


def _entered(instructor: kit.Desk) -> int:
    return int(instructor.see("traffic-truth").get_attribute("data-entered"))


def _on_road(instructor: kit.Desk) -> int:
    return int(instructor.see("traffic-truth").get_attribute("data-on-road"))
