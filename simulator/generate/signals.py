"""Signal plans: phases that do not conflict, splits after Webster, offsets that roll outward.

Lives here: the timing of signal controllers as built. Must not know: queues, detectors, operators.
Every controller has the fixed plans `default`, `peak` and `night`, the latter two by the clock, and the plans `actuated` and
`max_pressure` to be chosen by hand. Cycle: Webster (1958), C = (1.5 L + 5) / (1 - Y), rounded to
5 s, one for the whole network so that it can be coordinated; splits in proportion to the critical flow ratios.
"""

from dataclasses import dataclass

import numpy as np

from simulator.city import Phase, SignalPlan, Signals
from simulator.generate.flows import Flows
from simulator.generate.frame import Point, distance
from simulator.generate.movements import Turns, conflict
from simulator.generate.roads import Network

YELLOW_S, ALL_RED_S, LOST_S = 3.0, 1.0, 4.0
SHORTEST_GREEN_S, LONGEST_GREEN_S = 10.0, 40.0
PLAN_LOAD = {"default": 1.0, "peak": 2.0, "night": 0.3}  # of the daily mean flow
CYCLE_BOUNDS_S = {"default": (60, 100), "peak": (70, 120), "night": (50, 70)}
HOURS = {"default": [], "peak": [6.5, 9.0, 16.5, 19.0], "night": [0.0, 5.0, 22.0, 24.0]}
FOLLOWING = ("actuated", "max_pressure")
WAVE_MPS = 11.0  # speed of the green wave that offsets are set for
UPS_S = 2_700.0  # of controllers on main roads; the others have none


@dataclass(frozen=True, slots=True)
class Stage:
    """The movements of one phase, and its critical flow ratio at the daily mean."""

    movements: list[int]
    ratio: float


def stages_of(network: Network, turns: Turns, flows: Flows, node: int) -> list[Stage]:
    """Return the phases of a junction: approaches without conflict share one, the busiest approach first."""
    approaches: dict[int, list[int]] = {}
    for m in turns.of_node[node]:
        approaches.setdefault(turns.movements.from_link[m], []).append(m)
    order = sorted(approaches, key=lambda k: (-network.links.lanes[k], -round(float(flows.link[k]), 3), k))
    phases: list[list[int]] = []
    for k in order:
        home = next((p for p in phases if not _clash(turns, p, approaches[k], approaches)), None)
        if home is None:
            phases.append([k])
        else:
            home.append(k)
    return [Stage(sorted(m for k in p for m in approaches[k]), _ratio(network, turns, flows, p, approaches)) for p in phases]


def _clash(turns: Turns, phase: list[int], new: list[int], approaches: dict[int, list[int]]) -> bool:
    return any(conflict(turns, m, n) for k in phase for m in approaches[k] for n in new)


def _ratio(network: Network, turns: Turns, flows: Flows, phase: list[int], approaches: dict[int, list[int]]) -> float:
    """Return the largest flow over saturation flow of a lane group in the phase."""
    load: dict[int, float] = {}
    for m in (m for k in phase for m in approaches[k]):
        pair = (turns.movements.from_link[m], turns.movements.to_link[m])
        group = turns.movements.lane_group[m]
        saturation = 3600.0 * turns.groups.lanes[group] * network.links.saturation_veh_per_s_per_lane[pair[0]]
        load[group] = load.get(group, 0.0) + flows.turn.get(pair, 0.0) / saturation
    return max(0.02, *load.values()) if load else 0.02


def network_cycle_s(stages: list[list[Stage]], plan: str) -> float:
    """Return one cycle for all junctions: the upper quartile of Webster's, within the bounds of the plan."""
    low, high = CYCLE_BOUNDS_S[plan]
    wanted = [_webster_s(s, PLAN_LOAD[plan], high) for s in stages]
    quartile = float(np.percentile(wanted, 75)) if wanted else low
    return float(min(high, max(low, 5 * round(quartile / 5))))


def _webster_s(stages: list[Stage], load: float, high: float) -> float:
    room = 1.0 - load * sum(s.ratio for s in stages)
    return high if room < 0.1 else min(high, (1.5 * LOST_S * len(stages) + 5.0) / room)


def plan_of(name: str, stages: list[Stage], cycle_s: float, offset_s: float) -> SignalPlan:
    """Return a plan whose greens are whole seconds in proportion to the flow ratios, none too short to cross."""
    shortest = min(SHORTEST_GREEN_S, (cycle_s / len(stages)) - LOST_S)
    spare = cycle_s - len(stages) * (LOST_S + shortest)
    total = sum(s.ratio for s in stages)
    greens = [float(int(shortest + spare * s.ratio / total)) for s in stages]
    greens[0] += cycle_s - sum(greens) - LOST_S * len(stages)
    phases = [Phase(round(g, 1), YELLOW_S, ALL_RED_S, s.movements) for g, s in zip(greens, stages, strict=True)]
    return SignalPlan(name, float(int(offset_s) % int(cycle_s)), phases, hours=list(HOURS[name]))


def following_plan(control: str, stages: list[Stage]) -> SignalPlan:
    """Return a plan that follows traffic; no phase lasts longer than `LONGEST_GREEN_S`."""
    return SignalPlan(control, 0.0, [Phase(LONGEST_GREEN_S, YELLOW_S, ALL_RED_S, s.movements) for s in stages], control)


def build_signals(
    network: Network, turns: Turns, flows: Flows, signal_nodes: list[int], at: list[Point], cycle_s: float | None
) -> Signals:
    """Return a controller for every signalised node; feeders and zones are filled in later."""
    stages = [stages_of(network, turns, flows, node) for node in signal_nodes]
    cycles = {name: cycle_s or network_cycle_s(stages, name) for name in PLAN_LOAD}
    signals = Signals()
    for node, own in zip(signal_nodes, stages, strict=True):
        wave_s = distance((0.0, 0.0), at[node]) / WAVE_MPS
        fits = {name: max(cycle, len(own) * (LOST_S + 6.0)) for name, cycle in cycles.items()}
        signals.id.append(f"signal:{network.nodes.id[node]}")
        signals.name.append(network.nodes.name[node])
        signals.nodes.append([node])
        fixed = [plan_of(name, own, fits[name], wave_s) for name in PLAN_LOAD]
        signals.plans.append([*fixed, *(following_plan(control, own) for control in FOLLOWING)])
        signals.feeder.append(-1)
        signals.ups_s.append(UPS_S if _is_main(network, node) else 0.0)
        signals.zone.append(-1)
    return signals


def _is_main(network: Network, node: int) -> bool:
    return any(network.links.road_class[k] in ("motorway", "trunk", "primary") for k in network.in_links[node])
