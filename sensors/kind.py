"""What a sensor kind is: one frozen description with functions in it.

Lives here: the description, the placement table, the readings a kind returns. Must not know: any kind in particular.
A kind file has a module-level `KIND = SensorKind(...)`. The fleet runs it, the registry publishes it, the console draws it
from its metadata: nothing else has to be edited for a new kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.messages import ParameterInfo, Text
from simulator.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Noise:
    """Measurement noise: `value * (1 + ratio * z1) + absolute * z2`, z standard normal, then rounded to the resolution.

    `bias_ratio` is the spread of a fixed relative bias that each device draws once.
    """

    ratio: float = 0.0
    absolute: float = 0.0
    bias_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of a kind. `type` is gauge or counter (a counter gets no noise and never falls)."""

    name: str
    metric: str
    unit: str
    title: Text
    help: str
    resolution: float
    minimum: float
    maximum: float
    type: str = "gauge"
    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True, slots=True)
class Sites:
    """Where the devices of a kind are: `n` rows. Indexes into the city's tables, -1 = none.

    `labels` become series labels beside city, device_id, kind, zone and ward. `extra` is what `measure` needs.
    """

    device_id: Sequence[str]
    name: Sequence[str]
    lon: Floats
    lat: Floats
    zone: Ints
    road: Ints
    feeder: Ints
    cabinet: Ints
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many devices there are."""
        return len(self.device_id)


Measured = Mapping[str, NDArray[Any]]  # quantity name -> value per site, float; NaN = could not be measured


@dataclass(frozen=True, slots=True)
class Action:
    """A command that the kind's devices take.

    `apply(world, target_id, params, now_ms)` returns "" when it took effect, or why it failed; it runs `delay_ms` after the
    command was accepted.
    """

    type: str
    title: Text
    target_kinds: tuple[str, ...]
    parameters: tuple[ParameterInfo, ...]
    apply: Callable[[World, str, Mapping[str, Any], int], str]
    delay_ms: int = 2_000


@dataclass(frozen=True, slots=True)
class SensorKind:
    """A sensor kind.

    place(world) -> Sites is the placement rule. prepare(world, sites) -> context runs once after it (None: no context).
    measure(world, sites, context, now_ms) -> Measured gives true values of all sites at once. powered(world, sites) -> mask
    of devices that can report at all. changed: report on change only (plus heartbeats): rows whose values differ from the
    last report. Periods in milliseconds, at most two minutes, because PromQL looks back five.
    """

    name: str
    title: Text
    icon: str
    period_ms: int
    quantities: tuple[Quantity, ...]
    place: Callable[[World], Sites]
    measure: Callable[[World, Sites, Any, int], Measured]
    powered: Callable[[World, Sites], Bools]
    prepare: Callable[[World, Sites], Any] | None = None
    on_change: bool = False
    heartbeat_ms: int = 0
    slots: int = 1
    faults: tuple[str, ...] = ("bias", "drift", "stuck", "dropout", "dead", "late", "duplicate")
    actions: tuple[Action, ...] = ()
    active: str = ""
    level: str = ""
    speed: str = ""
