"""Traffic signal controller: its mode, plan and phase, its power, and the commands that it takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensors.kind import Action, Bools, Measured, Quantity, SensorKind, Sites
from sensors.messages import ParameterInfo, Text
from sensors.placement import ids
from simulator.city import BY_CLOCK
from simulator.controllers import CONFLICT
from simulator.world import World

LAST_GASP_MS = 120_000  # the modem outlives the signal's battery for so long, to say that the signal is dark


def place(world: World) -> Sites:
    """Return one site for every controller, at its first junction."""
    signals, nodes = world.city.signals, world.city.nodes
    node = np.array([n[0] for n in signals.nodes], dtype=np.int64)
    none = np.full(len(signals.id), -1, dtype=np.int64)
    return Sites(
        device_id=signals.id,
        name=signals.name,
        lon=np.array(nodes.lon, dtype=np.float64)[node],
        lat=np.array(nodes.lat, dtype=np.float64)[node],
        zone=np.array(signals.zone, dtype=np.int64),
        road=none,
        feeder=np.array(signals.feeder, dtype=np.int64),
        cabinet=none,
        labels={"junction": ids(nodes.id, node), "place": signals.name},
    )


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return the state of all controllers."""
    del sites, context
    state = world.traffic.signal_state()
    return {
        "mode": world.controllers.mode,
        "phase": state["phase"],
        "plan": state["plan"],
        "on_battery": world.controllers.on_battery(now_ms),
        "battery": np.floor(20.0 * world.controllers.batteries.charge(now_ms)) / 20.0,
        "conflict": world.controllers.fault == CONFLICT,
    }


def powered(world: World, sites: Sites) -> Bools:
    """Return which controllers can still report."""
    del sites
    return world.controllers.batteries.runs(world.scheduler.now_ms, LAST_GASP_MS)


def _trouble(world: World, s: int, now_ms: int) -> str:
    signals = world.city.signals
    if not world.telecom.reaches(signals.id[s]) or world.devices.dead(signals.id[s], "signal_controller"):
        return f"unreachable: controller {signals.id[s]} does not answer"
    return "" if world.controllers.signal_on(now_ms)[s] else f"no_power: controller {signals.id[s]} is dark"


def set_plan(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Run another plan, or the plan of the hour again."""
    s = world.places.index("signal", target_id)
    names = [plan.name for plan in world.city.signals.plans[s]]
    if params["plan"] not in (*names, BY_CLOCK):
        return f"unknown_plan: {params['plan']!r}; controller {target_id} has {', '.join(names)}, and {BY_CLOCK} for the hour's"
    trouble = _trouble(world, s, now_ms)
    if not trouble:
        world.traffic.set_plan(s, None if params["plan"] == BY_CLOCK else names.index(params["plan"]), now_ms)
    return trouble


def set_mode(world: World, target_id: str, params: Mapping[str, Any], now_ms: int) -> str:
    """Run normally or flash."""
    s = world.places.index("signal", target_id)
    trouble = _trouble(world, s, now_ms)
    if trouble or world.controllers.ask(s, params["mode"], now_ms):
        return trouble
    return f"fault: controller {target_id} has a fault and stays as it is; send an electrician"


def _state(name: str, metric: str, title: Text, help_: str, maximum: float, minimum: float = 0) -> Quantity:
    return Quantity(name, metric, "", title, help_, resolution=1, minimum=minimum, maximum=maximum)


MODE = ParameterInfo("mode", "choice", Text("Chế độ", "Mode"), choices=["normal", "flash"], default="normal")

KIND = SensorKind(
    name="signal_controller",
    title=Text("Tủ đèn tín hiệu", "Signal controller"),
    icon="signal",
    period_ms=5_000,
    quantities=(
        _state("mode", "signal_mode", Text("Chế độ", "Mode"), "0 normal, 1 flash, 2 dark.", 2),
        _state("phase", "signal_phase", Text("Pha", "Phase"), "Phase that has green; -1 between phases.", 64, -1),
        _state("plan", "signal_plan", Text("Chương trình", "Plan"), "Number of the running plan.", 64),
        _state("on_battery", "signal_on_battery", Text("Chạy ắc quy", "On battery"), "1 while mains is gone.", 1),
        Quantity(
            "battery", "signal_battery_ratio", "ratio", Text("Ắc quy", "Battery"), "Charge of the battery; 0 if there is none.",
            resolution=0.05, minimum=0, maximum=1,
        ),
        _state("conflict", "signal_conflict", Text("Xung đột", "Conflict"), "1 when the conflict monitor has tripped.", 1),
    ),
    place=place,
    measure=measure,
    powered=powered,
    on_change=True,
    heartbeat_ms=60_000,
    actions=(
        Action(
            "signal_plan", Text("Đổi chương trình đèn", "Set signal plan"), ("signal",),
            (ParameterInfo("plan", "string", Text("Chương trình", "Plan")),), set_plan,
        ),
        Action("signal_mode", Text("Đổi chế độ đèn", "Set signal mode"), ("signal",), (MODE,), set_mode),
    ),
    active="mode",
)  # fmt: skip
