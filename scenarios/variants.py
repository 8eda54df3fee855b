"""Seeded variants: which choices a seed takes, and the scenario that follows from them.

Lives here: the draw, `$name` put in its place in the plain data of a file, jitter of the timeline. Must not know: models, YAML,
how a run goes. The draws are streams of their own, so that a new variant changes nobody else's choice.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.distributions import Distribution, OneOf, Uniform
from simulator.streams import Streams

Plain = dict[str, Any]
Where = tuple[str | int, ...]
SECOND_MS = 1_000
CHOICE = Distribution(
    "scenario.variant.{id}", OneOf("the choices"), "", "Which choice a variant of a scenario takes.", "assumption: all are alike"
)
JITTER = Distribution(
    "scenario.jitter.{id}",
    Uniform(-1.0, 1.0),
    "of its `jitter`",
    "How far an inject of the timeline comes before or after its time.",
    "assumption: any instant of the span is alike",
)
_NAME = re.compile(r"\$([a-z][a-z0-9_]{0,63})$")


def picks_of(data: Mapping[str, Any], seed: int) -> dict[str, int]:
    """Return which choice of each variant a seed takes; what is no variant is left to the check of the file's shape."""
    streams = Streams(seed)
    return {name: int(streams.choose(CHOICE, count, name, tick=0)[0]) for name, count in sizes(data).items()}


def sizes(data: Mapping[str, Any]) -> dict[str, int]:
    """Return how many choices each variant has."""
    return {variant["id"]: len(variant["choices"]) for variant in _variants(data)}


def alternatives(data: Mapping[str, Any]) -> list[dict[str, int]]:
    """Return picks in which every choice of every variant comes at least once."""
    counts = sizes(data)
    most = max(counts.values(), default=1)
    return [{name: min(i, count - 1) for name, count in counts.items()} for i in range(most)]


def filled(data: Plain, picks: Mapping[str, int]) -> tuple[Plain, list[tuple[Where, str]]]:
    """Return the data with `$name` replaced by what the picks say, and where a name is that nothing sets."""
    values: Plain = {}
    for variant in _variants(data):
        choice = variant["choices"][picks[variant["id"]]]
        values |= choice if isinstance(choice, dict) else {}
    missing: list[tuple[Where, str]] = []
    kept = {key: value if key == "variants" else _fill(value, values, (key,), missing) for key, value in data.items()}
    return kept, missing


def _variants(data: Mapping[str, Any]) -> list[Plain]:
    rows = data.get("variants")
    rows = rows if isinstance(rows, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str) and _is_list(row.get("choices"))]


def _is_list(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0


def _fill(value: Any, values: Plain, where: Where, missing: list[tuple[Where, str]]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(inner, values, (*where, key), missing) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, values, (*where, i), missing) for i, inner in enumerate(value)]
    found = _NAME.match(value) if isinstance(value, str) else None
    if found is None:
        return value
    if found[1] not in values:
        missing.append((where, found[1]))
        return value
    return values[found[1]]


def jittered_ms(at_ms: int, jitter_ms: int, name: str, seed: int) -> int:
    """Return the instant of an entry: uniform within `jitter_ms` around its time, a whole second, never before T+0."""
    if jitter_ms <= 0:
        return at_ms
    draw = float(Streams(seed).draw(JITTER, name, tick=0, n=1)[0])
    moved = round(draw * jitter_ms / SECOND_MS) * SECOND_MS
    return max(0, at_ms + moved)


def said(variants: Sequence[Any], picks: Mapping[str, int]) -> list[Plain]:
    """Return what was chosen, for people: variant, its title, the values."""
    return [
        {
            "id": variant.id,
            "title": {"vi": variant.title.vi, "en": variant.title.en} if variant.title else None,
            "values": dict(variant.choices[picks.get(variant.id, 0)]),
        }
        for variant in variants
    ]
