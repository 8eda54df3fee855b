"""The commands of `cityops rules`, in the order of the help; each lives in a file of its name."""

import typer

from scenarios.cli.rules.check import check
from scenarios.cli.rules.test import run_tests
from scenarios.cli.rules.why import why

app = typer.Typer(no_args_is_help=True, help="Prove Prometheus rule files before they go live.")
app.command("check")(check)
app.command("test")(run_tests)
app.command("why")(why)
