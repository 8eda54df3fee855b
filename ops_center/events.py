"""Judgement vocabulary: what the center can say happened to its alerts, incidents and commands.

Lives here: the words, as plain structs, and their order. Must not know: how anything is judged, stored or shown.
Every change names its cause. Changes are what the journal keeps, the digest chains and the feed tells.
"""

from typing import Any

import msgspec


class Cause(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something changed: `kind` is evaluation, command, applied, finished, timer or reload; `ref` names it."""

    kind: str
    ref: str = ""
    now_ms: int = 0


class AlertChange(msgspec.Struct, frozen=True, tag_field="t", tag="alert"):
    """An alert went from one condition to another, or was acknowledged. `alert` is its whole new state as plain data."""

    now_ms: int
    cause: Cause
    fingerprint: str
    before: str
    after: str
    alert: dict[str, Any]


class IncidentChange(msgspec.Struct, frozen=True, tag_field="t", tag="incident"):
    """An incident changed: `entry` is the new line of its timeline, `incident` its whole new state without timeline."""

    now_ms: int
    cause: Cause
    incident_id: str
    entry: dict[str, Any]
    incident: dict[str, Any]


class CommandChange(msgspec.Struct, frozen=True, tag_field="t", tag="command"):
    """A world command is requested, accepted, done or failed."""

    now_ms: int
    cause: Cause
    command: dict[str, Any]


Change = AlertChange | IncidentChange | CommandChange


class JudgementCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person did to an alert or incident: acknowledge, comment, assign, state, close.

    `at_ms` is the last processed barrier when it was accepted; in a re-execution it takes effect after that barrier again.
    """

    command_id: str
    type: str
    target: str
    at_ms: int
    seq: int
    who: str = ""
    params: dict[str, Any] = {}
