"""Weather: what it is now, and the factors by which it touches everything else.

Lives here: a table of four kinds of weather. Must not know: who uses which factor, except that traffic is told at once.
Rain and speed, capacity: Hranac et al., Empirical Studies on Traffic Flow in Inclement Weather, FHWA-HOP-07-073 (2006);
the fog row and the factors of light, sight and nuisance are assumptions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.truth import Place, TruthEvent

if TYPE_CHECKING:
    from simulator.world import World


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of a kind of weather: on free speed, road capacity, daylight, sight of cameras, false causes, people outdoors."""

    speed: float
    capacity: float
    daylight: float
    sight: float
    nuisance: float
    outdoors: float


WEATHER: Mapping[str, Factors] = {
    "clear": Factors(1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "rain": Factors(0.97, 0.90, 0.35, 0.85, 4.0, 0.5),
    "heavy_rain": Factors(0.91, 0.88, 0.15, 0.60, 10.0, 0.2),
    "fog": Factors(0.90, 0.90, 0.40, 0.50, 2.0, 0.8),
}


class Weather:
    """The weather of the whole city."""

    def __init__(self, kind: str) -> None:
        self.kind = checked(kind)

    @property
    def factors(self) -> Factors:
        """The factors that hold now."""
        return WEATHER[self.kind]

    def start(self, world: "World") -> None:
        """Tell traffic what weather the run begins with."""
        self._world = world
        world.traffic.set_weather(self.factors.speed, self.factors.capacity)

    def change(self, kind: str, now_ms: int) -> None:
        """Change the weather; lights and roads notice at once."""
        self.kind = checked(kind)
        self._world.traffic.set_weather(self.factors.speed, self.factors.capacity)
        self._world.lighting.refresh(now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"kind": self.kind}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        self.kind = data["kind"]


def checked(kind: str) -> str:
    """Return the kind of weather. Raises ValueError when there is none of that name."""
    if kind not in WEATHER:
        raise ValueError(f"weather {kind!r} is unknown; expected one of {', '.join(WEATHER)}")
    return kind


def _change(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    for event in world.truth.open("weather"):
        world.truth.end(event.event_id, now_ms)
    world.weather.change(params["kind"], now_ms)
    event = world.truth.begin("weather", Place("city", world.city.id), now_ms, attributes={"kind": params["kind"]})
    return world.truth.end(event.event_id, now_ms) if params["kind"] == "clear" else event


INJECTS = (
    Inject(
        "weather",
        Text("Thời tiết thay đổi", "Weather changes"),
        "weather",
        {"kind": Parameter("choice", choices=tuple(WEATHER), default="rain", help=Text("Loại thời tiết", "Kind of weather"))},
        _change,
    ),
)
