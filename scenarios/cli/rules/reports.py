"""What the commands that write a report share: `--html FILE`, the language in which it opens, `--into RUN`.

Lives here: the options, and writing one file. Must not know: what is in it.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios import runs
from scenarios.cli.common import runs_folder
from scenarios.cli.output import refuse

LANGS = ("vi", "en")
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write it as one page, with plots, to this file.")]
LangOption = Annotated[str, typer.Option("--lang", help="The language in which the page opens, vi or en; both are in it.")]

IntoOption = Annotated[
    str | None,
    typer.Option("--into", metavar="RUN", help="Put it among this run's documents: its exercise's rule lab offers them by name."),
]


def check_lang(lang: str) -> None:
    """Refuse a language that there is not, before anything long begins."""
    if lang not in LANGS:
        raise typer.BadParameter(f"{lang!r}; expected vi or en", param_hint="--lang")


def write_html(path: Path | None, as_html: Callable[[dict[str, Any], str], str], document: dict[str, Any], lang: str) -> None:
    """Write a document as a page, if a file is given for it."""
    if path is None:
        return
    try:
        path.write_text(as_html(document, lang), encoding="utf-8")
    except OSError as error:
        refuse([f"{path}:1:1: cannot be written: {error.strerror}"])


def documents_of(run: str | None, data: Path | None) -> Path | None:
    """Return where the documents of a run lie, before anything long begins. Raises RunError where there is no such run."""
    return None if run is None else runs.get(runs_folder(data), run).documents


def put_into(folder: Path | None, name: str, document: dict[str, Any]) -> None:
    """Write a document where a run's documents lie, if that is asked for; one of the same name is replaced."""
    if folder is None:
        return
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)}.json"
    try:
        folder.mkdir(exist_ok=True)
        path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    except OSError as error:
        refuse([f"{path}:1:1: cannot be written: {error.strerror}"])
