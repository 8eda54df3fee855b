"""Finding a place of the city by what people call it: what the instructor's place picker asks.

Lives here: a search without diacritics over names and ids, per kind of place. Must not know: injects, HTTP.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.naming import Naming
from simulator.city import City
from simulator.injects import place_ids
from simulator.places import Places
from simulator.truth import Place

LIMIT = 40


@dataclass(frozen=True, slots=True)
class Thing:
    """A place as it is shown: id, name, and the text in which words are looked for."""

    thing_id: str
    name: str
    text: str


def fold(text: str) -> str:
    """Return a text in lower case without marks, đ as d, one space between words: "Lê Chân" is "le chan"."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c)).replace("đ", "d")
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


class PlaceBook:
    """The places of one city; each kind is made ready when it is first asked for."""

    def __init__(self, city: City) -> None:
        self._city, self._naming, self._places = city, Naming(city), Places(city)
        self._things: dict[str, Sequence[Thing]] = {}

    def find(self, kind: str, query: str, limit: int = LIMIT) -> list[dict[str, Any]]:
        """Return places of a kind whose name or id has all words of the query, the best first. Raises ValueError on a kind."""
        words = fold(query).split()
        found = [thing for thing in self._of(kind) if all(word in thing.text for word in words)]
        wanted = " ".join(words)
        found.sort(key=lambda t: (not fold(t.name).startswith(wanted), not fold(t.thing_id).startswith(wanted)))
        return [self._row(kind, thing) for thing in found[:limit]]

    def _row(self, kind: str, thing: Thing) -> dict[str, Any]:
        spot = self._places.spot(Place(kind, thing.thing_id))
        zone = self._city.zones.name[spot.zone] if spot is not None and spot.zone >= 0 else ""
        return {"id": thing.thing_id, "name": thing.name, "zone": zone if zone != thing.name else ""}

    def _of(self, kind: str) -> Sequence[Thing]:
        if kind not in self._things:
            try:
                ids = place_ids(self._city, kind)
            except KeyError:
                raise ValueError(f"{kind!r} is no kind of place") from None
            names = [self._naming.of(kind, thing_id) for thing_id in ids]
            texts = [fold(f"{name} {thing_id}") for name, thing_id in zip(names, ids, strict=True)]
            self._things[kind] = [Thing(*row) for row in zip(ids, names, texts, strict=True)]
        return self._things[kind]
