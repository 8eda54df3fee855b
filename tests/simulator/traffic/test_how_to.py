"""The page on studying a junction: its example runs as printed, and its tables name what there is."""

import re
from pathlib import Path

import pytest

from simulator.traffic.build import Builder, Run

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "study-a-junction.md"


def test_the_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Copied into a file and run, the example prints the lines below it, to the last digit."""
    text = PAGE.read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    printed = re.findall(r"It prints\n\n```\n(.*?)```", text, re.DOTALL)[0]
    exec(compile(example, str(PAGE), "exec"), {})
    assert capsys.readouterr().out == printed


def test_the_tables_name_public_calls() -> None:
    """Every call in the tables exists with a docstring, and every public call of builder and run is in them."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    named = {name for line in rows for name in re.findall(r"`(\w+)\(", line.split(" | ")[0])}
    public = {name for cls in (Builder, Run) for name, value in vars(cls).items() if callable(value) and not name.startswith("_")}
    assert named == public
    assert all(getattr(Builder, name, None) or getattr(Run, name) for name in named)
    assert all((getattr(Builder, name, None) or getattr(Run, name)).__doc__ for name in named)
