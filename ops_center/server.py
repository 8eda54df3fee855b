"""The center's process: a socket on loopback, uvicorn, one line when it cannot be. Lives here: the outermost shell.

Must not know: routes. WebSockets run without permessage-deflate: frames are deflated once for all viewers.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from ops_center.app import create_app
from ops_center.folder_lock import FolderInUse
from ops_center.guards import GuardConfig
from ops_center.host import Host, HostConfig
from ops_center.journal import JournalError
from ops_center.judge import RuleFile, parse
from ops_center.mapping import SeriesMapping
from ops_center.opening import MAX_DEVICES
from ops_center.pages import CONSOLE
from ops_center.pipeline import CenterConfig
from ops_center.ports import CannotServe, hosts_of, listen, shown_host
from ops_center.recorder import RecorderError
from ops_center.seats import seats_of
from ops_center.uvicorn_settings import uvicorn_config


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """What `cityops serve` needs. `tokens`: role -> token, with roles observer, operator, instructor and city."""

    tokens: Mapping[str, str]
    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8700
    run: str = ""
    rules: tuple[RuleFile, ...] = ()
    semantics: str = "3.x"
    max_devices: int = MAX_DEVICES
    exercise_url: str = ""
    names: tuple[str, ...] = ()  # further host names that this server answers to
    origins: tuple[str, ...] = ()  # further origins that may speak to it
    console: Path = field(default=CONSOLE)
    mapping: SeriesMapping | None = None  # names that readings have besides their own
    alertmanagers: tuple[str, ...] = ()  # where alerts are sent, as `notifier.checked_url` returns addresses


def app_of(config: ServeConfig) -> FastAPI:
    """Return the application of a configuration. Raises ValueError for bad rules or roles."""
    parse(config.rules)  # at once: bad rules are said before anything listens, good ones are ready when a city comes
    center = CenterConfig(config.rules, config.semantics, max_devices=config.max_devices, mapping=config.mapping)
    address = f"http://{shown_host(config.host)}:{config.port}"
    host = Host(
        HostConfig(
            center, seats_of(config.tokens), config.data, config.run, config.exercise_url, config.alertmanagers, address
        )
    )  # fmt: skip
    names = (*hosts_of(config.host), *(name.lower() for name in config.names))
    return create_app(host, GuardConfig(names, config.origins), config.console)


def check_data(config: ServeConfig) -> None:
    """Raise CannotServe if the data folder cannot be written."""
    if config.data is None:
        return
    try:
        (config.data / "runs").mkdir(parents=True, exist_ok=True)
        probe = config.data / "runs" / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotServe(f"the data folder {config.data} cannot be written: {error.strerror}") from error


def serve(config: ServeConfig, ready: Callable[[str], None] = lambda address: None) -> int:
    """Serve until a signal ends it; return the exit status. `ready` gets the address once the socket listens."""
    with contextlib.ExitStack() as closing:
        try:
            check_data(config)
            bound = closing.enter_context(listen(config.host, config.port))  # first: a city that is there already can wait at it
            app = app_of(replace(config, port=bound.getsockname()[1]))
        except (CannotServe, FolderInUse, JournalError, RecorderError, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        server = uvicorn.Server(uvicorn_config(app))
        ready(f"http://{shown_host(config.host)}:{bound.getsockname()[1]}")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(server.serve(sockets=[bound]))
    return 0 if server.started else 1
