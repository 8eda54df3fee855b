"""The pages of the reference that follow from the code: commands with options, injects with parameters, what is left to chance.

Lives here: walking the tree of commands, Markdown. Must not know: what any command, inject or draw does.
Written by `python -m scenarios.cli.reference`; a test compares docs/reference with what it would write.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from scenarios.cli.main import app
from simulator.distributions import Distribution, Law, gather
from simulator.inject_catalogue import INJECTS
from simulator.injects import PLACES, Inject, Parameter

DOCS = Path(__file__).parents[2] / "docs" / "reference"
_EXAMPLE = re.compile(r"^Example: (cityops .+)$", re.MULTILINE)
_WRITTEN = "<!-- Written by `python -m scenarios.cli.reference`; edit the texts in the code. -->\n"
_COMMANDS = """\
# Command line

Every command explains itself: `cityops --help`, `cityops run --help`. `cityops --version` says the release.

- **Exit status**: 0 done; 1 what was checked does not hold, or it could not be done (a port in use, a folder that cannot be
  written); 2 bad input, said on stderr as `file:line:column: what, what was seen, what was expected`; 130 ended by Ctrl+C.
- **Output**: results on stdout, everything else on stderr. With `--json` stdout holds one JSON document; digests of a run are in
  it under `digest.world` and `digest.judgement`. Long work shows a bar on a terminal and plain lines elsewhere, on stderr.
- **Data folder**: `--data`, else `$CITYOPS_DATA`, else `cityops` in your data home. One process at a time writes in it.
- **Times** are written `90 s`, `45 min`, `2h`, `1h30m`; T+0 is the end of the scenario's warm-up.
"""
_INJECTS = """\
# Injects

What a scenario's timeline or an instructor can make happen. Each begins an event of the ground truth, against which alerts are
judged. Parameters that are left out take their default; a place without one is chosen by the run's seed.
How to write them: [scenario format](scenario-format.md).
"""
_CHANCE = """\
# What is left to chance

Every random choice of the city, of its devices and of the scenarios: what is drawn, from which distribution, in which unit,
where that is from, and the module that draws it. A draw is a pure function of the seed, the names of its stream and the time
([decision 6](../adr/0006-keyed-streams.md)); a name in braces is filled in with each draw. Nothing else is random: streams take
only what is described here.

| stream | what is drawn | distribution | from | drawn by |
|---|---|---|---|---|"""
ROOMS = ("simulator", "sensors", "scenarios")


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, by its words, in the order of the help, as Click knows it."""
    yield from _below((), get_command(app))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = command.context_class(command, info_name="cityops")
    for name in command.list_commands(context):
        yield from _below((*words, name), command.get_command(context, name))


def render() -> str:
    """Return the page of the command line."""
    found = list(commands())
    index = ", ".join(f"[`{' '.join(words)}`](#cityops-{'-'.join(words)})" for words, _ in found)
    return "\n".join([_WRITTEN, _COMMANDS, f"Commands: {index}.\n", *(_command(words, command) for words, command in found)])


def _command(words: tuple[str, ...], command: Any) -> str:
    example = _EXAMPLE.search(command.help)
    text = " ".join(_EXAMPLE.sub("", command.help).split())
    shown = [p for p in command.params if not p.hidden and p.name != "help"]
    options = [p for p in shown if p.param_type_name == "option"]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    usage = " ".join(["cityops", *words, *(["[OPTIONS]"] if options else []), *map(_usage, arguments)])
    rows = [f"| `{_metavar(p)}` | {_cell(p.help)} | {_default(p)} |" for p in arguments]
    rows += [f"| `{', '.join(p.opts)}` | {_cell(p.help)} | {_default(p)} |" for p in options]
    head = ["", "| | | default |", "|---|---|---|"] if rows else []
    shown_example = ["", f"Example: `{example[1]}`"] if example else []
    return "\n".join([f"## cityops {' '.join(words)}", "", text, "", f"    {usage}", *head, *rows, *shown_example, ""])


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper()).strip("{}[]")


def _usage(parameter: Any) -> str:
    name = _metavar(parameter) + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default in (None, False, "", ()):
        return ""
    return f"`{parameter.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def render_injects() -> str:
    """Return the page of the injects."""
    return "\n".join([_WRITTEN, _INJECTS, *map(_inject, INJECTS.values())])


def _inject(inject: Inject) -> str:
    lines = [f"## {inject.name}", "", f"{inject.title.en} / {inject.title.vi}. Truth: `{inject.truth_kind}`.", ""]
    if inject.parameters:
        lines += ["| parameter | kind | range | default | |", "|---|---|---|---|---|"]
        lines += [_parameter(name, parameter) for name, parameter in inject.parameters.items()]
        lines += [""]
    return "\n".join(lines)


def _parameter(name: str, parameter: Parameter) -> str:
    kind = parameter.kind + (f" [{parameter.unit}]" if parameter.unit else "")
    bounds = ", ".join(f"`{c}`" for c in parameter.choices)
    if parameter.minimum is not None or parameter.maximum is not None:
        bounds = f"{_bound(parameter.minimum)} to {_bound(parameter.maximum)}"
    default = f"`{parameter.default}`"
    if parameter.default is None:
        default = "chosen by the seed" if parameter.kind in PLACES else "none"
    said = " / ".join(text for text in (parameter.help.en, parameter.help.vi) if text)
    return f"| `{name}` | {kind} | {bounds} | {default} | {_cell(said)} |"


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def render_distributions() -> str:
    """Return the page of the distributions."""
    return "\n".join([_WRITTEN, _CHANCE, *(_choice(choice, users) for choice, users in gather(ROOMS)), ""])


def _choice(choice: Distribution[Law], users: list[str]) -> str:
    cells = (f"`{choice.stream}`", choice.what, choice.law.says(choice.unit), choice.source, ", ".join(f"`{u}`" for u in users))
    return f"| {' | '.join(map(_cell, cells))} |"


PAGES = {"command-line.md": render, "injects.md": render_injects, "distributions.md": render_distributions}


def write(folder: Path = DOCS) -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
