"""Go's fmt: values as `%v` shows them, and Sprintf with all its verbs, flags, widths and places; knows no templates.

Source: Go's package fmt, its documentation. Misuse is text as well: `%!d(string=a)`, `%!s(MISSING)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

MAX_WIDTH = 1000
_PLACE = r"(?:\[(?P<{0}>[^\]]*)\])?"
_VERB = re.compile(
    r"(?P<flags>[-+# 0]*)" + _PLACE.format("at_width") + r"(?P<width>\*|\d+)?"
    r"(?:(?P<dot>\.)" + _PLACE.format("at_precision") + r"(?P<precision>\*|\d+)?)?" + _PLACE.format("at") + r"(?P<letter>.)?",
    re.DOTALL,
)
_QUOTED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\"}


class Shown:
    """A value with a text and a type of its own in Go; `str()` of it is what `%v` prints."""

    __slots__ = ()
    go_type = "struct"


def go_float(value: float) -> str:
    """Go's %v of a float64: shortest digits, with an exponent below 1e-4 and from 1e6 on."""
    special = special_float(value)
    if special:
        return special
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = re.sub(r"[-.]", "", repr(value).split("e")[0]).strip("0") or "0"
    shown = f"{value:.{max(len(digits) - 1, 0)}e}"
    exponent = int(shown.split("e")[1])
    if exponent < -4 or exponent >= 6:
        return _exponent(shown)
    return f"{value:.{max(0, len(digits) - 1 - exponent)}f}"


def _exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{exponent[0]}{int(exponent[1:]):02d}"


def special_float(value: float) -> str:
    """NaN and the infinities as text, "" for numbers."""
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else ""


def show(value: Any, nothing: str = "<no value>") -> str:
    """Go's %v; `nothing` is what nil is in a template's output."""
    if value is None:
        return nothing
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{show(v, '<nil>')}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(show(v, "<nil>") for v in value) + "]"
    return str(value)


def sprint(args: Sequence[Any]) -> str:
    """Go's fmt.Sprint: a space between operands when neither is a string."""
    out = [show(a, "<nil>") for a in args[:1]]
    for before, after in pairwise(args):
        out.append(("" if isinstance(before, str) or isinstance(after, str) else " ") + show(after, "<nil>"))
    return "".join(out)


def type_name(value: Any) -> str:
    """Go's name of a value's type."""
    if isinstance(value, Shown):
        return value.go_type
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float64"), (str, "string")):
        if isinstance(value, kind):
            return name
    if value is None:
        return "<nil>"
    if isinstance(value, Mapping):
        return "map[string]string" if all(isinstance(v, str) for v in value.values()) else "map[string]interface {}"
    return "template.queryResult" if isinstance(value, list | tuple) else type(value).__name__


@dataclass(frozen=True, slots=True)
class _Way:
    """How one operand is to be written: flags, width and precision."""

    flags: str
    width: int = 0
    precision: int | None = None


def sprintf(template: str, args: Sequence[Any]) -> str:
    """Go's fmt.Sprintf."""
    return _Printer(template, args).all()


class _Printer:
    """One Sprintf: its place in the text, and which operand is next."""

    def __init__(self, template: str, args: Sequence[Any]) -> None:
        self.template, self.args = template, args
        self.next, self.reordered, self.good = 0, False, True

    def all(self) -> str:
        out, at = [], 0
        while (percent := self.template.find("%", at)) >= 0:
            out.append(self.template[at:percent])
            match = _VERB.match(self.template, percent + 1)
            assert match is not None  # every part of it may be missing
            out.append(self._verb(match))
            at = match.end()
        out.append(self.template[at:])
        rest = self.args[self.next :]
        if rest and not self.reordered:
            shown = ", ".join(type_name(a) if a is None else f"{type_name(a)}={show(a)}" for a in rest)
            out.append(f"%!(EXTRA {shown})")
        return "".join(out)

    def _verb(self, match: re.Match[str]) -> str:
        self.good = True
        width = self._number(match["at_width"], match["width"])
        precision = self._number(match["at_precision"], match["precision"]) if match["dot"] else None
        self._place(match["at"])
        letter = match["letter"]
        if letter is None:
            return "%!(NOVERB)"
        if letter == "%":
            return "%"
        if not self.good:
            return f"%!{letter}(BADINDEX)"
        if self.next >= len(self.args):
            return f"%!{letter}(MISSING)"
        value = self.args[self.next]
        self.next += 1
        flags, size = match["flags"], width or 0
        if size < 0:
            flags, size = flags + "-", -size
        digits = min(precision or 0, MAX_WIDTH) if match["dot"] and (precision or 0) >= 0 else None
        return written(letter, value, _Way(flags, min(size, MAX_WIDTH), digits))

    def _number(self, place: str | None, text: str | None) -> int | None:
        self._place(place)
        if text != "*":
            return int(text[:9]) if text else None
        value = self.args[self.next] if self.next < len(self.args) else None
        self.next += 1
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _place(self, text: str | None) -> None:
        if text is None:
            return
        self.reordered = True
        if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= len(self.args):
            self.next = int(text) - 1
        else:
            self.good = False


def written(letter: str, value: Any, way: _Way) -> str:
    """One operand by its verb."""
    if letter == "T":
        return _padded(type_name(value), replace(way, flags=way.flags.replace("0", "")))
    if value is None:
        return _padded("<nil>", way) if letter == "v" else f"%!{letter}(<nil>)"
    text: str | None
    if isinstance(value, bool):
        text = _padded(show(value), way) if letter in "tv" else None
    elif isinstance(value, Shown) and letter in "vs":
        text = _padded(str(value), way)
    elif isinstance(value, int):
        text = _integer(letter, value, way)
    elif isinstance(value, float):
        text = _float(letter, value, way)
    elif isinstance(value, str):
        text = _string(letter, value, way)
    else:
        text = _padded(show(value), way) if letter in "vs" else None
    if text is None:
        return f"%!{letter}({type_name(value)}={written('v', value, way)})"
    return text


def _padded(text: str, way: _Way) -> str:
    if "-" in way.flags:
        return text.ljust(way.width)
    return text.rjust(way.width, "0" if "0" in way.flags else " ")


def _signed(digits: str, negative: bool, way: _Way, zeros: bool = True) -> str:
    """A number with its sign, the zeros of its width between the two."""
    sign = "-" if negative else "+" if "+" in way.flags else " " if " " in way.flags else ""
    if "0" in way.flags and "-" not in way.flags and zeros:
        digits = digits.rjust(way.width - len(sign), "0")
    return _padded(sign + digits, replace(way, flags=way.flags.replace("0", "")))


_PREFIXES = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}


def _integer(letter: str, value: int, way: _Way) -> str | None:
    if letter in "vdboOxX":
        digits = format(abs(value), {"v": "d", "O": "o"}.get(letter, letter))
        if way.precision is not None:
            digits = "" if way.precision == 0 and value == 0 else digits.rjust(way.precision, "0")
        prefix = "0o" if letter == "O" else _PREFIXES.get(letter, "") if "#" in way.flags else ""
        return _signed(prefix + digits, value < 0, way, way.precision is None)
    if letter == "c":
        return _padded(_character(value), way)
    if letter == "q":
        text = _character(value)
        return _padded("'" + (text.replace("\\", "\\\\").replace("'", "\\'")) + "'", way)
    if letter == "U":
        return _padded(f"U+{value:04X}", replace(way, flags=way.flags.replace("0", "")))
    return None


def _character(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"


def _float(letter: str, value: float, way: _Way) -> str | None:
    if letter not in "vgGeEfFxX":
        return None
    special, digits = special_float(value), way.precision
    if special:
        plain = replace(way, flags=way.flags.replace("0", ""))
        return _signed(special.lstrip("+-"), special[0] == "-", plain) if special != "+Inf" else _padded("+Inf", plain)
    size = abs(value)
    if letter in "xX":
        text = _hexadecimal(size)
    elif letter in "vgG":
        text = go_float(size) if digits is None else f"{size:.{digits}g}"
    else:
        text = f"{size:.{6 if digits is None else digits}{letter.lower()}}"
    return _signed(text.upper() if letter in "GEX" else text, math.copysign(1, value) < 0, way)


def _hexadecimal(value: float) -> str:
    mantissa, power = value.hex().split("p")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{'.' if fraction else ''}{fraction}p{power[0]}{int(power[1:]):02d}"


def _string(letter: str, value: str, way: _Way) -> str | None:
    cut = value if way.precision is None else value[: way.precision]
    if letter in "vs":
        return _padded(quoted(cut) if letter == "v" and "#" in way.flags else cut, way)
    if letter == "q":
        return _padded(f"`{cut}`" if "#" in way.flags and "`" not in cut else quoted(cut), way)
    if letter in "xX":
        data = value.encode()[: way.precision]
        prefix = ("0" + letter) if "#" in way.flags and data else ""
        pairs = [format(byte, "02" + letter) for byte in data]
        return _padded(prefix + (" " + prefix if " " in way.flags else "").join(pairs), way)
    return None


def quoted(text: str) -> str:
    """Go's strconv.Quote."""

    def one(character: str) -> str:
        if character == '"':
            return '\\"'
        if character in _QUOTED:
            return _QUOTED[character]
        if character.isprintable():
            return character
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return '"' + "".join(map(one, text)) + '"'
