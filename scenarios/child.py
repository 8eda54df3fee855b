"""What the supervisor starts: a center or a city as a process of its own, which dies with its parent.

Lives here: reading the configuration from stdin, dying with the parent. Must not know: who else is started. The first line of
stdin is the configuration (tokens do not belong on a command line); its end means that the parent has gone.
"""

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
SELDOM = (100_000, 50, 50)  # a city is hundreds of thousands of objects that stay: looking through them took a fifth of a start
REFUSED = 2  # exit status of a city that the center cannot use: there is no use in starting it again
LIBRARIES = {
    "center": ("fastapi.applications", "numpy", "re2", "sqlalchemy", "uvicorn", "websockets", "yaml", "zstandard"),
    "city": (
        "numpy", "pydantic", "ruamel.yaml", "scipy.sparse.csgraph", "scipy.spatial", "simpy", "websockets.asyncio.client",
        "zstandard",
    ),
}  # fmt: skip
MOVED = "moved to run "  # how a city says to its supervisor in which branch it goes on


def main() -> int:
    """Run the child that stdin describes; return its exit status."""
    parent = os.getppid()
    die_with_parent(parent, watch=False)
    gc.set_threshold(*SELDOM)
    role, cache = (*sys.argv[1:3], "", "")[:2]
    if cache:
        keep_bytecode(role, Path(cache))
    load(role)
    gc.freeze()
    config: dict[str, Any] = json.loads(sys.stdin.readline())
    die_with_parent(parent)
    return _center(config) if config["role"] == "center" else _city(config)


def keep_bytecode(role: str, cache: Path) -> None:
    """Where no bytecode is written beside the sources, as is usual in containers, let that of our own code lie in a cache.

    Otherwise each start compiles all of it, a fifth of what a center does until it is there. Most libraries come with theirs.
    """
    beside = Path(importlib.util.cache_from_source(__file__))
    if sys.dont_write_bytecode and sys.pycache_prefix is None and not beside.exists():
        for name in LIBRARIES.get(role, ()):
            importlib.import_module(name)
        sys.pycache_prefix, sys.dont_write_bytecode = str(cache), False


def load(role: str) -> None:
    """Load the code of a role while the parent still prepares what the configuration says."""
    if role == "center":
        importlib.import_module("ops_center.server")
    elif role == "city":
        for name in ("scenarios.city_process", "scipy.sparse.csgraph", "scipy.spatial"):
            importlib.import_module(name)


def die_with_parent(parent: int, watch: bool = True) -> None:
    """Make sure that this process ends when its parent does: by the kernel on Linux, by the end of stdin everywhere.

    Without `watch` stdin is left alone: the configuration is still to come on it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    if watch:
        threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    """Read the pipe itself: a buffered reader would hold its lock when the process ends."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def _ready(address: str) -> None:
    sys.stdout.write(f"ready {address}\n")
    sys.stdout.flush()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _center(config: dict[str, Any]) -> int:
    """Imports come here and in `_city`, because a center that loads the simulator starts late."""
    from ops_center.judge import RuleFile
    from ops_center.mapping import load_mapping
    from ops_center.server import ServeConfig, serve

    data = Path(config["data"])
    inputs = data / "runs" / config["run"] / "inputs"
    rules = tuple(RuleFile(name, text) for name, text in _texts(inputs / "rules"))
    mapping = next((load_mapping(text, name) for name, text in _texts(inputs / "mapping")), None)
    return serve(
        ServeConfig(
            config["tokens"], data, config["host"], config["port"], config["run"], rules,
            exercise_url=config["exercise_url"], names=tuple(config["names"]), mapping=mapping,
            alertmanagers=tuple(config["alertmanagers"]),
        ),
        _ready,
    )  # fmt: skip


def _texts(root: Path) -> list[tuple[str, str]]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in files]


def _city(config: dict[str, Any]) -> int:
    """The exercise's link is shown when its port listens; the city is built after that."""
    from ops_center.ports import CannotServe, listen
    from scenarios import runs
    from scenarios.city_process import CityConfig, serve_city
    from scenarios.setup import of_run

    try:
        bound = listen(config["host"], config["exercise_port"])
    except CannotServe as error:
        _say(str(error))
        return 1
    _ready(config["url"])
    data = Path(config["data"])
    return serve_city(
        CityConfig(
            of_run(runs.get(data / "runs", config["run"])), config["url"], config["tokens"], config["run"], data, config["host"],
            bound=bound, pace=config["pace"], until_end=config["until_end"], warming=_say,
            moved=lambda run_id: _say(f"{MOVED}{run_id}"), until_expr=config.get("until_expr", ""),
            run_to_ms=config.get("run_to_ms"),
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
