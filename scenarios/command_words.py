"""What people order, in words of both languages.

Lives here: one phrase for a command with its parameters and its place. Must not know: whether it was given or done.
"""

from collections.abc import Mapping
from typing import Any

from scenarios.naming import Naming
from sensors.messages import CommandInfo
from simulator.unit_kinds import UNIT_KINDS


def ordered(
    type_: str, params: Mapping[str, Any], place: str, commands: Mapping[str, CommandInfo], lang: str
) -> str:  # fmt: skip
    """Return a command as people read it: its title, what it was given, where; a command that is not known goes by its name."""
    known = commands.get(type_)
    title = (known.title.vi if lang == "vi" else known.title.en) if known else ""
    details = [word for word in (*(_value(value, lang) for value in params.values()), place) if word]
    return (title or type_.replace("_", " ")) + (f": {', '.join(details)}" if details else "")


def _value(value: Any, lang: str) -> str:
    unit = UNIT_KINDS.get(str(value))
    if unit is not None:
        return unit.title.vi if lang == "vi" else unit.title.en
    return str(value).replace("_", " ")


def target_name(target: str | None, type_: str, commands: Mapping[str, CommandInfo], naming: Naming) -> str:
    """Return how people call what a command is for, whatever of its kinds of place has it."""
    known = commands.get(type_)
    if not target or known is None:
        return target or ""
    names = (naming.of(kind, target) for kind in known.target_kinds)
    return next((name for name in names if name != target), target)
