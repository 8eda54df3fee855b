"""An alert's dials swept over recorded runs: what each configuration catches and raises, without simulating again.

Lives here: one run swept, as counts that can be added up; which rule of some files is meant. Must not know: other runs, how
figures are made of counts. Configurations with the same firings are laid beside the truth once.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ops_center.rules.files import Rule, RuleFile, RuleGroup
from ops_center.rules.variants import Fired, Variants
from scenarios.claims import Claim
from scenarios.rulebench.dials import FOR, THRESHOLD, WINDOW, Panel, panel_of
from scenarios.rulebench.matching import Matching
from scenarios.rulebench.recording import Recording, at_seed, recording
from scenarios.rulebench.rule_edit import expression_text
from scenarios.rulebench.sight import seen_by, sights
from scenarios.rulebench.tally import Job, RuleSet, evaluations_of, kinds_of, settings_of, setup_of
from sensors.registry import city_shape

Plain = dict[str, Any]
STATUSES = ("detected", "late", "missed", "open", "out_of_sight")
COUNTS = ("alarms", "false", *STATUSES, "timed", "after_ms", "repeats")
TOGETHER = 1_000  # expressions that share what they have in common; more would only fill the memory


class NoSuchAlert(ValueError):
    """The rule files have no such alert, or more than one."""


@dataclass(frozen=True, slots=True)
class Target:
    """The rule that is swept: its file by number, group and rule by number in it, and its place among all rules."""

    file: int
    group: int
    rule: int
    place: int


@dataclass(frozen=True, slots=True)
class SweepJob:
    """A run to be swept: the scenario and seed with one rule set, the rule, its claim, and the values of each dial."""

    job: Job
    target: Target
    alert: str
    values: tuple[tuple[str, tuple[float, ...]], ...]


def target_of(files: Sequence[RuleFile], alert: str | None) -> Target:
    """The rule of an alert; without a name, of the only one. Raises NoSuchAlert that lists what there is."""
    found: list[Target] = []
    names: dict[str, None] = {}
    place = 0
    for f, file in enumerate(files):
        for g, group in enumerate(file.groups):
            for r, rule in enumerate(group.rules):
                names |= {rule.alert: None} if rule.alert else {}
                if rule.alert and rule.alert == (alert or rule.alert):
                    found.append(Target(f, g, r, place))
                place += 1
    if len(found) == 1:
        return found[0]
    if alert is None:
        raise NoSuchAlert(f"the rule files have {len(found)} alerts; expected --alert with one of {_some(names)}")
    if not found:
        raise NoSuchAlert(f"--alert {alert!r}: there is no such alert; expected one of {_some(names)}")
    lines = ", ".join(f"{_rule(files, one).file}:{_rule(files, one).line}" for one in found)
    raise NoSuchAlert(f"--alert {alert!r} stands {len(found)} times ({lines}); expected a name that one rule has")


def _some(names: Sequence[str] | dict[str, None]) -> str:
    listed = list(names)
    return ", ".join(listed[:20]) + (f" and {len(listed) - 20} more" if len(listed) > 20 else "")


def _rule(files: Sequence[RuleFile], target: Target) -> Rule:
    return _group(files, target).rules[target.rule]


def _group(files: Sequence[RuleFile], target: Target) -> RuleGroup:
    return files[target.file].groups[target.group]


def panel_in(rules: RuleSet, files: Sequence[RuleFile], target: Target) -> Panel:
    """The dials of the rule that is swept."""
    rule = _rule(files, target)
    return panel_of(expression_text(rules.files[target.file][1], target.group, target.rule), rule.expr, rule.for_ms)


# -- one run


def swept(job: SweepJob) -> Plain:
    """The counts of every configuration over one run. The city is simulated at most once, and not if it is recorded."""
    inner = job.job
    setup = at_seed(setup_of(inner.scenario, inner.city, inner.kinds_dirs, inner.mapping, inner.cache), inner.seed)
    rules = inner.rules[0]
    files = rules.loaded()
    made = recording(setup, kinds_of(files, setup), None if inner.cache is None else inner.cache / "recordings")
    return counts_of(made, rules, files, job.target, {name: list(some) for name, some in job.values})


def counts_of(
    made: Recording, rules: RuleSet, files: Sequence[RuleFile], target: Target, values: dict[str, list[float]]
) -> Plain:
    """The counts of every configuration over a recording, in the order of `dials.configurations`: lists by `COUNTS`."""
    settings = settings_of(made, rules.semantics)
    alert = _rule(files, target).alert
    claims: dict[str, Claim] = {alert: rules.claims[alert]} if alert in rules.claims else {}
    evaluations = evaluations_of(files, settings, made.warm_up_ms, made.until_ms)
    seen = sights(seen_by(files, made.store, [metric.name for metric in city_shape(made.city)], claims), evaluations)
    ground = Matching(made, (), claims, seen)
    kept: dict[bytes, list[int]] = {}
    counts: list[list[int]] = []
    variants = Variants(files, target.place, made.store, 0, made.until_ms, settings)
    for fired in firings(variants, panel_in(rules, files, target), values):
        if fired.key not in kept:
            kept[fired.key] = _counted(Matching(made, fired.firings(), claims, seen, ground), alert)
        counts.append(kept[fired.key])
    sight = seen[alert]
    return {
        "scenario": made.scenario, "seed": made.seed, "noise_seed": made.noise_seed, "city": made.city.id,
        "warm_up_ms": made.warm_up_ms, "until_ms": made.until_ms, "decisions": sight.decisions, "sensors": sight.sensors,
        "counts": {name: [row[number] for row in counts] for number, name in enumerate(COUNTS)},
    }  # fmt: skip


def firings(variants: Variants, panel: Panel, values: dict[str, list[float]]) -> Iterator[Fired]:
    """What every configuration fired, in the order of `dials.configurations`."""
    waits = [int(value) for value in values[FOR]]
    for windows in _settings(panel, WINDOW, values):
        thresholds = _settings(panel, THRESHOLD, values)
        while some := [panel.turned(windows | one) for one in itertools.islice(thresholds, TOGETHER)]:
            for found in variants.fired(some, waits):
                yield from found


def _settings(panel: Panel, kind: str, values: dict[str, list[float]]) -> Iterator[dict[str, float]]:
    """Every combination of values of the dials of a kind; those that stay as they are change nothing."""
    dials = panel.dial(kind)
    for one in itertools.product(*(values[dial.name] for dial in dials)):
        yield {dial.name: value for dial, value in zip(dials, one, strict=True) if value != dial.now}


def _counted(matching: Matching, alert: str) -> list[int]:
    cases = matching.cases.get(alert, [])
    alarms = matching.alarms
    after = [case.after_ms for case in cases if case.status == "detected" and case.after_ms is not None]
    by_status = [sum(case.status == status for case in cases) for status in STATUSES]
    false = sum(one.verdict == "false" for one in alarms)
    return [len(alarms), false, *by_status, len(after), sum(after), sum(case.repeats for case in cases)]


def added(runs: Sequence[Plain]) -> dict[str, np.ndarray]:
    """The counts of some runs, each of shape (runs, configurations)."""
    return {name: np.array([run["counts"][name] for run in runs], dtype=np.int64) for name in COUNTS}


def only_alert(rules: RuleSet, alert: str) -> RuleSet:
    """The rule set with the claims of one alert."""
    return replace(rules, claims={name: claim for name, claim in rules.claims.items() if name == alert})
