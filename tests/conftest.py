"""What all tests share: test data of others, the browser, Hypothesis profiles, and a guard that keeps them off the network."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
PEERS = ("promtool", "prometheus", "victoria-metrics", "vmalert")  # Debian's packages prometheus and victoria-metrics
# `default` is for the quick run beside the work, `ci` for the gate: repeatable, and five times as many examples.
settings.register_profile(
    "default", deadline=None, max_examples=20, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "ci", settings.get_profile("default"), max_examples=100, stateful_step_count=50, derandomize=True, print_blob=True
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of others' test data: $CITYOPS_SHARED, else `shared` beside the repository; skips where it is absent."""
    folder = Path(os.environ.get("CITYOPS_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no shared test data: set CITYOPS_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The command of an installed Chromium; skips without one, unless CITYOPS_REQUIRE_BROWSER=1 forbids that."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None and os.environ.get("CITYOPS_REQUIRE_BROWSER") == "1":
        pytest.fail("no Chromium was found, and CITYOPS_REQUIRE_BROWSER=1 forbids to skip")
    if found is None:
        pytest.skip("no Chromium was found: install Debian's package chromium, or any Chromium or Chrome on PATH")
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Begin nothing where CITYOPS_REQUIRE_PEERS=1 forbids to skip and a peer is missing, whichever way a test looks for it."""
    missing = [name for name in PEERS if shutil.which(name) is None]
    if missing and os.environ.get("CITYOPS_REQUIRE_PEERS") == "1":
        raise pytest.UsageError(f"no {', '.join(missing)} on PATH, and CITYOPS_REQUIRE_PEERS=1 forbids to skip")


@pytest.fixture(scope="session")
def peer() -> Callable[[str], str]:
    """Find the command of another system to compare with; skips without it."""

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"no {name} was found: install Debian's packages prometheus and victoria-metrics")
        return found

    return find


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test reaches nothing beyond this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def checked(address: Any) -> None:
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise PermissionError(f"a test wanted to connect to {address!r}; tests stay on loopback addresses")

    def guarded(self: socket.socket, address: Any) -> None:
        checked(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        checked(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Give a failing test the seeds it ran with and the command that repeats it."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    arguments = getattr(item, "funcargs", {})
    seeds = [f"{name}={value}" for name, value in arguments.items() if "seed" in name and isinstance(value, int)]
    again = f"pytest '{item.nodeid}' -m ''"
    report.sections.append(("repeat", "\n".join([*seeds, again])))
