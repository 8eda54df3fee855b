"""All injects by name, gathered from the domain files.

Lives here: the list of files that have injects. Must not know: any inject in particular.
"""

from collections.abc import Mapping

from simulator import controllers, device_health, lighting_injects, power_injects, security_injects, weather
from simulator.injects import Inject
from simulator.traffic import injects as traffic_injects


def gather(*groups: tuple[Inject, ...]) -> dict[str, Inject]:
    """Return injects by name, sorted. Raises ValueError when two share a name."""
    found: dict[str, Inject] = {}
    for inject in sorted((i for group in groups for i in group), key=lambda i: i.name):
        if inject.name in found:
            raise ValueError(f"two injects are called {inject.name!r}")
        found[inject.name] = inject
    return found


INJECTS: Mapping[str, Inject] = gather(
    controllers.INJECTS,
    device_health.INJECTS,
    lighting_injects.INJECTS,
    power_injects.INJECTS,
    security_injects.INJECTS,
    traffic_injects.INJECTS,
    weather.INJECTS,
)
