"""What an instructor can make happen: the form of an inject and the check of its parameters.

Lives here: two values and one check. Must not know: any inject in particular (each domain file has its own `INJECTS`),
who asks for it, when. An inject changes the world and returns the ground-truth event that it began.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.city import City, Text
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World

NO_HELP = Text("", "")
MOST_TEXT = 200
LARGEST = 1e300  # a whole number may be beyond all floats: it compares, and converts to none
PLACES = ("link", "node", "zone", "feeder", "cabinet", "luminaire", "device", "building", "basin", "gateway", "backhaul", "gate")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an inject. `kind`: one of PLACES (an id of the city), number, integer, text or choice.

    `default` None of a place means: one is chosen by the seed.
    """

    kind: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    help: Text = NO_HELP


@dataclass(frozen=True, slots=True)
class Inject:
    """An inject. `apply(world, params, now_ms)` gets checked parameters with the defaults filled in."""

    name: str
    title: Text
    truth_kind: str
    parameters: Mapping[str, Parameter]
    apply: "Callable[[World, Mapping[str, Any], int], TruthEvent]"


def place_ids(city: City, kind: str) -> list[str]:
    """Return the city's ids of a kind of place; of `device`, also what carries a device of its own."""
    tables = {
        "link": city.links.id, "node": city.nodes.id, "zone": city.zones.id, "feeder": city.feeders.id,
        "cabinet": city.cabinets.id, "luminaire": city.luminaires.id, "signal": city.signals.id,
        "building": city.buildings.id, "basin": city.basins.id, "gateway": city.gateways.id, "backhaul": city.backhauls.id,
        "gate": city.gates.id,
    }  # fmt: skip
    if kind == "device":
        return [*city.devices.id, *city.signals.id, *city.cabinets.id, *city.luminaires.id, *city.basins.id]
    return tables[kind]


def validate(inject: Inject, params: Mapping[str, Any], city: City) -> list[str]:
    """Return what is wrong with the parameters, one sentence each; empty when they can be applied to the city."""
    problems = [
        f"{inject.name}: parameter {name!r} is unknown; expected one of {', '.join(inject.parameters) or 'none'}"
        for name in params
        if name not in inject.parameters
    ]
    for name, parameter in inject.parameters.items():
        if params.get(name) is not None:
            problem = _problem(parameter, params[name], city)
            if problem:
                problems.append(f"{inject.name}: {name} is {params[name]!r}; {problem}")
    return problems


def complete(inject: Inject, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with the defaults of those that are absent."""
    defaults = {name: parameter.default for name, parameter in inject.parameters.items()}
    return defaults | {name: value for name, value in params.items() if value is not None}


def _problem(parameter: Parameter, value: Any, city: City) -> str:
    if parameter.kind in ("number", "integer"):
        return _number_problem(parameter, value)
    if parameter.kind == "text":
        return "" if isinstance(value, str) and len(value) <= MOST_TEXT else f"expected a text of at most {MOST_TEXT} characters"
    if parameter.kind == "choice":
        return "" if value in parameter.choices else f"expected one of {', '.join(parameter.choices)}"
    known = isinstance(value, str) and value in place_ids(city, parameter.kind)
    return "" if known else f"this city has no {parameter.kind} of that id"


def _number_problem(parameter: Parameter, value: Any) -> str:
    wanted = int if parameter.kind == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted) or not -LARGEST < value < LARGEST:
        return f"expected a finite {parameter.kind}"
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        return f"expected {low} to {high} {parameter.unit}".rstrip()
    return ""
