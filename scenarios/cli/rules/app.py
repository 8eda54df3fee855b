"""The commands of `cityops rules`, in the order of the help; each lives in a file of its name, loaded at its first use."""

import typer

from scenarios.cli.lazy import Place, lazy_group

TREE: dict[str, Place] = {  # command -> where it is in this folder
    "check": Place(
        "check", "check", "Look through rule files: what cannot be loaded, cannot be true, cannot match, or will hurt."
    ),
    "test": Place(
        "test", "run_tests", "Run rule tests: files of `promtool test rules` and of `vmalert-tool unittest`, unchanged."
    ),
    "score": Place(
        "score", "score", "Score rule files against the truth of simulated cities: detection, false alarms, time to detect, load."
    ),
    "sweep": Place(
        "sweep",
        "sweep",
        "Try an alert's thresholds, windows and `for` over simulated runs, each simulated once, and propose the best.",
    ),
    "compare": Place(
        "compare",
        "compare",
        "Compare two rule sets on the same runs: incident by incident, alarm by alarm, with intervals of the differences.",
    ),
    "mutate": Place(
        "mutate", "mutate", "Change one thing after the other in rules, and see whether their tests and scenarios notice."
    ),
    "breaker": Place(
        "breaker",
        "breaker",
        "Search for the smallest set of faults and incidents that a rule set misses or floods on, and save it as a scenario.",
    ),
    "backtest": Place(
        "backtest", "backtest", "Run rules over recorded data, and lay what they raise beside what is known to have happened."
    ),
    "why": Place(
        "why",
        "why",
        "Say why an alert fired, or did not: each part of its expression with its value, how long it held, what ended it.",
    ),
}
app = typer.Typer(
    cls=lazy_group("scenarios.cli.rules", TREE), no_args_is_help=True, help="Prove Prometheus rule files before they go live."
)


@app.callback()
def _rules() -> None:
    """Prove Prometheus rule files before they go live."""
