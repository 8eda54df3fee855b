"""Why, why not, asked of a recorded run or of a scenario: a center with the engineer's rules, led up to the instant.

Lives here: leading a center there, instants counted from T+0. Must not know: how an alert is explained, how it is said.
Truth takes no part in it: what is asked is what the rules could see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops_center.judge import RuleFile
from ops_center.pipeline import Center, CenterConfig
from ops_center.rules.why import Asked, why
from ops_center.run import Run
from scenarios.replay import read_record
from scenarios.runner import HeadlessRun
from scenarios.runs import RunFolder
from scenarios.setup import Setup

SLICE_MS = 60_000
Told = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked: the alert, its labels as far as they are given, the instant in ms from T+0."""

    alert: str
    t_ms: int
    labels: Mapping[str, str] = field(default_factory=dict)


class NotRecorded(ValueError):
    """The instant lies outside of what was recorded or can be simulated."""


def of_run(run: RunFolder, rules: Sequence[RuleFile], wanted: Wanted, told: Told = lambda done: None) -> dict[str, Any]:
    """Return the explanation over a recorded run; `told` gets simulated seconds.

    Raises:
        NotRecorded: the instant is not in the record.
        RunError: the run cannot be read.
        NoSuchAlert: no rule makes the alert.
    """
    record = read_record(run)
    at_ms = _within(wanted.t_ms + record.warm_up_ms, record.until_ms, record.warm_up_ms)
    memory = Run(None, CenterConfig(rules=tuple(rules)), keyframes=False)
    next_ms = 0
    for barrier_ms, group in record.groups(-1):
        if barrier_ms > at_ms:
            break
        for frame in group:
            memory.take(frame)
        memory.unsettled = 0
        if barrier_ms >= next_ms:
            told(barrier_ms / 1000)
            next_ms = barrier_ms + SLICE_MS
    return _asked(memory.center, wanted, record.warm_up_ms) | {"source": {"run": run.run_id}}


def of_scenario(setup: Setup, wanted: Wanted, told: Told = lambda done: None) -> dict[str, Any]:
    """Return the explanation over a headless run of a setup, which is led no further than the instant.

    Raises:
        NotRecorded: the scenario does not last that long.
        NoSuchAlert: no rule makes the alert.
    """
    warm_ms = setup.scenario.warm_up
    at_ms = _within(wanted.t_ms + warm_ms, setup.scenario.total_ms, warm_ms)
    run = HeadlessRun(setup)
    for stop_ms in (*range(SLICE_MS, at_ms, SLICE_MS), at_ms):
        run.advance(stop_ms)
        told(run.now_ms / 1000)
    document = _asked(run.center, wanted, warm_ms)
    run.close()
    return document | {"source": {"scenario": setup.scenario.name, "seed": setup.seed}}


def _within(at_ms: int, until_ms: int, warm_ms: int) -> int:
    if not 0 <= at_ms <= until_ms:
        t_s, first_s, last_s = ((ms - warm_ms) / 1000 for ms in (at_ms, 0, until_ms))
        raise NotRecorded(f"saw T{t_s:+g} s, expected an instant from T{first_s:+g} s to T{last_s:+g} s")
    return at_ms


def _asked(center: Center, wanted: Wanted, warm_ms: int) -> dict[str, Any]:
    document = why(center.judge.rules, Asked(wanted.t_ms + warm_ms, wanted.alert, labels=dict(wanted.labels)))
    return document | {"warm_up_ms": warm_ms, "start_ms": center.judge.start_ms}
