"""What people do in a headless run, written down beforehand: a file of JSON lines.

Lives here: lines to commands, every error with its line. Must not know: whether a command is possible when its time comes (one
that is not changes nothing, as on the wire).

    {"at": "5 min", "do": "acknowledge", "target": "INC-00001", "who": "An"}
    {"at": "7 min", "do": "feeder_reclose", "kind": "feeder", "target": "feeder:01_1", "incident": "INC-00001"}
"""

import json
from pathlib import Path
from typing import Any, NoReturn

from ops_center.events import JudgementCommand
from ops_center.people import TYPES
from scenarios.units import BadDuration, parse_duration_ms
from scenarios.yaml_tree import MAX_BYTES, BadFile, Problem

KEYS = ("at", "do", "target", "kind", "who", "incident", "params")


def read_script(path: Path, warm_up_ms: int) -> list[JudgementCommand]:
    """Return the commands of a script in order of time; `at` counts from T+0. Raises BadFile with all problems found.

    `do` is what a person does to an incident (`ops_center.people.TYPES`), or a command to the city, which also needs `kind`.
    """
    problems: list[Problem] = []
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, text in enumerate(_lines(path), 1):
        try:
            if text.strip():
                rows.append(_row(text, path, number))
        except BadFile as bad:
            problems += bad.problems
    if problems:
        raise BadFile(problems)
    rows.sort(key=lambda row: row[0])
    return [_command(seq, warm_up_ms + at_ms, row) for seq, (at_ms, row) in enumerate(rows, 1)]


def _lines(path: Path) -> list[str]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadFile([Problem(str(path), 1, 1, f"the file has {size} bytes; expected at most {MAX_BYTES}")])
        return path.read_bytes().decode("utf-8-sig").splitlines()
    except OSError as error:
        said = f"the file cannot be read ({error.strerror}); expected a file of JSON lines"
        raise BadFile([Problem(str(path), 1, 1, said)]) from None
    except UnicodeDecodeError:
        raise BadFile([Problem(str(path), 1, 1, "the file is not UTF-8; expected a file of JSON lines")]) from None


def _row(text: str, path: Path, number: int) -> tuple[int, dict[str, Any]]:
    """Return when, and the object of a line. Raises BadFile."""
    try:
        row = _object(text)
        if unknown := [key for key in row if key not in KEYS]:
            raise _Wrong(f"unknown key {unknown[0]!r}; expected one of {', '.join(KEYS)}", text.find(json.dumps(unknown[0])) + 1)
        _check(row)
        return parse_duration_ms(row["at"]), row
    except _Wrong as wrong:
        raise BadFile([Problem(str(path), number, max(wrong.column, 1), str(wrong))]) from None
    except BadDuration as error:
        raise BadFile([Problem(str(path), number, max(text.find('"at"'), 0) + 1, f"at: {error}")]) from None


class _Wrong(Exception):
    def __init__(self, said: str, column: int = 1) -> None:
        super().__init__(said)
        self.column = column


def _object(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text, parse_constant=lambda word: _refuse(f"{word} is not a finite number"))
    except json.JSONDecodeError as error:
        raise _Wrong(f"this is not JSON: {error.msg}; expected one object a line", error.colno) from None
    except RecursionError:
        raise _Wrong("this is nested too deeply; expected one object a line") from None
    if not isinstance(row, dict):
        raise _Wrong(f"a {type(row).__name__}; expected an object with at, do and target")
    return row


def _check(row: dict[str, Any]) -> None:
    for key in ("at", "do", "target"):
        if not isinstance(row.get(key), str):
            raise _Wrong(f"{key} is {row.get(key)!r}; expected text")
    if row["do"] not in TYPES and not isinstance(row.get("kind"), str):
        known = ", ".join(TYPES)
        raise _Wrong(f"do is {row['do']!r}; expected one of {known}, or a command to the city with the kind of its target")
    if not isinstance(row.get("params", {}), dict):
        raise _Wrong(f"params is {row['params']!r}; expected an object")


def _refuse(said: str) -> NoReturn:
    raise _Wrong(said)


def _command(seq: int, at_ms: int, row: dict[str, Any]) -> JudgementCommand:
    do, target, params = row["do"], row["target"], row.get("params", {})
    if do not in TYPES:
        params = {"type": do, "target": {"kind": row["kind"], "id": target}, "params": params}
        params |= {"incident_id": row["incident"]} if "incident" in row else {}
        do = "world"
    return JudgementCommand(f"script-{seq}", do, target, at_ms, seq, str(row.get("who", "script")), params)
