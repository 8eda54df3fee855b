"""Whether anybody says that an alert is over, or it is only silence that ended it.

Lives here: when those devices spoke last on whose readings an alert rests. Must not know: rules, incidents, what is shown.
Prometheus ends an alert when its series are gone, be it that all is well or that nobody speaks any more. Who works on it has to
know which.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ops_center.alerts import Alert
from ops_center.city_view import CityView
from ops_center.devices import STALE_PERIODS, Devices
from sensors.messages import KindInfo

OVERDUE_PERIODS = 1.5  # a reading that is later than this is missing, be it on its way or not
NOBODY = frozenset[str]()
Kinds = Mapping[str, frozenset[str]]  # an alert's name -> the kinds of devices that bear witness
Witnesses = Callable[[Sequence[KindInfo]], Kinds]  # by the rules in use


def no_witness(_kinds: Sequence[KindInfo]) -> Kinds:
    """Without rules nobody bears witness."""
    return {}


class Hearing:
    """The devices of one city, and who of them bears witness by the rules in use."""

    def __init__(self, city: CityView, devices: Devices, witnesses: Witnesses) -> None:
        self._city, self._devices, self._ask = city, devices, witnesses
        self._kinds: Kinds = {}
        self._known: dict[str, NDArray[np.int64]] = {}

    def _witnesses(self, alert: Alert) -> NDArray[np.int64]:
        """The indexes of the devices at the alert's place that are of the kinds it rests on; without a place, of all of them."""
        kinds = self._ask(self._city.kinds)
        if kinds is not self._kinds:  # other rules
            self._kinds, self._known = kinds, {}
        if alert.fingerprint not in self._known:
            names = kinds.get(alert.name, NOBODY)
            rows = [self._city.rows[name] for name in sorted(names) if name in self._city.rows]
            every = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
            there = every[np.isin(every, alert.devices)] if alert.devices else every
            self._known[alert.fingerprint] = self._devices.there(there)
        return self._known[alert.fingerprint]

    def last_ms(self, alert: Alert, now_ms: int, periods: float = STALE_PERIODS) -> int | None:
        """Return when the last witness of an alert spoke, if all have been silent for more than so many periods; else None.

        None too where nobody could bear witness: an alert about silence itself, or one whose metrics are not the city's.
        """
        there = self._witnesses(alert)
        if not len(there):
            return None
        if not self._devices.silent(there, now_ms, periods / STALE_PERIODS).all():
            return None
        return int(self._devices.last_ms[there].max())
