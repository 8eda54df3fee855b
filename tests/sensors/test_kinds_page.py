"""The pages about sensor kinds say what the code does."""

import re
from pathlib import Path

from sensors.kind import SensorKind
from sensors.kinds import load_kind
from sensors.kinds_page import render

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = Path(__file__).parent / "example_kinds" / "noise_meter.py"


def test_the_reference_is_up_to_date(kinds: list[SensorKind]) -> None:
    """`python -m sensors.kinds_page > docs/reference/sensor-kinds.md` would change nothing."""
    assert (DOCS / "reference" / "sensor-kinds.md").read_text(encoding="utf-8") == render(kinds)


def test_the_page_tells_all_of_a_kind() -> None:
    """Metric, unit, range, resolution, noise and period of a user's kind are on its page."""
    page = render([load_kind(EXAMPLE)])
    for words in ("Máy đo tiếng ồn", "`noise_level_decibels`", "| dB |", "20 to 130", "0.1", "absolute 0.8", "every 30 s"):
        assert words in page


def test_the_how_to_shows_the_example_as_it_is_tested() -> None:
    """The file shown in the how-to is the one that the tests load, to the letter."""
    page = (DOCS / "how-to" / "add-a-sensor-kind.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert EXAMPLE.read_text(encoding="utf-8") in shown
