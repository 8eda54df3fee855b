"""The two digest chains: of the world (wire frames) and of judgement (changes).

Lives here: which bytes are digested. Neither chain holds wall time, people's names, random ids or raw floats: a command's id
is replaced by its number in the journal. Must not know: how frames or changes come about.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ops_center.events import AlertChange, Change, CommandChange, IncidentChange
from sensors.messages import Applied, Barrier, Finished, UpHeader

Number = Callable[[str], int]  # command id -> its number in the journal, -1 if unknown
_pack = msgspec.msgpack.Encoder(order="deterministic").encode
ALERT_FIELDS = ("name", "severity", "labels", "condition", "suppressed", "active_ms", "fired_ms", "resolved_ms", "incident_id")
INCIDENT_FIELDS = (
    "key", "version", "state", "severity", "opened_ms", "resolved_ms", "closed_ms", "close_reason", "classification",
    "merged_into", "alert_count", "firing_count", "device_count", "root_alert", "respond_by_ms", "acknowledged_ms",
)  # fmt: skip
COMMAND_FIELDS = ("type", "target", "state", "reason", "requested_ms", "applied_ms", "done_ms", "incident_id")


class Chain:
    """A running SHA-256 over parts, each with its length."""

    def __init__(self, state: str = "") -> None:
        self._head = bytes.fromhex(state) if state else bytes(32)

    def add(self, part: bytes) -> None:
        """Append a part: head = SHA-256(head, length, part)."""
        self._head = hashlib.sha256(self._head + len(part).to_bytes(8, "little") + part).digest()

    def hexdigest(self) -> str:
        """Return the head as 64 hexadecimal digits."""
        return self._head.hex()


def frame_bytes(header: UpHeader, frame: bytes, number: Number) -> bytes:
    """Return the bytes of a recorded frame that are digested: the frame itself, but ids of commands by their number."""
    if isinstance(header, Applied):
        return _pack(["applied", number(header.command_id), header.now_ms, header.accepted, header.reason])
    if isinstance(header, Finished):
        return _pack(["finished", number(header.command_id), header.now_ms, header.state, header.reason])
    if isinstance(header, Barrier):  # its checksum covers random ids
        return _pack(["barrier", header.now_ms, header.frames])
    return frame


def change_bytes(change: Change, number: Number) -> bytes:
    """Return the canonical bytes of a change."""
    cause = [change.cause.kind, _ref(change, number), change.cause.now_ms]
    if isinstance(change, AlertChange):
        what: list[Any] = ["alert", change.fingerprint, change.before, change.after, _only(change.alert, ALERT_FIELDS)]
        what.append(change.alert.get("acknowledged_ms"))
    elif isinstance(change, IncidentChange):
        entry = change.entry
        what = ["incident", change.incident_id, entry["kind"], entry["text"], _plain(entry["data"], number)]
        what += [_only(change.incident, INCIDENT_FIELDS), change.incident.get("owner") is not None]
    else:
        what = ["command", number(change.command["command_id"]), _only(change.command, COMMAND_FIELDS)]
        what.append(_plain(change.command["params"], number))
    return _pack([change.now_ms, cause, *what])


def _ref(change: Change, number: Number) -> str:
    person = change.cause.kind in ("command", "applied", "finished")
    return str(number(change.cause.ref)) if person or isinstance(change, CommandChange) else change.cause.ref


def _only(data: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: data.get(name) for name in fields}


def _plain(value: Any, number: Number) -> Any:
    """Replace floats by whole thousandths, and people and random ids by what is the same in every execution."""
    if isinstance(value, float):
        return round(value * 1000)
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in ("owner", "who")}
        return {k: number(v) if k == "command_id" else _plain(v, number) for k, v in kept.items()}
    if isinstance(value, list):
        return [_plain(item, number) for item in value]
    return value
