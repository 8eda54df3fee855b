"""What can go wrong with luminaires.

Lives here: the injects of street lighting. Must not know: how light and power are worked out (`simulator.lighting`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.city import Text
from simulator.injects import Inject, Parameter
from simulator.lighting import BURNERS
from simulator.truth import TruthEvent

if TYPE_CHECKING:
    from simulator.world import World


def _luminaire_failure(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    """Fail one luminaire and its nearest neighbours on the same cabinet."""
    first = world.pick("luminaire", params["luminaire"])
    lamps = world.city.luminaires
    own = np.flatnonzero(world.lighting.cabinet == world.lighting.cabinet[first])
    away = world.places.distance_m(np.array(lamps.lon)[own], np.array(lamps.lat)[own], lamps.lon[first], lamps.lat[first])
    chosen = own[np.lexsort((own, away))][: params["count"]]
    events = world.lighting.fail(chosen, now_ms)
    return events[0] if events else world.truth.get(world.lighting.lasting.id_of("luminaire_failure", lamps.id[first]) or "")


def _day_burner(world: "World", params: Mapping[str, Any], now_ms: int) -> TruthEvent:
    return world.lighting.burn_by_day(world.pick("cabinet", params["cabinet"]), now_ms, params["cause"])


INJECTS = (
    Inject(
        "luminaire_failure",
        Text("Đèn hỏng", "Luminaires fail"),
        "luminaire_failure",
        {
            "luminaire": Parameter("luminaire", help=Text("Đèn đầu tiên; bỏ trống: tự chọn", "The first; absent: seeded choice")),
            "count": Parameter("integer", "", 1, 500, default=1, help=Text("Số đèn cạnh nhau", "How many side by side")),
        },
        _luminaire_failure,
    ),
    Inject(
        "day_burner",
        Text("Đèn sáng ban ngày", "Lamps burn by day"),
        "day_burner",
        {
            "cabinet": Parameter("cabinet", help=Text("Tủ điện; bỏ trống: tự chọn", "Cabinet; absent: seeded choice")),
            "cause": Parameter(
                "choice",
                choices=BURNERS,
                default="contactor",
                help=Text(
                    "Công tắc tơ dính (không nghe lệnh) hoặc mắt cảm biến bị che",
                    "Stuck contactor (obeys no command), or photocell",
                ),
            ),
        },
        _day_burner,
    ),
)
