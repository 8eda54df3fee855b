"""The `cityops` command: the tree of commands, and the exit status of what goes wrong.

Lives here: which command is where, exceptions turned into lines and statuses. Must not know: what any command does.
"""

import sys
from typing import Annotated

import typer

from scenarios.cli.common import CANNOT, is_bad_file, problems_of
from scenarios.cli.lazy import HELP, lazy_group
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, MAX_PROBLEMS
from scenarios.runs import release

# command -> the module of this room and the function or group in it; a module is loaded when its command is asked for,
# because the demo is looked at from its first second
TREE: dict[str, tuple[str, str]] = {
    "demo": ("live", "demo"),
    "run": ("run", "run"),
    "command": ("command", "command"),
    "serve": ("live", "serve"),
    "city": ("live", "city"),
    "scenarios": ("scenarios", "app"),
    "rules": ("rules.app", "app"),
    "runs": ("runs", "app"),
    "import": ("importing", "app"),
    "kinds": ("kinds", "kinds"),
    "trace": ("trace", "trace"),
    "bench": ("bench", "bench"),
}


app = typer.Typer(
    name="cityops",
    cls=lazy_group("scenarios.cli", TREE),
    help="The city operations center that you can rehearse in.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cityops {release()}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """The city operations center that you can rehearse in."""


def run() -> None:
    """Run the command line; bad input ends with status 2 and what is wrong, what cannot be done with 1, without a traceback."""
    try:
        app(prog_name="cityops")
    except CANNOT as error:
        _leave(error, BAD_INPUT if is_bad_file(error) else DOES_NOT_HOLD)
    except OSError as error:  # a disk that is full, a folder that cannot be read
        typer.echo(f"{error.filename or 'cityops'}: {error.strerror or error}", err=True)
        sys.exit(DOES_NOT_HOLD)
    except KeyboardInterrupt:
        sys.exit(130)
    except ValueError as error:
        if not is_bad_file(error):
            raise
        _leave(error, BAD_INPUT)


def _leave(error: Exception, status: int) -> None:
    lines = problems_of(error)
    for line in lines[:MAX_PROBLEMS]:
        typer.echo(line, err=True)
    if len(lines) > MAX_PROBLEMS:
        typer.echo(f"... and {len(lines) - MAX_PROBLEMS} more", err=True)
    sys.exit(status)


if __name__ == "__main__":
    run()
