"""What lasts: the ground-truth events that a domain has begun and not yet ended, found again by what they are about.

Lives here: one book of open events. Must not know: any domain. Beginning what lasts already changes nothing, so that a cause
which is met twice stays one event.
"""

from collections.abc import Mapping
from typing import Any

from simulator.truth import Place, TruthEvent, TruthLog


class Lasting:
    """The open events of one domain by kind and thing (the id of the place, unless told otherwise)."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def start(self, truth: TruthLog) -> None:
        """Write into this log from now on."""
        self._truth = truth

    def begin(
        self,
        kind: str,
        place: Place,
        now_ms: int,
        cause_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        thing: str | None = None,
    ) -> TruthEvent:
        """Return the event of a kind about a thing, begun now unless it lasts already."""
        key = f"{kind} {thing or place.id}"
        if key in self._ids:
            return self._truth.get(self._ids[key])
        event = self._truth.begin(kind, place, now_ms, cause_id, attributes)
        self._ids[key] = event.event_id
        return event

    def end(self, kind: str, thing: str, now_ms: int) -> bool:
        """End the event of a kind about a thing; return whether there was one."""
        event_id = self._ids.pop(f"{kind} {thing}", None)
        if event_id is not None:
            self._truth.end(event_id, now_ms)
        return event_id is not None

    def id_of(self, kind: str, thing: str) -> str | None:
        """Return the id of the event of a kind about a thing, or None when none lasts."""
        return self._ids.get(f"{kind} {thing}")

    def things(self, kind: str) -> list[str]:
        """Return what the open events of a kind are about, oldest first."""
        return [key.partition(" ")[2] for key in self._ids if key.startswith(f"{kind} ")]

    def snapshot(self) -> dict[str, str]:
        """Return the open events as plain data."""
        return dict(self._ids)

    def restore(self, data: Mapping[str, str]) -> None:
        """Take over saved events; their log is restored by itself."""
        self._ids = dict(data)
