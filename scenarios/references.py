"""What a scenario's conditions and expectations point to: quantities, the places they are read at, commands and their targets.

Lives here: whether each of these is there. Must not know: whether it makes sense (`scenarios.lint`), YAML, how anything runs.
"""

from collections.abc import Iterator, Mapping, Sequence

from scenarios.quantities import CITY, QUANTITIES
from scenarios.schema import LEVEL_CONDITIONS, PlaceRef, Scenario
from scenarios.yaml_tree import Path_, Problem, Tree
from sensors.city_actions import ACTIONS
from sensors.kind import SensorKind
from sensors.messages import CommandInfo
from sensors.quarantine import QUARANTINE
from sensors.registry import DISPATCH, command_info
from simulator.city import City
from simulator.injects import place_ids


def commands_of(kinds: Sequence[SensorKind]) -> dict[str, CommandInfo]:
    """Return the commands that a city with these sensor kinds takes, by type."""
    actions = [*ACTIONS, *(action for kind in kinds for action in kind.actions)]
    return {info.type: info for info in (*map(command_info, actions), DISPATCH, QUARANTINE)}


def dangling(scenario: Scenario, tree: Tree, city: City, commands: Mapping[str, CommandInfo]) -> Iterator[Problem]:
    """Yield every reference that points to nothing."""
    for i, trigger in enumerate(scenario.triggers):
        when, at = trigger.when, ("triggers", i, "when")
        if when.kind in LEVEL_CONDITIONS:
            yield from _level(when.quantity, when.place, at, tree, city)
        if when.command is not None:
            yield from _command(when.command, when.target, tuple(when.params), at, tree, city, commands)
    for i, e in enumerate(scenario.expectations):
        if e.kind == "outcome":
            yield from _level(e.quantity, e.place, ("expectations", i), tree, city)
        if e.command is not None:
            yield from _command(e.command, e.target, tuple(e.params), ("expectations", i), tree, city, commands)


def _level(name: str | None, place: PlaceRef | None, at: Path_, tree: Tree, city: City) -> Iterator[Problem]:
    """A quantity that there is, at a place that it can be read at and that the city has."""
    quantity = QUANTITIES.get(name or "")
    if quantity is None:
        yield tree.problem((*at, "quantity"), f"quantity {name!r} is unknown; expected one of {', '.join(QUANTITIES)}")
        return
    kind = place.kind if place else CITY
    if kind not in quantity.places:
        said = f"{name} is read at {' or '.join(quantity.places)}, not at a {kind}"
        yield tree.problem((*at, "place") if place else (*at, "quantity"), f"{said}; expected such a place")
    elif place is not None and place.id not in place_ids(city, place.kind):
        said = f"city {city.id} has no {place.kind} {place.id!r}; expected an id of it"
        yield tree.problem((*at, "place", "id"), said)


def _command(
    name: str, target: str | None, params: Sequence[str], at: Path_, tree: Tree, city: City, commands: Mapping[str, CommandInfo]
) -> Iterator[Problem]:
    """A command that some device takes, with parameters that it has, at a place that the city has."""
    info = commands.get(name)
    if info is None:
        yield tree.problem((*at, "command"), f"no device takes {name!r}; expected one of {', '.join(commands)}")
        return
    if target is not None and not any(target in place_ids(city, kind) for kind in info.target_kinds):
        said = f"city {city.id} has no {' or '.join(info.target_kinds)} {target!r}; expected the id of one"
        yield tree.problem((*at, "target"), said)
    names = {parameter.name for parameter in info.parameters}
    for extra in (p for p in params if p not in names):
        said = f"{name} has no parameter {extra!r}; expected one of {', '.join(sorted(names)) or 'none'}"
        yield tree.problem((*at, "params", extra), said)
