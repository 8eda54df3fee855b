"""One reading can be followed through its six stops."""

import shlex
from pathlib import Path

import pytest

from scenarios.cli.trace import trace as command
from scenarios.setup import prepare
from scenarios.trace import NoReading, trace
from tests.scenarios.cli_kit import cityops

SCENARIO = Path(__file__).with_name("short_blackout.yaml")


@pytest.mark.slow
def test_six_lines_follow_a_reading_from_truth_to_pixel() -> None:
    """Truth, measurement, wire, judgement, feed and map name the same device and time."""
    lines = trace(prepare(SCENARIO), "lamp:le_loi_1:1", 150_000)
    assert [line.split()[1] for line in lines] == ["truth", "measured", "wire", "judged", "told", "drawn"]
    assert "lamp:le_loi_1:1: level 1" in lines[0] and "lamp_level_ratio" in lines[1]
    assert "batch luminaire_controller" in lines[2]


def test_a_device_that_is_not_there_is_answered_with_some_that_are() -> None:
    """The message shows what ids look like."""
    with pytest.raises(NoReading, match="no device 'nothing'; expected one such as"):
        trace(prepare(SCENARIO), "nothing", 0)


@pytest.mark.slow
def test_the_example_of_the_help_works() -> None:
    """What `cityops trace -h` shows can be typed as it stands."""
    (example,) = [line.split("cityops ", 1)[1] for line in (command.__doc__ or "").splitlines() if "Example:" in line]
    said = cityops(*shlex.split(example))
    assert said.status == 0 and "6 drawn" in said.out
