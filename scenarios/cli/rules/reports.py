"""What the commands that write a report share: `--html FILE` and the language in which it opens.

Lives here: the options, and writing one file. Must not know: what is in it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli.output import refuse

LANGS = ("vi", "en")
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write it as one page, with plots, to this file.")]
LangOption = Annotated[str, typer.Option("--lang", help="The language in which the page opens, vi or en; both are in it.")]


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
