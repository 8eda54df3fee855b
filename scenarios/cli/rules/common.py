"""What the commands under `cityops rules` share: their arguments, and which files a path stands for."""

from pathlib import Path
from typing import Annotated

import typer

from scenarios.cli.output import refuse

Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; none: the built-in rule pack.")]


def yaml_files(paths: list[Path], tests: bool) -> list[Path]:
    """Return the files of the paths; in a folder, rule files are those outside `tests`, and sidecars are left out."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            refuse([f"{path}:1:1: there is no such file; expected a rule file or a folder of them"])
        inside = sorted(p for p in path.rglob("*") if p.suffix in (".yml", ".yaml")) if path.is_dir() else [path]
        found += [p for p in inside if not path.is_dir() or _wanted(p.relative_to(path), tests)]
    return found


def _wanted(path: Path, tests: bool) -> bool:
    is_test = ".test." in path.name
    return is_test if tests else not (is_test or path.name.endswith(".truth.yaml") or "tests" in path.parts)
