"""How long a visitor waits: from the command to a console that shows the living city.

Lives here: a demo started twice on an empty data folder; the second start finds its caches warm. Usable means what the page
needs to draw the city and its first readings has arrived: page, session, layers, devices, a clock event and a state frame.
"""

import asyncio
import http.client
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from websockets.asyncio.client import connect

START_TIMEOUT_S = 180.0
END_TIMEOUT_S = 30.0
STATE = 1


def run(city: str = "hai_phong", scale: float = 1.0) -> dict[str, Any]:
    """Return seconds to a usable page, cold and with a warm cache. `scale` is not used: there is one size of a visitor."""
    del scale
    with tempfile.TemporaryDirectory(prefix="cityops-bench-", ignore_cleanup_errors=True) as data:
        cold, warm = _start(city, data), _start(city, data)
    return {"cold_s": cold["usable_s"], "warm_s": warm["usable_s"], "warm_links_s": warm["links_s"], "seconds": warm["usable_s"]}


def _start(city: str, data: str) -> dict[str, float]:
    began = time.monotonic()  # noqa: TID251  # a bench measures wall time
    command = [sys.executable, "-m", "scenarios.cli.main", "demo", "--city", city, "--no-browser", "--json", "--data", data]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        link = _links(demo)["operator"]
        links_s = time.monotonic() - began  # noqa: TID251
        asyncio.run(asyncio.wait_for(_open(link), START_TIMEOUT_S))
        return {"links_s": round(links_s, 2), "usable_s": round(time.monotonic() - began, 2)}  # noqa: TID251
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


async def _open(link: str) -> None:
    """Do what the page does, again and again until the city is there."""
    address, _, token = link.partition("/#seat=")
    host = address.removeprefix("http://")
    while not await asyncio.to_thread(_fetch, host, token):
        await asyncio.sleep(0.05)
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"ws://{host}/api/feed", additional_headers=headers, max_size=1 << 26) as socket:
        clock = False
        async for message in socket:
            if isinstance(message, str):
                clock = clock or json.loads(message).get("type") in ("clock", "snapshot")
            elif message[1] == STATE and clock:
                return


def _fetch(host: str, token: str) -> bool:
    """Fetch page, session, layers and devices; False while the center or its city is not there yet."""
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        for path in ("/", "/api/session", "/api/city", "/api/layers", "/api/devices"):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:  # 204: no city yet
                return False
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
