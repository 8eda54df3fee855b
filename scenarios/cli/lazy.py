"""Commands whose modules are loaded at their first use: starting one costs nothing for the others.

Lives here: a group of commands from a table. Must not know: which commands there are.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

HELP = {"help_option_names": ["-h", "--help"]}


def lazy_group(package: str, tree: Mapping[str, tuple[str, str]]) -> type[TyperGroup]:
    """Return a class of groups for `tree`: command → the module of the package, and the function or group in it."""

    class Commands(TyperGroup):
        """The commands of a table."""

        def list_commands(self, ctx: Any) -> list[str]:
            """Return the names, in the order of the help."""
            return list(tree)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return a command, None if there is none of that name."""
            if cmd_name not in tree:
                return None
            module, name = tree[cmd_name]
            command = _command(getattr(importlib.import_module(f"{package}.{module}"), name), cmd_name)
            command.name = cmd_name
            return command

    return Commands


def _command(found: Any, name: str) -> Any:
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    one = typer.Typer(add_completion=False, context_settings=HELP)
    one.command(name)(found)
    return typer.main.get_command(one)
