"""The command line in this process: arguments in; status, stdout and stderr out. A traceback fails the test as it is."""

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.cli import main

SHORT = str(Path(__file__).with_name("short_blackout.yaml"))


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; anything beside it is an error."""
        return json.loads(self.out)


def cityops(*arguments: object) -> Said:
    """Run the command line as the script does; only SystemExit may come out of it."""
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    status: object = 0
    sys.argv = ["cityops", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main.run()
    except SystemExit as ending:
        status = ending.code or 0
    finally:
        sys.argv = argv
    assert isinstance(status, int), status
    return Said(status, out.getvalue(), err.getvalue())
