"""The functions that annotation templates may call, Prometheus' and Go's own, over Go's types; knows no syntax, no data, no I/O.

Lives here: each function, what it takes, and the values that templates can hold besides numbers, texts, lists and maps.
Source: Prometheus template/template.go, Go text/template/funcs.go. Numbers are int or float64, and the two do not compare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote_plus

from ops_center.label_sets import compile_regex
from ops_center.promql.durations import parse_duration_ms
from ops_center.promql.go_printf import Shown, go_float, quoted, show, sprint, sprintf, type_name
from ops_center.promql.humanize import (
    humanize,
    humanize1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    title,
)
from ops_center.promql.template_parser import TemplateError
from ops_center.relabel import expand

MAX_REPLACED = 1 << 22  # characters of a text × characters that may take the place of each
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample(Shown):
    """One result of `query`."""

    labels: Mapping[str, str]
    value: float

    def __str__(self) -> str:
        return f"{{{show(self.labels)} {show(self.value)}}}"


@dataclass(frozen=True, slots=True)
class Named(Shown):
    """A month or a day of the week: a number that prints as its name."""

    number: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Length(Shown):
    """A time.Duration."""

    seconds: float
    go_type = "time.Duration"

    def __str__(self) -> str:
        return _length(self.seconds)


def _length(seconds: float) -> str:
    size = abs(seconds)
    if size == 0:
        return "0s"
    sign = "-" if seconds < 0 else ""
    for scale, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if size * scale < 1000 and size < 1:
            return f"{sign}{go_float(round(size * scale, 6))}{unit}"
    whole = int(size)
    rest = go_float(round(size - whole + whole % 60, 9)) + "s"
    hours, minutes = whole // 3600, whole // 60 % 60
    return sign + (f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else "") + rest


_LAYOUT = re.compile(r"January|Jan|Monday|Mon|2006|MST|Z07:00|-07:00|-0700|\.0+|01|02|03|04|05|06|15|PM|_2|1|2|3|4|5")


@dataclass(frozen=True, slots=True)
class Moment(Shown):
    """A time.Time in UTC, to the millisecond."""

    at: datetime
    go_type = "time.Time"

    def __str__(self) -> str:
        fraction = f".{self.at.microsecond:06d}".rstrip("0") if self.at.microsecond else ""
        return f"{self.at:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"

    def call(self, method: str, args: tuple[Any, ...]) -> Any:
        """What a method of it gives. Raises TemplateError for one that is not known here."""
        at = self.at
        if method == "Format" and len(args) == 1 and isinstance(args[0], str):
            return _LAYOUT.sub(lambda token: self._token(token.group()), args[0])
        known: dict[str, Callable[[], Any]] = {
            "Year": lambda: at.year,
            "Month": lambda: Named(at.month, f"{at:%B}"),
            "Day": lambda: at.day,
            "Hour": lambda: at.hour,
            "Minute": lambda: at.minute,
            "Second": lambda: at.second,
            "Nanosecond": lambda: at.microsecond * 1000,
            "Weekday": lambda: Named(at.isoweekday() % 7, f"{at:%A}"),
            "YearDay": lambda: at.timetuple().tm_yday,
            "Unix": lambda: (at - _EPOCH) // timedelta(seconds=1),
            "UnixMilli": lambda: (at - _EPOCH) // timedelta(milliseconds=1),
            "String": lambda: str(self),
            "UTC": lambda: self,
        }
        if method not in known or args:
            raise TemplateError(f"can't evaluate field {method} in type *time.Time")
        return known[method]()

    def _token(self, token: str) -> str:
        at = self.at
        if token[0] == ".":
            return f".{at.microsecond * 1000:09d}"[: len(token)]
        plain = {"1": at.month, "2": at.day, "3": at.hour % 12 or 12, "4": at.minute, "5": at.second, "_2": f"{at.day:2d}"}
        if token in plain:
            return str(plain[token])
        codes = {"2006": "%Y", "06": "%y", "01": "%m", "02": "%d", "15": "%H", "03": "%I", "04": "%M", "05": "%S", "PM": "%p"}
        codes |= {"January": "%B", "Jan": "%b", "Monday": "%A", "Mon": "%a"}
        zones = {"MST": "UTC", "Z07:00": "Z", "-07:00": "+00:00", "-0700": "+0000"}
        return zones.get(token) or f"{at:{codes[token]}}"


def number_of(value: Any) -> float:
    """A value as float64. Raises TemplateError where Prometheus does not convert it."""
    if isinstance(value, Length):
        return value.seconds
    if isinstance(value, str):
        try:
            return float(value if value == value.strip() and "_" not in value else "")
        except ValueError:
            raise TemplateError(f"strconv.ParseFloat: parsing {quoted(value)}: invalid syntax") from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TemplateError(f"can't convert {type_name(value)} to float")


def moment(value: Any) -> Moment:
    """Epoch seconds as a time."""
    seconds = number_of(value)
    if seconds != seconds or abs(seconds) == float("inf"):
        raise TemplateError("value is NaN or Inf")
    if abs(seconds) * 1e9 >= 2**63:
        raise TemplateError(f"{go_float(seconds)} cannot be represented as a nanoseconds timestamp since it overflows int64")
    return Moment(_EPOCH + timedelta(milliseconds=int(seconds * 1e9) // 1_000_000))


def _first(samples: Any) -> Any:
    if not samples:
        raise TemplateError("first() called on vector with no elements")
    return samples[0]


def _kind(value: Any) -> str:
    if isinstance(value, Named):
        return "int"
    return type_name(value)


def _compared(op: Callable[[Any, Any], bool], ordered: bool) -> Callable[[Any, Any], bool]:
    def run(a: Any, b: Any) -> bool:
        if _kind(a) != _kind(b):
            raise TemplateError("incompatible types for comparison")
        if ordered and _kind(a) not in ("int", "float64", "string"):
            raise TemplateError("invalid type for comparison")
        a, b = (x.number if isinstance(x, Named) else x for x in (a, b))
        return op(a, b)

    return run


_same = _compared(lambda a, b: bool(a == b), ordered=False)


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateError("missing argument for comparison")
    return any(_same(first, other) for other in others)


def _index(item: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(item, Mapping):
            item = item.get(key, "")
        elif isinstance(item, list | str) and isinstance(key, int) and not isinstance(key, bool):
            parts = item.encode() if isinstance(item, str) else item
            if not 0 <= key < len(parts):
                raise TemplateError(f"index out of range: {key}")
            item = parts[key]
        else:
            raise TemplateError(f"can't index item of type {type_name(item)} with {show(key)}")
    return item


def _slice(item: Any, *bounds: Any) -> Any:
    if not isinstance(item, list | str):
        raise TemplateError(f"can't slice item of type {type_name(item)}")
    parts = item.encode() if isinstance(item, str) else item
    if len(bounds) > 2:
        raise TemplateError("cannot 3-index slice a string")
    for bound in bounds:
        if not isinstance(bound, int) or isinstance(bound, bool) or not 0 <= bound <= len(parts):
            raise TemplateError(f"index out of range: {show(bound)}")
    low = bounds[0] if bounds else 0
    high = bounds[1] if len(bounds) > 1 else len(parts)
    if low > high:
        raise TemplateError(f"invalid slice index: {low} > {high}")
    found = parts[low:high]
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found


def _length_of(item: Any) -> int:
    if isinstance(item, str):
        return len(item.encode())
    if isinstance(item, list | Mapping):
        return len(item)
    raise TemplateError(f"len of type {type_name(item)}")


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    if (len(text) + 1) * (len(replacement) + 1) > MAX_REPLACED:
        raise TemplateError(f"reReplaceAll: too much to replace: saw {len(text)} characters, each by up to {len(replacement)}")
    return str(compile_regex(pattern).sub(lambda match: expand(replacement, match), text))


def host_and_port(text: str) -> tuple[str, str] | None:
    """A host and its port as Go's net.SplitHostPort parts them; None where there is no port, or too many colons."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or "[" in port:
        return None
    if host.startswith("["):
        return (host[1:-1], port) if host.endswith("]") and host.count("[") == host.count("]") == 1 else None
    return None if ":" in host or "[" in host or "]" in host else (host, port)


def _strip_port(text: str) -> str:
    parts = host_and_port(text)
    return text if parts is None else parts[0]


def _strip_domain(text: str) -> str:
    host, port = host_and_port(text) or (text, "")
    try:
        ip_address(host)
        return text
    except ValueError:
        return host.split(".", 1)[0] + (f":{port}" if port else "")


def _joined(args: tuple[Any, ...]) -> str:
    return args[0] if len(args) == 1 and isinstance(args[0], str) else sprint(args)


_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\x00": "\ufffd"})
_SCRIPT = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def _script(text: str) -> str:
    plain = (c if c.isprintable() else f"\\u{ord(c):04X}" for c in text)
    return "".join(_SCRIPT.get(c, c) for c in plain)


def link(expression: str, tab: int) -> str:
    """Where Prometheus' own page shows an expression: tab 0 is the graph, 1 the table."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab={tab}"


def _lines(args: tuple[Any, ...]) -> str:
    return " ".join(show(x, "<nil>") for x in args) + "\n"


def truth(value: Any) -> bool:
    """Go's truth: false, 0, nil and empty are not."""
    return bool(value.number) if isinstance(value, Named) else bool(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"wrong type for value; expected string; got {type_name(value)}")
    return value


def _texts(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of texts; it refuses anything else, as Go does."""
    return lambda *args: function(*map(_text, args))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "humanize": lambda v: humanize(number_of(v)),
    "humanize1024": lambda v: humanize1024(number_of(v)),
    "humanizeDuration": lambda v: humanize_duration(number_of(v)),
    "humanizePercentage": lambda v: humanize_percentage(number_of(v)),
    "humanizeTimestamp": lambda v: humanize_timestamp(number_of(v)),
    "toTime": moment,
    "toDuration": lambda v: Length(number_of(v)),
    "printf": lambda f, *a: sprintf(_text(f), a),
    "print": lambda *a: sprint(a),
    "println": lambda *a: _lines(a),
    "title": _texts(title),
    "toUpper": _texts(str.upper),
    "toLower": _texts(str.lower),
    "first": _first,
    "value": lambda s: s.value,
    "label": lambda name, s: s.labels.get(name, ""),
    "strvalue": lambda s: s.labels.get("__value__", ""),
    "sortByLabel": lambda name, ss: sorted(ss, key=lambda s: s.labels.get(name, "")),
    "match": _texts(lambda pattern, text: compile_regex(pattern).search(text) is not None),
    "reReplaceAll": _texts(_replace_all),
    "stripPort": _texts(_strip_port),
    "stripDomain": _texts(_strip_domain),
    "args": lambda *values: {f"arg{number}": value for number, value in enumerate(values)},
    "graphLink": _texts(lambda expression: link(expression, 0)),
    "tableLink": _texts(lambda expression: link(expression, 1)),
    "safeHtml": _texts(lambda s: s),
    "urlQueryEscape": _texts(quote_plus),
    "html": lambda *a: _joined(a).translate(_HTML),
    "js": lambda *a: _script(_joined(a)),
    "urlquery": lambda *a: quote_plus(_joined(a)),
    "parseDuration": _texts(lambda s: parse_duration_ms(s) / 1000),
    "len": _length_of,
    "index": _index,
    "slice": _slice,
    "not": lambda v: not truth(v),
    "and": lambda *a: next((x for x in a if not truth(x)), a[-1]),
    "or": lambda *a: next((x for x in a if truth(x)), a[-1]),
    "eq": _equal,
    "ne": lambda a, b: not _same(a, b),
    "lt": _compared(lambda a, b: bool(a < b), ordered=True),
    "le": _compared(lambda a, b: bool(a <= b), ordered=True),
    "gt": _compared(lambda a, b: bool(a > b), ordered=True),
    "ge": _compared(lambda a, b: bool(a >= b), ordered=True),
}
OF_THE_RUN = frozenset({"query", "externalURL", "pathPrefix", "now"})  # what the alert's surroundings answer
