"""The opening of a city as it comes: a registry in parts becomes one, whole or not at all.

Lives here: the order and the bounds of parts, one string for equal labels, when simulated time begins. Must not know: what a
registry is used for.
"""

from datetime import datetime

from sensors.messages import DeviceTable, Registry

MAX_DEVICES = 2_000_000
MAX_PARTS = 10_000


class BadRegistry(ValueError):
    """A registry whose tables or parts do not fit together, or one that is too large; it says which and how."""


class RegistryParts:
    """The parts of one version of a registry that have come so far, and their `frames`."""

    def __init__(self, max_devices: int = MAX_DEVICES) -> None:
        self.max_devices = max_devices
        self.frames: list[bytes] = []
        self._first: Registry | None = None
        self._tables: dict[str, DeviceTable] = {}
        self._texts: dict[str, str] = {}  # a place is named by all its devices: its name is kept once

    def take(self, part: Registry, frame: bytes) -> Registry | None:
        """Take the next part; return the registry with its last one, None before. `frames` then holds all of its frames.

        Raises BadRegistry, with all parts forgotten, when it does not follow the one before or the registry grows too large.
        """
        if part.part == 0:
            self.forget()
        try:
            self._check(part)
        except BadRegistry:
            self.forget()
            raise
        self._first = self._first or part
        self.frames.append(frame)
        for table in part.devices:
            self._add(table)
        if part.part + 1 < part.parts:
            return None
        whole = self._first
        whole.devices, whole.part, whole.parts = list(self._tables.values()), 0, 1
        self._first, self._tables, self._texts = None, {}, {}
        return whole

    def forget(self) -> None:
        """Begin anew: what has come so far will come again."""
        self.frames, self._first, self._tables, self._texts = [], None, {}, {}

    def _check(self, part: Registry) -> None:
        seen, expected = (part.version, part.parts, part.part), (part.version, part.parts, 0)
        if self._first is not None:
            expected = (self._first.version, self._first.parts, len(self.frames))
        if seen != expected or not 0 <= part.part < part.parts <= MAX_PARTS:
            said = [f"part {number + 1} of {parts} of version {version}" for version, parts, number in (seen, expected)]
            raise BadRegistry(f"of the registry came {said[0]}; expected {said[1]}, of at most {MAX_PARTS}")
        devices = sum(len(table.index) for tables in (self._tables.values(), part.devices) for table in tables)
        if devices > self.max_devices:
            raise BadRegistry(f"the registry has {devices} devices or more; this center takes at most {self.max_devices}")

    def _add(self, table: DeviceTable) -> None:
        """Put rows behind those of the same kind; labels that some parts do not have leave columns of unlike length."""
        one = self._texts.setdefault
        table.labels = {name: [one(text, text) for text in values] for name, values in table.labels.items()}
        table.name = [one(text, text) for text in table.name]
        whole = self._tables.setdefault(table.kind, table)
        if whole is table:
            return
        for name in ("index", "device_id", "name", "lon", "lat", "zone", "road", "removed"):
            getattr(whole, name).extend(getattr(table, name))
        for label, values in table.labels.items():
            whole.labels.setdefault(label, []).extend(values)


def epoch_ms(start_at: str) -> int | None:
    """Return ISO 8601 with an offset as epoch ms, None if it is not that."""
    try:
        start = datetime.fromisoformat(start_at)
    except ValueError:
        return None
    return None if start.tzinfo is None else round(start.timestamp() * 1000)
