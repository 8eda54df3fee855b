"""Truth vocabulary: ground-truth events, each with kind, place, start and end.

Lives here: the words in which the simulator says what really happened. Must not know: alerts, operators, sensors.
Truth flows only to the exercise; nothing here ever crosses the wire to an operations center.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# kind -> what it is. Kinds are a public vocabulary: sidecar files of rules and expectations of scenarios name them.
TRUTH_KINDS: Mapping[str, str] = {
    "feeder_outage": "a power feeder lost its supply",
    "feeder_fault": "a feeder has a fault: a tree, an overload, a flood, a theft",
    "feeder_dip": "a feeder's breaker opened on a passing fault and closes again by itself",
    "feeder_overload": "a feeder is asked for more than it can carry for long",
    "cabinet_outage": "a lighting cabinet tripped",
    "circuit_outage": "one phase of a lighting cabinet tripped or is cut",
    "cable_theft": "thieves took the cables of a lighting cabinet",
    "luminaire_failure": "a luminaire failed",
    "day_burner": "a luminaire or cabinet burns in daylight",
    "cabinet_door_open": "a cabinet door stands open without a work order",
    "cabinet_leakage": "a lighting cabinet leaks current to earth",
    "traffic_incident": "a crash or a stopped vehicle takes lanes of a link",
    "road_closure": "a link is closed",
    "gate_fault": "a port gate serves half of what it should",
    "gate_queue": "trucks stand on the road before a port gate",
    "signal_dark": "a signal controller has no power",
    "signal_flash": "a signal controller flashes",
    "signal_conflict": "a signal controller shows conflicting greens and has fallen back to flashing",
    "demand_surge": "more people travel than usual",
    "intrusion": "a person is inside a closed area after hours",
    "crowd": "people crowd a zone",
    "sos_press": "a person pressed an SOS pole",
    "gunshot": "a shot falls",
    "glass_break": "a pane breaks",
    "abandoned_object": "an object stands where its owner left it",
    "nuisance": "a harmless cause that sensors may take for something else",
    "fire": "a building burns",
    "medical_emergency": "a person needs an ambulance",
    "device_fault": "a device is stuck, biased, drifting, dead, dropping, late or duplicating",
    "deception": "somebody makes a device say what is not so: spoof, replay, tamper or a skewed clock",
    "backhaul_outage": "the way from devices to the center is down",
    "gateway_outage": "a gateway does not run: broken, or its battery is empty",
    "weather": "the weather is other than clear",
    "typhoon": "a typhoon passes",
    "downpour": "it rains harder than the kind of weather says",
    "strong_wind": "gusts reach 15 m/s, level 7",
    "gale": "gusts reach 20 m/s, level 8",
    "high_water": "the river stands above the tide",
    "flood": "water stands on a street, 15 cm or more",
    "sluice_stuck": "a sluice does not follow commands",
    "sluice_inward": "an open sluice lets tidal water in",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where: `kind` is one of link, node, zone, feeder, cabinet, luminaire, device, building, basin, city; `id` is its id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """One thing that really happened. `end_ms` is None while it lasts; `cause_id` names the event that caused it."""

    event_id: str
    kind: str
    place: Place
    start_ms: int
    end_ms: int | None = None
    cause_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


class TruthLog:
    """The ground-truth events of a run, in order of their start."""

    def __init__(self) -> None:
        self._events: dict[str, TruthEvent] = {}

    def begin(
        self,
        kind: str,
        place: Place,
        now_ms: int,
        cause_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> TruthEvent:
        """Record the start of an event and return it. Raises ValueError on a kind outside the vocabulary."""
        if kind not in TRUTH_KINDS:
            raise ValueError(f"truth kind {kind!r} is unknown; expected one of {', '.join(TRUTH_KINDS)}")
        event_id = f"truth-{len(self._events) + 1}"
        event = TruthEvent(event_id, kind, place, now_ms, None, cause_id, dict(attributes or {}))
        self._events[event_id] = event
        return event

    def end(self, event_id: str, now_ms: int) -> TruthEvent:
        """Record the end of an event that lasts; ending twice keeps the first end."""
        event = self._events[event_id]
        if event.end_ms is None:
            event = self._events[event_id] = replace(event, end_ms=now_ms)
        return event

    def get(self, event_id: str) -> TruthEvent:
        """Return one event. Raises KeyError on an unknown id."""
        return self._events[event_id]

    def events(self) -> list[TruthEvent]:
        """All events so far, oldest first."""
        return list(self._events.values())

    def open(self, kind: str | None = None) -> list[TruthEvent]:
        """The events that last, of one kind or of all."""
        return [e for e in self._events.values() if e.end_ms is None and kind in (None, e.kind)]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the events as plain data."""
        return [as_plain(event) for event in self._events.values()]

    def restore(self, rows: list[dict[str, Any]]) -> None:
        """Replace the events by saved ones."""
        self._events = {row["event_id"]: TruthEvent(**{**row, "place": Place(**row["place"])}) for row in rows}


def as_plain(event: TruthEvent) -> dict[str, Any]:
    """Return an event as plain data, ready for JSON or msgpack."""
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "place": {"kind": event.place.kind, "id": event.place.id},
        "start_ms": event.start_ms,
        "end_ms": event.end_ms,
        "cause_id": event.cause_id,
        "attributes": dict(event.attributes),
    }
