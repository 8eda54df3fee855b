"""What a scenario file holds: city, start, duration, weather, timeline, triggers, palette, expectations, hidden truth, sources.

Lives here: the shape of a scenario as pydantic models, and its JSON Schema. Must not know: YAML, a city's ids, how anything runs.
All times of a file are durations; `at` and `within` count simulated time, `at` from T+0, the end of the warm-up. A scalar that is
`$name` stands for a value of the variant that the seed has chosen (`scenarios.variants`), before any model is made.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from scenarios.units import DURATION_PATTERN, parse_duration_ms

YEARS = range(1970, 2201)  # sun and tide are reckoned for these, and Prometheus' clock begins with them
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
        year = datetime.fromisoformat(value).year
    except ValueError:
        raise ValueError(f"{value!r} is no instant; expected ISO 8601 such as 2026-03-03T19:00:00+07:00") from None
    if year not in YEARS:
        raise ValueError(f"{value!r} is in the year {year}; expected {YEARS[0]} to {YEARS[-1]}")
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

    kind: Literal["link", "node", "zone", "feeder", "cabinet", "luminaire", "device", "building", "signal", "basin", "gate"]
    id: str = Field(min_length=1, max_length=200)


class Palette(Part):
    """An inject ready to fire: not on the timeline, one press away."""

    inject: Name
    params: dict[str, Scalar] = {}
    title: Text | None = None


class TimelineEntry(Palette):
    """An inject at its time. `id` names it for expectations and triggers; `jitter` moves it by at most so much, by the seed.

    `scored` false: it is there on purpose without an expectation (a decoy, the weather).
    """

    at: Duration
    jitter: Duration = 0
    id: Name | None = None
    scored: bool = True


TRUTH_CONDITIONS = ("began", "ended")
LEVEL_CONDITIONS = ("above", "below")
PEOPLE_CONDITIONS = ("acknowledged", "closed", "command")


class When(Part):
    """What a trigger waits for.

    began, ended: the truth `of` (an entry, a trigger or a kind of truth). phase: the phase `of` began. above, below: `quantity`
    at `place` (the whole city without one) over or under `level`, for as long as `lasts`. acknowledged, closed: an incident of
    the truth `of`. command: the city accepted `command` (to `target`, with `params`, if given). With `missing_for` the last
    three mean the opposite: so long after the truth `of` began (T+0 without it) nobody has done it.
    """

    kind: Literal["began", "ended", "phase", "above", "below", "acknowledged", "closed", "command"]
    of: Name | None = None
    quantity: Name | None = None
    place: PlaceRef | None = None
    level: float | None = None
    lasts: Duration = 0
    command: Name | None = None
    target: str | None = Field(default=None, max_length=200)
    params: dict[str, Scalar] = {}
    missing_for: Duration | None = None

    @model_validator(mode="after")
    def _complete(self) -> "When":
        needs: tuple[str, ...] = ("of",)
        if self.kind in LEVEL_CONDITIONS:
            needs = ("quantity", "level")
        elif self.kind == "command":
            needs = ("command",)
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a condition of kind {self.kind!r} lacks {' and '.join(map(repr, missing))}")
        if self.missing_for is not None and self.kind not in PEOPLE_CONDITIONS:
            raise ValueError(f"'missing_for' is for {', '.join(PEOPLE_CONDITIONS)}, not for {self.kind!r}")
        return self


class Trigger(Part):
    """An inject, or a new phase, that comes when something is so; `after` is how long after it, `times` how often at most."""

    id: Name
    when: When
    after: Duration = 0
    times: int = Field(default=1, ge=1, le=100)
    phase: Name | None = None
    inject: Name | None = None
    params: dict[str, Scalar] = {}
    title: Text | None = None
    scored: bool = True

    @model_validator(mode="after")
    def _does_something(self) -> "Trigger":
        if self.inject is None and self.phase is None:
            raise ValueError(f"trigger {self.id!r} lacks 'inject' or 'phase'; without either nothing comes of it")
        return self


class Variant(Part):
    """A way in which runs differ: the seed takes one of the choices, and `$name` stands for its value everywhere in the file."""

    id: Name
    title: Text | None = None
    choices: list[dict[Name, Scalar]] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _same_names(self) -> "Variant":
        first = set(self.choices[0])
        for number, choice in enumerate(self.choices, 1):
            if set(choice) != first:
                raise ValueError(f"choice {number} of variant {self.id!r} sets {_words(choice)}; expected {_words(first)}")
        return self


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


class Note(Part):
    """What players cannot see while it goes on and the debrief tells; `of` names an entry, a trigger or a kind of truth."""

    text: Text
    of: Name | None = None


class Source(Part):
    """Where a fact comes from: title, date (a year, a month or a day), address if there is one, and the fact."""

    title: str = Field(min_length=1, max_length=300)
    date: str | None = Field(default=None, pattern=r"^\d{4}(-\d\d){0,2}$")
    url: str | None = Field(default=None, pattern=r"^https?://\S+$", max_length=500)
    fact: Text | None = None


OUTCOME_MEASURES = ("peak", "least", "last", "mean", "minutes_above", "sum")
EXPECTATION_NEEDS: Mapping[str, tuple[str, ...]] = {
    "detected": ("of", "within"),
    "acknowledged": ("of", "within"),
    "closed": ("of", "within"),
    "command_done": ("command", "within"),
    "commands_at_most": ("command", "count"),
    "incidents_at_most": ("count",),
    "alerts_at_most": ("count",),
    "world": ("of", "within"),
    "avoided": ("of",),
    "outcome": ("quantity", "measure"),
}


class Expectation(Part):
    """What the players should achieve.

    `of` names a timeline entry, a trigger, a phase or a truth kind; the clock of `within` starts when that began (at T+0
    without it). detected: an alert (of that name, if given) fires for the truth. acknowledged, closed: its incident is.
    command_done: a command of `command` (to `target`, with `params`, if given) is done. commands_at_most: no more than `count`
    such were asked for. incidents_at_most, alerts_at_most: `count` in the whole run; alerts, with `within`, in any such span.
    world: the truth has ended. avoided: it never began. outcome: `measure` of `quantity` at `place` from T+0 on is `at_least`,
    `at_most`. What is about a trigger that never fired does not count.
    """

    id: Name
    title: Text
    kind: Literal[
        "detected", "acknowledged", "closed", "command_done", "commands_at_most", "incidents_at_most", "alerts_at_most", "world",
        "avoided", "outcome",
    ]  # fmt: skip
    within: Duration | None = None
    of: Name | None = None
    alert: str | None = Field(default=None, max_length=200)
    command: Name | None = None
    target: str | None = Field(default=None, max_length=200)
    params: dict[str, Scalar] = {}
    count: int | None = Field(default=None, ge=0, le=100_000)
    quantity: Name | None = None
    place: PlaceRef | None = None
    measure: Literal["peak", "least", "last", "mean", "minutes_above", "sum"] | None = None
    level: float = 0.0
    at_most: float | None = None
    at_least: float | None = None
    score: int = Field(default=50, ge=0, le=1_000)

    @model_validator(mode="after")
    def _complete(self) -> "Expectation":
        missing = [name for name in EXPECTATION_NEEDS[self.kind] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"expectation {self.id!r} of kind {self.kind!r} lacks {' and '.join(map(repr, missing))}")
        if self.kind == "outcome" and self.at_most is None and self.at_least is None:
            raise ValueError(f"expectation {self.id!r} of kind 'outcome' lacks 'at_most' or 'at_least'")
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
    transcript: Duration | None = Field(default=None, description="how much of a long scenario its transcript covers, from T+0")
    weather: Literal["clear", "rain", "heavy_rain", "fog", "heat"] = "clear"
    seed: int = Field(default=1, ge=0, lt=2**63)
    ordinary_life: bool = Field(default=True, description="chance failures, nuisances and small incidents of a normal day")
    demand_factor: float = Field(default=1.0, ge=0.0, le=5.0)
    variants: list[Variant] = Field(default=[], max_length=20)
    timeline: list[TimelineEntry] = Field(default=[], max_length=2_000)
    triggers: list[Trigger] = Field(default=[], max_length=200)
    palette: list[Palette] = Field(default=[], max_length=200)
    expectations: list[Expectation] = Field(default=[], max_length=200)
    hidden: list[Note] = Field(default=[], max_length=100, description="what only the debrief tells")
    sources: list[Source] = Field(default=[], max_length=100, description="where the facts behind the scenario come from")
    assumptions: list[Text] = Field(default=[], max_length=100, description="what no source says and the scenario supposes")

    @property
    def total_ms(self) -> int:
        """Warm-up and duration, ms."""
        return self.warm_up + self.duration


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file, for editors."""
    schema = Scenario.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cityops scenario"}
