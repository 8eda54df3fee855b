"""What browser tests share: a demo as a process, a person before a page, and what the page said meanwhile.

Lives here: starting and ending, waiting for what a page shows. Must not know: what any test expects. The demo is the real
command line with real processes, so time is real; every wait is Playwright's and ends.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BLACKOUT = HERE / "desk_blackout.yaml"
WAIT_MS = 90_000  # a machine that runs everything else as well
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", None)
LISTEN = "0A"


def free_ports() -> int:
    """Return a port that is free and whose next one is free as well."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port
    raise AssertionError("no two free ports beside each other")


class Demo:
    """A running `cityops demo`, or another command that serves (`words`): its seat links, its processes, its API."""

    def __init__(
        self, folder: Path, *options: str, scenario: Path = BLACKOUT, speed: float = 1.0, words: tuple[str, ...] = ()
    ) -> None:
        self.folder, self.port = folder, free_ports()
        self._log = (folder / "demo.log").open("a")
        command = [
            sys.executable, "-m", "scenarios.cli.main", *(words or ("demo", str(scenario))), "--no-browser", "--json",
            "--data", str(folder / "data"), "--port", str(self.port), "--speed", str(speed), *options,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=ROOT)
        try:
            document = self._document()
        except BaseException:
            self.end()
            raise
        self.run_id: str = document["run"]
        self.links: dict[str, str] = document["links"]

    def _document(self) -> Any:
        """Read the JSON document that the demo prints when it listens."""
        assert self.process.stdout is not None
        text = ""
        for line in self.process.stdout:
            text += line
            with contextlib.suppress(ValueError):
                return json.loads(text)
        raise AssertionError(f"the demo ended: {text} {(self.folder / 'demo.log').read_text()}")

    def end(self) -> None:
        """End the demo; its children die with it."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        self._log.close()

    def get(self, path: str, seat: str = "operator") -> Any:
        """Ask the center; with the seat `exercise`, the city."""
        front, token = self.links[seat].split("#seat=")
        address = f"http://{urlsplit(front).netloc}{path}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as response:
            return json.loads(response.read())

    def kill(self, role: str) -> None:
        """Kill -9 the center or the city."""
        os.kill(self._child_at(self.port if role == "center" else self.port + 1), signal.SIGKILL)

    def _child_at(self, port: int) -> int:
        """Return the demo's child that listens at a port."""
        sockets = set(_listening(port))
        for pid in _children(self.process.pid):
            with contextlib.suppress(OSError):
                if any(_target(link) in sockets for link in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
        raise AssertionError(f"no child of the demo listens at port {port}")


def _listening(port: int) -> Iterator[str]:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
            yield f"socket:[{fields[9]}]"


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


@dataclass
class Heard:
    """What the pages of one person said and asked for."""

    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Hear console errors, uncaught errors, and requests that leave this machine."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda web_socket: self._asked(web_socket.url))

    def _said(self, message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        if message.type == "error":
            self.errors.append(f"{message.text} ({url})")

    def _asked(self, address: str) -> None:
        if urlsplit(address).scheme not in ("data", "blob") and urlsplit(address).hostname not in LOOPBACK:
            self.strangers.append(address)


CSP_EARS = "addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"


class Person:
    """One person with a browser of their own: cookies, storage, pages."""

    def __init__(self, browser: Browser) -> None:
        self.context: BrowserContext = browser.new_context(viewport={"width": 1440, "height": 900})
        self.context.add_init_script(CSP_EARS)
        self.context.set_default_timeout(WAIT_MS)
        self.heard = Heard()
        self.context.on("page", self.heard.listen)

    def open(self, address: str) -> "Desk":
        """Open an address; the links are printed when the center listens, the city's own may take a moment more."""
        page = self.context.new_page()
        for _ in range(WAIT_MS // 250):
            with contextlib.suppress(Error):
                page.goto(address)
                break
            page.wait_for_timeout(250)
        return Desk(page)

    def close(self) -> None:
        self.context.close()


class Desk:
    """A page with the console on it, as its hook and its words show it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ops(self, name: str) -> Any:
        """Return a figure of `window.__ops`."""
        return self.page.evaluate(f"window.__ops?.{name}")

    def until(self, condition: str) -> None:
        """Wait until an expression over `ops`, the page's hook, is true; the page itself looks twenty times a second.

        Not `wait_for_function`: it evaluates text inside the page, which the console's content security policy forbids.
        """
        self.page.evaluate(
            f"""() => new Promise((resolve, reject) => {{
                const end = performance.now() + {WAIT_MS}
                const look = () => {{
                    const ops = window.__ops
                    if (ops && ({condition})) return resolve()
                    if (performance.now() < end) return setTimeout(look, 50)
                    reject(new Error('not in time: ' + JSON.stringify(ops)))
                }}
                look()
            }})"""
        )

    def note(self, condition: str) -> None:
        """Begin to look, twenty times a second, whether an expression over `ops` is true at any time from now on."""
        self.page.evaluate(
            f"""() => {{
                window.__noted = false
                const look = () => {{
                    const ops = window.__ops
                    if (ops && ({condition})) window.__noted = true
                    else setTimeout(look, 50)
                }}
                look()
            }}"""
        )

    def seated(self) -> "Desk":
        """Wait until the console shows a living city from which every device has reported."""
        self.until("ops.connected && ops.cityConnected && ops.devices > 0 && ops.roadsMeasured > 0 && ops.lampsOn > 0")
        self.until("ops.devicesStale === 0 || ops.incidentsOpen > 0")
        return self

    def hurry(self, pace: int) -> None:
        """Let time run faster, at the instructor's desk."""
        self.page.locator(f'button[data-pace="{pace}"]').click()
        expect(self.page.locator(f'button[data-pace="{pace}"]')).to_have_attribute("aria-pressed", "true")

    def see(self, test_id: str, **attributes: str) -> Any:
        """Return what goes by a test id, and by data attributes."""
        marks = "".join(f'[data-{name.replace("_", "-")}="{value}"]' for name, value in attributes.items())
        return self.page.locator(f'[data-testid="{test_id}"]{marks}')

    def press(self, test_id: str, **attributes: str) -> None:
        """Press a button."""
        self.see(test_id, **attributes).first.click()

    def open_incident(self) -> None:
        """Wait for the one incident, and open it from the queue."""
        self.until("ops.incidentsOpen === 1")
        self.press("queue-row")
        expect(self.see("incident-panel")).to_be_visible()

    def speak(self, lang: str) -> None:
        """Switch the language."""
        self.see("lang-switch").locator(f'button[lang="{lang}"]').click()
