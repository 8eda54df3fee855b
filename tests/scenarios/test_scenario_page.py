"""The page of the scenario library says what the files say."""

from pathlib import Path

from scenarios.scenario_page import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md"


def test_the_page_of_the_scenarios_is_up_to_date() -> None:
    """Written anew by `python -m scenarios.scenario_page > docs/reference/scenarios.md`."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m scenarios.scenario_page > docs/reference/scenarios.md"
