"""Commands at work: from accepted to done or failed.

Lives here: checking a command against its description, its delay, its end. Must not know: what an action does (the kind's file,
`simulator.units`), the center's journal. Reasons begin with a code that the console can translate: `code: words`.

    accepted -> done | failed        a dispatch stays accepted until the unit has finished on scene
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensors.city_actions import ACTIONS
from sensors.kind import Action, SensorKind
from sensors.messages import Applied, Command, Finished, ParameterInfo
from sensors.quarantine import QUARANTINE, Quarantine
from sensors.registry import DISPATCH, command_info
from simulator.truth import Place
from simulator.units import NoUnit
from simulator.world import World

DISPATCH_DELAY_MS = 2_000
LARGEST = 1e300  # a whole number may be beyond all floats: it compares, and converts to none


@dataclass(frozen=True, slots=True)
class Pending:
    """An accepted command that takes effect at `due_ms`."""

    command_id: str
    due_ms: int
    type: str
    target_kind: str
    target_id: str
    params: dict[str, Any]


class Actuators:
    """The commands under way in one city."""

    def __init__(self, world: World, kinds: Sequence[SensorKind], quarantine: Quarantine) -> None:
        self._world, self._quarantine = world, quarantine
        self._actions: dict[str, Action] = {action.type: action for action in ACTIONS}
        self._actions |= {action.type: action for kind in kinds for action in kind.actions}
        self._known = {c.type: c for c in (*map(command_info, self._actions.values()), DISPATCH, QUARANTINE)}
        self._pending: list[Pending] = []

    def accept(self, command: Command, now_ms: int) -> Applied:
        """Take a command, or say why not."""
        reason = self._refusal(command) or self._nobody(command, now_ms)
        if reason:
            return Applied(command_id=command.command_id, now_ms=now_ms, accepted=False, reason=reason)
        action = self._actions.get(command.type)
        infos = self._known[command.type].parameters
        defaults = {info.name: info.default for info in infos if info.default is not None}
        due_ms = now_ms + (DISPATCH_DELAY_MS if action is None else action.delay_ms)
        params = defaults | command.params
        self._pending.append(Pending(command.command_id, due_ms, command.type, command.target_kind, command.target_id, params))
        return Applied(command_id=command.command_id, now_ms=now_ms)

    def next_ms(self) -> int | None:
        """The instant at which the next command takes effect, or None."""
        return min((p.due_ms for p in self._pending), default=None)

    def finish_due(self, now_ms: int) -> list[Finished]:
        """Carry out what is due, in the order of acceptance, and tell how it ended."""
        due = [p for p in self._pending if p.due_ms <= now_ms]
        self._pending = [p for p in self._pending if p.due_ms > now_ms]
        ends = [self._carry_out(p, now_ms) for p in due]
        return [end for end in ends if end is not None]

    def finish_reported(self, now_ms: int) -> list[Finished]:
        """Tell of the jobs that units have ended since the last call."""
        return [
            Finished(command_id=r.job_id, now_ms=now_ms, state="done" if r.done else "failed", reason=r.text)
            for r in self._world.units.take_reports()
            if r.job_id
        ]

    def _carry_out(self, pending: Pending, now_ms: int) -> Finished | None:
        if pending.type == DISPATCH.type:
            place = _place(pending.target_kind, pending.target_id)
            try:
                self._world.units.dispatch(pending.params["unit"], place, now_ms, pending.command_id)
            except NoUnit as problem:
                reason = str(problem)
            else:
                return None
        elif pending.type == QUARANTINE.type:
            self._quarantine.set(pending.target_id, pending.params["state"])
            reason = ""
        else:
            reason = self._actions[pending.type].apply(self._world, pending.target_id, pending.params, now_ms)
        state = "failed" if reason else "done"
        return Finished(command_id=pending.command_id, now_ms=now_ms, state=state, reason=reason)

    def _refusal(self, command: Command) -> str:
        known = self._known.get(command.type)
        if known is None:
            return f"unknown_command: {command.type!r}; expected one of {', '.join(sorted(self._known))}"
        if command.target_kind not in known.target_kinds:
            return f"wrong_target: {command.type} takes {' or '.join(known.target_kinds)}, not {command.target_kind!r}"
        if self._world.places.spot(_place(command.target_kind, command.target_id)) is None:
            return f"unknown_target: the city has no {command.target_kind} {command.target_id!r}"
        return check_params(known.parameters, command.params)

    def _nobody(self, command: Command, now_ms: int) -> str:
        """Return why nobody can be sent, so that the operator hears it at once."""
        if command.type != DISPATCH.type:
            return ""
        unit = command.params.get("unit", DISPATCH.parameters[0].default)
        return self._world.units.refusal(str(unit), _place(command.target_kind, command.target_id), now_ms)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the commands under way as plain data."""
        return [
            {
                "command_id": p.command_id, "due_ms": p.due_ms, "type": p.type,
                "target_kind": p.target_kind, "target_id": p.target_id, "params": dict(p.params),
            }
            for p in self._pending
        ]  # fmt: skip

    def restore(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take over commands under way."""
        self._pending = [Pending(**row) for row in rows]


def _place(kind: str, thing_id: str) -> Place:
    return Place("device" if kind == "signal" else kind, thing_id)


def check_params(infos: Sequence[ParameterInfo], params: Mapping[str, Any]) -> str:
    """Return why parameters do not fit their description, or ''."""
    known = {info.name: info for info in infos}
    for name, value in params.items():
        if name not in known:
            return f"bad_parameter: {name!r} is unknown; expected {', '.join(known) or 'none'}"
        problem = _problem(known[name], value)
        if problem:
            return f"bad_parameter: {name} is {value!r}; {problem}"
    missing = [info.name for info in infos if info.default is None and info.name not in params]
    return f"bad_parameter: {', '.join(missing)} is missing" if missing else ""


def _problem(info: ParameterInfo, value: Any) -> str:
    if info.type == "choice":
        return "" if value in info.choices else f"expected one of {', '.join(info.choices)}"
    if info.type == "string":
        return "" if isinstance(value, str) and 0 < len(value) <= 200 else "expected a text of 1 to 200 characters"
    wanted = int if info.type == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted) or not -LARGEST < value < LARGEST:
        return f"expected a finite {info.type}"
    low, high = info.minimum, info.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        return f"expected {low} to {high} {info.unit}".rstrip()
    return ""
