"""Series in the notation of promtool's tests: `metric{a="b"} 1+2x3 _ stale`; knows no files and no store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ops_center.label_sets import NAME, Labels, labels_of
from ops_center.promql import ast
from ops_center.promql.durations import parse_number
from ops_center.promql.errors import PromQLError
from ops_center.promql.parser import parse
from ops_center.rules.yaml_nodes import short
from ops_center.series_blocks import FloatArray

MAX_POINTS = 1_000_000
MANY_ITEMS = 16
_NUMBER = r"[+-]?(?:(?i:inf(?:inity)?|nan)|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
_ITEM = re.compile(rf"({_NUMBER})(?:([+-])({_NUMBER}))?(?:x(\d+))?")
_GAP = re.compile(r"_(?:x(\d+))?")
_HISTOGRAM = re.compile(r"\{\{.*?\}\}")
_WRITTEN_OUT = re.compile(r"[-+.0-9\s_stale]*")  # no repetitions, no exponents
_KINDS = {"_": 0, "stale": 2}
_PAIR = r'[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"[^"\\\n]*"'
_PLAIN_SERIES = re.compile(rf"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{{\s*((?:{_PAIR}(?:\s*,\s*{_PAIR})*\s*,?)?)\s*\}})?\s*")
_NAMES = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(?=\s*=)")


class NotationError(ValueError):
    """The text is no series in promtool's notation."""


class HistogramNotation(NotationError):
    """The text holds a native histogram, which is out of scope."""


@dataclass(frozen=True, slots=True)
class Points:
    """Values one interval apart: `kind` is 0 for a gap, 1 for a value, 2 for a stale marker; shape (points,)."""

    values: FloatArray
    kinds: np.ndarray


def split_series(text: str) -> tuple[str, str]:
    """`metric{…} values` as its two parts."""
    quote, depth = "", 0
    for index, char in enumerate(text):
        if quote:
            if char == quote and text[index - 1] != "\\":
                quote = ""
        elif char in "\"'`":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char.isspace() and depth == 0:
            return text[:index], text[index:].strip()
    return text, ""


def parse_labels(text: str) -> Labels:
    """The label set of `metric{a="b"}`, `{a="b"}` or `{}`.

    Raises:
        NotationError: not a series.
    """
    parts = text.split('"')
    odd = len(parts) % 2 == 0 or "\\" in text or "\n" in text
    shape = None if odd else _shape(tuple(parts[::2]))
    if shape is None:
        return _any_labels(text)
    metric, places = shape
    parts[-1] = metric
    return tuple([(name, parts[place]) for name, place in places if parts[place]])  # an empty value is no label


@lru_cache(maxsize=1024)
def _shape(between: tuple[str, ...]) -> tuple[str, tuple[tuple[str, int], ...]] | None:
    """Of what stands around the values of labels: the metric, and the names in order with the place of the value of each.

    Nearly all series that are ever written are alike in this, many thousands at a time; a metric's place is the last. None
    where the whole grammar must say.
    """
    plain = _PLAIN_SERIES.fullmatch('"x"'.join(between))
    if plain is None:
        return None
    metric, inside = plain.groups()
    names = [*_NAMES.findall(inside or ""), *([NAME] if metric else [])]
    if len(set(names)) < len(names):
        return None
    places = [(name, 2 * number + 1) for number, name in enumerate(names)]
    if metric:
        places[-1] = (NAME, -1)
    return metric or "", tuple(sorted(places))


def _any_labels(text: str) -> Labels:
    try:
        selector = parse(text)
    except PromQLError as why:
        raise NotationError(f'bad series {short(text)!r}: {short(str(why), 200)}, expected e.g. up{{job="a"}}') from None
    if (
        not isinstance(selector, ast.Selector)
        or any(m.op != "=" for m in selector.matchers)
        or selector.has_offset
        or selector.at
    ):
        raise NotationError(f'bad series: saw {short(text)!r}, expected name{{label="value"}}')
    if len({m.name for m in selector.matchers}) < len(selector.matchers):
        raise NotationError(f"bad series: saw a label twice in {short(text)!r}, expected each once")
    return labels_of({m.name: m.value for m in selector.matchers})


def parse_values(text: str, multiplied: bool = False) -> Points:
    """The points of `1+2x3 _ _x2 stale`.

    promtool adds the step again and again; with `multiplied` the n-th value is start + n × step, as vmalert-tool has it.

    Raises:
        NotationError: not that notation, or over a million points.
        HistogramNotation: a native histogram.
    """
    if "{{" in text and _HISTOGRAM.search(text):
        raise HistogramNotation(f"native histograms are out of scope: saw {text[:40]!r}, expected floats")
    items = text.split()
    if len(items) > MAX_POINTS:
        raise NotationError(f"too many points: saw over {MAX_POINTS} in {text[:40]!r}, expected fewer")
    if len(items) > MANY_ITEMS and _WRITTEN_OUT.fullmatch(text) and (written := _written_out(text, items)) is not None:
        return written
    parts = [_expand(item, multiplied) for item in items]
    if len(parts) == 1:
        return parts[0]
    if sum(len(part.values) for part in parts) > MAX_POINTS:
        raise NotationError(f"too many points: saw over {MAX_POINTS} in {text[:40]!r}, expected fewer")
    if not parts:
        return Points(np.zeros(0), np.zeros(0, dtype=np.int8))
    return Points(np.concatenate([part.values for part in parts]), np.concatenate([part.kinds for part in parts]))


def _written_out(text: str, items: list[str]) -> Points | None:
    """Many values, each for itself, read at once; None where one of them is something else."""
    numbers = items
    kinds = np.ones(len(items), dtype=np.int8)
    if "_" in items or "stale" in items:
        kinds = np.array([_KINDS.get(item, 1) for item in items], dtype=np.int8)
        numbers = ["0" if item in _KINDS else item for item in items]
    if text.count("_") > items.count("_"):  # 1_000 is no number in this notation
        return None
    try:
        return Points(np.array(numbers, dtype=np.float64), kinds)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _expand(item: str, multiplied: bool) -> Points:
    """The points of one item; shared, so nobody may write into them."""
    kind, values = _item(item, multiplied)
    return Points(values, np.full(len(values), kind, dtype=np.int8))


def _item(item: str, multiplied: bool) -> tuple[int, FloatArray]:
    gap = _GAP.fullmatch(item)
    if gap:
        return 0, np.zeros(_count(gap.group(1), 1))
    if item == "stale":
        return 2, np.zeros(1)
    match = _ITEM.fullmatch(item)
    if match is None:
        raise NotationError(f"bad value: saw {short(item)!r}, expected e.g. 1, 1+2x3, 5x2, _ or stale")
    first, sign, step, times = match.groups()
    start = parse_number(first)
    if step is None and times is None:
        return 1, np.array([start])
    if times is None:
        raise NotationError(f"bad value: saw {short(item)!r}, expected a repeat count after x")
    delta = parse_number(step) * (-1 if sign == "-" else 1) if step else 0.0
    count = _count(times, 0) + 1
    if multiplied:
        return 1, start + delta * np.arange(count, dtype=np.float64)
    out = np.full(count, delta)
    out[0] = start
    return 1, np.asarray(np.add.accumulate(out)) if step else np.full(count, start)


def _count(text: str | None, default: int) -> int:
    count = int(text) if text and len(text) < 10 else default if not text else MAX_POINTS + 1
    if count > MAX_POINTS:
        raise NotationError(f"too many points: saw {short(text or '')}, expected at most {MAX_POINTS}")
    return count
