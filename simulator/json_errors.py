"""Bad input said well: file, line, column, what, what was seen, what was expected.

Lives here: the error of everything that reads cities, and the way from a decoder's complaint to a place in the text.
Must not know: what a city is.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from simulator.city_rules import Path as Place
from simulator.city_rules import Problem
from simulator.json_positions import find, line_column

T = TypeVar("T")

_BYTE = re.compile(r"\(byte (\d+)\)")
_AT = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([A-Za-z_0-9]+)|\[(\d+|\.\.\.)\]")
_FIELD = re.compile(r"field `([^`]+)`")
_EXPECTED = re.compile(r"Expected (.+), got (.+)")


class CityError(ValueError):
    """A file that is no city, or a city that does not add up; `problems` says where, in the order of the file's tables."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        """Hold the problems of `source`."""
        self.source, self.problems = source, list(problems)
        super().__init__("\n".join(f"{source}:{problem}" for problem in problems))


def read_file(path: Path, most_bytes: int, known: Sequence[str] = ()) -> bytes:
    """Return the bytes of a file, without a byte order mark. Raises `CityError` if unreadable or larger than `most_bytes`."""
    names = f" or one of {', '.join(known)}" if known else ""
    try:
        size = path.stat().st_size
        if size > most_bytes:
            limit = f"at most {most_bytes // 2**20} MiB"
            raise CityError(str(path), [Problem((), "the file is too large for a city", f"{size} bytes", limit, 1, 1)])
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        seen = error.strerror or type(error).__name__
        raise CityError(str(path), [Problem((), "the file cannot be read", seen, f"a readable file{names}", 1, 1)]) from error


def decoded(source: str, data: bytes, shape: type[T]) -> T:
    """Return JSON bytes as a struct. Raises `CityError` with the place of what is wrong."""
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise CityError(source, placed(data, [_shape_problem(data, shape, str(error))])) from error
    except msgspec.DecodeError as error:
        raise CityError(source, [_syntax_problem(data, str(error))]) from error
    except RecursionError as error:
        raise CityError(
            source, [Problem((), "the text is nested too deeply", "a tower of brackets", "6 levels", 1, 1)]
        ) from error
    except UnicodeDecodeError as error:
        line, column = line_column(data, _first_bad_byte(data))
        raise CityError(source, [Problem((), "the text is not UTF-8", str(error.reason), "UTF-8", line, column)]) from error


def _first_bad_byte(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _syntax_problem(data: bytes, message: str) -> Problem:
    match = _BYTE.search(message)
    offset = min(int(match.group(1)), len(data)) if match else len(data)
    line, column = line_column(data, offset)
    seen = repr(data[offset : offset + 12].decode("utf-8", "replace")) if offset < len(data) else "the end of the text"
    return Problem((), f"the text is not JSON ({_BYTE.sub('', message).strip()})", seen, "a JSON value", line, column)


def _shape_problem(data: bytes, shape: Any, message: str) -> Problem:
    match = _AT.search(message)
    path = _steps(data, shape, match.group(1)) if match else ()
    text = _AT.sub("", message)
    field, shape = _FIELD.search(text), _EXPECTED.search(text)
    if field and "unknown" in text:
        return Problem((*path, field.group(1)), "an unknown key", repr(field.group(1)), "only keys of the city format")
    if field:
        return Problem(path, f"{_dotted(path)} lacks a key", "nothing", repr(field.group(1)))
    if shape:
        return Problem(path, f"{_dotted(path)} has a wrong shape", shape.group(2), shape.group(1))
    complaint, _, limit = text.partition("Expected ")
    what = f"does not fit ({complaint})" if complaint else "is out of bounds"
    return Problem(path, f"{_dotted(path)} {what}", "this value", limit or "the city format")


def _steps(data: bytes, shape: Any, text: str) -> Place:
    """Return the path of an error; where msgspec says `[...]` (keys of a dict), look for the first item that does not fit."""
    steps = _STEP.findall(text)
    if "[...]" not in text:
        return tuple(name or int(number) for name, number in steps)
    value, path = msgspec.json.decode(data), list[str | int]()
    for name, number in steps:
        step = name or (_misfit(value, shape) if number == "..." else int(number))
        shape = get_type_hints(shape)[name] if name else get_args(shape)[-1]
        value = value[step]
        path.append(step)
    return tuple(path)


def _misfit(value: dict[str, Any], shape: Any) -> str:
    """Return the key of the first item of a dict that is not of the shape's item type."""
    for key, item in value.items():
        try:
            msgspec.convert(item, get_args(shape)[-1])
        except msgspec.ValidationError:
            return key
    return next(iter(value))


def _dotted(path: Place) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".") or "the city"


def placed(data: bytes, problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems with line and column; a path that is not in the text stands where its parent stands."""
    wanted = {problem.path[:n] for problem in problems for n in range(len(problem.path) + 1)}
    offsets = find(data, wanted)
    out = list[Problem]()
    for problem in problems:
        known = next(n for n in range(len(problem.path), -1, -1) if problem.path[:n] in offsets)
        line, column = line_column(data, offsets[problem.path[:known]])
        out.append(replace(problem, line=line, column=column))
    return out
