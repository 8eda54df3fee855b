"""What an exercise beside the city is told of people's judgement: which incident was acknowledged or closed, by its alerts.

Lives here: one message made from one command. Must not know: truth, scenarios, sockets. The city may wait for it (a trigger on
what trainees do); it learns nothing here that the operators do not see.
"""

from ops_center.events import JudgementCommand
from ops_center.judgement import Judgement
from sensors.messages import Judged

WHAT = {"acknowledge": "acknowledged", "acknowledge_alert": "acknowledged", "close": "closed"}


def judged(judgement: Judgement, command: JudgementCommand) -> Judged | None:
    """Return what the city is told of a command that was done, None if it is no business of an exercise."""
    if command.type not in WHAT:
        return None
    incident = None if command.type == "acknowledge_alert" else judgement.incidents.follow(command.target)
    names = [command.target] if incident is None else list(incident.alerts)
    found = [alert for name in names if (alert := judgement.alerts.get(name)) is not None]
    alerts = [{"name": a.name, "labels": dict(a.labels), "fired_ms": a.fired_ms} for a in found]
    return Judged(command_id=command.command_id, what=WHAT[command.type], alerts=alerts)
