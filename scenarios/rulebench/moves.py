"""What can go wrong in a city: single faults and incidents, drawn so that rules have something to see, and changed a little.

Lives here: the draw of one inject with its time and parameters, and its neighbours. Must not know: rules, what a run makes of
them. Everything is drawn from streams of the search's seed, addressed by the number of the trial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scenarios.claims import PlaceNames
from simulator.city import City
from simulator.distributions import Distribution, OneOf, Uniform
from simulator.inject_catalogue import INJECTS
from simulator.injects import Inject, Parameter, place_ids
from simulator.streams import Streams

Plain = dict[str, Any]
DRAW = Distribution(
    "rulebench.breaker.{what}", Uniform(0.0, 1.0), "", "A choice of the search for what rules miss.", "assumption: any is alike"
)
PICK = Distribution(
    "rulebench.breaker.pick.{what}", OneOf("what there is to choose from"), "", "A choice of the search for what rules miss.",
    "assumption: any is alike",
)  # fmt: skip
STEP_MS = 10_000
FAULTS = ("device_fault", "deception")
BESIDE = ("gateway_loss", "backhaul_outage", "demand_surge", "crowd", "road_closure", "nuisance", "weather", "feeder_outage")
LASTS_S = (300, 600, 1200)
FACTORS = (0.5, 1.0, 2.0)
PLACES = ("link", "node", "zone", "cabinet", "feeder")
NEAR = 0.75  # so often is a fault put where an incident is


@dataclass(frozen=True, slots=True)
class Move:
    """An inject at a time from T+0."""

    inject: str
    params: tuple[tuple[str, Any], ...]
    at_ms: int

    def plain(self) -> Plain:
        """Return the move as plain data."""
        return {"inject": self.inject, "params": dict(self.params), "at_ms": self.at_ms}


class Choices:
    """The draws of one trial."""

    def __init__(self, seed: int, trial: int) -> None:
        self._streams, self._trial, self._count = Streams(seed), trial, 0

    def share(self) -> float:
        """A number from 0 to below 1."""
        self._count += 1
        return float(self._streams.draw(DRAW, str(self._count), tick=self._trial, n=1)[0])

    def of(self, things: Sequence[Any]) -> Any:
        """One of some things."""
        self._count += 1
        return things[int(self._streams.choose(PICK, len(things), str(self._count), tick=self._trial)[0])]


class Moves:
    """The moves that a city and a rule set leave open: `claimed` kinds of truth, `sight`: the places that alerts watch."""

    def __init__(self, city: City, claimed: set[str], sight: set[str], devices: Sequence[str], length_ms: int) -> None:
        self.city, self.length_ms = city, length_ms
        self._names, self._sight, self._devices = PlaceNames(city), sight, list(devices)
        self.incidents = [name for name, inject in INJECTS.items() if inject.truth_kind in claimed and name not in FAULTS]
        self.faults = [*FAULTS, *(name for name in BESIDE if name not in self.incidents)]
        self._seen: dict[str, list[str]] = {}
        self._near: dict[str, list[str]] | None = None

    def some(self, draw: Choices, most: int) -> tuple[Move, ...]:
        """Return a set of moves: incidents if any is claimed, and faults beside them."""
        found: list[Move] = []
        for number in range(1 + int(draw.share() * most)):
            incident = self.incidents and (number == 0 or draw.share() < 0.4)
            found.append(self._one(draw.of(self.incidents if incident else self.faults), draw, found))
        return tuple(found)

    def changed(self, moves: tuple[Move, ...], draw: Choices, most: int) -> tuple[Move, ...]:
        """Return a neighbour: a move more, less, at another time, or with other parameters."""
        at, what = int(draw.share() * len(moves)), draw.share()
        if what < 0.3 and len(moves) < most:
            return (*moves, self._one(draw.of([*self.faults, *self.incidents]), draw, moves))
        if what < 0.4 and len(moves) > 1:
            return (*moves[:at], *moves[at + 1 :])
        if what < 0.7:
            return (*moves[:at], replace(moves[at], at_ms=self._at(draw)), *moves[at + 1 :])
        return (*moves[:at], self._one(moves[at].inject, draw, [*moves[:at], *moves[at + 1 :]]), *moves[at + 1 :])

    def _one(self, name: str, draw: Choices, others: Sequence[Move]) -> Move:
        inject = INJECTS[name]
        drawn = {key: self._value(inject, key, parameter, draw, others) for key, parameter in inject.parameters.items()}
        return Move(name, tuple((key, value) for key, value in drawn.items() if value is not None), self._at(draw))

    def _at(self, draw: Choices) -> int:
        """Early enough to be detected before the end."""
        return STEP_MS * (1 + int(draw.share() * (self.length_ms // 2) / STEP_MS))

    def _value(self, inject: Inject, key: str, parameter: Parameter, draw: Choices, others: Sequence[Move]) -> Any:
        if parameter.kind == "choice":
            return draw.of(parameter.choices)
        if parameter.kind in ("number", "integer"):
            return _number(key, parameter, draw)
        if parameter.kind == "text":
            return None
        if parameter.kind == "device":
            return self._device(draw, others) if inject.name in FAULTS else None  # others know best which device can do it
        places = self._in_sight(parameter.kind)
        return draw.of(places) if places else None

    def _in_sight(self, kind: str) -> list[str]:
        """The places of a kind that any alert can see; all of them where it can see none."""
        if kind not in self._seen:
            every = place_ids(self.city, kind)
            seen = [one for one in every if self._names.around({"kind": kind, "id": one}) & self._sight]
            self._seen[kind] = seen or every
        return self._seen[kind]

    def _device(self, draw: Choices, others: Sequence[Move]) -> str | None:
        """A device, mostly one that is where an incident of the set is."""
        places = [
            str(value) for move in others for key, value in move.params if key in ("link", "zone", "node", "cabinet", "feeder")
        ]
        near = [device for place in places for device in self._devices_near(place)]
        if near and draw.share() < NEAR:
            return str(draw.of(near))
        return str(draw.of(self._devices)) if self._devices else None

    def _devices_near(self, place: str) -> list[str]:
        if self._near is None:
            self._near = {}
            for device in self._devices:
                for name in self._names.of("device", device):
                    self._near.setdefault(name, []).append(device)
        known = set(self._devices)
        watchers = sorted(name for name in self._names.of("link", place) if name in known)
        return [*self._near.get(place, ()), *watchers]


def _number(key: str, parameter: Parameter, draw: Choices) -> int | float | None:
    if key == "duration_s":
        value: float = draw.of(LASTS_S)
    elif parameter.default is None:
        return None
    else:
        value = parameter.default * draw.of(FACTORS)
    low = parameter.minimum if parameter.minimum is not None else value
    high = parameter.maximum if parameter.maximum is not None else value
    value = min(max(value, low), high)
    return round(value) if parameter.kind == "integer" else round(float(value), 3)


def as_plain(moves: Sequence[Move]) -> list[Mapping[str, Any]]:
    """Return moves as plain data, in the order of their times."""
    return [move.plain() for move in sorted(moves, key=lambda move: (move.at_ms, move.inject))]
