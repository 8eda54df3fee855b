"""Reading a scenario file: every error with its line, before anything is built.

Lives here: finding a scenario, YAML to model, checks against a city and the injects there are. Must not know: how it runs.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from scenarios.schema import Expectation, Palette, Scenario, Text, TimelineEntry
from scenarios.units import say_duration
from scenarios.yaml_tree import MAX_BYTES, BadFile, Problem, Tree, read_tree
from simulator.cities.catalogue import BUILT_IN
from simulator.city import City
from simulator.injects import Inject, validate
from simulator.truth import TRUTH_KINDS

LIBRARY = Path(__file__).parent / "library"
MAX_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario that was read: where from, its bytes' SHA-256, and the tree that knows its lines."""

    scenario: Scenario
    path: Path
    sha256: str
    tree: Tree


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


def load(name_or_path: str | Path) -> Loaded:
    """Return a scenario, its shape checked. Raises BadFile with all problems found."""
    path = find(name_or_path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadFile([Problem(str(path), 1, 1, f"the file has {size} bytes; expected at most {MAX_BYTES}")])
        text = path.read_bytes()
    except OSError as error:
        raise BadFile([Problem(str(path), 1, 1, f"the file cannot be read: {error.strerror}")]) from None
    return loads(text, path)


def loads(text: bytes, path: Path) -> Loaded:
    """Return the scenario of a text that came from `path`. Raises BadFile."""
    tree = read_tree(text, str(path))
    if not isinstance(tree.data, dict):
        kind = type(tree.data).__name__
        raise BadFile([tree.problem((), f"the file holds a {kind}; expected keys such as name, city, start_at")])
    try:
        scenario = Scenario.model_validate(tree.data)
    except ValidationError as error:
        raise BadFile(_translated(error, tree)) from None
    problems = list(_own_problems(scenario, tree))
    if problems:
        raise BadFile(problems[:MAX_PROBLEMS])
    return Loaded(scenario, path, hashlib.sha256(text).hexdigest(), tree)


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


def check_city(loaded: Loaded, city: City, injects: Mapping[str, Inject]) -> None:
    """Check every inject and place against a city. Raises BadFile."""
    scenario, tree = loaded.scenario, loaded.tree
    problems = [
        problem
        for table, entries in (("timeline", scenario.timeline), ("palette", scenario.palette))
        for i, entry in enumerate(entries)
        for problem in _inject_problems(entry, (table, i), tree, city, injects)
    ]
    if problems:
        raise BadFile(problems[:MAX_PROBLEMS])


def _inject_problems(
    entry: Palette, path: tuple[str | int, ...], tree: Tree, city: City, injects: Mapping[str, Inject]
) -> Iterator[Problem]:
    inject = injects.get(entry.inject)
    if inject is None:
        names = ", ".join(sorted(injects))
        yield tree.problem((*path, "inject"), f"inject {entry.inject!r} is unknown; expected one of {names}")
        return
    for name, value in entry.params.items():
        for message in validate(inject, {name: value}, city):
            yield tree.problem((*path, "params", name), message)


def _own_problems(scenario: Scenario, tree: Tree) -> Iterator[Problem]:
    """What the shape cannot say: times inside the run, ids once, expectations that name something."""
    if scenario.duration <= 0:
        yield tree.problem(("duration",), "duration is 0s; expected more than nothing")
    seen: set[str] = set()
    for i, entry in enumerate(scenario.timeline):
        if entry.at > scenario.duration:
            at, end = say_duration(entry.at), say_duration(scenario.duration)
            yield tree.problem(("timeline", i, "at"), f"the inject is at {at}, after the run's end; expected at most {end}")
        if entry.id in seen:
            yield tree.problem(("timeline", i, "id"), f"id {entry.id!r} is used twice; expected it once")
        seen |= {entry.id} if entry.id else set()
    yield from _expectation_problems(scenario.expectations, seen, tree)


def _expectation_problems(expectations: Sequence[Expectation], ids: set[str], tree: Tree) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, expectation in enumerate(expectations):
        if expectation.id in seen:
            yield tree.problem(("expectations", i, "id"), f"id {expectation.id!r} is used twice; expected it once")
        seen.add(expectation.id)
        of = expectation.of
        if of is not None and of not in ids and of not in TRUTH_KINDS:
            names = ", ".join(sorted(ids)) or "none"
            yield tree.problem(
                ("expectations", i, "of"),
                f"{of!r} names nothing; expected an id of the timeline ({names}) or a kind of truth such as feeder_outage",
            )


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
    tables: dict[str, type[BaseModel]] = {"timeline": TimelineEntry, "palette": Palette, "expectations": Expectation}
    if len(path) > 1 and path[-2] in ("title", "description"):
        return list(Text.model_fields)
    if len(path) > 1 and path[0] in tables:
        return list(tables[str(path[0])].model_fields)
    return list(Scenario.model_fields)
