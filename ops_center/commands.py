"""World commands: what an operator asks devices or the dispatcher to do, and how far each has come.

Lives here: the state table of a command and the check of its parameters. Must not know: how a command reaches the city.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ops_center.tables import Table, advance
from sensors.messages import CommandInfo, ParameterInfo

COMMAND: Table = {
    ("requested", "accept"): "accepted",
    ("requested", "refuse"): "failed",
    ("requested", "done"): "done",  # a command whose effect is instant may be finished before it is seen accepted
    ("requested", "fail"): "failed",
    ("accepted", "done"): "done",
    ("accepted", "fail"): "failed",
}
KEEP = 10_000
MAX_STRING = 200
LARGEST = 1e300  # a whole number may be beyond all floats: it compares, and converts to none


class WorldCommand(msgspec.Struct):
    """One command to the city. `seq` is its number in the journal, which stands for its random id in digests."""

    command_id: str
    seq: int
    type: str
    target: dict[str, str]
    params: dict[str, Any]
    who: str
    requested_ms: int
    state: str = "requested"
    reason: str = ""
    applied_ms: int | None = None
    done_ms: int | None = None
    incident_id: str | None = None


def check_params(info: CommandInfo, target_kind: str, params: Mapping[str, Any]) -> str:
    """Return what is wrong with a command's target kind or parameters, "" if nothing is."""
    if target_kind not in info.target_kinds:
        return f"{info.type} takes a target of kind {' or '.join(info.target_kinds)}, not {target_kind!r}"
    known = {parameter.name: parameter for parameter in info.parameters}
    extra = sorted(set(params) - set(known))
    if extra:
        return f"{info.type} has no parameter {extra[0]!r}; it has {', '.join(known) or 'none'}"
    for parameter in info.parameters:
        if parameter.name not in params:
            if parameter.default is None:
                return f"{info.type} needs the parameter {parameter.name!r}"
            continue
        wrong = _check_value(parameter, params[parameter.name])
        if wrong:
            return f"{info.type}: {parameter.name} is {wrong}"
    return ""


def _check_value(parameter: ParameterInfo, value: Any) -> str:
    if parameter.type in ("number", "integer"):
        return _check_number(parameter, value)
    if not isinstance(value, str) or len(value) > MAX_STRING:
        return f"not a text of at most {MAX_STRING} characters"
    if parameter.choices and value not in parameter.choices:
        return f"{value!r}; expected one of {', '.join(parameter.choices)}"
    return ""


def _check_number(parameter: ParameterInfo, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST < value < LARGEST:
        return f"{value!r}; expected a finite number"
    if parameter.type == "integer" and value != int(value):
        return f"{value!r}; expected a whole number"
    if parameter.minimum is not None and value < parameter.minimum:
        return f"{value!r}; expected at least {parameter.minimum:g} {parameter.unit}"
    if parameter.maximum is not None and value > parameter.maximum:
        return f"{value!r}; expected at most {parameter.maximum:g} {parameter.unit}"
    return ""


class Commands:
    """The world commands of a run, in the order of their requests."""

    def __init__(self) -> None:
        self.by_id: dict[str, WorldCommand] = {}

    def request(self, command: WorldCommand) -> None:
        """Take in a journalled command; the oldest ended ones are forgotten beyond a limit."""
        self.by_id[command.command_id] = command
        if len(self.by_id) > KEEP:
            ended = next((i for i, c in self.by_id.items() if c.state in ("done", "failed")), None)
            if ended is not None:
                del self.by_id[ended]

    def advance(self, command_id: str, event: str, now_ms: int, reason: str = "") -> WorldCommand | None:
        """Apply accept, refuse, done or fail; return the command, None if it is unknown. Raises IllegalEvent."""
        command = self.by_id.get(command_id)
        if command is None:
            return None
        command.state = advance(COMMAND, f"command {command.type} {command_id}", command.state, event)
        command.reason = reason
        if command.applied_ms is None and event != "refuse":
            command.applied_ms = now_ms
        if command.state in ("done", "failed"):
            command.done_ms = now_ms
        return command

    def unanswered(self) -> list[WorldCommand]:
        """Return the commands that the city has not yet accepted or refused."""
        return [command for command in self.by_id.values() if command.state == "requested"]

    def recent(self, count: int) -> list[WorldCommand]:
        """Return the last `count` commands, oldest first."""
        return list(self.by_id.values())[-count:]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all commands as plain data."""
        return [plain(command) for command in self.by_id.values()]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Take the place of a snapshot."""
        self.by_id = {command.command_id: command for command in msgspec.convert(data, list[WorldCommand])}


def plain(command: WorldCommand) -> dict[str, Any]:
    """Return a command as plain data."""
    data: dict[str, Any] = msgspec.to_builtins(command)
    return data
