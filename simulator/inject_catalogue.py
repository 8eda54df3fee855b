"""All injects by name, gathered from the domain files.

Lives here: the list of files that have injects. Must not know: any inject in particular.
"""

from collections.abc import Mapping

from simulator import (
    controllers,
    deception,
    device_health,
    emergencies,
    environment_injects,
    lighting_injects,
    near_repeat,
    power_injects,
    security_injects,
    sounds,
    telecom,
)
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


DOMAINS = (  # a module's name begins with -> its domain, as instructors think of it; the first that fits
    ("simulator.traffic", "traffic"),
    ("simulator.controllers", "traffic"),
    ("simulator.power", "power"),
    ("simulator.lighting", "lighting"),
    ("simulator.security", "security"),
    ("simulator.sounds", "security"),
    ("simulator.near_repeat", "security"),
    ("simulator.device", "devices"),
    ("simulator.deception", "devices"),
    ("simulator.emergencies", "security"),
    ("simulator.", "environment"),
)


def domain_of(inject: Inject) -> str:
    """Return the domain to which an inject belongs: that of the module that makes it happen."""
    return next(domain for begins, domain in DOMAINS if inject.apply.__module__.startswith(begins))


INJECTS: Mapping[str, Inject] = gather(
    controllers.INJECTS,
    deception.INJECTS,
    device_health.INJECTS,
    emergencies.INJECTS,
    environment_injects.INJECTS,
    lighting_injects.INJECTS,
    near_repeat.INJECTS,
    power_injects.INJECTS,
    security_injects.INJECTS,
    sounds.INJECTS,
    telecom.INJECTS,
    traffic_injects.INJECTS,
)
