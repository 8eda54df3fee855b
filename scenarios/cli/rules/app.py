"""The commands of `cityops rules`, in the order of the help; each lives in a file of its name, loaded at its first use."""

import typer

from scenarios.cli.lazy import lazy_group

TREE: dict[str, tuple[str, str]] = {  # command -> its module, and the function in it
    "check": ("check", "check"),
    "test": ("test", "run_tests"),
    "score": ("score", "score"),
    "sweep": ("sweep", "sweep"),
    "compare": ("compare", "compare"),
    "mutate": ("mutate", "mutate"),
    "breaker": ("breaker", "breaker"),
    "backtest": ("backtest", "backtest"),
    "why": ("why", "why"),
}
app = typer.Typer(
    cls=lazy_group("scenarios.cli.rules", TREE), no_args_is_help=True, help="Prove Prometheus rule files before they go live."
)


@app.callback()
def _rules() -> None:
    """Prove Prometheus rule files before they go live."""
