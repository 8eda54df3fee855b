"""How long a visitor waits: from the command to a console that shows the living city.

Lives here: a demo started twice on an empty data folder. The first start is left running until the warm-up is over, so that the
second finds all its caches warm. Usable means what the page needs to draw the city and its first readings has arrived: page,
session, city, layers, devices, a clock event and a state frame. `scale` multiplies lamps and devices.
"""

import asyncio
import gzip
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from scenarios.bench.fleet import scaled
from simulator.cities import catalogue
from simulator.city import encode

START_TIMEOUT_S = 300.0
END_TIMEOUT_S = 30.0
ASK_S = 0.05
STATE = 1
PROC = Path("/proc")


@dataclass(slots=True)
class Started:
    """One start: seconds from the command to the links and to a usable page, processor seconds by process (Linux only)."""

    links_s: float = 0.0
    usable_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    devices: int = 0


def run(city: str = "hai_phong", scale: float = 1.0, scenario: str = "feeder_blackout") -> dict[str, Any]:
    """Return seconds to a usable page, cold and with warm caches, of a city with `scale` times its lamps and devices."""
    with tempfile.TemporaryDirectory(prefix="cityops-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        name = city if scale == 1.0 else _bigger(city, scale, data)
        cold, warm = _start(scenario, name, data, until_warm=True), _start(scenario, name, data)
    return {
        "devices": warm.devices,
        "cold_s": cold.usable_s,
        "warm_s": warm.usable_s,
        "warm_links_s": warm.links_s,
        "warm_cpu_s": round(sum(warm.cpu_s.values()), 2),
        "warm_cpu_s_by_process": warm.cpu_s,
        "seconds": warm.usable_s,
    }


def _bigger(city: str, scale: float, data: Path) -> str:
    path = data / f"{city}-x{scale:g}.json"
    path.write_bytes(encode(scaled(catalogue.get(city), scale)))
    return str(path)


def _start(scenario: str, city: str, data: Path, until_warm: bool = False) -> Started:
    began = time.monotonic()  # noqa: TID251  # a bench measures wall time
    command = [sys.executable, "-m", "scenarios.cli.main", "demo", scenario, "--city", city, "--no-browser", "--json"]
    demo = subprocess.Popen([*command, "--data", str(data)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    started = Started()
    try:
        link = _links(demo)["operator"]
        started.links_s = round(time.monotonic() - began, 2)  # noqa: TID251
        asyncio.run(asyncio.wait_for(_look(link, started, demo.pid, began, until_warm), START_TIMEOUT_S))
        return started
    finally:
        demo.terminate()
        demo.communicate(timeout=END_TIMEOUT_S)


def _links(demo: "subprocess.Popen[str]") -> dict[str, str]:
    """Read the JSON document that the demo prints, which ends with a line `}`."""
    assert demo.stdout is not None
    lines: list[str] = []
    for line in demo.stdout:
        lines.append(line)
        if line.rstrip() == "}":
            links: dict[str, str] = json.loads("".join(lines))["links"]
            return links
    raise RuntimeError("the demo ended before it said its links")


async def _look(link: str, started: Started, pid: int, began_s: float, until_warm: bool) -> None:
    """Do what the page does until the city is there, and write down when that was; then wait for the end of the warm-up."""
    address, _, token = link.partition("/#seat=")
    host = address.removeprefix("http://")
    while not await asyncio.to_thread(_fetch, host, token, started):
        await asyncio.sleep(ASK_S)
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"ws://{host}/api/feed", additional_headers=headers, max_size=1 << 26) as socket:
        clock: dict[str, Any] | None = None
        async for message in socket:
            if isinstance(message, str):
                clock = _clock(json.loads(message)) or clock
            elif message[1] == STATE and clock and not started.usable_s:
                started.usable_s = round(time.monotonic() - began_s, 2)  # noqa: TID251
                started.cpu_s = dict(_processor_s(pid))
            if started.usable_s and clock and not (until_warm and _warming(clock)):
                return


def _clock(event: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = event.get("snapshot", event).get("clock")
    return found


def _warming(clock: dict[str, Any]) -> bool:
    """Return whether the warm-up goes on; before the first barrier the city has not said so yet."""
    return bool(clock["warming_up"]) or clock["now_ms"] <= 0


def _fetch(host: str, token: str, started: Started) -> bool:
    """Fetch page, session, city, layers and devices; False while the center or its city is not there yet."""
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        for path in ("/", "/api/session", "/api/city", "/api/command-types", "/api/layers", "/api/devices"):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:  # 204: no city yet
                return False
        started.devices = len(json.loads(gzip.decompress(body))["id"])
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _processor_s(pid: int) -> Iterator[tuple[str, float]]:
    """Yield the processor seconds so far of the supervisor and of each of its children, by name; nothing without `/proc`."""
    ticks_per_s = 100.0  # USER_HZ of Linux, whatever the kernel's own clock
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            numbers, words = stat.read_text().rpartition(")")[2].split(), (stat.parent / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it has ended
        if int(stat.parent.name) == pid or int(numbers[1]) == pid:
            name = "supervisor" if int(stat.parent.name) == pid else words[words.index("scenarios.child") + 1]
            yield name, round((int(numbers[11]) + int(numbers[12])) / ticks_per_s, 2)
