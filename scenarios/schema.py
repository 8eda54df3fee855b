"""What a scenario file holds: city, start, duration, weather, timeline of injects, palette, expectations.

Lives here: the shape of a scenario as pydantic models, and its JSON Schema. Must not know: YAML, a city's ids, how anything runs.
All times of a file are durations; `at` and `within` count simulated time, `at` from T+0, the end of the warm-up.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from scenarios.units import DURATION_PATTERN, parse_duration_ms

EXPECTATION_KINDS = ("detected", "acknowledged", "closed", "command_done", "incidents_at_most", "alerts_at_most", "world")
_OFFSET = re.compile(r"(Z|[+-]\d\d:\d\d)$")


Duration = Annotated[
    int,
    BeforeValidator(parse_duration_ms),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "description": "a duration: 90s, 45 min, 2h, 1h30m"}),
]


def _instant(value: object) -> str:
    if not isinstance(value, str) or not _OFFSET.search(value):
        raise ValueError(f"{value!r} is no instant with an offset; expected ISO 8601 such as 2026-03-03T19:00:00+07:00")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no instant; expected ISO 8601 such as 2026-03-03T19:00:00+07:00") from None
    return value


Instant = Annotated[
    str,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "ISO 8601 with offset"}),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Scalar = str | bool | int | float


class Part(BaseModel):
    """A part of a scenario: unknown keys are refused and values keep their type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Text(Part):
    """A text in both languages."""

    vi: str = Field(min_length=1, max_length=4_000)
    en: str = Field(min_length=1, max_length=4_000)


class PlaceRef(Part):
    """A thing of the city, by kind and id."""

    kind: Literal["link", "node", "zone", "feeder", "cabinet", "luminaire", "device", "building", "signal"]
    id: str = Field(min_length=1, max_length=200)


class Palette(Part):
    """An inject ready to fire: not on the timeline, one press away."""

    inject: Name
    params: dict[str, Scalar] = {}
    title: Text | None = None


class TimelineEntry(Palette):
    """An inject at its time. `id` names it for expectations."""

    at: Duration
    id: Name | None = None


class Expectation(Part):
    """What the players should achieve.

    `of` names a timeline entry or a truth kind; the clock of `within` starts when that truth began (at T+0 without it).
    detected: an alert (of that name, if given) fires for the truth. acknowledged, closed: its incident is.
    command_done: a command of `command` (to `target`, if given) is done. incidents_at_most, alerts_at_most: `count` in the whole
    run. world: the truth has ended.
    """

    id: Name
    title: Text
    kind: Literal["detected", "acknowledged", "closed", "command_done", "incidents_at_most", "alerts_at_most", "world"]
    within: Duration | None = None
    of: Name | None = None
    alert: str | None = Field(default=None, max_length=200)
    command: Name | None = None
    target: str | None = Field(default=None, max_length=200)
    count: int | None = Field(default=None, ge=0, le=100_000)
    score: int = Field(default=50, ge=0, le=1_000)

    @model_validator(mode="after")
    def _complete(self) -> "Expectation":
        needs = {
            "detected": ("of", "within"),
            "acknowledged": ("of", "within"),
            "closed": ("of", "within"),
            "command_done": ("command", "within"),
            "incidents_at_most": ("count",),
            "alerts_at_most": ("count",),
            "world": ("of", "within"),
        }[self.kind]
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            raise ValueError(f"expectation {self.id!r} of kind {self.kind!r} lacks {' and '.join(map(repr, missing))}")
        return self


class Scenario(Part):
    """A whole scenario file."""

    name: Name
    title: Text
    description: Text
    city: str = Field(min_length=1, max_length=500, description="a built-in city, or the path of a city file beside this one")
    start_at: Instant
    duration: Duration
    warm_up: Duration = 0
    weather: Literal["clear", "rain", "heavy_rain", "fog"] = "clear"
    seed: int = Field(default=1, ge=0, lt=2**63)
    ordinary_life: bool = Field(default=True, description="chance failures, nuisances and small incidents of a normal day")
    demand_factor: float = Field(default=1.0, ge=0.0, le=5.0)
    timeline: list[TimelineEntry] = Field(default=[], max_length=2_000)
    palette: list[Palette] = Field(default=[], max_length=200)
    expectations: list[Expectation] = Field(default=[], max_length=200)
    sources: list[str] = Field(default=[], max_length=100, description="where the facts behind the scenario come from")

    @property
    def total_ms(self) -> int:
        """Warm-up and duration, ms."""
        return self.warm_up + self.duration


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file, for editors."""
    schema = Scenario.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cityops scenario"}
