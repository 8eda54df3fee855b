"""The exercise on a socket: its application with the city's desk in it, in uvicorn.

Lives here: what `city_process` loads once the city streams, because a page is looked at before the exercise is. Must not know:
routes, what the desk finds out.
"""

import contextlib
from collections.abc import Mapping

import uvicorn

from ops_center.guards import GuardConfig
from ops_center.ports import hosts_of
from ops_center.seats import seats_of
from ops_center.uvicorn_settings import uvicorn_config
from scenarios.city_server import CityServer
from scenarios.claims import load_claims
from scenarios.exercise.app import ROLE, create_app
from scenarios.exercise.center_window import CenterWindow
from scenarios.exercise.desk import Desk
from scenarios.rule_paths import PACK


class Web(uvicorn.Server):
    """Uvicorn without signal handlers of its own: the process has one way to end."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Leave signals alone."""
        yield


def exercise_web(server: CityServer, host: str, tokens: Mapping[str, str], origins: tuple[str, ...]) -> Web:
    """Return the exercise of a city, ready to serve: only the instructor's token of `tokens` opens it."""
    guard = GuardConfig(hosts_of(host), origins)
    seats = seats_of({role: token for role, token in tokens.items() if role == ROLE})
    window = CenterWindow(server.link.url, tokens.get(ROLE, ""))
    return Web(uvicorn_config(create_app(Desk(server, load_claims(PACK)), seats, guard, window=window)))
