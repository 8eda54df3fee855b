"""Protection of feeders: what faults there are, how the breaker tries again, when an overload opens it.

Lives here: causes of faults with their chances, the reclosing sequence, the overload relay. Must not know: what hangs on it.
Reclosing shots as in IEEE C37.104-2012 (one fast, two delayed); four of five faults of overhead lines pass by themselves (same,
clause 4). The relay's curve is IEC 60255-151 "extremely inverse", t = 80 TMS / ((I/Is)^2 - 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.city import Text
from simulator.distributions import Chance, Distribution, Erlang, Law, Triangular

Floats = NDArray[np.float64]

SHOTS_MS = (2_000, 15_000, 30_000)  # the breaker stays open for so long before each try; then it locks out
C37_104 = "IEEE C37.104-2012: 70 to 90 % of faults of overhead lines pass"
PASSING: Mapping[str, Distribution[Chance]] = {
    "tree": Distribution("power.passing.tree", Chance(0.8), "", "What fell on a line is burnt or blown off again.", C37_104),
    "overload": Distribution(
        "power.passing.overload", Chance(1.0), "", "An overload passes when the load has fallen.", "what an overload is"
    ),
    "flood": Distribution(
        "power.passing.flood", Chance(0.0), "", "A flooded cable end dries by itself.", "assumption: never within a shift"
    ),
    "theft": Distribution(
        "power.passing.theft", Chance(0.0), "", "A stolen conductor comes back.", "it does not; somebody has to bring a new one"
    ),
}
CLEARING: Mapping[str, Distribution[Law]] = {
    "tree": Distribution(
        "power.clearing.tree",
        Erlang(6.0, 2),
        "s",
        "From the strike of a passing fault until the line is free.",
        "assumption: most hold at the second try",
    ),
    "overload": Distribution(
        "power.clearing.overload",
        Triangular(300.0, 600.0, 1200.0),
        "s",
        "From the trip until the line has cooled down.",
        "assumption: thermal time constant of overhead lines, 5 to 20 min",
    ),
    "flood": Distribution(
        "power.clearing.flood",
        Triangular(3600.0, 7200.0, 21_600.0),
        "s",
        "From the strike until a flooded cable end is dry, where an inject says that it passes.",
        "assumption: a tide and a pump",
    ),
    "theft": Distribution(
        "power.clearing.theft",
        Triangular(3600.0, 7200.0, 21_600.0),
        "s",
        "From the theft until the utility has a new conductor up by itself, where an inject says that it passes.",
        "assumption",
    ),
}
TREE_RATE = Distribution(
    "power.strike.tree",
    Chance(4.0),
    "per feeder and year",
    "A branch falls on a feeder on an ordinary day.",
    "assumption: about 15 interruptions per 100 km and year of overhead 22 kV, 25 km a feeder",
)
PICKUP = 2.0  # the relay picks up at this multiple of the feeder's daily mean load; ordinary peaks reach 1.4
TMS = 1.0


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of feeder faults; `recloses`: the breaker tries again by itself."""

    name: str
    title: Text
    recloses: bool


CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause("tree", Text("Cây chạm dây", "Tree on the line"), True),
        Cause("overload", Text("Quá tải", "Overload"), False),
        Cause("flood", Text("Ngập nước", "Flood"), True),
        Cause("theft", Text("Trộm cắp dây dẫn", "Theft of a conductor"), True),
    )
}


def overload_time_s(ratio: Floats) -> Floats:
    """Return after how long the relay trips [s] at a current of `ratio` times its setting; infinity at or below 1."""
    excess = ratio * ratio - 1.0
    return np.where(excess > 0.0, 80.0 * TMS / np.maximum(excess, 1e-9), np.inf)
