"""How the command line speaks: one JSON document, plain lines, or a progress bar on a terminal.

Lives here: printing, exit statuses, the shape of an error. Must not know: what any command does.
Exit status: 0 done, 1 what was checked does not hold (or could not be done), 2 bad input.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import typer

DONE, DOES_NOT_HOLD, BAD_INPUT = 0, 1, 2
MAX_PROBLEMS = 20
PLAIN_STEPS = 10


def say(text: str) -> None:
    """Print a line for people."""
    typer.echo(text)


def say_json(document: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def tell(text: str) -> None:
    """Print a line about what is going on, on stderr."""
    typer.echo(text, err=True)


def refuse(problems: Sequence[Any], status: int = BAD_INPUT) -> NoReturn:
    """Say what is wrong, a line each, and leave with the status."""
    for problem in problems[:MAX_PROBLEMS]:
        typer.echo(str(problem), err=True)
    if len(problems) > MAX_PROBLEMS:
        typer.echo(f"... and {len(problems) - MAX_PROBLEMS} more", err=True)
    raise typer.Exit(status)


class Advance(Protocol):
    """Told how far a long piece of work has come."""

    def __call__(self, done: float) -> None:
        """Take note of how much is done."""
        ...


@contextmanager
def progress(title: str, total: float, unit: str, quiet: bool = False) -> Iterator[Advance]:
    """Show a progress bar on a terminal and a plain line for each tenth elsewhere, on stderr; nothing when quiet."""
    if quiet:
        yield lambda done: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield _plain_lines(title, total, unit)


def _plain_lines(title: str, total: float, unit: str) -> Advance:
    said = 0

    def advance(done: float) -> None:
        nonlocal said
        step = int(PLAIN_STEPS * done / total) if total else PLAIN_STEPS
        if step > said:
            said = step
            typer.echo(f"{title}: {done:g} of {total:g} {unit}", err=True)

    return advance
