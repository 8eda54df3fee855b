"""What people choose from in the console is said in their language."""

import re
from pathlib import Path

from scenarios.references import commands_of
from sensors.kinds import load_kinds
from simulator.inject_catalogue import INJECTS

WORDS = Path(__file__).parents[2] / "web" / "src" / "i18n" / "choices.ts"


def test_every_choice_of_commands_and_injects_has_a_word() -> None:
    """The console's table of words holds each choice that a command or inject offers, in both languages, and no other."""
    offered = {c for info in commands_of(load_kinds()).values() for p in info.parameters for c in p.choices}
    offered |= {str(c) for inject in INJECTS.values() for p in inject.parameters.values() for c in p.choices}
    tables = re.findall(r"const (?:en|vi): Words = \{(.*?)\n\}", WORDS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(tables) == 2
    for table in tables:
        assert set(re.findall(r"(\w+): '", table)) == offered, f"{WORDS.name} has to have a word for each choice"
