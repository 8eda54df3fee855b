"""Commands whose modules are loaded at their first use: starting one costs nothing for the others.

Lives here: a group of commands from a table. Must not know: which commands there are.
"""

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

HELP = {"help_option_names": ["-h", "--help"]}


class Place(NamedTuple):
    """Where a command is: the module, the function or group in it, and the first line of its help."""

    module: str
    name: str
    summary: str


def lazy_group(package: str, tree: Mapping[str, Place]) -> type[TyperGroup]:
    """Return a class of groups for `tree`: command → its place in the package."""

    class Commands(TyperGroup):
        """The commands of a table."""

        _listing = False

        def list_commands(self, ctx: Any) -> list[str]:
            """Return the names, in the order of the help."""
            return list(tree)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return a command, None if there is none of that name."""
            if cmd_name not in tree:
                return None
            place = tree[cmd_name]
            if self._listing:
                return TyperCommand(cmd_name, help=place.summary)
            command = _command(getattr(importlib.import_module(f"{package}.{place.module}"), place.name), cmd_name)
            command.name = cmd_name
            return command

        def format_help(self, ctx: Any, formatter: Any) -> None:
            """Write the help: it says a line of each command, and loads none."""
            self._listing = True
            try:
                super().format_help(ctx, formatter)
            finally:
                self._listing = False

    return Commands


def _command(found: Any, name: str) -> Any:
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    one = typer.Typer(add_completion=False, context_settings=HELP)
    one.command(name)(found)
    return typer.main.get_command(one)
