"""The `cityops` command: the tree of commands, and the exit status of what goes wrong.

Lives here: which command is where, exceptions turned into lines and statuses. Must not know: what any command does.
"""

import sys
from typing import Annotated

import typer

from scenarios.cli.common import cannot, is_bad_file, problems_of
from scenarios.cli.lazy import HELP, Place, lazy_group
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, MAX_PROBLEMS

# command -> where it is in this room; a module is loaded when its command is asked for, because the demo is looked at from
# its first second
TREE: dict[str, Place] = {
    "demo": Place(
        "live", "demo", "Start the demo city and open the console. Whatever dies is started again; Ctrl+C ends it all."
    ),
    "run": Place("run", "run", "Run a scenario."),
    "command": Place(
        "command", "command", "Send one command to a running center: to an incident, an alert, the rules, or the city."
    ),
    "serve": Place("live", "serve", "Start the operations center alone; cities connect to it."),
    "city": Place("live", "city", "Start the simulated city alone, and stream it to a center."),
    "scenarios": Place("scenarios", "app", "The scenario library, and scenarios of your own."),
    "rules": Place("rules.app", "app", "Prove Prometheus rule files before they go live."),
    "runs": Place("runs", "app", "The runs kept in the data folder."),
    "import": Place("importing", "app", "Make a city from data of others."),
    "kinds": Place("kinds", "kinds", "List the sensor kinds, with quantities, metrics, units and periods."),
    "trace": Place(
        "trace", "trace", "Follow one reading of a device through its six stops: truth, device, wire, store, rules, feed."
    ),
    "bench": Place(
        "bench", "bench", "Measure speed: each benchmark at several sizes, mostly x1, x2 and x4, beside the figure asked of it."
    ),
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
        from scenarios.runs import release

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
    except OSError as error:  # a disk that is full, a folder that cannot be read
        typer.echo(f"{error.filename or 'cityops'}: {error.strerror or error}", err=True)
        sys.exit(DOES_NOT_HOLD)
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, RuntimeError) as error:
        bad = is_bad_file(error)
        if not bad and not cannot(error):
            raise
        _leave(error, BAD_INPUT if bad else DOES_NOT_HOLD)


def _leave(error: Exception, status: int) -> None:
    lines = problems_of(error)
    for line in lines[:MAX_PROBLEMS]:
        typer.echo(line, err=True)
    if len(lines) > MAX_PROBLEMS:
        typer.echo(f"... and {len(lines) - MAX_PROBLEMS} more", err=True)
    sys.exit(status)


if __name__ == "__main__":
    run()
