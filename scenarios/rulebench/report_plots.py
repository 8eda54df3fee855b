"""Plots of the reports as inline SVG, made by us: dots with intervals, bars, a distribution, points with their front.

Lives here: axes, marks, geometry. Must not know: what any figure means. Colours are those of the page, so that they turn with it
on paper; no mark differs from another by colour alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from scenarios.rulebench.report_page import Text, number, say

WIDTH = 880
LEFT, RIGHT = 250, 110
ROW = 24
FLOOR, PLANE_LEFT = 300, 70  # of a plane
LINES = (("mark", "none"), ("warn", "none"), ("good", "none"), ("bad", "none"),
         ("mark", "6 4"), ("warn", "6 4"), ("good", "6 4"), ("bad", "6 4"))  # fmt: skip
COLOURS = {"mark": "var(--mark)", "bad": "var(--bad)", "warn": "var(--warn)", "good": "var(--good)", "even": "var(--even)"}


@dataclass(frozen=True, slots=True)
class Dot:
    """A figure with its interval; None where there is none."""

    label: Text | str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of parts (colour, size), with the interval of its whole."""

    label: Text | str
    parts: tuple[tuple[str, float], ...]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a plane, what it is called, and how it is drawn: `o` dot, `d` diamond, `x` cross."""

    x: float
    y: float
    title: Text | str
    shape: str = "o"
    colour: str = "even"


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, by x, and what it is called."""

    label: str
    points: tuple[tuple[float, float], ...]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers that lie in a range, about so many."""
    if not math.isfinite(high - low) or high <= low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def dots(rows: Sequence[Dot], axis: Text, unit: str = "", high: float | None = None) -> str:
    """Return figures below each other with their intervals, on one axis from 0."""
    rows = [row for row in rows if row.value is not None]
    if not rows:
        return ""
    top = high or _upper([x for row in rows for x in (row.value, row.high)])
    scale = _across(top)
    parts = []
    for i, row in enumerate(rows):
        y = ROW * i + 14
        assert row.value is not None
        parts.append(_label(row.label, y))
        if row.low is not None and row.high is not None:
            parts.append(_line(scale(row.low), y, scale(row.high), y, "mark", 2))
            parts += [_line(scale(x), y - 4, scale(x), y + 4, "mark", 2) for x in (row.low, row.high)]
        parts.append(f'<circle cx="{scale(row.value):.1f}" cy="{y}" r="4.5" fill="{COLOURS["mark"]}"/>')
        parts.append(_value(number(row.value, unit), y))
    return _framed(parts, len(rows), top, axis, unit)


def bars(rows: Sequence[Bar], axis: Text, legend: Sequence[tuple[str, Text]] = (), unit: str = "") -> str:
    """Return bars below each other, each of parts, on one axis from 0, with a legend."""
    rows = [row for row in rows if sum(size for _, size in row.parts) > 0]
    if not rows:
        return ""
    top = _upper([x for row in rows for x in (sum(size for _, size in row.parts), row.high)])
    scale = _across(top)
    parts = []
    for i, row in enumerate(rows):
        y, x = ROW * i + 14, 0.0
        parts.append(_label(row.label, y))
        for colour, size in row.parts:
            left, right = scale(x), scale(x + size)
            parts.append(
                f'<rect x="{left:.1f}" y="{y - 7}" width="{max(right - left, 0.5):.1f}" height="14" fill="{COLOURS[colour]}"/>'
            )
            x += size
        if row.low is not None and row.high is not None:
            parts.append(_line(scale(row.low), y, scale(row.high), y, "text", 1.5))
            parts += [_line(scale(end), y - 5, scale(end), y + 5, "text", 1.5) for end in (row.low, row.high)]
        parts.append(_value(number(x, unit), y))
    return _legend(legend) + _framed(parts, len(rows), top, axis, unit)


def distribution(values: Sequence[float], marks: Sequence[Dot], axis: Text, unit: str = "") -> str:
    """Return the share of values up to each value as steps, with marks (and their intervals) on the axis."""
    known = sorted(values)
    if not known:
        return ""
    top = _upper([known[-1], *(x for mark in marks for x in (mark.value, mark.high))])
    floor = 190
    scale = _across(top, 60)
    parts = [f'<text class="muted" x="52" y="{_rise(share, floor) + 4:.1f}" text-anchor="end">'
             f'{_inline(number(share, "%"))}</text>'
             f'<line class="grid" x1="60" x2="{WIDTH - RIGHT}" y1="{_rise(share, floor):.1f}" y2="{_rise(share, floor):.1f}"/>'
             for share in (0.0, 0.25, 0.5, 0.75, 1.0)]  # fmt: skip
    path = [f"M{scale(0):.1f},{floor}"]
    for n, value in enumerate(known, 1):
        path.append(f"H{scale(value):.1f}V{_rise(n / len(known), floor):.1f}")
    path.append(f"H{scale(top):.1f}")
    parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{COLOURS["mark"]}" stroke-width="2"/>')
    for i, mark in enumerate(mark for mark in marks if mark.value is not None):
        assert mark.value is not None
        y = 26 + 18 * i
        if mark.low is not None and mark.high is not None:
            parts.append(_line(scale(mark.low), y, scale(mark.high), y, "warn", 2))
        parts.append(f'<path d="M{scale(mark.value):.1f},{y - 6}l5,6l-5,6l-5,-6z" fill="{COLOURS["warn"]}"/>')
        ends = [scale(x) for x in (mark.value, mark.low, mark.high) if x is not None]
        left = max(ends) > WIDTH / 2  # there is no room on the right of it
        at, side = (min(ends) - 9, "end") if left else (max(ends) + 9, "start")
        words = f"{_inline(mark.label)} {_inline(number(mark.value, unit))}"
        parts.append(f'<text x="{at:.1f}" y="{y + 4}" text-anchor="{side}">{words}</text>')
    parts += _ticks(top, scale, floor, unit)
    parts.append(_axis(axis, floor + 38))
    return _svg(parts, floor + 48)


def plane(
    points: Sequence[Point], front: Sequence[tuple[float, float]], x_axis: Text, y_axis: Text, *,
    y_unit: str = "", y_top: float | None = None, upright: float | None = None,
) -> str:  # fmt: skip
    """Return points of a plane and the front of the best of them; hovering a point says which it is; `upright` is a line at x."""
    if not points:
        return ""
    right, top = _upper([p.x for p in points]), y_top or _upper([p.y for p in points])
    across, up = _across(right, PLANE_LEFT), _up(top)
    parts = _plane_axes(right, top, x_axis, y_axis, y_unit)
    if upright is not None and upright <= right:
        x = across(upright)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="30" y2="{FLOOR}" stroke="{COLOURS["warn"]}" stroke-dasharray="5 4"/>')
    if front:
        ordered = sorted(front)
        path = f"M{across(ordered[0][0]):.1f},{up(ordered[0][1]):.1f}"
        path += "".join(f"H{across(x):.1f}V{up(y):.1f}" for x, y in ordered[1:])
        parts.append(f'<path d="{path}" fill="none" stroke="{COLOURS["mark"]}" stroke-width="2"/>')
    parts += [_shape(point, across(point.x), up(point.y)) for point in points]
    return _svg(parts, FLOOR + 48)


def curves(found: Sequence[Curve], x_axis: Text, y_axis: Text, *, y_unit: str = "", y_top: float | None = None) -> str:
    """Return lines on one plane, each told from the others by its dashes and by its name at its end."""
    if not found:
        return ""
    right = _upper([x for curve in found for x, _ in curve.points])
    top = y_top or _upper([y for curve in found for _, y in curve.points])
    across, up = _across(right, PLANE_LEFT), _up(top)
    parts = _plane_axes(right, top, x_axis, y_axis, y_unit)
    for i, curve in enumerate(found):
        colour, dashes = LINES[i % len(LINES)]
        path = "L".join(f"{across(x):.1f},{up(y):.1f}" for x, y in curve.points)
        title = f"<title>{escape(curve.label)}</title>"
        look = f'fill="none" stroke="{COLOURS[colour]}" stroke-width="2" stroke-dasharray="{dashes}"'
        parts.append(f'<path d="M{path}" {look}>{title}</path>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5" fill="{COLOURS[colour]}"/>' for x, y in curve.points]
        y = FLOOR + 62 + 20 * (i // 2)
        x = PLANE_LEFT + (WIDTH - PLANE_LEFT) / 2 * (i % 2)
        parts.append(f'<line x1="{x}" x2="{x + 34}" y1="{y - 4}" y2="{y - 4}" {look}/>')
        parts.append(f'<text x="{x + 42}" y="{y}">{escape(curve.label)}</text>')
    return _svg(parts, FLOOR + 62 + 20 * ((len(found) + 1) // 2))


def _up(top: float):  # type: ignore[no-untyped-def]  # a function of a number
    return lambda y: FLOOR - 270 * y / top


def _plane_axes(right: float, top: float, x_axis: Text, y_axis: Text, y_unit: str) -> list[str]:
    up, across = _up(top), _across(right, PLANE_LEFT)
    parts = [f'<line class="grid" x1="{PLANE_LEFT}" x2="{WIDTH - RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}"/>'
             f'<text class="muted" x="{PLANE_LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end">{_inline(number(y, y_unit))}</text>'
             for y in ticks(0.0, top)]  # fmt: skip
    parts += _ticks(right, across, FLOOR, "")
    parts.append(_axis(x_axis, FLOOR + 38, (PLANE_LEFT + WIDTH - RIGHT) / 2))
    return [*parts, f'<g transform="translate(14,{FLOOR - 135}) rotate(-90)">{_axis(y_axis, 0, 0)}</g>']


def legend_of(rows: Sequence[tuple[str, str, Text]]) -> str:
    """Return what shapes and colours mean: (shape, colour, words)."""
    inner = "".join(
        f'<span><svg width="16" height="14" style="display:inline-block;vertical-align:-2px;margin:0 4px 0 0">'
        f"{_shape(Point(0, 0, '', shape, colour), 8, 7)}</svg>{say(text)}</span>"
        for shape, colour, text in rows
    )
    return f'<p class="muted" style="display:flex;gap:1.4rem;flex-wrap:wrap">{inner}</p>'


# -- pieces


def _upper(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return (max(known, default=0.0) or 1.0) * 1.04


def _across(top: float, left: int = LEFT):  # type: ignore[no-untyped-def]  # a function of a number
    return lambda value: left + (WIDTH - RIGHT - left) * min(max(value, 0.0), top) / top


def _rise(share: float, floor: int) -> float:
    return floor - 170 * share


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    stroke = COLOURS.get(colour, f"var(--{colour})")
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}"/>'


def _inline(text: Text | str) -> str:
    if isinstance(text, str):
        return escape(text)
    if text["vi"] == text["en"]:
        return escape(text["en"])
    return "".join(f'<tspan lang="{lang}">{escape(words)}</tspan>' for lang, words in text.items())


def _short(text: str) -> str:
    return text if len(text) <= 36 else f"{text[:35]}…"


def _label(label: Text | str, y: float) -> str:
    said = _short(label) if isinstance(label, str) else {lang: _short(words) for lang, words in label.items()}
    return f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{_inline(said)}</text>'


def _value(text: Text, y: float) -> str:
    return f'<text x="{WIDTH - RIGHT + 12}" y="{y + 4}">{_inline(text)}</text>'


def _axis(text: Text, y: float, x: float | None = None) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2 if x is None else x
    words = text.items()
    return "".join(
        f'<text class="muted" lang="{lang}" x="{middle:.0f}" y="{y}" text-anchor="middle">{escape(said)}</text>'
        for lang, said in words
    )


def _ticks(top: float, scale, floor: float, unit: str) -> list[str]:  # type: ignore[no-untyped-def]  # as _across
    return [
        f'<line class="grid" x1="{scale(x):.1f}" x2="{scale(x):.1f}" y1="{floor - 4}" y2="{floor + 4}"/>'
        f'<text class="muted" x="{scale(x):.1f}" y="{floor + 18}" text-anchor="middle">{_inline(number(x, unit))}</text>'
        for x in ticks(0.0, top)
    ]


def _framed(parts: list[str], rows: int, top: float, axis: Text, unit: str) -> str:
    scale, floor = _across(top), ROW * rows + 8
    grid = [f'<line class="grid" x1="{scale(x):.1f}" x2="{scale(x):.1f}" y1="0" y2="{floor}"/>' for x in ticks(0.0, top)]
    return _svg([*grid, *parts, *_ticks(top, scale, floor, unit), _axis(axis, floor + 36)], floor + 44)


def _shape(point: Point, x: float, y: float) -> str:
    colour, title = COLOURS[point.colour], _title(point.title)
    if point.shape == "d":
        return f'<path d="M{x:.1f},{y - 7:.1f}l7,7l-7,7l-7,-7z" fill="{colour}">{title}</path>'
    if point.shape == "x":
        cross = f"M{x - 5:.1f},{y - 5:.1f}l10,10m0,-10l-10,10"
        return f'<path d="{cross}" stroke="{colour}" stroke-width="2.5" fill="none">{title}</path>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}">{title}</circle>'


def _title(text: Text | str) -> str:
    """What is shown when somebody hovers over a mark: the browser chooses by language, and must not be given any markup."""
    if isinstance(text, str):
        return f"<title>{escape(text)}</title>" if text else ""
    return "".join(f'<title lang="{lang}">{escape(words)}</title>' for lang, words in text.items())


def _legend(rows: Sequence[tuple[str, Text]]) -> str:
    look = "display:inline-block;width:14px;height:10px;margin-right:5px"
    inner = "".join(f'<span><i style="{look};background:{COLOURS[colour]}"></i>{say(text)}</span>' for colour, text in rows)
    return f'<p class="muted" style="display:flex;gap:1.4rem;flex-wrap:wrap">{inner}</p>' if inner else ""


def _svg(parts: Sequence[str], height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" role="img">{"".join(parts)}</svg>'
