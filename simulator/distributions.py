"""Distributions: what every random choice of the city and of its sensors is drawn from, said in words and numbers.

Lives here: a handful of laws, the description of a choice, and the gathering of all descriptions. Must not know: any choice in
particular. A module that leaves something to chance says so in a constant of its own (`FAILURE = Distribution(...)`) and draws
through it (`streams.draw(FAILURE, ...)`): streams take nothing else, so there is no choice without a description.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Law(Protocol):
    """A law of chance: it draws n numbers and says what it is."""

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers; number i depends on its place alone, however many are drawn."""

    def says(self, unit: str) -> str:
        """Return the law with its parameters and their unit."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every number from `low` to below `high` alike."""

    low: float = 0.0
    high: float = 1.0

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers."""
        draws = generator.random(n)
        return draws if (self.low, self.high) == (0.0, 1.0) else self.low + (self.high - self.low) * draws

    def says(self, unit: str) -> str:
        """Return the law in words."""
        return _said(f"uniform, {self.low:g} to {self.high:g}", unit)


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal with mean and standard deviation."""

    mean: float = 0.0
    sd: float = 1.0

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers."""
        draws = generator.standard_normal(n)
        return draws if (self.mean, self.sd) == (0.0, 1.0) else self.mean + self.sd * draws

    def says(self, unit: str) -> str:
        """Return the law in words."""
        return _said(f"normal, mean {self.mean:g}, standard deviation {self.sd:g}", unit)


@dataclass(frozen=True, slots=True)
class Erlang:
    """The sum of `stages` exponential numbers; the standard deviation is mean / sqrt(stages). One stage: exponential."""

    mean: float = 1.0
    stages: int = 1

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers."""
        draws: Floats = generator.standard_exponential((n, self.stages)).sum(axis=1) * (self.mean / self.stages)
        return draws

    def says(self, unit: str) -> str:
        """Return the law in words."""
        law = "exponential" if self.stages == 1 else f"Erlang of {self.stages} stages"
        return _said(f"{law}, mean {self.mean:g}", unit)


@dataclass(frozen=True, slots=True)
class Triangular:
    """From `low` over the most likely `mode` to `high`: what is stated where only three numbers are known."""

    low: float
    mode: float
    high: float

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers, by the inverse of the distribution function."""
        u, width = generator.random(n), self.high - self.low
        rise, fall = self.mode - self.low, self.high - self.mode
        up = self.low + np.sqrt(u * width * rise)
        down = self.high - np.sqrt((1.0 - u) * width * fall)
        return np.where(u * width < rise, up, down)

    def says(self, unit: str) -> str:
        """Return the law in words."""
        return _said(f"triangular, {self.low:g} to {self.high:g}, most likely {self.mode:g}", unit)


@dataclass(frozen=True, slots=True)
class Chance:
    """Happens or not: with probability `rate` a unit of exposure, and with whatever factors `times` names."""

    rate: float
    times: str = ""

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers uniform in [0, 1): a thing happens where its number is below its probability (`Streams.hits`)."""
        return generator.random(n)

    def says(self, unit: str) -> str:
        """Return the law in words."""
        return _said(f"Bernoulli, rate {self.rate:.4g}", unit) + (f" × {self.times}" if self.times else "")


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several, all alike or in proportion to weights; `of` says of what."""

    of: str
    weighted: str = ""

    def draw(self, generator: np.random.Generator, n: int) -> Floats:
        """Return n numbers uniform in [0, 1): the share of the way through the weights (`Streams.index`)."""
        return generator.random(n)

    def says(self, unit: str) -> str:
        """Return the law in words."""
        return f"one of {self.of}, " + (f"in proportion to {self.weighted}" if self.weighted else "all alike")


def _said(text: str, unit: str) -> str:
    return f"{text} {unit}".rstrip()


L = TypeVar("L", bound=Law, covariant=True)


@dataclass(frozen=True, slots=True)
class Distribution(Generic[L]):
    """What is left to chance: the stream it is drawn from, its law with the unit, what it is, and where that is from.

    `stream` are names joined by dots; a name in braces, as in `sensors.{kind}.bias`, is given with each draw.
    `source` is a citation, or begins with "assumption".
    """

    stream: str
    law: L
    unit: str
    what: str
    source: str


_HOLE = re.compile(r"\{\w+\}")


@lru_cache(maxsize=8192)
def stream_names(stream: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a stream with what was given put into its braces, in order. Raises ValueError if they do not fit."""
    parts, rest = stream.split("."), list(given)
    if sum(1 for part in parts if _HOLE.fullmatch(part)) != len(rest):
        raise ValueError(f"stream {stream!r} was given {len(rest)} names; expected one for each of its braces")
    return tuple(rest.pop(0) if _HOLE.fullmatch(part) else part for part in parts)


def gather(packages: Iterable[str]) -> list[tuple[Distribution[Any], list[str]]]:
    """Return every description in the modules of some packages, by stream, each with the modules that use it.

    A description is a constant of its module, or a value of a mapping that is.

    Raises ValueError when two descriptions name one stream.
    """
    found: dict[str, tuple[Distribution[Any], list[str]]] = {}
    for package in packages:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            for value in vars(importlib.import_module(module.name)).values():
                for one in value.values() if isinstance(value, Mapping) else (value,):
                    if isinstance(one, Distribution):
                        note(found, one, module.name)
    return [found[stream] for stream in sorted(found)]


def note(found: dict[str, tuple[Distribution[Any], list[str]]], value: Distribution[Any], module: str) -> None:
    """Note that a module uses a description. Raises ValueError when its stream is described otherwise already."""
    known, users = found.setdefault(value.stream, (value, []))
    if known != value:
        raise ValueError(f"stream {value.stream!r} is described twice: {known.what!r} and, in {module}, {value.what!r}")
    if module not in users:
        users.append(module)
