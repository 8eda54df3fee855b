"""Options that several commands share, and the one place that turns exceptions into exit statuses.

Lives here: names of options, the data folder, which errors are bad input. Must not know: what any command does.
Modules of this room load what a command needs inside the command: `cityops demo` is looked at from its first second.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.units import BadDuration, parse_duration_ms

if TYPE_CHECKING:
    from ops_center.judge import RuleFile
    from ops_center.mapping import SeriesMapping

ScenarioArgument = Annotated[str, typer.Argument(help="A built-in scenario's name, or a scenario file.", metavar="SCENARIO")]
CityOption = Annotated[str | None, typer.Option("--city", help="Another city: a built-in name or a city file.")]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, help="The scenario's seed instead of the file's.")]
NoiseSeedOption = Annotated[
    int | None, typer.Option("--noise-seed", min=0, help="Noise seed of the devices; else from the seed.")
]
RulesOption = Annotated[
    list[Path] | None, typer.Option("--rules", help="Rule files or folders instead of the built-in pack; may be repeated.")
]
KindsOption = Annotated[list[Path] | None, typer.Option("--kinds", help="A folder of sensor kinds of your own; may be repeated.")]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", help="A file of metric names, labels and units that the series have besides theirs.")
]
AlertmanagerOption = Annotated[
    list[str] | None,
    typer.Option("--alertmanager", metavar="URL", help="Send alerts to an Alertmanager, as Prometheus does; may be repeated."),
]
DataOption = Annotated[Path | None, typer.Option("--data", help="The data folder (else $CITYOPS_DATA, else your data home).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def data_folder(given: Path | None) -> Path:
    """Return the data folder: the option, else $CITYOPS_DATA, else `cityops` in the user's data home."""
    if given is not None:
        return given
    if "CITYOPS_DATA" in os.environ:
        return Path(os.environ["CITYOPS_DATA"])
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "cityops"


def runs_folder(given: Path | None) -> Path:
    """Return the folder that holds the runs of a data folder."""
    return data_folder(given) / "runs"


def duration(text: str) -> int:
    """Return the milliseconds of an option such as `45 min`. Raises typer.BadParameter."""
    try:
        return parse_duration_ms(text)
    except BadDuration as error:
        raise typer.BadParameter(str(error)) from None


def pace(text: str) -> float:
    """Return the pace of an option such as `50` or `max` (0). Raises typer.BadParameter."""
    from scenarios.pace import parse_pace

    try:
        return parse_pace(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def is_bad_file(error: Exception) -> bool:
    """Whether an error says that a file or an argument cannot be used."""
    from ops_center.rules.files import RuleFilesError
    from ops_center.rules.yaml_nodes import FileError
    from scenarios.runs import BadExport
    from scenarios.yaml_tree import BadFile
    from sensors.kinds import BadKind
    from simulator.json_errors import CityError

    return isinstance(error, (BadFile, BadKind, CityError, RuleFilesError, FileError, BadDuration, BadExport))


def cannot(error: Exception) -> bool:
    """Whether an error says that something cannot be done, and why."""
    from ops_center.folder_lock import FolderInUse
    from ops_center.ports import CannotServe
    from scenarios.runs import RunError

    return isinstance(error, (RunError, FolderInUse, CannotServe))


def checked_rules(paths: Sequence[Path]) -> "tuple[RuleFile, ...]":
    """Return the rule files of the paths, or the built-in pack. Raises RuleFilesError that names each path as it was given."""
    from ops_center.judge import RuleFile
    from ops_center.rules.files import load_files, read_files
    from scenarios.rule_paths import rule_files

    texts = read_files(rule_files(paths))
    load_files(texts)
    return tuple(RuleFile(path, text) for path, text in texts.items())


def checked_alertmanagers(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return where alerts are sent. Raises typer.BadParameter."""
    from ops_center.notifier import checked_url

    try:
        return tuple(dict.fromkeys(checked_url(text) for text in given or ()))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def checked_mapping(path: Path | None) -> "SeriesMapping | None":
    """Return a mapping file. Raises an error that names it as it was given."""
    from ops_center.mapping import load_mapping
    from scenarios.rule_paths import mapping_text

    return next((load_mapping(text.decode(), str(path)) for text in mapping_text(path).values()), None)


def problems_of(error: Exception) -> list[str]:
    """Return the lines in which an error of bad input is said."""
    return str(error).splitlines() or [type(error).__name__]
