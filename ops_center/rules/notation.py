"""Series in the notation of promtool's tests: `metric{a="b"} 1+2x3 _ stale`; knows no files and no store."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ops_center.label_sets import Labels, labels_of
from ops_center.promql import ast
from ops_center.promql.durations import parse_number
from ops_center.promql.errors import PromQLError
from ops_center.promql.parser import parse
from ops_center.series_blocks import FloatArray

MAX_POINTS = 1_000_000
_NUMBER = r"[+-]?(?:(?i:inf(?:inity)?|nan)|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
_ITEM = re.compile(rf"({_NUMBER})(?:([+-])({_NUMBER}))?(?:x(\d+))?")
_HISTOGRAM = re.compile(r"\{\{.*?\}\}")


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
    if re.fullmatch(r"\s*\{\s*\}\s*", text) or not text.strip():
        return ()
    try:
        selector = parse(text)
    except PromQLError as why:
        raise NotationError(f'bad series {text!r}: {why}, expected e.g. up{{job="a"}}') from None
    if (
        not isinstance(selector, ast.Selector)
        or any(m.op != "=" for m in selector.matchers)
        or selector.has_offset
        or selector.at
    ):
        raise NotationError(f'bad series: saw {text!r}, expected name{{label="value"}}')
    return labels_of({m.name: m.value for m in selector.matchers})


def parse_values(text: str) -> Points:
    """The points of `1+2x3 _ _x2 stale`.

    Raises:
        NotationError: not that notation, or over a million points.
        HistogramNotation: a native histogram.
    """
    if _HISTOGRAM.search(text):
        raise HistogramNotation(f"native histograms are out of scope: saw {text[:40]!r}, expected floats")
    values: list[float] = []
    kinds: list[int] = []
    for item in text.split():
        kind, more = _expand(item)
        values.extend(more)
        kinds.extend([kind] * len(more))
        if len(values) > MAX_POINTS:
            raise NotationError(f"too many points: saw over {MAX_POINTS} in {text[:40]!r}, expected fewer")
    return Points(np.array(values, dtype=np.float64), np.array(kinds, dtype=np.int8))


def _expand(item: str) -> tuple[int, list[float]]:
    gap = re.fullmatch(r"_(?:x(\d+))?", item)
    if gap:
        return 0, [0.0] * _count(gap.group(1), 1)
    if item == "stale":
        return 2, [0.0]
    match = _ITEM.fullmatch(item)
    if match is None:
        raise NotationError(f"bad value: saw {item!r}, expected e.g. 1, 1+2x3, 5x2, _ or stale")
    first, sign, step, times = match.groups()
    start = parse_number(first)
    if step is None and times is None:
        return 1, [start]
    if times is None:
        raise NotationError(f"bad value: saw {item!r}, expected a repeat count after x")
    delta = parse_number(step) * (-1 if sign == "-" else 1) if step else 0.0
    out, value = [start], start
    for _ in range(_count(times, 0)):
        value += delta
        out.append(value)
    return 1, out


def _count(text: str | None, default: int) -> int:
    count = int(text) if text else default
    if count > MAX_POINTS:
        raise NotationError(f"too many points: saw {count}, expected at most {MAX_POINTS}")
    return count
