"""Reading a scenario file: every error with its line, before anything is built.

Lives here: finding a scenario, YAML to model, checks against a city and the injects there are. Must not know: how it runs.
"""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from scenarios.references import dangling
from scenarios.schema import Expectation, Note, Palette, PlaceRef, Scenario, Source, Text, TimelineEntry, Trigger, Variant, When
from scenarios.units import say_duration
from scenarios.variants import filled, jittered_ms, picks_of
from scenarios.yaml_tree import MAX_BYTES, BadFile, Problem, Tree, read_tree
from sensors.messages import CommandInfo
from simulator.cities.catalogue import BUILT_IN
from simulator.city import City
from simulator.injects import Inject, validate
from simulator.truth import TRUTH_KINDS

LIBRARY = Path(__file__).parent / "library"
MAX_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario that was read: where from, its bytes' SHA-256, the tree that knows its lines, what its seed has chosen."""

    scenario: Scenario
    path: Path
    sha256: str
    tree: Tree
    picks: Mapping[str, int] = field(default_factory=dict)


def library() -> list[Path]:
    """Return the scenario files that come with cityops, by name."""
    return sorted(LIBRARY.glob("*.yaml"))


def find(name_or_path: str | Path) -> Path:
    """Return the file of a built-in scenario's name, or the path itself. Raises BadFile when there is neither."""
    built_in = LIBRARY / f"{name_or_path}.yaml"
    if str(name_or_path) and "/" not in str(name_or_path) and built_in.is_file():
        return built_in
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = ", ".join(p.stem for p in library())
    seen = "this is a folder" if path.is_dir() and str(name_or_path) else "there is no such file"
    raise BadFile([Problem(str(name_or_path) or "''", 1, 1, f"{seen}; expected a scenario file or one of {names}")])


def load(name_or_path: str | Path, seed: int | None = None, picks: Mapping[str, int] | None = None) -> Loaded:
    """Return a scenario as `seed` (else its own) or `picks` make it, its shape checked. Raises BadFile with all problems."""
    path = find(name_or_path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadFile([Problem(str(path), 1, 1, f"the file has {size} bytes; expected at most {MAX_BYTES}")])
        text = path.read_bytes()
    except OSError as error:
        raise BadFile([Problem(str(path), 1, 1, f"the file cannot be read: {error.strerror}")]) from None
    return loads(text, path, seed, picks)


def loads(text: bytes, path: Path, seed: int | None = None, picks: Mapping[str, int] | None = None) -> Loaded:
    """Return the scenario of a text that came from `path`. Raises BadFile."""
    tree = read_tree(text, str(path))
    if not isinstance(tree.data, dict):
        kind = type(tree.data).__name__
        raise BadFile([tree.problem((), f"the file holds a {kind}; expected keys such as name, city, start_at")])
    own = tree.data.get("seed")
    the_seed = seed if seed is not None else own if isinstance(own, int) and own >= 0 else 1
    chosen = picks_of(tree.data, the_seed) if picks is None else dict(picks)
    data, unset = filled(tree.data, chosen)
    if unset:
        raise BadFile([tree.problem(where, f"'${name}' is set by no variant; expected a name of one") for where, name in unset])
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise BadFile(_translated(error, tree)) from None
    problems = list(_own_problems(scenario, tree))
    if problems:
        raise BadFile(problems[:MAX_PROBLEMS])
    return Loaded(_in_time(scenario, the_seed), path, hashlib.sha256(text).hexdigest(), tree, chosen)


def _in_time(scenario: Scenario, seed: int) -> Scenario:
    """Return the scenario with the jitter of its timeline drawn."""
    entries = [
        entry.model_copy(update={"at": jittered_ms(entry.at, entry.jitter, entry.id or f"timeline-{i + 1}", seed)})
        for i, entry in enumerate(scenario.timeline)
    ]
    return scenario.model_copy(update={"timeline": entries})


def city_argument(loaded: Loaded) -> str:
    """Return what the city catalogue is asked for: a built-in name, or a path relative to the scenario file.

    Raises BadFile with the place of the word when there is neither."""
    name = loaded.scenario.city
    if name in BUILT_IN:
        return name
    path = (loaded.path.parent / name).resolve()
    if name.endswith(".json") and path.is_file():
        return str(path)
    said = f"there is no city {name!r}; expected one of {', '.join(BUILT_IN)}, or a city file (.json) beside the scenario"
    raise BadFile([loaded.tree.problem(("city",), said)])


def check_city(loaded: Loaded, city: City, injects: Mapping[str, Inject], commands: Mapping[str, CommandInfo]) -> None:
    """Check every inject, place, quantity and command against a city. Raises BadFile."""
    scenario, tree = loaded.scenario, loaded.tree
    tables: tuple[tuple[str, Sequence[Palette | Trigger]], ...] = (
        ("timeline", scenario.timeline), ("triggers", scenario.triggers), ("palette", scenario.palette),
    )  # fmt: skip
    problems = [
        problem
        for table, entries in tables
        for i, entry in enumerate(entries)
        for problem in _inject_problems(entry.inject, entry.params, (table, i), tree, city, injects)
    ]
    problems += dangling(scenario, tree, city, commands)
    if problems:
        raise BadFile(problems[:MAX_PROBLEMS])


def _inject_problems(
    asked: str | None,
    params: Mapping[str, Any],
    path: tuple[str | int, ...],
    tree: Tree,
    city: City,
    injects: Mapping[str, Inject],
) -> Iterator[Problem]:
    if asked is None:  # a trigger that only begins a phase
        return
    inject = injects.get(asked)
    if inject is None:
        names = ", ".join(sorted(injects))
        yield tree.problem((*path, "inject"), f"inject {asked!r} is unknown; expected one of {names}")
        return
    for name, value in params.items():
        for message in validate(inject, {name: value}, city):
            yield tree.problem((*path, "params", name), message)


def _own_problems(scenario: Scenario, tree: Tree) -> Iterator[Problem]:
    """What the shape cannot say: times inside the run, ids once, references that name something."""
    if scenario.duration <= 0:
        yield tree.problem(("duration",), "duration is 0s; expected more than nothing")
    yield from _timeline_problems(scenario, tree)
    names = Names.of(scenario)
    tables: tuple[tuple[str, Sequence[TimelineEntry | Trigger | Expectation]], ...] = (
        ("timeline", scenario.timeline), ("triggers", scenario.triggers), ("expectations", scenario.expectations),
    )  # fmt: skip
    for table, rows in tables:
        seen: set[str] = set()
        for i, row in enumerate(rows):
            taken = row.id in seen or (table == "triggers" and row.id in names.entries)
            if row.id is not None and taken:
                yield tree.problem((table, i, "id"), f"id {row.id!r} is used twice; expected it once")
            seen.add(row.id or "")
    yield from _reference_problems(scenario, names, tree)


def _timeline_problems(scenario: Scenario, tree: Tree) -> Iterator[Problem]:
    end = say_duration(scenario.duration)
    for i, entry in enumerate(scenario.timeline):
        if entry.at > scenario.duration:
            said = f"the inject is at {say_duration(entry.at)}, after the run's end; expected at most {end}"
            yield tree.problem(("timeline", i, "at"), said)
        elif entry.at + entry.jitter > scenario.duration or entry.at < entry.jitter:
            span = f"{say_duration(entry.at - entry.jitter)} to {say_duration(entry.at + entry.jitter)}"
            yield tree.problem(
                ("timeline", i, "jitter"), f"the inject may come from {span}; expected within 0s and the end, {end}"
            )


@dataclass(frozen=True, slots=True)
class Names:
    """What a scenario's references may name."""

    entries: frozenset[str]
    triggers: frozenset[str]
    phases: frozenset[str]

    @classmethod
    def of(cls, scenario: Scenario) -> "Names":
        """Return the names that a scenario gives."""
        return cls(
            frozenset(e.id for e in scenario.timeline if e.id),
            frozenset(t.id for t in scenario.triggers),
            frozenset(t.phase for t in scenario.triggers if t.phase),
        )


def _reference_problems(scenario: Scenario, names: Names, tree: Tree) -> Iterator[Problem]:
    """References by `of`: a condition may wait for a truth or a phase, an expectation may also count from a phase."""
    truth = names.entries | {t.id for t in scenario.triggers if t.inject} | set(TRUTH_KINDS)
    for i, trigger in enumerate(scenario.triggers):
        known = names.phases if trigger.when.kind == "phase" else truth
        if trigger.when.kind == "command" and trigger.when.missing_for is not None:
            known = truth | names.phases
        yield from _unknown(trigger.when.of, known, ("triggers", i, "when", "of"), names, tree)
    for i, expectation in enumerate(scenario.expectations):
        since = truth | names.phases if expectation.kind == "command_done" else truth
        yield from _unknown(expectation.of, since, ("expectations", i, "of"), names, tree)
    for i, note in enumerate(scenario.hidden):
        yield from _unknown(note.of, truth, ("hidden", i, "of"), names, tree)


def _unknown(of: str | None, known: Container[str], where: tuple[str | int, ...], names: Names, tree: Tree) -> Iterator[Problem]:
    if of is None or of in known:
        return
    given = ", ".join(sorted(names.entries | names.triggers | names.phases)) or "none"
    said = (
        f"{of!r} names nothing; expected an id of timeline, trigger or phase ({given}) or a kind of truth such as feeder_outage"
    )
    yield tree.problem(where, said)


def _translated(error: ValidationError, tree: Tree) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False)[:MAX_PROBLEMS]:
        path = tuple(part for part in item["loc"] if part != "[key]")
        problems.append(tree.problem(path, _message(item, path), key=item["type"] == "extra_forbidden"))
    return problems


def _message(item: Mapping[str, Any], path: tuple[str | int, ...]) -> str:
    where = ".".join(str(part) for part in path)
    if item["type"] == "missing":
        return f"the key {path[-1]!r} is missing"
    if item["type"] == "extra_forbidden":
        return f"unknown key {str(path[-1])!r}; expected one of {', '.join(_known_keys(path))}"
    reason = str(item.get("ctx", {}).get("error") or item["msg"])
    if item["type"] == "value_error":
        return f"{where}: {reason}" if where else reason
    seen = repr(item["input"])
    return f"{where} is {seen if len(seen) <= 80 else seen[:77] + '...'}; {reason[0].lower()}{reason[1:]}"


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys of the part of a scenario in which a path's last word stands."""
    if len(path) > 1 and path[-2] in PARTS:
        return list(PARTS[str(path[-2])].model_fields)
    if len(path) > 2 and path[-3] in PARTS:
        return list(PARTS[str(path[-3])].model_fields)
    return list(Scenario.model_fields)


# key of a file -> the part that stands there, or of which a list stands there
PARTS: Mapping[str, type[BaseModel]] = {
    "title": Text, "description": Text, "text": Text, "fact": Text, "assumptions": Text, "timeline": TimelineEntry, "palette":
    Palette, "triggers": Trigger, "when": When, "place": PlaceRef, "expectations": Expectation, "variants": Variant, "hidden":
    Note, "sources": Source,
}  # fmt: skip
