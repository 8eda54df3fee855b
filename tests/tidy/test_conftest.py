"""The guards of the test suite itself work."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def test_a_test_cannot_leave_this_machine() -> None:
    """Connecting beyond loopback is refused before anything is sent (192.0.2.1 is set aside for documentation)."""
    with socket.socket() as outside, pytest.raises(PermissionError, match="loopback"):
        outside.connect(("192.0.2.1", 80))


def test_a_test_may_use_loopback() -> None:
    """A server on 127.0.0.1 can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5) as client:
        assert client.getpeername() == server.getsockname()


@pytest.mark.slow
def test_the_gate_does_not_go_on_without_a_peer() -> None:
    """Where skipping is forbidden, a machine without promtool and the others runs no test at all."""
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent), "CITYOPS_REQUIRE_PEERS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR and "no promtool" in ran.stderr, ran.stdout + ran.stderr
