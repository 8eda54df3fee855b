"""What people call the things of a city, by kind and id.

Lives here: one look-up over the tables of a city. Must not know: labels of alerts, truth.
"""

from simulator.city import City
from simulator.injects import place_ids

KINDS = ("node", "link", "zone", "feeder", "cabinet", "device", "signal", "building")


class Naming:
    """The names of one city's things; what has no name goes by its id."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._tables: dict[str, dict[str, str]] = {}

    def of(self, kind: str, thing_id: str) -> str:
        """Return the name of a thing, its id where it has none, '' for the city itself."""
        if kind == "city":
            return ""
        return self.named(kind).get(thing_id) or self.named("signal").get(thing_id) or thing_id

    def named(self, kind: str) -> dict[str, str]:
        """Return id -> name of all things of a kind that have names."""
        if kind not in self._tables:
            tables = {
                "node": self._city.nodes, "link": self._city.links, "zone": self._city.zones, "feeder": self._city.feeders,
                "cabinet": self._city.cabinets, "device": self._city.devices, "signal": self._city.signals,
            }  # fmt: skip
            table = tables.get(kind)
            names = getattr(table, "name", None) if table is not None else None
            ids = place_ids(self._city, kind) if names is not None else []
            self._tables[kind] = {id_: name for id_, name in zip(ids, names or [], strict=False) if name}
        return self._tables[kind]
