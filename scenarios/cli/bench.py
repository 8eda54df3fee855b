"""`cityops bench`: what is fast, what was asked, how its cost grows."""

from typing import Annotated, Any

import typer

from scenarios.bench import suite
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, progress, refuse, say, say_json


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which to run; none: all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only at x1.")] = False,
) -> None:
    """Measure speed: each benchmark at several sizes, mostly x1, x2 and x4, beside the figure asked of it.

    Example: cityops bench traffic rules --json
    """
    try:
        chosen = [suite.by_name(name) for name in names or []] or list(suite.BENCHES)
    except ValueError as error:
        refuse([error], BAD_INPUT)
    results: dict[str, Any] = {}
    with progress("bench", len(chosen), "benchmarks", quiet=as_json) as advance:
        for one in chosen:
            try:
                results.update(suite.run_suite([one.name], one_scale=quick))
            except RuntimeError as error:
                refuse([error], DOES_NOT_HOLD)
            advance(len(results))
    if as_json:
        say_json(results)
        return
    for name, result in results.items():
        _print(name, result)


def _print(name: str, result: dict[str, Any]) -> None:
    say(f"{name}: {result['title']}")
    for key, figure in result["figures"].items():
        mark = "holds" if figure["holds"] else "DOES NOT HOLD"
        say(f"  {key}: {_short(figure['measured'])}  asked {figure['asked']}  {mark}")
    for scale, figures in result["runs"].items():
        say(f"  {scale}: " + ", ".join(f"{key} {_short(value)}" for key, value in figures.items() if key != "engines"))
        for row in figures.get("engines", ()):
            say(f"    {_beside(row)}")
    for what in ("cost", "memory"):
        if (power := result[f"{what}_grows_with_size_to_the_power"]) is not None:
            say(f"  {what} grows with size to the power {power:g}")


def _short(value: Any) -> str:
    return f"{value:,.4g}".replace(",", " ") if isinstance(value, float) else str(value)


def _beside(row: dict[str, Any]) -> str:
    """One engine in a row: what it does a second, how many times as fast ours is, its memory."""
    if "absent" in row:
        return f"{row['engine']:<28} absent: {row['absent']}"
    cpu = row["per_cpu_s"]
    said = (
        f"{row['engine']:<28} {row['per_s'] / 1e6:>8.3g} M/s {(cpu or 0) / 1e6:>8.3g} M/s of a core {row['peak_rss_mb']:>6.0f} MB"
    )
    if "ratio" in row:
        said += f"  ours x{row['ratio']:.3g} by the clock"
        said += f", x{row['cpu_ratio']:.3g} by the processor" if "cpu_ratio" in row else ""
    return said + (f" (from {row['scaled_from']} series)" if "scaled_from" in row else "")
